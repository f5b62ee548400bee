//! The validator's consensus key at work. Whether something may be signed is decided by the core,
//! which never asks twice for one vote.

use ed25519_dalek::{Signer as _, SigningKey};
use linli_core::Crypto;
use linli_types::id::{PublicKey, Signature};
use linli_types::signature::{Verify, Zip215};

/// Signs with one key in memory, verifies by ZIP-215.
pub struct KeySigner {
    key: SigningKey,
}

impl KeySigner {
    /// A signer with this seed. The key is wiped when it is dropped.
    pub fn new(seed: &[u8; 32]) -> Self {
        Self { key: SigningKey::from_bytes(seed) }
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
    fn sign(&mut self, bytes: &[u8]) -> Signature {
        Signature(self.key.sign(bytes).to_bytes())
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
        let mut signer = KeySigner::new(&[7; 32]);
        let (key, signature) = (signer.public(), signer.sign(b"vote"));
        assert!(signer.verifier().verify(&key, b"vote", &signature));
        assert!(!signer.verifier().verify(&key, b"other", &signature));
        assert_eq!(format!("{signer:?}"), format!("KeySigner({key})"));
    }
}
