//! The whole disk of a replica: store and log side by side in one data folder.

use crate::counters::Counters;
use crate::storage::{RocksStore, Wal};
use linli_replica::Disk;
use linli_runtime::Bundle;
use linli_types::store::{Batch, Broken, Column, Read, Row, Store};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A [`RocksStore`] and a [`Wal`].
#[derive(Debug)]
pub struct RocksDisk {
    store: RocksStore,
    wal: Wal,
    /// The data folder, where bundles go.
    folder: PathBuf,
    counters: Arc<Counters>,
}

impl RocksDisk {
    /// Puts the log into the data folder beside an opened store.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the log cannot be read or written, or is damaged.
    pub fn open(store: RocksStore, folder: &Path, counters: Arc<Counters>) -> Result<Self, Broken> {
        let (wal, found) = Wal::open(&folder.join("wal"))?;
        if found.unfinished {
            tracing::warn!("the log ends in an unfinished write; it was never synced");
        }
        let folder = folder.to_path_buf();
        Ok(Self { store, wal, folder, counters })
    }

    /// The store: a cheap clone, for reading.
    pub fn store(&self) -> RocksStore {
        self.store.clone()
    }
}

impl Read for RocksDisk {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        self.store.get(column, key)
    }

    fn scan(
        &self,
        column: Column,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, Broken> {
        self.store.scan(column, from, to, limit)
    }
}

impl Store for RocksDisk {
    fn commit(&mut self, batch: &Batch) -> Result<(), Broken> {
        self.counters.commit_syncs.add(1);
        self.store.commit(batch)
    }
}

impl Disk for RocksDisk {
    fn wal_append(&mut self, record: &[u8]) -> Result<(), Broken> {
        self.wal.append(record)
    }

    fn wal_sync(&mut self) -> Result<(), Broken> {
        self.counters.wal_syncs.add(1);
        self.wal.sync()
    }

    fn wal_reset(&mut self) -> Result<(), Broken> {
        self.wal.reset()
    }

    fn wal_read(&self) -> Result<Vec<Vec<u8>>, Broken> {
        self.wal.read()
    }

    fn keep_bundle(&mut self, bundle: &Bundle) -> Result<String, Broken> {
        let path = self.folder.join(format!("breach-{}.bundle", bundle.block.header.height));
        let kept = File::create(&path).and_then(|mut file| {
            file.write_all(&bundle.to_bytes())?;
            file.sync_all()
        });
        kept.map_err(|why| Broken(format!("cannot write {}: {why}", path.display())))?;
        Ok(path.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Tuning;
    use linli_replica::contract::{self, Crash};
    use tempfile::TempDir;

    struct Folder(TempDir);

    impl Folder {
        fn disk(&self, store: RocksStore) -> RocksDisk {
            RocksDisk::open(store, self.0.path(), Arc::default()).unwrap()
        }
    }

    impl Crash for Folder {
        type Disk = RocksDisk;

        fn open(&mut self) -> RocksDisk {
            let mut genesis = Batch::default();
            genesis.put(Column::Meta, *b"genesis", *b"contract");
            let path = self.0.path().join("db");
            self.disk(RocksStore::create(&path, &genesis, Tuning::default()).unwrap())
        }

        fn crash(&mut self, disk: RocksDisk) -> RocksDisk {
            drop(disk);
            let path = self.0.path().join("db");
            self.disk(RocksStore::open(&path, None, Tuning::default()).unwrap())
        }
    }

    #[test]
    fn the_real_disk_keeps_the_storage_contract() {
        contract::check(&mut Folder(TempDir::new().unwrap()));
    }
}
