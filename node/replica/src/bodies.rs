//! The bodies at hand: every transaction that the core's pool or the height under way refers to.

use linli_runtime::Verified;
use linli_types::id::TxId;
use std::collections::BTreeMap;

/// Verified transactions by id (R4: the core says what to drop).
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    by_id: BTreeMap<TxId, Verified>,
}

impl Bodies {
    /// Keeps a body.
    pub(crate) fn keep(&mut self, transaction: Verified) {
        self.by_id.insert(transaction.id, transaction);
    }

    /// The body with this id.
    pub(crate) fn get(&self, id: &TxId) -> Option<&Verified> {
        self.by_id.get(id)
    }

    /// Forgets a body.
    pub(crate) fn forget(&mut self, id: &TxId) {
        self.by_id.remove(id);
    }

    /// Every body of `ids` in order, or the first that is missing.
    pub(crate) fn all(&self, ids: &[TxId]) -> Result<Vec<Verified>, TxId> {
        ids.iter().map(|id| self.get(id).cloned().ok_or(*id)).collect()
    }

    /// How many bodies are held.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }
}
