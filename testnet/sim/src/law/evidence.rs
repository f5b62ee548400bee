//! Every equivocation that reaches an honest validator leaves evidence there, and evidence is
//! never against the honest.
//!
//! "Reaches" means: both votes arrive in one life of the validator, while it decides their height, and
//! it lives to commit that height: whoever dies before may not have read them yet. Validators bring
//! them; what a removed one relays is nobody's word.

use super::sets::Sets;
use super::{End, Law, Scene, Sight, Verdict};
use linli_core::message::{Message, SignedVote};
use linli_types::height::Height;
use linli_types::id::{BlockId, PublicKey};
use std::collections::{BTreeMap, BTreeSet};

/// Who saw it, in which life, whose, at which height, in which round, of which kind.
type Place = (usize, u64, PublicKey, Height, u32, u8);

/// See the module.
#[derive(Default)]
pub(super) struct Seen {
    sets: Sets,
    votes: BTreeMap<Place, Option<BlockId>>,
    /// Who received two votes of whom, at a height that is not committed yet.
    pending: BTreeSet<(usize, PublicKey, Height)>,
    /// Who must have evidence against whom, for which height.
    owed: BTreeSet<(usize, PublicKey, Height)>,
    given: BTreeSet<(usize, PublicKey, Height)>,
}

impl Seen {
    fn receives(&mut self, scene: &Scene<'_>, node: usize, life: u64, signed: &SignedVote) {
        let vote = &signed.vote;
        let has_vote = self.sets.at(scene, vote.height).get(&vote.validator).is_some();
        if !has_vote
            || scene.is_honest(&vote.validator)
            || !signed.holds(&scene.chain, scene.verify)
        {
            return;
        }
        let place = (node, life, vote.validator, vote.height, vote.round, vote.kind as u8);
        if *self.votes.entry(place).or_insert(vote.value) != vote.value {
            self.pending.insert((node, vote.validator, vote.height));
        }
    }
}

impl Law for Seen {
    fn name(&self) -> &'static str {
        "evidence"
    }

    fn see(&mut self, scene: &Scene<'_>, sight: &Sight<'_>) -> Verdict {
        match sight {
            Sight::Opened { node, .. } => {
                self.pending.retain(|(who, ..)| who != node);
                Ok(())
            }
            Sight::Committed { node, block, .. } => {
                let due = |(who, _, at): &_| who == node && *at == block.header.height;
                self.owed.extend(self.pending.iter().filter(|one| due(one)).copied());
                self.sets.see(scene, &block.header)
            }
            Sight::Receives { node, life, from, message: Message::Vote(signed), height } => {
                // A far round may be dropped unread: a bound, not an oversight. So is whatever one
                // brings that is no validator at this height.
                let set = self.sets.at(scene, signed.vote.height);
                let has_say = set.get(&scene.fixture.key_among(*from, set)).is_some();
                let near = signed.vote.round <= 8;
                if near && has_say && signed.vote.height == height.next() {
                    self.receives(scene, *node, *life, signed);
                }
                Ok(())
            }
            Sight::Evidence { node, evidence } => {
                let validator = evidence.validator();
                if scene.is_honest(&validator) {
                    return Err(format!("validator {node} has evidence against an honest one"));
                }
                if !evidence.holds(&scene.chain, scene.verify) {
                    return Err(format!("evidence of validator {node} does not hold"));
                }
                self.given.insert((*node, validator, height_of(evidence)));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn close(&mut self, _scene: &Scene<'_>, _end: &End<'_>) -> Verdict {
        match self.owed.difference(&self.given).next() {
            None => Ok(()),
            Some((node, _, height)) => Err(format!(
                "validator {node} saw two votes of one validator at height {height} and kept \
                 no evidence"
            )),
        }
    }
}

fn height_of(evidence: &linli_core::Evidence) -> Height {
    match evidence {
        linli_core::Evidence::Votes { first, .. } => first.vote.height,
        linli_core::Evidence::Proposals { first, .. } => first.proposal.height,
    }
}
