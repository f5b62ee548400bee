//! A pack that a court can check: a signed statement with all that stands beside it.
//!
//! Making one checks it first: its explanation says only what was proved, so nothing can be sealed
//! that does not hold.
//!
//! ```text
//! Whole ──check──▶ Report ──explain──▶ explanation.txt, explanation.pdf ──seal──▶ bytes
//! ```

use crate::check::{Trust, examine_sealed};
use crate::cose::{self, receipt::Receipt};
use crate::explain;
use crate::failure::Failure;
use crate::file::FileDigests;
use crate::pack::{self, BlockProof, LogPlace, Pack, ProvedEntry, ReceiptPlace, TransactionPlace};
use crate::report::Edition;
use crate::seal::{Kind, Name};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::certificate::Certificate;
use linli_types::delegation::Delegation;
use linli_types::encode;
use linli_types::header::Header;
use linli_types::signature::Verify;

/// A time-stamp token over a later block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TokenProof {
    /// The block whose header was stamped.
    pub header: Header,
    /// The validators' signatures.
    pub certificate: Certificate,
    /// The same leaf in that block's log.
    pub place: LogPlace,
    /// The token (RFC 3161), DER.
    pub token: Vec<u8>,
}

/// A later state of the log that validators signed and witnesses cosigned.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CheckpointProof {
    /// The signed note (C2SP).
    pub note: String,
    /// The same leaf in that log.
    pub place: LogPlace,
    /// By whose word the keys of the log's own lines sign.
    pub keys: Vec<Delegation>,
    /// The note keys of the witnesses. Whether a witness is to be believed is the reader's to say.
    pub witnesses: Vec<String>,
}

/// What stood in the ledger later: the policy in force when the evidence was anchored, and what
/// became of the record since.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LaterState {
    /// The block whose state it is.
    pub header: Header,
    /// The validators' signatures.
    pub certificate: Certificate,
    /// The version's row; and the next one's, which is absent or begins later.
    pub policy: [ProvedEntry; 2],
    /// The evidence room's row of the record; absent as long as nothing happened to it.
    pub record: Option<ProvedEntry>,
}

/// What a whole pack holds on top of its block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// The manifest's exact bytes.
    pub manifest: Vec<u8>,
    /// The signed statement's exact bytes.
    pub statement: Vec<u8>,
    /// The organisation's second signature: the bytes of [`crate::sm2::Signed`].
    pub sm2: Option<Vec<u8>>,
    /// The leaf's place in the block's log.
    pub log: LogPlace,
    /// COSE receipts of validators, each with the delegation of its key.
    pub receipts: Vec<(Receipt, Delegation)>,
    /// Who asked for it.
    pub transaction: TransactionPlace,
    /// What became of the request.
    pub receipt: ReceiptPlace,
    /// A token of a time-stamp authority.
    pub token: Option<TokenProof>,
    /// A cosigned state of the log.
    pub checkpoint: Option<CheckpointProof>,
    /// The platform statement's exact bytes, whose digest the manifest holds.
    pub platform: Option<Vec<u8>>,
    /// The policy in force, and the record as it stood later.
    pub policy: Option<LaterState>,
    /// The files that stand inside, by name; the others are given beside the pack.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Whole {
    /// Checks everything and seals it with its explanation. `files` are those beside the pack.
    ///
    /// # Errors
    ///
    /// [`Failure`] names the layer that does not hold: no such pack is made.
    pub fn seal(
        &self,
        block: &BlockProof,
        files: &[FileDigests],
        genesis: &[u8],
        verify: &dyn Verify,
    ) -> Result<Pack<'static>, Failure> {
        let mut entries = self.entries();
        entries.extend(block.entries());
        let bare = pack::sealed(Kind::Whole, entries.clone(), self.files.clone());
        let report = examine_sealed(&bare, files, &Trust::read(genesis)?, verify).outcome?;
        entries.push((Name::ExplanationText, explain::text(&report, Edition::NOW).into_bytes()));
        entries.push((Name::ExplanationPage, explain::page(&report, Edition::NOW)));
        Ok(Pack(pack::sealed(Kind::Whole, entries, self.files.clone())))
    }

    fn entries(&self) -> Vec<(Name, Vec<u8>)> {
        let mut entries = alloc::vec![
            (Name::Manifest, self.manifest.clone()),
            (Name::Cose, self.statement.clone()),
            (Name::Log, encode(&self.log)),
            (Name::Transaction, encode(&self.transaction)),
            (Name::Receipt, encode(&self.receipt)),
        ];
        if !self.receipts.is_empty() {
            let (receipts, keys): (Vec<_>, Vec<_>) = self.receipts.iter().cloned().unzip();
            entries.push((Name::Receipts, cose::bare::array(&receipts)));
            entries.push((Name::Keys, encode(&keys)));
        }
        entries.extend(self.sm2.clone().map(|bytes| (Name::Sm2, bytes)));
        entries.extend(self.token.as_ref().map(|token| (Name::Token, encode(token))));
        entries.extend(self.checkpoint.as_ref().map(|c| (Name::Checkpoint, encode(c))));
        entries.extend(self.platform.clone().map(|bytes| (Name::Platform, bytes)));
        entries.extend(self.policy.as_ref().map(|p| (Name::Policy, encode(p))));
        entries
    }
}
