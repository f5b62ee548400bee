//! No honest validator says that an honest one lied: loss, repetition and reorder look like no lie.

use super::{Law, Scene, Sight, Verdict};

/// See the module.
pub(super) struct Slander;

impl Law for Slander {
    fn name(&self) -> &'static str {
        "no slander"
    }

    fn see(&mut self, scene: &Scene<'_>, sight: &Sight<'_>) -> Verdict {
        let Sight::Accuses { node, peer, why } = sight else { return Ok(()) };
        match scene.plan.sin(*peer) {
            Some(_) => Ok(()),
            None => Err(format!("validator {node} says that validator {peer} lied: {why}")),
        }
    }
}
