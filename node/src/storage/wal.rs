//! The write-ahead log of the height under way: one preallocated file, overwritten height by
//! height.
//!
//! ```text
//! 0        64                                                          4 MiB
//! │ magic  │ record │ record │ record │ stale records or zeros …        │
//!            epoch 8 · seq 4 · synced 4 · len 4 · check 8 · payload
//! ```
//!
//! A reset begins a new epoch; it writes nothing by itself, because records of an older epoch end
//! the log as surely as zeros do. It does not know what its records mean.
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

use linli_types::store::Broken;
use std::cmp::Ordering;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// How the file begins.
const MAGIC: [u8; 8] = *b"linliwal";
/// The format that this code reads and writes.
const FORMAT: u32 = 1;
/// Bytes before the first record.
const START: u64 = 64;
/// The file grows in steps of this many bytes, zeroed and synced beforehand, so that an ordinary
/// sync touches no metadata.
const STEP: u64 = 4 * 1024 * 1024;
/// Bytes before a record's payload.
const HEAD: usize = 28;
/// Bytes of a record's checksum, which ends its head.
const CHECK: usize = 8;
/// Bytes of one record at most: a block in parts, and room.
const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What the file held when it was opened.
#[derive(Debug, Default)]
pub struct Found {
    /// Every whole record of the latest epoch, in order.
    pub records: Vec<Vec<u8>>,
    /// Where an unfinished record begins, if the log ends in one.
    pub torn_at: Option<u64>,
}

/// The log.
#[derive(Debug)]
pub struct Wal {
    file: File,
    path: PathBuf,
    /// Records of this epoch count.
    epoch: u64,
    /// Records in this epoch.
    seq: u32,
    /// Records of this epoch known to be on the disk.
    synced: u32,
    /// Where `pending` goes.
    at: u64,
    /// Bytes of the file that are written once already.
    size: u64,
    /// Appended, not yet written.
    pending: Vec<u8>,
    /// W4.
    damaged: Option<Broken>,
}

