//! Motions from their opening to what becomes of them, counted a second time by hand.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod chain;
mod seats;
#[path = "../support/mod.rs"]
mod support;

use chain::*;
use linli_runtime::{Admission, Slot};
use linli_types::code::Code;
use linli_types::genesis::Role;
use linli_types::height::TimeMs;
use linli_types::id::PrincipalId;
use linli_types::limits::{
    DECISION_MS_MAX, MOTION_TEXT_BYTES_MAX, MOTIONS_MAX, MOTIONS_PER_OPENER_MAX,
};
use linli_types::policy::Param;
use linli_types::wire::governance as wire;
use linli_types::wire::governance::deed::Deed as Kind;
use linli_types::wire::governance::{Standing, Threshold};
use linli_types::wire::{self as body, identity, policy};
use proptest::prelude::*;
use prost::Message;
use support::*;

#[test]
fn a_motion_that_passes_is_carried_out_by_the_chain() {
    let mut chain = Chain::new([2, 1, 1]);
    assert_eq!(chain.decree([2, 1, 1], 1, param(1, 7)), Standing::Executed);
    let height = chain.node.ledger.head().height.0;
    assert_eq!(chain.look(1).executed_at_height, height);
    // Without a time of its own the version begins when the lock is over.
    let at = |chain: &Chain| {
        let node = &chain.node;
        let answer = node.ledger.query(&node.store, "policy", "At", &[], person(0)).unwrap();
        policy::AtResponse::decode(answer.unwrap().result.as_slice()).unwrap().version
    };
    assert_eq!(at(&chain), 1);
    let begins = chain.now().plus_ms(LOCK_MS);
    chain.at(begins);
    assert_eq!(at(&chain), 2);
    assert_eq!(chain.decree([2, 1, 1], 2, organisation(900)), Standing::Executed);
    // Nobody can do it again, and the deed is done once.
    assert_eq!(
        chain.open_as(seat(0, 0), 3, organisation(900), Threshold::Simple),
        Code::Duplicate.number()
    );
}

#[test]
fn the_office_ends_where_the_council_begins() {
    let set = |base| {
        let effective_at_ms = START.0 + 20 * LOCK_MS;
        let params = vec![policy::ParamValue { param: 1_000, value: 1 }];
        let request = policy::SetRequest { base, effective_at_ms, params, ..Default::default() };
        call("policy", "Set", request.encode_to_vec())
    };
    let mut chain = Chain::new([1, 1, 0]);
    assert_eq!(code_of(&chain.call_room(district(), set(1))), 0);
    // The last chamber gets its seat: the council stands.
    let (newcomer, key) = (PrincipalId([99; 16]), key(99));
    let admit = identity::AdmitPersonRequest {
        principal: newcomer.0.to_vec(),
        key: key.0.to_vec(),
        org: 22,
    };
    let admit = call("identity", "AdmitPerson", admit.encode_to_vec());
    assert_eq!(code_of(&chain.call_room(district(), admit)), 0);
    let role = i32::try_from(Role::CouncilSocial.number()).unwrap();
    let grant = identity::RoleRequest { principal: newcomer.0.to_vec(), role };
    let grant = call("identity", "GrantRole", grant.encode_to_vec());
    assert_eq!(code_of(&chain.call_room(district(), grant)), 0);
    let council: wire::CouncilResponse = chain.query("Council", &wire::CouncilRequest {});
    assert!(council.stands);
    let chambers: Vec<_> = council.chambers.iter().map(|c| (c.weight, c.seats)).collect();
    assert_eq!(chambers, [(40, 1), (30, 1), (30, 1)]);
    assert_eq!(code_of(&chain.call_room(district(), set(2))), Code::MotionNeeded.number());
}

