//! No transaction, no key of a sender and no business id takes effect twice, however often clients
//! and liars hand it in.

use super::{Law, Scene, Sight, Verdict};
use crate::workload::Business;
use linli_types::height::Height;
use linli_types::id::{PrincipalId, TxId, TxKey};
use linli_types::receipt::Cause;
use std::collections::{BTreeMap, BTreeSet};

/// See the module.
#[derive(Default)]
pub(super) struct Once {
    height: Height,
    transactions: BTreeMap<TxId, Height>,
    keys: BTreeSet<(PrincipalId, TxKey)>,
    done: BTreeMap<Business, TxId>,
}

impl Law for Once {
    fn name(&self) -> &'static str {
        "once only"
    }

    fn see(&mut self, scene: &Scene<'_>, sight: &Sight<'_>) -> Verdict {
        let Sight::Committed { block, .. } = sight else { return Ok(()) };
        let height = block.header.height;
        if height != self.height.next() {
            return Ok(()); // another validator showed it before; `agreement` compares them
        }
        self.height = height;
        for id in &block.transactions {
            if let Some(before) = self.transactions.insert(*id, height) {
                return Err(format!("{id:?} stands at height {before} and at {height}"));
            }
            let Some(attempt) = scene.clients.attempt(id) else { continue };
            if !self.keys.insert((attempt.sender, attempt.key)) {
                return Err(format!("a key was used again at height {height}, by {id:?}"));
            }
        }
        for receipt in block.receipts.iter().filter(|receipt| receipt.is_done()) {
            let Cause::Transaction(id) = receipt.cause else { continue };
            let business = scene.clients.attempt(&id).and_then(|a| a.business.clone());
            let Some(business) = business else { continue };
            if let Some(before) = self.done.insert(business, id) {
                return Err(format!(
                    "a business id took effect twice, by {before:?} and at height {height} by {id:?}"
                ));
            }
        }
        Ok(())
    }
}
