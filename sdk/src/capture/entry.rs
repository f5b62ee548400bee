//! One entry of a queue.

use super::{About, Environment, erase};
use crate::durable;
use crate::error::{Error, ErrorKind};
use linli_types::id::Digest;
use linli_types::signature::Zip215;
use linli_verify::Manifest;
use linli_verify::cose::statement::{Signed, parse};
use linli_verify::file;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const FORMAT: u32 = 1;
/// A manifest of 1,024 files, in hexadecimal, and what stands beside it.
pub(super) const BYTES_MAX: u64 = 8 * 1024 * 1024;

/// What was captured, signed and queued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    format: u32,
    /// The source's number.
    pub number: u64,
    statement: String,
    manifest: String,
    environment: String,
    /// How it is registered.
    pub about: About,
    /// Where the files stand.
    pub files: Vec<PathBuf>,
    /// What became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<Upload>,
}

/// Where an entry was registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// The transaction, in hexadecimal; empty if an earlier one was found on the ledger.
    pub transaction: String,
    /// The block that anchors it: it is not younger.
    pub height: u64,
    /// That block's time, milliseconds since 1970 UTC.
    pub time_ms: u64,
}

impl Entry {
    pub(super) fn new(
        number: u64,
        statement: Vec<u8>,
        manifest: Vec<u8>,
        environment: String,
        about: About,
        files: Vec<PathBuf>,
    ) -> Self {
        let (statement, manifest) = (hex::encode(statement), hex::encode(manifest));
        Self {
            format: FORMAT,
            number,
            statement,
            manifest,
            environment,
            about,
            files,
            upload: None,
        }
    }

    /// Reads entry `number` of a queue and checks that its pieces belong together and the statement's
    /// signature holds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::File`], named `CAPTURE_ENTRY`, if not.
    pub fn read(folder: &Path, number: u64) -> Result<Self, Error> {
        let path = path(folder, number);
        let bytes = durable::read(&path, BYTES_MAX)?.unwrap_or_default();
        let read = serde_json::from_slice::<Self>(&bytes).ok();
        read.filter(|entry| entry.number == number && entry.is_sound()).ok_or_else(|| {
            let shown = path.display();
            Error::new(
                ErrorKind::File,
                format!("离线记录 {shown} 已损坏或被改动"),
                format!("the entry {shown} is damaged or was changed"),
            )
            .hint_with(
                "请从设备的备份恢复该文件；不要删除，序号会出现空缺",
                "restore it from the device's backup; deleting it leaves a hole in the numbering",
            )
            .named("CAPTURE_ENTRY")
        })
    }

    fn is_sound(&self) -> bool {
        let (Some(signed), Some(manifest)) = (self.signed(), self.manifest_bytes()) else {
            return false;
        };
        let (claims, (sha256, sm3)) = (&signed.claims, file::both(&manifest));
        self.format == FORMAT
            && signed.check(&Zip215).is_ok()
            && (claims.number, claims.manifest_sha256, claims.sm3) == (self.number, sha256, sm3)
            && claims.env_digest == Some(file::both(self.environment.as_bytes()).0)
            && self.manifest().is_some_and(|manifest| manifest.captured_at == claims.captured_at_ms)
            && i32::from(claims.kind) == self.about.kind
    }

    /// Writes it whole.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::File`]; [`ErrorKind::Refused`], named `CAPTURE_ERASED`, if it was erased meanwhile.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        erase::refuse_erased(folder, self.number)?;
        let path = path(folder, self.number);
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        durable::write_private(&path, &text).map_err(|e| durable::failed(&path, &e))
    }

    /// The statement's exact bytes.
    pub fn statement_bytes(&self) -> Option<Vec<u8>> {
        hex::decode(&self.statement).ok()
    }

    /// The statement.
    pub fn signed(&self) -> Option<Signed> {
        parse(&self.statement_bytes()?).ok()
    }

    /// The record's id.
    pub fn id(&self) -> Digest {
        self.signed().map_or(Digest([0; 32]), |signed| signed.id())
    }

    /// The manifest's exact bytes.
    pub fn manifest_bytes(&self) -> Option<Vec<u8>> {
        hex::decode(&self.manifest).ok()
    }

    /// The manifest.
    pub fn manifest(&self) -> Option<Manifest> {
        Manifest::from_bytes(&self.manifest_bytes()?).ok()
    }

    /// The environment's exact text.
    pub fn environment_text(&self) -> &str {
        &self.environment
    }

    /// The environment.
    pub fn environment(&self) -> Option<Environment> {
        serde_json::from_str(&self.environment).ok()
    }
}

/// The numbers of a queue's entries, ascending.
pub(super) fn numbers(folder: &Path) -> Result<Vec<u64>, Error> {
    let folder = folder.join("entries");
    let entries = std::fs::read_dir(&folder).map_err(|e| durable::failed(&folder, &e))?;
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry.map_err(|e| durable::failed(&folder, &e))?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

pub(super) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join("entries").join(format!("{number:012}"))
}
