//! A connection to one node: submit, wait for the receipt, read, follow.
//!
//! It believes a node's answers and proves none: for proof, make a pack and verify it.
//!
//! # Invariants
//!
//! - **Q1 definite.** An outcome is called definite only after a receipt, or after a block later
//!   than `valid_until` without one. Everything else is indefinite, and says so.
//! - **Q2 bounded.** Every request ends: each try has a time limit and the tries are counted. What
//!   waits without a limit, a stream, ends when the other side is gone: the connection asks.
//! - **Q3 once.** Only what cannot take effect twice is sent again: reads, and the same signed
//!   bytes.

use crate::clock;
use crate::connect::connect;
use crate::draft::Signed;
use crate::error::{Error, ErrorKind};
use crate::key::SecretKey;
use crate::read_header;
use crate::schema::Schema;
use crate::tls::Trust;
use borsh::BorshDeserialize;
use linli_proto::ledger_client::LedgerClient;
use linli_proto::{
    GenesisRequest, GenesisResponse, LaterRequest, LaterResponse, ProofRequest, ProofResponse,
    QueryRequest, QueryResponse, ReceiptRequest, ReceiptResponse, Refused, SchemaRequest,
    StatusRequest, StatusResponse, SubmitBatch, SubmitBatchResponse, SubmitRequest, proof_request,
};
use linli_types::code::{Code, Lang};
use linli_types::digest;
use linli_types::height::{Height, TimeMs};
use linli_types::id::{ChainId, TxId};
use linli_types::receipt::Receipt;
use prost::Message;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

/// Metadata in which a node says what it refused.
const REFUSED_KEY: &str = "linli-refused-bin";
/// Bytes of one answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Longest wait for a receipt that is asked of a node at once, in milliseconds.
const WAIT_MS: u64 = 10_000;
/// Longest wait before another try that a node may ask for.
const RETRY_MAX: Duration = Duration::from_secs(30);
/// Batches that wait in a submission stream before `send` itself waits.
const BATCHES_WAITING: usize = 16;

/// How long and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// For connecting.
    pub connect: Duration,
    /// For one answer.
    pub answer: Duration,
    /// Tries of one request, the first included.
    pub tries: u32,
    /// Before the second try; doubles from try to try.
    pub pause: Duration,
    /// Between two questions whether the other side of the connection is still there, and for the
    /// answer to one.
    pub keep_alive: Duration,
}

impl Default for Options {
    fn default() -> Self {
        let (connect, answer) = (Duration::from_secs(5), Duration::from_secs(20));
        let (pause, keep_alive) = (Duration::from_millis(100), Duration::from_secs(10));
        Self { connect, answer, tries: 5, pause, keep_alive }
    }
}

/// What became of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It waits in the node's pool.
    Pooled,
    /// The very same bytes were taken before.
    Exists {
        /// The block that holds it, once it stands in one.
        height: Option<Height>,
    },
}

/// A receipt and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The block.
    pub height: Height,
    /// Its place among the block's receipts.
    pub index: u32,
    /// The block's time.
    pub block_time: TimeMs,
    /// The receipt.
    pub receipt: Receipt,
}

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Definite: all calls took effect.
    Done(Found),
    /// Definite: refused by the rules; nothing took effect.
    Refused(Found),
    /// Definite: its validity passed at `head_time` and no block holds it.
    NotThere {
        /// The node's latest block time.
        head_time: TimeMs,
    },
    /// Not known (yet): ask again, or send the same bytes again.
    Indefinite(Error),
}

/// A connection to one node. Cheap to clone; clones share it.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) ledger: LedgerClient<Channel>,
    chain: ChainId,
    reader: Arc<SecretKey>,
    options: Options,
}

impl Client {
    /// Connects to `url`, e.g. `http://127.0.0.1:7401`, for reads signed by `reader`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] for a bad address, [`ErrorKind::Unreachable`] after the last try.
    pub async fn connect(url: &str, chain: ChainId, reader: SecretKey) -> Result<Self, Error> {
        Self::connect_with(url, chain, reader, Options::default()).await
    }

