//! The ledger of one node: everything that stands in memory beside the rows of the store.
//!
//! ```text
//! propose / execute ─▶ Executed ─▶ (certificate) ─▶ batch ─▶ durable ─▶ adopt
//! ```
//!
//! Proposals may lose: nothing in memory changes before [`Ledger::adopt`]. The ledger never writes
//! to the store; it says what to write ([`Ledger::batch`]).
//!
//! # Invariants
//!
//! - **L1 one batch.** Whatever a height changes stands in one batch (design D3).
//! - **L2 rows suffice.** [`Ledger::open`] needs nothing but rows, and compares the tree and the
//!   log that it rebuilds with the last header (design D4).

use crate::check::Checker;
use crate::code::{MotionId, PinRow};
use crate::execute::{Effects, Executed};
use crate::governance::quota::{self, Bounds};
use crate::log::{self, Log};
use crate::protocol::{self, Outdated, ProtocolRow};
use crate::room::Contracts;
use crate::stored::{self, META_GENESIS, StoredHead, full_key};
use crate::tree::Tree;
use crate::verified::Verified;
use crate::vm::{CodeCache, NoCache, Vm};
use crate::window::{Key, Window, key_of};
use crate::{code, deploy, identity, timers, validators};
use linli_types::code::Code;
use linli_types::genesis::Genesis;
use linli_types::header::{self, Header};
use linli_types::height::{Height, TimeMs};
use linli_types::id::{BlockId, ChainId, Digest, PrincipalId, PublicKey};
use linli_types::limits;
use linli_types::planted::{self, Bug};
use linli_types::receipt::{Receipt, Refusal};
use linli_types::state_proof::{StateProof, path, value_digest};
use linli_types::store::{Broken, Column, Read};
use linli_types::transaction::Transaction;
use linli_types::validator::ValidatorSet;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

/// What a ledger needs of its node.
pub struct Settings {
    /// Keeps compiled contracts between starts.
    pub cache: Box<dyn CodeCache>,
    /// Versions of the rules that this binary holds (design D16).
    pub protocols: RangeInclusive<u32>,
    /// Contracts that are functions of this program.
    #[cfg(feature = "pretend")]
    pub programs: Vec<crate::vm::Program>,
}

impl Settings {
    /// Those of production, with a place for compiled contracts.
    pub fn new(cache: Box<dyn CodeCache>) -> Self {
        Self {
            cache,
            protocols: header::PROTOCOL_MIN..=header::PROTOCOL,
            #[cfg(feature = "pretend")]
            programs: Vec::new(),
        }
    }

    /// The engine that these settings ask for.
    pub(crate) fn vm(self) -> Result<Vm, Broken> {
        let vm = Vm::new(self.cache)?;
        #[cfg(feature = "pretend")]
        let vm = vm.with(self.programs)?;
        Ok(vm)
    }
}

impl Default for Settings {
    /// Keeps nothing between starts.
    fn default() -> Self {
        Self::new(Box::new(NoCache))
    }
}

/// Where the chain stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The chain.
    pub chain: ChainId,
    /// The last height; 0 after `init`.
    pub height: Height,
    /// Its block; at the genesis the chain id's bytes.
    pub block: BlockId,
    /// Its time.
    pub time: TimeMs,
    /// State root after it.
    pub state_root: Digest,
    /// Leaves of the evidence log after it.
    pub log_size: u64,
    /// Root of the evidence log after it.
    pub log_root: Digest,
    /// Its header; none at the genesis.
    pub header: Option<Header>,
    /// The validators of the next block.
    pub validators: ValidatorSet,
    /// The rules of the next block.
    pub protocol: u32,
}

/// What the genesis says about the chain as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisInfo {
    /// The chain's name, for people.
    pub name: String,
    /// Version of the rules at height 1.
    pub protocol: u32,
    /// Heights for which undo records are kept.
    pub undo_heights: u64,
}

/// Whether a transaction may enter the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Admitted {
        /// The sender's organisation; 0 for none.
        org: u32,
    },
    /// These very bytes stand in a block.
    Exists {
        /// Its height.
        height: Height,
        /// Its place among the receipts.
        index: u32,
    },
    /// It may not; nothing is recorded.
    Refused(Refusal),
}

