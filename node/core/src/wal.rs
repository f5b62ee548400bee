//! The log of the height under way: what must survive a crash so that no second vote is signed and
//! the height can go on.
//!
//! # Invariants
//!
//! - **W1 one height.** Records name their height; those of another height are left alone. The log
//!   is reset when its height is durable.

use crate::message::{PolkaCertificate, SignedProposal, SignedVote};
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::height::Height;
use linli_types::id::{BlockId, BodyId, PublicKey};

/// A step's wait that ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub(crate) enum Wait {
    Propose,
    Prevote,
    Precommit,
    Resend,
}

/// What is logged, in the order in which consensus took it in.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Entry {
    /// A vote, own or of others.
    Vote(SignedVote),
    /// A proposal, own or of others.
    Proposal(SignedProposal),
    /// A wait ran out.
    TimedOut { wait: Wait, round: u32 },
    /// The verdict on a block.
    Judged { round: u32, proposer: PublicKey, block: BlockId, valid: bool },
    /// A proof of lock.
    Polka(PolkaCertificate),
    /// A whole proposed block.
    Block { round: u32, header: Vec<u8>, transactions: Vec<BodyId> },
    /// Bodies of a block, in order.
    Bodies(Vec<Vec<u8>>),
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Record {
    pub(crate) height: Height,
    pub(crate) entry: Entry,
}

impl Record {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        linli_types::encode(self)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::try_from_slice(bytes).ok()
    }
}

/// The record that [`crate::Action::WalBodies`] asks for.
pub fn bodies_record(height: Height, bodies: Vec<Vec<u8>>) -> Vec<u8> {
    Record { height, entry: Entry::Bodies(bodies) }.to_bytes()
}
