//! `linli run`: a node until it is told to stop, or breaks.
//!
//! SIGTERM and SIGINT stop it gracefully: no new requests, open ones get their grace, the step
//! under way is finished, the store is flushed. A second signal does not hurry it.

use super::key::Passphrase;
use super::output::Exit;
use super::store::{NETWORK_KEY, NEXT_KEY, RECEIPT_KEY, VALIDATOR_KEY, chain, reason};
use super::{Failure, Output, machine, unreadable};
use crate::anchoring::{self, Anchor};
use crate::api::{self, Api, Later};
use crate::checkpoints::Checkpoints;
use crate::config::{BadConfig, Config};
use crate::driver::Ended;
use crate::node::{Node, NodeOptions, StartError, raise_open_files};
use crate::rehearsing::{self, Rehearser};
use crate::stamping::{self, Stamper, Stamps};
use crate::storage::OpenError;
use crate::tls::{BadPair, Tls};
use crate::words::{Words, words};
use crate::{http, receipts, telemetry};
use linli_runtime::Outdated;
use linli_sdk::web::Web;
use linli_sdk::{About, KeyFile, KeyKind, SecretKey};
use linli_types::id::{ChainId, PrincipalId};
use linli_verify::{Detail, token};
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Runs a node.
#[derive(clap::Args)]
pub(super) struct Run {
    /// The node's data folder.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    passphrase: Passphrase,
}

