//! The one task that owns the swarm: dials, adopts connections, closes them, watches for silence.
//!
//! ```text
//!             dial / accept                streams stand
//!   ┌────────┐ ─────────▶ ┌─────────┐ ───────────────────▶ ┌────────┐
//!   │ absent │            │ adopted │  Connected was said  │ talking│
//!   └────────┘ ◀───────── └─────────┘                      └────────┘
//!        ▲       silence, end, fault, a better connection       │
//!        └──────────────────────────────────────────────────────┘
//! ```
//!
//! Two members may dial each other at once. Of two young connections both sides keep the one that
//! the smaller peer id dialled; an old one gives way to a new one, because it is probably dead. A
//! young one does not give way to another that the same side dialled: two processes with the same
//! key would replace each other so fast that neither hears of the other.

use crate::counters::Counters;
use crate::network::door::{Door, Refused, Seen};
use crate::network::frame::FrameError;
use crate::network::link::{self, ALIVE, Reading, SHARE_KIB};
use crate::network::outbox::Outbox;
use crate::network::{Member, NetworkEvent, Rate};
use futures::StreamExt;
use libp2p::core::ConnectedPoint;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, ListenError, NetworkBehaviour, Stream, SwarmEvent};
use libp2p::{
    Multiaddr, PeerId, Swarm, SwarmBuilder, connection_limits, identity, noise, tcp, yamux,
};
use linli_types::id::PublicKey;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{AbortHandle, JoinHandle};
use zeroize::Zeroizing;

/// How often the task looks for peers to dial and for silent ones.
const TICK: Duration = Duration::from_millis(100);
/// First and longest pause before the next dial.
const REDIAL: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(4));
/// A peer that says nothing for this long is gone.
const SILENCE: Duration = Duration::from_secs(4 * ALIVE.as_secs());
/// Below this age a connection is not taken for dead when another one comes.
const YOUNG: Duration = Duration::from_secs(10);
/// Connections that stand beside those of members, for a moment, at most.
const SPARE_MAX: u32 = 64;
/// Reports of the connections' tasks that may wait.
const ENDS_MAX: usize = 256;

/// What the network is started with.
#[derive(Clone)]
pub struct NetworkConfig {
    /// The seed of the network key (Ed25519); wiped when dropped.
    pub key: Zeroizing<[u8; 32]>,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Whoever may connect.
    pub members: Vec<Member>,
    /// Where members listen, by network key.
    pub addresses: Vec<(PublicKey, SocketAddr)>,
    /// How fast one peer may speak.
    pub rate: Rate,
}

/// Why the network does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartNetworkError {
    /// The key is no Ed25519 key.
    #[error("the network key is no Ed25519 key")]
    Key,
    /// The address is taken, or not ours.
    #[error(
        "cannot listen on {address}: {why}; choose another port or stop whatever listens there"
    )]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        why: String,
    },
}

/// The running network. Dropping it closes every connection.
pub struct Network {
    sender: NetworkSender,
    listen: SocketAddr,
    task: JoinHandle<()>,
}

/// Sends messages. Cheap to clone; never waits.
#[derive(Clone)]
pub struct NetworkSender {
    outboxes: Arc<RwLock<BTreeMap<PublicKey, Arc<Outbox>>>>,
    faults: mpsc::Sender<(PublicKey, String)>,
    reach: watch::Sender<Reached>,
    counters: Arc<Counters>,
}

impl Network {
    /// Listens, and connects to the members whose addresses are known.
    ///
    /// # Errors
    ///
    /// [`StartNetworkError`]; the configuration's fault.
    pub async fn start(
        config: NetworkConfig,
        events: mpsc::Sender<NetworkEvent>,
        counters: Arc<Counters>,
    ) -> Result<Self, StartNetworkError> {
        let mut swarm = build(&config)?;
        let listen = listen(&mut swarm, config.listen).await?;
        let (fault, faults) = mpsc::channel(ENDS_MAX);
        let (end, ends) = mpsc::channel(ENDS_MAX);
        let (reach, reach_changed) =
            watch::channel((config.members.clone(), config.addresses.clone()));
        let outboxes = Arc::new(RwLock::new(BTreeMap::new()));
        let sender = NetworkSender { outboxes, faults: fault, reach, counters };
        let me = *swarm.local_peer_id();
        let mut task = Task {
            me,
            dials: BTreeMap::new(),
            links: BTreeMap::new(),
            rate: config.rate,
            sender: sender.clone(),
            events,
            end,
            swarm,
        };
        task.learn(&config.addresses);
        let task = tokio::spawn(task.run(faults, ends, reach_changed));
        Ok(Self { sender, listen, task })
    }

