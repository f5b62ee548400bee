//! Ed25519 by ZIP-215 rules, single and in batches (design D6). The only place that verifies.
//!
//! # Invariants
//!
//! - **S1 one rule.** Single and batch verification accept exactly the same signatures, on every
//!   machine. `ed25519-dalek` verifies nothing here: its three verifiers disagree.
//! - **S2 clean keys.** A key that is registered is canonical and not of small order.
//!
//! Source: ZIP-215; Chalkias, Garillot, Nikolaenko, *Taming the many EdDSAs* (2020).

use crate::id::{PublicKey, Signature};
use alloc::vec::Vec;

/// One claim: `key` signed `message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who is said to have signed.
    pub key: PublicKey,
    /// What is said to be signed. Always a short preimage with a domain.
    pub message: Vec<u8>,
    /// The signature.
    pub signature: Signature,
}

/// Checks signatures. Production uses [`Zip215`]; the simulator may use a cheaper pretend scheme.
pub trait Verify: Send + Sync {
    /// Whether one claim holds.
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool;

    /// Whether each claim holds; the answers stand in the order of the claims.
    fn verify_each(&self, claims: &[Claim]) -> Vec<bool> {
        claims.iter().map(|c| self.verify(&c.key, &c.message, &c.signature)).collect()
    }
}

#[cfg(feature = "crypto")]
pub use real::{Zip215, check_public_key};

/// Why a public key may not be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// The bytes are not the one canonical spelling of a point.
    #[error("not the canonical spelling of a curve point")]
    NotCanonical,
    /// Anyone can sign for a key of small order.
    #[error("a key of small order")]
    SmallOrder,
}

#[cfg(feature = "crypto")]
mod real {
    use super::{BadKey, Claim, PublicKey, Signature, Verify};
    use alloc::vec::Vec;
    use core::convert::Infallible;
    use curve25519_dalek::edwards::CompressedEdwardsY;
    use ed25519_zebra::{VerificationKey, VerificationKeyBytes, batch};
    use rand_core::{TryCryptoRng, TryRng};

    /// ZIP-215 verification.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct Zip215;

    impl Verify for Zip215 {
        fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
            VerificationKey::try_from(key.0)
                .and_then(|key| key.verify(&signature.0.into(), message))
                .is_ok()
        }

        /// Checks the whole batch at once; only if that fails, each claim by itself.
        fn verify_each(&self, claims: &[Claim]) -> Vec<bool> {
            if claims.len() > 1 && whole(claims) {
                return alloc::vec![true; claims.len()];
            }
            claims.iter().map(|c| self.verify(&c.key, &c.message, &c.signature)).collect()
        }
    }

    fn whole(claims: &[Claim]) -> bool {
        let mut batch = batch::Verifier::new();
        for claim in claims {
            let key = VerificationKeyBytes::from(claim.key.0);
            batch.queue((key, claim.signature.0.into(), claim.message.as_slice()));
        }
        // The blinding factors come from the batch's own bytes: no chance enters (S1 holds for
        // any blinding that the signers cannot foresee, and they fixed their bytes first).
        batch.verify(Seeded::new(claims)).is_ok()
    }

    /// A random source seeded by what it blinds.
    struct Seeded(blake3::OutputReader);

    impl Seeded {
        fn new(claims: &[Claim]) -> Self {
            let mut hasher = blake3::Hasher::new();
            for claim in claims {
                hasher.update(&claim.key.0).update(&claim.signature.0);
                hasher.update(blake3::hash(&claim.message).as_bytes());
            }
            Self(hasher.finalize_xof())
        }
    }

    impl TryRng for Seeded {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            let mut bytes = [0; 4];
            self.0.fill(&mut bytes);
            Ok(u32::from_le_bytes(bytes))
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            let mut bytes = [0; 8];
            self.0.fill(&mut bytes);
            Ok(u64::from_le_bytes(bytes))
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
            self.0.fill(bytes);
            Ok(())
        }
    }

    impl TryCryptoRng for Seeded {}

    /// Refuses keys that no careful signer would have made (S2).
    ///
    /// # Errors
    ///
    /// [`BadKey`]; the fault lies with whoever offers the key.
    pub fn check_public_key(key: &PublicKey) -> Result<(), BadKey> {
        let point = CompressedEdwardsY(key.0).decompress().ok_or(BadKey::NotCanonical)?;
        if point.compress().0 != key.0 {
            return Err(BadKey::NotCanonical);
        }
        if point.is_small_order() {
            return Err(BadKey::SmallOrder);
        }
        Ok(())
    }
}

#[cfg(all(test, feature = "crypto"))]
mod tests {
    use super::*;
    use std::vec;

    /// The identity: canonical, of order one.
    const IDENTITY: PublicKey = PublicKey({
        let mut bytes = [0; 32];
        bytes[0] = 1;
        bytes
    });

    #[test]
    fn keys_of_small_order_are_refused() {
        assert_eq!(check_public_key(&IDENTITY), Err(BadKey::SmallOrder));
    }

    #[test]
    fn a_second_spelling_is_refused() {
        // y = 2^255 - 18 is y = 1 spelled a second time.
        let mut bytes = [0xff; 32];
        bytes[0] = 0xee;
        bytes[31] = 0x7f;
        assert_eq!(check_public_key(&PublicKey(bytes)), Err(BadKey::NotCanonical));
    }

    #[test]
    fn single_and_batch_agree_on_small_order_points() {
        // ZIP-215 accepts this one; strict verifiers refuse it. What matters is that both agree.
        let mut signature = [0; 64];
        signature[0] = 1;
        let claim =
            Claim { key: IDENTITY, message: vec![1, 2, 3], signature: Signature(signature) };
        let single = Zip215.verify(&claim.key, &claim.message, &claim.signature);
        let batch = Zip215.verify_each(&[claim.clone(), claim]);
        assert!(single);
        assert_eq!(batch, vec![true, true]);
    }

    #[test]
    fn one_bad_claim_does_not_spoil_the_others() {
        let mut good = [0; 64];
        good[0] = 1;
        let claim = |first| {
            let mut signature = good;
            signature[0] = first;
            Claim { key: IDENTITY, message: vec![7], signature: Signature(signature) }
        };
        assert_eq!(Zip215.verify_each(&[claim(1), claim(3), claim(1)]), vec![true, false, true]);
    }
}
