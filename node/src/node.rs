//! The one function that builds and starts everything.
//!
//! | duty | runs on | ends when |
//! |---|---|---|
//! | driver (replica, disk, contracts) | thread `linli-driver` | told to stop, or broken |
//! | checking | threads `linli-check-N` | the driver is gone |
//! | network | one task, and two per connection | the [`Node`] is dropped |
//! | disk reserve | one task | the driver is gone |
//! | receipts of the log | one task | the driver is gone |
//! | syncing the access log | one task | nobody holds the log |
//!
//! Every channel between them is bounded.

mod parts;

use crate::access::Readers;
use crate::access_log::AccessLog;
use crate::cache::FileCache;
use crate::checking::{Checking, Queue, Worker};
use crate::clock::MachineClock;
use crate::contract_thread;
use crate::counters::Counters;
use crate::driver::{Command, Driver, Ended, Inputs, Membership};
use crate::handle::NodeHandle;
use crate::network::{Network, NetworkConfig, NetworkEvent, Rate, StartNetworkError};
use crate::rates::{self, Rates};
use crate::signer::KeySigner;
use crate::storage::{OpenError, RocksDisk, RocksStore, Tuning, free_bytes};
use linli_core::{Config, Timeouts};
use linli_replica::{Effect, Options, Replica};
use linli_runtime::{Ledger, Outdated, Settings};
use linli_sdk::SecretKey;
use linli_types::genesis::Genesis;
use linli_types::header;
use linli_types::id::{ChainId, PublicKey};
use linli_types::limits;
use linli_types::signature::Zip215;
use linli_types::store::Broken;
use parts::{Ends, Given, driver, first_status, share, worker};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

/// Messages that may wait for the driver; their bytes are bounded per peer.
const NETWORK_MAX: usize = 1024;
/// Commands that may wait for the driver.
const COMMANDS_MAX: usize = 16;
/// Results of checks that may wait for the driver.
const CHECKED_MAX: usize = 64;
/// How often the room on the disk is measured.
const DISK_EVERY: Duration = Duration::from_secs(1);

/// What a node is started with, read and checked before.
#[derive(Clone)]
pub struct NodeOptions {
    /// The data folder; [`create`] has made it.
    pub data: PathBuf,
    /// Only a folder of this chain is opened, if given.
    pub chain: Option<ChainId>,
    /// For people.
    pub name: String,
    /// Seed of the consensus key; wiped when dropped.
    pub consensus_key: Zeroizing<[u8; 32]>,
    /// Seed of the key that may follow it; wiped when dropped. The node votes with it from the
    /// height on at which the set names it.
    pub successor_key: Option<Zeroizing<[u8; 32]>>,
    /// Seed of the key that signs receipts; wiped when dropped. Without one the node signs none.
    pub receipt_key: Option<Zeroizing<[u8; 32]>>,
    /// Seed of the network key; wiped when dropped.
    pub network_key: Zeroizing<[u8; 32]>,
    /// Where to listen for members.
    pub listen: SocketAddr,
    /// Where members listen: the name in the genesis, and the address.
    pub peers: Vec<(String, SocketAddr)>,
    /// Free bytes below which submissions are refused.
    pub reserve_bytes: u64,
    /// Waits of consensus.
    pub timeouts: Timeouts,
    /// Memory of the store.
    pub tuning: Tuning,
    /// How fast one peer may speak.
    pub rate: Rate,
    /// How often each client may ask.
    pub rates: rates::Settings,
    /// Versions of the rules that this binary is taken to hold.
    pub protocols: RangeInclusive<u32>,
}

impl NodeOptions {
    /// Defaults for everything but the folder and the two keys.
    pub fn new(data: impl Into<PathBuf>, consensus_key: [u8; 32], network_key: [u8; 32]) -> Self {
        Self {
            data: data.into(),
            chain: None,
            name: String::new(),
            consensus_key: Zeroizing::new(consensus_key),
            successor_key: None,
            receipt_key: None,
            network_key: Zeroizing::new(network_key),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            peers: Vec::new(),
            reserve_bytes: limits::DISK_RESERVE_BYTES,
            timeouts: Timeouts::default(),
            tuning: Tuning::default(),
            rate: Rate::default(),
            rates: rates::Settings::default(),
            protocols: header::PROTOCOL_MIN..=header::PROTOCOL,
        }
    }

