//! The store on RocksDB: one column family per column, one synced write batch per height.
//!
//! # Invariants
//!
//! - **K1 whole.** A batch is on the disk, all of it, before [`Store::commit`] returns (design D3).
//! - **K2 ours.** A folder of another chain or of an unknown format is refused before anything
//!   is written.
//! - **K3 bounded.** Memory is the block cache and the write buffers of [`Tuning`]; files and
//!   threads are counted there too.
//! - **K4 only looking.** A store opened to be read is not changed by that in a single file, and no
//!   node runs on it meanwhile.

use linli_types::digest;
use linli_types::id::ChainId;
use linli_types::store::{Batch, Broken, Column, Read, Row, Store};
use rocksdb::{
    BlockBasedOptions, BottommostLevelCompaction, Cache, ColumnFamily, ColumnFamilyDescriptor,
    CompactOptions, DB, DBCompressionType, DBRecoveryMode, Direction, ErrorKind, IteratorMode,
    LogLevel, Options, ReadOptions, WriteBatch, WriteOptions,
};
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;

/// The layout on disk that this code reads and writes.
const FORMAT: u32 = 1;
/// Row of [`Column::Meta`] that holds [`FORMAT`], little-endian.
const FORMAT_ROW: &[u8] = b"store-format";
/// Row of [`Column::Meta`] that holds the genesis file.
const GENESIS_ROW: &[u8] = b"genesis";
/// The file in the folder that says who is at work there, besides the one that RocksDB has for
/// those who write: whoever reads shares it.
const LOCK_FILE: &str = "linli.lock";
/// Bits per key of a bloom filter: one false positive in a hundred.
const BLOOM_BITS: f64 = 10.0;

/// How much memory the store may take, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// Blocks, indexes and filters kept in memory, over all columns.
    pub cache_bytes: usize,
    /// Write buffers, over all columns.
    pub write_buffer_bytes: usize,
    /// Files held open.
    pub open_files_max: i32,
    /// Threads for flushing and compaction.
    pub jobs_max: i32,
}

impl Default for Tuning {
    fn default() -> Self {
        let mib = 1024 * 1024;
        Self {
            cache_bytes: 64 * mib,
            write_buffer_bytes: 96 * mib,
            open_files_max: 512,
            jobs_max: 2,
        }
    }
}

/// Why a data folder cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("another process is at work on {0}; stop it first")]
    InUse(String),
    /// There is no chain in it.
    #[error("{0} holds no chain; make one with `linli init`")]
    Missing(String),
    /// There is a chain in it already.
    #[error("{0} holds a chain already")]
    Taken(String),
    /// It belongs to another chain.
    #[error("the data folder belongs to chain {found}, not to {expected}")]
    OtherChain {
        /// What it holds.
        found: ChainId,
        /// What was asked for.
        expected: ChainId,
    },
    /// Its layout is not ours.
    #[error("the data folder has format {0}, which this version does not know")]
    Format(u32),
    /// It cannot be read or written.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// The rows of a store as they were at a moment, whatever is committed since.
pub struct Snapshot<'a> {
    store: &'a RocksStore,
    rows: rocksdb::Snapshot<'a>,
}

/// The store. A clone is cheap and reads the same rows; one owner commits.
#[derive(Clone)]
pub struct RocksStore {
    db: Arc<DB>,
    /// Held until the last clone is gone, behind the database: fields are dropped in order.
    _lock: Arc<Option<File>>,
}

impl std::fmt::Debug for RocksStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RocksStore({})", self.db.path().display())
    }
}

impl RocksStore {
    /// Makes a store in an empty or missing folder and writes the batch of height 0, which holds
    /// the genesis file.
    ///
    /// # Errors
    ///
    /// [`OpenError::Taken`] if a chain stands there, else [`OpenError`] as for opening.
    pub fn create(path: &Path, genesis: &Batch, tuning: Tuning) -> Result<Self, OpenError> {
        std::fs::create_dir_all(path)
            .map_err(|e| Broken(format!("cannot make {}: {e}", path.display())))?;
        let mut store = Self::open_db(path, tuning)?;
        if store.get(Column::Meta, GENESIS_ROW)?.is_some() {
            return Err(OpenError::Taken(path.display().to_string()));
        }
        let mut batch = genesis.clone();
        batch.put(Column::Meta, FORMAT_ROW, FORMAT.to_le_bytes());
        store.commit(&batch)?;
        Ok(store)
    }

    /// Opens a store, and if `expected` is given, only one of that chain (K2).
    ///
    /// # Errors
    ///
    /// [`OpenError`]; only `Broken` means damage.
    pub fn open(path: &Path, expected: Option<ChainId>, tuning: Tuning) -> Result<Self, OpenError> {
        if !path.join("CURRENT").exists() {
            return Err(OpenError::Missing(path.display().to_string()));
        }
        Self::open_db(path, tuning)?.check(path, expected)
    }

