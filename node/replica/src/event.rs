//! What can happen to a replica, and what it asks for.

use linli_runtime::Outdated;
use linli_runtime::verified::Verified;
use linli_types::certificate::Certificate;
use linli_types::code::Code;
use linli_types::header::Header;
use linli_types::height::Height;
use linli_types::id::{BlockId, PublicKey, TxId};
use linli_types::receipt::{Receipt, Refusal};
use std::sync::Arc;

/// The caller's name for one submission; the answer carries it back.
pub type Ticket = u64;

/// Everything that can happen.
#[derive(Clone, Debug)]
pub enum Event {
    /// The time of an [`Effect::WakeAt`] has come.
    Woken,
    /// A member's connection stands.
    Connected(PublicKey),
    /// A member's connection is gone.
    Disconnected(PublicKey),
    /// A member sent one message.
    Received {
        /// Who: proved by the transport.
        from: PublicKey,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Local clients handed in transactions, checked and verified.
    Submitted(Vec<(Ticket, Verified)>),
    /// The answer to [`Effect::Check`]: the bodies that held.
    Checked {
        /// Who sent the bodies.
        from: PublicKey,
        /// Those that held.
        transactions: Vec<Verified>,
    },
    /// The disk fell below its reserve (`false`), or has room again.
    Accepting(bool),
}

/// What became of a local submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It waits in the pool.
    Pooled,
    /// These very bytes are in a block already, at this height and place among its receipts.
    Exists {
        /// The block.
        height: Height,
        /// The receipt's place.
        index: u32,
    },
    /// Refused; nothing was recorded.
    Refused(Refusal),
}

impl From<Code> for Submitted {
    fn from(code: Code) -> Self {
        Self::Refused(code.refuse([]))
    }
}

/// A block that is durable.
#[derive(Clone, Debug)]
pub struct CommittedBlock {
    /// Its header.
    pub header: Header,
    /// Its id.
    pub id: BlockId,
    /// Why it is final.
    pub certificate: Certificate,
    /// Fired timers first, then transactions.
    pub receipts: Vec<Receipt>,
    /// Its transactions, in order.
    pub transactions: Vec<TxId>,
}

/// What a replica asks for; performed first to last.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Send to one member, if connected.
    Send {
        /// To whom.
        to: PublicKey,
        /// One message.
        bytes: Arc<[u8]>,
    },
    /// Send to every connected member.
    Broadcast {
        /// One message.
        bytes: Arc<[u8]>,
    },
    /// Come back with [`Event::Woken`] at this monotonic time; a later one replaces it.
    WakeAt {
        /// Milliseconds of the monotonic clock.
        mono_ms: u64,
    },
    /// Check and verify these bodies aside; come back with [`Event::Checked`].
    Check {
        /// Who sent them.
        from: PublicKey,
        /// Encoded signed transactions.
        bodies: Vec<Vec<u8>>,
    },
    /// Answer a local client.
    Answer {
        /// Which submission.
        ticket: Ticket,
        /// What became of it.
        answer: Submitted,
    },
    /// A block is durable.
    Committed(Arc<CommittedBlock>),
    /// From the next height on the chain follows rules that this binary lacks: end after these
    /// effects, and let a newer one go on (R5).
    Outdated(Outdated),
    /// A member lied: drop it, count it, keep it away for a while.
    Fault {
        /// Who.
        peer: PublicKey,
        /// Why, for the log.
        why: String,
    },
    /// A validator signed two different things; encoded evidence for the log and the auditors.
    Evidence {
        /// Who.
        validator: PublicKey,
        /// borsh bytes of the two signed messages.
        bytes: Vec<u8>,
    },
}
