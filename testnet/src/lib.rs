//! Real processes, load, faults, and the story that shows a stranger what the ledger does.
//!
//! It drives the `linli` program as people do: through its command line, its API and signals. It
//! judges by receipts and by what the programs say, never by what it hoped to send.
#![forbid(unsafe_code)]

mod batches;
pub mod bench;
pub mod chaos;
pub mod cli;
pub mod demo;
pub mod failure;
pub mod figures;
pub mod genesis;
pub mod http;
pub mod keys;
pub mod leaving;
pub mod load;
pub mod net;
pub mod opening;
pub mod process;
pub mod samples;
pub mod votes;

pub use failure::Failure;
