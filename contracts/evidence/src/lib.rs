//! 存证 evidence: a source registers manifests under its own count; the log keeps their statements.
//!
//! The contract keeps digests and bookkeeping, never files, names or places. It does not judge what a
//! piece of evidence is worth: it keeps apart that it is unchanged since it came (anchored) and that
//! another confirms it (corroborated), and says what is disputed and what rests on it.
//!
//! ```text
//! Anchor         ─▶ checks ─▶ manifest once ─▶ number taken ─▶ statement ─▶ leaf ─▶ Anchored
//! Register       ─▶ checks, provenance ─▶ contents once ─▶ number taken ─▶ graph ─▶ leaf ─▶ Registered
//! RegisterBatch  ─▶ checks ─▶ contents once ─▶ numbers taken ─▶ leaves ─▶ Registered
//! Corroborate, Supersede, Challenge, Resolve, ErasePayload ─▶ the record's row ─▶ event
//! Require        ◀─ other contracts, before they rest on a record
//! ```
//!
//! # Invariants
//!
//! Those of `domain.md` §B3, and where they stand:
//!
//! - **INV-E1 gapless.** A source's numbers are 1, 2, 3 …, none used twice; a number may arrive
//!   early, at most 4,096 above the lowest open one, so a hole stays small, visible and provable
//!   (`numbers`, `source`).
//! - **INV-E2 time.** Nothing is captured more than 120 s after it is anchored; what was captured
//!   more than 24 h before says `backdated`, and comes only with a reason (`rules`).
//! - **INV-E3 once.** A source never anchors the same manifest, or file, twice. Another source may, and
//!   the events then say so (`once`).
//! - **INV-E4 taint.** What rests on an INVALIDATED record is blocked and listed (`graph`).
//! - **INV-E5 for ever.** Erasing changes no digest, root or balance (`erase`).
//! - **INV-E6 offline.** A record's receipt verifies without the ledger: `linli-verify` keeps this one;
//!   here the event holds what it needs (`register`).
//! - **INV-E7 older.** Parents stand and are older; the graph has no cycle (`graph`).
//! - **INV-E8 consent.** Minors and sensitive data need a consent that was not withdrawn (`rules`).
//!
//! And our own: **V1 by itself**, **V2 own devices** (`authority`), **V3 kept** (`rules`, `erase`),
//! **V4 one path** (`record`), **V5 another** (`deeds`).
#![no_std]

extern crate alloc;

mod anchor;
mod authority;
mod batch;
mod deeds;
mod erase;
mod facts;
mod graph;
mod numbers;
mod once;
mod order;
mod policy;
mod query;
mod record;
mod register;
mod rules;
pub mod schema;
mod source;

use alloc::vec::Vec;
use linli_contract::{Code, Env, Refusal, word};
use schema::Refusal as No;

pub use anchor::MEDIA_BYTES_MAX;
pub use facts::{BACKDATED, BATCH, MINORS, SENSITIVE};
pub use rules::{BACKDATED_MS, FUTURE_MS, POLICY, POLICY_VERSION};

/// Transactions' calls.
///
/// # Errors
///
/// The refusals of the schema.
pub fn call(env: &mut Env<'_>, method: &str, args: &[u8]) -> Result<Vec<u8>, Refusal> {
    match method {
        "Anchor" => env.answer(args, bad, anchor::anchor),
        "Register" => env.answer(args, bad, register::register),
        "RegisterBatch" => env.answer(args, bad, batch::register),
        "Corroborate" => env.answer(args, bad, deeds::corroborate),
        "Supersede" => env.answer(args, bad, deeds::supersede),
        "Challenge" => env.answer(args, bad, deeds::challenge),
        "Resolve" => env.answer(args, bad, deeds::resolve),
        "ErasePayload" => env.answer(args, bad, erase::erase),
        "WithdrawConsent" => env.answer(args, bad, erase::withdraw_consent),
        "RetireDevice" => env.answer(args, bad, authority::retire),
        "Require" => env.answer(args, bad, graph::require),
        "RegisterPolicy" => env.answer(args, bad, policy::register),
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
        "Record" => env.answer(args, bad, query::record),
        "Gaps" => env.answer(args, bad, query::gaps),
        "State" => env.answer(args, bad, query::state),
        "Trace" => env.answer(args, bad, order::trace),
        "Ratio" => env.answer(args, bad, query::ratio),
        "Taint" => env.answer(args, bad, graph::taint),
        "Policy" => env.answer(args, bad, query::policy),
        _ => Err(malformed("method")),
    }
}

fn bad() -> Refusal {
    malformed("args")
}

fn malformed(field: &'static str) -> Refusal {
    No::Malformed.refuse([word(field)])
}

linli_contract::export! { call: call, query: query }
