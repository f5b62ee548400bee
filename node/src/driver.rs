//! The one thread that owns the replica: takes what happened, steps, does what is asked.
//!
//! ```text
//!  checked ─┐                     ┌─▶ network   (never waits)
//!  network ─┼─▶ step ─▶ effects ──┼─▶ checking  (kept back while it is full)
//!  commands─┤                     ├─▶ answers, commits, status
//!  queries ─┤                     └─▶ wake-up
//!  clock   ─┘
//! ```
//!
//! # Invariants
//!
//! - **F1 one owner.** Nothing else touches the replica; a reader runs here, between two steps.
//! - **F2 no circle.** The driver waits for nobody: what cannot be handed on is dropped and
//!   counted (messages) or kept while it takes no new messages (checks).
//! - **F3 broken is the end.** After a failed step no effect is performed and no step follows.

mod inputs;
mod membership;

pub(crate) use inputs::Inputs;
pub(crate) use membership::Membership;

use crate::checking::{Checked, Checking, Job};
use crate::clock::MachineClock;
use crate::counters::Counters;
use crate::handle::{HeadInfo, NodeStatus, Published};
use crate::network::{NetworkEvent, NetworkSender};
use crate::receipts;
use crate::storage::{RocksDisk, RocksStore};
use inputs::{In, Pace};
use linli_replica::{CommittedBlock, Effect, Event, Replica, Submitted, Ticket};
use linli_runtime::{Ledger, Outdated, Verified};
use linli_types::code::Code;
use linli_types::height::Height;
use linli_types::id::PublicKey;
use linli_types::store::Broken;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// Bytes of evidence that one log line shows.
const EVIDENCE_SHOWN: usize = 2048;

/// A reader that runs between two steps.
pub(crate) type Inspection = Box<dyn FnOnce(&Ledger, &RocksStore) + Send>;

/// What others ask of the driver.
pub(crate) enum Command {
    /// The disk has room (`true`), or fell below its reserve.
    Accepting(bool),
    /// End after the step under way.
    Stop,
}

/// How a node ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to.
    Stopped,
    /// It is damaged; the text says why and what to do. Exit 3.
    Broken(String),
    /// From the next height on the chain follows rules that this binary lacks. Nothing is damaged;
    /// a newer one goes on. Exit 3.
    Outdated(Outdated),
}

/// The driver. [`Driver::run`] is its thread.
pub(crate) struct Driver {
    pub(crate) replica: Replica<RocksDisk>,
    pub(crate) store: RocksStore,
    pub(crate) clock: MachineClock,
    pub(crate) network: NetworkSender,
    pub(crate) checking: Checking,
    pub(crate) published: Arc<Published>,
    pub(crate) status: watch::Sender<NodeStatus>,
    pub(crate) committed: broadcast::Sender<Arc<CommittedBlock>>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) answers: Answers,
    /// Checks that found no room (F2).
    pub(crate) kept: VecDeque<Job>,
    /// When to step without an input, in milliseconds of the monotonic clock.
    pub(crate) wake: Option<u64>,
    /// Who may connect.
    pub(crate) members: Membership,
    /// What peers say of receipts.
    pub(crate) words: mpsc::Sender<(PublicKey, Vec<u8>)>,
    /// Set when the binary lacks the rules of the next block.
    pub(crate) outdated: Option<Outdated>,
}

impl Driver {
    /// Runs until it is told to stop, nobody is left who could tell it, or the replica is broken.
    /// `first` are the effects of opening. `runtime` serves this thread's waiting alone, so that
    /// the end of another runtime cannot cut a step short.
    pub(crate) fn run(
        mut self,
        runtime: &Runtime,
        mut inputs: Inputs,
        first: Vec<Effect>,
    ) -> Ended {
        self.perform(first);
        self.publish();
        loop {
            if let Some(outdated) = self.outdated.take() {
                tracing::error!(%outdated, "driver.outdated: a newer version must go on from here");
                return Ended::Outdated(outdated);
            }
            match self.turn(runtime, &mut inputs) {
                Ok(true) => {}
                Ok(false) => return Ended::Stopped,
                Err(Broken(why)) => {
                    tracing::error!(why, "driver.step: this node is damaged and stops");
                    return Ended::Broken(why);
                }
            }
        }
    }

    /// Waits, then handles what waits, up to a bound. `Ok(false)` ends the driver.
    fn turn(&mut self, runtime: &Runtime, inputs: &mut Inputs) -> Result<bool, Broken> {
        self.hand_on();
        let (mut pace, mut submitted) = (Pace::default(), Vec::new());
        let mut next = runtime.block_on(inputs.wait(self.pause(), !self.kept.is_empty()));
        while let Some(input) = next {
            pace.count(&input);
            if !self.handle(input, &mut submitted)? {
                return Ok(false);
            }
            let goes_on = pace.goes_on(self.wake, self.clock.now().mono_ms); // T1
            next = goes_on.then(|| inputs.take(&pace, !self.kept.is_empty())).flatten();
        }
        if !submitted.is_empty() {
            self.step(Event::Submitted(submitted))?;
        }
        if self.wake.is_some_and(|wake| wake <= self.clock.now().mono_ms) {
            self.wake = None;
            self.step(Event::Woken)?;
        }
        if let Some(query) = inputs.last_query(&pace) {
            self.handle(query, &mut Vec::new())?; // T2
        }
        self.publish();
        Ok(true)
    }