    /// The same with limits of the caller's.
    ///
    /// # Errors
    ///
    /// As [`Self::connect`].
    pub async fn connect_with(
        url: &str,
        chain: ChainId,
        reader: SecretKey,
        options: Options,
    ) -> Result<Self, Error> {
        Self::connect_trusting(url, chain, reader, options, None).await
    }

    /// The same over TLS 1.3: `url` is `https` and `trust` names whose certificates are believed.
    ///
    /// # Errors
    ///
    /// As [`Self::connect`]; [`ErrorKind::Untrusted`] if the node's certificate does not hold, and
    /// then nothing was sent.
    pub async fn connect_trusting(
        url: &str,
        chain: ChainId,
        reader: SecretKey,
        options: Options,
        trust: Option<&Trust>,
    ) -> Result<Self, Error> {
        let channel = connect(url, &options, trust).await?;
        let ledger = LedgerClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        Ok(Self { ledger, chain, reader: Arc::new(reader), options })
    }

    /// The chain that requests are signed for.
    pub const fn chain(&self) -> &ChainId {
        &self.chain
    }

    /// Hands in a transaction; tries again while the node is out of reach or busy (Q3).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`] with the code: the node took none of the tries. Any other kind:
    /// whether it took one is not known, and [`Self::wait_receipt`] or the same bytes again tell.
    pub async fn submit(&self, signed: &Signed) -> Result<Accepted, Error> {
        let mut tries = Tries::new(&self.options);
        let mut may_be_taken = false;
        loop {
            let error = match self.submit_once(signed).await {
                Ok(accepted) => return Ok(accepted),
                Err(error) => error,
            };
            may_be_taken |= leaves_open(&error);
            if let Err(error) = tries.pause_after(error).await {
                return Err(if may_be_taken { undecided(error) } else { error });
            }
        }
    }

    async fn submit_once(&self, signed: &Signed) -> Result<Accepted, Error> {
        let request = SubmitRequest { transaction: signed.raw.clone() };
        let mut ledger = self.ledger.clone();
        let answer = self.limit(ledger.submit(Request::new(request))).await?;
        accepted(answer.height, answer.refused.as_ref())
    }

    /// Opens a stream for batches: send on the first half, read one answer per batch from the
    /// second. Both are bounded; a sender that is not answered waits.
    ///
    /// # Errors
    ///
    /// No answer from the node.
    pub async fn submit_stream(&self) -> Result<(Batches, Answers), Error> {
        let (sender, receiver) = mpsc::channel(BATCHES_WAITING);
        let mut ledger = self.ledger.clone();
        // Only its opening is limited in time: a stream lives as long as its two halves.
        let answers = self.limit(ledger.submit_stream(ReceiverStream::new(receiver))).await?;
        Ok((Batches(sender), Answers(answers)))
    }

