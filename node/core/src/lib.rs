//! The order of things: which block stands at a height, agreed among validators that may fail or lie.
//!
//! ```text
//!     Input                       Core                         Actions, first to last
//!   ─────────────▶ ┌────────────────────────────────┐ ─────────────────────────────────▶
//!   messages,      │ consensus (Malachite, D1)      │   log appends, then one sync,
//!   wake-ups,      │ pool · pacing · catch-up       │   then messages; build, execute,
//!   answers        │ evidence · log replay          │   commit; faults, evidence, halt
//!                  └────────────────────────────────┘
//! ```
//!
//! [`Core::step`] is a plain function of the state, a [`Clock`] reading and an [`Input`]; the same
//! sequence gives the same actions. The core knows ids and sizes of transactions, never what they
//! mean: bodies stay with the replica, results with the runtime.
//!
//! # Invariants
//!
//! - **C1 log first.** No own vote or proposal is sent before its log record is synced: in every
//!   list of actions, appends stand before the one sync, and the sync before the sends.
//! - **C2 one vote.** For each height, round and kind at most one vote is ever signed, also across
//!   restarts; whatever asks for a second one stops the node.
//! - **C3 executed.** A block is prevoted only after it was executed here and found valid.
//! - **C4 chained.** Heights are committed one after the other, each with a certificate that
//!   [`linli_types::certificate::Certificate::check`] accepts.
//! - **C5 bounded.** Everything that a peer can make grow has a bound: pool, buffers, parts, votes.
//! - **C6 quiet.** With nothing to do a node sends nothing but a rare status, and a block stands
//!   once per heartbeat (design D11).
//! - **C7 seen.** Every equivocation that reaches this node gives evidence.
//!
//! Pure: no clock, thread, chance, environment, file or socket.
#![forbid(unsafe_code)]

pub mod action;
mod blocks;
mod buffer;
pub mod config;
mod consensus;
pub mod core;
pub mod evidence;
mod guard;
pub mod input;
mod malachite;
pub mod message;
mod out;
mod peers;
mod pool;
mod receive;
mod suspects;
mod sync;
pub mod wal;
mod witness;

pub use crate::action::Action;
pub use crate::config::{Clock, Config, CoreBroken, Crypto, PoolBounds, Start, Timeouts};
pub use crate::core::Core;
pub use crate::evidence::Evidence;
pub use crate::input::{Included, Input, PoolEntry, SyncVerdict};