impl Run {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let (_, chain, _) = chain(&self.data)?;
        let config = Config::read(&self.data).map_err(|BadConfig(what)| {
            Failure::usage(what, words!("请修改 config.toml", "correct config.toml"))
        })?;
        telemetry::start(&config.log, &self.data).map_err(|e| machine(&e))?;
        raise_open_files();
        let options = self.options(&config, chain)?;
        let anchor = self.anchor(&config)?;
        let rehearser = Rehearser {
            data: self.data.clone(),
            signer: options.signer(),
            carrier: anchor.as_ref().map(|anchor| (anchor.key.clone(), anchor.principal)),
        };
        let own = self.carrier("receipts.carrier_key", &config.receipts.carrier_key)?;
        let registrar = own.or_else(|| rehearser.carrier.clone());
        let later = self.later(&config, &options, chain)?;
        let stamper = self.stamper(&config, &later)?;
        let tls = self.tls(&config)?;
        let edge = Edge { tls, anchor, registrar, rehearser, later, stamper };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|e| machine(&e))?;
        let ended = runtime.block_on(serve(options, &config, edge, out));
        // What still runs after the grace is not waited for.
        runtime.shutdown_timeout(Duration::from_millis(config.timeouts.stop_grace_ms));
        ended
    }

    fn options(&self, config: &Config, chain: ChainId) -> Result<NodeOptions, Failure> {
        let (_, validator) = self.passphrase.open(&self.data.join(VALIDATOR_KEY))?;
        let (_, network) = self.passphrase.open(&self.data.join(NETWORK_KEY))?;
        let mut options = NodeOptions::new(&self.data, *validator.to_bytes(), *network.to_bytes());
        let next = self.data.join(NEXT_KEY);
        if next.exists() {
            options.successor_key = Some(self.passphrase.open(&next)?.1.to_bytes());
        }
        options.receipt_key = Some(self.receipt_key(chain)?.to_bytes());
        options.chain = Some(chain);
        options.name.clone_from(&config.name);
        options.listen = config.network.listen;
        let peers = config.network.peers.iter();
        options.peers = peers.map(|peer| (peer.name.clone(), peer.address)).collect();
        options.reserve_bytes = config.storage.reserve_bytes;
        options.rates = config.api.rates;
        let (timeouts, local) = (&mut options.timeouts, &config.timeouts);
        timeouts.propose_ms = local.propose_ms;
        timeouts.propose_step_ms = local.propose_step_ms;
        timeouts.vote_ms = local.vote_ms;
        timeouts.vote_step_ms = local.vote_step_ms;
        Ok(options)
    }

    /// The key that signs receipts. A folder that lacks one gets it now, guarded as the validator's.
    fn receipt_key(&self, chain: ChainId) -> Result<SecretKey, Failure> {
        let path = self.data.join(RECEIPT_KEY);
        if path.exists() {
            return Ok(self.passphrase.open(&path)?.1);
        }
        let (key, about) = (SecretKey::generate()?, About { chain: Some(chain), principal: None });
        let passphrase = self.passphrase.guarding(&self.data.join(VALIDATOR_KEY))?;
        KeyFile::seal(&key, KeyKind::Receipt, about, passphrase)?.write_new(&path)?;
        tracing::info!(key = %key.public(), "node.receipt_key.new");
        Ok(key)
    }

    /// The certificate that clients see, if one is configured.
    fn tls(&self, config: &Config) -> Result<Option<Tls>, Failure> {
        let Some(files) = &config.api.tls else { return Ok(None) };
        let loaded = Tls::load(files, &self.data);
        loaded.map(Some).map_err(|BadPair(Words { zh, en })| {
            Failure::new(
                Exit::Broken,
                "TLS",
                words!("节点无法启动：TLS 证书不可用：{zh}", "the node does not start: TLS: {en}"),
                words!(
                    "请核对 config.toml 的 [api.tls] 与所指文件",
                    "check [api.tls] in config.toml and the files that it names"
                ),
            )
        })
    }

    /// What is kept beside the chain: tokens of authorities, cosignatures of witnesses.
    fn later(
        &self,
        config: &Config,
        options: &NodeOptions,
        chain: ChainId,
    ) -> Result<Later, Failure> {
        let witnesses = config.checkpoint.keys().map_err(|BadConfig(what)| {
            Failure::usage(what, words!("请修改 config.toml", "correct config.toml"))
        })?;
        let stamps = Stamps::open(&self.data).map_err(|e| machine(&e))?;
        let signer = options.receipt_key.as_deref().map(SecretKey::from_bytes);
        let checkpoints = Checkpoints::open(&self.data, chain, signer, witnesses);
        let checkpoints = checkpoints.map_err(|e| machine(&e))?;
        Ok(Later { stamps: Arc::new(stamps), checkpoints: Arc::new(checkpoints) })
    }

    /// Whom to ask for time stamps, if anybody.
    fn stamper(&self, config: &Config, later: &Later) -> Result<Option<Stamper>, Failure> {
        let Some(asked) = &config.timestamp else { return Ok(None) };
        let given = |path: &PathBuf| (!path.as_os_str().is_empty()).then(|| self.data.join(path));
        let certificate = given(&asked.certificate).map(|path| certificate(&path)).transpose()?;
        let web = Web::new(given(&asked.authorities).as_deref(), stamping::PATIENCE)?;
        let every = Duration::from_secs(asked.every_minutes.saturating_mul(60));
        let (url, stamps) = (asked.url.clone(), later.stamps.clone());
        Ok(Some(Stamper { url, every, certificate, web, stamps }))
    }

    /// In whose name the access log's head is anchored, if it is.
    fn anchor(&self, config: &Config) -> Result<Option<Anchor>, Failure> {
        let access = &config.access;
        let carrier = self.carrier("access.anchor_key", &access.anchor_key)?;
        let every = Duration::from_millis(access.anchor_every_ms);
        Ok(carrier.map(|(key, principal)| Anchor { key, principal, every }))
    }

    /// A principal that the configuration names, with its key.
    fn carrier(&self, name: &str, file: &Path) -> Result<Option<Carrier>, Failure> {
        if file.as_os_str().is_empty() {
            return Ok(None);
        }
        let path = self.data.join(file);
        let (file, key) = self.passphrase.open(&path)?;
        let Some(principal) = file.about().principal else {
            let shown = path.display();
            return Err(Failure::usage(
                words!("{name}：{shown} 没有写明主体", "{name}: {shown} names no principal"),
                words!(
                    "用 linli key new --principal 生成",
                    "make one with `linli key new --principal`"
                ),
            ));
        };
        Ok(Some((key, principal)))
    }
}