#[test]
fn each_seat_has_one_vote_and_only_while_votes_are_taken() {
    let mut chain = Chain::new([3, 1, 1]);
    assert_eq!(chain.open_as(district(), 1, resolution(), Threshold::Simple), 0);
    assert_eq!(chain.vote(seat(0, 0), 1, true), 0);
    assert_eq!(chain.vote(seat(0, 0), 1, true), Code::AlreadyVoted.number());
    assert_eq!(chain.recuse(seat(0, 0), 1), Code::AlreadyVoted.number());
    assert_eq!(chain.recuse(seat(0, 1), 1), 0);
    assert_eq!(chain.vote(seat(0, 1), 1, true), Code::Conflicted.number());
    assert_eq!(chain.vote(district(), 1, true), Code::RoleDenied.number());
    assert_eq!(chain.vote(seat(0, 2), 9, true), Code::NoMotion.number());
    let counts: Vec<_> =
        chain.look(1).chambers.iter().map(|c| [c.seats, c.recused, c.yes, c.no]).collect();
    assert_eq!(counts, [[3, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0]]);
    assert_eq!(chain.close(1), Standing::Failed);
    assert_eq!(chain.vote(seat(1, 0), 1, true), Code::MotionClosed.number());
    assert_eq!(chain.recuse(seat(1, 0), 1), Code::MotionClosed.number());
}

#[test]
fn votes_at_the_closing_time_come_too_late_even_before_the_count() {
    let mut chain = Chain::new([1, 1, 1]);
    assert_eq!(chain.open_as(district(), 1, resolution(), Threshold::Simple), 0);
    // A block that defers timers cannot hold votes: the first that does counts first.
    let slot = Slot { time: TimeMs(chain.look(1).closes_at_ms), ..chain.node.slot() };
    let vote = wire::VoteRequest { motion: vec![1; 16], yes: true };
    let vote = call("governance", "Vote", vote.encode_to_vec());
    let vote = chain.node.sign_as(seat(0, 0), None, 77, vec![vote]);
    let executed = chain.node.ledger.propose(&chain.node.store, slot, &[vote]).unwrap();
    assert_eq!(code_of(&executed.receipts[1]), Code::MotionClosed.number());
}

#[test]
fn an_empty_chamber_sends_the_motion_to_the_district() {
    let mut chain = Chain::new([1, 1, 1]);
    for (id, yes) in [(1, true), (2, false)] {
        assert_eq!(chain.open_as(seat(0, 0), id, resolution(), Threshold::Simple), 0);
        assert_eq!(chain.recuse(seat(2, 0), id), 0);
        let decide = wire::DecideRequest { motion: vec![id; 16], yes };
        assert_eq!(chain.call(district(), "Decide", &decide), Code::NotEscalated.number());
        assert_eq!(chain.close(id), Standing::Escalated);
        assert_eq!(chain.call(seat(0, 0), "Decide", &decide), Code::RoleDenied.number());
        assert_eq!(chain.call(district(), "Decide", &decide), 0);
        assert_eq!(chain.standing(id), if yes { Standing::Passed } else { Standing::Failed });
    }
    assert_eq!(chain.carry_out(1), Standing::Executed);
    // Whoever opened a motion does not decide it.
    assert_eq!(chain.open_as(district(), 3, resolution(), Threshold::Simple), 0);
    assert_eq!(chain.recuse(seat(2, 0), 3), 0);
    assert_eq!(chain.close(3), Standing::Escalated);
    let decide = wire::DecideRequest { motion: vec![3; 16], yes: true };
    assert_eq!(chain.call(district(), "Decide", &decide), Code::SelfDealing.number());
}

