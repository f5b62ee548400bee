//! A run: machines, network, clients and laws, moved by one queue of events.
//!
//! Everything that happens happens here, in one thread, in the order of [`Queue`]; every draw comes
//! from the run's seed. So a run is a function of its seed, and [`Audit`] says so.

use crate::audit::Audit;
use crate::chance::Chance;
use crate::council::Council;
use crate::crypto::{self, Signer};
use crate::disk::SimDisk;
use crate::fixture::{self, Fixture};
use crate::law::{Breach, End, Last, Laws, Scene, Sight};
use crate::liar::{Elsewhere, Hand, Liar};
use crate::machine::Machine;
use crate::network::{Network, Way};
use crate::plan::{self, Plan};
use crate::queue::Queue;
use crate::trace::{self, Trace};
use crate::workload::Clients;
use linli_core::message::Message;
use linli_core::{Evidence, Timeouts};
use linli_replica::{CommittedBlock, Effect, Event, Submitted};
use linli_runtime::{Verified, verify_signatures};
use linli_types::header::Header;
use linli_types::height::Height;
use linli_types::id::{PublicKey, TxId};
use linli_types::receipt::{Cause, Receipt};
use linli_types::signature::Verify;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How often a liar speaks out of turn, in milliseconds.
const LIE_MS: u64 = 300;
/// How often the end of the run is looked for.
const POLL_MS: u64 = 250;
/// How long a member that lied is kept away.
const BAN_MS: u64 = 3_000;
/// Longest second phase, and longest rest after it.
const CALM_MS_MAX: u64 = 150_000;
const REST_MS_MAX: u64 = 45_000;

/// What the laws may look at now; a macro, so that only these fields are borrowed.
macro_rules! scene {
    ($world:expr) => {
        Scene {
            now_ms: $world.queue.now_ms(),
            plan: &$world.plan,
            chain: $world.fixture.chain,
            validators: &$world.fixture.set,
            sets: &$world.fixture.sets,
            fixture: $world.fixture,
            verify: $world.verify.as_ref(),
            clients: &$world.clients,
        }
    };
}

mod sets;
mod wire;
mod wishes;

/// Something that is to happen.
pub(crate) enum Happening {
    Deliver { from: usize, to: usize, epoch: u64, bytes: Arc<[u8]> },
    Wake { node: usize, wake: u64 },
    Checked { node: usize, life: u64, from: PublicKey, transactions: Vec<Verified> },
    Wish,
    Burst,
    HandIn { id: TxId, node: usize },
    Look { wish: usize },
    Strike { fault: usize },
    Cut { way: Way },
    Mend { way: Way },
    Resume { node: usize },
    Start { node: usize },
    Connect { a: usize, b: usize },
    Farewell { a: usize, b: usize },
    Council,
    Lie { node: usize },
    Calm,
    Poll,
}

/// A connection between two machines.
#[derive(Clone, Copy, Debug, Default)]
struct Link {
    is_up: bool,
    /// Rises with every change: what was under way on an older connection is lost.
    epoch: u64,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The highest block.
    pub blocks: u64,
    /// Transactions in blocks.
    pub transactions: u64,
    /// Processes started again.
    pub restarts: u64,
    /// Pieces of evidence.
    pub evidence: u64,
    /// Accusations of liars.
    pub accusations: u64,
    /// Timers that fired.
    pub timers: u64,
    /// Rounds after the first that a block needed, summed.
    pub late_rounds: u64,
    /// From the mending to the slowest honest validator's next commit, in milliseconds.
    pub recovery_ms: u64,
}

/// See the module.
pub struct World {
    pub(crate) plan: Plan,
    fixture: &'static Fixture,
    verify: Arc<dyn Verify>,
    pub(crate) queue: Queue<Happening>,
    pub(crate) network: Network,
    pub(crate) machines: Vec<Machine>,
    links: BTreeMap<Way, Link>,
    clients: Clients,
    laws: Laws,
    pub(crate) audit: Audit,
    pub(crate) trace: Trace,
    pub(crate) chance: Chance,
    council: Council,
    /// When a member that was caught lying may come back.
    banned_until: BTreeMap<Way, u64>,
    /// Submissions under way: which transaction a ticket is for.
    tickets: BTreeMap<u64, TxId>,
    ticket: u64,
    /// Blocks that were counted.
    counted: Height,
    pub(crate) tally: Tally,

