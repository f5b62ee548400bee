//! Those who wait for a receipt, woken by the block that holds it.
//!
//! One task reads the committed blocks, so a block wakes exactly whom it concerns and nobody looks
//! into the store in vain. When the task falls behind, everyone is woken and looks for themselves.

use linli_replica::CommittedBlock;
use linli_types::id::TxId;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
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
    pub(super) fn register(&self, id: TxId) -> Wait {
        let (wake, woken) = oneshot::channel();
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(id).or_default().push(wake);
        drop(all);
        Wait { id, woken, waiting: self.clone() }
    }

    /// Forgets those who no longer wait for `id`.
    fn forget(&self, id: &TxId) {
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

/// One wait. However it ends, also when the client goes away in the middle, nothing is left of it.
pub(super) struct Wait {
    id: TxId,
    woken: oneshot::Receiver<()>,
    waiting: Waiting,
}

impl Future for Wait {
    type Output = ();

    /// Ready with the signal, or when nobody is left who could give it.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.woken).poll(context).map(|_| ())
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.woken.close();
        self.waiting.forget(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use futures::FutureExt;

    const ID: TxId = TxId([1; 32]);

    #[test]
    fn a_block_wakes_whom_it_concerns() {
        let waiting = Waiting::default();
        let mut mine = waiting.register(ID);
        let mut other = waiting.register(TxId([2; 32]));
        waiting.wake(&[ID]);
        assert_eq!((&mut mine).now_or_never(), Some(()));
        assert_eq!((&mut other).now_or_never(), None);
        waiting.wake_all();
        assert_eq!((&mut other).now_or_never(), Some(()));
    }

    #[test]
    fn a_wait_that_is_broken_off_leaves_nothing_and_the_others_wait_on() {
        let waiting = Waiting::default();
        let mut stays = waiting.register(ID);
        let mut goes = waiting.register(ID);
        assert_eq!((&mut goes).now_or_never(), None);
        drop(goes);
        assert_eq!(waiting.all.lock().unwrap()[&ID].len(), 1);
        waiting.wake(&[ID]);
        assert_eq!((&mut stays).now_or_never(), Some(()));
        drop((stays, waiting.register(ID)));
        assert!(waiting.all.lock().unwrap().is_empty());
    }
}
