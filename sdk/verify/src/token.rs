//! Time-stamp tokens (RFC 3161): an authority's word that bytes were there at a time.
//!
//! The bytes are a block's header, so one token covers everything up to that block. Read here is
//! what a token says and whether it is about these bytes; its signature is checked by the
//! certificate that is given, or else by the one it carries, and the two are told apart. Whether
//! anybody vouches for that certificate, and whether it was revoked, is not asked here:
//! `openssl ts -verify -CAfile` does.
//!
//! Nothing is encoded again: what is hashed is hashed as it stands. SHA-1 is not understood; the
//! old attribute that names the signer by it is passed over, for the key itself decides.
//!
//! # Invariants
//!
//! - **T1 imprint.** A token is about the SHA-256 of the bytes given, or it is refused.
//! - **T2 honest.** [`Sealed`] says which certificate checked the signature, or that none did.
//! - **T3 total.** No bytes panic; lengths are bounded before anything is read.

mod certificate;
mod der;
mod moment;
mod request;
mod seal;

pub use certificate::certificate;
pub use request::{granted, request};
pub use seal::Algorithm;

use crate::said::Detail;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use certificate::Certificate;
use der::Der;
use linli_types::height::TimeMs;
use linli_types::id::Digest;
use linli_types::limits::TOKEN_BYTES_MAX;
use seal::Hash;
use sha2::Digest as _;

/// id-sha256.
const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
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

/// A token that was read.
#[derive(Clone, Debug)]
pub struct Token<'a> {
    /// What it is about: a SHA-256 digest.
    pub imprint: Digest,
    /// When the authority says it saw the digest.
    pub time: TimeMs,
    /// Under which of its policies, as dotted numbers.
    pub policy: String,
    /// Its number of the token.
    pub serial: &'a [u8],
    nonce: Option<&'a [u8]>,
    certificates: Vec<&'a [u8]>,
    signer: Signer<'a>,
}

/// Who signed, over what, how.
#[derive(Clone, Debug)]
struct Signer<'a> {
    /// Name of the certificate's issuer and the certificate's number, or the key's identifier.
    by: Named<'a>,
    digest: &'a [u8],
    /// The attributes as they are signed.
    signed: Vec<u8>,
    /// The digest of the signer's certificate, where the token names it by one of ours.
    certificate: Option<(Hash, &'a [u8])>,
    algorithm: &'a [u8],
    signature: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
enum Named<'a> {
    Number { issuer: &'a [u8], serial: &'a [u8] },
    Key(&'a [u8]),
}

/// What was found of a token's signature (T2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// It holds by the certificate that was given.
    ByGiven(Algorithm),
    /// It holds by a certificate that the token carries: nobody here vouches for that one.
    ByCarried(Algorithm),
    /// Not checked: there was no certificate.
    NoCertificate,
    /// Not checked: this algorithm, as dotted numbers, is not understood here.
    Unknown(String),
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// Beyond a bound.
    #[error("the token is larger than any may be")]
    TooLarge,
    /// Not a token.
    #[error("not a time-stamp token in DER")]
    Malformed,
    /// The authority did not grant it.
    #[error("the authority refused with status {0}")]
    Refused(u8),
    /// It is about other bytes (T1).
    #[error("the token is about other bytes")]
    Imprint,
    /// It answers another request.
    #[error("the token answers another request")]
    Nonce,
    /// The attributes are not those of this content.
    #[error("the signed digest is not that of the token's content")]
    Content,
    /// Not a certificate.
    #[error("not a certificate in PEM or DER")]
    Certificate,
    /// The certificate given is not the signer's.
    #[error("the certificate given is not the signer's")]
    OtherCertificate,
    /// The certificate is not one of a time-stamp authority.
    #[error("the certificate is not for time stamps alone")]
    Usage,
    /// The certificate did not hold at the token's time.
    #[error("the certificate did not hold at the token's time")]
    CertificateTime,
    /// The signature does not hold.
    #[error("the authority's signature does not hold")]
    Signature,
}

impl BadToken {
    /// The same in both languages.
    pub fn detail(self) -> Detail {
        let zh = match self {
            Self::TooLarge => "时间戳超出大小上限".to_string(),
            Self::Malformed => "内容不是 DER 编码的时间戳".to_string(),
            Self::Refused(status) => alloc::format!("时间戳机构拒绝签发，状态 {status}"),
            Self::Imprint => "时间戳所指的不是这些字节".to_string(),
            Self::Nonce => "时间戳答复的是另一请求".to_string(),
            Self::Content => "所签摘要与时间戳内容不符".to_string(),
            Self::Certificate => "内容不是 PEM 或 DER 证书".to_string(),
            Self::OtherCertificate => "所给证书不是签名者的证书".to_string(),
            Self::Usage => "该证书不是专用于时间戳的证书".to_string(),
            Self::CertificateTime => "签发时该证书不在有效期内".to_string(),
            Self::Signature => "时间戳机构的签名不成立".to_string(),
        };
        Detail::new(zh, self.to_string())
    }
}

