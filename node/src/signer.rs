//! The validator's consensus key at work. Whether something may be signed is decided by the core,
//! which never asks twice for one vote.

use ed25519_dalek::{Signer as _, SigningKey};
use linli_core::Crypto;
use linli_types::id::{PublicKey, Signature};
use linli_types::signature::{Verify, Zip215};

/// Signs with a key in memory, or with its successor; verifies by ZIP-215.
pub struct KeySigner {
    key: SigningKey,
    successor: Option<SigningKey>,
}

impl KeySigner {
    /// A signer with this seed. The key is wiped when it is dropped.
    pub fn new(seed: &[u8; 32]) -> Self {
        Self { key: SigningKey::from_bytes(seed), successor: None }
    }

    /// The same, holding another key as well.
    #[must_use]
    pub fn with_successor(mut self, seed: Option<&[u8; 32]>) -> Self {
        self.successor = seed.map(SigningKey::from_bytes);
        self
    }

    /// The public key of the successor, if there is one.
    pub fn successor(&self) -> Option<PublicKey> {
        Some(PublicKey(self.successor.as_ref()?.verifying_key().to_bytes()))
    }

    /// The public key: the validator's name.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.key.verifying_key().to_bytes())
    }
}

impl std::fmt::Debug for KeySigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeySigner({})", self.public())
    }
}

impl Crypto for KeySigner {
    fn sign(&mut self, key: &PublicKey, bytes: &[u8]) -> Signature {
        let is_meant = |own: &&SigningKey| own.verifying_key().to_bytes() == key.0;
        let key = self.successor.as_ref().filter(is_meant).unwrap_or(&self.key);
        Signature(key.sign(bytes).to_bytes())
    }

    fn verifier(&self) -> &dyn Verify {
        &Zip215
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_signs_holds_and_its_debug_form_shows_no_secret() {
        let mut signer = KeySigner::new(&[7; 32]).with_successor(Some(&[8; 32]));
        let (key, next) = (signer.public(), KeySigner::new(&[8; 32]).public());
        let signature = signer.sign(&key, b"vote");
        assert!(signer.verifier().verify(&key, b"vote", &signature));
        assert!(!signer.verifier().verify(&key, b"other", &signature));
        let signature = signer.sign(&next, b"vote");
        assert!(signer.verifier().verify(&next, b"vote", &signature));
        assert_eq!(format!("{signer:?}"), format!("KeySigner({key})"));
    }
}
