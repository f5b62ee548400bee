//! Who sits in the council: nobody changes that alone once it stands (INV-G5), and nothing keeps it
//! from renewing itself.

use crate::chain::*;
use crate::support::*;
use linli_types::code::Code;
use linli_types::genesis::Role;
use linli_types::height::TimeMs;
use linli_types::id::PrincipalId;
use linli_types::limits::SEAT_CHANGES_MAX;
use linli_types::receipt::{Cause, Receipt};
use linli_types::wire::governance as wire;
use linli_types::wire::governance::deed::Deed as Kind;
use linli_types::wire::governance::{SeatChamber, Standing, Threshold};
use linli_types::wire::identity;
use proptest::prelude::*;
use prost::Message;

const CHAMBERS: [SeatChamber; 3] =
    [SeatChamber::Residents, SeatChamber::Enterprises, SeatChamber::SocialOrganisations];

fn of(chamber: usize, who: PrincipalId) -> wire::Seat {
    wire::Seat { principal: who.0.to_vec(), chamber: CHAMBERS[chamber].into() }
}

fn set(take: Vec<wire::Seat>, give: Vec<wire::Seat>, absent: bool) -> Kind {
    Kind::Seats(wire::SetSeats { take, give, absent })
}

fn role_call(method: &str, who: PrincipalId, role: Role) -> linli_types::wire::Call {
    let role = i32::try_from(role.number()).unwrap();
    let request = identity::RoleRequest { principal: who.0.to_vec(), role };
    call("identity", method, request.encode_to_vec())
}

/// What became of it when an office gives or takes a role.
fn office(chain: &mut Chain, method: &str, who: PrincipalId, role: Role) -> u32 {
    code_of(&chain.call_room(district(), role_call(method, who, role)))
}

fn resign(chain: &mut Chain, who: (PrincipalId, u8)) -> u32 {
    chain.call(who, "Resign", &wire::ResignRequest {})
}

fn seats(chain: &Chain) -> [u32; 3] {
    let council: wire::CouncilResponse = chain.query("Council", &wire::CouncilRequest {});
    assert!(council.stands, "INV-G4: it stands for ever");
    [0, 1, 2].map(|chamber: usize| council.chambers[chamber].seats)
}

/// Admits a person of a chamber's kind of organisation.
fn newcomer(chain: &mut Chain, chamber: usize, seed: u8) -> (PrincipalId, u8) {
    let who = (PrincipalId([seed; 16]), seed);
    let admit = identity::AdmitPersonRequest {
        principal: who.0.0.to_vec(),
        key: key(seed).0.to_vec(),
        org: ORGS[chamber],
    };
    let admit = call("identity", "AdmitPerson", admit.encode_to_vec());
    assert_eq!(code_of(&chain.call_room(district(), admit)), 0);
    who
}

/// The roles that changed hands in what timers did, and in whose name.
fn changes(receipts: &[Receipt]) -> Vec<(Vec<u8>, bool, Vec<u8>)> {
    let timers = receipts.iter().filter(|r| matches!(r.cause, Cause::Timer(_)));
    let events = timers.flat_map(|r| &r.events).filter(|e| e.kind.ends_with(".RoleChanged"));
    let read = events.map(|e| identity::RoleChanged::decode(e.data.as_slice()).unwrap());
    read.map(|change| (change.principal, change.granted, change.by)).collect()
}

#[test]
fn no_office_gives_or_takes_a_seat_of_a_council_that_stands() {
    let mut chain = Chain::new([2, 1, 1]);
    let needed = Code::MotionNeeded.number();
    for (chamber, role) in SEATS.into_iter().enumerate() {
        let who = newcomer(&mut chain, chamber, 70 + u8::try_from(chamber).unwrap());
        assert_eq!(office(&mut chain, "GrantRole", who.0, role), needed);
        assert_eq!(office(&mut chain, "WithdrawRole", seat(chamber, 0).0, role), needed);
    }
    assert_eq!(seats(&chain), [2, 1, 1]);
    // Other roles are the office's as before.
    assert_eq!(office(&mut chain, "GrantRole", seat(0, 0).0, Role::Volunteer), 0);
    // Who decides in a chamber's stead has no seat, and who has one does not come to decide.
    let excluded = Code::RolesExcluded.number();
    assert_eq!(
        office(&mut chain, "GrantRole", seat(0, 0).0, Role::DistrictAdmin),
        Code::WrongOrganisation.number()
    );
    let district_too = set(vec![], vec![of(0, district().0)], false);
    assert_eq!(chain.open_as(seat(0, 0), 1, district_too, Threshold::Special), excluded);
}

