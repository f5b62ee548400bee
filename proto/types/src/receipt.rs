//! What became of a transaction.
//!
//! A refusal by the rules is a result: recorded and provable. Text for people is rendered at the
//! edge and never hashed; the receipt holds a stable code and typed parameters.

use crate::digest::{self, Domain};
use crate::id::{Digest, PrincipalId, TimerId, TxId};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;

/// What the receipt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Cause {
    /// A transaction.
    Transaction(TxId),
    /// A timer that fell due.
    Timer(TimerId),
}

/// A typed parameter of a refusal, for texts such as "{0} does not cover {1}".
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Param {
    /// A number.
    Number(u64),
    /// Bytes, shown in hexadecimal.
    Bytes(Vec<u8>),
    /// A word: a room, a method, a field. Never text that a user typed.
    Word(String),
}

impl fmt::Display for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(n) => n.fmt(f),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::Word(word) => f.write_str(word),
        }
    }
}

/// The rules said no.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Refusal {
    /// The contract whose code this is; empty for a native code ([`crate::code`]).
    pub room: String,
    /// The stable code.
    pub code: u32,
    /// Parameters of the code's text.
    pub params: Vec<Param>,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Outcome {
    /// All calls took effect.
    Done,
    /// Nothing took effect.
    Refused {
        /// Which call was refused, from 0; `u16::MAX` if the transaction as a whole was.
        call: u16,
        /// Why.
        refusal: Refusal,
    },
}

/// Something a room wants known.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Event {
    /// The room that says it.
    pub room: String,
    /// Full name of the event's message in the room's schema.
    pub kind: String,
    /// Whom it concerns: readers filter by it, and a person reads only what concerns them.
    pub about: Vec<PrincipalId>,
    /// The protobuf message.
    pub data: Vec<u8>,
}

/// What became of one transaction or one timer.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Receipt {
    /// What it is for.
    pub cause: Cause,
    /// How it ended.
    pub outcome: Outcome,
    /// Fuel used.
    pub fuel: u64,
    /// Results of the calls, in order; empty when refused. Protobuf messages.
    pub results: Vec<Vec<u8>>,
    /// Events, in order; empty when refused.
    pub events: Vec<Event>,
    /// Leaves that the evidence log gained: first index and how many.
    pub log_leaves: (u64, u32),
}

impl Receipt {
    /// The leaf of the receipts tree.
    pub fn leaf(&self) -> Digest {
        digest::hash(Domain::ReceiptLeaf, &[&crate::encode(self)])
    }

    /// Whether all calls took effect.
    pub const fn is_done(&self) -> bool {
        matches!(self.outcome, Outcome::Done)
    }
}
