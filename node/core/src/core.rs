//! The core itself.

use crate::action::Action;
use crate::config::{Clock, Config, CoreBroken, Crypto, Start};
use crate::input::Input;
use linli_types::id::TxId;

/// One validator's view of the order. See the [crate](crate).
pub struct Core {
    config: Config,
    head: Start,
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
        let _ = (wal_records, clock, crypto);
        Ok((Self { config, head }, Vec::new()))
    }

    /// Takes in one input; returns what to do, in order.
    pub fn step(&mut self, clock: Clock, input: Input, crypto: &mut dyn Crypto) -> Vec<Action> {
        let _ = (clock, input, crypto, &self.config);
        Vec::new()
    }

    /// The last committed block.
    pub const fn head(&self) -> &Start {
        &self.head
    }

    /// Whether a proposal of the height under way waits for this body.
    pub fn wants(&self, id: &TxId) -> bool {
        let _ = id;
        false
    }

    /// The round under way; `None` between heights.
    pub fn round(&self) -> Option<u32> {
        None
    }

    /// Transactions in the pool.
    pub fn pool_len(&self) -> usize {
        0
    }

    /// Bytes of the transactions in the pool.
    pub fn pool_bytes(&self) -> usize {
        0
    }

    /// Whether peers are known to be ahead.
    pub fn is_catching_up(&self) -> bool {
        false
    }
}
