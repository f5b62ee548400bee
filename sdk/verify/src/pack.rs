//! What a pack holds, as values. How it is written is `seal`; whether it holds is `check`; what a
//! pack with a signed statement holds is `whole`.

use crate::failure::Failure;
use crate::manifest::{Listed, Manifest};
use crate::seal::{Kind, Name, Sealed};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::certificate::Certificate;
use linli_types::encode;
use linli_types::header::Header;
use linli_types::id::{Digest, Signature};
use linli_types::receipt::Receipt;
use linli_types::state_proof::StateProof;
use linli_types::validator::ValidatorSet;

/// A leaf's place in the log and the way up.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LogPlace {
    /// Its index.
    pub leaf: u64,
    /// Size of the log that the way is in: the block's.
    pub size: u64,
    /// Siblings, from the leaf up.
    pub path: Vec<Digest>,
}

/// A signed request and its place among the block's transactions.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TransactionPlace {
    /// The exact body that was signed.
    pub body: Vec<u8>,
    /// The sender's signature.
    pub signature: Signature,
    /// Its index.
    pub index: u32,
    /// Transactions of the block.
    pub count: u32,
    /// Siblings, from the leaf up.
    pub path: Vec<Digest>,
}

/// A receipt and its place among the block's receipts.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ReceiptPlace {
    /// The receipt.
    pub receipt: Receipt,
    /// Its index: fired timers stand first.
    pub index: u32,
    /// Receipts of the block.
    pub count: u32,
    /// Siblings, from the leaf up.
    pub path: Vec<Digest>,
}

/// A stored entry, present or absent.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ProvedEntry {
    /// Full key: the room's name, a zero byte, the room's own key.
    pub key: Vec<u8>,
    /// What stands there; `None` if nothing does.
    pub value: Option<Vec<u8>>,
    /// The way to the state root.
    pub proof: StateProof,
}

/// What a computed query said. Not proved: the entries it read are.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Answer {
    /// The room asked.
    pub room: String,
    /// The query's name.
    pub query: String,
    /// The request message.
    pub args: Vec<u8>,
    /// The result message.
    pub result: Vec<u8>,
}

/// A block at which the validator set changed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SetChange {
    /// Its header.
    pub header: Header,
    /// By the set in force until then.
    pub certificate: Certificate,
    /// The set from the next height on.
    pub next: ValidatorSet,
}

/// A certified block and how its validators came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockProof {
    /// The header.
    pub header: Header,
    /// The validators' signatures.
    pub certificate: Certificate,
    /// Every change of the set since the genesis, oldest first.
    pub sets: Vec<SetChange>,
}

impl BlockProof {
    pub(crate) fn entries(&self) -> [(Name, Vec<u8>); 3] {
        [
            (Name::Header, self.header.to_bytes()),
            (Name::Certificate, encode(&self.certificate)),
            (Name::Sets, encode(&self.sets)),
        ]
    }
}

/// Entries in their order, whatever the order in which they were made.
pub(crate) fn sealed(
    kind: Kind,
    mut entries: Vec<(Name, Vec<u8>)>,
    files: Vec<(String, Vec<u8>)>,
) -> Sealed<'static> {
    entries.sort_by_key(|(name, _)| *name);
    let entries = entries.into_iter().map(|(name, bytes)| (name, bytes.into())).collect();
    let mut files: Vec<_> = files.into_iter().map(|(n, b)| (n.into(), b.into())).collect();
    files.sort();
    Sealed { kind, entries, files }
}

/// What is proved on top of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Files were anchored.
    Evidence {
        /// The manifest's exact bytes.
        manifest: Vec<u8>,
        /// The statement's exact bytes.
        statement: Vec<u8>,
        /// Its place in the log.
        log: LogPlace,
        /// Who asked for it.
        transaction: TransactionPlace,
        /// What became of the request: only this ties the statement to the room that made it.
        receipt: ReceiptPlace,
    },
    /// A transaction had this receipt.
    Receipt {
        /// The request.
        transaction: Option<TransactionPlace>,
        /// The receipt.
        receipt: ReceiptPlace,
    },
    /// Entries stood in the ledger after the block, or did not.
    State {
        /// The entries.
        entries: Vec<ProvedEntry>,
        /// What was computed from them.
        answer: Option<Answer>,
    },
    /// An account stood so after the block, and these are all its entries.
    Account {
        /// The account's row, alone.
        rows: Vec<ProvedEntry>,
        /// Its entries, the opening first.
        lines: Vec<linli_types::account::Entry>,
    },
}

/// A pack: opened, its entries unread, and nothing believed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack<'a>(pub(crate) Sealed<'a>);

impl Pack<'static> {
    /// Seals contents and block into a pack.
    pub fn new(contents: &Contents, block: &BlockProof) -> Self {
        let mut entries = Vec::new();
        let kind = match contents {
            Contents::Evidence { manifest, statement, log, transaction, receipt } => {
                entries.push((Name::Manifest, manifest.clone()));
                entries.push((Name::Statement, statement.clone()));
                entries.push((Name::Log, encode(log)));
                entries.push((Name::Transaction, encode(transaction)));
                entries.push((Name::Receipt, encode(receipt)));
                Kind::Evidence
            }
            Contents::Receipt { transaction, receipt } => {
                entries.extend(transaction.as_ref().map(|t| (Name::Transaction, encode(t))));
                entries.push((Name::Receipt, encode(receipt)));
                Kind::Receipt
            }
            Contents::State { entries: proved, answer } => {
                entries.push((Name::Entries, encode(proved)));
                entries.extend(answer.as_ref().map(|a| (Name::Answer, encode(a))));
                Kind::State
            }
            Contents::Account { rows, lines } => {
                entries.push((Name::Entries, encode(rows)));
                entries.push((Name::Lines, encode(lines)));
                Kind::Account
            }
        };
        entries.extend(block.entries());
        Self(sealed(kind, entries, Vec::new()))
    }
}

impl<'a> Pack<'a> {
    /// The pack's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    /// Opens a pack.
    ///
    /// # Errors
    ///
    /// [`Failure`] of the layer `Pack`: the bytes are not the one spelling of a pack.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, Failure> {
        Sealed::from_bytes(bytes).map(Self)
    }

    /// The files that must be given beside it, as its manifest lists them; none if that cannot be
    /// read, which the check then says.
    pub fn files_beside(&self) -> Vec<Listed> {
        let manifest = self.0.find(Name::Manifest).map(Manifest::from_bytes);
        let listed = manifest.and_then(Result::ok).map(|manifest| manifest.files);
        let is_inside = |one: &Listed| self.0.files.iter().any(|(name, _)| *name == one.name);
        listed.unwrap_or_default().into_iter().filter(|one| !is_inside(one)).collect()
    }

    /// What it claims to prove.
    pub const fn kind(&self) -> Kind {
        self.0.kind
    }
}
