//! Load: transactions signed beforehand, streamed to every validator, followed to their receipts.
//!
//! Figures come from receipts in committed blocks, never from what was sent.

use crate::net::{Net, now_ms};
use crate::{Failure, keys};
use linli_proto::ledger_client::LedgerClient;
use linli_proto::{BlocksRequest, SubmitBatch};
use linli_sdk::anchor::{self, AnchorRequest};
use linli_sdk::{Client, Options, SecretKey, read_header};
use linli_types::digest;
use linli_types::height::TimeMs;
use linli_types::id::{AccountId, ChainId, PrincipalId, TxId};
use linli_types::limits;
use linli_types::receipt::{Cause, Receipt};
use linli_types::transaction::{envelope, signing_bytes};
use linli_types::wire;
use prost::Message;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Request;
use tonic::transport::Channel;

/// Transactions in one streamed batch, at most.
const BATCH: usize = 128;
/// Transactions handed in and not yet in a block, over all validators, when going as fast as
/// possible.
const IN_FLIGHT_MAX: usize = 6_000;
/// What load anchors, as a place in [`anchor::KINDS`].
const PHOTO_SET: i32 = 3;
/// How long a transaction may take to its receipt after the last submission.
const GRACE: Duration = Duration::from_secs(15);

/// What the transactions ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Workload {
    /// Native transfers between accounts.
    Transfer,
    /// Evidence anchors, through the WASM contract.
    Anchor,
    /// Statements in batches of 1,024, each with its receipt on disk.
    AnchorBatch,
    /// Nothing.
    Idle,
}

impl Workload {
    /// Its word on the command line and in figures.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Anchor => "anchor",
            Self::AnchorBatch => "anchor-batch",
            Self::Idle => "idle",
        }
    }
}

/// One of the load generator's signers.
pub(crate) struct Signer {
    pub(crate) key: SecretKey,
    pub(crate) id: PrincipalId,
    accounts: Vec<AccountId>,
}

/// A signed transaction, ready to go.
pub struct Ready {
    id: TxId,
    raw: Vec<u8>,
    /// Which validator takes it: one per signer, so that a signer's order is kept.
    lane: usize,
}

/// Draws the same numbers for the same seed (SplitMix64: Steele, Lea, Flood, 2014).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let at = self.next() % u64::try_from(of.len().max(1)).unwrap_or(1);
        of.get(usize::try_from(at).unwrap_or(0))
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.iter_mut().zip(word).for_each(|(to, from)| *to = from);
        }
        bytes
    }
}

pub(crate) fn signers(dir: &Path) -> Result<Vec<Signer>, Failure> {
    let text = std::fs::read_to_string(dir.join("accounts.json"))?;
    let accounts: BTreeMap<String, Vec<String>> = serde_json::from_str(&text)?;
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(dir.join("load"))?.flatten().map(|e| e.path()).collect();
    paths.sort();
    let signer = |path: &PathBuf| {
        let (key, id) = keys::read(path)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let own = accounts.get(&name).into_iter().flatten();
        let accounts = own.filter_map(|text| text.parse().ok()).collect();
        Ok(Signer { key, id, accounts })
    };
    paths.iter().map(signer).collect()
}

/// The lowest evidence number that each of the load's sources has not used.
///
/// # Errors
///
/// [`Failure`] if the net has no load keys, or no validator answers.
pub async fn open_numbers(net: &Net, dir: &Path, chain: ChainId) -> Result<Numbers, Failure> {
    let auditor = net.keys.get("auditor").ok_or_else(|| Failure::new("the net has no auditor"))?;
    let client = any_client(net, chain, &keys::read(auditor)?.0).await?;
    let mut numbers = Numbers::new();
    for signer in signers(dir)? {
        numbers.insert(signer.id, anchor::lowest_open(&client, signer.id).await?);
    }
    Ok(numbers)
}

/// A connection to the first validator that takes one.
async fn any_client(net: &Net, chain: ChainId, reader: &SecretKey) -> Result<Client, Failure> {
    let options = Options { tries: 1, ..Options::default() };
    let mut failure = Failure::new("this net has no validator");
    for member in &net.validators {
        match Client::connect_with(&member.grpc, chain, reader.clone(), options).await {
            Ok(client) => return Ok(client),
            Err(why) => failure = why.into(),
        }
    }
    Err(failure)
}

