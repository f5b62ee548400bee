//! The receipt of each leaf, on disk: one file for a batch, a CBOR sequence (RFC 8742) of bare
//! receipts in the order of the numbers. Each is cut out without reading the others' insides.

use super::Work;
use super::maker::Batch;
use crate::Failure;
use linli_sdk::cose::Receipts;

/// Writes the receipts; how many. A sample goes into a file of its own, beside its statement.
pub(super) fn write(batch: &Batch, receipts: &Receipts, work: &Work) -> Result<u64, Failure> {
    if receipts.leaves.len() != batch.items.len() {
        return Err(Failure::law("a batch has not as many receipts as statements"));
    }
    let (mut written, mut sequence) = (0, Vec::new());
    for (at, (item, (_, receipt))) in batch.items.iter().zip(&receipts.leaves).enumerate() {
        let name = format!("{}-{:09}", batch.source, item.number);
        let bytes = receipt.to_bytes();
        sequence.extend_from_slice(&bytes);
        if at % work.sample == 0 {
            std::fs::write(work.samples.join(format!("{name}.receipt")), &bytes)?;
            std::fs::write(work.samples.join(format!("{name}.cose")), &item.statement)?;
        }
        written += 1;
    }
    let first = batch.items.first().map(|item| item.number).unwrap_or_default();
    std::fs::write(work.out.join(format!("{}-{first:09}.receipts", batch.source)), &sequence)?;
    Ok(written)
}
