//! The replica itself: opening, and one step.

use crate::bodies::Bodies;
use crate::disk::Disk;
use crate::event::{Effect, Event, Submitted, Ticket};
use linli_core::{Clock, Config, Core, Crypto, Input, PoolEntry, Start};
use linli_runtime::{Admission, Executed, Ledger, Settings, Verified};
use linli_types::code::Code;
use linli_types::id::{BlockId, BodyId};
use linli_types::signature::Verify;
use linli_types::store::Broken;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// What a replica is opened with.
pub struct Options {
    /// The core's configuration; its chain must be the ledger's.
    pub core: Config,
    /// The ledger's settings.
    pub ledger: Settings,
}

/// One validator without its machine. See the crate.
pub struct Replica<D: Disk> {
    pub(crate) core: Core,
    pub(crate) ledger: Ledger,
    pub(crate) disk: D,
    pub(crate) crypto: Box<dyn Crypto + Send>,
    pub(crate) verify: Arc<dyn Verify>,
    pub(crate) bodies: Bodies,
    /// Blocks executed at the height under way (R3).
    pub(crate) executed: BTreeMap<BlockId, Executed>,
    pub(crate) accepting: bool,
}

/// What one step gathers: inputs still to feed, effects already in order.
#[derive(Default)]
pub(crate) struct Turn {
    pub(crate) inputs: VecDeque<Input>,
    pub(crate) effects: Vec<Effect>,
    /// Which submissions an `Offer` belongs to; the core answers each at once. One turn may hold the
    /// same transaction several times: each has a ticket of its own, and tickets rise.
    pub(crate) offered: BTreeSet<(BodyId, Ticket)>,
    /// Bodies that local clients handed in and the pool took: pushed to the others.
    pub(crate) pushed: Vec<Verified>,
}

impl<D: Disk> Replica<D> {
    /// Opens a replica on its disk: rebuilds the ledger, replays the log.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the disk is damaged, belongs to another chain, or holds a log that this
    /// validator did not write.
    pub fn open(
        options: Options,
        disk: D,
        mut crypto: Box<dyn Crypto + Send>,
        verify: Arc<dyn Verify>,
        clock: Clock,
    ) -> Result<(Self, Vec<Effect>), Broken> {
        let ledger = Ledger::open(&disk, options.ledger)?;
        if ledger.head().chain != options.core.chain {
            return Err(Broken("the data folder belongs to another chain".into()));
        }
        // Nothing is replayed by rules that are not these: the log waits for a newer binary.
        let outdated = ledger.outdated();
        let log = if outdated.is_some() { Vec::new() } else { disk.wal_read()? };
        let (core, actions) =
            Core::start(options.core, start_of(&ledger), log, clock, crypto.as_mut())
                .map_err(|why| Broken(why.to_string()))?;
        let (bodies, executed) = (Bodies::default(), BTreeMap::new());
        let mut replica =
            Self { core, ledger, disk, crypto, verify, bodies, executed, accepting: true };
        if let Some(outdated) = outdated {
            return Ok((replica, vec![Effect::Outdated(outdated)]));
        }
        let mut turn = Turn::default();
        turn.inputs.push_back(Input::NextTimer { at: replica.ledger.next_timer() });
        replica.perform_all(clock, actions, &mut turn)?;
        replica.run(clock, &mut turn)?;
        Ok((replica, turn.effects))
    }

    /// Feeds one event; returns what to do, in order.
    ///
    /// # Errors
    ///
    /// [`Broken`]: this node is damaged and must stop. Nothing that the failed step asked for may
    /// be done.
    pub fn step(&mut self, clock: Clock, event: Event) -> Result<Vec<Effect>, Broken> {
        if self.is_outdated() {
            return Ok(Vec::new()); // R5
        }
        let mut turn = Turn::default();
        match event {
            Event::Woken => turn.inputs.push_back(Input::Woken),
            Event::Connected(peer) => turn.inputs.push_back(Input::Connected { peer }),
            Event::Disconnected(peer) => turn.inputs.push_back(Input::Disconnected { peer }),
            Event::Received { from, bytes } => {
                turn.inputs.push_back(Input::Received { from, bytes });
            }
            Event::Accepting(accepting) => self.accepting = accepting,
            Event::Submitted(batch) => {
                for (ticket, transaction) in batch {
                    self.submit(ticket, transaction, &mut turn)?;
                }
            }
            Event::Checked { from: _, transactions } => {
                for transaction in transactions {
                    self.offer(transaction, &mut turn)?;
                }
            }
        }
        self.run(clock, &mut turn)?;
        Ok(turn.effects)
    }

