//! One validator without its machine: the order (`linli-core`) and the meaning (`linli-runtime`),
//! introduced to each other.
//!
//! ```text
//!            Event                                   Effect
//!   ────────────────────▶ ┌───────────────────┐ ────────────────────▶
//!   network, clients,     │      Replica      │   messages, answers,
//!   time                  │  core ⇄ ledger    │   wake-ups, blocks
//!                         └─────────┬─────────┘
//!                                   │ in order, before any effect that depends on it
//!                                   ▼
//!                          Disk: log, then store
//! ```
//!
//! It owns no socket, clock, thread or key. The node drives it with RocksDB and libp2p, the
//! simulator with a pretend disk and network: the same code runs in both.
//!
//! # Invariants
//!
//! - **R1 log first.** A message that a log record protects is returned only after the record is
//!   durable.
//! - **R2 one batch.** A height reaches the store in one batch or not at all (design D3).
//! - **R3 executed.** Only a block that this replica executed is committed.
//! - **R4 bounded.** Bodies at hand are those that the core's pool or the height under way needs.
//! - **R5 known rules.** Where the next block follows rules that this binary lacks, the last one
//!   is committed, that is said once, and nothing follows (design D16).
//! - **R6 lawful.** No block that breaks a law of [`linli_runtime::invariant::BLOCK_LAWS`] is proposed, voted
//!   for or committed; the replica is broken instead, and leaves a bundle that replays.
#![forbid(unsafe_code)]

mod bodies;
pub mod contract;
mod disk;
mod event;
mod perform;
mod replica;

pub use disk::Disk;
pub use event::{CommittedBlock, Effect, Event, Submitted, Ticket};
pub use replica::{Options, Replica};
