//! One block per height, and more than two thirds of the power behind each.

use super::sets::Sets;
use super::{Law, Scene, Sight, Verdict};
use linli_replica::CommittedBlock;
use linli_types::certificate::{VoteKind, vote_bytes};
use linli_types::height::Height;
use linli_types::id::{BlockId, PublicKey};
use linli_types::validator::ValidatorSet;
use std::collections::{BTreeMap, BTreeSet};

/// See the module.
#[derive(Default)]
pub(super) struct Agreement {
    sets: Sets,
    blocks: BTreeMap<Height, BlockId>,
}

impl Law for Agreement {
    fn name(&self) -> &'static str {
        "agreement"
    }

    fn see(&mut self, scene: &Scene<'_>, sight: &Sight<'_>) -> Verdict {
        let Sight::Committed { node, block, .. } = sight else { return Ok(()) };
        let height = block.header.height;
        let first = *self.blocks.entry(height).or_insert(block.id);
        if first != block.id {
            return Err(format!(
                "validator {node} committed {:?} at height {height}, another {first:?}",
                block.id
            ));
        }
        if block.header.id() != block.id || block.certificate.block != block.id {
            return Err(format!("validator {node} misnames its block at height {height}"));
        }
        certified(scene, self.sets.at(scene, height), block)?;
        self.sets.see(scene, &block.header)
    }
}

/// The law's own count; the code under test has another.
fn certified(scene: &Scene<'_>, set: &ValidatorSet, block: &CommittedBlock) -> Verdict {
    let certificate = &block.certificate;
    let (height, round) = (certificate.height, certificate.round);
    if height != block.header.height {
        return Err(format!("the certificate of height {} is for {height}", block.header.height));
    }
    let bytes = vote_bytes(&scene.chain, VoteKind::Precommit, height, round, Some(&block.id));
    let mut signers: BTreeSet<PublicKey> = BTreeSet::new();
    for precommit in &certificate.precommits {
        if !scene.verify.verify(&precommit.validator, &bytes, &precommit.signature) {
            return Err(format!("a signature of the certificate of height {height} does not hold"));
        }
        signers.insert(precommit.validator);
    }
    let members = set.members();
    let total: u64 = members.iter().map(|v| v.power).sum();
    let power: u64 = members.iter().filter(|v| signers.contains(&v.key)).map(|v| v.power).sum();
    match power * 3 > total * 2 {
        true => Ok(()),
        false => Err(format!("height {height} was committed on {power} of {total}")),
    }
}
