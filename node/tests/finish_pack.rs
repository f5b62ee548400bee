//! `linli evidence pack` against a node whose proof does not hold: with the genesis at hand it is
//! found before anything is written.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::command::{Ran, key_file, linli};
use common::{bare, public};
use linli_proto::ledger_server::{Ledger, LedgerServer};
use linli_proto::*;
use linli_sdk::anchor::{self, sign};
use linli_sdk::manifest::{self, Prepared};
use linli_sdk::{About, KeyKind, SecretKey};
use linli_types::certificate::Certificate;
use linli_types::genesis::Genesis;
use linli_types::header::{self, Header};
use linli_types::height::{Height, TimeMs};
use linli_types::id::{BlockId, ChainId, Digest, PrincipalId, TxId};
use linli_types::receipt::{Cause, Event, Outcome, Receipt};
use linli_types::wire::SignedTransaction;
use linli_verify::statement::{self, Anchored, Registered, Statement};
use prost::Message;
use std::fs;
use std::path::Path;
use tokio_stream::Empty;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

const ID: TxId = TxId([8; 32]);

fn genesis() -> Genesis {
    bare("played", TimeMs(1_795_478_400_000))
}

const SOURCE: PrincipalId = PrincipalId([7; 16]);

/// What the call `Anchor` said: the event, and the leaf's hash.
fn anchored(manifest: &Prepared) -> (Event, Digest) {
    let request = anchor::request(manifest, SOURCE, 1, 5);
    let said = Statement {
        source: request.source,
        number: 1,
        kind: 5,
        manifest_sha256: request.manifest_sha256,
        manifest_sm3: request.manifest_sm3,
        size: request.size,
        media: request.media,
        captured_at_ms: request.captured_at_ms,
        anchored_at_ms: genesis().time.plus_ms(1000).0,
        organisation: 1,
        backdated: false,
    };
    let said = said.encode_to_vec();
    let data = Anchored { statement: said.clone(), leaf: 0, reused: false }.encode_to_vec();
    (event(statement::EVENT, data), statement::leaf(&said))
}

/// The same of a registered statement.
fn registered(made: &sign::Statement) -> (Event, Digest) {
    let claims = &made.claims;
    let said = Registered {
        source: SOURCE.0.to_vec(),
        first: claims.number,
        count: 1,
        kind: 5,
        captured_from_ms: claims.captured_at_ms,
        captured_to_ms: claims.captured_at_ms,
        statement: made.id.0.to_vec(),
        ..Registered::default()
    };
    let leaf = linli_types::merkle::statement_leaf(&made.id);
    (event(Registered::EVENT, said.encode_to_vec()), leaf)
}

fn event(kind: &str, data: Vec<u8>) -> Event {
    Event { room: statement::ROOM.into(), kind: kind.into(), about: Vec::new(), data }
}

/// A proof in which everything fits but that nobody certified the block.
fn proof((event, log_root): (Event, Digest)) -> ProofResponse {
    let (chain, time) = (genesis().chain(), genesis().time.plus_ms(1000));
    let receipt = Receipt {
        cause: Cause::Transaction(ID),
        outcome: Outcome::Done,
        fuel: 1,
        results: Vec::new(),
        events: vec![event],
        log_leaves: (0, 1),
    };
    let set = genesis().validators;
    let header = Header {
        format: header::FORMAT,
        flags: 0,
        protocol: header::PROTOCOL,
        chain,
        height: Height(1),
        time,
        parent: BlockId([7; 32]),
        proposer: public(1),
        bodies_root: Digest([0; 32]),
        receipts_root: receipt.leaf(),
        state_root: Digest([0; 32]),
        log_size: 1,
        log_root,
        validators_hash: set.hash(),
        next_validators_hash: set.hash(),
    };
    let (height, block) = (header.height, header.id());
    let certificate = Certificate { height, round: 0, block, precommits: Vec::new() };
    let transaction = SignedTransaction { body: vec![1], signature: vec![2; 64] };
    ProofResponse {
        header: header.to_bytes(),
        certificate: linli_types::encode(&certificate),
        transaction: transaction.encode_to_vec(),
        count: 1,
        body_count: 1,
        receipt: linli_types::encode(&receipt),
        has_leaf: true,
        ..Default::default()
    }
}

struct Played(ProofResponse);

fn no<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("not played"))
}

#[tonic::async_trait]
impl Ledger for Played {
    type SubmitStreamStream = Empty<Result<SubmitBatchResponse, Status>>;
    type StreamBlocksStream = Empty<Result<BlockUpdate, Status>>;
    type StreamEventsStream = Empty<Result<EventUpdate, Status>>;

    async fn get_proof(&self, _: Request<ProofRequest>) -> Result<Response<ProofResponse>, Status> {
        Ok(Response::new(self.0.clone()))
    }

    async fn submit(&self, _: Request<SubmitRequest>) -> Result<Response<SubmitResponse>, Status> {
        no()
    }

    async fn submit_stream(
        &self,
        _: Request<Streaming<SubmitBatch>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        no()
    }

    async fn get_receipt(
        &self,
        _: Request<ReceiptRequest>,
    ) -> Result<Response<ReceiptResponse>, Status> {
        no()
    }

    async fn query(&self, _: Request<QueryRequest>) -> Result<Response<QueryResponse>, Status> {
        no()
    }

    async fn get_cose_receipt(
        &self,
        _: Request<CoseReceiptRequest>,
    ) -> Result<Response<CoseReceiptResponse>, Status> {
        no()
    }

    async fn get_consistency(
        &self,
        _: Request<ConsistencyRequest>,
    ) -> Result<Response<ConsistencyResponse>, Status> {
        no()
    }

