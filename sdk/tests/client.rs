//! The client against a node that is played: what it retries, what it calls definite, how it
//! resumes. Each test has a server of its own on a free port of the loopback.
#![allow(clippy::unwrap_used, reason = "a test may")]

use linli_proto::ledger_server::{Ledger, LedgerServer};
use linli_proto::*;
use linli_sdk::client::Accepted;
use linli_sdk::{
    Client, Draft, ErrorKind, Options, Outcome, SecretKey, Signed, Transfer, read_header,
};
use linli_types::code::Code;
use linli_types::height::TimeMs;
use linli_types::id::{AccountId, ChainId, PrincipalId, TransferId, TxId, TxKey};
use linli_types::receipt::{Cause, Outcome as Ended, Receipt};
use linli_types::signature::Zip215;
use prost::Message;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_stream::{Stream, StreamExt};
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

const CHAIN: ChainId = ChainId([6; 32]);

/// What the played node answers, in order; the last one for ever.
#[derive(Default)]
struct Script {
    submit: VecDeque<Result<SubmitResponse, Status>>,
    receipt: VecDeque<Result<ReceiptResponse, Status>>,
    events: VecDeque<Vec<Result<EventUpdate, Status>>>,
    events_asked: Vec<(u64, u32)>,
    /// Streams of events stay open behind their last item.
    events_stay: bool,
    tries: usize,
}

#[derive(Clone, Default)]
struct Played(Arc<Mutex<Script>>);

type Answers<T> = std::pin::Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn next<T: Clone>(queue: &mut VecDeque<Result<T, Status>>) -> Result<Response<T>, Status> {
    let answer = if queue.len() > 1 { queue.pop_front() } else { queue.front().cloned() };
    answer.unwrap_or_else(|| Err(Status::unimplemented("not in the script"))).map(Response::new)
}

/// As a node does: the header must be of this chain, method and request.
fn check_signed<T: Message>(request: &Request<T>, method: &str) -> Result<(), Status> {
    let header = request.metadata().get_bin(read_header::METADATA_KEY);
    let header = header.and_then(|h| h.to_bytes().ok());
    let now = linli_sdk::clock::now().unwrap();
    let path = format!("/linli.v1.Ledger/{method}");
    let bytes = request.get_ref().encode_to_vec();
    read_header::check(&CHAIN, header.as_deref(), &path, &bytes, now, &Zip215).map(drop).map_err(
        |refusal| {
            let refused =
                Refused { code: refusal.code, en: "unsigned".into(), ..Default::default() };
            let mut metadata = tonic::metadata::MetadataMap::new();
            let value = tonic::metadata::MetadataValue::from_bytes(&refused.encode_to_vec());
            metadata.insert_bin("linli-refused-bin", value);
            Status::with_metadata(tonic::Code::Unauthenticated, "unsigned", metadata)
        },
    )
}

#[tonic::async_trait]
impl Ledger for Played {
    async fn submit(&self, _: Request<SubmitRequest>) -> Result<Response<SubmitResponse>, Status> {
        let mut script = self.0.lock().unwrap();
        script.tries += 1;
        next(&mut script.submit)
    }

    type SubmitStreamStream = Answers<SubmitBatchResponse>;

    async fn submit_stream(
        &self,
        request: Request<Streaming<SubmitBatch>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        let answer = |batch: Result<SubmitBatch, Status>| {
            let accepted = u32::try_from(batch?.transactions.len()).unwrap();
            Ok(SubmitBatchResponse { accepted, ..Default::default() })
        };
        Ok(Response::new(Box::pin(request.into_inner().map(answer))))
    }

    async fn get_receipt(
        &self,
        request: Request<ReceiptRequest>,
    ) -> Result<Response<ReceiptResponse>, Status> {
        check_signed(&request, "GetReceipt")?;
        let mut script = self.0.lock().unwrap();
        script.tries += 1;
        next(&mut script.receipt)
    }

    async fn query(&self, _: Request<QueryRequest>) -> Result<Response<QueryResponse>, Status> {
        let refused =
            Refused { code: Code::NotFound.number(), en: "none".into(), ..Default::default() };
        Ok(Response::new(QueryResponse { refused: Some(refused), ..Default::default() }))
    }