    pub(crate) mended_ms: Option<u64>,
    /// The latest round that an honest validator was in then.
    mended_round: u32,
    /// Who committed a block since.
    recovered: BTreeSet<usize>,
    /// Who was an honest validator then.
    seated: BTreeSet<usize>,
    rested_ms: Option<u64>,
    ended: bool,
}

impl World {
    /// The world of a plan, before anything happened.
    pub fn new(plan: Plan, trace: Trace) -> Self {
        let fixture = match plan.changes {
            true => fixture::changing(),
            false => fixture::chain_of(plan.validators),
        };
        let trunk = Chance::new(plan.seed);
        let people = fixture.people.iter().chain(&fixture.council).map(|p| &p.pair);
        let successor = fixture.successor.iter().map(|(_, pair)| pair);
        let pairs = fixture.validators.iter().chain(people).chain(successor);
        let verify = crypto::verifier(plan.scheme, pairs);
        let machines =
            (0..plan.validators).map(|n| machine(n, &plan, fixture, &verify, &trunk)).collect();
        let clients = Clients::new(
            trunk.fork("clients"),
            &fixture.people,
            plan.scheme,
            fixture.chain,
            plan.load.clone(),
        );
        let network = Network::new(trunk.fork("network"), plan.weather.clone());

        Self {
            plan,
            fixture,
            verify,
            queue: Queue::default(),
            network,
            machines,
            links: BTreeMap::new(),
            clients,
            laws: Laws::default(),
            audit: Audit::default(),
            trace,
            chance: trunk.fork("world"),
            council: Council::new(trunk.fork("council")),
            banned_until: BTreeMap::new(),
            tickets: BTreeMap::new(),
            ticket: 0,
            counted: Height::GENESIS,
            tally: Tally::default(),

            mended_ms: None,
            mended_round: 0,
            recovered: BTreeSet::new(),
            seated: BTreeSet::new(),
            rested_ms: None,
            ended: false,
        }
    }

    /// Lets everything happen.
    ///
    /// # Errors
    ///
    /// The first [`Breach`] of a law.
    pub fn run(&mut self) -> Result<(), Breach> {
        self.begin();
        while !self.ended {
            let Some(happening) = self.queue.pop() else { break };
            self.happen(happening)?;
        }
        self.close()
    }

    fn begin(&mut self) {
        for node in 0..self.plan.validators {
            self.queue.at(node as u64, Happening::Start { node });
            if self.plan.sin(node).is_some() {
                self.queue.at(1_000, Happening::Lie { node });
            }
        }
        for (fault, (at_ms, _)) in self.plan.faults.iter().enumerate() {
            self.queue.at(*at_ms, Happening::Strike { fault });
        }
        if self.plan.changes {
            self.queue.at(4_000, Happening::Council);
        }
        self.queue.at(500, Happening::Wish);
        self.queue.at(5_000, Happening::Burst);
        self.queue.at(self.plan.mended_ms, Happening::Calm);
    }

    fn happen(&mut self, happening: Happening) -> Result<(), Breach> {
        match happening {
            Happening::Deliver { from, to, epoch, bytes } => {
                self.deliver((from, to), epoch, &bytes)
            }
            Happening::Wake { node, wake } => self.wake(node, wake),
            Happening::Checked { node, life, from, transactions } => {
                if self.machines[node].life != life {
                    return Ok(());
                }
                self.step(node, Event::Checked { from, transactions })
            }
            Happening::Wish => {
                self.wish();
                Ok(())
            }
            Happening::Burst => {
                self.burst();
                Ok(())
            }
            Happening::HandIn { id, node } => self.hand_in(node, id),
            Happening::Look { wish } => self.look(wish),
            Happening::Strike { fault } => self.strike(fault),
            Happening::Cut { way } => {
                self.network.cut(way);
                Ok(())
            }
            Happening::Mend { way } => {
                self.network.mend(way);
                Ok(())
            }
            Happening::Resume { node } => self.resume(node),
            Happening::Start { node } => self.start(node),
            Happening::Connect { a, b } => self.connect(a, b),
            Happening::Farewell { a, b } => self.farewell(a, b),
            Happening::Council => self.convene(),
            Happening::Lie { node } => {
                self.lie(node);
                Ok(())
            }
            Happening::Calm => self.calm(),
            Happening::Poll => {
                self.poll();
                Ok(())
            }
        }
    }

    // ----- machines ------------------------------------------------------------------------------

