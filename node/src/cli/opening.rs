//! `linli account opening propose | approve | load | close | show`: opening balances from a source
//! file, by two people (decision 0014).
//!
//! Who proposes, who approves and whoever loads each read the same file here: the root that the
//! ledger compares is computed from it, never copied from somebody's word. The file's evidence is
//! verified offline before anything is asked.

use super::call::{Called, settle};
use super::connect::{Connect, Node};
use super::moment::time;
use super::query::ask_by_schema;
use super::verify::{digests, not_verified, read_pack};
use super::{Failure, Output, block_on, genesis, unreadable};
use crate::words::{Words, words};
use futures::{StreamExt, TryStreamExt};
use linli_proto::QueryRequest;
use linli_sdk::{Draft, Schema, opening};
use linli_types::height::TimeMs;
use linli_types::id::{Digest, TransferId};
use linli_types::opening::Batch;
use linli_types::wire::accounts as wire;
use linli_verify::FileDigests;
use linli_verify::time::text as time_text;
use prost::Message;
use serde_json::json;
use std::fmt::Write as _;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

const ROOM: &str = "accounts";
/// Chunks on their way at once: a few blocks' worth, far below what a node's pool takes from one.
const IN_FLIGHT: usize = 48;

/// Opening balances from a source file, by two people.
#[derive(clap::Args)]
pub(super) struct Opening {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Proposes the balances of an anchored source file; moves nothing.
    Propose(Propose),
    /// Approves a proposal after reading the same source file.
    Approve(Approve),
    /// Loads the balances of an approved batch; what is loaded already is left alone.
    Load(Load),
    /// Ends a batch that is loaded whole.
    Close(Of),
    /// Shows a batch.
    Show(Of),
}

#[derive(clap::Args)]
struct Propose {
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    source: Source,
    /// From this time on nothing is approved or loaded; at most 30 days ahead.
    #[arg(long, value_name = "TIME", value_parser = time)]
    cut_off: TimeMs,
    /// The batch's id, in hexadecimal; otherwise a new one is drawn.
    #[arg(long, value_name = "ID")]
    batch: Option<TransferId>,
}

#[derive(clap::Args)]
struct Approve {
    #[command(flatten)]
    of: Of,
    #[command(flatten)]
    source: Source,
}

#[derive(clap::Args)]
struct Load {
    #[command(flatten)]
    of: Of,
    /// The source file: CSV with a first line that names its columns, or one JSON object per line.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(clap::Args)]
struct Of {
    #[command(flatten)]
    connect: Connect,
    /// The batch's id, in hexadecimal.
    #[arg(long, value_name = "ID")]
    batch: TransferId,
}

/// A source file and what anchors it.
#[derive(clap::Args)]
struct Source {
    /// The source file: CSV with a first line that names its columns, or one JSON object per line.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The pack that anchoring the file wrote; it is verified against --genesis.
    #[arg(long, value_name = "PACK")]
    pack: PathBuf,
}

impl Opening {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        match self.command {
            Command::Propose(propose) => propose.run(out),
            Command::Approve(approve) => approve.run(out),
            Command::Load(load) => load.run(out),
            Command::Close(of) => of.close(out),
            Command::Show(of) => of.show(out),
        }
    }
}

/// The lines of a source file as a batch.
fn batch(path: &Path) -> Result<Batch, Failure> {
    let file = File::open(path).map_err(|e| unreadable(path, &e))?;
    Ok(opening::batch(opening::read(BufReader::new(file))?)?)
}

/// A file that is anchored: its digest, the statement, its leaf.
struct Anchored {
    sha256: Digest,
    statement: Digest,
    leaf: u64,
}

