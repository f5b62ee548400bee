//! The receipt of each leaf, on disk.

use super::maker::Batch;
use super::{SAMPLE, Work};
use crate::Failure;
use linli_sdk::cose::Receipts;

/// Writes the receipts, one file each; how many. A sample goes beside its statement.
pub(super) fn write(batch: &Batch, receipts: &Receipts, work: &Work) -> Result<u64, Failure> {
    if receipts.leaves.len() != batch.items.len() {
        return Err(Failure::law("a batch has not as many receipts as statements"));
    }
    let mut written = 0;
    for (at, (item, (_, receipt))) in batch.items.iter().zip(&receipts.leaves).enumerate() {
        let name = format!("{}-{:09}", batch.source, item.number);
        let bytes = receipt.to_bytes();
        std::fs::write(work.out.join(format!("{name}.receipt")), &bytes)?;
        if at % SAMPLE == 0 {
            std::fs::write(work.samples.join(format!("{name}.receipt")), &bytes)?;
            std::fs::write(work.samples.join(format!("{name}.cose")), &item.statement)?;
        }
        written += 1;
    }
    Ok(written)
}
