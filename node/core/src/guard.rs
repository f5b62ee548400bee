//! The second-vote watermark: what this node has signed at the height under way.
//!
//! # Invariants
//!
//! - **C2 one vote.** For each round and kind one value, for each round one proposal. What was
//!   signed before gets its old signature again; anything else is refused.

use crate::message::{Proposal, SignedProposal, SignedVote, Vote};
use linli_types::certificate::VoteKind;
use linli_types::height::Height;
use linli_types::id::{PublicKey, Signature};
use std::collections::BTreeMap;

/// Everything this node has signed at one height.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    me: PublicKey,
    height: Height,
    votes: BTreeMap<(u32, bool), SignedVote>,
    proposals: BTreeMap<u32, SignedProposal>,
}

/// Why nothing is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecondVote(pub(crate) String);

impl Guard {
    pub(crate) const fn new(me: PublicKey, height: Height) -> Self {
        Self { me, height, votes: BTreeMap::new(), proposals: BTreeMap::new() }
    }

    /// Signs `vote`, unless another one was signed in its place.
    pub(crate) fn vote(
        &mut self,
        vote: &Vote,
        sign: impl FnOnce() -> Signature,
    ) -> Result<Signature, SecondVote> {
        self.is_ours(vote.height, &vote.validator)?;
        match self.votes.get(&place(vote)) {
            Some(old) if old.vote == *vote => Ok(old.signature),
            Some(old) => Err(SecondVote(format!(
                "asked to sign a second {:?} at height {} round {}: {:?} after {:?}",
                vote.kind, vote.height, vote.round, vote.value, old.vote.value
            ))),
            None => {
                let signature = sign();
                self.votes.insert(place(vote), SignedVote { vote: *vote, signature });
                Ok(signature)
            }
        }
    }

    /// Signs `proposal`, unless another one was signed in its place.
    pub(crate) fn proposal(
        &mut self,
        proposal: &Proposal,
        sign: impl FnOnce() -> Signature,
    ) -> Result<Signature, SecondVote> {
        self.is_ours(proposal.height, &proposal.proposer)?;
        match self.proposals.get(&proposal.round) {
            Some(old) if old.proposal == *proposal => Ok(old.signature),
            Some(_) => Err(SecondVote(format!(
                "asked to sign a second proposal at height {} round {}",
                proposal.height, proposal.round
            ))),
            None => {
                let signature = sign();
                let signed = SignedProposal { proposal: *proposal, signature };
                self.proposals.insert(proposal.round, signed);
                Ok(signature)
            }
        }
    }

    /// Takes over what the log says was signed.
    pub(crate) fn restore_vote(&mut self, signed: &SignedVote) {
        if signed.vote.validator == self.me && signed.vote.height == self.height {
            self.votes.entry(place(&signed.vote)).or_insert(*signed);
        }
    }

    /// Takes over what the log says was proposed.
    pub(crate) fn restore_proposal(&mut self, signed: &SignedProposal) {
        let proposal = &signed.proposal;
        if proposal.proposer == self.me && proposal.height == self.height {
            self.proposals.entry(proposal.round).or_insert(*signed);
        }
    }

    /// Whether this very vote was signed here.
    pub(crate) fn knows_vote(&self, vote: &Vote) -> bool {
        self.votes.get(&place(vote)).is_some_and(|old| old.vote == *vote)
    }

    /// Whether this very proposal was signed here.
    pub(crate) fn knows_proposal(&self, proposal: &Proposal) -> bool {
        self.proposals.get(&proposal.round).is_some_and(|old| old.proposal == *proposal)
    }

    /// Whether this vote was signed here with this very signature.
    pub(crate) fn signed_vote(&self, signed: &SignedVote) -> bool {
        self.votes.get(&place(&signed.vote)) == Some(signed)
    }

    /// Whether this proposal was signed here with this very signature.
    pub(crate) fn signed_proposal(&self, signed: &SignedProposal) -> bool {
        self.proposals.get(&signed.proposal.round) == Some(signed)
    }

    /// The own proposal of a round.
    pub(crate) fn proposal_of(&self, round: u32) -> Option<&SignedProposal> {
        self.proposals.get(&round)
    }

    fn is_ours(&self, height: Height, signer: &PublicKey) -> Result<(), SecondVote> {
        if height == self.height && *signer == self.me {
            return Ok(());
        }
        Err(SecondVote(format!("asked to sign at height {height} while at {}", self.height)))
    }
}

fn place(vote: &Vote) -> (u32, bool) {
    (vote.round, vote.kind == VoteKind::Precommit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_types::id::BlockId;

    const ME: PublicKey = PublicKey([1; 32]);

    fn vote(value: u8) -> Vote {
        Vote {
            kind: VoteKind::Prevote,
            height: Height(3),
            round: 1,
            value: Some(BlockId([value; 32])),
            validator: ME,
        }
    }

    #[test]
    fn the_same_vote_gets_the_old_signature() {
        let mut guard = Guard::new(ME, Height(3));
        assert_eq!(guard.vote(&vote(1), || Signature([7; 64])), Ok(Signature([7; 64])));
        assert_eq!(guard.vote(&vote(1), || Signature([8; 64])), Ok(Signature([7; 64])));
    }

    #[test]
    fn a_second_vote_is_refused_also_after_a_restart() {
        let mut guard = Guard::new(ME, Height(3));
        let signed = SignedVote { vote: vote(1), signature: Signature([7; 64]) };
        guard.restore_vote(&signed);
        assert!(guard.vote(&vote(2), || Signature([8; 64])).is_err());
        assert!(guard.knows_vote(&vote(1)) && !guard.knows_vote(&vote(2)));
    }

    #[test]
    fn a_second_proposal_is_refused() {
        let mut guard = Guard::new(ME, Height(3));
        let proposal = |block| Proposal {
            height: Height(3),
            round: 0,
            block: BlockId([block; 32]),
            lock_round: None,
            proposer: ME,
        };
        assert!(guard.proposal(&proposal(1), || Signature([7; 64])).is_ok());
        assert!(guard.proposal(&proposal(2), || Signature([7; 64])).is_err());
    }

    #[test]
    fn nothing_is_signed_for_another_height() {
        let mut guard = Guard::new(ME, Height(4));
        assert!(guard.vote(&vote(1), || Signature([7; 64])).is_err());
    }
}
