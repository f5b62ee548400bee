//! What stands in a token, read where it stands: CMS (RFC 5652) around a `TSTInfo` (RFC 3161).

use super::certificate::Certificate;
use super::der::{self, Der};
use super::seal::Hash;
use super::{SHA_256, moment};
use alloc::string::String;
use alloc::vec::Vec;
use linli_types::height::TimeMs;
use linli_types::id::Digest;

/// id-signedData.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
/// id-ct-TSTInfo.
const TIME_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 4];
/// id-contentType.
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
/// id-messageDigest.
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
/// id-aa-signingCertificate: by SHA-1.
const SIGNER_V1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 12];
/// id-aa-signingCertificateV2.
const SIGNER_V2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 47];

/// Who signed, over what, how.
#[derive(Clone, Debug)]
pub(super) struct Signer<'a> {
    /// Name of the certificate's issuer and the certificate's number, or the key's identifier.
    pub(super) by: Named<'a>,
    /// Its digest's algorithm.
    pub(super) digest: &'a [u8],
    /// The attributes as they are signed.
    pub(super) signed: Vec<u8>,
    /// The digest of the signer's certificate, where the token names it by one of ours.
    pub(super) certificate: Option<(Hash, &'a [u8])>,
    /// Its signature's algorithm.
    pub(super) algorithm: &'a [u8],
    /// The signature.
    pub(super) signature: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Named<'a> {
    Number { issuer: &'a [u8], serial: &'a [u8] },
    Key(&'a [u8]),
}

impl Signer<'_> {
    /// Whether this certificate is the one that the token says signed it.
    pub(super) fn is(&self, certificate: &Certificate<'_>) -> bool {
        let named = match self.by {
            Named::Number { issuer, serial } => {
                (issuer, serial) == (certificate.issuer, certificate.serial)
            }
            Named::Key(id) => certificate.key_id == Some(id),
        };
        let bound = self.certificate.is_none_or(|(hash, is)| hash.of(certificate.bytes) == is);
        named && bound
    }
}

/// What is signed, the certificates beside it, the signers.
pub(super) type Parts<'a> = (&'a [u8], Vec<&'a [u8]>, &'a [u8]);

/// RFC 5652, section 5.1.
pub(super) fn signed_data(bytes: &[u8]) -> Option<Parts<'_>> {
    let mut outer = Der::only(bytes, der::SEQUENCE)?;
    (outer.oid()? == SIGNED_DATA).then_some(())?;
    let field = outer.take(der::FIELD)?;
    outer.end()?;
    let mut fields = Der::only(field.body, der::SEQUENCE)?;
    (fields.small()? == 3).then_some(())?;
    fields.take(der::SET)?;
    let mut content = fields.enter(der::SEQUENCE)?;
    (content.oid()? == TIME_INFO).then_some(())?;
    let held = content.take(der::FIELD)?;
    content.end()?;
    let mut held = Der::new(held.body);
    let info = held.take(der::OCTET_STRING)?.body;
    held.end()?;
    let mut certificates = Vec::new();
    if let Some(set) = fields.maybe(der::FIELD) {
        let mut set = Der::new(set.body);
        while !set.is_empty() {
            certificates.push(set.next()?.whole);
        }
    }
    fields.maybe(der::FIELD | 1);
    let signers = fields.take(der::SET)?.body;
    fields.end()?;
    Some((info, certificates, signers))
}

/// RFC 5652, section 5.3: the one signer, and the digest it signed.
pub(super) fn signer(set: &[u8]) -> Option<(Signer<'_>, &[u8])> {
    let mut fields = Der::only(set, der::SEQUENCE)?;
    let version = fields.small()?;
    let by = match fields.maybe(0x80) {
        Some(id) => Named::Key(id.body),
        None => {
            let mut number = fields.enter(der::SEQUENCE)?;
            let issuer = number.take(der::SEQUENCE)?.whole;
            let serial = number.integer()?;
            number.end()?;
            Named::Number { issuer, serial }
        }
    };
    // The version follows from how the signer is named.
    (version == if matches!(by, Named::Key(_)) { 3 } else { 1 }).then_some(())?;
    let (digest, _) = fields.algorithm()?;
    let attributes = fields.take(der::FIELD)?;
    // What is signed bears the tag of a set instead of the field's.
    let mut signed = attributes.whole.to_vec();
    *signed.first_mut()? = der::SET;
    let (algorithm, _) = fields.algorithm()?;
    let signature = fields.take(der::OCTET_STRING)?.body;
    fields.maybe(der::FIELD | 1);
    fields.end()?;
    let (content, certificate) = attribute_values(attributes.body)?;
    Some((Signer { by, digest, signed, certificate, algorithm, signature }, content))
}

