//! `linli contract …`: code of contracts, from a file to what runs, and its rehearsal.

use super::call::by_schema;
use super::connect::{Connect, Node};
use super::motion::{Id, motion};
use super::query::{ask_by_schema, look, number};
use super::store::{chain, open};
use super::{Failure, Output, block_on, machine};
use crate::contract_thread;
use crate::storage::RocksStore;
use crate::words::{Words, words};
use linli_runtime::vm::Vm;
use linli_runtime::{NoCache, NotRehearsed, Rehearsal, Settings};
use linli_types::digest;
use linli_types::id::Digest;
use linli_types::limits::CODE_BYTES_MAX;
use linli_types::rehearsal::Report;
use serde_json::{Value, json};
use std::fmt::{Display, Write as _};
use std::fs;
use std::path::PathBuf;

const ROOM: &str = "governance";
/// Bytes of one part: three quarters of what a call's arguments may have.
const PART_BYTES: usize = 96 * 1024;

/// Stages contracts' code, shows what runs, and what a rehearsal found.
#[derive(clap::Args)]
pub(super) struct Contract {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Checks a module and puts it on the ledger, for a motion to name by its hash.
    Stage(Stage),
    /// Shows which code a contract's room runs, and ran.
    Show(Show),
    /// Shows what the validators report about a motion's rehearsal.
    Rehearsal(Reports),
    /// Rehearses an open motion over a stopped node's data, as its validator would. Writes nothing.
    Rehearse(Rehearse),
}

/// Which module.
#[derive(clap::Args)]
struct Stage {
    #[command(flatten)]
    connect: Connect,
    /// The compiled module.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Which contract.
#[derive(clap::Args)]
struct Show {
    #[command(flatten)]
    connect: Connect,
    /// The contract.
    #[arg(value_name = "ROOM")]
    room: String,
}

/// Which motion.
#[derive(clap::Args)]
struct Reports {
    #[command(flatten)]
    connect: Connect,
    /// The motion, in hexadecimal or as an MO- code.
    #[arg(value_name = "MOTION", value_parser = motion)]
    motion: Id,
}

/// Which motion, and where.
#[derive(clap::Args)]
struct Rehearse {
    /// The node's data folder.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The motion, in hexadecimal or as an MO- code.
    #[arg(value_name = "MOTION", value_parser = motion)]
    motion: Id,
}

impl Contract {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        match self.command {
            Command::Stage(stage) => stage.run(out),
            Command::Show(show) => show.run(out),
            Command::Rehearsal(reports) => reports.run(out),
            Command::Rehearse(rehearse) => rehearse.run(out),
        }
    }
}

impl Stage {
    fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let code = self.read()?;
        let hash = digest::plain(&code);
        let parts = block_on(async {
            let node = self.connect.open().await?;
            stage(&node, &code, &hash).await
        })?;
        let (size, deed) = (code.len(), json!({ "room": "…", "hash": hash.to_string() }));
        out.answer(
            &json!({ "hash": hash.to_string(), "size": size, "parts": parts }),
            &words!(
                "已上传 {size} 字节，摘要 {hash}\n可在议案中引用：{{\"contract\": {deed}}}",
                "staged {size} bytes, hash {hash}\na motion names it: {{\"contract\": {deed}}}"
            ),
        );
        Ok(())
    }

    /// Reads the module and tells its author at once what the chain would refuse.
    fn read(&self) -> Result<Vec<u8>, Failure> {
        let shown = self.file.display();
        let code = fs::read(&self.file).map_err(|e| {
            Failure::usage(
                words!("无法读取 {shown}：{e}", "cannot read {shown}: {e}"),
                words!("请核对路径", "check the path"),
            )
        })?;
        let mut vm = Vm::new(Box::new(NoCache)).map_err(|why| machine(&why))?;
        match vm.deploy(&code) {
            Ok(_) => Ok(code),
            Err(why) => Err(not_deployable(&shown, &why.to_string())),
        }
    }
}

fn not_deployable(file: &dyn Display, why: &str) -> Failure {
    // What the parser says may go over several lines.
    let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
    Failure::refused(
        "CODE_REFUSED",
        words!("{file} 不能部署：{why}", "{file} cannot be deployed: {why}"),
        words!(
            "请按合约开发指南修改后重新编译（至多 {CODE_BYTES_MAX} 字节）",
            "see the guide for contract authors, then build it again (at most {CODE_BYTES_MAX} bytes)"
        ),
    )
}

