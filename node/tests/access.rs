//! The access log and the rates of a real node: what is logged, who may list it, what is refused
//! when it cannot be logged, and who pays for what.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{BOUND, Net, transfer};
use linli_node::api::{self, Api};
use linli_node::bucket::Rate;
use linli_node::config::Config;
use linli_node::rates::Settings;
use linli_proto::{BlocksRequest, EventsRequest, QueryRequest};
use linli_replica::Submitted;
use linli_sdk::access::merge;
use linli_sdk::access_log::{Entry, Log, Subject};
use linli_sdk::{Client, Error, Options, SecretKey};
use linli_types::code::Code;
use linli_types::id::{PrincipalId, TxId};
use linli_types::wire::accounts::AccountRequest;
use prost::Message;
use tokio::net::TcpListener;

const OWNER: u8 = 21;
const PAYEE: u8 = 22;
const AUDITOR: u8 = 23;
const MEMBER: u8 = 1;

/// Serves one of the nodes; its address.
async fn serve(net: &Net, at: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let handle = net.handle(at);
    let api = Api::new(handle.clone()).unwrap();
    tokio::spawn(async move {
        let config = Config::named("access");
        let forever = std::future::pending();
        // It ends when the node does.
        let _ = api::serve(api, handle.verify(), &config, None, listener, forever).await;
    });
    url
}

async fn client(net: &Net, url: &str, n: u8) -> Client {
    let options = Options { tries: 1, ..Options::default() };
    let key = SecretKey::from_bytes(&[n; 32]);
    Client::connect_with(url, net.chain, key, options).await.unwrap()
}

async fn account(client: &Client, n: u8) -> Result<(), Error> {
    let args = AccountRequest { id: vec![n; 16] }.encode_to_vec();
    let (room, query) = ("accounts".into(), "Account".into());
    client.query(QueryRequest { room, query, args, ..Default::default() }).await.map(drop)
}

async fn events(client: &Client, about: Vec<u8>) {
    let request = EventsRequest { about, history_only: true, ..Default::default() };
    let mut events = client.events(request);
    while events.next().await.unwrap().is_some() {}
}

async fn blocks(client: &Client, with_receipts: bool) {
    let request = BlocksRequest { from_height: 1, history_only: true, with_receipts };
    let mut blocks = client.blocks(request);
    while blocks.next().await.unwrap().is_some() {}
}

async fn log(client: &Client) -> Log {
    tokio::time::timeout(BOUND, client.access_log()).await.unwrap().unwrap()
}

fn methods(log: &Log) -> Vec<&str> {
    log.entries.iter().map(|(_, entry)| entry.method.as_str()).collect()
}

