//! One file after the other: number, statement, transaction, pack.
//!
//! # Invariants
//!
//! - **G1 signed once.** A statement holds its number: when the number is taken, statement and
//!   transaction are made anew. Both are durable before they are handed in.

use super::Anchor;
use super::ready::Ready;
use crate::cli::connect::{Node, refusal};
use crate::cli::evidence::pack::{Pending, chain_genesis, inside, write};
use crate::cli::{Exit, Failure, Output, Trace, unwritable};
use crate::words::{Words, words};
use linli_sdk::anchor::gather::Kept;
use linli_sdk::anchor::register::{REGISTER, register};
use linli_sdk::anchor::sign::{Source, Statement};
use linli_sdk::anchor::{ROOM, lowest_open};
use linli_sdk::cose::Leaves;
use linli_sdk::vault::Vault;
use linli_sdk::{Draft, Schema, Signed, Sm2Key};
use linli_verify::file;
use prost::Message;
use std::path::{Path, PathBuf};

/// Another writer of the same source may take the number first: so often another is tried. The
/// statement holds the number, so it is signed anew.
const NUMBER_TRIES: usize = 5;
/// The contract's code for a number that is used.
const DUPLICATE_NUMBER: &str = "DUPLICATE_NUMBER";

/// What all files share.
pub(super) struct Work {
    node: Node,
    genesis: Vec<u8>,
    schema: Schema,
    second: Option<Sm2Key>,
    platform: Option<Vec<u8>>,
    vault: Option<Vault>,
}

impl Work {
    pub(super) async fn open(anchor: &Anchor, out: &mut Output<'_>) -> Result<Self, Failure> {
        let (second, platform) = (anchor.about.second()?, anchor.about.platform()?);
        let vault = anchor.vault.open()?;
        let node = anchor.connect.open().await?;
        let genesis = chain_genesis(&anchor.connect, &node, out).await?;
        let schema = node.client.schema(ROOM).await?;
        Ok(Self { node, genesis, schema, second, platform, vault })
    }

    pub(super) async fn anchor(
        &self,
        anchor: &Anchor,
        file: &Path,
        out: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let pack = pack_path(&anchor.out, file)?;
        let platform = self.platform.as_deref().map(|bytes| file::both(bytes).0);
        let ready = Ready::read(file, anchor, platform).await?;
        let paths: &[PathBuf] = if anchor.inside { &[file.to_owned()] } else { &[] };
        let mut kept = Kept {
            manifest: ready.prepared.bytes.clone(),
            platform: self.platform.clone(),
            // Before anything is sent: what cannot stand inside is said now.
            files: inside::read(paths, &ready.prepared.manifest.files)?,
            ..Kept::default()
        };
        let mut tries = 0;
        loop {
            let (statement, draft) = self.order(anchor, &ready).await?;
            (kept.statement, kept.second) = (statement.bytes, statement.second);
            let pending = pending_path(&pack);
            Pending::new(&draft.id, &kept, file, &pack, paths)?.leave(&pending)?; // G1
            match self.settle(&draft, &pending).await? {
                Some(why) if why.name() == DUPLICATE_NUMBER && tries < NUMBER_TRIES => tries += 1,
                Some(why) => return Err(why),
                None => {
                    let of = Leaves::Of(draft.id);
                    let written = write(&self.node, of, &kept, &pack, &self.genesis, out).await;
                    let written = written.map_err(|why| unfinished(&why, &pending))?;
                    written.say(file, &pack, Some(&draft.id), out);
                    return remove(&pending).map_err(|why| unfinished(&why, &pending));
                }
            }
        }
    }

    /// Hands it in; why the ledger refused it, if it did. A definite end without a record leaves
    /// nothing to finish.
    async fn settle(&self, draft: &Signed, pending: &Path) -> Result<Option<Failure>, Failure> {
        match self.node.settle(draft).await {
            Ok(found) => {
                let refused = refusal(&found.receipt, Some(&self.schema));
                if refused.is_some() {
                    remove(pending)?;
                }
                Ok(refused)
            }
            Err(why) => {
                if why.trace() == Trace::Nothing {
                    remove(pending)?;
                }
                Err(why)
            }
        }
    }

    /// Signs the statement under the source's lowest open number, and the transaction about it.
    async fn order(&self, anchor: &Anchor, ready: &Ready) -> Result<(Statement, Signed), Failure> {
        let (id, about) = (self.node.principal()?, &anchor.about);
        let number = lowest_open(&self.node.client, id).await?;
        let (chain, key) = (*self.node.client.chain(), self.node.key());
        let source = Source { id, chain, key, second: self.second.as_ref() };
        let statement = source.sign(&ready.prepared, ready.kind, number)?;
        let provenance = about.provenance(ready.kind);
        let mut request = register(&statement.claims, &statement.id, &provenance);
        let tags = match &self.vault {
            Some(vault) => {
                let files = ready.prepared.manifest.files.iter();
                files.map(|file| vault.tag(&id, &file.sha256)).collect::<Result<Vec<_>, _>>()?
            }
            None => Vec::new(),
        };
        about.add_to(&mut request, id, &tags);
        let draft = Draft::new().call(ROOM, REGISTER, request.encode_to_vec());
        Ok((statement, self.node.sign(draft)?))
    }
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