    /// `Ok(false)` ends the driver.
    fn handle(
        &mut self,
        input: In,
        submitted: &mut Vec<(Ticket, Verified)>,
    ) -> Result<bool, Broken> {
        match input {
            In::Checked(Checked::Client { held, answers, reply, share }) => {
                submitted.extend(self.answers.open(held, answers, reply));
                drop(share);
            }
            In::Checked(Checked::Peer { from, held, junk, share: _share }) => {
                if let Some(why) = junk {
                    let code = Code::from_number(why.code).map_or("refused", Code::name);
                    self.network.fault(from, format!("a transaction that is {code}"));
                }
                self.step(Event::Checked { from, transactions: held })?;
            }
            In::Network(NetworkEvent::Connected(peer)) => self.step(Event::Connected(peer))?,
            In::Network(NetworkEvent::Disconnected(peer)) => {
                self.step(Event::Disconnected(peer))?;
            }
            In::Network(NetworkEvent::Received { from, bytes, share }) => {
                match bytes.first() {
                    Some(&receipts::KIND) => self.pass_on(from, bytes),
                    _ => self.step(Event::Received { from, bytes })?,
                }
                drop(share);
            }
            In::Query(read) => read(self.replica.ledger(), &self.store),
            In::Command(Command::Accepting(accepting)) => {
                self.counters.accepting.set(u64::from(accepting));
                self.step(Event::Accepting(accepting))?;
            }
            In::Command(Command::Stop) => return Ok(false),
            In::Lost => return Err(Broken("the checking threads are gone".into())),
        }
        Ok(true)
    }

    /// Words about receipts are not the replica's: they go on unread, or are lost if too many wait.
    fn pass_on(&self, from: PublicKey, bytes: Vec<u8>) {
        if self.words.try_send((from, bytes)).is_err() {
            self.counters.messages_dropped.add(1);
        }
    }

    /// How long to wait for an input.
    fn pause(&self) -> Duration {
        let far = Duration::from_secs(3600);
        let wait = self.wake.map_or(far, |wake| {
            Duration::from_millis(wake.saturating_sub(self.clock.now().mono_ms))
        });
        // A kept check is offered again soon, and with every input.
        if self.kept.is_empty() { wait } else { wait.min(Duration::from_millis(5)) }
    }

    fn step(&mut self, event: Event) -> Result<(), Broken> {
        self.counters.steps.add(1);
        let effects = self.replica.step(self.clock.now(), event)?;
        self.perform(effects);
        Ok(())
    }

    /// Performs effects first to last.
    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send { to, bytes } => self.network.send(&to, bytes),
                Effect::Broadcast { bytes } => self.network.broadcast(&bytes),
                Effect::WakeAt { mono_ms } => self.wake = Some(mono_ms),
                Effect::Check { from, bodies } => {
                    self.kept.push_back(Job::Peer { from, raws: bodies });
                    self.hand_on();
                }
                Effect::Answer { ticket, answer } => {
                    if matches!(answer, Submitted::Refused(_)) {
                        self.counters.refusals.add(1);
                    }
                    self.answers.give(ticket, answer);
                }
                Effect::Committed(block) => self.on_committed(block),
                Effect::Outdated(outdated) => self.outdated = Some(outdated),
                Effect::Fault { peer, why } => self.network.fault(peer, why),
                Effect::Evidence { validator, bytes } => {
                    self.counters.evidence.add(1);
                    let bytes = hex::encode(bytes.get(..EVIDENCE_SHOWN).unwrap_or(&bytes));
                    tracing::error!(%validator, bytes, "driver.evidence: signed two different things");
                }
            }
        }
    }

    /// F2.
    fn hand_on(&mut self) {
        while let Some(job) = self.kept.pop_front() {
            if let Err(job) = self.checking.hand_in(job) {
                self.kept.push_front(job);
                return;
            }
        }
    }

    fn on_committed(&mut self, block: Arc<CommittedBlock>) {
        let transactions = block.transactions.len();
        self.counters.blocks.add(1);
        self.counters.transactions.add(transactions as u64);
        self.counters.height.set(block.header.height.0);
        tracing::debug!(height = %block.header.height, transactions, "driver.block.commit");
        let ledger = self.replica.ledger();
        let head = HeadInfo::of(ledger);
        // Several heights may be committed in one step: the head is the last of them, and only
        // its block is new to readers of the head.
        if head.height == block.header.height {
            self.published.adopt(ledger.checker(), head.clone());
            let set = &ledger.head().validators;
            if let Some(reach) = self.members.committed(head.height, set) {
                self.network.reach(reach.members, reach.addresses);
            }
        }
        // Without readers nobody is told; that is no fault.
        let _ = self.committed.send(block);
    }

    fn publish(&self) {
        let (core, ledger) = (self.replica.core(), self.replica.ledger());
        let (transactions, bytes) = (core.pool_len() as u64, core.pool_bytes() as u64);
        let round = core.round().unwrap_or(0);
        self.counters.pool_transactions.set(transactions);
        self.counters.pool_bytes.set(bytes);
        self.counters.bodies.set(self.replica.bodies_len() as u64);
        self.counters.round.set(u64::from(round));
        let head = HeadInfo::of(ledger);
        let lag = ledger.next_timer().map_or(0, |due| head.time.since(due));
        let accepting = self.counters.accepting.get() == 1;
        let (validator, validates) = (core.me(), core.is_validator());
        self.status.send_modify(|status| {
            let (height, before) = (head.height, (status.validator, status.validates));
            if before != (validator, validates) {
                say_seat(height, before, (validator, validates));
            }
            (status.validator, status.validates) = (validator, validates);
            status.head = head;
            (status.pool_transactions, status.pool_bytes) = (transactions, bytes);
            (status.round, status.timer_lag_ms) = (round, lag);
            status.not_accepting = match accepting {
                false => Some(Code::DiskReserve),
                true => (!validates).then_some(Code::NoSeat),
            };
        });
    }
}