    /// Feeds one event to a process and carries out what it asks for.
    pub(crate) fn step(&mut self, node: usize, event: Event) -> Result<(), Breach> {
        let now_ms = self.queue.now_ms();
        let machine = &mut self.machines[node];
        let clock = machine.clock.read(now_ms);
        let Some(process) = &mut machine.process else { return Ok(()) };
        if machine.stalled_until > now_ms {
            machine.inbox.push(event);
            return Ok(());
        }
        match process.step(clock, event) {
            Ok(effects) => {
                let sight = Sight::Holds {
                    node,
                    pool: process.core().pool_len(),
                    bodies: process.bodies_len(),
                };
                if machine.is_honest() {
                    self.laws.see(&scene!(self), &sight)?;
                }
                self.perform(node, effects)
            }
            Err(broken) => self.broke(node, &broken.to_string()),
        }
    }

    /// A process stopped by itself: because the power failed, or because something is wrong.
    fn broke(&mut self, node: usize, why: &str) -> Result<(), Breach> {
        let now_ms = self.queue.now_ms();
        self.trace.line(now_ms, || format!("v{node} stops: {why}"));
        self.audit.record(now_ms, node, "stops", why.as_bytes());
        let machine = &self.machines[node];
        if machine.is_honest() && !machine.disk.is_dead() {
            let how = format!("honest validator {node} says that it is broken: {why}");
            return Err(Breach { law: "whole", how });
        }
        let down_ms = machine.fuse_down_ms.max(200);
        self.kill(node, down_ms)
    }

    /// Ends a process; it is started again after `down_ms`.
    pub(crate) fn kill(&mut self, node: usize, down_ms: u64) -> Result<(), Breach> {
        let now_ms = self.queue.now_ms();
        self.trace.line(now_ms, || format!("v{node} dies, for {down_ms} ms"));
        self.audit.record(now_ms, node, "dies", &down_ms.to_le_bytes());
        self.machines[node].kill();
        self.queue.after(down_ms, Happening::Start { node });
        let others: Vec<usize> = (0..self.machines.len()).filter(|o| *o != node).collect();
        others.into_iter().try_for_each(|other| self.disconnect(node, other))
    }

    fn start(&mut self, node: usize) -> Result<(), Breach> {
        let now_ms = self.queue.now_ms();
        if self.machines[node].is_up() {
            return Ok(());
        }
        let zero_ms = 10_000_000 + self.chance.below(1_000_000);
        let machine = &mut self.machines[node];
        machine.clock.zero_ms = zero_ms;
        let opened = machine.start(now_ms, &self.plan, self.fixture, &self.verify);
        if let Some(flip) = machine.rot.take() {
            machine.disk.flip(&flip);
            if opened.is_ok() {
                let how = format!("validator {node} started on a state with a flipped bit");
                return Err(Breach { law: "rot", how });
            }
            self.trace.line(now_ms, || format!("v{node} refuses its rotten state"));
            self.queue.after(200, Happening::Start { node });
            return Ok(());
        }
        match opened {
            Ok(effects) => self.opened(node, effects),
            Err(_) if self.machines[node].disk.is_dead() => self.kill(node, 200),
            Err(why) if self.machines[node].is_honest() => {
                let how = format!("validator {node} cannot start again: {why}");
                Err(Breach { law: "restart", how })
            }
            Err(_) => Ok(()), // a liar may fall over its own lies
        }
    }

    fn opened(&mut self, node: usize, effects: Vec<Effect>) -> Result<(), Breach> {
        let now_ms = self.queue.now_ms();
        let Some(process) = &self.machines[node].process else { return Ok(()) };
        let head = process.ledger().head();
        // What the replayed log decided is committed while opening, and announced by an effect.
        let decided = effects.iter().find_map(|effect| match effect {
            Effect::Committed(block) => Some(&block.header),
            _ => None,
        });
        let before = |header: &Header| (Height(header.height.0.saturating_sub(1)), header.parent);
        let (height, block) = decided.map_or((head.height, head.block), before);
        let life = self.machines[node].life;
        self.tally.restarts += u64::from(life > 1);
        self.trace.line(now_ms, || format!("v{node} starts at height {height}, life {life}"));
        self.audit.record(now_ms, node, "starts", &block.0);
        // A crash inside a step may leave durable blocks that were never announced.
        let mut unannounced = self.machines[node].height.next();
        while unannounced <= height {
            if let Some(block) = load(&self.machines[node].disk, unannounced) {
                self.committed(node, &block)?;
            }
            unannounced = unannounced.next();
        }
        if self.machines[node].is_honest() {
            self.laws.see(&scene!(self), &Sight::Opened { node, height, block })?;
        }
        for other in (0..self.machines.len()).filter(|o| *o != node) {
            let delay_ms = self.chance.between(5, 200);
            self.queue.after(delay_ms, Happening::Connect { a: node, b: other });
        }
        self.perform(node, effects)
    }

