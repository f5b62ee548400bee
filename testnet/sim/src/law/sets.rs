//! Which set signs which height, by the laws' own books: the run's sets follow each other in the
//! order of its deeds, each from the block after the one whose header announces it.

use super::Scene;
use linli_types::header::Header;
use linli_types::height::Height;
use linli_types::validator::ValidatorSet;
use std::collections::BTreeMap;

/// The books.
#[derive(Default)]
pub(super) struct Sets {
    /// The first height that a set signs, and which set of the run it is.
    since: BTreeMap<Height, usize>,
}

impl Sets {
    /// The set that signs a height, as far as blocks before it were seen.
    pub(super) fn at<'a>(&self, scene: &Scene<'a>, height: Height) -> &'a ValidatorSet {
        let place = self.since.range(..=height).next_back().map_or(0, |(_, place)| *place);
        scene.sets.get(place).unwrap_or(scene.validators)
    }

    /// Takes in a committed header.
    ///
    /// # Errors
    ///
    /// It names other sets than those that the deeds so far give.
    pub(super) fn see(&mut self, scene: &Scene<'_>, header: &Header) -> Result<(), String> {
        let height = header.height;
        let place = self.since.range(..=height).next_back().map_or(0, |(_, place)| *place);
        let set = |place: usize| scene.sets.get(place).map(ValidatorSet::hash);
        if set(place) != Some(header.validators_hash) {
            return Err(format!("the header of height {height} names other validators"));
        }
        if header.next_validators_hash == header.validators_hash {
            return Ok(());
        }
        if set(place + 1) != Some(header.next_validators_hash) {
            return Err(format!("height {height} leaves a set that no deed makes"));
        }
        self.since.insert(height.next(), place + 1);
        Ok(())
    }
}
