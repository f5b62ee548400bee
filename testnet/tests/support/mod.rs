//! A net of real processes for one test file, and `linli` as its user types it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use linli_testnet::genesis::LoadSize;
use linli_testnet::net::{Net, binary};
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Nothing here takes longer, or the test fails.
pub(crate) const BOUND: Duration = Duration::from_secs(300);

/// Four validators, stopped when the test ends, also when it fails.
pub(crate) struct Live {
    pub(crate) net: Net,
    pub(crate) dir: TempDir,
    accounts: BTreeMap<String, Vec<String>>,
    guard: Child,
}

impl Drop for Live {
    fn drop(&mut self) {
        // A test that failed has said why already.
        let _ = self.net.stop();
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// Stops the net once this process is gone, however it ends: a test that is killed drops nothing.
fn guard(net: &Path) -> Child {
    let script = "cat >/dev/null; exec \"$0\" down --dir \"$1\" >/dev/null 2>&1";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_linli-testnet"), text(net)]);
    command.process_group(0).stdin(Stdio::piped()).spawn().unwrap()
}

impl Live {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let load = LoadSize { signers: 1, accounts: 2 };
        let net = Net::make(&dir.path().join("net"), 4, load).unwrap();
        Self::run(net, dir)
    }

    /// Starts a net that was made in the folder `net` of `dir`.
    pub(crate) fn run(net: Net, dir: TempDir) -> Self {
        let mut live = Self::of(dir, net);
        live.net.start().unwrap();
        live
    }

    /// A net that was made in `net` of a folder and is not started yet.
    pub(crate) fn of(dir: TempDir, net: Net) -> Self {
        let accounts = std::fs::read(dir.path().join("net/accounts.json")).unwrap();
        let accounts = serde_json::from_slice(&accounts).unwrap();
        let guard = guard(&dir.path().join("net"));
        Self { net, dir, accounts, guard }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn key(&self, who: &str) -> PathBuf {
        self.net.keys.get(who).cloned().unwrap_or_else(|| panic!("{who}"))
    }

    /// The first account of somebody, in hexadecimal.
    pub(crate) fn account(&self, who: &str) -> &str {
        &self.accounts[who][0]
    }

    /// Runs `linli` against a validator with somebody's key; always with `--json`.
    pub(crate) fn linli_at(&self, at: usize, who: &str, args: &[&str]) -> Ran {
        let key = self.key(who);
        let node = self.net.validators[at].grpc.as_str();
        let mut all = args.to_vec();
        all.extend(["--node", node, "--key", text(&key)]);
        linli(&all)
    }

    /// The same against the first validator.
    pub(crate) fn linli(&self, who: &str, args: &[&str]) -> Ran {
        self.linli_at(0, who, args)
    }

    pub(crate) fn verify(&self, args: &[&str]) -> Ran {
        let mut all = vec!["verify", "--genesis", text(&self.net.genesis)];
        all.extend(args);
        linli(&all)
    }

    /// Moves one fen from the operator to the resident under a business id.
    pub(crate) fn transfer(&self, at: usize, id: u64) -> Ran {
        run(&mut self.transfer_command(at, id))
    }

    /// The same through any node.
    pub(crate) fn transfer_at(&self, grpc: &str, id: u64) -> Ran {
        run(&mut self.transfer_to(grpc, id))
    }

    pub(crate) fn transfer_command(&self, at: usize, id: u64) -> Command {
        self.transfer_to(&self.net.validators[at].grpc, id)
    }

    fn transfer_to(&self, grpc: &str, id: u64) -> Command {
        let (debit, credit) = (self.account("operator"), self.account("resident"));
        let args = format!(
            r#"{{"id":"{id:032x}","debit":"{debit}","credit":"{credit}","amount":1,"code":1}}"#
        );
        let mut command = Command::new(binary("linli").unwrap());
        command.args(["call", "accounts", "Transfer", "--args", &args, "--json", "--lang", "en"]);
        command.arg("--node").arg(grpc);
        command.arg("--key").arg(self.key("operator"));
        command
    }

    /// Waits until the ledger holds so many receipt keys: then packs have COSE receipts of several
    /// organisations.
    pub(crate) fn receipt_keys(&self, count: usize) {
        until("the receipt keys stand", || {
            let args = ["query", "log", "ReceiptKeys", "--args", "{}"];
            let answer = self.linli("auditor", &args).done().json();
            let keys = answer["result"]["keys"].as_array().map_or(0, Vec::len);
            (keys >= count).then_some(())
        });
    }

    pub(crate) fn height(&self, at: usize) -> u64 {
        let status = self.linli_at(at, "auditor", &["status"]).done();
        status.json()["height"].as_u64().unwrap()
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What a run said and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) took: Duration,
}

/// Runs `linli` with `--json` and English texts.
pub(crate) fn linli(args: &[&str]) -> Ran {
    let mut command = Command::new(binary("linli").unwrap());
    command.args(args).args(["--json", "--lang", "en"]);
    run(&mut command)
}

pub(crate) fn run(command: &mut Command) -> Ran {
    let begun = Instant::now();
    let output = command.stdin(Stdio::null()).output().unwrap();
    let took = begun.elapsed();
    Ran::of(&output, took)
}

impl Ran {
    pub(crate) fn of(output: &Output, took: Duration) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(!err.contains("panicked"), "{err}");
        Self { exit: output.status.code(), out, err, took }
    }

    /// The last object on stdout.
    pub(crate) fn json(&self) -> Value {
        self.lines().pop().unwrap_or_else(|| panic!("no answer: {self:?}"))
    }

    /// Every object on stdout: nothing else stands there.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let parse =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.out.lines().map(parse).collect()
    }

    pub(crate) fn done(self) -> Self {
        assert_eq!(self.exit, Some(0), "{self:?}");
        self
    }

    /// It ended with this exit code and stable name, and says what, whether anything was recorded,
    /// and what to do next.
    pub(crate) fn fails(self, exit: i32, name: &str, recorded: &str) -> Self {
        assert_eq!(self.exit, Some(exit), "{self:?}");
        let json = self.json();
        let error = &json["error"];
        assert_eq!((&error["name"], &error["exit"]), (&name.into(), &exit.into()), "{self:?}");
        assert_eq!(error["recorded"], recorded, "{self:?}");
        for part in ["what", "hint"] {
            assert!(error[part].as_str().is_some_and(|text| !text.is_empty()), "{part}: {self:?}");
            assert!(self.err.contains(error[part].as_str().unwrap()), "{part}: {self:?}");
        }
        self
    }

    /// Its text says this too.
    pub(crate) fn saying(self, word: &str) -> Self {
        assert!(self.err.contains(word), "no {word}: {self:?}");
        self
    }
}

/// Waits for what another process brings about.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < BOUND, "it never came to pass: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