impl Source {
    /// Verifies offline that the pack anchors the file.
    fn anchored(&self, connect: &Connect) -> Result<Anchored, Failure> {
        let Some(path) = connect.genesis() else {
            return Err(Failure::usage(
                words!("核验证据包须有创世文件", "the pack is verified against the genesis file"),
                words!("请加 --genesis", "add --genesis"),
            ));
        };
        let genesis = genesis::read(path)?.2;
        let file: FileDigests = digests(&self.file)?;
        let sha256 = file.sha256;
        let report = linli_verify::verify(&read_pack(&self.pack)?, &[file], &genesis);
        let report = report.map_err(|why| not_verified(&why))?;
        let log = report.log.filter(|_| !report.files.is_empty());
        let found = log.and_then(|log| Some((log.statement.parse().ok()?, log.leaf)));
        let (statement, leaf) = found.ok_or_else(|| {
            let pack = self.pack.display();
            Failure::usage(
                words!("{pack} 不是文件的证据包", "{pack} is no pack of an anchored file"),
                words!(
                    "请用 linli evidence anchor 存证",
                    "anchor the file with `linli evidence anchor`"
                ),
            )
        })?;
        Ok(Anchored { sha256, statement, leaf })
    }
}

/// What a batch comes to, for people.
fn sums(totals: &[wire::OpeningTotal], accounts: u64) -> Words {
    let mut text = words!("账户 {accounts} 个", "{accounts} accounts");
    for wire::OpeningTotal { asset, amount } in totals {
        let _ = write!(text.zh, "　资产 {asset} 合计 {amount}");
        let _ = write!(text.en, "  asset {asset}: {amount}");
    }
    text
}

/// One call of the room with a request at hand.
async fn ask(node: &Node, method: &str, request: &impl Message) -> Result<Called, Failure> {
    let draft = Draft::new().call(ROOM, method, request.encode_to_vec());
    settle(node, &Schema::native(ROOM)?, draft, std::iter::once(method)).await
}

impl Propose {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let anchored = self.source.anchored(&self.connect)?;
        let batch = batch(&self.source.file)?;
        let id = self.batch.map_or_else(|| linli_sdk::key::random().map(TransferId), Ok)?;
        let request = wire::ProposeOpeningRequest {
            id: id.0.to_vec(),
            source: anchored.sha256.0.to_vec(),
            statement: anchored.statement.0.to_vec(),
            leaf: anchored.leaf,
            cut_off_ms: self.cut_off.0,
            accounts: batch.accounts,
            totals: batch.totals.clone(),
            root: batch.root.0.to_vec(),
            chunks: batch.chunks(),
        };
        let done =
            block_on(async { ask(&self.connect.open().await?, "ProposeOpening", &request).await })?;
        let (Words { zh, en }, cut_off) =
            (sums(&batch.totals, batch.accounts), time_text(self.cut_off));
        let text = words!(
            "批次 {id}　{zh}\n截止 {cut_off}；请由另一人用同一文件批准",
            "batch {id}  {en}\ncut off at {cut_off}; somebody else approves it with the same file"
        );
        done.answer_with(out, &json!({ "batch": id.to_string() }), &text);
        Ok(())
    }
}

impl Of {
    async fn stands(&self, node: &Node) -> Result<wire::OpeningResponse, Failure> {
        let args = wire::OpeningRequest { id: self.batch.0.to_vec() }.encode_to_vec();
        let (room, query) = (ROOM.into(), "Opening".into());
        let answer = node.client.query(QueryRequest { room, query, args, ..Default::default() });
        wire::OpeningResponse::decode(answer.await?.result.as_slice()).map_err(|_| {
            Failure::broken(
                words!("节点给出的批次无法读取", "the node's batch cannot be read"),
                words!("请换一个节点", "ask another node"),
            )
        })
    }

    fn close(&self, out: &mut Output) -> Result<(), Failure> {
        let request = wire::CloseOpeningRequest { id: self.batch.0.to_vec() };
        let done =
            block_on(async { ask(&self.connect.open().await?, "CloseOpening", &request).await })?;
        let id = self.batch;
        done.answer(out, &words!("批次 {id} 已结束", "batch {id} is closed"));
        Ok(())
    }

