//! Evidence that the call `Anchor` made: log, then statement, then manifest, then files.

use super::block::Block;
use super::read;
use crate::failure::{Failure, Layer, Reason};
use crate::file::{self, FileDigests};
use crate::manifest::{Difference, Listed, Manifest};
use crate::pack::{LogPlace, ReceiptPlace};
use crate::report::{self, Report};
use crate::said::Detail;
use crate::seal::{Name, Sealed};
use crate::statement::{self, Anchored, Statement};
use crate::verdict::Steps;
use prost::Message;

/// Log, then statement, then manifest, then files.
pub(super) fn check(
    sealed: &Sealed<'_>,
    files: &[FileDigests],
    block: &Block,
    receipt: Option<&ReceiptPlace>,
    report: &mut Report,
    steps: &mut Steps,
) -> Result<(), Failure> {
    let place: LogPlace = read(sealed.get(Name::Log), Reason::LogMalformed)?;
    let bytes = sealed.get(Name::Statement);
    let receipt = receipt.ok_or_else(|| Failure::plain(Reason::ReceiptMalformed))?;
    check_made_by(receipt, bytes, place.leaf)?;
    block.check_log(statement::leaf(bytes), &place)?;
    steps.hold(Layer::Log);
    let malformed = |_| Failure::plain(Reason::StatementMalformed);
    let statement = Statement::decode(bytes).map_err(malformed)?;
    let (said, time) = (statement.anchored_at_ms, block.header.time.0);
    if said != time {
        return Err(Failure::new(Reason::StatementTime, [said, time]));
    }
    steps.hold(Layer::Statement);
    let manifest = check_manifest(sealed.get(Name::Manifest), &statement)?;
    steps.hold(Layer::Manifest);
    check_files(&manifest, files)?;
    steps.hold(Layer::File);
    report.log = Some(report::log(&statement::id(bytes), &place));
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
    let digests = (statement.manifest_sha256.as_slice(), statement.manifest_sm3.as_slice());
    manifest_of(bytes, digests, (statement.size, statement.captured_at_ms))
}

/// The manifest that a statement names by both digests, and which says the same as it.
pub(super) fn manifest_of(
    bytes: &[u8],
    (sha256, sm3): (&[u8], &[u8]),
    (size, captured_at_ms): (u64, u64),
) -> Result<Manifest, Failure> {
    let other = |what: Difference| Failure::new(Reason::ManifestOther, [what.detail()]);
    let found = file::both(bytes);
    if sha256 != found.0.0 {
        return Err(other(Difference::Sha256));
    }
    if sm3 != found.1.0 {
        return Err(other(Difference::Sm3));
    }
    let manifest = Manifest::from_bytes(bytes)
        .map_err(|why| Failure::new(Reason::ManifestMalformed, [why]))?;
    if manifest.size() != Some(size) {
        return Err(other(Difference::Size));
    }
    if manifest.captured_at != captured_at_ms {
        return Err(other(Difference::CapturedAt));
    }
    Ok(manifest)
}

/// Every file of the manifest was given, and every given file stands in the manifest. A file is
/// recognised by its digests; its name only helps to say what is wrong.
pub(super) fn check_files(manifest: &Manifest, files: &[FileDigests]) -> Result<(), Failure> {
    for file in files {
        if manifest.files.iter().any(|listed| listed.difference(file).is_none()) {
            continue;
        }
        let named = manifest.files.iter().find(|listed| listed.name == file.name);
        let likely = named.or(manifest.files.first());
        let what = likely.and_then(|listed| listed.difference(file)).unwrap_or(Difference::Sha256);
        return Err(Failure::new(Reason::FileChanged, [Detail::from(&file.name), what.detail()]));
    }
    let given = |listed: &&Listed| !files.iter().any(|file| listed.difference(file).is_none());
    match manifest.files.iter().find(given) {
        Some(listed) => Err(Failure::new(Reason::FileNotGiven, [&listed.name])),
        None => Ok(()),
    }
}
