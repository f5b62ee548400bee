//! What a transparency service says over HTTP (SCRAPI), as bytes: keys, problems, registrations,
//! transparent statements.
//!
//! ```text
//! key            {1: 1, 2: key, 3: -8, -1: 6, -2: key}                RFC 9052 §7
//! key set        [ key… ]
//! problem        {-1: title, -2: detail, -4: status}                  RFC 9290
//! receipts       [ << receipt >>… ]                                   RFC 9942, value of 394
//! transparent    the statement, with {394: receipts} unprotected      RFC 9943
//! registration   the statement, with {"linli": transaction} unprotected; or, of old,
//!                [ statement, transaction ]                           ours (decision 0019)
//! ```
//!
//! What stands in the unprotected header is no part of the statement: its id is that of the
//! statement with an empty one.

use super::cbor::{Reader, Unreadable, Writer};
use super::receipt::Receipt;
use super::{ALG, ALG_EDDSA, Bad, LINLI, TAG_SIGN1};
use alloc::vec::Vec;
use linli_types::id::{ChainId, PublicKey};
use linli_types::limits::{STATEMENT_BYTES_MAX, TRANSACTION_BYTES_MAX};

/// Media type of keys.
pub const CBOR: &str = "application/cbor";
/// Media type of any COSE message.
pub const COSE: &str = "application/cose";
/// Media type of a signed or transparent statement.
pub const STATEMENT: &str = "application/scitt-statement+cose";
/// Media type of one COSE receipt.
pub const RECEIPT: &str = "application/scitt-receipt+cose";
/// Media type of a problem.
pub const PROBLEM: &str = "application/concise-problem-details+cbor";
/// Media type of a registration as an array.
pub const REGISTRATION: &str = "application/vnd.linli.registration+cbor";
/// Bytes of the largest registration.
pub const REGISTRATION_BYTES_MAX: usize = STATEMENT_BYTES_MAX + TRANSACTION_BYTES_MAX + 64;
/// Header: the receipts of a transparent statement (RFC 9942).
const RECEIPTS: i64 = 394;

/// One Ed25519 key, which is its own key id.
pub fn key(key: &PublicKey) -> Vec<u8> {
    let mut writer = Writer::with_capacity(80);
    write_key(key, &mut writer);
    writer.into_bytes()
}

/// A set of them.
pub fn key_set(keys: &[PublicKey]) -> Vec<u8> {
    let mut writer = Writer::with_capacity(keys.len().saturating_mul(80));
    writer.array(keys.len());
    for key in keys {
        write_key(key, &mut writer);
    }
    writer.into_bytes()
}

fn write_key(key: &PublicKey, writer: &mut Writer) {
    writer.map(5).integer(1).integer(1).integer(2).bytes(&key.0).integer(3).integer(ALG_EDDSA);
    writer.integer(-1).integer(6).integer(-2).bytes(&key.0);
}

/// Who the service is and where it is asked: for clients of older drafts, which look it up.
pub fn configuration(chain: &ChainId) -> Vec<u8> {
    let mut writer = Writer::with_capacity(256);
    writer.map(4).text("issuer");
    super::issuer(&chain.0, &mut writer);
    writer.text("registration_endpoint").text("/entries");
    writer.text("keys_endpoint").text("/.well-known/scitt-keys");
    writer.text("supported_signature_algorithms").array(1).text("EdDSA");
    writer.into_bytes()
}

/// Why a request was not done.
pub fn problem(title: &str, detail: &str, status: u16) -> Vec<u8> {
    let mut writer = Writer::with_capacity(title.len().saturating_add(detail.len()) + 16);
    writer.map(3).integer(-1).text(title).integer(-2).text(detail);
    writer.integer(-4).unsigned(status.into());
    writer.into_bytes()
}

/// Receipts of one leaf by several validators: what stands under 394 in a transparent statement.
pub fn receipts(of: &[Receipt]) -> Vec<u8> {
    let mut writer = Writer::with_capacity(of.len().saturating_mul(1200));
    write_receipts(of, &mut writer);
    writer.into_bytes()
}

fn write_receipts(of: &[Receipt], writer: &mut Writer) {
    writer.array(of.len());
    for receipt in of {
        writer.bytes(&receipt.to_bytes());
    }
}

/// A signed statement's parts, but for the unprotected header.
struct Parts<'a> {
    protected: &'a [u8],
    payload: &'a [u8],
    signature: [u8; 64],
}