/// Everything that the auditor may read of the owner's.
async fn audit(auditor: &Client, id: TxId) {
    account(auditor, OWNER).await.unwrap();
    assert!(auditor.receipt(id, 0).await.unwrap().found);
    auditor.proof(id).await.unwrap();
    events(auditor, vec![OWNER; 16]).await;
    events(auditor, vec![]).await;
    blocks(auditor, true).await;
    // These concern nobody.
    blocks(auditor, false).await;
    auditor.status().await.unwrap();
    auditor.schema("accounts").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_read_of_somebody_s_data_by_another_is_theirs_to_list() {
    let net = Net::start().await;
    let ids = net.transfers(0, 0..1).await;
    net.wait_for(0, &ids).await;
    let url = serve(&net, 0).await;
    let (owner, payee) = (client(&net, &url, OWNER).await, client(&net, &url, PAYEE).await);
    // One's own is nobody's business.
    account(&owner, OWNER).await.unwrap();
    events(&owner, vec![OWNER; 16]).await;
    assert!(owner.receipt(ids[0], 0).await.unwrap().found);
    // What is refused shows nothing, so it is not logged.
    account(&payee, OWNER).await.unwrap_err();
    assert_eq!(log(&owner).await.head.count, 0);
    let auditor = client(&net, &url, AUDITOR).await;
    audit(&auditor, ids[0]).await;
    let mine = log(&owner).await;
    let all = ["Query", "GetReceipt", "GetProof", "StreamEvents", "StreamEvents", "StreamBlocks"];
    assert_eq!(methods(&mine), all);
    let Entry { reader, org, subject, .. } = &mine.entries[0].1;
    assert_eq!((*reader, *org), (Some(PrincipalId([AUDITOR; 16])), 9));
    assert_eq!(*subject, Subject::Principal(PrincipalId([OWNER; 16])));
    assert_eq!(mine.entries[5].1.subject, Subject::All);
    // A receipt is about whoever its events name, too.
    let theirs = ["GetReceipt", "GetProof", "StreamEvents", "StreamBlocks"];
    assert_eq!(methods(&log(&payee).await), theirs);
    // An auditor sees every entry, that reading included; a validator's key sees none.
    let whole = log(&auditor).await;
    assert_eq!(whole.entries.len() as u64, whole.head.count);
    assert_eq!(methods(&whole).last(), Some(&"AccessLog"));
    let denied = client(&net, &url, MEMBER).await.access_log().await.unwrap_err();
    assert_eq!(denied.code(), Some(Code::ReadDenied.number()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_logged_is_not_shown() {
    let net = Net::start().await;
    let ids = net.transfers(0, 0..1).await;
    net.wait_for(0, &ids).await;
    let url = serve(&net, 0).await;
    let (owner, auditor) = (client(&net, &url, OWNER).await, client(&net, &url, AUDITOR).await);
    account(&auditor, OWNER).await.unwrap();
    assert_eq!(log(&owner).await.head.count, 1);
    net.handle(0).access_log().refuse_writes();
    let unlogged = Some(Code::AccessUnlogged.number());
    assert_eq!(account(&auditor, OWNER).await.unwrap_err().code(), unlogged);
    assert_eq!(auditor.receipt(ids[0], 0).await.unwrap_err().code(), unlogged);
    assert_eq!(auditor.proof(ids[0]).await.unwrap_err().code(), unlogged);
    let all = EventsRequest { history_only: true, ..Default::default() };
    assert_eq!(auditor.events(all).next().await.unwrap_err().code(), unlogged);
    // Nobody is kept from their own, nor from what concerns nobody; and the list stays readable.
    account(&owner, OWNER).await.unwrap();
    auditor.status().await.unwrap();
    assert_eq!(log(&owner).await.entries.len(), 1);
    assert_eq!(net.handle(0).counters().access_unlogged.get(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_s_client_merges_the_logs_of_the_nodes() {
    let net = Net::start().await;
    let urls = [serve(&net, 0).await, serve(&net, 2).await];
    let mut logs = Vec::new();
    for (times, url) in [1, 2].into_iter().zip(&urls) {
        let auditor = client(&net, url, AUDITOR).await;
        for _ in 0..times {
            account(&auditor, OWNER).await.unwrap();
        }
        logs.push(log(&client(&net, url, OWNER).await).await);
    }
    let nodes: Vec<_> = logs.iter().map(|log| log.head.node).collect();
    assert_eq!(nodes, [common::public(101), common::public(103)]);
    let merged = merge(&logs);
    assert_eq!(merged.len(), 3);
    assert!(merged.is_sorted_by_key(|seen| seen.entry.time));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_pays_for_what_it_signed_and_an_address_for_the_rest() {
    let mut net = Net::start().await;
    net.nodes[0].take().unwrap().stop().await;
    let slow = Rate { per_s: 1, burst: 3 };
    let node = net.node(1, |options| {
        options.rates = Settings {
            submissions_per_key: slow,
            unproved_per_address: slow,
            reads_per_key: Rate { per_s: 1, burst: 2 },
            ..Settings::default()
        };
    });
    net.nodes[0] = Some(node.await.unwrap());
    let handle = net.handle(0);
    let code = |answer: &Submitted| match answer {
        Submitted::Refused(why) => Code::from_number(why.code),
        _ => None,
    };
    // Forged in the owner's name: what is looked at costs the owner nothing.
    let forged = |n| {
        let mut raw = transfer(&net.chain, n, OWNER).1;
        *raw.last_mut().unwrap() ^= 1;
        raw
    };
    let answers = handle.submit((0..5).map(forged).collect()).await;
    let codes: Vec<_> = answers.iter().map(code).collect();
    let (bad, limited) = (Some(Code::BadSignature), Some(Code::RateLimited));
    assert_eq!(codes, [bad, bad, bad, limited, limited]);
    let answers = handle.submit((0..5).map(|n| transfer(&net.chain, n, OWNER).1).collect()).await;
    let codes: Vec<_> = answers.iter().map(code).collect();
    assert_eq!(codes[..3], [None, None, None]);
    assert_eq!(codes[4], limited);
    // Through the API the address pays, and hears when to come again.
    let url = serve(&net, 0).await;
    let mut raw = linli_proto::ledger_client::LedgerClient::connect(url.clone()).await.unwrap();
    let batch = linli_proto::SubmitBatch { transactions: vec![vec![1, 2, 3]; 4] };
    let batches = futures::stream::iter(vec![batch; 20]);
    let mut answers = raw.submit_stream(batches).await.unwrap().into_inner();
    let first = answers.message().await.unwrap().unwrap();
    assert_eq!((first.refused[0].code, first.retry_ms), (Code::Malformed.number(), 0));
    let mut limited = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        let is_limited = answer.refused.iter().all(|r| r.code == Code::RateLimited.number());
        limited.extend(is_limited.then_some(answer.retry_ms));
    }
    assert!(!limited.is_empty() && limited.iter().all(|ms| (1..=1000).contains(ms)), "{limited:?}");
    // Reads prove their key, so they go on, at their own rate.
    let owner = client(&net, &url, OWNER).await;
    owner.status().await.unwrap();
    owner.status().await.unwrap();
    let refused = loop {
        // However slow this machine is, it asks more than once a second.
        if let Err(refused) = owner.status().await {
            break refused;
        }
    };
    assert_eq!(refused.code(), Some(Code::RateLimited.number()));
    assert!(refused.retry_after().is_some_and(|wait| wait.as_millis() <= 1000));
    assert!(handle.counters().rate_limited.get() >= 6);
}