    /// Waits for a transaction's receipt, at most `patience` (Q1).
    pub async fn wait_receipt(&self, signed: &Signed, patience: Duration) -> Outcome {
        let wait = self.wait_definite(signed.id, signed.valid_until);
        match tokio::time::timeout(patience, wait).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Indefinite(timed_out()),
        }
    }

    async fn wait_definite(&self, id: TxId, valid_until: TimeMs) -> Outcome {
        let mut tries = Tries::new(&self.options);
        loop {
            // One try at a time: the tries are counted here.
            let answer = self.receipt_once(id, WAIT_MS).await;
            match answer.and_then(|a| outcome(&a, id, valid_until)) {
                Ok(Some(outcome)) => return outcome,
                // Every answer of a node that is there starts the count anew.
                Ok(None) => tries = Tries::new(&self.options),
                Err(error) => {
                    if let Err(error) = tries.pause_after(error).await {
                        return Outcome::Indefinite(error);
                    }
                    continue;
                }
            }
            tokio::time::sleep(self.options.pause).await;
        }
    }

    /// Asks for a receipt; the node waits up to `wait_ms` for it.
    ///
    /// # Errors
    ///
    /// Refused, or no answer.
    pub async fn receipt(&self, id: TxId, wait_ms: u64) -> Result<ReceiptResponse, Error> {
        let mut tries = Tries::new(&self.options);
        loop {
            match self.receipt_once(id, wait_ms).await {
                Ok(answer) => return Ok(answer),
                Err(error) => tries.pause_after(error).await?,
            }
        }
    }

    async fn receipt_once(&self, id: TxId, wait_ms: u64) -> Result<ReceiptResponse, Error> {
        let wait_ms = u32::try_from(wait_ms).unwrap_or(u32::MAX);
        let request = ReceiptRequest { id: id.0.to_vec(), wait_ms };
        let request = self.signed("GetReceipt", request)?;
        self.limit(self.ledger.clone().get_receipt(request)).await
    }

    /// Asks a room, or reads stored entries.
    ///
    /// # Errors
    ///
    /// Refused (also by the query itself), or no answer.
    pub async fn query(&self, query: QueryRequest) -> Result<QueryResponse, Error> {
        let call = |mut l: LedgerClient<Channel>, r| async move { l.query(r).await };
        let answer: QueryResponse = self.read("Query", query, call).await?;
        match &answer.refused {
            Some(refused) => Err(said(refused)),
            None => Ok(answer),
        }
    }

    /// A room's schema.
    ///
    /// # Errors
    ///
    /// Refused, no answer, or a schema that cannot be read.
    pub async fn schema(&self, room: &str) -> Result<Schema, Error> {
        let message = SchemaRequest { room: room.into() };
        let call = |mut l: LedgerClient<Channel>, r| async move { l.get_schema(r).await };
        let answer = self.read("GetSchema", message, call).await?;
        Schema::new(room, &answer.descriptors)
    }

    /// Everything that a pack of this transaction needs.
    ///
    /// # Errors
    ///
    /// Refused, or no answer.
    pub async fn proof(&self, id: TxId) -> Result<ProofResponse, Error> {
        self.proof_of(proof_request::Of::Transaction(id.0.to_vec())).await
    }

    /// Everything that a proof of this log leaf needs.
    ///
    /// # Errors
    ///
    /// Refused, or no answer.
    pub async fn proof_of_leaf(&self, leaf: u64) -> Result<ProofResponse, Error> {
        self.proof_of(proof_request::Of::Leaf(leaf)).await
    }

    async fn proof_of(&self, of: proof_request::Of) -> Result<ProofResponse, Error> {
        let call = |mut l: LedgerClient<Channel>, r| async move { l.get_proof(r).await };
        self.read("GetProof", ProofRequest { of: Some(of) }, call).await
    }

    /// What shows that a log leaf was there by a time, as far as the node has it.
    ///
    /// # Errors
    ///
    /// Refused, or no answer.
    pub async fn later(&self, leaf: u64) -> Result<LaterResponse, Error> {
        let call = |mut l: LedgerClient<Channel>, r| async move { l.get_later(r).await };
        self.read("GetLater", LaterRequest { leaf }, call).await
    }

    /// The genesis of the chain that requests are signed for: its id is the file's digest, so no other
    /// file is taken.
    ///
    /// # Errors
    ///
    /// Refused, no answer, or another chain's.
    pub async fn genesis(&self) -> Result<Vec<u8>, Error> {
        let call = |mut l: LedgerClient<Channel>, r| async move { l.get_genesis(r).await };
        let GenesisResponse { genesis } = self.read("GetGenesis", GenesisRequest {}, call).await?;
        if digest::plain(&genesis).0 == self.chain.0 {
            return Ok(genesis);
        }
        Err(Error::new(
            ErrorKind::BadAnswer,
            "节点给出的不是该链的创世文件",
            "the node's genesis is another chain's",
        ))
    }

    /// Where the node stands.
    ///
    /// # Errors
    ///
    /// Refused, or no answer.
    pub async fn status(&self) -> Result<StatusResponse, Error> {
        let call = |mut l: LedgerClient<Channel>, r| async move { l.get_status(r).await };
        self.read("GetStatus", StatusRequest {}, call).await
    }

    /// One signed read, tried again while the node is out of reach or busy.
    pub(crate) async fn read<Q, A, F>(
        &self,
        method: &str,
        message: Q,
        call: impl Fn(LedgerClient<Channel>, Request<Q>) -> F,
    ) -> Result<A, Error>
    where
        Q: Message + Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let mut tries = Tries::new(&self.options);
        loop {
            // Signed anew each time: the header's time must be fresh.
            let request = self.signed(method, message.clone())?;
            match self.limit(call(self.ledger.clone(), request)).await {
                Ok(answer) => return Ok(answer),
                Err(error) => tries.pause_after(error).await?,
            }
        }
    }

    /// A request with its signed read header.
    pub(crate) fn signed<Q: Message>(&self, method: &str, message: Q) -> Result<Request<Q>, Error> {
        let path = format!("/linli.v1.Ledger/{method}");
        let bytes = message.encode_to_vec();
        let header = read_header::sign(&self.reader, &self.chain, &path, &bytes, clock::now()?);
        let mut request = Request::new(message);
        let value = MetadataValue::from_bytes(&header);
        request.metadata_mut().insert_bin(read_header::METADATA_KEY, value);
        Ok(request)
    }

    /// Q2: one try, one time limit.
    pub(crate) async fn limit<A>(
        &self,
        answer: impl Future<Output = Result<Response<A>, Status>>,
    ) -> Result<A, Error> {
        match tokio::time::timeout(self.options.answer, answer).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(failed(&status)),
            Err(_) => Err(timed_out()),
        }
    }

    pub(crate) const fn options(&self) -> &Options {
        &self.options
    }
}

