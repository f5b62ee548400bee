//! From a block's transactions to receipts, roots and changes. Nothing is written.
//!
//! ```text
//! due timers in (time, id) order ─▶ transactions in block order ─▶ roots
//! ```
//!
//! # Invariants
//!
//! - **X1 same.** [`Ledger::execute`] of what [`Ledger::propose`] built gives the same header,
//!   receipts and changes: one function does both.
//! - **X2 fits.** A block keeps its bounds of count, bytes and fuel, holds no key twice and no
//!   transaction outside its validity; otherwise it is invalid.

use crate::governance::quota::{Bounds, Usage};
use crate::identity::admit::Admitted;
use crate::ledger::{Head, Ledger};
use crate::log::{Log, LogNode};
use crate::overlay::{Changed, Changes, Overlay};
use crate::protocol::{self, ProtocolRow};
use crate::room::{Actor, Place, Realm, Run};
use crate::tree::{Candidate, Change};
use crate::verified::Verified;
use crate::vm::{Entry, Stop};
use crate::window::{Unfit, key_of};
use crate::{accounts, code, governance, identity, policy, timers, validators};
use linli_types::digest::{self, Domain};
use linli_types::header::{self, Header};
use linli_types::height::TimeMs;
use linli_types::id::{BlockId, Digest, PrincipalId, PublicKey, TimerId, TxId};
use linli_types::merkle::{self, BlockTree};
use linli_types::receipt::{Cause, Receipt};
use linli_types::state_proof::{path, value_digest};
use linli_types::store::{Broken, Read};
use linli_types::transaction::Transaction;
use linli_types::validator::ValidatorSet;
use linli_types::{limits, transaction};
use std::collections::BTreeSet;

/// Number of a refused call when the transaction as a whole was refused.
const WHOLE: u16 = u16::MAX;
/// Due timers looked up at once.
const TIMER_CHUNK: usize = 256;

/// When and by whom a block is proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The proposer's clock. If it does not lie after the last block's time, the block is one
    /// millisecond after it.
    pub time: TimeMs,
    /// Who proposes.
    pub proposer: PublicKey,
    /// Header flags.
    pub flags: u16,
}

/// An executed block: what it says, and what it would change.
#[derive(Debug)]
pub struct Executed {
    /// Its header.
    pub header: Header,
    /// Its id.
    pub id: BlockId,
    /// Its transactions, in order.
    pub transactions: Vec<Verified>,
    /// Receipts: fired timers first, then the transactions, in order.
    pub receipts: Vec<Receipt>,
    pub(crate) effects: Effects,
}

/// What a block changes.
#[derive(Debug)]
pub(crate) struct Effects {
    pub(crate) changes: Changes,
    pub(crate) tree: Candidate,
    pub(crate) log: Log,
    pub(crate) log_nodes: Vec<LogNode>,
    /// The encoded receipts: serialised once, for their leaves and for the store.
    pub(crate) receipt_bytes: Vec<u8>,
    pub(crate) next_timer: Option<TimeMs>,
    pub(crate) timers_waiting: u64,
    /// The organisations' bounds at block time.
    pub(crate) bounds: Bounds,
    /// The set that signs the next block, if the block changed it.
    pub(crate) validators: Option<ValidatorSet>,
    /// Which rules hold from when on, if the block changed that.
    pub(crate) protocol: Option<ProtocolRow>,
    pub(crate) code: code::Arrivals,
}

/// Why a block is invalid. The proposer lied, or its machine differs from ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBlock {
    /// A header field is not what it must be.
    #[error("the header's {field} is {found}, not {expected}")]
    Field {
        /// Which.
        field: &'static str,
        /// What the header says.
        found: String,
        /// What this node finds.
        expected: String,
    },
    /// Header flags that this version does not know.
    #[error("the header's flags {0:#06x} are unknown")]
    Flags(u16),
    /// Time does not move on.
    #[error("block time {found} does not lie after {parent}")]
    Time {
        /// The block's.
        found: TimeMs,
        /// The parent's.
        parent: TimeMs,
    },
    /// The proposer is no validator.
    #[error("{0} is no validator")]
    Proposer(PublicKey),
    /// Above a bound.
    #[error("the block exceeds its bound of {0}")]
    Bound(&'static str),
    /// A block that defers timers holds no transaction.
    #[error("the block defers timers and holds transactions")]
    NotEmpty,
    /// Not well formed by the code in force: it was checked by an earlier one's schema.
    #[error("transaction {0} does not follow the schema of the code in force")]
    Schema(TxId),
    /// Not valid at block time.
    #[error("transaction {0} is not valid at block time")]
    OutOfTime(TxId),
    /// A sender's key stands twice.
    #[error("the key of transaction {0} was used before")]
    KeyUsed(TxId),
}