    async fn get_genesis(
        &self,
        _: Request<GenesisRequest>,
    ) -> Result<Response<GenesisResponse>, Status> {
        Err(Status::unimplemented("not played"))
    }

    async fn get_later(&self, _: Request<LaterRequest>) -> Result<Response<LaterResponse>, Status> {
        Err(Status::unimplemented("not played"))
    }

    async fn get_schema(
        &self,
        request: Request<SchemaRequest>,
    ) -> Result<Response<SchemaResponse>, Status> {
        check_signed(&request, "GetSchema")?;
        let descriptors = linli_types::wire::DESCRIPTORS.to_vec();
        Ok(Response::new(SchemaResponse { descriptors, height: 1 }))
    }

    async fn get_proof(&self, _: Request<ProofRequest>) -> Result<Response<ProofResponse>, Status> {
        Ok(Response::new(ProofResponse::default()))
    }

    async fn get_cose_receipt(
        &self,
        _: Request<CoseReceiptRequest>,
    ) -> Result<Response<CoseReceiptResponse>, Status> {
        Ok(Response::new(CoseReceiptResponse::default()))
    }

    async fn get_consistency(
        &self,
        request: Request<ConsistencyRequest>,
    ) -> Result<Response<ConsistencyResponse>, Status> {
        check_signed(&request, "GetConsistency")?;
        // A path that leads nowhere.
        let (from, to, root) = (request.get_ref().from, request.get_ref().to, vec![7; 32]);
        let (from_root, to_root, path) = (root.clone(), root.clone(), root);
        let rest = ConsistencyResponse::default();
        Ok(Response::new(ConsistencyResponse { from, to, from_root, to_root, path, ..rest }))
    }

    type StreamBlocksStream = Answers<BlockUpdate>;

    async fn stream_blocks(
        &self,
        request: Request<BlocksRequest>,
    ) -> Result<Response<Self::StreamBlocksStream>, Status> {
        check_signed(&request, "StreamBlocks")?;
        // Two blocks, then the connection ends: the client must ask again for the third.
        let from = request.get_ref().from_height;
        let block = move |i| Ok(BlockUpdate { height: from + i, ..Default::default() });
        Ok(Response::new(Box::pin(tokio_stream::iter((0..2).map(block)))))
    }

    type StreamEventsStream = Answers<EventUpdate>;

    async fn stream_events(
        &self,
        request: Request<EventsRequest>,
    ) -> Result<Response<Self::StreamEventsStream>, Status> {
        check_signed(&request, "StreamEvents")?;
        let mut script = self.0.lock().unwrap();
        script.events_asked.push((request.get_ref().height, request.get_ref().index));
        let items = script.events.pop_front().ok_or_else(|| Status::unavailable("gone"))?;
        let items = tokio_stream::iter(items);
        Ok(Response::new(match script.events_stay {
            true => Box::pin(items.chain(tokio_stream::pending())),
            false => Box::pin(items),
        }))
    }

    async fn get_status(
        &self,
        request: Request<StatusRequest>,
    ) -> Result<Response<StatusResponse>, Status> {
        check_signed(&request, "GetStatus")?;
        Ok(Response::new(StatusResponse { height: 9, ..Default::default() }))
    }

    async fn access_log(
        &self,
        request: Request<AccessLogRequest>,
    ) -> Result<Response<AccessLogResponse>, Status> {
        check_signed(&request, "AccessLog")?;
        Err(Status::unimplemented("not in the script"))
    }
}

const OPTIONS: Options = Options {
    connect: Duration::from_secs(5),
    answer: Duration::from_secs(5),
    tries: 4,
    pause: Duration::from_millis(2),
    keep_alive: Duration::from_secs(5),
};

async fn serve(script: Script) -> (Client, Played) {
    serve_for(script, CHAIN).await
}

async fn serve_for(script: Script, chain: ChainId) -> (Client, Played) {
    let (address, played) = start(script).await;
    (connect(&address, chain, OPTIONS).await, played)
}

