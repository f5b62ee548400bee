//! What is proved in a later block: a time-stamp token, a checkpoint, the policy and the record.

use super::block::{Block, bad_certificate, check_header};
use super::read;
use super::way;
use super::whole::Given;
use crate::cose::statement::Signed;
use crate::failure::{Failure, Layer, Reason};
use crate::note::{self, Note};
use crate::pack::{LogPlace, ProvedEntry};
use crate::report::{self, Report};
use crate::said::Detail;
use crate::seal::Name;
use crate::statement::{Record, record_key};
use crate::token;
use crate::verdict::Steps;
use crate::whole::{CheckpointProof, LaterState, TokenProof};
use alloc::collections::BTreeSet;
use alloc::string::ToString;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::certificate::Certificate;
use linli_types::header::Header;
use linli_types::height::{Height, TimeMs};
use linli_types::id::Digest;
use linli_types::limits::STAMP_SKEW_MS;
use linli_types::merkle::{self, Sha256Log};
use linli_types::policy::Policy;
use linli_types::signature::Verify;
use prost::Message;

pub(super) fn check(
    given: &Given<'_>,
    block: &Block,
    signed: &Signed,
    place: &LogPlace,
    report: &mut Report,
    steps: &mut Steps,
) -> Result<(), Failure> {
    let leaf = Leaf { block, hash: signed.leaf(), place, verify: given.verify };
    if let Some(bytes) = given.sealed.find(Name::Token) {
        leaf.check_token(bytes, report, steps)?;
    }
    if let Some(bytes) = given.sealed.find(Name::Checkpoint) {
        leaf.check_checkpoint(bytes, report)?;
        steps.hold(Layer::Checkpoint);
    }
    if let Some(bytes) = given.sealed.find(Name::Policy) {
        leaf.check_state(bytes, signed, report)?;
        steps.hold(Layer::Policy);
    }
    Ok(())
}

/// The statement's leaf, wherever the log stands.
struct Leaf<'a> {
    block: &'a Block,
    hash: Digest,
    /// In the block's own log.
    place: &'a LogPlace,
    verify: &'a dyn Verify,
}

/// A version of the policy, as the state holds it.
#[derive(BorshSerialize, BorshDeserialize)]
struct VersionRow {
    number: u32,
    effective: TimeMs,
    set_at: Height,
    content: Policy,
}

