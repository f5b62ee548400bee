//! GetCoseReceipt and GetConsistency: the evidence log in the words of RFC 9942 and RFC 9162.

use super::block::{Block, damaged, not_found};
use super::logged::Asked;
use super::proof::{block_of_leaf, check_reader};
use super::{Api, aside, broken, sets, status};
use crate::storage::RocksStore;
use linli_proto as wire;
use linli_proto::cose_receipt_request::Of;
use linli_runtime::log::{consistency, leaf, range_path, root_at};
use linli_runtime::{load_certificate, validators};
use linli_types::code::Code;
use linli_types::height::Height;
use linli_types::id::{Digest, TxId};
use linli_types::limits::{COSE_LEAVES_MAX, VALIDATORS_MAX};
use linli_types::merkle::{self, Sha256Log};
use linli_types::receipt::Param;
use linli_types::validator::ValidatorSet;
use linli_verify::pack::LogPlace;
use tonic::Status;

/// Organisations whose signatures a receipt carries unless more are asked for.
const ORGANISATIONS: u32 = 2;

/// What proves leaves of one transaction, but for the receipt keys' signatures.
pub(crate) struct LeafSight {
    pub(crate) header: linli_types::header::Header,
    pub(crate) certificate: linli_types::certificate::Certificate,
    pub(crate) set: ValidatorSet,
    /// Index of the first leaf.
    pub(crate) first: u64,
    /// Hash of each leaf.
    pub(crate) leaves: Vec<Digest>,
    /// What proves them together.
    pub(crate) given: Vec<Digest>,
}

impl LeafSight {
    /// Each leaf's hash and place.
    pub(crate) fn places(&self) -> Vec<(Digest, LogPlace)> {
        let size = self.header.log_size;
        let found = merkle::range::paths::<Sha256Log>(&self.leaves, self.first, size, &self.given);
        let paths = found.map(|(_, paths)| paths).unwrap_or_default();
        let leaves = (self.first..).zip(&self.leaves).zip(paths);
        leaves.map(|((leaf, hash), path)| (*hash, LogPlace { leaf, size, path })).collect()
    }
}

impl Api {
    pub(super) async fn cose_receipt(
        &self,
        request: wire::CoseReceiptRequest,
        asked: Asked,
    ) -> Result<wire::CoseReceiptResponse, Status> {
        let malformed = || status(&Code::Malformed.refuse([Param::Word("of".into())]));
        let of = request.of.ok_or_else(malformed)?;
        let count = request.count.max(1);
        if count > COSE_LEAVES_MAX {
            let [found, max] = [count, COSE_LEAVES_MAX].map(|n| Param::Number(n.into()));
            let count = Param::Word("count".into());
            return Err(status(&Code::TooLarge.refuse([count, found, max])));
        }
        let (store, readers, reader) =
            (self.node.store(), self.readers.clone(), asked.reader.clone());
        let head = self.node.head().borrow().height;
        let found = aside(move || {
            let (block, index, first) = match of {
                Of::Transaction(id) => {
                    let id = TxId::from_slice(&id).ok_or_else(malformed)?;
                    of_transaction(&store, &id)?
                }
                Of::Leaf(leaf) => {
                    let block = block_of_leaf(&store, leaf, head)?;
                    let index = block.receipt_of_leaf(leaf).ok_or_else(|| not_found("leaf"))?;
                    (block, index, leaf)
                }
            };
            let about = check_reader(&readers, &reader, &block, index)?;
            let sight = sight(&store, &block, index, (first, count))?;
            Ok((sets::changes(&store, sight.header.height)?, sight, about))
        });
        let (set_changes, sight, about) = found.await?;
        let organisations = match request.organisations {
            0 => ORGANISATIONS,
            n => n.min(VALIDATORS_MAX as u32),
        };
        let height = sight.header.height;
        let signers = self.node.receipts().of(height, organisations as usize).await;
        let signers = signers.map_err(broken)?;
        let signers = signers.iter().map(|signer| wire::CoseSigner {
            delegation: linli_types::encode(&signer.delegation),
            signature: signer.signature.0.to_vec(),
        });
        let response = wire::CoseReceiptResponse {
            header: sight.header.to_bytes(),
            certificate: linli_types::encode(&sight.certificate),
            validators: linli_types::encode(&sight.set),
            set_changes,
            first_leaf: sight.first,
            leaves: joined(&sight.leaves),
            range_path: joined(&sight.given),
            signers: signers.collect(),
        };
        self.log_read(&asked, asked.others(about)).await?; // X4
        Ok(response)
    }

