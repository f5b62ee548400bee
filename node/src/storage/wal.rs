//! The write-ahead log of the height under way: two preallocated files, written in turn.
//!
//! ```text
//! wal/0    0       64                                                       4 MiB
//! wal/1    │ head  │ record │ record │ record │ stale records or zeros …      │
//! ```
//!
//! The records between two resets are an epoch; each epoch is written to the other file than the
//! one before it. A reset writes nothing by itself: until a record of the new epoch is on the
//! disk, the records of the old one stand untouched in their file, whichever pages of the write
//! under way a power cut leaves. `record` has a record's form, `judge` what a crash leaves. It does
//! not know what its records mean.
//!
//! # Invariants
//!
//! - **W1 durable.** [`Wal::sync`] returns after every record appended before it is on the disk.
//! - **W2 prefix.** Reading gives the records of the latest epoch up to the first that is not
//!   whole.
//! - **W3 no hole.** A record that was synced and cannot be read any more is damage, not a torn
//!   tail: a later record says how many were synced before it.
//! - **W4 no retry.** After a failed write or sync every further use fails: nobody knows what is
//!   on the disk.
//! - **W5 one sync.** A sync writes to one file and syncs that one.

mod file;
mod judge;
mod record;

use file::{LogFile, START};
use judge::{judge, side};
use linli_types::store::Broken;
use record::{Chain, Head};
use std::fs::File;
use std::path::Path;

/// Bytes of one record at most: a block in parts, and room.
const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of records not yet written that are kept allocated.
const PENDING_BYTES: usize = 4 * 1024 * 1024;

/// What the log held when it was opened.
#[derive(Debug, Default)]
pub struct Found {
    /// Every whole record of the latest epoch, in order.
    pub records: Vec<Vec<u8>>,
    /// Whether a write under way when the machine stopped left something, which is cleared now.
    pub unfinished: bool,
}

/// The log.
#[derive(Debug)]
pub struct Wal {
    files: [LogFile; 2],
    /// Records of this epoch count; it says which file is written.
    epoch: u64,
    /// Records in this epoch.
    seq: u32,
    /// Records of this epoch known to be on the disk.
    synced: u32,
    /// Where `pending` goes.
    at: u64,
    /// Appended, not yet written.
    pending: Vec<u8>,
    /// W4.
    damaged: Option<Broken>,
}

impl Wal {
    /// Opens the log in `folder`, or makes it; gives what it held.
    ///
    /// # Errors
    ///
    /// [`Broken`] if a file cannot be read or written, is no log, or misses a record that was
    /// synced (W3).
    pub fn open(folder: &Path) -> Result<(Self, Found), Broken> {
        match std::fs::create_dir(folder) {
            Ok(()) => sync_folder(folder.parent().unwrap_or(Path::new(".")))?,
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists && folder.is_dir() => {}
            Err(e) => return Err(file::broken(folder, "make", &e)),
        }
        let [a, b] = ["0", "1"].map(|name| LogFile::open(&folder.join(name)));
        let ((mut a, a_bytes), (mut b, b_bytes)) = (a?, b?);
        if a.is_new() || b.is_new() {
            // Both are made before anything is written: one without the other is one lost.
            let used = [(&a, &a_bytes), (&b, &b_bytes)];
            if let Some((used, _)) = used.iter().find(|(file, bytes)| file.is_used(bytes)) {
                let path = used.path();
                return Err(Broken(format!(
                    "the other half of the log {path} is missing or empty"
                )));
            }
            for file in [&mut a, &mut b].into_iter().filter(|file| file.is_new()) {
                file.make()?;
            }
            sync_folder(folder)?;
        }
        let files = [a, b];
        let mut wal = Self {
            files,
            epoch: 1,
            seq: 0,
            synced: 0,
            at: START as u64,
            pending: Vec::new(),
            damaged: None,
        };
        let found = wal.recover([&a_bytes, &b_bytes])?;
        Ok((wal, found))
    }

    /// Appends a record; not durable until [`Wal::sync`].
    ///
    /// # Errors
    ///
    /// [`Broken`] if an earlier call failed, or the record is larger than any that we write.
    pub fn append(&mut self, record: &[u8]) -> Result<(), Broken> {
        self.usable()?;
        if record.len() > RECORD_BYTES_MAX {
            return Err(Broken(format!("a log record of {} bytes", record.len())));
        }
        let key = self.file().key();
        let head = Head::of(&key, (self.epoch, self.seq, self.synced), record);
        self.pending.extend_from_slice(&head.to_bytes(&key));
        self.pending.extend_from_slice(record);
        self.seq = self.seq.saturating_add(1);
        Ok(())
    }

