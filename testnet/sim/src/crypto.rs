//! Keys, and two schemes to sign with: a pretend one that costs a microsecond, and the real one.
//!
//! Public keys are always real Ed25519 keys, because the genesis refuses others. Under the pretend
//! scheme a signature is a keyed hash of the message under the signer's secret; to verify is to
//! compute it again from a table of secrets that only the verifier holds. Its second half is free:
//! as with Ed25519, whoever holds the key can sign one message in many ways.
//!
//! # Invariants
//!
//! - **Y1 own hand.** A [`Signer`] signs for its own keys only, and nothing else in a run signs: a liar
//!   cannot forge for another, under either scheme.

use ed25519_dalek::{Signer as _, SigningKey};
use linli_core::Crypto;
use linli_types::id::{PublicKey, Signature};
use linli_types::signature::{Verify, Zip215};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which signatures a run uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Keyed hashes.
    Pretend,
    /// Ed25519.
    Real,
}

/// A key pair, made once per process and shared by all runs.
#[derive(Clone)]
pub struct Pair {
    secret: SigningKey,
    /// The public half.
    pub public: PublicKey,
}

impl Pair {
    /// The `n`-th key pair of `kind`.
    pub fn new(kind: &str, n: u64) -> Self {
        let seed = blake3::Hasher::new()
            .update(b"linli-sim key ")
            .update(kind.as_bytes())
            .update(&n.to_le_bytes())
            .finalize();
        let secret = SigningKey::from_bytes(seed.as_bytes());
        let public = PublicKey(secret.verifying_key().to_bytes());
        Self { secret, public }
    }

    /// Signs under `scheme` (Y1).
    pub fn sign(&self, scheme: Scheme, message: &[u8]) -> Signature {
        match scheme {
            Scheme::Pretend => pretend(self.secret.as_bytes(), message),
            Scheme::Real => Signature(self.secret.sign(message).to_bytes()),
        }
    }
}

/// Another valid signature in place of `signature`, by whoever holds the key; `None` under the
/// real scheme, where it would take another nonce.
pub fn another(scheme: Scheme, signature: &Signature, nonce: u8) -> Option<Signature> {
    let mut bytes = signature.0;
    let last = bytes.last_mut().filter(|_| scheme == Scheme::Pretend)?;
    *last ^= nonce.max(1);
    Some(Signature(bytes))
}

fn pretend(secret: &[u8; 32], message: &[u8]) -> Signature {
    let mut bytes = [0; 64];
    let tag = blake3::keyed_hash(secret, message);
    bytes.iter_mut().zip(tag.as_bytes()).for_each(|(to, from)| *to = *from);
    Signature(bytes)
}

/// Verifies pretend signatures of known keys.
struct Table(BTreeMap<PublicKey, [u8; 32]>);

impl Verify for Table {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        let tag = |s: &Signature| s.0.first_chunk::<32>().copied();
        self.0.get(key).is_some_and(|secret| tag(&pretend(secret, message)) == tag(signature))
    }
}

/// The verifier of a run whose keys are these.
pub fn verifier<'a>(scheme: Scheme, pairs: impl Iterator<Item = &'a Pair>) -> Arc<dyn Verify> {
    match scheme {
        Scheme::Real => Arc::new(Zip215),
        Scheme::Pretend => {
            Arc::new(Table(pairs.map(|p| (p.public, *p.secret.as_bytes())).collect()))
        }
    }
}

/// Signs for one validator, with its key or the one that may follow it.
#[derive(Clone)]
pub struct Signer {
    pair: Pair,
    successor: Option<Pair>,
    scheme: Scheme,
    verify: Arc<dyn Verify>,
}

impl Signer {
    /// A signer for `pair`.
    pub const fn new(pair: Pair, scheme: Scheme, verify: Arc<dyn Verify>) -> Self {
        Self { pair, successor: None, scheme, verify }
    }

    /// The same, holding another key as well.
    #[must_use]
    pub fn with_successor(mut self, pair: Pair) -> Self {
        self.successor = Some(pair);
        self
    }

    /// The key that may follow.
    pub fn successor(&self) -> Option<PublicKey> {
        self.successor.as_ref().map(|pair| pair.public)
    }

    /// The key it signs for.
    pub const fn public(&self) -> PublicKey {
        self.pair.public
    }

    /// Signs: what a liar calls for its own lies.
    pub fn sign_as_self(&self, message: &[u8]) -> Signature {
        self.pair.sign(self.scheme, message)
    }
}

impl Crypto for Signer {
    fn sign(&mut self, key: &PublicKey, bytes: &[u8]) -> Signature {
        let pair = self.successor.as_ref().filter(|pair| pair.public == *key);
        pair.unwrap_or(&self.pair).sign(self.scheme, bytes)
    }

    fn verifier(&self) -> &dyn Verify {
        self.verify.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_schemes_accept_the_owner_and_nobody_else() {
        let pairs = [Pair::new("validator", 0), Pair::new("validator", 1)];
        for scheme in [Scheme::Pretend, Scheme::Real] {
            let verify = verifier(scheme, pairs.iter());
            let signature = pairs[0].sign(scheme, b"yes");
            assert!(verify.verify(&pairs[0].public, b"yes", &signature), "{scheme:?}");
            assert!(!verify.verify(&pairs[1].public, b"yes", &signature), "{scheme:?}");
            assert!(!verify.verify(&pairs[0].public, b"no", &signature), "{scheme:?}");
        }
    }

    #[test]
    fn a_key_that_nobody_holds_signs_nothing() {
        let verify = verifier(Scheme::Pretend, [].into_iter());
        let stranger = Pair::new("stranger", 0);
        let signature = stranger.sign(Scheme::Pretend, b"yes");
        assert!(!verify.verify(&stranger.public, b"yes", &signature));
    }
}
