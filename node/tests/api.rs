//! The API of a real node among four: submit, wait, read, stream, prove; and who may read what.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{BOUND, Net, transfer};
use futures::FutureExt;
use linli_node::api::{self, Api};
use linli_node::checkpoints::Checkpoints;
use linli_node::config::Config;
use linli_node::handle::Unread;
use linli_node::http;
use linli_proto::ledger_client::LedgerClient;
use linli_proto::proof_request::Of;
use linli_proto::{
    BlocksRequest, EventsRequest, ProofRequest, QueryRequest, ReceiptRequest, SchemaRequest,
    StatusRequest, SubmitBatch, SubmitRequest,
};
use linli_replica::Submitted;
use linli_sdk::{SecretKey, read_header};
use linli_types::code::Code;
use linli_types::height::TimeMs;
use linli_types::id::{ChainId, TxId};
use linli_types::limits;
use linli_types::wire::accounts::{AccountRequest, AccountResponse};
use linli_verify::pack::{BlockProof, ReceiptPlace, TransactionPlace};
use linli_verify::{Contents, Pack};
use prost::Message;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// Four nodes, and the API of the first.
struct Served {
    net: Net,
    client: LedgerClient<Channel>,
    channel: Channel,
    _stop: oneshot::Sender<()>,
}

impl Served {
    async fn start() -> Self {
        let net = Net::start().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let handle = net.handle(0);
        let api = Api::new(handle.clone()).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(async move {
            let config = Config::named("api");
            let until = async { drop(stopped.await) };
            api::serve(api, handle.verify(), &config, None, listener, until).await.unwrap();
        });
        let channel = Channel::from_shared(url).unwrap().connect().await.unwrap();
        Self { net, client: LedgerClient::new(channel.clone()), channel, _stop: stop }
    }

    /// A request signed by the owner of key `n`.
    fn signed<T: Message>(&self, n: u8, method: &str, message: T) -> Request<T> {
        signed_for(&self.net.chain, n, method, message, common::now())
    }

    async fn submit(&mut self, ids: std::ops::Range<u32>) -> Vec<TxId> {
        let (ids, raws): (Vec<_>, Vec<_>) = ids.map(|n| transfer(&self.net.chain, n, 21)).unzip();
        let batch = SubmitBatch { transactions: raws };
        let stream = self.client.submit_stream(futures::stream::iter([batch])).await.unwrap();
        let answer = stream.into_inner().message().await.unwrap().unwrap();
        assert_eq!((answer.refused.len(), answer.accepted as usize), (0, ids.len()));
        self.net.wait_for(0, &ids).await;
        ids
    }
}

fn signed_for<T: Message>(
    chain: &ChainId,
    n: u8,
    method: &str,
    message: T,
    time: TimeMs,
) -> Request<T> {
    let key = SecretKey::from_bytes(&[n; 32]);
    let path = format!("/linli.v1.Ledger/{method}");
    let header = read_header::sign(&key, chain, &path, &message.encode_to_vec(), time);
    let mut request = Request::new(message);
    let value = tonic::metadata::MetadataValue::from_bytes(&header);
    request.metadata_mut().insert_bin(read_header::METADATA_KEY, value);
    request
}

fn code(status: &Status) -> Option<Code> {
    let number = status.metadata().get("linli-code")?.to_str().ok()?.parse().ok()?;
    Code::from_number(number)
}

