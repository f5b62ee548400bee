//! The bare receipt: one file (`.receipt`) that proves a statement's place in the log.
//!
//! ```text
//! [ COSE receipt with "linli": [ header, certificate, [delegation…] ] in its unprotected header,
//!   COSE receipt… ]
//! ```
//!
//! Every receipt of the array stands by itself for a tool that knows RFC 9942 alone. The rest leads
//! on to the genesis: the certificate is `[round, place, signature, place, signature…]`, where a
//! place is the validator's in the set that certified; height and block are the header's.
//!
//! It proves that the leaf is in the log, not what kind of record it is: that is the pack's, with
//! the evidence room's own word.

use super::cbor::{Reader, Unreadable, Writer};
use super::delegation::{self, Short};
use super::receipt::{LogHead, Proof, Receipt};
use super::statement::{self, Signed};
use super::{Bad, LINLI};
use crate::check::{Trust, bad_certificate, check_header, walk};
use crate::failure::{Failure, Reason};
use crate::pack::{LogPlace, SetChange};
use crate::said::{self, Detail};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use linli_types::certificate::{Certificate, Precommit};
use linli_types::delegation::Delegation;
use linli_types::header::Header;
use linli_types::id::{ChainId, Digest, PublicKey, Signature};
use linli_types::limits::{
    BARE_RECEIPT_BYTES_MAX, COSE_RECEIPT_BYTES_MAX, COSE_RECEIPTS_MAX, VALIDATORS_MAX,
};
use linli_types::signature::Verify;
use linli_types::validator::ValidatorSet;

/// One validator's part.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Signer {
    receipt: Receipt,
    delegation: Short,
}

/// A receipt's file, opened and not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bare {
    header: Header,
    round: u32,
    precommits: Vec<(u64, Signature)>,
    /// At least one.
    signers: Vec<Signer>,
}

/// What a bare receipt proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The chain's name, by its genesis.
    pub name: String,
    /// The chain.
    pub chain: ChainId,
    /// The certified header.
    pub header: Header,
    /// The leaf's place in the log.
    pub place: LogPlace,
    /// Validators whose receipt keys signed the log: name and organisation.
    pub signers: Vec<(String, u32)>,
    /// Validators that certified the block: name and organisation.
    pub certified_by: Vec<(String, u32)>,
    /// The signed statement, if one was given: its leaf is the one proved.
    pub statement: Option<Signed>,
}

impl Proved {
    /// How many organisations' receipt keys signed.
    pub fn organisations(&self) -> usize {
        let orgs: alloc::collections::BTreeSet<u32> = self.signers.iter().map(|s| s.1).collect();
        orgs.len()
    }
}

/// What a receipt is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked<'a> {
    /// The exact bytes of a signed statement: its signature is checked as well.
    Statement(&'a [u8]),
    /// A record's id, where the statement is not at hand or is of an older kind.
    Id(Digest),
}

impl Bare {
    /// Puts a file together. `None` if there is no receipt, or one of somebody outside `set`.
    pub fn new(
        header: &Header,
        certificate: &Certificate,
        signers: &[(Receipt, Delegation)],
        set: &ValidatorSet,
    ) -> Option<Self> {
        let place = |key: &PublicKey| set.members().iter().position(|v| v.key == *key);
        let precommit = |p: &Precommit| Some((place(&p.validator)? as u64, p.signature));
        let precommits = certificate.precommits.iter().map(precommit).collect::<Option<_>>()?;
        let signer = |(receipt, delegation): &(Receipt, Delegation)| {
            let delegation = Short::of(delegation, set)?;
            Some(Signer { receipt: receipt.clone(), delegation })
        };
        let signers = signers.iter().map(signer).collect::<Option<Vec<_>>>()?;
        let bare = Self { header: header.clone(), round: certificate.round, precommits, signers };
        (!bare.signers.is_empty()).then_some(bare)
    }