async fn start(script: Script) -> (String, Played) {
    let played = Played(Arc::new(Mutex::new(script)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let service = LedgerServer::new(played.clone());
    let server = tonic::transport::Server::builder().add_service(service);
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    (address, played)
}

async fn connect(address: &str, chain: ChainId, options: Options) -> Client {
    let (url, key) = (format!("http://{address}"), SecretKey::from_bytes(&[1; 32]));
    Client::connect_with(&url, chain, key, options).await.unwrap()
}

/// A wire to `address` that goes dead when told: connections stay open, and nothing comes through
/// any more, as after a power cut at the other end.
async fn wire(address: String) -> (String, watch::Sender<bool>) {
    let (kill, dead) = watch::channel(false);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (near, _) = listener.accept().await.unwrap();
            let far = TcpStream::connect(&address).await.unwrap();
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::spawn(pump(near_in, far_out, dead.clone()));
            tokio::spawn(pump(far_in, near_out, dead.clone()));
        }
    });
    (here, kill)
}

async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut dead: watch::Receiver<bool>,
) {
    let mut buffer = [0; 4096];
    loop {
        let read = tokio::select! {
            _ = dead.wait_for(|dead| *dead) => break,
            read = from.read(&mut buffer) => read.unwrap_or(0),
        };
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
    // Both halves stay open.
    std::future::pending::<()>().await;
}

fn signed() -> Signed {
    let (debit, credit) = (AccountId([2; 16]), AccountId([3; 16]));
    let transfer = Transfer { id: TransferId([1; 16]), debit, credit, amount: 5, code: 1 };
    let key = SecretKey::from_bytes(&[1; 32]);
    let draft = Draft::new().transfer(transfer).key(TxKey([4; 16])).valid_until(TimeMs(1000));
    draft.sign(&key, &CHAIN, PrincipalId([7; 16])).unwrap()
}

fn refused(code: Code) -> SubmitResponse {
    let refused = Refused { code: code.number(), name: code.name().into(), ..Default::default() };
    SubmitResponse { refused: Some(refused), ..Default::default() }
}

fn absent(head_time_ms: u64) -> ReceiptResponse {
    ReceiptResponse { head_time_ms, ..Default::default() }
}

fn present(id: TxId) -> ReceiptResponse {
    let receipt = Receipt {
        cause: Cause::Transaction(id),
        outcome: Ended::Done,
        fuel: 1,
        results: Vec::new(),
        events: Vec::new(),
        log_leaves: (0, 0),
    };
    let receipt = linli_types::encode(&receipt);
    ReceiptResponse { found: true, height: 3, receipt, ..Default::default() }
}

#[tokio::test]
async fn a_busy_node_is_asked_again_and_a_refusal_is_not() {
    let submit = [
        Err(Status::unavailable("stopping")),
        Ok(refused(Code::Busy)),
        Ok(SubmitResponse::default()),
    ];
    let (client, played) = serve(Script { submit: submit.into(), ..Default::default() }).await;
    assert_eq!(client.submit(&signed()).await, Ok(Accepted::Pooled));
    assert_eq!(played.0.lock().unwrap().tries, 3);

    let submit = [Ok(refused(Code::UnknownSender))];
    let (client, played) = serve(Script { submit: submit.into(), ..Default::default() }).await;
    let error = client.submit(&signed()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Refused, Some(1008)));
    assert_eq!(played.0.lock().unwrap().tries, 1);
}

#[tokio::test]
async fn a_refusal_after_a_try_without_an_answer_is_not_definite() {
    // The first try may stand in a block by now: what is refused later does not say that it
    // does not.
    let lost = || Err(Status::deadline_exceeded("no answer"));
    let scripts = [
        vec![lost(), Ok(refused(Code::Expired))],
        vec![
            Err(Status::unavailable("a break")),
            Ok(refused(Code::Busy)),
            Ok(refused(Code::Expired)),
        ],
        // Until the tries are used up.
        vec![lost(), Ok(refused(Code::DiskReserve))],
        // A node that stops while it holds the request answers so.
        vec![Ok(refused(Code::Unavailable)), Ok(refused(Code::Expired))],
        vec![Ok(refused(Code::Unavailable))],
    ];
    for (i, submit) in scripts.into_iter().enumerate() {
        let (client, _) = serve(Script { submit: submit.into(), ..Default::default() }).await;
        let error = client.submit(&signed()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::TimedOut, None),
            "script {i}: {error}"
        );
        assert!(error.to_string().contains("one try had no definite answer"), "{error}");
    }
    // Every try was answered: the refusal stands.
    let submit = [Ok(refused(Code::Busy)), Ok(refused(Code::Expired))];
    let (client, _) = serve(Script { submit: submit.into(), ..Default::default() }).await;
    let error = client.submit(&signed()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Refused, Some(Code::Expired.number())));
    // And a try that was taken is found again by a later one.
    let submit = [lost(), Ok(refused(Code::Exists))];
    let (client, _) = serve(Script { submit: submit.into(), ..Default::default() }).await;
    assert_eq!(client.submit(&signed()).await, Ok(Accepted::Exists { height: None }));
}

