//! At equal heights the rows are equal: state, side rows, undo records, blocks, receipts, indexes,
//! log and events, byte for byte.
//!
//! Equal roots in the headers follow from agreement; this law looks at what is really on the disks.

use super::{End, Law, Scene, Sight, Verdict};
use linli_types::id::Digest;
use linli_types::store::Column;

/// What honest validators hold alike. Certificates differ (they gather different votes), and the
/// meta column names them.
const ALIKE: [Column; 8] = [
    Column::State,
    Column::Side,
    Column::Undo,
    Column::Block,
    Column::Receipt,
    Column::Transaction,
    Column::Log,
    Column::Event,
];

/// See the module.
pub(super) struct Roots;

impl Law for Roots {
    fn name(&self) -> &'static str {
        "equal rows"
    }

    fn see(&mut self, _scene: &Scene<'_>, _sight: &Sight<'_>) -> Verdict {
        Ok(())
    }

    fn close(&mut self, _scene: &Scene<'_>, end: &End<'_>) -> Verdict {
        let Some((first, others)) = end.nodes.split_first() else { return Ok(()) };
        for column in ALIKE {
            let wanted = digest(first.disk, column);
            for other in others.iter().filter(|other| other.height == first.height) {
                if digest(other.disk, column) != wanted {
                    return Err(format!(
                        "validators {} and {} differ in the column {} at height {}",
                        first.node,
                        other.node,
                        column.name(),
                        first.height
                    ));
                }
            }
        }
        Ok(())
    }
}

fn digest(disk: &crate::disk::SimDisk, column: Column) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for (key, value) in disk.column(column) {
        hasher.update(&(key.len() as u64).to_le_bytes()).update(&key);
        hasher.update(&(value.len() as u64).to_le_bytes()).update(&value);
    }
    Digest(*hasher.finalize().as_bytes())
}
