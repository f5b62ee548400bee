//! What wears a host out: loops, recursion, memory, storms of calls, traps, large answers.

use crate::malformed;
use crate::schema::{Amount, Bytes, Nothing, Number};
use alloc::vec;
use alloc::vec::Vec;
use core::hint::black_box;
use linli_contract::{Env, Refusal};

/// Bytes of a page of WASM memory.
const PAGE_BYTES: u64 = 65_536;

pub(crate) fn call(env: &mut Env<'_>, method: &str, args: &[u8]) -> Result<Vec<u8>, Refusal> {
    match method {
        "Spin" => env.answer(args, malformed, |_, ask: Amount| Ok(count(spin(ask.amount)))),
        "Recurse" => env.answer(args, malformed, |_, ask: Amount| Ok(count(recurse(ask.amount)))),
        "Grow" => env.answer(args, malformed, |_, ask: Amount| Ok(count(grow(ask.amount)))),
        "Storm" => {
            env.answer(args, malformed, |env, ask: Amount| Ok(count(storm(env, ask.amount))))
        }
        "Trap" => env.answer(args, malformed, |_, _: Nothing| -> Result<Nothing, Refusal> {
            linli_contract::abi::trap()
        }),
        "Panic" => env.answer(args, malformed, |_, _: Nothing| Ok(count(overflow()))),
        "BigResult" => env.answer(args, malformed, |_, ask: Amount| {
            Ok(Bytes { bytes: vec![7; usize::try_from(ask.amount).unwrap_or(usize::MAX)] })
        }),
        // A field of wire type 7, which does not exist.
        "Garbage" => Ok(vec![0x0f, 0xff, 0xff]),
        _ => Err(malformed()),
    }
}

const fn count(number: u64) -> Number {
    Number { number }
}

fn spin(times: u64) -> u64 {
    (0..times).fold(0x9e37_79b9, |x, i| black_box(x ^ i).rotate_left(7))
}

#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 8]);
    if depth == 0 {
        return 0;
    }
    recurse(depth.wrapping_sub(1)).wrapping_add(frame.iter().fold(0, |a, b| a ^ b)).wrapping_add(1)
}

fn grow(pages: u64) -> u64 {
    let bytes = usize::try_from(pages.saturating_mul(PAGE_BYTES)).unwrap_or(usize::MAX);
    let mut memory: Vec<u8> = Vec::with_capacity(bytes);
    memory.resize(usize::try_from(pages).unwrap_or(usize::MAX), 1);
    black_box(memory).capacity() as u64
}

fn storm(env: &mut Env<'_>, calls: u64) -> u64 {
    (0..calls).fold(0, |sum, _| sum ^ env.caller().len() as u64)
}

fn overflow() -> u64 {
    black_box(u64::MAX) + black_box(1)
}