#[tokio::test]
async fn tries_are_counted() {
    let submit = [Ok(refused(Code::Busy))];
    let (client, played) = serve(Script { submit: submit.into(), ..Default::default() }).await;
    assert_eq!(client.submit(&signed()).await.unwrap_err().code(), Some(Code::Busy.number()));
    assert_eq!(played.0.lock().unwrap().tries, 4);
}

#[tokio::test]
async fn a_wait_ends_with_the_receipt_or_with_the_validity() {
    let id = signed().id;
    let receipt = [Ok(absent(10)), Err(Status::unavailable("a break")), Ok(present(id))];
    let (client, _) = serve(Script { receipt: receipt.into(), ..Default::default() }).await;
    let outcome = client.wait_receipt(&signed(), Duration::from_secs(20)).await;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");

    let receipt = [Ok(absent(1000)), Ok(absent(1001))];
    let (client, _) = serve(Script { receipt: receipt.into(), ..Default::default() }).await;
    let outcome = client.wait_receipt(&signed(), Duration::from_secs(20)).await;
    assert_eq!(outcome, Outcome::NotThere { head_time: TimeMs(1001) });
}

#[tokio::test]
async fn a_wait_without_an_answer_is_indefinite() {
    let receipt = [Err(Status::unavailable("down"))];
    let (client, played) = serve(Script { receipt: receipt.into(), ..Default::default() }).await;
    let outcome = client.wait_receipt(&signed(), Duration::from_secs(20)).await;
    assert!(matches!(&outcome, Outcome::Indefinite(e) if e.kind() == ErrorKind::Unreachable));
    assert_eq!(played.0.lock().unwrap().tries, 4);
    let receipt = [Ok(absent(10))];
    let (client, _) = serve(Script { receipt: receipt.into(), ..Default::default() }).await;
    let outcome = client.wait_receipt(&signed(), Duration::from_millis(100)).await;
    assert!(matches!(&outcome, Outcome::Indefinite(e) if e.kind() == ErrorKind::TimedOut));
}

#[tokio::test]
async fn reads_are_signed_for_the_chain() {
    let (client, _) = serve(Script::default()).await;
    assert_eq!(client.status().await.unwrap().height, 9);
    assert_eq!(client.schema("accounts").await.unwrap().room(), "accounts");
    let error = client.query(QueryRequest::default()).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::NotFound.number()));
    let (stranger, _) = serve_for(Script::default(), ChainId([9; 32])).await;
    assert_eq!(stranger.status().await.unwrap_err().code(), Some(Code::WrongChain.number()));
}

#[tokio::test]
async fn batches_are_answered_in_order() {
    let (client, _) = serve(Script::default()).await;
    let (batches, mut answers) = client.submit_stream().await.unwrap();
    for n in 1..=20_usize {
        batches.send(vec![vec![0; 10]; n]).await.unwrap();
        assert_eq!(answers.next().await.unwrap().unwrap().accepted as usize, n);
    }
    drop(batches);
    assert_eq!(answers.next().await.unwrap(), None);
}

#[tokio::test]
async fn blocks_go_on_after_a_break() {
    let (client, _) = serve(Script::default()).await;
    let mut blocks = client.blocks(BlocksRequest { from_height: 5, ..Default::default() });
    for height in 5..11 {
        assert_eq!(blocks.next().await.unwrap().unwrap().height, height);
    }
    assert_eq!(blocks.cursor(), 11);
}

