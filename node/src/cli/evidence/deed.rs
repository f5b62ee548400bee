//! `linli evidence corroborate | supersede | challenge | resolve`: what is done about a record.
#![allow(rustdoc::invalid_html_tags, reason = "the command line shows these texts as they are")]

use crate::cli::call::{Called, by_schema};
use crate::cli::connect::Connect;
use crate::cli::key::principal;
use crate::cli::{Failure, Output, block_on};
use crate::words::words;
use linli_sdk::anchor::ROOM;
use linli_types::id::PrincipalId;
use serde_json::{Value, json};

/// Names a record.
#[derive(clap::Args)]
pub(super) struct Record {
    /// The record's number.
    #[arg(value_name = "NUMBER")]
    number: u64,
    /// The record's source; otherwise the key's own principal.
    #[arg(long, value_name = "ID", value_parser = principal)]
    source: Option<PrincipalId>,
}

/// Confirms a record of another source.
#[derive(clap::Args)]
pub(super) struct Corroborate {
    #[command(flatten)]
    connect: Connect,
    /// The record's number.
    #[arg(value_name = "NUMBER")]
    number: u64,
    /// The record's source.
    #[arg(long, value_name = "ID", value_parser = principal)]
    source: PrincipalId,
    /// The number of an own record that says the same.
    #[arg(long, value_name = "NUMBER")]
    evidence: Option<u64>,
    /// The device used to confirm; not the one that captured the record.
    #[arg(long, value_name = "ID", value_parser = principal)]
    device: Option<PrincipalId>,
}

/// Puts another of the source's records in a record's place.
#[derive(clap::Args)]
pub(super) struct Supersede {
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    record: Record,
    /// The number of the record that stands in its place.
    #[arg(long, value_name = "NUMBER")]
    by: u64,
    /// Code of the reason.
    #[arg(long, value_name = "CODE", default_value_t = 0)]
    reason: u32,
}

/// Disputes a record.
#[derive(clap::Args)]
pub(super) struct Challenge {
    #[command(flatten)]
    connect: Connect,
    /// The record's number.
    #[arg(value_name = "NUMBER")]
    number: u64,
    /// The record's source.
    #[arg(long, value_name = "ID", value_parser = principal)]
    source: PrincipalId,
    /// Code of the reason, from 1.
    #[arg(long, value_name = "CODE")]
    reason: u32,
}

/// Decides about a disputed record, as an arbitrator.
#[derive(clap::Args)]
pub(super) struct Resolve {
    #[command(flatten)]
    connect: Connect,
    /// The record's number.
    #[arg(value_name = "NUMBER")]
    number: u64,
    /// The record's source.
    #[arg(long, value_name = "ID", value_parser = principal)]
    source: PrincipalId,
    /// The record stands, or counts no more.
    #[arg(long, value_enum)]
    outcome: Outcome,
    /// Code of the reason, from 1.
    #[arg(long, value_name = "CODE")]
    reason: u32,
}

/// What an arbitrator decides.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Outcome {
    Uphold,
    Invalidate,
}

impl Outcome {
    const fn name(self) -> &'static str {
        match self {
            Self::Uphold => "UPHOLD",
            Self::Invalidate => "INVALIDATE",
        }
    }
}

fn record(source: PrincipalId, number: u64) -> Value {
    json!({ "source": source.to_string(), "number": number })
}

fn call(connect: &Connect, method: &str, args: &Value) -> Result<Called, Failure> {
    block_on(async {
        let node = connect.open().await?;
        by_schema(&node, ROOM, method, args).await
    })
}

impl Corroborate {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let number = self.number;
        let called = block_on(async {
            let node = self.connect.open().await?;
            let mut args = json!({ "record": record(self.source, number) });
            if let Some(own) = self.evidence {
                super::ask::add(&mut args, "evidence", record(node.principal()?, own));
            }
            if let Some(device) = self.device {
                super::ask::add(&mut args, "device", json!(device.to_string()));
            }
            by_schema(&node, ROOM, "Corroborate", &args).await
        })?;
        called.answer(out, &words!("已佐证　序号 {number}", "corroborated  number {number}"));
        Ok(())
    }
}

impl Supersede {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let (number, by) = (self.record.number, self.by);
        let called = block_on(async {
            let node = self.connect.open().await?;
            let source = self.record.source.map_or_else(|| node.principal(), Ok)?;
            let args = json!({ "record": record(source, number), "by": by, "reason": self.reason });
            by_schema(&node, ROOM, "Supersede", &args).await
        })?;
        let text = words!(
            "序号 {number} 已由序号 {by} 替代",
            "number {by} stands in the place of number {number}"
        );
        called.answer(out, &text);
        Ok(())
    }
}

impl Challenge {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let number = self.number;
        let args = json!({ "record": record(self.source, number), "reason": self.reason });
        let called = call(&self.connect, "Challenge", &args)?;
        let text = words!(
            "已提出异议　序号 {number}　裁决前不得作为依据",
            "disputed  number {number}; nothing may rest on it until it is decided"
        );
        called.answer(out, &text);
        Ok(())
    }
}

impl Resolve {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let number = self.number;
        let args = json!({
            "record": record(self.source, number), "outcome": self.outcome.name(),
            "reason": self.reason,
        });
        let called = call(&self.connect, "Resolve", &args)?;
        let text = match self.outcome {
            Outcome::Uphold => words!("维持　序号 {number}", "upheld  number {number}"),
            Outcome::Invalidate => words!(
                "已认定无效　序号 {number}　依据它的事项见 linli evidence taint",
                "invalidated  number {number}; see what rests on it with `linli evidence taint`"
            ),
        };
        called.answer(out, &text);
        Ok(())
    }
}
