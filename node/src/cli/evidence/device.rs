//! Before a gateway hands in what a device signed: is the device in service, and the key its own now?
//! The ledger takes the gateway's signature and never sees the device's.
//!
//! Each device and key is asked about once per upload. LEG-12: what a key signed is not handed in once
//! the key is revoked, for nobody can tell whether it was signed before.

use crate::cli::connect::Node;
use crate::cli::query::{ask_by_schema, number};
use crate::cli::{Failure, Trace};
use crate::words::{Words, words};
use linli_proto::EventsRequest;
use linli_sdk::anchor::ROOM;
use linli_sdk::capture::Entry;
use linli_sdk::clock;
use linli_types::height::TimeMs;
use linli_types::id::{PrincipalId, PublicKey};
use linli_verify::time;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const IDENTITY: &str = "identity";
/// The contract's event of a device that is retired.
const RETIRED: &str = "linli.evidence.v1.DeviceRetired";
/// By how much a capture may lie ahead of the block, as the contract says.
const AHEAD_MS: u64 = 120_000;

/// Devices that were found in service, each with the key it signs with.
#[derive(Debug, Default)]
pub(super) struct Devices(BTreeSet<(PrincipalId, PublicKey)>);

impl Devices {
    /// Refuses an entry that the device may not have signed, or whose time has not come.
    ///
    /// # Errors
    ///
    /// `DEVICE_UNKNOWN`, `DEVICE_FOREIGN`, `DEVICE_KEY_UNKNOWN`, `DEVICE_KEY_REVOKED`,
    /// `DEVICE_RETIRED`, `FUTURE_TIME`; or the node does not answer.
    pub(super) async fn check(&mut self, node: &Node, entry: &Entry) -> Result<(), Failure> {
        let Some(signed) = entry.signed() else { return Ok(()) };
        let claims = &signed.claims;
        let status = node.client.status().await?;
        // An idle chain's last block may be old.
        let now_ms = clock::now()?.0.max(status.time_ms);
        if claims.captured_at_ms > now_ms.saturating_add(AHEAD_MS) {
            return Err(ahead(claims.captured_at_ms, now_ms));
        }
        let device = claims.device.unwrap_or(claims.source);
        if self.0.contains(&(device, signed.key)) {
            return Ok(());
        }
        let args = json!({ "principal": device.to_string() });
        let known = ask_by_schema(node, IDENTITY, "Principal", &args, false).await;
        let (_, _, known) = known.map_err(|why| unfound(why, &device))?;
        judge(&known, &signed.key, status.height.saturating_add(1), &device)?;
        in_service(node, &device).await?;
        self.0.insert((device, signed.key));
        Ok(())
    }
}

/// Whether a key may sign in the block of height `next`, by what the ledger says of its principal.
fn judge(known: &Value, key: &PublicKey, next: u64, device: &PrincipalId) -> Result<(), Failure> {
    let keys = known.get("keys").and_then(Value::as_array).into_iter().flatten();
    let is = |row: &&Value| row.get("key").and_then(Value::as_str) == Some(&key.to_string());
    let rows: Vec<&Value> = keys.filter(is).collect();
    let in_force = |row: &&Value| {
        let (from, until) = (number(row, "from_height"), number(row, "until_height"));
        from <= next && (until == 0 || next < until)
    };
    match (rows.iter().any(in_force), rows.is_empty()) {
        (true, _) => Ok(()),
        (false, true) => Err(refused(
            "DEVICE_KEY_UNKNOWN",
            words!(
                "签名密钥未登记在设备 {device} 名下",
                "the key that signed is none of device {device}"
            ),
            words!(
                "请核对设备与密钥文件；未登记的密钥采集的记录不能上传",
                "check the device and its key file; what another key signed is not handed in"
            ),
        )),
        (false, false) => Err(refused(
            "DEVICE_KEY_REVOKED",
            words!(
                "设备 {device} 的签名密钥已失效或尚未生效",
                "the key of device {device} that signed is revoked, or not in force yet"
            ),
            words!(
                "请用现行密钥重新采集；确需保留的旧记录由机构以 --imported 补录",
                "capture anew with the key in force; the organisation records what must be kept with --imported"
            ),
        )),
    }
}

/// Retiring is for ever: one event says it.
async fn in_service(node: &Node, device: &PrincipalId) -> Result<(), Failure> {
    let mut events = node.client.events(EventsRequest {
        room: ROOM.to_owned(),
        kind: RETIRED.to_owned(),
        about: device.0.to_vec(),
        history_only: true,
        ..EventsRequest::default()
    });
    match events.next().await.map_err(|why| unfound(why.into(), device))? {
        None => Ok(()),
        Some(event) => {
            let height = event.height;
            Err(refused(
                "DEVICE_RETIRED",
                words!(
                    "设备 {device} 已于区块 {height} 停用",
                    "device {device} was retired in block {height}"
                ),
                words!(
                    "请更换在用设备；停用前采集而未上传的，由机构以 --imported 补录",
                    "use a device in service; the organisation records what was captured before with --imported"
                ),
            ))
        }
    }
}

fn unfound(why: Failure, device: &PrincipalId) -> Failure {
    match why.name() {
        "NOT_FOUND" => refused(
            "DEVICE_UNKNOWN",
            words!("账本上没有设备 {device}", "the ledger has no device {device}"),
            words!("请先登记设备（linli org device）", "register it first (`linli org device`)"),
        ),
        "READ_DENIED" => refused(
            "DEVICE_FOREIGN",
            words!(
                "设备 {device} 不属于提交者的机构",
                "device {device} is not of the sender's organisation"
            ),
            words!("请由设备所属机构上传", "its own organisation must upload it"),
        ),
        _ => why,
    }
}

fn ahead(captured_at_ms: u64, now_ms: u64) -> Failure {
    let (at, now) = (time::text(TimeMs(captured_at_ms)), time::text(TimeMs(now_ms)));
    refused(
        "FUTURE_TIME",
        words!(
            "采集时间 {at} 晚于现在（{now}）：设备时钟超前",
            "captured at {at}, which is after now ({now}): the device's clock is ahead"
        ),
        words!(
            "请校准设备时钟；到该时间之后可上传本记录",
            "set the device's clock; this record can be uploaded once that time has come"
        ),
    )
}

fn refused(name: &str, what: Words, hint: Words) -> Failure {
    Failure::refused(name, what, hint).leaving(Trace::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leg_12_a_device_signs_with_a_key_in_force_alone() {
        let (device, key) = (PrincipalId([9; 16]), PublicKey([7; 32]));
        let known = |from: &str, until: &str| {
            json!({"keys": [
                {"key": "00", "from_height": "1", "until_height": "0"},
                {"key": key.to_string(), "from_height": from, "until_height": until},
            ]})
        };
        let name = |known: &Value, next| {
            judge(known, &key, next, &device).err().map(|why| why.name().to_owned())
        };
        let revoked = Some("DEVICE_KEY_REVOKED".to_owned());
        for (from, until, next, expected) in [
            ("1", "0", 5, None),
            ("5", "6", 5, None),
            ("6", "0", 5, revoked.clone()),
            ("1", "5", 5, revoked.clone()),
            ("1", "4", 5, revoked),
        ] {
            assert_eq!(name(&known(from, until), next), expected, "{from}..{until} at {next}");
        }
        let none = json!({"keys": []});
        assert_eq!(name(&none, 5), Some("DEVICE_KEY_UNKNOWN".into()));
    }
}
