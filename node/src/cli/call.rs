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
        let args = json_args(&self.args)?;
        let called = block_on(async {
            let node = self.connect.open().await?;
            by_schema(&node, &self.room, &self.method, &args).await
        })?;
        let shown = serde_json::to_string_pretty(&called.results.last()).unwrap_or_default();
        called.answer(out, &Words::same(shown));
        Ok(())
    }
}

/// Calls that took effect.
pub(super) struct Called {
    id: TxId,
    pub(super) found: Found,
    receipt: Value,
    /// Each call's result.
    pub(super) results: Vec<Value>,
}

impl Called {
    /// Says that it took effect, where, and what else is to be said. The result is the last call's.
    pub(super) fn answer(&self, out: &mut Output, more: &Words) {
        self.answer_with(out, &json!({}), more);
    }

    /// The same with more fields.
    pub(super) fn answer_with(&self, out: &mut Output, fields: &Value, more: &Words) {
        let (id, height) = (&self.id, self.found.height);
        let code = human::write(human::Kind::Transaction, &id.0);
        let mut json = json!({
            "transaction": id.to_string(), "code": code, "outcome": "done", "height": height.0,
            "index": self.found.index, "block_time_ms": self.found.block_time.0,
            "result": self.results.last(), "receipt": self.receipt,
        });
        if let (Some(json), Some(fields)) = (json.as_object_mut(), fields.as_object()) {
            json.extend(fields.clone());
        }
        let Words { zh, en } = more;
        let text =
            words!("已入账　{code}　区块 {height}\n{zh}", "done  {code}  block {height}\n{en}");
        out.answer(&json, &text);
    }
}

/// Makes one call with JSON arguments and waits for its receipt.
///
/// # Errors
///
/// The arguments do not fit, the call was refused, or there is no definite answer.
pub(super) async fn by_schema(
    node: &Node,
    room: &str,
    method: &str,
    args: &Value,
) -> Result<Called, Failure> {
    let schema = node.client.schema(room).await?;
    perform(node, &schema, &[(method, args)]).await
}

/// Makes calls of one room in one transaction, and waits for the receipt.
///
/// # Errors
///
/// The arguments do not fit, the rules refused, or no definite answer.
pub(super) async fn perform(
    node: &Node,
    schema: &Schema,
    calls: &[(&str, &Value)],
) -> Result<Called, Failure> {
    let mut draft = Draft::new();
    for (method, args) in calls {
        draft = draft.call_json(schema, method, args)?;
    }
    settle(node, schema, draft, calls.iter().map(|(method, _)| *method)).await
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
) -> Result<Called, Failure> {
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
    Ok(Called { id: signed.id, found, receipt, results })
}