/// Stages what is missing, part by part; how many parts that were.
async fn stage(node: &Node, code: &[u8], hash: &Digest) -> Result<usize, Failure> {
    let (hash, mut parts) = (hash.to_string(), 0_usize);
    let mut offset = staged(node, &hash).await?;
    while let Some(rest) = code.get(offset..).filter(|rest| !rest.is_empty()) {
        let part = rest.get(..PART_BYTES).unwrap_or(rest);
        let bytes = hex::encode(part);
        let args = json!({ "hash": hash, "size": code.len(), "offset": offset, "bytes": bytes });
        by_schema(node, ROOM, "StageCode", &args).await?;
        (offset, parts) = (offset.saturating_add(part.len()), parts.saturating_add(1));
    }
    Ok(parts)
}

/// How many bytes stand already: one may go on where one was interrupted.
async fn staged(node: &Node, hash: &str) -> Result<usize, Failure> {
    match ask_by_schema(node, ROOM, "StagedCode", &json!({ "hash": hash }), false).await {
        Ok((_, _, answer)) => Ok(number(&answer, "staged").try_into().unwrap_or(0)),
        Err(failure) if failure.name() == "NOT_FOUND" => Ok(0),
        Err(failure) => Err(failure),
    }
}

impl Show {
    fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let answer = look(&self.connect, ROOM, "Contract", &json!({ "room": self.room }))?;
        let mut text = Words::same(self.room.clone());
        for version in answer["versions"].as_array().into_iter().flatten() {
            let (number, since) = (number(version, "number"), number(version, "since_height"));
            let hash = version["hash"].as_str().unwrap_or_default();
            let _ = write!(text.zh, "\n第 {number} 版　自区块 {since}　{hash}");
            let _ = write!(text.en, "\nversion {number}  since block {since}  {hash}");
        }
        out.answer(&answer, &text);
        Ok(())
    }
}

impl Reports {
    fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let answer =
            look(&self.connect, ROOM, "Rehearsal", &json!({ "motion": self.motion.hex() }))?;
        let total = number(&answer, "total_power");
        let mut text = words!("表决权共 {total}", "{total} voting power");
        for report in answer["reports"].as_array().into_iter().flatten() {
            let validator = report["validator"].as_str().unwrap_or_default();
            let (power, found) = (number(report, "power"), &report["report"]);
            let one = said(found);
            let _ = write!(text.zh, "\n{validator}　{power}　{}", one.zh);
            let _ = write!(text.en, "\n{validator}  {power}  {}", one.en);
        }
        out.answer(&answer, &text);
        Ok(())
    }
}

impl Rehearse {
    fn run(&self, out: &mut Output) -> Result<(), Failure> {
        chain(&self.data)?;
        let store = open(&self.data, out)?;
        let work = || rehearse(&store, self.motion);
        let report = contract_thread::run("linli-rehearsal", work).map_err(|why| machine(&why))?;
        let report = report.map_err(|why| {
            Failure::refused(
                "NO_REHEARSAL",
                words!("无法预演：{why}", "it cannot be rehearsed: {why}"),
                words!(
                    "请核对议案编号，并在表决截止前预演",
                    "check the motion's id, and rehearse before voting ends"
                ),
            )
        })?;
        let first = |found: &linli_types::rehearsal::Difference| json!({ "height": found.height.0, "index": found.index, "what": found.what });
        let json = json!({
            "digest": report.digest.to_string(), "from_height": report.from.0,
            "blocks": report.blocks, "performed": report.performed,
            "differences": report.differences, "broken": report.broken,
            "first": report.first.iter().map(first).collect::<Vec<_>>(),
        });
        let text = said(&json);
        out.answer(&json, &text);
        Ok(())
    }
}

fn rehearse(store: &RocksStore, motion: Id) -> Result<Report, NotRehearsed> {
    let mut rehearsal = Rehearsal::begin(store, &motion.bytes(), Settings::default())?;
    while rehearsal.step()? {}
    Ok(rehearsal.report())
}

/// What a report says, in a line.
fn said(report: &Value) -> Words {
    let [blocks, performed, differences] =
        ["blocks", "performed", "differences"].map(|field| number(report, field));
    let broken = report["broken"].as_str().unwrap_or_default();
    let digest = report["digest"].as_str().unwrap_or_default();
    let mut text = words!(
        "重演 {blocks} 个区块中的 {performed} 笔，{differences} 笔结果不同　{digest}",
        "{performed} deeds of {blocks} blocks, {differences} differ  {digest}"
    );
    if !broken.is_empty() {
        let _ = write!(text.zh, "　破坏不变量：{broken}");
        let _ = write!(text.en, "  breaks {broken}");
    }
    text
}
