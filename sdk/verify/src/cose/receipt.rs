//! The COSE receipt: a validator's word about the evidence log, with the way of a leaf (RFC 9942).
//!
//! ```text
//! 18([ << { 1: -8, 4: receipt key, 15: {1: "linli:…", 2: "log", 6: time}, 395: 1, "linli": {1: size, 2: height} } >>,
//!      { 396: { -1: [ << [size, leaf, [nodes…]] >> ] } }, nil, signature ])
//! ```
//!
//! Signed is the root of the log, which is not inside: whoever has the leaf computes it. So one
//! signature serves every leaf of a block, and the way is put beside it. In place of a leaf's way
//! (-1) there may be the way from an older log to this one (-2).

use super::cbor::{Reader, Unreadable, Writer};
use super::{
    ALG, ALG_EDDSA, Bad, CLAIM_ISSUED_AT, CLAIM_ISSUER, CLAIM_SUBJECT, CLAIMS, KID, LINLI,
    TAG_SIGN1, ToSign,
};
use crate::pack::LogPlace;
use alloc::sync::Arc;
use alloc::vec::Vec;
use linli_types::header::Header;
use linli_types::height::Height;
use linli_types::id::{ChainId, Digest, PublicKey, Signature};
use linli_types::limits::{COSE_RECEIPT_BYTES_MAX, LOG_PATH_MAX};
use linli_types::merkle::{self, Sha256Log};
use linli_types::signature::Verify;

/// Header: the kind of log (RFC 9942).
const LOG: i64 = 395;
/// An RFC 9162 log with SHA-256.
const RFC9162_SHA256: i64 = 1;
/// Header: proofs (RFC 9942).
const PROOFS: i64 = 396;
const INCLUSION: i64 = -1;
const CONSISTENCY: i64 = -2;
/// What the log is called in its receipts.
const SUBJECT: &str = "log";

/// The evidence log after a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogHead {
    /// The chain.
    pub chain: ChainId,
    /// Leaves.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
    /// The block.
    pub height: Height,
    /// Its time, in seconds.
    pub time_s: u64,
}

impl LogHead {
    /// The log as the block of this header left it.
    pub const fn of(header: &Header) -> Self {
        Self {
            chain: header.chain,
            size: header.log_size,
            root: header.log_root,
            height: header.height,
            time_s: header.time.0 / 1000,
        }
    }

    /// What a receipt key signs.
    pub fn to_be_signed(&self, key: &PublicKey) -> ToSign {
        ToSign::new(&self.protected(key), &self.root.0)
    }

    /// The protected header: the same for every leaf of the log.
    fn protected(&self, key: &PublicKey) -> Vec<u8> {
        let mut writer = Writer::with_capacity(160);
        writer.map(5).integer(ALG).integer(ALG_EDDSA).integer(KID).bytes(&key.0);
        writer.integer(CLAIMS).map(3).integer(CLAIM_ISSUER);
        super::issuer(&self.chain.0, &mut writer);
        writer.integer(CLAIM_SUBJECT).text(SUBJECT);
        writer.integer(CLAIM_ISSUED_AT).unsigned(self.time_s);
        writer.integer(LOG).integer(RFC9162_SHA256);
        writer.text(LINLI).map(2).unsigned(1).unsigned(self.size);
        writer.unsigned(2).unsigned(self.height.0);
        writer.into_bytes()
    }

    /// Reads the protected header; the root is not in it.
    fn read(reader: &mut Reader<'_>) -> Result<(PublicKey, Self), Unreadable> {
        reader.map_of(5)?;
        reader.is_integer(ALG)?;
        reader.is_integer(ALG_EDDSA)?;
        reader.is_integer(KID)?;
        let key = PublicKey(reader.exactly()?);
        reader.is_integer(CLAIMS)?;
        reader.map_of(3)?;
        reader.is_integer(CLAIM_ISSUER)?;
        let chain = super::read_issuer(reader)?;
        reader.is_integer(CLAIM_SUBJECT)?;
        reader.is_text(SUBJECT)?;
        reader.is_integer(CLAIM_ISSUED_AT)?;
        let time_s = reader.unsigned()?;
        reader.is_integer(LOG)?;
        reader.is_integer(RFC9162_SHA256)?;
        reader.is_text(LINLI)?;
        reader.map_of(2)?;
        reader.is_integer(1)?;
        let size = reader.unsigned()?;
        reader.is_integer(2)?;
        let height = Height(reader.unsigned()?);
        Ok((key, Self { chain, size, root: Digest::default(), height, time_s }))
    }
}

