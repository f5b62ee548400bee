//! The steps, from the genesis outward. Each stands on what the one before has proved.
//!
//! ```text
//! genesis ─▶ validators ─▶ certificate ─▶ block ─┬▶ receipt ─▶ transaction ─▶ log ─▶ statement
//!                                                └▶ entries                    manifest ─▶ file
//! ```
//!
//! `block` has the first four and what stands in a block; `evidence` the evidence of the call
//! `Anchor`; `whole` signed statements and what stands beside them, `request` the call that registered
//! one; `later` what is proved in a later block, `way` whether two logs can be one.

mod block;
mod evidence;
mod history;
mod later;
mod request;
mod way;
mod whole;

pub(crate) use block::{bad_certificate, check_header};
pub use history::Trust;
pub(crate) use history::walk;

use crate::account;
use crate::failure::{Failure, Layer, Reason};
use crate::file::FileDigests;
use crate::pack::Pack;
use crate::report::{self, Report};
use crate::seal::{Kind, Name, Sealed};
use crate::verdict::{Steps, Verdict};
use alloc::vec::Vec;
use block::Block;
use borsh::BorshDeserialize;
use linli_types::account::Entry;
use linli_types::signature::Verify;

/// Verifies an opened pack with a signature scheme of the caller's. Use [`crate::verify`] unless
/// you simulate.
///
/// # Errors
///
/// [`Failure`] names the layer that does not hold.
pub fn verify_with(
    pack: &Pack<'_>,
    files: &[FileDigests],
    genesis: &[u8],
    verify: &dyn Verify,
) -> Result<Report, Failure> {
    examine_with(pack, files, &Trust::read(genesis)?, verify).outcome
}

/// The same, layer by layer, by a genesis that was read before.
pub fn examine_with(
    pack: &Pack<'_>,
    files: &[FileDigests],
    trust: &Trust,
    verify: &dyn Verify,
) -> Verdict {
    let mut verdict = examine_sealed(&pack.0, files, trust, verify);
    if let (Kind::Whole, Ok(report)) = (pack.kind(), &verdict.outcome) {
        match whole::check_explanation(&pack.0, report) {
            Ok(()) => verdict.hold(Layer::Explanation),
            Err(why) => verdict.fail(why),
        }
    }
    verdict
}

/// Everything but the explanation, which says what this found.
pub(crate) fn examine_sealed(
    sealed: &Sealed<'_>,
    files: &[FileDigests],
    trust: &Trust,
    verify: &dyn Verify,
) -> Verdict {
    let mut steps = Steps::of(sealed);
    let outcome = check(sealed, files, trust, verify, &mut steps);
    Verdict::new(steps, outcome)
}

fn check(
    sealed: &Sealed<'_>,
    files: &[FileDigests],
    trust: &Trust,
    verify: &dyn Verify,
    steps: &mut Steps,
) -> Result<Report, Failure> {
    let block = Block::check(sealed, trust, verify, steps)?;
    let mut report = block.report(sealed.kind);
    let request = block.check_request(sealed, verify, &mut report, steps)?;
    let request = request.as_ref();
    match sealed.kind {
        Kind::Evidence => evidence::check(sealed, files, &block, request, &mut report, steps)?,
        Kind::Whole => {
            let given = whole::Given { sealed, files, request, verify };
            whole::check(&given, &block, &mut report, steps)?;
        }
        Kind::Receipt => refuse_files(files)?,
        Kind::State => {
            refuse_files(files)?;
            let entries = block.check_entries(sealed, &mut report)?;
            report.account = account::find(&entries).map(|found| report::account(&found, None));
            steps.hold(Layer::State);
        }
        Kind::Account => {
            refuse_files(files)?;
            let entries = block.check_entries(sealed, &mut report)?;
            let lines: Vec<Entry> = read(sealed.get(Name::Lines), Reason::LinesMalformed)?;
            let found = account::check(&entries, &lines)?;
            report.account = Some(report::account(&found, Some(&lines)));
            steps.hold(Layer::State);
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

/// Strict: every byte belongs to the value.
fn read<T: BorshDeserialize>(bytes: &[u8], reason: Reason) -> Result<T, Failure> {
    T::try_from_slice(bytes).map_err(|_| Failure::plain(reason))
}