    fn show(&self, out: &mut Output) -> Result<(), Failure> {
        let (stands, json) = block_on(async {
            let node = self.connect.open().await?;
            let args = json!({ "id": self.batch.to_string() });
            let json = ask_by_schema(&node, ROOM, "Opening", &args, false).await?.2;
            Ok((self.stands(&node).await?, json))
        })?;
        let (approved, loaded) = (
            sums(&stands.totals, stands.accounts),
            sums(&stands.loaded_totals, stands.loaded_accounts),
        );
        let state = match (stands.closed, stands.approver.is_empty()) {
            (true, _) => words!("已结束", "closed"),
            (false, false) => words!("已批准", "approved"),
            (false, true) => words!("待批准", "waits for approval"),
        };
        let cut_off = time_text(TimeMs(stands.cut_off_ms));
        let (chunks, all) = (stands.loaded_chunks, stands.chunks);
        let zh = format!(
            "{}　{}　截止 {cut_off}\n已载入 {chunks}/{all} 块　{}",
            state.zh, approved.zh, loaded.zh
        );
        let en = format!(
            "{}  {}  cut off at {cut_off}\nloaded {chunks} of {all} chunks  {}",
            state.en, approved.en, loaded.en
        );
        out.answer(&json, &Words { zh, en });
        Ok(())
    }
}

/// The file is not the one that was proposed.
fn other(what: &Words) -> Failure {
    let Words { zh, en } = what;
    Failure::refused(
        "OPENING_OTHER",
        words!("{zh}与该批次提交的不符", "the {en} is not what the batch was proposed with"),
        words!("请核对源文件与批次编号", "check the source file and the batch's id"),
    )
}

impl Approve {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let anchored = self.source.anchored(&self.of.connect)?;
        let batch = batch(&self.source.file)?;
        let done = block_on(async {
            let node = self.of.connect.open().await?;
            let stands = self.of.stands(&node).await?;
            let evidence = (anchored.statement.0.to_vec(), anchored.leaf);
            let checks = [
                (stands.source == anchored.sha256.0, words!("源文件", "source file")),
                ((stands.statement, stands.leaf) == evidence, words!("证据包", "evidence")),
                (stands.root == batch.root.0, words!("明细", "list of balances")),
                (stands.totals == batch.totals, words!("合计", "sum per asset")),
                (stands.accounts == batch.accounts, words!("账户数", "number of accounts")),
            ];
            if let Some((_, what)) = checks.iter().find(|(same, _)| !same) {
                return Err(other(what));
            }
            let (id, root) = (self.of.batch.0.to_vec(), batch.root.0.to_vec());
            let request = wire::ApproveOpeningRequest { id, root };
            ask(&node, "ApproveOpening", &request).await
        })?;
        let (id, sums) = (self.of.batch, sums(&batch.totals, batch.accounts));
        let Words { zh, en } = sums;
        done.answer(out, &words!("批次 {id} 已批准　{zh}", "batch {id} is approved  {en}"));
        Ok(())
    }
}

impl Load {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let batch = batch(&self.file)?;
        let (loaded, before) = block_on(async {
            let node = self.of.connect.open().await?;
            if self.of.stands(&node).await?.root != batch.root.0 {
                return Err(other(&words!("明细", "list of balances")));
            }
            self.chunks(&node, &batch).await
        })?;
        let (id, accounts) = (self.of.batch, batch.accounts);
        let json = json!({
            "batch": id.to_string(), "accounts": accounts, "chunks": batch.chunks(),
            "loaded": loaded, "loaded_before": before,
        });
        let text = words!(
            "批次 {id}　账户 {accounts} 个已全部载入（本次 {loaded} 块，此前 {before} 块）",
            "batch {id}  all {accounts} accounts are loaded ({loaded} chunks now, {before} before)"
        );
        out.answer(&json, &text);
        Ok(())
    }

    /// Loads every chunk, several at once; how many were loaded now, and how many before.
    async fn chunks(&self, node: &Node, batch: &Batch) -> Result<(u32, u32), Failure> {
        let load = |chunk| async move {
            let Some(request) = batch.load(&self.of.batch.0, chunk) else { return Ok(false) };
            match ask(node, "LoadOpening", &request).await {
                Ok(_) => Ok(true),
                Err(failure) if failure.name() == "DUPLICATE" => Ok(false),
                Err(failure) => Err(failure.with(json!({ "chunk": chunk }))),
            }
        };
        let loads = futures::stream::iter((0..batch.chunks()).map(load));
        let all: Vec<bool> = loads.buffer_unordered(IN_FLIGHT).try_collect().await?;
        let loaded = all.iter().filter(|now| **now).count();
        let loaded = u32::try_from(loaded).unwrap_or(u32::MAX);
        Ok((loaded, batch.chunks().saturating_sub(loaded)))
    }
}
