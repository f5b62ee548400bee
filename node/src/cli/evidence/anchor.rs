//! `linli evidence anchor <file…>`: a manifest, a transaction and a pack for each file.
//!
//! A file is read as a stream, however large. What cannot be anchored is reported by itself and
//! does not hold up the others. Before a transaction leaves, its manifest is on disk
//! (`<name>.linli.pending`), so an interrupted run can be finished with `linli evidence pack`.

use super::ask::ROOM;
use super::pack::{Pending, say, write_pack};
use crate::cli::connect::{Connect, Node, now};
use crate::cli::query::ask_by_schema;
use crate::cli::submit::{Draft, Settled};
use crate::cli::{Exit, Failure, Output, Trace, block_on, genesis, unreadable};
use crate::words::words;
use linli_sdk::anchor::{KINDS, METHOD, request};
use linli_sdk::manifest::{Prepared, prepare};
use linli_types::wire;
use linli_verify::FileDigests;
use prost::Message;
use serde_json::{Value, json};
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
fn kind(text: &str) -> Result<i32, String> {
    let named = KINDS.iter().skip(1).position(|known| *known == text);
    let number = named.and_then(|at| i32::try_from(at.saturating_add(1)).ok());
    number.ok_or_else(|| KINDS.iter().skip(1).copied().collect::<Vec<_>>().join(", "))
}

impl Anchor {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        std::fs::create_dir_all(&self.out).map_err(|e| unreadable(&self.out, &e))?;
        block_on(self.anchor_all(out))
    }

    async fn anchor_all(self, out: &mut Output<'_>) -> Result<(), Failure> {
        let mut work = Work::open(&self).await?;
        let (all, mut failed, mut worst) = (self.files.len(), Vec::new(), Exit::Refused);
        for file in &self.files {
            if let Err(failure) = work.anchor(&self, file, out).await {
                let shown = file.display();
                out.note(&words!("未存证　{shown}", "not anchored  {shown}"));
                out.explain(&failure);
                if failure.exit() == Exit::Broken {
                    worst = Exit::Broken;
                }
                let mut report = failure.to_json(out.lang());
                if let Some(object) = report.as_object_mut() {
                    object.insert("file".into(), json!(file));
                }
                failed.push(report);
            }
        }
        if failed.is_empty() {
            return Ok(());
        }
        let n = failed.len();
        let what = words!("{all} 个文件中有 {n} 个未存证", "{n} of {all} files were not anchored");
        let hint = words!("其余文件已完成；改正后只重做失败的", "the others are done; correct and repeat only what failed");
        let done = all.saturating_sub(n);
        Err(Failure::new(worst, "PARTIAL", what, hint)
            .with(json!({"anchored": done, "failed": failed})))
    }
}

/// What all files share.
struct Work {
    node: Node,
    genesis: Option<Vec<u8>>,
    descriptors: Vec<u8>,
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
        let mut node = anchor.connect.open().await?;
        let descriptors = node.schema(ROOM).await?;
        Ok(Self { node, genesis, descriptors })
    }

    async fn anchor(
        &mut self,
        anchor: &Anchor,
        file: &Path,
        out: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let pack = pack_path(&anchor.out, file)?;
        let ready = Ready::read(file, anchor)?;
        let mut tries = 0;
        loop {
            let draft = self.draft(&ready).await?;
            let pending = pending_path(&pack);
            leave_pending(&pending, &draft, &ready, file, &pack)?;
            let settled = match draft.settle(&mut self.node).await {
                Ok(settled) => settled,
                Err(why) => {
                    if why.trace() == Trace::Nothing {
                        std::fs::remove_file(&pending).map_err(|e| unreadable(&pending, &e))?;
                    }
                    return Err(why);
                }
            };
            if let Some(refusal) = settled.refusal(Some(&self.descriptors)) {
                // A definite end: nothing is left to finish.
                std::fs::remove_file(&pending).map_err(|e| unreadable(&pending, &e))?;
                tries += 1;
                if refusal.name() == DUPLICATE_NUMBER && tries < NUMBER_TRIES {
                    continue;
                }
                return Err(refusal);
            }
            self.write(&settled, &ready, file, &pack, out).await?;
            return std::fs::remove_file(&pending).map_err(|e| unreadable(&pending, &e));
        }
    }

    /// Signs the anchoring under the source's lowest open number.
    async fn draft(&mut self, ready: &Ready) -> Result<Draft, Failure> {
        let source = self.node.principal()?;
        let args = json!({ "source": source.to_string() }).to_string();
        let (_, _, gaps) = ask_by_schema(&mut self.node, ROOM, "Gaps", &args, false).await?;
        let open = gaps.get("open").and_then(Value::as_str).and_then(|open| open.parse().ok());
        let request = request(&ready.prepared, source, open.unwrap_or(1), ready.kind);
        let args = request.encode_to_vec();
        let call = wire::Call { room: ROOM.into(), method: METHOD.into(), args };
        Draft::sign(&self.node, vec![call])
    }

    async fn write(
        &mut self,
        settled: &Settled,
        ready: &Ready,
        file: &Path,
        pack: &Path,
        out: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let digests = ready.digests();
        let check = digests.as_ref().zip(self.genesis.as_deref());
        let manifest = &ready.prepared.bytes;
        let written = write_pack(&mut self.node, &settled.id, manifest, pack, check).await?;
        say(file, pack, &settled.id, &written, out);
        Ok(())
    }
}

impl Ready {
    /// Reads a file once, as a stream.
    fn read(path: &Path, anchor: &Anchor) -> Result<Self, Failure> {
        let captured = anchor.captured_at_ms.unwrap_or_else(|| captured(path));
        let prepared = prepare(&[path], captured)?;
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let known = BY_ENDING.iter().find(|(known, _)| *known == ending);
        let named = kind(known.map_or("EXTERNAL", |(_, kind)| kind));
        Ok(Self { prepared, kind: anchor.kind.or(named.ok()).unwrap_or_default() })
    }

    fn digests(&self) -> Option<FileDigests> {
        let file = self.prepared.manifest.files.first()?;
        let (name, size) = (file.name.clone(), file.size);
        Some(FileDigests { name, size, sha256: file.sha256, sm3: file.sm3 })
    }
}

/// When the file was last written, but not after now.
fn captured(path: &Path) -> u64 {
    let modified = std::fs::metadata(path).and_then(|about| about.modified());
    let since = modified.ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let ms = since.and_then(|since| u64::try_from(since.as_millis()).ok());
    ms.map_or(now().0, |ms| ms.min(now().0))
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

fn leave_pending(
    path: &Path,
    draft: &Draft,
    ready: &Ready,
    file: &Path,
    pack: &Path,
) -> Result<(), Failure> {
    let pending = Pending {
        transaction: draft.id.to_string(),
        manifest: hex::encode(&ready.prepared.bytes),
        file: file.to_owned(),
        pack: pack.to_owned(),
    };
    let text = serde_json::to_vec_pretty(&pending).map_err(|e| unreadable(path, &e))?;
    std::fs::write(path, text).map_err(|e| unreadable(path, &e))
}