/// The sending half of a submission stream.
#[derive(Clone, Debug)]
pub struct Batches(mpsc::Sender<SubmitBatch>);

impl Batches {
    /// Sends one batch of envelopes; waits while too many are on their way.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unreachable`] once the stream is closed.
    pub async fn send(&self, transactions: Vec<Vec<u8>>) -> Result<(), Error> {
        self.0.send(SubmitBatch { transactions }).await.map_err(|_| {
            Error::new(ErrorKind::Unreachable, "提交流已关闭", "the submission stream is closed")
        })
    }
}

/// The answering half of a submission stream: one answer per batch, in order.
#[derive(Debug)]
pub struct Answers(Streaming<SubmitBatchResponse>);

impl Answers {
    /// The next answer; `None` at the end of the stream.
    ///
    /// # Errors
    ///
    /// The stream broke: whether later batches were taken is not known.
    pub async fn next(&mut self) -> Result<Option<SubmitBatchResponse>, Error> {
        self.0.message().await.map_err(|status| failed(&status))
    }
}

/// Counts tries and pauses between them (Q2).
pub(crate) struct Tries {
    left: u32,
    pause: Duration,
}

impl Tries {
    pub(crate) fn new(options: &Options) -> Self {
        Self { left: options.tries.saturating_sub(1), pause: options.pause }
    }

    /// Pauses before another try, or gives the error back if it is final or the tries are used up.
    pub(crate) async fn pause_after(&mut self, error: Error) -> Result<(), Error> {
        if self.left == 0 || !is_passing(&error) {
            return Err(error);
        }
        self.left -= 1;
        // A node that says when to come again is asked no sooner.
        let wished = error.retry_after().unwrap_or_default().min(RETRY_MAX);
        tokio::time::sleep(self.pause.max(wished)).await;
        self.pause = self.pause.saturating_mul(2).min(Duration::from_secs(5));
        Ok(())
    }
}

/// Whether the same request may fare better in a moment.
fn is_passing(error: &Error) -> bool {
    let busy = [Code::Busy, Code::RateLimited, Code::Unavailable, Code::DiskReserve];
    let busy = busy.map(Code::number);
    match error.kind() {
        ErrorKind::Unreachable | ErrorKind::TimedOut => true,
        ErrorKind::Refused => error.code().is_some_and(|code| busy.contains(&code)),
        _ => false,
    }
}

/// Whether a try that ended so may have been taken all the same: its answer was lost, or the node
/// stopped while it held the request.
fn leaves_open(error: &Error) -> bool {
    let is_refusal = error.kind() == ErrorKind::Refused;
    !is_refusal || error.code() == Some(Code::Unavailable.number())
}

