//! `linli init`: a data folder from a genesis file and two keys.
//!
//! Everything is judged before anything is written: the genesis, its contracts, the keys. The
//! store is made last, so that a folder without one may simply be initialised again.

use super::key::Passphrase;
use super::store::{DB, GENESIS, NETWORK_KEY, VALIDATOR_KEY, unopened};
use super::{Failure, Output, genesis, machine, unwritable};
use crate::config::{self, Config, Peer};
use crate::contract_thread;
use crate::storage::{RocksStore, Tuning};
use crate::words::words;
use linli_runtime::{Ledger, Settings};
use linli_sdk::{KeyFile, KeyKind};
use linli_types::genesis::Genesis;
use linli_types::validator::Validator;
use serde_json::json;
use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Makes a node's data folder.
#[derive(clap::Args)]
pub(super) struct Init {
    /// The genesis file.
    #[arg(long, value_name = "FILE")]
    genesis: PathBuf,
    /// The folder to make.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The validator's consensus key; it is copied into the folder.
    #[arg(long, value_name = "FILE")]
    validator_key: PathBuf,
    /// The validator's network key; it is copied into the folder.
    #[arg(long, value_name = "FILE")]
    network_key: PathBuf,
    /// Where peers connect.
    #[arg(long, value_name = "ADDRESS", default_value = config::NETWORK_LISTEN)]
    listen: SocketAddr,
    /// Where gRPC listens.
    #[arg(long, value_name = "ADDRESS", default_value = config::GRPC_LISTEN)]
    grpc: SocketAddr,
    /// Where /healthz and /metrics listen.
    #[arg(long, value_name = "ADDRESS", default_value = config::HTTP_LISTEN)]
    http: SocketAddr,
    /// A peer: its name in the genesis and its address. May stand several times.
    #[arg(long = "peer", value_name = "NAME=ADDRESS", value_parser = peer)]
    peers: Vec<Peer>,
    /// The name of a validator that is not in the genesis: one that a motion adds. Its node
    /// follows the others from then on.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    passphrase: Passphrase,
}

fn peer(text: &str) -> Result<Peer, String> {
    let (name, address) = text.split_once('=').ok_or("NAME=ADDRESS")?;
    let address = address.parse().map_err(|e| format!("{e}"))?;
    Ok(Peer { name: name.to_owned(), address })
}

