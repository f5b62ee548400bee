//! A contract that is against us: it takes any bytes for a program and does what they say, by every
//! function that the host has, well formed and not, in every room it can name, as deep as it can.
//!
//! Tests run it by the thousand and look whether the ledger's laws hold (`runtime/tests/hostile`).
//! It never stands on a real chain. [`program`] says what bytes mean, [`world`] whom they name.
#![no_std]

extern crate alloc;

mod burden;
mod machine;
mod message;
mod money;
pub mod program;
mod raw;
mod rooms;
pub mod schema;
pub mod table;
pub mod world;

use alloc::vec::Vec;
use linli_contract::{Code, Env, Refusal, word};
use machine::{Ended, Machine};
use message::Message;
use prost::Message as _;
use schema::Refusal as No;

/// How many functions the host has.
pub const FUNCTIONS: usize = linli_contract::abi::IMPORTS.len();

/// A host function's place in the table.
pub fn function(name: &str) -> Option<usize> {
    linli_contract::abi::IMPORTS.iter().position(|import| import.name == name)
}

/// The module's `call`: frames its own answers, because programs answer what no contract may.
pub fn raw_call(_: &mut Env<'_>, input: &[u8]) -> i32 {
    // The host checked the method and its arguments by the schema.
    let args = input.strip_prefix(b"\x03Run").unwrap_or_default();
    let program = schema::Program::decode(args).unwrap_or_default();
    let mut machine = Machine::new(program.me);
    match machine.run(&program.code) {
        Ended::Whole => {
            let tally = machine.tally();
            raw::invoke(13, &[raw::at(&tally), raw::len(&tally), 0, 0, 0, 0, 0, 0]);
            0
        }
        Ended::With(code) => code,
    }
}

/// A reader's query: the same.
///
/// # Errors
///
/// If the program says so.
pub fn query(_: &mut Env<'_>, _: &str, args: &[u8]) -> Result<Vec<u8>, Refusal> {
    let program = schema::Program::decode(args).unwrap_or_default();
    answer(program.me, &program.code)
}

/// A timer fell due: its payload is who runs, and the program.
///
/// # Errors
///
/// If the program says so.
pub fn fire(_: &mut Env<'_>, payload: &[u8]) -> Result<Vec<u8>, Refusal> {
    let (me, code) = payload.split_first().unwrap_or((&0, &[]));
    answer(u32::from(*me), code)
}

fn answer(me: u32, code: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut machine = Machine::new(me);
    match machine.run(code) {
        Ended::Whole | Ended::With(0) => Ok(machine.tally()),
        Ended::With(_) => Err(No::Meant.refuse([word("end")])),
    }
}

/// The encoded `Tally`.
fn encode_tally(done: &[u32; FUNCTIONS]) -> Vec<u8> {
    let bytes: Vec<u8> = done.iter().flat_map(|n| n.to_le_bytes()).collect();
    Message::default().bytes(1, &bytes).done()
}

linli_contract::export! { raw_call: raw_call, query: query, fire: fire }
