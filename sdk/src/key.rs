//! A secret key: it signs, shows itself to nobody and leaves no trace in memory.

use crate::error::{Error, ErrorKind};
use core::fmt;
use ed25519_dalek::{Signer, SigningKey};
use linli_types::id::{PublicKey, Signature};
use zeroize::Zeroizing;

/// An Ed25519 secret key. Zeroed when dropped; `Debug` shows the public half only.
#[derive(Clone)]
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// Draws a new key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Machine`] if the operating system gives no random bytes.
    pub fn generate() -> Result<Self, Error> {
        Ok(Self::from_bytes(&Zeroizing::new(random::<32>()?)))
    }

    /// The key of this seed.
    pub fn from_bytes(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The seed, for a keystore or a network library; zeroed when dropped.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs `bytes`: always a preimage with a domain and a chain.
    pub fn sign(&self, bytes: &[u8]) -> Signature {
        Signature(self.0.sign(bytes).to_bytes())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {:?})", self.public())
    }
}

/// Random bytes of the operating system.
///
/// # Errors
///
/// [`ErrorKind::Machine`] if it gives none.
pub fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| {
        Error::new(
            ErrorKind::Machine,
            format!("没有可用的随机数：{e}"),
            format!("no random bytes: {e}"),
        )
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_types::signature::{Verify, Zip215};

    #[test]
    fn what_it_signs_verifies_by_the_chain_s_rule() {
        let key = SecretKey::generate().unwrap();
        let signature = key.sign(b"bytes");
        assert!(Zip215.verify(&key.public(), b"bytes", &signature));
        assert!(!Zip215.verify(&key.public(), b"other", &signature));
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = SecretKey::from_bytes(&[7; 32]);
        let shown = format!("{key:?}");
        assert!(!shown.contains("0707") && shown.contains("PublicKey"), "{shown}");
    }

    #[test]
    fn two_keys_differ() {
        let [a, b] = [SecretKey::generate().unwrap(), SecretKey::generate().unwrap()];
        assert_ne!(a.public(), b.public());
    }
}