/// The content's digest and the certificate's, as the attributes name them.
#[allow(clippy::type_complexity, reason = "two of what stands in one list")]
fn attribute_values(list: &[u8]) -> Option<(&[u8], Option<(Hash, &[u8])>)> {
    let mut list = Der::new(list);
    let (mut kind, mut digest, mut named, mut certificate) = (None, None, false, None);
    while !list.is_empty() {
        let mut attribute = list.enter(der::SEQUENCE)?;
        let oid = attribute.oid()?;
        let mut values = attribute.enter(der::SET)?;
        attribute.end()?;
        match oid {
            CONTENT_TYPE if kind.is_none() => kind = Some(values.oid()?),
            MESSAGE_DIGEST if digest.is_none() => {
                digest = Some(values.take(der::OCTET_STRING)?.body);
            }
            CONTENT_TYPE | MESSAGE_DIGEST => return None,
            SIGNER_V1 => (named, values) = (true, Der::new(&[])),
            SIGNER_V2 => {
                (named, certificate) = (true, signing_certificate(values.enter(der::SEQUENCE)?)?);
            }
            _ => values = Der::new(&[]),
        }
        values.end()?;
    }
    // RFC 3161, section 2.4.2: the signer's certificate is named.
    (kind == Some(TIME_INFO) && named).then_some(())?;
    Some((digest?, certificate))
}

/// RFC 5035: the digest of the signer's certificate, if it is one of ours.
fn signing_certificate(mut value: Der<'_>) -> Option<Option<(Hash, &[u8])>> {
    let mut first = value.enter(der::SEQUENCE)?.enter(der::SEQUENCE)?;
    let hash = match first.maybe(der::SEQUENCE) {
        None => Some(Hash::Sha256),
        Some(named) => Hash::named(Der::new(named.body).oid()?),
    };
    let digest = first.take(der::OCTET_STRING)?.body;
    Some(hash.map(|hash| (hash, digest)))
}

/// What a token says: imprint, time, policy, number, nonce.
pub(super) type Info<'a> = (Digest, TimeMs, String, &'a [u8], Option<&'a [u8]>);

/// RFC 3161, section 2.4.2.
pub(super) fn info(bytes: &[u8]) -> Option<Info<'_>> {
    let mut fields = Der::only(bytes, der::SEQUENCE)?;
    (fields.small()? == 1).then_some(())?;
    let policy = der::dotted(fields.oid()?)?;
    let mut imprint = fields.enter(der::SEQUENCE)?;
    let (hash, parameters) = imprint.algorithm()?;
    (hash == SHA_256 && matches!(parameters, [] | [5, 0])).then_some(())?;
    let digest = Digest::from_slice(imprint.take(der::OCTET_STRING)?.body)?;
    imprint.end()?;
    let serial = fields.integer()?;
    let time = fields.take(der::GENERALIZED_TIME).and_then(moment::read)?;
    // Accuracy and order of the authority's own tokens.
    fields.maybe(der::SEQUENCE);
    fields.maybe(der::BOOLEAN);
    let nonce = fields.maybe(der::INTEGER).map(|nonce| nonce.body);
    // The authority's name says nothing that the certificate does not.
    fields.maybe(der::FIELD);
    if let Some(extensions) = fields.maybe(der::FIELD | 1) {
        let mut list = Der::new(extensions.body);
        while !list.is_empty() {
            let mut extension = list.enter(der::SEQUENCE)?;
            extension.oid()?;
            // One that must be understood, and is not.
            extension.maybe(der::BOOLEAN).is_none().then_some(())?;
        }
    }
    fields.end()?;
    Some((digest, time, policy, serial, nonce))
}