/// The root over bodies and signatures, in order.
pub fn bodies_root(transactions: &[Verified]) -> Digest {
    transaction::bodies_root(transactions.iter().map(|tx| tx.body))
}

impl Ledger {
    /// Builds and executes the next block from candidates, in order. Leaves out what cannot stand
    /// in a block at that time, and stops at the block's bounds.
    ///
    /// # Errors
    ///
    /// [`Broken`] if this node's store cannot be read. Never for a candidate's fault.
    pub fn propose(
        &self,
        store: &dyn Read,
        slot: Slot,
        candidates: &[Verified],
    ) -> Result<Executed, Broken> {
        let slot = Slot { time: slot.time.max(self.head().time.plus_ms(1)), ..slot };
        let mut block = Block::new(self, store, slot)?;
        block.fire_due()?;
        let empty = slot.flags & header::FLAG_DEFERS_TIMERS != 0;
        for candidate in candidates.iter().filter(|_| !empty) {
            match block.judge(candidate) {
                Ok(()) => block.perform(candidate)?,
                Err(InvalidBlock::Bound(_)) => break,
                Err(_) => {}
            }
        }
        block.finish(None)
    }

    /// Executes a block that someone proposed and compares every field of its header.
    ///
    /// # Errors
    ///
    /// Outside: [`Broken`] if this node's store cannot be read. Inside: [`InvalidBlock`]; the
    /// fault lies with the proposer, or machines differ.
    pub fn execute(
        &self,
        store: &dyn Read,
        header: &Header,
        transactions: &[Verified],
    ) -> Result<Result<Executed, InvalidBlock>, Broken> {
        // Computed once: the built header takes it over.
        let bodies = bodies_root(transactions);
        if let Err(invalid) = check_before(self.head(), header, transactions, &bodies) {
            return Ok(Err(invalid));
        }
        let Header { time, proposer, flags, .. } = *header;
        let mut block = Block::new(self, store, Slot { time, proposer, flags })?;
        block.fire_due()?;
        for transaction in transactions {
            match block.judge(transaction) {
                Ok(()) => block.perform(transaction)?,
                Err(invalid) => return Ok(Err(invalid)),
            }
        }
        let executed = block.finish(Some(bodies))?;
        Ok(compare(header, &executed.header).map(|()| executed))
    }
}