/// What a receipt proves, next to its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A leaf stands in the log.
    Inclusion(LogPlace),
    /// An older log is the beginning of this one.
    Consistency {
        /// Leaves of the older log.
        from: u64,
        /// Leaves of this one.
        to: u64,
        /// The way (RFC 9162 §2.1.4).
        path: Vec<Digest>,
    },
}

impl Proof {
    const fn kind(&self) -> i64 {
        match self {
            Self::Inclusion(_) => INCLUSION,
            Self::Consistency { .. } => CONSISTENCY,
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let (first, second, path) = match self {
            Self::Inclusion(place) => (place.size, place.leaf, &place.path),
            Self::Consistency { from, to, path } => (*from, *to, path),
        };
        let mut writer = Writer::with_capacity(path.len().saturating_mul(34).saturating_add(24));
        writer.array(3).unsigned(first).unsigned(second).array(path.len());
        for node in path {
            writer.bytes(&node.0);
        }
        writer.into_bytes()
    }

    fn from_bytes(kind: i64, bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut reader = Reader::new(bytes);
        reader.array_of(3)?;
        let (first, second) = (reader.unsigned()?, reader.unsigned()?);
        let nodes = reader.array()?;
        if nodes > LOG_PATH_MAX {
            return Err(Unreadable); // INV-X2
        }
        let mut path = Vec::with_capacity(nodes);
        for _ in 0..nodes {
            path.push(Digest(reader.exactly()?));
        }
        reader.end()?;
        match kind {
            INCLUSION => Ok(Self::Inclusion(LogPlace { leaf: second, size: first, path })),
            CONSISTENCY => Ok(Self::Consistency { from: first, to: second, path }),
            _ => Err(Unreadable),
        }
    }
}

/// A receipt, unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The receipt key that it names.
    pub key: PublicKey,
    /// The signature over the log's root.
    pub signature: Signature,
    /// What it proves.
    pub proof: Proof,
    /// What is signed, but for the root.
    head: LogHead,
    /// The same as bytes: made once, and shared by the receipts of all leaves.
    protected: Arc<[u8]>,
}

impl Receipt {
    /// Puts a proof beside a signature over `head` by `key`.
    pub fn new(head: &LogHead, key: PublicKey, signature: Signature, proof: Proof) -> Self {
        let head = LogHead { root: Digest([0; 32]), ..*head };
        Self { key, signature, proof, head, protected: head.protected(&key).into() }
    }

    /// The same signature beside another proof: of another leaf of the log.
    #[must_use]
    pub fn with(&self, proof: Proof) -> Self {
        Self { proof, ..self.clone() }
    }

    /// The chain it names.
    pub const fn chain(&self) -> ChainId {
        self.head.chain
    }

    /// The size of the log that it names.
    pub const fn size(&self) -> u64 {
        self.head.size
    }

    /// The block whose log was signed.
    pub const fn height(&self) -> Height {
        self.head.height
    }

    /// That block's time, in seconds.
    pub const fn time_s(&self) -> u64 {
        self.head.time_s
    }

