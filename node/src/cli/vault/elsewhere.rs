//! Copies of a record outside the vault that an erasure is told of: devices' queues, and what an
//! interrupted anchoring left.

use crate::cli::{Failure, Output};
use crate::words::words;
use linli_sdk::vault::Outside;
use linli_sdk::{capture, durable};
use linli_types::id::Digest;
use linli_verify::file;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Bytes of a file that an interrupted anchoring left, at most: its manifest in hexadecimal.
const PENDING_BYTES_MAX: u64 = 8 * 1024 * 1024;
const PENDING: &str = "pending";

/// Where copies may lie.
#[derive(clap::Args)]
pub(super) struct Elsewhere {
    /// A device's queue: what lies there of the record is destroyed too. May stand several times.
    #[arg(long = "queue", value_name = "DIR")]
    queues: Vec<PathBuf>,
    /// A .pending file of the record, or a folder to look through. May stand several times.
    #[arg(long = "pending", value_name = "PATH")]
    pending: Vec<PathBuf>,
    /// Destroys the captured files too that a queue names, if they are still what was captured.
    #[arg(long, requires = "queues")]
    with_files: bool,
}

/// The copies of one record.
#[derive(Debug, Default)]
pub(super) struct Copies {
    queues: Vec<(PathBuf, capture::Queued)>,
    pending: Vec<PathBuf>,
    with_files: bool,
}

/// What became of them.
#[derive(Debug, Default)]
pub(super) struct Destroyed {
    /// Who confirms, and how many files went.
    pub(super) confirmations: Vec<(String, u64)>,
    /// Captured files that still stand.
    pub(super) left: Vec<PathBuf>,
    /// Numbers that were never registered: they stay holes.
    pub(super) holes: Vec<u64>,
}

impl Elsewhere {
    /// Looks for copies of a record; its manifest's digest, if the vault knows it. Destroys nothing.
    ///
    /// # Errors
    ///
    /// A queue or file cannot be read, or a file that was named is not the record's.
    pub(super) fn find(
        &self,
        record: &Digest,
        manifest: Option<Digest>,
    ) -> Result<Copies, Failure> {
        let mut copies = Copies { with_files: self.with_files, ..Copies::default() };
        for folder in &self.queues {
            let found = capture::find(folder, record)?;
            copies.queues.extend(found.map(|found| (folder.clone(), found)));
        }
        let manifest =
            manifest.or_else(|| copies.queues.iter().find_map(|(_, queued)| queued.manifest));
        for path in &self.pending {
            match path.is_dir() {
                true => copies.pending.extend(in_folder(path, record, manifest.as_ref())?),
                // Of an erasure that is repeated.
                false if !path.exists() => {}
                false if is_of(path, record, manifest.as_ref()) => {
                    copies.pending.push(path.clone())
                }
                false => return Err(foreign(path)),
            }
        }
        Ok(copies)
    }
}

impl Copies {
    /// The record as a queue knows it, if one does.
    pub(super) fn outside(&self) -> Option<Outside> {
        let (_, queued) = self.queues.first()?;
        let manifest = self.queues.iter().find_map(|(_, queued)| queued.manifest);
        Some(Outside { source: queued.source, number: queued.number, manifest })
    }

    /// Whether a queue says that a law keeps it (LEG-20).
    pub(super) fn is_kept(&self) -> bool {
        // 1 is the contract's ORDINARY.
        self.queues.iter().any(|(_, queued)| queued.retention > 1)
    }

    /// Whether there is none.
    pub(super) const fn is_empty(&self) -> bool {
        self.queues.is_empty() && self.pending.is_empty()
    }

    /// Destroys them. Repeated, it goes on. What was never registered leaves a hole in the numbering.
    ///
    /// # Errors
    ///
    /// A file cannot be destroyed.
    pub(super) fn destroy(&self, record: &Digest, off_ledger: bool) -> Result<Destroyed, Failure> {
        let mut done = Destroyed::default();
        for path in &self.pending {
            durable::destroy(path)?;
        }
        if !self.pending.is_empty() {
            let count = u64::try_from(self.pending.len()).unwrap_or(u64::MAX);
            done.confirmations.push((PENDING.to_owned(), count));
        }
        for (folder, _) in &self.queues {
            let Some(gone) = capture::erase(folder, record, self.with_files)? else { continue };
            let queued = gone.queued;
            done.confirmations.push((format!("device {}", queued.device), gone.objects));
            done.left.extend(gone.left);
            let hole = off_ledger && !queued.registered;
            done.holes.extend(hole.then_some(queued.number));
        }
        Ok(done)
    }
}

impl Destroyed {
    /// Says what is left to do.
    pub(super) fn notes(&self, out: &mut Output<'_>) {
        for path in &self.left {
            let path = path.display();
            out.note(&words!(
                "原文件仍在 {path}；用 --with-files 一并销毁，或自行删除",
                "the captured file {path} still stands: --with-files destroys it, or remove it yourself"
            ));
        }
        for number in &self.holes {
            out.note(&words!(
                "序号 {number} 未曾登记，在该来源的编号中将成为空缺",
                "number {number} was never registered: it stays a hole in the source's numbering"
            ));
        }
    }
}

/// The record's among the files of a folder.
fn in_folder(
    folder: &Path,
    record: &Digest,
    manifest: Option<&Digest>,
) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|e| crate::cli::unreadable(folder, &e))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| crate::cli::unreadable(folder, &e))?.path();
        let named = path.extension().is_some_and(|end| end == PENDING);
        if named && is_of(&path, record, manifest) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a file that an interrupted anchoring left is of this record: by its statement, or by its
/// manifest.
fn is_of(path: &Path, record: &Digest, manifest: Option<&Digest>) -> bool {
    let small = std::fs::metadata(path).is_ok_and(|about| about.len() <= PENDING_BYTES_MAX);
    let read = || serde_json::from_slice::<Value>(&std::fs::read(path).ok()?).ok();
    let Some(left) = small.then(read).flatten() else { return false };
    let digest = |field: &str| {
        let bytes = hex::decode(left.get(field)?.as_str()?).ok()?;
        Some(file::both(&bytes).0)
    };
    digest("statement") == Some(*record)
        || manifest.is_some_and(|manifest| digest("manifest") == Some(*manifest))
}

fn foreign(path: &Path) -> Failure {
    let path = path.display();
    Failure::usage(
        words!("{path} 不是该记录的 .pending 文件", "{path} is no .pending file of this record"),
        words!(
            "请核对路径；保管库须存有该记录的清单，方能认出它",
            "check the path; it is told by the manifest, which the vault must hold"
        ),
    )
}
