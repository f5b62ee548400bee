//! `linli account balance | statement`: what an account holds, and every entry that led to it;
//! each with a proof that `linli verify` takes.

use super::connect::{Connect, Node};
use super::opening::Opening;
use super::query::{proved, read, write_new};
use super::{Failure, Output, block_on, taken};
use crate::words::{Words, words};
use linli_proto::{EventsRequest, QueryRequest, QueryResponse};
use linli_types::account::{AccountRow, Act, Entry, Side, flag, issuance};
use linli_types::amount::decimal;
use linli_types::books::{AssetRow, asset_key};
use linli_types::code::Code;
use linli_types::genesis;
use linli_types::human;
use linli_types::id::AccountId;
use linli_types::receipt::Param;
use linli_types::wire::accounts::Transferred;
use linli_verify::pack::ProvedEntry;
use linli_verify::{Contents, Pack};
use prost::Message;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;

const ROOM: &str = "accounts";
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
    /// Every entry that touched the account, oldest first.
    Statement(Which),
    /// Opening balances from a source file, by two people.
    Opening(Opening),
}

/// Which account.
#[derive(clap::Args)]
struct Which {
    #[command(flatten)]
    connect: Connect,
    /// The account, in hexadecimal or as an AC- code.
    #[arg(value_name = "ACCOUNT", value_parser = account)]
    account: AccountId,
    /// Writes a proof to a new file; `linli verify` takes it.
    #[arg(long, value_name = "OUT")]
    proof: Option<PathBuf>,
}

async fn ask(node: &Node, keys: Vec<Vec<u8>>, proof: bool) -> Result<QueryResponse, Failure> {
    let request = QueryRequest { room: ROOM.into(), keys, proof, ..QueryRequest::default() };
    Ok(node.client.query(request).await?)
}

/// The value of an entry of the answer, if something stands there.
fn present(answer: &QueryResponse, at: usize) -> Option<&[u8]> {
    answer.entries.get(at).filter(|entry| entry.present).map(|entry| entry.value.as_slice())
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
            Command::Balance(which) => which.free()?.balance(out),
            Command::Statement(which) => which.free()?.statement(out),
            Command::Opening(opening) => opening.run(out),
        }
    }
}

/// What a node says of an account and its asset, and proves if it is asked to.
struct Shown {
    answer: QueryResponse,
    row: AccountRow,
    asset: AssetRow,
}

impl Shown {
    /// Minor units as people write them.
    fn amount(&self, units: i128) -> String {
        decimal(units, self.asset.decimals)
    }
}

impl Which {
    /// Before a node is asked: what cannot be written need not be proved.
    fn free(self) -> Result<Self, Failure> {
        match self.proof.as_ref().filter(|path| path.exists()) {
            Some(path) => Err(taken(path)),
            None => Ok(self),
        }
    }

    /// The account's row and its asset's, of one block if they are to be proved. The asset's number
    /// stands in the first, and each read of the account is on its owner's list of accesses: it is
    /// read again only if a block came in between.
    async fn shown(&self, node: &Node) -> Result<Shown, Failure> {
        let (account, proof) = (self.account.0.to_vec(), self.proof.is_some());
        let mut answer = ask(node, vec![account.clone()], proof).await?;
        let Some(value) = present(&answer, 0) else {
            let id = Param::Bytes(account);
            return Err(linli_sdk::Error::refused(Code::NoAccount, &[id]).into());
        };
        let row: AccountRow = read(value, "account")?;
        let key = asset_key(row.asset);
        let books = ask(node, vec![key.clone()], proof).await?;
        match proof && books.height != answer.height {
            true => answer = ask(node, vec![account, key], proof).await?,
            false => answer.entries.extend(books.entries),
        }
        let row = read(present(&answer, 0).unwrap_or_default(), "account")?;
        let asset = read(present(&answer, 1).unwrap_or_default(), "asset")?;
        Ok(Shown { answer, row, asset })
    }

