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
use linli_replica::Submitted;
use linli_runtime::{Verified, verify_signatures};
use linli_types::code::Code;
use linli_types::id::{ChainId, PublicKey};
use linli_types::receipt::Refusal;
use linli_types::signature::Verify;
use linli_types::transaction::Transaction;
use queue::Placed;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Remembered signatures: this many at least, twice as many at most.
const REMEMBERED: usize = 65_536;

/// Something to check.
pub(crate) enum Job {
    /// From a local client.
    Client {
        /// The encoded transactions.
        raws: Vec<Vec<u8>>,
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
    fn check_all(&self, jobs: Vec<Placed>) -> Vec<Checked> {
        // An idle chain's last block may be half a minute old: the next one will have our time.
        let now = self.published.now().max(self.clock.now().wall);
        let checker = self.published.checker();
        let mut shaped = Vec::new();
        for (job, _) in &jobs {
            let check = |raw: &Vec<u8>| match job {
                Job::Client { .. } => checker.check(raw, now),
                Job::Peer { .. } => checker.check_shape(raw),
            };
            shaped.extend(job.raws().iter().map(check));
        }
        let mut verdicts = self.verify(shaped).into_iter();
        let checked = |(job, share): Placed| {
            let own = verdicts.by_ref().take(job.raws().len());
            match job {
                Job::Client { reply, .. } => self.for_client(own, reply, share),
                Job::Peer { from, .. } => for_peer(from, own, share),
            }
        };
        jobs.into_iter().map(checked).collect()
    }

    fn verify(&self, shaped: Vec<Result<Transaction, Refusal>>) -> Vec<Result<Verified, Refusal>> {
        let digests: Vec<Option<blake3::Hash>> =
            shaped.iter().map(|t| t.as_ref().ok().map(|t| blake3::hash(&t.raw))).collect();
        let known = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).knows(&digests);
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
        let held = digests.iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_ok());
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        held.filter_map(|(digest, _)| *digest).for_each(|digest| remembered.add(digest));
        verdicts
    }

    fn for_client(
        &self,
        verdicts: impl Iterator<Item = Result<Verified, Refusal>>,
        reply: oneshot::Sender<Vec<Submitted>>,
        share: Share,
    ) -> Checked {
        let (mut held, mut answers) = (Vec::new(), Vec::new());
        for (place, verdict) in verdicts.enumerate() {
            match verdict {
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

fn for_peer(
    from: PublicKey,
    verdicts: impl Iterator<Item = Result<Verified, Refusal>>,
    share: Share,
) -> Checked {
    let (mut held, mut junk) = (Vec::new(), None);
    for verdict in verdicts {
        match verdict {
            Ok(transaction) => held.push(transaction),
            Err(refusal) => junk = Some(refusal),
        }
    }
    Checked::Peer { from, held, junk, share }
}

/// Transactions whose signatures held, by the digest of their exact bytes: two generations, the
/// older one forgotten when the younger is full.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    young: HashSet<blake3::Hash>,
    old: HashSet<blake3::Hash>,
}

impl Remembered {
    fn knows(&self, digests: &[Option<blake3::Hash>]) -> Vec<bool> {
        let knows =
            |digest: &blake3::Hash| self.young.contains(digest) || self.old.contains(digest);
        digests.iter().map(|digest| digest.as_ref().is_some_and(knows)).collect()
    }

    fn add(&mut self, digest: blake3::Hash) {
        if self.young.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(digest);
    }
}

#[cfg(test)]
mod tests;
