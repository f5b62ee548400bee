//! The parts that a node is joined of.

use crate::access_log::AccessLog;
use crate::checking::{Checked, Checking, Order, Remembered, Worker};
use crate::clock::MachineClock;
use crate::counters::Counters;
use crate::driver::{Answers, Driver, Inspection, Membership};
use crate::handle::{HeadInfo, NodeStatus, Published, Shared};
use crate::network::NetworkSender;
use crate::node::NodeOptions;
use crate::rates::Rates;
use crate::receipts::{Keys, Parts, Receipts};
use crate::storage::RocksDisk;
use linli_replica::Replica;
use linli_types::id::PublicKey;
use linli_types::signature::{Verify, Zip215};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::sync::{broadcast, mpsc, watch};

/// Blocks that a reader of the stream may lag behind before it must read the store.
const COMMITTED_MAX: usize = 256;

/// What was made before anything is shared.
pub(super) struct Given {
    pub(super) counters: Arc<Counters>,
    pub(super) rates: Arc<Rates>,
    pub(super) access: AccessLog,
    pub(super) checking: Checking,
    pub(super) queries: mpsc::Sender<Inspection>,
    pub(super) status: watch::Receiver<NodeStatus>,
}

/// What the API and the tasks of a node have in common.
pub(super) fn share(
    options: &NodeOptions,
    replica: &Replica<RocksDisk>,
    given: Given,
    network: NetworkSender,
) -> Shared {
    let (ledger, store) = (replica.ledger(), replica.disk().store());
    let Given { counters, rates, access, checking, queries, status } = given;
    let head = HeadInfo::of(ledger);
    counters.height.set(head.height.0);
    let published = Arc::new(Published::new(ledger.checker(), head));
    let verify: Arc<dyn Verify> = Arc::new(Zip215);
    let receipts = Receipts::new(Parts {
        chain: ledger.head().chain,
        keys: options.receipt_key.as_deref().map(|key| Keys::new(key, options.signer())),
        store: store.clone(),
        network,
        head: published.head(),
        verify: verify.clone(),
        counters: counters.clone(),
    });
    let (committed, _) = broadcast::channel(COMMITTED_MAX);
    Shared {
        published,
        verify,
        store,
        queries,
        checking,
        status,
        committed,
        counters,
        rates,
        access,
        receipts,
    }
}

/// What checks transactions; each thread has a clone.
pub(super) fn worker(
    shared: &Shared,
    clock: MachineClock,
    results: mpsc::Sender<Checked>,
) -> Worker {
    Worker {
        chain: shared.published.head().borrow().chain,
        verify: shared.verify.clone(),
        published: shared.published.clone(),
        remembered: Arc::new(Mutex::new(Remembered::default())),
        counters: shared.counters.clone(),
        clock,
        rates: shared.rates.clone(),
        order: Arc::new(Order::new(results)),
    }
}

/// Where the driver's words go, and its clock.
pub(super) struct Ends {
    pub(super) clock: MachineClock,
    pub(super) network: NetworkSender,
    pub(super) status: watch::Sender<NodeStatus>,
    pub(super) words: mpsc::Sender<(PublicKey, Vec<u8>)>,
}

/// The one owner of the replica.
pub(super) fn driver(
    shared: &Shared,
    replica: Replica<RocksDisk>,
    members: Membership,
    Ends { clock, network, status, words }: Ends,
) -> Driver {
    Driver {
        replica,
        store: shared.store.clone(),
        clock,
        network,
        checking: shared.checking.clone(),
        published: shared.published.clone(),
        status,
        committed: shared.committed.clone(),
        counters: shared.counters.clone(),
        answers: Answers::default(),
        kept: VecDeque::new(),
        wake: None,
        members,
        words,
        outdated: None,
    }
}

/// Where the node stands as it starts.
pub(super) fn first_status(replica: &Replica<RocksDisk>, name: String) -> NodeStatus {
    NodeStatus {
        validator: replica.core().me(),
        validates: replica.core().is_validator(),
        name,
        head: HeadInfo::of(replica.ledger()),
        peers: 0,
        pool_transactions: 0,
        pool_bytes: 0,
        round: 0,
        not_accepting: None,
        timer_lag_ms: 0,
    }
}
