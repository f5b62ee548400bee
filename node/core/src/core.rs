//! The core itself: its state, one step, and what of it others may see.

use crate::action::Action;
use crate::blocks::Blocks;
use crate::buffer::Buffer;
use crate::config::{Clock, Config, CoreBroken, Crypto, Start};
use crate::guard::Guard;
use crate::input::{Included, Input, PoolEntry};
use crate::malachite::Engine;
use crate::message::Message;
use crate::out::Out;
use crate::peers::Peers;
use crate::pool::Pool;
use crate::suspects::Suspects;
use crate::sync::Sync;
use crate::wal::{Entry, Record, Wait};
use crate::witness::Witness;
use linli_types::certificate::Certificate;
use linli_types::code::Code;
use linli_types::height::{Height, TimeMs};
use linli_types::id::{BlockId, BodyId, PublicKey};
use linli_types::limits;
use linli_types::planted::{self, Bug};
use std::collections::{BTreeMap, BTreeSet};

/// One validator's view of the order. See the crate.
pub struct Core {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) head: Start,
    pub(crate) pool: Pool,
    pub(crate) suspects: Suspects,
    pub(crate) next_timer: Option<TimeMs>,
    pub(crate) peers: Peers,
    pub(crate) sync: Sync,
    pub(crate) buffer: Buffer,
    pub(crate) at: Working,
    /// When the height under way started, and when the last one was committed.
    pub(crate) started_at: u64,
    pub(crate) committed_at: u64,
    /// When something was last broadcast.
    pub(crate) heard_at: u64,
    pub(crate) wake: Option<u64>,
    pub(crate) out: Out,
    /// Whose message is being handled.
    pub(crate) speaking: Option<PublicKey>,
    pub(crate) broken: Option<String>,
}

/// Everything about the height under way; made afresh for each.
pub(crate) struct Working {
    /// The key that this node votes with at this height.
    pub(crate) me: PublicKey,
    pub(crate) engine: Engine,
    pub(crate) guard: Guard,
    pub(crate) witness: Witness,
    pub(crate) blocks: Blocks,
    /// Bodies at hand that are not in the pool.
    pub(crate) held: BTreeSet<BodyId>,
    pub(crate) waits: BTreeMap<(Wait, u32), u64>,
    pub(crate) started: bool,
    /// The round whose block is being built, and the candidates handed out.
    pub(crate) building: Option<(u32, Vec<BodyId>)>,
    pub(crate) decided: Option<Certificate>,
    pub(crate) committing: Option<BlockId>,
    /// When missing bodies are asked for, and who was asked last.
    pub(crate) bodies_due: Option<u64>,
    pub(crate) bodies_asked: Option<PublicKey>,
    /// Encoded entries of the log while it is replayed.
    pub(crate) replaying: Option<BTreeSet<Vec<u8>>>,
}

impl Working {
    fn new(me: PublicKey, height: Height, head: &Start) -> Self {
        Self {
            me,
            engine: Engine::new(me, height, &head.validators),
            guard: Guard::new(me, height),
            witness: Witness::default(),
            blocks: Blocks::default(),
            held: BTreeSet::new(),
            waits: BTreeMap::new(),
            started: false,
            building: None,
            decided: None,
            committing: None,
            bodies_due: None,
            bodies_asked: None,
            replaying: None,
        }
    }
}

impl Core {
    /// Starts on `head` and replays the log of the height after it.
    ///
    /// # Errors
    ///
    /// [`CoreBroken`]: the log is damaged, or contradicts itself.
    pub fn start(
        config: Config,
        head: Start,
        wal_records: Vec<Vec<u8>>,
        clock: Clock,
        crypto: &mut dyn Crypto,
    ) -> Result<(Self, Vec<Action>), CoreBroken> {
        let height = head.height.next();
        let mut entries = Vec::new();
        let wal_records = if planted::is(Bug::Amnesia) { Vec::new() } else { wal_records };
        for (index, bytes) in wal_records.iter().enumerate() {
            let record = Record::from_bytes(bytes).ok_or(CoreBroken::Record { index })?;
            if record.height == height {
                entries.push(record.entry); // W1
            }
        }
        let mut core = Self::on(config, head, clock);
        if !entries.is_empty() {
            core.replay(entries, crypto);
        }
        core.settle(crypto);
        match core.broken.take() {
            Some(why) => Err(CoreBroken::Diverged(why)),
            None => {
                let actions = core.finish();
                Ok((core, actions))
            }
        }
    }

