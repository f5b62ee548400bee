//! The steps, from the genesis outward. Each stands on what the one before has proved.

use crate::account;
use crate::failure::{Failure, Reason};
use crate::file::{self, FileDigests};
use crate::manifest::{Difference, Manifest};
use crate::pack::{Answer, LogPlace, Pack, ProvedEntry, ReceiptPlace, SetChange, TransactionPlace};
use crate::report::{self, Report};
use crate::said::{self, Detail};
use crate::seal::{Kind, Name, Sealed};
use crate::statement::{self, Anchored, Statement};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::BorshDeserialize;
use linli_types::account::Entry;
use linli_types::certificate::{BadCertificate, Certificate};
use linli_types::digest;
use linli_types::genesis::Genesis;
use linli_types::header::{Header, PROTOCOL, PROTOCOL_MIN};
use linli_types::id::{ChainId, Digest, PublicKey, TxId};
use linli_types::merkle::{self, BlockTree, Sha256Log};
use linli_types::receipt::Cause;
use linli_types::signature::Verify;
use linli_types::transaction::{body_leaf, signing_bytes};
use linli_types::validator::ValidatorSet;
use linli_types::wire::TransactionBody;
use prost::Message;

/// Verifies an opened pack with a signature scheme of the caller's. Use [`crate::verify`] unless
/// you simulate.
///
/// # Errors
///
/// [`Failure`] names the layer that does not hold.
pub fn verify_with(
    pack: &Pack,
    files: &[FileDigests],
    genesis: &[u8],
    verify: &dyn Verify,
) -> Result<Report, Failure> {
    let sealed = &pack.0;
    let block = Block::check(sealed, genesis, verify)?;
    let mut report = block.report(sealed.kind);
    let request = block.check_request(sealed, verify, &mut report)?;
    match sealed.kind {
        Kind::Evidence => check_evidence(sealed, files, &block, request.as_ref(), &mut report)?,
        Kind::Receipt => refuse_files(files)?,
        Kind::State => {
            refuse_files(files)?;
            block.check_entries(sealed, &mut report)?;
        }
        Kind::Account => {
            refuse_files(files)?;
            let entries = block.check_entries(sealed, &mut report)?;
            let lines: Vec<Entry> = read(sealed.get(Name::Lines), Reason::LinesMalformed)?;
            let whole = account::check(&entries, &lines)?;
            report.account = Some(report::account(&whole, &lines));
        }
    }
    Ok(report)
}

fn refuse_files(files: &[FileDigests]) -> Result<(), Failure> {
    match files.first() {
        Some(file) => Err(Failure::new(Reason::FileNotAsked, [&file.name])),
        None => Ok(()),
    }
}

/// A header that a quorum certified, on the chain of the genesis.
struct Block {
    name: String,
    chain: ChainId,
    header: Header,
    certificate: Certificate,
    validators: ValidatorSet,
    set_changes: usize,
}

impl Block {
    /// Genesis, then validators, then certificate, then header.
    fn check(sealed: &Sealed, genesis: &[u8], verify: &dyn Verify) -> Result<Self, Failure> {
        let header = Header::from_bytes(sealed.get(Name::Header))
            .map_err(|e| Failure::new(Reason::HeaderMalformed, [said::header(&e)]))?;
        let certificate: Certificate =
            read(sealed.get(Name::Certificate), Reason::CertificateMalformed)?;
        let sets: Vec<SetChange> = read(sealed.get(Name::Sets), Reason::SetsMalformed)?;

        let (genesis, chain) = Genesis::from_bytes(genesis)
            .map_err(|e| Failure::new(Reason::GenesisMalformed, [said::genesis(&e)]))?;
        if header.chain != chain {
            return Err(Failure::new(Reason::GenesisOther, [header.chain, chain]));
        }
        let set_changes = sets.len();
        let validators = walk(&chain, genesis.validators, &sets, &header, verify)?;
        let is_certified = certificate.block == header.id() && certificate.height == header.height;
        if is_certified && header.validators_hash != validators.hash() {
            return Err(Failure::plain(Reason::SetsIncomplete));
        }
        certificate.check(&chain, &validators, verify).map_err(|e| bad_certificate(&e))?;
        if !is_certified {
            return Err(Failure::plain(Reason::HeaderOther));
        }
        check_header(&header, &validators)?;
        Ok(Self { name: genesis.name, chain, header, certificate, validators, set_changes })
    }

    /// The request and what became of it, where the pack has them.
    fn check_request(
        &self,
        sealed: &Sealed,
        verify: &dyn Verify,
        report: &mut Report,
    ) -> Result<Option<ReceiptPlace>, Failure> {
        let receipt = sealed.find(Name::Receipt).map(|b| read(b, Reason::ReceiptMalformed));
        let receipt: Option<ReceiptPlace> = receipt.transpose()?;
        if let Some(place) = &receipt {
            self.check_receipt(place)?;
            report.receipt = Some(report::receipt(&place.receipt));
        }
        let request = sealed.find(Name::Transaction).map(|b| read(b, Reason::TransactionMalformed));
        if let Some(place) = request.transpose()? {
            let id = self.check_transaction(&place, verify, report)?;
            let is_for = |r: &ReceiptPlace| r.receipt.cause == Cause::Transaction(id);
            if !receipt.as_ref().is_none_or(is_for) {
                return Err(Failure::plain(Reason::ReceiptOther));
            }
        }
        Ok(receipt)
    }