    async fn get_genesis(
        &self,
        _: Request<GenesisRequest>,
    ) -> Result<Response<GenesisResponse>, Status> {
        Err(Status::unimplemented("not played"))
    }

    async fn get_later(&self, _: Request<LaterRequest>) -> Result<Response<LaterResponse>, Status> {
        no()
    }

    async fn get_schema(
        &self,
        _: Request<SchemaRequest>,
    ) -> Result<Response<SchemaResponse>, Status> {
        no()
    }

    async fn access_log(
        &self,
        _: Request<AccessLogRequest>,
    ) -> Result<Response<AccessLogResponse>, Status> {
        no()
    }

    async fn stream_blocks(
        &self,
        _: Request<BlocksRequest>,
    ) -> Result<Response<Self::StreamBlocksStream>, Status> {
        no()
    }

    async fn stream_events(
        &self,
        _: Request<EventsRequest>,
    ) -> Result<Response<Self::StreamEventsStream>, Status> {
        no()
    }

    async fn get_status(
        &self,
        _: Request<StatusRequest>,
    ) -> Result<Response<StatusResponse>, Status> {
        no()
    }
}

fn key(folder: &Path, chain: ChainId) -> String {
    let about = About { chain: Some(chain), principal: Some(PrincipalId([7; 16])) };
    let path = key_file(folder.join("key"), 1, KeyKind::Principal, about);
    path.to_str().unwrap().to_owned()
}

/// A folder with a file, the genesis, a key and a node that says this.
struct Place {
    dir: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.pdf"), b"a form").unwrap();
        fs::write(dir.path().join("genesis"), genesis().to_bytes()).unwrap();
        Self { dir, runtime: tokio::runtime::Runtime::new().unwrap() }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    fn prepared(&self) -> Prepared {
        manifest::prepare(&[Path::new(&self.path("a.pdf"))], genesis().time.0).unwrap()
    }

    /// Leaves what an interrupted run leaves, and finishes it with a node that gives this proof.
    fn finish(&self, pending: &serde_json::Value, proof: ProofResponse, more: &[&str]) -> Ran {
        fs::write(self.path("a.pdf.linli.pending"), pending.to_string()).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0");
        let listener = self.runtime.block_on(listener).unwrap();
        let node = listener.local_addr().unwrap().to_string();
        let service = LedgerServer::new(Played(proof));
        let server = tonic::transport::Server::builder().add_service(service);
        self.runtime.spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        let pending = self.path("a.pdf.linli.pending");
        let key = self.path("key");
        if !Path::new(&key).exists() {
            self::key(self.dir.path(), genesis().chain());
        }
        let finish = ["evidence", "pack", &pending, "--node", &node, "--key", &key];
        linli(&[&finish[..], more].concat())
    }

    fn has(&self, name: &str) -> bool {
        Path::new(&self.path(name)).exists()
    }
}

#[test]
fn a_proof_that_does_not_hold_is_found_before_its_pack_is_written() {
    let place = Place::new();
    let prepared = place.prepared();
    let pending = serde_json::json!({
        "transaction": ID.to_string(),
        "manifest": hex::encode(&prepared.bytes),
        "file": "a.pdf",
        "pack": place.path("a.pdf.linli"),
    });
    let genesis = place.path("genesis");
    let given = proof(anchored(&prepared));
    let ran = place.finish(&pending, given.clone(), &["--genesis", &genesis]);
    let said = ran.stderr;
    assert_eq!(ran.exit, 3, "{said}");
    assert!(said.contains("does not hold") && said.contains("certificate"), "{said}");
    assert!(!place.has("a.pdf.linli") && place.has("a.pdf.linli.pending"));
    // Without the genesis there is nothing to check it with.
    let ran = place.finish(&pending, given, &[]);
    assert_eq!(ran.exit, 0, "{}", ran.stderr);
    assert!(place.has("a.pdf.linli") && !place.has("a.pdf.linli.pending"));
}

#[test]
fn a_registered_statement_has_no_pack_without_a_proof_that_holds() {
    let place = Place::new();
    let prepared = place.prepared();
    let (key, chain) = (SecretKey::from_bytes(&[1; 32]), genesis().chain());
    let source = sign::Source { id: SOURCE, chain, key: &key, second: None };
    let made = source.sign(&prepared, 5, 1).unwrap();
    let pending = |statement: &[u8]| {
        serde_json::json!({
            "transaction": ID.to_string(),
            "manifest": hex::encode(&prepared.bytes),
            "file": "a.pdf",
            "pack": place.path("a.pdf.linli"),
            "statement": hex::encode(statement),
        })
    };
    let (genesis, given) = (place.path("genesis"), proof(registered(&made)));
    let with = ["--genesis", &genesis];
    let other = source.sign(&prepared, 5, 2).unwrap();
    let tries: [(&[u8], &[&str], &str); 4] = [
        (&made.bytes, &with, "certificate"),
        (&other.bytes, &with, "another statement"),
        (b"none", &with, "unreadable"),
        // This node gives no genesis: the user's own is asked for.
        (&made.bytes, &[], "--genesis"),
    ];
    for (statement, more, word) in tries {
        let ran = place.finish(&pending(statement), given.clone(), more);
        assert!(ran.exit == 3 && ran.stderr.contains(word), "{word}: {}", ran.stderr);
        assert!(!place.has("a.pdf.linli") && place.has("a.pdf.linli.pending"));
    }
    let mut spoilt = pending(&made.bytes);
    spoilt["statement"] = "no hexadecimal".into();
    let ran = place.finish(&spoilt, given, &with);
    assert_eq!(ran.exit, 2, "{}", ran.stderr);
}
