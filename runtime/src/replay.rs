//! The chain once more, from its genesis: the same blocks must give the same roots.
//!
//! Works in memory and trusts no row but the blocks' bytes. Certificates are not looked at: that
//! is [`crate::check_db()`]'s and the verifier's work.

use crate::batch::put_changes;
use crate::execute::InvalidBlock;
use crate::genesis::GenesisRefused;
use crate::ledger::{Head, Ledger, Settings};
use crate::protocol::Outdated;
use crate::stored::StoredBlock;
use crate::verified::Verified;
use linli_types::height::Height;
use linli_types::receipt::Refusal;
use linli_types::store::{Batch, Broken, Memory};

/// Why a replay ended early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayFailed {
    /// The genesis is refused.
    #[error(transparent)]
    Genesis(#[from] GenesisRefused),
    /// A stored transaction does not follow its schema.
    #[error("transaction {index} of block {height} does not follow its schema (code {})", refusal.code)]
    Transaction {
        /// The block.
        height: Height,
        /// Its place in the block.
        index: usize,
        /// Why.
        refusal: Refusal,
    },
    /// A block gives other roots than its header says.
    #[error("block {height}: {why}")]
    Block {
        /// The block.
        height: Height,
        /// What differs.
        why: InvalidBlock,
    },
    /// From here on the chain follows rules that this binary lacks.
    #[error(transparent)]
    Outdated(Outdated),
    /// This machine cannot say.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// Executes every block from the genesis on and compares every header.
///
/// # Errors
///
/// [`ReplayFailed`] at the first block that differs.
pub fn replay(
    genesis: &[u8],
    blocks: impl Iterator<Item = StoredBlock>,
    settings: Settings,
) -> Result<Head, ReplayFailed> {
    let (mut ledger, batch) = Ledger::begin(genesis, settings)?;
    let mut store = Memory::default();
    store.apply(&batch);
    for block in blocks {
        let height = block.header.height;
        if let Some(outdated) = ledger.outdated() {
            return Err(ReplayFailed::Outdated(outdated));
        }
        let transactions = read_block(&ledger, &block)?;
        let executed = ledger
            .execute(&store, &block.header, &transactions)?
            .map_err(|why| ReplayFailed::Block { height, why })?;
        // State, rows beside it and the log are all that execution reads.
        let mut batch = Batch::default();
        put_changes(&mut batch, &executed.effects);
        store.apply(&batch);
        ledger.adopt(executed)?;
    }
    Ok(ledger.head().clone())
}

/// A stored block's transactions: their certificate stands for their signatures.
pub(crate) fn read_block(
    ledger: &Ledger,
    block: &StoredBlock,
) -> Result<Vec<Verified>, ReplayFailed> {
    let checker = ledger.checker();
    let height = block.header.height;
    let one = |(index, body): (usize, &Vec<u8>)| {
        let refused = |refusal| ReplayFailed::Transaction { height, index, refusal };
        checker.check_shape(body).map(Verified::vouched).map_err(refused)
    };
    block.bodies.iter().enumerate().map(one).collect()
}
