//! Proof that a validator signed two different things in one place.

use crate::message::{SignedProposal, SignedVote};
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::id::{ChainId, PublicKey};
use linli_types::signature::Verify;

/// Two signed messages of one validator, of which an honest one signs at most one.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Evidence {
    /// Two votes of one kind for one height and round.
    Votes {
        /// Seen first.
        first: SignedVote,
        /// Seen later.
        second: SignedVote,
    },
    /// Two proposals for one height and round.
    Proposals {
        /// Seen first.
        first: SignedProposal,
        /// Seen later.
        second: SignedProposal,
    },
}

impl Evidence {
    /// Who signed both.
    pub const fn validator(&self) -> PublicKey {
        match self {
            Self::Votes { first, .. } => first.vote.validator,
            Self::Proposals { first, .. } => first.proposal.proposer,
        }
    }

    /// The encoded bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        linli_types::encode(self)
    }

    /// Whether both signatures hold and the two contradict each other.
    pub fn holds(&self, chain: &ChainId, verify: &dyn Verify) -> bool {
        match self {
            Self::Votes { first, second } => {
                let (a, b) = (&first.vote, &second.vote);
                let place = (a.validator, a.height, a.round, a.kind);
                place == (b.validator, b.height, b.round, b.kind)
                    && a.value != b.value
                    && [first, second].iter().all(|v| v.holds(chain, verify))
            }
            Self::Proposals { first, second } => {
                let (a, b) = (&first.proposal, &second.proposal);
                (a.proposer, a.height, a.round) == (b.proposer, b.height, b.round)
                    && a != b
                    && [first, second].iter().all(|p| p.holds(chain, verify))
            }
        }
    }
}