impl Wal {
    /// Opens the log, or makes it; gives what it held.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the file cannot be read or written, is no log, or misses a record that was
    /// synced (W3).
    pub fn open(path: &Path) -> Result<(Self, Found), Broken> {
        let broken = |e| broken(path, "open", &e);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false);
        let file = file.open(path).map_err(broken)?;
        let size = file.metadata().map_err(broken)?.len();
        let mut wal = Self {
            file,
            path: path.to_path_buf(),
            epoch: 1,
            seq: 0,
            synced: 0,
            at: START,
            size,
            pending: Vec::new(),
            damaged: None,
        };
        let found = if size < START { wal.make()? } else { wal.recover()? };
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
        let head = Head {
            epoch: self.epoch,
            seq: self.seq,
            synced: self.synced,
            len: u32::try_from(record.len()).unwrap_or(u32::MAX),
        };
        self.pending.extend_from_slice(&head.to_bytes(record));
        self.pending.extend_from_slice(record);
        self.seq = self.seq.saturating_add(1);
        Ok(())
    }

    /// Returns once every appended record is durable (W1).
    ///
    /// # Errors
    ///
    /// [`Broken`] if they may not be; the log is of no further use (W4).
    pub fn sync(&mut self) -> Result<(), Broken> {
        self.usable()?;
        if self.pending.is_empty() {
            return Ok(());
        }
        let done = self.write_pending();
        if let Err(why) = &done {
            self.damaged = Some(why.clone());
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
        self.epoch = self.epoch.saturating_add(1);
        (self.seq, self.synced, self.at) = (0, 0, START);
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
        let len = usize::try_from(self.at).unwrap_or(usize::MAX);
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, 0).map_err(|e| broken(&self.path, "read", &e))?;
        bytes.extend_from_slice(&self.pending);
        let scan = Scan::of(&bytes, Some(self.epoch));
        let whole = u32::try_from(scan.records.len()) == Ok(self.seq);
        let lost = || Broken(format!("{}: a record is gone", self.path.display()));
        whole.then_some(scan.records).ok_or_else(lost)
    }

    fn usable(&self) -> Result<(), Broken> {
        self.damaged.clone().map_or(Ok(()), Err)
    }

    fn make(&mut self) -> Result<Found, Broken> {
        let mut first = vec![0; START as usize];
        let format = FORMAT.to_le_bytes();
        for (to, from) in first.iter_mut().zip(MAGIC.iter().chain(&format)) {
            *to = *from;
        }
        self.size = 0;
        self.grow_to(STEP)?;
        let done = self.file.write_all_at(&first, 0).and_then(|()| self.file.sync_all());
        done.map_err(|e| broken(&self.path, "write", &e))?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let done = File::open(folder).and_then(|folder| folder.sync_all());
        done.map_err(|e| broken(folder, "sync", &e))?;
        Ok(Found::default())
    }

    fn recover(&mut self) -> Result<Found, Broken> {
        let bytes = std::fs::read(&self.path).map_err(|e| broken(&self.path, "read", &e))?;
        if bytes.get(..8) != Some(&MAGIC[..]) || bytes.get(8..12) != Some(&FORMAT.to_le_bytes()[..])
        {
            // A crash while the file was first made leaves zeros: nothing was ever promised.
            if bytes.iter().all(|byte| *byte == 0) {
                return self.make();
            }
            return Err(Broken(format!("{} is no log of this version", self.path.display())));
        }
        let scan = Scan::of(&bytes, None);
        if let Some(seq) = scan.hole {
            let path = self.path.display();
            return Err(Broken(format!("{path}: record {seq} was synced and cannot be read")));
        }
        if let Some(epoch) = scan.epoch {
            self.epoch = epoch;
            self.seq = u32::try_from(scan.records.len()).unwrap_or(u32::MAX);
            self.at = scan.end as u64;
        }
        let found = Found { torn_at: scan.torn.then_some(scan.end as u64), records: scan.records };
        self.clear_tail(found.torn_at.is_some())?;
        self.file.sync_data().map_err(|e| broken(&self.path, "sync", &e))?;
        self.synced = self.seq;
        Ok(found)
    }

    /// Overwrites a torn tail, so that its bytes can never be taken for a later record's.
    fn clear_tail(&mut self, torn: bool) -> Result<(), Broken> {
        if !torn {
            return Ok(());
        }
        let len = usize::try_from(self.size.saturating_sub(self.at)).unwrap_or(0);
        let done = self.file.write_all_at(&vec![0; len], self.at);
        let done = done.and_then(|()| self.file.sync_all());
        done.map_err(|e| broken(&self.path, "write", &e))
    }

    fn write_pending(&mut self) -> Result<(), Broken> {
        let end = self.at.saturating_add(self.pending.len() as u64);
        if end > self.size {
            self.grow_to(end.next_multiple_of(STEP))?;
        }
        let done = self.file.write_all_at(&self.pending, self.at);
        let done = done.and_then(|()| self.file.sync_data());
        done.map_err(|e| broken(&self.path, "write", &e))?;
        (self.at, self.synced) = (end, self.seq);
        self.pending.clear();
        self.pending.shrink_to(STEP as usize);
        Ok(())
    }

    fn grow_to(&mut self, size: u64) -> Result<(), Broken> {
        let len = usize::try_from(size.saturating_sub(self.size)).unwrap_or(0);
        let done = self.file.write_all_at(&vec![0; len], self.size);
        let done = done.and_then(|()| self.file.sync_all());
        done.map_err(|e| broken(&self.path, "extend", &e))?;
        self.size = size;
        Ok(())
    }
}

/// What stands before a payload.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// Big-endian on disk: a half-written number is never smaller than the one it replaces.
    epoch: u64,
    seq: u32,
    /// How many records of this epoch were on the disk when this one was written (W3).
    synced: u32,
    len: u32,
}

