//! Agents and guardians, what is attested, and who did what on a record.

use super::*;
use crate::identity::{attest, mandate, recovery, sod};
use linli_types::code::Code;
use linli_types::policy::Duty;
use linli_types::wire::Call;
use linli_types::wire::identity as wire;
use linli_types::wire::identity::{MandateKind, Predicate, RelationKind};

const DAY_MS: u64 = 24 * 3600 * 1000;
const RECORD: [u8; 32] = [7; 32];

fn bytes(id: PrincipalId) -> Vec<u8> {
    id.0.to_vec()
}

fn scope(room: &str, method: &str) -> wire::Scope {
    wire::Scope { room: room.into(), method: method.into() }
}

fn mandate(kind: MandateKind) -> wire::GrantMandateRequest {
    wire::GrantMandateRequest {
        principal: bytes(ANN),
        agent: bytes(BOB),
        kind: kind as i32,
        scope: vec![scope("timebank", ""), scope("accounts", "Transfer")],
        cap_per_day: 100,
        expires_ms: START.0 + 2 * DAY_MS,
    }
}

/// The code of Bob's calling a method for Ann.
fn acting(stage: &mut Stage<'_>, room: &str, method: &str) -> u32 {
    let calls = [Call { room: room.into(), method: method.into(), args: vec![] }];
    let checked = mandate::check(&mut stage.overlay, stage.place.time, (&ANN, &BOB), &calls);
    checked.unwrap().err().map_or(0, |refusal| refusal.code)
}

/// The code of Bob's spending Ann's.
fn spending(stage: &mut Stage<'_>, amount: u64, payee: PrincipalId) -> u32 {
    stage.overlay.begin();
    let actor = actor(ANN, Some(BOB));
    let done = mandate::spend(&mut stage.overlay, &stage.place, &actor, amount, &payee);
    code_of(done, &mut stage.overlay)
}

#[test]
fn an_agent_acts_within_scope_and_time_and_not_a_moment_longer() {
    let store = Memory::default();
    let mut stage = Stage::new(&store);
    assert_eq!(acting(&mut stage, "timebank", "Gift"), Code::NoMandate.number());
    assert_eq!(stage.call(ANN, "GrantMandate", &mandate(MandateKind::Agent)), 0);
    assert_eq!(acting(&mut stage, "timebank", "Gift"), 0);
    assert_eq!(acting(&mut stage, "accounts", "Transfer"), 0);
    assert_eq!(acting(&mut stage, "accounts", "Close"), Code::NoMandate.number());
    assert_eq!(acting(&mut stage, "evidence", "Anchor"), Code::NoMandate.number());
    assert_eq!(acting(&mut stage, "identity", "AddKey"), Code::NoMandate.number());
    stage.later(1, 2 * DAY_MS - 1);
    assert_eq!(acting(&mut stage, "timebank", "Gift"), 0);
    stage.later(1, 1);
    assert_eq!(acting(&mut stage, "timebank", "Gift"), Code::MandateExpired.number());
    assert_eq!(spending(&mut stage, 1, REGISTRAR), Code::MandateExpired.number());
}

#[test]
fn the_cap_counts_per_day_in_utc_plus_8_and_nothing_goes_to_the_agent() {
    let store = Memory::default();
    let mut stage = Stage::new(&store);
    assert_eq!(stage.call(ANN, "GrantMandate", &mandate(MandateKind::Agent)), 0);
    assert_eq!(spending(&mut stage, 60, REGISTRAR), 0);
    assert_eq!(spending(&mut stage, 41, REGISTRAR), Code::MandateCap.number());
    assert_eq!(spending(&mut stage, u64::MAX, REGISTRAR), Code::MandateCap.number());
    assert_eq!(spending(&mut stage, 40, REGISTRAR), 0);
    assert_eq!(spending(&mut stage, 1, BOB), Code::SelfDealing.number());
    // 2027-01-15 08:00 UTC is 16:00 in UTC+8: the day turns eight hours later.
    stage.later(1, 8 * 3600 * 1000 - 1);
    assert_eq!(spending(&mut stage, 1, REGISTRAR), Code::MandateCap.number());
    stage.later(1, 1);
    assert_eq!(spending(&mut stage, 100, REGISTRAR), 0);
    // New terms do not reset what was spent today.
    let mut more = mandate(MandateKind::Agent);
    more.cap_per_day = 110;
    assert_eq!(stage.call(ANN, "GrantMandate", &more), 0);
    assert_eq!(spending(&mut stage, 11, REGISTRAR), Code::MandateCap.number());
    assert_eq!(spending(&mut stage, 10, REGISTRAR), 0);
    // Who acts for themselves has no cap.
    let own = actor(ANN, None);
    let done = mandate::spend(&mut stage.overlay, &stage.place, &own, u64::MAX, &BOB);
    assert_eq!(done, Ok(()));
}

