//! Gathering what proves registered statements, for packs of version 2.
//!
//! ```text
//! GetProof ──▶ block, request, receipt ─┐
//! GetCoseReceipt ─▶ receipts, places ───┼─▶ Proved ──seal──▶ pack
//! later ─▶ token, checkpoint, policy ───┘
//! ```
//!
//! # Invariants
//!
//! - **G2 sealed or not.** What comes from a node is believed by nobody: sealing verifies it. What only
//!   stands beside the proof (token, checkpoint, policy, receipts of validators) is left out if it does
//!   not hold, and the caller learns why.

use super::{block_proof, receipt_place, transaction_place};
use crate::client::Client;
use crate::cose::{Answered, Leaves};
use crate::error::{Error, ErrorKind};
use linli_proto::ProofResponse;
use linli_types::id::Digest;
use linli_types::limits::COSE_LEAVES_MAX;
use linli_types::signature::Verify;
use linli_verify::cose::statement;
use linli_verify::manifest::Listed;
use linli_verify::pack::{BlockProof, LogPlace, ReceiptPlace, TransactionPlace};
use linli_verify::{Failure, FileDigests, Layer, Manifest, Whole};
use std::time::Duration;

/// Of how many organisations receipts are wanted.
pub const ORGANISATIONS: u32 = 2;
/// So often they are asked for, and the pause between: a node waits for the others by itself.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// What is at hand of a statement before a node is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The manifest's exact bytes.
    pub manifest: Vec<u8>,
    /// The statement's.
    pub statement: Vec<u8>,
    /// The second signature, as a pack holds it.
    pub second: Option<Vec<u8>>,
    /// The platform statement's exact bytes.
    pub platform: Option<Vec<u8>>,
    /// The files that stand inside, by name.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Everything for one pack, unbelieved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The statement, and what stands beside it.
    pub whole: Whole,
    /// Its block. The sets reach to the latest block that anything beside it is proved in.
    pub block: BlockProof,
}

/// A pack's bytes, and what was left out of it because it did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The pack.
    pub bytes: Vec<u8>,
    /// Why each part that is missing is.
    pub left_out: Vec<Failure>,
}

impl Client {
    /// What proves statements that one transaction registered: `of` names it, or one of its leaves.
    ///
    /// # Errors
    ///
    /// Refused, no answer, or one that registers another statement.
    pub async fn gather(&self, of: Leaves, kept: &[Kept]) -> Result<Vec<Proved>, Error> {
        let proof = match of {
            Leaves::Of(id) => self.proof(id).await?,
            Leaves::From(leaf) => self.proof_of_leaf(leaf).await?,
        };
        let places = self.places(of, &proof, kept.len()).await?;
        let common = Common::read(&proof)?;
        let whole = |kept: &Kept| common.proved(kept, &places);
        let mut all = kept.iter().map(whole).collect::<Result<Vec<_>, _>>()?;
        self.add_later(&mut all).await?;
        self.add_state(&mut all).await?;
        // Last: by now the other validators have the block too.
        self.add_receipts(&mut all).await?;
        Ok(all)
    }

    /// Adds what came since: receipts of more organisations, a token, a checkpoint, what became of
    /// the record.
    ///
    /// # Errors
    ///
    /// Refused, or no answer.
    pub async fn renew(&self, proved: &mut Proved) -> Result<(), Error> {
        let one = std::slice::from_mut(proved);
        self.add_later(one).await?;
        self.add_state(one).await?;
        self.add_receipts(one).await
    }

    /// Each leaf's hash and place. Of one alone the proof tells, whatever else the node can do.
    async fn places(
        &self,
        of: Leaves,
        proof: &ProofResponse,
        count: usize,
    ) -> Result<Vec<LogPlace>, Error> {
        if count == 1 {
            let size = block_proof(proof)?.header.log_size;
            let path = super::path(&proof.leaf_path)?;
            return Ok(vec![LogPlace { leaf: proof.leaf_index, size, path }]);
        }
        let answered = self.cose_leaves(of, bounded(count), 1).await?;
        Ok(answered.leaves.into_iter().map(|(_, place)| place).collect())
    }

    /// Receipts of at least two organisations, if the node can have them in a bounded time.
    async fn add_receipts(&self, all: &mut [Proved]) -> Result<(), Error> {
        let Some(first) = all.iter().map(|one| one.whole.log.leaf).min() else { return Ok(()) };
        let count = bounded(all.len());
        let mut tries = 0;
        let answered = loop {
            let asked = self.cose_leaves(Leaves::From(first), count, ORGANISATIONS).await;
            let Some(answered) = optional(asked)? else { return Ok(()) };
            tries += 1;
            if answered.organisations >= ORGANISATIONS as usize || tries == TRIES {
                break answered;
            }
            tokio::time::sleep(PAUSE).await;
        };
        for one in all {
            one.take_receipts(&answered);
        }
        Ok(())
    }
}

fn bounded(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX).min(COSE_LEAVES_MAX)
}

