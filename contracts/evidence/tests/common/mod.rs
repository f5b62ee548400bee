//! What the tests of the calls share: requests that hold, and a host without other rooms.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its part")]

use linli_contract::id::PrincipalId;
use linli_contract::testing::{Emitted, Outcome, Pretend};
use linli_contract::wire::param::Value;
use linli_evidence::schema::{
    Basis, ClockSource, GapsRequest, GapsResponse, Kind, RecordRequest, RecordResponse, Ref,
    Refusal, RegisterBatchRequest, RegisterRequest, Registered, Retention, StateResponse,
};
use linli_evidence::{call, query};
use prost::Message;

/// Block time: 2027-01-15 16:00:00 in UTC+8.
pub(crate) const NOW: u64 = 1_800_000_000_000;

pub(crate) fn host(source: u8) -> Pretend {
    Pretend {
        now_ms: NOW,
        height: 7,
        sender: PrincipalId([source; 16]),
        organisation: 3,
        ..Pretend::default()
    }
}

/// 32 bytes that stand for this and nothing else.
pub(crate) fn digest(of: u8, n: u64) -> Vec<u8> {
    let mut bytes = vec![of; 32];
    bytes[24..].copy_from_slice(&n.to_be_bytes());
    bytes
}

pub(crate) fn at(source: u8, number: u64) -> Option<Ref> {
    Some(Ref { source: vec![source; 16], number })
}

pub(crate) fn request(source: u8, number: u64, manifest: u64) -> RegisterRequest {
    RegisterRequest {
        source: vec![source; 16],
        number,
        kind: Kind::Form.into(),
        statement: digest(source, number),
        manifest_sha256: digest(0xaa, manifest),
        manifest_sm3: digest(0xbb, manifest),
        size: 10,
        captured_at_ms: NOW - 1000,
        clock_source: ClockSource::DeviceClock.into(),
        retention: Retention::Ordinary.into(),
        basis: Basis::Contract.into(),
        ..RegisterRequest::default()
    }
}

pub(crate) fn batch(source: u8, first: u64, count: u64, manifest: u64) -> RegisterBatchRequest {
    RegisterBatchRequest {
        source: vec![source; 16],
        first,
        kind: Kind::Form.into(),
        statements: (0..count).flat_map(|i| digest(source, first + i)).collect(),
        manifests: (0..count).flat_map(|i| digest(0xaa, manifest + i)).collect(),
        captured_from_ms: NOW - 2000,
        captured_to_ms: NOW - 1000,
        clock_source: ClockSource::DeviceClock.into(),
        retention: Retention::Ordinary.into(),
        basis: Basis::Contract.into(),
        ..RegisterBatchRequest::default()
    }
}

pub(crate) fn register(host: &mut Pretend, request: &RegisterRequest) -> Outcome {
    host.sender = PrincipalId::from_slice(&request.source).unwrap_or(host.sender);
    host.call(call, "Register", request)
}

pub(crate) fn register_batch(host: &mut Pretend, request: &RegisterBatchRequest) -> Outcome {
    host.sender = PrincipalId::from_slice(&request.source).unwrap_or(host.sender);
    host.call(call, "RegisterBatch", request)
}

pub(crate) fn refused(outcome: &Outcome) -> Option<Refusal> {
    outcome.code().map(|code| Refusal::try_from(i32::try_from(code).unwrap()).unwrap())
}

pub(crate) fn is_done(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Done { .. })
}

/// The events of one message.
pub(crate) fn told<'o>(outcome: &'o Outcome, name: &str) -> Vec<&'o Emitted> {
    let kind = format!("linli.evidence.v1.{name}");
    outcome.events().iter().filter(|event| event.kind == kind).collect()
}

pub(crate) fn registered(outcome: &Outcome) -> Registered {
    let found = told(outcome, "Registered");
    let [event] = found.as_slice() else { panic!("one event: {outcome:?}") };
    Registered::decode(event.data.as_slice()).unwrap()
}

pub(crate) fn field(outcome: &Outcome) -> String {
    let Outcome::Refused { params, .. } = outcome else { panic!("refused: {outcome:?}") };
    let Some(Value::Word(word)) = &params[0].value else { panic!("a field: {params:?}") };
    word.clone()
}

pub(crate) fn gaps(host: &mut Pretend, source: u8) -> GapsResponse {
    host.query(query, "Gaps", &GapsRequest { source: vec![source; 16] }).result().unwrap()
}

pub(crate) fn record(host: &mut Pretend, source: u8, number: u64) -> RecordResponse {
    let ask = RecordRequest { source: vec![source; 16], number };
    host.query(query, "Record", &ask).result().unwrap()
}

pub(crate) fn state(host: &mut Pretend, source: u8, number: u64) -> StateResponse {
    let ask = RecordRequest { source: vec![source; 16], number };
    host.query(query, "State", &ask).result().unwrap()
}
