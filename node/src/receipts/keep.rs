//! The signatures that are known, for the last heights that somebody asked about.

use super::words::Signer;
use linli_types::height::Height;
use linli_types::id::PublicKey;
use linli_types::limits::COSE_HEIGHTS_MAX;
use linli_types::validator::ValidatorSet;
use linli_verify::cose::receipt::LogHead;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What is signed at a height, and by whom it may be.
pub(crate) struct Sight {
    pub(crate) head: LogHead,
    pub(crate) set: ValidatorSet,
}

struct Row {
    sight: Arc<Sight>,
    own: Option<PublicKey>,
    signers: BTreeMap<PublicKey, Signer>,
}

/// Bounded: the height that came first goes first.
#[derive(Default)]
pub(crate) struct Known {
    rows: BTreeMap<Height, Row>,
    order: VecDeque<Height>,
}

impl Known {
    pub(crate) fn sight(&self, height: Height) -> Option<Arc<Sight>> {
        self.rows.get(&height).map(|row| row.sight.clone())
    }

    /// Takes a height up, with this node's own signature if it has one.
    pub(crate) fn begin(
        &mut self,
        height: Height,
        sight: &Arc<Sight>,
        own: Option<(PublicKey, Signer)>,
    ) {
        if self.rows.contains_key(&height) {
            return;
        }
        if self.order.len() >= COSE_HEIGHTS_MAX
            && let Some(first) = self.order.pop_front()
        {
            self.rows.remove(&first);
        }
        self.order.push_back(height);
        let (sight, signers) = (sight.clone(), own.into_iter().collect());
        self.rows.insert(height, Row { sight, own: own.map(|(seat, _)| seat), signers });
    }

    /// Keeps a signature that was checked.
    pub(crate) fn add(&mut self, height: Height, validator: PublicKey, signer: Signer) {
        if let Some(row) = self.rows.get_mut(&height) {
            row.signers.insert(validator, signer);
        }
    }

    /// This node's own signature.
    pub(crate) fn own(&self, height: Height) -> Option<Signer> {
        let row = self.rows.get(&height)?;
        row.signers.get(&row.own?).copied()
    }

    /// The name under which this node signed, and every signature by its validator.
    pub(crate) fn signers(
        &self,
        height: Height,
    ) -> (Option<PublicKey>, BTreeMap<PublicKey, Signer>) {
        let row = self.rows.get(&height);
        row.map(|row| (row.own, row.signers.clone())).unwrap_or_default()
    }
}
