//! Checks transactions aside from the driver: form, then signatures in batches across arrivals.
//!
//! ```text
//!  clients ──▶ ┌───────┐  those of members   ┌─────────┐        ┌────────┐
//!              │ queue │ ──────────────────▶ │ workers │ ─────▶ │ driver │
//!  driver  ──▶ └───────┘  first, some at once └─────────┘        └────────┘
//! ```
//!
//! # Invariants
//!
//! - **Q1 once.** A signature that held once is not checked again while it is remembered.
//! - **Q2 no circle.** Workers wait for the driver, so the driver never waits for them.
//! - **Q3 in order.** Results reach the driver in the order in which the jobs were taken.

mod order;
mod queue;

pub(crate) use order::Order;
pub(crate) use queue::{Checking, Queue, Share};

use crate::clock::MachineClock;
use crate::counters::Counters;
use crate::handle::Published;
use crate::rates::Rates;
use linli_replica::Submitted;
use linli_runtime::{Checker, Verified, verify_signatures};
use linli_types::code::Code;
use linli_types::height::TimeMs;
use linli_types::id::{ChainId, PublicKey, Signature, TxId};
use linli_types::receipt::Refusal;
use linli_types::signature::Verify;
use linli_types::transaction::Transaction;
use queue::Placed;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Remembered signatures: this many at least, twice as many at most.
const REMEMBERED: usize = 65_536;

/// Something to check.
pub(crate) enum Job {
    /// From a local client.
    Client {
        /// The encoded transactions.
        raws: Vec<Vec<u8>>,
        /// Takes the id of the last one that is well formed, for a client that asks for it.
        named: Option<oneshot::Sender<TxId>>,
        /// Takes one answer for each.
        reply: oneshot::Sender<Vec<Submitted>>,
    },
    /// From a member.
    Peer {
        /// Who sent them.
        from: PublicKey,
        /// The encoded transactions.
        raws: Vec<Vec<u8>>,
    },
}

/// What came of a job.
pub(crate) enum Checked {
    /// For a local client: what held, with its place among the answers.
    Client {
        /// What goes on to the pool.
        held: Vec<(usize, Verified)>,
        /// Answers that stand already; `None` where one is still to come.
        answers: Vec<Option<Submitted>>,
        /// Takes the answers.
        reply: oneshot::Sender<Vec<Submitted>>,
        /// The room that the job takes up until the driver has it.
        share: Share,
    },
    /// From a member.
    Peer {
        /// Who sent them.
        from: PublicKey,
        /// What held.
        held: Vec<Verified>,
        /// Why one did not, if so: no honest member passes on what its own check refuses.
        junk: Option<Refusal>,
        /// The room that the job takes up until the driver has it.
        share: Share,
    },
}

impl Job {
    fn raws(&self) -> &[Vec<u8>] {
        match self {
            Self::Client { raws, .. } | Self::Peer { raws, .. } => raws,
        }
    }
}

/// One worker, on a thread of its own. Several may share a queue.
#[derive(Clone)]
pub(crate) struct Worker {
    pub(crate) chain: ChainId,
    pub(crate) verify: Arc<dyn Verify>,
    pub(crate) published: Arc<Published>,
    pub(crate) remembered: Arc<Mutex<Remembered>>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) clock: MachineClock,
    pub(crate) rates: Arc<Rates>,
    pub(crate) order: Arc<Order>,
}

impl Worker {
    /// Works until the queue or the driver is gone.
    pub(crate) fn run(self, queue: &Mutex<Queue>) {
        loop {
            let (number, jobs) = queue.lock().unwrap_or_else(PoisonError::into_inner).gather();
            if jobs.is_empty() || self.order.is_closed() {
                return;
            }
            let mut turn = self.order.turn(number); // Q3
            turn.checked = self.check_all(jobs);
        }
    }

    /// Checks the jobs together, so that their signatures share batches.
    fn check_all(&self, mut jobs: Vec<Placed>) -> Vec<Checked> {
        // An idle chain's last block may be half a minute old: the next one will have our time.
        let now = self.published.now().max(self.clock.now().wall);
        let checker = self.published.checker();
        let mut shaped = Vec::new();
        for (job, _) in &mut jobs {
            let from = shaped.len();
            shaped.extend(job.raws().iter().map(|raw| checker.check_shape(raw)));
            if let Job::Client { named, .. } = job {
                let own = shaped.get_mut(from..).unwrap_or_default();
                tell(named.take(), own);
                own.iter_mut().for_each(|shaped| check_window(shaped, now));
                self.rates.refuse_excess(own); // S2
            }
        }
        let mut verdicts = self.verify(shaped).into_iter();
        let checked = |(job, share): Placed| {
            let own = verdicts.by_ref().take(job.raws().len());
            match job {
                Job::Client { reply, .. } => self.for_client(own, reply, share),
                Job::Peer { from, raws } => for_peer(from, own.zip(&raws), &checker, share),
            }
        };
        jobs.into_iter().map(checked).collect()
    }