    /// The COSE receipts by themselves.
    pub fn receipts(&self) -> impl Iterator<Item = &Receipt> {
        self.signers.iter().map(|signer| &signer.receipt)
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.signers.len().saturating_mul(1200) + 1024);
        writer.array(self.signers.len());
        for (i, signer) in self.signers.iter().enumerate() {
            let bytes = match i {
                0 => signer.receipt.encode(|writer| self.write_own(writer), 1),
                _ => signer.receipt.to_bytes(),
            };
            writer.raw(&bytes);
        }
        writer.into_bytes()
    }

    fn write_own(&self, writer: &mut Writer) {
        writer.text(LINLI).array(3).bytes(&self.header.to_bytes());
        let items = self.precommits.len().saturating_mul(2).saturating_add(1);
        writer.array(items).unsigned(self.round.into());
        for (place, signature) in &self.precommits {
            writer.unsigned(*place).bytes(&signature.0);
        }
        writer.array(self.signers.len());
        for signer in &self.signers {
            signer.delegation.write(writer);
        }
    }

    /// Opens a file.
    ///
    /// # Errors
    ///
    /// [`Failure`] of the layer of COSE receipts, or of the block's header.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        let (found, max) = (bytes.len(), BARE_RECEIPT_BYTES_MAX);
        if found > max {
            return Err(Failure::new(Reason::CoseTooLarge, [found, max])); // INV-X2
        }
        let malformed = |_| Failure::plain(Reason::CoseMalformed);
        let (receipts, own) = read(bytes).map_err(malformed)?;
        let header = Header::from_bytes(own.header)
            .map_err(|e| Failure::new(Reason::HeaderMalformed, [said::header(&e)]))?;
        if receipts.len() != own.delegations.len() {
            return Err(Failure::plain(Reason::CoseMalformed));
        }
        let signer = |(receipt, delegation)| Signer { receipt, delegation };
        let signers = receipts.into_iter().zip(own.delegations).map(signer).collect();
        let bare = Self { header, round: own.round, precommits: own.precommits, signers };
        // INV-X1
        if bare.to_bytes() == bytes { Ok(bare) } else { Err(malformed(Unreadable)) }
    }

    /// Checks everything from the genesis outward: validators, certificate, header, receipt keys,
    /// COSE receipts, the way of the leaf, and the statement's signature.
    ///
    /// `sets` are the changes of the validator set before the block; none if the genesis' set
    /// still stood.
    ///
    /// # Errors
    ///
    /// [`Failure`] names the layer that does not hold.
    pub fn check(
        &self,
        genesis: &[u8],
        sets: &[SetChange],
        asked: Asked<'_>,
        verify: &dyn Verify,
    ) -> Result<Proved, Failure> {
        self.check_by(&Trust::read(genesis)?, sets, asked, verify)
    }

    /// The same by a genesis that was read before: one serves any number of receipts.
    ///
    /// # Errors
    ///
    /// [`Failure`] names the layer that does not hold.
    pub fn check_by(
        &self,
        trust: &Trust,
        sets: &[SetChange],
        asked: Asked<'_>,
        verify: &dyn Verify,
    ) -> Result<Proved, Failure> {
        let chain = trust.chain;
        if self.header.chain != chain {
            return Err(Failure::new(Reason::GenesisOther, [self.header.chain, chain]));
        }
        let set = self.set_in_force(trust.validators.clone(), sets, verify)?;
        let certified_by = self.check_certificate(&chain, &set, verify)?;
        check_header(&self.header, &set)?;
        let signers = self.check_signers(&set, verify)?;
        let (statement, place) = self.check_leaf(asked, verify)?;
        let (name, header) = (trust.name.clone(), self.header.clone());
        Ok(Proved { name, chain, header, place, signers, certified_by, statement })
    }

    /// The set that certifies the header's height.
    fn set_in_force(
        &self,
        first: ValidatorSet,
        sets: &[SetChange],
        verify: &dyn Verify,
    ) -> Result<ValidatorSet, Failure> {
        // A history may reach beyond this block: one file of it serves the receipts of years.
        let before = sets.iter().take_while(|set| set.header.height < self.header.height);
        let before: Vec<SetChange> = before.cloned().collect();
        let set = walk(&self.header.chain, first, &before, &self.header, verify)?;
        if self.header.validators_hash == set.hash() {
            return Ok(set);
        }
        Err(Failure::plain(Reason::SetsIncomplete))
    }

    fn check_certificate(
        &self,
        chain: &ChainId,
        set: &ValidatorSet,
        verify: &dyn Verify,
    ) -> Result<Vec<(String, u32)>, Failure> {
        let mut precommits = Vec::with_capacity(self.precommits.len());
        let mut names = Vec::with_capacity(self.precommits.len());
        for (place, signature) in &self.precommits {
            let stranger = || Failure::new(Reason::CertificateStranger, [place]);
            let validator = delegation::member(set, *place).ok_or_else(stranger)?;
            precommits.push(Precommit { validator: validator.key, signature: *signature });
            names.push((validator.name.clone(), validator.org));
        }
        let (height, block) = (self.header.height, self.header.id());
        let certificate = Certificate { height, round: self.round, block, precommits };
        certificate.check(chain, set, verify).map_err(|e| bad_certificate(&e))?;
        Ok(names)
    }

    /// Each COSE receipt is over this very block's log (INV-X4), by the key of another validator.
    fn check_signers(
        &self,
        set: &ValidatorSet,
        verify: &dyn Verify,
    ) -> Result<Vec<(String, u32)>, Failure> {
        let head = LogHead::of(&self.header);
        let mut names = Vec::with_capacity(self.signers.len());
        let mut seen = alloc::collections::BTreeSet::new();
        for Signer { receipt, delegation } in &self.signers {
            if !is_of(receipt, &head) {
                return Err(Failure::plain(Reason::CoseOther));
            }
            let stranger = || Failure::new(Reason::ReceiptKeyStranger, [delegation.place]);
            let whole = delegation.whole(receipt, set).ok_or_else(stranger)?;
            let validator = delegation::check(&whole, receipt, set, verify)?;
            // The same key twice would be one signer under two names.
            if !seen.insert(validator.key) || !seen.insert(receipt.key) {
                return Err(Failure::new(Reason::CoseTwice, [&validator.name]));
            }
            if !receipt.is_over(&head.root, verify) {
                return Err(Failure::new(Reason::CoseSignature, [&validator.name]));
            }
            names.push((validator.name.clone(), validator.org));
        }
        Ok(names)
    }

    fn check_leaf(
        &self,
        asked: Asked<'_>,
        verify: &dyn Verify,
    ) -> Result<(Option<Signed>, LogPlace), Failure> {
        let (leaf, statement) = match asked {
            Asked::Id(id) => (linli_types::merkle::statement_leaf(&id), None),
            Asked::Statement(bytes) => {
                let signed = statement::parse(bytes).map_err(|e| bad_statement(&e))?;
                (signed.leaf(), Some(signed))
            }
        };
        let mut found = None;
        for Signer { receipt, .. } in &self.signers {
            let Proof::Inclusion(place) = &receipt.proof else {
                return Err(Failure::plain(Reason::CoseOther));
            };
            if receipt.root(leaf) != Some(self.header.log_root) {
                return Err(Failure::new(Reason::LogPath, [place.leaf]));
            }
            found = Some(place.clone());
        }
        if let Some(signed) = &statement {
            signed.check(verify).map_err(|e| bad_statement(&e))?;
            if signed.claims.chain.is_some_and(|chain| chain != self.header.chain) {
                return Err(Failure::plain(Reason::StatementChain));
            }
        }
        let place = found.ok_or_else(|| Failure::plain(Reason::CoseMalformed))?;
        Ok((statement, place))
    }
}

