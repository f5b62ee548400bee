//! The signed statement: what is anchored, in the words of RFC 9943 and RFC 9995.
//!
//! ```text
//! 18([ << { 1: -8, 4: key, 15: {1: "linli:…", 2: subject}, 258: -16, 259: media, "linli": {…} } >>,
//!      {}, SHA-256 of the manifest, signature ])
//! ```
//!
//! The record's id is SHA-256 of these exact bytes; the log's entry is `0x01 ‖ id`.
//!
//! A statement says what its signer says. Whether the key was the source's, and when the statement
//! was anchored, the ledger says.

use super::cbor::{Reader, Unreadable, Writer};
use super::{
    ALG, ALG_EDDSA, Bad, CLAIM_ISSUER, CLAIM_SUBJECT, CLAIMS, KID, LINLI, TAG_SIGN1, ToSign,
};
use alloc::string::String;
use linli_types::height::Height;
use linli_types::id::{BlockId, ChainId, Digest, PrincipalId, PublicKey, Signature};
use linli_types::limits::{STATEMENT_BYTES_MAX, STATEMENT_SUBJECT_BYTES_MAX};
use linli_types::merkle::statement_leaf;
use linli_types::signature::Verify;
use sha2::Digest as _;

/// Header: how the payload was made (RFC 9995).
const PAYLOAD_HASH: i64 = 258;
/// SHA-256.
const SHA256: i64 = -16;
/// Header: what the payload is the digest of (RFC 9995).
const PREIMAGE: i64 = 259;
/// The media type of a manifest.
pub const MEDIA: &str = "application/vnd.linli.manifest+json";
/// The subject of a statement that is about no order.
pub const SUBJECT: &str = "evidence";

/// Where a device had its time from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClockSource {
    /// Its own clock.
    Device,
    /// Satellites.
    Gnss,
    /// A time server.
    Ntp,
    /// A time-stamp authority.
    Tsa,
}

impl ClockSource {
    /// The number that stands for it.
    pub const fn number(self) -> u8 {
        match self {
            Self::Device => 1,
            Self::Gnss => 2,
            Self::Ntp => 3,
            Self::Tsa => 4,
        }
    }

    /// What a number stands for.
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Device),
            2 => Some(Self::Gnss),
            3 => Some(Self::Ntp),
            4 => Some(Self::Tsa),
            _ => None,
        }
    }
}

/// What a statement says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Whose evidence.
    pub source: PrincipalId,
    /// What it is about: an order's pseudonym, else [`SUBJECT`].
    pub subject: String,
    /// SHA-256 of the manifest's exact bytes.
    pub manifest_sha256: Digest,
    /// The source's own count.
    pub number: u64,
    /// What the evidence is; a number of the contract's kinds.
    pub kind: u16,
    /// SM3 of the manifest's exact bytes.
    pub sm3: Digest,
    /// Bytes of all files.
    pub size: u64,
    /// When it was captured, by the device's word.
    pub captured_at_ms: u64,
    /// Where that time is from.
    pub clock_source: Option<ClockSource>,
    /// The device that captured.
    pub device: Option<PrincipalId>,
    /// The last block that the device had seen: it captured after it.
    pub not_before: Option<(BlockId, Height)>,
    /// Digest of what is known of the capturing environment.
    pub env_digest: Option<Digest>,
    /// The key of the SM2 signature beside: SM3 of the uncompressed public key.
    pub sm2_key: Option<Digest>,
    /// The chain it is meant for.
    pub chain: Option<ChainId>,
    /// The device's own count.
    pub counter: Option<u64>,
}

impl Claims {
    /// What `key` signs.
    ///
    /// # Errors
    ///
    /// [`Bad`] if the subject is empty, has control characters or is longer than the bound.
    pub fn to_be_signed(&self, key: &PublicKey) -> Result<ToSign, Bad> {
        self.check()?;
        let mut writer = Writer::with_capacity(512);
        writer.map(6).integer(ALG).integer(ALG_EDDSA).integer(KID).bytes(&key.0);
        writer.integer(CLAIMS).map(2).integer(CLAIM_ISSUER);
        super::issuer(&self.source.0, &mut writer);
        writer.integer(CLAIM_SUBJECT).text(&self.subject);
        writer.integer(PAYLOAD_HASH).integer(SHA256).integer(PREIMAGE).text(MEDIA).text(LINLI);
        self.write_own(&mut writer);
        Ok(ToSign::new(&writer.into_bytes(), &self.manifest_sha256.0))
    }

