//! Registering a part, and a pack for each of its records.

use super::parts::{Item, Part, parts, provenance};
use super::stands::{self, unsigned};
use super::{Upload, say};
use crate::cli::connect::{Node, refusal};
use crate::cli::evidence::device::Devices;
use crate::cli::evidence::pack::{chain_genesis, seal};
use crate::cli::query::write_new;
use crate::cli::verify::Remember;
use crate::cli::{Exit, Failure, Output, Trace, unwritable};
use crate::words::{Words, words};
use linli_sdk::anchor::gather::{Kept, Proved};
use linli_sdk::anchor::register::{REGISTER, REGISTER_BATCH, register, register_batch};
use linli_sdk::anchor::{ROOM, numbers};
use linli_sdk::capture::{Entry, Upload as Done};
use linli_sdk::cose::Leaves;
use linli_sdk::vault::Vault;
use linli_sdk::{Draft, Schema, clock};
use linli_types::id::TxId;
use linli_types::limits::EVIDENCE_TAGS_MAX;
use linli_verify::cose::statement::Claims;
use prost::Message;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::path::{Path, PathBuf};

/// Packs that are gathered at a time: each holds its whole transaction.
const PACKS_AT_ONCE: usize = 64;

/// What all parts share.
pub(super) struct Work<'a> {
    queue: &'a Path,
    packs: PathBuf,
    node: Node,
    genesis: Vec<u8>,
    schema: Schema,
    vault: Option<Vault>,
    remember: Remember,
}

impl<'a> Work<'a> {
    pub(super) async fn open(
        upload: &'a Upload,
        packs: PathBuf,
        out: &mut Output<'_>,
    ) -> Result<Self, Failure> {
        std::fs::create_dir_all(&packs).map_err(|e| unwritable(&packs, &e))?;
        let vault = upload.vault.open()?;
        let node = upload.connect.open().await?;
        let genesis = chain_genesis(&upload.connect, &node, out).await?;
        let schema = node.client.schema(ROOM).await?;
        let (queue, remember) = (upload.queue.as_path(), Remember::new());
        Ok(Self { queue, packs, node, genesis, schema, vault, remember })
    }

    /// What is registered together; what stands already is by itself.
    pub(super) async fn parts(&self, entries: Vec<Entry>) -> Result<Vec<Part>, Failure> {
        let (now, mut highest) = (clock::now()?.0, BTreeMap::new());
        let mut devices = Devices::default();
        let mut items = Vec::new();
        for entry in entries {
            let mut item = self.item(entry, now)?;
            let source = item.claims.source;
            if let Slot::Vacant(slot) = highest.entry(source) {
                slot.insert(numbers(&self.node.client, source).await?.highest);
            }
            // Above the source's highest number nothing stands.
            if highest.get(&source).is_some_and(|highest| item.entry.number <= *highest) {
                match stands::find(&self.node, &self.schema, &item).await {
                    Ok(leaf) => item.leaf = leaf,
                    Err(why) => item.trouble = Some(why),
                }
            }
            // What stands already is no longer the device's to answer for.
            if item.leaf.is_none() && item.trouble.is_none() {
                item.trouble = devices.check(&self.node, &item.entry).await.err();
            }
            items.push(item);
        }
        Ok(parts(items))
    }

    fn item(&self, entry: Entry, now: u64) -> Result<Item, Failure> {
        let claims = entry.signed().ok_or_else(unsigned)?.claims;
        let mut tags = Vec::new();
        if let Some(vault) = &self.vault {
            let files = entry.manifest().map(|manifest| manifest.files).unwrap_or_default();
            for file in files.iter().take(EVIDENCE_TAGS_MAX) {
                tags.push(vault.tag(&claims.source, &file.sha256)?);
            }
        }
        let provenance = provenance(&entry, &claims, now);
        Ok(Item { entry, claims, provenance, leaf: None, trouble: None, tags })
    }

