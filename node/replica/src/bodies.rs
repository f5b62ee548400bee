//! The bodies at hand: every transaction that the core's pool or the height under way refers to.

use linli_runtime::Verified;
use linli_types::id::BodyId;
use std::collections::BTreeMap;

/// Verified transactions by body and signature (R4: the core says what to drop).
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    by_body: BTreeMap<BodyId, Verified>,
}

impl Bodies {
    /// Keeps a body.
    pub(crate) fn keep(&mut self, transaction: Verified) {
        self.by_body.insert(transaction.body, transaction);
    }

    /// The body with this id.
    pub(crate) fn get(&self, id: &BodyId) -> Option<&Verified> {
        self.by_body.get(id)
    }

    /// Forgets a body.
    pub(crate) fn forget(&mut self, id: &BodyId) {
        self.by_body.remove(id);
    }

    /// Every body of `ids` in order, or the first that is missing.
    pub(crate) fn all(&self, ids: &[BodyId]) -> Result<Vec<Verified>, BodyId> {
        ids.iter().map(|id| self.get(id).cloned().ok_or(*id)).collect()
    }

    /// How many bodies are held.
    pub(crate) fn len(&self) -> usize {
        self.by_body.len()
    }
}
