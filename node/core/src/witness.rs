//! Everything that validators verifiably signed at the height under way.
//!
//! # Invariants
//!
//! - **C7 seen.** The second, different signature in one place gives evidence, at most
//!   [`EVIDENCE_MAX`] times per validator and height.
//! - **C5 bounded.** Consensus drops votes far ahead of the round before they are verified, so a
//!   validator has a place per kind and round near the present, and no more.

use crate::evidence::Evidence;
use crate::message::{Proposal, SignedProposal, SignedVote};
use linli_types::certificate::VoteKind;
use linli_types::id::{BlockId, PublicKey};
use linli_types::planted::{self, Bug};
use linli_types::validator::ValidatorSet;
use std::collections::{BTreeMap, BTreeSet};

/// Pairs reported per validator and height: one proves it, a few show the pattern.
const EVIDENCE_MAX: u8 = 3;

/// Verified votes and proposals of one height.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witness {
    votes: BTreeMap<(u32, bool, PublicKey), SignedVote>,
    proposals: BTreeMap<(u32, PublicKey), SignedProposal>,
    reported: BTreeMap<PublicKey, u8>,
    /// Blocks that a verified certificate of prevotes names.
    certified: BTreeSet<BlockId>,
}

impl Witness {
    /// Takes in a verified vote.
    pub(crate) fn vote(&mut self, signed: SignedVote) -> Option<Evidence> {
        let vote = &signed.vote;
        let place = (vote.round, vote.kind == VoteKind::Precommit, vote.validator);
        let first = *self.votes.entry(place).or_insert(signed);
        (first.vote.value != vote.value && self.may_report(vote.validator))
            .then_some(Evidence::Votes { first, second: signed })
    }

    /// Takes in a verified certificate of prevotes for a block. Its votes alone would not do: of a
    /// validator that signed twice the first vote is kept, and whoever locked on the block may have
    /// counted the second. Without this a block that others locked on would never be voted for here.
    pub(crate) fn certificate(&mut self, block: BlockId) {
        self.certified.insert(block);
    }

    /// Takes in a verified proposal.
    pub(crate) fn proposal(&mut self, signed: SignedProposal) -> Option<Evidence> {
        let proposal = &signed.proposal;
        let place = (proposal.round, proposal.proposer);
        let first = *self.proposals.entry(place).or_insert(signed);
        (first.proposal != *proposal && self.may_report(proposal.proposer))
            .then_some(Evidence::Proposals { first, second: signed })
    }

    fn may_report(&mut self, validator: PublicKey) -> bool {
        if planted::is(Bug::EvidenceDropped) {
            return false;
        }
        let count = self.reported.entry(validator).or_insert(0);
        *count = count.saturating_add(1);
        *count <= EVIDENCE_MAX
    }

    /// The proposals that name this block, lowest round first.
    pub(crate) fn proposals_of<'a>(
        &'a self,
        block: &'a BlockId,
    ) -> impl Iterator<Item = &'a Proposal> {
        self.proposals.values().map(|p| &p.proposal).filter(move |p| p.block == *block)
    }

    /// The first round in which a proposal names this block, or else a vote.
    pub(crate) fn round_of(&self, block: &BlockId) -> Option<u32> {
        let voted = || {
            let names = |v: &&SignedVote| v.vote.value == Some(*block);
            self.votes.values().find(names).map(|v| v.vote.round)
        };
        self.proposals_of(block).next().map(|p| p.round).or_else(voted)
    }

    /// The proposals of one round.
    pub(crate) fn proposals_in(&self, round: u32) -> impl Iterator<Item = &SignedProposal> {
        self.proposals
            .range((round, PublicKey([0; 32]))..=(round, PublicKey([255; 32])))
            .map(|p| p.1)
    }

    /// Votes from round `from` on.
    pub(crate) fn votes_from(&self, from: u32) -> impl Iterator<Item = &SignedVote> {
        self.votes.range((from, false, PublicKey([0; 32]))..).map(|v| v.1)
    }

    /// Whether a quorum prevoted, or precommitted, for the block in one round: others' clocks and
    /// executions found it good.
    pub(crate) fn has_quorum(&self, block: &BlockId, validators: &ValidatorSet) -> bool {
        if self.certified.contains(block) {
            return true;
        }
        let mut power: BTreeMap<(u32, bool), u64> = BTreeMap::new();
        for ((round, precommit, validator), signed) in &self.votes {
            if signed.vote.value == Some(*block) {
                let member = validators.get(validator).map_or(0, |v| v.power);
                *power.entry((*round, *precommit)).or_insert(0) += member;
            }
        }
        power.values().any(|power| validators.is_quorum(*power))
    }

    /// Whether more than a third of the power prevoted for no block in `round`.
    pub(crate) fn was_turned_down(&self, round: u32, validators: &ValidatorSet) -> bool {
        let nil = |v: &&SignedVote| {
            v.vote.round == round && v.vote.kind == VoteKind::Prevote && v.vote.value.is_none()
        };
        let voters: BTreeSet<PublicKey> =
            self.votes.values().filter(nil).map(|v| v.vote.validator).collect();
        let power: u64 = voters.iter().filter_map(|key| validators.get(key)).map(|v| v.power).sum();
        power * 3 > validators.total_power()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Vote;
    use linli_types::height::Height;
    use linli_types::id::Signature;
    use linli_types::validator::{OrgKind, Validator};

    fn set() -> ValidatorSet {
        let kinds = [OrgKind::District, OrgKind::Operator, OrgKind::Operator, OrgKind::Fund];
        let one = |(n, (power, kind)): (u8, (u64, OrgKind))| Validator {
            key: PublicKey([n; 32]),
            network_key: PublicKey([n + 10; 32]),
            power,
            org: u32::from(n),
            kind,
            name: format!("v{n}"),
        };
        let seats = (1_u8..).zip([3, 2, 2, 3].into_iter().zip(kinds));
        ValidatorSet::new(seats.map(one).collect()).unwrap()
    }

    fn prevote(n: u8, value: Option<BlockId>) -> SignedVote {
        let (height, validator) = (Height(8), PublicKey([n; 32]));
        let vote = Vote { kind: VoteKind::Prevote, height, round: 0, value, validator };
        SignedVote { vote, signature: Signature([n; 64]) }
    }

    /// Seed 670: the liar told this node "none", and those who locked "this block".
    #[test]
    fn a_certificate_counts_although_one_of_its_signers_said_otherwise_before() {
        let (mut witness, set, block) = (Witness::default(), set(), BlockId([7; 32]));
        assert_eq!(witness.vote(prevote(1, None)), None);
        let all = [1, 2, 4].map(|n| prevote(n, Some(block)));
        let evidence = all.map(|vote| witness.vote(vote).is_some());
        assert_eq!(evidence, [true, false, false]);
        assert!(!witness.has_quorum(&block, &set), "the votes alone do not do");
        witness.certificate(block);
        assert!(witness.has_quorum(&block, &set));
        assert!(!witness.has_quorum(&BlockId([8; 32]), &set));
    }
}
