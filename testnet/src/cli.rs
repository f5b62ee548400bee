//! The command line: `up`, `down`, `status`, `demo`, `load`, `bench`, `chaos`.

use crate::bench::{self, Bench};
use crate::chaos::{self, Chaos};
use crate::demo::{self, Demo};
use crate::genesis::LoadSize;
use crate::net::Net;
use crate::{Failure, http, net};
use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use std::path::PathBuf;

/// A Linli net of real processes on this machine.
#[derive(Debug, Parser)]
#[command(name = "linli-testnet", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes a net, or starts what is down of it; prints one JSON object.
    Up(Up),
    /// Stops a net.
    Down(Dir),
    /// Height and root of every validator.
    Status(Status),
    /// The story: anchor, verify, tamper, kill, return.
    Demo(Demo),
    /// Load on a running net.
    Load(bench::Load),
    /// Figures of a net made for it.
    Bench(Bench),
    /// SIGKILL under load, again and again.
    Chaos(Chaos),
}

#[derive(Debug, Args)]
struct Dir {
    /// The net's folder.
    #[arg(long)]
    dir: PathBuf,
}

#[derive(Debug, Args)]
struct Up {
    /// How many validators; four or more.
    #[arg(long, default_value_t = 4)]
    validators: usize,
    /// The net's folder.
    #[arg(long)]
    dir: PathBuf,
}

#[derive(Debug, Args)]
struct Status {
    /// The net's folder.
    #[arg(long)]
    dir: PathBuf,
    /// One JSON object on stdout.
    #[arg(long)]
    json: bool,
}

/// Runs one command.
///
/// # Errors
///
/// [`Failure`] with its exit code.
pub fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Up(up) => {
            let mut net = Net::make(&up.dir, up.validators, LoadSize::default())?;
            net.start()?;
            println!("{}", serde_json::to_string(&net)?);
            Ok(())
        }
        Command::Down(dir) => Net::open(&dir.dir)?.stop(),
        Command::Status(status) => print_status(&status),
        Command::Demo(demo) => demo::run(&demo),
        Command::Load(load) => bench::load(&load),
        Command::Bench(bench) => bench::run(&bench),
        Command::Chaos(chaos) => chaos::run(&chaos),
    }
}

/// What `status` says of one validator.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// Whether it answers.
    pub up: bool,
    /// Its latest committed height.
    pub height: Option<u64>,
    /// The state root there.
    pub state_root: Option<String>,
}

/// Asks every validator where it stands.
pub fn standings(net: &Net) -> Vec<Standing> {
    let standing = |member: &net::Member| {
        let page = http::get(net::bare(&member.http), "/healthz");
        let page = page.and_then(|body| serde_json::from_str::<serde_json::Value>(&body).ok());
        let field = |name: &str| page.as_ref().and_then(|p| p.get(name));
        Standing {
            name: member.name.clone(),
            up: page.is_some(),
            height: field("height").and_then(serde_json::Value::as_u64),
            state_root: field("state_root").and_then(|v| v.as_str().map(String::from)),
        }
    };
    net.validators.iter().map(standing).collect()
}

fn print_status(status: &Status) -> Result<(), Failure> {
    let standings = standings(&Net::open(&status.dir)?);
    if status.json {
        println!("{}", serde_json::to_string(&serde_json::json!({ "validators": standings }))?);
        return Ok(());
    }
    for s in standings {
        let height = s.height.map_or("-".into(), |h| h.to_string());
        println!(
            "{:<12} {:<5} {:>8}  {}",
            s.name,
            if s.up { "up" } else { "down" },
            height,
            s.state_root.unwrap_or_default()
        );
    }
    Ok(())
}
