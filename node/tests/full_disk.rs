//! A write that fails ends the node, with nothing half-written. Alone in its file: the limit it sets
//! holds for the whole process.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{BOUND, Net, transfer};
use linli_node::driver::Ended;
use linli_replica::Submitted;
use linli_types::id::TxId;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

/// The signal that a write beyond the limit raises; handled, the write fails instead.
const SIGXFSZ: i32 = 25;
/// No file may grow beyond this many bytes: the preallocated log, and some blocks in the store.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024 + 64 * 1024;

/// Submits to the first node until it has ended; gives how it ended and what was taken.
async fn fill(net: &Net) -> (Ended, Vec<TxId>) {
    let node = net.nodes[0].as_ref().unwrap();
    let (handle, mut taken) = (node.handle(), Vec::new());
    let submit = async {
        for n in 0.. {
            let (ids, raws): (Vec<_>, Vec<_>) =
                (n * 100..n * 100 + 100).map(|n| transfer(&net.chain, n, 21)).unzip();
            let answers = handle.submit(raws).await;
            let pooled = ids.into_iter().zip(answers).filter(|(_, a)| *a == Submitted::Pooled);
            taken.extend(pooled.map(|(id, _)| id));
            // A node that has ended answers at once; without a pause nobody would look whether it has.
            tokio::task::yield_now().await;
        }
    };
    let ended = tokio::select! { ended = node.ended() => ended, () = submit => unreachable!() };
    (ended, taken)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_write_ends_the_node_and_with_room_it_goes_on() {
    let _handled = signal(SignalKind::from_raw(SIGXFSZ)).unwrap();
    let mut net = Net::start().await;
    let before = getrlimit(Resource::Fsize);
    let limit = Rlimit { current: Some(FILE_BYTES_MAX), maximum: before.maximum };
    setrlimit(Resource::Fsize, limit).unwrap();
    let (ended, taken) = tokio::time::timeout(BOUND, fill(&net)).await.unwrap();
    assert!(matches!(ended, Ended::Broken(_)), "{ended:?}");
    // What a committed block holds of it, as the node that broke last saw it.
    let handle = net.handle(0);
    let acknowledged: Vec<TxId> =
        taken.into_iter().filter(|id| common::is_done(&handle, id)).collect();
    let height = handle.status().head.height;
    assert!(!acknowledged.is_empty(), "the limit left room for some blocks");
    drop(handle);
    for node in net.nodes.iter_mut() {
        node.take().unwrap().stop().await;
    }
    setrlimit(Resource::Fsize, before).unwrap();
    for n in 1..=4 {
        let node = net.node(n, |_| {}).await.unwrap();
        net.nodes[usize::from(n) - 1] = Some(node);
    }
    assert!(net.handle(0).status().head.height >= height);
    net.wait_for(0, &acknowledged).await;
    let more = net.transfers(0, 4_000_000..4_000_010).await;
    net.wait_for(0, &more).await;
    net.wait_for(3, &acknowledged).await;
}
