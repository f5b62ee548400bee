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
mod read;
mod request;
mod seal;

pub use certificate::certificate;
pub use request::{granted, request};
pub use seal::Algorithm;

use crate::said::Detail;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use certificate::Certificate;
use linli_types::height::TimeMs;
use linli_types::id::Digest;
use linli_types::limits::TOKEN_BYTES_MAX;
use read::Signer;
use seal::Hash;
use sha2::Digest as _;

/// id-sha256.
const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
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
        let (content, certificates, signers) =
            read::signed_data(bytes).ok_or(BadToken::Malformed)?;
        let (signer, digest) = read::signer(signers).ok_or(BadToken::Malformed)?;
        let (imprint, time, policy, serial, nonce) =
            read::info(content).ok_or(BadToken::Malformed)?;
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

    /// The certificate that the token carries as its signer's: what a reader compares with the one
    /// that the authority publishes.
    pub fn carried(&self) -> Option<&'a [u8]> {
        self.certificates.iter().copied().find(|bytes| {
            Certificate::read(bytes).is_some_and(|certificate| self.signer.is(&certificate))
        })
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

#[cfg(test)]
mod tests;
