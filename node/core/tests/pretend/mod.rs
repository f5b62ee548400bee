//! A pretend network, disk and runtime around real cores: seeded, deterministic, in virtual time.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test's scaffold")]

use linli_core::message::{self, Message};
use linli_core::{Clock, Config, Core, Evidence, Included, Input, PoolEntry, Start};
use linli_types::certificate::Certificate;
use linli_types::header::Header;
use linli_types::height::TimeMs;
use linli_types::id::{BlockId, BodyId, Digest, PublicKey};
use linli_types::validator::ValidatorSet;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::sync::Arc;

mod perform;
mod words;
pub use words::*;

#[derive(Clone)]
pub struct Committed {
    pub header: Header,
    pub ids: Vec<BodyId>,
    pub bodies: Vec<Vec<u8>>,
    pub certificate: Certificate,
    /// The set that signs the next block.
    pub next: ValidatorSet,
}

/// One node: the core, and what stands in for replica and disk.
pub struct Node {
    pub key: PublicKey,
    pub core: Option<Core>,
    pub config: Config,
    pub chain: Vec<Committed>,
    pub durable: Vec<Vec<u8>>,
    pub unsynced: Vec<Vec<u8>>,
    pub bodies: BTreeMap<BodyId, Vec<u8>>,
    pub executed: BTreeMap<BlockId, (Header, Vec<Vec<u8>>)>,
    pub evidence: Vec<Evidence>,
    pub faults: Vec<(PublicKey, &'static str)>,
    pub halted: Option<String>,
    pub wall_offset: i64,
    pub life: u64,
    /// Executes every block that holds transactions to another result.
    pub differs: bool,
    pub syncs: u64,
    pub resets: u64,
}

impl Node {
    /// Stands in for the runtime's key window.
    pub fn has(&self, id: &BodyId) -> bool {
        self.chain.iter().any(|c| c.ids.contains(id))
    }

    /// Whether the key is one of this node's.
    pub fn is(&self, key: &PublicKey) -> bool {
        self.key == *key || self.config.successor == Some(*key)
    }

    pub fn head(&self) -> Start {
        self.chain.last().map_or_else(genesis, |c| Start {
            height: c.header.height,
            block: c.header.id(),
            time: c.header.time,
            validators: c.next.clone(),
        })
    }
}

enum Event {
    Deliver { from: usize, to: usize, bytes: Arc<[u8]> },
    Wake { node: usize, life: u64 },
    Submit { node: usize, raw: Vec<u8> },
    Crash { node: usize },
    Restart { node: usize },
}

pub struct Net {
    pub nodes: Vec<Node>,
    pub now: u64,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, Event>,
    sequence: u64,
    random: u64,
    pub loss_percent: u64,
    pub delay_ms: u64,
    pub cut: BTreeSet<(usize, usize)>,
    /// Which messages arrive: from, to, what, when.
    pub passes: fn(usize, usize, &Message, u64) -> bool,
    /// Signs a second, different vote beside each of its own.
    pub equivocator: Option<usize>,
    pub sent: u64,
    pub broadcasts: u64,
    pub trace: Vec<u8>,
}

impl Net {
    pub fn new(seed: u64) -> Self {
        Self::of(4, seed)
    }

    /// A net of so many nodes, of which the first four are validators at the genesis.
    pub fn of(count: usize, seed: u64) -> Self {
        let mut net = Self {
            nodes: (0..count).map(fresh).collect(),
            now: 0,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            sequence: 0,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            loss_percent: 0,
            delay_ms: 5,
            cut: BTreeSet::new(),
            passes: |_, _, _, _| true,
            equivocator: None,
            sent: 0,
            broadcasts: 0,
            trace: Vec::new(),
        };
        for node in 0..count {
            net.restart(node);
        }
        net
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % bound.max(1)
    }

    fn push(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse((at, self.sequence)));
        self.events.insert(self.sequence, event);
    }

    pub fn submit_at(&mut self, at: u64, node: usize, raw: Vec<u8>) {
        self.push(at, Event::Submit { node, raw });
    }

    pub fn crash_at(&mut self, at: u64, node: usize, for_ms: u64) {
        self.push(at, Event::Crash { node });
        self.push(at + for_ms, Event::Restart { node });
    }

    pub fn clock(&self, node: usize) -> Clock {
        let wall = (EPOCH + 1_000 + self.now).saturating_add_signed(self.nodes[node].wall_offset);
        Clock { mono_ms: self.now, wall: TimeMs(wall) }
    }

