//! Four whole nodes in one process: commit, stop, catch up, refuse.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{BOUND, Net, genesis, small, transfer};
use linli_node::driver::Ended;
use linli_node::node::{NodeOptions, StartError, create};
use linli_node::storage::OpenError;
use linli_replica::Submitted;
use linli_types::code::Code;
use linli_types::id::{ChainId, PrincipalId};
use linli_types::wire;
use prost::Message;
use std::path::Path;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers_commit_everywhere_and_a_stopped_node_catches_up() {
    let mut net = Net::start().await;
    let first = net.transfers(0, 0..300).await;
    for at in 0..4 {
        net.wait_for(at, &first).await;
    }
    let stopped = net.nodes[3].take().unwrap().stop().await;
    assert_eq!(stopped, Ended::Stopped);
    let second = net.transfers(1, 300..500).await;
    for at in 0..3 {
        net.wait_for(at, &second).await;
    }
    net.nodes[3] = Some(net.node(4, |_| {}).await.unwrap());
    net.wait_for(3, &first).await;
    net.wait_for(3, &second).await;
    // Exactly what was sent has moved, on every node.
    for at in 0..4 {
        let handle = net.handle(at);
        let balance = handle.inspect(|ledger, store| {
            let request = wire::accounts::AccountRequest { id: vec![22; 16] };
            let args = request.encode_to_vec();
            ledger.query(store, "accounts", "Account", &args, PrincipalId([22; 16]))
        });
        let answer = balance.await.unwrap().unwrap().unwrap();
        let account = wire::accounts::AccountResponse::decode(&*answer.result).unwrap();
        assert_eq!(account.credits_posted - account.debits_posted, 100_500, "node {at}");
    }
    // The restarted node votes again: without it and another one there is no quorum.
    net.nodes[2].take().unwrap().stop().await;
    let third = net.transfers(3, 500..510).await;
    net.wait_for(0, &third).await;
    for node in net.nodes.drain(..).flatten() {
        assert_eq!(node.stop().await, Ended::Stopped);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_answered_in_order_and_nothing_is_recorded() {
    let net = Net::start().await;
    let (_, good) = transfer(&net.chain, 1, 21);
    let (_, other_key) = transfer(&net.chain, 2, 22);
    let (_, mut forged) = transfer(&net.chain, 3, 21);
    *forged.last_mut().unwrap() ^= 1;
    let (_, wrong_chain) = transfer(&ChainId([9; 32]), 4, 21);
    let raws = vec![forged, other_key, wrong_chain, vec![1, 2, 3], good];
    let answers = net.handle(0).submit(raws).await;
    let code = |answer: &Submitted| match answer {
        Submitted::Refused(refusal) => Code::from_number(refusal.code),
        _ => None,
    };
    let codes: Vec<_> = answers.iter().map(code).collect();
    let refused = [Code::BadSignature, Code::KeyNotOfSender, Code::WrongChain, Code::Malformed];
    assert_eq!(codes[..4], refused.map(Some));
    assert_eq!(answers[4], Submitted::Pooled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn below_the_disk_reserve_a_node_takes_nothing_and_goes_on_voting() {
    let mut net = Net::start().await;
    net.nodes[3].take().unwrap().stop().await;
    let full = net.node(4, |options| options.reserve_bytes = u64::MAX).await.unwrap();
    net.nodes[3] = Some(full);
    let handle = net.handle(3);
    let refused = async {
        while handle.status().not_accepting != Some(Code::DiskReserve) {
            tokio::task::yield_now().await;
        }
        handle.submit(vec![transfer(&net.chain, 1, 21).1]).await
    };
    let refused = tokio::time::timeout(BOUND, refused).await.unwrap();
    assert_eq!(refused, [Submitted::from(Code::DiskReserve)]);
    // Of 3 + 2 + 2 + 3 the quorum needs the fourth once the third is gone.
    net.nodes[2].take().unwrap().stop().await;
    let ids = net.transfers(0, 10..20).await;
    net.wait_for(3, &ids).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_start_says_why() {
    let net = Net::start().await;
    let why = net.node(1, |_| {}).await.err().unwrap();
    assert!(matches!(why, StartError::Open(OpenError::InUse(_))), "{why}");
    let bytes = genesis().to_bytes();
    let free = net.dir.path().join("free");
    create(&free, &bytes, small()).unwrap();
    let at_free = |options: &mut NodeOptions| {
        options.data = free.clone();
        options.chain = None;
    };
    let other_chain = |options: &mut NodeOptions| options.data = free.clone();
    let why = net.node(1, other_chain).await.err().unwrap();
    assert!(matches!(why, StartError::Open(OpenError::OtherChain { .. })), "{why}");
    let taken = net.nodes[0].as_ref().unwrap().listen();
    let why = net
        .node(1, |o| {
            at_free(o);
            o.listen = taken
        })
        .await
        .err()
        .unwrap();
    assert!(matches!(why, StartError::Network(_)) && !why.is_broken(), "{why}");
    let why = create(&free, &bytes, small()).err().unwrap();
    assert!(matches!(why, StartError::Open(OpenError::Taken(_))), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_node_with_a_validators_key_stops_as_broken() {
    let mut net = Net::start().await;
    let first = net.transfers(1, 0..10).await;
    net.wait_for(0, &first).await;
    // The same keys and blocks, but not the log: it does not know what the first one signed.
    net.nodes[0].take().unwrap().stop().await;
    let copy = net.dir.path().join("copy");
    copy_folder(&net.data(1).join("db"), &copy.join("db"));
    net.nodes[0] = Some(net.node(1, |_| {}).await.unwrap());
    // Two of four cannot commit: the height stays under way, with votes of the first one in it.
    for stopped in [2, 3] {
        net.nodes[stopped].take().unwrap().stop().await;
    }
    net.transfers(0, 10..20).await;
    let twin = net.node(1, |options| options.data = copy).await.unwrap();
    let ended = tokio::time::timeout(BOUND, twin.ended()).await.unwrap();
    assert!(matches!(&ended, Ended::Broken(why) if why.contains("same key")), "{ended:?}");
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}