    fn verify(&self, shaped: Vec<Result<Transaction, Refusal>>) -> Vec<Result<Verified, Refusal>> {
        let known = self.remembered().knows(&shaped);
        let mut fresh = Vec::new();
        let mut verdicts: Vec<Option<Result<Verified, Refusal>>> = Vec::new();
        for (transaction, known) in shaped.into_iter().zip(known) {
            verdicts.push(match transaction {
                Err(refusal) => Some(Err(refusal)),
                Ok(transaction) if known => Some(Ok(Verified::vouched(transaction))), // Q1
                Ok(transaction) => {
                    fresh.push(transaction);
                    None
                }
            });
        }
        self.counters.signature_checks.add(fresh.len() as u64);
        let saved = verdicts.iter().flatten().filter(|v| v.is_ok()).count();
        self.counters.signature_checks_saved.add(saved as u64);
        let mut fresh = verify_signatures(&self.chain, self.verify.as_ref(), fresh).into_iter();
        let unanswered = || Err(Code::BadSignature.refuse([]));
        let fill = |verdict: Option<_>| verdict.or_else(|| fresh.next()).unwrap_or_else(unanswered);
        let verdicts: Vec<_> = verdicts.into_iter().map(fill).collect();
        let mut remembered = self.remembered();
        verdicts.iter().flatten().for_each(|held| remembered.add(held));
        verdicts
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn for_client(
        &self,
        verdicts: impl Iterator<Item = Result<Verified, Refusal>>,
        reply: oneshot::Sender<Vec<Submitted>>,
        share: Share,
    ) -> Checked {
        let (mut held, mut answers) = (Vec::new(), Vec::new());
        let charged = |held: Verified| self.rates.submit(&held.signer).map(|()| held);
        for (place, verdict) in verdicts.enumerate() {
            match verdict.and_then(charged) {
                Ok(transaction) => {
                    held.push((place, transaction));
                    answers.push(None);
                }
                Err(refusal) => {
                    self.counters.refusals.add(1);
                    answers.push(Some(Submitted::Refused(refusal)));
                }
            }
        }
        Checked::Client { held, answers, reply, share }
    }
}

fn for_peer<'a>(
    from: PublicKey,
    verdicts: impl Iterator<Item = (Result<Verified, Refusal>, &'a Vec<u8>)>,
    checker: &Checker,
    share: Share,
) -> Checked {
    let (mut held, mut junk) = (Vec::new(), None);
    for (verdict, raw) in verdicts {
        match verdict {
            Ok(transaction) => held.push(transaction),
            Err(refusal) if refusal.code == Code::BadSignature.number() || checker.blames(raw) => {
                junk = Some(refusal);
            }
            // It knows other code of a contract than this node does yet, or does still.
            Err(_) => {}
        }
    }
    Checked::Peer { from, held, junk, share }
}

/// Tells a client that asked the id of what it handed in.
fn tell(named: Option<oneshot::Sender<TxId>>, shaped: &[Result<Transaction, Refusal>]) {
    let id = shaped.iter().flatten().last().map(|transaction| transaction.id);
    if let (Some(named), Some(id)) = (named, id) {
        // A client that went away wants no id.
        let _ = named.send(id);
    }
}

fn check_window(shaped: &mut Result<Transaction, Refusal>, now: TimeMs) {
    let late = |t: &Transaction| linli_runtime::check::check_window(t.valid_until, now).err();
    if let Some(refusal) = shaped.as_ref().ok().and_then(late) {
        *shaped = Err(refusal);
    }
}

/// Transactions whose signatures held: two generations, the older one forgotten when the younger
/// is full. Id and signature together name the exact bytes (K1 of the checker), so nothing is
/// hashed for this.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    young: HashMap<TxId, Signature>,
    old: HashMap<TxId, Signature>,
}

impl Remembered {
    fn knows(&self, shaped: &[Result<Transaction, Refusal>]) -> Vec<bool> {
        let holds = |t: &Transaction| {
            let found = self.young.get(&t.id).into_iter().chain(self.old.get(&t.id));
            found.into_iter().any(|signature| *signature == t.signature)
        };
        shaped.iter().map(|shaped| shaped.as_ref().is_ok_and(holds)).collect()
    }

    fn add(&mut self, held: &Transaction) {
        if self.young.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(held.id, held.signature);
    }
}

#[cfg(test)]
mod tests;
