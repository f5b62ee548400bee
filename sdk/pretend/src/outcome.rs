//! How a transaction or a timer ended.

use linli_types::code::Code;
use linli_types::receipt::{self, Event, Receipt, Refusal};
use prost::Message;

/// How a transaction or a timer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took effect.
    Done(Receipt),
    /// It stands in a block, and nothing of it but the refusal.
    Refused(Refusal),
    /// It came into no block: its shape, its sender or its key.
    TurnedAway(Refusal),
}

impl From<Receipt> for Outcome {
    fn from(receipt: Receipt) -> Self {
        match receipt.outcome {
            receipt::Outcome::Done => Self::Done(receipt),
            receipt::Outcome::Refused { refusal, .. } => Self::Refused(refusal),
        }
    }
}

impl Outcome {
    /// Whether it took effect.
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    /// The result of the last call as a message, if all is done.
    pub fn result<M: Message + Default>(&self) -> Option<M> {
        match self {
            Self::Done(receipt) => M::decode(receipt.results.last()?.as_slice()).ok(),
            _ => None,
        }
    }

    /// The events of a room, in order; none if it was refused.
    pub fn events(&self, room: &str) -> Vec<&Event> {
        match self {
            Self::Done(receipt) => receipt.events.iter().filter(|e| e.room == room).collect(),
            _ => Vec::new(),
        }
    }

    /// Why not, if it was refused or turned away.
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Done(_) => None,
            Self::Refused(refusal) | Self::TurnedAway(refusal) => Some(refusal),
        }
    }

    /// The code, if a native rule refused it.
    pub fn native(&self) -> Option<Code> {
        let refusal = self.refusal().filter(|refusal| refusal.room.is_empty())?;
        Code::from_number(refusal.code)
    }

    /// Whether the contract of a room refused it with this code of its schema.
    pub fn refused_by(&self, room: &str, code: impl linli_contract::Code) -> bool {
        let number = code.number();
        self.refusal()
            .is_some_and(|refusal| (refusal.room.as_str(), refusal.code) == (room, number))
    }
}
