//! `linli verify --dir`: every pack and every receipt of a folder, in one run.
//!
//! ```text
//! NAME.linli      a pack; the files that it lists are looked for beside it
//! NAME.receipt    a bare receipt; its statement stands beside it as NAME.cose
//! sets            the changes of the validator set, for receipts (borsh), if there were any
//! ```
//!
//! Threads take names one by one and keep nothing: memory does not grow with the folder. What fails
//! is named at once; the end says how many.

use super::remember::Remember;
use super::{digests, read_pack};
use crate::cli::output::Exit;
use crate::cli::{Failure, Output, machine, unreadable};
use crate::words::{Words, words};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use linli_verify::cose::bare::{Asked, Bare, read_sets};
use linli_verify::manifest::Listed;
use linli_verify::pack::SetChange;
use linli_verify::{FileDigests, Pack, Trust, examine_with};
use serde_json::json;
use std::fs::ReadDir;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Instant;

const PACK: &str = "linli";
const RECEIPT: &str = "receipt";
const STATEMENT: &str = "cose";
const SETS: &str = "sets";
/// Answers that wait to be told: threads wait beyond it.
const WAITING_MAX: usize = 1024;

/// What is shared by all threads.
struct Work {
    trust: Trust,
    sets: Vec<SetChange>,
    remember: Remember,
    names: Mutex<ReadDir>,
}

/// What became of one file.
enum Found {
    /// It holds, and all its files were there.
    Held,
    /// It holds, for files as its manifest lists them: they are not here.
    WithoutFiles,
    /// It does not.
    Failed(PathBuf, Box<Failure>),
}

/// How many of each.
#[derive(Default)]
struct Counts {
    held: u64,
    without_files: u64,
    failed: u64,
}

pub(super) fn verify(dir: &Path, genesis: &[u8], out: &mut Output) -> Result<(), Failure> {
    let started = Instant::now();
    let trust = Trust::read(genesis).map_err(|why| super::not_verified(&why))?;
    let listing = || std::fs::read_dir(dir).map_err(|e| unreadable(dir, &e));
    let total = listing()?.filter(|entry| entry.as_ref().is_ok_and(|e| is_ours(&e.path()))).count();
    let sets = sets(&dir.join(SETS))?;
    let work = Work { trust, sets, remember: Remember::new(), names: Mutex::new(listing()?) };
    let counts = all(&work, total, out)?;
    let seconds = started.elapsed().as_secs_f64();
    let Counts { held, without_files, failed } = counts;
    let done = held.saturating_add(without_files);
    let json = json!({
        "verified": failed == 0 && done > 0, "held": done, "without_files": without_files,
        "failed": failed, "seconds": seconds,
    });
    let text = words!(
        "核验一致 {done} 份（其中 {without_files} 份未见原始文件，按清单核验），核验不一致 {failed} 份，用时 {seconds:.1} 秒",
        "{done} verified ({without_files} of them by their manifests: the files are not here), {failed} not verified, in {seconds:.1} s"
    );
    if failed == 0 && done > 0 {
        out.answer(&json, &text);
        return Ok(());
    }
    let hint = match done.saturating_add(failed) {
        0 => words!(
            "目录里没有 .linli 或 .receipt 文件",
            "no .linli or .receipt file is in the folder"
        ),
        _ => words!(
            "逐份核验上列文件可见每一层的结果",
            "verify those named above one by one to see each layer"
        ),
    };
    Err(Failure::new(Exit::Refused, "NOT_ALL", text, hint).with(json))
}

fn is_ours(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == PACK || ending == RECEIPT)
}

fn sets(path: &Path) -> Result<Vec<SetChange>, Failure> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let bytes = std::fs::read(path).map_err(|e| unreadable(path, &e))?;
    read_sets(&bytes).map_err(|why| super::not_verified(&why))
}

