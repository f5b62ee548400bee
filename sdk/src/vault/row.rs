//! The key row of a record: its key and everything that would say what it holds, in one small file
//! sealed under the vault's master key, apart from the payloads.
//!
//! # Invariants
//!
//! - **R1 the whole key.** Without its row nothing of a record can be read or named: destroying the
//!   row destroys the record.
//! - **R2 whole or before.** A row is replaced at once and is durable before anything rests on it.

use super::seal::Key;
use super::{Class, Role};
use crate::durable;
use crate::error::{Error, ErrorKind};
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::id::{Digest, PrincipalId};
use std::path::{Path, PathBuf};
use zeroize::Zeroize;

const FORMAT: u16 = 1;
const ROW_DOMAIN: &[u8] = b"linli.vault.row.v1";
/// Bytes of a row on disk: a part of 1 TiB has 262,144 segments of 48 bytes.
const ROW_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What a vault knows of a record.
#[derive(Clone, BorshSerialize, BorshDeserialize)]
pub(super) struct Row {
    format: u16,
    pub(super) record: Digest,
    /// The random name under which its payload stands on every holder.
    pub(super) body: [u8; 16],
    key: [u8; 32],
    pub(super) class: Class,
    pub(super) stored_at_ms: u64,
    pub(super) source: Option<PrincipalId>,
    /// The source's number of it.
    pub(super) number: Option<u64>,
    pub(super) subject: Option<PrincipalId>,
    pub(super) parts: Vec<Part>,
    /// Every part is whole on every holder.
    pub(super) whole: bool,
    /// Since when only storage and legal duties are allowed, milliseconds since 1970 UTC.
    pub(super) restricted_at_ms: Option<u64>,
}

/// One part: a manifest, a file, a pack.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(super) struct Part {
    pub(super) role: Role,
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) sha256: Option<Digest>,
    pub(super) segments: Vec<Segment>,
}

/// One stored object.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub(super) struct Segment {
    /// BLAKE3 of the sealed bytes: also in the object's name.
    pub(super) digest: Digest,
    /// Keyed digest of the plain bytes: an upload that goes on knows whether they are the same.
    pub(super) check: [u8; 16],
}

impl Drop for Row {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl Row {
    pub(super) fn new(record: Digest, class: Class, stored_at_ms: u64) -> Result<Self, Error> {
        Ok(Self {
            format: FORMAT,
            record,
            body: crate::key::random()?,
            key: *Key::draw()?.bytes(),
            class,
            stored_at_ms,
            source: None,
            number: None,
            subject: None,
            parts: Vec::new(),
            whole: false,
            restricted_at_ms: None,
        })
    }

    pub(super) fn key(&self) -> Key {
        Key::new(self.key)
    }

    /// Digest of the manifest, if it has one.
    pub(super) fn manifest(&self) -> Option<Digest> {
        self.parts.iter().find(|part| part.role == Role::Manifest)?.sha256
    }

    /// Writes the row (R2).
    pub(super) fn write(&self, folder: &Path, master: &Key) -> Result<(), Error> {
        let plain = borsh::to_vec(self).map_err(|e| broken(&self.record, &e))?;
        let sealed = master.seal(&associated(&self.record), plain)?;
        let path = path(folder, &self.record);
        durable::write_private(&path, &sealed).map_err(|e| durable::failed(&path, &e))
    }

    /// Reads the row of `record`; `None` if there is none.
    pub(super) fn read(
        folder: &Path,
        master: &Key,
        record: &Digest,
    ) -> Result<Option<Self>, Error> {
        let path = path(folder, record);
        let Some(sealed) = durable::read(&path, ROW_BYTES_MAX)? else { return Ok(None) };
        let opened = master.open(&associated(record), sealed);
        let opened = opened.ok_or_else(|| broken(record, &"it does not open"))?;
        let row = Self::try_from_slice(&opened).map_err(|e| broken(record, &e))?;
        match row.format == FORMAT && row.record == *record {
            true => Ok(Some(row)),
            false => Err(broken(record, &"another format or record")),
        }
    }

    /// Destroys a row: its bytes are overwritten, then it is gone. There may be none any more.
    pub(super) fn destroy(folder: &Path, record: &Digest) -> Result<(), Error> {
        durable::destroy(&path(folder, record))
    }
}

/// The records that have a row, in the order of their ids.
pub(super) fn all(folder: &Path) -> Result<Vec<Digest>, Error> {
    let entries = std::fs::read_dir(folder).map_err(|e| durable::failed(folder, &e))?;
    let mut records = Vec::new();
    for entry in entries {
        let name = entry.map_err(|e| durable::failed(folder, &e))?.file_name();
        records.extend(name.to_str().and_then(|name| name.parse::<Digest>().ok()));
    }
    records.sort_unstable();
    Ok(records)
}

fn path(folder: &Path, record: &Digest) -> PathBuf {
    folder.join(record.to_string())
}

fn associated(record: &Digest) -> Vec<u8> {
    [ROW_DOMAIN, &record.0].concat()
}

fn broken(record: &Digest, why: &dyn std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::Key,
        format!("记录 {record} 的密钥行不可用：{why}"),
        format!("the key row of record {record} is unusable: {why}"),
    )
    .hint_with(
        "请核对保管库主密钥；若密钥行损坏，请从备份恢复",
        "check the vault's master key; restore the row from a backup if it is damaged",
    )
    .named("VAULT_KEY_ROW")
}