/// Q1: the refusal of a later try decides nothing about an earlier one. A transaction that stands
/// in a block is refused as expired, say, once its validity has passed.
fn undecided(last: Error) -> Error {
    if last.kind() != ErrorKind::Refused {
        return last;
    }
    let [zh, en] = [Lang::Zh, Lang::En].map(|lang| last.text(lang));
    Error::new(
        ErrorKind::TimedOut,
        format!("有一次提交没有确定的答复；最后一次被拒绝：{zh}"),
        format!("one try had no definite answer; the last was refused: {en}"),
    )
}

fn accepted(height: u64, refused: Option<&Refused>) -> Result<Accepted, Error> {
    match refused {
        None => Ok(Accepted::Pooled),
        Some(refused) if refused.code == Code::Exists.number() => {
            Ok(Accepted::Exists { height: (height > 0).then_some(Height(height)) })
        }
        Some(refused) => Err(said(refused)),
    }
}

/// What an answer says of the outcome; `None` if nothing definite yet (Q1).
fn outcome(
    answer: &ReceiptResponse,
    id: TxId,
    valid_until: TimeMs,
) -> Result<Option<Outcome>, Error> {
    let head_time = TimeMs(answer.head_time_ms);
    if !answer.found {
        return Ok((head_time > valid_until).then_some(Outcome::NotThere { head_time }));
    }
    let bad = |why| {
        let (zh, en) = ("节点给出的回执不可用", format!("the node's receipt is unusable: {why}"));
        Error::new(ErrorKind::BadAnswer, zh, en)
    };
    let receipt = Receipt::try_from_slice(&answer.receipt).map_err(|_| bad("no receipt"))?;
    if receipt.cause != linli_types::receipt::Cause::Transaction(id) {
        return Err(bad("it is for another transaction"));
    }
    let (height, block_time) = (Height(answer.height), TimeMs(answer.block_time_ms));
    let (is_done, index) = (receipt.is_done(), answer.index);
    let found = Found { height, index, block_time, receipt };
    Ok(Some(if is_done { Outcome::Done(found) } else { Outcome::Refused(found) }))
}

/// A refusal in the node's own words.
fn said(refused: &Refused) -> Error {
    let error = Error::refused_with(refused.code, &refused.zh, &refused.en);
    let error = error.hint_with(&refused.next_zh, &refused.next_en).named(&refused.name);
    match retry_ms(refused) {
        Some(ms) => error.retry_in(Duration::from_millis(ms)),
        None => error,
    }
}

/// When a node wants to be asked again, if it says so.
fn retry_ms(refused: &Refused) -> Option<u64> {
    if refused.code != Code::RateLimited.number() {
        return None;
    }
    let params = linli_types::wire::Params::decode(refused.params.as_slice()).ok()?;
    match params.params.first()?.value.as_ref()? {
        linli_types::wire::param::Value::Number(ms) => Some(*ms),
        _ => None,
    }
}

/// A status as an error: the node's refusal if it carries one.
pub(crate) fn failed(status: &Status) -> Error {
    let bytes = status.metadata().get_bin(REFUSED_KEY).and_then(|value| value.to_bytes().ok());
    if let Some(refused) = bytes.and_then(|bytes| Refused::decode(bytes).ok()) {
        return said(&refused);
    }
    let message = status.message();
    if status.code() == tonic::Code::Unimplemented {
        return Error::new(
            ErrorKind::BadAnswer,
            "该地址上的服务不是本版本的 Linli 节点",
            "what answers there is no Linli node of this version",
        )
        .hint_with("请核对节点的 gRPC 地址", "check the node's gRPC address");
    }
    let (kind, zh) = match status.code() {
        tonic::Code::Unavailable | tonic::Code::ResourceExhausted => {
            (ErrorKind::Unreachable, "节点无法连接")
        }
        tonic::Code::DeadlineExceeded | tonic::Code::Cancelled | tonic::Code::Unknown => {
            (ErrorKind::TimedOut, "节点没有及时答复")
        }
        _ => (ErrorKind::BadAnswer, "节点的答复无法理解"),
    };
    let en = format!("the node answered {:?}: {message}", status.code());
    Error::new(kind, format!("{zh}：{message}"), en)
}

fn timed_out() -> Error {
    Error::new(ErrorKind::TimedOut, "节点没有及时答复", "the node did not answer in time")
}

#[cfg(test)]
mod tests;