/// Principals 21 and 22 are residents, 1 is a validator's key.
const OWNER: u8 = 21;
const OTHER: u8 = 22;
const MEMBER: u8 = 1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_wakes_whoever_waits_and_the_same_bytes_exist() {
    let mut served = Served::start().await;
    let (id, raw) = transfer(&served.net.chain, 1, 21);
    let submit = SubmitRequest { transaction: raw };
    let answer = served.client.submit(submit.clone()).await.unwrap().into_inner();
    assert_eq!((answer.id.as_slice(), answer.refused), (&id.0[..], None));
    let wanted = ReceiptRequest { id: id.0.to_vec(), wait_ms: 30_000 };
    let request = served.signed(OWNER, "GetReceipt", wanted.clone());
    let waited = tokio::time::timeout(BOUND, served.client.get_receipt(request)).await.unwrap();
    let receipt = waited.unwrap().into_inner();
    assert!(receipt.found && receipt.height > 0);
    let again = served.client.submit(submit).await.unwrap().into_inner();
    assert_eq!(again.refused.map(|r| r.name), Some("EXISTS".into()));
    assert_eq!(again.height, receipt.height);
    // Another resident may not read it, a member may.
    let request = served.signed(OTHER, "GetReceipt", wanted.clone());
    let denied = served.client.get_receipt(request).await.unwrap_err();
    assert_eq!(code(&denied), Some(Code::ReadDenied));
    let request = served.signed(MEMBER, "GetReceipt", wanted);
    assert!(served.client.get_receipt(request).await.unwrap().into_inner().found);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_without_a_header_that_holds_is_refused_in_every_way() {
    let mut served = Served::start().await;
    let chain = served.net.chain;
    let unsigned = served.client.get_status(StatusRequest {}).await.unwrap_err();
    let mut refusals = vec![unsigned];
    let now = common::now();
    let old = TimeMs(now.0 - 120_000);
    for request in [
        signed_for(&chain, OWNER, "GetStatus", StatusRequest {}, old),
        signed_for(&chain, OWNER, "Query", StatusRequest {}, now),
    ] {
        refusals.push(served.client.get_status(request).await.unwrap_err());
    }
    // A header for another question.
    let wanted = QueryRequest { room: "log".into(), query: "Head".into(), ..Default::default() };
    let mut request = served.signed(OWNER, "Query", wanted);
    request.get_mut().room = "timers".into();
    refusals.push(served.client.query(request).await.unwrap_err());
    for refusal in refusals {
        assert_eq!(code(&refusal), Some(Code::ReadUnsigned), "{refusal}");
        assert_eq!(refusal.code(), tonic::Code::Unauthenticated);
    }
    let other = signed_for(&ChainId([9; 32]), OWNER, "GetStatus", StatusRequest {}, now);
    let refusal = served.client.get_status(other).await.unwrap_err();
    assert_eq!(code(&refusal), Some(Code::WrongChain));
    // A key that nobody registered.
    let stranger = served.signed(99, "GetStatus", StatusRequest {});
    let denied = served.client.get_status(stranger).await.unwrap_err();
    assert_eq!(code(&denied), Some(Code::UnknownSender));
    assert_eq!(denied.code(), tonic::Code::PermissionDenied);
    let status = served.signed(OWNER, "GetStatus", StatusRequest {});
    let status = served.client.get_status(status).await.unwrap().into_inner();
    assert_eq!((status.chain, status.accepting), (chain.0.to_vec(), true));
    assert!(status.rooms.contains(&"accounts".to_string()));
}

fn account(n: u8, proof: bool) -> QueryRequest {
    let args = AccountRequest { id: vec![n; 16] }.encode_to_vec();
    QueryRequest {
        room: "accounts".into(),
        query: "Account".into(),
        args,
        proof,
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leg_10_a_resident_reads_their_own_balance_with_a_proof_and_no_other() {
    let mut served = Served::start().await;
    served.submit(0..5).await;
    let request = served.signed(OTHER, "Query", account(OTHER, true));
    let answer = served.client.query(request).await.unwrap().into_inner();
    let row = AccountResponse::decode(&*answer.result).unwrap();
    assert_eq!(row.credits_posted - row.debits_posted, 100_005);
    let [entry] = answer.entries.as_slice() else { panic!("{:?}", answer.entries) };
    let header = linli_types::header::Header::from_bytes(&answer.header).unwrap();
    let proof: linli_types::state_proof::StateProof = borsh::from_slice(&entry.proof).unwrap();
    assert_eq!(proof.root(&entry.key, Some(&entry.value)), Some(header.state_root));
    assert_eq!(answer.height, header.height.0);
    let request = served.signed(OWNER, "Query", account(OTHER, false));
    let denied = served.client.query(request).await.unwrap_err();
    assert_eq!(code(&denied), Some(Code::ReadDenied));
    // The stored entry is guarded like the computed answer.
    let key = entry.key["accounts".len() + 1..].to_vec();
    let stored = QueryRequest { room: "accounts".into(), keys: vec![key], ..Default::default() };
    let request = served.signed(OTHER, "Query", stored.clone());
    let own = served.client.query(request).await.unwrap().into_inner();
    assert_eq!(own.entries[0].value, entry.value);
    let request = served.signed(OWNER, "Query", stored);
    let denied = served.client.query(request).await.unwrap_err();
    assert_eq!(code(&denied), Some(Code::ReadDenied));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_query_says_so_in_words() {
    let mut served = Served::start().await;
    let request = served.signed(MEMBER, "Query", account(77, false));
    let answer = served.client.query(request).await.unwrap().into_inner();
    assert_eq!(answer.refused.unwrap().name, "NO_ACCOUNT");
    let both = QueryRequest { keys: vec![vec![1]], ..account(OWNER, false) };
    let request = served.signed(MEMBER, "Query", both);
    let malformed = served.client.query(request).await.unwrap_err();
    assert_eq!(code(&malformed), Some(Code::Malformed));
    let request = served.signed(MEMBER, "GetSchema", SchemaRequest { room: "nowhere".into() });
    let unknown = served.client.get_schema(request).await.unwrap_err();
    assert_eq!(code(&unknown), Some(Code::UnknownRoom));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_from_history_and_live_are_the_same_without_gap_or_double() {
    let mut served = Served::start().await;
    let about = |history_only| EventsRequest {
        room: "accounts".into(),
        about: vec![OTHER; 16],
        history_only,
        ..Default::default()
    };
    let request = served.signed(OTHER, "StreamEvents", about(false));
    let mut live = served.client.stream_events(request).await.unwrap().into_inner();
    let mut ids = served.submit(0..40).await;
    ids.extend(served.submit(40..60).await);
    let mut seen = Vec::new();
    while seen.len() < ids.len() {
        let next = tokio::time::timeout(BOUND, live.message()).await.unwrap();
        seen.push(next.unwrap().unwrap());
    }
    let request = served.signed(OTHER, "StreamEvents", about(true));
    let mut history = served.client.stream_events(request).await.unwrap().into_inner();
    let mut stored = Vec::new();
    while let Some(event) = history.message().await.unwrap() {
        stored.push(event);
    }
    assert_eq!(seen, stored);
    let found: BTreeSet<_> = seen.iter().map(|e| e.transaction.clone()).collect();
    assert_eq!(found, ids.iter().map(|id| id.0.to_vec()).collect());
    // A cursor goes on behind the event it names.
    let middle = &seen[30];
    let rest = EventsRequest { height: middle.height, index: middle.index + 1, ..about(true) };
    let request = served.signed(OTHER, "StreamEvents", rest);
    let mut stream = served.client.stream_events(request).await.unwrap().into_inner();
    assert_eq!(stream.message().await.unwrap().as_ref(), seen.get(31));
    // Whole streams are not for residents.
    let whole = EventsRequest::default();
    let request = served.signed(OTHER, "StreamEvents", whole);
    let denied = served.client.stream_events(request).await.unwrap_err();
    assert_eq!(code(&denied), Some(Code::ReadDenied));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_stream_whole_to_members_only() {
    let mut served = Served::start().await;
    let ids = served.submit(0..10).await;
    let wanted = BlocksRequest { from_height: 0, history_only: true, with_receipts: true };
    let request = served.signed(OWNER, "StreamBlocks", wanted);
    let denied = served.client.stream_blocks(request).await.unwrap_err();
    assert_eq!(code(&denied), Some(Code::ReadDenied));
    let request = served.signed(MEMBER, "StreamBlocks", wanted);
    let mut blocks = served.client.stream_blocks(request).await.unwrap().into_inner();
    let (mut height, mut receipts) = (0, 0);
    while let Some(block) = blocks.message().await.unwrap() {
        height += 1;
        assert_eq!(block.height, height);
        receipts += block.receipts.len();
    }
    assert_eq!(receipts, ids.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proof_verifies_offline() {
    let mut served = Served::start().await;
    let ids = served.submit(0..7).await;
    for id in &ids {
        let of = Some(Of::Transaction(id.0.to_vec()));
        let request = served.signed(OWNER, "GetProof", ProofRequest { of });
        let proof = served.client.get_proof(request).await.unwrap().into_inner();
        let digests = |nodes: &[Vec<u8>]| {
            nodes.iter().map(|n| linli_types::id::Digest::from_slice(n).unwrap()).collect()
        };
        let signed = linli_types::wire::SignedTransaction::decode(&*proof.transaction).unwrap();
        let transaction = TransactionPlace {
            signature: linli_types::id::Signature::from_slice(&signed.signature).unwrap(),
            body: signed.body,
            index: proof.body_index,
            count: proof.body_count,
            path: digests(&proof.body_path),
        };
        let receipt = ReceiptPlace {
            receipt: borsh::from_slice(&proof.receipt).unwrap(),
            index: proof.index,
            count: proof.count,
            path: digests(&proof.receipt_path),
        };
        let block = BlockProof {
            header: linli_types::header::Header::from_bytes(&proof.header).unwrap(),
            certificate: borsh::from_slice(&proof.certificate).unwrap(),
            sets: vec![],
        };
        let contents = Contents::Receipt { transaction: Some(transaction), receipt };
        let pack = Pack::new(&contents, &block).to_bytes();
        let genesis = served.net.handle(0).store().genesis().unwrap().unwrap();
        let report = linli_verify::verify(&pack, &[], &genesis).unwrap();
        assert_eq!(report.chain, served.net.chain.to_string());
    }
    let of = Some(Of::Transaction(ids[0].0.to_vec()));
    let request = served.signed(OTHER, "GetProof", ProofRequest { of });
    let denied = served.client.get_proof(request).await.unwrap_err();
    assert_eq!(code(&denied), Some(Code::ReadDenied));
    let request = served.signed(MEMBER, "GetProof", ProofRequest { of: Some(Of::Leaf(5)) });
    let missing = served.client.get_proof(request).await.unwrap_err();
    assert_eq!(code(&missing), Some(Code::NotFound));
}

/// The first line of the answer to `GET /healthz`.
async fn healthz(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap_or_default().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_about_to_stop_is_unhealthy_and_takes_nothing_while_open_requests_go_on() {
    let mut served = Served::start().await;
    let (handle, chain) = (served.net.handle(0), served.net.chain);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let web = listener.local_addr().unwrap();
    let notes = Checkpoints::open(served.net.dir.path(), chain, None, Vec::new()).unwrap();
    let pages = http::serve(handle.clone(), Arc::new(notes), listener, std::future::pending());
    tokio::spawn(pages);
    let mut health = HealthClient::new(served.channel.clone());
    let ask = |service: &str| HealthCheckRequest { service: service.into() };
    for service in ["", "linli.v1.Ledger"] {
        let answer = health.check(ask(service)).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving);
    }
    assert_eq!(healthz(web).await, "HTTP/1.0 200 OK");
    let mut watch = health.watch(ask("linli.v1.Ledger")).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    handle.close();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert_eq!(healthz(web).await, "HTTP/1.0 503 Service Unavailable");
    let (_, raw) = transfer(&chain, 1, 21);
    assert_eq!(handle.submit(vec![raw]).await, [Submitted::from(Code::Unavailable)]);
    let request = served.signed(OWNER, "GetStatus", StatusRequest {});
    let status = served.client.get_status(request).await.unwrap().into_inner();
    assert_eq!(Code::from_number(status.not_accepting_code), Some(Code::Unavailable));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_beyond_the_bound_are_busy() {
    let net = Net::start().await;
    let handle = net.handle(0);
    let (release, held) = std::sync::mpsc::channel::<()>();
    // The first one holds the driver, so that the others wait.
    let (started, running) = oneshot::channel();
    let own = handle.clone();
    let first = tokio::spawn(async move {
        let hold = own.inspect(move |_, _| {
            let _ = started.send(());
            let _ = held.recv();
        });
        hold.await
    });
    running.await.unwrap();
    let mut waiting: Vec<_> = (0..limits::QUERIES_WAITING_MAX)
        .map(|_| Box::pin(handle.inspect(|ledger, _| ledger.head().height)))
        .collect();
    for query in &mut waiting {
        assert!(query.as_mut().now_or_never().is_none());
    }
    assert_eq!(handle.inspect(|_, _| ()).await, Err(Unread::Busy));
    drop(release);
    assert_eq!(first.await.unwrap(), Ok(()));
    for query in waiting {
        assert!(query.await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_large_a_batch_is_refused_and_names_its_bound() {
    let mut served = Served::start().await;
    let batch = SubmitBatch { transactions: vec![vec![]; api::BATCH_TRANSACTIONS_MAX + 1] };
    let stream = served.client.submit_stream(futures::stream::iter([batch])).await.unwrap();
    let refused = stream.into_inner().message().await.unwrap_err();
    assert_eq!(code(&refused), Some(Code::TooLarge));
    assert!(refused.message().contains(&api::BATCH_TRANSACTIONS_MAX.to_string()));
    let nonsense = SubmitRequest { transaction: vec![1, 2, 3] };
    let answer = served.client.submit(nonsense).await.unwrap().into_inner();
    assert_eq!(answer.refused.map(|r| r.name), Some("MALFORMED".into()));
}
