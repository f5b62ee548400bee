//! `linli call`: any method of any room, by its schema.

use super::connect::{Connect, Node, refusal};
use super::query::json_args;
use super::{Failure, Output, block_on};
use crate::words::{Words, words};
use linli_sdk::client::Found;
use linli_sdk::receipt::to_json;
use linli_sdk::{Draft, Schema, Service};
use linli_types::human;
use linli_types::id::TxId;
use serde_json::{Value, json};

/// Calls a room and waits for the receipt.
#[derive(clap::Args)]
pub(super) struct Call {
    #[command(flatten)]
    connect: Connect,
    /// The room or contract.
    #[arg(value_name = "ROOM")]
    room: String,
    /// The method.
    #[arg(value_name = "METHOD")]
    method: String,
    /// The arguments as JSON; bytes are hexadecimal or codes.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    args: String,
}

impl Call {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let done = block_on(async {
            let node = self.connect.open().await?;
            let schema = node.client.schema(&self.room).await?;
            perform(&node, &schema, vec![(self.method.clone(), json_args(&self.args)?)]).await
        })?;
        let shown = done.results.first().cloned().unwrap_or_default();
        let shown = serde_json::to_string_pretty(&shown).unwrap_or_default();
        done.answer(out, &Words::same(shown));
        Ok(())
    }
}

/// A transaction that took effect.
pub(super) struct Done {
    pub(super) id: TxId,
    pub(super) found: Found,
    /// Each call's result.
    pub(super) results: Vec<Value>,
    receipt: Value,
}

impl Done {
    /// Says that it is done, and `more` below it. The result is the last call's.
    pub(super) fn answer(&self, out: &mut Output, more: &Words) {
        self.answer_with(out, more, Value::Null);
    }

    /// The same with fields that `--json` adds to the answer.
    pub(super) fn answer_with(&self, out: &mut Output, more: &Words, fields: Value) {
        let (found, code) = (&self.found, human::write(human::Kind::Transaction, &self.id.0));
        let height = found.height;
        let mut json = json!({
            "transaction": self.id.to_string(), "code": code, "outcome": "done",
            "height": height.0, "index": found.index, "block_time_ms": found.block_time.0,
            "result": self.results.last(), "receipt": self.receipt,
        });
        if let (Some(all), Value::Object(fields)) = (json.as_object_mut(), fields) {
            all.extend(fields);
        }
        let Words { zh, en } = more;
        let text =
            words!("已入账　{code}　区块 {height}\n{zh}", "done  {code}  block {height}\n{en}");
        out.answer(&json, &text);
    }
}

/// Makes calls of one room in one transaction, and waits for the receipt.
///
/// # Errors
///
/// The arguments do not fit, the rules refused, or no definite answer.
pub(super) async fn perform(
    node: &Node,
    schema: &Schema,
    calls: Vec<(String, Value)>,
) -> Result<Done, Failure> {
    let mut draft = Draft::new();
    for (method, args) in &calls {
        draft = draft.call_json(schema, method, args)?;
    }
    settle(node, schema, draft, calls.iter().map(|(method, _)| method.as_str())).await
}

/// Signs a draft of calls of one room, hands it in, and waits for the receipt.
///
/// # Errors
///
/// As [`perform`].
pub(super) async fn settle(
    node: &Node,
    schema: &Schema,
    draft: Draft,
    methods: impl Iterator<Item = &str>,
) -> Result<Done, Failure> {
    let signed = node.sign(draft)?;
    let found = node.settle(&signed).await?;
    let own = |room: &str| Some(schema).filter(|s| s.room() == room);
    let receipt = to_json(&found.receipt, own);
    if let Some(refusal) = refusal(&found.receipt, Some(schema)) {
        return Err(refusal.with(json!({
            "transaction": signed.id.to_string(), "outcome": "refused",
            "height": found.height.0, "index": found.index, "receipt": receipt,
        })));
    }
    let results = methods.zip(&found.receipt.results);
    let results = results.map(|(method, bytes)| schema.response(Service::Calls, method, bytes));
    let results = results.collect::<Result<_, _>>()?;
    Ok(Done { id: signed.id, found, results, receipt })
}