    /// What signs for this node.
    pub(crate) fn signer(&self) -> KeySigner {
        KeySigner::new(&self.consensus_key).with_successor(self.successor_key.as_deref())
    }
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The network cannot be started.
    #[error(transparent)]
    Network(#[from] StartNetworkError),
    /// The genesis is refused.
    #[error("{0}")]
    Genesis(String),
    /// The chain follows rules that this binary lacks.
    #[error(transparent)]
    Outdated(Outdated),
    /// This node is damaged.
    #[error(transparent)]
    Broken(#[from] Broken),
}

impl StartError {
    /// Whether the node is damaged (exit 3), rather than asked for something it cannot do.
    pub const fn is_broken(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Open(OpenError::Broken(_)))
    }
}

/// A running node.
pub struct Node {
    handle: NodeHandle,
    network: Network,
    commands: mpsc::Sender<Command>,
    ended: watch::Receiver<Option<Ended>>,
    listening: JoinHandle<()>,
}

/// Makes the data folder's store with the genesis in it (`linli init`).
///
/// # Errors
///
/// [`StartError`]: the genesis is refused, the folder holds a chain, or the disk refuses.
pub fn create(data: &Path, genesis: &[u8], tuning: Tuning) -> Result<ChainId, StartError> {
    let (_, chain) =
        Genesis::from_bytes(genesis).map_err(|e| StartError::Genesis(e.to_string()))?;
    std::fs::create_dir_all(data)
        .map_err(|e| Broken(format!("cannot make {}: {e}", data.display())))?;
    let settings = settings(data)?;
    let batch = contract_thread::run("linli-genesis", || Ledger::genesis(genesis, settings))?
        .map_err(|e| StartError::Genesis(e.to_string()))?;
    RocksStore::create(&data.join("db"), &batch, tuning)?;
    Ok(chain)
}

/// Opens a data folder's store for reading, or for [`Node::start`]'s use.
///
/// # Errors
///
/// [`OpenError`].
pub fn open_store(
    data: &Path,
    chain: Option<ChainId>,
    tuning: Tuning,
) -> Result<RocksStore, OpenError> {
    RocksStore::open(&data.join("db"), chain, tuning)
}

/// A ledger's settings for a data folder: the folder's cache of compiled code.
///
/// # Errors
///
/// [`Broken`] if the cache's folder cannot be used.
pub fn settings(data: &Path) -> Result<Settings, Broken> {
    Ok(Settings::new(Box::new(FileCache::open(&data.join("cache"))?)))
}

impl Node {
    /// Opens the folder, rebuilds the ledger, replays the log, connects, and runs.
    ///
    /// # Errors
    ///
    /// [`StartError`]; nothing keeps running.
    pub async fn start(options: NodeOptions) -> Result<Self, StartError> {
        let counters = Arc::new(Counters::default());
        counters.accepting.set(1);
        let clock = MachineClock::start();
        let opening = {
            let (options, counters) = (options.clone(), counters.clone());
            // What the log holds is executed again: contracts run.
            let work = move || open(&options, clock, counters);
            tokio::task::spawn_blocking(move || contract_thread::run("linli-open", work))
        };
        let opening = opening.await.map_err(|e| Broken(format!("opening the node: {e}")))???;
        if !opening.replica.core().is_validator() {
            tracing::warn!(
                "node.seat.none: no validator of the next block; this node follows without a vote"
            );
        }
        let (network_events, network) = mpsc::channel(NETWORK_MAX);
        let members = membership(&options, opening.replica.ledger());
        let config = network_config(&options, &members);
        // With the key that the chain knows: another one's log would look damaged.
        let access = open_access_log(&options, opening.chain, counters.clone()).await?;
        let net = Network::start(config, network_events, counters.clone()).await?;
        Self::run(options, clock, counters, opening, access, (net, members), network)
    }