#[test]
fn a_deed_that_the_rules_refuse_meanwhile_leaves_nothing_but_its_refusal() {
    let mut chain = Chain::new([1, 1, 1]);
    for id in [1, 2] {
        assert_eq!(chain.open_as(seat(0, 0), id, param(1, u64::from(id)), Threshold::Simple), 0);
        (0..3).for_each(|chamber| assert_eq!(chain.vote(seat(chamber, 0), id, true), 0));
    }
    assert_eq!(chain.close(2), Standing::Passed);
    let executes = [1, 2].map(|id| chain.look(id).executes_at_ms);
    chain.at(TimeMs(executes[0].max(executes[1])));
    // Both were counted in one block: which comes first is the timers' order.
    let (first, second) = if chain.standing(1) == Standing::Executed { (1, 2) } else { (2, 1) };
    assert_eq!(chain.standing(first), Standing::Executed);
    assert_eq!(chain.standing(second), Standing::Refused);
    assert_eq!(chain.look(second).refusal, Code::PolicyBase.number());
}

#[test]
fn the_author_takes_a_motion_back_while_it_is_open() {
    let mut chain = Chain::new([2, 1, 1]);
    assert_eq!(chain.open_as(seat(0, 0), 1, resolution(), Threshold::Simple), 0);
    let withdraw = wire::WithdrawMotionRequest { motion: vec![1; 16] };
    let other = chain.call(seat(0, 1), "WithdrawMotion", &withdraw);
    assert_eq!(other, Code::RoleDenied.number());
    let closes = chain.look(1).closes_at_ms;
    assert_eq!(chain.call(seat(0, 0), "WithdrawMotion", &withdraw), 0);
    assert_eq!(chain.vote(seat(0, 1), 1, true), Code::MotionClosed.number());
    assert_eq!(chain.call(seat(0, 0), "WithdrawMotion", &withdraw), Code::MotionClosed.number());
    // Its timer is gone.
    assert!(chain.at(TimeMs(closes)).is_empty());
    assert_eq!(chain.standing(1), Standing::Withdrawn);
}

#[test]
fn what_could_never_stand_is_refused_when_it_is_opened() {
    let mut chain = Chain::new([1, 1, 1]);
    let author = seat(0, 0);
    let mut refused = |kind: Kind, change: &dyn Fn(&mut wire::OpenMotionRequest), code: Code| {
        let mut request = chain.motion(1, kind, Threshold::Simple);
        change(&mut request);
        assert_eq!(chain.call(author, "OpenMotion", &request), code.number(), "{code:?}");
    };
    let keep = |_: &mut wire::OpenMotionRequest| {};
    let set = |set: policy::SetRequest| Kind::Policy(policy::SetRequest { base: 1, ..set });
    let weights = |parts: [u32; 3]| {
        let of = policy::WeightsOf::Efficiency.into();
        let weights = vec![policy::Weights { of, parts: parts.into() }];
        set(policy::SetRequest { weights, ..Default::default() })
    };
    let special = |r: &mut wire::OpenMotionRequest| r.threshold = Threshold::Special.into();
    refused(weights([35, 40, 26]), &special, Code::Weights);
    refused(weights([34, 41, 25]), &keep, Code::ThresholdLow);
    let duties = Some(policy::DutyTable { pairs: Vec::new() });
    refused(set(policy::SetRequest { duties, ..Default::default() }), &keep, Code::ThresholdLow);
    let past = policy::SetRequest { effective_at_ms: START.0, ..Default::default() };
    refused(set(past), &keep, Code::PolicyPast);
    // After the delay there must be time for the lock.
    let soon = |request: &mut wire::OpenMotionRequest| {
        let effective_at_ms = request.closes_at_ms + DELAY_MS + LOCK_MS - 1;
        let soon = policy::SetRequest { effective_at_ms, ..Default::default() };
        request.deed = Some(wire::Deed { deed: Some(set(soon)) });
    };
    refused(resolution(), &soon, Code::TimeLock);
    refused(param(2, 1), &keep, Code::PolicyBase);
    refused(set(policy::SetRequest::default()), &keep, Code::PolicyEmpty);
    refused(organisation(0), &keep, Code::Malformed);
    for closes in [0, START.0, START.0 + OPEN_MS, u64::MAX] {
        refused(resolution(), &|r| r.closes_at_ms = closes, Code::MotionClose);
    }
    refused(resolution(), &|r| r.text = "议".repeat(MOTION_TEXT_BYTES_MAX), Code::TooLarge);
    refused(resolution(), &|r| r.text = " ".into(), Code::Malformed);
    refused(resolution(), &|r| r.deed = None, Code::Malformed);
    refused(resolution(), &|r| r.threshold = 0, Code::Malformed);
    let long = identity::AdmitCentreRequest {
        org: 77,
        centre: 1,
        district: 330_106,
        ..Default::default()
    };
    refused(Kind::AdmitCentre(long), &keep, Code::NoOrganisation);
    // Nothing was claimed by any of them.
    assert_eq!(chain.open_as(author, 1, resolution(), Threshold::Simple), 0);
    let again = chain.motion(1, resolution(), Threshold::Special);
    assert_eq!(chain.call(author, "OpenMotion", &again), Code::BusinessIdConflict.number());
    assert_eq!(
        chain.open_as((person(0), 1), 2, resolution(), Threshold::Simple),
        Code::RoleDenied.number()
    );
}