    /// Opens the store of a stopped node to look at it, as [`Self::open`] does; it cannot commit
    /// (K4).
    ///
    /// # Errors
    ///
    /// [`OpenError`]; only `Broken` means damage.
    pub fn open_to_read(
        path: &Path,
        expected: Option<ChainId>,
        tuning: Tuning,
    ) -> Result<Self, OpenError> {
        if !path.join("CURRENT").exists() {
            return Err(OpenError::Missing(path.display().to_string()));
        }
        let lock = lock_to_read(path)?;
        let mut options = db_options(tuning);
        options.create_if_missing(false);
        options.create_missing_column_families(false);
        let db = DB::open_cf_descriptors_read_only(&options, path, families(tuning), false);
        let db = db.map_err(|e| not_opened(path, &e))?;
        Self { db: Arc::new(db), _lock: Arc::new(lock) }.check(path, expected)
    }

    /// K2.
    fn check(self, path: &Path, expected: Option<ChainId>) -> Result<Self, OpenError> {
        let (store, missing) = (self, || OpenError::Missing(path.display().to_string()));
        let format = store.get(Column::Meta, FORMAT_ROW)?.ok_or_else(missing)?;
        let format = format.try_into().map_or(u32::MAX, u32::from_le_bytes);
        if format != FORMAT {
            return Err(OpenError::Format(format));
        }
        let found = store.chain()?.ok_or_else(missing)?;
        match expected {
            Some(expected) if expected != found => Err(OpenError::OtherChain { found, expected }),
            _ => Ok(store),
        }
    }

    /// The bytes of the genesis file that the store began with.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the store cannot be read.
    pub fn genesis(&self) -> Result<Option<Vec<u8>>, Broken> {
        self.get(Column::Meta, GENESIS_ROW)
    }

    /// The chain whose rows these are.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the store cannot be read.
    pub fn chain(&self) -> Result<Option<ChainId>, Broken> {
        Ok(self.genesis()?.map(|bytes| ChainId(digest::plain(&bytes).0)))
    }

    /// The rows as they are now, for as long as it is held.
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot { store: self, rows: self.db.snapshot() }
    }

    /// Writes what memory holds to tables, so that the next opening has no log to read. Not
    /// needed for durability.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the disk refuses.
    pub fn flush(&self) -> Result<(), Broken> {
        Column::ALL.iter().try_for_each(|column| {
            self.db.flush_cf(self.family(*column)?).map_err(|e| broken("flush", &e))
        })
    }

    /// Rewrites every table, so that rows that were deleted or replaced stand in no file any more,
    /// its own log included. No row changes.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the disk refuses.
    pub fn compact(&self) -> Result<(), Broken> {
        self.flush()?;
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        for column in Column::ALL {
            let family = self.family(column)?;
            self.db.compact_range_cf_opt(family, None::<&[u8]>, None::<&[u8]>, &options);
        }
        // Reads what the rewriting left: it reports no failure of its own.
        self.genesis().map(|_| ())
    }

    fn open_db(path: &Path, tuning: Tuning) -> Result<Self, OpenError> {
        // First: opening a database writes.
        let lock = lock_to_write(path)?;
        let db = DB::open_cf_descriptors(&db_options(tuning), path, families(tuning));
        let db = db.map_err(|e| not_opened(path, &e))?;
        Ok(Self { db: Arc::new(db), _lock: Arc::new(Some(lock)) })
    }

    fn family(&self, column: Column) -> Result<&ColumnFamily, Broken> {
        let none = || Broken(format!("the store has no column {}", column.name()));
        self.db.cf_handle(column.name()).ok_or_else(none)
    }
}

impl Read for RocksStore {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        self.db.get_cf(self.family(column)?, key).map_err(|e| broken("read", &e))
    }

    fn scan(
        &self,
        column: Column,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, Broken> {
        let Some(options) = range(from, to) else { return Ok(Vec::new()) };
        let start = IteratorMode::From(from, Direction::Forward);
        let rows = self.db.iterator_cf_opt(self.family(column)?, options, start);
        rows.take(limit).map(row).collect()
    }
}

impl Read for Snapshot<'_> {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        self.rows.get_cf(self.store.family(column)?, key).map_err(|e| broken("read", &e))
    }

    fn scan(
        &self,
        column: Column,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, Broken> {
        let Some(options) = range(from, to) else { return Ok(Vec::new()) };
        let start = IteratorMode::From(from, Direction::Forward);
        let rows = self.rows.iterator_cf_opt(self.store.family(column)?, options, start);
        rows.take(limit).map(row).collect()
    }
}

/// Options of a scan; `None` if nothing lies between.
fn range(from: &[u8], to: &[u8]) -> Option<ReadOptions> {
    let mut options = ReadOptions::default();
    if !to.is_empty() {
        if to <= from {
            return None;
        }
        options.set_iterate_upper_bound(to);
    }
    Some(options)
}

/// A row as the database hands it over.
type Found = Result<(Box<[u8]>, Box<[u8]>), rocksdb::Error>;