/// What is left of an executed block once the ledger has adopted its effects.
#[derive(Debug)]
pub struct Adopted {
    /// Its header.
    pub header: Header,
    /// Its id.
    pub id: BlockId,
    /// Its transactions, in order.
    pub transactions: Vec<Verified>,
    /// Receipts: fired timers first, then the transactions, in order.
    pub receipts: Vec<Receipt>,
}

/// See the module.
pub struct Ledger {
    pub(crate) info: GenesisInfo,
    pub(crate) vm: Vm,
    pub(crate) contracts: Contracts,
    pub(crate) schemas: BTreeMap<String, Vec<u8>>,
    pub(crate) checker: Arc<Checker>,
    head: Head,
    pub(crate) tree: Tree,
    pub(crate) log: Log,
    pub(crate) window: Window,
    next_timer: Option<TimeMs>,
    pub(crate) timers_waiting: u64,
    /// What organisations may use per day, as of the last block.
    bounds: Bounds,
    protocol: ProtocolRow,
    protocols: RangeInclusive<u32>,
    /// Rooms whose code was not the genesis's: what was checked by an earlier schema may wait yet.
    moved: BTreeSet<String>,
    /// Motions whose rehearsal needs undo records.
    pins: BTreeMap<MotionId, PinRow>,
    /// The first height whose undo record stands.
    undo_from: u64,
}

impl Ledger {
    /// A ledger before its first row: contracts deployed, nothing in the state.
    pub(crate) fn empty(
        genesis: &Genesis,
        chain: ChainId,
        settings: Settings,
    ) -> Result<Self, deploy::Undeployable> {
        let protocols = settings.protocols.clone();
        let deploy::Deployment { vm, contracts, schemas, checker } =
            deploy::deploy(genesis, chain, settings.vm()?)?;
        let (tree, log) = (Tree::default(), Log::default());
        let head = Head {
            chain,
            height: Height::GENESIS,
            block: BlockId(chain.0),
            time: genesis.time,
            state_root: tree.root(),
            log_size: 0,
            log_root: log.root(),
            header: None,
            validators: genesis.validators.clone(),
            protocol: genesis.protocol,
        };
        let info = GenesisInfo {
            name: genesis.name.clone(),
            protocol: genesis.protocol,
            undo_heights: genesis.undo_heights,
        };
        let checker = Arc::new(checker);
        let (window, next_timer, timers_waiting) = (Window::default(), None, 0);
        let bounds = Bounds::of(&genesis.policy);
        Ok(Self {
            info,
            vm,
            contracts,
            schemas,
            checker,
            head,
            tree,
            log,
            window,
            next_timer,
            timers_waiting,
            bounds,
            protocol: ProtocolRow::first(genesis.protocol),
            protocols,
            moved: BTreeSet::new(),
            pins: BTreeMap::new(),
            undo_from: 1,
        })
    }

    /// Opens a ledger from rows alone (L2).
    ///
    /// # Errors
    ///
    /// [`Broken`] if the rows do not fit together: this node is damaged.
    pub fn open(store: &dyn Read, settings: Settings) -> Result<Self, Broken> {
        let missing = || Broken("the store holds no chain; `linli init` makes one".into());
        let genesis = store.get(Column::Meta, META_GENESIS)?.ok_or_else(missing)?;
        let (genesis, chain) = Genesis::from_bytes(&genesis)
            .map_err(|why| Broken(format!("the stored genesis cannot be read: {why}")))?;
        let mut ledger = Self::empty(&genesis, chain, settings)
            .map_err(|why| Broken(format!("the stored genesis cannot be deployed: {why}")))?;
        let stored = stored::load_head(store)?.ok_or_else(missing)?;
        ledger.read_code(store, &genesis)?;
        ledger.read_state(store)?;
        ledger.log = Log::open(store, stored.log_size)?;
        ledger.take_head(store, &stored)?;
        ledger.read_window(store)?;
        ledger.bounds = Bounds::at(store, ledger.head.time)?;
        Ok(ledger)
    }

