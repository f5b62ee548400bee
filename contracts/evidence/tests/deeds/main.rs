//! What others do about a record, in a town: people, devices and roles are the identity room's own.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "../common/mod.rs"]
mod common;
mod disputes;
mod erasing;

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
    let text = include_bytes!("../../../../docs/evidence-policy.md");
    assert_eq!(<[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(text)), POLICY);
}