#[test]
fn a_withdrawn_mandate_ends_at_once() {
    let store = Memory::default();
    let mut stage = Stage::new(&store);
    let withdraw = wire::WithdrawMandateRequest { principal: bytes(ANN), agent: bytes(BOB) };
    assert_eq!(stage.call(ANN, "WithdrawMandate", &withdraw), Code::NoMandate.number());
    assert_eq!(stage.call(ANN, "GrantMandate", &mandate(MandateKind::Agent)), 0);
    let again = stage.call(ANN, "GrantMandate", &mandate(MandateKind::Agent));
    assert_eq!(again, Code::Duplicate.number());
    assert_eq!(stage.call(BOB, "WithdrawMandate", &withdraw), Code::RoleDenied.number());
    assert_eq!(stage.call(REGISTRAR, "WithdrawMandate", &withdraw), Code::RoleDenied.number());
    assert_eq!(stage.call(ANN, "WithdrawMandate", &withdraw), 0);
    assert_eq!(acting(&mut stage, "timebank", "Gift"), Code::NoMandate.number());
}

#[test]
fn a_guardian_is_the_attesters_to_give_and_to_take() {
    let store = Memory::default();
    let mut stage = Stage::new(&store);
    let guardian = mandate(MandateKind::Guardian);
    assert_eq!(stage.call(ANN, "GrantMandate", &guardian), Code::RoleDenied.number());
    assert_eq!(stage.call(BOB, "GrantMandate", &guardian), Code::RoleDenied.number());
    let agent = mandate(MandateKind::Agent);
    assert_eq!(stage.call(REGISTRAR, "GrantMandate", &agent), Code::RoleDenied.number());
    // Nor do they make themselves anybody's guardian.
    let own = wire::GrantMandateRequest { agent: bytes(REGISTRAR), ..guardian.clone() };
    assert_eq!(stage.call(REGISTRAR, "GrantMandate", &own), Code::SelfDealing.number());
    assert_eq!(stage.call(REGISTRAR, "GrantMandate", &guardian), 0);
    let withdraw = wire::WithdrawMandateRequest { principal: bytes(ANN), agent: bytes(BOB) };
    assert_eq!(stage.call(ANN, "WithdrawMandate", &withdraw), Code::RoleDenied.number());
    // Nor does the ward make an agent of their guardian.
    assert_eq!(stage.call(ANN, "GrantMandate", &agent), Code::RoleDenied.number());
    assert_eq!(stage.call(SERVICE, "WithdrawMandate", &withdraw), 0);
}

#[test]
fn what_no_mandate_may_say_is_refused_with_its_reason() {
    let store = Memory::default();
    let mut stage = Stage::new(&store);
    let mut refused = |change: fn(&mut wire::GrantMandateRequest)| {
        let mut request = mandate(MandateKind::Agent);
        change(&mut request);
        stage.call(ANN, "GrantMandate", &request)
    };
    let cases: [(Code, u32); 10] = [
        (Code::SelfDealing, refused(|r| r.agent = bytes(ANN))),
        (Code::SelfDealing, refused(|r| r.agent = bytes(GADGET))),
        (Code::NoPrincipal, refused(|r| r.agent = vec![99; 16])),
        (Code::MandateScope, refused(|r| r.scope = vec![scope("identity", "AddKey")])),
        (Code::MandateScope, refused(|r| r.scope = vec![scope("policy", "")])),
        (Code::UnknownRoom, refused(|r| r.scope = vec![scope("13812345678", "")])),
        (Code::TooMany, refused(|r| r.scope = vec![])),
        (Code::Malformed, refused(|r| r.scope = vec![scope("timebank", "a b")])),
        (Code::Expiry, refused(|r| r.expires_ms = START.0)),
        (Code::Expiry, refused(|r| r.expires_ms = START.0 + 367 * DAY_MS)),
    ];
    for (code, found) in cases {
        assert_eq!(Code::from_number(found), Some(code));
    }
}

fn attest(predicate: Predicate, expires_ms: u64) -> wire::AttestPredicateRequest {
    wire::AttestPredicateRequest { principal: bytes(ANN), predicate: predicate as i32, expires_ms }
}

#[test]
fn what_has_ended_or_was_withdrawn_is_absent() {
    let store = Memory::default();
    let mut stage = Stage::new(&store);
    let holds = |stage: &mut Stage<'_>, predicate| {
        attest::holds(&mut stage.overlay, &ANN, predicate, stage.place.time).unwrap()
    };
    let age = attest(Predicate::Age60, START.0 + 10);
    assert_eq!(stage.call(ANN, "AttestPredicate", &age), Code::RoleDenied.number());
    assert_eq!(stage.call(REGISTRAR, "AttestPredicate", &age), 0);
    assert!(holds(&mut stage, Predicate::Age60) && !holds(&mut stage, Predicate::Age65));
    stage.later(1, 9);
    assert!(holds(&mut stage, Predicate::Age60));
    stage.later(1, 1);
    assert!(!holds(&mut stage, Predicate::Age60));
    let past = attest(Predicate::Age60, stage.place.time.0);
    assert_eq!(stage.call(REGISTRAR, "AttestPredicate", &past), Code::Expiry.number());
    let withdraw = wire::WithdrawPredicateRequest {
        principal: bytes(ANN),
        predicate: Predicate::Age60 as i32,
    };
    let gone = stage.call(SERVICE, "WithdrawPredicate", &withdraw);
    assert_eq!(gone, Code::NoAttestation.number());
    let renewed = attest(Predicate::Age60, stage.place.time.0 + 10);
    assert_eq!(stage.call(REGISTRAR, "AttestPredicate", &renewed), 0);
    assert_eq!(stage.call(SERVICE, "WithdrawPredicate", &withdraw), 0);
    assert!(!holds(&mut stage, Predicate::Age60));
    let own = wire::AttestPredicateRequest { principal: bytes(REGISTRAR), ..renewed };
    assert_eq!(stage.call(REGISTRAR, "AttestPredicate", &own), Code::SelfDealing.number());
}