    /// Takes what each room runs from the rows (C1), and compiles what is not compiled.
    fn read_code(&mut self, store: &dyn Read, genesis: &Genesis) -> Result<(), Broken> {
        let code::Standing { runs, starts, pins } = code::standing(store)?;
        let mut arrivals = code::Arrivals::default();
        for hash in runs.values().map(|row| row.hash).chain(starts) {
            if !self.vm.has(&hash) {
                arrivals.codes.push((hash, code::bytes_of(store, genesis, &hash)?));
            }
        }
        arrivals.runs = runs.into_iter().collect();
        self.take_code(arrivals)?;
        self.pins = pins;
        let first = store.scan(Column::Undo, &[], &[], 1)?;
        let first = first.first().and_then(|(key, _)| key.as_slice().try_into().ok());
        self.undo_from = first.map_or(1, u64::from_be_bytes);
        Ok(())
    }

    /// Rebuilds the tree and counts the timers.
    fn read_state(&mut self, store: &dyn Read) -> Result<(), Broken> {
        let (mut entries, mut waiting) = (Vec::new(), 0_u64);
        stored::visit_rows(store, Column::State, (&[], &[]), |key, value| {
            entries.push((path(key), value_digest(value)));
            waiting = waiting.saturating_add(u64::from(timers::is_timer(key)));
            Ok(())
        })?;
        self.tree = Tree::build(entries);
        self.timers_waiting = waiting;
        self.next_timer = match planted::is(Bug::TimerLost) {
            true => None,
            false => timers::earliest_stored(store)?,
        };
        Ok(())
    }

    /// Compares what was rebuilt with the stored head and its header, and adopts the head.
    fn take_head(&mut self, store: &dyn Read, stored: &StoredHead) -> Result<(), Broken> {
        let differs = |what: &str| Err(Broken(format!("{what} differs from the last header")));
        let header = stored::load_block(store, stored.height)?.map(|block| block.header);
        if stored.chain != self.head.chain {
            return differs("the chain id");
        }
        if self.tree.root() != stored.state_root {
            return differs("the state root");
        }
        if self.log.root() != stored.log_root {
            return differs("the evidence log's root");
        }
        let expected = match &header {
            None if stored.height == Height::GENESIS => (stored.block, stored.time),
            None => return Err(Broken("the last block is missing".into())),
            Some(header) => (header.id(), header.time),
        };
        let agrees = |h: &Header| {
            (h.state_root, h.log_size, h.log_root)
                == (stored.state_root, stored.log_size, stored.log_root)
        };
        if expected != (stored.block, stored.time) || !header.as_ref().is_none_or(agrees) {
            return differs("the stored head");
        }
        let loaded = validators::load(store)?;
        let validators = loaded.unwrap_or_else(|| self.head.validators.clone());
        if header.as_ref().is_some_and(|h| h.next_validators_hash != validators.hash()) {
            return differs("the validator set"); // G6
        }
        self.protocol = protocol::load(store)?.unwrap_or(self.protocol);
        let protocol = self.protocol.at(stored.height.next());
        let StoredHead { chain, height, block, time, state_root, log_size, log_root } = *stored;
        self.head = Head {
            chain,
            height,
            block,
            time,
            state_root,
            log_size,
            log_root,
            header,
            validators,
            protocol,
        };
        Ok(())
    }

    /// Rebuilds the key window from the blocks in which a transaction may still be valid, one in
    /// memory at a time, the newest first.
    fn read_window(&mut self, store: &dyn Read) -> Result<(), Broken> {
        let now = self.head.time;
        let mut height = self.head.height;
        while height > Height::GENESIS {
            let block = stored::load_block(store, height)?;
            let block = block.ok_or_else(|| Broken(format!("block {height} is missing")))?;
            if now.since(block.header.time) > limits::VALIDITY_MS_MAX {
                break;
            }
            for body in &block.bodies {
                let transaction = self.checker.read(body);
                let unread = |_| Broken("a stored transaction does not follow its schema".into());
                self.window.recall(now, &transaction.map_err(unread)?);
            }
            height = Height(height.0.saturating_sub(1));
        }
        Ok(())
    }

    /// Where the chain stands.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// What the genesis says about the chain as a whole.
    pub fn genesis_info(&self) -> &GenesisInfo {
        &self.info
    }

