//! One of the log's two files: its head, its bytes, and the room it takes.
//!
//! ```text
//! 0        8         12       44      52       64
//! │ magic  │ format  │ secret │ check │ zeros  │ records …
//! ```

use super::record::{CHECK, Chain, Key};
use linli_types::store::Broken;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How the file begins.
const MAGIC: [u8; 8] = *b"linliwal";
/// The format that this code reads and writes.
const FORMAT: u32 = 2;
/// Bytes before the first record.
pub(super) const START: usize = 64;
/// The file grows in steps of this many bytes, zeroed and synced beforehand, so that an ordinary
/// sync touches no metadata.
pub(super) const STEP: u64 = 4 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct LogFile {
    file: File,
    path: PathBuf,
    /// `None` until the file is made.
    key: Option<Key>,
    /// Bytes of the file that are written once already.
    size: u64,
}

impl LogFile {
    /// Opens a file, which may be new, and reads it.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<u8>), Broken> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(path).map_err(|e| broken(path, "open", &e))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|e| broken(path, "read", &e))?;
        // A crash while the file was made leaves zeros: nothing was ever promised.
        let key = match bytes.iter().all(|byte| *byte == 0) {
            true => None,
            false => Some(key_in(&bytes).ok_or_else(|| no_log(path))?),
        };
        Ok((Self { file, path: path.to_path_buf(), key, size: bytes.len() as u64 }, bytes))
    }

    /// Whether it has yet to be made.
    pub(super) const fn is_new(&self) -> bool {
        self.key.is_none()
    }

    /// Whether these bytes of it hold a record.
    pub(super) fn is_used(&self, bytes: &[u8]) -> bool {
        self.key.is_some_and(|key| !Chain::of(&key, bytes, START).records.is_empty())
    }

    pub(super) fn path(&self) -> std::path::Display<'_> {
        self.path.display()
    }

    /// The secret that its checks are made with.
    pub(super) fn key(&self) -> Key {
        self.key.unwrap_or(Key([0; 32]))
    }

    /// Gives a new file its room and its head.
    pub(super) fn make(&mut self) -> Result<(), Broken> {
        let mut key = Key([0; 32]);
        getrandom::fill(&mut key.0)
            .map_err(|e| Broken(format!("the system gives no random bytes: {e}")))?;
        self.size = 0;
        self.grow_to(STEP)?;
        let done = self.file.write_all_at(&head(&key), 0).and_then(|()| self.file.sync_all());
        done.map_err(|e| broken(&self.path, "write", &e))?;
        self.key = Some(key);
        Ok(())
    }

    /// The first `len` bytes.
    pub(super) fn read(&self, len: u64) -> Result<Vec<u8>, Broken> {
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut bytes, 0).map_err(|e| broken(&self.path, "read", &e))?;
        Ok(bytes)
    }

    /// Writes, not yet durable; makes room first if needed.
    pub(super) fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), Broken> {
        let end = at.saturating_add(bytes.len() as u64);
        if end > self.size {
            self.grow_to(end.next_multiple_of(STEP))?;
        }
        self.file.write_all_at(bytes, at).map_err(|e| broken(&self.path, "write", &e))
    }

    pub(super) fn sync(&self) -> Result<(), Broken> {
        self.file.sync_data().map_err(|e| broken(&self.path, "sync", &e))
    }

    /// Overwrites everything from `from` on with zeros, durably.
    pub(super) fn clear(&mut self, from: u64) -> Result<(), Broken> {
        let len = usize::try_from(self.size.saturating_sub(from)).unwrap_or(0);
        let done = self.file.write_all_at(&vec![0; len], from);
        let done = done.and_then(|()| self.file.sync_all());
        done.map_err(|e| broken(&self.path, "write", &e))
    }

    fn grow_to(&mut self, size: u64) -> Result<(), Broken> {
        let len = usize::try_from(size.saturating_sub(self.size)).unwrap_or(0);
        let done = self.file.write_all_at(&vec![0; len], self.size);
        let done = done.and_then(|()| self.file.sync_all());
        done.map_err(|e| broken(&self.path, "extend", &e))?;
        self.size = size;
        Ok(())
    }

    /// Replaces the open file by one that refuses writes.
    #[cfg(test)]
    pub(super) fn refuse_writes(&mut self) {
        self.file = File::open(&self.path).unwrap();
    }
}

fn head(key: &Key) -> [u8; START] {
    let mut first = [0; START];
    let parts = [&MAGIC[..], &FORMAT.to_le_bytes(), &key.0, &key.check(b'f', &MAGIC)];
    for (to, from) in first.iter_mut().zip(parts.concat()) {
        *to = from;
    }
    first
}

/// The secret in a file's head, if that is whole and of our format.
fn key_in(bytes: &[u8]) -> Option<Key> {
    let rest = bytes.strip_prefix(&MAGIC)?.strip_prefix(&FORMAT.to_le_bytes())?;
    let (key, rest) = rest.split_first_chunk()?;
    let (check, _) = rest.split_first_chunk::<CHECK>()?;
    let key = Key(*key);
    (key.check(b'f', &MAGIC) == *check).then_some(key)
}

fn no_log(path: &Path) -> Broken {
    Broken(format!("{} is no log of this version, or its head is damaged", path.display()))
}

pub(super) fn broken(path: &Path, deed: &str, error: &std::io::Error) -> Broken {
    let hint = match error.kind() {
        ErrorKind::StorageFull => "; the disk is full: make room and start again",
        ErrorKind::PermissionDenied => "; the node's user may not do that",
        _ => "",
    };
    Broken(format!("cannot {deed} {}: {error}{hint}", path.display()))
}
