//! The tokens that were obtained, one file each: `openssl ts -reply -token_in` reads them as they
//! are. The name says which log a token covers.

use linli_sdk::durable;
use linli_types::height::Height;
use linli_types::limits::{STAMPS_MAX, TOKEN_BYTES_MAX};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The folder in the data folder.
const FOLDER: &str = "timestamps";
/// What names of tokens end with.
const END: &str = ".token";

/// Tokens by the size of the log that they cover.
pub(crate) struct Stamps {
    folder: PathBuf,
    by_size: Mutex<BTreeMap<u64, Height>>,
}

impl Stamps {
    /// Opens the folder, and makes it if it is not there. Files with other names are left alone.
    ///
    /// # Errors
    ///
    /// The folder cannot be made or read.
    pub(crate) fn open(data: &Path) -> io::Result<Self> {
        let folder = data.join(FOLDER);
        std::fs::create_dir_all(&folder)?;
        let mut by_size = BTreeMap::new();
        for entry in std::fs::read_dir(&folder)? {
            if let Some((size, height)) = entry?.file_name().to_str().and_then(meaning) {
                by_size.insert(size, height);
            }
        }
        Ok(Self { folder, by_size: Mutex::new(by_size) })
    }

    /// The size of the newest log that a token covers.
    pub(crate) fn newest(&self) -> Option<u64> {
        self.lock().last_key_value().map(|(size, _)| *size)
    }

    /// Keeps a token; the oldest makes room when there are too many.
    ///
    /// # Errors
    ///
    /// The disk refuses.
    pub(crate) fn keep(&self, size: u64, height: Height, token: &[u8]) -> io::Result<()> {
        durable::write(&self.path(size, height), token)?;
        let mut by_size = self.lock();
        by_size.insert(size, height);
        while by_size.len() > STAMPS_MAX {
            let Some((size, height)) = by_size.pop_first() else { break };
            // One that is gone already has made room.
            let _ = std::fs::remove_file(self.path(size, height));
        }
        Ok(())
    }

    /// The first token that covers a leaf: the height of its block and its bytes. One that cannot
    /// be read is passed over for the next.
    pub(crate) fn find(&self, leaf: u64) -> Option<(Height, Vec<u8>)> {
        let later: Vec<_> = {
            let by_size = self.lock();
            let covering = by_size.range(leaf.checked_add(1)?..);
            covering.take(4).map(|(size, height)| (*size, *height)).collect()
        };
        later.into_iter().find_map(|(size, height)| Some((height, self.read(size, height)?)))
    }

    fn read(&self, size: u64, height: Height) -> Option<Vec<u8>> {
        let path = self.path(size, height);
        let mut bytes = Vec::new();
        let most = TOKEN_BYTES_MAX as u64;
        let read = File::open(&path).and_then(|file| file.take(most).read_to_end(&mut bytes));
        match read {
            Ok(_) => Some(bytes),
            Err(why) => {
                tracing::warn!(%why, path = %path.display(), "stamping.unreadable");
                None
            }
        }
    }

    fn path(&self, size: u64, height: Height) -> PathBuf {
        self.folder.join(format!("{size:020}-{:020}{END}", height.0))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Height>> {
        self.by_size.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn meaning(name: &str) -> Option<(u64, Height)> {
    let (size, height) = name.strip_suffix(END)?.split_once('-')?;
    Some((size.parse().ok()?, Height(height.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_token_that_covers_a_leaf_is_found_also_after_a_restart() {
        let data = tempfile::tempdir().unwrap();
        let stamps = Stamps::open(data.path()).unwrap();
        assert_eq!((stamps.newest(), stamps.find(0)), (None, None));
        for (size, height) in [(5, 10), (9, 20), (40, 30)] {
            stamps.keep(size, Height(height), &[height as u8]).unwrap();
        }
        std::fs::write(data.path().join(FOLDER).join("note.txt"), b"a stranger's").unwrap();
        for stamps in [stamps, Stamps::open(data.path()).unwrap()] {
            assert_eq!(stamps.newest(), Some(40));
            for (leaf, height) in [(0, 10), (4, 10), (5, 20), (8, 20), (9, 30), (39, 30)] {
                assert_eq!(stamps.find(leaf), Some((Height(height), vec![height as u8])), "{leaf}");
            }
            assert_eq!(stamps.find(40), None);
            assert_eq!(stamps.find(u64::MAX), None);
        }
    }

    #[test]
    fn a_token_that_is_gone_is_passed_over() {
        let data = tempfile::tempdir().unwrap();
        let stamps = Stamps::open(data.path()).unwrap();
        stamps.keep(5, Height(1), b"a").unwrap();
        stamps.keep(6, Height(2), b"b").unwrap();
        std::fs::remove_file(stamps.path(5, Height(1))).unwrap();
        assert_eq!(stamps.find(0), Some((Height(2), b"b".to_vec())));
    }
}
