//! A node's configuration: TOML, read once, checked whole.
//!
//! It holds what is local to one machine: addresses, timeouts, logs. What the chain agrees on
//! stands in the genesis and cannot be set here. No key is read from the environment; keys of the
//! node are files in its data folder.
//!
//! # Invariants
//!
//! - **G1 known.** A key that nobody reads is refused, with the nearest one that somebody does.
//! - **G2 loopback.** Without TLS the API listens on loopback only, and the metrics always do,
//!   unless `insecure_dev` says otherwise (design §5).

mod later;

pub use later::{Checkpoint, Timestamp};

use crate::rates;
use crate::words::{Words, words};
use linli_types::limits;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The file's name in the data folder.
pub const FILE: &str = "config.toml";
/// Where gRPC listens unless told otherwise.
pub const GRPC_LISTEN: &str = "127.0.0.1:7401";
/// Where health and metrics listen unless told otherwise.
pub const HTTP_LISTEN: &str = "127.0.0.1:7402";
/// Where peers connect unless told otherwise.
pub const NETWORK_LISTEN: &str = "127.0.0.1:7400";
/// How long one answer may take, in milliseconds: the longest wait for a receipt, and a reserve.
pub const REQUEST_TIMEOUT_MS: u64 = 40_000;
/// Requests served at once.
pub const REQUESTS_MAX: usize = 4_096;
/// Connections of clients held at once.
pub const CONNECTIONS_MAX: usize = 512;
/// Streams of one connection.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 256;
/// How long a round waits for a proposal, in milliseconds.
pub const PROPOSE_MS: u64 = 500;
/// By how much that grows with each round, in milliseconds.
pub const PROPOSE_STEP_MS: u64 = 500;
/// How long a round waits for votes, in milliseconds.
pub const VOTE_MS: u64 = 200;
/// By how much that grows with each round, in milliseconds.
pub const VOTE_STEP_MS: u64 = 200;
/// How long open requests may take to end when the node stops, in milliseconds.
pub const STOP_GRACE_MS: u64 = 3_000;

/// Everything that is local to this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// For people: the name in logs and in `status`.
    pub name: String,
    /// Lets the API listen beyond loopback without TLS. For development only.
    #[serde(default)]
    pub insecure_dev: bool,
    /// gRPC and HTTP.
    #[serde(default)]
    pub api: Api,
    /// The access log.
    #[serde(default)]
    pub access: Access,
    /// Receipts of the evidence log.
    #[serde(default)]
    pub receipts: Receipts,
    /// Peers.
    #[serde(default)]
    pub network: Network,
    /// Disk.
    #[serde(default)]
    pub storage: Storage,
    /// Local timeouts.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// Logs.
    #[serde(default)]
    pub log: Log,
    /// Checkpoints of the evidence log.
    #[serde(default)]
    pub checkpoint: Checkpoint,
    /// The time-stamp authority; without it nobody is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
}

/// gRPC and HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Api {
    /// Where gRPC listens.
    pub grpc_listen: SocketAddr,
    /// Where `/healthz` and `/metrics` listen.
    pub http_listen: SocketAddr,
    /// Requests served at once.
    pub requests_max: usize,
    /// Connections held at once.
    pub connections_max: usize,
    /// Streams of one connection.
    pub streams_per_connection_max: u32,
    /// How often each may ask.
    pub rates: rates::Settings,
    /// TLS for gRPC; without it gRPC listens on loopback only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// The certificate that clients see. Relative paths begin at the data folder; both files may be
/// replaced while the node runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate and those that lead to its authority, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
}

/// The access log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    /// Key file of a principal in whose name the log's head is anchored; relative paths begin at the
    /// data folder. Empty: it is not anchored.
    pub anchor_key: PathBuf,
    /// Time between two anchorings, in milliseconds.
    pub anchor_every_ms: u64,
}

/// Receipts of the evidence log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Receipts {
    /// Key file of a principal in whose name receipt keys are set on the ledger; relative paths
    /// begin at the data folder. Empty: that of `access.anchor_key`, if there is one.
    pub carrier_key: PathBuf,
}

