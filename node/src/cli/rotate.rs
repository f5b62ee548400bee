//! `linli key rotate | revoke | list | recover`: the keys of a principal as the ledger has them.
//!
//! A rotation is one transaction: the new key is added and the old one gets its end, both or none.
//! The new key's file is written before anything is asked, so that no key is registered whose other
//! half is lost.

use super::call::perform;
use super::connect::Connect;
use super::key::{Passphrase, principal, public_key};
use super::org::{ROOM, call};
use super::query::ask_by_schema;
use super::{Failure, Output, block_on};
use crate::words::{Words, words};
use linli_sdk::{KeyFile, KeyKind, SecretKey};
use linli_types::height::TimeMs;
use linli_types::human;
use linli_types::id::{PrincipalId, PublicKey};
use linli_verify::time;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Gives the principal a new key and ends the old one.
#[derive(clap::Args)]
pub(super) struct Rotate {
    #[command(flatten)]
    connect: Connect,
    /// The file to write the new key to; an existing one is never overwritten.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// First height at which the new key may sign; otherwise the next block.
    #[arg(long, value_name = "HEIGHT", default_value_t = 0, hide_default_value = true)]
    from_height: u64,
    /// First height at which the old key may not sign any more; otherwise by --overlap.
    #[arg(long, value_name = "HEIGHT", conflicts_with = "overlap")]
    until_height: Option<u64>,
    /// For how many blocks both keys may sign.
    #[arg(long, value_name = "BLOCKS", default_value_t = 1_000)]
    overlap: u64,
    /// File with the new key's passphrase; otherwise it is kept as the old one is.
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,
}

/// Ends a key.
#[derive(clap::Args)]
pub(super) struct Revoke {
    #[command(flatten)]
    connect: Connect,
    /// The public half of the key, in hexadecimal.
    #[arg(value_name = "HEX", value_parser = public_key)]
    public_key: PublicKey,
    /// First height at which it may not sign any more; otherwise the next block.
    #[arg(long, value_name = "HEIGHT", default_value_t = 0, hide_default_value = true)]
    from_height: u64,
}

/// Lists keys.
#[derive(clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    connect: Connect,
    /// Whose keys, as hexadecimal or PR- code; otherwise the key's own principal's.
    #[arg(value_name = "ID", value_parser = principal)]
    principal: Option<PrincipalId>,
}

/// A new key for who lost theirs.
#[derive(clap::Args)]
pub(super) struct Recover {
    #[command(subcommand)]
    command: Recovery,
}

#[derive(clap::Subcommand)]
enum Recovery {
    /// Begins it: it waits as long as the policy says, and the person can cancel it.
    Start(Start),
    /// Ends it without a new key.
    Cancel(Of),
    /// After the wait: the new key begins with the next block, all others end there.
    Complete(Of),
}

#[derive(clap::Args)]
struct Start {
    #[command(flatten)]
    of: Of,
    /// The public half of the new key, in hexadecimal.
    #[arg(long, value_name = "HEX", value_parser = public_key)]
    public_key: PublicKey,
}

#[derive(clap::Args)]
struct Of {
    #[command(flatten)]
    connect: Connect,
    /// Whose keys are lost, as hexadecimal or PR- code.
    #[arg(value_name = "ID", value_parser = principal)]
    principal: PrincipalId,
}