/// What a pack can do without: a node that does not have it, or refuses it, holds nothing up. One
/// that gave no answer is asked again by whoever asks for the pack.
pub(super) fn optional<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(why) if matches!(why.kind(), ErrorKind::Refused | ErrorKind::BadAnswer) => Ok(None),
        Err(why) => Err(why),
    }
}

/// What statements of one transaction share.
struct Common {
    block: BlockProof,
    transaction: TransactionPlace,
    receipt: ReceiptPlace,
}

impl Common {
    fn read(proof: &ProofResponse) -> Result<Self, Error> {
        let transaction =
            transaction_place(proof)?.ok_or_else(|| super::bad("没有交易", "no transaction"))?;
        Ok(Self { block: block_proof(proof)?, transaction, receipt: receipt_place(proof)? })
    }

    fn proved(&self, kept: &Kept, places: &[LogPlace]) -> Result<Proved, Error> {
        let signed = statement::parse(&kept.statement);
        let signed = signed.map_err(|_| super::bad("声明不可读", "the statement is unreadable"))?;
        let leaf = signed.leaf();
        let log = places.iter().find(|place| leads(place, leaf, &self.block));
        let other = || super::bad("登记的是另一份声明", "another statement was registered");
        let whole = Whole {
            manifest: kept.manifest.clone(),
            statement: kept.statement.clone(),
            sm2: kept.second.clone(),
            log: log.ok_or_else(other)?.clone(),
            receipts: Vec::new(),
            transaction: self.transaction.clone(),
            receipt: self.receipt.clone(),
            token: None,
            checkpoint: None,
            platform: kept.platform.clone(),
            policy: None,
            files: kept.files.clone(),
        };
        Ok(Proved { whole, block: self.block.clone() })
    }
}

/// Whether a place leads from this leaf to the log of the block.
fn leads(place: &LogPlace, leaf: Digest, block: &BlockProof) -> bool {
    let LogPlace { leaf: index, size, path } = place;
    let root = linli_types::merkle::root_from_path::<linli_types::merkle::Sha256Log>;
    root(leaf, *index, *size, path) == Some(block.header.log_root)
}

impl Proved {
    /// The receipts of its own leaf; more than it has, and of the same block.
    fn take_receipts(&mut self, answered: &Answered) {
        let own = &self.whole.log;
        let is_it = answered.header == self.block.header;
        let place = answered.leaves.iter().find(|(_, place)| place.leaf == own.leaf);
        let Some((_, place)) = place.filter(|_| is_it) else { return };
        let receipts = answered.receipts(place);
        if receipts.len() > self.whole.receipts.len() {
            self.whole.receipts = receipts;
        }
    }

    /// Organisations whose receipt keys signed, as far as the block's set is known to the caller: one
    /// receipt each.
    pub const fn organisations(&self) -> usize {
        self.whole.receipts.len()
    }

    /// The sets reach to the later of two blocks.
    pub(super) fn reach(&mut self, other: &BlockProof) {
        if other.sets.len() > self.block.sets.len() {
            self.block.sets.clone_from(&other.sets);
        }
    }

    /// Checks everything and seals it. What stands beside the proof and does not hold is left out.
    ///
    /// # Errors
    ///
    /// [`Failure`] names the layer that does not hold: the node's proof is none.
    pub fn seal(&mut self, genesis: &[u8], verify: &dyn Verify) -> Result<Sealed, Failure> {
        let files = self.beside();
        let mut left_out = Vec::new();
        loop {
            match self.whole.seal(&self.block, &files, genesis, verify) {
                Ok(pack) => return Ok(Sealed { bytes: pack.to_bytes(), left_out }),
                Err(why) if self.leave_out(why.layer()) => left_out.push(why), // G2
                Err(why) => return Err(why),
            }
        }
    }

    /// Leaves out what a layer checks; whether there was anything.
    fn leave_out(&mut self, layer: Layer) -> bool {
        let whole = &mut self.whole;
        match layer {
            Layer::Token => whole.token.take().is_some(),
            Layer::Checkpoint => whole.checkpoint.take().is_some(),
            Layer::Policy => whole.policy.take().is_some(),
            Layer::Cose | Layer::ReceiptKey => !std::mem::take(&mut whole.receipts).is_empty(),
            _ => false,
        }
    }

    /// The files that are not inside, as the manifest lists them; none if it cannot be read, which
    /// the verifier then says.
    pub fn beside(&self) -> Vec<FileDigests> {
        let inside = |file: &Listed| self.whole.files.iter().any(|(name, _)| *name == file.name);
        let files = listed(&self.whole.manifest).into_iter().filter(|file| !inside(file));
        files.map(digests).collect()
    }
}

fn listed(manifest: &[u8]) -> Vec<Listed> {
    Manifest::from_bytes(manifest).map(|manifest| manifest.files).unwrap_or_default()
}

fn digests(file: Listed) -> FileDigests {
    let Listed { name, size, sha256, sm3, .. } = file;
    FileDigests { name, size, sha256, sm3 }
}

/// The digests of the files that a manifest lists; none if it cannot be read.
pub fn files_of(manifest: &[u8]) -> Vec<FileDigests> {
    listed(manifest).into_iter().map(digests).collect()
}