    fn check(&self) -> Result<(), Bad> {
        let (found, max) = (self.subject.len(), STATEMENT_SUBJECT_BYTES_MAX);
        if found > max {
            return Err(Bad::TooLarge { found, max });
        }
        let odd = found == 0 || self.subject.chars().any(char::is_control);
        if odd { Err(Bad::Malformed) } else { Ok(()) }
    }

    /// The map of what no standard names, by ascending number; what is absent is left out.
    fn write_own(&self, writer: &mut Writer) {
        let optional = [
            self.clock_source.is_some(),
            self.device.is_some(),
            self.not_before.is_some(),
            self.not_before.is_some(),
            self.env_digest.is_some(),
            self.sm2_key.is_some(),
            self.chain.is_some(),
            self.counter.is_some(),
        ];
        writer.map(optional.iter().filter(|there| **there).count() + 5);
        writer.unsigned(1).unsigned(self.number).unsigned(2).unsigned(self.kind.into());
        writer.unsigned(3).bytes(&self.sm3.0).unsigned(4).unsigned(self.size);
        writer.unsigned(5).unsigned(self.captured_at_ms);
        if let Some(clock) = self.clock_source {
            writer.unsigned(6).unsigned(clock.number().into());
        }
        if let Some(device) = self.device {
            writer.unsigned(7).bytes(&device.0);
        }
        if let Some((block, height)) = self.not_before {
            writer.unsigned(8).bytes(&block.0).unsigned(9).unsigned(height.0);
        }
        let digests = [
            (10, self.env_digest.map(|d| d.0)),
            (11, self.sm2_key.map(|d| d.0)),
            (12, self.chain.map(|c| c.0)),
        ];
        for (number, digest) in digests {
            if let Some(digest) = digest {
                writer.unsigned(number).bytes(&digest);
            }
        }
        if let Some(counter) = self.counter {
            writer.unsigned(13).unsigned(counter);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<(PublicKey, Self), Unreadable> {
        reader.map_of(6)?;
        reader.is_integer(ALG)?;
        reader.is_integer(ALG_EDDSA)?;
        reader.is_integer(KID)?;
        let key = PublicKey(reader.exactly()?);
        reader.is_integer(CLAIMS)?;
        reader.map_of(2)?;
        reader.is_integer(CLAIM_ISSUER)?;
        let source = super::read_issuer(reader)?;
        reader.is_integer(CLAIM_SUBJECT)?;
        let subject = reader.text()?;
        if subject.len() > STATEMENT_SUBJECT_BYTES_MAX {
            return Err(Unreadable);
        }
        reader.is_integer(PAYLOAD_HASH)?;
        reader.is_integer(SHA256)?;
        reader.is_integer(PREIMAGE)?;
        reader.is_text(MEDIA)?;
        reader.is_text(LINLI)?;
        Ok((key, Self::read_own(reader, source, subject)?))
    }

    fn read_own(
        reader: &mut Reader<'_>,
        source: PrincipalId,
        subject: &str,
    ) -> Result<Self, Unreadable> {
        let mut own = Own { pairs: reader.map()?, next: None };
        own.advance(reader)?;
        let number = own.needed(1, reader, Reader::unsigned)?;
        let kind = own.needed(2, reader, Reader::unsigned)?;
        let sm3 = own.needed(3, reader, Reader::exactly)?;
        let size = own.needed(4, reader, Reader::unsigned)?;
        let captured_at_ms = own.needed(5, reader, Reader::unsigned)?;
        let clock_source =
            own.optional(6, reader, |r| ClockSource::from_number(r.unsigned()?).ok_or(Unreadable))?;
        let device = own.optional(7, reader, Reader::exactly)?.map(PrincipalId);
        let block = own.optional(8, reader, Reader::exactly)?.map(BlockId);
        let height = own.optional(9, reader, Reader::unsigned)?.map(Height);
        if block.is_some() != height.is_some() {
            return Err(Unreadable);
        }
        let env_digest = own.optional(10, reader, Reader::exactly)?.map(Digest);
        let sm2_key = own.optional(11, reader, Reader::exactly)?.map(Digest);
        let chain = own.optional(12, reader, Reader::exactly)?.map(ChainId);
        let counter = own.optional(13, reader, Reader::unsigned)?;
        if own.next.is_some() {
            return Err(Unreadable);
        }
        Ok(Self {
            source,
            subject: subject.into(),
            // The payload; it follows the header.
            manifest_sha256: Digest::default(),
            number,
            kind: u16::try_from(kind).map_err(|_| Unreadable)?,
            sm3: Digest(sm3),
            size,
            captured_at_ms,
            clock_source,
            device,
            not_before: block.zip(height),
            env_digest,
            sm2_key,
            chain,
            counter,
        })
    }
}

/// Reads the map of our own numbers, each once and ascending.
struct Own {
    pairs: usize,
    next: Option<u64>,
}

impl Own {
    fn advance(&mut self, reader: &mut Reader<'_>) -> Result<(), Unreadable> {
        self.next = match self.pairs.checked_sub(1) {
            None => None,
            Some(left) => {
                self.pairs = left;
                Some(reader.unsigned()?)
            }
        };
        Ok(())
    }

    fn optional<'a, T>(
        &mut self,
        number: u64,
        reader: &mut Reader<'a>,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, Unreadable>,
    ) -> Result<Option<T>, Unreadable> {
        if self.next != Some(number) {
            return Ok(None);
        }
        let value = read(reader)?;
        self.advance(reader)?;
        Ok(Some(value))
    }

    fn needed<'a, T>(
        &mut self,
        number: u64,
        reader: &mut Reader<'a>,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, Unreadable>,
    ) -> Result<T, Unreadable> {
        self.optional(number, reader, read)?.ok_or(Unreadable)
    }
}

