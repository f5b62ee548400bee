//! Digests of a file, read as a stream: its size does not matter to memory.

use alloc::string::String;
use linli_types::id::Digest;
use sha2::Digest as _;
#[cfg(feature = "std")]
use std::io::Read;

/// Bytes read at a time.
#[cfg(feature = "std")]
const CHUNK_BYTES: usize = 128 * 1024;

/// What is known of a file: its name for people, its size and both digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDigests {
    /// The name it was given under. Not proved: a file is recognised by its digests.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256.
    pub sha256: Digest,
    /// SM3 (GB/T 32905).
    pub sm3: Digest,
}

impl FileDigests {
    /// Reads everything and digests it.
    ///
    /// # Errors
    ///
    /// The reader's own.
    #[cfg(feature = "std")]
    pub fn read(name: impl Into<String>, mut reader: impl Read) -> std::io::Result<Self> {
        let mut hasher = FileHasher::new();
        let mut chunk = alloc::vec![0; CHUNK_BYTES];
        loop {
            let found = match reader.read(&mut chunk) {
                Ok(0) => break,
                Ok(found) => found,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            // A reader that claims more than the chunk holds breaks its own contract.
            hasher.update(chunk.get(..found).ok_or(std::io::ErrorKind::InvalidData)?);
        }
        Ok(hasher.finish(name))
    }

    /// The digests of bytes at hand.
    pub fn of(name: impl Into<String>, bytes: &[u8]) -> Self {
        let (sha256, sm3) = both(bytes);
        Self { name: name.into(), size: bytes.len() as u64, sha256, sm3 }
    }
}

/// Both digests of a file that comes in pieces.
#[derive(Clone, Debug, Default)]
pub struct FileHasher {
    sha256: sha2::Sha256,
    sm3: sm3::Sm3,
    size: u64,
}

impl FileHasher {
    /// Of a file whose bytes are still to come.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.sm3.update(bytes);
        self.size = self.size.saturating_add(bytes.len() as u64);
    }

    /// The digests of all pieces.
    pub fn finish(self, name: impl Into<String>) -> FileDigests {
        let Self { sha256, sm3, size } = self;
        let (sha256, sm3) = (Digest(sha256.finalize().into()), Digest(sm3.finalize().into()));
        FileDigests { name: name.into(), size, sha256, sm3 }
    }
}

/// SHA-256 and SM3 of `bytes`.
pub fn both(bytes: &[u8]) -> (Digest, Digest) {
    (Digest(sha2::Sha256::digest(bytes).into()), Digest(sm3::Sm3::digest(bytes).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_digests_hold() {
        // FIPS 180-4 and GB/T 32905-2016, appendix A.1: the message "abc".
        let (sha256, sm3) = both(b"abc");
        let fips = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let gb = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0";
        assert_eq!((sha256, sm3), (fips.parse().unwrap(), gb.parse().unwrap()));
    }

    #[cfg(feature = "std")]
    #[test]
    fn a_stream_in_odd_pieces_gives_the_same_digests() {
        struct Odd<'a>(&'a [u8], usize);
        impl Read for Odd<'_> {
            fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
                self.1 = self.1 * 7 % 1013 + 1;
                let take = self.1.min(self.0.len()).min(into.len());
                into[..take].copy_from_slice(&self.0[..take]);
                self.0 = &self.0[take..];
                Ok(take)
            }
        }
        let bytes: alloc::vec::Vec<u8> = (0..400_000_u32).map(|i| ((i * 31) >> 3) as u8).collect();
        let read = FileDigests::read("f", Odd(&bytes, 3)).unwrap();
        assert_eq!(read, FileDigests::of("f", &bytes));
        assert_eq!(read.size, 400_000);
    }

    #[cfg(feature = "std")]
    #[test]
    fn a_reader_that_fails_is_reported() {
        struct Bad;
        impl Read for Bad {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::PermissionDenied.into())
            }
        }
        assert!(FileDigests::read("f", Bad).is_err());
    }
}