    fn check_receipt(&self, place: &ReceiptPlace) -> Result<(), Failure> {
        let (index, count) = (u64::from(place.index), u64::from(place.count));
        let leaf = place.receipt.leaf();
        let root = merkle::root_from_path::<BlockTree>(leaf, index, count, &place.path);
        if root == Some(self.header.receipts_root) {
            return Ok(());
        }
        Err(Failure::new(Reason::ReceiptPath, [place.index]))
    }

    fn check_transaction(
        &self,
        place: &TransactionPlace,
        verify: &dyn Verify,
        report: &mut Report,
    ) -> Result<TxId, Failure> {
        let id = digest::transaction_id(&place.body);
        let (index, count) = (u64::from(place.index), u64::from(place.count));
        let leaf = body_leaf(&id, &place.signature);
        let root = merkle::root_from_path::<BlockTree>(leaf, index, count, &place.path);
        if root != Some(self.header.bodies_root) {
            return Err(Failure::new(Reason::TransactionPath, [place.index]));
        }
        let malformed = || Failure::plain(Reason::TransactionMalformed);
        let body = TransactionBody::decode(place.body.as_slice()).map_err(|_| malformed())?;
        let signer = PublicKey::from_slice(&body.signer).ok_or_else(malformed)?;
        if !verify.verify(&signer, &signing_bytes(&self.chain, &place.body), &place.signature) {
            return Err(Failure::plain(Reason::TransactionSignature));
        }
        report.transaction = Some(report::transaction(&id, &body));
        Ok(id)
    }

    fn check_entries(
        &self,
        sealed: &Sealed,
        report: &mut Report,
    ) -> Result<Vec<ProvedEntry>, Failure> {
        let entries: Vec<ProvedEntry> = read(sealed.get(Name::Entries), Reason::EntriesMalformed)?;
        for entry in &entries {
            let root = entry.proof.root(&entry.key, entry.value.as_deref());
            if root != Some(self.header.state_root) {
                return Err(Failure::new(Reason::EntriesPath, [report::key(&entry.key)]));
            }
        }
        let answer = sealed.find(Name::Answer).map(|b| read(b, Reason::EntriesMalformed));
        let answer: Option<Answer> = answer.transpose()?;
        if entries.is_empty() {
            return Err(Failure::plain(Reason::EntriesMalformed));
        }
        report.entries = entries.iter().map(report::entry).collect();
        report.computed = answer.as_ref().map(report::computed);
        Ok(entries)
    }

    fn check_log(&self, leaf: Digest, place: &LogPlace) -> Result<(), Failure> {
        if place.size != self.header.log_size {
            return Err(Failure::new(Reason::LogSize, [place.size, self.header.log_size]));
        }
        let root = merkle::root_from_path::<Sha256Log>(leaf, place.leaf, place.size, &place.path);
        if root == Some(self.header.log_root) {
            return Ok(());
        }
        Err(Failure::new(Reason::LogPath, [place.leaf]))
    }

    fn report(&self, kind: Kind) -> Report {
        let signers = self.certificate.precommits.iter();
        let signers = signers.filter_map(|p| self.validators.get(&p.validator));
        report::block(kind, (&self.name, &self.chain), &self.header, signers, &self.validators)
            .with_certificate(self.certificate.round, self.set_changes)
    }
}

/// From the genesis' set to the one in force at `last`.
pub(crate) fn walk(
    chain: &ChainId,
    first: ValidatorSet,
    changes: &[SetChange],
    last: &Header,
    verify: &dyn Verify,
) -> Result<ValidatorSet, Failure> {
    let (mut current, mut below) = (first, 0);
    for (i, change) in changes.iter().enumerate() {
        let bad = |why: Detail| Failure::new(Reason::SetsChange, [Detail::from(i), why]);
        let (header, height) = (&change.header, change.header.height.0);
        let known = Header::from_bytes(&header.to_bytes());
        known.map_err(|e| bad(said::header(&e)))?;
        if header.chain != *chain || height <= below || height >= last.height.0 {
            return Err(bad(Detail::new(
                "属于另一条链，或次序不对",
                "another chain, or out of order",
            )));
        }
        let (next, was) = (change.next.hash(), current.hash());
        if header.validators_hash != was || header.next_validators_hash != next || next == was {
            return Err(bad(Detail::new("前后两组不相衔接", "the sets do not follow each other")));
        }
        let certificate = &change.certificate;
        certificate.check(chain, &current, verify).map_err(|e| bad(said::certificate(&e)))?;
        if certificate.block != header.id() || certificate.height != header.height {
            return Err(bad(Detail::new(
                "证书证明的是另一个区块头",
                "certified is another header",
            )));
        }
        (current, below) = (change.next.clone(), height);
    }
    Ok(current)
}