/// The first evidence number that each source may use.
pub type Numbers = BTreeMap<PrincipalId, u64>;

/// Signs `count` transactions of a workload; a source that `numbers` does not name begins at 1.
///
/// # Errors
///
/// [`Failure`] if the net has no load keys.
pub fn prepare(
    dir: &Path,
    chain: ChainId,
    lanes: usize,
    workload: Workload,
    count: usize,
    numbers: &Numbers,
) -> Result<Vec<Ready>, Failure> {
    let signers = signers(dir)?;
    let everyone: Vec<AccountId> = signers.iter().flat_map(|s| s.accounts.clone()).collect();
    if everyone.len() < 2 {
        return Err(Failure::new("this net has no load accounts"));
    }
    let mut chance = Chance(now_ms());
    let valid_until = now_ms() + limits::VALIDITY_MS_MAX - 30_000;
    let mut ready = Vec::with_capacity(count);
    for i in 0..count {
        let at = i % signers.len();
        let Some(signer) = signers.get(at) else { continue };
        let round = u64::try_from(i / signers.len()).unwrap_or(0);
        let call = match workload {
            Workload::Anchor => {
                let first = numbers.get(&signer.id).copied().unwrap_or(1);
                anchor_call(&mut chance, signer.id, first.saturating_add(round))
            }
            Workload::Transfer | Workload::AnchorBatch | Workload::Idle => {
                transfer_call(&mut chance, signer, &everyone)
            }
        };
        let body = wire::TransactionBody {
            chain_tag: chain.tag(),
            sender: signer.id.0.to_vec(),
            signer: signer.key.public().0.to_vec(),
            key: chance.bytes::<16>().to_vec(),
            valid_until_ms: valid_until,
            on_behalf: None,
            calls: vec![call],
        }
        .encode_to_vec();
        let signature = signer.key.sign(&signing_bytes(&chain, &body));
        let id = digest::transaction_id(&body);
        ready.push(Ready { id, raw: envelope(&body, &signature), lane: at % lanes.max(1) });
    }
    Ok(ready)
}

fn transfer_call(chance: &mut Chance, signer: &Signer, everyone: &[AccountId]) -> wire::Call {
    let debit = chance.pick(&signer.accounts).copied().unwrap_or_default();
    let mut credit = chance.pick(everyone).copied().unwrap_or_default();
    while credit == debit {
        credit = chance.pick(everyone).copied().unwrap_or_default();
    }
    let args = wire::accounts::TransferRequest {
        id: chance.bytes::<16>().to_vec(),
        debit: debit.0.to_vec(),
        credit: credit.0.to_vec(),
        amount: 1 + chance.next() % 3,
        code: 1,
        ..Default::default()
    };
    wire::Call { room: "accounts".into(), method: "Transfer".into(), args: args.encode_to_vec() }
}

fn anchor_call(chance: &mut Chance, source: PrincipalId, number: u64) -> wire::Call {
    let args = AnchorRequest {
        source: source.0.to_vec(),
        number,
        kind: PHOTO_SET,
        manifest_sha256: chance.bytes::<32>().to_vec(),
        manifest_sm3: chance.bytes::<32>().to_vec(),
        size: 1_600_000,
        media: String::new(),
        captured_at_ms: now_ms(),
    };
    let (room, method) = (anchor::ROOM.into(), anchor::METHOD.into());
    wire::Call { room, method, args: args.encode_to_vec() }
}

/// What a run of load came to.
#[derive(Debug, Default)]
pub struct Tally {
    /// Handed to a node.
    pub submitted: u64,
    /// Receipts that say done.
    pub committed: u64,
    /// Receipts that say refused, and submissions refused by a node.
    pub refused: u64,
    /// Accepted, and no receipt in time.
    pub lost: u64,
    /// From submission to receipt, in milliseconds.
    pub finality_ms: Vec<f64>,
    /// From the first submission to the last receipt.
    pub elapsed: Duration,
    /// Receipts for one id beyond the first.
    pub twice: u64,
    /// Longest time between two commits while transactions waited, in milliseconds.
    pub commit_gap_ms_max: f64,
    /// Ids whose receipts were handed out.
    pub acknowledged: Vec<TxId>,
}

