//! The same contract, compiled and as functions, answers alike: results, refusals, events, leaves,
//! what timers come to, and what readers learn. Fuel is not compared: the steps of functions are free.
#![allow(clippy::unwrap_used, reason = "a test may")]

use linli_pretend::{Contract, Outcome, Plan, Town};
use linli_probe::schema as probe;
use linli_types::books::CNY;
use linli_types::id::{AccountId, PrincipalId};
use linli_types::limits;
use linli_types::receipt::{Event, Refusal};
use linli_types::wire::accounts::TransferRequest;
use linli_types::wire::identity::PrincipalRequest;
use prost::Message;

const ALICE: PrincipalId = PrincipalId([1; 16]);
const PURSE: AccountId = AccountId([11; 16]);
const TILL: AccountId = AccountId([12; 16]);
const ROOM: &str = "probe";

fn plan() -> Plan {
    Plan::new().person(ALICE, &[]).account(PURSE, ALICE, CNY, 10).account(TILL, ALICE, CNY, 0)
}

/// The probe compiled, and the probe as functions; each with a second one to call.
fn towns() -> [Town; 2] {
    let functions = || {
        Contract::new(linli_probe::SCHEMA)
            .call(linli_probe::call)
            .query(linli_probe::query)
            .fire(linli_probe::fire)
    };
    let compiled = linli_modules::probe();
    [
        plan().module(ROOM, compiled).module("other", compiled).open(),
        plan().contract(ROOM, functions()).contract("other", functions()).open(),
    ]
}

/// What must be the same.
#[derive(Debug, PartialEq)]
enum Seen {
    Done { results: Vec<Vec<u8>>, events: Vec<Event>, leaves: (u64, u32) },
    Refused(Refusal),
}

fn seen(outcome: Outcome) -> Seen {
    match outcome {
        Outcome::Done(receipt) => Seen::Done {
            results: receipt.results,
            events: receipt.events,
            leaves: receipt.log_leaves,
        },
        Outcome::Refused(refusal) | Outcome::TurnedAway(refusal) => Seen::Refused(refusal),
    }
}

fn bytes(message: &impl Message) -> Vec<u8> {
    message.encode_to_vec()
}

fn amount(amount: u64) -> Vec<u8> {
    bytes(&probe::Amount { amount })
}

fn many(amount: usize, of: usize) -> Vec<u8> {
    bytes(&probe::Many { amount: amount as u64, bytes: of as u64 })
}

fn entry(value: Vec<u8>) -> Vec<u8> {
    bytes(&probe::Entry { key: b"k".into(), value, ..Default::default() })
}

fn cross(room: &str, method: &str, args: Vec<u8>) -> Vec<u8> {
    bytes(&probe::CrossRequest { room: room.into(), method: method.into(), args })
}

fn claim(digest: u8) -> Vec<u8> {
    bytes(&probe::ClaimRequest { id: b"id".into(), digest: vec![digest; 32] })
}

fn hash(algorithm: u32) -> Vec<u8> {
    bytes(&probe::HashRequest { algorithm, data: b"data".into() })
}

fn timer(after_ms: u64, payload: &[u8]) -> Vec<u8> {
    bytes(&probe::ScheduleRequest { after_ms, payload: payload.into() })
}