impl<'a> Parts<'a> {
    /// Reads a statement; `more` reads its unprotected header.
    fn read<T>(
        bytes: &'a [u8],
        more: impl FnOnce(&mut Reader<'a>) -> Result<T, Unreadable>,
    ) -> Result<(Self, T), Unreadable> {
        let mut reader = Reader::new(bytes);
        reader.tag(TAG_SIGN1)?;
        reader.array_of(4)?;
        let protected = reader.bytes()?;
        let more = more(&mut reader)?;
        let (payload, signature) = (reader.bytes()?, reader.exactly()?);
        reader.end()?;
        Ok((Self { protected, payload, signature }, more))
    }

    /// Writes it with what `more` writes in its unprotected header.
    fn write(&self, more: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let size = self.protected.len().saturating_add(self.payload.len()) + 128;
        let mut writer = Writer::with_capacity(size);
        writer.tag(TAG_SIGN1).array(4).bytes(self.protected);
        more(&mut writer);
        writer.bytes(self.payload).bytes(&self.signature);
        writer.into_bytes()
    }
}

impl Parts<'_> {
    /// The statement by itself: nothing in its unprotected header.
    fn alone(&self) -> Vec<u8> {
        self.write(|writer| {
            writer.map(0);
        })
    }
}

/// A statement with receipts in its unprotected header.
///
/// # Errors
///
/// [`Bad::Malformed`]: the bytes are no statement, or something stands in its header already.
pub fn transparent(statement: &[u8], of: &[Receipt]) -> Result<Vec<u8>, Bad> {
    let (parts, ()) = Parts::read(statement, |reader| reader.map_of(0))?;
    Ok(parts.write(|writer| {
        writer.map(1).integer(RECEIPTS);
        write_receipts(of, writer);
    }))
}

/// A statement that carries the signed transaction which registers it.
///
/// # Errors
///
/// As [`transparent`].
pub fn registration(statement: &[u8], transaction: &[u8]) -> Result<Vec<u8>, Bad> {
    let (parts, ()) = Parts::read(statement, |reader| reader.map_of(0))?;
    Ok(parts.write(|writer| {
        writer.map(1).text(LINLI).bytes(transaction);
    }))
}

/// Takes such a statement apart: the statement by itself, and the transaction if it carries one.
///
/// # Errors
///
/// [`Bad`]; the fault lies with whoever sent it.
pub fn read_registration(bytes: &[u8]) -> Result<(Vec<u8>, Option<&[u8]>), Bad> {
    check_size(bytes)?;
    let (parts, transaction) = Parts::read(bytes, |reader| match reader.map()? {
        0 => Ok(None),
        1 => {
            reader.is_text(LINLI)?;
            Ok(Some(reader.bytes()?))
        }
        _ => Err(Unreadable),
    })?;
    Ok((parts.alone(), transaction))
}

/// A statement and the signed transaction that registers it, as an array.
pub fn registration_array(statement: &[u8], transaction: &[u8]) -> Vec<u8> {
    let mut writer = Writer::with_capacity(statement.len().saturating_add(transaction.len()) + 16);
    writer.array(2).bytes(statement).bytes(transaction);
    writer.into_bytes()
}

/// Takes such an array apart: the statement, the transaction.
///
/// # Errors
///
/// [`Bad`]; the fault lies with whoever sent it.
pub fn read_registration_array(bytes: &[u8]) -> Result<(&[u8], &[u8]), Bad> {
    check_size(bytes)?;
    let parts = || -> Result<_, Unreadable> {
        let mut reader = Reader::new(bytes);
        reader.array_of(2)?;
        let parts = (reader.bytes()?, reader.bytes()?);
        reader.end()?;
        Ok(parts)
    };
    Ok(parts()?)
}

const fn check_size(bytes: &[u8]) -> Result<(), Bad> {
    let (found, max) = (bytes.len(), REGISTRATION_BYTES_MAX);
    if found > max { Err(Bad::TooLarge { found, max }) } else { Ok(()) }
}

/// What is wrong with a statement of somebody else's, as far as the standard has a name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not a statement in its one spelling.
    Malformed,
    /// Signed by another algorithm than EdDSA.
    Algorithm,
    /// Without a payload.
    Payload,
}

/// Looks for the fault of bytes that are not a statement of ours.
pub fn fault(bytes: &[u8]) -> Fault {
    let look = || -> Result<Fault, Unreadable> {
        let mut reader = Reader::new(bytes);
        reader.tag(TAG_SIGN1)?;
        reader.array_of(4)?;
        let mut protected = Reader::new(reader.bytes()?);
        protected.map()?;
        protected.is_integer(ALG)?;
        if protected.integer()? != ALG_EDDSA {
            return Ok(Fault::Algorithm);
        }
        reader.map_of(0)?;
        reader.null()?;
        Ok(Fault::Payload)
    };
    look().unwrap_or(Fault::Malformed)
}

#[cfg(test)]
mod tests;
