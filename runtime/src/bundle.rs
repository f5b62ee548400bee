//! What a node leaves behind when a block that it executed breaks a law: enough to execute the block
//! once more on any copy of the data (decision 0015).
//!
//! # Invariants
//!
//! - **U1 aside.** Nothing here writes to a store, and nothing of a bundle is believed: the block is
//!   executed again, and its laws are asked again.

use crate::batch::put_changes;
use crate::execute::{Executed, InvalidBlock, Slot};
use crate::invariant::block_breaches;
use crate::layer::Layer;
use crate::ledger::{Ledger, Settings};
use crate::replay::{ReplayFailed, read_block};
use crate::stored::{self, META_GENESIS, META_HEAD, StoredBlock, StoredHead};
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::header::Header;
use linli_types::height::Height;
use linli_types::id::{BlockId, ChainId};
use linli_types::store::{Batch, Broken, Column, Read};

/// How a bundle's bytes begin.
const MAGIC: [u8; 8] = *b"LLBREACH";
/// The only format.
const FORMAT: u16 = 1;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Bundle {
    magic: [u8; 8],
    format: u16,
    /// What was broken, each with the law's name.
    pub breaches: Vec<String>,
    /// The block as the node executed it.
    pub block: StoredBlock,
}

/// Bytes that are no bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBundle {
    /// They are something else, or cut short.
    #[error("these bytes are no bundle, or not all of one")]
    Unreadable,
    /// A later version made it.
    #[error("format {0} of a bundle is not known to this version")]
    Format(u16),
}

impl Bundle {
    /// The bundle of a block that breaks laws.
    pub fn new(executed: &Executed, breaches: Vec<String>) -> Self {
        let bodies = executed.transactions.iter().map(|tx| tx.raw.to_vec()).collect();
        let block = StoredBlock { header: executed.header.clone(), bodies };
        Self { magic: MAGIC, format: FORMAT, breaches, block }
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        linli_types::encode(self)
    }

    /// Reads a bundle.
    ///
    /// # Errors
    ///
    /// [`BadBundle`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadBundle> {
        let head = bytes.strip_prefix(&MAGIC).and_then(|rest| rest.first_chunk::<2>());
        match head.map(|format| u16::from_le_bytes(*format)) {
            None => Err(BadBundle::Unreadable),
            Some(FORMAT) => Self::try_from_slice(bytes).map_err(|_| BadBundle::Unreadable),
            Some(format) => Err(BadBundle::Format(format)),
        }
    }
}

/// Why a bundle, or blocks from a height on, cannot be executed here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReplayed {
    /// The bundle is another chain's.
    #[error("the bundle belongs to chain {found}, the data to {expected}")]
    OtherChain {
        /// The bundle's.
        found: ChainId,
        /// The data's.
        expected: ChainId,
    },
    /// The data does not reach so far, or the height is none to begin at.
    #[error("the data ends at height {head}; height {asked} is asked for")]
    Height {
        /// Where the data ends.
        head: Height,
        /// What was asked for.
        asked: Height,
    },
    /// The bundle's block does not follow the data's.
    #[error("the bundle's block follows {found}, the data holds {expected} there")]
    OtherParent {
        /// The block that the bundle's follows.
        found: BlockId,
        /// The data's at that height.
        expected: BlockId,
    },
    /// The old values that lead back to the height are not kept any more.
    #[error("the undo record of height {0} is not kept any more; begin later, or at 0")]
    NoUndo(Height),
    /// A block that does not come out as its header says, or cannot be read.
    #[error(transparent)]
    Replay(#[from] ReplayFailed),
}

impl From<Broken> for NotReplayed {
    fn from(broken: Broken) -> Self {
        Self::Replay(broken.into())
    }
}

/// What came of executing again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Where it ended: the last header.
    pub header: Option<Header>,
    /// Whether the bundle's block came out as the node had it. True without a bundle.
    pub is_same: bool,
    /// The laws that the bundle's block, or the first of the data's, broke.
    pub breaches: Vec<String>,
}

