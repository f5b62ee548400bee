//! `linli evidence upload`: the gateway registers what devices captured, in order.
//!
//! Before an entry is sent the ledger is asked for its number, so a double tap, a resend after a
//! time-out and an upload that was interrupted all end in the one record that stands.

use super::capture::code;
use super::device::Devices;
use crate::cli::call::perform;
use crate::cli::connect::{Connect, Node};
use crate::cli::query::ask_by_schema;
use crate::cli::{Failure, Output, Trace, block_on};
use crate::words::words;
use linli_sdk::anchor::{KINDS, ROOM};
use linli_sdk::capture::{Entry, Upload as Done, entries};
use linli_sdk::{Schema, clock};
use linli_types::height::TimeMs;
use linli_verify::time;
use serde_json::{Value, json};
use std::path::PathBuf;

/// The contract calls older evidence backdated and asks why.
const OLD_MS: u64 = 24 * 60 * 60 * 1000;
/// A reserve for the way to the block.
const RESERVE_MS: u64 = 10 * 60 * 1000;

/// Registers what waits in a queue.
#[derive(clap::Args)]
pub(super) struct Upload {
    #[command(flatten)]
    connect: Connect,
    /// The queue's folder.
    #[arg(long, value_name = "DIR")]
    queue: PathBuf,
}

impl Upload {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let waiting: Vec<Entry> =
            entries(&self.queue)?.into_iter().filter(|entry| entry.upload.is_none()).collect();
        let all = waiting.len();
        let done = block_on(self.upload(waiting, out))?;
        let text = words!("已上传 {done} 条，共 {all} 条", "{done} of {all} uploaded");
        out.answer(&json!({ "uploaded": done, "waiting": all.saturating_sub(done) }), &text);
        Ok(())
    }

    async fn upload(&self, waiting: Vec<Entry>, out: &mut Output<'_>) -> Result<usize, Failure> {
        let node = self.connect.open().await?;
        let schema = node.client.schema(ROOM).await?;
        let all = waiting.len();
        let mut devices = Devices::default();
        for (at, mut entry) in waiting.into_iter().enumerate() {
            let done = register(&node, &schema, &mut devices, &entry).await;
            // In order: what comes after it waits too.
            entry.upload = Some(done.map_err(|why| stopped(&why, &entry, at, all))?);
            entry.write(&self.queue)?;
            say(&entry, out);
        }
        Ok(all)
    }
}

async fn register(
    node: &Node,
    schema: &Schema,
    devices: &mut Devices,
    entry: &Entry,
) -> Result<Done, Failure> {
    if let Some(found) = standing(node, entry).await? {
        return Ok(found);
    }
    devices.check(node, entry).await?;
    let args = request(entry, clock::now()?.0)?;
    let called = perform(node, schema, &[("Register", &args)]).await?;
    let (height, time_ms) = (called.found.height.0, called.found.block_time.0);
    Ok(Done { transaction: called.id().to_string(), height, time_ms })
}

/// What stands on the ledger under the entry's number, if anything does.
async fn standing(node: &Node, entry: &Entry) -> Result<Option<Done>, Failure> {
    let signed = entry.signed().ok_or_else(unsigned)?;
    let source = signed.claims.source.to_string();
    let args = json!({ "source": source, "number": entry.number });
    let (_, _, found) = ask_by_schema(node, ROOM, "Record", &args, false).await?;
    if found.get("anchored") != Some(&Value::Bool(true)) {
        return Ok(None);
    }
    let statement = found.get("statement").and_then(Value::as_str).unwrap_or_default();
    if statement != signed.id().to_string() {
        return Err(taken(entry.number));
    }
    // It stands: anchored at the latest in the block that is the last one now.
    let status = node.client.status().await?;
    let (height, time_ms) = (status.height, status.time_ms);
    Ok(Some(Done { transaction: String::new(), height, time_ms }))
}

/// The call that registers an entry.
fn request(entry: &Entry, now_ms: u64) -> Result<Value, Failure> {
    let signed = entry.signed().ok_or_else(unsigned)?;
    let (claims, about) = (&signed.claims, &entry.about);
    let old = claims.captured_at_ms < now_ms.saturating_sub(OLD_MS - RESERVE_MS);
    let reason = match (about.imported, old) {
        (true, _) => "IMPORTED",
        (false, true) => "OFFLINE",
        (false, false) => "BACKDATED_REASON_UNSPECIFIED",
    };
    let kind = usize::from(claims.kind);
    // A device that is its own source is named once.
    let device = claims.device.filter(|device| *device != claims.source);
    Ok(json!({
        "source": claims.source.to_string(), "number": claims.number,
        "kind": KINDS.get(kind).copied().unwrap_or_default(),
        "statement": signed.id().to_string(),
        "manifest_sha256": claims.manifest_sha256.to_string(),
        "manifest_sm3": claims.sm3.to_string(), "size": claims.size,
        "captured_at_ms": claims.captured_at_ms, "clock_source": "DEVICE_CLOCK",
        "device": device.map(|id| id.to_string()).unwrap_or_default(),
        "env_digest": claims.env_digest.map(|d| d.to_string()).unwrap_or_default(),
        "retention": about.retention, "basis": about.basis,
        "minors": about.minors, "sensitive": about.sensitive,
        "consent": about.consent.clone().unwrap_or_default(), "backdated_reason": reason,
    }))
}

fn say(entry: &Entry, out: &mut Output<'_>) {
    let Some(done) = &entry.upload else { return };
    let (number, code) = (entry.number, code(&entry.id()));
    let (height, when) = (done.height, time::text(TimeMs(done.time_ms)));
    let seen = entry.environment().and_then(|environment| environment.checkpoint);
    let (zh, en) = match seen {
        Some((height, at)) => {
            let when = time::text(TimeMs(at));
            (
                format!("不早于区块 {height}（{when}）"),
                format!("not before block {height} ({when})"),
            )
        }
        None => ("早界不明".to_owned(), "no bound before".to_owned()),
    };
    out.note(&words!(
        "序号 {number:06} 已存证　{code}　{zh}，不晚于区块 {height}（{when}）",
        "number {number:06} anchored  {code}  {en}, not after block {height} ({when})"
    ));
}

/// The first entry that could not be registered; those before it are.
fn stopped(why: &Failure, entry: &Entry, done: usize, all: usize) -> Failure {
    let number = entry.number;
    let (zh, en) = (&why.what().zh, &why.what().en);
    let failure = Failure::new(
        why.exit(),
        why.name(),
        words!(
            "序号 {number:06} 未能上传：{zh}（此前已上传 {done} 条，共 {all} 条）",
            "number {number:06} was not uploaded: {en} ({done} of {all} before it were)"
        ),
        why.hint().clone(),
    );
    let trace = match (why.trace(), done) {
        (Trace::Nothing, 1..) => Trace::Others,
        (trace, _) => trace,
    };
    failure.leaving(trace)
}

fn taken(number: u64) -> Failure {
    Failure::refused(
        "NUMBER_TAKEN",
        words!(
            "账本上该来源的序号 {number} 是另一条记录",
            "number {number} of this source is another record on the ledger"
        ),
        words!(
            "可能两台设备共用一个来源，或内容改动后以原序号重发；请为该设备另行登记来源，并重新采集",
            "two devices share the source, or it was changed and sent again: register a source of its own for this device and capture anew"
        ),
    )
}

fn unsigned() -> Failure {
    Failure::usage(
        words!("离线记录的声明不可读", "the entry's statement is unreadable"),
        words!("请从设备的备份恢复", "restore it from the device's backup"),
    )
}