    /// Registers a part unless it stands, writes the packs, notes both in the queue.
    pub(super) async fn settle(
        &self,
        part: &mut Part,
        out: &mut Output<'_>,
    ) -> Result<(), Failure> {
        if let Some(why) = part.entries.iter_mut().find_map(|item| item.trouble.take()) {
            return Err(why);
        }
        let stands = part.entries.first().and_then(|item| item.leaf);
        let (leaf, id) = match stands {
            Some(leaf) => (leaf, None),
            None => self.register(&part.entries).await?,
        };
        let mut at = leaf;
        for items in part.entries.chunks_mut(PACKS_AT_ONCE) {
            let done = self.pack(at, items, id, out).await;
            done.map_err(|why| packless(&why))?;
            at = at.saturating_add(items.len() as u64);
        }
        Ok(())
    }

    /// Hands the statements in; their first leaf. One whose number is used by now may be the very same,
    /// sent by a run that was interrupted.
    async fn register(&self, items: &[Item]) -> Result<(u64, Option<TxId>), Failure> {
        let draft = self.node.sign(self.draft(items)?)?;
        let found = self.node.settle(&draft).await?;
        let Some(why) = refusal(&found.receipt, Some(&self.schema)) else {
            return Ok((found.receipt.log_leaves.0, Some(draft.id)));
        };
        if let [item] = items
            && let Some(leaf) = stands::find(&self.node, &self.schema, item).await?
        {
            return Ok((leaf, None));
        }
        Err(why)
    }

    fn draft(&self, items: &[Item]) -> Result<Draft, Failure> {
        if let [item] = items {
            let (claims, id) = (named_once(&item.claims), item.entry.id());
            let mut request = register(&claims, &id, &item.provenance);
            request.tags = item.tags.concat();
            return Ok(Draft::new().call(ROOM, REGISTER, request.encode_to_vec()));
        }
        let statements = items.iter().map(|item| (named_once(&item.claims), item.entry.id()));
        let statements: Vec<_> = statements.collect();
        let tags: Vec<[u8; 16]> = items.iter().flat_map(|item| item.tags.iter().copied()).collect();
        let provenance = items.first().map(|item| item.provenance.clone()).unwrap_or_default();
        let request = register_batch(&statements, &tags, &provenance)?;
        Ok(Draft::new().call(ROOM, REGISTER_BATCH, request.encode_to_vec()))
    }

    /// The packs of records whose leaves follow each other.
    async fn pack(
        &self,
        leaf: u64,
        items: &mut [Item],
        id: Option<TxId>,
        out: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let kept = items.iter().map(kept).collect::<Result<Vec<_>, _>>()?;
        let mut proved = self.node.client.gather(Leaves::From(leaf), &kept).await?;
        for (item, proved) in items.iter_mut().zip(&mut proved) {
            self.write(item, proved, out)?;
            let header = &proved.block.header;
            let (height, time_ms) = (header.height.0, header.time.0);
            let transaction = id.map(|id| id.to_string()).unwrap_or_default();
            item.entry.upload = Some(Done { transaction, height, time_ms });
            item.entry.write(self.queue)?;
            say(&item.entry, out);
        }
        Ok(())
    }

    /// A pack that a run before has written stays as it is.
    fn write(&self, item: &Item, proved: &mut Proved, out: &mut Output<'_>) -> Result<(), Failure> {
        let path = self.packs.join(format!("{:012}.linli", item.entry.number));
        if path.exists() {
            return Ok(());
        }
        let (bytes, _) = seal(proved, &self.genesis, &self.remember, out)?;
        write_new(&path, &bytes)
    }
}

/// A device that is its own source is named once.
fn named_once(claims: &Claims) -> Claims {
    let device = claims.device.filter(|device| *device != claims.source);
    Claims { device, ..claims.clone() }
}

fn kept(item: &Item) -> Result<Kept, Failure> {
    let manifest = item.entry.manifest_bytes().ok_or_else(unsigned)?;
    let statement = item.entry.statement_bytes().ok_or_else(unsigned)?;
    Ok(Kept { manifest, statement, ..Kept::default() })
}

/// Registered, but the pack is not written.
fn packless(why: &Failure) -> Failure {
    let Words { zh, en } = why.what();
    Failure::new(
        Exit::Broken,
        "NO_PACK",
        words!("已存证，但证据包未写成：{zh}", "anchored, but the pack was not written: {en}"),
        words!(
            "改正后再次运行 linli evidence upload 即可补写",
            "correct it and run `linli evidence upload` again: it writes the pack"
        ),
    )
    .leaving(Trace::All)
}
