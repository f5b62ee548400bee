//! What stands on the ledger under an entry's number.

use super::parts::Item;
use crate::cli::Failure;
use crate::cli::connect::Node;
use crate::cli::query::{ask_of, number};
use crate::words::words;
use linli_sdk::Schema;
use linli_sdk::cose::Leaves;
use linli_verify::cose::statement::Signed;
use serde_json::{Value, json};

/// The leaf of the entry's own record, if the number is used.
///
/// # Errors
///
/// Another record stands there, or the node gives no answer.
pub(super) async fn find(
    node: &Node,
    schema: &Schema,
    item: &Item,
) -> Result<Option<u64>, Failure> {
    let signed = item.entry.signed().ok_or_else(unsigned)?;
    let (source, of) = (item.claims.source, item.entry.number);
    let args = json!({ "source": source.to_string(), "number": of });
    let (_, found) = ask_of(node, schema, "Record", &args, false).await?;
    if found.get("anchored") != Some(&Value::Bool(true)) {
        return Ok(None);
    }
    let leaf = match leaf_in_batch(&found, of) {
        Some(leaf) if leaf_is(node, leaf, &signed).await? => Some(leaf),
        Some(_) => return Err(taken(of)),
        None => {
            let statement = found.get("statement").and_then(Value::as_str).unwrap_or_default();
            if statement != signed.id().to_string() {
                return Err(taken(of));
            }
            node.client.leaf_of_number(source, of).await?
        }
    };
    leaf.map(Some).ok_or_else(|| taken(of))
}

fn leaf_in_batch(found: &Value, of: u64) -> Option<u64> {
    let batch = found.get("batch").filter(|batch| batch.is_object())?;
    number(batch, "first_leaf").checked_add(of.checked_sub(number(found, "first"))?)
}

/// Whether a leaf is this statement's.
async fn leaf_is(node: &Node, leaf: u64, signed: &Signed) -> Result<bool, Failure> {
    let answered = node.client.cose_leaves(Leaves::From(leaf), 1, 1).await?;
    Ok(answered.leaves.first().is_some_and(|(hash, _)| *hash == signed.leaf()))
}

fn taken(number: u64) -> Failure {
    Failure::refused(
        "NUMBER_TAKEN",
        words!(
            "账本上该来源的序号 {number} 是另一条记录",
            "number {number} of this source is another record on the ledger"
        ),
        words!(
            "可能两台设备共用一个来源，或内容改动后以原序号重发；请为该设备另行登记来源，并重新采集",
            "two devices share the source, or it was changed and sent again: register a source of its own for this device and capture anew"
        ),
    )
}

pub(super) fn unsigned() -> Failure {
    Failure::usage(
        words!("离线记录的声明不可读", "the entry's statement is unreadable"),
        words!("请从设备的备份恢复", "restore it from the device's backup"),
    )
}
