//! What was proved, as data. `text` says it line by line, `meaning` what it amounts to.
//!
//! It shows only what the checks have established, and says so where something was not checked
//! (a computed answer).

mod beside;
mod edition;
mod meaning;
mod text;

pub use beside::{
    Missing, ProvedCertificate, ProvedCheckpoint, ProvedManifest, ProvedNode, ProvedPlatform,
    ProvedPolicy, ProvedRecord, ProvedToken, SecondSignature, Supporter, Witness,
};
pub(crate) use beside::{
    checkpoint, manifest, platform, policy, record, second, signed, token, witness,
};
pub(crate) use edition::Edition;
pub(crate) use meaning::limits;

use crate::account::Proved;
use crate::manifest::Listed;
use crate::pack::{Answer, LogPlace, ProvedEntry};
use crate::seal::Kind;
use crate::statement::Statement;
use crate::time;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;
use linli_types::account::Entry;
use linli_types::code::{Code, Lang, fill};
use linli_types::header::Header;
use linli_types::human;
use linli_types::id::{ChainId, Digest, TxId};
use linli_types::receipt::{Cause, Outcome, Receipt};
use linli_types::validator::{Validator, ValidatorSet};
use linli_types::wire::TransactionBody;
use serde::Serialize;

/// What was proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Always true: what does not hold is a failure.
    pub verified: bool,
    /// `evidence`, `receipt`, `state` or `account`.
    pub kind: &'static str,
    /// The chain's id.
    pub chain: String,
    /// The chain's name, by its genesis.
    pub chain_name: String,
    /// The block.
    pub block: ProvedBlock,
    /// The files, each given and equal to what was anchored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ProvedFile>,
    /// What was anchored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<ProvedStatement>,
    /// Where it stands in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<ProvedLeaf>,
    /// The signed request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<ProvedTransaction>,
    /// What became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ProvedReceipt>,
    /// Stored entries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Stored>,
    /// What was computed from them: not proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub computed: Option<Computed>,
    /// An account, and in a statement all that ever happened to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<ProvedAccount>,
    /// What the manifest says besides its files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<ProvedManifest>,
    /// Validators whose COSE receipts hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<Signer>,
    /// The organisation's second signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_signature: Option<SecondSignature>,
    /// A time-stamp token over a later block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<ProvedToken>,
    /// A cosigned state of the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<ProvedCheckpoint>,
    /// What the platform says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<ProvedPlatform>,
    /// The policy in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<ProvedPolicy>,
    /// The record as it stood later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<ProvedRecord>,
    /// What the pack names and does not hold.
    #[serde(skip)]
    pub missing: Missing,
}

/// A certified block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProvedBlock {
    /// Its number.
    pub height: u64,
    /// Its id.
    pub id: String,
    /// Its time, milliseconds since 1970 UTC.
    pub time_ms: u64,
    /// The same for people, in UTC+8.
    pub time: String,
    /// Who signed.
    pub signers: Vec<Signer>,
    /// Their power.
    pub power: u64,
    /// All power.
    pub total_power: u64,
    /// The round of the certificate.
    pub round: u32,
    /// Changes of the validator set since the genesis.
    pub set_changes: usize,
}

/// A validator that signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signer {
    /// Its name, by the genesis or the change that brought it.
    pub name: String,
    /// Its organisation's number.
    pub organisation: u32,
    /// That organisation's kind.
    pub kind: String,
    /// Its power.
    pub power: u64,
    /// Its key.
    pub key: String,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "named as in the manifest")]
pub struct ProvedFile {
    pub name: String,
    pub media: String,
    pub size: u64,
    pub sha256: String,
    pub sm3: String,
}

/// What was anchored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProvedStatement {
    /// The source, as a code.
    pub source: String,
    /// The source's own count.
    pub number: u64,
    /// What it is.
    pub kind: String,
    /// When it was captured, by the source's word.
    pub captured_at_ms: u64,
    /// When it was anchored, by block time.
    pub anchored_at_ms: u64,
    /// The source's organisation.
    pub organisation: u32,
    /// Captured more than a day before it was anchored.
    pub backdated: bool,
    /// What it is about, if not the evidence alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The key that signed the statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The device that captured, as a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Where the time of capture is from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_source: Option<&'static str>,
    /// The last block that the device had seen when it captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before_height: Option<u64>,
    /// Digest of the check of the capturing environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_digest: Option<String>,
    /// The device's own count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counter: Option<u64>,
}

/// A leaf of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProvedLeaf {
    /// The record, as a code.
    pub code: String,
    /// The statement's SHA-256.
    pub statement: String,
    /// Index.
    pub leaf: u64,
    /// Size of the log.
    pub size: u64,
}

