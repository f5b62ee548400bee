//! The law of contract code over a whole store.

use super::history::{bytes_of, standing, versions};
use crate::invariant::Invariant;
use crate::stored::META_GENESIS;
use linli_types::digest;
use linli_types::genesis::Genesis;
use linli_types::id::Digest;
use linli_types::store::{Broken, Column, Read};
use std::collections::{BTreeMap, BTreeSet};

/// C1, C3: every room runs its last version, and all code that ran or will begin is there, whole and
/// with its hash.
#[derive(Clone, Copy, Debug)]
pub struct CodeStands;

impl Invariant for CodeStands {
    fn name(&self) -> &'static str {
        "C3 contract code"
    }

    fn breaches(&self, store: &dyn Read) -> Result<Vec<String>, Broken> {
        let Some(genesis) = store.get(Column::Meta, META_GENESIS)? else { return Ok(Vec::new()) };
        let Ok((genesis, _)) = Genesis::from_bytes(&genesis) else { return Ok(Vec::new()) };
        let (standing, mut found) = (standing(store)?, Vec::new());
        let (mut last, mut hashes) = (BTreeMap::new(), BTreeSet::<Digest>::new());
        // By height: a later version replaces an earlier one.
        for (room, hash) in versions(store)?.into_values().flatten() {
            hashes.insert(hash);
            last.insert(room, hash);
        }
        let runs: BTreeMap<String, Digest> =
            standing.runs.into_iter().map(|(room, row)| (room, row.hash)).collect();
        if runs != last {
            found.push("a room runs what is not its last version".to_string());
        }
        for hash in hashes.into_iter().chain(standing.starts) {
            match bytes_of(store, &genesis, &hash) {
                Ok(code) if digest::plain(&code) == hash => {}
                _ => found.push(format!("the code {hash} is not there, or is other code")),
            }
        }
        Ok(found)
    }
}
