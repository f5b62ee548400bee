//! Two swarms on loopback, in one process.

use super::*;
use crate::counters::Counters;
use crate::network::frame;
use futures::{AsyncWriteExt, StreamExt};
use libp2p::swarm::SwarmEvent;
use libp2p::{SwarmBuilder, identity, noise, tcp, yamux};
use linli_types::limits;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Nothing here takes longer, or the test fails.
const BOUND: Duration = Duration::from_secs(20);

struct Peer {
    network: Network,
    events: mpsc::Receiver<NetworkEvent>,
    counters: Arc<Counters>,
}

fn network_key(n: u8) -> PublicKey {
    PublicKey(ed25519_dalek::SigningKey::from_bytes(&[n; 32]).verifying_key().to_bytes())
}

fn member(n: u8) -> Member {
    Member { validator: PublicKey([n; 32]), network: network_key(n) }
}

async fn peer(n: u8, dial: &[(u8, SocketAddr)], rate: Rate) -> Peer {
    let (sender, events) = mpsc::channel(64);
    let counters = Arc::new(Counters::default());
    let config = NetworkConfig {
        key: [n; 32].into(),
        listen: "127.0.0.1:0".parse().unwrap(),
        members: vec![member(1), member(2)],
        addresses: dial.iter().map(|(n, address)| (network_key(*n), *address)).collect(),
        rate,
    };
    let network = Network::start(config, sender, counters.clone()).await.unwrap();
    Peer { network, events, counters }
}

impl Peer {
    async fn next(&mut self) -> NetworkEvent {
        tokio::time::timeout(BOUND, self.events.recv()).await.unwrap().unwrap()
    }

    async fn next_message(&mut self) -> Vec<u8> {
        loop {
            if let NetworkEvent::Received { bytes, .. } = self.next().await {
                return bytes;
            }
        }
    }

    async fn until(&self, holds: impl Fn(&Counters) -> bool) {
        let start = Instant::now();
        while !holds(&self.counters) {
            assert!(start.elapsed() < BOUND, "it never came to pass");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// One swarm without our door: the peer that does as it likes.
struct Rogue {
    swarm: libp2p::Swarm<door::Door<PublicKey>>,
}

impl Rogue {
    fn new(seed: u8) -> Self {
        let key = identity::Keypair::ed25519_from_bytes([seed; 32]).unwrap();
        let victim = identity::Keypair::ed25519_from_bytes([1; 32]).unwrap();
        let members = [(victim.public().to_peer_id(), PublicKey([1; 32]))].into();
        let swarm = SwarmBuilder::with_existing_identity(key)
            .with_tokio()
            .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
            .unwrap()
            .with_behaviour(|_| door::Door::new(members, []))
            .unwrap()
            .build();
        Self { swarm }
    }

    fn dial(&mut self, address: SocketAddr) {
        let address = format!("/ip4/127.0.0.1/tcp/{}", address.port());
        self.swarm.dial(address.parse::<libp2p::Multiaddr>().unwrap()).unwrap();
    }

    /// Drives the swarm until our stream stands (`Some`) or the connection is closed (`None`).
    async fn stream(&mut self) -> Option<libp2p::Stream> {
        let walk = async {
            loop {
                match self.swarm.select_next_some().await {
                    SwarmEvent::Behaviour((_, _, door::Seen::Outbound(stream))) => {
                        return Some(stream);
                    }
                    SwarmEvent::ConnectionClosed { .. }
                    | SwarmEvent::OutgoingConnectionError { .. } => return None,
                    _ => {}
                }
            }
        };
        tokio::time::timeout(BOUND, walk).await.unwrap()
    }

    /// Drives the swarm until the other side has closed the connection.
    async fn closed(&mut self) {
        let walk = async {
            while !matches!(
                self.swarm.select_next_some().await,
                SwarmEvent::ConnectionClosed { .. }
            ) {}
        };
        tokio::time::timeout(BOUND, walk).await.unwrap();
    }
}

#[tokio::test]
async fn two_members_exchange_frames_of_every_size_in_order() {
    let mut one = peer(1, &[], Rate::default()).await;
    let mut two = peer(2, &[(1, one.network.listen())], Rate::default()).await;
    assert!(matches!(two.next().await, NetworkEvent::Connected(who) if who == PublicKey([1; 32])));
    assert!(matches!(one.next().await, NetworkEvent::Connected(who) if who == PublicKey([2; 32])));
    let sizes = [1, 100, 70_000, limits::MESSAGE_BYTES_MAX, 3];
    for (sender, to) in [(&one, 2), (&two, 1)] {
        for size in sizes {
            sender.network.sender().send(&PublicKey([to; 32]), vec![2; size].into());
        }
    }
    for size in sizes {
        assert_eq!(one.next_message().await, vec![2; size]);
        assert_eq!(two.next_message().await, vec![2; size]);
    }
}

#[tokio::test]
async fn members_that_dial_each_other_end_with_one_connection_and_reconnect() {
    let mut one = peer(1, &[], Rate::default()).await;
    let two = peer(2, &[(1, one.network.listen())], Rate::default()).await;
    assert!(matches!(one.next().await, NetworkEvent::Connected(_)));
    drop(two);
    assert!(matches!(one.next().await, NetworkEvent::Disconnected(_)));
    let mut two = peer(2, &[(1, one.network.listen())], Rate::default()).await;
    assert!(matches!(one.next().await, NetworkEvent::Connected(_)));
    two.network.sender().broadcast(&[2, 7].as_slice().into());
    assert!(matches!(two.next().await, NetworkEvent::Connected(_)));
    two.network.sender().broadcast(&[2, 8].as_slice().into());
    assert!([vec![2, 7], vec![2, 8]].contains(&one.next_message().await));
}

#[tokio::test]
async fn a_second_process_with_the_same_key_does_not_replace_a_young_connection() {
    let mut one = peer(1, &[], Rate::default()).await;
    let mut two = peer(2, &[(1, one.network.listen())], Rate::default()).await;
    assert!(matches!(one.next().await, NetworkEvent::Connected(_)));
    assert!(matches!(two.next().await, NetworkEvent::Connected(_)));
    let mut twin = peer(2, &[(1, one.network.listen())], Rate::default()).await;
    assert!(matches!(twin.next().await, NetworkEvent::Connected(_)));
    assert!(matches!(twin.next().await, NetworkEvent::Disconnected(_)));
    // Nothing was said of a disconnection in between.
    two.network.sender().broadcast(&[2, 7].as_slice().into());
    assert_eq!(one.next_message().await, [2, 7]);
}

/// Opens a connection from another address of loopback, and says nothing.
async fn stall(from: u8, to: SocketAddr) -> tokio::net::TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 1, from], 0))).unwrap();
    socket.connect(to).await.unwrap()
}