/// A signed request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProvedTransaction {
    /// Its id.
    pub id: String,
    /// Its id, as a code.
    pub code: String,
    /// Who asked.
    pub sender: String,
    /// The key that signed.
    pub signer: String,
    /// What was asked: room and method.
    pub calls: Vec<String>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProvedReceipt {
    /// The transaction or timer.
    pub cause: String,
    /// Whether all calls took effect.
    pub done: bool,
    /// The refusal's room; empty for a native code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<String>,
    /// The refusal's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    /// The refusal's text, for native codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zh: Option<String>,
    /// The same in English.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
    /// Fuel used.
    pub fuel: u64,
    /// How many events it has.
    pub events: usize,
}

/// A stored entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stored {
    /// The room.
    pub room: String,
    /// The room's own key, hexadecimal.
    pub key: String,
    /// The value, hexadecimal; absent if nothing stands there.
    pub value: Option<String>,
}

/// An account, and its whole statement if that is proved. Amounts are texts in minor units: JSON
/// numbers end at 2^53.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProvedAccount {
    /// Its code.
    pub code: String,
    /// Its owner, as a code.
    pub owner: String,
    /// The asset's number.
    pub asset: u32,
    /// What is counted, if the asset's row is proved too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<ProvedUnit>,
    /// Credits less debits, in minor units.
    pub balance: String,
    /// Held for later debits.
    pub debits_pending: String,
    /// Held for later credits.
    pub credits_pending: String,
    /// Every entry, the first first; absent where no statement is proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<ProvedLine>>,
}

/// What an account counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProvedUnit {
    /// The asset's name.
    pub name: String,
    /// Digits after the point.
    pub decimals: u8,
}

/// One entry, as the account sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProvedLine {
    /// Block time, milliseconds since 1970 UTC.
    pub time_ms: u64,
    /// What it did: `Transfer`, `Reserve`, `Post` …
    pub act: String,
    /// The same for people: Chinese, then English.
    #[serde(skip)]
    pub words: (&'static str, &'static str),
    /// Debits below zero.
    pub amount: String,
    /// The account on the other side, as a code.
    pub other: String,
    /// Kind of business.
    pub code: u32,
    /// Its business id.
    pub id: String,
}

/// What a query computed: not proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Computed {
    /// Room and query.
    pub query: String,
    /// The request, hexadecimal.
    pub args: String,
    /// The result, hexadecimal.
    pub result: String,
}

pub(crate) fn block<'a>(
    kind: Kind,
    (name, chain): (&str, &ChainId),
    header: &Header,
    signers: impl Iterator<Item = &'a Validator>,
    validators: &ValidatorSet,
) -> Report {
    let signers: Vec<Signer> = signers.map(signer).collect();
    let block = ProvedBlock {
        height: header.height.0,
        id: header.id().to_string(),
        time_ms: header.time.0,
        time: time::text(header.time),
        power: signers.iter().map(|s| s.power).sum(),
        signers,
        total_power: validators.total_power(),
        round: 0,
        set_changes: 0,
    };
    Report {
        verified: true,
        kind: kind.name(),
        chain: chain.to_string(),
        chain_name: name.to_string(),
        block,
        files: Vec::new(),
        statement: None,
        log: None,
        transaction: None,
        receipt: None,
        entries: Vec::new(),
        computed: None,
        account: None,
        manifest: None,
        receipts: Vec::new(),
        second_signature: None,
        token: None,
        checkpoint: None,
        platform: None,
        policy: None,
        record: None,
        missing: Missing::default(),
    }
}

pub(crate) fn signer(v: &Validator) -> Signer {
    let (name, kind) = (v.name.clone(), format!("{:?}", v.kind));
    Signer { name, organisation: v.org, kind, power: v.power, key: v.key.to_string() }
}

pub(crate) fn file(listed: &Listed) -> ProvedFile {
    ProvedFile {
        name: listed.name.clone(),
        media: listed.media.clone(),
        size: listed.size,
        sha256: listed.sha256.to_string(),
        sm3: listed.sm3.to_string(),
    }
}

pub(crate) fn statement(statement: &Statement) -> ProvedStatement {
    ProvedStatement {
        source: human::write(human::Kind::Principal, &statement.source),
        number: statement.number,
        kind: kind_name(statement.kind),
        captured_at_ms: statement.captured_at_ms,
        anchored_at_ms: statement.anchored_at_ms,
        organisation: statement.organisation,
        backdated: statement.backdated,
        subject: None,
        key: None,
        device: None,
        clock_source: None,
        not_before_height: None,
        env_digest: None,
        counter: None,
    }
}

