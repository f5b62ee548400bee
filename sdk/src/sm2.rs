//! An organisation's SM2 key: the second signature of its statements (GB/T 32918.2).
//!
//! The nonce is derived from key and message (RFC 6979 with SM3), so no weak random source betrays
//! the key. What it signs is checked by `linli_verify::sm2`.

use crate::error::{Error, ErrorKind};
use crate::key::random;
use core::fmt;
use linli_types::id::ChainId;
use linli_types::limits::SM2_SIGNER_ID_BYTES_MAX;
use linli_verify::sm2::{PUBLIC_KEY_BYTES, Signed, possession};
use sm2::dsa::SigningKey;
use sm2::dsa::signature::Signer;
use zeroize::Zeroizing;

/// An SM2 secret key with its signer's id. `Debug` shows the public half only.
#[derive(Clone)]
pub struct Sm2Key(SigningKey);

impl Sm2Key {
    /// Draws a new key for this signer's id.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Machine`] if there are no random bytes, [`ErrorKind::Key`] if the id is too long.
    pub fn generate(signer_id: &str) -> Result<Self, Error> {
        // One of 2^32 draws is no number below the order; then the next one is taken.
        for _ in 0..8 {
            match Self::from_bytes(&Zeroizing::new(random::<32>()?), signer_id) {
                Err(error) if signer_id_fits(signer_id) => drop(error),
                made => return made,
            }
        }
        Err(unusable())
    }

    /// The key of this secret number.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Key`] if it is no such number, or the id is empty or too long.
    pub fn from_bytes(secret: &[u8; 32], signer_id: &str) -> Result<Self, Error> {
        if !signer_id_fits(signer_id) {
            let (zh, en) = ("签名者标识应为 1 至 64 字节", "a signer id has 1 to 64 bytes");
            return Err(Error::new(ErrorKind::Key, zh, en));
        }
        SigningKey::from_slice(signer_id, secret).map(Self).map_err(|_| unusable())
    }

    /// The secret number, for a keystore; zeroed when dropped.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(&self.0.to_bytes());
        bytes
    }

    /// The public half: 4, x, y.
    ///
    /// # Panics
    ///
    /// Never: an uncompressed point has 65 bytes.
    pub fn public(&self) -> [u8; PUBLIC_KEY_BYTES] {
        let bytes = self.0.verifying_key().to_sec1_bytes();
        (*bytes).try_into().expect("an uncompressed point has 65 bytes")
    }

    /// The signer's id.
    pub fn signer_id(&self) -> &str {
        self.0.distid()
    }

    /// Signs `message`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Key`] if this key cannot sign this message: once in 2^255 times.
    pub fn sign(&self, message: &[u8]) -> Result<Signed, Error> {
        let signature = self.0.try_sign(message).map_err(|_| unusable())?;
        let (public_key, signer_id) = (self.public(), self.signer_id().to_string());
        Ok(Signed { public_key, signer_id, signature: signature.to_bytes().into() })
    }

    /// Shows that its holder has it and means it for this organisation.
    ///
    /// # Errors
    ///
    /// As [`Sm2Key::sign`].
    pub fn prove(&self, chain: &ChainId, org: u32) -> Result<Signed, Error> {
        self.sign(&possession(chain, org, &self.public(), self.signer_id()))
    }
}

impl fmt::Debug for Sm2Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sm2Key(of {} {})", self.signer_id(), hex::encode(self.public()))
    }
}

fn signer_id_fits(signer_id: &str) -> bool {
    (1..=SM2_SIGNER_ID_BYTES_MAX).contains(&signer_id.len())
}

fn unusable() -> Error {
    Error::new(ErrorKind::Key, "SM2 密钥不可用", "the SM2 key cannot be used")
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_verify::sm2::{BadSm2, DEFAULT_SIGNER_ID};

    #[test]
    fn what_it_signs_verifies_and_names_its_key_and_id() {
        let key = Sm2Key::generate(DEFAULT_SIGNER_ID).unwrap();
        let signed = key.sign(b"bytes").unwrap();
        assert_eq!(signed.verify(b"bytes"), Ok(()));
        assert_eq!(signed.verify(b"other"), Err(BadSm2::Signature));
        assert_eq!((signed.public_key, signed.signer_id.as_str()), (key.public(), key.signer_id()));
        // Nothing random enters.
        assert_eq!(key.sign(b"bytes").unwrap(), signed);
    }

    #[test]
    fn a_proof_of_possession_is_for_one_organisation() {
        let key = Sm2Key::from_bytes(&[7; 32], "linli-org-2").unwrap();
        let chain = ChainId([1; 32]);
        let proof = key.prove(&chain, 2).unwrap();
        let message = |org| possession(&chain, org, &key.public(), "linli-org-2");
        assert_eq!(proof.verify(&message(2)), Ok(()));
        assert_eq!(proof.verify(&message(3)), Err(BadSm2::Signature));
    }

    #[test]
    fn secrets_and_ids_out_of_range_are_refused() {
        for secret in [[0; 32], [0xff; 32]] {
            assert_eq!(Sm2Key::from_bytes(&secret, "a").unwrap_err().kind(), ErrorKind::Key);
        }
        for id in [String::new(), "a".repeat(65)] {
            assert_eq!(Sm2Key::generate(&id).unwrap_err().kind(), ErrorKind::Key);
        }
        assert!(Sm2Key::generate(&"a".repeat(64)).is_ok());
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", Sm2Key::from_bytes(&[7; 32], "id").unwrap());
        assert!(!shown.contains("0707") && shown.contains("of id 04"), "{shown}");
    }
}