#[test]
fn a_motion_gives_and_takes_seats() {
    let mut chain = Chain::new([2, 1, 1]);
    let (leaves, comes) = (seat(0, 1), newcomer(&mut chain, 0, 70));
    let deed = set(vec![of(0, leaves.0)], vec![of(0, comes.0)], false);
    assert_eq!(chain.open_as(seat(0, 0), 1, deed, Threshold::Special), 0);
    for who in [seat(0, 0), seat(1, 0), seat(2, 0)] {
        assert_eq!(chain.vote(who, 1, true), 0);
    }
    // Whoever is to go has a vote like everyone else.
    assert_eq!(chain.vote(leaves, 1, false), 0);
    assert_eq!(chain.close(1), Standing::Passed);
    // A motion that opened before the change does not know the seat that comes.
    let mut long = chain.motion(2, resolution(), Threshold::Simple);
    long.closes_at_ms = chain.now().0 + 9 * OPEN_MS;
    assert_eq!(chain.call(seat(0, 0), "OpenMotion", &long), 0);
    let executes = TimeMs(chain.look(1).executes_at_ms);
    let done = chain.at(executes);
    let nobody = vec![0; 16];
    let expected = [(leaves, false), (comes, true)];
    let expected = expected.map(|(who, given)| (who.0.0.to_vec(), given, nobody.clone()));
    assert_eq!(changes(&done), expected);
    assert_eq!((chain.standing(1), seats(&chain)), (Standing::Executed, [2, 1, 1]));
    assert_eq!(chain.vote(comes, 2, true), Code::SeatLater.number());
    assert_eq!(chain.vote(leaves, 2, true), Code::RoleDenied.number());
    assert_eq!(chain.open_as(comes, 3, resolution(), Threshold::Simple), 0);
    assert_eq!(chain.vote(comes, 3, true), 0);
}

#[test]
fn seats_that_could_never_be_set_are_refused_when_the_motion_is_opened() {
    let mut chain = Chain::new([2, 1, 1]);
    let [resident, other] = [70, 71].map(|seed| newcomer(&mut chain, 0, seed).0);
    let holder = |chamber| of(chamber, seat(chamber, 0).0);
    let no_chamber = wire::Seat { principal: resident.0.to_vec(), chamber: 0 };
    let many = vec![of(0, resident); SEAT_CHANGES_MAX + 1];
    let cases = [
        (set(vec![], vec![], false), Code::Malformed),
        (set(vec![], vec![no_chamber], false), Code::Malformed),
        (set(vec![], many, false), Code::TooMany),
        (set(vec![], vec![of(0, PrincipalId([250; 16]))], false), Code::NoPrincipal),
        (set(vec![], vec![holder(0)], false), Code::Duplicate),
        (set(vec![], vec![of(0, resident), of(0, resident)], false), Code::Duplicate),
        (set(vec![], vec![of(0, seat(1, 0).0)], false), Code::TwoSeats),
        (set(vec![], vec![of(1, resident)], false), Code::WrongOrganisation),
        (set(vec![of(0, resident)], vec![], false), Code::NoRole),
        (set(vec![of(0, seat(1, 0).0)], vec![], false), Code::NoRole),
        (set(vec![holder(0), holder(0)], vec![], false), Code::NoRole),
        (set(vec![holder(1)], vec![], false), Code::ChamberEmpty),
        (set(vec![holder(0), of(0, seat(0, 1).0)], vec![], false), Code::ChamberEmpty),
        // Absence is noticed only by who waits.
        (set(vec![of(0, seat(0, 1).0)], vec![], true), Code::MotionClose),
    ];
    for (deed, code) in cases {
        let found = chain.open_as(seat(2, 0), 1, deed.clone(), Threshold::Special);
        assert_eq!(found, code.number(), "{deed:?}");
    }
    // Nobody is called absent.
    let mut none = chain.motion(1, set(vec![], vec![of(0, resident)], true), Threshold::Special);
    none.closes_at_ms = chain.now().0 + 6 * OPEN_MS;
    assert_eq!(chain.call(seat(2, 0), "OpenMotion", &none), Code::Malformed.number());
    let give = set(vec![], vec![of(0, other)], false);
    let simple = chain.open_as(seat(2, 0), 1, give.clone(), Threshold::Simple);
    assert_eq!(simple, Code::ThresholdLow.number());
    // Nothing was left of any of them.
    assert_eq!(chain.open_as(seat(2, 0), 1, give, Threshold::Special), 0);
    assert_eq!(seats(&chain), [2, 1, 1]);
}

