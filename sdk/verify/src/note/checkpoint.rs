//! Checkpoints (C2SP tlog-checkpoint): which log, how many leaves, which root.

use super::{BadNote, Note};
use crate::base64;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use linli_types::id::{ChainId, Digest};

/// The text of a note about a log's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: see [`origin`].
    pub origin: String,
    /// How many leaves.
    pub size: u64,
    /// The root over them (RFC 9162).
    pub root: Digest,
    /// Further lines, which somebody else may understand.
    pub extensions: Vec<String>,
}

/// What the log of a chain is called, also as the name of the keys that sign for it.
pub fn origin(chain: &ChainId) -> String {
    format!("linli/{chain}")
}

impl Checkpoint {
    /// The state of a chain's log.
    pub fn of(chain: &ChainId, size: u64, root: Digest) -> Self {
        Self { origin: origin(chain), size, root, extensions: Vec::new() }
    }

    /// Reads a note's text.
    ///
    /// # Errors
    ///
    /// [`BadNote::NoCheckpoint`].
    pub fn parse(text: &str) -> Result<Self, BadNote> {
        Self::read(text).filter(|read| read.to_string() == text).ok_or(BadNote::NoCheckpoint)
    }

    fn read(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = lines.next()?.to_string();
        let size = lines.next()?.parse().ok()?;
        let root = Digest::from_slice(&base64::decode(lines.next()?)?)?;
        let extensions: Vec<String> = lines.map(ToString::to_string).collect();
        let whole = !origin.is_empty() && extensions.iter().all(|line| !line.is_empty());
        whole.then_some(Self { origin, size, root, extensions })
    }

    /// A note of it that nobody signed yet.
    ///
    /// # Errors
    ///
    /// [`BadNote`] if its lines are not those of a note.
    pub fn note(&self) -> Result<Note, BadNote> {
        Note::new(self.to_string())
    }
}

impl core::fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { origin, size, root, extensions } = self;
        writeln!(f, "{origin}\n{size}\n{}", base64::encode(&root.0))?;
        extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