/// Peers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// Where peers connect.
    pub listen: SocketAddr,
    /// Whom to connect to. Who may be a peer stands in the genesis.
    pub peers: Vec<Peer>,
}

/// One peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// The validator's name in the genesis.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
}

/// Disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// Free bytes below which submissions are refused while voting goes on.
    pub reserve_bytes: u64,
}

/// Local timeouts. They decide how fast a node gives up on a round, never what a block holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// Waiting for a proposal, in milliseconds.
    pub propose_ms: u64,
    /// Growth of that per round, in milliseconds.
    pub propose_step_ms: u64,
    /// Waiting for votes, in milliseconds.
    pub vote_ms: u64,
    /// Growth of that per round, in milliseconds.
    pub vote_step_ms: u64,
    /// Longest time for one answer of the API, in milliseconds.
    pub request_ms: u64,
    /// Time that open requests get when the node stops, in milliseconds.
    pub stop_grace_ms: u64,
}

/// Logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Lines for people or for machines.
    pub format: LogFormat,
    /// What is logged, unless `RUST_LOG` says otherwise.
    pub level: LogLevel,
    /// Relative to the data folder; empty means standard error.
    pub file: PathBuf,
}

/// Lines for people or for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// From which weight on lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// The word that filters use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl Default for Api {
    fn default() -> Self {
        Self {
            grpc_listen: address(GRPC_LISTEN),
            http_listen: address(HTTP_LISTEN),
            requests_max: REQUESTS_MAX,
            connections_max: CONNECTIONS_MAX,
            streams_per_connection_max: STREAMS_PER_CONNECTION_MAX,
            rates: rates::Settings::default(),
            tls: None,
        }
    }
}

impl Default for Access {
    fn default() -> Self {
        Self { anchor_key: PathBuf::new(), anchor_every_ms: limits::ACCESS_ANCHOR_MS }
    }
}

impl Default for Network {
    fn default() -> Self {
        Self { listen: address(NETWORK_LISTEN), peers: Vec::new() }
    }
}

impl Default for Storage {
    fn default() -> Self {
        Self { reserve_bytes: limits::DISK_RESERVE_BYTES }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            propose_ms: PROPOSE_MS,
            propose_step_ms: PROPOSE_STEP_MS,
            vote_ms: VOTE_MS,
            vote_step_ms: VOTE_STEP_MS,
            request_ms: REQUEST_TIMEOUT_MS,
            stop_grace_ms: STOP_GRACE_MS,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: LogLevel::Info, file: PathBuf::new() }
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("the default addresses are addresses")
}

/// Why a configuration is refused. The fault lies with whoever wrote the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadConfig(pub Words);