impl Tally {
    /// Takes in what a part of the same run came to; the whole's time is the caller's to measure.
    pub(crate) fn add(&mut self, part: Self) {
        self.submitted += part.submitted;
        self.committed += part.committed;
        self.refused += part.refused;
        self.lost += part.lost;
        self.finality_ms.extend(part.finality_ms);
        self.twice += part.twice;
        self.commit_gap_ms_max = self.commit_gap_ms_max.max(part.commit_gap_ms_max);
        self.acknowledged.extend(part.acknowledged);
    }
}

#[derive(Default)]
struct Flight {
    waiting: HashMap<TxId, Instant>,
    tally: Tally,
    last_commit: Option<Instant>,
    last_receipt: Option<Instant>,
    done: std::collections::HashSet<TxId>,
}

/// How fast to submit.
#[derive(Clone, Copy, Debug)]
pub enum Rate {
    /// As fast as receipts come back.
    Max,
    /// So many a second.
    PerSecond(u64),
}

/// Submits `ready` for at most `seconds`, then waits for the receipts. Blocks are followed at
/// validator `follow`, from the present height on.
///
/// # Errors
///
/// [`Failure`] if no validator can be reached at the start.
pub async fn run(
    net: &Net,
    reader: &Path,
    ready: Vec<Ready>,
    rate: Rate,
    seconds: u64,
    follow: usize,
) -> Result<Tally, Failure> {
    let chain: ChainId = net.chain.parse().map_err(|_| Failure::new("net.json: bad chain"))?;
    let (reader, _) = keys::read(reader)?;
    let flight = Arc::new(Mutex::new(Flight::default()));
    let permits = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
    let followed = net.validators.get(follow).map(|v| v.grpc.clone()).unwrap_or_default();
    let height = crate::cli::standings(net).iter().filter_map(|s| s.height).max().unwrap_or(0);
    let watch =
        tokio::spawn(watch(followed, height + 1, chain, reader, flight.clone(), permits.clone()));
    let begun = Instant::now();
    let until = begun + Duration::from_secs(seconds);
    let mut lanes: Vec<Vec<Ready>> = net.validators.iter().map(|_| Vec::new()).collect();
    for one in ready {
        if let Some(lane) = lanes.get_mut(one.lane) {
            lane.push(one);
        }
    }
    let share = lanes.len().max(1);
    let mut senders = Vec::new();
    for (lane, member) in lanes.into_iter().zip(&net.validators) {
        let (flight, permits, url) = (flight.clone(), permits.clone(), member.grpc.clone());
        senders.push(tokio::spawn(send(url, lane, rate, share, until, flight, permits)));
    }
    for sender in senders {
        let _ = sender.await;
    }
    note_last_gap(&flight, begun);
    settle(&flight).await;
    watch.abort();
    let mut flight = flight.lock().map_err(|_| Failure::new("a load task panicked"))?;
    let mut tally = std::mem::take(&mut flight.tally);
    tally.lost = u64::try_from(flight.waiting.len()).unwrap_or(u64::MAX);

    tally.elapsed = flight.last_receipt.map_or(begun.elapsed(), |at| at.duration_since(begun));
    tally.acknowledged = flight.done.iter().copied().collect();
    Ok(tally)
}

/// A chain that stands still commits no block that would end the pause: at the end of the load it
/// counts as it is.
fn note_last_gap(flight: &Mutex<Flight>, begun: Instant) {
    let Ok(mut flight) = flight.lock() else { return };
    if !flight.waiting.is_empty() {
        let gap = flight.last_commit.unwrap_or(begun).elapsed().as_secs_f64() * 1e3;
        flight.tally.commit_gap_ms_max = flight.tally.commit_gap_ms_max.max(gap);
    }
}

