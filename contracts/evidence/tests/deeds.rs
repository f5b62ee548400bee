//! What others do about a record, in a town: people, devices and roles are the identity room's own.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{at, batch, request};
use linli_contract::{Env, Refusal};
use linli_evidence::schema::{
    AnchorRequest, ChallengeRequest, CorroborateRequest, Corroborated, EraseBasis,
    ErasePayloadRequest, ErasePayloadResponse, Kind, Outcome as Decision, PolicyRequest,
    PolicyResponse, RatioRequest, RatioResponse, RecordRequest, Ref, Refusal as No,
    RegisterBatchRequest, RegisterRequest, RequireRequest, ResolveRequest, Retention,
    RetireDeviceRequest, Standing, StateResponse, SupersedeRequest, TaintRequest, TaintResponse,
    WithdrawConsentRequest,
};
use linli_evidence::{POLICY, POLICY_VERSION};
use linli_pretend::linli_types::genesis::Role;
use linli_pretend::linli_types::id::PrincipalId;
use linli_pretend::{Contract, Outcome, Plan, Town};
use proptest::prelude::*;
use prost::Message;

const OPERATOR: u8 = 1;
const COLLEAGUE: u8 = 2;
const DEVICE: u8 = 3;
const OTHER: u8 = 4;
const RESIDENT: u8 = 5;
const AUDITOR: u8 = 6;
const ARBITRATOR: u8 = 7;
const FOREIGN_DEVICE: u8 = 8;
const GUARDIAN: u8 = 9;

const fn id(who: u8) -> PrincipalId {
    PrincipalId([who; 16])
}

/// A contract that rests on evidence.
fn rest(env: &mut Env<'_>, _: &str, args: &[u8]) -> Result<Vec<u8>, Refusal> {
    Ok(env.call_encoded("evidence", "Require", args))
}

fn town() -> Town {
    let contract = || Contract::new(linli_evidence::SCHEMA);
    let people: [(u8, &[Role], u32); 9] = [
        (OPERATOR, &[Role::Operator], 3),
        (COLLEAGUE, &[Role::Operator], 3),
        (DEVICE, &[Role::Device], 3),
        (OTHER, &[Role::Operator], 4),
        (RESIDENT, &[Role::Resident], 0),
        (AUDITOR, &[Role::Auditor], 1),
        (ARBITRATOR, &[Role::Arbitrator], 2),
        (FOREIGN_DEVICE, &[Role::Device], 4),
        (GUARDIAN, &[Role::Guardian], 0),
    ];
    let mut plan = Plan::new()
        .contract("evidence", contract().call(linli_evidence::call).query(linli_evidence::query))
        .contract("fund", contract().call(rest));
    for (who, roles, org) in people {
        plan = plan.person(id(who), roles);
        plan.genesis.principals.last_mut().unwrap().org = org;
    }
    plan.open()
}

fn now(town: &Town) -> u64 {
    town.now().0
}

fn fresh(town: &Town, asked: RegisterRequest) -> RegisterRequest {
    RegisterRequest { captured_at_ms: now(town) - 1000, ..asked }
}

fn register(town: &mut Town, sender: u8, asked: RegisterRequest) -> Outcome {
    let asked = fresh(town, asked);
    town.call(id(sender), "evidence", "Register", &asked)
}

fn given(town: &mut Town, asked: RegisterRequest) {
    let source = asked.source[0];
    let outcome = register(town, source, asked);
    assert!(outcome.is_done(), "{outcome:?}");
}

fn call(town: &mut Town, sender: u8, method: &str, asked: &impl Message) -> Outcome {
    town.call(id(sender), "evidence", method, asked)
}

fn no(outcome: &Outcome) -> Option<No> {
    let refusal = outcome.refusal()?;
    assert_eq!(refusal.room, "evidence", "{outcome:?}");
    No::try_from(i32::try_from(refusal.code).unwrap()).ok()
}

fn state(town: &Town, source: u8, number: u64) -> StateResponse {
    let ask = RecordRequest { source: vec![source; 16], number };
    town.ask(id(source), "evidence", "State", &ask).unwrap()
}

fn ratio(town: &Town, source: u8) -> (u64, u64, u32, u32) {
    let day = u32::try_from((now(town) + 8 * 3_600_000) / 86_400_000).unwrap();
    let ask = RatioRequest { source: vec![source; 16], from_day: day - 1, to_day: day };
    let found: RatioResponse = town.ask(id(source), "evidence", "Ratio", &ask).unwrap();
    (found.records, found.corroborated, found.anchored_bps, found.corroborated_bps)
}

