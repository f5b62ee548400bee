//! Files of compiled contracts, so that a restart compiles nothing.
//!
//! Compiled code runs with the node's rights and the engine checks none of it. So each file begins
//! with a keyed hash that only this data folder's own key makes.
//!
//! # Invariants
//!
//! - **A1 own.** Only bytes that this folder's key vouches for are given out; on any doubt nothing
//!   is, and the code is compiled again.
//! - **A2 whole.** A file appears whole or not at all: it is written aside and renamed.

use linli_runtime::CodeCache;
use linli_types::id::Digest;
use linli_types::store::Broken;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file that holds the folder's key.
const KEY_FILE: &str = "key";
/// Compiled code is never larger: 512 KiB of code grow to less than a tenth of this.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of the keyed hash.
const SEAL: usize = 32;

/// The cache of one data folder.
pub struct FileCache {
    folder: PathBuf,
    key: [u8; 32],
}

impl FileCache {
    /// Opens the cache, or makes it with a fresh key.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the folder cannot be read or written.
    pub fn open(folder: &Path) -> Result<Self, Broken> {
        let broken = |e: io::Error| Broken(format!("cannot use {}: {e}", folder.display()));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(broken)?;
        let path = folder.join(KEY_FILE);
        let key = match fs::read(&path).map(<[u8; 32]>::try_from) {
            Ok(Ok(key)) => key,
            // A missing or spoilt key makes every file of the folder worthless, nothing more.
            Ok(Err(_)) => Self::make_key(&path).map_err(broken)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                Self::make_key(&path).map_err(broken)?
            }
            Err(e) => return Err(broken(e)),
        };
        Ok(Self { folder: folder.to_path_buf(), key })
    }

    fn make_key(path: &Path) -> io::Result<[u8; 32]> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(&key)?;
        Ok(key)
    }

    fn path(&self, code: &Digest, engine: u64) -> PathBuf {
        self.folder.join(format!("{code}-{engine:016x}"))
    }

    fn seal(&self, code: &Digest, engine: u64, bytes: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&code.0).update(&engine.to_le_bytes()).update(bytes);
        hasher.finalize()
    }

    fn write(&self, path: &Path, seal: &[u8], bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(seal)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    }
}

impl CodeCache for FileCache {
    fn get(&self, code: &Digest, engine: u64) -> Option<Vec<u8>> {
        let path = self.path(code, engine);
        if fs::metadata(&path).ok()?.len() > FILE_BYTES_MAX {
            return None;
        }
        let mut bytes = fs::read(path).ok()?;
        if bytes.len() < SEAL {
            return None;
        }
        let compiled = bytes.split_off(SEAL);
        let seal = blake3::Hash::from_bytes(bytes.try_into().ok()?);
        // A1; the comparison takes the same time whatever differs.
        (self.seal(code, engine, &compiled) == seal).then_some(compiled)
    }

    fn put(&self, code: &Digest, engine: u64, bytes: &[u8]) {
        let seal = self.seal(code, engine, bytes);
        if let Err(error) = self.write(&self.path(code, engine), seal.as_bytes(), bytes) {
            tracing::warn!(%error, "cache.code.put: it will be compiled again at the next start");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const CODE: Digest = Digest([3; 32]);

    #[test]
    fn what_was_put_comes_back_after_a_reopening() {
        let dir = TempDir::new().unwrap();
        FileCache::open(dir.path()).unwrap().put(&CODE, 1, b"compiled");
        let cache = FileCache::open(dir.path()).unwrap();
        assert_eq!(cache.get(&CODE, 1).unwrap(), b"compiled");
        assert_eq!(cache.get(&CODE, 2), None);
        assert_eq!(cache.get(&Digest([4; 32]), 1), None);
    }

    #[test]
    fn any_flipped_bit_is_compiled_again() {
        let dir = TempDir::new().unwrap();
        let cache = FileCache::open(dir.path()).unwrap();
        cache.put(&CODE, 1, b"compiled");
        let path = cache.path(&CODE, 1);
        let whole = fs::read(&path).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &bytes).unwrap();
            assert_eq!(cache.get(&CODE, 1), None, "bit {bit}");
        }
        fs::write(&path, b"short").unwrap();
        assert_eq!(cache.get(&CODE, 1), None);
    }

    #[test]
    fn a_file_of_another_folder_or_another_name_is_not_taken() {
        let (one, two) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let first = FileCache::open(one.path()).unwrap();
        let second = FileCache::open(two.path()).unwrap();
        first.put(&CODE, 1, b"compiled");
        fs::copy(first.path(&CODE, 1), second.path(&CODE, 1)).unwrap();
        fs::copy(first.path(&CODE, 1), first.path(&CODE, 2)).unwrap();
        assert_eq!(second.get(&CODE, 1), None);
        assert_eq!(first.get(&CODE, 2), None);
    }

    #[test]
    fn the_key_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = TempDir::new().unwrap();
        FileCache::open(dir.path()).unwrap();
        let mode = fs::metadata(dir.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