/// Waits until nothing waits, or the grace is over.
async fn settle(flight: &Mutex<Flight>) {
    let until = Instant::now() + GRACE;
    while Instant::now() < until {
        if flight.lock().is_ok_and(|f| f.waiting.is_empty()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Streams one lane to one validator. When the connection breaks, what was not answered stays
/// waiting: its receipt decides.
async fn send(
    url: String,
    lane: Vec<Ready>,
    rate: Rate,
    share: usize,
    until: Instant,
    flight: Arc<Mutex<Flight>>,
    permits: Arc<Semaphore>,
) {
    let mut lane = lane.into_iter().peekable();
    while lane.peek().is_some() && Instant::now() < until {
        let Ok(client) = LedgerClient::connect(url.clone()).await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        stream(client, &mut lane, rate, share, until, &flight, &permits).await;
    }
}

async fn stream(
    mut client: LedgerClient<Channel>,
    lane: &mut std::iter::Peekable<std::vec::IntoIter<Ready>>,
    rate: Rate,
    share: usize,
    until: Instant,
    flight: &Arc<Mutex<Flight>>,
    permits: &Arc<Semaphore>,
) {
    let (batches, queue) = mpsc::channel::<SubmitBatch>(4);
    let answers = client.submit_stream(ReceiverStream::new(queue));
    let (sent, mut sent_ids) = mpsc::channel::<Vec<TxId>>(64);
    let reading = async {
        let Ok(answers) = answers.await else { return };
        let mut answers = answers.into_inner();
        while let (Ok(Some(answer)), Some(ids)) = (answers.message().await, sent_ids.recv().await) {
            let refused = answer.refused.iter().map(|r| r.index);
            note_refused(flight, permits, &ids, refused);
        }
    };
    let writing = async {
        let begun = Instant::now();
        let mut count = 0_u64;
        while Instant::now() < until && lane.peek().is_some() {
            let size = next_size(rate, share, begun, count).await;
            let Ok(held) = permits.acquire_many(u32::try_from(size).unwrap_or(1)).await else {
                return;
            };
            held.forget();
            let batch: Vec<Ready> = lane.by_ref().take(size).collect();
            permits.add_permits(size - batch.len());
            let ids: Vec<TxId> = batch.iter().map(|one| one.id).collect();
            note_sent(flight, &ids, due(rate, share, begun, count));
            count += u64::try_from(batch.len()).unwrap_or(0);
            let transactions = batch.into_iter().map(|one| one.raw).collect();
            if sent.send(ids).await.is_err()
                || batches.send(SubmitBatch { transactions }).await.is_err()
            {
                return;
            }
        }
        drop((batches, sent));
    };
    tokio::join!(reading, writing);
}

/// How many go next: a full batch, or what the rate allows by now.
async fn next_size(rate: Rate, share: usize, begun: Instant, count: u64) -> usize {
    let Rate::PerSecond(per_second) = rate else { return BATCH };
    let own = per_second as f64 / share as f64;
    loop {
        let due = (begun.elapsed().as_secs_f64() * own) as u64;
        let open = due.saturating_sub(count);
        if open > 0 {
            return usize::try_from(open).unwrap_or(BATCH).min(BATCH);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// When the transactions after the first `count` should have left: at a fixed rate the clock of
/// each begins when it is due, or a stall of the node would hide in the time before its turn.
fn due(rate: Rate, share: usize, begun: Instant, count: u64) -> impl Fn(usize) -> Instant {
    let now = Instant::now();
    move |at| match rate {
        Rate::Max => now,
        Rate::PerSecond(per_second) => {
            let nth = count as f64 + at as f64;
            let due = begun + Duration::from_secs_f64(nth * share as f64 / per_second as f64);
            due.min(now)
        }
    }
}

fn note_sent(flight: &Mutex<Flight>, ids: &[TxId], due: impl Fn(usize) -> Instant) {
    let Ok(mut flight) = flight.lock() else { return };
    for (at, id) in ids.iter().enumerate() {
        flight.waiting.insert(*id, due(at));
    }
    flight.tally.submitted += u64::try_from(ids.len()).unwrap_or(0);
}

fn note_refused(
    flight: &Mutex<Flight>,
    permits: &Semaphore,
    ids: &[TxId],
    refused: impl Iterator<Item = u32>,
) {
    let Ok(mut flight) = flight.lock() else { return };
    for index in refused {
        let id = usize::try_from(index).ok().and_then(|at| ids.get(at));
        if id.is_some_and(|id| flight.waiting.remove(id).is_some()) {
            flight.tally.refused += 1;
            permits.add_permits(1);
        }
    }
}

/// Follows the blocks of one validator; reconnects where it stopped.
async fn watch(
    url: String,
    mut from_height: u64,
    chain: ChainId,
    reader: SecretKey,
    flight: Arc<Mutex<Flight>>,
    permits: Arc<Semaphore>,
) {
    loop {
        if let Ok(mut client) = LedgerClient::connect(url.clone()).await {
            client = client.max_decoding_message_size(64 * 1024 * 1024);
            let wanted = BlocksRequest { from_height, history_only: false, with_receipts: true };
            let request = signed(wanted, &chain, &reader, "/linli.v1.Ledger/StreamBlocks");
            if let Ok(stream) = client.stream_blocks(request).await {
                let mut stream = stream.into_inner();
                while let Ok(Some(block)) = stream.message().await {
                    from_height = block.height + 1;
                    note_block(&flight, &permits, &block.receipts);
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A request with its signed read header.
pub fn signed<M: Message>(
    message: M,
    chain: &ChainId,
    key: &SecretKey,
    method: &str,
) -> Request<M> {
    let header = read_header::sign(key, chain, method, &message.encode_to_vec(), TimeMs(now_ms()));
    let mut request = Request::new(message);
    let value = tonic::metadata::MetadataValue::from_bytes(&header);
    request.metadata_mut().insert_bin(read_header::METADATA_KEY, value);
    request
}

fn note_block(flight: &Mutex<Flight>, permits: &Semaphore, receipts: &[Vec<u8>]) {
    let now = Instant::now();
    let Ok(mut flight) = flight.lock() else { return };
    if !flight.waiting.is_empty() {
        let gap = flight.last_commit.map_or(0.0, |at| now.duration_since(at).as_secs_f64() * 1e3);
        flight.tally.commit_gap_ms_max = flight.tally.commit_gap_ms_max.max(gap);
    }
    flight.last_commit = Some(now);
    for bytes in receipts {
        let Ok(receipt) = borsh::from_slice::<Receipt>(bytes) else { continue };
        let Cause::Transaction(id) = receipt.cause else { continue };
        if !flight.done.insert(id) {
            flight.tally.twice += 1;
            continue;
        }
        let Some(sent) = flight.waiting.remove(&id) else { continue };
        flight.last_receipt = Some(now);
        flight.tally.finality_ms.push(now.duration_since(sent).as_secs_f64() * 1e3);
        if receipt.is_done() {
            flight.tally.committed += 1;
        } else {
            flight.tally.refused += 1;
        }
        permits.add_permits(1);
    }
}

/// How many of `ids` have no receipt at the first validator any more.
///
/// # Errors
///
/// [`Failure`] if it does not answer.
pub async fn missing(
    net: &Net,
    reader: &Path,
    chain: ChainId,
    ids: &[TxId],
) -> Result<u64, Failure> {
    let (reader, _) = keys::read(reader)?;
    let url = net.validators.first().map(|v| v.grpc.clone()).unwrap_or_default();
    let failed = |e: &dyn std::fmt::Display| Failure::new(format!("{url}: {e}"));
    let mut client = LedgerClient::connect(url.clone()).await.map_err(|e| failed(&e))?;
    let mut missing = 0;
    for id in ids {
        let wanted = linli_proto::ReceiptRequest { id: id.0.to_vec(), wait_ms: 0 };
        let request = signed(wanted, &chain, &reader, "/linli.v1.Ledger/GetReceipt");
        let answer = client.get_receipt(request).await.map_err(|e| failed(&e))?;
        missing += u64::from(!answer.into_inner().found);
    }
    Ok(missing)
}
