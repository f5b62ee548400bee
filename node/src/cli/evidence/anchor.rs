//! `linli evidence anchor <file…>`: a manifest, a transaction and a pack for each file.
//!
//! A file is read as a stream, however large. What cannot be anchored is reported by itself and
//! does not hold up the others. Before a transaction leaves, its manifest is on disk
//! (`<name>.linli.pending`), so an interrupted run can be finished with `linli evidence pack`.

use super::ask::ROOM;
use super::pack::{Pending, say, write_pack};
use crate::cli::connect::{Connect, Node, now};
use crate::cli::query::ask_by_schema;
use crate::cli::shown::{self, Schema};
use crate::cli::submit::{Draft, Settled};
use crate::cli::{Exit, Failure, Output, Trace, block_on, genesis, unreadable};
use crate::words::words;
use linli_sdk::key::random;
use linli_types::id::Digest;
use linli_types::wire;
use linli_verify::manifest::Listed;
use linli_verify::{FileDigests, Manifest, file};
use serde_json::{Value, json};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Another writer of the same source may take the number first: so often another is tried.
const NUMBER_TRIES: usize = 5;
/// The contract's code for a number that is used.
const DUPLICATE_NUMBER: &str = "DUPLICATE_NUMBER";

/// Media types and kinds of evidence by a file's ending; anything else is EXTERNAL.
const KINDS: &[(&str, &str, &str)] = &[
    ("pdf", "application/pdf", "FORM"),
    ("csv", "text/csv", "SYSTEM_LOG"),
    ("txt", "text/plain", "FORM"),
    ("json", "application/json", "SYSTEM_LOG"),
    ("jpg", "image/jpeg", "PHOTO_SET"),
    ("jpeg", "image/jpeg", "PHOTO_SET"),
    ("png", "image/png", "PHOTO_SET"),
    ("wav", "audio/wav", "AUDIO"),
    ("mp3", "audio/mpeg", "AUDIO"),
    ("m4a", "audio/mp4", "AUDIO"),
    ("mp4", "video/mp4", "EXTERNAL"),
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
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// When they were captured, in milliseconds since 1970 UTC; otherwise each file's own time.
    #[arg(long, value_name = "MS")]
    captured_at_ms: Option<u64>,
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
    schema: Schema,
}

/// A file ready to be anchored.
struct Ready {
    digests: FileDigests,
    manifest: Vec<u8>,
    media: String,
    kind: String,
    captured_at_ms: u64,
}

impl Work {
    async fn open(anchor: &Anchor) -> Result<Self, Failure> {
        let genesis = match anchor.connect.genesis() {
            Some(path) => Some(genesis::read(path)?.2),
            None => None,
        };
        let mut node = anchor.connect.open().await?;
        let descriptors = node.schema(ROOM).await?;
        let schema = Schema::read(ROOM, &descriptors)?;
        Ok(Self { node, genesis, descriptors, schema })
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
        let source = self.node.principal()?.to_string();
        let args = json!({ "source": source }).to_string();
        let (_, _, gaps) = ask_by_schema(&mut self.node, ROOM, "Gaps", &args, false).await?;
        let number = gaps.get("open").and_then(Value::as_str).unwrap_or("1").to_owned();
        let (sha256, sm3) = file::both(&ready.manifest);
        let args = json!({
            "source": source, "number": number, "kind": ready.kind,
            "manifest_sha256": sha256.to_string(), "manifest_sm3": sm3.to_string(),
            "size": ready.digests.size.to_string(), "media": ready.media,
            "captured_at_ms": ready.captured_at_ms.to_string(),
        });
        let method = self.schema.method("Calls", "Anchor")?;
        let args = shown::encode(&args.to_string(), &method.input())?;
        let call = wire::Call { room: ROOM.into(), method: "Anchor".into(), args };
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
        let check = self.genesis.as_deref().map(|genesis| (&ready.digests, genesis));
        let manifest = ready.manifest.clone();
        let written = write_pack(&mut self.node, &settled.id, manifest, pack, check).await?;
        say(file, pack, &settled.id, &written, out);
        Ok(())
    }
}

impl Ready {
    /// Reads a file once, as a stream.
    fn read(path: &Path, anchor: &Anchor) -> Result<Self, Failure> {
        let about = std::fs::metadata(path).map_err(|e| no_file(path, &e))?;
        if !about.is_file() {
            return Err(no_file(path, &"not a file"));
        }
        if about.len() == 0 {
            return Err(no_file(path, &"0 bytes"));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let digests = File::open(path).and_then(|file| FileDigests::read(name, file));
        let digests = digests.map_err(|e| no_file(path, &e))?;
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let known = KINDS.iter().find(|(known, _, _)| *known == ending);
        let (media, kind) =
            known.map_or(("application/octet-stream", "EXTERNAL"), |(_, media, kind)| (media, kind));
        let captured_at_ms = anchor.captured_at_ms.unwrap_or_else(|| captured(&about));
        let manifest = Manifest {
            captured_at: captured_at_ms,
            device: None,
            files: vec![Listed {
                media: media.to_owned(),
                name: digests.name.clone(),
                sha256: digests.sha256,
                size: digests.size,
                sm3: digests.sm3,
            }],
            order: None,
            salt: Digest(random()?),
        };
        manifest.check().map_err(|why| no_file(path, &why))?;
        Ok(Self {
            digests,
            manifest: manifest.to_bytes(),
            media: media.to_owned(),
            kind: anchor.kind.clone().unwrap_or_else(|| kind.to_owned()),
            captured_at_ms,
        })
    }
}

/// When the file was last written, but not after now.
fn captured(about: &std::fs::Metadata) -> u64 {
    let since = about.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let ms = since.and_then(|since| u64::try_from(since.as_millis()).ok());
    ms.map_or(now().0, |ms| ms.min(now().0))
}

fn no_file(path: &Path, why: &dyn std::fmt::Display) -> Failure {
    let path = path.display();
    Failure::refused(
        "FILE",
        words!("{path} 不能存证：{why}", "{path} cannot be anchored: {why}"),
        words!("请核对文件是否存在、可读且不为空", "check that the file exists, is readable and not empty"),
    )
}

/// Where a file's pack goes; a pack that is there is never overwritten.
fn pack_path(folder: &Path, file: &Path) -> Result<PathBuf, Failure> {
    let name = file.file_name().ok_or_else(|| no_file(file, &"not a file"))?;
    let mut name = name.to_owned();
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
        manifest: hex::encode(&ready.manifest),
        file: file.to_owned(),
        pack: pack.to_owned(),
    };
    let text = serde_json::to_vec_pretty(&pending).map_err(|e| unreadable(path, &e))?;
    std::fs::write(path, text).map_err(|e| unreadable(path, &e))
}