/// In whose name a node's own transactions are.
type Carrier = (SecretKey, PrincipalId);

/// What the edges need beside the configuration, opened before anything runs.
struct Edge {
    tls: Option<Tls>,
    anchor: Option<Anchor>,
    registrar: Option<Carrier>,
    rehearser: Rehearser,
    later: Later,
    stamper: Option<Stamper>,
}

async fn serve(
    options: NodeOptions,
    config: &Config,
    edge: Edge,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    // Signals first: one that comes during the start is not lost.
    let mut stopping = Stopping::listen()?;
    // Ports next: a taken one is found before anything runs.
    let grpc = bind(config.api.grpc_listen).await?;
    let web = bind(config.api.http_listen).await?;
    let node = Node::start(options).await.map_err(|why| not_started(&why))?;
    let (edges, stop) = start_edges(&node, config, edge, grpc, web)?;
    let (name, listen) = (&config.name, config.api.grpc_listen);
    let peers = node.listen();
    out.note(&words!(
        "{name} 已启动：gRPC {listen}，邻居 {peers}",
        "{name} is up: gRPC {listen}, peers {peers}"
    ));
    tracing::info!(name = %config.name, %listen, %peers, version = env!("CARGO_PKG_VERSION"), "node.start");
    let ended = tokio::select! {
        ended = node.ended() => ended,
        () = stopping.wait() => {
            tracing::info!("node.stop.asked");
            node.handle().close();
            stop.send_replace(true);
            let grace = Duration::from_millis(config.timeouts.stop_grace_ms);
            drain(edges, grace).await;
            node.stop().await
        }
    };
    finish(ended, out)
}

fn finish(ended: Ended, out: &mut Output<'_>) -> Result<(), Failure> {
    match ended {
        Ended::Stopped => {
            tracing::info!("node.stop.done");
            out.answer(&json!({"stopped": true}), &words!("已停止", "stopped"));
            Ok(())
        }
        Ended::Outdated(why) => {
            tracing::error!(%why, "node.outdated");
            let Words { zh, en } = outdated(&why);
            Err(Failure::broken(
                words!("本节点已停止：{zh}", "this node has stopped: {en}"),
                newer(),
            ))
        }
        Ended::Broken(why) => {
            tracing::error!(%why, "node.broken");
            Err(Failure::broken(
                words!("本节点已损坏并停止：{why}", "this node is damaged and has stopped: {why}"),
                words!(
                    "先用 linli check-db 检查；同一密钥只能运行一个节点",
                    "run `linli check-db`; a key may run on one node only"
                ),
            ))
        }
    }
}

/// The authority's certificate, in DER.
fn certificate(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = std::fs::read(path).map_err(|e| unreadable(path, &e))?;
    token::certificate(&bytes).map_err(|why| {
        let (Detail { zh, en }, shown) = (why.detail(), path.display());
        Failure::usage(
            words!("timestamp.certificate：{shown} {zh}", "timestamp.certificate: {shown}: {en}"),
            words!(
                "请使用时间戳机构签发时间戳所用的证书",
                "use the certificate by which the authority signs time stamps"
            ),
        )
    })
}

/// Which rules are lacking.
pub(super) fn outdated(why: &Outdated) -> Words {
    let Outdated { height, version, known } = why;
    let (low, high) = (known.start(), known.end());
    words!(
        "自高度 {height} 起本链执行协议版本 {version}，本程序只支持版本 {low} 至 {high}；数据完好",
        "from height {height} on the chain follows protocol version {version}; this program knows \
         {low} to {high}. The data is whole"
    )
}

