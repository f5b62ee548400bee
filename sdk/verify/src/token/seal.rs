//! The authority's signature: RSA (PKCS #1 v1.5) and ECDSA over P-256 or P-384, with SHA-2.

use super::SHA_256;
use super::certificate::Certificate;
use super::der::{self, Der};
use super::read::Signer;
use alloc::vec::Vec;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::BoxedUint;
use sha2::Digest as _;

const SHA_384: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2];
const SHA_512: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3];
/// rsaEncryption; in a signature the digest is named beside it.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const RSA_SHA_256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
const RSA_SHA_384: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12];
const RSA_SHA_512: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13];
const EC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const ECDSA_SHA_256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const ECDSA_SHA_384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
const ECDSA_SHA_512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4];
/// The parameters of a key on P-256: prime256v1.
const P_256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
/// The parameters of a key on P-384: secp384r1.
const P_384: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x22];
/// Bits of an RSA modulus: larger ones would only cost time.
const RSA_BITS_MAX: usize = 4096;
const RSA_BITS_MIN: usize = 2048;

/// How an authority signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5.
    Rsa,
    /// ECDSA over P-256.
    P256,
    /// ECDSA over P-384.
    P384,
}

/// A digest that a token may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub(super) fn named(oid: &[u8]) -> Option<Self> {
        match oid {
            SHA_256 => Some(Self::Sha256),
            SHA_384 => Some(Self::Sha384),
            SHA_512 => Some(Self::Sha512),
            _ => None,
        }
    }

    pub(super) fn of(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => sha2::Sha256::digest(bytes).to_vec(),
            Self::Sha384 => sha2::Sha384::digest(bytes).to_vec(),
            Self::Sha512 => sha2::Sha512::digest(bytes).to_vec(),
        }
    }
}

/// Whether the signature holds; `None` if its algorithm is not one of ours.
pub(super) fn holds(signer: &Signer<'_>, by: &Certificate<'_>) -> Option<(Algorithm, bool)> {
    let hash = Hash::named(signer.digest)?;
    let is_rsa = match signer.algorithm {
        RSA => true,
        RSA_SHA_256 | ECDSA_SHA_256 if hash == Hash::Sha256 => signer.algorithm == RSA_SHA_256,
        RSA_SHA_384 | ECDSA_SHA_384 if hash == Hash::Sha384 => signer.algorithm == RSA_SHA_384,
        RSA_SHA_512 | ECDSA_SHA_512 if hash == Hash::Sha512 => signer.algorithm == RSA_SHA_512,
        _ => return None,
    };
    let (digest, signature) = (hash.of(&signer.signed), signer.signature);
    let (algorithm, holds) = match (is_rsa, by.algorithm) {
        (true, (RSA, _)) => (Algorithm::Rsa, rsa_holds(by.key, hash, &digest, signature)),
        (false, (EC_KEY, P_256)) => (Algorithm::P256, p256_holds(by.key, &digest, signature)),
        (false, (EC_KEY, P_384)) => (Algorithm::P384, p384_holds(by.key, &digest, signature)),
        _ => return None,
    };
    Some((algorithm, holds.is_some()))
}

fn rsa_holds(key: &[u8], hash: Hash, digest: &[u8], signature: &[u8]) -> Option<()> {
    let mut fields = Der::only(key, der::SEQUENCE)?;
    let (modulus, exponent) = (fields.integer()?, fields.integer()?);
    fields.end()?;
    // Numbers below zero, and numbers that are only long, end here.
    let positive = |number: &[u8]| number.first().is_some_and(|first| *first < 0x80);
    if !positive(modulus) || !positive(exponent) || modulus.len() > RSA_BITS_MAX / 8 + 1 {
        return None;
    }
    if exponent.len() > 8 {
        return None;
    }
    let number = BoxedUint::from_be_slice_vartime;
    let bits = RSA_BITS_MIN..=RSA_BITS_MAX;
    let key = rsa::PublicKey::new_with_size_limits(number(modulus), number(exponent), bits).ok()?;
    let signature = rsa::pkcs1v15::Signature::try_from(signature).ok()?;
    let verified =
        match hash {
            Hash::Sha256 => rsa::pkcs1v15::VerifyingKey::<sha2::Sha256>::new(key)
                .verify_prehash(digest, &signature),
            Hash::Sha384 => rsa::pkcs1v15::VerifyingKey::<sha2::Sha384>::new(key)
                .verify_prehash(digest, &signature),
            Hash::Sha512 => rsa::pkcs1v15::VerifyingKey::<sha2::Sha512>::new(key)
                .verify_prehash(digest, &signature),
        };
    verified.ok()
}

fn p256_holds(key: &[u8], digest: &[u8], signature: &[u8]) -> Option<()> {
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    let signature = p256::ecdsa::Signature::from_der(signature).ok()?;
    key.verify_prehash(digest, &signature).ok()
}

fn p384_holds(key: &[u8], digest: &[u8], signature: &[u8]) -> Option<()> {
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    let signature = p384::ecdsa::Signature::from_der(signature).ok()?;
    key.verify_prehash(digest, &signature).ok()
}
