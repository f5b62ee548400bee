//! `bench --workload anchor-batch`: statements by the thousand, each with its own receipt on disk.
//!
//! ```text
//! lane: make 1,024 ─▶ submit ─▶ receipt of the transaction ─▶ proof of its leaves ─▶ a file for each
//! ```
//!
//! Everything happens inside the clock: the files' digests, the manifests, the signatures, the
//! blocks, and the receipts on disk. A leaf counts when its receipt's file is written.

mod maker;
mod sampled;
mod writer;

pub(crate) use sampled::verify;

use crate::load::{Chance, Numbers, Signer, Tally};
use crate::net::{Net, now_ms};
use crate::{Failure, keys};
use linli_sdk::cose::Leaves;
use linli_sdk::{Client, Options, Outcome, Signed};
use linli_types::height::TimeMs;
use linli_types::id::{ChainId, TxKey};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Statements in one transaction.
const BATCH: u64 = 1024;
/// Of how many organisations each receipt carries a signature.
const ORGANISATIONS: u32 = 2;
/// Batches under way at a time.
const LANES: usize = 8;
/// How long a transaction may take to its receipt.
const PATIENCE: Duration = Duration::from_secs(30);
/// Of so many receipts one is kept beside its statement, unless the user says otherwise.
pub(crate) const SAMPLE: usize = 100;

/// What the lanes share.
struct Work {
    chain: ChainId,
    until: Instant,
    out: PathBuf,
    samples: PathBuf,
    /// One receipt in so many is a sample.
    sample: usize,
}

/// Where receipts go, below the net's folder.
const RECEIPTS: &str = "receipts";
/// Where the samples go.
const SAMPLES: &str = "samples";

/// Registers batches for `seconds` and writes every receipt into the net's folder; one in
/// `sample` stands beside its statement. Also says how many receipts are on disk: one per leaf.
///
/// # Errors
///
/// [`Failure`] if the net has no load keys, does not answer, or gives a proof that does not hold.
pub(crate) async fn run(
    net: &Net,
    dir: &Path,
    chain: ChainId,
    numbers: &Numbers,
    seconds: u64,
    sample: usize,
) -> Result<(Tally, u64), Failure> {
    let (out, samples) = (dir.join(RECEIPTS), dir.join(SAMPLES));
    std::fs::create_dir_all(&out)?;
    std::fs::create_dir_all(&samples)?;
    let mut shares: Vec<Vec<(Signer, u64)>> = (0..LANES).map(|_| Vec::new()).collect();
    for (at, signer) in crate::load::signers(dir)?.into_iter().enumerate() {
        let first = numbers.get(&signer.id).copied().unwrap_or(1);
        if let Some(share) = shares.get_mut(at % LANES) {
            share.push((signer, first));
        }
    }
    let auditor = net.keys.get("auditor").ok_or_else(|| Failure::new("the net has no auditor"))?;
    let reader = keys::read(auditor)?.0;
    let begun = Instant::now();
    let until = begun + Duration::from_secs(seconds);
    let work = Arc::new(Work { chain, until, out, samples, sample });
    let mut lanes = Vec::new();
    for (at, share) in shares.into_iter().enumerate() {
        let member = net.validators.get(at % net.validators.len().max(1));
        let url = member.map(|member| member.grpc.clone()).unwrap_or_default();
        let client = Client::connect_with(&url, chain, reader.clone(), Options::default()).await?;
        lanes.push(tokio::spawn(lane(client, share, work.clone())));
    }
    let (mut tally, mut leaves) = (Tally::default(), 0);
    for lane in lanes {
        let (part, written) = lane.await.map_err(|e| Failure::new(e.to_string()))??;
        tally.add(part);
        leaves += written;
    }
    tally.elapsed = begun.elapsed();
    Ok((tally, leaves))
}

/// One batch after the other, its signers in turn.
async fn lane(
    client: Client,
    mut share: Vec<(Signer, u64)>,
    work: Arc<Work>,
) -> Result<(Tally, u64), Failure> {
    let (mut tally, mut leaves) = (Tally::default(), 0);
    let mut chance = Chance::new(now_ms());
    let mut turn = 0;
    while Instant::now() < work.until && !share.is_empty() {
        turn = (turn + 1) % share.len();
        let (signer, first) = share.swap_remove(turn);
        let own = work.clone();
        let made = aside(move || {
            let batch = maker::batch(&mut chance, own.chain, &signer, first, BATCH)?;
            Ok((batch, signer, chance))
        });
        let (batch, signer, left) = made.await?;
        chance = left;
        share.push((signer, first + BATCH));
        leaves += submit(&client, batch, &work, &mut tally).await?;
    }
    Ok((tally, leaves))
}

/// One batch from the node's door to its receipts on disk; how many.
async fn submit(
    client: &Client,
    batch: maker::Batch,
    work: &Arc<Work>,
    tally: &mut Tally,
) -> Result<u64, Failure> {
    let valid_until = TimeMs(batch.valid_until_ms);
    let signed =
        Signed { id: batch.id, key: TxKey::default(), valid_until, raw: batch.raw.clone() };
    let begun = Instant::now();
    client.submit(&signed).await?;
    tally.submitted += 1;
    match client.wait_receipt(&signed, PATIENCE).await {
        Outcome::Done(_) => tally.committed += 1,
        Outcome::Refused(found) => {
            tally.refused += 1;
            return Err(Failure::law(format!("a batch was refused: {:?}", found.receipt.outcome)));
        }
        Outcome::NotThere { .. } | Outcome::Indefinite(_) => {
            tally.lost += 1;
            return Ok(0);
        }
    }
    tally.finality_ms.push(begun.elapsed().as_secs_f64() * 1e3);
    let (all, of) = (u32::try_from(BATCH).unwrap_or(u32::MAX), Leaves::Of(batch.id));
    let receipts = client.cose_receipts(of, all, ORGANISATIONS).await?;
    let work = work.clone();
    aside(move || writer::write(&batch, &receipts, &work)).await
}

async fn aside<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(run).await.map_err(|e| Failure::new(e.to_string()))?
}
