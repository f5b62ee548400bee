//! GetProof: everything an offline verifier needs to trust one receipt or one leaf of the log.
//!
//! The proof stands at the block that holds the transaction: receipts, bodies and log leaves are
//! all proved against that one header, which its certificate makes final.

use super::block::{Block, damaged, not_found, signed};
use super::logged::{Asked, concerned};
use super::{Api, aside, broken, sets, status};
use crate::access::{Reader, Readers, Scope};
use crate::storage::RocksStore;
use linli_proto as wire;
use linli_proto::proof_request::Of;
use linli_runtime::accounts::NOBODY;
use linli_runtime::load_certificate;
use linli_runtime::log::leaf_path;
use linli_types::code::Code;
use linli_types::height::Height;
use linli_types::id::{Digest, PrincipalId, TxId};
use linli_types::merkle::{self, BlockTree};
use linli_types::receipt::{Param, Receipt};
use linli_types::transaction::body_leaf;
use std::collections::BTreeSet;
use tonic::Status;

impl Api {
    pub(super) async fn proof(
        &self,
        request: wire::ProofRequest,
        asked: Asked,
    ) -> Result<wire::ProofResponse, Status> {
        let malformed = || status(&Code::Malformed.refuse([Param::Word("of".into())]));
        let of = request.of.ok_or_else(malformed)?;
        let (store, readers) = (self.node.store(), self.readers.clone());
        let head = self.node.head().borrow().height;
        let reader = asked.reader.clone();
        let proved = aside(move || match of {
            Of::Transaction(id) => {
                let id = TxId::from_slice(&id).ok_or_else(malformed)?;
                let found = Block::of(&store, &id)?;
                let (block, index) = found.ok_or_else(|| not_found("transaction"))?;
                let about = check_reader(&readers, &reader, &block, index)?;
                prove(&store, &block, index, None).map(|proof| (proof, about))
            }
            Of::Leaf(leaf) => {
                let block = block_of_leaf(&store, leaf, head)?;
                let index = block.receipt_of_leaf(leaf).ok_or_else(|| not_found("leaf"))?;
                let about = check_reader(&readers, &reader, &block, index)?;
                prove(&store, &block, index, Some(leaf)).map(|proof| (proof, about))
            }
        });
        let (proof, about) = proved.await?;
        self.log_read(&asked, asked.others(about)).await?; // X4
        Ok(proof)
    }
}

/// Everything that proves a transaction's receipt, for this node itself; `None` while no block
/// holds it.
pub(crate) fn proof_of(
    store: &RocksStore,
    id: &TxId,
) -> Result<Option<wire::ProofResponse>, Status> {
    match Block::of(store, id)? {
        Some((block, index)) => prove(store, &block, index, None).map(Some),
        None => Ok(None),
    }
}

/// Whether the reader may see this; whom it is about, if it is not their own.
pub(super) fn check_reader(
    readers: &Readers,
    reader: &Reader,
    block: &Block,
    index: u32,
) -> Result<BTreeSet<PrincipalId>, Status> {
    let denied = || status(&Code::ReadDenied.refuse([]));
    if block.envelope(index).is_none() {
        // A timer is nobody's; what it moved is somebody's.
        return match reader.scope {
            Scope::All => Ok(concerned(NOBODY, block.receipt(index)?)),
            _ => Err(denied()),
        };
    }
    let sender = block.sender(index)?;
    if !readers.may_see(reader, &sender) {
        return Err(denied());
    }
    match reader.is_other(&sender) {
        true => Ok(concerned(sender, block.receipt(index)?)),
        false => Ok(BTreeSet::new()), // one's own deed
    }
}