impl<'a> Token<'a> {
    /// Reads a token: DER, one signer, and attributes that are those of its content.
    ///
    /// # Errors
    ///
    /// [`BadToken`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BadToken> {
        if bytes.len() > TOKEN_BYTES_MAX {
            return Err(BadToken::TooLarge);
        }
        let (content, certificates, signers) = signed_data(bytes).ok_or(BadToken::Malformed)?;
        let (signer, digest) = signer(signers).ok_or(BadToken::Malformed)?;
        let (imprint, time, policy, serial, nonce) = info(content).ok_or(BadToken::Malformed)?;
        // An unknown digest is said by `check`; a known one must be the content's.
        if Hash::named(signer.digest).is_some_and(|hash| hash.of(content) != digest) {
            return Err(BadToken::Content);
        }
        Ok(Self { imprint, time, policy, serial, nonce, certificates, signer })
    }

    /// Whether it is about these bytes (T1).
    ///
    /// # Errors
    ///
    /// [`BadToken::Imprint`].
    pub fn check_covers(&self, bytes: &[u8]) -> Result<(), BadToken> {
        let imprint = Digest(sha2::Sha256::digest(bytes).into());
        if imprint == self.imprint { Ok(()) } else { Err(BadToken::Imprint) }
    }

    /// Whether it answers the request with this nonce.
    ///
    /// # Errors
    ///
    /// [`BadToken::Nonce`].
    pub fn check_nonce(&self, nonce: u64) -> Result<(), BadToken> {
        let same = self.nonce == Some(request::number(nonce).as_slice());
        if same { Ok(()) } else { Err(BadToken::Nonce) }
    }

    /// Checks the signature by the authority's certificate in DER, or else by the one that the
    /// token carries (T2).
    ///
    /// # Errors
    ///
    /// [`BadToken`] if a certificate is there and does not hold, or the signature does not.
    pub fn check_signature(&self, given: Option<&[u8]>) -> Result<Sealed, BadToken> {
        let found = match given {
            Some(bytes) => {
                let given = Certificate::read(bytes).ok_or(BadToken::Certificate)?;
                if !self.signer.is(&given) {
                    return Err(BadToken::OtherCertificate);
                }
                Some(given)
            }
            None => {
                let read = |bytes: &&'a [u8]| Certificate::read(bytes);
                self.certificates.iter().filter_map(read).find(|one| self.signer.is(one))
            }
        };
        let Some(certificate) = found else { return Ok(Sealed::NoCertificate) };
        if !certificate.for_time_stamps {
            return Err(BadToken::Usage);
        }
        if self.time < certificate.from || self.time > certificate.until {
            return Err(BadToken::CertificateTime);
        }
        match (seal::holds(&self.signer, &certificate), given) {
            (None, _) => Ok(Sealed::Unknown(self.algorithm())),
            (Some((_, false)), _) => Err(BadToken::Signature),
            (Some((algorithm, true)), Some(_)) => Ok(Sealed::ByGiven(algorithm)),
            (Some((algorithm, true)), None) => Ok(Sealed::ByCarried(algorithm)),
        }
    }

    fn algorithm(&self) -> String {
        der::dotted(self.signer.algorithm).unwrap_or_default()
    }
}

/// Reads a token, checks that it is about `bytes`, and checks its signature as
/// [`Token::check_signature`] does.
///
/// # Errors
///
/// [`BadToken`].
pub fn verify<'a>(
    token: &'a [u8],
    bytes: &[u8],
    certificate: Option<&[u8]>,
) -> Result<(Token<'a>, Sealed), BadToken> {
    let token = Token::parse(token)?;
    token.check_covers(bytes)?;
    let sealed = token.check_signature(certificate)?;
    Ok((token, sealed))
}

impl Signer<'_> {
    /// Whether this certificate is the one that the token says signed it.
    fn is(&self, certificate: &Certificate<'_>) -> bool {
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
type Parts<'a> = (&'a [u8], Vec<&'a [u8]>, &'a [u8]);

/// RFC 5652, section 5.1.
fn signed_data(bytes: &[u8]) -> Option<Parts<'_>> {
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
fn signer(set: &[u8]) -> Option<(Signer<'_>, &[u8])> {
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
type Info<'a> = (Digest, TimeMs, String, &'a [u8], Option<&'a [u8]>);

/// RFC 3161, section 2.4.2.
fn info(bytes: &[u8]) -> Option<Info<'_>> {
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

#[cfg(test)]
mod tests;
