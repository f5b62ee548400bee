//! `linli account balance | statement`: what an account holds, and what moved it.

use super::connect::{Connect, Node, failed};
use super::query::ask_by_schema;
use super::shown::id_bytes;
use super::{Failure, Output, block_on};
use crate::words::words;
use linli_proto::EventsRequest;
use linli_types::human;
use linli_types::id::AccountId;
use linli_types::wire::accounts::Transferred;
use prost::Message;
use serde_json::{Value, json};
use std::fmt::Write as _;

const TRANSFERRED: &str = "linli.accounts.v1.Transferred";

/// Shows balances and statements.
#[derive(clap::Args)]
pub(super) struct Account {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// What the account holds.
    Balance(Which),
    /// Every transfer that touched the account, oldest first.
    Statement(Which),
}

/// Which account.
#[derive(clap::Args)]
struct Which {
    #[command(flatten)]
    connect: Connect,
    /// The account, in hexadecimal or as an AC- code.
    #[arg(value_name = "ACCOUNT", value_parser = account)]
    account: AccountId,
}

fn account(text: &str) -> Result<AccountId, String> {
    AccountId::from_slice(&id_bytes(text)?).ok_or_else(|| "an account has 16 bytes".into())
}

impl Account {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        match self.command {
            Command::Balance(which) => which.balance(out),
            Command::Statement(which) => which.statement(out),
        }
    }
}

/// An account's row, as its query shows it.
struct Row {
    json: Value,
    height: u64,
    owner: Vec<u8>,
    debits: u64,
    credits: u64,
    entries: u64,
}

impl Which {
    async fn row(&self, node: &mut Node) -> Result<Row, Failure> {
        let args = json!({ "id": self.account.to_string() }).to_string();
        let (_, answer, json) = ask_by_schema(node, "accounts", "Account", &args, false).await?;
        let number = |name: &str| {
            let text = json.get(name).and_then(Value::as_str);
            text.and_then(|text| text.parse().ok()).unwrap_or(0)
        };
        let owner = json.get("owner").and_then(Value::as_str).unwrap_or_default();
        Ok(Row {
            height: answer.height,
            owner: hex::decode(owner).unwrap_or_default(),
            debits: number("debits_posted"),
            credits: number("credits_posted"),
            entries: number("entries"),
            json,
        })
    }

    fn balance(&self, out: &mut Output) -> Result<(), Failure> {
        let row = block_on(async {
            let mut node = self.connect.open().await?;
            self.row(&mut node).await
        })?;
        let code = human::write(human::Kind::Account, &self.account.0);
        let (balance, height, entries) = (balance(row.debits, row.credits), row.height, row.entries);
        let mut json = row.json;
        if let Some(object) = json.as_object_mut() {
            object.insert("code".into(), json!(code));
            object.insert("height".into(), json!(height));
            object.insert("balance".into(), json!(balance));
        }
        let asset = json.get("asset").and_then(Value::as_u64).unwrap_or(0);
        let text = words!(
            "{code}　余额 {balance}（资产 {asset} 的最小单位）　{entries} 笔　截至区块 {height}",
            "{code}  balance {balance} (minor units of asset {asset})  {entries} entries  as of block {height}"
        );
        out.answer(&json, &text);
        Ok(())
    }

    fn statement(&self, out: &mut Output) -> Result<(), Failure> {
        let (row, lines) = block_on(async {
            let mut node = self.connect.open().await?;
            let row = self.row(&mut node).await?;
            let lines = self.lines(&mut node, &row.owner).await?;
            Ok((row, lines))
        })?;
        let shown = lines.len() as u64;
        let json = json!({
            "account": self.account.to_string(), "height": row.height,
            "balance": balance(row.debits, row.credits), "entries": row.entries,
            // The row counts its entries: a statement that lacks one says so.
            "whole": shown >= row.entries, "lines": lines,
        });
        let mut text = words!("{shown} 笔", "{shown} entries");
        for line in &lines {
            let field = |name: &str| line.get(name).map(ToString::to_string).unwrap_or_default();
            let (height, amount, other) = (field("height"), field("change"), field("other"));
            let _ = write!(text.zh, "\n区块 {height}　{amount}　对方 {other}");
            let _ = write!(text.en, "\nblock {height}  {amount}  other side {other}");
        }
        out.answer(&json, &text);
        Ok(())
    }

    /// Transfers of the account, from the events that concern its owner.
    async fn lines(&self, node: &mut Node, owner: &[u8]) -> Result<Vec<Value>, Failure> {
        let request = EventsRequest {
            room: "accounts".into(),
            kind: TRANSFERRED.into(),
            about: owner.to_vec(),
            history_only: true,
            ..EventsRequest::default()
        };
        let signed = node.signed("StreamEvents", request);
        let mut events = node.client.stream_events(signed).await.map_err(|s| failed(&s))?.into_inner();
        let mut lines = Vec::new();
        while let Some(event) = events.message().await.map_err(|s| failed(&s))? {
            let Ok(moved) = Transferred::decode(event.data.as_slice()) else { continue };
            let (sign, other) = match self.account.0.as_slice() {
                me if me == moved.debit => ("-", moved.credit),
                me if me == moved.credit => ("+", moved.debit),
                _ => continue,
            };
            lines.push(json!({
                "height": event.height, "time_ms": event.block_time_ms,
                "id": hex::encode(&moved.id), "change": format!("{sign}{}", moved.amount),
                "other": human::write(human::Kind::Account, &other), "code": moved.code,
                "transaction": hex::encode(&event.transaction),
            }));
        }
        Ok(lines)
    }
}

/// What was credited less what was debited; issuance accounts stand below zero.
fn balance(debits: u64, credits: u64) -> i128 {
    i128::from(credits) - i128::from(debits)
}
