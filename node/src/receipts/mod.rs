//! COSE receipts: this validator's signatures over the evidence log, and those of the others.
//!
//! ```text
//!  log grew ──┐                ┌─▶ own signature (receipt key)
//!  asked ─────┴─▶ look ────────┤
//!   (API, peers)  header, set  └─▶ Ask others ──▶ Tell ──▶ checked, kept, served
//! ```
//!
//! A signature over the log of a block serves every leaf of it, and the same one can be made again
//! at any time: nothing of this is stored. The newest log is signed ahead, at most once a second;
//! any other when somebody asks.
//!
//! # Invariants
//!
//! - **Q1 aside.** Signing and checking run on tasks of their own: the replica's thread hands words
//!   of peers on unread, and drops them when they come too fast.
//! - **Q2 checked.** A peer's signature is kept and served only if it verifies, with its delegation,
//!   for a validator of that height's set; one that does not is a fault.
//! - **Q3 committed.** Only logs of committed blocks are signed.
//! - **Q4 bounded.** Heights kept, words waiting and the time of waiting for peers are bounded.

mod keep;
mod keys;
mod register;
mod words;

pub(crate) use keys::Keys;
pub(crate) use register::register;
pub(crate) use words::{KIND, Signer};

use crate::counters::Counters;
use crate::handle::HeadInfo;
use crate::network::NetworkSender;
use crate::storage::RocksStore;
use keep::{Known, Sight};
use linli_runtime::log::receipt_key;
use linli_runtime::{load_block, validators};
use linli_types::delegation::Delegation;
use linli_types::height::Height;
use linli_types::id::{ChainId, PublicKey};
use linli_types::limits::{COSE_WAIT_MS, VALIDATORS_MAX};
use linli_types::signature::Verify;
use linli_types::store::Broken;
use linli_types::validator::ValidatorSet;
use linli_verify::cose::delegation::check;
use linli_verify::cose::receipt::{LogHead, Proof, Receipt};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use words::Word;

/// Shortest time between two logs that are signed ahead.
const AHEAD: Duration = Duration::from_secs(1);

/// What the parts of a node need of its receipts: a cheap clone.
#[derive(Clone)]
pub(crate) struct Receipts {
    shared: Arc<Shared>,
}

/// What a node's receipts are made with.
pub(crate) struct Parts {
    pub(crate) chain: ChainId,
    /// `None` if this node has no receipt key: it serves what others sign.
    pub(crate) keys: Option<Keys>,
    pub(crate) store: RocksStore,
    pub(crate) network: NetworkSender,
    pub(crate) head: watch::Receiver<HeadInfo>,
    pub(crate) verify: Arc<dyn Verify>,
    pub(crate) counters: Arc<Counters>,
}

