//! A rehearsal: past transactions performed once more, with the code that runs and with the code
//! that a motion proposes. Nothing is written; what differs is listed.
//!
//! ```text
//! undo records, newest first          block h touched the room?
//! head ─▶ … ─▶ base ─▶ h ─▶ …         each transaction on the state before h, once with
//!         │                           either code; effects are dropped
//!         └ what runs here is the old code
//! ```
//!
//! A block touches a room if a transaction calls it, a timer of it fires, an event is the room's, or
//! an entry of it changed. In such a block every transaction that calls any contract is performed,
//! and every timer of one: who called the room on the way needs no trace of its own. What only
//! reads the room through another contract, in a block without a trace, is not found.
//!
//! # Invariants
//!
//! - **H1 the same everywhere.** A report follows from the chain up to the base, whatever node makes
//!   it and when. Bounds count bytes, fuel and blocks, never time.
//! - **H2 nothing stays.** The store is only read.
//! - **H3 step by step.** One step takes one block back: who drives it decides how fast it goes.

use super::MotionId;
use super::compare::{Did, broken, differs};
use super::history::bytes_of;
use super::rows::{CodeRow, PinRow, code_prefix, pin_key};
use crate::check::Checker;
use crate::deploy::native_checker;
use crate::execute::{fire, perform};
use crate::layer::Layer;
use crate::ledger::Settings;
use crate::overlay::Overlay;
use crate::policy;
use crate::room::{Contracts, Place, Realm, Run};
use crate::stored::{
    META_GENESIS, StoredBlock, Undo, decode, full_key, height_key, load_block, load_head,
    prefix_end, visit_rows,
};
use crate::timers::{self, TimerRow};
use crate::vm::Vm;
use linli_types::digest::{self, Domain};
use linli_types::genesis::Genesis;
use linli_types::height::Height;
use linli_types::id::{ChainId, Digest, TimerId};
use linli_types::limits::{
    REHEARSAL_BLOCKS_MAX, REHEARSAL_BYTES_MAX, REHEARSAL_FUEL_MAX, REHEARSAL_LISTED_MAX,
};
use linli_types::receipt::{Cause, Receipt};
use linli_types::rehearsal::{Difference, Report};
use linli_types::store::{Broken, Column, Read};
use linli_types::transaction::Transaction;

/// Why a node cannot rehearse. It is not damaged; it reports nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRehearsed {
    /// No motion of this id is open.
    #[error("no motion of this id is rehearsed")]
    Closed,
    /// The code proposed cannot be compiled here.
    #[error("the code cannot be compiled: {0}")]
    Code(String),
    /// An undo record is gone.
    #[error("the undo record of block {0} is gone")]
    Undo(Height),
    /// This machine cannot say.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// Something that a block did.
struct Deed {
    /// Its place among the receipts.
    index: u32,
    /// Whether it enters the contract itself.
    is_own: bool,
    what: What,
}

enum What {
    Timer(TimerId),
    Transaction(Box<Transaction>),
}

/// See the module. The store must not move on meanwhile: a snapshot.
pub struct Rehearsal<'a> {
    store: &'a dyn Read,
    /// The rows before the block that was taken back last.
    past: Layer<'a>,
    vm: Vm,
    chain: ChainId,
    genesis: Genesis,
    checker: Checker,
    pin: PinRow,
    /// The next block to take back.
    cursor: Height,
    /// What ran at the base, and the same with the code proposed.
    codes: Option<[Contracts; 2]>,
    bytes: u64,
    fuel: u64,
    all: Digest,
    report: Report,
}

