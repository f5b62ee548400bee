//! The story: four validators, real files, a lie that is found, a machine that dies and returns.

use crate::cli::{Standing, standings};
use crate::genesis::LoadSize;
use crate::leaving::Leaving;
use crate::net::{Net, binary};
use crate::{Failure, samples};
use clap::Args;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long the chain may take to go on, or a validator to catch up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Shows what the ledger does, on real processes.
#[derive(Debug, Args)]
pub struct Demo {
    /// Stops and removes the net at the end.
    #[arg(long)]
    once: bool,
    /// Anchors the files of this folder instead of the samples.
    #[arg(long)]
    files: Option<PathBuf>,
    /// Where the net stands; by default `target/demo` of this checkout.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// One figure of the closing table.
struct Figure(&'static str, String);

/// Tells the story.
///
/// # Errors
///
/// [`Failure`] at the first thing that is not as told.
pub fn run(demo: &Demo) -> Result<(), Failure> {
    let dir = match &demo.dir {
        Some(dir) => dir.clone(),
        None => default_dir()?,
    };
    if demo.once && dir.join("net.json").exists() {
        Net::open(&dir)?.stop()?;
        fs::remove_dir_all(&dir)?;
    }
    // What cannot be told is said before anything is started.
    demo.files.as_deref().map(files_of).transpose()?;
    let begun = Instant::now();
    let mut net = Net::make(&dir, 4, LoadSize { signers: 4, accounts: 8 })?;
    let _leaving = demo.once.then(|| Leaving::watch(&dir, true));
    let told = tell(demo, &dir, &mut net, begun);
    if demo.once || told.is_err() {
        net.stop()?;
    }
    let figures = told?;
    println!("\n  figures");
    for Figure(name, value) in figures {
        println!("  {name:<44} {value}");
    }
    if demo.once {
        fs::remove_dir_all(&dir)?;
    } else {
        leave_running(&net, &dir);
    }
    println!("demo: ok");
    Ok(())
}

fn default_dir() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    let target = own.ancestors().nth(2).ok_or_else(|| Failure::usage("give --dir"))?;
    Ok(target.join("demo"))
}

fn tell(demo: &Demo, dir: &Path, net: &mut Net, begun: Instant) -> Result<Vec<Figure>, Failure> {
    chapter(1, "four validators: district, two operators, community fund");
    net.start()?;
    let up_ms = begun.elapsed().as_millis();
    for member in &net.validators {
        println!("  {:<12} pid {:<8} {}", member.name, member.pid, member.grpc);
    }
    let files = match &demo.files {
        Some(folder) => files_of(folder)?,
        None => samples::write(&dir.join("files"))?,
    };
    let packs = unused(dir, "packs");

    chapter(2, "an operator anchors files; each gets a pack with its receipt");
    // Somebody's own files may be older than a day: the ledger asks why they come late.
    let late: &[&str] =
        if demo.files.is_some() { &["--backdated-reason", "imported"] } else { &[] };
    let (anchored, anchor_ms) = anchor(net, 0, (&files, late), &packs)?;
    println!("{anchored}");

    chapter(3, "anyone verifies offline: no node, no socket");
    let verify_ms = verify_all(net, &files, &packs)?;

    chapter(4, "one byte of a copy is changed");
    let layers = tamper(net, dir, &files, &packs)?;

    chapter(5, "a validator dies (SIGKILL); the chain goes on; it returns");
    let (gap_ms, back_ms) = kill_and_return(net, dir)?;

    let standings = standings(net);
    let height = standings.iter().filter_map(|s| s.height).max().unwrap_or(0);
    let one = |n: usize| format!("{n}");
    Ok(vec![
        Figure("files anchored and verified", one(files.len())),
        Figure("four validators up after", format!("{up_ms} ms")),
        Figure("anchoring all files, to the last pack", format!("{anchor_ms} ms")),
        Figure("slowest offline verification, process included", format!("{verify_ms} ms")),
        Figure("layers that named the change", layers),
        Figure("anchored while it was dead, process included", format!("{gap_ms} ms")),
        Figure("caught up after its return", format!("{back_ms} ms")),
        Figure("height at the end, equal roots on all", format!("{height}")),
    ])
}

/// A folder that is not there yet: the story may be told again on a net that was left running.
fn unused(dir: &Path, name: &str) -> PathBuf {
    let numbered = (2_u32..).map(|n| dir.join(format!("{name}-{n}")));
    let mut all = std::iter::once(dir.join(name)).chain(numbered);
    all.find(|folder| !folder.exists()).unwrap_or_else(|| dir.join(name))
}

fn chapter(number: u32, title: &str) {
    println!("\n{number}. {title}");
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(folder)
        .map_err(|e| Failure::usage(format!("cannot read {}: {e}", folder.display())))
        .map_err(|failure| failure.hint("give a folder with --files"))?;
    let mut files: Vec<PathBuf> =
        entries.flatten().map(|e| e.path()).filter(|p| p.is_file()).collect();
    files.sort();
    if files.is_empty() {
        return Err(Failure::usage(format!("no file in {}", folder.display()))
            .hint("give a folder that holds the files to anchor"));
    }
    Ok(files)
}

/// Runs `linli` and waits for it.
fn linli(arguments: &[&str]) -> Result<Output, Failure> {
    let mut command = Command::new(binary("linli")?);
    command.args(arguments).env("LANG", "en_US.UTF-8").stdin(Stdio::null());
    Ok(command.output()?)
}

fn text(path: &Path) -> Result<&str, Failure> {
    path.to_str().ok_or_else(|| Failure::usage(format!("{} is not UTF-8", path.display())))
}

fn expect_done(what: &str, output: &Output) -> Result<(), Failure> {
    if output.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("{what} ended with {}: {why}", output.status)))
}

