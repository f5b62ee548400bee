//! BLAKE3 with a name for every use.
//!
//! # Invariants
//!
//! - **D1 separate.** Every use has its own [`Domain`], so bytes hashed or signed for one purpose
//!   never pass for another.

use crate::id::{Digest, TxId};

/// What a digest or a signature is for. The text stands before the bytes, with a zero byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// A header; gives the block id.
    Header,
    /// A transaction body; gives the transaction id.
    Transaction,
    /// What a sender signs.
    TransactionSignature,
    /// What a validator signs for a vote.
    Vote,
    /// What a validator signs for a proposal.
    Proposal,
    /// A validator set.
    Validators,
    /// A leaf of the bodies tree.
    BodyLeaf,
    /// A leaf of the receipts tree.
    ReceiptLeaf,
    /// An inner node of the bodies or receipts tree.
    Inner,
    /// The path of a state entry.
    StatePath,
    /// A leaf of the state tree.
    StateLeaf,
    /// An entry of two accounts.
    Transfer,
    /// What a business id of the accounts stands for.
    Deed,
    /// The principal of a contract.
    Contract,
    /// The running digest of an account's entries.
    AccountHead,
    /// The running digest of the rows beside the tree.
    SideDigest,
    /// A timer's id.
    Timer,
    /// What a reader signs.
    Read,
    /// A file of a pack.
    PackEntry,
    /// A proof that two keys belong to one validator.
    Member,
    /// Everything that a rehearsal found.
    Rehearsal,
    /// What a validator signs for a rehearsal's report.
    RehearsalReport,
    /// A chunk of a batch of opening balances.
    Opening,
    /// What a validator signs for its receipt key.
    ReceiptKey,
    /// What an SM2 key signs to show that its holder has it.
    Sm2Possession,
}

impl Domain {
    /// The text that stands before the bytes.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Header => "linli.header.v1",
            Self::Transaction => "linli.transaction.v1",
            Self::TransactionSignature => "linli.transaction-signature.v1",
            Self::Vote => "linli.vote.v1",
            Self::Proposal => "linli.proposal.v1",
            Self::Validators => "linli.validators.v1",
            Self::BodyLeaf => "linli.body-leaf.v1",
            Self::ReceiptLeaf => "linli.receipt-leaf.v1",
            Self::Inner => "linli.inner.v1",
            Self::StatePath => "linli.state-path.v1",
            Self::StateLeaf => "linli.state-leaf.v1",
            Self::Transfer => "linli.transfer.v1",
            Self::Deed => "linli.deed.v1",
            Self::Contract => "linli.contract.v1",
            Self::AccountHead => "linli.account-head.v1",
            Self::SideDigest => "linli.side-digest.v1",
            Self::Timer => "linli.timer.v1",
            Self::Read => "linli.read.v1",
            Self::PackEntry => "linli.pack-entry.v1",
            Self::Member => "linli.member.v1",
            Self::Rehearsal => "linli.rehearsal.v1",
            Self::RehearsalReport => "linli.rehearsal-report.v1",
            Self::Opening => "linli.opening.v1",
            Self::ReceiptKey => "linli.receipt-key.v1",
            Self::Sm2Possession => "linli.sm2-possession.v1",
        }
    }
}

/// The digest of `parts`, one after the other, in `domain`.
pub fn hash(domain: Domain, parts: &[&[u8]]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(domain.text().as_bytes()).update(&[0]);
    for part in parts {
        hasher.update(part);
    }
    Digest(*hasher.finalize().as_bytes())
}

/// The plain BLAKE3 digest of `bytes`, for things that have one use only (genesis, code, files).
pub fn plain(bytes: &[u8]) -> Digest {
    Digest(*blake3::hash(bytes).as_bytes())
}

/// The id of a transaction: the digest of its body's exact bytes.
pub fn transaction_id(body: &[u8]) -> TxId {
    TxId(hash(Domain::Transaction, &[body]).0)
}
