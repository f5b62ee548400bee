//! The pretend host keeps the ledger's rules: bounds, once-only claims, nothing after a refusal.
#![allow(clippy::unwrap_used, reason = "a test may")]

use linli_contract::id::PrincipalId;
use linli_contract::testing::{Outcome, Pretend};
use linli_contract::{Claim, Env, Refusal, limits};
use linli_types::wire;

type Answer = Result<Vec<u8>, Refusal>;

fn said(text: &str) -> wire::Call {
    wire::Call { room: text.into(), ..wire::Call::default() }
}

fn claims(env: &mut Env<'_>, method: &str, _: &[u8]) -> Answer {
    let answer = match env.claim(b"id", &[7; 32]) {
        Claim::New => 0,
        Claim::Same => 1,
        Claim::Other => 2,
    };
    match method {
        "Refuse" => Err(Refusal { code: 9, params: vec![linli_contract::number(answer)] }),
        "Panic" => panic!("as asked"),
        _ => Ok(vec![8, u8::try_from(answer).unwrap()]),
    }
}

#[test]
fn a_refusal_and_a_trap_leave_nothing() {
    let mut host = Pretend::default();
    for (method, refused) in [("Refuse", true), ("Panic", false)] {
        let outcome = host.call(claims, method, &said(""));
        assert_eq!(outcome.code(), refused.then_some(9), "{outcome:?}");
        assert_eq!(host.state, Pretend::default().state, "S2 after {method}");
    }
    assert!(matches!(host.call(claims, "Keep", &said("")), Outcome::Done { .. }));
    assert_eq!(host.state.claims.len(), 1);
}

#[test]
fn a_claim_is_for_ever() {
    let mut host = Pretend::default();
    let answers: Vec<_> = (0..2)
        .map(|_| match host.call(claims, "Keep", &said("")) {
            Outcome::Done { result, .. } => result,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(answers, [vec![8, 0], vec![8, 1]]);
}

#[test]
fn a_query_that_writes_is_stopped() {
    let outcome = Pretend::default().query(claims, "Keep", &said(""));
    assert_eq!(outcome, Outcome::Stopped("a write in a query"));
}

/// What one host call with these sizes ends in.
fn tries(run: impl FnOnce(&mut Env<'_>)) -> Outcome {
    Pretend::default().run(false, |env| {
        run(env);
        linli_contract::entry::DONE
    })
}

#[test]
fn bounds_are_those_of_the_table() {
    let emit = |bytes: usize| move |env: &mut Env<'_>| env.emit_encoded("k", &[], &vec![0; bytes]);
    let schedule = |ahead: u64, bytes: usize| {
        move |env: &mut Env<'_>| {
            env.schedule(ahead, &vec![0; bytes]);
        }
    };
    let claim = |bytes: usize| {
        move |env: &mut Env<'_>| {
            env.claim(&vec![1; bytes], &[0; 32]);
        }
    };
    let stopped = |outcome: Outcome| matches!(outcome, Outcome::Stopped(_));
    assert!(!stopped(tries(emit(limits::EVENT_BYTES_MAX))));
    assert!(stopped(tries(emit(limits::EVENT_BYTES_MAX + 1))));
    assert!(!stopped(tries(schedule(limits::TIMER_AHEAD_MS_MAX, limits::TIMER_PAYLOAD_BYTES_MAX))));
    assert!(stopped(tries(schedule(limits::TIMER_AHEAD_MS_MAX + 1, 0))));
    assert!(stopped(tries(schedule(0, limits::TIMER_PAYLOAD_BYTES_MAX + 1))));
    assert!(!stopped(tries(claim(limits::STORAGE_KEY_BYTES_MAX))));
    assert!(stopped(tries(claim(limits::STORAGE_KEY_BYTES_MAX + 1))));
    assert!(stopped(tries(claim(0))));
    assert!(stopped(tries(|env| {
        (0..=limits::EVENTS_MAX).for_each(|_| env.emit_encoded("k", &[], &[]));
    })));
}

#[test]
fn the_context_is_read_as_the_table_lays_it_out() {
    let mut host = Pretend { height: 5, now_ms: 6, organisation: 7, ..Pretend::default() };
    host.sender = PrincipalId([8; 16]);
    host.key = linli_types::id::TxKey([9; 16]);
    let mut seen = None;
    host.run(true, |env| {
        seen = Some(env.context());
        linli_contract::entry::DONE
    });
    let context = seen.unwrap();
    assert_eq!((context.height, context.now_ms, context.organisation), (5, 6, 7));
    assert_eq!((context.sender, context.key), (host.sender, host.key));
}