fn relate(a: PrincipalId, b: PrincipalId, kind: RelationKind) -> wire::AttestRelationRequest {
    let (a, b, expires_ms) = (bytes(a), bytes(b), START.0 + DAY_MS);
    wire::AttestRelationRequest { a, b, kind: kind as i32, expires_ms }
}

/// The code of someone's doing a duty on the record.
fn duty(stage: &mut Stage<'_>, actor: Actor, duty: Duty) -> u32 {
    let duty = i32::try_from(duty.number()).unwrap();
    let request = wire::ActRequest { record: RECORD.to_vec(), duty };
    stage.call_from("timebank", actor, "Act", &request)
}

#[test]
fn who_recorded_does_not_verify_nor_do_their_relatives_or_agents() {
    let store = Memory::default();
    let mut stage = Stage::new(&store);
    let refused = Code::SeparationOfDuty.number();
    let (ann, bob) = (actor(ANN, None), actor(BOB, None));
    assert_eq!(duty(&mut stage, ann, Duty::Recorder), 0);
    assert_eq!(duty(&mut stage, ann, Duty::Recorder), 0, "the same again changes nothing");
    assert_eq!(duty(&mut stage, ann, Duty::Verifier), refused);
    assert_eq!(duty(&mut stage, actor(BOB, Some(ANN)), Duty::Verifier), refused);
    assert_eq!(duty(&mut stage, actor(ANN, Some(BOB)), Duty::Verifier), refused);
    assert_eq!(duty(&mut stage, ann, Duty::Payee), 0, "no pair excludes it");
    assert_eq!(stage.call(REGISTRAR, "AttestRelation", &relate(BOB, ANN, RelationKind::Spouse)), 0);
    assert_eq!(duty(&mut stage, bob, Duty::Verifier), refused);
    stage.later(1, DAY_MS);
    assert_eq!(duty(&mut stage, bob, Duty::Verifier), 0, "the relation has ended");
    // Another record, and the same record of another contract, are others.
    let request = wire::ActRequest { record: RECORD.to_vec(), duty: 2 };
    assert_eq!(stage.call_from("points", ann, "Act", &request), 0);
}

#[test]
fn friends_are_no_relatives_and_a_record_is_bounded() {
    let store = Memory::default();
    let mut stage = Stage::new(&store);
    assert_eq!(stage.call(REGISTRAR, "AttestRelation", &relate(BOB, ANN, RelationKind::Friend)), 0);
    assert_eq!(duty(&mut stage, actor(ANN, None), Duty::Recorder), 0);
    assert_eq!(duty(&mut stage, actor(BOB, None), Duty::Verifier), 0);
    let key = (["timebank"][0], &RECORD);
    for n in 0..62 {
        let party = actor(PrincipalId([100 + n; 16]), None);
        let done = sod::act(&mut stage.overlay, &stage.place, key, Duty::Party, &party);
        assert_eq!(done, Ok(()));
    }
    let full = duty(&mut stage, actor(REGISTRAR, None), Duty::Party);
    assert_eq!(full, Code::TooMany.number());
}

#[test]
fn duties_are_the_contracts_to_record_and_offices_are_not_theirs_to_use() {
    let store = Memory::default();
    let mut stage = Stage::new(&store);
    let request = wire::ActRequest { record: RECORD.to_vec(), duty: 1 };
    assert_eq!(stage.call(ANN, "Act", &request), Code::ContractOnly.number());
    let add = wire::AddKeyRequest { key: key(30).0.to_vec(), from_height: 0 };
    let through = stage.call_from("timebank", actor(ANN, None), "AddKey", &add);
    assert_eq!(through, Code::DirectOnly.number());
}

#[test]
fn a_waiting_recovery_can_be_seen_by_whoever_moves_money() {
    let store = Memory::default();
    let mut stage = Stage::new(&store);
    let request = wire::StartRecoveryRequest { principal: bytes(ANN), key: key(30).0.to_vec() };
    assert_eq!(recovery::waiting(&mut stage.overlay, &ANN).unwrap(), None);
    assert_eq!(stage.call(SERVICE, "StartRecovery", &request), 0);
    let row = recovery::waiting(&mut stage.overlay, &ANN).unwrap().unwrap();
    assert_eq!(row.completes, START.plus_ms(WAIT_MS));
}
