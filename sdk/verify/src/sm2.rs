//! SM2 signatures (GB/T 32918.2), the second signature of an organisation (LEG-23).
//!
//! The digest is SM3 over Z and the message, and Z holds the signer's id and key: so the id is
//! kept with the signature. Both are over the same bytes that Ed25519 signs. Whether a key is an
//! organisation's is the ledger's to say; here it is only whether a signature holds.
//!
//! # Invariants
//!
//! - **2S1 one spelling.** A key is an uncompressed point, a signature `r ‖ s`, an entry strict borsh.
//! - **2S2 total.** No bytes panic, and no key off the curve verifies anything.

use crate::said::Detail;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::digest::Domain;
use linli_types::id::{ChainId, Digest};
use linli_types::limits::SM2_SIGNER_ID_BYTES_MAX;
use sha2::Digest as _;
use sm2::dsa::signature::Verifier;
use sm2::dsa::{Signature, VerifyingKey};

/// Bytes of a public key: 4, x, y.
pub const PUBLIC_KEY_BYTES: usize = 65;
/// Bytes of a signature: r, s.
pub const SIGNATURE_BYTES: usize = 64;
/// The signer's id where nobody chose another (GM/T 0009).
pub const DEFAULT_SIGNER_ID: &str = "1234567812345678";
/// First byte of an uncompressed point.
const UNCOMPRESSED: u8 = 4;

/// The entry `statement.sm2` of a pack: who is said to have signed, and the signature.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Signed {
    /// The uncompressed public key.
    pub public_key: [u8; PUBLIC_KEY_BYTES],
    /// The signer's id, which Z holds.
    pub signer_id: String,
    /// `r ‖ s`.
    pub signature: [u8; SIGNATURE_BYTES],
}

/// Why a key or a signature is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSm2 {
    /// The bytes are no entry in its one spelling.
    #[error("not an SM2 entry in its one spelling")]
    Malformed,
    /// The id is empty or too long.
    #[error("a signer id has 1 to 64 bytes")]
    SignerId,
    /// Not an uncompressed point of the curve.
    #[error("not an uncompressed point of the SM2 curve")]
    Key,
    /// The signature does not hold.
    #[error("the SM2 signature does not hold")]
    Signature,
}

impl BadSm2 {
    /// The same in both languages.
    pub fn detail(self) -> Detail {
        let zh = match self {
            Self::Malformed => "内容不是唯一写法的 SM2 条目",
            Self::SignerId => "签名者标识应为 1 至 64 字节",
            Self::Key => "公钥不是 SM2 曲线上的未压缩点",
            Self::Signature => "SM2 签名不成立",
        };
        Detail::new(zh, alloc::format!("{self}"))
    }
}

impl Signed {
    /// Reads an entry. Whether it holds is for [`Signed::verify`].
    ///
    /// # Errors
    ///
    /// [`BadSm2`] for anything but the one spelling (2S1).
    pub fn parse(bytes: &[u8]) -> Result<Self, BadSm2> {
        let most = PUBLIC_KEY_BYTES + SIGNATURE_BYTES + 4 + SM2_SIGNER_ID_BYTES_MAX;
        if bytes.len() > most {
            return Err(BadSm2::Malformed);
        }
        let read = Self::try_from_slice(bytes).map_err(|_| BadSm2::Malformed)?;
        check_form(&read.public_key, &read.signer_id)?;
        Ok(read)
    }

    /// The entry's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        linli_types::encode(self)
    }

    /// Checks the signature over `message`.
    ///
    /// # Errors
    ///
    /// [`BadSm2`] says what does not hold.
    pub fn verify(&self, message: &[u8]) -> Result<(), BadSm2> {
        verify(&self.public_key, &self.signer_id, message, &self.signature)
    }

    /// The key's id.
    pub fn key_id(&self) -> Digest {
        key_id(&self.public_key)
    }
}

/// The id of a key: SM3 of its 65 bytes.
pub fn key_id(public_key: &[u8; PUBLIC_KEY_BYTES]) -> Digest {
    Digest(sm3::Sm3::digest(public_key).into())
}

/// What a key signs to show that its holder has it: domain, chain, organisation, id, key.
pub fn possession(
    chain: &ChainId,
    org: u32,
    public_key: &[u8; PUBLIC_KEY_BYTES],
    signer_id: &str,
) -> Vec<u8> {
    let mut bytes = linli_types::certificate::preimage(Domain::Sm2Possession, chain);
    bytes.extend_from_slice(&linli_types::encode(&(org, signer_id, public_key)));
    bytes
}

/// What can be said of a key without the curve: the id's length and the first byte.
fn check_form(public_key: &[u8; PUBLIC_KEY_BYTES], signer_id: &str) -> Result<(), BadSm2> {
    if signer_id.is_empty() || signer_id.len() > SM2_SIGNER_ID_BYTES_MAX {
        return Err(BadSm2::SignerId);
    }
    if public_key.first() == Some(&UNCOMPRESSED) { Ok(()) } else { Err(BadSm2::Key) }
}

/// Whether a key is usable: a point of the curve, and not the identity, which has no such spelling.
///
/// # Errors
///
/// [`BadSm2`].
pub fn check_key(public_key: &[u8; PUBLIC_KEY_BYTES], signer_id: &str) -> Result<(), BadSm2> {
    opened(public_key, signer_id).map(|_| ())
}

