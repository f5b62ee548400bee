//! What a transparency service says over HTTP (SCRAPI), as bytes: keys, problems, registrations.
//!
//! ```text
//! key set        [ {1: 1, 2: key, 3: -8, -1: 6, -2: key}… ]           RFC 9052 §7
//! problem        {-1: title, -2: detail, -4: status}                  RFC 9290
//! registration   [ statement, signed transaction that registers it ]  ours (decision 0019)
//! ```

use super::cbor::{Reader, Unreadable, Writer};
use super::{ALG_EDDSA, Bad};
use alloc::vec::Vec;
use linli_types::id::PublicKey;
use linli_types::limits::{STATEMENT_BYTES_MAX, TRANSACTION_BYTES_MAX};

/// Media type of a key set.
pub const KEY_SET: &str = "application/cose-key-set";
/// Media type of one COSE receipt.
pub const RECEIPT: &str = "application/scitt-receipt+cose";
/// Media type of a problem.
pub const PROBLEM: &str = "application/concise-problem-details+cbor";
/// Media type of a registration.
pub const REGISTRATION: &str = "application/vnd.linli.registration+cbor";
/// Bytes of the largest registration.
pub const REGISTRATION_BYTES_MAX: usize = STATEMENT_BYTES_MAX + TRANSACTION_BYTES_MAX + 16;

/// A set of Ed25519 keys, each its own key id.
pub fn key_set(keys: &[PublicKey]) -> Vec<u8> {
    let mut writer = Writer::with_capacity(keys.len().saturating_mul(80));
    writer.array(keys.len());
    for key in keys {
        writer.map(5).integer(1).integer(1).integer(2).bytes(&key.0).integer(3).integer(ALG_EDDSA);
        writer.integer(-1).integer(6).integer(-2).bytes(&key.0);
    }
    writer.into_bytes()
}

/// Why a request was not done.
pub fn problem(title: &str, detail: &str, status: u16) -> Vec<u8> {
    let mut writer = Writer::with_capacity(title.len().saturating_add(detail.len()) + 16);
    writer.map(3).integer(-1).text(title).integer(-2).text(detail);
    writer.integer(-4).unsigned(status.into());
    writer.into_bytes()
}

/// A statement and the signed transaction that registers it.
pub fn registration(statement: &[u8], transaction: &[u8]) -> Vec<u8> {
    let mut writer = Writer::with_capacity(statement.len().saturating_add(transaction.len()) + 16);
    writer.array(2).bytes(statement).bytes(transaction);
    writer.into_bytes()
}

/// Takes a registration apart: the statement, the transaction.
///
/// # Errors
///
/// [`Bad`]; the fault lies with whoever sent it.
pub fn read_registration(bytes: &[u8]) -> Result<(&[u8], &[u8]), Bad> {
    let (found, max) = (bytes.len(), REGISTRATION_BYTES_MAX);
    if found > max {
        return Err(Bad::TooLarge { found, max });
    }
    let parts = || -> Result<_, Unreadable> {
        let mut reader = Reader::new(bytes);
        reader.array_of(2)?;
        let parts = (reader.bytes()?, reader.bytes()?);
        reader.end()?;
        Ok(parts)
    };
    Ok(parts()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_comes_apart_as_it_was_put_together() {
        let bytes = registration(b"statement", &[7; 300]);
        assert_eq!(read_registration(&bytes), Ok((&b"statement"[..], &[7; 300][..])));
        assert!(read_registration(&bytes[..bytes.len() - 1]).is_err());
        assert!(read_registration(&[bytes.as_slice(), &[0]].concat()).is_err());
        assert!(read_registration(&alloc::vec![0x82; REGISTRATION_BYTES_MAX + 1]).is_err());
    }

    #[test]
    fn keys_and_problems_are_deterministic_cbor() {
        assert_eq!(key_set(&[]), [0x80]);
        let set = key_set(&[PublicKey([9; 32])]);
        assert_eq!(set.get(..4), Some(&[0x81, 0xa5, 1, 1][..]));
        assert_eq!(problem("a", "b", 404), b"\xa3\x20\x61a\x21\x61b\x23\x19\x01\x94");
    }
}
