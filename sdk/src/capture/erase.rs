//! Erasure reaches a device's queue: manifest with salt, names, environment and tags go; number and
//! record stay, so that the counter and the source's numbering still hold.
//!
//! # Invariants
//!
//! - **E1 gone.** What stands in an erased entry's place holds nothing that the ledger does not hold,
//!   and tells nothing about a file (LEG-06).
//! - **E2 counted.** An erased entry keeps its number, its record and its count (Q1).
//! - **E3 for good.** An entry that was erased is not written again, not even by an upload under way.

use super::entry::{self, Entry};
use super::seen;
use super::state::Step;
use crate::durable;
use crate::error::{Error, ErrorKind};
use crate::manifest::digest_file;
use linli_types::id::{Digest, PrincipalId};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const FORMAT: u32 = 1;

/// What a queue has of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queued {
    /// The source's number of it.
    pub number: u64,
    /// Whose evidence it is.
    pub source: PrincipalId,
    /// The device that captured it.
    pub device: PrincipalId,
    /// Whether it was registered, as far as the queue knows.
    pub registered: bool,
    /// How long a law keeps it: a number of the contract's `Retention`. 0 once it is erased.
    pub retention: i32,
    /// Digest of its manifest; none once it is erased.
    pub manifest: Option<Digest>,
}

/// What came of an erasure in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// What the queue had of it.
    pub queued: Queued,
    /// How many files were destroyed: the entry, its pack, and those captured.
    pub objects: u64,
    /// Captured files that still stand: not asked for, or not what was captured any more.
    pub left: Vec<PathBuf>,
}

/// What stands in an erased entry's place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stub {
    format: u32,
    pub(super) number: u64,
    /// The record, in hexadecimal.
    erased: String,
    source: String,
    device: String,
    counter: Option<u64>,
    registered: bool,
}

/// What stands under a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// An entry.
    Whole(Box<Entry>),
    /// What is left of one.
    Erased(Stub),
}

impl Stub {
    fn of(entry: &Entry) -> Self {
        let signed = entry.signed();
        let claims = signed.as_ref().map(|signed| &signed.claims);
        let device = claims.and_then(|claims| claims.device);
        Self {
            format: FORMAT,
            number: entry.number,
            erased: entry.id().to_string(),
            source: claims.map_or_else(String::new, |claims| claims.source.to_string()),
            device: device.map_or_else(String::new, |device| device.to_string()),
            counter: claims.and_then(|claims| claims.counter),
            registered: entry.upload.is_some(),
        }
    }

    fn record(&self) -> Option<Digest> {
        self.erased.parse().ok()
    }

    fn read(bytes: &[u8], number: u64) -> Option<Self> {
        let stub = serde_json::from_slice::<Self>(bytes).ok()?;
        let sound = stub.format == FORMAT && stub.number == number && stub.record().is_some();
        sound.then_some(stub)
    }
}

impl Slot {
    pub(super) fn read(folder: &Path, number: u64) -> Result<Self, Error> {
        match stub(folder, number)? {
            Some(stub) => Ok(Self::Erased(stub)),
            None => Ok(Self::Whole(Box::new(Entry::read(folder, number)?))),
        }
    }

    pub(super) fn record(&self) -> Option<Digest> {
        match self {
            Self::Whole(entry) => Some(entry.id()),
            Self::Erased(stub) => stub.record(),
        }
    }

    pub(super) fn counter(&self) -> Option<u64> {
        match self {
            Self::Whole(entry) => entry.signed()?.claims.counter,
            Self::Erased(stub) => stub.counter,
        }
    }

    /// E2.
    pub(super) fn step(&self) -> Step {
        let (number, at_ms) = match self {
            Self::Whole(entry) => (entry.number, entry.environment().map(|e| e.device_time_ms)),
            Self::Erased(stub) => (stub.number, None),
        };
        let record = self.record().unwrap_or(Digest([0; 32]));
        Step { number, record, at_ms: at_ms.unwrap_or(0) }
    }

