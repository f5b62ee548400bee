//! One committed block, read whole from the store, and what single transactions of it are.

use super::{broken, status};
use crate::storage::RocksStore;
use linli_runtime::{StoredBlock, load_block, load_receipts, locate};
use linli_types::code::Code;
use linli_types::digest;
use linli_types::header::Header;
use linli_types::height::Height;
use linli_types::id::{PrincipalId, Signature, TxId};
use linli_types::receipt::{Cause, Receipt};
use linli_types::store::Broken;
use linli_types::wire::{SignedTransaction, TransactionBody};
use prost::Message;
use tonic::Status;

/// A block with its receipts.
pub(super) struct Block {
    pub(super) header: Header,
    pub(super) bodies: Vec<Vec<u8>>,
    pub(super) receipts: Vec<Receipt>,
}

impl Block {
    /// The block of a height, if it stands.
    pub(super) fn at(store: &RocksStore, height: Height) -> Result<Option<Self>, Status> {
        let Some(block) = load_block(store, height).map_err(broken)? else { return Ok(None) };
        let receipts = load_receipts(store, height).map_err(broken)?;
        let receipts = receipts.ok_or_else(|| damaged("a block without receipts"))?;
        let StoredBlock { header, bodies } = block;
        Ok(Some(Self { header, bodies, receipts }))
    }

    /// The block that holds a transaction, and its receipt's index.
    pub(super) fn of(store: &RocksStore, id: &TxId) -> Result<Option<(Self, u32)>, Status> {
        let Some((height, index)) = locate(store, id).map_err(broken)? else { return Ok(None) };
        let block = Self::at(store, height)?;
        Ok(Some((block.ok_or_else(|| damaged("an index to no block"))?, index)))
    }

    /// How many receipts belong to fired timers: they stand before the transactions.
    pub(super) fn fired(&self) -> usize {
        self.receipts.len().saturating_sub(self.bodies.len())
    }

    /// A receipt by its index.
    pub(super) fn receipt(&self, index: u32) -> Result<&Receipt, Status> {
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        self.receipts.get(at).ok_or_else(|| damaged("an index to no receipt"))
    }

    /// The envelope to a receipt's index; `None` for a fired timer.
    pub(super) fn envelope(&self, index: u32) -> Option<&Vec<u8>> {
        let at = usize::try_from(index).ok()?.checked_sub(self.fired())?;
        self.bodies.get(at)
    }

    /// Whose transaction a receipt is for.
    pub(super) fn sender(&self, index: u32) -> Result<PrincipalId, Status> {
        let envelope = self.envelope(index).ok_or_else(|| damaged("a receipt without a body"))?;
        sender(envelope).ok_or_else(|| damaged("an unreadable body"))
    }
}

/// The sender that an envelope names.
pub(super) fn sender(envelope: &[u8]) -> Option<PrincipalId> {
    let signed = SignedTransaction::decode(envelope).ok()?;
    let body = TransactionBody::decode(signed.body.as_slice()).ok()?;
    PrincipalId::from_slice(&body.sender)
}

/// Id and signature of an envelope: what its leaf in the bodies tree is made of.
pub(super) fn signed(envelope: &[u8]) -> Option<(TxId, Signature)> {
    let signed = SignedTransaction::decode(envelope).ok()?;
    Some((digest::transaction_id(&signed.body), Signature::from_slice(&signed.signature)?))
}

/// The transaction that a receipt is for; empty for a timer.
pub(super) fn transaction(receipt: &Receipt) -> Vec<u8> {
    match receipt.cause {
        Cause::Transaction(id) => id.0.to_vec(),
        Cause::Timer(_) => Vec::new(),
    }
}

/// This node's own rows do not fit together.
pub(super) fn damaged(what: &str) -> Status {
    broken(Broken(what.to_owned()))
}

/// Nothing under that name.
pub(super) fn not_found(what: &str) -> Status {
    let word = linli_types::receipt::Param::Word(what.to_owned());
    status(&Code::NotFound.refuse([word]))
}