fn corroborate(town: &mut Town, by: u8, source: u8, number: u64) -> Outcome {
    let asked = CorroborateRequest { record: at(source, number), ..Default::default() };
    call(town, by, "Corroborate", &asked)
}

fn challenge(town: &mut Town, by: u8, source: u8, number: u64) -> Outcome {
    let asked = ChallengeRequest { record: at(source, number), reason: 4 };
    call(town, by, "Challenge", &asked)
}

fn resolve(town: &mut Town, by: u8, number: u64, outcome: Decision) -> Outcome {
    let asked = ResolveRequest { record: at(OPERATOR, number), outcome: outcome.into(), reason: 9 };
    call(town, by, "Resolve", &asked)
}

fn invalidate(town: &mut Town, number: u64) {
    assert!(challenge(town, RESIDENT, OPERATOR, number).is_done());
    assert!(resolve(town, ARBITRATOR, number, Decision::Invalidate).is_done());
}

#[test]
fn a_gateway_registers_for_a_device_of_its_organisation_only() {
    let mut town = town();
    assert!(register(&mut town, OPERATOR, request(DEVICE, 1, 1)).is_done());
    assert!(register(&mut town, DEVICE, request(DEVICE, 2, 2)).is_done(), "by itself");
    for (sender, source, expected) in [
        (OTHER, DEVICE, No::DeviceForeign),
        (OPERATOR, FOREIGN_DEVICE, No::DeviceForeign),
        (OPERATOR, COLLEAGUE, No::DeviceForeign),
        (RESIDENT, DEVICE, No::Unauthorised),
        (AUDITOR, DEVICE, No::Unauthorised),
    ] {
        let outcome = register(&mut town, sender, request(source, 3, 3));
        assert_eq!(no(&outcome), Some(expected), "V1: {sender} for {source}");
    }
}

#[test]
fn leg_12_a_retired_device_serves_no_more_and_what_it_did_stands() {
    let mut town = town();
    let with = |number, device: u8| RegisterRequest {
        device: vec![device; 16],
        ..request(OPERATOR, number, number)
    };
    assert!(register(&mut town, OPERATOR, with(1, DEVICE)).is_done());
    for (device, expected) in [(FOREIGN_DEVICE, No::DeviceForeign), (COLLEAGUE, No::DeviceForeign)]
    {
        let outcome = register(&mut town, OPERATOR, with(2, device));
        assert_eq!(no(&outcome), Some(expected), "V2");
    }
    let unknown = register(&mut town, OPERATOR, with(2, 99));
    assert!(unknown.native().is_some(), "the identity room knows no such device");
    given(&mut town, request(DEVICE, 1, 50));
    let retire = RetireDeviceRequest { device: vec![DEVICE; 16] };
    assert_eq!(no(&call(&mut town, OTHER, "RetireDevice", &retire)), Some(No::DeviceForeign));
    assert_eq!(no(&call(&mut town, RESIDENT, "RetireDevice", &retire)), Some(No::NoRole));
    assert!(call(&mut town, COLLEAGUE, "RetireDevice", &retire).is_done());
    let again = call(&mut town, COLLEAGUE, "RetireDevice", &retire);
    assert_eq!(no(&again), Some(No::DeviceRetired));
    let retired = Some(No::DeviceRetired);
    assert_eq!(no(&register(&mut town, OPERATOR, with(2, DEVICE))), retired);
    assert_eq!(no(&register(&mut town, OPERATOR, request(DEVICE, 2, 60))), retired);
    assert_eq!(no(&register(&mut town, DEVICE, request(DEVICE, 2, 60))), retired);
    let many = RegisterBatchRequest {
        captured_from_ms: now(&town),
        captured_to_ms: now(&town),
        ..batch(DEVICE, 2, 3, 70)
    };
    assert_eq!(no(&call(&mut town, DEVICE, "RegisterBatch", &many)), retired);
    let first = AnchorRequest {
        source: vec![DEVICE; 16],
        number: 2,
        kind: Kind::Form.into(),
        manifest_sha256: vec![61; 32],
        manifest_sm3: vec![62; 32],
        size: 1,
        captured_at_ms: now(&town),
        ..AnchorRequest::default()
    };
    assert_eq!(no(&call(&mut town, DEVICE, "Anchor", &first)), retired, "nor by the first call");
    let known = state(&town, OPERATOR, 1);
    assert_eq!((known.anchored, known.device), (true, vec![DEVICE; 16]));
}

#[test]
fn leg_12_a_revoked_key_registers_nothing() {
    // The ledger itself turns it away before the contract sees it; who is nobody registers nothing.
    let mut town = town();
    let outcome = register(&mut town, 77, request(77, 1, 1));
    assert!(outcome.native().is_some(), "{outcome:?}");
}