/// Everything that proves one receipt, and one log leaf with it.
fn prove(
    store: &RocksStore,
    block: &Block,
    index: u32,
    leaf: Option<u64>,
) -> Result<wire::ProofResponse, Status> {
    let certificate = load_certificate(store, block.header.height).map_err(broken)?;
    let certificate = certificate.ok_or_else(|| damaged("a block without a certificate"))?;
    let receipt = block.receipt(index)?;
    let mut out = wire::ProofResponse {
        header: block.header.to_bytes(),
        certificate: linli_types::encode(&certificate),
        set_changes: sets::changes(store, block.header.height)?,
        index,
        count: len(block.receipts.len()),
        receipt: linli_types::encode(receipt),
        receipt_path: receipt_path(block, index)?,
        body_count: len(block.bodies.len()),
        ..Default::default()
    };
    add_body(&mut out, block, index)?;
    let (first, count) = receipt.log_leaves;
    if let Some(leaf) = leaf.or((count > 0).then_some(first)) {
        add_leaf(&mut out, store, block, leaf)?;
    }
    Ok(out)
}

fn receipt_path(block: &Block, index: u32) -> Result<Vec<Vec<u8>>, Status> {
    let leaves: Vec<Digest> = block.receipts.iter().map(Receipt::leaf).collect();
    let at = usize::try_from(index).unwrap_or(usize::MAX);
    path(merkle::path::<BlockTree>(&leaves, at))
}

/// The envelope and its place among the bodies; a fired timer has none.
fn add_body(out: &mut wire::ProofResponse, block: &Block, index: u32) -> Result<(), Status> {
    let Some(envelope) = block.envelope(index) else { return Ok(()) };
    let leaf = |body: &Vec<u8>| signed(body).map(|(id, signature)| body_leaf(&id, &signature));
    let leaves: Option<Vec<Digest>> = block.bodies.iter().map(leaf).collect();
    let leaves = leaves.ok_or_else(|| damaged("an unreadable body"))?;
    let at = usize::try_from(index).unwrap_or(usize::MAX).saturating_sub(block.fired());
    out.transaction.clone_from(envelope);
    out.body_index = len(at);
    out.body_path = path(merkle::path::<BlockTree>(&leaves, at))?;
    Ok(())
}

fn add_leaf(
    out: &mut wire::ProofResponse,
    store: &RocksStore,
    block: &Block,
    leaf: u64,
) -> Result<(), Status> {
    let nodes = leaf_path(store, leaf, block.header.log_size).map_err(broken)?;
    out.has_leaf = true;
    out.leaf_index = leaf;
    out.leaf_path = path(nodes)?;
    Ok(())
}

fn path(nodes: Option<Vec<Digest>>) -> Result<Vec<Vec<u8>>, Status> {
    let nodes = nodes.ok_or_else(|| damaged("a path to nothing"))?;
    Ok(nodes.iter().map(|node| node.0.to_vec()).collect())
}

fn len(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl Block {
    /// The receipt that appended a leaf.
    pub(super) fn receipt_of_leaf(&self, leaf: u64) -> Option<u32> {
        let made = |receipt: &Receipt| {
            let (first, count) = receipt.log_leaves;
            leaf.checked_sub(first).is_some_and(|after| after < u64::from(count))
        };
        self.receipts.iter().position(made).map(len)
    }
}

/// The first block after which the log holds the leaf: headers carry the log's size, which only
/// grows, so halving finds it.
pub(super) fn block_of_leaf(store: &RocksStore, leaf: u64, head: Height) -> Result<Block, Status> {
    let (mut low, mut high) = (1_u64, head.0);
    while low < high {
        let middle = low.midpoint(high);
        let block = linli_runtime::load_block(store, Height(middle)).map_err(broken)?;
        let size = block.ok_or_else(|| damaged("a missing block"))?.header.log_size;
        if size > leaf {
            high = middle;
        } else {
            low = middle.saturating_add(1);
        }
    }
    let block = Block::at(store, Height(low))?.ok_or_else(|| not_found("leaf"))?;
    if block.header.log_size > leaf { Ok(block) } else { Err(not_found("leaf")) }
}
