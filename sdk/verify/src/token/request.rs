//! What is asked of an authority, and the frame of what it answers (RFC 3161, section 2.4).

use super::der::{self, Der};
use super::{BadToken, SHA_256};
use alloc::vec::Vec;
use linli_types::id::Digest;
use linli_types::limits::TOKEN_BYTES_MAX;

/// Asks for a token over a SHA-256 digest, with the authority's certificate in it. In DER.
pub fn request(imprint: &Digest, nonce: u64) -> Vec<u8> {
    let algorithm = element(der::SEQUENCE, &[&element(der::OID, &[SHA_256]), &[5, 0]]);
    let digest = element(der::OCTET_STRING, &[&imprint.0]);
    let body = [
        element(der::INTEGER, &[&[1]]),
        element(der::SEQUENCE, &[&algorithm, &digest]),
        element(der::INTEGER, &[&number(nonce)]),
        element(der::BOOLEAN, &[&[0xff]]),
    ];
    element(der::SEQUENCE, &[&body.concat()])
}

/// A whole number's shortest bytes.
pub(super) fn number(value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let mut body: Vec<u8> = bytes.into_iter().skip(zeros).collect();
    if body.first().is_none_or(|first| *first >= 0x80) {
        body.insert(0, 0);
    }
    body
}

/// One element; all that a request holds is short.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let mut bytes = alloc::vec![tag, u8::try_from(body.len()).unwrap_or(u8::MAX)];
    bytes.extend_from_slice(&body);
    bytes
}

/// The token in an authority's answer.
///
/// # Errors
///
/// [`BadToken::Refused`] if the authority did not grant it, otherwise what is wrong with the bytes.
pub fn granted(answer: &[u8]) -> Result<&[u8], BadToken> {
    if answer.len() > TOKEN_BYTES_MAX {
        return Err(BadToken::TooLarge);
    }
    let (status, token) = frame(answer).ok_or(BadToken::Malformed)?;
    match status {
        // Granted, or granted with changes that the token shows.
        0 | 1 => token.ok_or(BadToken::Malformed),
        status => Err(BadToken::Refused(status)),
    }
}

fn frame(answer: &[u8]) -> Option<(u8, Option<&[u8]>)> {
    let mut fields = Der::only(answer, der::SEQUENCE)?;
    let status = fields.enter(der::SEQUENCE)?.small()?;
    let token = fields.maybe(der::SEQUENCE).map(|token| token.whole);
    fields.end()?;
    Some((status, token))
}
