//! The machine: what turns the pure rooms into a node that listens, stores, answers and stops.
//!
//! Network, storage and the one loop stand beside the edges: the API with its access table, health
//! and metrics, and the command line. No rule of the chain is decided here.

pub mod access;
pub mod access_log;
mod anchoring;
pub mod api;
pub mod bucket;
pub mod cache;
mod checking;
pub mod checkpoints;
pub mod cli;
pub mod clock;
pub mod config;
pub mod contract_thread;
pub mod counters;
pub mod driver;
pub mod handle;
pub mod http;
mod listen;
pub mod network;
pub mod node;
pub mod rates;
mod receipts;
mod rehearsing;
mod scrapi;
pub mod signer;
mod stamping;
pub mod storage;
pub mod telemetry;
pub mod tls;
pub mod words;
