//! `chaos`: SIGKILL under load, one validator and all at once, again and again; then the questions:
//! two roots at a height? a receipt that is gone? a transaction twice?

use crate::demo::wait_for_equal_roots;
use crate::genesis::LoadSize;
use crate::leaving::Leaving;
use crate::load::{self, Rate, Tally, Workload};
use crate::net::{Net, binary};
use crate::{Failure, bench, cli, votes};
use clap::Args;
use linli_types::id::ChainId;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Longest pause between two commits that one death may cause.
const GAP_MS_MAX: f64 = 5_000.0;

/// SIGKILL under load.
#[derive(Debug, Args)]
pub struct Chaos {
    /// Deaths of one validator.
    #[arg(long, default_value_t = 20)]
    kills: u32,
    /// How long each stays dead, in seconds.
    #[arg(long, default_value_t = 20)]
    dead_seconds: u64,
    /// Deaths of all at once.
    #[arg(long, default_value_t = 10)]
    kills_all: u32,
    /// Transactions a second.
    #[arg(long, default_value_t = 200)]
    rate: u64,
    /// Where the net stands; by default a folder of its own that is removed.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// What `chaos` prints. `forks` counts each time the roots did not come out equal: two roots at a
/// height, or heights that did not meet again in time; the failure's text says which.
#[derive(Debug, Default, Serialize)]
struct Report {
    kills: u32,
    kills_all: u32,
    commit_gap_ms_max: f64,
    submitted: u64,
    acknowledged: u64,
    lost: u64,
    twice: u64,
    forks: u64,
    /// Returned validators whose signature stood in no certificate afterwards.
    silent: u32,
}

/// Runs the kills and judges.
///
/// # Errors
///
/// [`Failure`] (a law) at the first law that does not hold.
pub fn run(chaos: &Chaos) -> Result<(), Failure> {
    let temporary = tempfile::tempdir()?;
    let dir = chaos.dir.clone().unwrap_or_else(|| temporary.path().join("net"));
    let mut net = Net::make(&dir, 4, LoadSize { signers: 16, accounts: 64 })?;
    let _leaving = Leaving::watch(&dir, chaos.dir.is_none());
    let mut report = Report::default();
    let judged = net.start().and_then(|()| {
        for i in 0..chaos.kills {
            kill_one(chaos, &mut net, &dir, i, &mut report)?;
        }
        for _ in 0..chaos.kills_all {
            kill_all(chaos, &mut net, &dir, &mut report)?;
        }
        Ok(())
    });
    net.stop()?;
    let judged = judged.and_then(|()| check_databases(&net));
    println!("{}", serde_json::to_string(&report)?);
    judged?;
    judge(&report)
}

fn judge(report: &Report) -> Result<(), Failure> {
    if report.forks + report.twice + report.lost + u64::from(report.silent) > 0 {
        return Err(Failure::law(format!("a law is broken: {report:?}")));
    }
    if report.commit_gap_ms_max > GAP_MS_MAX {
        let gap = report.commit_gap_ms_max;
        return Err(Failure::law(format!("commits paused for {gap:.0} ms")));
    }
    Ok(())
}

fn note(report: &mut Report, tally: &Tally) {
    report.submitted += tally.submitted;
    report.acknowledged += u64::try_from(tally.acknowledged.len()).unwrap_or(0);
    report.twice += tally.twice;
}

/// Load runs in a thread of its own while the main one kills.
fn under_load<R>(
    chaos: &Chaos,
    net: &Net,
    dir: &Path,
    (seconds, follow): (u64, usize),
    hardship: impl FnOnce() -> Result<R, Failure>,
) -> Result<(Tally, R), Failure> {
    let rate = Rate::PerSecond(chaos.rate);
    std::thread::scope(|scope| {
        let load =
            scope.spawn(|| bench::measure(net, dir, Workload::Transfer, rate, seconds, follow));
        let done = hardship();
        let tally = load.join().map_err(|_| Failure::new("the load generator panicked"))??;
        Ok((tally, done?))
    })
}

fn kill_one(
    chaos: &Chaos,
    net: &mut Net,
    dir: &Path,
    turn: u32,
    report: &mut Report,
) -> Result<(), Failure> {
    let draw = u64::from_le_bytes(crate::genesis::random()?);
    let at = usize::try_from(draw % 4).unwrap_or(0);
    // Receipts are followed at a neighbour, who lives.
    let follow = (at + 1) % 4;
    let seen = net.clone();
    let mut victim = net.validators.get(at).cloned().ok_or_else(|| Failure::new("no victim"))?;
    let seconds = chaos.dead_seconds + 6;
    let (tally, (victim, height)) = under_load(chaos, &seen, dir, (seconds, follow), || {
        std::thread::sleep(Duration::from_secs(3));
        victim.kill();
        std::thread::sleep(Duration::from_secs(chaos.dead_seconds));
        victim.restart()?;
        let heights = cli::standings(&seen).into_iter().filter_map(|s| s.height);
        Ok((victim, heights.max().unwrap_or(0)))
    })?;
    let name = victim.name.clone();
    if let Some(slot) = net.validators.get_mut(at) {
        *slot = victim;
    }
    note(report, &tally);
    report.kills += 1;
    report.commit_gap_ms_max = report.commit_gap_ms_max.max(tally.commit_gap_ms_max);
    wait_for_equal_roots(net).inspect_err(|_| report.forks += 1)?;
    report.silent += u32::from(!votes::voted_since(net, &name, height)?);
    let (pause, got, sent) = (tally.commit_gap_ms_max, tally.acknowledged.len(), tally.submitted);
    let (turn, away) = (turn + 1, chaos.dead_seconds);
    eprintln!(
        "kill {turn}: validator {at} gone for {away} s, longest pause {pause:.0} ms, \
         {got} of {sent} acknowledged"
    );
    Ok(())
}

fn kill_all(chaos: &Chaos, net: &mut Net, dir: &Path, report: &mut Report) -> Result<(), Failure> {
    let seen = net.clone();
    let mut members = net.validators.clone();
    let (tally, members) = under_load(chaos, &seen, dir, (8, 0), || {
        std::thread::sleep(Duration::from_secs(4));
        members.iter_mut().for_each(crate::net::Member::kill);
        members.iter_mut().try_for_each(crate::net::Member::start)?;
        members.iter_mut().try_for_each(crate::net::Member::wait_until_up)?;
        Ok(members)
    })?;
    net.validators = members;
    note(report, &tally);
    report.kills_all += 1;
    wait_for_equal_roots(net).inspect_err(|_| report.forks += 1)?;
    let missing = missing(net, &tally)?;
    report.lost += missing;
    eprintln!("all four killed: {} acknowledged, {missing} of them gone", tally.acknowledged.len());
    Ok(())
}

/// How many acknowledged transactions no longer have a receipt.
fn missing(net: &Net, tally: &Tally) -> Result<u64, Failure> {
    let reader = net.keys.get("auditor").ok_or_else(|| Failure::new("the net has no auditor"))?;
    let chain: ChainId = net.chain.parse().map_err(|_| Failure::new("net.json: bad chain"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(load::missing(net, reader, chain, &tally.acknowledged))
}

/// `linli check-db` and `linli replay` on every stopped validator.
fn check_databases(net: &Net) -> Result<(), Failure> {
    for member in &net.validators {
        for verb in ["check-db", "replay"] {
            let mut command = Command::new(binary("linli")?);
            command.arg(verb).arg("--data").arg(&member.data_dir).stdin(Stdio::null());
            let output = command.output()?;
            if !output.status.success() {
                let why = String::from_utf8_lossy(&output.stderr).into_owned();
                return Err(Failure::law(format!("{verb} of {}: {why}", member.name)));
            }
        }
    }
    Ok(())
}
