//! What is left of an erased record: that it was, when and on which basis, who confirmed it, and the
//! ledger's receipt. Nothing of what it held.

use super::Vault;
use super::row::Row;
use crate::durable;
use crate::error::{Error, ErrorKind};
use linli_types::id::Digest;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

const FORMAT: u32 = 1;
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Why a record is erased (PIPL article 47); the numbers are those of the evidence contract's
/// `EraseBasis`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// What it was kept for is done, or cannot be.
    PurposeDone,
    /// The service ended, or the term of keeping did.
    ServiceEnded,
    /// Consent was withdrawn.
    ConsentWithdrawn,
    /// It broke a law to keep it.
    Unlawful,
    /// Another law asks for it.
    LawAsks,
}

impl Basis {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::PurposeDone,
        Self::ServiceEnded,
        Self::ConsentWithdrawn,
        Self::Unlawful,
        Self::LawAsks,
    ];

    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PurposeDone => "purpose-done",
            Self::ServiceEnded => "service-ended",
            Self::ConsentWithdrawn => "consent-withdrawn",
            Self::Unlawful => "unlawful",
            Self::LawAsks => "law-asks",
        }
    }

    /// The basis of a word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|basis| basis.name() == name)
    }

    /// The number in the evidence contract.
    pub const fn number(self) -> i32 {
        match self {
            Self::PurposeDone => 1,
            Self::ServiceEnded => 2,
            Self::ConsentWithdrawn => 3,
            Self::Unlawful => 4,
            Self::LawAsks => 5,
        }
    }
}

/// How far an erasure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Decided; from here on nothing is read, and the erasure can only go on.
    Destroying,
    /// Key, salt, secret and payload are gone on every holder.
    Destroyed,
    /// The ledger has noted it.
    Receipted,
    /// A law keeps the record: it is restricted.
    Restricted,
}

/// A holder's word that nothing of a record stands there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// Which holder.
    pub holder: String,
    /// How many objects were deleted.
    pub objects: u64,
    /// When it listed nothing any more, milliseconds since 1970 UTC.
    pub at_ms: u64,
    /// Digest of all this, with the record: what the ledger notes.
    pub digest: String,
}

/// What is left of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    format: u32,
    /// The record, in hexadecimal.
    pub record: String,
    /// Why.
    pub basis: String,
    /// When it was decided, milliseconds since 1970 UTC.
    pub at_ms: u64,
    /// How far it is.
    pub state: State,
    /// The random name of its payload.
    pub(super) body: String,
    /// Whose evidence it was, as the ledger says too: the secret of its tags is renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The source's number of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Digest of its manifest, as the ledger says too, in hexadecimal: without the salt it tells
    /// nothing, and copies elsewhere are found by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) manifest: Option<String>,
    /// What the holders said.
    pub confirmations: Vec<Confirmation>,
    /// The transaction that notes it, in hexadecimal, from before it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// The ledger's receipt with its proof, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
}

impl Tombstone {
    pub(super) fn new(record: &Digest, basis: &str, at_ms: u64, state: State) -> Self {
        Self {
            format: FORMAT,
            record: record.to_string(),
            basis: basis.to_owned(),
            at_ms,
            state,
            body: String::new(),
            source: None,
            number: None,
            manifest: None,
            confirmations: Vec::new(),
            transaction: None,
            receipt: None,
        }
    }

    /// Which record it is of.
    pub(super) fn of(&mut self, row: &Row) {
        self.body = hex::encode(row.body);
        self.source = row.source.map(|source| source.to_string());
        self.number = row.number;
        self.manifest = row.manifest().map(|manifest| manifest.to_string());
    }

    /// Whether the record is or is being erased.
    pub fn is_erasure(&self) -> bool {
        self.state != State::Restricted
    }
}

impl Vault {
    /// What is left of a record; `None` if it was neither erased nor restricted.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn tombstone(&self, record: &Digest) -> Result<Option<Tombstone>, Error> {
        let path = self.tombstone_path(record);
        let Some(bytes) = durable::read(&path, FILE_BYTES_MAX)? else { return Ok(None) };
        let read = serde_json::from_slice::<Tombstone>(&bytes).ok();
        let sound = |t: &Tombstone| t.format == FORMAT && t.record == record.to_string();
        read.filter(sound).map(Some).ok_or_else(|| {
            Error::new(
                ErrorKind::File,
                format!("记录 {record} 的删除凭证不可读"),
                format!("the tombstone of record {record} is unreadable"),
            )
        })
    }

    /// Every tombstone, in the order of the records.
    ///
    /// # Errors
    ///
    /// One cannot be read.
    pub fn tombstones(&self) -> Result<Vec<Tombstone>, Error> {
        let records = super::row::all(&self.folder.join("tombstones"))?;
        records.iter().filter_map(|id| self.tombstone(id).transpose()).collect()
    }

    /// Writes a tombstone whole.
    pub(super) fn bury(&self, record: &Digest, tombstone: &Tombstone) -> Result<(), Error> {
        let path = self.tombstone_path(record);
        let text = serde_json::to_vec_pretty(tombstone).unwrap_or_default();
        durable::write_private(&path, &text).map_err(|e| durable::failed(&path, &e))
    }

    fn tombstone_path(&self, record: &Digest) -> PathBuf {
        self.folder.join("tombstones").join(record.to_string())
    }
}