/// The names of the evidence contract's enum `Kind`.
fn kind_name(kind: i32) -> String {
    const NAMES: [&str; 12] = [
        "UNSPECIFIED",
        "CHECK_IN",
        "CHECK_OUT",
        "PHOTO_SET",
        "AUDIO",
        "FORM",
        "SENSOR_ROOT",
        "SCORE",
        "RECEIPT",
        "CONTRACT_DOC",
        "SYSTEM_LOG",
        "EXTERNAL",
    ];
    let name = usize::try_from(kind).ok().and_then(|i| NAMES.get(i));
    name.map_or_else(|| format!("KIND_{kind}"), ToString::to_string)
}

pub(crate) fn log(id: &Digest, place: &LogPlace) -> ProvedLeaf {
    let code = human::write(human::Kind::Evidence, &id.0);
    ProvedLeaf { code, statement: id.to_string(), leaf: place.leaf, size: place.size }
}

pub(crate) fn transaction(id: &TxId, body: &TransactionBody) -> ProvedTransaction {
    ProvedTransaction {
        id: id.to_string(),
        code: human::write(human::Kind::Transaction, &id.0),
        sender: human::write(human::Kind::Principal, &body.sender),
        signer: hex(&body.signer),
        calls: body.calls.iter().map(|call| format!("{}.{}", call.room, call.method)).collect(),
    }
}

pub(crate) fn receipt(receipt: &Receipt) -> ProvedReceipt {
    let cause = match &receipt.cause {
        Cause::Transaction(id) => human::write(human::Kind::Transaction, &id.0),
        Cause::Timer(id) => format!("timer {id}"),
    };
    let refusal = match &receipt.outcome {
        Outcome::Done => None,
        Outcome::Refused { refusal, .. } => Some(refusal),
    };
    let native = refusal.filter(|r| r.room.is_empty()).and_then(|r| {
        let code = Code::from_number(r.code)?;
        Some((fill(code.text(Lang::Zh).0, &r.params), fill(code.text(Lang::En).0, &r.params)))
    });
    let (zh, en) = native.unzip();
    ProvedReceipt {
        cause,
        done: receipt.is_done(),
        refused_by: refusal.map(|r| r.room.clone()),
        code: refusal.map(|r| r.code),
        zh,
        en,
        fuel: receipt.fuel,
        events: receipt.events.len(),
    }
}

pub(crate) fn entry(entry: &ProvedEntry) -> Stored {
    let (room, own) = split(&entry.key);
    Stored { room, key: hex(own), value: entry.value.as_deref().map(hex) }
}

pub(crate) fn computed(answer: &Answer) -> Computed {
    let (args, result) = (hex(&answer.args), hex(&answer.result));
    Computed { query: format!("{}.{}", answer.room, answer.query), args, result }
}

pub(crate) fn account(found: &Proved, lines: Option<&[Entry]>) -> ProvedAccount {
    let Proved { id, row, asset } = found;
    let balance = i128::from(row.credits_posted) - i128::from(row.debits_posted);
    let line = |entry: &Entry| {
        let (sign, other) = match entry.debit == *id {
            true => ("-", &entry.credit),
            false => ("+", &entry.debit),
        };
        ProvedLine {
            time_ms: entry.at.0,
            act: format!("{:?}", entry.act),
            words: entry.act.words(),
            amount: format!("{sign}{}", entry.amount),
            other: human::write(human::Kind::Account, &other.0),
            code: entry.code,
            id: entry.id.to_string(),
        }
    };
    ProvedAccount {
        code: human::write(human::Kind::Account, &id.0),
        owner: human::write(human::Kind::Principal, &row.owner.0),
        asset: row.asset,
        unit: asset
            .as_ref()
            .map(|row| ProvedUnit { name: row.name.clone(), decimals: row.decimals }),
        balance: balance.to_string(),
        debits_pending: row.debits_pending.to_string(),
        credits_pending: row.credits_pending.to_string(),
        lines: lines.map(|lines| lines.iter().map(line).collect()),
    }
}

/// A full key for people: the room's name and the rest in hexadecimal.
pub(crate) fn key(full: &[u8]) -> String {
    let (room, own) = split(full);
    format!("{room}/{}", hex(own))
}

fn split(full: &[u8]) -> (String, &[u8]) {
    let mut parts = full.splitn(2, |byte| *byte == 0);
    match (parts.next(), parts.next()) {
        (Some(room), Some(own)) => (String::from_utf8_lossy(room).into_owned(), own),
        _ => (String::new(), full),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
