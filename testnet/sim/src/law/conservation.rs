//! Money is neither made nor lost: per asset debits equal credits, on the rows of every validator,
//! every few blocks; and every other invariant of the runtime at the end.

use super::{End, Law, Scene, Sight, Verdict};
use linli_runtime::invariant::{self, Conservation as Sums, Invariant};
use linli_types::store::Read;

/// Blocks between two looks at one validator's rows.
const EVERY: u64 = 16;

/// See the module.
pub(super) struct Conservation;

impl Law for Conservation {
    fn name(&self) -> &'static str {
        "conservation"
    }

    fn see(&mut self, _scene: &Scene<'_>, sight: &Sight<'_>) -> Verdict {
        let Sight::Committed { node, block, disk } = sight else { return Ok(()) };
        match block.header.height.0 % EVERY {
            0 => judge(*node, Sums.breaches(*disk as &dyn Read)),
            _ => Ok(()),
        }
    }

    fn close(&mut self, _scene: &Scene<'_>, end: &End<'_>) -> Verdict {
        end.nodes.iter().try_for_each(|last| judge(last.node, invariant::breaches(last.disk)))
    }
}

fn judge(node: usize, breaches: Result<Vec<String>, linli_types::store::Broken>) -> Verdict {
    match breaches {
        Ok(breaches) if breaches.is_empty() => Ok(()),
        Ok(breaches) => Err(format!("validator {node}: {}", breaches.join("; "))),
        Err(broken) => Err(format!("validator {node}: {broken}")),
    }
}