/// Anchors through validator `at`; the program's own words, and how long it took.
fn anchor(
    net: &Net,
    at: usize,
    (files, more): (&[PathBuf], &[&str]),
    packs: &Path,
) -> Result<(String, u128), Failure> {
    let node = net.validators.get(at).map(|m| m.grpc.clone()).unwrap_or_default();
    let key = net.keys.get("operator").ok_or_else(|| Failure::new("the net has no operator"))?;
    let mut arguments = vec!["evidence", "anchor"];
    for file in files {
        arguments.push(text(file)?);
    }
    arguments.extend(["--node", &node, "--key", text(key)?, "--out", text(packs)?]);
    arguments.extend(["--genesis", text(&net.genesis)?]);
    arguments.extend(more);
    let begun = Instant::now();
    let output = linli(&arguments)?;
    let ms = begun.elapsed().as_millis();
    expect_done("anchoring", &output)?;
    Ok((String::from_utf8_lossy(&output.stdout).trim_end().to_string(), ms))
}

fn pack_of(packs: &Path, file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    packs.join(format!("{name}.linli"))
}

fn verify(net: &Net, pack: &Path, file: &Path) -> Result<Output, Failure> {
    linli(&["verify", text(pack)?, text(file)?, "--genesis", text(&net.genesis)?, "--json"])
}

fn verify_all(net: &Net, files: &[PathBuf], packs: &Path) -> Result<u128, Failure> {
    let mut slowest = 0;
    for file in files {
        let begun = Instant::now();
        let output = verify(net, &pack_of(packs, file), file)?;
        slowest = slowest.max(begun.elapsed().as_millis());
        expect_done("verifying", &output)?;
        println!("  verified: {}", file.display());
    }
    Ok(slowest)
}

/// Changes one byte of a copy of the first file, then of its pack; both must be found.
fn tamper(net: &Net, dir: &Path, files: &[PathBuf], packs: &Path) -> Result<String, Failure> {
    let folder = dir.join("tampered");
    fs::create_dir_all(&folder)?;
    let file = files.first().ok_or_else(|| Failure::new("there is no file to tamper with"))?;
    let pack = pack_of(packs, file);
    let bad_file = flipped(file, &folder)?;
    let bad_pack = flipped(&pack, &folder)?;
    let mut layers = Vec::new();
    for (pack, file) in [(&pack, &bad_file), (&bad_pack, file)] {
        let output = verify(net, pack, file)?;
        if output.status.code() != Some(1) {
            return Err(Failure::law(format!("a changed byte went unnoticed: {}", output.status)));
        }
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let layer = answer.get("layer").and_then(Value::as_str).unwrap_or("?").to_string();
        let said = String::from_utf8_lossy(&output.stderr);
        println!("  refused at layer {layer}: {}", said.lines().next().unwrap_or_default());
        layers.push(layer);
    }
    Ok(layers.join(", "))
}

fn flipped(path: &Path, folder: &Path) -> Result<PathBuf, Failure> {
    let mut bytes = fs::read(path)?;
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    let copy = folder.join(path.file_name().unwrap_or_default());
    fs::write(&copy, bytes)?;
    Ok(copy)
}

/// Kills the third validator, anchors through the first, brings it back, waits for equal roots.
fn kill_and_return(net: &mut Net, dir: &Path) -> Result<(u128, u128), Failure> {
    const VICTIM: usize = 2;
    let folder = dir.join("meanwhile");
    fs::create_dir_all(&folder)?;
    let note = folder.join("while-it-was-away.txt");
    fs::write(&note, "anchored while a validator was dead\n")?;
    let name = {
        let victim = net.validators.get_mut(VICTIM).ok_or_else(|| Failure::new("no victim"))?;
        victim.kill();
        victim.name.clone()
    };
    println!("  killed {name}");
    let (said, gap_ms) = anchor(net, 0, (&[note], &[]), &unused(&folder, "packs"))?;
    println!("{said}");
    let begun = Instant::now();
    if let Some(victim) = net.validators.get_mut(VICTIM) {
        victim.restart()?;
    }
    println!("  {name} is back");
    let standings = wait_for_equal_roots(net)?;
    for s in standings {
        let (height, root) = (s.height.unwrap_or(0), s.state_root.unwrap_or_default());
        println!("  {:<12} height {height:<6} root {}…", s.name, root.get(..16).unwrap_or(&root));
    }
    Ok((gap_ms, begun.elapsed().as_millis()))
}

/// Waits until every validator stands at one height with one root.
///
/// # Errors
///
/// [`Failure`] (a law) if roots differ at one height, or if it takes too long.
pub fn wait_for_equal_roots(net: &Net) -> Result<Vec<Standing>, Failure> {
    let until = Instant::now() + PATIENCE;
    loop {
        let now = standings(net);
        let all = |f: fn(&Standing) -> bool| now.iter().all(f);
        let same_height = now.windows(2).all(|w| matches!(w, [a, b] if a.height == b.height));
        let same_root = now.windows(2).all(|w| matches!(w, [a, b] if a.state_root == b.state_root));
        if all(|s| s.height.is_some()) && same_height {
            if same_root {
                return Ok(now);
            }
            return Err(Failure::law(format!("two roots at one height: {now:?}")));
        }
        if Instant::now() > until {
            return Err(Failure::law(format!("no equal heights after {PATIENCE:?}: {now:?}")));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn leave_running(net: &Net, dir: &Path) {
    println!("\n  the four go on running; try:");
    let node = net.validators.first().map(|m| m.grpc.clone()).unwrap_or_default();
    println!("    linli status --node {node} --key {}/keys/auditor.key", dir.display());
    println!("    linli-testnet status --dir {}", dir.display());
    println!("    linli-testnet down --dir {}", dir.display());
}