    fn balance(&self, out: &mut Output) -> Result<(), Failure> {
        let shown = block_on(async { self.shown(&self.connect.open().await?).await })?;
        let Shown { answer, row, asset } = &shown;
        self.write(out, answer, |entries| Contents::State { entries, answer: None })?;
        let code = human::write(human::Kind::Account, &self.account.0);
        let (balance, height, entries) = (balance(row), answer.height, row.entries);
        let json = json!({
            "account": self.account.to_string(), "code": code, "owner": row.owner.to_string(),
            "asset": row.asset, "unit": asset.name, "decimals": asset.decimals, "kind": row.kind.number(), "height": height, "balance": balance,
            "available": available(row).to_string(), "entries": entries,
            "debits_posted": row.debits_posted.to_string(),
            "credits_posted": row.credits_posted.to_string(),
            "debits_pending": row.debits_pending.to_string(),
            "credits_pending": row.credits_pending.to_string(),
            "frozen_out": row.is(flag::FROZEN_OUT), "frozen_in": row.is(flag::FROZEN_IN),
            "closed": row.is(flag::CLOSED), "head": row.head.to_string(),
        });
        let (amount, unit, state) = (shown.amount(balance), &asset.name, state(&shown));
        let mut text = words!(
            "{code}　余额 {amount} {unit}　{entries} 笔　截至区块 {height}",
            "{code}  balance {amount} {unit}  {entries} entries  as of block {height}"
        );
        let _ = write!(text.zh, "{}", state.zh);
        let _ = write!(text.en, "{}", state.en);
        out.answer(&json, &text);
        Ok(())
    }

    fn write(
        &self,
        out: &mut Output,
        answer: &QueryResponse,
        contents: impl FnOnce(Vec<ProvedEntry>) -> Contents,
    ) -> Result<(), Failure> {
        let Some(path) = &self.proof else { return Ok(()) };
        let (block, entries) = proved(answer)?;
        write_new(path, &Pack::new(&contents(entries), &block).to_bytes())?;
        let shown = path.display();
        out.note(&words!("证明已写入 {shown}", "the proof is in {shown}"));
        Ok(())
    }

    fn statement(&self, out: &mut Output) -> Result<(), Failure> {
        let (shown, lines) = block_on(async {
            let node = self.connect.open().await?;
            let shown = self.shown(&node).await?;
            let lines = self.lines(&node, &shown.row, shown.answer.height).await?;
            Ok((shown, lines))
        })?;
        let Shown { answer, row, asset } = &shown;
        let whole = is_whole(self.account, row, &lines);
        if !whole && self.proof.is_some() {
            return Err(Failure::refused(
                "STATEMENT_NOT_WHOLE",
                words!(
                    "该节点给出的明细不完整，不能作为证明",
                    "this node's statement is not whole: it proves nothing"
                ),
                words!("请换一个节点", "ask another node"),
            ));
        }
        let entries: Vec<Entry> = lines.iter().map(|line| line.entry.clone()).collect();
        self.write(out, answer, |rows| Contents::Account { rows, lines: entries })?;
        let (height, balance) = (answer.height, balance(row));
        let told: Vec<Value> = lines.iter().map(|line| line.to_json(self.account)).collect();
        let json = json!({
            "account": self.account.to_string(), "height": height, "balance": balance,
            "unit": asset.name, "decimals": asset.decimals,
            "entries": row.entries, "whole": whole, "lines": told,
        });
        let entries = row.entries;
        let mut text = words!("{entries} 笔", "{entries} entries");
        for line in &lines {
            line.write(self.account, asset.decimals, &mut text);
        }
        let (amount, unit) = (shown.amount(balance), &asset.name);
        let _ = write!(text.zh, "\n期末 {amount} {unit}　截至区块 {height}");
        let _ = write!(text.en, "\nbalance {amount} {unit}  as of block {height}");
        if !whole {
            out.note(&words!(
                "明细不完整：与账户行的笔数或摘要不符",
                "the statement is not whole: it does not lead to the account's row"
            ));
        }
        out.answer(&json, &text);
        Ok(())
    }

    /// The account's entries: the opening of the genesis or of a batch, then the events that concern its owner.
    async fn lines(
        &self,
        node: &Node,
        row: &AccountRow,
        height: u64,
    ) -> Result<Vec<Line>, Failure> {
        let request = EventsRequest {
            room: ROOM.into(),
            kind: TRANSFERRED.into(),
            about: row.owner.0.to_vec(),
            history_only: true,
            ..EventsRequest::default()
        };
        let mut events = node.client.events(request);
        let mut lines = Vec::new();
        while let Some(event) = events.next().await? {
            // Blocks after the row was read belong to a later statement.
            if event.height > height {
                break;
            }
            let moved = Transferred::decode(event.data.as_slice()).ok();
            let Some(entry) = moved.as_ref().and_then(Entry::from_event) else { continue };
            if entry.debit == self.account || entry.credit == self.account {
                let (height, transaction) = (event.height, hex::encode(&event.transaction));
                lines.push(Line { height, transaction, entry });
            }
        }
        if let Some(opening) = opening(self.account, row, &lines) {
            // Which block a batch was loaded in is the row's `opened`: its time stands in the line.
            lines.insert(0, Line { height: 0, transaction: String::new(), entry: opening });
        }
        Ok(lines)
    }
}