    /// The ledger, as of the last commit.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The disk.
    pub const fn disk(&self) -> &D {
        &self.disk
    }

    /// The core.
    pub const fn core(&self) -> &Core {
        &self.core
    }

    /// Transactions whose bodies are at hand.
    pub fn bodies_len(&self) -> usize {
        self.bodies.len()
    }

    /// Gives the disk back: what a simulated crash does.
    pub fn into_disk(self) -> D {
        self.disk
    }

    /// Feeds inputs until none is left, then pushes what local clients handed in.
    fn run(&mut self, clock: Clock, turn: &mut Turn) -> Result<(), Broken> {
        while let Some(input) = turn.inputs.pop_front().filter(|_| !self.is_outdated()) {
            let actions = self.core.step(clock, input, self.crypto.as_mut());
            self.perform_all(clock, actions, turn)?;
        }
        for bytes in linli_core::message::push(turn.pushed.iter().map(|t| t.raw.as_ref())) {
            turn.effects.push(Effect::Broadcast { bytes });
        }
        turn.pushed.clear();
        Ok(())
    }

    /// Whether the next block follows rules that this binary lacks.
    fn is_outdated(&self) -> bool {
        self.ledger.outdated().is_some()
    }

    fn submit(
        &mut self,
        ticket: Ticket,
        transaction: Verified,
        turn: &mut Turn,
    ) -> Result<(), Broken> {
        if !self.accepting {
            let answer = Code::DiskReserve.into();
            turn.effects.push(Effect::Answer { ticket, answer });
            return Ok(());
        }
        if !self.core.is_validator() {
            // Whoever only follows, or follows no more, could not pass it on.
            let answer = Code::NoSeat.into();
            turn.effects.push(Effect::Answer { ticket, answer });
            return Ok(());
        }
        match self.ledger.admit(&self.disk, &transaction)? {
            Admission::Admitted { org } => {
                turn.offered.insert((transaction.body, ticket));
                self.enqueue(transaction, org, turn);
            }
            Admission::Exists { height, index } => {
                let answer = Submitted::Exists { height, index };
                turn.effects.push(Effect::Answer { ticket, answer });
            }
            Admission::Refused(refusal) => {
                let answer = Submitted::Refused(refusal);
                turn.effects.push(Effect::Answer { ticket, answer });
            }
        }
        Ok(())
    }

    /// A member's transaction: into the pool if it may, or held for the proposal that names it.
    pub(crate) fn offer(&mut self, transaction: Verified, turn: &mut Turn) -> Result<(), Broken> {
        match self.ledger.admit(&self.disk, &transaction)? {
            Admission::Admitted { org } => self.enqueue(transaction, org, turn),
            // A block that names it is judged by execution, not here.
            Admission::Exists { .. } | Admission::Refused(_) => {
                let ids = vec![transaction.body];
                self.bodies.keep(transaction);
                turn.inputs.push_back(Input::Held { ids });
            }
        }
        Ok(())
    }

    fn enqueue(&mut self, transaction: Verified, org: u32, turn: &mut Turn) {
        let entry = PoolEntry {
            id: transaction.body,
            sender: transaction.sender,
            key: transaction.key,
            org,
            valid_until: transaction.valid_until,
            bytes: transaction.raw.len(),
        };
        self.bodies.keep(transaction);
        turn.inputs.push_back(Input::Offer { entry });
    }
}

/// What the core must know of the ledger's head.
pub(crate) fn start_of(ledger: &Ledger) -> Start {
    let head = ledger.head();
    Start {
        height: head.height,
        block: head.block,
        time: head.time,
        validators: head.validators.clone(),
    }
}