/// Whether a receipt names this block's log.
pub fn is_of(receipt: &Receipt, head: &LogHead) -> bool {
    let said = (receipt.chain(), receipt.size(), receipt.height(), receipt.time_s());
    said == (head.chain, head.size, head.height, head.time_s)
}

/// Why a statement does not hold, as a failure of its layer.
pub fn bad_statement(bad: &Bad) -> Failure {
    match bad {
        Bad::Signature => Failure::plain(Reason::StatementSignature),
        bad => Failure::new(Reason::CoseStatement, [said_bad(bad)]),
    }
}

fn said_bad(bad: &Bad) -> Detail {
    let zh = match bad {
        Bad::TooLarge { found, max } => format!("{found} 字节，上限 {max}"),
        Bad::Malformed => "不合唯一写法".into(),
        Bad::Signature => "签名不成立".into(),
    };
    Detail::new(zh, bad.to_string())
}

/// What the first receipt carries beside its proof.
struct Own<'a> {
    header: &'a [u8],
    round: u32,
    precommits: Vec<(u64, Signature)>,
    delegations: Vec<Short>,
}

fn read(bytes: &[u8]) -> Result<(Vec<Receipt>, Own<'_>), Unreadable> {
    let mut reader = Reader::new(bytes);
    let count = reader.array()?;
    if count == 0 || count > COSE_RECEIPTS_MAX {
        return Err(Unreadable);
    }
    let (first, own) = Receipt::read(&mut reader, 2, read_own)?;
    let mut receipts = Vec::with_capacity(count);
    receipts.push(first);
    for _ in 1..count {
        receipts.push(Receipt::read(&mut reader, 1, |_| Ok(()))?.0);
    }
    reader.end()?;
    Ok((receipts, own))
}