#[cfg(test)]
impl Ledger {
    /// The next block, empty but for what a test does in it.
    pub(crate) fn propose_doing(
        &self,
        store: &dyn Read,
        slot: Slot,
        work: impl FnOnce(&mut Run<'_>),
    ) -> Executed {
        let mut block = Block::new(self, store, slot).expect("a readable store");
        work(&mut block.run);
        block.finish(None).expect("a readable store")
    }
}

/// What can be judged without executing.
fn check_before(
    head: &Head,
    header: &Header,
    transactions: &[Verified],
    bodies: &Digest,
) -> Result<(), InvalidBlock> {
    let validators = head.validators.hash();
    same("format", &header.format, &header::FORMAT)?;
    if header.flags & !header::FLAG_DEFERS_TIMERS != 0 {
        return Err(InvalidBlock::Flags(header.flags));
    }
    same("protocol", &header.protocol, &head.protocol)?;
    same("chain", &header.chain, &head.chain)?;
    same("height", &header.height, &head.height.next())?;
    same("parent", &header.parent, &head.block)?;
    if header.time <= head.time {
        return Err(InvalidBlock::Time { found: header.time, parent: head.time });
    }
    if head.validators.get(&header.proposer).is_none() {
        return Err(InvalidBlock::Proposer(header.proposer));
    }
    same("validators_hash", &header.validators_hash, &validators)?;
    if header.defers_timers() && !transactions.is_empty() {
        return Err(InvalidBlock::NotEmpty);
    }
    same("bodies_root", &header.bodies_root, bodies)
}

/// Compares what a header says with what this node found.
fn compare(header: &Header, found: &Header) -> Result<(), InvalidBlock> {
    same("receipts_root", &header.receipts_root, &found.receipts_root)?;
    same("state_root", &header.state_root, &found.state_root)?;
    same("log_size", &header.log_size, &found.log_size)?;
    same("log_root", &header.log_root, &found.log_root)?;
    same("next_validators_hash", &header.next_validators_hash, &found.next_validators_hash)?;
    // Every field was compared one by one; this one holds whatever fields a header may gain.
    same("id", &header.id(), &found.id())
}

fn same<T: PartialEq + std::fmt::Display>(
    field: &'static str,
    found: &T,
    expected: &T,
) -> Result<(), InvalidBlock> {
    if found == expected {
        return Ok(());
    }
    let (found, expected) = (found.to_string(), expected.to_string());
    Err(InvalidBlock::Field { field, found, expected })
}

/// A block under way.
struct Block<'a> {
    ledger: &'a Ledger,
    slot: Slot,
    run: Run<'a>,
    transactions: Vec<Verified>,
    receipts: Vec<Receipt>,
    keys: BTreeSet<crate::window::Key>,
    bytes: usize,
    fuel: u64,
    usage: Usage,
}

impl<'a> Block<'a> {
    fn new(ledger: &'a Ledger, store: &'a dyn Read, slot: Slot) -> Result<Self, Broken> {
        if let Some(outdated) = ledger.outdated() {
            return Err(Broken(outdated.to_string())); // G9
        }
        let (head, time) = (ledger.head(), slot.time);
        // A version that this block sets begins after it: the number holds for the whole block.
        let mut overlay = Overlay::new(store);
        let version = policy::in_force(&mut overlay, time)?;
        let (height, policy) = (head.height.next(), version.number);
        let place = Place { height, time, log_size: head.log_size, policy };
        let realm =
            Realm { chain: head.chain, validators: &head.validators, checker: &ledger.checker };
        let run = Run::new(&ledger.vm, &ledger.contracts, realm, place, overlay);
        let (transactions, receipts, keys) = Default::default();
        let usage = Usage::new(Bounds::of(&version.content), time);
        Ok(Self { ledger, slot, run, transactions, receipts, keys, bytes: 0, fuel: 0, usage })
    }

    /// Whether the block may hold the transaction next (X2).
    fn judge(&self, transaction: &Verified) -> Result<(), InvalidBlock> {
        let id = transaction.id;
        if self.transactions.len() >= limits::BLOCK_TRANSACTIONS_MAX {
            return Err(InvalidBlock::Bound("BLOCK_TRANSACTIONS_MAX"));
        }
        if self.bytes.saturating_add(transaction.raw.len()) > limits::BLOCK_BYTES_MAX {
            return Err(InvalidBlock::Bound("BLOCK_BYTES_MAX"));
        }
        if self.fuel.saturating_add(limits::TRANSACTION_FUEL_MAX) > limits::BLOCK_FUEL_MAX {
            return Err(InvalidBlock::Bound("BLOCK_FUEL_MAX"));
        }
        if self.keys.contains(&key_of(transaction)) {
            return Err(InvalidBlock::KeyUsed(id));
        }
        if !self.ledger.still_follows(transaction) {
            return Err(InvalidBlock::Schema(id));
        }
        match self.ledger.window.judge(transaction, self.slot.time) {
            Ok(()) => Ok(()),
            Err(Unfit::OutOfTime) => Err(InvalidBlock::OutOfTime(id)),
            Err(Unfit::KeyUsed(_)) => Err(InvalidBlock::KeyUsed(id)),
        }
    }

