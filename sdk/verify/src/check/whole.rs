//! A signed statement: that the evidence room registered it, and what stands beside it.
//!
//! The order is that of trust: the room's word and the log, then the statement's own signatures,
//! then the manifest and the files, then what is proved in later blocks or only said.

use super::block::Block;
use super::evidence::{check_files, manifest_of};
use super::{later, read, request};
use crate::cose::bare::{bad_statement, is_of, read_array};
use crate::cose::receipt::LogHead;
use crate::cose::statement::{self as cose_statement, Claims, Signed};
use crate::cose::{self, delegation};
use crate::explain;
use crate::failure::{Failure, Layer, Reason};
use crate::file::FileDigests;
use crate::manifest::Manifest;
use crate::pack::{LogPlace, ReceiptPlace};
use crate::platform::Platform;
use crate::report::{self, Edition, Report};
use crate::seal::{Name, Sealed};
use crate::sm2;
use crate::statement::{ROOM, Registered};
use crate::verdict::Steps;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use linli_types::delegation::Delegation;
use linli_types::signature::Verify;
use prost::Message;
use sha2::Digest as _;

/// What a check is given besides the block.
pub(super) struct Given<'a> {
    pub(super) sealed: &'a Sealed<'a>,
    pub(super) files: &'a [FileDigests],
    pub(super) request: Option<&'a ReceiptPlace>,
    pub(super) verify: &'a dyn Verify,
}

pub(super) fn check(
    given: &Given<'_>,
    block: &Block,
    report: &mut Report,
    steps: &mut Steps,
) -> Result<(), Failure> {
    let sealed = given.sealed;
    let signed = check_statement(given, block)?;
    let place: LogPlace = read(sealed.get(Name::Log), Reason::LogMalformed)?;
    let receipt = given.request.ok_or_else(|| Failure::plain(Reason::ReceiptMalformed))?;
    let said = check_registered(receipt, &signed, place.leaf)?;
    request::check(sealed, &signed)?;
    block.check_log(signed.leaf(), &place)?;
    steps.hold(Layer::Log);
    steps.hold(Layer::Statement);
    report.log = Some(report::log(&signed.id(), &place));
    report.statement = Some(report::signed(&signed, &said, block.header.time));
    check_sm2(given, &signed, report, steps)?;
    check_receipts(given, block, &signed, report, steps)?;
    let manifest = check_manifest(sealed.get(Name::Manifest), &signed)?;
    steps.hold(Layer::Manifest);
    check_all_files(given, &manifest, report)?;
    steps.hold(Layer::File);
    check_platform(sealed, &manifest, block, report, steps)?;
    later::check(given, block, &signed, &place, report, steps)
}

/// Its one spelling, its own signature, and that it is meant for this chain.
fn check_statement(given: &Given<'_>, block: &Block) -> Result<Signed, Failure> {
    let bytes = given.sealed.get(Name::Cose);
    let signed = cose_statement::parse(bytes).map_err(|e| bad_statement(&e))?;
    signed.check(given.verify).map_err(|e| bad_statement(&e))?;
    if signed.claims.chain.is_some_and(|chain| chain != block.chain) {
        return Err(Failure::plain(Reason::StatementChain));
    }
    // A device has seen no block that came with its statement, or after it.
    let (anchored, seen) = (block.header.height, signed.claims.not_before);
    match seen.filter(|(_, height)| *height >= anchored) {
        Some((_, height)) => Err(Failure::new(Reason::StatementAhead, [height, anchored])),
        None => Ok(signed),
    }
}

/// The evidence room itself says that it registered this leaf as this number of this source, as of
/// this kind and time. A leaf alone says nothing: every room may append one.
fn check_registered(
    place: &ReceiptPlace,
    signed: &Signed,
    leaf: u64,
) -> Result<Registered, Failure> {
    if !place.receipt.is_done() {
        return Err(Failure::plain(Reason::ReceiptRefused));
    }
    let (first, count) = place.receipt.log_leaves;
    let in_range = leaf >= first && leaf.saturating_sub(first) < u64::from(count);
    let said = place.receipt.events.iter().find_map(|event| {
        let is_word = event.room == ROOM && event.kind == Registered::EVENT;
        let said = Registered::decode(event.data.as_slice()).ok().filter(|_| is_word)?;
        names(&said, signed, leaf).then_some(said)
    });
    said.filter(|_| in_range).ok_or_else(|| Failure::plain(Reason::StatementOther))
}

fn names(said: &Registered, signed: &Signed, leaf: u64) -> bool {
    let claims = &signed.claims;
    let offset = leaf.checked_sub(said.first_leaf).filter(|i| *i < u64::from(said.count));
    let number = offset.and_then(|offset| said.first.checked_add(offset));
    let is_time = (said.captured_from_ms..=said.captured_to_ms).contains(&claims.captured_at_ms);
    let is_digest = said.count != 1 || said.statement == signed.id().0;
    let is_kind = u16::try_from(said.kind) == Ok(claims.kind);
    let is_source = said.source == claims.source.0;
    let is_it = number == Some(claims.number) && is_source && is_kind && is_time && is_digest;
    is_it && is_device(said, claims)
}

/// A device that is its own source need not be named twice.
fn is_device(said: &Registered, claims: &Claims) -> bool {
    let named = claims.device.map(|device| device.0);
    let named = named.as_ref().map_or(&[][..], |device| device.as_slice());
    said.device == named || said.device.is_empty() && claims.device == Some(claims.source)
}

