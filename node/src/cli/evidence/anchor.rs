//! `linli evidence anchor <file…>`: a manifest, a transaction and a pack for each file.
//!
//! A file is read as a stream, however large. What cannot be anchored is reported by itself and
//! does not hold up the others. Before a transaction leaves, its manifest is on disk
//! (`<name>.linli.pending`), so an interrupted run can be finished with `linli evidence pack`.
#![allow(rustdoc::invalid_html_tags, reason = "the command line shows these texts as they are")]

use super::pack::{Pending, say, write_pack};
use crate::cli::connect::{Connect, Node, refusal};
use crate::cli::{Exit, Failure, Output, Trace, block_on, durable, genesis, machine, unwritable};
use crate::words::{Words, words};
use linli_sdk::anchor::{KINDS, ROOM, lowest_open, request};
use linli_sdk::manifest::{Prepared, prepare};
use linli_sdk::{Draft, Schema, Signed, clock};
use linli_types::id::TxId;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Another writer of the same source may take the number first: so often another is tried.
const NUMBER_TRIES: usize = 5;
/// The contract's code for a number that is used.
const DUPLICATE_NUMBER: &str = "DUPLICATE_NUMBER";

/// Kinds of evidence by a file's ending; anything else is EXTERNAL.
const BY_ENDING: &[(&str, &str)] = &[
    ("pdf", "FORM"),
    ("txt", "FORM"),
    ("csv", "SYSTEM_LOG"),
    ("json", "SYSTEM_LOG"),
    ("jpg", "PHOTO_SET"),
    ("jpeg", "PHOTO_SET"),
    ("png", "PHOTO_SET"),
    ("heic", "PHOTO_SET"),
    ("wav", "AUDIO"),
    ("mp3", "AUDIO"),
    ("m4a", "AUDIO"),
];

/// Anchors files.
#[derive(clap::Args)]
pub(super) struct Anchor {
    #[command(flatten)]
    connect: Connect,
    /// The files.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The folder for the packs: DIR/<file name>.linli.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What the files are, e.g. FORM or PHOTO_SET; otherwise by their ending.
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<i32>,
    /// When they were captured, in milliseconds since 1970 UTC; otherwise each file's own time.
    #[arg(long, value_name = "MS")]
    captured_at_ms: Option<u64>,
}

/// A kind of evidence by its name in the contract.
pub(super) fn kind(text: &str) -> Result<i32, String> {
    let named = KINDS.iter().skip(1).position(|known| *known == text);
    let number = named.and_then(|at| i32::try_from(at.saturating_add(1)).ok());
    number.ok_or_else(|| KINDS.iter().skip(1).copied().collect::<Vec<_>>().join(", "))
}

impl Anchor {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        std::fs::create_dir_all(&self.out).map_err(|e| unwritable(&self.out, &e))?;
        block_on(self.anchor_all(out))
    }

    async fn anchor_all(self, out: &mut Output<'_>) -> Result<(), Failure> {
        let work = Work::open(&self).await?;
        let mut failures = Vec::new();
        for file in &self.files {
            if let Err(failure) = work.anchor(&self, file, out).await {
                failures.push((file, failure));
            }
        }
        match failures.as_slice() {
            [] => Ok(()),
            [(_, failure)] if self.files.len() == 1 => Err(failure.clone()),
            _ => Err(self.partial(&failures, out)),
        }
    }

    /// Explains each failure and sums them up.
    fn partial(&self, failures: &[(&PathBuf, Failure)], out: &mut Output<'_>) -> Failure {
        let mut reports = Vec::new();
        for (file, failure) in failures {
            let shown = file.display();
            out.note(&words!("未存证　{shown}", "not anchored  {shown}"));
            out.explain(failure);
            let mut report = failure.to_json(out.lang());
            if let Some(object) = report.as_object_mut() {
                object.insert("file".into(), json!(file));
            }
            reports.push(report);
        }
        let (all, n) = (self.files.len(), failures.len());
        let done = all.saturating_sub(n);
        let any = |exit| failures.iter().any(|(_, failure)| failure.exit() == exit);
        let unknown = failures.iter().any(|(_, failure)| failure.trace() == Trace::Unknown);
        // An anchored file whose pack is missing counts as recorded too.
        let packless = failures.iter().any(|(_, failure)| failure.trace() == Trace::All);
        let trace = match (unknown, done > 0 || packless) {
            (true, _) => Trace::Unknown,
            (false, false) => Trace::Nothing,
            (false, true) => Trace::Others,
        };
        // The gravest of them; wrong usage only if nothing else went wrong.
        let exit = [Exit::Broken, Exit::Refused].into_iter().find(|exit| any(*exit));
        Failure::new(
            exit.unwrap_or(Exit::Usage),
            "PARTIAL",
            words!("{all} 个文件中有 {n} 个未存证", "{n} of {all} files were not anchored"),
            words!("改正后只重做失败的文件", "correct and repeat only what failed"),
        )
        .leaving(trace)
        .with(json!({"anchored": done, "failed": reports}))
    }
}

/// What all files share.
struct Work {
    node: Node,
    genesis: Option<Vec<u8>>,
    schema: Schema,
}

/// A file ready to be anchored.
struct Ready {
    prepared: Prepared,
    kind: i32,
}