    /// Joins the parts and lets them run: what is shared first, then checking, then the driver.
    fn run(
        options: NodeOptions,
        clock: MachineClock,
        counters: Arc<Counters>,
        Opened { replica, first, rates, .. }: Opened,
        access: AccessLog,
        (net, members): (Network, Membership),
        network: mpsc::Receiver<NetworkEvent>,
    ) -> Result<Self, StartError> {
        let (checking, jobs) = Checking::new();
        let (queries, asked) = mpsc::channel(limits::QUERIES_WAITING_MAX);
        let (status, seen) = watch::channel(first_status(&replica, options.name.clone()));
        let given = Given { counters, rates, access, checking, queries, status: seen };
        let shared = share(&options, &replica, given, net.sender());
        let (words, heard) = mpsc::channel(limits::COSE_WORDS_MAX);
        let listening = tokio::spawn(shared.receipts.clone().listen(heard));
        let (results, checked) = mpsc::channel(CHECKED_MAX);
        start_workers(worker(&shared, clock, results), jobs)?;
        let (commands, told) = mpsc::channel(COMMANDS_MAX);
        let ends = Ends { clock, network: net.sender(), status, words };
        let inputs = Inputs { checked, network, commands: told, queries: asked };
        let ended = start_driver(driver(&shared, replica, members, ends), inputs, first)?;
        shared.access.keep_syncing();
        let (data, reserve) = (options.data, options.reserve_bytes);
        tokio::spawn(watch_disk(data, reserve, commands.clone(), shared.counters.clone()));
        let handle = NodeHandle::new(Arc::new(shared));
        Ok(Self { handle, network: net, commands, ended, listening })
    }

    /// What the API holds.
    pub fn handle(&self) -> NodeHandle {
        self.handle.clone()
    }

    /// Where the node listens for members.
    pub const fn listen(&self) -> SocketAddr {
        self.network.listen()
    }

    /// Waits until the node has ended by itself or was stopped.
    pub async fn ended(&self) -> Ended {
        let mut ended = self.ended.clone();
        let gone = || Ended::Broken("the driver went away without a word".into());
        let found = ended.wait_for(Option::is_some).await;
        found.ok().and_then(|ended| ended.clone()).unwrap_or_else(gone)
    }

    /// Stops the node: no new submissions, the step under way is finished, the store is flushed.
    pub async fn stop(self) -> Ended {
        self.handle.close();
        // A driver that is gone already says how it ended.
        let _ = self.commands.send(Command::Stop).await;
        let ended = self.ended().await;
        // What fails here is said in the log; the entries are with the system all the same.
        let access = self.handle.access_log();
        let _ = tokio::task::spawn_blocking(move || access.sync()).await;
        // Both read the store: whoever opens that next must find it closed.
        self.handle.rates().close();
        let _ = self.listening.await;
        ended
    }
}

/// What a node consists of before it runs.
struct Opened {
    replica: Replica<RocksDisk>,
    first: Vec<Effect>,
    chain: ChainId,
    rates: Arc<Rates>,
}

fn open(
    options: &NodeOptions,
    clock: MachineClock,
    counters: Arc<Counters>,
) -> Result<Opened, StartError> {
    let store = open_store(&options.data, options.chain, options.tuning)?;
    let no_genesis = || Broken("the store holds no genesis".into());
    let genesis = store.genesis()?.ok_or_else(no_genesis)?;
    let (genesis, chain) =
        Genesis::from_bytes(&genesis).map_err(|e| StartError::Genesis(e.to_string()))?;
    // Keys are rotated and people come and go: whose a key is, is the ledger's to say.
    let readers = Readers::live(chain, &genesis, store.clone());
    let org_of = move |key: &PublicKey| readers.organisation(key);
    let rates = Arc::new(Rates::new(&options.rates, org_of, counters.clone()));
    let disk = RocksDisk::open(store, &options.data, counters)?;
    let signer = options.signer();
    let mut core = Config::new(chain, signer.public());
    core.successor = signer.successor();
    core.timeouts = options.timeouts;
    core.protocols = (*options.protocols.start(), *options.protocols.end());
    let ledger = Settings { protocols: options.protocols.clone(), ..settings(&options.data)? };
    let replica_options = Options { core, ledger };
    let verify = Arc::new(Zip215);
    let opened = Replica::open(replica_options, disk, Box::new(signer), verify, clock.now())?;
    let (replica, first) = opened;
    if let Some(outdated) = replica.ledger().outdated() {
        return Err(StartError::Outdated(outdated));
    }
    Ok(Opened { replica, first, chain, rates })
}

async fn open_access_log(
    options: &NodeOptions,
    chain: ChainId,
    counters: Arc<Counters>,
) -> Result<AccessLog, StartError> {
    let (folder, key) = (options.data.join("access"), SecretKey::from_bytes(&options.network_key));
    let opening = move || AccessLog::open(&folder, chain, key, counters);
    let opened = tokio::task::spawn_blocking(opening).await;
    Ok(opened.map_err(|e| Broken(format!("opening the access log: {e}")))??)
}

/// Who may connect. What the configuration says and the set does not is said in the log: names and
/// keys change while the chain runs, so neither need be wrong.
fn membership(options: &NodeOptions, ledger: &Ledger) -> Membership {
    let set = &ledger.head().validators;
    let members = Membership::new(set.clone(), options.peers.clone());
    for name in members.unknown() {
        tracing::warn!(name, "node.peer.unknown: no validator has this name, or not yet");
    }
    let network = KeySigner::new(&options.network_key).public();
    let me = options.signer();
    let seat = [Some(me.public()), me.successor()].into_iter().flatten().find_map(|k| set.get(&k));
    if let Some(seat) = seat.filter(|seat| seat.network_key != network) {
        let (name, expected) = (&seat.name, seat.network_key);
        tracing::warn!(name, %network, %expected, "node.network_key.other: others refuse this node unless its key was changed since");
    }
    members
}

fn network_config(options: &NodeOptions, members: &Membership) -> NetworkConfig {
    let reach = members.first();
    NetworkConfig {
        key: options.network_key.clone(),
        listen: options.listen,
        members: reach.members,
        addresses: reach.addresses,
        rate: options.rate,
    }
}

/// Half of the machine's threads check; the others belong to the driver and the edges.
fn start_workers(worker: Worker, jobs: Queue) -> Result<(), Broken> {
    let count = std::thread::available_parallelism().map_or(1, |n| n.get().div_ceil(2)).min(4);
    let jobs = Arc::new(Mutex::new(jobs));
    for n in 0..count {
        let (worker, jobs) = (worker.clone(), jobs.clone());
        thread(format!("linli-check-{n}"), move || worker.run(&jobs))?;
    }
    Ok(())
}

fn start_driver(
    driver: Driver,
    inputs: Inputs,
    first: Vec<Effect>,
) -> Result<watch::Receiver<Option<Ended>>, Broken> {
    let (tell, ended) = watch::channel(None);
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|e| Broken(format!("cannot make the driver's clock: {e}")))?;
    let (store, published) = (driver.store.clone(), driver.published.clone());
    let run = move || {
        let run = || driver.run(&runtime, inputs, first);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        let panicked = |_| Ended::Broken("the driver panicked; the log says where".into());
        let mut outcome = outcome.unwrap_or_else(panicked);
        if let (Ended::Stopped, Err(Broken(why))) = (&outcome, store.flush()) {
            outcome = Ended::Broken(why);
        }
        drop(store);
        published.close();
        tell.send_replace(Some(outcome));
    };
    contract_thread::start("linli-driver", run)?;
    Ok(ended)
}

