//! Capture without a network: files are digested, a statement is signed on the device, and it waits in
//! a queue until a gateway registers it.
//!
//! ```text
//! <queue>/state            next number, count, last record and time; signed by the device
//!         checkpoint       the last block that was seen, and the source's highest number then
//!         seen             tags of the files captured here, so that none is used twice, and by which number
//!         entries/<n>      statement, manifest, environment, and what became of it; or what an erasure left
//! ```
//!
//! # Invariants
//!
//! - **Q1 one by one.** Numbers and the device's count rise by one, for ever. A state that was lost,
//!   changed or put back is found: by the device's signature, by the entries beside it, and by the
//!   source's numbers on the ledger at the last checkpoint.
//! - **Q2 whole or not.** An entry is durable before the state names it; a crash between is completed.
//! - **Q3 both sides.** A statement names the last block that its device had seen: it is not older. The
//!   block that anchors it says that it is not younger.
//! - **Q4 honest clock.** A clock that stands before what was seen is noted in the signed environment.

mod checkpoint;
mod entry;
mod erase;
mod seen;
mod state;
mod taken;

pub use checkpoint::Checkpoint;
pub use entry::{Entry, Upload};
pub use erase::{Gone, Queued, erase, find};

use crate::durable;
use crate::error::{Error, ErrorKind};
use crate::key::{SecretKey, random};
use crate::manifest::listed;
use crate::steady::unreadable;
use erase::Slot;
use linli_types::height::Height;
use linli_types::id::{BlockId, ChainId, Digest, PrincipalId};
use linli_verify::cose::statement::{Claims, ClockSource, SUBJECT};
use linli_verify::{Detail, Manifest, file};
use serde::{Deserialize, Serialize};
use state::State;
use std::path::{Path, PathBuf};

/// What is older than this when it is captured was not taken now; the contract calls it backdated.
const OLD_MS: u64 = 24 * 60 * 60 * 1000;

/// Who captures, for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    /// Whose evidence.
    pub source: PrincipalId,
    /// The device.
    pub device: PrincipalId,
    /// The chain it is meant for.
    pub chain: ChainId,
}

/// What is captured, and how it will be registered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// What it is: a number of the contract's kinds.
    pub kind: i32,
    /// How long a law keeps it: a number of the contract's `Retention`.
    pub retention: i32,
    /// Why personal data may be processed: a number of the contract's `Basis`.
    pub basis: i32,
    /// The order's pseudonymous code, for the statement.
    #[serde(default)]
    pub order: Option<String>,
    /// Id of a consent, 16 bytes in hexadecimal.
    #[serde(default)]
    pub consent: Option<String>,
    /// Shows somebody below 14.
    #[serde(default)]
    pub minors: bool,
    /// Sensitive personal data.
    #[serde(default)]
    pub sensitive: bool,
    /// The files are older than the capture, and said to be.
    #[serde(default)]
    pub imported: bool,
    /// The same files once more, knowingly.
    #[serde(default)]
    pub again: bool,
}

/// What is known of the capturing. Its digest stands in the statement and on the ledger, so it is
/// salted; it is erased with the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// `steady`, or `set-back`: the clock stood before what was seen (Q4).
    pub clock: String,
    /// The device's clock, milliseconds since 1970 UTC.
    pub device_time_ms: u64,
    /// The latest time that the device had seen, by captures and checkpoint.
    pub seen_time_ms: u64,
    /// Height and time of the last block seen.
    pub checkpoint: Option<(u64, u64)>,
    /// When each file was last written, and taken if it says so.
    pub files: Vec<(u64, Option<u64>)>,
    /// 32 random bytes.
    pub salt: String,
}

impl Environment {
    /// Whether the clock stood before what was seen (Q4).
    pub fn is_set_back(&self) -> bool {
        self.clock != "steady"
    }
}

/// A device's queue.
#[derive(Debug)]
pub struct Queue {
    folder: PathBuf,
    who: Who,
    key: SecretKey,
    state: State,
    checkpoint: Option<Checkpoint>,
}

impl Queue {
    /// Opens a queue, or begins one whose first number is `first`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`], named `CAPTURE_COUNTER`, if the state was lost, changed or put back (Q1).
    pub fn open(
        folder: &Path,
        who: Who,
        key: &SecretKey,
        first: Option<u64>,
    ) -> Result<Self, Error> {
        durable::folder(&folder.join("entries"))?;
        let checkpoint = Checkpoint::read(folder)?;
        let numbers = entry::numbers(folder)?;
        let state = State::open(folder, &who, key, &numbers, checkpoint.as_ref(), first)?;
        Ok(Self { folder: folder.to_owned(), who, key: key.clone(), state, checkpoint })
    }

    /// Captures files: digests, manifest, environment and statement, durable before it returns.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::File`] for a file that is missing, empty or changes while it is read;
    /// [`ErrorKind::Refused`] for one that was captured before (`CAPTURE_SAME_FILE`) or is older than a
    /// day (`CAPTURE_OLD_FILE`).
    pub fn capture(&mut self, files: &[&Path], about: &About) -> Result<Entry, Error> {
        self.capture_at(crate::clock::now()?.0, files, about)
    }