#[test]
fn leg_04_only_another_source_corroborates() {
    let mut town = town();
    given(&mut town, RegisterRequest { device: vec![DEVICE; 16], ..request(OPERATOR, 1, 1) });
    given(&mut town, request(OPERATOR, 2, 2));
    for by in [OPERATOR, COLLEAGUE, DEVICE] {
        let outcome = corroborate(&mut town, by, OPERATOR, 1);
        assert_eq!(no(&outcome), Some(No::SameSource), "V5: {by}");
    }
    assert_eq!(no(&corroborate(&mut town, OTHER, OPERATOR, 3)), Some(No::NotFound));
    assert_eq!(ratio(&town, OPERATOR), (2, 0, 10_000, 0));
    let outcome = corroborate(&mut town, RESIDENT, OPERATOR, 1);
    assert!(outcome.is_done(), "{outcome:?}");
    let event = Corroborated::decode(outcome.events("evidence")[0].data.as_slice()).unwrap();
    let change = event.change.unwrap();
    assert_eq!((change.from(), change.to()), (Standing::Anchored, Standing::Corroborated));
    assert_eq!((change.record, change.actor), (at(OPERATOR, 1), vec![RESIDENT; 16]));
    assert_eq!(state(&town, OPERATOR, 1).standing(), Standing::Corroborated);
    assert_eq!(ratio(&town, OPERATOR), (2, 1, 10_000, 5_000), "two figures");
    // Once each, and a second one does not count twice.
    assert_eq!(no(&corroborate(&mut town, RESIDENT, OPERATOR, 1)), Some(No::SameSource));
    assert!(corroborate(&mut town, OTHER, OPERATOR, 1).is_done());
    assert_eq!(ratio(&town, OPERATOR), (2, 1, 10_000, 5_000));
    assert_eq!(state(&town, OPERATOR, 1).record.unwrap().corroborations.len(), 2);
}

#[test]
fn a_recipient_who_confirms_from_the_workers_own_phone_confirms_nothing() {
    let mut town = town();
    given(&mut town, RegisterRequest { device: vec![DEVICE; 16], ..request(OPERATOR, 1, 1) });
    let from = |device: Vec<u8>| CorroborateRequest {
        record: at(OPERATOR, 1),
        device,
        ..Default::default()
    };
    let outcome = call(&mut town, RESIDENT, "Corroborate", &from(vec![DEVICE; 16]));
    assert_eq!(no(&outcome), Some(No::SameSource), "V5");
    assert_eq!(
        no(&call(&mut town, RESIDENT, "Corroborate", &from(vec![1; 3]))),
        Some(No::Malformed)
    );
    assert!(call(&mut town, RESIDENT, "Corroborate", &from(vec![88; 16])).is_done());
}

#[test]
fn evidence_of_the_others_own_is_named_with_a_corroboration() {
    let mut town = town();
    given(&mut town, request(OPERATOR, 1, 1));
    given(&mut town, request(OTHER, 1, 2));
    let with = |evidence: Option<Ref>| CorroborateRequest {
        record: at(OPERATOR, 1),
        evidence,
        ..Default::default()
    };
    let foreign = call(&mut town, RESIDENT, "Corroborate", &with(at(OTHER, 1)));
    assert_eq!(no(&foreign), Some(No::Unauthorised));
    let missing = call(&mut town, OTHER, "Corroborate", &with(at(OTHER, 2)));
    assert_eq!(no(&missing), Some(No::NotFound));
    assert!(call(&mut town, OTHER, "Corroborate", &with(at(OTHER, 1))).is_done());
    let list = state(&town, OPERATOR, 1).record.unwrap().corroborations;
    assert_eq!((list[0].evidence.clone(), list[0].organisation), (at(OTHER, 1), 4));
}

#[test]
fn leg_04_what_is_invalid_or_was_replaced_confirms_nothing() {
    let mut town = town();
    (1..=2).for_each(|n| given(&mut town, request(OPERATOR, n, n)));
    (1..=3).for_each(|n| given(&mut town, request(OTHER, n, 10 + n)));
    let with = |number| CorroborateRequest {
        record: at(OPERATOR, 1),
        evidence: at(OTHER, number),
        ..Default::default()
    };
    let challenged = ChallengeRequest { record: at(OTHER, 1), reason: 4 };
    assert!(call(&mut town, RESIDENT, "Challenge", &challenged).is_done());
    let invalid =
        ResolveRequest { record: at(OTHER, 1), outcome: Decision::Invalidate.into(), reason: 9 };
    assert!(call(&mut town, ARBITRATOR, "Resolve", &invalid).is_done());
    let replaced = SupersedeRequest { record: at(OTHER, 2), by: 3, reason: 2 };
    assert!(call(&mut town, OTHER, "Supersede", &replaced).is_done());
    assert_eq!(no(&call(&mut town, OTHER, "Corroborate", &with(1))), Some(No::Blocked));
    assert_eq!(no(&call(&mut town, OTHER, "Corroborate", &with(2))), Some(No::BadState));
    assert!(call(&mut town, OTHER, "Corroborate", &with(3)).is_done());
}