struct Shared {
    parts: Parts,
    known: Mutex<Known>,
    /// Peers that spoke of receipts, and what those say whose keys are not on the ledger.
    speaking: Mutex<BTreeSet<PublicKey>>,
    introduced: Mutex<BTreeMap<PublicKey, Delegation>>,
    /// Counts what became known, for those who wait.
    changed: watch::Sender<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Receipts {
    pub(crate) fn new(parts: Parts) -> Self {
        let changed = watch::channel(0).0;
        let (speaking, introduced) = Default::default();
        let known = Mutex::default();
        Self { shared: Arc::new(Shared { parts, known, speaking, introduced, changed }) }
    }

    /// Signatures over the log of a committed height, of at least so many organisations if they can
    /// be had in time: this node's own first, then one of each further organisation.
    pub(crate) async fn of(
        &self,
        height: Height,
        organisations: usize,
    ) -> Result<Vec<Signer>, Broken> {
        let mut changed = self.shared.changed.subscribe();
        let Some(sight) = self.look(height).await? else { return Ok(Vec::new()) };
        let until = Instant::now() + Duration::from_millis(COSE_WAIT_MS);
        let mut asked: Option<BTreeSet<PublicKey>> = None;
        loop {
            changed.borrow_and_update();
            let (own, found) = lock(&self.shared.known).signers(height);
            let chosen = choose(&sight.set, own, &found, organisations);
            if chosen.len() >= organisations {
                return Ok(chosen);
            }
            if asked.is_none() {
                asked = Some(self.ask(height).await?);
            }
            let all = asked.iter().flatten().all(|validator| found.contains_key(validator));
            if all || tokio::time::timeout_at(until, changed.changed()).await.is_err() {
                return Ok(chosen); // Q4
            }
        }
    }

    /// Asks every validator of now that is known to answer: one whose consensus key was changed since
    /// knows what it was called. Names them.
    async fn ask(&self, height: Height) -> Result<BTreeSet<PublicKey>, Broken> {
        let own = self.clone();
        let asking = move || {
            let next = own.head().height.next();
            let (set, _) = validators::set_at(&own.shared.parts.store, next)?;
            let mut asked = BTreeSet::new();
            for member in set.members() {
                if !own.is_own(&member.key) && own.speaks(&member.key)? {
                    own.send(&member.key, Word::Ask { height });
                    asked.insert(member.key);
                }
            }
            Ok(asked)
        };
        aside(asking).await
    }

    /// Whether a validator understands words about receipts.
    fn speaks(&self, validator: &PublicKey) -> Result<bool, Broken> {
        let heard = lock(&self.shared.speaking).contains(validator);
        Ok(heard || receipt_key(&self.shared.parts.store, validator)?.is_some())
    }

    fn keys(&self) -> Option<&Keys> {
        self.shared.parts.keys.as_ref()
    }

    fn is_own(&self, key: &PublicKey) -> bool {
        self.keys().is_some_and(|keys| keys.is_own(key))
    }

    fn send(&self, to: &PublicKey, word: Word) {
        self.shared.parts.network.send(to, word.encode());
    }

    fn head(&self) -> HeadInfo {
        self.shared.parts.head.borrow().clone()
    }

    /// Log and set of a committed height (Q3), with this node's own signature among those known.
    async fn look(&self, height: Height) -> Result<Option<Arc<Sight>>, Broken> {
        if let Some(sight) = lock(&self.shared.known).sight(height) {
            return Ok(Some(sight));
        }
        if height == Height::GENESIS || height > self.head().height {
            return Ok(None);
        }
        let own = self.clone();
        aside(move || own.read(height)).await
    }

    fn read(&self, height: Height) -> Result<Option<Arc<Sight>>, Broken> {
        let Parts { store, chain, .. } = &self.shared.parts;
        let Some(block) = load_block(store, height)? else { return Ok(None) };
        let (set, _) = validators::set_at(store, height)?;
        let sight = Arc::new(Sight { head: LogHead::of(&block.header), set });
        let mut own = None;
        if let Some(keys) = self.keys()
            && let Some(seat) = keys.seat_then(store, &sight.set)?
        {
            let delegation = keys.delegation(store, *chain, (seat, self.head().height))?;
            if delegation.says.from_height <= height {
                self.shared.parts.counters.receipt_signatures.add(1);
                let signature = keys.sign(&sight.head);
                own = Some((seat, Signer { delegation, signature }));
            }
        }
        lock(&self.shared.known).begin(height, &sight, own);
        Ok(Some(sight))
    }

    /// Hears what peers say of receipts, and signs ahead while the log grows, until the node stops.
    pub(crate) async fn listen(self, mut words: mpsc::Receiver<(PublicKey, Vec<u8>)>) {
        let mut head = self.shared.parts.head.clone();
        let (mut size, mut next) = (self.head().log_size, Instant::now());
        loop {
            tokio::select! {
                word = words.recv() => match word {
                    Some((from, bytes)) => self.hear(from, &bytes).await,
                    None => return,
                },
                changed = head.changed(), if Instant::now() >= next => {
                    if changed.is_err() {
                        return;
                    }
                    let now = head.borrow_and_update().clone();
                    if now.log_size > size {
                        (size, next) = (now.log_size, Instant::now() + AHEAD);
                        self.sign_ahead(now.height).await;
                    }
                }
                () = tokio::time::sleep_until(next), if Instant::now() < next => {}
            }
        }
    }

    async fn sign_ahead(&self, height: Height) {
        let done = async {
            if self.look(height).await?.is_some() {
                self.ask(height).await?;
            }
            Ok::<(), Broken>(())
        };
        if let Err(Broken(why)) = done.await {
            tracing::error!(why, "receipts.sign: the store cannot be read");
        }
    }

    async fn hear(&self, from: PublicKey, bytes: &[u8]) {
        let Some(word) = Word::decode(bytes) else {
            return self.fault(from, "a word about receipts that does not decode");
        };
        self.note_speaking(from);
        let heard = match word {
            Word::Ask { height } => self.answer(from, height).await,
            Word::Tell { height, signer } => self.told(from, height, signer).await,
            Word::Introduce(delegation) => self.introduced(from, delegation).await,
        };
        if let Err(Broken(why)) = heard {
            tracing::error!(why, "receipts.hear: the store cannot be read");
        }
    }

    /// Bounded like the set: who is no member has no connection.
    fn note_speaking(&self, from: PublicKey) {
        let mut speaking = lock(&self.shared.speaking);
        if speaking.len() >= VALIDATORS_MAX.saturating_mul(2) {
            speaking.clear();
        }
        speaking.insert(from);
    }

    fn fault(&self, peer: PublicKey, why: &str) {
        tracing::warn!(%peer, why, "receipts.fault");
        self.shared.parts.counters.receipt_faults.add(1);
        self.shared.parts.network.fault(peer, why.to_owned());
    }

    async fn answer(&self, to: PublicKey, height: Height) -> Result<(), Broken> {
        self.look(height).await?;
        let own = lock(&self.shared.known).own(height);
        if let Some(signer) = own {
            self.send(&to, Word::Tell { height, signer });
        }
        Ok(())
    }

    /// Keeps a signature that was asked for (Q2).
    async fn told(&self, from: PublicKey, height: Height, signer: Signer) -> Result<(), Broken> {
        let Some(sight) = lock(&self.shared.known).sight(height) else { return Ok(()) };
        let verify = self.shared.parts.verify.clone();
        let judged = aside(move || Ok(holds(&sight, &signer, &*verify)));
        match judged.await? {
            Some(validator) => {
                lock(&self.shared.known).add(height, validator, signer);
                self.shared.changed.send_modify(|count| *count = count.wrapping_add(1));
            }
            None => self.fault(from, "a receipt signature that does not hold"),
        }
        Ok(())
    }

    /// Remembers a receipt key that is to be carried to the ledger: of a validator of the next block,
    /// or one member would fill the places with keys that it made up (Q4).
    async fn introduced(&self, from: PublicKey, delegation: Delegation) -> Result<(), Broken> {
        let Parts { verify, chain, .. } = &self.shared.parts;
        if delegation.says.chain != *chain || !delegation.holds(&**verify) {
            self.fault(from, "a delegation that does not hold");
            return Ok(());
        }
        let (own, validator) = (self.clone(), delegation.says.validator);
        let seated = aside(move || {
            let next = own.head().height.next();
            let (set, _) = validators::set_at(&own.shared.parts.store, next)?;
            Ok(set.get(&validator).is_some())
        });
        if !seated.await? {
            return Ok(());
        }
        let mut introduced = lock(&self.shared.introduced);
        if introduced.len() < VALIDATORS_MAX {
            introduced.insert(delegation.says.validator, delegation);
        }
        Ok(())
    }
}

/// The own signature first, then one of each further organisation, until there are enough.
fn choose(
    set: &ValidatorSet,
    own: Option<PublicKey>,
    found: &BTreeMap<PublicKey, Signer>,
    organisations: usize,
) -> Vec<Signer> {
    let mut members: Vec<_> = set.members().iter().collect();
    members.sort_by_key(|member| (own != Some(member.key), member.key));
    let (mut orgs, mut chosen) = (BTreeSet::new(), Vec::new());
    for member in members {
        let Some(signer) = found.get(&member.key) else { continue };
        if chosen.len() < organisations && orgs.insert(member.org) {
            chosen.push(*signer);
        }
    }
    chosen
}

/// The validator whose signature over this very log it is.
fn holds(sight: &Sight, signer: &Signer, verify: &dyn Verify) -> Option<PublicKey> {
    let Signer { delegation, signature } = signer;
    let none = Proof::Consistency { from: 0, to: 0, path: Vec::new() };
    let receipt = Receipt::new(&sight.head, delegation.says.key, *signature, none);
    let validator = check(delegation, &receipt, &sight.set, verify).ok()?;
    receipt.is_over(&sight.head.root, verify).then_some(validator.key)
}

/// Off the tasks that must not wait: RocksDB may wait for the disk, signatures cost.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Broken> + Send + 'static,
) -> Result<T, Broken> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Broken("a task about receipts panicked".into())))
}

#[cfg(test)]
mod tests;
