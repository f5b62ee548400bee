//! From one proof of a batch to the receipt of each of its leaves, on disk.

use super::maker::Batch;
use super::{SAMPLE, Work};
use crate::Failure;
use linli_proto::ProofResponse;
use linli_sdk::anchor;
use linli_types::delegation::{Delegation, ReceiptKey};
use linli_types::id::{Digest, Signature};
use linli_types::merkle::{self, Sha256Log};
use linli_verify::cose::{bare::Bare, receipt::{LogHead, Proof, Receipt}};
use linli_verify::pack::LogPlace;

/// Writes the receipts; how many.
pub(super) fn write(batch: &Batch, proof: &ProofResponse, work: &Work) -> Result<u64, Failure> {
    let block = anchor::block_proof(proof)?;
    let head = LogHead::of(&block.header);
    let leaves: Vec<Digest> = batch.items.iter().map(|i| merkle::statement_leaf(&i.id)).collect();
    let given: Vec<Digest> =
        proof.range_path.iter().filter_map(|n| Digest::from_slice(n)).collect();
    let (first, size) = (proof.leaf_index, block.header.log_size);
    let (root, paths) = merkle::range::paths::<Sha256Log>(&leaves, first, size, &given)
        .ok_or_else(|| Failure::law("a proof of a batch has another shape"))?;
    if root != block.header.log_root {
        return Err(Failure::law("a proof of a batch leads to another root"));
    }
    let mut written = 0;
    let set = work.set.clone();
    let v = set.members()[0].clone();
    let delegation = Delegation { says: ReceiptKey { chain: work.chain, validator: v.key, key: v.key, from_height: linli_types::height::Height(1) }, signature: Signature([0; 64]) };
    for ((item, path), leaf) in batch.items.iter().zip(paths).zip(first..) {
        let place = LogPlace { leaf, size, path };
        let receipt = Receipt::new(&head, v.key, Signature([0; 64]), Proof::Inclusion(place));
        let bare = Bare::new(&block.header, &block.certificate, &[(receipt, delegation)], &set).unwrap();
        let name = format!("{}-{:09}.receipt", batch.source, item.number);
        std::fs::write(work.out.join(name), bare.to_bytes())?;
        written += 1;
    }
    let _ = SAMPLE;
    Ok(written)
}