#[test]
fn a_record_that_was_invalidated_counts_as_corroborated_no_more() {
    let mut town = town();
    (1..=2).for_each(|n| given(&mut town, request(OPERATOR, n, n)));
    for number in [1, 2] {
        assert!(corroborate(&mut town, OTHER, OPERATOR, number).is_done());
    }
    assert_eq!(ratio(&town, OPERATOR), (2, 2, 10_000, 10_000));
    invalidate(&mut town, 1);
    assert_eq!(ratio(&town, OPERATOR), (2, 1, 10_000, 5_000));
    // Of an earlier day too, and only once.
    town.at(town.now().plus_ms(86_400_000));
    given(&mut town, request(OPERATOR, 3, 3));
    invalidate(&mut town, 2);
    assert_eq!(ratio(&town, OPERATOR).1, 0);
}

#[test]
fn a_record_of_a_batch_is_corroborated_by_itself() {
    let mut town = town();
    let time = now(&town);
    let many = RegisterBatchRequest {
        captured_from_ms: time - 5,
        captured_to_ms: time,
        ..batch(OPERATOR, 1, 100, 1)
    };
    assert!(call(&mut town, OPERATOR, "RegisterBatch", &many).is_done());
    assert!(corroborate(&mut town, RESIDENT, OPERATOR, 57).is_done());
    assert_eq!(no(&corroborate(&mut town, RESIDENT, OPERATOR, 101)), Some(No::NotFound));
    assert_eq!(ratio(&town, OPERATOR), (100, 1, 10_000, 100));
    assert_eq!(state(&town, OPERATOR, 56).standing(), Standing::Anchored);
    let known = state(&town, OPERATOR, 57);
    assert_eq!((known.standing(), known.captured_at_ms), (Standing::Corroborated, time - 5));
}

#[test]
fn leg_09_a_wrong_record_is_superseded_and_stays() {
    let mut town = town();
    (1..=4).for_each(|n| given(&mut town, request(OPERATOR, n, n)));
    let by = |number, by| SupersedeRequest { record: at(OPERATOR, number), by, reason: 2 };
    for (asked, expected) in
        [(by(1, 1), No::Cycle), (by(1, 5), No::NotFound), (by(5, 1), No::NotFound)]
    {
        assert_eq!(no(&call(&mut town, OPERATOR, "Supersede", &asked)), Some(expected));
    }
    assert_eq!(no(&call(&mut town, OTHER, "Supersede", &by(1, 2))), Some(No::DeviceForeign));
    assert!(call(&mut town, OPERATOR, "Supersede", &by(1, 2)).is_done());
    assert!(call(&mut town, OPERATOR, "Supersede", &by(2, 3)).is_done());
    // No way back to what is superseded itself.
    assert_eq!(no(&call(&mut town, OPERATOR, "Supersede", &by(3, 1))), Some(No::BadState));
    assert_eq!(no(&call(&mut town, OPERATOR, "Supersede", &by(1, 4))), Some(No::BadState));
    assert_eq!(no(&corroborate(&mut town, RESIDENT, OPERATOR, 1)), Some(No::BadState));
    let known = state(&town, OPERATOR, 1);
    assert!(known.anchored);
    assert_eq!(known.record.unwrap().superseded_by, 2);
}