impl Leaf<'_> {
    /// A later block, by the set then in force.
    fn check_block(
        &self,
        header: &Header,
        certificate: &Certificate,
        bad: impl Fn(Detail) -> Failure,
    ) -> Result<(), Failure> {
        let (chain, validators) = (&self.block.chain, self.block.history.at(header.height));
        let is_it = header.chain == *chain
            && header.height >= self.block.header.height
            && header.validators_hash == validators.hash()
            && certificate.block == header.id()
            && certificate.height == header.height;
        let other = || bad(Detail::new("区块或证书不相符", "block and certificate do not fit"));
        if !is_it {
            return Err(other());
        }
        let sound = certificate.check(chain, validators, self.verify);
        sound.map_err(|e| bad(bad_certificate(&e).said()))?;
        check_header(header, validators).map_err(|why| bad(why.said()))
    }

    fn stands_in(&self, place: &LogPlace, size: u64, root: &Digest) -> bool {
        let found =
            merkle::root_from_path::<Sha256Log>(self.hash, place.leaf, place.size, &place.path);
        place.leaf == self.place.leaf
            && place.size == size
            && found.as_ref() == Some(root)
            && way::agree(self.place, place)
    }

    /// Whether somebody who stamps or cosigns may have seen the block at this time: clocks differ.
    fn may_have_seen(header: &Header, time: TimeMs) -> bool {
        time.plus_ms(STAMP_SKEW_MS) >= header.time
    }

    fn check_token(
        &self,
        bytes: &[u8],
        report: &mut Report,
        steps: &mut Steps,
    ) -> Result<(), Failure> {
        let bad = |why: Detail| Failure::new(Reason::TokenOther, [why]);
        let proof: TokenProof = read(bytes, Reason::TokenMalformed)?;
        self.check_block(&proof.header, &proof.certificate, bad)?;
        if !self.stands_in(&proof.place, proof.header.log_size, &proof.header.log_root) {
            return Err(bad(Detail::new(
                "声明不在该区块的日志里",
                "its block's log lacks the leaf",
            )));
        }
        let stamped = proof.header.to_bytes();
        let found = token::verify(&proof.token, &stamped, None);
        let (token, sealed) = found.map_err(|why| bad(why.detail()))?;
        if !Self::may_have_seen(&proof.header, token.time) {
            return Err(bad(Detail::new(
                "所称时间早于它所盖的区块",
                "it tells a time before the block that it stamps",
            )));
        }
        let held = matches!(sealed, token::Sealed::ByCarried(_) | token::Sealed::ByGiven(_));
        report.token = Some(report::token(&proof, &token, held));
        if held {
            steps.hold(Layer::Token);
        }
        Ok(())
    }

    /// Every line is by a key that the pack accounts for, and every key has its line.
    fn check_checkpoint(&self, bytes: &[u8], report: &mut Report) -> Result<(), Failure> {
        let bad = |why: Detail| Failure::new(Reason::CheckpointOther, [why]);
        let other = || bad(Detail::new("内容与日志不符", "it does not fit the log"));
        let twice =
            || bad(Detail::new("同一密钥或验证者列了两次", "a key or a validator is named twice"));
        let proof: CheckpointProof = read(bytes, Reason::CheckpointMalformed)?;
        let note = Note::parse(proof.note.as_bytes()).map_err(|why| bad(why.detail()))?;
        let said = note::Checkpoint::parse(note.text()).map_err(|why| bad(why.detail()))?;
        let origin = note::origin(&self.block.chain);
        let plain = said.extensions.is_empty();
        let fits = plain && said.origin == origin && said.size >= self.block.header.log_size;
        if !fits || !self.stands_in(&proof.place, said.size, &said.root) {
            return Err(other());
        }
        let anchored = &self.block.header;
        let (mut lines, mut seats) = (BTreeSet::new(), BTreeSet::new());
        let mut signers = Vec::new();
        for key in &proof.keys {
            // Who left before the block has nothing to say of what came after it.
            let validator = self.block.history.find_since(anchored.height, &key.says.validator);
            let validator = validator.filter(|_| key.says.chain == self.block.chain);
            let validator = validator.filter(|_| key.holds(self.verify)).ok_or_else(other)?;
            let named = note::Key::new(&origin, note::Kind::Log, key.says.key);
            let named = named.map_err(|why| bad(why.detail()))?;
            let time = note.signed_by(&named, self.verify).map_err(|why| bad(why.detail()))?;
            time.ok_or_else(other)?;
            // One key, one line; one validator, one word.
            if !lines.insert(named.to_string()) || !seats.insert(validator.key) {
                return Err(twice());
            }
            signers.push(report::signer(validator));
        }
        let mut witnesses = Vec::new();
        for text in &proof.witnesses {
            let key = note::Key::parse(text).map_err(|why| bad(why.detail()))?;
            let time = note.signed_by(&key, self.verify).map_err(|why| bad(why.detail()))?;
            let time = time.filter(|_| key.kind() == note::Kind::Witness).ok_or_else(other)?;
            let time = TimeMs(time.saturating_mul(1000));
            if !Self::may_have_seen(anchored, time) {
                return Err(other());
            }
            if !lines.insert(key.to_string()) {
                return Err(twice());
            }
            witnesses.push(report::witness(text, time));
        }
        if signers.is_empty() || lines.len() != note.lines().len() {
            return Err(other());
        }
        report.checkpoint = Some(report::checkpoint(said.size, &said.root, signers, witnesses));
        Ok(())
    }

    /// The policy that held when the evidence was anchored; and what became of the record since.
    fn check_state(
        &self,
        bytes: &[u8],
        signed: &Signed,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let bad = |why: Detail| Failure::new(Reason::PolicyOther, [why]);
        let other = || bad(Detail::new("内容与账本不符", "it does not fit the ledger"));
        let proof: LaterState = read(bytes, Reason::PolicyMalformed)?;
        self.check_block(&proof.header, &proof.certificate, bad)?;
        let mut entries: Vec<&ProvedEntry> = proof.policy.iter().collect();
        entries.extend(&proof.record);
        for entry in entries {
            let root = entry.proof.root(&entry.key, entry.value.as_deref());
            if root != Some(proof.header.state_root) {
                return Err(other());
            }
        }
        let [row, next] = &proof.policy;
        let version = version(row).ok_or_else(other)?.ok_or_else(other)?;
        let next_number = version.number.checked_add(1).ok_or_else(other)?;
        let follows = match version_key(next_number) == next.key {
            true => self::version(next).ok_or_else(other)?,
            false => return Err(other()),
        };
        let anchored = self.block.header.time;
        let ends = follows.is_none_or(|next| next.effective > anchored);
        if version.effective > anchored || !ends {
            return Err(other());
        }
        report.policy = Some(report::policy(version.number, version.effective, &proof.header));
        if let Some(entry) = &proof.record {
            let claims = &signed.claims;
            if entry.key != record_key(&claims.source, claims.number) {
                return Err(other());
            }
            let record = entry.value.as_deref().map_or(Ok(Record::default()), Record::decode);
            report.record = Some(report::record(&record.map_err(|_| other())?, &proof.header));
        }
        Ok(())
    }
}

fn version_key(number: u32) -> Vec<u8> {
    [b"policy\0v".as_slice(), number.to_be_bytes().as_slice()].concat()
}

/// The version that an entry holds, under its own key; `Some(None)` if nothing stands there.
#[allow(clippy::option_option, reason = "unreadable, absent and present are three things")]
fn version(entry: &ProvedEntry) -> Option<Option<VersionRow>> {
    let Some(value) = &entry.value else { return Some(None) };
    let row = VersionRow::try_from_slice(value).ok()?;
    (version_key(row.number) == entry.key).then_some(Some(row))
}
