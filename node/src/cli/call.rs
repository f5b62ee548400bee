//! `linli call`: any method of any room, by its schema.

use super::connect::{Connect, refusal};
use super::query::json_args;
use super::{Failure, Output, block_on};
use crate::words::words;
use linli_sdk::client::Found;
use linli_sdk::receipt::to_json;
use linli_sdk::{Draft, Service};
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
        let (id, found, receipt, result) = block_on(self.call())?;
        let (height, code) = (found.height, human::write(human::Kind::Transaction, &id.0));
        let json = json!({
            "transaction": id.to_string(), "code": code, "outcome": "done", "height": height.0,
            "index": found.index, "block_time_ms": found.block_time.0, "result": result,
            "receipt": receipt,
        });
        let shown = serde_json::to_string_pretty(&result).unwrap_or_default();
        out.answer(
            &json,
            &words!(
                "已入账　{code}　区块 {height}\n{shown}",
                "done  {code}  block {height}\n{shown}"
            ),
        );
        Ok(())
    }

    async fn call(self) -> Result<(TxId, Found, Value, Value), Failure> {
        let node = self.connect.open().await?;
        let schema = node.client.schema(&self.room).await?;
        let args = schema.request(Service::Calls, &self.method, &json_args(&self.args)?)?;
        let signed = node.sign(Draft::new().call(&self.room, &self.method, args))?;
        let found = node.settle(&signed).await?;
        let own = |room: &str| Some(&schema).filter(|s| s.room() == room);
        let receipt = to_json(&found.receipt, own);
        if let Some(refusal) = refusal(&found.receipt, Some(&schema)) {
            return Err(refusal.with(json!({
                "transaction": signed.id.to_string(), "outcome": "refused",
                "height": found.height.0, "index": found.index, "receipt": receipt,
            })));
        }
        let result = match found.receipt.results.first() {
            Some(bytes) => schema.response(Service::Calls, &self.method, bytes)?,
            None => Value::Null,
        };
        Ok((signed.id, found, receipt, result))
    }
}
