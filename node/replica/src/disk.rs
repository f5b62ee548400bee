//! What a replica needs of a disk: a store, and a log for the height under way.

use linli_runtime::Bundle;
use linli_types::store::{Broken, Store};

/// A store and a write-ahead log.
///
/// An error of any method means that the node must stop: nothing is retried, because after a
/// failed sync nobody knows what is on the disk.
pub trait Disk: Store {
    /// Appends a record to the log; not durable until [`Disk::wal_sync`].
    ///
    /// # Errors
    ///
    /// [`Broken`] if the log cannot be written.
    fn wal_append(&mut self, record: &[u8]) -> Result<(), Broken>;

    /// Returns once every appended record is durable.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the records may not be durable.
    fn wal_sync(&mut self) -> Result<(), Broken>;

    /// Forgets every record: their height is committed.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the log cannot be written.
    fn wal_reset(&mut self) -> Result<(), Broken>;

    /// Every whole record since the last reset, in order. A torn tail is left out: it was never
    /// synced, so nothing that depends on it was sent.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the log cannot be read.
    fn wal_read(&self) -> Result<Vec<Vec<u8>>, Broken>;

    /// Keeps the bundle of a block that breaks a law, for people and for `linli replay`; where, in
    /// words. Nothing that this validator does depends on it: it stops right after.
    ///
    /// # Errors
    ///
    /// [`Broken`] if it cannot be kept.
    fn keep_bundle(&mut self, bundle: &Bundle) -> Result<String, Broken>;
}
