//! The block: certified, on the chain of the genesis; and what its roots cover.

use super::history::{History, Trust};
use super::read;
use crate::failure::{Failure, Layer, Reason};
use crate::pack::{Answer, LogPlace, ProvedEntry, ReceiptPlace, SetChange, TransactionPlace};
use crate::report::{self, Report};
use crate::said;
use crate::seal::{Kind, Name, Sealed};
use crate::verdict::Steps;
use alloc::string::String;
use alloc::vec::Vec;
use linli_types::certificate::{BadCertificate, Certificate};
use linli_types::digest;
use linli_types::header::{Header, PROTOCOL, PROTOCOL_MIN};
use linli_types::id::{ChainId, Digest, PublicKey, TxId};
use linli_types::merkle::{self, BlockTree, Sha256Log};
use linli_types::receipt::Cause;
use linli_types::signature::Verify;
use linli_types::transaction::{body_leaf, signing_bytes};
use linli_types::validator::ValidatorSet;
use linli_types::wire::TransactionBody;
use prost::Message;

/// A header that a quorum certified, on the chain of the genesis.
pub(super) struct Block {
    pub(super) name: String,
    pub(super) chain: ChainId,
    pub(super) header: Header,
    certificate: Certificate,
    pub(super) history: History,
    set_changes: usize,
}

impl Block {
    /// Genesis, then validators, then certificate, then header.
    pub(super) fn check(
        sealed: &Sealed<'_>,
        trust: &Trust,
        verify: &dyn Verify,
        steps: &mut Steps,
    ) -> Result<Self, Failure> {
        let header = Header::from_bytes(sealed.get(Name::Header))
            .map_err(|e| Failure::new(Reason::HeaderMalformed, [said::header(&e)]))?;
        let certificate: Certificate =
            read(sealed.get(Name::Certificate), Reason::CertificateMalformed)?;
        let sets: Vec<SetChange> = read(sealed.get(Name::Sets), Reason::SetsMalformed)?;

        let chain = trust.chain;
        if header.chain != chain {
            return Err(Failure::new(Reason::GenesisOther, [header.chain, chain]));
        }
        steps.hold(Layer::Genesis);
        let below = match sealed.kind {
            // What stands beside the evidence is proved in later blocks, by later sets.
            Kind::Whole => u64::MAX,
            _ => header.height.0,
        };
        let history = History::walk(trust, &sets, below, verify)?;
        let set_changes = sets.iter().filter(|c| c.header.height < header.height).count();
        let validators = history.at(header.height);
        let is_certified = certificate.block == header.id() && certificate.height == header.height;
        if is_certified && header.validators_hash != validators.hash() {
            return Err(Failure::plain(Reason::SetsIncomplete));
        }
        certificate.check(&chain, validators, verify).map_err(|e| bad_certificate(&e))?;
        steps.hold(Layer::Validators);
        steps.hold(Layer::Certificate);
        if !is_certified {
            return Err(Failure::plain(Reason::HeaderOther));
        }
        check_header(&header, validators)?;
        steps.hold(Layer::Block);
        Ok(Self { name: trust.name.clone(), chain, header, certificate, history, set_changes })
    }

    /// The set that certified it.
    pub(super) fn validators(&self) -> &ValidatorSet {
        self.history.at(self.header.height)
    }

    /// The request and what became of it, where the pack has them.
    pub(super) fn check_request(
        &self,
        sealed: &Sealed<'_>,
        verify: &dyn Verify,
        report: &mut Report,
        steps: &mut Steps,
    ) -> Result<Option<ReceiptPlace>, Failure> {
        let receipt = sealed.find(Name::Receipt).map(|b| read(b, Reason::ReceiptMalformed));
        let receipt: Option<ReceiptPlace> = receipt.transpose()?;
        if let Some(place) = &receipt {
            self.check_receipt(place)?;
            report.receipt = Some(report::receipt(&place.receipt));
            steps.hold(Layer::Receipt);
        }
        let request = sealed.find(Name::Transaction).map(|b| read(b, Reason::TransactionMalformed));
        if let Some(place) = request.transpose()? {
            let id = self.check_transaction(&place, verify, report)?;
            let is_for = |r: &ReceiptPlace| r.receipt.cause == Cause::Transaction(id);
            if !receipt.as_ref().is_none_or(is_for) {
                return Err(Failure::plain(Reason::ReceiptOther));
            }
            steps.hold(Layer::Transaction);
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

    pub(super) fn check_entries(
        &self,
        sealed: &Sealed<'_>,
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

    pub(super) fn check_log(&self, leaf: Digest, place: &LogPlace) -> Result<(), Failure> {
        if place.size != self.header.log_size {
            return Err(Failure::new(Reason::LogSize, [place.size, self.header.log_size]));
        }
        let root = merkle::root_from_path::<Sha256Log>(leaf, place.leaf, place.size, &place.path);
        if root == Some(self.header.log_root) {
            return Ok(());
        }
        Err(Failure::new(Reason::LogPath, [place.leaf]))
    }

    pub(super) fn report(&self, kind: Kind) -> Report {
        let signers = self.certificate.precommits.iter();
        let signers = signers.filter_map(|p| self.validators().get(&p.validator));
        report::block(kind, (&self.name, &self.chain), &self.header, signers, self.validators())
            .with_certificate(self.certificate.round, self.set_changes)
    }
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