/// Tells the administrator what the set made of this node: its key, and whether it votes.
fn say_seat(height: Height, (old, voted): (PublicKey, bool), (key, votes): (PublicKey, bool)) {
    match (voted, votes) {
        (false, true) => tracing::info!(%height, %key, "driver.validator.joins: this node votes"),
        (true, false) => tracing::warn!(
            %height, key = %old,
            "driver.validator.leaves: this node is no longer a validator; it keeps its data, votes no more, and soon hears no more"
        ),
        (true, true) => {
            tracing::info!(%height, %old, %key, "driver.validator.key: the new key votes")
        }
        (false, false) => {}
    }
}

/// Submissions whose answers are still to come.
#[derive(Default)]
pub(crate) struct Answers {
    next: Ticket,
    /// Which batch a ticket belongs to, and its place there.
    tickets: BTreeMap<Ticket, (Ticket, usize)>,
    /// By the first ticket that was free when it came.
    batches: BTreeMap<Ticket, Waiting>,
}

struct Waiting {
    answers: Vec<Option<Submitted>>,
    missing: usize,
    reply: oneshot::Sender<Vec<Submitted>>,
}

impl Answers {
    /// Gives each transaction its ticket. A batch that lacks no answer is answered at once.
    fn open(
        &mut self,
        held: Vec<(usize, Verified)>,
        answers: Vec<Option<Submitted>>,
        reply: oneshot::Sender<Vec<Submitted>>,
    ) -> Vec<(Ticket, Verified)> {
        let batch = self.ticket();
        let missing = held.len();
        self.batches.insert(batch, Waiting { answers, missing, reply });
        let mut tickets = Vec::with_capacity(missing);
        for (place, transaction) in held {
            let ticket = self.ticket();
            self.tickets.insert(ticket, (batch, place));
            tickets.push((ticket, transaction));
        }
        self.close(batch);
        tickets
    }

    fn give(&mut self, ticket: Ticket, answer: Submitted) {
        let Some((batch, place)) = self.tickets.remove(&ticket) else { return };
        let Some(waiting) = self.batches.get_mut(&batch) else { return };
        if let Some(empty) = waiting.answers.get_mut(place) {
            *empty = Some(answer);
        }
        waiting.missing = waiting.missing.saturating_sub(1);
        self.close(batch);
    }

    /// Answers a batch that lacks nothing any more.
    fn close(&mut self, batch: Ticket) {
        if self.batches.get(&batch).is_none_or(|waiting| waiting.missing > 0) {
            return;
        }
        let Some(waiting) = self.batches.remove(&batch) else { return };
        let unanswered = || Code::Unavailable.into();
        let answers = waiting.answers.into_iter().map(|a| a.unwrap_or_else(unanswered)).collect();
        // A client that went away wants no answer.
        let _ = waiting.reply.send(answers);
    }

    fn ticket(&mut self) -> Ticket {
        self.next = self.next.wrapping_add(1);
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_without_a_held_transaction_is_answered_at_once() {
        let mut answers = Answers::default();
        let (reply, mut answer) = oneshot::channel();
        let refused: Submitted = Code::Malformed.into();
        assert!(answers.open(Vec::new(), vec![Some(refused.clone())], reply).is_empty());
        assert_eq!(answer.try_recv().unwrap(), [refused]);
    }
}
