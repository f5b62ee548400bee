//! Those who wait for a receipt, woken by the block that holds it.
//!
//! One task reads the committed blocks, so a block wakes exactly whom it concerns and nobody looks
//! into the store in vain. When the task falls behind, everyone is woken and looks for themselves.

use linli_replica::CommittedBlock;
use linli_types::id::TxId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{broadcast, oneshot};

/// The waiting.
#[derive(Clone, Default)]
pub(super) struct Waiting {
    all: Arc<Mutex<BTreeMap<TxId, Vec<oneshot::Sender<()>>>>>,
}

impl Waiting {
    /// Starts the task; it ends with the node.
    pub(super) fn start(mut blocks: broadcast::Receiver<Arc<CommittedBlock>>) -> Self {
        let waiting = Self::default();
        let woken = waiting.clone();
        tokio::spawn(async move {
            loop {
                match blocks.recv().await {
                    Ok(block) => woken.wake(&block.transactions),
                    Err(broadcast::error::RecvError::Lagged(_)) => woken.wake_all(),
                    Err(broadcast::error::RecvError::Closed) => break,
                }
            }
            woken.wake_all();
        });
        waiting
    }

    /// A signal that comes when the transaction may stand. Register first, then look, then wait:
    /// so nothing is missed.
    pub(super) fn register(&self, id: TxId) -> oneshot::Receiver<()> {
        let (wake, woken) = oneshot::channel();
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let same = all.entry(id).or_default();
        same.retain(|other| !other.is_closed());
        same.push(wake);
        woken
    }

    /// Forgets those who no longer wait for `id`.
    pub(super) fn forget(&self, id: &TxId) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = all.get_mut(id) {
            same.retain(|other| !other.is_closed());
            if same.is_empty() {
                all.remove(id);
            }
        }
    }

    fn wake(&self, ids: &[TxId]) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() {
            return;
        }
        for wake in ids.iter().filter_map(|id| all.remove(id)).flatten() {
            // Whoever went away needs no signal.
            let _ = wake.send(());
        }
    }

    fn wake_all(&self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        for wake in std::mem::take(&mut *all).into_values().flatten() {
            let _ = wake.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_wakes_whom_it_concerns() {
        let waiting = Waiting::default();
        let mut mine = waiting.register(TxId([1; 32]));
        let mut other = waiting.register(TxId([2; 32]));
        waiting.wake(&[TxId([1; 32])]);
        assert_eq!(mine.try_recv(), Ok(()));
        assert_eq!(other.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        waiting.wake_all();
        assert_eq!(other.try_recv(), Ok(()));
    }

    #[test]
    fn whoever_went_away_is_forgotten() {
        let waiting = Waiting::default();
        drop(waiting.register(TxId([1; 32])));
        waiting.forget(&TxId([1; 32]));
        assert!(waiting.all.lock().unwrap().is_empty());
    }
}
