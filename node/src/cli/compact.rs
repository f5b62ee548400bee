//! `linli compact`: what was deleted or replaced in a stopped node's database leaves the disk too.
//!
//! The database keeps old rows in its files until it happens to rewrite them. What a node holds of
//! the ledger stays the same, row for row.

use super::store::{DB, chain, unopened};
use super::{Failure, Output, machine};
use crate::storage::{RocksStore, Tuning};
use crate::words::words;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Rewrites a node's database.
#[derive(clap::Args)]
pub(super) struct Compact {
    /// The node's data folder.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

impl Compact {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let (_, chain, _) = chain(&self.data)?;
        let path = self.data.join(DB);
        let before = bytes(&path);
        let store = RocksStore::open(&path, Some(chain), Tuning::default())
            .map_err(|why| unopened(&path, &why))?;
        store.compact().map_err(|why| machine(&why))?;
        drop(store);
        let after = bytes(&path);
        out.answer(
            &json!({ "bytes_before": before, "bytes_after": after }),
            &words!(
                "数据库已整理：{before} 字节 → {after} 字节",
                "the database is rewritten: {before} bytes → {after} bytes"
            ),
        );
        Ok(())
    }
}

/// Bytes of the files of a folder, for showing.
fn bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
}