    /// Where the network listens.
    pub const fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Sends messages.
    pub fn sender(&self) -> NetworkSender {
        self.sender.clone()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl NetworkSender {
    /// Queues a message for one member. Nothing happens if it is not connected; a message that
    /// does not fit its queue is dropped and counted.
    pub fn send(&self, to: &PublicKey, message: Arc<[u8]>) {
        let outboxes = self.outboxes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(outbox) = outboxes.get(to) {
            self.push(outbox, message);
        }
    }

    /// Queues a message for every connected member; the bytes are shared.
    pub fn broadcast(&self, message: &Arc<[u8]>) {
        let outboxes = self.outboxes.read().unwrap_or_else(PoisonError::into_inner);
        outboxes.values().for_each(|outbox| self.push(outbox, message.clone()));
    }

    /// Disconnects a member that lied and keeps it away for a while (P5).
    pub fn fault(&self, peer: PublicKey, why: String) {
        // A full queue means that faults are being dealt with faster than they can be told apart.
        let _ = self.faults.try_send((peer, why));
    }

    /// Replaces the members: others are disconnected, and one whose name changed is disconnected
    /// under the old one and connected under the new one. Addresses come to those that are known,
    /// by network key.
    pub fn reach(&self, members: Vec<Member>, addresses: Vec<(PublicKey, SocketAddr)>) {
        self.reach.send_replace((members, addresses));
    }

    /// Puts a member's queue where senders find it, or takes it away.
    fn enlist(&self, validator: PublicKey, outbox: Option<Arc<Outbox>>) {
        let mut outboxes = self.outboxes.write().unwrap_or_else(PoisonError::into_inner);
        match outbox {
            Some(outbox) => outboxes.insert(validator, outbox),
            None => outboxes.remove(&validator),
        };
    }

    fn push(&self, outbox: &Outbox, message: Arc<[u8]>) {
        if !outbox.push(message) {
            self.counters.messages_dropped.add(1);
        }
    }
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    door: Door<PublicKey>,
    limits: connection_limits::Behaviour,
}

/// Whoever may connect, and where some of them listen.
type Reached = (Vec<Member>, Vec<(PublicKey, SocketAddr)>);

/// How a connection's task ended: `Some` is a fault.
type End = (PeerId, ConnectionId, Option<String>);

/// Where a member listens, and when to try next.
struct Dial {
    address: Multiaddr,
    failures: u32,
    next: Instant,
}

/// An adopted connection.
struct Link {
    connection: ConnectionId,
    validator: PublicKey,
    since: Instant,
    dialled_by_us: bool,
    outbox: Arc<Outbox>,
    /// The name under which the reader hands messages on.
    name: watch::Sender<PublicKey>,
    heard: Arc<AtomicBool>,
    heard_at: Instant,
    tasks: Vec<AbortHandle>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

struct Task {
    me: PeerId,
    swarm: Swarm<Behaviour>,
    dials: BTreeMap<PeerId, Dial>,
    links: BTreeMap<PeerId, Link>,
    rate: Rate,
    sender: NetworkSender,
    events: mpsc::Sender<NetworkEvent>,
    end: mpsc::Sender<End>,
}

impl Task {
    async fn run(
        mut self,
        mut faults: mpsc::Receiver<(PublicKey, String)>,
        mut ends: mpsc::Receiver<End>,
        mut reach: watch::Receiver<Reached>,
    ) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event).await,
                Some((peer, connection, fault)) = ends.recv() => {
                    self.on_end(peer, connection, fault).await;
                }
                Some((validator, why)) = faults.recv() => {
                    let link = self.links.iter().find(|(_, link)| link.validator == validator);
                    if let Some(peer) = link.map(|(peer, _)| *peer) {
                        self.on_fault(peer, &why).await;
                    }
                }
                Ok(()) = reach.changed() => {
                    let (members, addresses) = reach.borrow_and_update().clone();
                    self.learn(&addresses);
                    self.on_members(&members).await;
                }
                _ = tick.tick() => self.on_tick().await,
            }
        }
    }

    async fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Door((peer, connection, seen))) => {
                self.on_seen(peer, connection, seen).await;
            }
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_established(peer_id, connection_id, &endpoint).await;
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, .. } => {
                self.on_end(peer_id, connection_id, None).await;
            }
            SwarmEvent::OutgoingConnectionError { peer_id: Some(peer), error, .. } => {
                tracing::debug!(%peer, %error, "network.peer.dial");
                self.redial_later(peer, true);
            }
            SwarmEvent::IncomingConnectionError { send_back_addr, error, .. } => {
                self.sender.counters.connections_refused.add(1);
                let why = match &error {
                    ListenError::Denied { cause } => cause.downcast_ref::<Refused>().copied(),
                    _ => None,
                };
                tracing::info!(from = %send_back_addr, ?why, %error, "network.peer.refuse");
            }
            _ => {}
        }
    }

    async fn on_established(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        endpoint: &ConnectedPoint,
    ) {
        let dialled_by_us = endpoint.is_dialer();
        if let Some(old) = self.links.get(&peer) {
            let crossing = old.dialled_by_us != dialled_by_us;
            let keep_old =
                old.since.elapsed() < YOUNG && (!crossing || old.dialled_by_us == (self.me < peer));
            let worse = if keep_old { connection } else { old.connection };
            self.swarm.close_connection(worse);
            if keep_old {
                return;
            }
            self.drop_link(peer).await;
        }
        let Some(validator) = self.swarm.behaviour().door.members.get(&peer).copied() else {
            self.swarm.close_connection(connection);
            return;
        };
        let link = Link {
            connection,
            validator,
            since: Instant::now(),
            dialled_by_us,
            outbox: Arc::new(Outbox::default()),
            name: watch::channel(validator).0,
            heard: Arc::new(AtomicBool::new(false)),
            heard_at: Instant::now(),
            tasks: Vec::new(),
        };
        self.sender.enlist(validator, Some(link.outbox.clone()));
        self.links.insert(peer, link);
        self.sender.counters.peers.set(self.links.len() as u64);
        tracing::info!(%validator, address = %endpoint.get_remote_address(), "network.peer.connect");
        // The driver may be gone; then this task ends with it.
        let _ = self.events.send(NetworkEvent::Connected(validator)).await;
    }

    async fn on_seen(&mut self, peer: PeerId, connection: ConnectionId, seen: Seen) {
        if self.links.get(&peer).is_none_or(|link| link.connection != connection) {
            return;
        }
        match seen {
            Seen::Outbound(stream) => self.start_writer(peer, stream),
            Seen::Inbound(stream) => self.start_reader(peer, stream),
            Seen::Failed => self.hang_up(peer, connection).await,
            Seen::Fault(why) => self.on_fault(peer, why).await,
        }
    }

    fn start_writer(&mut self, peer: PeerId, stream: Stream) {
        let Some(link) = self.links.get_mut(&peer) else { return };
        let write = link::write(stream, link.outbox.clone(), self.sender.counters.clone());
        let (end, connection) = (self.end.clone(), link.connection);
        let task = tokio::spawn(async move {
            let ended = write.await;
            tracing::debug!(%peer, ?ended, "network.peer.write");
            let _ = end.send((peer, connection, None)).await;
        });
        link.tasks.push(task.abort_handle());
    }

    fn start_reader(&mut self, peer: PeerId, stream: Stream) {
        let Some(link) = self.links.get_mut(&peer) else { return };
        let reading = Reading {
            from: link.name.subscribe(),
            rate: self.rate,
            share: Arc::new(Semaphore::new(SHARE_KIB)),
            events: self.events.clone(),
            counters: self.sender.counters.clone(),
            heard: link.heard.clone(),
        };
        let (end, connection) = (self.end.clone(), link.connection);
        let task = tokio::spawn(async move {
            let fault = match link::read(stream, reading).await {
                Err(why @ FrameError::TooLong(_)) => Some(why.to_string()),
                Err(FrameError::Io(_)) | Ok(()) => None,
            };
            let _ = end.send((peer, connection, fault)).await;
        });
        link.tasks.push(task.abort_handle());
    }

    async fn on_end(&mut self, peer: PeerId, connection: ConnectionId, fault: Option<String>) {
        if self.links.get(&peer).is_none_or(|link| link.connection != connection) {
            return;
        }
        match fault {
            Some(why) => self.on_fault(peer, &why).await,
            None => self.hang_up(peer, connection).await,
        }
    }

    /// P5.
    async fn on_fault(&mut self, peer: PeerId, why: &str) {
        let length = self.swarm.behaviour_mut().door.bans.add(peer, Instant::now());
        self.sender.counters.faults.add(1);
        let validator = self.links.get(&peer).map(|link| link.validator);
        tracing::warn!(?validator, why, ban_ms = length.as_millis() as u64, "network.peer.fault");
        self.drop_link(peer).await;
        let _ = self.swarm.disconnect_peer_id(peer);
    }

    async fn on_members(&mut self, members: &[Member]) {
        let members = known(members);
        self.swarm.behaviour_mut().door.members = members.clone();
        let gone: Vec<PeerId> =
            self.links.keys().filter(|peer| !members.contains_key(peer)).copied().collect();
        for peer in gone {
            self.drop_link(peer).await;
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        for (peer, name) in members {
            self.rename(peer, name).await;
        }
    }

    /// The connection of a member goes on under another name (P7).
    async fn rename(&mut self, peer: PeerId, name: PublicKey) {
        let Some(link) = self.links.get_mut(&peer).filter(|link| link.validator != name) else {
            return;
        };
        let old = std::mem::replace(&mut link.validator, name);
        let outbox = link.outbox.clone();
        // What the reader took in before comes under the old name, before the two events.
        link.name.send_replace(name);
        self.sender.enlist(old, None);
        self.sender.enlist(name, Some(outbox));
        tracing::info!(%old, new = %name, "network.peer.rename");
        let _ = self.events.send(NetworkEvent::Disconnected(old)).await;
        let _ = self.events.send(NetworkEvent::Connected(name)).await;
    }

    /// Where members listen, besides those of whom it is known.
    fn learn(&mut self, addresses: &[(PublicKey, SocketAddr)]) {
        for (key, address) in addresses {
            let Some(peer) = peer_id(key).filter(|peer| *peer != self.me) else { continue };
            let address = multiaddr(*address);
            let dial = Dial { address, failures: 0, next: Instant::now() };
            self.dials.entry(peer).or_insert(dial);
        }
    }

    async fn on_tick(&mut self) {
        let now = Instant::now();
        let mut silent = Vec::new();
        for (peer, link) in &mut self.links {
            if link.heard.swap(false, Ordering::Relaxed) {
                link.heard_at = now;
            } else if now.duration_since(link.heard_at) > SILENCE {
                silent.push((*peer, link.connection));
            }
        }
        for (peer, connection) in silent {
            tracing::info!(%peer, "network.peer.silent");
            self.hang_up(peer, connection).await;
        }
        self.dial_absent(now);
    }

    fn dial_absent(&mut self, now: Instant) {
        let door = &self.swarm.behaviour().door;
        let wanted = |peer: &PeerId| {
            !self.links.contains_key(peer)
                && door.members.contains_key(peer)
                && !door.bans.holds(peer, now)
        };
        let due = self.dials.iter().filter(|(peer, dial)| dial.next <= now && wanted(peer));
        let due: Vec<_> = due.map(|(peer, dial)| (*peer, dial.address.clone())).collect();
        for (peer, address) in due {
            let options = DialOpts::peer_id(peer)
                .condition(PeerCondition::DisconnectedAndNotDialing)
                .addresses(vec![address])
                .allocate_new_port()
                .build();
            // Refused only because it is under way already.
            let _ = self.swarm.dial(options);
            self.redial_later(peer, false);
        }
    }

    /// Exponential pauses with jitter. The larger peer id waits a little longer, so that two
    /// members seldom dial each other at once.
    fn redial_later(&mut self, peer: PeerId, failed: bool) {
        let second = if self.me < peer { Duration::ZERO } else { REDIAL.0 };
        let Some(dial) = self.dials.get_mut(&peer) else { return };
        dial.failures = if failed { dial.failures.saturating_add(1) } else { dial.failures };
        let factor = 1_u32.checked_shl(dial.failures).unwrap_or(u32::MAX);
        let pause = REDIAL.0.saturating_mul(factor).min(REDIAL.1);
        dial.next = Instant::now() + second + pause / 2 + jitter(pause / 2);
    }

    async fn hang_up(&mut self, peer: PeerId, connection: ConnectionId) {
        self.swarm.close_connection(connection);
        self.drop_link(peer).await;
    }

    async fn drop_link(&mut self, peer: PeerId) {
        let Some(link) = self.links.remove(&peer) else { return };
        self.sender.enlist(link.validator, None);
        if let Some(dial) = self.dials.get_mut(&peer) {
            // One that held for a while failed by accident; one that did not may be refused again.
            dial.failures = if link.since.elapsed() > YOUNG { 0 } else { dial.failures.max(1) };
        }
        self.redial_later(peer, false);
        self.sender.counters.peers.set(self.links.len() as u64);
        let validator = link.validator;
        drop(link);
        tracing::info!(%validator, "network.peer.disconnect");
        let _ = self.events.send(NetworkEvent::Disconnected(validator)).await;
    }
}

