//! No honest validator signs two different things in one place, also not across restarts.

use super::{Law, Scene, Sight, Verdict};
use linli_core::message::Message;
use linli_types::height::Height;
use linli_types::id::BlockId;
use std::collections::BTreeMap;

/// Who, at which height, in which round, and what: 0 prevote, 1 precommit, 2 proposal.
type Place = (usize, Height, u32, u8);

/// See the module.
#[derive(Default)]
pub(super) struct OneVote {
    signed: BTreeMap<Place, Option<BlockId>>,
}

impl Law for OneVote {
    fn name(&self) -> &'static str {
        "one vote"
    }

    fn see(&mut self, scene: &Scene<'_>, sight: &Sight<'_>) -> Verdict {
        let Sight::Sends { node, message, .. } = sight else { return Ok(()) };
        let own = |key| scene.fixture.number(key) == Some(*node);
        let (place, value) = match message {
            Message::Vote(signed) if own(&signed.vote.validator) => {
                let vote = &signed.vote;
                ((*node, vote.height, vote.round, vote.kind as u8), vote.value)
            }
            Message::Proposal(signed) if own(&signed.proposal.proposer) => {
                let proposal = &signed.proposal;
                ((*node, proposal.height, proposal.round, 2), Some(proposal.block))
            }
            _ => return Ok(()),
        };
        match *self.signed.entry(place).or_insert(value) == value {
            true => Ok(()),
            false => Err(format!(
                "validator {node} signed two {} at height {} round {}",
                ["prevotes", "precommits", "proposals"].get(usize::from(place.3)).unwrap_or(&""),
                place.1,
                place.2
            )),
        }
    }
}
