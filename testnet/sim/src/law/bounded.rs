//! Pool and bodies at hand stay within their bounds.

use super::{Law, Scene, Sight, Verdict};
use linli_types::limits;

/// See the module.
pub(super) struct Bounded;

impl Law for Bounded {
    fn name(&self) -> &'static str {
        "bounded memory"
    }

    fn see(&mut self, scene: &Scene<'_>, sight: &Sight<'_>) -> Verdict {
        let Sight::Holds { node, pool, bodies } = sight else { return Ok(()) };
        let pool_max = scene.plan.pool.transactions;
        if *pool > pool_max {
            return Err(format!("validator {node} holds {pool} in a pool of {pool_max}"));
        }
        // Besides the pool's: those of one proposal, and as many again on their way out.
        let bodies_max = pool_max + 2 * limits::BLOCK_TRANSACTIONS_MAX;
        match *bodies > bodies_max {
            true => Err(format!("validator {node} holds {bodies} bodies; at most {bodies_max}")),
            false => Ok(()),
        }
    }
}
