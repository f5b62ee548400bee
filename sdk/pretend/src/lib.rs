//! A pretend town: a contract runs natively, as functions that a debugger stops in, in a real ledger
//! in memory. Its calls meet the real accounts, identity, policy, timers, log and governance, so a
//! contract's test sees what these rooms refuse, and no second copy of their rules can drift.
//!
//! ```text
//! Plan ─ open ─▶ Town ─ call, send, at ─▶ block ─▶ executed twice, laws asked ─▶ Outcome
//! ```
//!
//! What is not as on a net: a contract's own steps cost no fuel (the host's functions do, at their
//! prices), its memory and stack are not bounded, nobody signs, and code is not replaced by motions.
//! The pretend host of the contract SDK (`linli_contract::testing::Pretend`) is quicker for the plain
//! functions of one contract that calls nobody.
//!
//! Without feature `pretend` the crate is empty: with it the runtime runs functions in place of
//! modules, and no binary may.
//!
//! # Invariants
//!
//! - **T1 real rooms.** Nothing here decides what a native room decides.
//! - **T2 laws.** After every block, every law over the block and over the store holds; a breach
//!   panics.
//! - **T3 same.** Every block is executed twice and must come to the same: a contract that asks
//!   anything but the ledger is found out.
#![cfg(feature = "pretend")]

mod contract;
mod outcome;
mod plan;
mod town;

pub use contract::Contract;
pub use outcome::Outcome;
pub use plan::Plan;
pub use town::{Town, call};

pub use linli_runtime;
pub use linli_types;