#[test]
fn a_replaced_record_backs_nothing_and_can_still_be_disputed() {
    let mut town = town();
    (1..=3).for_each(|n| given(&mut town, request(OPERATOR, n, n)));
    let on = RegisterRequest { parents: vec![at(OPERATOR, 1).unwrap()], ..request(OTHER, 1, 9) };
    given(&mut town, on);
    let by = |number, by| SupersedeRequest { record: at(OPERATOR, number), by, reason: 2 };
    assert!(call(&mut town, OPERATOR, "Supersede", &by(1, 2)).is_done());
    let one = |number| vec![at(OPERATOR, number).unwrap()];
    let why = require(&mut town, one(1), false);
    assert!(why.refused_by("evidence", No::BadState), "both would back it twice: {why:?}");
    assert!(require(&mut town, one(2), false).is_done());
    // Upheld it is genuine, and replaced as before: it stands for nothing, and in nobody's place.
    let child = || vec![at(OTHER, 1).unwrap()];
    assert!(challenge(&mut town, AUDITOR, OPERATOR, 1).is_done());
    assert!(resolve(&mut town, ARBITRATOR, 1, Decision::Uphold).is_done());
    assert!(require(&mut town, one(1), true).refused_by("evidence", No::BadState));
    assert_eq!(no(&call(&mut town, OPERATOR, "Supersede", &by(2, 1))), Some(No::BadState));
    assert!(require(&mut town, child(), false).is_done());
    // Invalidated, it taints what rests on it: to replace it first is no way out (INV-E4).
    assert!(call(&mut town, OPERATOR, "Supersede", &by(2, 3)).is_done());
    given(
        &mut town,
        RegisterRequest { parents: vec![at(OPERATOR, 2).unwrap()], ..request(OTHER, 2, 8) },
    );
    invalidate(&mut town, 2);
    assert!(state(&town, OTHER, 2).blocked);
}

#[test]
fn a_dispute_is_decided_by_an_arbitrator_who_is_no_party() {
    let mut town = town();
    given(&mut town, request(OPERATOR, 1, 1));
    given(&mut town, request(ARBITRATOR, 1, 2));
    for by in [OTHER, COLLEAGUE, DEVICE] {
        assert_eq!(no(&challenge(&mut town, by, OPERATOR, 1)), Some(No::NoRole));
    }
    assert_eq!(no(&challenge(&mut town, ARBITRATOR, ARBITRATOR, 1)), Some(No::SameSource));
    assert_eq!(no(&resolve(&mut town, ARBITRATOR, 1, Decision::Uphold)), Some(No::BadState));
    let reasonless = ChallengeRequest { record: at(OPERATOR, 1), reason: 0 };
    assert_eq!(no(&call(&mut town, AUDITOR, "Challenge", &reasonless)), Some(No::Malformed));
    assert!(challenge(&mut town, AUDITOR, OPERATOR, 1).is_done());
    assert_eq!(no(&challenge(&mut town, RESIDENT, OPERATOR, 1)), Some(No::BadState));
    assert_eq!(no(&resolve(&mut town, AUDITOR, 1, Decision::Uphold)), Some(No::NoRole));
    let open = resolve(&mut town, ARBITRATOR, 1, Decision::Unspecified);
    assert_eq!(no(&open), Some(No::Malformed));
    assert!(resolve(&mut town, ARBITRATOR, 1, Decision::Uphold).is_done());
    assert_eq!(no(&challenge(&mut town, RESIDENT, OPERATOR, 1)), Some(No::BadState));
    let dispute = state(&town, OPERATOR, 1).record.unwrap().dispute.unwrap();
    assert_eq!((dispute.by, dispute.resolved_by), (vec![AUDITOR; 16], vec![ARBITRATOR; 16]));
    assert_eq!((dispute.reason, dispute.resolved_reason), (4, 9));
}

#[test]
fn whoever_challenged_does_not_decide() {
    let mut town = town();
    given(&mut town, request(OPERATOR, 1, 1));
    assert!(challenge(&mut town, ARBITRATOR, OPERATOR, 1).is_done());
    let own = resolve(&mut town, ARBITRATOR, 1, Decision::Invalidate);
    assert!(own.native().is_some(), "V5, by the identity room: {own:?}");
}

fn require(town: &mut Town, records: Vec<Ref>, corroborated: bool) -> Outcome {
    town.call(id(OTHER), "fund", "Require", &RequireRequest { records, corroborated })
}

#[test]
fn inv_e4_what_rests_on_an_invalidated_record_is_blocked_and_listed() {
    let mut town = town();
    given(&mut town, request(OPERATOR, 1, 1));
    let on = |source, number, parent: (u8, u64)| RegisterRequest {
        parents: vec![at(parent.0, parent.1).unwrap()],
        ..request(source, number, 10 + number + u64::from(source) * 100)
    };
    given(&mut town, on(OTHER, 1, (OPERATOR, 1)));
    given(&mut town, on(OTHER, 2, (OTHER, 1)));
    given(&mut town, request(OTHER, 3, 3));
    let far = || vec![at(OTHER, 2).unwrap()];
    assert!(require(&mut town, far(), false).is_done());
    let why = require(&mut town, far(), true);
    assert!(why.refused_by("evidence", No::NotCorroborated), "{why:?}");
    invalidate(&mut town, 1);
    let why = require(&mut town, far(), false);
    assert!(why.refused_by("evidence", No::Blocked), "{why:?}");
    assert!(require(&mut town, vec![at(OTHER, 3).unwrap()], false).is_done());
    assert!(state(&town, OTHER, 2).blocked && !state(&town, OTHER, 3).blocked);
    let late = on(OTHER, 4, (OTHER, 2));
    assert_eq!(no(&register(&mut town, OTHER, late)), Some(No::Blocked));
    let ask = TaintRequest { record: at(OPERATOR, 1) };
    let taint: TaintResponse = town.ask(id(AUDITOR), "evidence", "Taint", &ask).unwrap();
    let found: Vec<_> = taint.records.iter().map(|t| (t.record.clone(), t.depth)).collect();
    assert_eq!(found, [(at(OTHER, 1), 1), (at(OTHER, 2), 2)]);
    assert!(!taint.more);
}

