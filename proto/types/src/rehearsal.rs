//! What a rehearsal found: the words that validators report and sign.
//!
//! A motion that puts contract code in force is rehearsed by every validator: past transactions are
//! performed with the code that runs and with the code proposed, and what differs is listed.
//!
//! # Invariants
//!
//! - **E1 one spelling.** Two validators that found the same report the same bytes.

use crate::certificate::preimage;
use crate::digest::{self, Domain};
use crate::height::Height;
use crate::id::{ChainId, Digest};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// What can differ; a difference holds the sum of those that do.
pub mod what {
    /// Done or refused, the code or its parameters.
    pub const OUTCOME: u8 = 1;
    /// Results of calls.
    pub const RESULTS: u8 = 2;
    /// Events.
    pub const EVENTS: u8 = 4;
    /// Statements appended to the evidence log.
    pub const STATEMENTS: u8 = 8;
    /// Entries and business ids.
    pub const ROWS: u8 = 16;
}

/// One transaction or timer that the proposed code does otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Difference {
    /// Its block.
    pub height: Height,
    /// Its place among the block's receipts.
    pub index: u32,
    /// Sum of what differs ([`what`]).
    pub what: u8,
}

/// What a rehearsal found.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Report {
    /// Over every difference and every other field (E1).
    pub digest: Digest,
    /// The lowest height that was looked at.
    pub from: Height,
    /// Blocks that touched the contract.
    pub blocks: u32,
    /// Their transactions and timers that were performed.
    pub performed: u32,
    /// How many of them differ.
    pub differences: u64,
    /// The first of those, at most [`crate::limits::REHEARSAL_LISTED_MAX`].
    pub first: Vec<Difference>,
    /// The first invariant that broke; empty if none did.
    pub broken: String,
}

impl Report {
    /// The report with its digest, which runs on from that over every difference.
    #[must_use]
    pub fn sealed(mut self, all: &Digest) -> Self {
        self.digest = Digest::default();
        self.digest = digest::hash(Domain::Rehearsal, &[&all.0, &crate::encode(&self)]);
        self
    }

    /// The bytes that a validator signs: domain, chain, motion, report.
    pub fn signing_bytes(&self, chain: &ChainId, motion: &[u8; 16]) -> Vec<u8> {
        let mut bytes = preimage(Domain::RehearsalReport, chain);
        bytes.extend_from_slice(motion);
        bytes.extend_from_slice(&crate::encode(self));
        bytes
    }
}