impl<'a> Rehearsal<'a> {
    /// Begins the rehearsal of an open motion, with an engine of its own. Its code is compiled here,
    /// and so stands in the cache when it comes into force.
    ///
    /// # Errors
    ///
    /// [`NotRehearsed`].
    pub fn begin(
        store: &'a dyn Read,
        motion: &MotionId,
        settings: Settings,
    ) -> Result<Self, NotRehearsed> {
        let missing = || Broken("the store holds no chain".into());
        let pin = store.get(Column::State, &pin_key(motion))?.ok_or(NotRehearsed::Closed)?;
        let pin: PinRow = decode(&pin, "a pin of code")?;
        let genesis = store.get(Column::Meta, META_GENESIS)?.ok_or_else(missing)?;
        let (genesis, chain) =
            Genesis::from_bytes(&genesis).map_err(|why| Broken(why.to_string()))?;
        let cursor = load_head(store)?.ok_or_else(missing)?.height;
        let mut vm = settings.vm()?;
        let code = bytes_of(store, &genesis, &pin.hash)?;
        vm.deploy(&code).map_err(|why| NotRehearsed::Code(why.to_string()))?;
        let report = Report {
            digest: Digest::default(),
            from: pin.base.next(),
            blocks: 0,
            performed: 0,
            differences: 0,
            first: Vec::new(),
            broken: String::new(),
        };
        let checker = native_checker(chain)?;
        let (past, codes, all) = (Layer::new(Some(store)), None, Digest::default());
        Ok(Self {
            store,
            past,
            vm,
            chain,
            genesis,
            checker,
            pin,
            cursor,
            codes,
            bytes: 0,
            fuel: 0,
            all,
            report,
        })
    }

    /// Takes one block back; whether there is more to do.
    ///
    /// # Errors
    ///
    /// [`NotRehearsed`].
    pub fn step(&mut self) -> Result<bool, NotRehearsed> {
        let height = self.cursor;
        if height == self.pin.base {
            self.codes = Some(self.codes_at_base()?);
        }
        if self.is_over(height) {
            return Ok(false);
        }
        let row = self.store.get(Column::Undo, &height_key(height))?;
        let row = row.ok_or(NotRehearsed::Undo(height))?;
        let undo: Undo = decode(&row, "an undo record")?;
        let prefix = full_key(&self.pin.room, &[]);
        let changed = undo.state.iter().chain(&undo.side).any(|(key, _)| key.starts_with(&prefix));
        self.past.take_back(undo);
        if height <= self.pin.base {
            self.report.from = height;
            self.count_bytes(row.len());
            self.look(height, changed)?;
        }
        self.cursor = Height(height.0.saturating_sub(1));
        Ok(true)
    }

    /// What was found so far; all of it once [`Self::step`] says that there is no more.
    pub fn report(&self) -> Report {
        self.report.clone().sealed(&self.all)
    }

    /// The block that the next step takes back: for who watches.
    pub const fn at(&self) -> Height {
        self.cursor
    }

    /// H1: whatever ends it is the same on every node.
    fn is_over(&self, height: Height) -> bool {
        if height > self.pin.base {
            return false;
        }
        let window = self.pin.base.0.saturating_sub(height.0) < self.genesis.undo_heights;
        height == Height::GENESIS
            || !window
            || self.report.blocks >= REHEARSAL_BLOCKS_MAX
            || self.bytes >= REHEARSAL_BYTES_MAX
            || self.fuel >= REHEARSAL_FUEL_MAX
    }

