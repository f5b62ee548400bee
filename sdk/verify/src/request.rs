//! What the evidence room was asked: the calls that register signed statements.
//!
//! The messages are those of `contracts/evidence/evidence.proto`. The ledger judges by them: whether a
//! manifest was registered before, by which clock it was captured. The statement it never sees; whoever
//! verifies compares the two.

use alloc::string::String;
use alloc::vec::Vec;
use linli_types::id::PrincipalId;
use prost::Message;

/// The call that registers one statement.
pub const REGISTER: &str = "Register";
/// The call that registers up to 1,024.
pub const REGISTER_BATCH: &str = "RegisterBatch";

/// Names a record.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Ref {
    /// Whose, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub source: Vec<u8>,
    /// Its number.
    #[prost(uint64, tag = "2")]
    pub number: u64,
}

impl Ref {
    /// The record of a source.
    pub fn new(source: PrincipalId, number: u64) -> Self {
        Self { source: source.0.to_vec(), number }
    }
}

/// Registers one statement.
#[derive(Clone, PartialEq, Eq, Message)]
#[allow(missing_docs, reason = "evidence.proto documents each field")]
pub struct RegisterRequest {
    #[prost(bytes = "vec", tag = "1")]
    pub source: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub number: u64,
    #[prost(int32, tag = "3")]
    pub kind: i32,
    #[prost(bytes = "vec", tag = "4")]
    pub statement: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    pub manifest_sha256: Vec<u8>,
    #[prost(bytes = "vec", tag = "6")]
    pub manifest_sm3: Vec<u8>,
    #[prost(uint64, tag = "7")]
    pub size: u64,
    #[prost(uint64, tag = "8")]
    pub captured_at_ms: u64,
    #[prost(int32, tag = "9")]
    pub clock_source: i32,
    #[prost(bytes = "vec", tag = "10")]
    pub device: Vec<u8>,
    #[prost(message, repeated, tag = "11")]
    pub parents: Vec<Ref>,
    #[prost(bytes = "vec", tag = "12")]
    pub env_digest: Vec<u8>,
    #[prost(bytes = "vec", tag = "13")]
    pub order: Vec<u8>,
    #[prost(bytes = "vec", tag = "14")]
    pub subject: Vec<u8>,
    #[prost(string, tag = "15")]
    pub cell: String,
    #[prost(int32, tag = "16")]
    pub retention: i32,
    #[prost(bool, tag = "17")]
    pub minors: bool,
    #[prost(bool, tag = "18")]
    pub sensitive: bool,
    #[prost(bytes = "vec", tag = "19")]
    pub consent: Vec<u8>,
    #[prost(bytes = "vec", tag = "20")]
    pub tags: Vec<u8>,
    #[prost(int32, tag = "21")]
    pub basis: i32,
    #[prost(int32, tag = "22")]
    pub backdated_reason: i32,
}

/// Registers many statements of one source.
#[derive(Clone, PartialEq, Eq, Message)]
#[allow(missing_docs, reason = "evidence.proto documents each field")]
pub struct RegisterBatchRequest {
    #[prost(bytes = "vec", tag = "1")]
    pub source: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub first: u64,
    #[prost(int32, tag = "3")]
    pub kind: i32,
    #[prost(bytes = "vec", tag = "4")]
    pub statements: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    pub manifests: Vec<u8>,
    #[prost(bytes = "vec", tag = "6")]
    pub tags: Vec<u8>,
    #[prost(uint64, tag = "7")]
    pub captured_from_ms: u64,
    #[prost(uint64, tag = "8")]
    pub captured_to_ms: u64,
    #[prost(int32, tag = "9")]
    pub clock_source: i32,
    #[prost(bytes = "vec", tag = "10")]
    pub device: Vec<u8>,
    #[prost(int32, tag = "11")]
    pub retention: i32,
    #[prost(bool, tag = "12")]
    pub minors: bool,
    #[prost(bool, tag = "13")]
    pub sensitive: bool,
    #[prost(bytes = "vec", tag = "14")]
    pub consent: Vec<u8>,
    #[prost(int32, tag = "15")]
    pub basis: i32,
    #[prost(int32, tag = "16")]
    pub backdated_reason: i32,
}