    /// Returns once every appended record is durable (W1, W5).
    ///
    /// # Errors
    ///
    /// [`Broken`] if they may not be; the log is of no further use (W4).
    pub fn sync(&mut self) -> Result<(), Broken> {
        self.usable()?;
        if self.pending.is_empty() {
            return Ok(());
        }
        let done = self.write_pending().and_then(|()| self.file().sync());
        match &done {
            Ok(()) => self.synced = self.seq,
            Err(why) => self.damaged = Some(why.clone()),
        }
        done
    }

    /// Forgets every record: their height is committed. Lazy: the next record written is the
    /// first of a new epoch; should the machine stop before, the old records are read again, and
    /// the reader must know them as those of a height that stands.
    ///
    /// # Errors
    ///
    /// [`Broken`] if an earlier call failed.
    pub fn reset(&mut self) -> Result<(), Broken> {
        self.usable()?;
        // An epoch of which nothing is written goes on: two epochs in one file, one after the
        // other, would put the first record of the second in place of the only records there are.
        if self.at > START as u64 {
            self.epoch = self.epoch.saturating_add(1);
        }
        (self.seq, self.synced, self.at) = (0, 0, START as u64);
        self.pending.clear();
        Ok(())
    }

    /// Every whole record since the last reset, synced or not, in order.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the file cannot be read, or a synced record is gone (W3).
    pub fn read(&self) -> Result<Vec<Vec<u8>>, Broken> {
        self.usable()?;
        let mut bytes = self.file().read(self.at)?;
        bytes.extend_from_slice(&self.pending);
        let chain = Chain::of(&self.file().key(), &bytes, START);
        let whole = u32::try_from(chain.records.len()) == Ok(self.seq)
            && (self.seq == 0 || chain.epoch == self.epoch);
        let lost = || Broken(format!("{}: a record is gone", self.file().path()));
        whole.then(|| chain.records.iter().map(|r| r.to_vec()).collect()).ok_or_else(lost)
    }

    fn usable(&self) -> Result<(), Broken> {
        self.damaged.clone().map_or(Ok(()), Err)
    }

    /// The file of this epoch.
    fn file(&self) -> &LogFile {
        let [even, odd] = &self.files;
        if side(self.epoch) == 0 { even } else { odd }
    }

    fn file_mut(&mut self) -> &mut LogFile {
        let [even, odd] = &mut self.files;
        if side(self.epoch) == 0 { even } else { odd }
    }

    fn recover(&mut self, [a_bytes, b_bytes]: [&[u8]; 2]) -> Result<Found, Broken> {
        let [a, b] = &self.files;
        let (a, b) = (a.key(), b.key());
        let judged = judge([(&a, a_bytes), (&b, b_bytes)], START);
        if judged.epoch > 0 {
            self.epoch = judged.epoch;
            self.seq = u32::try_from(judged.records.len()).unwrap_or(u32::MAX);
            self.at = judged.end as u64;
        }
        if let Some(seq) = judged.hole {
            let path = self.file().path();
            return Err(Broken(format!("{path}: record {seq} was synced and cannot be read")));
        }
        // What is left must never be taken for a later record's continuation.
        for (file, left) in self.files.iter_mut().zip(judged.left) {
            match left {
                Some(from) => file.clear(from as u64)?,
                // What was read may stand in the system's memory only.
                None => file.sync()?,
            }
        }
        self.synced = self.seq;
        let unfinished = judged.left.iter().any(Option::is_some);
        Ok(Found { unfinished, records: judged.records })
    }

    fn write_pending(&mut self) -> Result<(), Broken> {
        let (at, pending) = (self.at, std::mem::take(&mut self.pending));
        self.file_mut().write(at, &pending)?;
        self.at = at.saturating_add(pending.len() as u64);
        self.pending = pending;
        self.pending.clear();
        self.pending.shrink_to(PENDING_BYTES);
        Ok(())
    }
}

fn sync_folder(folder: &Path) -> Result<(), Broken> {
    let done = File::open(folder).and_then(|folder| folder.sync_all());
    done.map_err(|e| file::broken(folder, "sync", &e))
}

#[cfg(test)]
mod tests;
