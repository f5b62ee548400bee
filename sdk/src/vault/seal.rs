//! Sealing: XChaCha20-Poly1305 under the key of one record, segment by segment.
//!
//! A segment stands as ciphertext ‖ tag ‖ nonce. The nonce is random (24 bytes: chance never
//! repeats one), so nothing depends on counting right after an interruption.
//!
//! # Invariants
//!
//! - **S1 in its place.** Record, part, index and "the last one" are associated data: a segment that
//!   was moved, swapped, left out or cut off does not open.

use crate::error::{Error, ErrorKind};
use crate::key::random;
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use linli_types::id::Digest;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of plain text in a segment. One is in memory at a time, whatever the file's size.
pub(super) const SEGMENT_BYTES: usize = 4 * 1024 * 1024;
const NONCE_BYTES: usize = 24;
/// What sealing adds.
pub(super) const ADDED_BYTES: usize = 16 + NONCE_BYTES;
const SEGMENT_DOMAIN: &[u8] = b"linli.vault.segment.v1";

/// A secret key of 32 bytes, wiped when dropped and never shown.
#[derive(Clone)]
pub(super) struct Key(Zeroizing<[u8; 32]>);

impl Key {
    pub(super) fn draw() -> Result<Self, Error> {
        Ok(Self(Zeroizing::new(random()?)))
    }

    pub(super) fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 16 bytes of a keyed digest under a key derived for `use_`.
    pub(super) fn tag(&self, use_: &str, bytes: &[u8]) -> [u8; 16] {
        let key = Zeroizing::new(blake3::derive_key(use_, &*self.0));
        let whole = blake3::keyed_hash(&key, bytes);
        let mut tag = [0; 16];
        tag.iter_mut().zip(whole.as_bytes()).for_each(|(to, from)| *to = *from);
        tag
    }

    /// Seals `plain`, which is used up: what comes back is ciphertext ‖ tag ‖ nonce.
    pub(super) fn seal(&self, associated: &[u8], mut plain: Vec<u8>) -> Result<Vec<u8>, Error> {
        let nonce: [u8; NONCE_BYTES] = random()?;
        let cipher = XChaCha20Poly1305::new((&*self.0).into());
        let sealed = cipher.encrypt_in_place(&XNonce::from(nonce), associated, &mut plain);
        if sealed.is_err() {
            plain.zeroize();
            let (zh, en) = ("无法加密", "it cannot be encrypted");
            return Err(Error::new(ErrorKind::Machine, zh, en));
        }
        plain.extend_from_slice(&nonce);
        Ok(plain)
    }

    /// Opens what [`Self::seal`] made; `None` if one bit differs, in it or in `associated`.
    pub(super) fn open(
        &self,
        associated: &[u8],
        mut sealed: Vec<u8>,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let at = sealed.len().checked_sub(NONCE_BYTES)?;
        let nonce: [u8; NONCE_BYTES] = sealed.get(at..)?.try_into().ok()?;
        sealed.truncate(at);
        let cipher = XChaCha20Poly1305::new((&*self.0).into());
        cipher.decrypt_in_place(&XNonce::from(nonce), associated, &mut sealed).ok()?;
        Some(Zeroizing::new(sealed))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Where a segment stands (S1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) record: Digest,
    pub(super) part: u32,
    pub(super) index: u64,
    pub(super) last: bool,
}

impl Place {
    pub(super) fn associated(&self) -> Vec<u8> {
        let mut bytes = SEGMENT_DOMAIN.to_vec();
        bytes.extend_from_slice(&self.record.0);
        bytes.extend_from_slice(&self.part.to_be_bytes());
        bytes.extend_from_slice(&self.index.to_be_bytes());
        bytes.push(u8::from(self.last));
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLACE: Place = Place { record: Digest([1; 32]), part: 0, index: 3, last: false };

    #[test]
    fn a_segment_opens_only_in_its_place() {
        let key = Key::draw().unwrap();
        let sealed = key.seal(&PLACE.associated(), b"segment".to_vec()).unwrap();
        assert_eq!(sealed.len(), 7 + ADDED_BYTES);
        let opened = key.open(&PLACE.associated(), sealed.clone()).unwrap();
        assert_eq!(opened.as_slice(), b"segment");
        // INV-S1
        let others = [
            Place { record: Digest([2; 32]), ..PLACE },
            Place { part: 1, ..PLACE },
            Place { index: 2, ..PLACE },
            Place { last: true, ..PLACE },
        ];
        for other in others {
            assert!(key.open(&other.associated(), sealed.clone()).is_none(), "{other:?}");
        }
        assert!(Key::draw().unwrap().open(&PLACE.associated(), sealed).is_none());
    }

    #[test]
    fn the_same_bytes_never_look_the_same() {
        let key = Key::draw().unwrap();
        let [a, b] = [0, 0].map(|_: u8| key.seal(b"", vec![5; 64]).unwrap());
        assert_ne!(a, b);
    }

    proptest! {
        #[test]
        fn every_flipped_bit_and_every_cut_is_found(
            plain in proptest::collection::vec(any::<u8>(), 0..200),
            at in any::<prop::sample::Index>(),
            bit in 0..8_u8,
        ) {
            let key = Key::new([9; 32]);
            let sealed = key.seal(b"a", plain.clone()).unwrap();
            let mut flipped = sealed.clone();
            flipped[at.index(sealed.len())] ^= 1 << bit;
            prop_assert!(key.open(b"a", flipped).is_none());
            prop_assert!(key.open(b"a", sealed[..at.index(sealed.len())].to_vec()).is_none());
            prop_assert_eq!(key.open(b"a", sealed).unwrap().to_vec(), plain);
        }
    }
}
