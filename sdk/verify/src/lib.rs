//! The offline verifier: from a file to the genesis, or a reason why not.
//!
//! ```text
//!   file ─▶ manifest ─▶ statement ─▶ log ─▶ block ─▶ certificate ─▶ validators ─▶ genesis
//!                       receipt, transaction, state entries ─┘
//! ```
//!
//! It takes bytes and readers. It opens no file and no socket, reads no clock, and believes
//! nothing but the genesis bytes it is given. What it names as broken is named by [`Layer`].
//!
//! The checks run from the genesis outward: whatever fails first stands on layers that hold, so
//! the layer named is the one at fault. `check` has the steps, `seal` and `zip` the pack's bytes.
//!
//! # Invariants
//!
//! - **O1 one spelling.** A pack has one encoding; any other bytes are refused (`seal`).
//! - **O2 no slack.** Every byte of every entry is bound by a digest or a signature that leads to
//!   the genesis: no entry can be changed, even by one who seals the pack anew.
//! - **O3 every signature.** Every signature present verifies, by ZIP-215.
//! - **O4 total.** No input panics.
//!
//! `no_std` with `alloc`: the same code runs in a browser (`sdk/verify/browser`). The feature `std`
//! adds only what reads a file as a stream.
#![no_std]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod base64;
pub mod certified;
pub mod cose;
pub mod failure;
pub mod file;
pub mod log;
pub mod manifest;
pub mod note;
pub mod pack;
pub mod platform;
pub mod report;
pub mod request;
pub mod said;
pub mod seal;
pub mod sm2;
pub mod statement;
pub mod time;
pub mod token;
pub mod verdict;
pub mod whole;

mod account;
mod check;
mod explain;
mod zip;

pub use check::{Trust, examine_with, verify_with};
pub use failure::{Failure, Layer, Reason};
pub use file::{FileDigests, FileHasher};
pub use manifest::Manifest;
pub use pack::{Contents, Pack};
pub use report::Report;
pub use said::Detail;
pub use seal::Kind;
pub use verdict::{Finding, Verdict};
pub use whole::Whole;

use linli_types::signature::Zip215;

/// Verifies a pack of any kind against a genesis, together with the files given beside it.
///
/// # Errors
///
/// [`Failure`] names the layer that does not hold.
pub fn verify(pack: &[u8], files: &[FileDigests], genesis: &[u8]) -> Result<Report, Failure> {
    verify_with(&Pack::from_bytes(pack)?, files, genesis, &Zip215)
}

/// The same, layer by layer, with all that it amounts to.
pub fn examine(pack: &[u8], files: &[FileDigests], genesis: &[u8]) -> Verdict {
    let trust = match Trust::read(genesis) {
        Ok(trust) => trust,
        Err(why) => return Verdict::unopened(why),
    };
    match Pack::from_bytes(pack) {
        Ok(pack) => examine_with(&pack, files, &trust, &Zip215),
        Err(why) => Verdict::unopened(why),
    }
}

/// Verifies a receipt's pack: what became of one transaction.
///
/// # Errors
///
/// [`Failure`], also if the pack is of another kind.
pub fn verify_receipt(pack: &[u8], genesis: &[u8]) -> Result<Report, Failure> {
    verify_kind(Kind::Receipt, pack, genesis)
}

/// Verifies a proof of stored entries, present or absent.
///
/// # Errors
///
/// [`Failure`], also if the pack is of another kind.
pub fn verify_state_proof(pack: &[u8], genesis: &[u8]) -> Result<Report, Failure> {
    verify_kind(Kind::State, pack, genesis)
}

fn verify_kind(kind: Kind, pack: &[u8], genesis: &[u8]) -> Result<Report, Failure> {
    let pack = Pack::from_bytes(pack)?;
    if pack.kind() != kind {
        return Err(Failure::new(Reason::PackKind, [pack.kind().text(), kind.text()]));
    }
    verify_with(&pack, &[], genesis, &Zip215)
}
