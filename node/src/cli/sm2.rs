//! `linli org sm2 …`: an organisation's second key in the ledger, and its files.
//!
//! The key signs a proof that its holder has it, for this chain and organisation; the file stays
//! where it is. Who may set it is the ledger's to judge.

use super::connect::Connect;
use super::key::Passphrase;
use super::org::{ROOM, call};
use super::query::ask_by_schema;
use super::{Failure, Output, block_on};
use crate::words::{Words, words};
use linli_sdk::{Sm2Key, Sm2KeyFile};
use linli_types::id::ChainId;
use linli_verify::sm2::{PUBLIC_KEY_BYTES, SIGNATURE_BYTES, key_id, possession, verify};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// An organisation's second key, for national ciphers.
#[derive(clap::Args)]
pub(super) struct Sm2 {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Gives the organisation this key; the one before ends there.
    Set(Set),
    /// Ends the organisation's key.
    Retire(Retire),
    /// Lists the organisation's keys and checks that their holders had them.
    List(List),
}

#[derive(clap::Args)]
struct Set {
    #[command(flatten)]
    connect: Connect,
    /// The organisation's number.
    #[arg(value_name = "NUMBER")]
    org: u32,
    /// File of its SM2 key.
    #[arg(long, value_name = "FILE")]
    sm2_key: PathBuf,
    /// File that holds the SM2 key's passphrase. Development keys need none.
    #[arg(long, value_name = "FILE")]
    sm2_passphrase_file: Option<PathBuf>,
    /// First height at which it signs; otherwise the next block.
    #[arg(long, value_name = "HEIGHT", default_value_t = 0, hide_default_value = true)]
    from_height: u64,
}

#[derive(clap::Args)]
struct Retire {
    #[command(flatten)]
    connect: Connect,
    /// The organisation's number.
    #[arg(value_name = "NUMBER")]
    org: u32,
    /// First height at which it does not sign any more; otherwise the next block.
    #[arg(long, value_name = "HEIGHT", default_value_t = 0, hide_default_value = true)]
    from_height: u64,
}

#[derive(clap::Args)]
struct List {
    #[command(flatten)]
    connect: Connect,
    /// The organisation's number.
    #[arg(value_name = "NUMBER")]
    org: u32,
}

impl Sm2 {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        match self.command {
            Command::Set(set) => set.run(out),
            Command::Retire(retire) => retire.run(out),
            Command::List(list) => list.run(out),
        }
    }
}

/// Opens an SM2 key file; the passphrase may be in a file of its own.
pub(super) fn open(path: &Path, passphrase: Option<&PathBuf>) -> Result<Sm2Key, Failure> {
    let file = Sm2KeyFile::read(path)?;
    if file.is_development() {
        return Ok(file.open("")?);
    }
    let Some(passphrase) = passphrase else {
        let path = path.display();
        return Err(Failure::usage(
            words!("密钥 {path} 需要口令", "the key {path} needs its passphrase"),
            words!(
                "请用 --sm2-passphrase-file 指定口令文件",
                "name a file with --sm2-passphrase-file"
            ),
        ));
    };
    Ok(file.open(Passphrase::of(passphrase.clone()).required()?)?)
}

impl Set {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let key = open(&self.sm2_key, self.sm2_passphrase_file.as_ref())?;
        let chain = self.connect.chain()?;
        let proof = key.prove(&chain, self.org)?;
        let args = json!({
            "org": self.org,
            "public_key": hex::encode(proof.public_key),
            "signer_id": proof.signer_id,
            "possession": hex::encode(proof.signature),
            "from_height": self.from_height,
        });
        let (org, id) = (self.org, key_id(&proof.public_key));
        let what = words!(
            "机构 {org} 的 SM2 密钥已登记，密钥编号 {id}",
            "organisation {org} has an SM2 key now, its id is {id}"
        );
        call(&self.connect, "SetSm2Key", &args, &what, out)
    }
}

impl Retire {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let org = self.org;
        let args = json!({ "org": org, "from_height": self.from_height });
        let what = words!(
            "机构 {org} 的 SM2 密钥已停用；此前的签名仍有效",
            "the SM2 key of organisation {org} ends; what it signed before stays valid"
        );
        call(&self.connect, "RetireSm2Key", &args, &what, out)
    }
}

impl List {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let org = self.org;
        let chain = self.connect.chain()?;
        let mut json = block_on(async {
            let node = self.connect.open().await?;
            Ok(ask_by_schema(&node, ROOM, "Sm2Keys", &json!({ "org": org }), false).await?.2)
        })?;
        let (mut zh, mut en) =
            (format!("机构 {org} 的 SM2 密钥"), format!("SM2 keys of organisation {org}"));
        let keys = json.get_mut("keys").and_then(Value::as_array_mut);
        for key in keys.into_iter().flatten().filter_map(Value::as_object_mut) {
            let held = is_held(&chain, org, key);
            let line = line(key, held);
            let _ = write!(zh, "{}", line.zh);
            let _ = write!(en, "{}", line.en);
            key.insert("possession_proved".into(), held.into());
        }
        out.answer(&json, &words!("{zh}", "{en}"));
        Ok(())
    }
}

fn field<'a>(key: &'a Map<String, Value>, name: &str) -> &'a str {
    key.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn line(key: &Map<String, Value>, held: bool) -> Words {
    let (public, id) = (field(key, "public_key"), field(key, "signer_id"));
    let (from, until) = (field(key, "from_height"), field(key, "until_height"));
    let until = if until == "0" { "" } else { until };
    let (zh, en) = match held {
        true => ("持有证明成立", "possession proved"),
        false => ("持有证明不成立：其签名不可信", "possession NOT proved: do not trust it"),
    };
    words!(
        "\n  {public}\n    标识 {id}　区块 {from}–{until}　{zh}",
        "\n  {public}\n    signer id {id}  blocks {from}–{until}  {en}"
    )
}

/// Whether the holder of the key signed for this organisation: the chain does not check it.
fn is_held(chain: &ChainId, org: u32, key: &Map<String, Value>) -> bool {
    let bytes = |name: &str| hex::decode(field(key, name)).unwrap_or_default();
    let public: Result<[u8; PUBLIC_KEY_BYTES], _> = bytes("public_key").try_into();
    let signature: Result<[u8; SIGNATURE_BYTES], _> = bytes("possession").try_into();
    let (Ok(public), Ok(signature)) = (public, signature) else { return false };
    let id = field(key, "signer_id");
    verify(&public, id, &possession(chain, org, &public, id), &signature).is_ok()
}
