//! The evidence log as a whole: what is known of its root at a size, and that it only grew.
//!
//! ```text
//! state         note, header, certificate, set changes: a node shows it, a witness keeps it
//! note          a signed checkpoint (C2SP); whose keys count is the caller's to say
//! consistency   roots of two sizes and the way between them (RFC 9162), as JSON
//! ```
//!
//! # Invariants
//!
//! - **G1 tied.** That one log is the beginning of another holds only if both roots are tied to a
//!   certificate of the validators or to a signature of a key that the caller named: without that
//!   anyone could have made both.
//! - **G2 one root.** Everything that is given about a size names the same root, or nothing holds.

mod consistency;

pub use consistency::{Block, Consistency, End, Proved};

use crate::certified;
use crate::check::Trust;
use crate::failure::{Failure, Reason};
use crate::note::{BadNote, Checkpoint, Key, Note, origin};
use crate::pack::SetChange;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::certificate::Certificate;
use linli_types::header::Header;
use linli_types::height::{Height, TimeMs};
use linli_types::id::{ChainId, Digest};
use linli_types::limits::PACK_BYTES_MAX;
use linli_types::signature::Verify;
use linli_types::validator::ValidatorSet;

/// Bytes of a log state: a note, and a header for every change of the set.
pub const STATE_BYTES_MAX: usize = PACK_BYTES_MAX;

/// A state of the log, as a node shows it: whoever has the genesis can check it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LogState {
    /// The checkpoint as a signed note.
    pub note: String,
    /// The block after which the log is so.
    pub header: Header,
    /// The validators' signatures.
    pub certificate: Certificate,
    /// Every change of the set since the genesis.
    pub sets: Vec<SetChange>,
    /// That the log of the size that was asked about is a prefix of this one.
    pub consistency: Vec<Digest>,
}

/// Whose word ties a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// A quorum of the validators.
    Certificate {
        /// The block after which the log is so.
        height: Height,
        /// Its time.
        time: TimeMs,
        /// Who signed: name and organisation.
        by: Vec<(String, u32)>,
    },
    /// A note key that the caller named.
    Note {
        /// The key as people hand it on.
        key: String,
        /// When a witness says that it signed; zero of a log's own key.
        time_s: u64,
    },
}

/// A root of the log and whose word it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Leaves.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
    /// At least one.
    pub by: Vec<Word>,
}

impl LogState {
    /// Reads a state.
    ///
    /// # Errors
    ///
    /// [`Failure`]: it is none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        let malformed = || Failure::plain(Reason::LogStateMalformed);
        if bytes.len() > STATE_BYTES_MAX {
            return Err(malformed());
        }
        borsh::from_slice(bytes).map_err(|_| malformed())
    }

    /// Checks the certificate, and the note by those of `keys` that signed it.
    ///
    /// # Errors
    ///
    /// [`Failure`] names the layer that does not hold.
    pub fn check(
        &self,
        genesis: &[u8],
        keys: &[Key],
        verify: &dyn Verify,
    ) -> Result<Known, Failure> {
        let word = certificate(&self.header, &self.certificate, &self.sets, genesis, verify)?;
        let (size, root) = (self.header.log_size, self.header.log_root);
        let note = Note::parse(self.note.as_bytes()).map_err(bad_note)?;
        if Checkpoint::parse(note.text()) != Ok(Checkpoint::of(&self.header.chain, size, root)) {
            return Err(bad_note(BadNote::NoCheckpoint));
        }
        let mut by = Vec::from([word]);
        by.extend(signers(&note, keys, verify)?);
        Ok(Known { size, root, by })
    }
}

/// Checks a checkpoint by the keys that the caller believes; at least one must have signed.
///
/// # Errors
///
/// [`Failure`], also if the note is of another chain's log.
pub fn check_note(
    bytes: &[u8],
    trust: &Trust,
    keys: &[Key],
    verify: &dyn Verify,
) -> Result<Known, Failure> {
    let note = Note::parse(bytes).map_err(bad_note)?;
    let Checkpoint { origin: named, size, root, .. } =
        Checkpoint::parse(note.text()).map_err(bad_note)?;
    if named != origin(&trust.chain) {
        let named = named.rsplit('/').next().unwrap_or_default().to_string();
        return Err(Failure::new(Reason::GenesisOther, [named, trust.chain.to_string()]));
    }
    let by = signers(&note, keys, verify)?;
    if by.is_empty() {
        return Err(Failure::plain(Reason::CheckpointUnsigned));
    }
    Ok(Known { size, root, by })
}

fn signers(note: &Note, keys: &[Key], verify: &dyn Verify) -> Result<Vec<Word>, Failure> {
    let mut by = Vec::new();
    for key in keys {
        if let Some(time_s) = note.signed_by(key, verify).map_err(bad_note)? {
            by.push(Word::Note { key: key.to_string(), time_s });
        }
    }
    Ok(by)
}

fn bad_note(why: BadNote) -> Failure {
    Failure::new(Reason::CheckpointOther, [why.detail()])
}

/// The validators' word for a header.
fn certificate(
    header: &Header,
    certificate: &Certificate,
    sets: &[SetChange],
    genesis: &[u8],
    verify: &dyn Verify,
) -> Result<Word, Failure> {
    let set = certified::check(header, certificate, sets, genesis, verify)?;
    let by = names(certificate, &set);
    Ok(Word::Certificate { height: header.height, time: header.time, by })
}

fn names(certificate: &Certificate, set: &ValidatorSet) -> Vec<(String, u32)> {
    let signed = certificate.precommits.iter().filter_map(|p| set.get(&p.validator));
    signed.map(|validator| (validator.name.clone(), validator.org)).collect()
}

/// The chain that a file is of must be the genesis'.
fn same_chain(found: &ChainId, trust: &Trust) -> Result<(), Failure> {
    match *found == trust.chain {
        true => Ok(()),
        false => Err(Failure::new(Reason::GenesisOther, [*found, trust.chain])),
    }
}