    /// Phase 1, without state. A new one stands after a deployment.
    pub fn checker(&self) -> Arc<Checker> {
        Arc::clone(&self.checker)
    }

    /// Why this binary cannot go on from here, if it cannot: the next block follows rules that it
    /// lacks (G9).
    pub fn outdated(&self) -> Option<Outdated> {
        let (version, height) = (self.head.protocol, self.head.height.next());
        let known = self.protocols.clone();
        (!known.contains(&version)).then_some(Outdated { height, version, known })
    }

    /// When the earliest timer falls due.
    pub fn next_timer(&self) -> Option<TimeMs> {
        self.next_timer
    }

    /// Phase 2, read-only: the sender is known, the signing key is theirs and in force, the
    /// transaction's key not used for other bytes. Mandates are judged in the block.
    ///
    /// # Errors
    ///
    /// [`Broken`] if this node's store cannot be read.
    pub fn admit(&self, store: &dyn Read, transaction: &Transaction) -> Result<Admission, Broken> {
        if let Some(used) = self.used(&key_of(transaction)) {
            if used != transaction.id {
                return Ok(Admission::Refused(Code::IdConflict.refuse([])));
            }
            let place = stored::locate(store, &used)?;
            let (height, index) =
                place.ok_or_else(|| Broken("a transaction of the window has no place".into()))?;
            return Ok(Admission::Exists { height, index });
        }
        let next = self.head.height.next();
        Ok(match identity::admit::admit(store, transaction, next)? {
            Ok(org) => match quota::admit(store, self.bounds, org, self.head.time)? {
                Ok(()) => Admission::Admitted { org },
                Err(refusal) => Admission::Refused(refusal),
            },
            Err(refusal) => Admission::Refused(refusal),
        })
    }

    fn used(&self, key: &Key) -> Option<linli_types::id::TxId> {
        self.window.find(key, self.head.time)
    }

    /// The principal with this id.
    ///
    /// # Errors
    ///
    /// [`Broken`] if this node's store cannot be read.
    pub fn principal(
        &self,
        store: &dyn Read,
        id: &PrincipalId,
    ) -> Result<Option<identity::PrincipalRow>, Broken> {
        identity::load(store, id)
    }

    /// The principal who signs with this key.
    ///
    /// # Errors
    ///
    /// [`Broken`] if this node's store cannot be read.
    pub fn principal_of_key(
        &self,
        store: &dyn Read,
        key: &PublicKey,
    ) -> Result<Option<(PrincipalId, identity::PrincipalRow)>, Broken> {
        identity::load_by_key(store, key)
    }

    /// After the batch is durable: adopts tree, log, window, timers and head. Gives back what
    /// readers want to see of the block.
    ///
    /// # Panics
    ///
    /// If the block was not executed on this very head: our own order is broken.
    ///
    /// # Errors
    ///
    /// [`Broken`] if this machine cannot compile code that came into force.
    pub fn adopt(&mut self, executed: Executed) -> Result<Adopted, Broken> {
        let Executed { header, id, transactions, receipts, mut effects } = executed;
        assert!(header.parent == self.head.block, "L1: a block is adopted on its own parent");
        self.undo_from = self.undo_drops(header.height).end;
        let before = self.head.validators.clone();
        let validators = effects.validators.take().unwrap_or(before);
        self.take_effects(effects)?;
        self.window.add(header.time, transactions.iter().map(|tx: &Verified| &**tx));
        self.head = Head {
            chain: header.chain,
            height: header.height,
            block: id,
            time: header.time,
            state_root: header.state_root,
            log_size: header.log_size,
            log_root: header.log_root,
            header: Some(header.clone()),
            validators,
            protocol: self.protocol.at(header.height.next()),
        };
        Ok(Adopted { header, id, transactions, receipts })
    }

    /// Adopts tree, log, timers and code, and the head's roots.
    pub(crate) fn take_effects(&mut self, effects: Effects) -> Result<(), Broken> {
        self.tree.adopt(effects.tree);
        self.log = effects.log;
        self.next_timer = effects.next_timer;
        self.timers_waiting = effects.timers_waiting;
        self.bounds = effects.bounds;
        self.protocol = effects.protocol.unwrap_or(self.protocol);
        self.head.state_root = self.tree.root();
        (self.head.log_size, self.head.log_root) = (self.log.size(), self.log.root());
        self.take_code(effects.code)
    }

