//! Withholds what others count on, all of it or just the part that hurts.

use super::{Hand, Lie, Said};
use linli_core::message::Message;
use std::sync::Arc;

/// What is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Withheld {
    Everything,
    Votes,
    Proposals,
    Parts,
    Bodies,
    /// Everything that goes to odd numbers.
    OddHalf,
}

/// See the module.
pub(super) struct Silent(Withheld);

impl Silent {
    pub(super) fn new(hand: &mut Hand) -> Self {
        let all = [
            Withheld::Everything,
            Withheld::Votes,
            Withheld::Proposals,
            Withheld::Parts,
            Withheld::Bodies,
            Withheld::OddHalf,
        ];
        Self(*hand.chance.pick(&all).unwrap_or(&Withheld::Everything))
    }
}

impl Lie for Silent {
    fn instead(
        &mut self,
        _hand: &mut Hand,
        to: usize,
        message: &Message,
        bytes: &Arc<[u8]>,
    ) -> Vec<Said> {
        let held = match self.0 {
            Withheld::Everything => true,
            Withheld::Votes => matches!(message, Message::Vote(_)),
            Withheld::Proposals => matches!(message, Message::Proposal(_)),
            Withheld::Parts => matches!(message, Message::Part(_)),
            Withheld::Bodies => matches!(message, Message::Bodies(_) | Message::Transactions(_)),
            Withheld::OddHalf => to % 2 == 1,
        };
        if held { Vec::new() } else { vec![(0, Arc::clone(bytes))] }
    }
}