impl Work {
    async fn open(anchor: &Anchor) -> Result<Self, Failure> {
        let genesis = match anchor.connect.genesis() {
            Some(path) => Some(genesis::read(path)?.2),
            None => None,
        };
        let node = anchor.connect.open().await?;
        let schema = node.client.schema(ROOM).await?;
        Ok(Self { node, genesis, schema })
    }

    async fn anchor(
        &self,
        anchor: &Anchor,
        file: &Path,
        out: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let pack = pack_path(&anchor.out, file)?;
        let ready = Ready::read(file, anchor).await?;
        let mut tries = 0;
        loop {
            let draft = self.draft(&ready).await?;
            let pending = pending_path(&pack);
            leave_pending(&pending, &draft, &ready, file, &pack)?;
            let found = match self.node.settle(&draft).await {
                Ok(found) => found,
                Err(why) => {
                    if why.trace() == Trace::Nothing {
                        remove(&pending)?;
                    }
                    return Err(why);
                }
            };
            if let Some(refusal) = refusal(&found.receipt, Some(&self.schema)) {
                // A definite end: nothing is left to finish.
                remove(&pending)?;
                tries += 1;
                if refusal.name() == DUPLICATE_NUMBER && tries < NUMBER_TRIES {
                    continue;
                }
                return Err(refusal);
            }
            let written = self.write(&draft.id, &ready, file, &pack, out).await;
            return written
                .and_then(|()| remove(&pending))
                .map_err(|why| unfinished(&why, &pending));
        }
    }

    /// Signs the anchoring under the source's lowest open number.
    async fn draft(&self, ready: &Ready) -> Result<Signed, Failure> {
        let source = self.node.principal()?;
        let number = lowest_open(&self.node.client, source).await?;
        let request = request(&ready.prepared, source, number, ready.kind);
        self.node.sign(Draft::new().anchor(&request))
    }

    async fn write(
        &self,
        id: &TxId,
        ready: &Ready,
        file: &Path,
        pack: &Path,
        out: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let genesis = self.genesis.as_deref();
        let manifest = &ready.prepared.bytes;
        let written = write_pack(&self.node, id, manifest, pack, genesis).await?;
        say(file, pack, id, &written, out);
        Ok(())
    }
}

impl Ready {
    /// Reads a file once, as a stream and aside: a large one takes longer than a node waits for a
    /// silent connection.
    async fn read(path: &Path, anchor: &Anchor) -> Result<Self, Failure> {
        let captured = anchor.captured_at_ms.unwrap_or_else(|| captured(path));
        let file = path.to_owned();
        let reading = tokio::task::spawn_blocking(move || prepare(&[&file], captured));
        let prepared = reading.await.map_err(|e| machine(&e))??;
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let known = BY_ENDING.iter().find(|(known, _)| *known == ending);
        let named = kind(known.map_or("EXTERNAL", |(_, kind)| kind));
        Ok(Self { prepared, kind: anchor.kind.or(named.ok()).unwrap_or_default() })
    }
}

/// When the file was last written, but not after now.
fn captured(path: &Path) -> u64 {
    let modified = std::fs::metadata(path).and_then(|about| about.modified());
    let since = modified.ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let ms = since.and_then(|since| u64::try_from(since.as_millis()).ok());
    let now = clock::now().map_or(0, |now| now.0);
    ms.map_or(now, |ms| ms.min(now))
}

/// Where a file's pack goes; a pack that is there is never overwritten.
fn pack_path(folder: &Path, file: &Path) -> Result<PathBuf, Failure> {
    // A path without a name is a folder; reading it says so.
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".linli");
    let path = folder.join(name);
    for taken in [path.clone(), pending_path(&path)] {
        if taken.exists() {
            let shown = taken.display();
            return Err(Failure::refused(
                "TAKEN",
                words!("{shown} 已存在", "{shown} is there already"),
                words!(
                    "请换一个 --out 目录；.pending 文件用 linli evidence pack 完成",
                    "choose another --out; finish a .pending file with `linli evidence pack`"
                ),
            ));
        }
    }
    Ok(path)
}

fn pending_path(pack: &Path) -> PathBuf {
    let mut path = pack.as_os_str().to_owned();
    path.push(".pending");
    PathBuf::from(path)
}

fn remove(pending: &Path) -> Result<(), Failure> {
    std::fs::remove_file(pending).map_err(|e| unwritable(pending, &e))
}

/// The file is anchored, its pack is not written: no answer about the pack, a definite one about
/// the ledger.
fn unfinished(why: &Failure, pending: &Path) -> Failure {
    let (pending, Words { zh, en }) = (pending.display(), why.what());
    Failure::new(
        Exit::Broken,
        "NO_PACK",
        words!("已存证，但证据包未写成：{zh}", "anchored, but the pack was not written: {en}"),
        words!(
            "用 linli evidence pack {pending} 补写证据包",
            "finish the pack with `linli evidence pack {pending}`"
        ),
    )
    .leaving(Trace::All)
}

fn leave_pending(
    path: &Path,
    draft: &Signed,
    ready: &Ready,
    file: &Path,
    pack: &Path,
) -> Result<(), Failure> {
    let pending = Pending::new(&draft.id, &ready.prepared.bytes, file, pack)
        .map_err(|e| unwritable(pack, &e))?;
    let text = serde_json::to_vec_pretty(&pending).map_err(|e| unwritable(path, &e))?;
    durable::write(path, &text).map_err(|e| unwritable(path, &e))
}