    /// Fires the timers that are due, as far as the fuel share lasts (W1).
    fn fire_due(&mut self) -> Result<(), Broken> {
        let defers = self.slot.flags & header::FLAG_DEFERS_TIMERS != 0;
        let none_due = self.ledger.next_timer().is_none_or(|at| at > self.slot.time);
        if defers || none_due {
            return Ok(());
        }
        let mut from = timers::first_key();
        loop {
            // W2: the list is the store's, so what a timer schedules waits for the next block.
            let store = self.run.overlay.store();
            let due = timers::due_from(store, &from, self.slot.time, TIMER_CHUNK)?;
            for id in &due {
                let worst = self.fuel.saturating_add(limits::TIMER_FIRE_FUEL_MAX);
                if worst > limits::TIMER_FUEL_MAX {
                    return Ok(());
                }
                self.fire(*id)?;
            }
            match due.last() {
                Some(last) if due.len() == TIMER_CHUNK => from = timers::key_after(last),
                _ => return Ok(()),
            }
        }
    }

    fn fire(&mut self, id: TimerId) -> Result<(), Broken> {
        if let Some(receipt) = fire(&mut self.run, id)? {
            self.keep(receipt);
        }
        Ok(())
    }

    /// Executes one transaction.
    fn perform(&mut self, transaction: &Verified) -> Result<(), Broken> {
        let receipt = perform(&mut self.run, transaction, Some(&mut self.usage))?;
        self.keep(receipt);
        self.keys.insert(key_of(transaction));
        self.bytes = self.bytes.saturating_add(transaction.raw.len());
        self.transactions.push(transaction.clone());
        Ok(())
    }

    fn keep(&mut self, receipt: Receipt) {
        self.fuel = self.fuel.saturating_add(receipt.fuel);
        self.receipts.push(receipt);
    }

    /// Computes the roots and the header, but for a root over the bodies that is known. Changes
    /// nothing (T3).
    fn finish(self, bodies: Option<Digest>) -> Result<Executed, Broken> {
        let Self { ledger, slot, mut run, transactions, receipts, usage, .. } = self;
        let bounds = usage.bounds();
        usage.write(&mut run.overlay)?;
        let head = ledger.head();
        let next_timer = match run.overlay.touches(&timers::first_key()) {
            true => timers::earliest(&run.overlay)?,
            false => ledger.next_timer(),
        };
        let next_set = validators::changed(&mut run.overlay)?;
        let protocol = protocol::changed(&mut run.overlay)?;
        let store = run.overlay.store();
        let changes = run.overlay.finish()?;
        let code = code::arrivals(store, &changes.state, |hash| ledger.vm.has(hash))?;
        let (mut log, mut log_nodes) = (ledger.log.clone(), Vec::new());
        run.statements.iter().for_each(|s| log.append(s, &mut log_nodes));
        let tree = ledger.tree.candidate(tree_changes(&changes));
        let (receipt_bytes, receipts_root) = encode_receipts(&receipts);
        let validators_hash = head.validators.hash();
        let header = Header {
            format: header::FORMAT,
            flags: slot.flags,
            protocol: head.protocol,
            chain: head.chain,
            height: head.height.next(),
            time: slot.time,
            parent: head.block,
            proposer: slot.proposer,
            bodies_root: bodies.unwrap_or_else(|| bodies_root(&transactions)),
            receipts_root,
            state_root: tree.root(),
            log_size: log.size(),
            log_root: log.root(),
            validators_hash,
            next_validators_hash: next_set.as_ref().map_or(validators_hash, ValidatorSet::hash),
        };
        let timers_waiting = timers::waiting_after(ledger.timers_waiting, &changes.state);
        let effects = Effects {
            changes,
            tree,
            log,
            log_nodes,
            receipt_bytes,
            next_timer,
            timers_waiting,
            bounds,
            validators: next_set,
            protocol,
            code,
        };
        Ok(Executed { id: header.id(), header, transactions, receipts, effects })
    }
}

