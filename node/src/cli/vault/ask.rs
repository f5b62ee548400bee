//! What the ledger says of a record, and the note that it is erased.

use crate::cli::connect::{Node, refusal};
use crate::cli::query::{ask_by_schema, number as count};
use crate::cli::{Failure, machine};
use crate::words::words;
use linli_sdk::anchor::{ROOM, receipt_pack};
use linli_sdk::vault::Erased;
use linli_sdk::{Draft, Vault as Store, clock};
use linli_types::id::{Digest, PrincipalId, TxId};
use serde_json::{Value, json};

/// The contract's code for a payload that was noted as erased before.
const ERASED_BEFORE: &str = "ERASED_BEFORE";
const DAY_MS: u64 = 86_400_000;
/// The contract counts days in UTC+8, and a year as a leap year.
const ZONE_MS: u64 = 28_800_000;
const YEAR_DAYS: u64 = 366;

/// What the ledger knows of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It stands, and no law keeps its payload.
    Free,
    /// A retention law keeps its payload.
    Kept,
}

/// What the ledger noted.
pub(super) struct Note {
    pub(super) height: u64,
    /// The receipt with its proof.
    pub(super) receipt: Vec<u8>,
}

/// Looks that this very record stands under the number, and whether a law keeps it.
pub(super) async fn record(
    node: &Node,
    record: &Digest,
    source: PrincipalId,
    number: u64,
) -> Result<Known, Failure> {
    let args = json!({ "source": source.to_string(), "number": number });
    let (_, _, found) = ask_by_schema(node, ROOM, "Record", &args, false).await?;
    let is = |field: &str, value: &str| found.get(field).and_then(Value::as_str) == Some(value);
    let statement = found.get("statement").and_then(Value::as_str).unwrap_or_default();
    let anchored = found.get("anchored") == Some(&Value::Bool(true));
    // One of a batch is told by the batch alone.
    let same = statement.is_empty() || is("statement", &record.to_string());
    if !anchored || !same {
        return Err(Failure::refused(
            "WRONG_RECORD",
            words!(
                "账本上 {source} 的序号 {number} 不是该记录",
                "number {number} of {source} on the ledger is not this record"
            ),
            words!(
                "请核对 --source 与 --number；用 linli evidence trace 查看",
                "check --source and --number; look with `linli evidence trace`"
            ),
        ));
    }
    let (_, _, state) = ask_by_schema(node, ROOM, "State", &args, false).await?;
    if state.get("standing").and_then(Value::as_str) == Some("CHALLENGED") {
        return Err(in_dispute(&source, number));
    }
    Ok(known(&state, clock::now()?.0))
}

/// LEG-27: the ledger notes no end of a payload that an arbitrator has to look at.
fn in_dispute(source: &PrincipalId, number: u64) -> Failure {
    Failure::refused(
        "IN_DISPUTE",
        words!(
            "{source} 的序号 {number} 正在争议中：未销毁任何内容",
            "number {number} of {source} is in dispute: nothing was destroyed"
        ),
        words!("请待裁决后再办理", "repeat it after the decision"),
    )
}

/// V3, as the contract counts.
fn known(state: &Value, now_ms: u64) -> Known {
    let word = |field: &str| state.get(field).and_then(Value::as_str).unwrap_or_default();
    let by_class = match word("retention") {
        "YEARS_10" => 10,
        "YEARS_15" => 15,
        "YEARS_30" => 30,
        _ => 0_u64,
    };
    let by_kind = match word("kind") {
        "RECEIPT" => 10,
        "CONTRACT_DOC" => 15,
        _ => 0,
    };
    let until = count(state, "day").saturating_add(by_class.max(by_kind).saturating_mul(YEAR_DAYS));
    match now_ms.saturating_add(ZONE_MS) / DAY_MS < until && by_class.max(by_kind) > 0 {
        true => Known::Kept,
        false => Known::Free,
    }
}

/// Has the ledger note the erasure, once.
pub(super) async fn note(
    node: &Node,
    vault: &mut Store,
    record: &Digest,
    (source, number): (PrincipalId, u64),
    erased: &Erased,
) -> Result<Note, Failure> {
    let before = erased.tombstone.transaction.as_ref().and_then(|id| id.parse::<TxId>().ok());
    if let Some(note) = noted(node, before).await? {
        return Ok(note);
    }
    let schema = node.client.schema(ROOM).await?;
    let basis = linli_sdk::vault::Basis::from_name(&erased.tombstone.basis);
    let confirmations: Vec<u8> = erased.confirmations.iter().flat_map(|d| d.0).collect();
    let args = json!({
        "record": { "source": source.to_string(), "number": number },
        "basis": basis.map(linli_sdk::vault::Basis::number),
        "holders": erased.confirmations.len(),
        "confirmations": hex::encode(confirmations),
    });
    let signed = node.sign(Draft::new().call_json(&schema, "ErasePayload", &args)?)?;
    vault.noting(record, &signed.id)?;
    let found = node.settle(&signed).await?;
    match refusal(&found.receipt, Some(&schema)) {
        None => fetch(node, signed.id).await,
        // The one before was under way.
        Some(why) if why.name() == ERASED_BEFORE => {
            let earlier = noted(node, before).await?;
            if let (Some(note), Some(before)) = (earlier, before) {
                vault.noting(record, &before)?;
                return Ok(note);
            }
            Err(why)
        }
        Some(why) => Err(why),
    }
}

/// The note of a transaction, if it took effect.
async fn noted(node: &Node, id: Option<TxId>) -> Result<Option<Note>, Failure> {
    let Some(id) = id else { return Ok(None) };
    let answer = node.client.receipt(id, 0).await?;
    if !answer.found {
        return Ok(None);
    }
    let receipt =
        crate::cli::query::read::<linli_types::receipt::Receipt>(&answer.receipt, "receipt")?;
    match receipt.is_done() {
        true => fetch(node, id).await.map(Some),
        false => Ok(None),
    }
}

async fn fetch(node: &Node, id: TxId) -> Result<Note, Failure> {
    let proof = node.client.proof(id).await?;
    let header = linli_types::header::Header::from_bytes(&proof.header);
    let height = header.map_err(|_| machine(&"header"))?.height.0;
    Ok(Note { height, receipt: receipt_pack(&proof)?.to_bytes() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leg_20_a_law_keeps_by_class_or_by_kind() {
        let day = 20_783_u64;
        let at = |days: u64| (day + days) * DAY_MS;
        let state = |retention, kind| json!({"retention": retention, "kind": kind, "day": day});
        assert_eq!(known(&state("ORDINARY", "FORM"), at(0)), Known::Free);
        assert_eq!(known(&state("YEARS_30", "FORM"), at(29 * 366)), Known::Kept);
        assert_eq!(known(&state("YEARS_30", "FORM"), at(31 * 366)), Known::Free);
        assert_eq!(known(&state("ORDINARY", "CONTRACT_DOC"), at(14 * 366)), Known::Kept);
    }
}
