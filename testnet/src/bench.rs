//! `bench` and `load`: figures from receipts.

use crate::figures::{Figures, Latency, verify_rate_per_cpu_s};
use crate::genesis::LoadSize;
use crate::leaving::Leaving;
use crate::load::{self, Rate, Tally, Workload};
use crate::net::{self, Net};
use crate::{Failure, batches, http, opening, process};
use clap::Args;
use linli_types::id::ChainId;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What a net of this machine is not expected to exceed: bounds the signing beforehand.
const RATE_MAX: u64 = 10_000;

/// Load on a running net.
#[derive(Debug, Args)]
pub struct Load {
    /// The net's folder.
    #[arg(long)]
    dir: PathBuf,
    /// What the transactions ask for.
    #[arg(long, value_enum, default_value = "transfer")]
    workload: Workload,
    /// For how long, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Transactions a second, or `max`.
    #[arg(long, default_value = "200")]
    rate: String,
}

/// Makes a net, loads it, prints figures, removes it.
#[derive(Debug, Args)]
pub struct Bench {
    /// What the transactions ask for.
    #[arg(long, value_enum, default_value = "transfer")]
    workload: Workload,
    /// How many validators.
    #[arg(long, default_value_t = 4)]
    validators: usize,
    /// For how long, in seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Transactions a second, or `max`.
    #[arg(long, default_value = "max")]
    rate: String,
    /// Loads so many accounts through a batch of opening balances first, and moves between those;
    /// otherwise 10,000 accounts stand in the genesis.
    #[arg(long)]
    accounts: Option<usize>,
    /// Of `anchor-batch`: one receipt in so many gets a file of its own beside its statement, and
    /// `linli verify --dir` verifies those afterwards. 1 is each.
    #[arg(long, value_name = "N", default_value_t = batches::SAMPLE, value_parser = sample)]
    sample: usize,
    /// One JSON object on stdout.
    #[arg(long)]
    json: bool,
    /// Where the net stands while it runs; by default a folder of its own that is removed.
    #[arg(long)]
    dir: Option<PathBuf>,
}

fn sample(text: &str) -> Result<usize, String> {
    let parsed = text.parse().ok().filter(|n| (1..=1024).contains(n));
    parsed.ok_or_else(|| "a number from 1 to 1024".into())
}

fn rate(text: &str) -> Result<Rate, Failure> {
    if text == "max" {
        return Ok(Rate::Max);
    }
    let parsed = text.parse::<u64>().ok().filter(|r| (1..=RATE_MAX).contains(r));
    parsed.map(Rate::PerSecond).ok_or_else(|| {
        Failure::usage(format!("{text:?} is no rate"))
            .hint(format!("give `max` or a number from 1 to {RATE_MAX}"))
    })
}