#[tokio::test]
async fn events_resume_behind_the_last_one_and_each_comes_once() {
    let event = |height, index| Ok(EventUpdate { height, index, ..Default::default() });
    let events = [
        vec![event(1, 0), event(1, 1), Err(Status::unavailable("a break"))],
        // A node that begins too early again.
        vec![event(1, 1), event(1, 2), event(4, 0)],
        vec![event(4, 1)],
    ];
    let (client, played) = serve(Script { events: events.into(), ..Default::default() }).await;
    let mut follow = client.events(EventsRequest::default());
    let mut seen = Vec::new();
    for _ in 0..5 {
        let event = follow.next().await.unwrap().unwrap();
        seen.push((event.height, event.index));
    }
    assert_eq!(seen, [(1, 0), (1, 1), (1, 2), (4, 0), (4, 1)]);
    assert_eq!(played.0.lock().unwrap().events_asked, [(0, 0), (1, 2), (4, 1)]);
    // The script is at its end: the node stays away, and the tries are counted.
    assert_eq!(follow.next().await.unwrap_err().kind(), ErrorKind::Unreachable);
}

#[tokio::test]
async fn a_stream_whose_other_end_died_without_a_word_ends() {
    let events = [vec![Ok(EventUpdate { height: 1, ..Default::default() })]];
    let script = Script { events: events.into(), events_stay: true, ..Default::default() };
    let (address, _) = start(script).await;
    let (address, kill) = wire(address).await;
    let (keep_alive, answer) = (Duration::from_millis(100), Duration::from_millis(200));
    let client = connect(&address, CHAIN, Options { keep_alive, answer, ..OPTIONS }).await;
    let mut follow = client.events(EventsRequest::default());
    assert_eq!(follow.next().await.unwrap().unwrap().height, 1);
    let (batches, mut answers) = client.submit_stream().await.unwrap();
    batches.send(vec![vec![0; 10]]).await.unwrap();
    assert_eq!(answers.next().await.unwrap().unwrap().accepted, 1);
    kill.send_replace(true);
    // Reading is ended by the keep-alive, opening anew by the time of one answer; then the tries
    // are used up.
    let patience = Duration::from_secs(30);
    let ended = tokio::time::timeout(patience, follow.next()).await;
    let kind = ended.expect("the stream hangs").unwrap_err().kind();
    assert!(matches!(kind, ErrorKind::Unreachable | ErrorKind::TimedOut), "{kind:?}");
    let ended = tokio::time::timeout(patience, answers.next()).await;
    ended.expect("the answers hang").unwrap_err();
    let opened = tokio::time::timeout(patience, client.submit_stream()).await;
    assert!(opened.expect("the opening hangs").is_err());
}

#[tokio::test]
async fn an_address_without_a_node_is_unreachable_after_the_last_try() {
    let key = || SecretKey::from_bytes(&[1; 32]);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Client::connect_with(&url, CHAIN, key(), OPTIONS).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
}

#[tokio::test]
async fn a_node_that_names_a_time_is_asked_no_sooner() {
    let wait =
        linli_types::wire::Param { value: Some(linli_types::wire::param::Value::Number(300)) };
    let params = linli_types::wire::Params { params: vec![wait] }.encode_to_vec();
    let limited = Refused { code: Code::RateLimited.number(), params, ..Default::default() };
    let limited = SubmitResponse { refused: Some(limited), ..Default::default() };
    let submit = [Ok(limited), Ok(SubmitResponse::default())].into();
    let (client, played) = serve(Script { submit, ..Script::default() }).await;
    let begun = std::time::Instant::now();
    assert_eq!(client.submit(&signed()).await, Ok(Accepted::Pooled));
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert_eq!(played.0.lock().unwrap().tries, 2);
}

#[tokio::test]
async fn what_is_no_address_is_said_before_anything_is_sent() {
    let key = || SecretKey::from_bytes(&[1; 32]);
    // A port that is none is not taken for no port, nor a promise of TLS for none.
    let odd = ["::", "", "http://", "http://127.0.0.1:99999", "http://a b", "127.0.0.1:7401"];
    for url in odd.into_iter().chain(["https://127.0.0.1:7401", "ftp://127.0.0.1"]) {
        let error = Client::connect_with(url, CHAIN, key(), OPTIONS).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{url}: {error}");
    }
}
