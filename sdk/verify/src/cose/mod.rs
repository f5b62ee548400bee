//! Statements and receipts in the standards' words, so that tools which are not ours check them.
//!
//! ```text
//! statement   COSE_Sign1 (RFC 9052) of a hash envelope (RFC 9995): what is anchored, signed by its
//!             source; a signed statement of SCITT (RFC 9943)
//! receipt     COSE_Sign1 (RFC 9942) over size and root of the evidence log, signed by a validator's
//!             receipt key; carries the way of a leaf to that root, or of an older root
//! delegation  the consensus key's word that a receipt key is the validator's
//! bare        receipts, header, certificate and delegations in one file (`.receipt`)
//! ```
//!
//! # Invariants
//!
//! - **X1 one spelling.** What is read is written anew and compared; any other bytes are refused.
//! - **X2 bounded.** No length that the bytes claim is allocated before the bytes are there.
//! - **X3 one rule.** Signatures are checked by [`linli_types::signature::Verify`] alone (ZIP-215).
//! - **X4 no word of its own.** A receipt key proves nothing that a certificate does not: a bare
//!   receipt holds only if a quorum certified the very root that the receipt key signed.

pub mod bare;
pub mod delegation;
pub mod receipt;
pub mod service;
pub mod statement;

mod cbor;

use alloc::vec::Vec;
use cbor::{Reader, Unreadable, Writer};
use core::ops::Range;
use linli_types::id::Signature;

/// Tag of a COSE_Sign1 (RFC 9052).
const TAG_SIGN1: u64 = 18;
/// Header: the algorithm.
const ALG: i64 = 1;
/// EdDSA (RFC 9053). Its fully specified successor, Ed25519 (-19), is not yet understood by
/// independent libraries.
const ALG_EDDSA: i64 = -8;
/// Header: the signer's key; here always its 32 raw bytes.
const KID: i64 = 4;
/// Header: claims about issuer and subject (RFC 9597).
const CLAIMS: i64 = 15;
const CLAIM_ISSUER: i64 = 1;
const CLAIM_SUBJECT: i64 = 2;
const CLAIM_ISSUED_AT: i64 = 6;
/// Header: what no standard names; private use.
const LINLI: &str = "linli";
/// How an issuer's name begins.
const ISSUER: &str = "linli:";

/// Why bytes are no statement or no receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Bad {
    /// More bytes than the bound.
    #[error("{found} bytes; at most {max} are allowed")]
    TooLarge {
        /// How many there are.
        found: usize,
        /// The bound.
        max: usize,
    },
    /// Not the expected items, or not in their one spelling.
    #[error("the bytes are not in the one spelling")]
    Malformed,
    /// The signature does not hold.
    #[error("the signature does not hold")]
    Signature,
}

impl From<Unreadable> for Bad {
    fn from(_: Unreadable) -> Self {
        Self::Malformed
    }
}

/// What a signer signs, and what becomes of it with the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToSign {
    /// The Sig_structure of RFC 9052; the protected header stands inside.
    message: Vec<u8>,
    protected: Range<usize>,
    payload: Range<usize>,
}

impl ToSign {
    /// `["Signature1", protected, external data: none, payload]`.
    fn new(protected: &[u8], payload: &[u8]) -> Self {
        let mut writer = Writer::with_capacity(protected.len().saturating_add(payload.len() + 32));
        writer.array(4).text("Signature1").bytes(protected);
        let end = writer.len();
        let protected = end.saturating_sub(protected.len())..end;
        writer.bytes(&[]).bytes(payload);
        let end = writer.len();
        let payload = end.saturating_sub(payload.len())..end;
        Self { message: writer.into_bytes(), protected, payload }
    }

    /// The exact bytes to sign. A second signature (SM2) is over the same bytes.
    pub fn sig_structure(&self) -> &[u8] {
        &self.message
    }

    /// The protected header's bytes.
    pub fn protected(&self) -> &[u8] {
        self.message.get(self.protected.clone()).unwrap_or_default()
    }

    fn payload(&self) -> &[u8] {
        self.message.get(self.payload.clone()).unwrap_or_default()
    }

    /// The COSE_Sign1 with its payload inside and an empty unprotected header.
    pub fn finish(&self, signature: &Signature) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.message.len().saturating_add(80));
        writer.tag(TAG_SIGN1).array(4).bytes(self.protected()).map(0);
        writer.bytes(self.payload()).bytes(&signature.0);
        writer.into_bytes()
    }
}

/// `linli:` and the hexadecimal digits of an id.
fn issuer(id: &[u8], to: &mut Writer) {
    let mut digits = [0_u8; ISSUER.len() + 64];
    let (prefix, rest) = digits.split_at_mut(ISSUER.len());
    prefix.copy_from_slice(ISSUER.as_bytes());
    for (pair, byte) in rest.chunks_exact_mut(2).zip(id) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    let used = ISSUER.len().saturating_add(id.len().saturating_mul(2));
    // Only ASCII was written.
    let text = digits.get(..used).and_then(|digits| core::str::from_utf8(digits).ok());
    to.text(text.unwrap_or_default());
}

const fn digit(value: u8) -> u8 {
    match value {
        0..=9 => b'0' + value,
        _ => b'a' + value - 10,
    }
}

/// The id in an issuer's name. Capital digits are not caught here: the spelling is compared (X1).
fn read_issuer<T: core::str::FromStr>(reader: &mut Reader<'_>) -> Result<T, Unreadable> {
    let text = reader.text()?.strip_prefix(ISSUER).ok_or(Unreadable)?;
    text.parse().map_err(|_| Unreadable)
}