#[test]
fn the_text_of_a_motion_holds_no_personal_data() {
    let chain = Chain::new([1, 1, 1]);
    let mut request = chain.motion(1, resolution(), Threshold::Simple);
    request.text = "请联系 13800138000".into();
    let body = body::TransactionBody {
        chain_tag: chain.node.chain().tag(),
        sender: seat(0, 0).0.0.to_vec(),
        signer: key(seat(0, 0).1).0.to_vec(),
        key: tx_key(1).0.to_vec(),
        valid_until_ms: chain.now().plus_ms(60_000).0,
        calls: vec![call("governance", "OpenMotion", request.encode_to_vec())],
        on_behalf: None,
    };
    let raw = linli_types::transaction::envelope(
        &body.encode_to_vec(),
        &linli_types::id::Signature([7; 64]),
    );
    let refusal = chain.node.ledger.checker().check_shape(&raw).unwrap_err();
    assert_eq!(refusal.code, Code::PiiSuspected.number());
}

#[test]
fn only_so_many_motions_are_under_way() {
    let mut chain = Chain::new([3, 3, 3]);
    for id in 1..=u8::try_from(MOTIONS_MAX).unwrap() {
        let mut request = chain.motion(id, resolution(), Threshold::Simple);
        request.closes_at_ms = START.0 + 5 * OPEN_MS;
        let open = call("governance", "OpenMotion", request.encode_to_vec());
        // Eight of each.
        let who = (id - 1) / u8::try_from(MOTIONS_PER_OPENER_MAX).unwrap();
        let who = seat(usize::from(who / 3), who % 3);
        let transaction = chain.node.sign_as(who, None, u64::from(id), vec![open]);
        let slot = Slot { time: chain.now().plus_ms(1), ..chain.node.slot() };
        let executed = chain.node.ledger.propose(&chain.node.store, slot, &[transaction]).unwrap();
        assert_eq!(code_of(&executed.receipts[0]), 0);
        chain.node.commit(executed);
    }
    chain.number = 1_000;
    let code = chain.open_as(district(), 99, resolution(), Threshold::Simple);
    assert_eq!(code, Code::TooMany.number());
    let all: wire::MotionsResponse =
        chain.query("Motions", &wire::MotionsRequest { from: 60, limit: 3 });
    let numbers: Vec<_> = all.motions.iter().map(|motion| motion.number).collect();
    assert_eq!((numbers, all.last), (vec![60, 61, 62], MOTIONS_MAX));
}

