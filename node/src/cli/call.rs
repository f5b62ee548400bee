//! `linli call`: any method of any room, by its schema.

use super::connect::Connect;
use super::shown::{self, Schema};
use super::submit::{Draft, Settled};
use super::{Failure, Output, block_on};
use crate::words::words;
use linli_types::human;
use linli_types::wire;
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
        let (settled, result, events) = block_on(self.call())?;
        let (height, leaves) = (settled.height, settled.receipt.log_leaves);
        let code = human::write(human::Kind::Transaction, &settled.id.0);
        let json = json!({
            "transaction": settled.id.to_string(), "code": code, "outcome": "done",
            "height": height, "index": settled.index, "block_time_ms": settled.block_time_ms,
            "fuel": settled.receipt.fuel, "result": result, "events": events,
            "log_leaves": {"first": leaves.0, "count": leaves.1},
        });
        let shown = serde_json::to_string_pretty(&result).unwrap_or_default();
        out.answer(&json, &words!("已入账　{code}　区块 {height}\n{shown}", "done  {code}  block {height}\n{shown}"));
        Ok(())
    }

    async fn call(self) -> Result<(Settled, Value, Vec<Value>), Failure> {
        let mut node = self.connect.open().await?;
        let descriptors = node.schema(&self.room).await?;
        let schema = Schema::read(&self.room, &descriptors)?;
        let method = schema.method("Calls", &self.method)?;
        let args = shown::encode(&self.args, &method.input())?;
        let call = wire::Call { room: self.room, method: self.method, args };
        let settled = Draft::sign(&node, vec![call])?.settle(&mut node).await?;
        if let Some(refusal) = settled.refusal(Some(&descriptors)) {
            return Err(refusal.with(json!({
                "transaction": settled.id.to_string(), "outcome": "refused",
                "height": settled.height, "index": settled.index,
            })));
        }
        let result = match settled.receipt.results.first() {
            Some(bytes) => shown::decode(bytes, &method.output())?,
            None => Value::Null,
        };
        let events = settled.receipt.events.iter().map(|event| {
            let shown = schema.message(&event.kind).map(|kind| shown::decode(&event.data, &kind));
            let data = shown.and_then(Result::ok).unwrap_or_else(|| json!(hex::encode(&event.data)));
            json!({"room": event.room, "kind": event.kind, "data": data})
        });
        let events = events.collect();
        Ok((settled, result, events))
    }
}