#[tokio::test]
async fn a_member_comes_in_while_strangers_stall_their_handshakes() {
    let one = peer(1, &[(2, "127.0.0.1:1".parse().unwrap())], Rate::default()).await;
    let mut stalled = Vec::new();
    for n in 0..limits::HANDSHAKES_MAX {
        let from = 1 + n / limits::HANDSHAKES_ADDRESS_MAX;
        stalled.push(stall(u8::try_from(from).unwrap(), one.network.listen()).await);
    }
    // The next one is refused, so the others hold every place that strangers have.
    let _refused = stall(99, one.network.listen()).await;
    one.until(|counters| counters.connections_refused.get() > 0).await;
    let mut two = peer(2, &[(1, one.network.listen())], Rate::default()).await;
    assert!(matches!(two.next().await, NetworkEvent::Connected(_)));
    let waits = |stream: &tokio::net::TcpStream| {
        let read = stream.try_read(&mut [0; 64]);
        !matches!(read, Ok(0))
            && !matches!(read, Err(e) if e.kind() != std::io::ErrorKind::WouldBlock)
    };
    assert!(stalled.iter().all(waits), "a stalled handshake ended before the member came in");
}

#[tokio::test]
async fn a_stranger_is_refused_before_any_stream() {
    let one = peer(1, &[], Rate::default()).await;
    let mut rogue = Rogue::new(9);
    rogue.dial(one.network.listen());
    let drive = rogue.stream();
    assert!(drive.await.is_none());
    one.until(|counters| counters.connections_refused.get() > 0).await;
    assert_eq!(one.counters.peers.get(), 0);
    assert_eq!(one.counters.bytes_in.get(), 0);
}

