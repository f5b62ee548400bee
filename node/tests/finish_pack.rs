//! `linli evidence pack` against a node whose proof does not hold: with the genesis at hand it is
//! found before anything is written.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::command::{key_file, linli};
use common::{bare, public};
use linli_proto::ledger_server::{Ledger, LedgerServer};
use linli_proto::*;
use linli_sdk::anchor;
use linli_sdk::{About, KeyKind, manifest};
use linli_types::certificate::Certificate;
use linli_types::genesis::Genesis;
use linli_types::header::{self, Header};
use linli_types::height::{Height, TimeMs};
use linli_types::id::{BlockId, ChainId, Digest, PrincipalId, TxId};
use linli_types::receipt::{Cause, Event, Outcome, Receipt};
use linli_types::wire::SignedTransaction;
use linli_verify::statement::{self, Anchored, Statement};
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

/// A proof in which everything fits but that nobody certified the block.
fn proof(manifest: &manifest::Prepared) -> ProofResponse {
    let request = anchor::request(manifest, PrincipalId([7; 16]), 1, 5);
    let chain = genesis().chain();
    let time = genesis().time.plus_ms(1000);
    let said = Statement {
        source: request.source,
        number: 1,
        kind: 5,
        manifest_sha256: request.manifest_sha256,
        manifest_sm3: request.manifest_sm3,
        size: request.size,
        media: request.media,
        captured_at_ms: request.captured_at_ms,
        anchored_at_ms: time.0,
        organisation: 1,
        backdated: false,
    };
    let said = said.encode_to_vec();
    let data = Anchored { statement: said.clone(), leaf: 0, reused: false }.encode_to_vec();
    let (room, kind) = (statement::ROOM.to_owned(), statement::EVENT.to_owned());
    let receipt = Receipt {
        cause: Cause::Transaction(ID),
        outcome: Outcome::Done,
        fuel: 1,
        results: Vec::new(),
        events: vec![Event { room, kind, about: Vec::new(), data }],
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
        log_root: statement::leaf(&said),
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

#[test]
fn a_proof_that_does_not_hold_is_found_before_its_pack_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("a.pdf"), b"a form").unwrap();
    fs::write(path("genesis"), genesis().to_bytes()).unwrap();
    let prepared = manifest::prepare(&[Path::new(&path("a.pdf"))], genesis().time.0).unwrap();
    let pending = serde_json::json!({
        "transaction": ID.to_string(),
        "manifest": hex::encode(&prepared.bytes),
        "file": "a.pdf",
        "pack": path("a.pdf.linli"),
    });
    fs::write(path("a.pdf.linli.pending"), pending.to_string()).unwrap();

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let node = listener.local_addr().unwrap().to_string();
    let service = LedgerServer::new(Played(proof(&prepared)));
    let server = tonic::transport::Server::builder().add_service(service);
    runtime.spawn(server.serve_with_incoming(TcpIncoming::from(listener)));

    let (key, pending) = (key(dir.path(), genesis().chain()), path("a.pdf.linli.pending"));
    let finish = ["evidence", "pack", &pending, "--node", &node, "--key", &key];
    let ran = linli(&[&finish[..], &["--genesis", &path("genesis")]].concat());
    let said = ran.stderr;
    assert_eq!(ran.exit, 3, "{said}");
    assert!(said.contains("does not hold") && said.contains("certificate"), "{said}");
    assert!(!Path::new(&path("a.pdf.linli")).exists() && Path::new(&pending).exists());
    // Without the genesis there is nothing to check it with.
    let ran = linli(&finish);
    assert_eq!(ran.exit, 0, "{}", ran.stderr);
    assert!(Path::new(&path("a.pdf.linli")).exists() && !Path::new(&pending).exists());
}
