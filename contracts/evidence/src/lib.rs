//! 存证 evidence: a source anchors manifests under its own count; the log keeps their statements.
//!
//! The contract keeps digests and bookkeeping, never files, names or places. It does not judge
//! what a piece of evidence is worth: corroboration and challenge come with later calls.
//!
//! ```text
//! Anchor ─▶ checks ─▶ claim manifest ─▶ take number ─▶ statement ─▶ log leaf ─▶ Anchored
//! ```
//!
//! # Invariants
//!
//! - **INV-E1 gapless.** A source's numbers are 1, 2, 3 …, none used twice; a number may arrive
//!   early, at most 4,096 above the lowest open one, so a hole stays small and visible.
//! - **INV-E2 time.** Nothing is captured more than 120 s after it is anchored; what was captured
//!   more than 24 h before says `backdated`.
//! - **INV-E3 once.** A source never anchors the same manifest twice. Another source may, and the
//!   event then says `reused`.
//! - **INV-E4 by itself.** A source anchors by a call that it signs itself: no contract and no timer
//!   anchors in its name or uses up its numbers.
#![no_std]

extern crate alloc;

mod anchor;
mod numbers;
mod query;
pub mod schema;

use alloc::vec::Vec;
use linli_contract::{Code, Env, Refusal, word};
use schema::Refusal as No;

pub use anchor::{BACKDATED_MS, FUTURE_MS, MEDIA_BYTES_MAX};

/// Transactions' calls.
///
/// # Errors
///
/// The refusals of the schema.
pub fn call(env: &mut Env<'_>, method: &str, args: &[u8]) -> Result<Vec<u8>, Refusal> {
    match method {
        "Anchor" => env.answer(args, || malformed("args"), anchor::anchor),
        _ => Err(malformed("method")),
    }
}

/// Readers' queries.
///
/// # Errors
///
/// `MALFORMED`; an unknown source or number is an answer.
pub fn query(env: &mut Env<'_>, method: &str, args: &[u8]) -> Result<Vec<u8>, Refusal> {
    match method {
        "Record" => env.answer(args, || malformed("args"), query::record),
        "Gaps" => env.answer(args, || malformed("args"), query::gaps),
        _ => Err(malformed("method")),
    }
}

fn malformed(field: &'static str) -> Refusal {
    No::Malformed.refuse([word(field)])
}

linli_contract::export! { call: call, query: query }