/// The second signature is over the same bytes, by the key that the statement names.
fn check_sm2(
    given: &Given<'_>,
    signed: &Signed,
    report: &mut Report,
    steps: &mut Steps,
) -> Result<(), Failure> {
    let Some(bytes) = given.sealed.find(Name::Sm2) else {
        report.missing.second_signature = signed.claims.sm2_key.is_some();
        return Ok(());
    };
    let bad = |why: sm2::BadSm2| Failure::new(Reason::Sm2Signature, [why.detail()]);
    let second = sm2::Signed::parse(bytes).map_err(bad)?;
    if signed.claims.sm2_key != Some(second.key_id()) {
        return Err(Failure::plain(Reason::Sm2Other));
    }
    second.verify(signed.sig_structure()).map_err(bad)?;
    report.second_signature = Some(report::second(&second));
    steps.hold(Layer::Sm2);
    Ok(())
}

/// Each COSE receipt is over this very block's log, by the key of another validator of its set.
fn check_receipts(
    given: &Given<'_>,
    block: &Block,
    signed: &Signed,
    report: &mut Report,
    steps: &mut Steps,
) -> Result<(), Failure> {
    let Some(bytes) = given.sealed.find(Name::Receipts) else {
        return match given.sealed.find(Name::Keys) {
            Some(_) => Err(Failure::new(Reason::PackContents, [Name::Keys.text()])),
            None => Ok(()),
        };
    };
    let receipts = read_array(bytes).map_err(|_| Failure::plain(Reason::CoseMalformed))?;
    let keys: Vec<Delegation> = read(given.sealed.get(Name::Keys), Reason::ReceiptKeyMalformed)?;
    if keys.len() != receipts.len() {
        return Err(Failure::plain(Reason::ReceiptKeyMalformed));
    }
    let (head, mut seen) = (LogHead::of(&block.header), BTreeSet::new());
    for (receipt, key) in receipts.iter().zip(&keys) {
        if !is_of(receipt, &head) {
            return Err(Failure::plain(Reason::CoseOther));
        }
        let validator = delegation::check(key, receipt, block.validators(), given.verify)?;
        // The same key twice would be one signer under two names.
        if !seen.insert(validator.key) || !seen.insert(receipt.key) {
            return Err(Failure::new(Reason::CoseTwice, [&validator.name]));
        }
        let is_over = receipt.root(signed.leaf()) == Some(head.root);
        if !is_over || !receipt.is_over(&head.root, given.verify) {
            return Err(Failure::new(Reason::CoseSignature, [&validator.name]));
        }
        let cose::receipt::Proof::Inclusion(_) = &receipt.proof else {
            return Err(Failure::plain(Reason::CoseOther));
        };
        report.receipts.push(report::signer(validator));
    }
    steps.hold(Layer::ReceiptKey);
    steps.hold(Layer::Cose);
    Ok(())
}

fn check_manifest(bytes: &[u8], signed: &Signed) -> Result<Manifest, Failure> {
    let claims = &signed.claims;
    let digests = (claims.manifest_sha256.0.as_slice(), claims.sm3.0.as_slice());
    manifest_of(bytes, digests, (claims.size, claims.captured_at_ms))
}

/// Files inside are listed under their very names; with those beside they are all.
fn check_all_files(
    given: &Given<'_>,
    manifest: &Manifest,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut all = given.files.to_vec();
    for (name, bytes) in &given.sealed.files {
        let file = FileDigests::of(name.as_ref(), bytes);
        let listed = manifest.files.iter().find(|listed| listed.name == file.name);
        let listed = listed.ok_or_else(|| Failure::new(Reason::FileNotListed, [&file.name]))?;
        if let Some(what) = listed.difference(&file) {
            let details = [crate::Detail::from(&file.name), what.detail()];
            return Err(Failure::new(Reason::FileChanged, details));
        }
        all.push(file);
    }
    check_files(manifest, &all)?;
    report.files = manifest.files.iter().map(report::file).collect();
    report.manifest = Some(report::manifest(manifest));
    Ok(())
}

/// The platform statement is the one whose digest the manifest holds: fixed when it was anchored.
fn check_platform(
    sealed: &Sealed<'_>,
    manifest: &Manifest,
    block: &Block,
    report: &mut Report,
    steps: &mut Steps,
) -> Result<(), Failure> {
    let Some(bytes) = sealed.find(Name::Platform) else { return Ok(()) };
    let found = sha2::Sha256::digest(bytes);
    if manifest.platform.is_none_or(|named| named.0 != *found) {
        return Err(Failure::plain(Reason::PlatformOther));
    }
    let platform = Platform::from_bytes(bytes)
        .map_err(|why| Failure::new(Reason::PlatformMalformed, [why]))?;
    report.platform = Some(report::platform(&platform, block.header.time, block.validators()));
    steps.hold(Layer::Platform);
    Ok(())
}

/// The explanation says what was found, and nothing else: rendered anew, byte for byte, in the words of
/// the edition in which it was written.
pub(super) fn check_explanation(sealed: &Sealed<'_>, report: &Report) -> Result<(), Failure> {
    let text = sealed.get(Name::ExplanationText);
    let is_in = |edition: &Edition| text == explain::text(report, *edition).as_bytes();
    let Some(edition) = Edition::ALL.into_iter().find(is_in) else {
        return Err(Failure::new(Reason::ExplanationOther, [Name::ExplanationText.text()]));
    };
    if sealed.get(Name::ExplanationPage) != explain::page(report, edition) {
        return Err(Failure::new(Reason::ExplanationOther, [Name::ExplanationPage.text()]));
    }
    Ok(())
}
