//! What must be known of an authority's certificate: whose it is, until when, for what, which key.
//!
//! Who vouches for it is not asked here: `openssl ts -verify -CAfile` does that.

use super::BadToken;
use super::der::{self, Der};
use super::moment;
use crate::base64;
use alloc::string::String;
use alloc::vec::Vec;
use linli_types::height::TimeMs;
use linli_types::limits::TOKEN_BYTES_MAX;

/// id-ce-subjectKeyIdentifier.
const KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];
/// id-ce-extKeyUsage.
const USAGE: &[u8] = &[0x55, 0x1d, 0x25];
/// id-kp-timeStamping.
const TIME_STAMPING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];

/// A certificate, as far as a token needs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Certificate<'a> {
    /// All of it.
    pub(super) bytes: &'a [u8],
    /// The whole name of who issued it.
    pub(super) issuer: &'a [u8],
    /// The issuer's number of it.
    pub(super) serial: &'a [u8],
    /// From when on it holds.
    pub(super) from: TimeMs,
    /// Until when it holds.
    pub(super) until: TimeMs,
    /// Algorithm of the key, and its parameters.
    pub(super) algorithm: (&'a [u8], &'a [u8]),
    /// The key.
    pub(super) key: &'a [u8],
    /// The subject's key identifier, if it has one.
    pub(super) key_id: Option<&'a [u8]>,
    /// Whether it is for time stamps and nothing else, as RFC 3161 demands.
    pub(super) for_time_stamps: bool,
}

impl<'a> Certificate<'a> {
    /// Reads a certificate in DER.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut outer = Der::only(bytes, der::SEQUENCE)?;
        let mut fields = outer.enter(der::SEQUENCE)?;
        outer.algorithm()?;
        outer.take(der::BIT_STRING)?;
        outer.end()?;
        fields.maybe(der::FIELD);
        let serial = fields.integer()?;
        fields.algorithm()?;
        let issuer = fields.take(der::SEQUENCE)?.whole;
        let mut validity = fields.enter(der::SEQUENCE)?;
        let (from, until) = (moment::read(validity.next()?)?, moment::read(validity.next()?)?);
        validity.end()?;
        fields.take(der::SEQUENCE)?;
        let mut info = fields.enter(der::SEQUENCE)?;
        let algorithm = info.algorithm()?;
        // No bit is unused.
        let key = info.take(der::BIT_STRING)?.body.strip_prefix(&[0])?;
        info.end()?;
        let mut read = Self {
            bytes,
            issuer,
            serial,
            from,
            until,
            algorithm,
            key,
            key_id: None,
            for_time_stamps: false,
        };
        read.extensions(fields)?;
        Some(read)
    }

    fn extensions(&mut self, mut fields: Der<'a>) -> Option<()> {
        while !fields.is_empty() {
            let field = fields.next()?;
            if field.tag != der::FIELD | 3 {
                continue;
            }
            let mut list = Der::only(field.body, der::SEQUENCE)?;
            while !list.is_empty() {
                let mut extension = list.enter(der::SEQUENCE)?;
                let oid = extension.oid()?;
                let critical = extension.maybe(der::BOOLEAN).is_some_and(|is| is.body == [0xff]);
                let value = extension.take(der::OCTET_STRING)?.body;
                match oid {
                    KEY_ID => {
                        let mut value = Der::new(value);
                        self.key_id = Some(value.take(der::OCTET_STRING)?.body);
                    }
                    USAGE => {
                        let mut usages = Der::only(value, der::SEQUENCE)?;
                        let only = usages.oid() == Some(TIME_STAMPING) && usages.is_empty();
                        self.for_time_stamps = critical && only;
                    }
                    _ => {}
                }
            }
        }
        Some(())
    }
}

/// The bytes of a certificate that is given in PEM or DER.
///
/// # Errors
///
/// [`BadToken::Certificate`] if it is neither.
pub fn certificate(given: &[u8]) -> Result<Vec<u8>, BadToken> {
    if given.len() > TOKEN_BYTES_MAX {
        return Err(BadToken::TooLarge);
    }
    let bytes = pem(given).unwrap_or_else(|| given.to_vec());
    Certificate::read(&bytes).ok_or(BadToken::Certificate)?;
    Ok(bytes)
}

fn pem(given: &[u8]) -> Option<Vec<u8>> {
    let text = core::str::from_utf8(given).ok()?;
    let (_, after) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (inside, _) = after.split_once("-----END CERTIFICATE-----")?;
    let digits: String = inside.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    base64::decode(&digits)
}
