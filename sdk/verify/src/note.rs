//! Signed notes (C2SP signed-note): a short text and the signatures under it.
//!
//! ```text
//! linli/5f0c…                          text: here a checkpoint (see [`Checkpoint`])
//! 1234
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — linli/5f0c… q1cDx2x0Rm…=           a validator: key id and Ed25519 signature over the text
//! — court.example Wz1aAAAAAGk…=        a witness: key id, time and signature (cosignature/v1)
//! ```
//!
//! A key id is four bytes of a digest and proves nothing: whoever checks a note names the keys.
//! Lines of other keys are passed over, as the standard asks.
//!
//! # Invariants
//!
//! - **N1 one spelling.** What is read is written back byte for byte, or refused.
//! - **N2 bounded and total.** Bytes and lines are counted before anything is kept.
//! - **N3 no bad line.** A line that names a known key and does not hold spoils the note.
//!
//! Sources: C2SP signed-note v1, tlog-checkpoint v1, tlog-cosignature v1.

mod checkpoint;
mod key;

pub use checkpoint::{Checkpoint, origin};
pub use key::{Key, Kind};

use crate::base64;
use crate::said::Detail;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use linli_types::id::Signature;
use linli_types::limits;
use linli_types::signature::Verify;

/// What every signature line begins with: an em dash and a space.
const MARK: &str = "\u{2014} ";
/// Bytes of a key id.
pub const KEY_ID_BYTES: usize = 4;

/// A text and its signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    lines: Vec<Line>,
}

/// One signature line, as it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The name of the key.
    pub name: String,
    /// What tells keys of one name apart.
    pub key_id: [u8; KEY_ID_BYTES],
    /// What stands after the key id: 64 bytes of a log's key, 72 of a witness.
    pub bytes: Vec<u8>,
}

/// Why a note or a checkpoint is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadNote {
    /// Beyond a bound.
    #[error("the note is larger than any may be")]
    TooLarge,
    /// No text with signature lines under it.
    #[error("not a signed note in its one spelling")]
    Malformed,
    /// The text is no checkpoint.
    #[error("the note's text is not a checkpoint in its one spelling")]
    NoCheckpoint,
    /// A name that no key may have.
    #[error("not a name that a note key may have")]
    Name,
    /// Not a note key's text.
    #[error("not the text of a note key")]
    Key,
    /// Two lines of one key.
    #[error("two signatures of one key")]
    Twice,
    /// N3: a line of a known key that does not hold.
    #[error("a signature of a known key does not hold")]
    Signature,
}

impl BadNote {
    /// The same in both languages.
    pub fn detail(self) -> Detail {
        let zh = match self {
            Self::TooLarge => "签名便笺超出大小上限",
            Self::Malformed => "内容不是唯一写法的签名便笺",
            Self::NoCheckpoint => "便笺正文不是唯一写法的检查点",
            Self::Name => "便笺密钥不能用这个名称",
            Self::Key => "内容不是便笺密钥",
            Self::Twice => "同一密钥签了两次",
            Self::Signature => "已知密钥的签名不成立",
        };
        Detail::new(zh, self.to_string())
    }
}

impl Note {
    /// A text without signatures. It must end with its only trailing newline.
    ///
    /// # Errors
    ///
    /// [`BadNote`] if no note may have this text.
    pub fn new(text: impl Into<String>) -> Result<Self, BadNote> {
        let text = text.into();
        let control = |c: char| c < ' ' && c != '\n';
        if text.len() > limits::NOTE_BYTES_MAX {
            return Err(BadNote::TooLarge);
        }
        if !text.ends_with('\n') || text.len() < 2 || text.chars().any(control) {
            return Err(BadNote::Malformed);
        }
        Ok(Self { text, lines: Vec::new() })
    }