/// A statement with its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// What it says.
    pub claims: Claims,
    /// The key it names as its signer's.
    pub key: PublicKey,
    /// The signature, unchecked before [`Signed::check`].
    pub signature: Signature,
    id: Digest,
    to_sign: ToSign,
}

impl Signed {
    /// SHA-256 of the statement's exact bytes: the record's id.
    pub const fn id(&self) -> Digest {
        self.id
    }

    /// The hash of its leaf in the log.
    pub fn leaf(&self) -> Digest {
        statement_leaf(&self.id)
    }

    /// What was signed; a second signature (SM2) is over the same bytes.
    pub fn sig_structure(&self) -> &[u8] {
        self.to_sign.sig_structure()
    }

    /// Checks the signature by the key that the statement names.
    ///
    /// # Errors
    ///
    /// [`Bad::Signature`]; the fault lies with whoever made the statement.
    pub fn check(&self, verify: &dyn Verify) -> Result<(), Bad> {
        // INV-X3
        let holds = verify.verify(&self.key, self.sig_structure(), &self.signature);
        if holds { Ok(()) } else { Err(Bad::Signature) }
    }
}

/// The record's id: SHA-256 of the statement's exact bytes.
pub fn id(bytes: &[u8]) -> Digest {
    Digest(sha2::Sha256::digest(bytes).into())
}

/// Reads a statement. The signature is not checked: see [`Signed::check`].
///
/// # Errors
///
/// [`Bad`]; the fault lies with whoever made the bytes.
pub fn parse(bytes: &[u8]) -> Result<Signed, Bad> {
    let (found, max) = (bytes.len(), STATEMENT_BYTES_MAX);
    if found > max {
        return Err(Bad::TooLarge { found, max }); // INV-X2
    }
    let mut reader = Reader::new(bytes);
    reader.tag(TAG_SIGN1)?;
    reader.array_of(4)?;
    let mut protected = Reader::new(reader.bytes()?);
    let (key, mut claims) = Claims::read(&mut protected)?;
    protected.end()?;
    reader.map_of(0)?;
    claims.manifest_sha256 = Digest(reader.exactly()?);
    let signature = Signature(reader.exactly()?);
    reader.end()?;
    let to_sign = claims.to_be_signed(&key)?;
    // INV-X1
    if to_sign.finish(&signature) != bytes {
        return Err(Bad::Malformed);
    }
    Ok(Signed { claims, key, signature, id: id(bytes), to_sign })
}