    /// The same for a device whose clock says `now`, in milliseconds since 1970 UTC.
    ///
    /// # Errors
    ///
    /// As [`Self::capture`].
    pub fn capture_at(&mut self, now: u64, files: &[&Path], about: &About) -> Result<Entry, Error> {
        let mut times = Vec::with_capacity(files.len());
        let mut list = Vec::with_capacity(files.len());
        for path in files {
            let digests = crate::manifest::digest_file(path)?;
            times.push(times_of(path)?);
            list.push(listed(digests));
        }
        let tags: Vec<String> = list.iter().map(|file| self.tag(&file.sha256)).collect();
        let oldest =
            times.iter().map(|(written, taken)| taken.unwrap_or(*written).min(*written)).min();
        let oldest = oldest.unwrap_or(now);
        self.check_old(now, oldest, about)?;
        self.check_same(&tags, about)?;
        let captured_at = if about.imported { oldest.min(now) } else { now };
        let manifest = Manifest {
            captured_at,
            platform: None,
            device: Some(self.who.device.to_string()),
            files: list,
            order: about.order.clone(),
            salt: Digest(random()?),
        };
        manifest.check().map_err(|Detail { zh, en }| {
            Error::new(ErrorKind::Input, format!("清单不成立：{zh}"), format!("no manifest: {en}"))
        })?;
        let environment = self.environment(now, times)?;
        let paths = files.iter().map(std::path::absolute).collect::<Result<Vec<_>, _>>();
        let paths = paths.map_err(|e| durable::failed(&self.folder, &e))?;
        let entry = self.sign(&manifest, environment, about, paths)?;
        entry.write(&self.folder)?; // Q2
        let slot = Slot::Whole(Box::new(entry.clone()));
        self.state.next(&self.folder, &slot.step(), &self.key)?;
        self.remember(&tags, entry.number)?;
        Ok(entry)
    }

    fn sign(
        &self,
        manifest: &Manifest,
        environment: Environment,
        about: &About,
        files: Vec<PathBuf>,
    ) -> Result<Entry, Error> {
        let manifest_bytes = manifest.to_bytes();
        let (sha256, sm3) = file::both(&manifest_bytes);
        let environment = serde_json::to_string(&environment).unwrap_or_default();
        let seen = self.checkpoint.as_ref();
        let claims = Claims {
            source: self.who.source,
            subject: about.order.clone().unwrap_or_else(|| SUBJECT.to_owned()),
            manifest_sha256: sha256,
            number: self.state.next,
            kind: u16::try_from(about.kind).unwrap_or_default(),
            sm3,
            size: manifest.size().unwrap_or(u64::MAX),
            captured_at_ms: manifest.captured_at,
            clock_source: Some(ClockSource::Device),
            device: Some(self.who.device),
            not_before: seen.map(|c| (BlockId(c.block), Height(c.height))), // Q3
            env_digest: Some(file::both(environment.as_bytes()).0),
            sm2_key: None,
            chain: Some(self.who.chain),
            counter: Some(self.state.captured.saturating_add(1)),
        };
        let to_sign = claims.to_be_signed(&self.key.public()).map_err(|_| {
            let (zh, en) = ("订单号过长或含控制字符", "the order is too long or no plain text");
            Error::new(ErrorKind::Input, zh, en)
        })?;
        let statement = to_sign.finish(&self.key.sign(to_sign.sig_structure()));
        Ok(Entry::new(claims.number, statement, manifest_bytes, environment, about.clone(), files))
    }

    fn environment(&self, now: u64, files: Vec<(u64, Option<u64>)>) -> Result<Environment, Error> {
        let seen = self.checkpoint.as_ref();
        let seen_time_ms = self.state.last_ms.max(seen.map_or(0, |c| c.time_ms));
        let clock = if now < seen_time_ms { "set-back" } else { "steady" }; // Q4
        Ok(Environment {
            clock: clock.into(),
            device_time_ms: now,
            seen_time_ms,
            checkpoint: seen.map(|c| (c.height, c.time_ms)),
            files,
            salt: hex::encode(random::<32>()?),
        })
    }

    fn check_old(&self, now: u64, oldest: u64, about: &About) -> Result<(), Error> {
        if about.imported || oldest >= now.saturating_sub(OLD_MS) {
            return Ok(());
        }
        let hours = now.saturating_sub(oldest) / 3_600_000;
        Err(Error::new(
            ErrorKind::Refused,
            format!("有文件拍摄或写入于 {hours} 小时前，不是现场采集"),
            format!("a file was taken or written {hours} hours ago: it is no capture of now"),
        )
        .hint_with(
            "请现场拍摄；确需补录旧文件时加 --imported，记录将标为补录",
            "take it on the spot; --imported records it as what it is, a late record",
        )
        .named("CAPTURE_OLD_FILE"))
    }

    /// The entries that are not registered yet, in their order.
    ///
    /// # Errors
    ///
    /// One cannot be read.
    pub fn pending(&self) -> Result<Vec<Entry>, Error> {
        let mut entries = entries(&self.folder)?;
        entries.retain(|entry| entry.upload.is_none());
        Ok(entries)
    }

    /// The last block that was seen.
    pub const fn checkpoint(&self) -> Option<&Checkpoint> {
        self.checkpoint.as_ref()
    }
}

/// The entries of a queue but for those erased, for a gateway that has no key of the device.
///
/// # Errors
///
/// One cannot be read.
pub fn entries(folder: &Path) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    for number in entry::numbers(folder)? {
        if let Slot::Whole(entry) = Slot::read(folder, number)? {
            entries.push(*entry);
        }
    }
    Ok(entries)
}

/// When a file was last written, and when it was taken if it says so; milliseconds since 1970 UTC.
fn times_of(path: &Path) -> Result<(u64, Option<u64>), Error> {
    let about = std::fs::metadata(path).map_err(|e| unreadable(path, &e))?;
    let written =
        about.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let written = written.and_then(|since| u64::try_from(since.as_millis()).ok()).unwrap_or(0);
    Ok((written, taken::read(path)?))
}
