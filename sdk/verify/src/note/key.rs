//! Keys of notes: a name, what they sign, a public key.

use super::{BadNote, KEY_ID_BYTES};
use crate::base64;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use linli_types::id::PublicKey;
use linli_types::limits::NOTE_NAME_BYTES_MAX;
use sha2::Digest as _;

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The text: the log's own word.
    Log,
    /// Time and text: what a witness saw and found consistent (cosignature/v1).
    Witness,
}

impl Kind {
    /// The number in key ids and key texts.
    const fn number(self) -> u8 {
        match self {
            Self::Log => 1,
            Self::Witness => 4,
        }
    }

    /// The bytes that are signed.
    pub fn message(self, text: &str, time_s: u64) -> Vec<u8> {
        match self {
            Self::Log => text.as_bytes().to_vec(),
            Self::Witness => format!("cosignature/v1\ntime {time_s}\n{text}").into_bytes(),
        }
    }
}

/// A key whose signatures somebody looks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) public: PublicKey,
}

impl Key {
    /// A key with a name.
    ///
    /// # Errors
    ///
    /// [`BadNote::Name`].
    pub fn new(name: impl Into<String>, kind: Kind, public: PublicKey) -> Result<Self, BadNote> {
        let name = name.into();
        check_name(&name)?;
        Ok(Self { name, kind, public })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The public key.
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// What tells it apart in a line: four bytes, not proof against malice.
    pub fn id(&self) -> [u8; KEY_ID_BYTES] {
        let hash = sha2::Sha256::new()
            .chain_update(self.name.as_bytes())
            .chain_update([b'\n', self.kind.number()])
            .chain_update(self.public.0)
            .finalize();
        hash.first_chunk().copied().unwrap_or_default()
    }

    /// Reads `name+id+key`, the text by which people hand note keys on.
    ///
    /// # Errors
    ///
    /// [`BadNote`], also if the id is not the key's.
    pub fn parse(text: &str) -> Result<Self, BadNote> {
        if text.len() > NOTE_NAME_BYTES_MAX.saturating_add(64) {
            return Err(BadNote::TooLarge);
        }
        let mut parts = text.splitn(3, '+');
        let (name, _id) = (parts.next().unwrap_or_default(), parts.next());
        let bytes = base64::decode(parts.next().ok_or(BadNote::Key)?).ok_or(BadNote::Key)?;
        let (number, public) = bytes.split_first().ok_or(BadNote::Key)?;
        let kinds = [Kind::Log, Kind::Witness];
        let kind = kinds.into_iter().find(|kind| kind.number() == *number).ok_or(BadNote::Key)?;
        let key = Self::new(name, kind, PublicKey::from_slice(public).ok_or(BadNote::Key)?)?;
        if key.to_string() == text { Ok(key) } else { Err(BadNote::Key) }
    }
}

impl core::fmt::Display for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let id = u32::from_be_bytes(self.id());
        let bytes = [&[self.kind.number()], self.public.0.as_slice()].concat();
        write!(f, "{}+{id:08x}+{}", self.name, base64::encode(&bytes))
    }
}

/// A name stands between spaces and pluses: it has none of them.
pub(super) fn check_name(name: &str) -> Result<(), BadNote> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    match name.is_empty() || name.len() > NOTE_NAME_BYTES_MAX || name.chars().any(bad) {
        true => Err(BadNote::Name),
        false => Ok(()),
    }
}