fn opened(public_key: &[u8; PUBLIC_KEY_BYTES], id: &str) -> Result<VerifyingKey, BadSm2> {
    check_form(public_key, id)?;
    VerifyingKey::from_sec1_bytes(id, public_key).map_err(|_| BadSm2::Key)
}

/// Checks a signature over `message`.
///
/// # Errors
///
/// [`BadSm2`] says what does not hold.
pub fn verify(
    public_key: &[u8; PUBLIC_KEY_BYTES],
    signer_id: &str,
    message: &[u8],
    signature: &[u8; SIGNATURE_BYTES],
) -> Result<(), BadSm2> {
    let key = opened(public_key, signer_id)?;
    let signature = Signature::from_slice(signature).map_err(|_| BadSm2::Signature)?;
    key.verify(message, &signature).map_err(|_| BadSm2::Signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        let digits: Vec<u8> = text.bytes().filter(|b| *b != b' ').collect();
        let mut into = [0; N];
        for (byte, pair) in into.iter_mut().zip(digits.chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        }
        into
    }

    /// GB/T 32918.5-2017, appendix A.2: the recommended curve.
    fn standard() -> Signed {
        Signed {
            public_key: bytes(
                "04 09F9DF31 1E5421A1 50DD7D16 1E4BC5C6 72179FAD 1833FC07 6BB08FF3 56F35020 \
                 CCEA490C E26775A5 2DC6EA71 8CC1AA60 0AED05FB F35E084A 6632F607 2DA9AD13",
            ),
            signer_id: DEFAULT_SIGNER_ID.into(),
            signature: bytes(
                "F5A03B06 48D2C463 0EEAC513 E1BB81A1 5944DA38 27D5B741 43AC7EAC EEE720B3 \
                 B1B6AA29 DF212FD8 763182BC 0D421CA1 BB9038FD 1F7F42D4 840B69C4 85BBC1AA",
            ),
        }
    }

    #[test]
    fn leg_23_the_example_of_the_standard_verifies() {
        assert_eq!(standard().verify(b"message digest"), Ok(()));
    }

    #[test]
    fn another_message_id_or_key_does_not_verify() {
        let good = standard();
        assert_eq!(good.verify(b"message digesT"), Err(BadSm2::Signature));
        let other = Signed { signer_id: "1234567812345679".into(), ..good.clone() };
        assert_eq!(other.verify(b"message digest"), Err(BadSm2::Signature));
        // The inverse point is on the curve too.
        let mut inverse = good.clone();
        inverse.public_key[64] ^= 1;
        assert_eq!(inverse.verify(b"message digest"), Err(BadSm2::Key));
    }

    #[test]
    fn numbers_out_of_range_do_not_verify() {
        for spoil in [[0_u8; 32], [0xff; 32]] {
            for half in [0..32, 32..64] {
                let mut bad = standard();
                bad.signature[half].copy_from_slice(&spoil);
                assert_eq!(bad.verify(b"message digest"), Err(BadSm2::Signature));
            }
        }
    }

    #[test]
    fn ids_and_keys_out_of_form_are_refused() {
        let good = standard();
        let id = |id: String| Signed::parse(&Signed { signer_id: id, ..good.clone() }.to_bytes());
        assert_eq!(id(String::new()), Err(BadSm2::SignerId));
        assert!(id("a".repeat(64)).is_ok());
        assert_eq!(id("a".repeat(65)), Err(BadSm2::Malformed));
        for first in [0, 2, 3, 5, 6, 7] {
            let mut bad = good.clone();
            bad.public_key[0] = first;
            assert_eq!(Signed::parse(&bad.to_bytes()), Err(BadSm2::Key), "{first}");
            assert_eq!(bad.verify(b"message digest"), Err(BadSm2::Key), "{first}");
        }
        assert_eq!(check_key(&[4; PUBLIC_KEY_BYTES], "id"), Err(BadSm2::Key));
    }

    #[test]
    fn the_entry_has_one_spelling_and_a_frozen_one() {
        let entry = standard();
        let bytes = entry.to_bytes();
        assert_eq!(Signed::parse(&bytes), Ok(entry));
        assert_eq!((bytes.len(), &bytes[65..69]), (65 + 4 + 16 + 64, &[16, 0, 0, 0][..]));
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(Signed::parse(&longer), Err(BadSm2::Malformed));
        for cut in 0..bytes.len() {
            assert_eq!(Signed::parse(&bytes[..cut]), Err(BadSm2::Malformed), "{cut}");
        }
    }

    #[test]
    fn possession_is_of_one_chain_organisation_and_id() {
        let key = standard().public_key;
        let of = |chain, org, id| possession(&ChainId([chain; 32]), org, &key, id);
        let one = of(1, 2, "a");
        assert!(one.starts_with(b"linli.sm2-possession.v1\0"));
        for other in [of(2, 2, "a"), of(1, 3, "a"), of(1, 2, "b")] {
            assert_ne!(one, other);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Signed::parse(&noise);
        }

        #[test]
        fn no_flipped_bit_verifies(bit in 0_usize..(65 + 64) * 8) {
            let mut bad = standard();
            let (at, mask) = (bit / 8, 1 << (bit % 8));
            match at.checked_sub(65) {
                Some(at) => bad.signature[at] ^= mask,
                None => bad.public_key[at] ^= mask,
            }
            prop_assert!(bad.verify(b"message digest").is_err());
        }
    }
}
