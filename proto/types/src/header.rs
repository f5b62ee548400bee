//! What a block commits to.
//!
//! # Invariants
//!
//! - **H1 whole.** The header carries the roots *after* the block, so one certificate proves
//!   block, results and state at once (design D2).
//! - **H2 strict.** An unknown format or flag is refused, never ignored.

use crate::digest::{self, Domain};
use crate::height::{Height, TimeMs};
use crate::id::{BlockId, ChainId, Digest, PublicKey};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// The encoding that this code reads and writes.
pub const FORMAT: u16 = 1;
/// The oldest rules that this code knows.
pub const PROTOCOL_MIN: u32 = 1;
/// The newest rules that this code knows (design D16).
pub const PROTOCOL: u32 = 1;
/// The block holds no transaction and fires no timer (design D2, round 4 on).
pub const FLAG_DEFERS_TIMERS: u16 = 1;
const KNOWN_FLAGS: u16 = FLAG_DEFERS_TIMERS;

/// A block's header, version 1. Field order is the encoding (borsh).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Header {
    /// Encoding version; [`FORMAT`].
    pub format: u16,
    /// Bits: [`FLAG_DEFERS_TIMERS`]. Unknown ones are refused.
    pub flags: u16,
    /// Version of the rules the block was executed by.
    pub protocol: u32,
    /// The chain.
    pub chain: ChainId,
    /// The block's number.
    pub height: Height,
    /// The proposer's clock; larger than the parent's.
    pub time: TimeMs,
    /// The block before; at height 1 the chain id's bytes.
    pub parent: BlockId,
    /// Who proposed.
    pub proposer: PublicKey,
    /// Root over the bodies and signatures, in order.
    pub bodies_root: Digest,
    /// Root over the receipts: fired timers first, then transactions, in order.
    pub receipts_root: Digest,
    /// State tree root after the block.
    pub state_root: Digest,
    /// Leaves of the evidence log after the block.
    pub log_size: u64,
    /// Root of the evidence log after the block (RFC 9162, SHA-256).
    pub log_root: Digest,
    /// The set that certifies this block.
    pub validators_hash: Digest,
    /// The set that certifies the next one.
    pub next_validators_hash: Digest,
}

/// Why a header cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHeader {
    /// The bytes are not a header.
    #[error("the bytes are not a header")]
    Malformed,
    /// The format is not ours.
    #[error("header format {0} is unknown to this version")]
    Format(u16),
    /// A flag is unknown.
    #[error("header flags {0:#06x} are unknown to this version")]
    Flags(u16),
}

impl Header {
    /// The encoded bytes: hashed, stored and sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::encode(self)
    }

    /// Reads a header (H2).
    ///
    /// # Errors
    ///
    /// [`BadHeader`]; the fault lies with whoever sent the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadHeader> {
        let header = Self::try_from_slice(bytes).map_err(|_| BadHeader::Malformed)?;
        if header.format != FORMAT {
            return Err(BadHeader::Format(header.format));
        }
        if header.flags & !KNOWN_FLAGS != 0 {
            return Err(BadHeader::Flags(header.flags));
        }
        Ok(header)
    }

    /// The block's id.
    pub fn id(&self) -> BlockId {
        BlockId(digest::hash(Domain::Header, &[&self.to_bytes()]).0)
    }

    /// Whether this block fires no timer.
    pub const fn defers_timers(&self) -> bool {
        self.flags & FLAG_DEFERS_TIMERS != 0
    }
}
