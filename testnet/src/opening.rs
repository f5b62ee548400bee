//! Accounts loaded through a batch of opening balances, as two offices would: the operator anchors
//! the source file, the fund proposes and loads, the auditor approves. Everything goes through the
//! command line of `linli`.

use crate::genesis::{CNY, LOAD_OPENING, random};
use crate::net::{Net, binary, now_ms};
use crate::{Failure, keys};
use linli_sdk::opening;
use linli_types::id::{AccountId, PrincipalId};
use linli_types::wire::accounts::OpeningLine;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long the batch may be loaded.
const OPEN_MS: u64 = 3_600_000;

/// Loads `count` accounts for the load generator's signers, dealt in turn; how long it took from
/// the proposal to the close.
///
/// # Errors
///
/// [`Failure`] if a step is refused or the net does not answer.
pub fn load(net: &Net, dir: &Path, count: usize) -> Result<Duration, Failure> {
    let folder = dir.join("opening");
    fs::create_dir_all(&folder)?;
    let source = folder.join("opening.csv");
    let signers = signers(dir)?;
    let accounts = write_source(&source, &signers, count)?;
    let packs = folder.join("packs");
    linli(net, "operator", &["evidence", "anchor", text(&source)?, "--out", text(&packs)?])?;
    let pack = packs.join("opening.csv.linli");
    let genesis = ["--genesis", text(&net.genesis)?];
    let batch = hex::encode(random::<16>()?);
    let (until, about) = ((now_ms() + OPEN_MS).to_string(), ["--pack", text(&pack)?]);
    let named = ["--batch", batch.as_str()];
    let step = |who: &str, step: &str, more: &[&[&str]]| {
        let words = ["account", "opening", step].into_iter().chain(named);
        let all: Vec<&str> = words.chain(more.iter().copied().flatten().copied()).collect();
        linli(net, who, &all)
    };
    let begun = Instant::now();
    let file: &[&str] = &[text(&source)?];
    step("fund", "propose", &[file, &about, &genesis, &["--cut-off", &until]])?;
    step("auditor", "approve", &[file, &about, &genesis])?;
    step("fund", "load", &[file])?;
    step("fund", "close", &[])?;
    let took = begun.elapsed();
    note_accounts(dir, &accounts)?;
    Ok(took)
}

/// The signers by name.
fn signers(dir: &Path) -> Result<BTreeMap<String, PrincipalId>, Failure> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(dir.join("load"))?.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let signer = |path: &PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, keys::read(path)?.1))
    };
    paths.iter().map(signer).collect()
}

/// Draws accounts, writes the source file; whose which are.
fn write_source(
    path: &Path,
    signers: &BTreeMap<String, PrincipalId>,
    count: usize,
) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let mut accounts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut lines = Vec::with_capacity(count);
    for (name, owner) in signers.iter().cycle().take(count) {
        let account = AccountId(random()?);
        accounts.entry(name.clone()).or_default().push(account.to_string());
        lines.push(OpeningLine {
            account: account.0.to_vec(),
            owner: owner.0.to_vec(),
            asset: CNY,
            amount: LOAD_OPENING,
            ..OpeningLine::default()
        });
    }
    let mut file = BufWriter::new(fs::File::create(path)?);
    opening::write(&lines, &mut file)?;
    file.flush()?;
    Ok(accounts)
}

/// From here on the load generator uses them too.
fn note_accounts(dir: &Path, more: &BTreeMap<String, Vec<String>>) -> Result<(), Failure> {
    let path = dir.join("accounts.json");
    let mut known: BTreeMap<String, Vec<String>> = serde_json::from_slice(&fs::read(&path)?)?;
    for (name, accounts) in more {
        known.entry(name.clone()).or_default().extend(accounts.iter().cloned());
    }
    Ok(fs::write(path, serde_json::to_vec(&known)?)?)
}

fn text(path: &Path) -> Result<&str, Failure> {
    path.to_str().ok_or_else(|| Failure::usage(format!("{} is not UTF-8", path.display())))
}

/// Runs one command against the first validator with somebody's key.
fn linli(net: &Net, who: &str, arguments: &[&str]) -> Result<(), Failure> {
    let key = net.keys.get(who).ok_or_else(|| Failure::new(format!("the net has no {who}")))?;
    let node = net.validators.first().map(|member| member.grpc.clone()).unwrap_or_default();
    let mut command = Command::new(binary("linli")?);
    command.args(arguments).arg("--node").arg(node).arg("--key").arg(key);
    command.args(["--lang", "en"]).stdin(Stdio::null());
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let (what, why) = (arguments.join(" "), String::from_utf8_lossy(&output.stderr).into_owned());
    Err(Failure::new(format!("linli {what} ended with {}: {why}", output.status)))
}
