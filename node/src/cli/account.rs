//! `linli account balance | statement`: what an account holds, and what moved it.

use super::connect::{Connect, Node};
use super::query::ask_by_schema;
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
    if text.to_ascii_uppercase().starts_with("AC") && text.len() != AccountId::BYTES * 2 {
        let (_, bytes) = human::read(text).map_err(|e| e.to_string())?;
        return AccountId::from_slice(&bytes).ok_or_else(|| "an account has 16 bytes".into());
    }
    text.parse().map_err(|e: linli_types::id::NotHex| e.to_string())
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
    async fn row(&self, node: &Node) -> Result<Row, Failure> {
        let args = json!({ "id": self.account.to_string() });
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
            let node = self.connect.open().await?;
            self.row(&node).await
        })?;
        let code = human::write(human::Kind::Account, &self.account.0);
        let (balance, height, entries) =
            (balance(row.debits, row.credits), row.height, row.entries);
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
            let node = self.connect.open().await?;
            let row = self.row(&node).await?;
            let lines = self.lines(&node, &row.owner, row.height).await?;
            Ok((row, lines))
        })?;
        let (height, whole) = (row.height, row.is_whole(&lines));
        let (balance, opening) = (balance(row.debits, row.credits), row.opening(&lines));
        let shown: Vec<Value> = lines.iter().map(Line::to_json).collect();
        let json = json!({
            "account": self.account.to_string(), "height": height, "opening": opening,
            "balance": balance, "entries": row.entries, "whole": whole, "lines": shown,
        });
        let mut text = words!("期初 {opening}", "opening {opening}");
        for Line { height, change, other, .. } in &lines {
            let _ = write!(text.zh, "\n区块 {height}　{change:+}　对方 {other}");
            let _ = write!(text.en, "\nblock {height}  {change:+}  other side {other}");
        }
        let _ = write!(text.zh, "\n期末 {balance}　截至区块 {height}");
        let _ = write!(text.en, "\nbalance {balance}  as of block {height}");
        if !whole {
            out.note(&words!(
                "明细不完整：账户行所记笔数更多",
                "the statement is not whole: the account counts more entries"
            ));
        }
        out.answer(&json, &text);
        Ok(())
    }

    /// Transfers of the account, from the events that concern its owner.
    async fn lines(&self, node: &Node, owner: &[u8], height: u64) -> Result<Vec<Line>, Failure> {
        let request = EventsRequest {
            room: "accounts".into(),
            kind: TRANSFERRED.into(),
            about: owner.to_vec(),
            history_only: true,
            ..EventsRequest::default()
        };
        let mut events = node.client.events(request);
        let mut lines = Vec::new();
        while let Some(event) = events.next().await? {
            let Ok(moved) = Transferred::decode(event.data.as_slice()) else { continue };
            let amount = i128::from(moved.amount);
            let (change, other) = match self.account.0.as_slice() {
                me if me == moved.debit => (-amount, moved.credit),
                me if me == moved.credit => (amount, moved.debit),
                _ => continue,
            };
            // Blocks after the row was read belong to a later statement.
            if event.height > height {
                break;
            }
            lines.push(Line {
                height: event.height,
                time_ms: event.block_time_ms,
                id: hex::encode(&moved.id),
                change,
                other: human::write(human::Kind::Account, &other),
                code: moved.code,
                transaction: hex::encode(&event.transaction),
            });
        }
        Ok(lines)
    }
}

/// One transfer, as the account sees it.
struct Line {
    height: u64,
    time_ms: u64,
    id: String,
    change: i128,
    other: String,
    code: u32,
    transaction: String,
}

impl Line {
    fn to_json(&self) -> Value {
        json!({
            "height": self.height, "time_ms": self.time_ms, "id": self.id,
            "change": format!("{:+}", self.change), "other": self.other, "code": self.code,
            "transaction": self.transaction,
        })
    }
}

impl Row {
    /// What the account held before its first line: given by the genesis.
    fn opening(&self, lines: &[Line]) -> i128 {
        let moved: i128 = lines.iter().map(|line| line.change).sum();
        balance(self.debits, self.credits).saturating_sub(moved)
    }

    /// The row counts its entries, the opening among them: a statement that lacks one shows it.
    fn is_whole(&self, lines: &[Line]) -> bool {
        let opening = u64::from(self.opening(lines) != 0);
        (lines.len() as u64).saturating_add(opening) == self.entries
    }
}

/// What was credited less what was debited; issuance accounts stand below zero.
fn balance(debits: u64, credits: u64) -> i128 {
    i128::from(credits) - i128::from(debits)
}