/// The entry that the genesis or a batch of opening balances made: no event tells of it, but the row counts it.
fn opening(id: AccountId, row: &AccountRow, lines: &[Line]) -> Option<Entry> {
    if (lines.len() as u64).saturating_add(1) != row.entries || id == issuance(row.asset) {
        return None;
    }
    let posted = |line: &&Line| {
        !matches!(line.entry.act, Act::Reserve | Act::Void | Act::Expiry) && line.entry.credit == id
    };
    let later = lines.iter().filter(posted).map(|line| line.entry.amount);
    let opening = row.credits_posted.checked_sub(later.fold(0, u64::saturating_add))?;
    let account = genesis::Account { id, owner: row.owner, asset: row.asset, opening };
    Some(Entry::opening(&account, row.opened))
}

/// Whether the lines lead to the row: the same replay that `linli verify` makes.
fn is_whole(id: AccountId, row: &AccountRow, lines: &[Line]) -> bool {
    let mut replayed = AccountRow::new(row.owner, row.asset, row.kind, row.flags);
    for Line { entry, .. } in lines {
        let side = if entry.debit == id { Side::Debit } else { Side::Credit };
        match replayed.with(side, entry, &entry.digest()) {
            Some(next) => replayed = next,
            None => return false,
        }
    }
    (replayed.entries, replayed.head) == (row.entries, row.head)
}

/// One entry, and where it stands.
struct Line {
    height: u64,
    transaction: String,
    entry: Entry,
}

impl Line {
    /// What it changes, with `decimals` digits after the point, and the other side.
    fn seen(&self, account: AccountId, decimals: u8) -> (String, String) {
        let (sign, other) = match self.entry.debit == account {
            true => ('-', self.entry.credit),
            false => ('+', self.entry.debit),
        };
        let amount = decimal(self.entry.amount.into(), decimals);
        (format!("{sign}{amount}"), human::write(human::Kind::Account, &other.0))
    }

    fn to_json(&self, account: AccountId) -> Value {
        let (change, other) = self.seen(account, 0);
        json!({
            "height": self.height, "time_ms": self.entry.at.0, "id": self.entry.id.to_string(),
            "act": format!("{:?}", self.entry.act), "change": change, "other": other,
            "code": self.entry.code, "transaction": self.transaction,
        })
    }

    fn write(&self, account: AccountId, decimals: u8, text: &mut Words) {
        let (change, other) = self.seen(account, decimals);
        let (height, (zh, en)) = (self.height, self.entry.act.words());
        let _ = write!(text.zh, "\n区块 {height}　{zh} {change}　对方 {other}");
        let _ = write!(text.en, "\nblock {height}  {en} {change}  other side {other}");
    }
}

/// What was credited less what was debited; issuance accounts stand below zero.
fn balance(row: &AccountRow) -> i128 {
    i128::from(row.credits_posted) - i128::from(row.debits_posted)
}

/// What may still be spent.
fn available(row: &AccountRow) -> i128 {
    balance(row) - i128::from(row.debits_pending)
}

/// What is held and what stands in the way, for people.
fn state(shown: &Shown) -> Words {
    let (row, mut text) = (&shown.row, Words::same(String::new()));
    if row.debits_pending != 0 || row.credits_pending != 0 {
        let amount = |units: u64| shown.amount(units.into());
        let (held, awaited) = (amount(row.debits_pending), amount(row.credits_pending));
        let _ = write!(text.zh, "　占用 {held}　待确认 {awaited}");
        let _ = write!(text.en, "  held {held}  awaited {awaited}");
    }
    for (bit, zh, en) in [
        (flag::FROZEN_OUT, "　已冻结转出", "  frozen: nothing goes out"),
        (flag::FROZEN_IN, "　已冻结转入", "  frozen: nothing comes in"),
        (flag::CLOSED, "　已销户", "  closed"),
    ] {
        if row.is(bit) {
            text.zh.push_str(zh);
            text.en.push_str(en);
        }
    }
    text
}