    fn on(config: Config, head: Start, clock: Clock) -> Self {
        let now = clock.mono_ms;
        Self {
            at: Working::new(config.key_among(&head.validators), head.height.next(), &head),
            pool: Pool::new(config.pool),
            suspects: Suspects::default(),
            clock,
            head,
            next_timer: None,
            peers: Peers::default(),
            sync: Sync::default(),
            buffer: Buffer::default(),
            started_at: now.saturating_sub(config.block_interval_ms),
            committed_at: now,
            heard_at: now,
            wake: None,
            out: Out::default(),
            speaking: None,
            broken: None,
            config,
        }
    }

    /// Takes in one input; returns what to do, in order. After [`Action::Halt`] nothing follows.
    pub fn step(&mut self, clock: Clock, input: Input, crypto: &mut dyn Crypto) -> Vec<Action> {
        if self.broken.is_some() {
            return Vec::new();
        }
        self.clock = clock;
        match input {
            Input::Woken => {}
            Input::Connected { peer } => self.connected(peer),
            Input::Disconnected { peer } => self.disconnected(&peer),
            Input::Received { from, bytes } => self.received(from, &bytes, crypto),
            Input::Offer { entry } => self.offered(entry),
            Input::Held { ids } => self.held(ids),
            Input::NextTimer { at } => self.next_timer = at,
            Input::Built { height, round, header, transactions } => {
                self.built(height, round, header, transactions, crypto);
            }
            Input::Executed { block, valid } => self.executed(block, valid, crypto),
            Input::ExecutedSynced { block, verdict } => self.executed_synced(block, verdict),
            Input::Committed { head, next_timer, included } => {
                self.committed(head, next_timer, &included);
            }
        }
        self.run_waits(crypto);
        self.settle(crypto);
        self.finish()
    }

    /// Draws the consequences of whatever happened.
    fn settle(&mut self, crypto: &mut dyn Crypto) {
        self.pace(crypto);
        self.judge(crypto);
        self.try_commit();
        self.catch_up(crypto);
        self.ask_for_bodies();
        self.answer_peers();
        self.tell_status();
    }

    /// The step's actions, or the one that ends them all (E1).
    fn finish(&mut self) -> Vec<Action> {
        self.speaking = None;
        if self.out.broadcasts() {
            self.heard_at = self.clock.mono_ms;
        }
        let next = self.next_wake();
        let due = self.wake.is_none_or(|at| at <= self.clock.mono_ms);
        if self.broken.is_none() && (due || self.wake != Some(next)) {
            self.wake = Some(next);
            self.out.act(Action::WakeAt { mono_ms: next });
        }
        let actions = self.out.take();
        match &self.broken {
            Some(why) => vec![Action::Halt { why: why.clone() }],
            None => actions,
        }
    }

    pub(crate) fn halt(&mut self, why: String) {
        self.broken.get_or_insert(why);
    }

    /// The height under way.
    pub(crate) const fn height(&self) -> Height {
        self.head.height.next()
    }

    pub(crate) fn drop_bodies(&mut self, ids: Vec<BodyId>) {
        if !ids.is_empty() {
            self.out.act(Action::Drop { ids });
        }
    }

    fn offered(&mut self, entry: PoolEntry) {
        let id = entry.id;
        let wanted = self.at.blocks.arrived(&id);
        // What waits already is judged no more: this node's clock may have jumped since.
        let known = self.pool.contains(&id);
        let in_time = if known { Ok(()) } else { self.in_time(&entry) };
        match in_time.and_then(|()| self.pool.add(entry)) {
            Ok(is_new) => self.out.act(Action::Pooled { id, is_new }),
            Err(code) => {
                self.out.act(Action::PoolRefused { id, code });
                self.keep_aside(id, wanted);
            }
        }
    }

    /// What has ended, or ends later than any client may ask for, does not wait: a peer could fill
    /// the pool with old or far transactions that hold. Judged by the own clock, and with room for
    /// a wrong one.
    fn in_time(&self, entry: &PoolEntry) -> Result<(), Code> {
        let latest = limits::VALIDITY_MS_MAX.saturating_add(limits::CLOCK_SKEW_MS_MAX);
        let ended = entry.valid_until < self.head.time;
        match ended || entry.valid_until > self.clock.wall.plus_ms(latest) {
            true => Err(Code::Expired),
            false => Ok(()),
        }
    }

    fn held(&mut self, ids: Vec<BodyId>) {
        for id in ids {
            let wanted = self.at.blocks.arrived(&id);
            if !self.pool.contains(&id) {
                self.keep_aside(id, wanted);
            }
        }
    }