    /// Reads a note with at least one signature line (N1, N2).
    ///
    /// # Errors
    ///
    /// [`BadNote`].
    pub fn parse(bytes: &[u8]) -> Result<Self, BadNote> {
        if bytes.len() > limits::NOTE_BYTES_MAX {
            return Err(BadNote::TooLarge);
        }
        let whole = core::str::from_utf8(bytes).map_err(|_| BadNote::Malformed)?;
        let (text, lines) = whole.rsplit_once("\n\n").ok_or(BadNote::Malformed)?;
        let mut note = Self::new(format!("{text}\n"))?;
        let lines = lines.strip_suffix('\n').ok_or(BadNote::Malformed)?;
        for line in lines.split('\n') {
            note.push(Line::parse(line)?)?;
        }
        // N1: whatever a reader was lenient about shows here.
        if note.to_string().as_bytes() == bytes { Ok(note) } else { Err(BadNote::Malformed) }
    }

    /// What is signed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, in their order.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Adds a line under those that stand there.
    ///
    /// # Errors
    ///
    /// [`BadNote`] if the key signed before, or there would be too many lines.
    pub fn push(&mut self, line: Line) -> Result<(), BadNote> {
        if self.lines.len() >= limits::NOTE_SIGNATURES_MAX {
            return Err(BadNote::TooLarge);
        }
        if self.lines.iter().any(|old| old.is_of(&line.name, line.key_id)) {
            return Err(BadNote::Twice);
        }
        self.lines.push(line);
        Ok(())
    }

    /// When a known key says it signed: `None` without a line of it, and zero of a log's key,
    /// which tells no time.
    ///
    /// # Errors
    ///
    /// [`BadNote::Signature`] if the line does not hold (N3).
    pub fn signed_by(&self, key: &Key, verify: &dyn Verify) -> Result<Option<u64>, BadNote> {
        let id = key.id();
        let Some(line) = self.lines.iter().find(|line| line.is_of(&key.name, id)) else {
            return Ok(None);
        };
        let (time, signature) = line.split(key.kind).ok_or(BadNote::Signature)?;
        let message = key.kind.message(&self.text, time);
        let holds = verify.verify(&key.public, &message, &signature);
        if holds { Ok(Some(time)) } else { Err(BadNote::Signature) }
    }
}

impl core::fmt::Display for Note {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl Line {
    /// The line of `key`: a log's key tells no time, a witness the seconds since 1970.
    pub fn new(key: &Key, time_s: u64, signature: &Signature) -> Self {
        let mut bytes = Vec::with_capacity(72);
        if key.kind == Kind::Witness {
            bytes.extend_from_slice(&time_s.to_be_bytes());
        }
        bytes.extend_from_slice(&signature.0);
        Self { name: key.name.clone(), key_id: key.id(), bytes }
    }

    /// Reads one line without its newline.
    ///
    /// # Errors
    ///
    /// [`BadNote`].
    pub fn parse(line: &str) -> Result<Self, BadNote> {
        let rest = line.strip_prefix(MARK).ok_or(BadNote::Malformed)?;
        let (name, text) = rest.split_once(' ').ok_or(BadNote::Malformed)?;
        key::check_name(name)?;
        let all = base64::decode(text).ok_or(BadNote::Malformed)?;
        let (key_id, bytes) = all.split_first_chunk().ok_or(BadNote::Malformed)?;
        if bytes.is_empty() {
            return Err(BadNote::Malformed);
        }
        Ok(Self { name: name.into(), key_id: *key_id, bytes: bytes.to_vec() })
    }

    fn is_of(&self, name: &str, key_id: [u8; KEY_ID_BYTES]) -> bool {
        self.key_id == key_id && self.name == name
    }

    fn split(&self, kind: Kind) -> Option<(u64, Signature)> {
        let (time, signature) = match kind {
            Kind::Log => (0, self.bytes.as_slice()),
            Kind::Witness => {
                let (time, rest) = self.bytes.split_first_chunk()?;
                (u64::from_be_bytes(*time), rest)
            }
        };
        Some((time, Signature(signature.try_into().ok()?)))
    }
}

impl core::fmt::Display for Line {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let all = [self.key_id.as_slice(), &self.bytes].concat();
        write!(f, "{MARK}{} {}", self.name, base64::encode(&all))
    }
}

#[cfg(test)]
mod tests;
