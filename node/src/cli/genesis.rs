//! `linli genesis show`: what a genesis file says, without a node.

use super::{Failure, Output, unreadable};
use crate::words::{Words, words};
use linli_types::digest;
use linli_types::genesis::{BadGenesis, Genesis};
use linli_types::id::ChainId;
use linli_types::limits;
use linli_verify::said::{self, Detail};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Looks into genesis files.
#[derive(clap::Args)]
pub(super) struct GenesisCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Shows the chain's id, validators, principals and contracts.
    Show(Show),
}

/// Shows a genesis file.
#[derive(clap::Args)]
struct Show {
    /// The genesis file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl GenesisCommand {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let Command::Show(Show { file }) = self.command;
        let (genesis, chain, _) = read(&file)?;
        out.answer(&json(&genesis, chain), &text(&genesis, chain));
        Ok(())
    }
}

/// Reads a genesis file: its meaning, its chain, its bytes.
///
/// # Errors
///
/// The file cannot be read, or is refused with the reason.
pub(super) fn read(path: &Path) -> Result<(Genesis, ChainId, Vec<u8>), Failure> {
    let bytes = read_bytes(path)?;
    let (genesis, chain) = Genesis::from_bytes(&bytes).map_err(|why| refused(&why))?;
    Ok((genesis, chain, bytes))
}

fn refused(why: &BadGenesis) -> Failure {
    let Detail { zh, en } = said::genesis(why);
    Failure::refused(
        "BAD_GENESIS",
        words!("创世文件不成立：{zh}", "the genesis is refused: {en}"),
        words!("请联系创世文件的制作方", "ask whoever wrote the genesis file"),
    )
}

/// Reads a file of at most a genesis's size.
pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let most = limits::GENESIS_BYTES_MAX as u64 + 1;
    std::fs::File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut bytes))
        .map_err(|e| unreadable(path, &e))?;
    Ok(bytes)
}

fn json(genesis: &Genesis, chain: ChainId) -> Value {
    let validators: Vec<Value> = genesis
        .validators
        .members()
        .iter()
        .map(|v| {
            json!({"name": v.name, "kind": format!("{:?}", v.kind), "org": v.org,
                   "power": v.power, "key": v.key.to_string(),
                   "network_key": v.network_key.to_string()})
        })
        .collect();
    let principals: Vec<Value> = genesis
        .principals
        .iter()
        .map(|p| {
            let roles: Vec<String> = p.roles.iter().map(|r| format!("{r:?}")).collect();
            json!({"id": p.id.to_string(), "org": p.org, "roles": roles, "key": p.key.to_string()})
        })
        .collect();
    let modules: Vec<Value> = genesis
        .modules
        .iter()
        .map(|m| {
            json!({"name": m.name, "bytes": m.code.len(),
                   "code_blake3": digest::plain(&m.code).to_string()})
        })
        .collect();
    json!({
        "chain": chain.to_string(), "name": genesis.name, "protocol": genesis.protocol,
        "time_ms": genesis.time.0, "undo_heights": genesis.undo_heights,
        "validators": validators, "principals": principals,
        "accounts": genesis.accounts.len(), "modules": modules,
    })
}

fn text(genesis: &Genesis, chain: ChainId) -> Words {
    let (name, protocol) = (&genesis.name, genesis.protocol);
    let mut text = words!(
        "链 {name}  {chain}\n规则版本 {protocol}",
        "chain {name}  {chain}\nprotocol {protocol}"
    );
    for v in genesis.validators.members() {
        let (name, kind, org, power) = (&v.name, v.kind, v.org, v.power);
        let kind_zh = said::organisation(kind);
        let _ = write!(text.zh, "\n验证节点 {name}  {kind_zh}  机构 {org}  权重 {power}");
        let _ = write!(text.en, "\nvalidator {name}  {kind:?}  organisation {org}  power {power}");
    }
    let (people, accounts) = (genesis.principals.len(), genesis.accounts.len());
    let _ = write!(text.zh, "\n主体 {people}  账户 {accounts}");
    let _ = write!(text.en, "\nprincipals {people}  accounts {accounts}");
    for m in &genesis.modules {
        let _ = write!(text.zh, "\n合约 {}  {} 字节", m.name, m.code.len());
        let _ = write!(text.en, "\ncontract {}  {} bytes", m.name, m.code.len());
    }
    text
}