    pub(super) async fn consistency(
        &self,
        request: wire::ConsistencyRequest,
    ) -> Result<wire::ConsistencyResponse, Status> {
        let size = self.node.head().borrow().log_size;
        let (from, to) = match (request.from, request.to) {
            (from, 0) => (from, size),
            sizes => sizes,
        };
        if from == 0 || from > to || to > size {
            return Err(not_found("log"));
        }
        let (store, head) = (self.node.store(), self.node.head().borrow().height);
        aside(move || {
            let path = consistency(&store, from, to).map_err(broken)?;
            let path = path.ok_or_else(|| damaged("a path to nothing"))?;
            let (old, new) = (ended_at(&store, from, head)?, ended_at(&store, to, head)?);
            let last = [&new, &old].into_iter().flatten().map(|(height, _)| *height).max();
            let set_changes = last.map(|height| sets::changes(&store, height)).transpose()?;
            Ok(wire::ConsistencyResponse {
                from,
                to,
                from_root: root_at(&store, from).map_err(broken)?.0.to_vec(),
                to_root: root_at(&store, to).map_err(broken)?.0.to_vec(),
                path: joined(&path),
                from_block: old.map(|(_, block)| block),
                to_block: new.map(|(_, block)| block),
                set_changes: set_changes.unwrap_or_default(),
            })
        })
        .await
    }
}

/// The block after which the log had `size` leaves, where one ended there.
fn ended_at(
    store: &RocksStore,
    size: u64,
    head: Height,
) -> Result<Option<(Height, wire::CertifiedHeader)>, Status> {
    let Some(last) = size.checked_sub(1) else { return Ok(None) };
    let header = block_of_leaf(store, last, head)?.header;
    if header.log_size != size {
        return Ok(None);
    }
    let certificate = load_certificate(store, header.height).map_err(broken)?;
    let certificate = certificate.ok_or_else(|| damaged("a block without a certificate"))?;
    let certificate = linli_types::encode(&certificate);
    let block = wire::CertifiedHeader { header: header.to_bytes(), certificate };
    Ok(Some((header.height, block)))
}

fn joined(nodes: &[Digest]) -> Vec<u8> {
    nodes.iter().flat_map(|node| node.0).collect()
}

/// A transaction that made leaves: its block, its receipt's index, its first leaf.
fn of_transaction(store: &RocksStore, id: &TxId) -> Result<(Block, u32, u64), Status> {
    let (block, index) = Block::of(store, id)?.ok_or_else(|| not_found("transaction"))?;
    let (first, count) = block.receipt(index)?.log_leaves;
    if count == 0 { Err(not_found("leaf")) } else { Ok((block, index, first)) }
}

/// `count` leaves from `first` on, or as many of them as the receipt made.
fn sight(
    store: &RocksStore,
    block: &Block,
    index: u32,
    (first, count): (u64, u32),
) -> Result<LeafSight, Status> {
    let (begin, made) = block.receipt(index)?.log_leaves;
    let end = begin.saturating_add(made.into()).min(first.saturating_add(count.into()));
    let height = block.header.height;
    let certificate = load_certificate(store, height).map_err(broken)?;
    let certificate = certificate.ok_or_else(|| damaged("a block without a certificate"))?;
    let (set, _) = validators::set_at(store, height).map_err(broken)?;
    let mut leaves = Vec::new();
    for at in first..end {
        let hash = leaf(store, at).map_err(broken)?;
        leaves.push(hash.ok_or_else(|| damaged("a missing leaf"))?);
    }
    let given = range_path(store, first..end, block.header.log_size).map_err(broken)?;
    let given = given.ok_or_else(|| not_found("leaf"))?;
    Ok(LeafSight { header: block.header.clone(), certificate, set, first, leaves, given })
}

/// One leaf, or the leaves of a transaction, for whoever may see digests.
pub(crate) fn leaves_of(
    store: &RocksStore,
    head: Height,
    of: Result<u64, TxId>,
) -> Result<LeafSight, Status> {
    match of {
        Ok(leaf) => {
            let block = block_of_leaf(store, leaf, head)?;
            let index = block.receipt_of_leaf(leaf).ok_or_else(|| not_found("leaf"))?;
            sight(store, &block, index, (leaf, 1))
        }
        Err(id) => {
            let (block, index, first) = of_transaction(store, &id)?;
            sight(store, &block, index, (first, COSE_LEAVES_MAX))
        }
    }
}