#[tokio::test]
async fn a_frame_above_the_bound_disconnects_and_bans() {
    let mut one = peer(1, &[], Rate::default()).await;
    let mut rogue = Rogue::new(2);
    rogue.dial(one.network.listen());
    let mut stream = rogue.stream().await.unwrap();
    stream.write_all(&u32::MAX.to_le_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    rogue.closed().await;
    assert!(matches!(one.next().await, NetworkEvent::Connected(_)));
    assert!(matches!(one.next().await, NetworkEvent::Disconnected(_)));
    assert_eq!(one.counters.faults.get(), 1);
    // It comes back at once and is kept away.
    rogue.dial(one.network.listen());
    assert!(rogue.stream().await.is_none());
    one.until(|counters| counters.connections_refused.get() > 0).await;
}

#[tokio::test]
async fn a_fault_that_the_core_names_disconnects_and_bans() {
    let mut one = peer(1, &[], Rate::default()).await;
    let mut rogue = Rogue::new(2);
    rogue.dial(one.network.listen());
    let mut stream = rogue.stream().await.unwrap();
    frame::write(&mut stream, b"no message of ours").await.unwrap();
    stream.flush().await.unwrap();
    let drive = tokio::spawn(async move { rogue.closed().await });
    assert_eq!(one.next_message().await, b"no message of ours");
    one.network.sender().fault(PublicKey([2; 32]), "it does not decode".into());
    drive.await.unwrap();
    assert!(matches!(one.next().await, NetworkEvent::Disconnected(_)));
    assert_eq!(one.counters.faults.get(), 1);
}

#[tokio::test]
async fn a_flood_is_slowed_down_to_the_rate() {
    let rate = Rate { messages: 200, bytes: 1 << 20, burst_s: 1 };
    let mut one = peer(1, &[], rate).await;
    let mut rogue = Rogue::new(2);
    rogue.dial(one.network.listen());
    let mut stream = rogue.stream().await.unwrap();
    let flood = async move {
        for _ in 0..100_000 {
            if frame::write(&mut stream, &[2; 64]).await.is_err() {
                return;
            }
        }
        let _ = stream.flush().await;
    };
    let drive = tokio::spawn(async move {
        tokio::select! { () = flood => {}, () = rogue.closed() => {} }
    });
    let start = Instant::now();
    for _ in 0..400 {
        one.next_message().await;
    }
    // 200 at once, the other 200 at 200 per second.
    assert!(start.elapsed() >= Duration::from_millis(950), "{:?}", start.elapsed());
    assert!(one.counters.throttled.get() > 0);
    drive.abort();
}

#[tokio::test]
async fn a_member_that_is_removed_is_disconnected() {
    let mut one = peer(1, &[], Rate::default()).await;
    let mut two = peer(2, &[(1, one.network.listen())], Rate::default()).await;
    assert!(matches!(one.next().await, NetworkEvent::Connected(_)));
    assert!(matches!(two.next().await, NetworkEvent::Connected(_)));
    one.network.sender().reach(vec![member(1)], Vec::new());
    assert!(matches!(one.next().await, NetworkEvent::Disconnected(_)));
}

#[tokio::test]
async fn a_member_with_a_new_key_stays_connected_under_its_new_name() {
    let mut one = peer(1, &[], Rate::default()).await;
    let mut two = peer(2, &[(1, one.network.listen())], Rate::default()).await;
    assert!(matches!(one.next().await, NetworkEvent::Connected(_)));
    assert!(matches!(two.next().await, NetworkEvent::Connected(_)));
    let (old, new) = (PublicKey([2; 32]), PublicKey([22; 32]));
    let renamed = Member { validator: new, network: network_key(2) };
    one.network.sender().reach(vec![member(1), renamed], Vec::new());
    assert!(matches!(one.next().await, NetworkEvent::Disconnected(name) if name == old));
    assert!(matches!(one.next().await, NetworkEvent::Connected(name) if name == new));
    two.network.sender().send(&PublicKey([1; 32]), Arc::from([7_u8].as_slice()));
    match one.next().await {
        NetworkEvent::Received { from, bytes, .. } => assert_eq!((from, bytes), (new, vec![7])),
        other => panic!("{other:?}"),
    }
    one.network.sender().send(&new, Arc::from([8_u8].as_slice()));
    assert_eq!(two.next_message().await, [8], "the same connection");
}

#[tokio::test]
async fn a_member_that_joins_later_is_dialled_at_its_address() {
    let mut two = peer(2, &[], Rate::default()).await;
    let mut one = peer(1, &[], Rate::default()).await;
    let address = (network_key(2), two.network.listen());
    one.network.sender().reach(vec![member(1), member(2)], vec![address]);
    assert!(matches!(one.next().await, NetworkEvent::Connected(_)));
    assert!(matches!(two.next().await, NetworkEvent::Connected(_)));
}

#[tokio::test]
async fn a_port_in_use_is_said_so() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (sender, _events) = mpsc::channel(1);
    let config = NetworkConfig {
        key: [1; 32].into(),
        listen: taken.local_addr().unwrap(),
        members: vec![member(1)],
        addresses: Vec::new(),
        rate: Rate::default(),
    };
    let refused = Network::start(config, sender, Arc::default()).await.err().unwrap();
    assert!(matches!(refused, StartNetworkError::Listen { .. }), "{refused}");
}
