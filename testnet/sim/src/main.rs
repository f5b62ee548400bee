//! `linli-sim`: runs seeds, replays one, and tries whether planted bugs would be found.
//!
//! Human text goes to stderr, results to stdout. Exit 0: every law held. Exit 1: one was broken, or
//! a planted bug was missed. Exit 2: wrong usage. Exit 3: a file cannot be read or written.

use clap::{Parser, Subcommand};
use linli_sim::campaign::{Campaign, Sum};
use linli_sim::run::{self, Report};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Breaks a simulated Linli chain in every way we know, and checks its laws.
#[derive(Parser)]
#[command(name = "linli-sim", version)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs seeds; each twice, and both runs must be the same.
    Run(Run),
    /// Runs one seed and prints what happened.
    Replay {
        /// The seed.
        seed: u64,
    },
    /// Plants bugs, one after the other; each must be found.
    Planted {
        /// Only this bug.
        #[arg(long)]
        bug: Option<String>,
        /// The first seed.
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// One JSON object on stdout.
        #[arg(long)]
        json: bool,
    },
}

#[derive(clap::Args)]
struct Run {
    /// How many seeds.
    #[arg(long, conflicts_with = "seed")]
    seeds: Option<u64>,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Just this seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Each seed once instead of twice.
    #[arg(long)]
    once: bool,
    /// Names the seeds that are done: they are left out, and new ones are added.
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Keeps failing seeds; those in it run first.
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// Stops at the first broken law.
    #[arg(long)]
    stop_early: bool,
    /// One JSON object on stdout.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match Line::parse().command {
        Command::Run(run) => seeds(&run),
        Command::Replay { seed } => replay(seed),
        Command::Planted { bug, from, json } => planted(bug.as_deref(), from, json),
    }
}

fn seeds(run: &Run) -> ExitCode {
    let seeds = match run.seed {
        Some(seed) => vec![seed],
        None => (run.from..run.from.saturating_add(run.seeds.unwrap_or(1))).collect(),
    };
    let campaign = Campaign {
        seeds,
        jobs: run.jobs,
        once: run.once,
        resume: run.resume.clone(),
        keep: run.keep.clone(),
        stop_early: run.stop_early,
    };
    match campaign.run(&tell) {
        Err(why) => {
            eprintln!("a file cannot be read or written: {why}");
            ExitCode::from(3)
        }
        Ok(sum) => {
            print(&sum, run.json);
            if sum.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
    }
}

fn tell(report: &Report) {
    if let Some(breach) = &report.breach {
        eprintln!("seed {}: {breach}", report.seed);
        eprintln!("  replay it with: linli-sim replay {}", report.seed);
    }
}

fn print(sum: &Sum, as_json: bool) {
    let (blocks, transactions, ms) = sum.least;
    if as_json {
        let object = json!({
            "seeds": sum.seeds, "broken": sum.broken, "simulated_s": sum.simulated_ms / 1000,
            "runs_per_seed": sum.runs_per_seed, "cpu_s": sum.cpu_ms / 1000, "speed": sum.speed(),
            "blocks": sum.blocks, "transactions": sum.transactions, "messages": sum.messages,
            "lost": sum.lost, "restarts": sum.restarts, "evidence": sum.evidence,
            "timers": sum.timers, "recovery_ms_max": sum.recovery_ms.0, "kinds": sum.kinds,
            "least": { "blocks": blocks, "transactions": transactions, "simulated_ms": ms },
        });
        println!("{object}");
        return;
    }
    println!(
        "{} seeds, {} broken; {} simulated s in {} CPU s: {} times real time",
        sum.seeds,
        sum.broken.len(),
        sum.simulated_ms * sum.runs_per_seed / 1000,
        sum.cpu_ms / 1000,
        sum.speed()
    );
    println!(
        "{} blocks, {} transactions, {} timers, {} messages ({} lost), {} restarts, {} pieces of \
         evidence",
        sum.blocks,
        sum.transactions,
        sum.timers,
        sum.messages,
        sum.lost,
        sum.restarts,
        sum.evidence
    );
    let mean_ms = sum.recovery_ms.1.checked_div(sum.seeds).unwrap_or(0);
    println!("after the mending: {mean_ms} ms to go on, at most {}", sum.recovery_ms.0);
    println!("least of a run: {blocks} blocks, {transactions} transactions, {ms} simulated ms");
    let kinds: Vec<String> =
        sum.kinds.iter().map(|(kind, runs)| format!("{kind} {runs}")).collect();
    println!("runs with: {}", kinds.join(", "));
}

fn replay(seed: u64) -> ExitCode {
    let (report, lines) = run::traced(seed);
    lines.iter().for_each(|line| println!("{line}"));
    println!("audit {} over {} events", report.audit, report.events);
    match report.breach {
        Some(breach) => {
            println!("broken: {breach}");
            ExitCode::from(1)
        }
        None => ExitCode::SUCCESS,
    }
}

#[cfg(not(feature = "planted"))]
fn planted(_bug: Option<&str>, _from: u64, _json: bool) -> ExitCode {
    eprintln!("this build has no bugs to plant; use ./dev planted");
    ExitCode::from(2)
}

#[cfg(feature = "planted")]
fn planted(bug: Option<&str>, from: u64, as_json: bool) -> ExitCode {
    use linli_types::planted::Bug;
    let wanted = |b: &&Bug| bug.is_none_or(|name| b.name() == name);
    let bugs: Vec<Bug> = Bug::ALL.iter().filter(wanted).copied().collect();
    if bugs.is_empty() {
        eprintln!(
            "no such bug; there are: {:?}",
            Bug::ALL.iter().map(|b| b.name()).collect::<Vec<_>>()
        );
        return ExitCode::from(2);
    }
    let mut rows = Vec::new();
    let mut missed = 0;
    for bug in bugs {
        let found = linli_sim::planted::hunt(bug, from);
        let (by, law) = found.by.map_or((None, None), |(seed, law)| (Some(seed), Some(law)));
        missed += u64::from(law.is_none());
        let cpu_s = found.cpu_ms / 1000;
        let by_law = law.as_deref().unwrap_or("MISSED");
        let row =
            format!("{:<24} {cpu_s:>4} CPU s, {:>3} seeds  {by_law}", bug.name(), found.seeds);
        match as_json {
            true => eprintln!("{row}"),
            false => println!("{row}"),
        }
        rows.push(json!({
            "bug": bug.name(), "found_by": law, "seed": by, "seeds": found.seeds, "cpu_s": cpu_s,
        }));
    }
    if as_json {
        println!("{}", json!({ "planted": rows, "missed": missed }));
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
