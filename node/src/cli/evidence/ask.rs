//! `linli evidence trace | gaps | ratio | taint`: what the evidence contract answers.

use crate::cli::connect::Connect;
use crate::cli::key::principal;
use crate::cli::moment;
use crate::cli::query::{ask_by_schema, number, pack, write_new};
use crate::cli::{Failure, Output, block_on, taken};
use crate::words::words;
use linli_sdk::anchor::ROOM;
use linli_types::human;
use linli_types::id::PrincipalId;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Shows what stands under a number, or the records of an order.
#[derive(clap::Args)]
pub(super) struct Trace {
    #[command(flatten)]
    connect: Connect,
    /// The number.
    #[arg(value_name = "NUMBER", required_unless_present = "order")]
    number: Option<u64>,
    /// The source; otherwise the key's own principal.
    #[arg(long, value_name = "ID", value_parser = principal)]
    source: Option<PrincipalId>,
    /// An order's id, in hexadecimal: all its records in turn.
    #[arg(long, value_name = "HEX", conflicts_with_all = ["number", "source"])]
    order: Option<String>,
}

/// Shows holes in a source's numbers.
#[derive(clap::Args)]
pub(super) struct Gaps {
    #[command(flatten)]
    connect: Connect,
    /// The source; otherwise the key's own principal.
    #[arg(long, value_name = "ID", value_parser = principal)]
    source: Option<PrincipalId>,
    /// Writes a proof of the source's numbering to a new file, for `linli verify`.
    #[arg(long, value_name = "OUT")]
    proof: Option<PathBuf>,
}

/// Shows how much of a source's evidence is anchored, and how much corroborated.
#[derive(clap::Args)]
pub(super) struct Ratio {
    #[command(flatten)]
    connect: Connect,
    /// The source; otherwise the key's own principal.
    #[arg(long, value_name = "ID", value_parser = principal)]
    source: Option<PrincipalId>,
    /// The first day: 2027-01-01, in UTC+8.
    #[arg(long, value_name = "DATE", value_parser = day)]
    from: u64,
    /// The last day, at most half a year later; otherwise the first.
    #[arg(long, value_name = "DATE", value_parser = day)]
    to: Option<u64>,
}

/// Shows what rests on a record.
#[derive(clap::Args)]
pub(super) struct Taint {
    #[command(flatten)]
    connect: Connect,
    /// The record's number.
    #[arg(value_name = "NUMBER")]
    number: u64,
    /// The record's source; otherwise the key's own principal.
    #[arg(long, value_name = "ID", value_parser = principal)]
    source: Option<PrincipalId>,
}

fn day(text: &str) -> Result<u64, String> {
    moment::day(text).ok_or_else(|| "2027-01-01".to_owned())
}

