//! The statement: what the evidence contract anchored, as it stands in the log.
//!
//! The bytes are the contract's (`contracts/evidence/evidence.proto`): they are hashed as they
//! are and never encoded again. The leaf of the log is `0x01 ‖ SHA-256(statement)`.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use linli_types::id::Digest;
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
