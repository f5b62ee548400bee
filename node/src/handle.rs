//! What the API holds of a running node: a cheap clone that asks the driver and reads the store.
//!
//! # Invariants
//!
//! - **G1 bounded.** Every request waits in a bounded queue; a full one refuses.
//! - **G2 no lock across an await.**

use crate::access_log::AccessLog;
use crate::checking::{Checking, Job};
use crate::counters::Counters;
use crate::driver::Inspection;
use crate::rates::Rates;
use crate::receipts::Receipts;
use crate::storage::RocksStore;
use linli_replica::{CommittedBlock, Submitted};
use linli_runtime::{Checker, Ledger};
use linli_types::code::Code;
use linli_types::height::{Height, TimeMs};
use linli_types::id::{BlockId, ChainId, Digest, PublicKey, TxId};
use linli_types::signature::Verify;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// The node is stopping or has stopped; nothing more is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node is stopping")]
pub struct Stopped;

/// Why nothing was read of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// The node is stopping or has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// As many queries wait as may wait.
    #[error("too many queries wait")]
    Busy,
}

/// The last committed block, as far as most readers need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadInfo {
    /// The chain.
    pub chain: ChainId,
    /// Its number.
    pub height: Height,
    /// Its id.
    pub block: BlockId,
    /// Its time.
    pub time: TimeMs,
    /// State tree root after it.
    pub state_root: Digest,
    /// Leaves of the evidence log after it.
    pub log_size: u64,
    /// Root of the evidence log after it.
    pub log_root: Digest,
    /// The rules of the next block.
    pub protocol: u32,
}

impl HeadInfo {
    pub(crate) fn of(ledger: &Ledger) -> Self {
        let head = ledger.head();
        Self {
            chain: head.chain,
            height: head.height,
            block: head.block,
            time: head.time,
            state_root: head.state_root,
            log_size: head.log_size,
            log_root: head.log_root,
            protocol: head.protocol,
        }
    }
}

/// Where a node stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// The node's consensus key.
    pub validator: PublicKey,
    /// Whether the set of the next block names it: otherwise the node follows without a vote.
    pub validates: bool,
    /// The node's name, for people.
    pub name: String,
    /// The last committed block.
    pub head: HeadInfo,
    /// Members connected.
    pub peers: u32,
    /// Transactions in the pool.
    pub pool_transactions: u64,
    /// Bytes in the pool.
    pub pool_bytes: u64,
    /// Round of the height under way.
    pub round: u32,
    /// Why the node accepts nothing, if so.
    pub not_accepting: Option<Code>,
    /// How long the next timer has been due, in milliseconds of block time.
    pub timer_lag_ms: u64,
}

impl NodeStatus {
    /// Whether submissions are taken.
    pub const fn accepting(&self) -> bool {
        self.not_accepting.is_none()
    }
}

/// A running node, seen from the API.
#[derive(Clone)]
pub struct NodeHandle {
    shared: Arc<Shared>,
}

/// What the driver publishes after every commit.
pub(crate) struct Published {
    checker: RwLock<Arc<Checker>>,
    head: watch::Sender<HeadInfo>,
    closing: watch::Sender<bool>,
}

impl Published {
    pub(crate) fn new(checker: Arc<Checker>, head: HeadInfo) -> Self {
        let (head, closing) = (watch::channel(head).0, watch::channel(false).0);
        Self { checker: RwLock::new(checker), head, closing }
    }

    pub(crate) fn checker(&self) -> Arc<Checker> {
        self.checker.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The time of the last block.
    pub(crate) fn now(&self) -> TimeMs {
        self.head.borrow().time
    }

    /// The last committed block, now and as it changes.
    pub(crate) fn head(&self) -> watch::Receiver<HeadInfo> {
        self.head.subscribe()
    }

    /// The node stops or has stopped: everyone who asks is told so from now on.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    pub(crate) fn adopt(&self, checker: Arc<Checker>, head: HeadInfo) {
        *self.checker.write().unwrap_or_else(PoisonError::into_inner) = checker;
        self.head.send_replace(head);
    }
}

/// What all handles of a node share.
pub(crate) struct Shared {
    pub(crate) published: Arc<Published>,
    pub(crate) verify: Arc<dyn Verify>,
    pub(crate) store: RocksStore,
    pub(crate) queries: mpsc::Sender<Inspection>,
    pub(crate) checking: Checking,
    pub(crate) status: watch::Receiver<NodeStatus>,
    pub(crate) committed: broadcast::Sender<Arc<CommittedBlock>>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) rates: Arc<Rates>,
    pub(crate) access: AccessLog,
    pub(crate) receipts: Receipts,
}