#[test]
fn who_leaves_a_chamber_empty_leaves_it_to_the_district_for_one_seat() {
    let mut chain = Chain::new([2, 1, 1]);
    let (comes, more) = (newcomer(&mut chain, 1, 70).0, newcomer(&mut chain, 1, 71).0);
    assert_eq!(resign(&mut chain, district()), Code::RoleDenied.number());
    assert_eq!(resign(&mut chain, seat(0, 1)), 0);
    assert_eq!(resign(&mut chain, seat(0, 1)), Code::RoleDenied.number());
    // A seat that is left stays in the denominators of what it could have voted on.
    assert_eq!(chain.open_as(seat(1, 0), 1, resolution(), Threshold::Simple), 0);
    assert_eq!(resign(&mut chain, seat(1, 0)), 0);
    assert_eq!(chain.look(1).chambers[1].seats, 1);
    assert_eq!(seats(&chain), [1, 0, 1]);
    // Acts of the consortium stay motions', which the district decides now.
    let admit = identity::AdmitOrganisationRequest { org: 900, kind: 3, label: String::new() };
    let admit = call("identity", "AdmitOrganisation", admit.encode_to_vec());
    assert_eq!(code_of(&chain.call_room(district(), admit)), Code::MotionNeeded.number());
    assert_eq!(chain.open_as(seat(2, 0), 2, organisation(900), Threshold::Simple), 0);
    // That chamber, its first seat, and no other.
    let needed = Code::MotionNeeded.number();
    assert_eq!(office(&mut chain, "GrantRole", person(0), Role::CouncilResident), needed);
    assert_eq!(office(&mut chain, "WithdrawRole", seat(2, 0).0, Role::CouncilSocial), needed);
    assert_eq!(office(&mut chain, "GrantRole", comes, Role::CouncilEnterprise), 0);
    assert_eq!(office(&mut chain, "GrantRole", more, Role::CouncilEnterprise), needed);
    assert_eq!(office(&mut chain, "WithdrawRole", comes, Role::CouncilEnterprise), needed);
    assert_eq!(seats(&chain), [1, 1, 1]);
    assert_eq!(chain.close(1), Standing::Failed);
    assert_eq!(chain.close(2), Standing::Escalated);
    let decide = wire::DecideRequest { motion: vec![2; 16], yes: true };
    assert_eq!(chain.call(district(), "Decide", &decide), 0);
    assert_eq!(chain.carry_out(2), Standing::Executed);
}

/// Opens a motion that calls the residents' only seat absent.
fn call_absent(chain: &mut Chain, id: u8, comes: PrincipalId) {
    let deed = set(vec![of(0, seat(0, 0).0)], vec![of(0, comes)], true);
    let mut request = chain.motion(id, deed, Threshold::Special);
    request.closes_at_ms = chain.now().0 + 6 * OPEN_MS;
    assert_eq!(chain.call(seat(1, 0), "OpenMotion", &request), 0);
    for who in [seat(1, 0), seat(2, 0)] {
        assert_eq!(chain.vote(who, id, true), 0);
    }
}

#[test]
fn a_chamber_whose_people_are_gone_does_not_stop_the_council() {
    let mut chain = Chain::new([1, 1, 1]);
    let comes = newcomer(&mut chain, 0, 70);
    // Whoever says anything is there, and counts: 60 of 100 are no two thirds.
    call_absent(&mut chain, 1, comes.0);
    assert_eq!(chain.vote(seat(0, 0), 1, false), 0);
    assert_eq!(chain.close(1), Standing::Failed);
    call_absent(&mut chain, 2, comes.0);
    assert_eq!(chain.close(2), Standing::Escalated);
    assert_eq!(chain.look(2).chambers[0].recused, 1);
    let decide = wire::DecideRequest { motion: vec![2; 16], yes: true };
    assert_eq!(chain.call(seat(1, 0), "Decide", &decide), Code::RoleDenied.number());
    assert_eq!(chain.call(district(), "Decide", &decide), 0);
    assert_eq!(chain.carry_out(2), Standing::Executed);
    assert_eq!(seats(&chain), [1, 1, 1]);
    assert_eq!(chain.open_as(comes, 3, resolution(), Threshold::Simple), 0);
}

