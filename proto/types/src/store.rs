//! What a node keeps on disk, as data: columns, one write batch per height, and the seam that
//! RocksDB and the simulated disk both fill (design D3).

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// The columns of the store. Numbers are names on disk: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Column {
    /// Flat state: the entries of the state tree.
    State = 0,
    /// Rows beside the tree: business ids, indexes. Covered by running digests in the tree.
    Side = 1,
    /// Old values by height (design D4); key = height, big-endian.
    Undo = 2,
    /// Blocks (header and bodies) by height, big-endian.
    Block = 3,
    /// Receipts by height, big-endian.
    Receipt = 4,
    /// Where a transaction stands: id → (height, index).
    Transaction = 5,
    /// Complete subtrees of the evidence log: (level, index) → hash.
    Log = 6,
    /// One row each: head, format, chain.
    Meta = 7,
    /// Certificates by height, big-endian.
    Certificate = 8,
    /// Events by (room, height, index) and by (principal, height, index).
    Event = 9,
}

impl Column {
    /// Every column.
    pub const ALL: [Self; 10] = [
        Self::State,
        Self::Side,
        Self::Undo,
        Self::Block,
        Self::Receipt,
        Self::Transaction,
        Self::Log,
        Self::Meta,
        Self::Certificate,
        Self::Event,
    ];

    /// The column's name on disk.
    pub const fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Side => "side",
            Self::Undo => "undo",
            Self::Block => "block",
            Self::Receipt => "receipt",
            Self::Transaction => "transaction",
            Self::Log => "log",
            Self::Meta => "meta",
            Self::Certificate => "certificate",
            Self::Event => "event",
        }
    }
}

/// One write: `None` removes the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Where.
    pub column: Column,
    /// The row's key.
    pub key: Vec<u8>,
    /// The row's new value.
    pub value: Option<Vec<u8>>,
}

/// Everything one height changes; written whole or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The writes, in order; a later one to the same row wins.
    pub writes: Vec<Write>,
}

impl Batch {
    /// Adds or replaces a row.
    pub fn put(&mut self, column: Column, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.writes.push(Write { column, key: key.into(), value: Some(value.into()) });
    }

    /// Removes a row.
    pub fn remove(&mut self, column: Column, key: impl Into<Vec<u8>>) {
        self.writes.push(Write { column, key: key.into(), value: None });
    }
}

/// This node is damaged: its disk cannot be read or written, or holds what it must not.
/// Never part of a receipt; the node stops with exit 3.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this node is damaged: {0}")]
pub struct Broken(pub String);

/// A row: its key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Reads rows as of the last commit.
pub trait Read {
    /// The row's value, or `None` if there is no such row.
    ///
    /// # Errors
    ///
    /// [`Broken`] if this node's store cannot be read.
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, Broken>;

    /// Up to `limit` rows with `from <= key < to`, in key order. An empty `to` means no end.
    ///
    /// # Errors
    ///
    /// [`Broken`] if this node's store cannot be read.
    fn scan(
        &self,
        column: Column,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, Broken>;
}

/// Writes batches. `commit` returns once the batch is durable, whole.
pub trait Store: Read {
    /// Writes and syncs one batch.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the batch may not be durable. The node must stop: no retry.
    fn commit(&mut self, batch: &Batch) -> Result<(), Broken>;
}

impl<T: Read + ?Sized> Read for &T {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        (**self).get(column, key)
    }

    fn scan(
        &self,
        column: Column,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, Broken> {
        (**self).scan(column, from, to, limit)
    }
}

/// A store in memory: for tests, for `replay`, and under the simulated disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    rows: BTreeMap<(Column, Vec<u8>), Vec<u8>>,
}

impl Memory {
    /// Applies a batch.
    pub fn apply(&mut self, batch: &Batch) {
        for write in &batch.writes {
            let key = (write.column, write.key.clone());
            match &write.value {
                Some(value) => self.rows.insert(key, value.clone()),
                None => self.rows.remove(&key),
            };
        }
    }

    /// Every row, in order.
    pub fn rows(&self) -> impl Iterator<Item = (Column, &[u8], &[u8])> {
        self.rows.iter().map(|((column, key), value)| (*column, key.as_slice(), value.as_slice()))
    }
}

impl Read for Memory {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        Ok(self.rows.get(&(column, key.to_vec())).cloned())
    }

    fn scan(
        &self,
        column: Column,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, Broken> {
        let rows = self.rows.range((column, from.to_vec())..);
        let inside = |((c, key), _): &(&(Column, Vec<u8>), &Vec<u8>)| {
            *c == column && (to.is_empty() || key.as_slice() < to)
        };
        Ok(rows.take_while(inside).take(limit).map(|((_, k), v)| (k.clone(), v.clone())).collect())
    }
}

impl Store for Memory {
    fn commit(&mut self, batch: &Batch) -> Result<(), Broken> {
        self.apply(batch);
        Ok(())
    }
}