    fn keep_aside(&mut self, id: BodyId, wanted: bool) {
        if wanted {
            self.at.held.insert(id);
        } else if !self.at.held.contains(&id) && !self.pool.contains(&id) {
            self.drop_bodies(vec![id]);
        }
    }

    fn committed(&mut self, head: Start, next_timer: Option<TimeMs>, included: &[Included]) {
        if head.height != self.height() {
            let (got, want) = (head.height, self.height());
            return self.halt(format!("height {got} was committed where {want} was asked for"));
        }
        self.out.log(Action::WalReset, false);
        let mut gone: BTreeSet<BodyId> = std::mem::take(&mut self.at.held);
        for Included { id, sender, key } in included {
            gone.extend(self.pool.remove_key(*sender, *key));
            gone.insert(*id);
        }
        gone.extend(self.pool.expire(head.time));
        let lost = self.turned_down(u32::MAX);
        if let Some(culprit) = self.suspects.height_done(lost, &self.pool) {
            tracing::warn!(transaction = %culprit, "left the pool: executions of it differ");
            self.pool.remove(&culprit);
            gone.insert(culprit);
        }
        gone.retain(|id| !self.pool.contains(id));
        self.drop_bodies(gone.into_iter().collect());
        let before = std::mem::replace(&mut self.head, head);
        self.next_timer = next_timer;
        self.committed_at = self.clock.mono_ms;
        let (now, me) = (&self.head.validators, self.config.key_among(&self.head.validators));
        self.at = Working::new(me, self.height(), &self.head);
        self.buffer.forget_before(self.height());
        // Whoever has a new key spoke under the old one so far; an observer starts no height.
        let had = |peer: &PublicKey| before.validators.get(peer).is_some();
        self.buffer.keep_only(|peer| had(peer) || now.get(peer).is_some());
        self.sync.committed();
    }

    fn tell_status(&mut self) {
        let due = self.heard_at.saturating_add(self.config.status_ms);
        if self.clock.mono_ms >= due && self.peers.len() > 0 {
            self.out.broadcast(&Message::Status { height: self.head.height });
        }
    }

    /// Replays the log, then goes on where it ends.
    fn replay(&mut self, entries: Vec<Entry>, crypto: &mut dyn Crypto) {
        for entry in &entries {
            match entry {
                Entry::Vote(vote) => self.at.guard.restore_vote(vote),
                Entry::Proposal(proposal) => self.at.guard.restore_proposal(proposal),
                Entry::Block { round, header, transactions } => {
                    self.restore_block(*round, header, transactions);
                }
                Entry::Judged { block, valid, .. } => {
                    if let Some(candidate) = self.at.blocks.candidates.get_mut(block) {
                        candidate.told = Some(*valid || candidate.told == Some(true));
                    }
                }
                Entry::Bodies(bodies) => {
                    self.out.act(Action::CheckBodies { from: None, bodies: bodies.clone() });
                }
                Entry::TimedOut { .. } | Entry::Polka(_) => {}
            }
        }
        self.at.started = true;
        self.started_at = self.clock.mono_ms;
        self.at.replaying = Some(entries.iter().map(linli_types::encode).collect());
        self.with_engine(crypto, |engine, desk| engine.replay(&entries, desk));
        self.at.replaying = None;
        self.build_after_replay();
    }

    /// The key that this node votes with at the height under way, if the set names it.
    pub const fn me(&self) -> PublicKey {
        self.at.me
    }

    /// Whether the set of the height under way names this node: otherwise it only follows.
    pub fn is_validator(&self) -> bool {
        self.head.validators.get(&self.at.me).is_some()
    }

    /// The last committed block.
    pub const fn head(&self) -> &Start {
        &self.head
    }

    /// Whether a proposal of the height under way waits for this body.
    pub fn wants(&self, id: &BodyId) -> bool {
        self.at.blocks.wants(id)
    }

    /// The round under way; `None` between heights.
    pub fn round(&self) -> Option<u32> {
        self.at.engine.round()
    }

    /// Transactions in the pool.
    pub const fn pool_len(&self) -> usize {
        self.pool.len()
    }

    /// Bytes of the transactions in the pool.
    pub const fn pool_bytes(&self) -> usize {
        self.pool.bytes()
    }

    /// Connected members.
    pub fn peers_len(&self) -> usize {
        self.peers.len()
    }

    /// Whether peers say they are more than a height ahead.
    pub fn is_catching_up(&self) -> bool {
        self.peers.furthest() > self.height()
    }
}