    fn queued(&self) -> Option<Queued> {
        match self {
            Self::Whole(entry) => {
                let claims = entry.signed()?.claims;
                Some(Queued {
                    number: entry.number,
                    source: claims.source,
                    device: claims.device.unwrap_or(claims.source),
                    registered: entry.upload.is_some(),
                    retention: entry.about.retention,
                    manifest: Some(claims.manifest_sha256),
                })
            }
            Self::Erased(stub) => {
                let source = stub.source.parse().ok()?;
                Some(Queued {
                    number: stub.number,
                    source,
                    device: stub.device.parse().unwrap_or(source),
                    registered: stub.registered,
                    retention: 0,
                    manifest: None,
                })
            }
        }
    }
}

fn stub(folder: &Path, number: u64) -> Result<Option<Stub>, Error> {
    let bytes = durable::read(&entry::path(folder, number), entry::BYTES_MAX)?;
    Ok(Stub::read(&bytes.unwrap_or_default(), number))
}

/// Looks for a record in a queue.
///
/// # Errors
///
/// The queue cannot be read; or the record was not found and an entry is damaged, which may be it.
pub fn find(folder: &Path, record: &Digest) -> Result<Option<Queued>, Error> {
    Ok(slot_of(folder, record)?.and_then(|slot| slot.queued()))
}

fn slot_of(folder: &Path, record: &Digest) -> Result<Option<Slot>, Error> {
    let mut damaged = None;
    for number in entry::numbers(folder)? {
        match Slot::read(folder, number) {
            Ok(slot) if slot.record().as_ref() == Some(record) => return Ok(Some(slot)),
            Ok(_) => {}
            Err(why) => damaged = Some(why),
        }
    }
    damaged.map_or(Ok(None), Err)
}

/// Erases a record in a queue; with `files` also the files that were captured, if they are still what
/// they were. `None` if the queue never had it. Repeated, it goes on.
///
/// # Errors
///
/// [`ErrorKind::File`].
pub fn erase(folder: &Path, record: &Digest, files: bool) -> Result<Option<Gone>, Error> {
    let Some(slot) = slot_of(folder, record)? else { return Ok(None) };
    let Some(queued) = slot.queued() else { return Ok(None) };
    let (mut objects, mut left) = (0_u64, Vec::new());
    if let Slot::Whole(entry) = &slot {
        for path in entry.files.iter().filter(|path| path.exists()) {
            match files && is_captured(entry, path) {
                true => {
                    durable::destroy(path)?;
                    objects = objects.saturating_add(1);
                }
                false => left.push(path.clone()),
            }
        }
        let text = serde_json::to_vec_pretty(&Stub::of(entry)).unwrap_or_default();
        seen::forget(folder, entry.number)?;
        durable::replace(&entry::path(folder, entry.number), &text)?; // E1
        objects = objects.saturating_add(1);
    }
    for path in packs(folder, queued.number).iter().filter(|path| path.exists()) {
        durable::destroy(path)?;
        objects = objects.saturating_add(1);
    }
    Ok(Some(Gone { queued, objects, left }))
}

/// The pack that a gateway wrote of an entry into the queue's own folder, and what an interrupted
/// writing left: both hold the manifest with its salt.
fn packs(folder: &Path, number: u64) -> [PathBuf; 2] {
    let pack = folder.join("packs").join(format!("{number:012}.linli"));
    let pending = folder.join("packs").join(format!("{number:012}.linli.pending"));
    [pack, pending]
}

/// Whether a file is still what was captured.
fn is_captured(entry: &Entry, path: &Path) -> bool {
    let listed = entry.manifest().map(|manifest| manifest.files).unwrap_or_default();
    digest_file(path).is_ok_and(|now| listed.iter().any(|file| file.sha256 == now.sha256))
}

/// E3.
pub(super) fn refuse_erased(folder: &Path, number: u64) -> Result<(), Error> {
    match stub(folder, number)? {
        None => Ok(()),
        Some(_) => Err(Error::new(
            ErrorKind::Refused,
            format!("序号 {number} 的记录已删除"),
            format!("number {number} was erased"),
        )
        .hint_with("无需再做；请继续处理其余记录", "nothing is left to do; go on with the others")
        .named("CAPTURE_ERASED")),
    }
}
