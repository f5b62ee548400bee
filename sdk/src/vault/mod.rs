//! The vault: what must not stand on the ledger, kept so that it can be destroyed.
//!
//! ```text
//! <folder>/vault.toml            where the payloads stand (holders); no credentials
//!          keys/<record>         the record's key and all that names it, sealed under the master key
//!          secrets/<source>      what the tags of a source's files are made with, sealed likewise
//!          tombstones/<record>   what was erased or restricted, and the ledger's receipt for it
//!          access.log, .head     who did what with which record, when and why
//! <holder>/body/<random name>/   sealed segments, each named by its digest
//! ```
//!
//! A record is a statement's id and its parts: manifest, statement, files, pack. Every part is cut into
//! segments of 4 MiB, each sealed under the record's random key and written to every holder, so memory
//! stays flat and an upload goes on where it stopped. The master key is a key file of kind `vault`;
//! it stands wherever its owner puts it.
//!
//! # Invariants
//!
//! - **V1 apart.** A holder sees random names, sizes and ciphertext. Names, salts and keys stand in the
//!   key row alone.
//! - **V2 gone.** Once its row is destroyed nobody reads a record again, whatever a holder kept; a
//!   tombstone outlives a backup that brings the row back.
//! - **V3 kept.** What a retention law keeps is restricted, not erased (LEG-20).
//! - **V4 once.** A record is stored once: the same again changes nothing, other content is refused.

mod class;
mod config;
mod erase;
mod get;
mod holder;
mod log;
mod put;
mod row;
mod s3;
mod seal;
mod tags;
mod tombstone;
mod verify;

pub use class::{Class, Role};
pub use config::{Config, HOLDERS_MAX};
pub use erase::{Erased, Outside};
pub use log::{Actor, Deed, Line};
pub use put::{Input, Put, Stored};
pub use tombstone::{Basis, Confirmation, State, Tombstone};
pub use verify::{Checked, Finding};

use crate::durable;
use crate::error::{Error, ErrorKind};
use crate::key::SecretKey;
use holder::Holder;
use linli_types::id::{Digest, PrincipalId};
use log::Log;
use row::Row;
use seal::Key;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// What the master key is derived for.
const MASTER: &str = "linli.vault.master.v1";

/// An open vault. One process at a time has it.
#[derive(Debug)]
pub struct Vault {
    folder: PathBuf,
    master: Key,
    holders: Vec<Holder>,
    log: Log,
    _lock: File,
}

/// How a vault is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Opening {
    /// http:// to other machines is taken as well.
    pub insecure_dev: bool,
}

/// What a vault says of a record, without opening a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub record: Digest,
    /// How long it is kept.
    pub class: Class,
    /// When it was stored, milliseconds since 1970 UTC.
    pub stored_at_ms: u64,
    /// Whose evidence it is.
    pub source: Option<PrincipalId>,
    /// The source's number of it.
    pub number: Option<u64>,
    /// Whether every part is whole on every holder.
    pub whole: bool,
    /// Since when it is restricted.
    pub restricted_at_ms: Option<u64>,
    /// Its parts: role, name and bytes.
    pub parts: Vec<(Role, String, u64)>,
}

impl Vault {
    /// Makes a vault with one folder as holder, for the master key `key`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::File`], also if there is one.
    pub fn create(folder: &Path, key: &SecretKey) -> Result<Self, Error> {
        if folder.join(config::FILE).exists() {
            let shown = folder.display();
            return Err(Error::new(
                ErrorKind::File,
                format!("{shown} 已是保管库"),
                format!("{shown} is a vault already"),
            ));
        }
        for part in ["", "keys", "secrets", "tombstones"] {
            durable::folder(&folder.join(part))?;
        }
        let path = folder.join(config::FILE);
        durable::write_private(&path, Config::NEW.as_bytes())
            .map_err(|e| durable::failed(&path, &e))?;
        Self::open(folder, key, Opening::default())
    }