fn row(row: Found) -> Result<Row, Broken> {
    let (key, value) = row.map_err(|e| broken("read", &e))?;
    Ok((key.into_vec(), value.into_vec()))
}

impl Store for RocksStore {
    /// K1: one write batch, synced.
    fn commit(&mut self, batch: &Batch) -> Result<(), Broken> {
        let mut writes = WriteBatch::default();
        for write in &batch.writes {
            let family = self.family(write.column)?;
            match &write.value {
                Some(value) => writes.put_cf(family, &write.key, value),
                None => writes.delete_cf(family, &write.key),
            }
        }
        let mut options = WriteOptions::default();
        options.set_sync(true);
        self.db.write_opt(writes, &options).map_err(|e| broken("write", &e))
    }
}

fn families(tuning: Tuning) -> impl Iterator<Item = ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(tuning.cache_bytes);
    Column::ALL.into_iter().map(move |column| {
        ColumnFamilyDescriptor::new(column.name(), column_options(column, &cache, tuning))
    })
}

fn lock_to_write(path: &Path) -> Result<File, OpenError> {
    let file = path.join(LOCK_FILE);
    let mut options = File::options();
    let opened = options.read(true).write(true).create(true).truncate(false).open(&file);
    let opened = opened.map_err(|e| Broken(format!("cannot open {}: {e}", file.display())))?;
    locked(opened.try_lock(), path)?;
    Ok(opened)
}

/// K4: makes no file. Where there is none no node of this version ever ran.
fn lock_to_read(path: &Path) -> Result<Option<File>, OpenError> {
    let file = path.join(LOCK_FILE);
    match File::open(&file) {
        Ok(opened) => {
            locked(opened.try_lock_shared(), path)?;
            Ok(Some(opened))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Broken(format!("cannot open {}: {e}", file.display())).into()),
    }
}

fn locked(done: Result<(), TryLockError>, path: &Path) -> Result<(), OpenError> {
    done.map_err(|why| match why {
        TryLockError::WouldBlock => OpenError::InUse(path.display().to_string()),
        TryLockError::Error(e) => Broken(format!("cannot lock {}: {e}", path.display())).into(),
    })
}

fn not_opened(path: &Path, error: &rocksdb::Error) -> OpenError {
    match error.kind() {
        ErrorKind::IOError if is_lock_held(error.as_ref()) => {
            OpenError::InUse(path.display().to_string())
        }
        _ => OpenError::Broken(broken("open", error)),
    }
}

/// Whether RocksDB says that its lock is held, by another process or by this one. Only its own
/// words count: a folder may be called anything.
fn is_lock_held(text: &str) -> bool {
    let elsewhere = text.starts_with("IO error: While lock file: ")
        && text.ends_with(": Resource temporarily unavailable");
    elsewhere || text.starts_with("IO error: lock hold by current process, ")
}

fn db_options(tuning: Tuning) -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_max_open_files(tuning.open_files_max);
    options.set_max_background_jobs(tuning.jobs_max);
    options.set_db_write_buffer_size(tuning.write_buffer_bytes);
    options.set_max_total_wal_size(tuning.write_buffer_bytes as u64 * 2);
    options.set_bytes_per_sync(1024 * 1024);
    // A torn tail was never acknowledged; damage anywhere else must not be passed over.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_log_level(LogLevel::Warn);
    options.set_keep_log_file_num(2);
    options.set_max_log_file_size(1024 * 1024);
    // An idle node does nothing.
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    options.set_skip_stats_update_on_db_open(true);
    options
}

/// Hot columns are read by key while blocks execute; cold ones are written once, in key order.
const fn is_hot(column: Column) -> bool {
    matches!(
        column,
        Column::State | Column::Side | Column::Transaction | Column::Log | Column::Meta
    )
}

fn column_options(column: Column, cache: &Cache, tuning: Tuning) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    if matches!(column, Column::State | Column::Side | Column::Transaction) {
        table.set_bloom_filter(BLOOM_BITS, false);
    }
    let mut options = Options::default();
    if is_hot(column) {
        table.set_block_size(8 * 1024);
        options.set_compression_type(DBCompressionType::None);
        options.set_memtable_whole_key_filtering(true);
        options.set_memtable_prefix_bloom_ratio(0.02);
    } else {
        table.set_block_size(32 * 1024);
        options.set_compression_type(DBCompressionType::Lz4);
    }
    options.set_block_based_table_factory(&table);
    options.set_write_buffer_size(tuning.write_buffer_bytes / 4);
    options.set_max_write_buffer_number(3);
    options.set_level_compaction_dynamic_level_bytes(true);
    options
}

fn broken(deed: &str, error: &rocksdb::Error) -> Broken {
    let text = error.to_string();
    let full = text.contains("No space left");
    let hint = if full { "; the disk is full: make room and start again" } else { "" };
    Broken(format!("the store cannot {deed}: {text}{hint}"))
}

#[cfg(test)]
mod tests;
