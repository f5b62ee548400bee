//! Signatures that were found to hold before: a thousand receipts of one block share its
//! certificate, and all packs of a folder the history of the validators.
//!
//! It remembers only what holds, by a digest over key, message and signature; so it can save work
//! and never change an answer. Bounded: a full part is emptied.

use linli_types::id::{PublicKey, Signature};
use linli_types::signature::{Verify, Zip215};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Parts, so that threads seldom wait for each other.
const PARTS: usize = 16;
/// Signatures that one part remembers: some 8 MB over all parts.
const PART_MAX: usize = 8_192;

/// ZIP-215 with a memory.
pub(in crate::cli) struct Remember {
    parts: [Mutex<BTreeSet<[u8; 32]>>; PARTS],
}

impl Remember {
    pub(in crate::cli) fn new() -> Self {
        Self { parts: std::array::from_fn(|_| Mutex::new(BTreeSet::new())) }
    }
}

impl Verify for Remember {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&key.0).update(&signature.0).update(message);
        let id = *hasher.finalize().as_bytes();
        let Some(part) = self.parts.get(usize::from(id[0]) % PARTS) else { return false };
        if part.lock().unwrap_or_else(PoisonError::into_inner).contains(&id) {
            return true;
        }
        let holds = Zip215.verify(key, message, signature);
        if holds {
            let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
            if part.len() >= PART_MAX {
                part.clear();
            }
            part.insert(id);
        }
        holds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};

    #[test]
    fn what_held_once_is_found_again_and_what_does_not_is_never_kept() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let public = PublicKey(key.verifying_key().to_bytes());
        let good = Signature(key.sign(b"one").to_bytes());
        let remember = Remember::new();
        for _ in 0..2 {
            assert!(remember.verify(&public, b"one", &good));
            assert!(!remember.verify(&public, b"two", &good));
        }
        let kept: usize = remember.parts.iter().map(|part| part.lock().unwrap().len()).sum();
        assert_eq!(kept, 1);
    }
}
