//! gRPC: the services of `proto/linli/v1/api.proto`. One file per group of methods, each of them
//! parse → ask → answer.
//!
//! Nothing is decided here: the rules are the runtime's, the order the core's, and who may read
//! stands in [`crate::access`]. The same blocks and events come from history and live, because both
//! are read from the store once the head says that they stand.
//!
//! # Invariants
//!
//! - **P1 guarded.** No message of a guarded method is read before its read header held (`gate`).
//! - **P2 bounded.** Requests, connections, streams, waits and message sizes have bounds.

mod access_log;
mod block;
mod cose;
mod gate;
mod later;
mod logged;
mod proof;
mod query;
mod receipt;
mod refusal;
mod serve;
mod sets;
mod shares;
mod status;
mod stream;
mod submit;
mod waiting;

pub(crate) use cose::leaves_of;
pub(crate) use later::Later;
pub(crate) use proof::proof_of;
pub(crate) use sets::typed as sets_of;

pub use gate::{Gate, REQUEST_BYTES_MAX};
pub use refusal::{contract_refusal, refused, status};
pub use serve::{ApiStopped, serve};

use crate::access::Readers;
use crate::handle::{NodeHandle, Unread};
use linli_proto as wire;
use linli_types::code::Code;
use linli_types::genesis::Genesis;
use linli_types::height::TimeMs;
use linli_types::id::PublicKey;
use linli_types::limits;
use linli_types::store::Broken;
use logged::Asked;
use shares::Shares;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::Semaphore;
use tonic::codegen::{BoxStream, http};
use tonic::{Request, Response, Status, Streaming};
use waiting::Waiting;

/// Longest wait for a receipt, in milliseconds.
pub const WAIT_MS_MAX: u32 = 30_000;
/// Bytes of one message from a client: a batch of submissions.
pub const BATCH_BYTES_MAX: usize = limits::MESSAGE_BYTES_MAX;
/// Transactions of one batch.
pub const BATCH_TRANSACTIONS_MAX: usize = limits::BLOCK_TRANSACTIONS_MAX;
/// Streams of blocks and events served at once.
pub const STREAMS_MAX: usize = 256;

/// The Ledger service of one node.
#[derive(Clone)]
pub struct Api {
    node: NodeHandle,
    readers: Arc<Readers>,
    genesis: Arc<Genesis>,
    waiting: Waiting,
    streams: Arc<Semaphore>,
    /// Streams and queries that one key holds at once.
    stream_shares: Shares<PublicKey>,
    query_shares: Shares<PublicKey>,
    /// Readings of the access log, altogether and of one key.
    log_readings: Arc<Semaphore>,
    log_shares: Shares<PublicKey>,
    later: Option<Later>,
}

impl Api {
    /// The service of a running node. Starts one task that wakes those who wait for receipts.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the store does not hold its genesis.
    pub fn new(node: NodeHandle) -> Result<Self, Broken> {
        let bytes = node.store().genesis()?;
        let bytes = bytes.ok_or_else(|| Broken("the store holds no genesis".into()))?;
        let (genesis, chain) = Genesis::from_bytes(&bytes)
            .map_err(|why| Broken(format!("the stored genesis cannot be read: {why}")))?;
        Ok(Self {
            readers: Arc::new(Readers::live(chain, &genesis, node.store())),
            genesis: Arc::new(genesis),
            waiting: Waiting::start(node.committed()),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            stream_shares: Shares::new(limits::READER_STREAMS_MAX),
            query_shares: Shares::new(limits::READER_QUERIES_MAX),
            log_readings: Arc::new(Semaphore::new(limits::ACCESS_READS_MAX)),
            log_shares: Shares::new(1),
            later: None,
            node,
        })
    }

    /// Whoever may read.
    pub fn readers(&self) -> Arc<Readers> {
        self.readers.clone()
    }
}

/// This machine's clock, in milliseconds since 1970 UTC.
fn now() -> TimeMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimeMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Where a request came from; all that do not say count as one.
fn came_from(extensions: &http::Extensions) -> IpAddr {
    let found = extensions.get::<crate::listen::From>();
    found.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |from| from.0)
}

/// The node is damaged: clients learn that it cannot answer; the log says why.
#[allow(clippy::needless_pass_by_value, reason = "shaped for map_err")]
fn broken(broken: Broken) -> Status {
    tracing::error!(why = %broken.0, "the store cannot be read");
    status(&Code::Unavailable.refuse([]))
}

#[allow(clippy::needless_pass_by_value, reason = "shaped for map_err")]
fn unread(why: Unread) -> Status {
    let code = match why {
        Unread::Stopped(_) => Code::Unavailable,
        Unread::Busy => Code::Busy,
    };
    status(&code.refuse([]))
}