#[test]
fn inv_e4_a_long_line_is_cut_where_it_says_and_blocked_where_it_cannot_be_seen() {
    let mut town = town();
    given(&mut town, request(OPERATOR, 1, 1));
    let on = |number: u64, parent: u64| RegisterRequest {
        parents: vec![at(OPERATOR, parent).unwrap()],
        ..request(OPERATOR, number, number)
    };
    // A line of 180: whoever comes next would rest on more than one look sees.
    let mut refused = None;
    for number in 2..200 {
        let outcome = register(&mut town, OPERATOR, on(number, number - 1));
        if !outcome.is_done() {
            refused = Some((number, no(&outcome)));
            break;
        }
    }
    assert_eq!(refused, Some((181, Some(No::TooMany))));
    let ask = |number| TaintRequest { record: at(OPERATOR, number) };
    let taint: TaintResponse = town.ask(id(AUDITOR), "evidence", "Taint", &ask(1)).unwrap();
    assert!(taint.more && taint.records.len() > 80, "{}", taint.records.len());
    let taint: TaintResponse = town.ask(id(AUDITOR), "evidence", "Taint", &ask(170)).unwrap();
    assert_eq!((taint.more, taint.records.len()), (false, 10));
    let known = state(&town, OPERATOR, 180);
    assert!(known.anchored && !known.blocked);
}

#[test]
fn what_is_in_dispute_is_not_rested_on_until_it_is_decided() {
    let mut town = town();
    given(&mut town, request(OPERATOR, 1, 1));
    let it = || vec![at(OPERATOR, 1).unwrap()];
    assert!(challenge(&mut town, RESIDENT, OPERATOR, 1).is_done());
    assert!(require(&mut town, it(), false).refused_by("evidence", No::InDispute));
    assert!(resolve(&mut town, ARBITRATOR, 1, Decision::Uphold).is_done());
    assert!(require(&mut town, it(), true).is_done());
    assert!(require(&mut town, vec![], true).refused_by("evidence", No::Malformed));
    let many = vec![at(OPERATOR, 1).unwrap(); 9];
    assert!(require(&mut town, many, true).refused_by("evidence", No::Malformed));
}

fn erase(town: &mut Town, by: u8, number: u64, holders: u32, confirmed: usize) -> Outcome {
    let asked = ErasePayloadRequest {
        record: at(OPERATOR, number),
        basis: EraseBasis::ConsentWithdrawn.into(),
        holders,
        confirmations: vec![7; confirmed * 32],
    };
    call(town, by, "ErasePayload", &asked)
}

#[test]
fn inv_e5_erasing_changes_no_digest() {
    let mut town = town();
    given(&mut town, request(OPERATOR, 1, 1));
    let row = |town: &Town| {
        let ask = linli_evidence::schema::GapsRequest { source: vec![OPERATOR; 16] };
        let gaps: linli_evidence::schema::GapsResponse =
            town.ask(id(OPERATOR), "evidence", "Gaps", &ask).unwrap();
        (gaps.head, gaps.records, town.ledger().head().log_size)
    };
    let before = row(&town);
    for (holders, confirmed) in [(0, 0), (2, 1), (1, 2), (17, 17)] {
        let outcome = erase(&mut town, OPERATOR, 1, holders, confirmed);
        assert_eq!(no(&outcome), Some(No::Malformed), "every holder confirms");
    }
    assert_eq!(no(&erase(&mut town, RESIDENT, 1, 1, 1)), Some(No::Unauthorised));
    let done = erase(&mut town, OPERATOR, 1, 2, 2);
    assert!(!done.result::<ErasePayloadResponse>().unwrap().restricted);
    assert_eq!(row(&town), before);
    let known = state(&town, OPERATOR, 1);
    let tombstone = known.record.unwrap().tombstone.unwrap();
    assert_eq!((known.anchored, known.standing), (true, Standing::Anchored.into()));
    assert_eq!(
        (tombstone.basis(), tombstone.confirmations.len()),
        (EraseBasis::ConsentWithdrawn, 64)
    );
    assert_eq!(no(&erase(&mut town, OPERATOR, 1, 2, 2)), Some(No::ErasedBefore));
    assert!(corroborate(&mut town, RESIDENT, OPERATOR, 1).is_done(), "it is a record still");
}