/// Executes the data's blocks after `from`, and at last the bundle's block, if one is given.
///
/// # Errors
///
/// [`NotReplayed`]; nothing is written.
pub fn replay_from(
    store: &dyn Read,
    from: Height,
    bundle: Option<&Bundle>,
    settings: Settings,
) -> Result<Replayed, NotReplayed> {
    let head = stored::load_head(store)?.ok_or_else(|| Broken("the store has no head".into()))?;
    let last = match bundle {
        Some(bundle) => before(bundle, &head)?,
        None => head.height,
    };
    if from > last {
        return Err(NotReplayed::Height { head: last, asked: from });
    }
    let (mut ledger, mut layer) = begin(store, &head, from, settings)?;
    for height in (from.0.saturating_add(1)..=last.0).map(Height) {
        let block = stored::load_block(store, height)?;
        let block = block.ok_or_else(|| Broken(format!("block {height} is missing")))?;
        let executed = execute(&ledger, &layer, &block)?;
        let breaches = block_breaches(&executed)?;
        if !breaches.is_empty() {
            return Ok(Replayed { header: Some(block.header), is_same: true, breaches });
        }
        let mut batch = Batch::default();
        put_changes(&mut batch, &executed.effects);
        layer.apply(batch);
        ledger.adopt(executed)?;
    }
    match bundle {
        Some(bundle) => last_block(&ledger, &layer, bundle),
        None => {
            let header = ledger.head().header.clone();
            Ok(Replayed { header, is_same: true, breaches: Vec::new() })
        }
    }
}

/// The height before the bundle's, if the data reaches so far.
fn before(bundle: &Bundle, head: &StoredHead) -> Result<Height, NotReplayed> {
    let header = &bundle.block.header;
    if header.chain != head.chain {
        return Err(NotReplayed::OtherChain { found: header.chain, expected: head.chain });
    }
    match header.height.0.checked_sub(1).map(Height) {
        Some(before) if before <= head.height => Ok(before),
        _ => Err(NotReplayed::Height { head: head.height, asked: header.height }),
    }
}

/// The ledger and the rows as of a height.
fn begin<'a>(
    store: &'a dyn Read,
    head: &StoredHead,
    from: Height,
    settings: Settings,
) -> Result<(Ledger, Layer<'a>), NotReplayed> {
    if from == Height::GENESIS {
        let genesis = store.get(Column::Meta, META_GENESIS)?;
        let genesis = genesis.ok_or_else(|| Broken("the store holds no genesis".into()))?;
        let (ledger, batch) = Ledger::begin(&genesis, settings).map_err(ReplayFailed::from)?;
        let mut layer = Layer::new(None);
        layer.apply(batch);
        return Ok((ledger, layer));
    }
    let mut layer = Layer::new(Some(store));
    for height in (from.0.saturating_add(1)..=head.height.0).rev().map(Height) {
        let undo = stored::load_undo(store, height)?.ok_or(NotReplayed::NoUndo(height))?;
        layer.take_back(undo);
    }
    let block = stored::load_block(store, from)?;
    let header = block.ok_or_else(|| Broken(format!("block {from} is missing")))?.header;
    let was = crate::batch::head_of(&header, header.id());
    layer.set(Column::Meta, META_HEAD.to_vec(), Some(linli_types::encode(&was)));
    Ok((Ledger::open(&layer, settings)?, layer))
}

fn execute(
    ledger: &Ledger,
    layer: &Layer<'_>,
    block: &StoredBlock,
) -> Result<Executed, NotReplayed> {
    let transactions = read_block(ledger, block)?;
    let height = block.header.height;
    let refused = |why: InvalidBlock| ReplayFailed::Block { height, why };
    Ok(ledger.execute(layer, &block.header, &transactions)?.map_err(refused)?)
}

/// Executes the bundle's block as its proposer would: rules that have changed since give other roots,
/// which is an answer and no fault.
fn last_block(
    ledger: &Ledger,
    layer: &Layer<'_>,
    bundle: &Bundle,
) -> Result<Replayed, NotReplayed> {
    let header = &bundle.block.header;
    if header.parent != ledger.head().block {
        let (found, expected) = (header.parent, ledger.head().block);
        return Err(NotReplayed::OtherParent { found, expected });
    }
    let transactions = read_block(ledger, &bundle.block)?;
    let slot = Slot { time: header.time, proposer: header.proposer, flags: header.flags };
    let executed = ledger.propose(layer, slot, &transactions)?;
    let breaches = block_breaches(&executed)?;
    let is_same = executed.id == header.id();
    Ok(Replayed { header: Some(executed.header), is_same, breaches })
}