/// One thread per core takes names; this one tells what they found.
fn all(work: &Work, total: usize, out: &mut Output) -> Result<Counts, Failure> {
    let bar = bar(total);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut counts = Counts::default();
    std::thread::scope(|scope| {
        let (tell, told) = mpsc::sync_channel(WAITING_MAX);
        for _ in 0..threads {
            let tell = tell.clone();
            let runs = std::thread::Builder::new().name("verify".into());
            // A receiver that is gone has no use for more.
            let run = move || {
                while let Some(found) = work.next() {
                    if tell.send(found).is_err() {
                        break;
                    }
                }
            };
            runs.spawn_scoped(scope, run).map_err(|e| machine(&e))?;
        }
        drop(tell);
        for found in told {
            bar.inc(1);
            match found {
                Found::Held => counts.held = counts.held.saturating_add(1),
                Found::WithoutFiles => {
                    counts.without_files = counts.without_files.saturating_add(1);
                }
                Found::Failed(path, why) => {
                    counts.failed = counts.failed.saturating_add(1);
                    bar.suspend(|| name(&path, &why, out));
                }
            }
        }
        Ok::<(), Failure>(())
    })?;
    bar.finish_and_clear();
    Ok(counts)
}

/// A line or an object about one that does not hold.
fn name(path: &Path, why: &Failure, out: &mut Output) {
    let mut json = why.to_json(out.lang());
    if let Some(object) = json.as_object_mut() {
        object.insert("file".into(), json!(path));
    }
    let (shown, Words { zh, en }) = (path.display(), why.what());
    out.answer(&json, &words!("{shown}　{zh}", "{shown}  {en}"));
}

/// A bar on a terminal's stderr; nothing elsewhere.
fn bar(total: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    }
    let bar = ProgressBar::new(total as u64);
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {per_sec} {eta}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

impl Work {
    /// The next file that is ours, judged; `None` when all are taken.
    fn next(&self) -> Option<Found> {
        loop {
            let entry = self.names.lock().unwrap_or_else(PoisonError::into_inner).next()?;
            match entry {
                Ok(entry) if is_ours(&entry.path()) => return Some(self.judge(entry.path())),
                Ok(_) => {}
                Err(why) => {
                    return Some(Found::Failed(
                        PathBuf::new(),
                        Box::new(unreadable(Path::new("."), &why)),
                    ));
                }
            }
        }
    }

    fn judge(&self, path: PathBuf) -> Found {
        let found = match path.extension() {
            Some(ending) if ending == RECEIPT => self.receipt(&path),
            _ => self.pack(&path),
        };
        found.unwrap_or_else(|why| Found::Failed(path, Box::new(why)))
    }

    fn receipt(&self, path: &Path) -> Result<Found, Failure> {
        let bare = read_pack(path)?;
        let statement = read_pack(&path.with_extension(STATEMENT))?;
        let bare = Bare::from_bytes(&bare).map_err(|why| super::not_verified(&why))?;
        let asked = Asked::Statement(&statement);
        let found = bare.check_by(&self.trust, &self.sets, asked, &self.remember);
        found.map_err(|why| super::not_verified(&why))?;
        Ok(Found::Held)
    }

    fn pack(&self, path: &Path) -> Result<Found, Failure> {
        let bytes = read_pack(path)?;
        let pack = Pack::from_bytes(&bytes).map_err(|why| super::not_verified(&why))?;
        let (mut files, mut absent) = (Vec::new(), false);
        for listed in pack.files_beside() {
            let beside = path.with_file_name(&listed.name);
            match beside.is_file() {
                true => files.push(digests(&beside)?),
                false => {
                    absent = true;
                    files.push(as_listed(listed));
                }
            }
        }
        let verdict = examine_with(&pack, &files, &self.trust, &self.remember);
        match verdict.outcome {
            Ok(_) if absent => Ok(Found::WithoutFiles),
            Ok(_) => Ok(Found::Held),
            Err(why) => Err(super::not_verified(&why)),
        }
    }
}

fn as_listed(file: Listed) -> FileDigests {
    FileDigests { name: file.name, size: file.size, sha256: file.sha256, sm3: file.sm3 }
}
