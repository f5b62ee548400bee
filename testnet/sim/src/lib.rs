//! One process, virtual time, seeds, liars, laws: the real core and the real runtime, driven
//! through a whole chain's life on a network, disks and clocks that fail in every way we know.
//!
//! ```text
//!  seed ─▶ Plan ─▶ World: queue of events ⇄ machines (replica on a simulated disk)
//!                    │        network · clocks · faults · liars · clients
//!                    ▼
//!                  Laws (agreement, durability, once only, liveness …) ─▶ Report
//! ```
//!
//! A run is a function of its seed: [`run::twice`] checks that, and `linli-sim replay` prints what
//! happened in one. Nothing here is part of a node.
#![forbid(unsafe_code)]

pub mod audit;
pub mod campaign;
pub mod chance;
pub mod clock;
mod council;
pub mod crypto;
pub mod disk;
pub mod fixture;
pub mod law;
pub mod liar;
pub mod machine;
pub mod network;
pub mod plan;
#[cfg(feature = "planted")]
pub mod planted;
pub mod queue;
pub mod run;
mod strike;
pub mod trace;
pub mod workload;
pub mod world;
