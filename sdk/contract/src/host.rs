//! The seam between a contract and whoever runs it: the ledger's host, or the pretend one.
//!
//! One method per function of `linli_types::abi::HOST`, in safe types. What a host refuses to do
//! (a bound exceeded, a write in a query, a refusal in a called room) ends the call at once and
//! never returns here.

use alloc::string::String;
use alloc::vec::Vec;
use linli_types::id::{PrincipalId, TimerId};

/// Bytes that `context` writes.
pub const CONTEXT_BYTES: usize = 64;

/// Whoever runs the contract.
#[allow(missing_docs, reason = "linli_types::abi::HOST documents each")]
pub trait Host {
    fn context(&mut self) -> [u8; CONTEXT_BYTES];
    fn caller(&mut self) -> String;
    fn read(&mut self, key: &[u8]) -> Option<Vec<u8>>;
    fn write(&mut self, key: &[u8], value: &[u8]);
    fn remove(&mut self, key: &[u8]);
    fn claimed(&mut self, id: &[u8]) -> Option<[u8; 32]>;
    fn claim(&mut self, id: &[u8], digest: &[u8; 32]) -> i32;
    fn emit(&mut self, kind: &str, about: &[PrincipalId], data: &[u8]);
    fn append(&mut self, digest: &[u8; 32]) -> u64;
    fn schedule(&mut self, at_ms: u64, payload: &[u8]) -> TimerId;
    fn cancel(&mut self, id: &TimerId) -> bool;
    fn call(&mut self, room: &str, method: &str, args: &[u8]) -> Vec<u8>;
    fn hash(&mut self, algorithm: u32, data: &[u8]) -> [u8; 32];
    fn result(&mut self, data: &[u8]);
    fn refuse(&mut self, code: u32, params: &[u8]);
}