pub(super) fn newer() -> Words {
    words!(
        "请安装支持该版本的 linli，然后用同一目录重新启动",
        "install a linli that knows this version and start it on the same folder"
    )
}

/// API and HTTP, each a task, and the switch that stops both.
fn start_edges(
    node: &Node,
    config: &Config,
    edge: Edge,
    grpc: TcpListener,
    web: TcpListener,
) -> Result<(JoinSet<()>, watch::Sender<bool>), Failure> {
    let handle = node.handle();
    let api = Api::new(handle.clone()).map_err(|why| machine(&why))?;
    let api = api.with_later(edge.later.clone());
    let (stop, stopped) = watch::channel(false);
    let mut edges = JoinSet::new();
    let (verify, config, until) = (handle.verify(), config.clone(), stopped.clone());
    edges.spawn(async move {
        if let Err(why) = api::serve(api, verify, &config, edge.tls, grpc, told(until)).await {
            tracing::error!(%why, "api.stopped");
        }
    });
    edges.spawn(rehearsing::run(handle.clone(), edge.rehearser));
    edges.spawn(receipts::register(handle.clone(), edge.registrar));
    if let Some(anchor) = edge.anchor {
        edges.spawn(anchoring::run(handle.clone(), anchor));
    }
    if let Some(stamper) = edge.stamper {
        edges.spawn(stamping::run(handle.clone(), stamper));
    }
    let checkpoints = edge.later.checkpoints;
    edges.spawn(async move {
        if let Err(why) = http::serve(handle, checkpoints, web, told(stopped)).await {
            tracing::error!(%why, "http.stopped");
        }
    });
    Ok((edges, stop))
}

async fn told(mut stopped: watch::Receiver<bool>) {
    // A switch that is gone means stop too.
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// Gives open requests their grace; streams that follow the chain never end by themselves.
async fn drain(mut edges: JoinSet<()>, grace: Duration) {
    let all = async { while edges.join_next().await.is_some() {} };
    if tokio::time::timeout(grace, all).await.is_err() {
        edges.abort_all();
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|why| port_taken(address, &why))
}

fn port_taken(address: SocketAddr, why: &dyn std::fmt::Display) -> Failure {
    Failure::broken(
        words!("无法监听 {address}：{why}", "cannot listen on {address}: {why}"),
        words!(
            "端口可能已被占用；请修改 config.toml 或停止占用它的程序",
            "the port may be in use; change config.toml or stop what uses it"
        ),
    )
}

/// Nothing runs yet; whatever it is, the node cannot take part: exit 3.
fn not_started(why: &StartError) -> Failure {
    let hint: Words = match why {
        StartError::Open(OpenError::OtherChain { .. }) => words!(
            "请核对 --data：一个目录只属于一条链",
            "check --data: a folder belongs to one chain"
        ),
        StartError::Open(OpenError::InUse(_)) => {
            words!("请先停止正在运行的节点", "stop the node that runs")
        }
        StartError::Network(_) => words!(
            "端口可能已被占用；请核对 config.toml 的 [network]",
            "the port may be in use; check [network] in config.toml"
        ),
        StartError::Genesis(_) => {
            words!("请核对创世文件与程序版本", "check the genesis file and this program's version")
        }
        StartError::Outdated(_) => newer(),
        StartError::Open(_) | StartError::Broken(_) => words!(
            "请用 linli check-db 检查；同一密钥只能运行一个节点",
            "run `linli check-db`; a key may run on one node only"
        ),
    };
    let Words { zh, en } = match why {
        StartError::Open(why) => reason(why),
        StartError::Outdated(why) => outdated(why),
        other => Words::same(other.to_string()),
    };
    Failure::broken(words!("节点无法启动：{zh}", "the node does not start: {en}"), hint)
}

/// SIGTERM or SIGINT.
struct Stopping {
    term: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Stopping {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|e| machine(&e));
        Ok(Self {
            term: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