/// Transactions to sign beforehand.
fn count(rate: Rate, seconds: u64) -> usize {
    let per_second = match rate {
        Rate::Max => RATE_MAX,
        Rate::PerSecond(r) => r,
    };
    usize::try_from(per_second * seconds).unwrap_or(usize::MAX)
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

fn chain(net: &Net) -> Result<ChainId, Failure> {
    net.chain.parse().map_err(|_| Failure::new("net.json names no chain"))
}

/// Runs `load`.
///
/// # Errors
///
/// [`Failure`] if the net is down or anything was lost.
pub fn load(options: &Load) -> Result<(), Failure> {
    let net = Net::open(&options.dir)?;
    let rate = rate(&options.rate)?;
    let tally = measure(&net, &options.dir, options.workload, rate, options.seconds, 0)?;
    println!(
        "{{\"submitted\":{},\"committed\":{},\"refused\":{},\"lost\":{}}}",
        tally.submitted, tally.committed, tally.refused, tally.lost
    );
    no_loss(&tally)
}

fn no_loss(tally: &Tally) -> Result<(), Failure> {
    if tally.lost == 0 && tally.twice == 0 {
        return Ok(());
    }
    Err(Failure::law(format!("{} lost, {} twice", tally.lost, tally.twice)))
}

/// Signs, submits, waits for the receipts.
///
/// # Errors
///
/// [`Failure`] if the net cannot be reached.
pub fn measure(
    net: &Net,
    dir: &Path,
    workload: Workload,
    rate: Rate,
    seconds: u64,
    follow: usize,
) -> Result<Tally, Failure> {
    let ready = signed(net, dir, workload, count(rate, seconds))?;
    run_ready(net, ready, rate, seconds, follow)
}

/// Signs beforehand. A net may have been loaded before: evidence goes on with the numbers that
/// are open.
fn signed(
    net: &Net,
    dir: &Path,
    workload: Workload,
    count: usize,
) -> Result<Vec<load::Ready>, Failure> {
    let chain = chain(net)?;
    let numbers = match workload {
        Workload::Anchor => runtime()?.block_on(load::open_numbers(net, dir, chain))?,
        Workload::Transfer | Workload::AnchorBatch | Workload::Idle => load::Numbers::new(),
    };
    load::prepare(dir, chain, net.validators.len(), workload, count, &numbers)
}

fn run_ready(
    net: &Net,
    ready: Vec<load::Ready>,
    rate: Rate,
    seconds: u64,
    follow: usize,
) -> Result<Tally, Failure> {
    let reader = net.keys.get("auditor").ok_or_else(|| Failure::new("the net has no auditor"))?;
    runtime()?.block_on(load::run(net, reader, ready, rate, seconds, follow))
}

/// Runs `bench`.
///
/// # Errors
///
/// [`Failure`] if the net does not come up, or anything was lost.
pub fn run(bench: &Bench) -> Result<(), Failure> {
    let rate = rate(&bench.rate)?;
    let temporary = tempfile::tempdir()?;
    let dir = bench.dir.clone().unwrap_or_else(|| temporary.path().join("net"));
    if dir.join("net.json").exists() {
        let why = format!("{} holds a net, and `bench` makes its own", dir.display());
        return Err(Failure::usage(why).hint("`load` puts load on a net that is there"));
    }
    let size = match bench.accounts {
        // The batch brings them all.
        Some(_) => LoadSize { accounts: 0, ..LoadSize::default() },
        None => LoadSize::default(),
    };
    let mut net = Net::make(&dir, bench.validators, size)?;
    let _leaving = Leaving::watch(&dir, bench.dir.is_none());
    let measured = net.start().and_then(|()| figures(bench, &net, &dir, rate));
    net.stop()?;
    let (figures, lossless) = measured?;
    if bench.json {
        println!("{}", serde_json::to_string(&figures)?);
    } else {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    }
    lossless
}

/// What all validators have used so far.
struct Usage {
    cpu_ms: Vec<f64>,
    disk_bytes: u64,
    fsyncs: f64,
}

impl Usage {
    fn of(net: &Net) -> Self {
        let members = || net.validators.iter();
        Self {
            cpu_ms: members().map(|m| process::cpu_ms(m.pid).unwrap_or(0.0)).collect(),
            disk_bytes: members().map(|m| process::disk_bytes(&m.data_dir)).sum(),
            fsyncs: members()
                .map(|m| {
                    metric(m, "linli_node_wal_syncs_total")
                        + metric(m, "linli_node_commit_syncs_total")
                })
                .sum(),
        }
    }
}

/// One counter of a validator's metrics page; 0 if it is not there.
fn metric(member: &net::Member, name: &str) -> f64 {
    let page = http::get(net::bare(&member.http), "/metrics").unwrap_or_default();
    let value = |line: &str| line.strip_prefix(name)?.trim().parse::<f64>().ok();
    page.lines().find_map(value).unwrap_or(0.0)
}

fn figures(
    bench: &Bench,
    net: &Net,
    dir: &Path,
    rate: Rate,
) -> Result<(Figures, Result<(), Failure>), Failure> {
    if bench.workload == Workload::Idle {
        return Ok((idle(bench, net)?, Ok(())));
    }
    let untouched = Usage::of(net);
    let loaded = bench.accounts.map(|count| opening::load(net, dir, count)).transpose()?;
    let lanes = net.validators.len();
    let window = Window::prepare(bench, net, dir, rate)?;
    let (before, own_before) = (Usage::of(net), own_cpu_ms());
    let (counted, leaves) = window.run(bench, net, dir)?;
    let (after, own_after) = (Usage::of(net), own_cpu_ms());
    let verified = leaves.map(|_| batches::verify(net, dir)).transpose()?;
    let lossless = no_loss(&counted);
    let committed = counted.committed.max(1) as f64;
    let cpu_ms = after.cpu_ms.iter().sum::<f64>() - before.cpu_ms.iter().sum::<f64>();
    let seconds = counted.elapsed.as_secs_f64().max(0.001);
    let verify_rate = verify_rate_per_cpu_s();
    let limit_ms = committed * lanes as f64 / verify_rate.max(1.0) * 1e3;
    let figures = Figures {
        workload: bench.workload.word().into(),
        validators: lanes,
        seconds,
        submitted: counted.submitted,
        committed: counted.committed,
        refused: counted.refused,
        lost: counted.lost,
        tps: counted.committed as f64 / seconds,
        finality_ms: Latency::of(counted.finality_ms),
        cpu_ms_per_tx: cpu_ms / committed,
        client_cpu_ms_per_tx: (own_after - own_before) / committed,
        disk_bytes_per_tx: after.disk_bytes.saturating_sub(before.disk_bytes) as f64 / committed,
        fsyncs_per_s: (after.fsyncs - before.fsyncs) / seconds,
        rss_mib_max: rss_mib_max(net),
        verify_rate_per_cpu_s: verify_rate,
        limit_ratio: limit_ms / cpu_ms.max(0.001),
        accounts: bench.accounts,
        load_seconds: loaded.map(|took| took.as_secs_f64()),
        load_cpu_ms_per_account: bench.accounts.map(|count| {
            (before.cpu_ms.iter().sum::<f64>() - untouched.cpu_ms.iter().sum::<f64>())
                / count.max(1) as f64
        }),
        leaves,
        leaves_per_s: leaves.map(|leaves| leaves as f64 / seconds),
        receipts_verified: verified.map(|run| run.receipts),
        verified_per_s: verified.map(|run| run.receipts as f64 / run.seconds.max(0.001)),
        verify_rss_mib_max: verified.map(|run| run.rss_mib_max),
        blocks: None,
        idle_cpu_pct_max: None,
    };
    Ok((figures, lossless))
}

/// What stands ready before the clock starts.
enum Window {
    /// Transactions, signed.
    Signed(Vec<load::Ready>, Rate),
    /// The numbers that are open: batches are made inside the clock.
    Batches(load::Numbers),
}

impl Window {
    fn prepare(bench: &Bench, net: &Net, dir: &Path, rate: Rate) -> Result<Self, Failure> {
        if bench.workload != Workload::AnchorBatch {
            let ready = signed(net, dir, bench.workload, count(rate, bench.seconds))?;
            return Ok(Self::Signed(ready, rate));
        }
        Ok(Self::Batches(runtime()?.block_on(load::open_numbers(net, dir, chain(net)?))?))
    }

    /// What it came to; and of batches, how many receipts are on disk.
    fn run(self, bench: &Bench, net: &Net, dir: &Path) -> Result<(Tally, Option<u64>), Failure> {
        match self {
            Self::Signed(ready, rate) => Ok((run_ready(net, ready, rate, bench.seconds, 0)?, None)),
            Self::Batches(numbers) => {
                let (seconds, sample) = (bench.seconds, bench.sample);
                let run = batches::run(net, dir, chain(net)?, &numbers, seconds, sample);
                let (tally, leaves) = runtime()?.block_on(run)?;
                Ok((tally, Some(leaves)))
            }
        }
    }
}

fn own_cpu_ms() -> f64 {
    process::cpu_ms(std::process::id()).unwrap_or(0.0)
}

fn rss_mib_max(net: &Net) -> f64 {
    net.validators.iter().filter_map(|m| process::rss_mib_max(m.pid)).fold(0.0, f64::max)
}

/// Watches the net do nothing.
fn idle(bench: &Bench, net: &Net) -> Result<Figures, Failure> {
    let height = || crate::cli::standings(net).iter().filter_map(|s| s.height).max();
    // What a start leaves behind (connections, first statuses) is not idleness.
    std::thread::sleep(Duration::from_secs(3));
    let (before, begun, from) = (Usage::of(net), Instant::now(), height().unwrap_or(0));
    std::thread::sleep(Duration::from_secs(bench.seconds));
    let (after, seconds) = (Usage::of(net), begun.elapsed().as_secs_f64());
    let busiest = before.cpu_ms.iter().zip(&after.cpu_ms).map(|(b, a)| a - b).fold(0.0, f64::max);
    Ok(Figures {
        workload: "idle".into(),
        validators: net.validators.len(),
        seconds,
        submitted: 0,
        committed: 0,
        refused: 0,
        lost: 0,
        tps: 0.0,
        finality_ms: Latency::default(),
        cpu_ms_per_tx: 0.0,
        client_cpu_ms_per_tx: 0.0,
        disk_bytes_per_tx: 0.0,
        fsyncs_per_s: (after.fsyncs - before.fsyncs) / seconds,
        rss_mib_max: rss_mib_max(net),
        verify_rate_per_cpu_s: 0.0,
        limit_ratio: 0.0,
        accounts: None,
        load_seconds: None,
        load_cpu_ms_per_account: None,
        leaves: None,
        leaves_per_s: None,
        receipts_verified: None,
        verified_per_s: None,
        verify_rss_mib_max: None,
        blocks: Some(height().unwrap_or(from).saturating_sub(from)),
        idle_cpu_pct_max: Some(busiest / (seconds * 1e3) * 100.0),
    })
}