impl Head {
    fn to_bytes(self, payload: &[u8]) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        let fields = [
            &self.epoch.to_be_bytes()[..],
            &self.seq.to_le_bytes(),
            &self.synced.to_le_bytes(),
            &self.len.to_le_bytes(),
            &self.check(payload),
        ];
        for (to, from) in bytes.iter_mut().zip(fields.concat()) {
            *to = from;
        }
        bytes
    }

    /// Reads the fields, whatever stands behind them.
    fn peek(bytes: &[u8]) -> Option<Self> {
        let (epoch, rest) = bytes.split_first_chunk()?;
        let (seq, rest) = rest.split_first_chunk()?;
        let (synced, rest) = rest.split_first_chunk()?;
        let (len, _) = rest.split_first_chunk()?;
        Some(Self {
            epoch: u64::from_be_bytes(*epoch),
            seq: u32::from_le_bytes(*seq),
            synced: u32::from_le_bytes(*synced),
            len: u32::from_le_bytes(*len),
        })
    }

    /// Reads a head and the payload behind it, if both are whole.
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let head = Self::peek(bytes)?;
        let (check, rest) = bytes.get(HEAD - CHECK..)?.split_first_chunk::<CHECK>()?;
        let payload = rest.get(..usize::try_from(head.len).ok()?)?;
        (head.epoch > 0 && head.check(payload) == *check).then_some((head, payload))
    }

    fn check(self, payload: &[u8]) -> [u8; CHECK] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.epoch.to_le_bytes()).update(&self.seq.to_le_bytes());
        hasher.update(&self.synced.to_le_bytes()).update(&self.len.to_le_bytes());
        hasher.update(payload);
        let [a, b, c, d, e, f, g, h, ..] = *hasher.finalize().as_bytes();
        [a, b, c, d, e, f, g, h]
    }
}

/// One walk over the file's bytes.
#[derive(Debug, Default)]
struct Scan {
    epoch: Option<u64>,
    records: Vec<Vec<u8>>,
    /// Where the first byte behind the last whole record stands.
    end: usize,
    /// Whether an unfinished record of this epoch stands there.
    torn: bool,
    /// A record that was synced and is not whole.
    hole: Option<u32>,
}

impl Scan {
    fn of(bytes: &[u8], epoch: Option<u64>) -> Self {
        let mut scan = Self { epoch, end: START as usize, ..Self::default() };
        while let Some((head, payload)) = bytes.get(scan.end..).and_then(Head::read) {
            let seq = u32::try_from(scan.records.len()).unwrap_or(u32::MAX);
            if *scan.epoch.get_or_insert(head.epoch) != head.epoch || head.seq != seq {
                break;
            }
            scan.records.push(payload.to_vec());
            scan.end = scan.end.saturating_add(HEAD).saturating_add(payload.len());
        }
        scan.look_ahead(bytes);
        scan
    }

    /// Tells a torn tail from a hole (W3). New epochs begin at the file's start, so a record later
    /// in the file proves damage if it is of this epoch and counts more synced records than were
    /// found, or of a newer epoch and counts any.
    fn look_ahead(&mut self, bytes: &[u8]) {
        let rest = bytes.get(self.end..).unwrap_or_default();
        let used = rest.iter().rposition(|b| *b != 0).map_or(0, |last| last.saturating_add(1));
        let rest = rest.get(..used).unwrap_or_default();
        let Some(first) = Head::peek(rest) else {
            self.torn = !rest.is_empty();
            return;
        };
        let epoch = self.epoch.unwrap_or(first.epoch);
        self.torn = first.epoch == epoch;
        let found = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        let proves = |head: &Head| match head.epoch.cmp(&epoch) {
            Ordering::Less => false,
            Ordering::Equal => head.synced > found,
            Ordering::Greater => head.synced > 0,
        };
        let later = |at: usize| {
            let bytes = rest.get(at..)?;
            Head::peek(bytes).filter(proves).and_then(|_| Head::read(bytes))
        };
        self.hole = (0..rest.len()).find_map(later).map(|_| found);
    }
}