impl Trace {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        match (self.number, &self.order) {
            (Some(number), _) => self.one(number, out),
            (None, order) => self.all(order.as_deref().unwrap_or_default(), out),
        }
    }

    fn one(&self, number: u64, out: &mut Output) -> Result<(), Failure> {
        let (source, mut json, state) = block_on(async {
            let node = self.connect.open().await?;
            let source = self.source.map_or_else(|| node.principal(), Ok)?;
            let args = json!({ "source": source.to_string(), "number": number });
            let record = ask_by_schema(&node, ROOM, "Record", &args, false).await?;
            let state = ask_by_schema(&node, ROOM, "State", &args, false).await?;
            Ok::<_, Failure>((source, record.2, state.2))
        })?;
        let statement = text_of(&json, "statement");
        let anchored = json.get("anchored").and_then(Value::as_bool).unwrap_or(false);
        let statement = hex::decode(&statement).unwrap_or_default();
        let evidence =
            (statement.len() == 32).then(|| human::write(human::Kind::Evidence, &statement));
        let (standing, blocked) = (standing(&state), is_blocked(&state));
        add(&mut json, "source", json!(source.to_string()));
        add(&mut json, "number", json!(number));
        add(&mut json, "evidence", json!(evidence));
        add(&mut json, "state", state);
        let code = evidence.unwrap_or_default();
        let leaf = leaf_in_batch(&json, number);
        let (zh, en) = (standing_zh(&standing), standing.to_lowercase());
        let text = match (anchored, leaf) {
            (false, _) => words!("序号 {number} 尚未存证", "number {number} is not anchored"),
            (true, None) => words!("序号 {number}　{code}　{zh}", "number {number}  {code}  {en}"),
            (true, Some(leaf)) => words!(
                "序号 {number}　批量存证，日志第 {leaf} 号叶　{zh}",
                "number {number}  of a batch, leaf {leaf} of the log  {en}"
            ),
        };
        out.answer(&json, &text);
        if blocked {
            out.note(&words!(
                "它所依据的存证已被认定无效：不得再作为依据",
                "a record it rests on is invalidated: nothing may rest on it"
            ));
        }
        Ok(())
    }

    fn all(&self, order: &str, out: &mut Output) -> Result<(), Failure> {
        let (total, records) = block_on(async {
            let node = self.connect.open().await?;
            let mut records: Vec<Value> = Vec::new();
            loop {
                let args = json!({ "order": order, "from": records.len() });
                let page = ask_by_schema(&node, ROOM, "Trace", &args, false).await?.2;
                let found = list(&page, "records");
                let total = number(&page, "total");
                let end = found.is_empty();
                records.extend(found);
                if end || u64::try_from(records.len()).is_ok_and(|n| n >= total) {
                    return Ok::<_, Failure>((total, records));
                }
            }
        })?;
        let line = |one: &Value| {
            let record = one.get("record").cloned().unwrap_or_default();
            let statement = hex::decode(text_of(one, "statement")).unwrap_or_default();
            let code = human::write(human::Kind::Evidence, &statement);
            let time = linli_verify::time::text(linli_types::height::TimeMs(number(
                one,
                "captured_at_ms",
            )));
            let (kind, n) = (text_of(one, "kind"), number(&record, "number"));
            format!("{time}  {kind}  {n}  {code}")
        };
        let shown: Vec<String> = records.iter().map(line).collect();
        let shown = shown.join("\n");
        let json = json!({ "order": order, "total": total, "records": records });
        let text =
            words!("该订单存证 {total} 条\n{shown}", "{total} records of the order\n{shown}");
        out.answer(&json, &text);
        Ok(())
    }
}

impl Gaps {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        // Before a node is asked: what cannot be written need not be proved.
        if let Some(path) = self.proof.as_ref().filter(|path| path.exists()) {
            return Err(taken(path));
        }
        let (source, request, answer, mut json) = block_on(async {
            let node = self.connect.open().await?;
            let source = self.source.map_or_else(|| node.principal(), Ok)?;
            let args = json!({ "source": source.to_string() });
            let proof = self.proof.is_some();
            let (request, answer, json) = ask_by_schema(&node, ROOM, "Gaps", &args, proof).await?;
            Ok::<_, Failure>((source, request, answer, json))
        })?;
        if let Some(path) = &self.proof {
            write_new(path, &pack(&request, &answer)?)?;
            let shown = path.display();
            out.note(&words!("证明已写入 {shown}", "the proof is in {shown}"));
        }
        add(&mut json, "source", json!(source.to_string()));
        add(&mut json, "height", json!(answer.height));
        add(&mut json, "proof", json!(self.proof));
        let (records, highest) = (number(&json, "records"), number(&json, "highest"));
        let gaps = list(&json, "gaps");
        let missing = highest.saturating_sub(records);
        let shown: Vec<String> = gaps
            .iter()
            .map(|gap| format!("{}..{}", number(gap, "from"), number(gap, "to")))
            .collect();
        let (count, shown) = (gaps.len(), shown.join(" "));
        let text = words!(
            "存证 {records} 条，最大序号 {highest}，缺口 {count} 处、缺 {missing} 条　{shown}",
            "{records} records, highest number {highest}, {count} gaps of {missing} numbers  {shown}"
        );
        out.answer(&json, &text);
        Ok(())
    }
}