#[test]
fn one_opener_does_not_take_every_place() {
    let mut chain = Chain::new([1, 1, 1]);
    let most = u8::try_from(MOTIONS_PER_OPENER_MAX).unwrap();
    let open = |chain: &mut Chain, who, id| {
        let mut request = chain.motion(id, resolution(), Threshold::Simple);
        request.closes_at_ms = START.0 + 8 * OPEN_MS;
        chain.call(who, "OpenMotion", &request)
    };
    for id in 1..=most {
        assert_eq!(open(&mut chain, seat(0, 0), id), 0);
    }
    let full = Code::OpenerFull.number();
    assert_eq!(open(&mut chain, seat(0, 0), 100), full);
    // Others go on; a place is free again when one of them ends, however it ends.
    assert_eq!(open(&mut chain, seat(1, 0), 101), 0);
    let withdraw = wire::WithdrawMotionRequest { motion: vec![1; 16] };
    assert_eq!(chain.call(seat(0, 0), "WithdrawMotion", &withdraw), 0);
    assert_eq!(open(&mut chain, seat(0, 0), 100), 0);
    assert_eq!(open(&mut chain, seat(0, 0), 102), full);
    chain.at(TimeMs(START.0 + 8 * OPEN_MS));
    assert_eq!(chain.standing(2), Standing::Failed);
    assert_eq!(chain.open_as(seat(0, 0), 102, resolution(), Threshold::Simple), 0);
}

#[test]
fn what_the_district_does_not_decide_lapses() {
    let mut chain = Chain::new([1, 1, 1]);
    for id in [1, 2] {
        assert_eq!(chain.open_as(seat(0, 0), id, resolution(), Threshold::Simple), 0);
        assert_eq!(chain.recuse(seat(2, 0), id), 0);
    }
    let closes = [1, 2].map(|id| chain.look(id).closes_at_ms);
    assert_eq!([chain.close(1), chain.close(2)], [Standing::Escalated; 2]);
    let decide = |id| wire::DecideRequest { motion: vec![id; 16], yes: true };
    let late = closes[0].max(closes[1]) + DECISION_MS_MAX;
    chain.at(TimeMs(late - 20_000));
    // In time, and what was decided does not lapse.
    assert_eq!(chain.call(district(), "Decide", &decide(1)), 0);
    chain.at(TimeMs(late + 20_000));
    assert_eq!([1, 2].map(|id| chain.standing(id)), [Standing::Passed, Standing::Lapsed]);
    assert_eq!(chain.call(district(), "Decide", &decide(2)), Code::NotEscalated.number());
    assert_eq!(chain.carry_out(1), Standing::Executed);
}

#[test]
fn a_contract_cannot_use_its_callers_seat() {
    let mut chain = Chain::new([1, 1, 1]);
    assert_eq!(chain.open_as(district(), 1, resolution(), Threshold::Simple), 0);
    #[derive(Clone, PartialEq, prost::Message)]
    struct CrossRequest {
        #[prost(string, tag = "1")]
        room: String,
        #[prost(string, tag = "2")]
        method: String,
        #[prost(bytes = "vec", tag = "3")]
        args: Vec<u8>,
    }
    let args = wire::VoteRequest { motion: vec![1; 16], yes: true }.encode_to_vec();
    let request = CrossRequest { room: "governance".into(), method: "Vote".into(), args };
    let receipt = chain.call_room(seat(0, 0), call("probe", "Cross", request.encode_to_vec()));
    assert_ne!(code_of(&receipt), 0);
    assert_eq!(chain.look(1).chambers[0].yes, 0);
}