/// One thing that somebody tries to get at the seats with.
#[derive(Clone, Copy, Debug)]
struct Try {
    what: u8,
    whom: usize,
    role: usize,
    motion: u8,
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let one = (0..8_u8, 0..8_usize, 0..Role::ALL.len() + 12, 1..4_u8);
    let one = one.prop_map(|(what, whom, role, motion)| Try { what, whom, role, motion });
    proptest::collection::vec(one, 1..16)
}

/// Everyone there is: seats, the district, its identity service, an administrator, a resident.
fn people() -> Vec<(PrincipalId, u8)> {
    let seats = [0, 1, 2].into_iter().flat_map(|chamber| [0, 1].map(|n| seat(chamber, n)));
    seats
        .chain([
            district(),
            (PrincipalId([201; 16]), 201),
            (PrincipalId([202; 16]), 202),
            (person(0), 1),
        ])
        .collect()
}

fn with_offices() -> linli_types::genesis::Genesis {
    use linli_types::genesis::{Organisation, Principal};
    use linli_types::validator::OrgKind;
    let mut genesis = council([2, 2, 2]);
    genesis.modules.clear();
    genesis.orgs.push(Organisation { id: 5, kind: OrgKind::IdService, label: String::new() });
    let offices = [(201, 5, Role::IdService), (202, 21, Role::Administrator)];
    for (seed, org, role) in offices {
        let (id, key) = (PrincipalId([seed; 16]), key(seed));
        genesis.principals.push(Principal { id, key, org, roles: vec![role] });
    }
    genesis
}

/// A block with nothing but due timers; the ledger stays open.
fn pass_time(chain: &mut Chain, ms: u64) {
    let slot = linli_runtime::Slot { time: chain.now().plus_ms(ms), ..chain.node.slot() };
    let executed = chain.node.ledger.propose(&chain.node.store, slot, &[]).unwrap();
    chain.node.commit(executed);
}

/// Does one of them as `me`; whatever the answer.
fn attempt(chain: &mut Chain, me: (PrincipalId, u8), one: Try) {
    let everyone = people();
    let whom = everyone[one.whom % everyone.len()].0;
    // Seats are tried more often than other roles.
    let role = Role::ALL.get(one.role).copied().unwrap_or(SEATS[one.role % 3]);
    let chamber = one.role % 3;
    match one.what {
        0 | 1 => {
            let method = ["GrantRole", "WithdrawRole"][usize::from(one.what)];
            let _ = chain.call_room(me, role_call(method, whom, role));
        }
        2 => {
            let (take, give) = (vec![of(chamber, whom)], vec![of(chamber, person(1))]);
            let deed = set(take, give, false);
            let _ = chain.open_as(me, one.motion, deed, Threshold::Special);
        }
        3 => {
            let deed = set(vec![], vec![of(0, person(1))], false);
            let _ = chain.open_as(me, one.motion, deed, Threshold::Special);
        }
        4 => drop(chain.vote(me, one.motion, true)),
        5 => drop(chain.recuse(me, one.motion)),
        6 => {
            let decide = wire::DecideRequest { motion: vec![one.motion; 16], yes: true };
            let _ = chain.call(me, "Decide", &decide);
        }
        _ => pass_time(chain, DELAY_MS),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(24)))]
    /// INV-G5: nothing that one person does, whoever they are, changes who else sits.
    #[test]
    fn nobody_changes_a_standing_council_alone(me in 0..10_usize, tries in tries()) {
        let mut chain = Chain { node: Node::new(&with_offices()), number: 0, checks: false };
        let me = people()[me];
        for one in tries {
            attempt(&mut chain, me, one);
        }
        // Whatever was moved closes and would be carried out.
        pass_time(&mut chain, 3 * OPEN_MS);
        pass_time(&mut chain, DELAY_MS);
        chain.check();
        prop_assert_eq!(seats(&chain), [2, 2, 2]);
        for (chamber, role) in SEATS.into_iter().enumerate() {
            for n in [0, 1] {
                let row = linli_runtime::identity::load(&chain.node.store, &seat(chamber, n).0);
                prop_assert!(row.unwrap().unwrap().has(role));
            }
        }
    }
}