fn thread(name: String, run: impl FnOnce() + Send + 'static) -> Result<(), Broken> {
    let spawned = std::thread::Builder::new().name(name).spawn(run);
    spawned.map(drop).map_err(|e| Broken(format!("cannot start a thread: {e}")))
}

/// Lets this process open as many files as the system lets it: clients, peers and the store share
/// them. Says how many those are.
pub fn raise_open_files() -> u64 {
    let most = getrlimit(Resource::Nofile).maximum;
    // Where the system does not allow it, what there was remains.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most });
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    if files < limits::OPEN_FILES_MIN {
        tracing::warn!(files, wanted = limits::OPEN_FILES_MIN, "node.files.few: raise `ulimit -n`");
    }
    files
}

/// Tells the driver when the disk falls below its reserve, and when it has room again: a tenth
/// more than the reserve, so that the answer does not flicker.
async fn watch_disk(
    data: PathBuf,
    reserve_bytes: u64,
    commands: mpsc::Sender<Command>,
    counters: Arc<Counters>,
) {
    let mut every = tokio::time::interval(DISK_EVERY);
    let mut accepting = true;
    while !commands.is_closed() {
        every.tick().await;
        let Ok(free) = free_bytes(&data) else { continue };
        counters.disk_free_bytes.set(free);
        let enough = reserve_bytes.saturating_add(if accepting { 0 } else { reserve_bytes / 10 });
        if (free >= enough) == accepting {
            continue;
        }
        accepting = !accepting;
        tracing::warn!(free, reserve_bytes, accepting, "node.disk.reserve");
        if commands.send(Command::Accepting(accepting)).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_that_may_be_open_are_as_many_as_the_system_allows() {
        let before = getrlimit(Resource::Nofile);
        let few = before.current.map(|most| most.min(256));
        setrlimit(Resource::Nofile, Rlimit { current: few, maximum: before.maximum }).unwrap();
        assert_eq!(raise_open_files(), before.maximum.unwrap_or(u64::MAX));
    }
}