/// INV-G10: an organisation that has used up its day gets refusals until the next, others go on.
#[test]
fn a_quota_bounds_an_organisations_day() {
    let mut genesis = council([1, 1, 1]);
    // The policy's defaults leave room for a few transactions of the district's organisation.
    genesis.principals.iter_mut().filter(|p| p.id == district().0).for_each(|p| p.org = 1);
    genesis.policy.params.push((Param::OrgBytesPerDay.number(), 700));
    let mut chain = Chain { node: Node::new(&genesis), number: 0, checks: true };
    let query = |chain: &mut Chain, who| {
        // Known already: refused by the rules unless the quota comes first.
        let (principal, key) = (district().0.0.to_vec(), vec![1; 32]);
        let admit = identity::AdmitPersonRequest { principal, key, org: 0 };
        let call = call("identity", "AdmitPerson", admit.encode_to_vec());
        code_of(&chain.call_room(who, call))
    };
    let first = query(&mut chain, district());
    assert_ne!(first, Code::Quota.number());
    let mut refused = 0;
    for _ in 0..8 {
        refused += u32::from(query(&mut chain, district()) == Code::Quota.number());
    }
    assert!((1..8).contains(&refused), "{refused}");
    // Before the pool nothing is recorded; another organisation's people go on.
    let resolution = chain.motion(1, resolution(), Threshold::Simple);
    let open = |chain: &Chain, (id, seed)| {
        let open = call("governance", "OpenMotion", resolution.encode_to_vec());
        let transaction = chain.node.sign_as((id, seed), None, 9_000, vec![open]);
        chain.node.ledger.admit(&chain.node.store, &transaction).unwrap()
    };
    let quota = open(&chain, district());
    assert!(matches!(quota, Admission::Refused(no) if no.code == Code::Quota.number()));
    assert!(matches!(open(&chain, seat(1, 0)), Admission::Admitted { .. }));
    // Ledgers that are opened anew know it too; the next day in UTC+8 begins afresh.
    chain.node.reopen();
    assert_eq!(query(&mut chain, district()), Code::Quota.number());
    chain.at(TimeMs(START.0 + 24 * 3_600_000));
    assert_ne!(query(&mut chain, district()), Code::Quota.number());
}

/// What one seat does: nothing, in favour, against, recused.
fn deeds() -> impl Strategy<Value = [Vec<u8>; 3]> {
    let chamber = || proptest::collection::vec(0..4_u8, 1..6);
    [chamber(), chamber(), chamber()]
}

/// The share by hand: Σ weight · yes / voters over a common denominator of 60 (voters are 1 to 5).
fn expected(said: &[Vec<u8>; 3], special: bool) -> Standing {
    let mut sixtieths = 0;
    for (weight, chamber) in [40, 30, 30].into_iter().zip(said) {
        let voters = chamber.iter().filter(|deed| **deed != 3).count();
        let yes = chamber.iter().filter(|deed| **deed == 1).count();
        if voters == 0 {
            return Standing::Escalated;
        }
        sixtieths += weight * yes * (60 / voters);
    }
    let passes = if special { sixtieths * 3 >= 200 * 60 } else { sixtieths > 50 * 60 };
    if passes { Standing::Passed } else { Standing::Failed }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// INV-G1, INV-G2: the chain's count is the count by hand, whatever the seats do.
    #[test]
    fn the_count_is_the_one_by_hand(said in deeds(), special in any::<bool>()) {
        let seats = [0, 1, 2].map(|chamber: usize| u8::try_from(said[chamber].len()).unwrap());
        let mut chain = Chain { checks: false, ..Chain::new(seats) };
        let threshold = if special { Threshold::Special } else { Threshold::Simple };
        let mut request = chain.motion(1, resolution(), threshold);
        request.closes_at_ms = START.0 + 9 * OPEN_MS;
        prop_assert_eq!(chain.call(district(), "OpenMotion", &request), 0);
        for (chamber, deeds) in said.iter().enumerate() {
            for (n, deed) in (0..).zip(deeds) {
                let who = seat(chamber, n);
                match deed {
                    1 | 2 => prop_assert_eq!(chain.vote(who, 1, *deed == 1), 0),
                    3 => prop_assert_eq!(chain.recuse(who, 1), 0),
                    _ => {}
                }
            }
        }
        prop_assert_eq!(chain.close(1), expected(&said, special));
    }
}