    fn wake(&mut self, node: usize, wake: u64) -> Result<(), Breach> {
        if self.machines[node].wake != wake {
            return Ok(());
        }
        self.audit.record(self.queue.now_ms(), node, "wakes", &[]);
        self.step(node, Event::Woken)
    }

    pub(crate) fn resume(&mut self, node: usize) -> Result<(), Breach> {
        if self.machines[node].stalled_until > self.queue.now_ms() {
            return Ok(());
        }
        let inbox = std::mem::take(&mut self.machines[node].inbox);
        inbox.into_iter().try_for_each(|event| self.step(node, event))
    }

    // ----- what processes ask for ----------------------------------------------------------------

    fn perform(&mut self, node: usize, effects: Vec<Effect>) -> Result<(), Breach> {
        for effect in effects {
            match effect {
                Effect::Send { to, bytes } => {
                    let to = self.fixture.number(&to);
                    self.sends(node, to.as_slice(), &bytes)?;
                }
                Effect::Broadcast { bytes } => {
                    let all: Vec<usize> =
                        (0..self.machines.len()).filter(|to| *to != node).collect();
                    self.sends(node, &all, &bytes)?;
                }
                Effect::WakeAt { mono_ms } => self.wake_at(node, mono_ms),
                Effect::Check { from, bodies } => self.check(node, from, &bodies),
                Effect::Answer { ticket, answer } => self.answered(ticket, &answer),
                Effect::Committed(block) => self.committed(node, &block)?,
                Effect::Outdated(why) => self.broke(node, &why.to_string())?,
                Effect::Fault { peer, why } => self.accused(node, peer, &why)?,
                Effect::Evidence { bytes, .. } => self.evidence(node, &bytes)?,
            }
        }
        Ok(())
    }

    fn wake_at(&mut self, node: usize, mono_ms: u64) {
        let machine = &mut self.machines[node];
        machine.wake += 1;
        let (wake, now_ms) = (machine.wake, self.queue.now_ms());
        let when_ms = machine.clock.when(mono_ms, now_ms);
        // A timer of a real machine is never sooner than a millisecond.
        self.queue.at(when_ms.max(now_ms + 1), Happening::Wake { node, wake });
    }

    fn check(&mut self, node: usize, from: PublicKey, bodies: &[Vec<u8>]) {
        let Some(process) = &self.machines[node].process else { return };
        let checker = process.ledger().checker();
        let shaped = bodies.iter().filter_map(|raw| checker.check_shape(raw).ok()).collect();
        let verified = verify_signatures(&self.fixture.chain, self.verify.as_ref(), shaped);
        let transactions: Vec<Verified> = verified.into_iter().flatten().collect();
        let life = self.machines[node].life;
        let delay_ms = self.chance.between(0, 3);
        self.queue.after(delay_ms, Happening::Checked { node, life, from, transactions });
    }

    fn committed(&mut self, node: usize, block: &CommittedBlock) -> Result<(), Breach> {
        let now_ms = self.queue.now_ms();
        let (height, id) = (block.header.height, block.id);
        let count = block.transactions.len();
        self.trace.line(now_ms, || {
            let round = block.certificate.round;
            format!("v{node} commits {height} {id:?} of {count} in round {round}")
        });
        self.audit.record(now_ms, node, "commits", &id.0);
        self.machines[node].height = height;
        if !self.machines[node].is_honest() {
            return self.regroup(node, &block.header);
        }
        let disk = self.machines[node].disk.clone();
        self.laws.see(&scene!(self), &Sight::Committed { node, block, disk: &disk })?;
        self.clients.see(&block.receipts);
        if self.mended_ms.is_some_and(|_| self.recovered.insert(node)) {
            let recovery_ms = now_ms - self.mended_ms.unwrap_or(now_ms);
            self.tally.recovery_ms = self.tally.recovery_ms.max(recovery_ms);
        }
        if height > self.counted {
            self.counted = height;
            self.tally.blocks = height.0;
            self.tally.transactions += count as u64;
            self.tally.timers += (block.receipts.len().saturating_sub(count)) as u64;
            self.tally.late_rounds += u64::from(block.certificate.round);
        }
        self.regroup(node, &block.header)
    }