pub(crate) fn check_header(header: &Header, validators: &ValidatorSet) -> Result<(), Failure> {
    if !(PROTOCOL_MIN..=PROTOCOL).contains(&header.protocol) {
        return Err(Failure::new(Reason::HeaderProtocol, [header.protocol]));
    }
    match validators.get(&header.proposer) {
        Some(_) => Ok(()),
        None => Err(Failure::plain(Reason::HeaderProposer)),
    }
}

pub(crate) fn bad_certificate(bad: &BadCertificate) -> Failure {
    match bad {
        BadCertificate::Stranger(key) => Failure::new(Reason::CertificateStranger, [key]),
        BadCertificate::Order => Failure::plain(Reason::CertificateOrder),
        BadCertificate::Power { power, total } => {
            Failure::new(Reason::CertificatePower, [power, total])
        }
        BadCertificate::Signature(key) => Failure::new(Reason::CertificateSignature, [key]),
    }
}

/// Log, then statement, then manifest, then files.
fn check_evidence(
    sealed: &Sealed,
    files: &[FileDigests],
    block: &Block,
    receipt: Option<&ReceiptPlace>,
    report: &mut Report,
) -> Result<(), Failure> {
    let place: LogPlace = read(sealed.get(Name::Log), Reason::LogMalformed)?;
    let bytes = sealed.get(Name::Statement);
    let receipt = receipt.ok_or_else(|| Failure::plain(Reason::ReceiptMalformed))?;
    check_made_by(receipt, bytes, place.leaf)?;
    block.check_log(statement::leaf(bytes), &place)?;
    let malformed = |_| Failure::plain(Reason::StatementMalformed);
    let statement = Statement::decode(bytes).map_err(malformed)?;
    let (said, time) = (statement.anchored_at_ms, block.header.time.0);
    if said != time {
        return Err(Failure::new(Reason::StatementTime, [said, time]));
    }
    let manifest = check_manifest(sealed.get(Name::Manifest), &statement)?;
    check_files(&manifest, files)?;
    report.log = Some(report::log(bytes, &place));
    report.statement = Some(report::statement(&statement));
    report.files = manifest.files.iter().map(report::file).collect();
    Ok(())
}

/// The evidence room itself says that this very statement became this very leaf. A leaf alone says
/// nothing: every room may append one, also of a statement that it invented.
fn check_made_by(place: &ReceiptPlace, bytes: &[u8], leaf: u64) -> Result<(), Failure> {
    if !place.receipt.is_done() {
        return Err(Failure::plain(Reason::ReceiptRefused));
    }
    let (first, count) = place.receipt.log_leaves;
    let in_range = leaf >= first && leaf - first < u64::from(count);
    let says_so = |event: &linli_types::receipt::Event| {
        event.room == statement::ROOM
            && event.kind == statement::EVENT
            && Anchored::decode(event.data.as_slice())
                .is_ok_and(|said| said.statement == bytes && said.leaf == leaf)
    };
    if in_range && place.receipt.events.iter().any(says_so) {
        return Ok(());
    }
    Err(Failure::plain(Reason::StatementOther))
}

fn check_manifest(bytes: &[u8], statement: &Statement) -> Result<Manifest, Failure> {
    let other = |what: Difference| Failure::new(Reason::ManifestOther, [what.detail()]);
    let (sha256, sm3) = file::both(bytes);
    if statement.manifest_sha256 != sha256.0 {
        return Err(other(Difference::Sha256));
    }
    if statement.manifest_sm3 != sm3.0 {
        return Err(other(Difference::Sm3));
    }
    let manifest = Manifest::from_bytes(bytes)
        .map_err(|why| Failure::new(Reason::ManifestMalformed, [why]))?;
    if manifest.size() != Some(statement.size) {
        return Err(other(Difference::Size));
    }
    if manifest.captured_at != statement.captured_at_ms {
        return Err(other(Difference::CapturedAt));
    }
    Ok(manifest)
}

/// Every file of the manifest was given, and every given file stands in the manifest. A file is
/// recognised by its digests; its name only helps to say what is wrong.
fn check_files(manifest: &Manifest, files: &[FileDigests]) -> Result<(), Failure> {
    for file in files {
        if manifest.files.iter().any(|listed| listed.difference(file).is_none()) {
            continue;
        }
        let named = manifest.files.iter().find(|listed| listed.name == file.name);
        let likely = named.or(manifest.files.first());
        let what = likely.and_then(|listed| listed.difference(file)).unwrap_or(Difference::Sha256);
        return Err(Failure::new(Reason::FileChanged, [Detail::from(&file.name), what.detail()]));
    }
    let given = |listed: &&crate::manifest::Listed| {
        !files.iter().any(|file| listed.difference(file).is_none())
    };
    match manifest.files.iter().find(given) {
        Some(listed) => Err(Failure::new(Reason::FileNotGiven, [&listed.name])),
        None => Ok(()),
    }
}

/// Strict: every byte belongs to the value.
fn read<T: BorshDeserialize>(bytes: &[u8], reason: Reason) -> Result<T, Failure> {
    T::try_from_slice(bytes).map_err(|_| Failure::plain(reason))
}