impl Init {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let (genesis, chain, bytes) = genesis::read(&self.genesis)?;
        // Judges contracts, principals and accounts, and gives the first batch.
        let judge = || Ledger::genesis(&bytes, Settings::default());
        let judged = contract_thread::run("linli-genesis", judge).map_err(|why| machine(&why))?;
        let batch = judged.map_err(|why| {
            Failure::refused(
                "BAD_GENESIS",
                words!("创世文件不成立：{why}", "the genesis is refused: {why}"),
                words!("请联系创世文件的制作方", "ask whoever wrote the genesis file"),
            )
        })?;
        let validator = self.key(&self.validator_key, KeyKind::Validator)?;
        let network = self.key(&self.network_key, KeyKind::Network)?;
        let name = match &self.name {
            Some(name) => name.clone(),
            None => {
                self.check_peers(&genesis)?;
                seat(&genesis, &validator, &network)?.name.clone()
            }
        };
        let config = self.config(&name);
        self.write_files(&bytes, &config, &validator, &network)?;
        let db = self.data.join(DB);
        RocksStore::create(&db, &batch, Tuning::default()).map_err(|why| unopened(&db, &why))?;
        let data = self.data.display();
        out.answer(
            &json!({"chain": chain.to_string(), "name": name, "data": self.data,
                    "validator": validator.public().to_string()}),
            &words!(
                "{name} 已就绪：链 {chain}，数据目录 {data}",
                "{name} is ready: chain {chain}, data folder {data}"
            ),
        );
        out.note(&words!("下一步：linli run --data {data}", "next: linli run --data {data}"));
        Ok(())
    }

    /// Opens a key to see that its passphrase is at hand, and that it is of the right kind.
    fn key(&self, path: &Path, kind: KeyKind) -> Result<KeyFile, Failure> {
        let (file, _) = self.passphrase.open(path)?;
        if file.kind() == kind {
            return Ok(file);
        }
        let (shown, found, wanted) = (path.display(), file.kind().name(), kind.name());
        Err(Failure::usage(
            words!(
                "{shown} 是 {found} 密钥，需要 {wanted} 密钥",
                "{shown} is a {found} key; a {wanted} key is needed"
            ),
            words!(
                "用 linli key new --kind {wanted} 生成",
                "make one with `linli key new --kind {wanted}`"
            ),
        ))
    }

    fn check_peers(&self, genesis: &Genesis) -> Result<(), Failure> {
        let known = |peer: &&Peer| genesis.validators.members().iter().any(|v| v.name == peer.name);
        let Some(stranger) = self.peers.iter().find(|peer| !known(peer)) else { return Ok(()) };
        let name = &stranger.name;
        Err(Failure::usage(
            words!("创世文件中没有验证节点 {name}", "the genesis has no validator called {name}"),
            words!("用 linli genesis show 查看名称", "see the names with `linli genesis show`"),
        ))
    }

    fn config(&self, name: &str) -> Config {
        let mut config = Config::named(name);
        config.api.grpc_listen = self.grpc;
        config.api.http_listen = self.http;
        config.network.listen = self.listen;
        config.network.peers.clone_from(&self.peers);
        config
    }

    fn write_files(
        &self,
        genesis: &[u8],
        config: &Config,
        validator: &KeyFile,
        network: &KeyFile,
    ) -> Result<(), Failure> {
        if self.data.join(DB).join("CURRENT").exists() {
            let data = self.data.display();
            return Err(Failure::usage(
                words!("{data} 中已有一条链", "a chain stands in {data} already"),
                words!("请换一个目录", "choose another folder"),
            ));
        }
        let keys = self.data.join("keys");
        for folder in [&self.data, &keys] {
            make_private(folder).map_err(|e| unwritable(folder, &e))?;
        }
        copy_key(validator, &self.data.join(VALIDATOR_KEY))?;
        copy_key(network, &self.data.join(NETWORK_KEY))?;
        let text = config.to_text();
        for (name, bytes) in [(GENESIS, genesis), (config::FILE, text.as_bytes())] {
            let path = self.data.join(name);
            std::fs::write(&path, bytes).map_err(|e| unwritable(&path, &e))?;
        }
        Ok(())
    }
}

/// A folder that only the node's user may enter, also if it was there before: it holds keys, the
/// log's secrets and everybody's rows.
fn make_private(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))
}

/// The validator whose keys these are.
fn seat<'a>(
    genesis: &'a Genesis,
    validator: &KeyFile,
    network: &KeyFile,
) -> Result<&'a Validator, Failure> {
    let key = validator.public();
    let hint = words!(
        "用 linli genesis show 核对公钥；由议案新增的节点请用 --name 写明名称",
        "compare the keys with `linli genesis show`; one that a motion adds says its --name"
    );
    let seat = genesis.validators.get(&key).ok_or_else(|| {
        Failure::refused(
            "NO_VALIDATOR",
            words!(
                "创世文件中没有公钥为 {key} 的验证节点",
                "the genesis has no validator with the key {key}"
            ),
            hint.clone(),
        )
    })?;
    if seat.network_key != network.public() {
        let name = &seat.name;
        return Err(Failure::refused(
            "OTHER_NETWORK_KEY",
            words!(
                "网络密钥不是 {name} 在创世文件中的那把",
                "the network key is not the one that the genesis has for {name}"
            ),
            hint,
        ));
    }
    Ok(seat)
}

/// Copies a key, still encrypted. The same key may stand there already.
fn copy_key(file: &KeyFile, path: &Path) -> Result<(), Failure> {
    match KeyFile::read(path) {
        Ok(there) if there.public() == file.public() => Ok(()),
        _ => Ok(file.write_new(path)?),
    }
}