impl NodeHandle {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The checker of the last committed block.
    pub fn checker(&self) -> Arc<Checker> {
        self.shared.published.checker()
    }

    /// Checks transactions, verifies their signatures in batches across arrivals, and offers them
    /// to the pool. The answers stand in the order of `raws`; each is BUSY if too much waits.
    pub async fn submit(&self, raws: Vec<Vec<u8>>) -> Vec<Submitted> {
        self.hand_in(raws, None).await
    }

    /// The same for one transaction. Its id comes with the answer, if it is well formed.
    pub async fn submit_one(&self, raw: Vec<u8>) -> (Option<TxId>, Submitted) {
        let (named, mut name) = oneshot::channel();
        let answer = self.hand_in(vec![raw], Some(named)).await.pop();
        (name.try_recv().ok(), answer.unwrap_or_else(|| Code::Unavailable.into()))
    }

    async fn hand_in(
        &self,
        raws: Vec<Vec<u8>>,
        named: Option<oneshot::Sender<TxId>>,
    ) -> Vec<Submitted> {
        let len = raws.len();
        self.shared.counters.submissions.add(len as u64);
        if self.shared.published.is_closing() {
            return self.turn_away(len, Code::Unavailable).await;
        }
        let (reply, answers) = oneshot::channel();
        if self.shared.checking.hand_in(Job::Client { raws, named, reply }).is_err() {
            return self.turn_away(len, Code::Busy).await;
        }
        answers.await.unwrap_or_else(|_| vec![Code::Unavailable.into(); len])
    }

    /// Refuses without having looked. A caller that tries again at once lets the others run.
    async fn turn_away(&self, len: usize, code: Code) -> Vec<Submitted> {
        self.shared.counters.refusals.add(len as u64);
        tokio::task::yield_now().await;
        vec![code.into(); len]
    }

    /// Runs `read` on the driver's thread, between two steps: ledger and store agree.
    ///
    /// # Errors
    ///
    /// [`Unread`].
    pub async fn inspect<R: Send + 'static>(
        &self,
        read: impl FnOnce(&Ledger, &RocksStore) -> R + Send + 'static,
    ) -> Result<R, Unread> {
        let (reply, answer) = oneshot::channel();
        let run = Box::new(move |ledger: &Ledger, store: &RocksStore| {
            // A caller that went away wants no answer.
            let _ = reply.send(read(ledger, store));
        });
        self.shared.queries.try_send(run).map_err(|refused| match refused {
            TrySendError::Full(_) => Unread::Busy,
            TrySendError::Closed(_) => Unread::Stopped(Stopped),
        })?;
        answer.await.map_err(|_| Unread::Stopped(Stopped))
    }

    /// The store, for reading what is committed and never changes: blocks, receipts, certificates.
    pub fn store(&self) -> RocksStore {
        self.shared.store.clone()
    }

    /// The last committed block, now and as it changes.
    pub fn head(&self) -> watch::Receiver<HeadInfo> {
        self.shared.published.head()
    }

    /// Blocks as they are committed. A reader that falls behind is told how many it missed and
    /// reads them from the store.
    pub fn committed(&self) -> broadcast::Receiver<Arc<CommittedBlock>> {
        self.shared.committed.subscribe()
    }

    /// Where the node stands.
    pub fn status(&self) -> NodeStatus {
        let mut status = self.shared.status.borrow().clone();
        status.peers = u32::try_from(self.shared.counters.peers.get()).unwrap_or(u32::MAX);
        if self.shared.published.is_closing() {
            status.not_accepting = Some(Code::Unavailable);
        }
        status
    }

    /// The node is about to stop: it takes nothing any more and its health says so, while open
    /// requests go on.
    pub fn close(&self) {
        self.shared.published.close();
    }

    /// Waits until the node stops or has stopped.
    pub async fn closing(&self) {
        let mut closing = self.shared.published.closing.subscribe();
        // A switch that is gone means the same.
        let _ = closing.wait_for(|closing| *closing).await;
    }

    /// Checks signatures.
    pub fn verify(&self) -> Arc<dyn Verify> {
        self.shared.verify.clone()
    }

    /// How often each key, organisation and address may ask.
    pub fn rates(&self) -> Arc<Rates> {
        self.shared.rates.clone()
    }

    /// Who read whose data on this node.
    pub fn access_log(&self) -> AccessLog {
        self.shared.access.clone()
    }

    /// This node's receipts of the evidence log.
    pub(crate) fn receipts(&self) -> Receipts {
        self.shared.receipts.clone()
    }

    /// What the node counts about itself.
    pub fn counters(&self) -> Arc<Counters> {
        self.shared.counters.clone()
    }
}