#[test]
fn leg_20_accounting_records_are_restricted_until_their_years_are_over() {
    let mut town = town();
    let kept = RegisterRequest {
        kind: Kind::Receipt.into(),
        retention: Retention::Years10.into(),
        ..request(OPERATOR, 1, 1)
    };
    given(&mut town, kept);
    let done = erase(&mut town, OPERATOR, 1, 1, 1);
    assert!(done.result::<ErasePayloadResponse>().unwrap().restricted, "LEG-06");
    let tombstone = state(&town, OPERATOR, 1).record.unwrap().tombstone.unwrap();
    assert!(tombstone.restricted && tombstone.confirmations.is_empty());
    assert_eq!(no(&erase(&mut town, OPERATOR, 1, 1, 1)), Some(No::ErasedBefore));
    town.at(town.now().plus_ms(10 * 366 * 86_400_000));
    let done = erase(&mut town, OPERATOR, 1, 1, 1);
    assert!(!done.result::<ErasePayloadResponse>().unwrap().restricted, "the years are over");
}

#[test]
fn leg_27_what_is_in_dispute_is_not_destroyed() {
    let mut town = town();
    (1..=2).for_each(|n| given(&mut town, request(OPERATOR, n, n)));
    assert!(challenge(&mut town, RESIDENT, OPERATOR, 1).is_done());
    assert_eq!(no(&erase(&mut town, OPERATOR, 1, 1, 1)), Some(No::InDispute));
    assert!(state(&town, OPERATOR, 1).record.unwrap().tombstone.is_none());
    assert!(erase(&mut town, OPERATOR, 2, 1, 1).is_done(), "another record's");
    assert!(resolve(&mut town, ARBITRATOR, 1, Decision::Invalidate).is_done());
    assert!(erase(&mut town, OPERATOR, 1, 1, 1).is_done(), "decided");
}

#[test]
fn leg_07_a_withdrawn_consent_binds_the_whole_organisation() {
    let mut town = town();
    let of = |source| WithdrawConsentRequest { source: vec![source; 16], consent: vec![6; 16] };
    let minor = |source| RegisterRequest {
        minors: true,
        consent: vec![6; 16],
        ..request(source, 1, u64::from(source))
    };
    let refused = Some(No::ConsentWithdrawnBefore);
    assert!(call(&mut town, OPERATOR, "WithdrawConsent", &of(OPERATOR)).is_done(), "by itself");
    for source in [OPERATOR, COLLEAGUE, DEVICE] {
        assert_eq!(no(&register(&mut town, source, minor(source))), refused, "{source}");
    }
    assert_eq!(no(&register(&mut town, OPERATOR, minor(DEVICE))), refused, "by its gateway");
    assert!(register(&mut town, OTHER, minor(OTHER)).is_done(), "given to another organisation");
    // A guardian's word binds the source's organisation just so.
    assert!(call(&mut town, GUARDIAN, "WithdrawConsent", &of(FOREIGN_DEVICE)).is_done());
    let again = RegisterRequest { number: 2, manifest_sha256: vec![3; 32], ..minor(OTHER) };
    assert_eq!(no(&register(&mut town, OTHER, again)), refused);
    assert!(call(&mut town, GUARDIAN, "WithdrawConsent", &of(OTHER)).is_done(), "said again");
    // Who belongs to no organisation answers for itself alone.
    assert!(call(&mut town, RESIDENT, "WithdrawConsent", &of(RESIDENT)).is_done());
    assert!(register(&mut town, GUARDIAN, minor(GUARDIAN)).is_done());
}

#[test]
fn leg_07_a_guardian_withdraws_a_consent_for_one_source() {
    let mut town = town();
    let withdrawn = WithdrawConsentRequest { source: vec![OPERATOR; 16], consent: vec![5; 16] };
    let foreign = call(&mut town, OTHER, "WithdrawConsent", &withdrawn);
    assert_eq!(no(&foreign), Some(No::NoRole));
    assert!(call(&mut town, GUARDIAN, "WithdrawConsent", &withdrawn).is_done());
    let minor = |source| RegisterRequest {
        minors: true,
        consent: vec![5; 16],
        ..request(source, 1, u64::from(source))
    };
    let outcome = register(&mut town, OPERATOR, minor(OPERATOR));
    assert_eq!(no(&outcome), Some(No::ConsentWithdrawnBefore));
    assert!(register(&mut town, OTHER, minor(OTHER)).is_done());
}

