//! Everything that can happen to a core.

use crate::config::Start;
use linli_types::header::Header;
use linli_types::height::{Height, TimeMs};
use linli_types::id::{BlockId, BodyId, PrincipalId, PublicKey, TxKey};

/// What the pool must know of a transaction that was checked, verified and admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolEntry {
    /// Its id.
    pub id: BodyId,
    /// Who sent it.
    pub sender: PrincipalId,
    /// The sender's once-only key.
    pub key: TxKey,
    /// The sender's organisation; 0 for none.
    pub org: u32,
    /// The last block time at which it may be executed.
    pub valid_until: TimeMs,
    /// Bytes of its envelope.
    pub bytes: usize,
}

/// A transaction of a committed block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Included {
    /// Its body.
    pub id: BodyId,
    /// Who sent it.
    pub sender: PrincipalId,
    /// The sender's key, which no other transaction may use now.
    pub key: TxKey,
}

/// What came of a certified block of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncVerdict {
    /// Every field of the header came out as certified.
    Valid,
    /// The bodies are not those that the header covers: the peer lied.
    OtherBodies,
    /// The bodies are the header's, and execution gives another result: this node is damaged.
    Differs,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "few wait at a time, and none for long")]
pub enum Input {
    /// The time of an [`crate::Action::WakeAt`] has come. Early or needless ones do no harm.
    Woken,
    /// A member's connection stands.
    Connected {
        /// Its consensus key.
        peer: PublicKey,
    },
    /// A member's connection is gone.
    Disconnected {
        /// Its consensus key.
        peer: PublicKey,
    },
    /// A member sent one message.
    Received {
        /// Who, proved by the transport.
        from: PublicKey,
        /// The message, unchecked.
        bytes: Vec<u8>,
    },
    /// A transaction that may enter a block; its body is at hand. Answered in the same step by
    /// [`crate::Action::Pooled`] or [`crate::Action::PoolRefused`].
    Offer {
        /// The transaction.
        entry: PoolEntry,
    },
    /// Bodies are at hand that must not enter the pool (admission refused them); a proposal may
    /// still name them. What no proposal needs comes back as [`crate::Action::Drop`].
    Held {
        /// Their ids.
        ids: Vec<BodyId>,
    },
    /// When the earliest timer makes a block due. After every commit and at the start.
    NextTimer {
        /// Block time; `None` if no timer is set.
        at: Option<TimeMs>,
    },
    /// The answer to [`crate::Action::Build`]: a block that is executed already.
    Built {
        /// As asked.
        height: Height,
        /// As asked.
        round: u32,
        /// The block's header.
        header: Header,
        /// Its transactions, in order.
        transactions: Vec<BodyId>,
    },
    /// The answer to [`crate::Action::Execute`].
    Executed {
        /// The block.
        block: BlockId,
        /// Whether every field of the header came out as proposed.
        valid: bool,
    },
    /// The answer to [`crate::Action::ExecuteSynced`].
    ExecutedSynced {
        /// The block.
        block: BlockId,
        /// What came of it.
        verdict: SyncVerdict,
    },
    /// The answer to [`crate::Action::Commit`]: the height is durable.
    Committed {
        /// The new head.
        head: Start,
        /// When the earliest timer makes a block due.
        next_timer: Option<TimeMs>,
        /// The block's transactions.
        included: Vec<Included>,
    },
}