fn build(config: &NetworkConfig) -> Result<Swarm<Behaviour>, StartNetworkError> {
    let key = identity::Keypair::ed25519_from_bytes(*config.key);
    let key = key.map_err(|_| StartNetworkError::Key)?;
    let established = u32::try_from(config.members.len()).unwrap_or(u32::MAX).saturating_mul(2);
    let limits = connection_limits::ConnectionLimits::default()
        .with_max_established(Some(established.saturating_add(SPARE_MAX)))
        .with_max_established_per_peer(Some(3));
    let addresses = config.addresses.iter().map(|(_, address)| address.ip());
    let door = Door::new(known(&config.members), addresses);
    let behaviour = Behaviour { door, limits: connection_limits::Behaviour::new(limits) };
    let swarm = SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .map_err(|_| StartNetworkError::Key)?
        .with_behaviour(|_| behaviour)
        .map_err(|_| StartNetworkError::Key)?
        .build();
    Ok(swarm)
}

async fn listen(
    swarm: &mut Swarm<Behaviour>,
    address: SocketAddr,
) -> Result<SocketAddr, StartNetworkError> {
    let refuse = |why: String| StartNetworkError::Listen { address, why };
    // The swarm shares ports that another node of the same user listens on; we do not.
    drop(std::net::TcpListener::bind(address).map_err(|e| refuse(e.to_string()))?);
    swarm.listen_on(multiaddr(address)).map_err(|e| refuse(e.to_string()))?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { address, .. } => {
                return socket_addr(&address).ok_or_else(|| refuse(address.to_string()));
            }
            SwarmEvent::ListenerError { error, .. } => return Err(refuse(error.to_string())),
            SwarmEvent::ListenerClosed { reason: Err(error), .. } => {
                return Err(refuse(error.to_string()));
            }
            _ => {}
        }
    }
}

