//! What a core asks for.

use crate::evidence::Evidence;
use linli_types::certificate::Certificate;
use linli_types::code::Code;
use linli_types::header::Header;
use linli_types::height::{Height, TimeMs};
use linli_types::id::{BlockId, BodyId, PublicKey};
use std::sync::Arc;

/// One thing to do. A list of actions is performed first to last; the order is a promise (C1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Append a record to the log.
    WalAppend(Vec<u8>),
    /// Append the record [`crate::wal::bodies_record`] makes of these bodies: a block that this
    /// node may vote for must be executable after all nodes lost their memory at once.
    WalBodies {
        /// The height under way.
        height: Height,
        /// The block's transactions, in order; all are at hand.
        ids: Vec<BodyId>,
    },
    /// Return only once every appended record is durable.
    WalSync,
    /// Forget every record: their height is committed.
    WalReset,
    /// Send one message to one member, if connected.
    Send {
        /// To whom.
        to: PublicKey,
        /// The message.
        bytes: Arc<[u8]>,
    },
    /// Send one message to every connected member.
    Broadcast {
        /// The message.
        bytes: Arc<[u8]>,
    },
    /// Come back with [`crate::Input::Woken`] at this time. Replaces the one before.
    WakeAt {
        /// Milliseconds of the monotonic clock.
        mono_ms: u64,
    },
    /// Build and execute the next block from these transactions; leave out what does not fit or
    /// is invalid. Answer: [`crate::Input::Built`].
    Build {
        /// The block's height.
        height: Height,
        /// The round it is for.
        round: u32,
        /// The block's time.
        time: TimeMs,
        /// Candidates, in order; empty when the block must be.
        transactions: Vec<BodyId>,
        /// The header's flags.
        flags: u16,
    },
    /// Execute a proposed block and compare every field of its header. All bodies are at hand.
    /// Answer: [`crate::Input::Executed`].
    Execute {
        /// As proposed.
        header: Header,
        /// Its transactions, in order.
        transactions: Vec<BodyId>,
    },
    /// Execute a certified block of a peer. The certificate was checked and is over this header;
    /// the bodies were not. Answer: [`crate::Input::ExecutedSynced`].
    ExecuteSynced {
        /// The certified header.
        header: Header,
        /// Encoded signed transactions, in order.
        bodies: Vec<Vec<u8>>,
        /// Over the header.
        certificate: Certificate,
    },
    /// Make a block durable that was executed before. Answer: [`crate::Input::Committed`].
    Commit {
        /// The block.
        block: BlockId,
        /// Why it is final.
        certificate: Certificate,
    },
    /// Check and verify transactions of a peer, or (`from: None`) of the own log; keep each body
    /// that holds and come back with [`crate::Input::Offer`] or [`crate::Input::Held`].
    CheckBodies {
        /// Who sent them.
        from: Option<PublicKey>,
        /// Encoded signed transactions.
        bodies: Vec<Vec<u8>>,
    },
    /// Send these bodies, as far as they are at hand: [`crate::message::bodies`].
    SendBodies {
        /// To whom.
        to: PublicKey,
        /// Which.
        ids: Vec<BodyId>,
    },
    /// Send committed blocks from this height on: [`crate::message::blocks`].
    SendBlocks {
        /// To whom.
        to: PublicKey,
        /// The first block asked for.
        from: Height,
    },
    /// The offered transaction waits in the pool.
    Pooled {
        /// Which.
        id: BodyId,
        /// Whether it did not before: then the others must hear of it.
        is_new: bool,
    },
    /// The pool does not take the offered transaction. Its body is dropped by a
    /// [`Action::Drop`] of its own, unless a proposal needs it.
    PoolRefused {
        /// Which.
        id: BodyId,
        /// Why: [`Code::Busy`] or [`Code::IdConflict`].
        code: Code,
    },
    /// These bodies are no longer needed.
    Drop {
        /// Which.
        ids: Vec<BodyId>,
    },
    /// A peer lied: drop it, count it, keep it away for a while.
    Fault {
        /// Who.
        peer: PublicKey,
        /// Why, for the log.
        why: &'static str,
    },
    /// A validator signed two different things.
    Evidence(Evidence),
    /// This node is damaged or not alone: stop with exit 3. Nothing follows.
    Halt {
        /// Why, for a person.
        why: String,
    },
}
