//! `linli evidence upload`: the gateway registers what devices captured, in order, and writes a pack
//! for each record.
//!
//! ```text
//! queue ─▶ parts (what stands already; runs of alike records) ─▶ Register | RegisterBatch
//!                         └──── halved if refused                      └─▶ packs ─▶ noted in the queue
//! ```
//!
//! Before an entry is sent the ledger is asked for its number, so a double tap, a resend after a
//! time-out and an upload that was interrupted all end in the one record that stands. An entry is noted
//! as uploaded once its pack is written: whatever was interrupted before goes on there.

mod parts;
mod stands;
mod work;

use super::capture::code;
use crate::cli::connect::Connect;
use crate::cli::vault::Tagging;
use crate::cli::{Failure, Output, Trace, block_on};
use crate::words::words;
use linli_sdk::capture::{Entry, entries};
use linli_types::height::TimeMs;
use linli_verify::time;
use parts::Part;
use serde_json::json;
use std::collections::VecDeque;
use std::path::PathBuf;
use work::Work;

/// The folder of the packs in a queue.
const PACKS: &str = "packs";

/// Registers what waits in a queue.
#[derive(clap::Args)]
pub(super) struct Upload {
    #[command(flatten)]
    connect: Connect,
    /// The queue's folder.
    #[arg(long, value_name = "DIR")]
    queue: PathBuf,
    /// The folder for the packs; otherwise `packs` in the queue's.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    vault: Tagging,
}

impl Upload {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let waiting: Vec<Entry> =
            entries(&self.queue)?.into_iter().filter(|entry| entry.upload.is_none()).collect();
        let all = waiting.len();
        let packs = self.out.clone().unwrap_or_else(|| self.queue.join(PACKS));
        let done = match all {
            0 => 0,
            _ => block_on(self.upload(waiting, packs.clone(), out))?,
        };
        let text = words!("已上传 {done} 条，共 {all} 条", "{done} of {all} uploaded");
        let waiting = all.saturating_sub(done);
        out.answer(&json!({ "uploaded": done, "waiting": waiting, "packs": packs }), &text);
        Ok(())
    }

    async fn upload(
        &self,
        waiting: Vec<Entry>,
        packs: PathBuf,
        out: &mut Output<'_>,
    ) -> Result<usize, Failure> {
        let (all, mut done) = (waiting.len(), 0);
        let work = Work::open(self, packs, out).await?;
        let mut parts: VecDeque<Part> = work.parts(waiting).await?.into();
        while let Some(mut part) = parts.pop_front() {
            let first = part.number();
            match work.settle(&mut part, out).await {
                Ok(()) => done += part.entries.len(),
                // All of a batch is refused for one of them: the halves tell which.
                Err(why) if why.trace() == Trace::Receipt && part.entries.len() > 1 => {
                    let second = part.halve();
                    parts.push_front(second);
                    parts.push_front(part);
                }
                // In order: what comes after it waits too.
                Err(why) => return Err(stopped(&why, first, done, all)),
            }
        }
        Ok(done)
    }
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
fn stopped(why: &Failure, number: u64, done: usize, all: usize) -> Failure {
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