/// Reads the store aside: RocksDB may wait for the disk.
async fn aside<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, Status> + Send + 'static,
) -> Result<T, Status> {
    let done = tokio::task::spawn_blocking(read).await;
    done.unwrap_or_else(|_| Err(status(&Code::Unavailable.refuse([]))))
}

#[tonic::async_trait]
impl wire::ledger_server::Ledger for Api {
    async fn submit(
        &self,
        request: Request<wire::SubmitRequest>,
    ) -> Result<Response<wire::SubmitResponse>, Status> {
        let from = came_from(request.extensions());
        self.submit_one(request.into_inner(), from).await.map(Response::new)
    }

    type SubmitStreamStream = BoxStream<wire::SubmitBatchResponse>;

    async fn submit_stream(
        &self,
        request: Request<Streaming<wire::SubmitBatch>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        let from = came_from(request.extensions());
        Ok(Response::new(self.submit_batches(request.into_inner(), from)))
    }

    async fn get_receipt(
        &self,
        request: Request<wire::ReceiptRequest>,
    ) -> Result<Response<wire::ReceiptResponse>, Status> {
        let asked = Asked::of(&request, "GetReceipt")?;
        self.receipt(request.into_inner(), asked).await.map(Response::new)
    }

    async fn query(
        &self,
        request: Request<wire::QueryRequest>,
    ) -> Result<Response<wire::QueryResponse>, Status> {
        let asked = Asked::of(&request, "Query")?;
        self.ask(request.into_inner(), asked).await.map(Response::new)
    }

    async fn get_schema(
        &self,
        request: Request<wire::SchemaRequest>,
    ) -> Result<Response<wire::SchemaResponse>, Status> {
        self.schema(request.into_inner()).await.map(Response::new)
    }

    async fn get_proof(
        &self,
        request: Request<wire::ProofRequest>,
    ) -> Result<Response<wire::ProofResponse>, Status> {
        let asked = Asked::of(&request, "GetProof")?;
        self.proof(request.into_inner(), asked).await.map(Response::new)
    }

    async fn get_later(
        &self,
        request: Request<wire::LaterRequest>,
    ) -> Result<Response<wire::LaterResponse>, Status> {
        self.later(request.into_inner()).await.map(Response::new)
    }

    async fn get_cose_receipt(
        &self,
        request: Request<wire::CoseReceiptRequest>,
    ) -> Result<Response<wire::CoseReceiptResponse>, Status> {
        let asked = Asked::of(&request, "GetCoseReceipt")?;
        self.cose_receipt(request.into_inner(), asked).await.map(Response::new)
    }

    async fn get_consistency(
        &self,
        request: Request<wire::ConsistencyRequest>,
    ) -> Result<Response<wire::ConsistencyResponse>, Status> {
        self.consistency(request.into_inner()).await.map(Response::new)
    }

    type StreamBlocksStream = BoxStream<wire::BlockUpdate>;

    async fn stream_blocks(
        &self,
        request: Request<wire::BlocksRequest>,
    ) -> Result<Response<Self::StreamBlocksStream>, Status> {
        let asked = Asked::of(&request, "StreamBlocks")?;
        self.blocks(request.into_inner(), asked).await.map(Response::new)
    }

    type StreamEventsStream = BoxStream<wire::EventUpdate>;

    async fn stream_events(
        &self,
        request: Request<wire::EventsRequest>,
    ) -> Result<Response<Self::StreamEventsStream>, Status> {
        let asked = Asked::of(&request, "StreamEvents")?;
        self.events(request.into_inner(), asked).await.map(Response::new)
    }

    async fn get_genesis(
        &self,
        _request: Request<wire::GenesisRequest>,
    ) -> Result<Response<wire::GenesisResponse>, Status> {
        let store = self.node.store();
        let none = || Broken("the store holds no genesis".into());
        let read = move || store.genesis().and_then(|found| found.ok_or_else(none)).map_err(broken);
        aside(read).await.map(|genesis| Response::new(wire::GenesisResponse { genesis }))
    }

    async fn get_status(
        &self,
        _request: Request<wire::StatusRequest>,
    ) -> Result<Response<wire::StatusResponse>, Status> {
        Ok(Response::new(self.standing()))
    }

    async fn access_log(
        &self,
        request: Request<wire::AccessLogRequest>,
    ) -> Result<Response<wire::AccessLogResponse>, Status> {
        let asked = Asked::of(&request, "AccessLog")?;
        Api::access_log(self, request.into_inner(), asked).await.map(Response::new)
    }
}