impl Ratio {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let to = self.to.unwrap_or(self.from);
        let args = json!({ "from_day": self.from, "to_day": to });
        let (source, mut json) = ask(&self.connect, self.source, "Ratio", args)?;
        add(&mut json, "source", json!(source.to_string()));
        let of = |name: &str| number(&json, name);
        let (records, expected) = (of("records"), of("expected"));
        let (corroborated, missing) = (of("corroborated"), of("missing"));
        let (anchored_rate, corroborated_rate) =
            (percent(of("anchored_bps")), percent(of("corroborated_bps")));
        let text = words!(
            "应存 {expected} 条，存证 {records} 条（{anchored_rate}），佐证 {corroborated} 条（{corroborated_rate}），至今缺号 {missing} 个",
            "{expected} due, {records} anchored ({anchored_rate}), {corroborated} corroborated ({corroborated_rate}), {missing} numbers missing until now"
        );
        out.answer(&json, &text);
        Ok(())
    }
}

impl Taint {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let (source, mut json) = block_on(async {
            let node = self.connect.open().await?;
            let source = self.source.map_or_else(|| node.principal(), Ok)?;
            let record = json!({ "source": source.to_string(), "number": self.number });
            let args = json!({ "record": record });
            let answer = ask_by_schema(&node, ROOM, "Taint", &args, false).await?;
            Ok::<_, Failure>((source, answer.2))
        })?;
        add(&mut json, "source", json!(source.to_string()));
        let records = list(&json, "records");
        let line = |one: &Value| {
            let record = one.get("record").cloned().unwrap_or_default();
            let depth = number(one, "depth");
            let (of, n) = (text_of(&record, "source"), number(&record, "number"));
            format!("{depth}  {of}  {n}  {}", standing(one))
        };
        let shown: Vec<String> = records.iter().map(line).collect();
        let (count, shown) = (records.len(), shown.join("\n"));
        let text = words!("有 {count} 条依据它\n{shown}", "{count} records rest on it\n{shown}");
        out.answer(&json, &text);
        if json.get("more").and_then(Value::as_bool).unwrap_or(false) {
            out.note(&words!(
                "还有更多，未全部列出：请再查列出的各条",
                "there are more: ask for those listed"
            ));
        }
        Ok(())
    }
}

/// A rate in 1/10,000 as people read it.
fn percent(bps: u64) -> String {
    format!("{}.{:02}%", bps / 100, bps % 100)
}

/// Where a record stands.
fn standing(json: &Value) -> String {
    text_of(json, "standing")
}

fn standing_zh(standing: &str) -> &'static str {
    match standing {
        "CORROBORATED" => "已佐证",
        "SUPERSEDED" => "已替代",
        "CHALLENGED" => "争议中",
        "UPHELD" => "经裁决维持",
        "INVALIDATED" => "已认定无效",
        _ => "已存证",
    }
}

fn is_blocked(state: &Value) -> bool {
    state.get("blocked").and_then(Value::as_bool).unwrap_or(false)
}

/// The leaf of a number of a batch, if the answer names one.
fn leaf_in_batch(json: &Value, of: u64) -> Option<u64> {
    let batch = json.get("batch").filter(|batch| batch.is_object())?;
    let offset = of.checked_sub(number(json, "first"))?;
    number(batch, "first_leaf").checked_add(offset)
}

fn text_of(json: &Value, name: &str) -> String {
    json.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list(json: &Value, name: &str) -> Vec<Value> {
    json.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn ask(
    connect: &Connect,
    source: Option<PrincipalId>,
    query: &str,
    mut args: Value,
) -> Result<(PrincipalId, Value), Failure> {
    block_on(async {
        let node = connect.open().await?;
        let source = source.map_or_else(|| node.principal(), Ok)?;
        add(&mut args, "source", json!(source.to_string()));
        let answer = ask_by_schema(&node, ROOM, query, &args, false).await?;
        Ok((source, answer.2))
    })
}

pub(super) fn add(json: &mut Value, name: &str, value: Value) {
    if let Some(object) = json.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}