#[test]
fn the_policy_is_a_leaf_of_the_log_once() {
    let mut town = town();
    let ask = |town: &Town| -> PolicyResponse {
        town.ask(id(RESIDENT), "evidence", "Policy", &PolicyRequest {}).unwrap()
    };
    let before = ask(&town);
    assert_eq!((before.version, before.registered), (POLICY_VERSION, false));
    given(&mut town, request(OPERATOR, 1, 1));
    for _ in 0..2 {
        let done = call(&mut town, RESIDENT, "RegisterPolicy", &PolicyRequest {});
        assert_eq!(done.result::<PolicyResponse>().unwrap(), ask(&town));
    }
    let after = ask(&town);
    assert_eq!((after.registered, after.leaf), (true, 1));
    assert_eq!(town.ledger().head().log_size, 2, "once");
}

#[test]
fn the_policys_digest_is_that_of_its_text() {
    let text = include_bytes!("../../../docs/evidence-policy.md");
    assert_eq!(<[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(text)), POLICY);
}

/// A record's life on paper: where it stands, by whom it is corroborated, who challenged.
#[derive(Clone, Default)]
struct Paper {
    standing: Standing,
    by: Vec<u8>,
    challenger: u8,
    replaced: bool,
}

impl Paper {
    /// V4 as the table of `domain.md` §B3 says it, and a replaced record may be disputed; whether the deed is taken.
    fn takes(&mut self, deed: u8, who: u8, (by, by_replaced): (Standing, bool)) -> bool {
        use Standing::{Anchored, Challenged, Corroborated, Invalidated, Superseded, Upheld};
        let fresh = matches!(self.standing, Anchored | Corroborated);
        let to = match deed {
            0 if fresh
                && [OTHER, RESIDENT, AUDITOR, ARBITRATOR].contains(&who)
                && !self.by.contains(&who) =>
            {
                self.by.push(who);
                Corroborated
            }
            1 if (fresh || self.standing == Superseded)
                && [RESIDENT, AUDITOR, ARBITRATOR].contains(&who) =>
            {
                self.challenger = who;
                Challenged
            }
            2 | 3 if self.standing == Challenged && who == ARBITRATOR && self.challenger != who => {
                if deed == 2 {
                    Upheld
                } else {
                    Invalidated
                }
            }
            4 if self.standing == Anchored
                && who == OPERATOR
                && !by_replaced
                && !matches!(by, Superseded | Invalidated) =>
            {
                self.replaced = true;
                Superseded
            }
            _ => return false,
        };
        self.standing = to;
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// V4 against the paper: three records, every deed by anyone in any order.
    #[test]
    fn a_record_goes_only_along_the_arrows(
        deeds in proptest::collection::vec((0_u8..5, 1_u8..8, 1_u64..4, 1_u64..4), 1..30),
    ) {
        let mut town = town();
        (1..=3).for_each(|n| given(&mut town, request(OPERATOR, n, n)));
        let mut papers = vec![Paper::default(); 4];
        for (deed, who, number, other) in deeds {
            let (at_record, at_other) = (usize::try_from(number).unwrap(), usize::try_from(other).unwrap());
            let by = if number == other {
                (Standing::Superseded, true)
            } else {
                (papers[at_other].standing, papers[at_other].replaced)
            };
            let expected = papers[at_record].takes(deed, who, by);
            let outcome = match deed {
                0 => corroborate(&mut town, who, OPERATOR, number),
                1 => challenge(&mut town, who, OPERATOR, number),
                2 => resolve(&mut town, who, number, Decision::Uphold),
                3 => resolve(&mut town, who, number, Decision::Invalidate),
                _ => {
                    let asked = SupersedeRequest { record: at(OPERATOR, number), by: other, reason: 1 };
                    call(&mut town, who, "Supersede", &asked)
                }
            };
            prop_assert_eq!(outcome.is_done(), expected, "deed {} by {}: {:?}", deed, who, outcome);
            for (number, paper) in (0..).zip(&papers).skip(1) {
                let known = state(&town, OPERATOR, number);
                prop_assert_eq!(known.standing(), paper.standing, "V4");
                prop_assert_eq!(known.record.unwrap().corroborations.len(), paper.by.len());
            }
        }
        let counts = |paper: &&Paper| !paper.by.is_empty() && paper.standing != Standing::Invalidated;
        let corroborated = papers.iter().filter(counts).count();
        prop_assert_eq!(ratio(&town, OPERATOR).1, corroborated as u64);
    }
}