    fn count_bytes(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// The code that ran at the base, made ready, and the same with the code proposed.
    fn codes_at_base(&mut self) -> Result<[Contracts; 2], NotRehearsed> {
        let (from, mut old) = (code_prefix(), Contracts::new());
        visit_rows(&self.past, Column::State, (&from, &prefix_end(&from)), |key, row| {
            let room = key.strip_prefix(from.as_slice()).unwrap_or_default();
            let row: CodeRow = decode(row, "a room's code")?;
            old.insert(String::from_utf8_lossy(room).into_owned(), row.hash);
            Ok(())
        })?;
        for hash in old.values() {
            let code = bytes_of(self.store, &self.genesis, hash)?;
            self.vm.deploy(&code).map_err(|why| NotRehearsed::Code(why.to_string()))?;
        }
        let mut new = old.clone();
        new.insert(self.pin.room.clone(), self.pin.hash);
        Ok([old, new])
    }

    /// Performs a block's transactions and timers if it touched the room.
    fn look(&mut self, height: Height, changed: bool) -> Result<(), NotRehearsed> {
        let gone = || Broken(format!("block {height} is missing"));
        let store = self.store;
        let bytes = store.get(Column::Receipt, &height_key(height))?.ok_or_else(gone)?;
        self.count_bytes(bytes.len());
        let receipts: Vec<Receipt> = decode(&bytes, "receipts")?;
        let block = load_block(store, height)?.ok_or_else(gone)?;
        self.count_bytes(block.bodies.iter().map(Vec::len).sum());
        let deeds = self.deeds(&block, &receipts)?;
        let event = |receipt: &Receipt| receipt.events.iter().any(|e| e.room == self.pin.room);
        if !changed && !receipts.iter().any(event) && !deeds.iter().any(|deed| deed.is_own) {
            return Ok(());
        }
        self.report.blocks = self.report.blocks.saturating_add(1);
        let place = self.place(&block)?;
        for deed in deeds {
            self.perform(place, &deed)?;
        }
        Ok(())
    }

    /// What a block did that entered contracts.
    fn deeds(&self, block: &StoredBlock, receipts: &[Receipt]) -> Result<Vec<Deed>, NotRehearsed> {
        let (mut deeds, mut bodies) = (Vec::new(), block.bodies.iter());
        let Some([old, _]) = &self.codes else { return Ok(deeds) };
        let is_contract = |room: &str| old.contains_key(room) || room == self.pin.room;
        for (index, receipt) in (0_u32..).zip(receipts) {
            let (rooms, what) = match receipt.cause {
                Cause::Timer(id) => {
                    let row = self.past.get(Column::State, &full_key(timers::ROOM, &id.0))?;
                    let Some(row) = row else { continue };
                    let row: TimerRow = decode(&row, "a timer")?;
                    (vec![row.room], What::Timer(id))
                }
                Cause::Transaction(_) => {
                    let Some(body) = bodies.next() else { continue };
                    let read = self.checker.read(body);
                    let read = read.map_err(|_| Broken("a stored transaction".into()))?;
                    let rooms = read.calls.iter().map(|call| call.room.clone()).collect();
                    (rooms, What::Transaction(Box::new(read)))
                }
            };
            if rooms.iter().any(|room| is_contract(room)) {
                let is_own = rooms.contains(&self.pin.room);
                deeds.push(Deed { index, is_own, what });
            }
        }
        Ok(deeds)
    }

    fn place(&self, block: &StoredBlock) -> Result<Place, NotRehearsed> {
        let (height, time) = (block.header.height, block.header.time);
        let parent = load_block(self.store, Height(height.0.saturating_sub(1)))?;
        let log_size = parent.map_or(0, |parent| parent.header.log_size);
        Ok(Place { height, time, log_size, policy: policy::number_at(&self.past, time)? })
    }

    /// Performs one with either code, and notes what differs and what broke.
    fn perform(&mut self, place: Place, deed: &Deed) -> Result<(), NotRehearsed> {
        let Some([old, new]) = &self.codes else { return Ok(()) };
        let (old, new) = (self.once(old, place, deed)?, self.once(new, place, deed)?);
        let (Some(old), Some(new)) = (old, new) else { return Ok(()) };
        let what = differs(&old, &new);
        let schema = self.vm.schema(&self.pin.hash);
        let schema = schema.ok_or_else(|| Broken("code without a schema".into()))?;
        let broken = broken(&old, &new, &self.pin.room, schema)?;
        let report = &mut self.report;
        report.performed = report.performed.saturating_add(1);
        self.fuel = self.fuel.saturating_add(old.receipt.fuel).saturating_add(new.receipt.fuel);
        if let (Some(law), true) = (broken, report.broken.is_empty()) {
            report.broken = law.into();
        }
        if what != 0 {
            let found = Difference { height: place.height, index: deed.index, what };
            let parts = [&self.all.0[..], &linli_types::encode(&found)];
            self.all = digest::hash(Domain::Rehearsal, &parts);
            report.differences = report.differences.saturating_add(1);
            if report.first.len() < REHEARSAL_LISTED_MAX {
                report.first.push(found);
            }
        }
        Ok(())
    }

    /// Performs one on the state before its block. Its effects are dropped (H2).
    fn once(
        &self,
        contracts: &Contracts,
        place: Place,
        deed: &Deed,
    ) -> Result<Option<Did>, Broken> {
        let validators = &self.genesis.validators;
        let realm = Realm { chain: self.chain, validators, checker: &self.checker };
        let mut run = Run::new(&self.vm, contracts, realm, place, Overlay::new(&self.past));
        let receipt = match &deed.what {
            What::Transaction(transaction) => Some(perform(&mut run, transaction, None)?),
            What::Timer(id) => fire(&mut run, *id)?,
        };
        let Some(receipt) = receipt else { return Ok(None) };
        let statements = std::mem::take(&mut run.statements);
        Ok(Some(Did { receipt, statements, changes: run.overlay.finish()? }))
    }
}