impl Config {
    /// A configuration with every default.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            insecure_dev: false,
            api: Api::default(),
            access: Access::default(),
            receipts: Receipts::default(),
            network: Network::default(),
            storage: Storage::default(),
            timeouts: Timeouts::default(),
            log: Log::default(),
            checkpoint: Checkpoint::default(),
            timestamp: None,
        }
    }

    /// Reads and checks a file's text.
    ///
    /// # Errors
    ///
    /// [`BadConfig`] names the key and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadConfig> {
        let table: toml::Table = text.parse().map_err(bad_toml)?;
        refuse_unknown(&table)?; // G1
        let config: Self = toml::from_str(text).map_err(bad_toml)?;
        config.check()?;
        Ok(config)
    }

    /// Reads `config.toml` of a data folder.
    ///
    /// # Errors
    ///
    /// [`BadConfig`] if it cannot be read or is refused.
    pub fn read(data: &Path) -> Result<Self, BadConfig> {
        let path = data.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|e| {
            let path = path.display();
            BadConfig(words!(
                "无法读取配置 {path}：{e}",
                "cannot read the configuration {path}: {e}"
            ))
        })?;
        Self::parse(&text)
    }

    /// The file's text, with a line of explanation at its head. [`Config::parse`] reads it back.
    ///
    /// # Panics
    ///
    /// Never: a configuration is plain TOML.
    pub fn to_text(&self) -> String {
        let body = toml::to_string(self).expect("a configuration is plain TOML");
        format!(
            "# Configuration of one Linli node. Units stand at the end of the names.\n\
             # What the chain agrees on stands in the genesis file and cannot be set here.\n\n{body}"
        )
    }

    fn check(&self) -> Result<(), BadConfig> {
        let tls = self.api.tls.is_some();
        for (key, listen, may) in [
            ("api.grpc_listen", self.api.grpc_listen, tls || self.insecure_dev),
            ("api.http_listen", self.api.http_listen, self.insecure_dev),
        ] {
            if !listen.ip().is_loopback() && !may {
                // G2
                return Err(BadConfig(words!(
                    "{key} = {listen}：没有 TLS 时只能监听本机回环地址（请配置 [api.tls]；开发环境可设 insecure_dev = true）",
                    "{key} = {listen}: without TLS only loopback is allowed (give [api.tls]; for development set insecure_dev = true)"
                )));
            }
        }
        for (key, found) in [
            ("api.requests_max", self.api.requests_max as u64),
            ("api.connections_max", self.api.connections_max as u64),
            ("api.streams_per_connection_max", u64::from(self.api.streams_per_connection_max)),
            ("timeouts.propose_ms", self.timeouts.propose_ms),
            ("timeouts.vote_ms", self.timeouts.vote_ms),
            ("timeouts.request_ms", self.timeouts.request_ms),
            ("access.anchor_every_ms", self.access.anchor_every_ms),
        ] {
            if found == 0 {
                return Err(zero(key));
            }
        }
        for (name, rate) in self.api.rates.all() {
            if rate.per_s == 0 || rate.burst == 0 {
                return Err(zero(&format!("api.rates.{name}")));
            }
        }
        self.checkpoint.keys()?;
        if let Some(timestamp) = &self.timestamp {
            timestamp.check()?;
        }
        if self.log.file.is_absolute() || self.log.file.components().any(|c| c.as_os_str() == "..")
        {
            return Err(BadConfig(words!(
                "log.file 须是数据目录内的相对路径",
                "log.file must be a relative path inside the data folder"
            )));
        }
        Ok(())
    }
}

fn zero(key: &str) -> BadConfig {
    BadConfig(words!("{key} 不能为 0", "{key} must be above zero"))
}

fn bad_toml(error: toml::de::Error) -> BadConfig {
    let why = error.to_string().trim_end().to_owned();
    BadConfig(words!("配置不合规：{why}", "the configuration is not acceptable: {why}"))
}

/// Compares every key with those of a full sample (G1).
fn refuse_unknown(table: &toml::Table) -> Result<(), BadConfig> {
    let mut sample = Config::named("sample");
    sample.api.tls = Some(Tls { certificate: PathBuf::new(), key: PathBuf::new() });
    sample.timestamp = Some(Timestamp {
        url: String::new(),
        every_minutes: 1,
        certificate: PathBuf::new(),
        authorities: PathBuf::new(),
    });
    sample.network.peers.push(Peer { name: String::new(), address: address(NETWORK_LISTEN) });
    let sample = toml::Table::try_from(&sample).expect("a configuration is plain TOML");
    let mut known = Vec::new();
    paths("", &sample, &mut known);
    let mut found = Vec::new();
    paths("", table, &mut found);
    let Some(unknown) = found.iter().find(|path| !known.contains(path)) else { return Ok(()) };
    let nearest =
        known.iter().min_by_key(|path| distance(path, unknown)).cloned().unwrap_or_default();
    Err(BadConfig(words!(
        "配置中没有 {unknown} 这一项；最接近的是 {nearest}",
        "the configuration has no key {unknown}; the nearest is {nearest}"
    )))
}

fn paths(prefix: &str, table: &toml::Table, all: &mut Vec<String>) {
    for (key, value) in table {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            toml::Value::Table(inner) => paths(&path, inner, all),
            toml::Value::Array(items) => {
                items.iter().filter_map(toml::Value::as_table).for_each(|t| paths(&path, t, all));
            }
            _ => {}
        }
        all.push(path);
    }
}

