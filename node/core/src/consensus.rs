//! The height under way: pacing, the engine's effects, proposed blocks, the decision.

use crate::action::Action;
use crate::blocks::{Candidate, Progress, cut, skew_max};
use crate::config::Crypto;
use crate::core::Core;
use crate::evidence::Evidence;
use crate::malachite::{Desk, Effect, Engine};
use crate::message::Message;
use crate::wal::{Entry, Record, Wait};
use linli_types::header::{FLAG_DEFERS_TIMERS, Header};
use linli_types::height::{Height, TimeMs};
use linli_types::id::{BlockId, BodyId, PublicKey};
use linli_types::limits;
use linli_types::planted::{self, Bug};
use std::collections::BTreeSet;

/// How long bodies may still be on their way, or wait to be checked, before they are asked for,
/// and how long between two askings.
const BODIES_GRACE_MS: u64 = 120;
const BODIES_AGAIN_MS: u64 = 250;

impl Core {
    /// Lets the engine work and carries out what it asks for.
    pub(crate) fn with_engine(
        &mut self,
        crypto: &mut dyn Crypto,
        work: impl FnOnce(&mut Engine, &mut Desk<'_>),
    ) {
        let (mut effects, mut broken) = (Vec::new(), None);
        let mut desk = Desk {
            chain: &self.config.chain,
            validators: &self.head.validators,
            crypto,
            guard: &mut self.at.guard,
            witness: &mut self.at.witness,
            effects: &mut effects,
            broken: &mut broken,
        };
        work(&mut self.at.engine, &mut desk);
        if let Some(why) = broken {
            return self.halt(why);
        }
        for effect in effects {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Log(entry) => self.log(entry),
            Effect::Broadcast(message) => self.publish(&message),
            Effect::Wait { wait, round } => self.wait(wait, round),
            Effect::Cancel { wait, round } => {
                self.at.waits.remove(&(wait, round));
            }
            Effect::CancelAll => self.at.waits.clear(),
            Effect::Build { round } => self.build(round),
            Effect::Restream { round, block } => self.send_parts(round, &block, None),
            Effect::Decided(certificate) => {
                self.at.waits.clear();
                self.at.decided = Some(certificate);
            }
            Effect::Evidence(evidence) => self.bear_witness(evidence),
            Effect::Fault(why) => {
                if let Some(peer) = self.speaking {
                    self.out.act(Action::Fault { peer, why });
                }
            }
        }
    }

    fn log(&mut self, entry: Entry) {
        let known = |log: &BTreeSet<Vec<u8>>| log.contains(&linli_types::encode(&entry));
        if self.at.replaying.as_ref().is_some_and(known) {
            return;
        }
        let me = self.at.me;
        let own = match &entry {
            Entry::Vote(signed) => signed.vote.validator == me,
            Entry::Proposal(signed) => signed.proposal.proposer == me,
            _ => false,
        };
        let record = Record { height: self.height(), entry };
        self.out.log(Action::WalAppend(record.to_bytes()), own); // C1
    }

    /// What was logged before the crash is not published again: peers ask, or it is resent.
    fn publish(&mut self, message: &Message) {
        if self.at.replaying.is_some() {
            return;
        }
        self.out.broadcast(message);
        if let Message::Proposal(signed) = message {
            let proposal = signed.proposal;
            if proposal.proposer == self.at.me && proposal.lock_round.is_none() {
                self.send_parts(proposal.round, &proposal.block, None);
            }
        }
    }

    /// Sends a block in parts, to one peer or to all.
    pub(crate) fn send_parts(&mut self, round: u32, block: &BlockId, to: Option<PublicKey>) {
        if self.at.replaying.is_some() {
            return;
        }
        let Some(candidate) = self.at.blocks.candidates.get(block) else { return };
        for part in cut(round, &candidate.header, &candidate.transactions) {
            match to {
                Some(to) => self.out.send(to, &part),
                None => self.out.broadcast(&part),
            }
        }
    }

    fn wait(&mut self, wait: Wait, round: u32) {
        let t = &self.config.timeouts;
        let grown = |base: u64, step: u64| base.saturating_add(step.saturating_mul(round.into()));
        let ms = match wait {
            Wait::Propose => grown(t.propose_ms, t.propose_step_ms),
            Wait::Prevote | Wait::Precommit => grown(t.vote_ms, t.vote_step_ms),
            Wait::Resend => t.resend_ms,
        };
        let deadline = self.clock.mono_ms.saturating_add(ms.min(t.max_ms));
        self.at.waits.insert((wait, round), deadline);
    }

    /// Lets every wait run out whose time has come, earliest first.
    pub(crate) fn run_waits(&mut self, crypto: &mut dyn Crypto) {
        let now = self.clock.mono_ms;
        let mut due: Vec<(u64, (Wait, u32))> =
            self.at.waits.iter().filter(|w| *w.1 <= now).map(|(w, at)| (*at, *w)).collect();
        due.sort_unstable();
        for (_, (wait, round)) in due {
            if self.at.waits.remove(&(wait, round)).is_none() || self.at.decided.is_some() {
                continue;
            }
            self.with_engine(crypto, |engine, desk| engine.timed_out(wait, round, desk));
            if wait == Wait::Resend {
                self.resend(round);
            }
        }
    }

    /// The own proposal of this round once more; the votes are the engine's part.
    fn resend(&mut self, round: u32) {
        if let Some(signed) = self.at.guard.proposal_of(round).copied() {
            self.out.broadcast(&Message::Proposal(signed));
            self.send_parts(round, &signed.proposal.block, None);
        }
    }

    /// C7. The pair goes to everyone: a second node with the same key learns that it is not alone.
    fn bear_witness(&mut self, evidence: Evidence) {
        if self.at.replaying.is_none() {
            let pair = match &evidence {
                Evidence::Votes { first, second } => {
                    [Message::Vote(*first), Message::Vote(*second)]
                }
                Evidence::Proposals { first, second } => {
                    [Message::Proposal(*first), Message::Proposal(*second)]
                }
            };
            pair.iter().for_each(|message| self.out.broadcast(message));
        }
        self.out.act(Action::Evidence(evidence));
    }

    // --- pacing (design D11) ---------------------------------------------------------------------

    /// Why the height should start, if at all.
    fn has_reason(&self) -> bool {
        let heartbeat = self.committed_at.saturating_add(self.config.heartbeat_ms);
        let own = !self.pool.is_empty()
            || self.next_timer.is_some_and(|at| at <= self.clock.wall)
            || self.clock.mono_ms >= heartbeat;
        self.buffer.has(self.height()) || (own && !self.sync.is_busy())
    }

    /// Starts the height when there is a reason and the last one started long enough ago.
    pub(crate) fn pace(&mut self, crypto: &mut dyn Crypto) {
        let earliest = self.started_at.saturating_add(self.config.block_interval_ms);
        let idle = !self.at.started && self.at.committing.is_none();
        if !idle || self.clock.mono_ms < earliest || !self.has_reason() {
            return;
        }
        self.at.started = true;
        self.started_at = self.clock.mono_ms;
        self.with_engine(crypto, |engine, desk| engine.start(desk));
        for (from, message) in self.buffer.take(self.height()) {
            self.speaking = Some(from);
            self.consensus_message(from, message, crypto);
        }
        self.speaking = None;
    }

    /// When to look again, on the monotonic clock.
    pub(crate) fn next_wake(&self) -> u64 {
        let now = self.clock.mono_ms;
        let status = self.heard_at.saturating_add(self.config.status_ms);
        let status = if self.peers.len() > 0 { status } else { u64::MAX };
        let mut next = status.min(self.sync.next_wake(self)).min(self.peers.next_answer());
        next = self.at.bodies_due.map_or(next, |at| next.min(at));
        next = self.at.waits.values().fold(next, |next, at| next.min(*at));
        if !self.at.started && self.at.committing.is_none() {
            let heartbeat = self.committed_at.saturating_add(self.config.heartbeat_ms);
            let earliest = self.started_at.saturating_add(self.config.block_interval_ms);
            let timer = self
                .next_timer
                .map_or(u64::MAX, |at| now.saturating_add(at.since(self.clock.wall)).max(earliest));
            let pace = if self.has_reason() { earliest } else { heartbeat.min(timer) };
            next = next.min(pace);
        }
        next.max(now.saturating_add(1))
    }

    // --- building --------------------------------------------------------------------------------

    fn build(&mut self, round: u32) {
        self.at.building = Some((round, Vec::new()));
        if self.at.replaying.is_some() {
            return;
        }
        let time = self.clock.wall.max(self.head.time.plus_ms(1));
        let empty = round >= limits::EMPTY_FROM_ROUND; // design D2
        let (count, bytes) = (limits::BLOCK_TRANSACTIONS_MAX, limits::BLOCK_BYTES_MAX);
        let left_out = self.turned_down(round);
        let transactions = match self.suspects.half() {
            _ if empty => Vec::new(),
            Some(half) => half.into_iter().filter(|id| !left_out.contains(id)).collect(),
            None => self.pool.candidates(time, count, bytes, &left_out),
        };
        self.at.building = Some((round, transactions.clone()));
        let flags = if empty { FLAG_DEFERS_TIMERS } else { 0 };
        self.out.act(Action::Build { height: self.height(), round, time, transactions, flags });
    }

    /// Transactions of blocks that lost an earlier round of this height because executions
    /// differed: the next proposer leaves them out (design D2).
    pub(crate) fn turned_down(&self, round: u32) -> BTreeSet<BodyId> {
        let lost = |c: &&Candidate| {
            c.acceptable.is_some()
                && c.round < round
                && (c.progress == Progress::Executed(false)
                    || self.at.witness.was_turned_down(c.round, &self.head.validators))
        };
        let lost = self.at.blocks.candidates.values().filter(lost);
        lost.flat_map(|c| c.transactions.iter().copied()).collect()
    }

    /// The log ended while a block was being built, or before: build it now.
    pub(crate) fn build_after_replay(&mut self) {
        let Some((round, _)) = self.at.building.take() else { return };
        let open = self.at.engine.round() == Some(round) && self.at.engine.awaits_proposal();
        if open && self.at.guard.proposal_of(round).is_none() {
            self.build(round);
        }
    }

    pub(crate) fn built(
        &mut self,
        height: Height,
        round: u32,
        header: Header,
        transactions: Vec<BodyId>,
        crypto: &mut dyn Crypto,
    ) {
        let asked = self.at.building.take_if(|(asked, _)| *asked == round);
        let Some((_, candidates)) = asked else { return };
        if height != self.height() || self.at.decided.is_some() {
            return;
        }
        self.forget_left_out(&candidates, &transactions, header.time);
        let block = header.id();
        let candidate = Candidate {
            missing: BTreeSet::new(),
            progress: Progress::Executed(true),
            round,
            seen: self.clock.wall,
            acceptable: Some(true),
            told: Some(true),
            logged: false,
            from: None,
            header,
            transactions,
        };
        self.at.blocks.candidates.insert(block, candidate);
        self.log_block(&block);
        self.with_engine(crypto, |engine, desk| engine.propose(round, block, desk));
    }

    /// A candidate that was passed over although a later one was taken can enter no block: its key
    /// is used, or it has expired. One that ends too late for this node's clock may enter a later
    /// one.
    fn forget_left_out(&mut self, candidates: &[BodyId], taken: &[BodyId], time: TimeMs) {
        let latest = time.plus_ms(limits::VALIDITY_MS_MAX);
        let kept: BTreeSet<&BodyId> = taken.iter().collect();
        let last = candidates.iter().rposition(|id| kept.contains(id));
        let judged = last.map_or(candidates, |last| &candidates[..last]);
        let lost = |id: &&BodyId| !kept.contains(id) && self.pool.ends(id) <= Some(latest);
        let out: Vec<BodyId> = judged.iter().filter(lost).copied().collect();
        let mut gone = Vec::new();
        for id in out {
            if self.pool.remove(&id) {
                if self.at.blocks.names(&id) {
                    self.at.held.insert(id);
                } else {
                    gone.push(id);
                }
            }
        }
        self.drop_bodies(gone);
    }

    /// A block that this node may vote for survives it (C1; engines.md: undecided blocks are ours).
    fn log_block(&mut self, block: &BlockId) {
        let height = self.height();
        let Some(candidate) = self.at.blocks.candidates.get_mut(block) else { return };
        if std::mem::replace(&mut candidate.logged, true) {
            return;
        }
        let (header, ids) = (candidate.header.to_bytes(), candidate.transactions.clone());
        let round = candidate.round;
        if !ids.is_empty() {
            self.out.log(Action::WalBodies { height, ids: ids.clone() }, false);
        }
        self.log(Entry::Block { round, header, transactions: ids });
    }

    pub(crate) fn restore_block(&mut self, round: u32, header: &[u8], transactions: &[BodyId]) {
        let Ok(header) = Header::from_bytes(header) else { return };
        let candidate = Candidate {
            missing: transactions.iter().copied().collect(),
            progress: Progress::Waiting,
            round,
            seen: self.clock.wall,
            acceptable: Some(true),
            told: None,
            logged: true,
            from: None,
            transactions: transactions.to_vec(),
            header,
        };
        self.at.blocks.candidates.insert(candidate.header.id(), candidate);
    }

    // --- proposed blocks ---------------------------------------------------------------------------

    /// A block of a peer is whole.
    pub(crate) fn block_arrived(
        &mut self,
        from: PublicKey,
        round: u32,
        header: Header,
        transactions: Vec<BodyId>,
    ) {
        let block = header.id();
        if self.at.blocks.candidates.contains_key(&block) || !self.at.blocks.may_keep(&from) {
            return;
        }
        if !self.is_sound(&header) {
            let why = "a block that does not follow the head";
            return self.out.act(Action::Fault { peer: from, why });
        }
        let at_hand = |id: &BodyId| self.pool.contains(id) || self.at.held.contains(id);
        let missing = transactions.iter().filter(|id| !at_hand(id)).copied().collect();
        let candidate = Candidate {
            missing,
            progress: Progress::Waiting,
            round,
            seen: self.clock.wall,
            acceptable: None,
            told: None,
            logged: false,
            from: Some(from),
            header,
            transactions,
        };
        self.at.blocks.candidates.insert(block, candidate);
    }

    fn is_sound(&self, header: &Header) -> bool {
        header.chain == self.config.chain
            && header.height == self.height()
            && header.parent == self.head.block
            && header.time > self.head.time
            && header.validators_hash == self.head.validators.hash()
    }

    /// Moves every proposed block on: judged, then executed, then told to consensus (C3).
    pub(crate) fn judge(&mut self, crypto: &mut dyn Crypto) {
        if self.at.replaying.is_some() || self.at.committing.is_some() {
            return;
        }
        let blocks: Vec<BlockId> = self.at.blocks.candidates.keys().copied().collect();
        for block in blocks {
            let acceptable = self.acceptable(&block);
            let signed_round = self.at.witness.round_of(&block);
            let Some(candidate) = self.at.blocks.candidates.get_mut(&block) else { continue };
            if let (None, Some(_), Some(round)) = (candidate.acceptable, acceptable, signed_round) {
                candidate.round = round; // B1
            }
            candidate.acceptable = acceptable;
            let ready = candidate.missing.is_empty() && candidate.progress == Progress::Waiting;
            match acceptable {
                Some(true) if ready => {
                    candidate.progress = Progress::Executing;
                    let header = candidate.header.clone();
                    let transactions = candidate.transactions.clone();
                    self.out.act(Action::Execute { header, transactions });
                }
                None => {}
                Some(_) => self.tell(&block, crypto),
            }
        }
        let waiting = self.at.blocks.is_waiting();
        match (waiting, self.at.bodies_due) {
            (true, None) => {
                self.at.bodies_due = Some(self.clock.mono_ms.saturating_add(BODIES_GRACE_MS));
            }
            (false, _) => self.at.bodies_due = None,
            _ => {}
        }
    }

    /// Whether a block may be prevoted as far as its proposal goes. Its time and place are judged
    /// once, on a fresh proposal; a quorum of others overrules the verdict. A proposal that claims
    /// a lock proves nothing: the prevotes of the lock do, and they are such a quorum.
    fn acceptable(&self, block: &BlockId) -> Option<bool> {
        let candidate = self.at.blocks.candidates.get(block)?;
        if candidate.acceptable == Some(true) {
            return Some(true);
        }
        let believed = planted::is(Bug::LockUnproved)
            && self.at.witness.proposals_of(block).any(|p| p.lock_round.is_some());
        if believed || self.at.witness.has_quorum(block, &self.head.validators) {
            return Some(true);
        }
        candidate.acceptable.or_else(|| {
            let proposal = self.at.witness.proposals_of(block).find(|p| p.lock_round.is_none())?;
            let header = &candidate.header;
            let skew = header.time.since(candidate.seen).max(candidate.seen.since(header.time));
            let late = proposal.round >= limits::EMPTY_FROM_ROUND;
            Some(
                skew <= skew_max(proposal.round)
                    && header.proposer == proposal.proposer
                    && header.defers_timers() == late
                    && (!late || candidate.transactions.is_empty()),
            )
        })
    }

    pub(crate) fn executed(&mut self, block: BlockId, valid: bool, crypto: &mut dyn Crypto) {
        let Some(candidate) = self.at.blocks.candidates.get_mut(&block) else { return };
        if candidate.progress == Progress::Executing {
            candidate.progress = Progress::Executed(valid);
            self.tell(&block, crypto);
        }
    }

    /// Tells consensus the verdict, once; a block found good later overrules the first one.
    fn tell(&mut self, block: &BlockId, crypto: &mut dyn Crypto) {
        let Some(candidate) = self.at.blocks.candidates.get_mut(block) else { return };
        let verdict = match (candidate.acceptable, candidate.progress) {
            (Some(false), _) | (_, Progress::Executed(false)) => false,
            (Some(true), Progress::Executed(true)) => true,
            _ => return,
        };
        if candidate.told == Some(true) || candidate.told == Some(verdict) {
            return;
        }
        candidate.told = Some(verdict);
        let (round, proposer) = (candidate.round, candidate.header.proposer);
        if verdict {
            self.log_block(block);
        }
        let block = *block;
        self.with_engine(crypto, |engine, desk| {
            engine.judged(round, proposer, block, verdict, desk);
        });
    }

    /// Asks for missing bodies: whoever sent the block first, then one peer after the other.
    pub(crate) fn ask_for_bodies(&mut self) {
        let now = self.clock.mono_ms;
        if self.at.bodies_due.is_none_or(|at| now < at) {
            return;
        }
        let ids = self.at.blocks.missing();
        let first = || {
            let waiting = self.at.blocks.candidates.values().find(|c| !c.missing.is_empty());
            waiting.and_then(|c| c.from)
        };
        let next = || self.peers.next_after(self.at.bodies_asked, |_| true);
        let peer = if self.at.bodies_asked.is_none() { first().or_else(next) } else { next() };
        self.at.bodies_due = Some(now.saturating_add(BODIES_AGAIN_MS));
        if let Some(peer) = peer {
            self.at.bodies_asked = Some(peer);
            self.out.send(peer, &Message::BodiesRequest { ids });
        }
    }

    // --- the decision --------------------------------------------------------------------------

    /// Commits what was decided, once it is executed here (C3, C4).
    pub(crate) fn try_commit(&mut self) {
        if self.at.committing.is_some() || self.sync.is_applying() {
            return;
        }
        let Some(certificate) = self.at.decided.clone() else { return };
        let block = certificate.block;
        match self.at.blocks.candidates.get(&block).map(|c| c.progress) {
            Some(Progress::Executed(true)) => {
                self.at.committing = Some(block);
                self.at.waits.clear();
                self.out.act(Action::Commit { block, certificate });
            }
            Some(Progress::Executed(false)) => {
                let height = self.height();
                self.halt(format!(
                    "the validators agreed on block {block} at height {height}, and executing it here gives another result"
                ));
            }
            _ => {}
        }
    }
}