impl Rotate {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let old = self.connect.key_file()?;
        let file = self.new_file(&old)?;
        file.write_new(&self.file)?;
        let shown = self.file.display();
        out.note(&words!("新密钥已写入 {shown}", "the new key is in {shown}"));
        let (done, until) = block_on(async {
            let node = self.connect.open().await?;
            let until = match (self.until_height, self.overlap) {
                (Some(height), _) => height,
                (None, 0) => 0,
                (None, overlap) => {
                    let now = node.client.status().await?.height;
                    self.from_height.max(now.saturating_add(1)).saturating_add(overlap)
                }
            };
            let add = json!({ "key": file.public().to_string(), "from_height": self.from_height });
            let revoke = json!({ "key": old.public().to_string(), "from_height": until });
            let calls = [("AddKey", &add), ("RevokeKey", &revoke)];
            let schema = node.client.schema(ROOM).await?;
            Ok((perform(&node, &schema, &calls).await, until))
        })?;
        let done = done.map_err(|failure| {
            let Words { zh, en } = failure.hint().clone();
            failure.advising(words!(
                "{zh}；新密钥 {shown} 未确认登记，请继续使用原密钥",
                "{en}; the new key in {shown} is not known to be registered: go on with the old one"
            ))
        })?;
        let public = file.public();
        let end = if until == 0 { done.found.height.0.saturating_add(1) } else { until };
        done.answer(
            out,
            &words!(
                "新密钥 {public} 已登记，原密钥自区块 {end} 起失效；请改用 {shown}",
                "the new key {public} is registered, the old one ends at block {end}; use {shown} from now on"
            ),
        );
        Ok(())
    }

    /// The new key, for the same principal and chain.
    fn new_file(&self, old: &KeyFile) -> Result<KeyFile, Failure> {
        let own = self.new_passphrase_file.clone().map(Passphrase::of);
        let passphrase = match (&own, old.is_development()) {
            (Some(own), _) => own.required()?,
            (None, true) => "",
            (None, false) => self.connect.passphrase().required()?,
        };
        Ok(KeyFile::seal(&SecretKey::generate()?, KeyKind::Principal, old.about(), passphrase)?)
    }
}

impl Revoke {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let key = self.public_key;
        let args = json!({ "key": key.to_string(), "from_height": self.from_height });
        let what = match self.from_height {
            0 => words!("密钥 {key} 自下一区块起失效", "the key {key} ends with the next block"),
            height => {
                words!("密钥 {key} 自区块 {height} 起失效", "the key {key} ends at block {height}")
            }
        };
        call(&self.connect, "RevokeKey", &args, &what, out)
    }
}

impl List {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let (id, json) = block_on(async {
            let node = self.connect.open().await?;
            let id = self.principal.map_or_else(|| node.principal(), Ok)?;
            let args = json!({ "principal": id.to_string() });
            Ok((id, ask_by_schema(&node, ROOM, "Principal", &args, false).await?.2))
        })?;
        let code = human::write(human::Kind::Principal, &id.0);
        let mut text = Words::same(code);
        for key in json.get("keys").and_then(Value::as_array).into_iter().flatten() {
            let (key, from, until) =
                (text_of(key, "key"), text_of(key, "from_height"), text_of(key, "until_height"));
            let end = match until.as_str() {
                "0" => Words::default(),
                _ => words!("，至区块 {until} 止", ", ends at block {until}"),
            };
            let _ = write!(text.zh, "\n{key}　自区块 {from} 起{}", end.zh);
            let _ = write!(text.en, "\n{key}  from block {from}{}", end.en);
        }
        if let Some(recovery) = json.get("recovery") {
            let key = text_of(recovery, "key");
            let at = text_of(recovery, "completes_ms").parse().unwrap_or(0);
            let at = time::text(TimeMs(at));
            let _ = write!(text.zh, "\n恢复待办：{key}　{at} 期满");
            let _ = write!(text.en, "\na recovery waits: {key}  until {at}");
        }
        out.answer(&json, &text);
        Ok(())
    }
}

/// A field as text, whichever way it is written.
fn text_of(json: &Value, name: &str) -> String {
    match json.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "0".into(),
    }
}

impl Recover {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let (of, method, key) = match &self.command {
            Recovery::Start(start) => (&start.of, "StartRecovery", Some(start.public_key)),
            Recovery::Cancel(of) => (of, "CancelRecovery", None),
            Recovery::Complete(of) => (of, "CompleteRecovery", None),
        };
        let code = human::write(human::Kind::Principal, &of.principal.0);
        let mut args = json!({ "principal": of.principal.to_string() });
        if let (Some(object), Some(key)) = (args.as_object_mut(), key) {
            object.insert("key".into(), json!(key.to_string()));
        }
        let what = match self.command {
            Recovery::Start(_) => words!(
                "{code} 的密钥恢复已发起，等待期内本人可取消",
                "a recovery for {code} waits; the person may cancel it"
            ),
            Recovery::Cancel(_) => {
                words!("{code} 的密钥恢复已取消", "the recovery for {code} is cancelled")
            }
            Recovery::Complete(_) => words!(
                "{code} 的新密钥自下一区块起生效，其余密钥失效",
                "the new key of {code} begins with the next block; all others end there"
            ),
        };
        call(&of.connect, method, &args, &what, out)
    }
}
