//! The statement: what the evidence contract anchored, as it stands in the log.
//!
//! The bytes are the contract's (`contracts/evidence/evidence.proto`): they are hashed as they
//! are and never encoded again. The leaf of the log is `0x01 ‖ SHA-256(statement)`.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use linli_types::id::{Digest, PrincipalId};
use linli_types::merkle::{Sha256Log, Shape};
use prost::Message;
use sha2::Digest as _;

/// The room whose word a statement is: any other room may append leaves and name its events as it
/// likes.
pub const ROOM: &str = "evidence";
/// Full name of the event that carries a statement as its field 1.
pub const EVENT: &str = "linli.evidence.v1.Anchored";
/// Version byte of a leaf.
const LEAF_VERSION: u8 = 1;

/// The fields of a statement that are shown or compared.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Statement {
    /// Whose evidence, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub source: Vec<u8>,
    /// The source's own count.
    #[prost(uint64, tag = "2")]
    pub number: u64,
    /// What the evidence is; a number of the contract's enum `Kind`.
    #[prost(int32, tag = "3")]
    pub kind: i32,
    /// SHA-256 of the manifest.
    #[prost(bytes = "vec", tag = "4")]
    pub manifest_sha256: Vec<u8>,
    /// SM3 of the manifest.
    #[prost(bytes = "vec", tag = "5")]
    pub manifest_sm3: Vec<u8>,
    /// Bytes of all files.
    #[prost(uint64, tag = "6")]
    pub size: u64,
    /// Media type.
    #[prost(string, tag = "7")]
    pub media: String,
    /// When it was captured.
    #[prost(uint64, tag = "8")]
    pub captured_at_ms: u64,
    /// Time of the block that anchored it.
    #[prost(uint64, tag = "9")]
    pub anchored_at_ms: u64,
    /// The sender's organisation.
    #[prost(uint32, tag = "10")]
    pub organisation: u32,
    /// Captured more than a day before it was anchored.
    #[prost(bool, tag = "11")]
    pub backdated: bool,
}

/// The event that carries a statement: its exact bytes, its leaf.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Anchored {
    /// The exact bytes of the statement.
    #[prost(bytes = "vec", tag = "1")]
    pub statement: Vec<u8>,
    /// Its index in the log.
    #[prost(uint64, tag = "2")]
    pub leaf: u64,
    /// Another source anchored the same manifest before.
    #[prost(bool, tag = "3")]
    pub reused: bool,
}

/// The event of the calls that register signed statements: leaf `first_leaf + i` of the log is the
/// source's number `first + i`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Registered {
    /// Whose evidence, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub source: Vec<u8>,
    /// Number of the first statement.
    #[prost(uint64, tag = "2")]
    pub first: u64,
    /// How many there are.
    #[prost(uint32, tag = "3")]
    pub count: u32,
    /// What they are; a number of the contract's enum `Kind`.
    #[prost(int32, tag = "4")]
    pub kind: i32,
    /// The first one's index in the log.
    #[prost(uint64, tag = "5")]
    pub first_leaf: u64,
    /// Earliest capture.
    #[prost(uint64, tag = "6")]
    pub captured_from_ms: u64,
    /// Latest capture.
    #[prost(uint64, tag = "7")]
    pub captured_to_ms: u64,
    /// The sender's organisation.
    #[prost(uint32, tag = "8")]
    pub organisation: u32,
    /// Captured more than a day before.
    #[prost(bool, tag = "9")]
    pub backdated: bool,
    /// 1 backdated, 2 one of a batch, 4 minors, 8 sensitive.
    #[prost(uint32, tag = "10")]
    pub flags: u32,
    /// How many of the manifests another source registered before.
    #[prost(uint32, tag = "11")]
    pub reused: u32,
    /// Who signed the transaction: the source, or its gateway.
    #[prost(bytes = "vec", tag = "12")]
    pub sender: Vec<u8>,
    /// Of one statement its digest, of more the digest over theirs.
    #[prost(bytes = "vec", tag = "13")]
    pub statement: Vec<u8>,
    /// How the time of capture was known.
    #[prost(int32, tag = "14")]
    pub clock_source: i32,
    /// Why it comes late.
    #[prost(int32, tag = "15")]
    pub backdated_reason: i32,
    /// The device that captured; empty for none.
    #[prost(bytes = "vec", tag = "16")]
    pub device: Vec<u8>,
    /// Id of the consent; empty for none.
    #[prost(bytes = "vec", tag = "17")]
    pub consent: Vec<u8>,
    /// Why personal data may be processed.
    #[prost(int32, tag = "18")]
    pub basis: i32,
    /// How long the payload must be kept.
    #[prost(int32, tag = "19")]
    pub retention: i32,
}