/// Single-character edits between two keys (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((y, above), pair) in b.iter().zip(row.iter().skip(1)).zip(row.iter()) {
            let left = next.last().copied().unwrap_or(0);
            let change = pair + usize::from(*y != x);
            next.push(change.min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Config::parse(text).unwrap_err().0.en
    }

    #[test]
    fn the_sample_comes_back() {
        let mut config = Config::named("district");
        let peer = |name: &str| Peer { name: name.into(), address: address(NETWORK_LISTEN) };
        config.network.peers = vec![peer("fund"), peer("operator-a")];
        config.log.file = "log/node.log".into();
        config.api.tls =
            Some(Tls { certificate: "tls/node.pem".into(), key: "tls/node.key".into() });
        config.access.anchor_key = "keys/anchor.key".into();
        config.receipts.carrier_key = "keys/carrier.key".into();
        assert_eq!(Config::parse(&config.to_text()), Ok(config));
    }

    #[test]
    fn a_name_alone_is_a_configuration() {
        assert_eq!(Config::parse("name = \"fund\""), Ok(Config::named("fund")));
    }

    #[test]
    fn an_unknown_key_names_itself_and_the_nearest() {
        let found = refusal("name = \"a\"\n[api]\ngrpc_lisen = \"127.0.0.1:1\"");
        assert_eq!(
            found,
            "the configuration has no key api.grpc_lisen; the nearest is api.grpc_listen"
        );
        let found = refusal("name = \"a\"\n[[network.peers]]\nname = \"b\"\nadress = \"x\"");
        assert!(found.contains("network.peers.adress"), "{found}");
        assert!(found.ends_with("network.peers.address"), "{found}");
    }

    #[test]
    fn an_open_address_needs_the_word() {
        let open = "[api]\ngrpc_listen = \"0.0.0.0:7401\"";
        assert!(refusal(&format!("name = \"a\"\n{open}")).contains("loopback"));
        assert!(Config::parse(&format!("name = \"a\"\ninsecure_dev = true\n{open}")).is_ok());
        // With TLS gRPC may listen anywhere; health and metrics have none.
        let tls = "[api.tls]\ncertificate = \"a.pem\"\nkey = \"a.key\"";
        assert!(Config::parse(&format!("name = \"a\"\n{open}\n{tls}")).is_ok());
        let open = "[api]\nhttp_listen = \"0.0.0.0:7402\"";
        assert!(refusal(&format!("name = \"a\"\n{open}\n{tls}")).contains("http_listen"));
    }

    #[test]
    fn rates_and_tls_are_read_and_judged() {
        let head = "name = \"a\"\n";
        let slow = "[api.rates]\nreads_per_key = { per_s = 2, burst = 3 }";
        let config = Config::parse(&format!("{head}{slow}")).unwrap();
        assert_eq!(config.api.rates.reads_per_key, crate::bucket::Rate { per_s: 2, burst: 3 });
        let never = "[api.rates]\nreads_per_key = { per_s = 0, burst = 3 }";
        assert!(refusal(&format!("{head}{never}")).contains("api.rates.reads_per_key"));
        let half = "[api.tls]\ncertificate = \"a.pem\"";
        assert!(refusal(&format!("{head}{half}")).contains("key"));
        let odd = "[api.tls]\ncertificat = \"a.pem\"\nkey = \"a.key\"";
        assert!(refusal(&format!("{head}{odd}")).ends_with("api.tls.certificate"));
        assert!(
            refusal(&format!("{head}[access]\nanchor_every_ms = 0")).contains("anchor_every_ms")
        );
    }

    #[test]
    fn wrong_types_and_zero_are_refused() {
        assert!(refusal("name = \"a\"\n[timeouts]\nvote_ms = \"fast\"").contains("vote_ms"));
        assert!(refusal("name = \"a\"\n[timeouts]\nvote_ms = 0").contains("timeouts.vote_ms"));
        assert!(refusal("name = \"a\"\n[api]\ngrpc_listen = \"nowhere\"").contains("grpc_listen"));
        assert!(refusal("name = \"a\"\n[log]\nfile = \"/etc/x\"").contains("relative"));
        assert!(refusal("[api]").contains("name"));
    }
}
