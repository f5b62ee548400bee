//! After everything is mended every honest validator commits a new block within ten block times,
//! all come to one height, and every client learns what became of each of its deeds.
//!
//! A block time is what the three waits of one round may take, in the latest round that an honest
//! validator was in when everything was mended: waits grow with the round, on purpose.

use super::{End, Law, Scene, Sight, Verdict};
use std::collections::BTreeMap;

/// Block times until the chain must have gone on.
pub(super) const BLOCK_TIMES_MAX: u64 = 10;

/// See the module.
#[derive(Default)]
pub(super) struct Liveness {
    /// First commit of each validator after the mending.
    first_ms: BTreeMap<usize, u64>,
}

impl Law for Liveness {
    fn name(&self) -> &'static str {
        "liveness"
    }

    fn see(&mut self, scene: &Scene<'_>, sight: &Sight<'_>) -> Verdict {
        if let Sight::Committed { node, .. } = sight
            && scene.now_ms >= scene.plan.mended_ms
        {
            self.first_ms.entry(*node).or_insert(scene.now_ms);
        }
        Ok(())
    }

    fn close(&mut self, scene: &Scene<'_>, end: &End<'_>) -> Verdict {
        let latest_ms = end.mended_ms + end.block_time_ms * BLOCK_TIMES_MAX;
        for last in end.nodes.iter().filter(|last| last.stood) {
            match self.first_ms.get(&last.node) {
                Some(first_ms) if *first_ms <= latest_ms => {}
                Some(first_ms) => {
                    return Err(format!(
                        "validator {} committed its first block {} ms after the mending",
                        last.node,
                        first_ms - end.mended_ms
                    ));
                }
                None => return Err(format!("validator {} commits no more", last.node)),
            }
        }
        let heights: Vec<_> = end.nodes.iter().map(|last| (last.node, last.height.0)).collect();
        if heights.windows(2).any(|pair| matches!(pair, [(_, a), (_, b)] if a != b)) {
            return Err(format!("at rest the validators stand at different heights: {heights:?}"));
        }
        match scene.clients.open() {
            0 => Ok(()),
            open => Err(format!("{open} deeds have no definite end")),
        }
    }
}
