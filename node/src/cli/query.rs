//! `linli query`: asks any room by its schema, or reads stored entries; with a proof that
//! `linli verify` takes.

use super::connect::{Connect, Node};
use super::{Failure, Output, block_on, durable, taken, unwritable};
use crate::words::{Words, words};
use borsh::BorshDeserialize;
use linli_proto::{Entry, QueryRequest, QueryResponse};
use linli_sdk::{Schema, Service};
use linli_verify::pack::{Answer, BlockProof, ProvedEntry};
use linli_verify::{Contents, Pack};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Asks a room.
#[derive(clap::Args)]
pub(super) struct Query {
    #[command(flatten)]
    connect: Connect,
    /// The room or contract.
    #[arg(value_name = "ROOM")]
    room: String,
    /// The query; leave it out to read entries with --entry.
    #[arg(value_name = "QUERY", conflicts_with = "entries")]
    query: Option<String>,
    /// The query's arguments as JSON; bytes are hexadecimal or codes.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    args: String,
    /// Key of a stored entry, in hexadecimal, as the room writes it. May stand several times.
    #[arg(long = "entry", value_name = "HEX")]
    entries: Vec<String>,
    /// Writes a proof of the entries read, at the latest committed height, to a new file.
    #[arg(long, value_name = "OUT")]
    proof: Option<PathBuf>,
}

impl Query {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        if self.query.is_none() && self.entries.is_empty() {
            return Err(Failure::usage(
                words!("没有给出查询名，也没有 --entry", "neither a query nor --entry is given"),
                words!(
                    "例如 linli query accounts Account --args ...",
                    "for example linli query accounts Account --args ..."
                ),
            ));
        }
        let proof = self.proof.clone();
        // Before a node is asked: what cannot be written need not be proved.
        if let Some(path) = proof.as_ref().filter(|path| path.exists()) {
            return Err(taken(path));
        }
        let (request, answer, result) = block_on(self.ask())?;
        let entries: Vec<Value> = answer.entries.iter().map(entry_json).collect();
        if let Some(path) = &proof {
            write_new(path, &pack(&request, &answer)?)?;
            let shown = path.display();
            out.note(&words!("证明已写入 {shown}", "the proof is in {shown}"));
        }
        let computed = !request.query.is_empty();
        let json = json!({
            "height": answer.height, "computed": computed, "result": result, "entries": entries,
            "proof": proof,
        });
        let shown = if computed { pretty(&result) } else { pretty(&Value::Array(entries)) };
        out.answer(&json, &Words::same(shown));
        Ok(())
    }

    async fn ask(self) -> Result<(QueryRequest, QueryResponse, Value), Failure> {
        let node = self.connect.open().await?;
        let proof = self.proof.is_some();
        match self.query {
            Some(query) => {
                ask_by_schema(&node, &self.room, &query, &json_args(&self.args)?, proof).await
            }
            None => {
                let keys = self.entries.iter().map(|key| {
                    hex::decode(key).map_err(|e| {
                        let hint = words!("键用十六进制书写", "a key is written in hexadecimal");
                        Failure::usage(words!("--entry {key}：{e}", "--entry {key}: {e}"), hint)
                    })
                });
                let keys = keys.collect::<Result<_, _>>()?;
                let request =
                    QueryRequest { room: self.room, keys, proof, ..QueryRequest::default() };
                let answer = node.client.query(request.clone()).await?;
                Ok((request, answer, Value::Null))
            }
        }
    }
}

/// Asks one computed query with JSON arguments and shows its answer as JSON.
pub(super) async fn ask_by_schema(
    node: &Node,
    room: &str,
    query: &str,
    args: &Value,
    proof: bool,
) -> Result<(QueryRequest, QueryResponse, Value), Failure> {
    let schema = node.client.schema(room).await?;
    let (asked, result) = ask_of(node, &schema, query, args, proof).await?;
    Ok((asked.0, asked.1, result))
}

/// The same of a room whose schema is at hand.
pub(super) async fn ask_of(
    node: &Node,
    schema: &Schema,
    query: &str,
    args: &Value,
    proof: bool,
) -> Result<((QueryRequest, QueryResponse), Value), Failure> {
    let request = QueryRequest {
        room: schema.room().to_owned(),
        query: query.to_owned(),
        args: schema.request(Service::Queries, query, args)?,
        proof,
        ..QueryRequest::default()
    };
    let answer = node.client.query(request.clone()).await?;
    let result = schema.response(Service::Queries, query, &answer.result)?;
    Ok(((request, answer), result))
}

/// Asks one computed query of a node, without a proof, and gives its answer as JSON.
pub(super) fn look(
    connect: &Connect,
    room: &str,
    query: &str,
    args: &Value,
) -> Result<Value, Failure> {
    block_on(async {
        let node = connect.open().await?;
        Ok(ask_by_schema(&node, room, query, args, false).await?.2)
    })
}

/// What stands behind `--args`.
pub(super) fn json_args(text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|e| {
        Failure::usage(
            words!("--args 不是 JSON：{e}", "--args is no JSON: {e}"),
            words!("例如 --args '{{\"id\": \"...\"}}'", "for example --args '{{\"id\": \"...\"}}'"),
        )
    })
}

/// The proof as a pack of the kind that `linli verify` takes.
pub(super) fn pack(request: &QueryRequest, answer: &QueryResponse) -> Result<Vec<u8>, Failure> {
    let (block, entries) = proved(answer)?;
    if entries.is_empty() {
        return Err(Failure::refused(
            "NOTHING_TO_PROVE",
            words!(
                "该查询没有读取任何条目，无可证明",
                "the query read no entry: there is nothing to prove"
            ),
            words!("请查询保存在账本中的条目", "ask for something that stands in the state"),
        ));
    }
    let computed = (!request.query.is_empty()).then(|| Answer {
        room: request.room.clone(),
        query: request.query.clone(),
        args: request.args.clone(),
        result: answer.result.clone(),
    });
    Ok(Pack::new(&Contents::State { entries, answer: computed }, &block).to_bytes())
}

/// The block and the proved entries of an answer with proofs.
pub(super) fn proved(answer: &QueryResponse) -> Result<(BlockProof, Vec<ProvedEntry>), Failure> {
    Ok(linli_sdk::anchor::proved(answer)?)
}

/// A native structure that a node sent.
pub(super) fn read<T: BorshDeserialize>(bytes: &[u8], what: &str) -> Result<T, Failure> {
    T::try_from_slice(bytes).map_err(|_| {
        Failure::broken(
            words!("节点返回的 {what} 无法读取", "the node's {what} cannot be read"),
            words!(
                "请换一个节点，并通知其运维人员",
                "use another node and tell this one's administrator"
            ),
        )
    })
}

/// Writes a new file whole and durably.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if path.exists() {
        return Err(taken(path));
    }
    durable::write(path, bytes).map_err(|e| unwritable(path, &e))
}

fn entry_json(entry: &Entry) -> Value {
    json!({
        "key": hex::encode(&entry.key),
        "present": entry.present,
        "value": entry.present.then(|| hex::encode(&entry.value)),
    })
}

/// A number of an answer, as JSON writes those of 32 and of 64 bits; 0 if it is not there.
pub(super) fn number(answer: &Value, field: &str) -> u64 {
    match answer.get(field) {
        Some(Value::String(text)) => text.parse().unwrap_or(0),
        Some(other) => other.as_u64().unwrap_or(0),
        None => 0,
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