fn known(members: &[Member]) -> BTreeMap<PeerId, PublicKey> {
    members.iter().filter_map(|m| Some((peer_id(&m.network)?, m.validator))).collect()
}

fn peer_id(key: &PublicKey) -> Option<PeerId> {
    let key = identity::ed25519::PublicKey::try_from_bytes(&key.0).ok()?;
    Some(identity::PublicKey::from(key).to_peer_id())
}

fn multiaddr(address: SocketAddr) -> Multiaddr {
    Multiaddr::from(address.ip()).with(libp2p::multiaddr::Protocol::Tcp(address.port()))
}

fn socket_addr(address: &Multiaddr) -> Option<SocketAddr> {
    use libp2p::multiaddr::Protocol;
    let mut parts = address.iter();
    match (parts.next()?, parts.next()?) {
        (Protocol::Ip4(ip), Protocol::Tcp(port)) => Some((ip, port).into()),
        (Protocol::Ip6(ip), Protocol::Tcp(port)) => Some((ip, port).into()),
        _ => None,
    }
}

/// A random part of `most`. Chance has no bearing on any result: it spreads dials.
fn jitter(most: Duration) -> Duration {
    let share = getrandom::u32().unwrap_or(0) % 1000;
    most.saturating_mul(share) / 1000
}
