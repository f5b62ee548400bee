//! A member that sends what no honest member sends, met by a whole node: it is dropped, counted and
//! kept away, and the others go on.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{BOUND, Net, public};
use linli_node::network::{Member, Network, NetworkConfig, NetworkEvent, Rate};
use std::sync::Arc;
use tokio::sync::mpsc;

/// The network of the fourth validator, without its node.
async fn fourth(net: &Net) -> (Network, mpsc::Receiver<NetworkEvent>) {
    let (sender, events) = mpsc::channel(1024);
    let member = |n: u8| Member { validator: public(n), network: public(n + 100) };
    let config = NetworkConfig {
        key: [104; 32].into(),
        listen: "127.0.0.1:0".parse().unwrap(),
        members: (1..=4).map(member).collect(),
        addresses: vec![(public(101), net.nodes[0].as_ref().unwrap().listen())],
        rate: Rate::default(),
    };
    (Network::start(config, sender, Arc::default()).await.unwrap(), events)
}

/// Waits for an event of this kind.
async fn until(events: &mut mpsc::Receiver<NetworkEvent>, is: fn(&NetworkEvent) -> bool) {
    let wait = async { while !is(&events.recv().await.unwrap()) {} };
    tokio::time::timeout(BOUND, wait).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_frames_cost_a_member_its_connection_and_nobody_else_anything() {
    let mut net = Net::start().await;
    net.nodes[3].take().unwrap().stop().await;
    let first = net.transfers(0, 0..10).await;
    net.wait_for(0, &first).await;
    let counters = net.handle(0).counters();
    let (rogue, mut events) = fourth(&net).await;
    until(&mut events, |event| matches!(event, NetworkEvent::Connected(_))).await;
    rogue.sender().send(&public(1), vec![0xee; 64].into());
    until(&mut events, |event| matches!(event, NetworkEvent::Disconnected(_))).await;
    assert!(counters.faults.get() > 0);
    drop((rogue, events));
    // It comes back at once, and is refused at the door.
    let refused = counters.connections_refused.get();
    let (_again, _events) = fourth(&net).await;
    let wait = async {
        while counters.connections_refused.get() <= refused {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, wait).await.unwrap();
    // Seven of ten are left and decide.
    let second = net.transfers(0, 10..20).await;
    for at in 0..3 {
        net.wait_for(at, &second).await;
    }
}