/// Fires one timer, unless one before it cancelled it. It is removed whatever comes of it.
pub(crate) fn fire(run: &mut Run<'_>, id: TimerId) -> Result<Option<Receipt>, Broken> {
    let Some(row) = timers::read(&mut run.overlay, &id)? else { return Ok(None) };
    timers::remove(&mut run.overlay, &id)?;
    let start = match row.room.as_str() {
        code::ROOM => code::take_start(&mut run.overlay, &row.payload)?,
        _ => None,
    };
    let fuel = limits::TIMER_FIRE_FUEL_MAX.saturating_sub(limits::TIMER_FUEL_BASE);
    let receipt = run.act(Actor::nobody(Cause::Timer(id)), |run| {
        let ran = match (row.room.as_str(), start) {
            (accounts::ROOM, _) => run.fire_accounts(&row.payload),
            (governance::ROOM, _) => run.fire_governance(&row.payload),
            (_, Some((room, hash))) => run.begin_room(&room, hash, fuel),
            (room, None) => run.enter(room, Entry::Fire, &row.payload, fuel),
        };
        let used = limits::TIMER_FUEL_BASE.saturating_add(ran.fuel);
        (used, ran.end.map(|result| vec![result]).map_err(|stop| (0, stop)))
    })?;
    Ok(Some(receipt))
}

/// Performs one transaction, for whoever it acts for.
pub(crate) fn perform(
    run: &mut Run<'_>,
    transaction: &Transaction,
    mut usage: Option<&mut Usage>,
) -> Result<Receipt, Broken> {
    let place = run.place;
    let admitted = identity::admit::admit_in_block(&mut run.overlay, &place, transaction)?;
    let Transaction { id, sender, key, .. } = *transaction;
    let nobody = || Admitted { principal: sender, org: 0, agent: None };
    let (who, mut refusal) = admitted.map_or_else(|no| (nobody(), Some(no)), |who| (who, None));
    let Admitted { principal, org, agent } = who;
    if let Some(usage) = usage.as_deref_mut() {
        let left = usage.judge(&mut run.overlay, org)?;
        refusal = refusal.or(left.err());
    }
    let actor = Actor { cause: Cause::Transaction(id), principal, agent, org, key };
    let receipt = run.act(actor, |run| match refusal {
        Some(refusal) => (limits::TRANSACTION_FUEL_BASE, Err((WHOLE, refusal.into()))),
        None => perform_calls(run, transaction, agent.map(|agent| (principal, agent))),
    })?;
    if let Some(usage) = usage {
        usage.count(org, receipt.fuel, transaction.raw.len());
    }
    Ok(receipt)
}

/// The results of a transaction's calls, or the first that did not end well and why.
type Performed = Result<Vec<Vec<u8>>, (u16, Stop)>;

/// Performs a transaction's calls in order; fuel used, and what came of them. What an agent does is
/// marked as done on behalf.
fn perform_calls(
    run: &mut Run<'_>,
    transaction: &Transaction,
    on_behalf: Option<(PrincipalId, PrincipalId)>,
) -> (u64, Performed) {
    let mut fuel = limits::TRANSACTION_FUEL_BASE;
    if let Some((principal, agent)) = on_behalf
        && let Err(stop) = run.emit(identity::mandate::acted(principal, agent))
    {
        return (fuel, Err((WHOLE, stop)));
    }
    let mut results = Vec::with_capacity(transaction.calls.len());
    for (number, call) in (0_u16..).zip(&transaction.calls) {
        let left = limits::TRANSACTION_FUEL_MAX.saturating_sub(fuel);
        let ran = run.call(&call.room, &call.method, &call.args, left);
        fuel = fuel.saturating_add(ran.fuel);
        match ran.end {
            Ok(result) => results.push(result),
            Err(stop) => return (fuel, Err((number, stop))),
        }
    }
    (fuel, Ok(results))
}

/// Paths and value digests of the changed entries.
pub(crate) fn tree_changes(changes: &Changes) -> Vec<Change> {
    let one = |c: &Changed| (path(&c.key), c.new.as_deref().map(value_digest));
    changes.state.iter().map(one).collect()
}

/// The receipts as they are stored, and their root. Each is serialised once.
fn encode_receipts(receipts: &[Receipt]) -> (Vec<u8>, Digest) {
    let mut bytes = linli_types::encode(&(receipts.len() as u32));
    let mut leaves = Vec::with_capacity(receipts.len());
    for receipt in receipts {
        let one = linli_types::encode(receipt);
        leaves.push(digest::hash(Domain::ReceiptLeaf, &[&one]));
        bytes.extend_from_slice(&one);
    }
    (bytes, merkle::root::<BlockTree>(&leaves))
}
