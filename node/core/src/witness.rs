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
