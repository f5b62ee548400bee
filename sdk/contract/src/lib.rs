//! What a contract is written with: the environment, typed storage, refusals, entries.
//!
//! A contract is a `no_std` library for `wasm32v1-none` of functions
//! `fn(&mut Env, method: &str, args: &[u8]) -> Result<Vec<u8>, Refusal>`, a .proto that says what
//! it takes, keeps, emits and refuses, and one [`export!`] that makes the module's entries. It
//! holds no state of its own: an instance lives for one call.
//!
//! This crate decides nothing about any domain and names no function of the host that
//! [`linli_types::abi`] does not list. With feature `testing` a pretend host runs contracts
//! natively under the same rules.
//!
//! # Invariants
//!
//! - **S1 one table.** The imports are those of `linli_types::abi::HOST`, no more, no fewer.
//! - **S2 all or nothing.** A refusal or a trap leaves no effect; a contract need not undo.
//! - **S3 declared.** Only messages that the schema marks are stored or emitted.
#![no_std]

extern crate alloc;
#[cfg(feature = "testing")]
extern crate std;

pub mod abi;
pub mod accounts;
pub mod entry;
pub mod env;
pub mod host;
pub mod identity;
pub mod policy;
pub mod refusal;
pub mod storage;
#[cfg(feature = "testing")]
pub mod testing;

pub use env::{Claim, Context, Env, Event};
pub use linli_types::{id, limits, wire};
pub use refusal::{Code, Refusal, bytes, number, word};
pub use storage::{Item, Key, Map, Stored};
