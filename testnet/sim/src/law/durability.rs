//! Whatever a client was told is done stays done: at the end every honest validator has it, in the
//! same place, with the same receipt.

use super::{End, Law, Scene, Sight, Verdict};
use linli_types::height::Height;
use linli_types::id::{Digest, TxId};
use linli_types::receipt::Cause;
use std::collections::BTreeMap;

/// See the module.
#[derive(Default)]
pub(super) struct Durability {
    /// Every receipt that any honest validator ever showed: where it stands, and its digest.
    shown: BTreeMap<TxId, (Height, u32, Digest)>,
}

impl Law for Durability {
    fn name(&self) -> &'static str {
        "durability"
    }

    fn see(&mut self, _scene: &Scene<'_>, sight: &Sight<'_>) -> Verdict {
        let Sight::Committed { block, .. } = sight else { return Ok(()) };
        for (index, receipt) in (0..).zip(&block.receipts) {
            let Cause::Transaction(id) = receipt.cause else { continue };
            let place = (block.header.height, index, receipt.leaf());
            let first = *self.shown.entry(id).or_insert(place);
            if first != place {
                return Err(format!("{id:?} was shown at {first:?} and at {place:?}"));
            }
        }
        Ok(())
    }

    fn close(&mut self, _scene: &Scene<'_>, end: &End<'_>) -> Verdict {
        for last in &end.nodes {
            for (id, (height, index, _)) in &self.shown {
                let found = linli_runtime::locate(last.disk, id).map_err(|why| why.to_string())?;
                if found != Some((*height, *index)) {
                    return Err(format!(
                        "validator {} has {id:?} at {found:?}; its receipt said {height}",
                        last.node
                    ));
                }
            }
            receipts_stand(last.disk, last.node, &self.shown)?;
        }
        Ok(())
    }
}

/// The stored receipts are the ones that were shown.
fn receipts_stand(
    disk: &crate::disk::SimDisk,
    node: usize,
    shown: &BTreeMap<TxId, (Height, u32, Digest)>,
) -> Verdict {
    let mut by_height: BTreeMap<Height, Vec<(usize, Digest)>> = BTreeMap::new();
    for (height, index, leaf) in shown.values() {
        let index = usize::try_from(*index).unwrap_or(usize::MAX);
        by_height.entry(*height).or_default().push((index, *leaf));
    }
    for (height, wanted) in by_height {
        let stored = linli_runtime::load_receipts(disk, height).map_err(|why| why.to_string())?;
        let stored = stored.unwrap_or_default();
        let stands = |(index, leaf): &(usize, Digest)| {
            stored.get(*index).is_some_and(|receipt| receipt.leaf() == *leaf)
        };
        if !wanted.iter().all(stands) {
            return Err(format!("validator {node} stores other receipts at height {height}"));
        }
    }
    Ok(())
}