fn read_own<'a>(reader: &mut Reader<'a>) -> Result<Own<'a>, Unreadable> {
    reader.is_text(LINLI)?;
    reader.array_of(3)?;
    let header = reader.bytes()?;
    let items = reader.array()?;
    if items > VALIDATORS_MAX.saturating_mul(2).saturating_add(1) || items & 1 == 0 {
        return Err(Unreadable);
    }
    let round = u32::try_from(reader.unsigned()?).map_err(|_| Unreadable)?;
    let mut precommits = Vec::with_capacity(items >> 1);
    for _ in 0..items >> 1 {
        precommits.push((reader.unsigned()?, Signature(reader.exactly()?)));
    }
    let count = reader.array()?;
    if count > COSE_RECEIPTS_MAX {
        return Err(Unreadable);
    }
    let mut delegations = Vec::with_capacity(count);
    for _ in 0..count {
        delegations.push(Short::read(reader)?);
    }
    Ok(Own { header, round, precommits, delegations })
}

/// Reads a history of validator sets, as a pack holds it or a file beside receipts: the changes
/// since the genesis, borsh.
///
/// # Errors
///
/// [`Failure`] of the layer of validators.
pub fn read_sets(bytes: &[u8]) -> Result<Vec<SetChange>, Failure> {
    borsh::from_slice(bytes).map_err(|_| Failure::plain(Reason::SetsMalformed))
}

/// The bytes of several COSE receipts as one array, as a pack holds them.
pub fn array(receipts: &[Receipt]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.array(receipts.len());
    for receipt in receipts {
        writer.raw(&receipt.to_bytes());
    }
    writer.into_bytes()
}

/// Reads what [`array()`] wrote.
///
/// # Errors
///
/// [`Bad`]; the fault lies with whoever made the bytes.
pub fn read_array(bytes: &[u8]) -> Result<Vec<Receipt>, Bad> {
    let (found, max) = (bytes.len(), COSE_RECEIPTS_MAX.saturating_mul(COSE_RECEIPT_BYTES_MAX));
    if found > max {
        return Err(Bad::TooLarge { found, max });
    }
    let mut reader = Reader::new(bytes);
    let count = reader.array()?;
    if count == 0 || count > COSE_RECEIPTS_MAX {
        return Err(Bad::Malformed);
    }
    let mut receipts = Vec::with_capacity(count);
    for _ in 0..count {
        receipts.push(Receipt::read(&mut reader, 1, |_| Ok(()))?.0);
    }
    reader.end()?;
    if array(&receipts) == bytes { Ok(receipts) } else { Err(Bad::Malformed) }
}
