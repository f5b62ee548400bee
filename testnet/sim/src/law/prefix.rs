//! Every validator commits the chain's blocks one after the other, and a restart takes none back.

use super::{Law, Scene, Sight, Verdict};
use linli_types::height::Height;
use linli_types::id::BlockId;
use std::collections::BTreeMap;

/// See the module.
#[derive(Default)]
pub(super) struct Prefix {
    heads: BTreeMap<usize, (Height, BlockId)>,
}

impl Law for Prefix {
    fn name(&self) -> &'static str {
        "prefix"
    }

    fn see(&mut self, _scene: &Scene<'_>, sight: &Sight<'_>) -> Verdict {
        match sight {
            Sight::Opened { node, height, block } => {
                let head = *self.heads.entry(*node).or_insert((*height, *block));
                // A crash inside a commit may leave one block that was never reported.
                let same = head == (*height, *block);
                if !same && *height <= head.0 {
                    return Err(format!(
                        "validator {node} committed height {} and came back at {height}",
                        head.0
                    ));
                }
                self.heads.insert(*node, (*height, *block));
                Ok(())
            }
            Sight::Committed { node, block, .. } => {
                let header = &block.header;
                let before = self.heads.insert(*node, (header.height, block.id));
                match before {
                    Some((height, id)) if height.next() == header.height && id == header.parent => {
                        Ok(())
                    }
                    _ => Err(format!(
                        "validator {node} committed height {} after {before:?}",
                        header.height
                    )),
                }
            }
            _ => Ok(()),
        }
    }
}