fn broken(path: &Path, deed: &str, error: &std::io::Error) -> Broken {
    let hint = match error.kind() {
        ErrorKind::StorageFull => "; the disk is full: make room and start again",
        ErrorKind::PermissionDenied => "; the node's user may not do that",
        _ => "",
    };
    Broken(format!("cannot {deed} {}: {error}{hint}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    /// Three records of height 1, a reset, then `b"four"` synced and `b"five"` not.
    fn sample(dir: &TempDir) -> PathBuf {
        let path = dir.path().join("wal");
        let (mut wal, found) = Wal::open(&path).unwrap();
        assert!(found.records.is_empty() && found.torn_at.is_none());
        for record in [&b"one"[..], b"two", &[7; 300]] {
            wal.append(record).unwrap();
            wal.sync().unwrap();
        }
        wal.reset().unwrap();
        wal.append(b"four").unwrap();
        wal.sync().unwrap();
        wal.append(b"five").unwrap();
        wal.write_pending().unwrap();
        path
    }

    fn at(bytes: &[u8], text: &[u8]) -> usize {
        bytes.windows(text.len()).position(|window| window == text).unwrap()
    }

    #[test]
    fn records_come_back_after_a_reopening_and_go_on() {
        let dir = TempDir::new().unwrap();
        let path = sample(&dir);
        let (mut wal, found) = Wal::open(&path).unwrap();
        assert_eq!(found.records, [b"four", b"five"]);
        assert_eq!(found.torn_at, None);
        wal.append(b"six").unwrap();
        assert_eq!(wal.read().unwrap(), [&b"four"[..], b"five", b"six"]);
        wal.sync().unwrap();
        assert_eq!(Wal::open(&path).unwrap().1.records, [&b"four"[..], b"five", b"six"]);
    }

    #[test]
    fn a_reset_forgets_at_once() {
        let dir = TempDir::new().unwrap();
        let (mut wal, _) = Wal::open(&sample(&dir)).unwrap();
        wal.reset().unwrap();
        assert!(wal.read().unwrap().is_empty());
    }

    #[test]
    fn a_tail_torn_at_any_byte_leaves_the_records_before_it() {
        let dir = TempDir::new().unwrap();
        let path = sample(&dir);
        let whole = std::fs::read(&path).unwrap();
        let end = at(&whole, b"five") + 4;
        for cut in end - HEAD - 4..end {
            let mut bytes = whole.clone();
            bytes[cut..end].fill(0);
            std::fs::write(&path, &bytes).unwrap();
            let (wal, found) = Wal::open(&path).unwrap();
            assert_eq!(found.records, [b"four"], "cut at {cut}");
            assert_eq!(found.torn_at.is_some(), cut > end - HEAD - 4 + 7, "cut at {cut}");
            assert_eq!(wal.read().unwrap(), [b"four"]);
        }
    }

    #[test]
    fn a_first_record_torn_at_any_byte_is_no_damage() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("wal");
        let (mut wal, _) = Wal::open(&path).unwrap();
        wal.epoch = 0xff; // the next epoch differs in two bytes
        for record in [b"one", b"two"] {
            wal.append(record).unwrap();
            wal.sync().unwrap();
        }
        let old = std::fs::read(&path).unwrap();
        wal.reset().unwrap();
        wal.append(b"new").unwrap();
        wal.sync().unwrap();
        let new = std::fs::read(&path).unwrap();
        let start = START as usize;
        for cut in start..start + HEAD + 3 {
            let bytes = [&new[..cut], &old[cut..]].concat();
            std::fs::write(&path, &bytes).unwrap();
            let records = Wal::open(&path).unwrap().1.records;
            let untouched = new[..cut] == old[..cut];
            assert_eq!(records.len(), if untouched { 2 } else { 0 }, "cut at {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_in_a_synced_record_is_damage() {
        let dir = TempDir::new().unwrap();
        let path = sample(&dir);
        let whole = std::fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        bytes[at(&whole, b"four")] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let why = Wal::open(&path).unwrap_err();
        assert!(why.0.contains("record 0 was synced"), "{why}");
    }

    #[test]
    fn a_large_log_grows_its_file_and_comes_back() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("wal");
        let (mut wal, _) = Wal::open(&path).unwrap();
        let record = vec![9; 3 * 1024 * 1024];
        for _ in 0..2 {
            wal.append(&record).unwrap();
            wal.sync().unwrap();
        }
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 2 * STEP);
        assert_eq!(Wal::open(&path).unwrap().1.records, [record.clone(), record]);
    }

    #[test]
    fn a_failed_write_ends_the_logs_use() {
        let dir = TempDir::new().unwrap();
        let path = sample(&dir);
        let (mut wal, _) = Wal::open(&path).unwrap();
        wal.file = File::open(&path).unwrap(); // read-only: the write fails
        wal.append(b"lost").unwrap();
        wal.sync().unwrap_err();
        wal.append(b"more").unwrap_err();
        wal.sync().unwrap_err();
        wal.reset().unwrap_err();
    }

    #[test]
    fn another_file_is_no_log() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("wal");
        std::fs::write(&path, [1; 100]).unwrap();
        assert!(Wal::open(&path).unwrap_err().0.contains("no log"));
    }
}