    /// The receipt's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.encode(|_| {}, 0)
    }

    /// The receipt's bytes with `extra` pairs more in the unprotected header, written by `more`.
    pub(super) fn encode(&self, more: impl FnOnce(&mut Writer), extra: usize) -> Vec<u8> {
        let proof = self.proof.to_bytes();
        let mut writer = Writer::with_capacity(proof.len().saturating_add(320));
        writer.tag(TAG_SIGN1).array(4).bytes(&self.protected).map(extra.saturating_add(1));
        writer.integer(PROOFS).map(1).integer(self.proof.kind()).array(1).bytes(&proof);
        more(&mut writer);
        writer.null().bytes(&self.signature.0);
        writer.into_bytes()
    }

    /// Reads one receipt.
    ///
    /// # Errors
    ///
    /// [`Bad`]; the fault lies with whoever made the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Bad> {
        let (found, max) = (bytes.len(), COSE_RECEIPT_BYTES_MAX);
        if found > max {
            return Err(Bad::TooLarge { found, max }); // INV-X2
        }
        let mut reader = Reader::new(bytes);
        let (receipt, ()) = Self::read(&mut reader, 1, |_| Ok(()))?;
        reader.end()?;
        // INV-X1
        if receipt.to_bytes() != bytes { Err(Bad::Malformed) } else { Ok(receipt) }
    }

    /// Reads one receipt with `pairs` pairs in its unprotected header; `more` reads all but the
    /// first.
    pub(super) fn read<'a, T>(
        reader: &mut Reader<'a>,
        pairs: usize,
        more: impl FnOnce(&mut Reader<'a>) -> Result<T, Unreadable>,
    ) -> Result<(Self, T), Unreadable> {
        reader.tag(TAG_SIGN1)?;
        reader.array_of(4)?;
        let mut protected = Reader::new(reader.bytes()?);
        let (key, head) = LogHead::read(&mut protected)?;
        protected.end()?;
        reader.map_of(pairs)?;
        reader.is_integer(PROOFS)?;
        reader.map_of(1)?;
        let kind = reader.integer()?;
        reader.array_of(1)?;
        let proof = Proof::from_bytes(kind, reader.bytes()?)?;
        let more = more(reader)?;
        reader.null()?;
        let signature = Signature(reader.exactly()?);
        // Made anew, not as it was read: what is written is the one spelling (INV-X1).
        Ok((Self { key, signature, proof, head, protected: head.protected(&key).into() }, more))
    }

    /// The root that the way leads to from `leaf`; `None` if it is the way of no leaf, or of a log
    /// of another size than the one signed.
    pub fn root(&self, leaf: Digest) -> Option<Digest> {
        match &self.proof {
            Proof::Inclusion(place) if place.size == self.head.size => {
                merkle::root_from_path::<Sha256Log>(leaf, place.leaf, place.size, &place.path)
            }
            _ => None,
        }
    }

    /// Whether the receipt key signed this root.
    pub fn is_over(&self, root: &Digest, verify: &dyn Verify) -> bool {
        let to_sign = ToSign::new(&self.protected, &root.0);
        verify.verify(&self.key, to_sign.sig_structure(), &self.signature) // INV-X3
    }

    /// Checks the way of `leaf` (already hashed) and the signature over the root it leads to.
    ///
    /// # Errors
    ///
    /// [`Bad`]: `Malformed` if there is no such way, `Signature` if another root was signed, or
    /// another leaf.
    pub fn check(&self, leaf: Digest, verify: &dyn Verify) -> Result<Digest, Bad> {
        let root = self.root(leaf).ok_or(Bad::Malformed)?;
        if self.is_over(&root, verify) { Ok(root) } else { Err(Bad::Signature) }
    }

    /// Checks that the log `(size, root)` of old is the beginning of the log `root_now` signed here.
    ///
    /// # Errors
    ///
    /// As [`Receipt::check`].
    pub fn check_consistency(
        &self,
        (size, root): (u64, Digest),
        root_now: Digest,
        verify: &dyn Verify,
    ) -> Result<(), Bad> {
        let Proof::Consistency { from, to, path } = &self.proof else {
            return Err(Bad::Malformed);
        };
        let (old, now) = ((*from, root), (*to, root_now));
        if *from != size
            || *to != self.head.size
            || !merkle::is_consistent::<Sha256Log>(old, now, path)
        {
            return Err(Bad::Malformed);
        }
        if self.is_over(&root_now, verify) { Ok(()) } else { Err(Bad::Signature) }
    }
}