impl Registered {
    /// Full name of the event.
    pub const EVENT: &'static str = "linli.evidence.v1.Registered";
}

/// What happened to a record: the part of the contract's row that a report tells. Without a row it
/// is anchored, and nothing since.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Record {
    /// Where it stands; a number of the contract's enum `Standing`.
    #[prost(int32, tag = "1")]
    pub standing: i32,
    /// Who confirmed it.
    #[prost(message, repeated, tag = "2")]
    pub corroborations: Vec<Corroboration>,
    /// What it rests on.
    #[prost(message, repeated, tag = "3")]
    pub parents: Vec<crate::request::Ref>,
    /// The number that stands in its place; 0 for none.
    #[prost(uint64, tag = "5")]
    pub superseded_by: u64,
    /// What became of its payload.
    #[prost(message, optional, tag = "7")]
    pub tombstone: Option<Tombstone>,
}

/// A payload is gone, or restricted.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Tombstone {
    /// When the ledger noted it, by block time.
    #[prost(uint64, tag = "2")]
    pub at_ms: u64,
    /// Only stored and secured, because a retention law keeps it.
    #[prost(bool, tag = "5")]
    pub restricted: bool,
}

/// Another source confirmed a record.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Corroboration {
    /// Who, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub by: Vec<u8>,
    /// Of which organisation.
    #[prost(uint32, tag = "2")]
    pub organisation: u32,
    /// When, by block time.
    #[prost(uint64, tag = "3")]
    pub at_ms: u64,
}

/// The full key of the row about a record.
pub fn record_key(source: &PrincipalId, number: u64) -> Vec<u8> {
    let (room, number) = (ROOM.as_bytes(), number.to_be_bytes());
    [room, b"\0r/", source.0.as_slice(), number.as_slice()].concat()
}

/// The statement's digest, which is also the record's id.
pub fn id(statement: &[u8]) -> Digest {
    Digest(sha2::Sha256::digest(statement).into())
}

/// The hash of the statement's leaf in the log (RFC 9162).
pub fn leaf(statement: &[u8]) -> Digest {
    let mut bytes = vec![LEAF_VERSION];
    bytes.extend_from_slice(&id(statement).0);
    Sha256Log::leaf(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leaf_is_what_the_contract_documents() {
        // SHA-256(0x00 ‖ 0x01 ‖ SHA-256("")).
        let mut hasher = sha2::Sha256::new();
        hasher.update([0, 1]);
        hasher.update(sha2::Sha256::digest(b""));
        assert_eq!(leaf(b""), Digest(hasher.finalize().into()));
    }

    #[test]
    fn the_event_gives_back_the_exact_bytes() {
        // Field 1 with a body that no encoder would write: tag 1 twice.
        let statement = [0x10, 1, 0x10, 2];
        let mut event = vec![0x0a, 4];
        event.extend_from_slice(&statement);
        event.extend_from_slice(&[0x10, 9]);
        let read = Anchored::decode(event.as_slice()).unwrap();
        assert_eq!((read.statement.as_slice(), read.leaf), (&statement[..], 9));
    }
}