    fn accused(&mut self, node: usize, peer: PublicKey, why: &str) -> Result<(), Breach> {
        let now_ms = self.queue.now_ms();
        let Some(peer) = self.fixture.number(&peer) else { return Ok(()) };
        self.trace.line(now_ms, || format!("v{node} accuses v{peer}: {why}"));
        self.audit.record(now_ms, node, "accuses", why.as_bytes());
        if !self.machines[node].is_honest() {
            return Ok(());
        }
        self.tally.accusations += 1;
        self.laws.see(&scene!(self), &Sight::Accuses { node, peer, why })?;
        self.banned_until.insert(pair(node, peer), now_ms + BAN_MS);
        self.disconnect(node, peer)?;
        self.queue.after(BAN_MS, Happening::Connect { a: node, b: peer });
        Ok(())
    }

    fn evidence(&mut self, node: usize, bytes: &[u8]) -> Result<(), Breach> {
        let now_ms = self.queue.now_ms();
        self.audit.record(now_ms, node, "evidence", bytes);
        if !self.machines[node].is_honest() {
            return Ok(());
        }
        self.tally.evidence += 1;
        match <Evidence as borsh::BorshDeserialize>::try_from_slice(bytes) {
            Ok(evidence) => {
                self.trace.line(now_ms, || format!("v{node} keeps evidence {evidence:?}"));
                self.laws.see(&scene!(self), &Sight::Evidence { node, evidence: &evidence })
            }
            Err(why) => Err(Breach { law: "evidence", how: format!("cannot be read: {why}") }),
        }
    }

    // ----- the network ---------------------------------------------------------------------------
}

impl World {
    /// What the three waits of a round take, in the round that was under way at the mending.
    fn block_time_ms(&self) -> u64 {
        let (waits, round) = (Timeouts::default(), u64::from(self.mended_round));
        let propose_ms = (waits.propose_ms + waits.propose_step_ms * round).min(waits.max_ms);
        let vote_ms = (waits.vote_ms + waits.vote_step_ms * round).min(waits.max_ms);
        propose_ms + 2 * vote_ms + self.plan.block_interval_ms
    }
}

fn machine(
    number: usize,
    plan: &Plan,
    fixture: &'static Fixture,
    verify: &Arc<dyn Verify>,
    trunk: &Chance,
) -> Machine {
    let disk = SimDisk::new(fixture.rows.clone(), trunk.fork(&format!("disk {number}")));
    let flawed = (0..plan.validators).find(|n| plan.sin(*n).is_none());
    if flawed == Some(number) {
        disk.set_flawed();
    }
    let pair = fixture.validators[number].clone();
    let mut signer = Signer::new(pair, plan.scheme, Arc::clone(verify));
    if let Some((_, next)) = fixture.successor.as_ref().filter(|(node, _)| *node == number) {
        signer = signer.with_successor(next.clone());
    }
    let liar = plan.sin(number).map(|sin| {
        let honest = (0..plan.validators).filter(|n| plan.sin(*n).is_none());
        let pairs = honest.map(|n| fixture.validators[n].clone()).collect();
        let hand = Hand {
            signer: signer.clone(),
            chain: fixture.chain,
            keys: fixture.keys.clone(),
            elsewhere: Elsewhere::new(pairs, plan.scheme, &fixture.chain),
            me: number,
            chance: trunk.fork(&format!("liar {number}")),
        };
        Liar::new(sin, hand)
    });
    Machine::new(number, disk, plan.clocks[number].clone(), signer, liar)
}

fn load(disk: &SimDisk, height: Height) -> Option<CommittedBlock> {
    let block = linli_runtime::load_block(disk, height).ok()??;
    let certificate = linli_runtime::load_certificate(disk, height).ok()??;
    let receipts = linli_runtime::load_receipts(disk, height).ok()??;
    let id_of = |receipt: &Receipt| match receipt.cause {
        Cause::Transaction(id) => Some(id),
        Cause::Timer(_) => None,
    };
    let transactions = receipts.iter().filter_map(id_of).collect();
    let (id, header) = (block.header.id(), block.header);
    Some(CommittedBlock { header, id, certificate, receipts, transactions })
}

/// The two ends of a connection, in order.
fn pair(a: usize, b: usize) -> Way {
    (a.min(b), a.max(b))
}

/// Votes and proposals: what laws want to see.
fn is_signed(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(1 | 2 | 4 | 5))
}

fn is_greeting(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0)
}
