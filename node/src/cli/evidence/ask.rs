//! `linli evidence trace | gaps`: what the evidence contract answers.

use crate::cli::connect::Connect;
use crate::cli::key::principal;
use crate::cli::query::ask_by_schema;
use crate::cli::{Failure, Output, block_on};
use crate::words::words;
use linli_sdk::anchor::ROOM;
use linli_types::human;
use linli_types::id::PrincipalId;
use serde_json::{Value, json};

/// Shows what stands under a number.
#[derive(clap::Args)]
pub(super) struct Trace {
    #[command(flatten)]
    connect: Connect,
    /// The number.
    #[arg(value_name = "NUMBER")]
    number: u64,
    /// The source; otherwise the key's own principal.
    #[arg(long, value_name = "ID", value_parser = principal)]
    source: Option<PrincipalId>,
}

/// Shows holes in a source's numbers.
#[derive(clap::Args)]
pub(super) struct Gaps {
    #[command(flatten)]
    connect: Connect,
    /// The source; otherwise the key's own principal.
    #[arg(long, value_name = "ID", value_parser = principal)]
    source: Option<PrincipalId>,
}

impl Trace {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let number = self.number;
        let args = json!({ "number": number });
        let (source, mut json) = ask(&self.connect, self.source, "Record", args)?;
        let statement = json.get("statement").and_then(Value::as_str).unwrap_or_default();
        let statement = hex::decode(statement).unwrap_or_default();
        let anchored = json.get("anchored").and_then(Value::as_bool).unwrap_or(false);
        let evidence = anchored.then(|| human::write(human::Kind::Evidence, &statement));
        add(&mut json, "source", json!(source.to_string()));
        add(&mut json, "number", json!(number));
        add(&mut json, "evidence", json!(evidence));
        let text = match evidence {
            Some(code) => words!("序号 {number}　{code}", "number {number}  {code}"),
            None => words!("序号 {number} 尚未存证", "number {number} is not anchored"),
        };
        out.answer(&json, &text);
        Ok(())
    }
}

impl Gaps {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let (source, mut json) = ask(&self.connect, self.source, "Gaps", json!({}))?;
        add(&mut json, "source", json!(source.to_string()));
        let number = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or("0").to_owned();
        let (records, highest) = (number("records"), number("highest"));
        let gaps = json.get("gaps").and_then(Value::as_array).cloned().unwrap_or_default();
        let side = |gap: &Value, name: &str| {
            gap.get(name).and_then(Value::as_str).unwrap_or("?").to_owned()
        };
        let shown: Vec<String> =
            gaps.iter().map(|gap| format!("{}..{}", side(gap, "from"), side(gap, "to"))).collect();
        let (count, shown) = (gaps.len(), shown.join(" "));
        let text = words!(
            "存证 {records} 条，最大序号 {highest}，缺口 {count} 处　{shown}",
            "{records} records, highest number {highest}, {count} gaps  {shown}"
        );
        out.answer(&json, &text);
        Ok(())
    }
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

fn add(json: &mut Value, name: &str, value: Value) {
    if let Some(object) = json.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}
