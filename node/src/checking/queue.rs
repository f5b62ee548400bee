//! What waits for a check: one queue of the members, one of the local clients.
//!
//! # Invariants
//!
//! - **W1 apart.** Neither queue takes the other's room, and a worker takes from the members'
//!   first: no crowd of clients keeps the driver from handing on what consensus needs.
//! - **W2 bounded.** Each queue counts transactions and bytes, from the door until the driver has
//!   the result. Nobody waits for room: clients are told BUSY, the driver keeps its job (F2).

use super::Job;
use linli_types::limits;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Transactions taken from the queues at once, if that many wait.
const GATHER: usize = 256;

/// A job and the room it takes up.
pub(crate) type Placed = (Job, Share);

/// Room in one queue, given back when this is dropped (W2).
#[derive(Debug)]
pub(crate) struct Share {
    _transactions: OwnedSemaphorePermit,
    _kib: OwnedSemaphorePermit,
}

/// The way in. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Checking {
    members: Lane,
    clients: Lane,
}

#[derive(Clone)]
struct Lane {
    jobs: mpsc::Sender<Placed>,
    transactions: Arc<Semaphore>,
    kib: Arc<Semaphore>,
}

/// What the workers take from.
pub(crate) struct Queue {
    members: mpsc::Receiver<Placed>,
    clients: mpsc::Receiver<Placed>,
    turns: u64,
}

impl Checking {
    /// The way in, and what the workers take from.
    pub(crate) fn new() -> (Self, Queue) {
        let ((members, members_queue), (clients, clients_queue)) = (lane(), lane());
        let queue = Queue { members: members_queue, clients: clients_queue, turns: 0 };
        (Self { members, clients }, queue)
    }

    /// Hands a job in, or gives it back when its queue is full or the workers are gone.
    pub(crate) fn hand_in(&self, job: Job) -> Result<(), Job> {
        let lane = match job {
            Job::Client { .. } => &self.clients,
            Job::Peer { .. } => &self.members, // W1
        };
        lane.hand_in(job)
    }
}

impl Lane {
    fn hand_in(&self, job: Job) -> Result<(), Job> {
        let bytes: usize = job.raws().iter().map(Vec::len).sum();
        let transactions = take(&self.transactions, job.raws().len());
        let kib = take(&self.kib, bytes.div_ceil(1024));
        let (Some(transactions), Some(kib)) = (transactions, kib) else { return Err(job) };
        let share = Share { _transactions: transactions, _kib: kib };
        let sent = self.jobs.try_send((job, share));
        sent.map_err(|refused| refused.into_inner().0)
    }
}

impl Queue {
    /// Waits for a job and takes what waits beside it, up to a bound; and says which turn that is.
    /// Empty when nobody is left who could hand one in.
    pub(crate) fn gather(&mut self) -> (u64, Vec<Placed>) {
        let mut jobs: Vec<Placed> = futures::executor::block_on(self.next()).into_iter().collect();
        let mut waiting = jobs.iter().map(|(job, _)| job.raws().len()).sum::<usize>();
        while waiting < GATHER && !jobs.is_empty() {
            let next = self.members.try_recv().or_else(|_| self.clients.try_recv());
            let Ok(next) = next else { break };
            waiting = waiting.saturating_add(next.0.raws().len());
            jobs.push(next);
        }
        let turn = self.turns;
        self.turns = turn.wrapping_add(1);
        (turn, jobs)
    }

    async fn next(&mut self) -> Option<Placed> {
        tokio::select! {
            biased; // W1
            Some(placed) = self.members.recv() => Some(placed),
            Some(placed) = self.clients.recv() => Some(placed),
            else => None,
        }
    }
}

fn lane() -> (Lane, mpsc::Receiver<Placed>) {
    // A job takes the room of one transaction at least, so the channel is never the first to fill.
    let (jobs, queue) = mpsc::channel(limits::CHECKING_TRANSACTIONS_MAX);
    let semaphore = |places| Arc::new(Semaphore::new(places));
    let transactions = semaphore(limits::CHECKING_TRANSACTIONS_MAX);
    let kib = semaphore(limits::CHECKING_BYTES_MAX / 1024);
    (Lane { jobs, transactions, kib }, queue)
}

/// Takes `count` places, at least one: an empty job is a job too.
fn take(places: &Arc<Semaphore>, count: usize) -> Option<OwnedSemaphorePermit> {
    let count = u32::try_from(count.max(1)).ok()?;
    places.clone().try_acquire_many_owned(count).ok()
}
