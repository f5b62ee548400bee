//! One file of the access log: its head, its records, and what a crash leaves at its end.
//!
//! ```text
//! 0        8        12       20       52
//! │ magic  │ format │ first  │ before │ records …      record: length (4) │ entry │ link (32)
//! ```
//!
//! `first` is the index of the first record's entry and `before` the chain's digest before it. A
//! record's link is the chain's digest after it, so every record vouches for all before it.

use linli_sdk::access_log::{entry_digest, link};
use linli_types::id::Digest;
use linli_types::limits;
use linli_types::store::Broken;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const MAGIC: [u8; 8] = *b"linliacc";
const FORMAT: u32 = 1;
/// Bytes before the first record.
pub(super) const START: usize = 52;
const LENGTH: usize = 4;
const LINK: usize = 32;

/// A place in the chain: how many entries stand before it, and their digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) count: u64,
    pub(super) digest: Digest,
}

impl Place {
    /// The place after one more entry.
    pub(super) fn after(self, entry: &[u8]) -> Self {
        let digest = link(&self.digest, &entry_digest(entry));
        Self { count: self.count.saturating_add(1), digest }
    }
}

/// What stands behind the last whole record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// Nothing.
    Clean,
    /// A write that a crash cut short: no answer ever left for it.
    Torn,
    /// Something that no crash leaves.
    Damaged,
}

/// The name of the file that begins with this entry.
pub(super) fn path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}.log"))
}

/// The entry that a file begins with, by its name.
pub(super) fn first_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(".log")?;
    (name.len() == 20).then(|| name.parse().ok()).flatten()
}

/// Makes a new file that goes on at `place`; durable, name included.
pub(super) fn create(folder: &Path, place: Place) -> Result<File, Broken> {
    let path = path(folder, place.count);
    let made = || -> std::io::Result<File> {
        let mut options = OpenOptions::new();
        // One that a crash left without its head holds nothing: it is made anew.
        let file = options.read(true).write(true).create(true).truncate(true).mode(0o600);
        let file = file.open(&path)?;
        file.write_all_at(&head(place), 0)?;
        file.sync_all()?;
        File::open(folder)?.sync_all()?;
        Ok(file)
    };
    made().map_err(|e| broken(&path, "make", &e))
}

/// Opens a file to go on writing.
pub(super) fn open(path: &Path) -> Result<File, Broken> {
    OpenOptions::new().read(true).write(true).open(path).map_err(|e| broken(path, "open", &e))
}

/// One record's bytes.
pub(super) fn record(entry: &[u8], after: &Place) -> Vec<u8> {
    let length = u32::try_from(entry.len()).unwrap_or(u32::MAX).to_le_bytes();
    [&length, entry, &after.digest.0].concat()
}

fn head(place: Place) -> Vec<u8> {
    [&MAGIC[..], &FORMAT.to_le_bytes(), &place.count.to_le_bytes(), &place.digest.0].concat()
}

/// Where a file begins, by its head; `None` if the head is not whole or not of this format.
fn place_in(bytes: &[u8]) -> Option<Place> {
    let rest = bytes.strip_prefix(&MAGIC)?.strip_prefix(&FORMAT.to_le_bytes())?;
    let (count, rest) = rest.split_first_chunk()?;
    let (digest, _) = rest.split_first_chunk()?;
    Some(Place { count: u64::from_le_bytes(*count), digest: Digest(*digest) })
}

/// A file's records, read one after the other.
pub(super) struct Records<'a> {
    bytes: &'a [u8],
    /// Bytes up to the end of the last whole record.
    pub(super) end: usize,
    /// Where the chain is there.
    pub(super) place: Place,
}

impl<'a> Records<'a> {
    /// From a file's bytes; `None` if its head is not whole.
    pub(super) fn of(bytes: &'a [u8]) -> Option<Self> {
        Some(Self { bytes, end: START, place: place_in(bytes)? })
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.end..).unwrap_or_default()
    }

    /// The next whole record: entry, place after it, bytes of the record.
    fn peek(&self) -> Option<(&'a [u8], Place, usize)> {
        let (length, rest) = self.rest().split_first_chunk::<LENGTH>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        if length == 0 || length > limits::ACCESS_ENTRY_BYTES_MAX {
            return None;
        }
        let (entry, rest) = rest.split_at_checked(length)?;
        let after = self.place.after(entry);
        let holds = rest.first_chunk::<LINK>() == Some(&after.digest.0);
        holds.then_some((entry, after, LENGTH.saturating_add(length).saturating_add(LINK)))
    }

    /// What stands where no whole record does. Only a record's beginning, or room that was never
    /// written, comes of a crash.
    pub(super) fn tail(&self) -> Tail {
        let rest = self.rest();
        if rest.is_empty() {
            return Tail::Clean;
        }
        if rest.iter().all(|byte| *byte == 0) {
            return Tail::Torn;
        }
        let Some((length, behind)) = rest.split_first_chunk::<LENGTH>() else { return Tail::Torn };
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let plausible = (1..=limits::ACCESS_ENTRY_BYTES_MAX).contains(&length);
        let whole = length.saturating_add(LINK);
        // The last record's bytes may be there and not all of them written.
        if plausible && behind.len() <= whole { Tail::Torn } else { Tail::Damaged }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (entry, place, bytes) = self.peek()?;
        self.place = place;
        self.end = self.end.saturating_add(bytes);
        Some(entry)
    }
}

pub(super) fn broken(path: &Path, deed: &str, error: &std::io::Error) -> Broken {
    Broken(format!("cannot {deed} the access log {}: {error}", path.display()))
}
