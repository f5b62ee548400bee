//! Where a device's numbers stand, signed by the device.

use super::Who;
use super::checkpoint::Checkpoint;
use super::erase::Slot;
use crate::durable;
use crate::error::{Error, ErrorKind};
use crate::key::SecretKey;
use linli_types::id::{Digest, Signature};
use linli_types::signature::{Verify as _, Zip215};
use serde::{Deserialize, Serialize};
use std::path::Path;

const DOMAIN: &str = "linli.capture.state.v1";
const BYTES_MAX: u64 = 4 * 1024;

/// Where the numbers stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// Source, device and chain.
    who: String,
    /// The number of the next entry.
    pub(super) next: u64,
    /// How many the device has captured: its own count.
    pub(super) captured: u64,
    /// The id of the last record, in hexadecimal.
    last: String,
    /// The latest device time of a capture.
    pub(super) last_ms: u64,
    signature: String,
}

/// One entry, as the numbers step over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) number: u64,
    pub(super) record: Digest,
    /// The device's time of the capture; 0 if it is not known any more.
    pub(super) at_ms: u64,
}

impl State {
    /// Q1, Q2. Reads and checks the state, or begins one.
    pub(super) fn open(
        folder: &Path,
        who: &Who,
        key: &SecretKey,
        numbers: &[u64],
        checkpoint: Option<&Checkpoint>,
        first: Option<u64>,
    ) -> Result<Self, Error> {
        let path = folder.join("state");
        let highest = checkpoint.map_or(0, |c| c.highest);
        let Some(bytes) = durable::read(&path, BYTES_MAX)? else {
            let lost = !numbers.is_empty() || (highest > 0 && first.is_none());
            return if lost { Err(lost_counter()) } else { Self::begin(who, highest, first) };
        };
        let state: Self = serde_json::from_slice(&bytes).map_err(|_| changed_counter())?;
        let signed = hex::decode(&state.signature).ok().and_then(|s| Signature::from_slice(&s));
        let holds = signed.is_some_and(|s| Zip215.verify(&key.public(), &state.preimage(), &s));
        if !holds || state.who != words(who) {
            return Err(changed_counter());
        }
        state.follow(folder, key, numbers, highest)
    }

    fn begin(who: &Who, highest: u64, first: Option<u64>) -> Result<Self, Error> {
        let next = first.unwrap_or(1).max(1);
        if next <= highest {
            return Err(jumped(next, highest));
        }
        let (last, signature) = (String::new(), String::new());
        Ok(Self { who: words(who), next, captured: 0, last, last_ms: 0, signature })
    }

    /// The entries beside it must end where it says, but for one that a crash left behind it (Q2).
    fn follow(
        mut self,
        folder: &Path,
        key: &SecretKey,
        numbers: &[u64],
        highest: u64,
    ) -> Result<Self, Error> {
        let before = self.next.saturating_sub(1);
        let ends = numbers.last().copied().unwrap_or(before);
        if ends == self.next {
            let slot = Slot::read(folder, ends)?;
            if slot.counter() != Some(self.captured.saturating_add(1)) {
                return Err(changed_counter());
            }
            self.next(folder, &slot.step(), key)?;
        } else if ends == before && numbers.contains(&before) {
            let record = Slot::read(folder, before)?.record();
            if record.is_none_or(|record| record.to_string() != self.last) {
                return Err(changed_counter());
            }
        } else {
            return Err(changed_counter());
        }
        if highest >= self.next {
            return Err(jumped(self.next, highest));
        }
        Ok(self)
    }

    /// Steps over a new entry, durably.
    pub(super) fn next(
        &mut self,
        folder: &Path,
        step: &Step,
        key: &SecretKey,
    ) -> Result<(), Error> {
        self.next = step.number.saturating_add(1);
        self.captured = self.captured.saturating_add(1);
        self.last = step.record.to_string();
        self.last_ms = self.last_ms.max(step.at_ms);
        self.signature = hex::encode(key.sign(&self.preimage()).0);
        let path = folder.join("state");
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        durable::write_private(&path, &text).map_err(|e| durable::failed(&path, &e))
    }

    fn preimage(&self) -> Vec<u8> {
        let Self { who, next, captured, last, last_ms, .. } = self;
        format!("{DOMAIN}|{who}|{next}|{captured}|{last}|{last_ms}").into_bytes()
    }
}

fn words(Who { source, device, chain }: &Who) -> String {
    format!("{source}|{device}|{chain}")
}

fn refused(zh: String, en: String, hint: (&str, &str)) -> Error {
    Error::new(ErrorKind::Refused, zh, en).hint_with(hint.0, hint.1).named("CAPTURE_COUNTER")
}

fn lost_counter() -> Error {
    refused(
        "序号状态丢失：队列或账本上已有该来源的记录".into(),
        "the counter was lost: the queue or the ledger holds records of this source".into(),
        (
            "从备份恢复队列的 state；新设备请用 --first 指定账本最高序号之后的序号",
            "restore the queue's `state`; on a new device give --first, above the ledger's highest",
        ),
    )
}

fn changed_counter() -> Error {
    refused(
        "序号状态被改动、回退，或不属于此设备".into(),
        "the counter was changed or put back, or is another device's".into(),
        (
            "不要继续采集；请保全队列并联系管理员，以免序号重复",
            "capture nothing more; keep the queue and tell your administrator, lest a number is used twice",
        ),
    )
}

fn jumped(next: u64, highest: u64) -> Error {
    refused(
        format!(
            "账本上该来源已用到序号 {highest}，本机将用 {next}：可能两台设备共用一个来源，或状态被回退"
        ),
        format!(
            "the ledger has number {highest} of this source, this device would use {next}: two devices \
             share the source, or the counter was put back"
        ),
        (
            "每台设备应各有来源编号；请管理员为其中一台另行登记",
            "each device needs a source of its own: have one of them registered anew",
        ),
    )
}
