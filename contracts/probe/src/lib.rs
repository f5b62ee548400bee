//! A contract that misbehaves on request, so that tests can try the host's bounds, traps, timers,
//! cross-calls and refusals with a real compiled module. It keeps no rule of any domain and never
//! stands on a real chain.
//!
//! Calls and queries stand in `probe.proto`, each with what it does.
#![no_std]

extern crate alloc;

mod burden;
mod deeds;
pub mod schema;

use alloc::vec::Vec;
use linli_contract::{Code, Env, Refusal, word};
use prost::Message;
use schema::Refusal as No;

/// The module's `call`: frames its own answers, because `Odd` answers what no contract may.
pub fn raw_call(env: &mut Env<'_>, input: &[u8]) -> i32 {
    match odd(input) {
        Some(code) => code,
        None => linli_contract::entry::method(env, input, call),
    }
}

/// Transactions' calls.
///
/// # Errors
///
/// What was asked for.
pub fn call(env: &mut Env<'_>, method: &str, args: &[u8]) -> Result<Vec<u8>, Refusal> {
    match method {
        "Spin" | "Recurse" | "Grow" | "Storm" | "Trap" | "Panic" | "BigResult" | "Garbage" => {
            burden::call(env, method, args)
        }
        _ => deeds::call(env, method, args),
    }
}

/// Readers' queries.
///
/// # Errors
///
/// What was asked for.
pub fn query(env: &mut Env<'_>, method: &str, args: &[u8]) -> Result<Vec<u8>, Refusal> {
    match method {
        "Spin" => burden::call(env, method, args),
        "Write" | "Refuse" => deeds::call(env, method, args),
        "Read" => env.answer(args, malformed, deeds::read),
        "Claimed" => env.answer(args, malformed, deeds::claimed),
        _ => Err(malformed()),
    }
}

/// A timer fell due.
///
/// # Errors
///
/// If the payload says "refuse".
pub fn fire(env: &mut Env<'_>, payload: &[u8]) -> Result<Vec<u8>, Refusal> {
    deeds::fire(env, payload)
}

fn odd(input: &[u8]) -> Option<i32> {
    let args = input.strip_prefix(b"\x03Odd")?;
    schema::OddRequest::decode(args).ok().map(|request| request.code)
}

fn malformed() -> Refusal {
    No::Malformed.refuse([word("args")])
}

linli_contract::export! { raw_call: raw_call, query: query, fire: fire }