/// Calls of the host's every function, within its bounds and beyond.
fn calls() -> Vec<(&'static str, Vec<u8>)> {
    let key = bytes(&probe::Key { key: b"k".into() });
    let refuse = bytes(&probe::RefuseRequest { number: 7, bytes: vec![8], word: "w".into() });
    let long = bytes(&probe::RefuseRequest {
        bytes: vec![8; limits::PARAM_BYTES_MAX + 1],
        ..Default::default()
    });
    let grab = TransferRequest {
        id: vec![1; 16],
        debit: PURSE.0.to_vec(),
        credit: TILL.0.to_vec(),
        amount: 1,
        code: 1,
        ..Default::default()
    };
    let stranger = PrincipalRequest { principal: vec![9; 16] };
    let alice = PrincipalRequest { principal: ALICE.0.to_vec() };
    vec![
        ("Context", Vec::new()),
        ("Write", entry(b"v".into())),
        ("Write", entry(vec![1; limits::STORAGE_VALUE_BYTES_MAX + 1])),
        ("WriteThenRefuse", entry(b"w".into())),
        ("Count", key.clone()),
        ("Count", key.clone()),
        ("Remove", key),
        ("Claim", claim(1)),
        ("Claim", claim(1)),
        ("Claim", claim(2)),
        ("Append", bytes(&probe::Digest { digest: vec![3; 32] })),
        ("Emit", many(3, 10)),
        ("Emit", many(limits::EVENTS_MAX + 1, 1)),
        ("Emit", many(1, limits::EVENT_BYTES_MAX + 1)),
        ("EmitUnknown", Vec::new()),
        ("EmitBadText", Vec::new()),
        ("Refuse", refuse),
        ("Refuse", long),
        ("RefuseUnknown", amount(99)),
        ("Hash", hash(0)),
        ("Hash", hash(1)),
        ("Hash", hash(2)),
        ("Hash", hash(3)),
        ("Cancel", bytes(&probe::Id { id: vec![5; 16] })),
        ("Schedule", timer(limits::TIMER_AHEAD_MS_MAX + 1, b"far")),
        ("Schedule", timer(1, &vec![1; limits::TIMER_PAYLOAD_BYTES_MAX + 1])),
        ("BigResult", amount(100)),
        ("BigResult", amount(limits::RESULT_BYTES_MAX as u64 + 1)),
        ("Garbage", Vec::new()),
        ("Trap", Vec::new()),
        ("Panic", Vec::new()),
        ("Storm", amount(limits::HOST_CALLS_MAX + 1)),
        ("Nothing", Vec::new()),
        ("Cross", cross(ROOM, "Count", Vec::new())),
        ("Cross", cross("other", "Context", Vec::new())),
        ("Cross", cross("other", "Trap", Vec::new())),
        ("Cross", cross("other", "Nothing", Vec::new())),
        ("Cross", cross("nowhere", "Nothing", Vec::new())),
        ("Cross", cross("accounts", "Transfer", bytes(&grab))),
        ("Cross", cross("identity", "Principal", bytes(&stranger))),
        ("Cross", cross("identity", "Principal", bytes(&alice))),
    ]
}

#[test]
fn compiled_and_as_functions_a_contract_answers_alike() {
    let [mut compiled, mut functions] = towns();
    let mut done = 0;
    for (method, args) in calls() {
        let call = linli_types::wire::Call { room: ROOM.into(), method: method.into(), args };
        let [one, other] =
            [&mut compiled, &mut functions].map(|town| seen(town.send(ALICE, vec![call.clone()])));
        done += u32::from(matches!(one, Seen::Done { .. }));
        assert_eq!(one, other, "{method}");
    }
    assert!(done > 15, "most of the calls were refused: {done} were done");
}

#[test]
fn timers_come_to_the_same() {
    let [mut compiled, mut functions] = towns();
    for payload in [&b"count"[..], b"trap", b"refuse", b"again"] {
        let args = timer(5_000, payload);
        for town in [&mut compiled, &mut functions] {
            let call = linli_types::wire::Call {
                room: ROOM.into(),
                method: "Schedule".into(),
                args: args.clone(),
            };
            assert!(town.send(ALICE, vec![call]).is_done());
        }
    }
    let [one, other] = [&mut compiled, &mut functions].map(|town| {
        // Timers that fall due together fire in the order of their ids, which follow from the chain.
        let mut seen: Vec<_> = (0..5)
            .flat_map(|_| town.at(town.now().plus_ms(4_000)).into_iter().map(seen))
            .map(|seen| format!("{seen:?}"))
            .collect();
        seen.sort();
        seen
    });
    assert!(one.len() > 4);
    assert_eq!(one, other);
}

#[test]
fn readers_learn_the_same() {
    let mut towns = towns();
    for town in &mut towns {
        for (method, args) in [("Write", entry(b"v".into())), ("Claim", claim(1))] {
            let call = linli_types::wire::Call { room: ROOM.into(), method: method.into(), args };
            assert!(town.send(ALICE, vec![call]).is_done());
        }
    }
    let key = |key: &[u8]| bytes(&probe::Key { key: key.into() });
    for (method, args) in [
        ("Read", key(b"k")),
        ("Read", key(b"none")),
        ("Claimed", key(b"id")),
        ("Write", entry(b"w".into())),
        ("Refuse", bytes(&probe::RefuseRequest::default())),
        ("Nothing", Vec::new()),
        ("Read", vec![0xff]),
    ] {
        let [one, other] =
            towns.each_ref().map(|t| t.ledger().query(t.store(), ROOM, method, &args, ALICE));
        assert_eq!(one.unwrap(), other.unwrap(), "{method}");
    }
}