    /// What a block changed about code holds from the next block on (C2).
    fn take_code(&mut self, arrivals: code::Arrivals) -> Result<(), Broken> {
        for (hash, bytes) in arrivals.codes {
            let deployed = self.vm.deploy(&bytes);
            deployed.map_err(|why| Broken(format!("cannot compile the code {hash}: {why}")))?;
        }
        let mut schemas = Vec::new();
        for (room, row) in arrivals.runs {
            let missing = || Broken(format!("the code of {room} is not ready"));
            let (schema, bytes) = self.vm.schemas(&row.hash).ok_or_else(missing)?;
            schemas.push((room.clone(), schema.clone()));
            self.schemas.insert(room.clone(), bytes.to_vec());
            if row.since > Height::GENESIS {
                self.moved.insert(room.clone());
            }
            self.contracts.insert(room, row.hash);
        }
        if !schemas.is_empty() {
            self.checker = Arc::new(self.checker.with(schemas));
        }
        for (motion, pin) in arrivals.pins {
            match pin {
                Some(pin) => self.pins.insert(motion, pin),
                None => self.pins.remove(&motion),
            };
        }
        Ok(())
    }

    /// Whether a transaction follows the schemas of the code in force: it may have been checked, and
    /// may have waited, when other code ran.
    pub(crate) fn still_follows(&self, transaction: &Transaction) -> bool {
        let mut calls = transaction.calls.iter().filter(|call| self.moved.contains(&call.room));
        calls.all(|call| self.checker.check_call(call).is_ok())
    }

    /// The first height whose undo record must stand once `height` does: for the genesis's number
    /// of heights, and below every motion that is rehearsed.
    pub(crate) fn undo_needed(&self, height: Height) -> Height {
        let bases = self.pins.values().map(|pin| pin.base).chain([height]);
        let base = bases.min().unwrap_or(height).0;
        Height(base.saturating_add(1).saturating_sub(self.info.undo_heights).max(1))
    }

    /// The undo records that the batch of a height drops, a bounded number of those that nothing
    /// keeps any more.
    pub(crate) fn undo_drops(&self, height: Height) -> Range<u64> {
        let most = self.undo_from.saturating_add(limits::UNDO_DROPS_MAX);
        let end = self.undo_needed(height).0.min(most).max(self.undo_from);
        self.undo_from..end
    }

    /// Proves what stands under a full key of the state at the latest height.
    pub fn prove(&self, key: &[u8]) -> StateProof {
        self.tree.prove(key)
    }

    /// The key in [`Column::State`] of a room's entry.
    pub fn full_key(room: &str, key: &[u8]) -> Vec<u8> {
        full_key(room, key)
    }

    /// The audit path of a leaf of the evidence log at the latest height; `None` if there is no
    /// such leaf.
    ///
    /// # Errors
    ///
    /// [`Broken`] if this node's store cannot be read.
    pub fn leaf_path(&self, store: &dyn Read, index: u64) -> Result<Option<Vec<Digest>>, Broken> {
        log::leaf_path(store, index, self.log.size())
    }

    /// The file descriptor set of a room, native ones too.
    pub fn schema(&self, room: &str) -> Option<&[u8]> {
        self.schemas.get(room).map(Vec::as_slice)
    }

    /// Every room that answers, by name.
    pub fn rooms(&self) -> Vec<String> {
        self.schemas.keys().cloned().collect()
    }

    /// How many (sender, key) pairs are remembered, and how many timers wait: for metrics.
    pub fn sizes(&self) -> Sizes {
        let (keys, entries) = (self.window.len() as u64, self.tree.len());
        Sizes { entries, keys, timers: self.timers_waiting }
    }
}

/// How much stands in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Entries of the state.
    pub entries: u64,
    /// Remembered pairs of sender and key.
    pub keys: u64,
    /// Waiting timers.
    pub timers: u64,
}
