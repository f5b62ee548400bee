//! The law of the sets over a whole store.

use super::{changes, genesis, load};
use crate::invariant::Invariant;
use crate::stored::{load_block, load_head};
use linli_types::height::Height;
use linli_types::store::{Broken, Read};
use std::collections::BTreeSet;

/// G5, G6: names and network keys stand once in each set, the last change is the set of the next
/// block, and the headers around each change name the two sets.
#[derive(Clone, Copy, Debug)]
pub struct SetsFollow;

impl Invariant for SetsFollow {
    fn name(&self) -> &'static str {
        "G6 validator sets"
    }

    fn breaches(&self, store: &dyn Read) -> Result<Vec<String>, Broken> {
        let Some(head) = load_head(store)? else { return Ok(Vec::new()) };
        let changes = changes(store, Height(u64::MAX))?;
        let mut found = Vec::new();
        if load(store)?.as_ref() != changes.last().map(|(_, set)| set) {
            found.push("the last change is not the set of the next block".to_string()); // G6
        }
        let mut before = genesis(store)?.validators;
        for (height, set) in changes {
            let names: BTreeSet<_> = set.members().iter().map(|member| &member.name).collect();
            let keys: BTreeSet<_> = set.members().iter().map(|member| member.network_key).collect();
            if names.len() != set.members().len() || keys.len() != set.members().len() {
                found.push(format!("height {height} left a name or a network key twice")); // G5
            }
            let header = load_block(store, height)?.map(|block| block.header);
            let hashes = header.map(|header| (header.validators_hash, header.next_validators_hash));
            if height > head.height || hashes != Some((before.hash(), set.hash())) {
                found.push(format!("the header of height {height} names other validators")); // G6
            }
            before = set;
        }
        Ok(found)
    }
}