    pub fn heights(&self) -> Vec<u64> {
        self.nodes.iter().map(|n| n.head().height.0).collect()
    }

    /// Runs until virtual time `until`.
    pub fn run_until(&mut self, until: u64) {
        while let Some(Reverse((at, id))) = self.queue.peek().copied() {
            if at > until {
                break;
            }
            self.queue.pop();
            self.now = at;
            let event = self.events.remove(&id).unwrap();
            self.happen(event);
        }
        self.now = until;
        self.check_laws();
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Deliver { from, to, bytes } => {
                if self.nodes[to].core.is_some() {
                    let from = self.name(from, to);
                    self.feed(to, Input::Received { from, bytes: bytes.to_vec() });
                }
            }
            Event::Wake { node, life } => {
                if self.nodes[node].core.is_some() && self.nodes[node].life == life {
                    self.feed(node, Input::Woken);
                }
            }
            Event::Submit { node, raw } => self.submit(node, raw),
            Event::Crash { node } => {
                self.nodes[node].core = None;
                self.nodes[node].unsynced.clear();
                self.nodes[node].bodies.clear();
                self.nodes[node].executed.clear();
                for other in 0..self.nodes.len() {
                    if self.nodes[other].core.is_some() {
                        let gone = self.name(node, other);
                        self.feed(other, Input::Disconnected { peer: gone });
                    }
                }
            }
            Event::Restart { node } => self.restart(node),
        }
    }

    fn submit(&mut self, node: usize, raw: Vec<u8>) {
        if self.nodes[node].core.is_none() {
            return;
        }
        let entry = entry_of(&raw);
        if self.nodes[node].has(&entry.id) {
            return;
        }
        self.nodes[node].bodies.insert(entry.id, raw.clone());
        self.feed(node, Input::Offer { entry });
        for bytes in message::push([raw.as_slice()]) {
            self.spread(node, &bytes);
        }
    }

    pub fn restart(&mut self, node: usize) {
        let clock = self.clock(node);
        let (config, head) = (self.nodes[node].config.clone(), self.nodes[node].head());
        let log = self.nodes[node].durable.clone();
        let mut crypto = Pretend(self.nodes[node].key);
        self.nodes[node].life += 1;
        match Core::start(config, head, log, clock, &mut crypto) {
            Ok((core, actions)) => {
                self.nodes[node].core = Some(core);
                self.perform(node, actions);
            }
            Err(why) => self.nodes[node].halted = Some(why.to_string()),
        }
        for other in (0..self.nodes.len()).filter(|other| *other != node) {
            if self.nodes[other].core.is_some() && !self.cut.contains(&(node, other)) {
                let (mine, theirs) = (self.name(node, other), self.name(other, node));
                self.feed(other, Input::Connected { peer: mine });
                self.feed(node, Input::Connected { peer: theirs });
            }
        }
    }

    /// The key under which `other` knows `node`: the one that its set names.
    fn name(&self, node: usize, other: usize) -> PublicKey {
        self.nodes[node].config.key_among(&self.nodes[other].head().validators)
    }

    pub fn feed(&mut self, node: usize, input: Input) {
        let clock = self.clock(node);
        let mut crypto = Pretend(self.nodes[node].key);
        let Some(core) = self.nodes[node].core.as_mut() else { return };
        let actions = core.step(clock, input, &mut crypto);
        self.perform(node, actions);
    }

    /// C1: an own vote or proposal leaves only when its record is durable.
    fn check_logged(&self, node: usize, bytes: &[u8]) {
        let n = &self.nodes[node];
        let needle = match Message::decode(bytes).unwrap() {
            Message::Vote(v) if n.is(&v.vote.validator) => linli_types::encode(&v),
            Message::Proposal(p) if n.is(&p.proposal.proposer) => linli_types::encode(&p),
            _ => return,
        };
        let holds = |record: &Vec<u8>| record.windows(needle.len()).any(|w| w == needle);
        assert!(n.durable.iter().any(holds), "sent before it was durable");
    }

    fn bodies(&self, node: usize, ids: &[BodyId]) -> Vec<Vec<u8>> {
        ids.iter().filter_map(|id| self.nodes[node].bodies.get(id).cloned()).collect()
    }

    fn execute(&mut self, node: usize, header: Header, bodies: Vec<Vec<u8>>) -> bool {
        let ids: Vec<BodyId> = bodies.iter().map(|raw| body_of(raw)).collect();
        let head = self.nodes[node].head();
        let mut ours = header_of(&head, header.proposer, header.time, header.flags, &bodies);
        if self.nodes[node].differs && !ids.is_empty() {
            ours.state_root = Digest([0xdd; 32]);
        }
        let block = header.id();
        let valid = ours == header && !ids.iter().any(|id| self.nodes[node].has(id));
        if valid {
            self.nodes[node].executed.insert(block, (header, bodies));
        }
        valid
    }

    fn commit(
        &mut self,
        node: usize,
        block: BlockId,
        certificate: Certificate,
        inputs: &mut VecDeque<Input>,
    ) {
        let set = self.nodes[node].head().validators;
        certificate.check(&CHAIN, &set, &Pretend(key(0))).unwrap();
        let names = |n: &Self| -> Vec<PublicKey> {
            (0..n.nodes.len()).map(|other| n.name(other, node)).collect()
        };
        let before = names(self);
        assert_eq!(certificate.block, block);
        let (header, bodies) =
            self.nodes[node].executed.remove(&block).expect("only an executed block is committed");
        let ids: Vec<BodyId> = bodies.iter().map(|raw| body_of(raw)).collect();
        self.nodes[node].executed.clear();
        self.trace.extend_from_slice(&self.now.to_le_bytes());
        self.trace.extend_from_slice(&block.0);
        let next = set_after(&set, &bodies);
        self.nodes[node].chain.push(Committed { header, ids, bodies, certificate, next });
        let head = self.nodes[node].head();
        let bodies = &self.nodes[node].chain.last().expect("just pushed").bodies;
        let included = |raw: &Vec<u8>| {
            let PoolEntry { id, sender, key, .. } = entry_of(raw);
            Included { id, sender, key }
        };
        let included = bodies.iter().map(included).collect();
        inputs.push_back(Input::Committed { head, next_timer: None, included });
        for (old, new) in before.into_iter().zip(names(self)) {
            if old != new {
                inputs.push_back(Input::Disconnected { peer: old });
                inputs.push_back(Input::Connected { peer: new });
            }
        }
    }

    fn spread(&mut self, from: usize, bytes: &Arc<[u8]>) {
        for to in (0..self.nodes.len()).filter(|to| *to != from) {
            self.deliver(from, to, bytes.clone());
            if self.equivocator == Some(from) {
                self.deliver_second_vote(from, to, bytes);
            }
        }
    }

    fn deliver_second_vote(&mut self, from: usize, to: usize, bytes: &[u8]) {
        if let Ok(Message::Vote(mut signed)) = Message::decode(bytes) {
            signed.vote.value = Some(BlockId([0xee; 32]));
            signed.signature =
                pretend_signature(&signed.vote.validator, &signed.vote.bytes(&CHAIN));
            self.deliver(from, to, Message::Vote(signed).encode());
        }
    }

    pub fn deliver(&mut self, from: usize, to: usize, bytes: Arc<[u8]>) {
        self.sent += 1;
        if self.cut.contains(&(from, to)) || self.below(100) < self.loss_percent {
            return;
        }
        let message = Message::decode(&bytes).expect("a core sends what a core reads");
        if !(self.passes)(from, to, &message, self.now) {
            return;
        }
        let delay = 1 + self.below(self.delay_ms.max(1));
        self.push(self.now + delay, Event::Deliver { from, to, bytes });
    }

    /// Agreement and prefix order; nothing twice.
    pub fn check_laws(&self) {
        let longest = self.nodes.iter().max_by_key(|n| n.chain.len()).unwrap();
        for node in &self.nodes {
            for (mine, theirs) in node.chain.iter().zip(&longest.chain) {
                assert_eq!(mine.header.id(), theirs.header.id(), "fork");
            }
        }
        let mut seen = BTreeSet::new();
        for block in &longest.chain {
            for id in &block.ids {
                assert!(seen.insert(*id), "a transaction stands twice");
            }
        }
    }

    pub fn included(&self, node: usize) -> usize {
        self.nodes[node].chain.iter().map(|c| c.ids.len()).sum()
    }

    pub fn assert_nobody_halted(&self) {
        for node in &self.nodes {
            assert_eq!(node.halted, None);
        }
    }
}

fn fresh(n: usize) -> Node {
    Node {
        key: key(n),
        core: None,
        config: Config::new(CHAIN, key(n)),
        chain: Vec::new(),
        durable: Vec::new(),
        unsynced: Vec::new(),
        bodies: BTreeMap::new(),
        executed: BTreeMap::new(),
        evidence: Vec::new(),
        faults: Vec::new(),
        halted: None,
        wall_offset: 0,
        life: 0,
        differs: false,
        syncs: 0,
        resets: 0,
    }
}