    /// Opens a vault; its access log is checked whole.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::File`] if it is no vault or another process has it open, [`ErrorKind::Input`] for an
    /// unusable configuration, [`ErrorKind::BadAnswer`] if the access log does not hold.
    pub fn open(folder: &Path, key: &SecretKey, opening: Opening) -> Result<Self, Error> {
        let config = Config::read(folder)?;
        let lock = lock(folder)?;
        let master = Key::new(blake3::derive_key(MASTER, &*key.to_bytes()));
        let holders = config.holders.iter();
        let holders = holders.map(|h| Holder::open(folder, h, opening.insecure_dev));
        let holders = holders.collect::<Result<Vec<_>, _>>()?;
        let log = Log::open(folder, &master)?;
        Ok(Self { folder: folder.to_owned(), master, holders, log, _lock: lock })
    }

    /// The records that are not erased, in the order of their ids.
    ///
    /// # Errors
    ///
    /// A key row cannot be read.
    pub fn list(&self) -> Result<Vec<Record>, Error> {
        let records = row::all(&self.keys())?;
        let record = |id: &Digest| Ok(self.row(id)?.map(|row| Record::of(&row)));
        records.iter().filter_map(|id| record(id).transpose()).collect()
    }

    /// One record; `None` if the vault does not hold it.
    ///
    /// # Errors
    ///
    /// Its key row cannot be read.
    pub fn record(&self, record: &Digest) -> Result<Option<Record>, Error> {
        Ok(self.row(record)?.map(|row| Record::of(&row)))
    }

    /// The access log: of one record, of all records about `subject`, or all of it. Erased records have
    /// no subject any more.
    ///
    /// # Errors
    ///
    /// The log or a key row cannot be read.
    pub fn accesses(
        &self,
        record: Option<&Digest>,
        subject: Option<&PrincipalId>,
    ) -> Result<Vec<Line>, Error> {
        let mut about = Vec::new();
        if let Some(subject) = subject {
            for id in row::all(&self.keys())? {
                if self.row(&id)?.is_some_and(|row| row.subject.as_ref() == Some(subject)) {
                    about.push(id.to_string());
                }
            }
        }
        let record = record.map(Digest::to_string);
        self.log.lines(|line| {
            record.as_ref().is_none_or(|record| *record == line.record)
                && (subject.is_none() || about.contains(&line.record))
        })
    }

    /// How many lines the access log has, and the digest of the last: what is anchored of it.
    pub const fn log_head(&self) -> (u64, Digest) {
        let head = self.log.head();
        (head.count, head.digest)
    }

    /// The names of the holders.
    pub fn holders(&self) -> impl Iterator<Item = &str> {
        self.holders.iter().map(|holder| holder.name.as_str())
    }

    fn keys(&self) -> PathBuf {
        self.folder.join("keys")
    }

    /// V2: a tombstone outweighs a row.
    fn row(&self, record: &Digest) -> Result<Option<Row>, Error> {
        if self.tombstone(record)?.is_some_and(|t| t.is_erasure()) {
            return Ok(None);
        }
        Row::read(&self.keys(), &self.master, record)
    }
}

impl Record {
    fn of(row: &Row) -> Self {
        let part = |p: &row::Part| (p.role, p.name.clone(), p.size);
        Self {
            record: row.record,
            class: row.class,
            stored_at_ms: row.stored_at_ms,
            source: row.source,
            number: row.number,
            whole: row.whole,
            restricted_at_ms: row.restricted_at_ms,
            parts: row.parts.iter().map(part).collect(),
        }
    }
}

/// A vault belongs to one process at a time: two would break the access log's chain.
fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join("lock");
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    let file = options.open(&path).map_err(|e| durable::failed(&path, &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::new(
            ErrorKind::File,
            "保管库正被另一进程使用",
            "another process has the vault open",
        )
        .hint_with("请等其结束后重试", "wait until it ends")
        .named("VAULT_BUSY")),
        Err(TryLockError::Error(e)) => Err(durable::failed(&path, &e)),
    }
}

fn absent(record: &Digest) -> Error {
    Error::new(
        ErrorKind::Refused,
        format!("保管库没有记录 {record}"),
        format!("the vault has no record {record}"),
    )
    .hint_with("用 linli vault list 查看", "look at `linli vault list`")
    .named("VAULT_NO_RECORD")
}
