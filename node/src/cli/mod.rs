//! The `linli` command line: one file per command, one place for language, output and exit codes.
//!
//! `main` hands everything here, so tests run commands in-process. Only commands that talk to a
//! node, and `run`, start an async runtime; `verify` starts none and opens no socket.
//!
//! Exit codes: 0 done, 1 refused or not verified, 2 wrong usage, 3 broken or no definite answer.

mod access;
mod account;
mod call;
mod check_db;
mod compact;
mod connect;
mod contract;
mod evidence;
mod genesis;
mod help;
mod init;
mod key;
mod moment;
mod motion;
mod opening;
mod org;
mod output;
mod policy;
mod query;
mod replay;
mod rotate;
mod run;
mod sm2;
mod status;
mod store;
mod usage;
mod vault;
mod verify;
mod witness;

pub use output::{Exit, Failure, Output, Trace};

use crate::words::words;
use clap::error::ErrorKind;
use clap::{ArgAction, FromArgMatches, Parser, Subcommand};
use linli_sdk::durable;
use linli_types::code::Lang;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// A consortium ledger for community services: the node and its tools.
#[derive(Parser)]
#[command(
    name = "linli",
    version,
    disable_help_flag = true,
    disable_help_subcommand = true,
    disable_version_flag = true
)]
struct Cli {
    /// Language of texts: zh or en; otherwise LANG decides.
    #[arg(long, global = true, value_name = "zh|en", value_parser = lang)]
    lang: Option<Lang>,
    /// Prints results as JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Prints this help.
    #[arg(long, short, global = true, action = ArgAction::Help)]
    help: Option<bool>,
    /// Prints the version.
    #[arg(long, short = 'V', action = ArgAction::Version)]
    version: Option<bool>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes a node's data folder from a genesis file and two keys.
    Init(init::Init),
    /// Runs a node until it is told to stop.
    Run(run::Run),
    /// Says where a node stands.
    Status(status::Status),
    /// Checks a node's database without starting it. Writes nothing.
    CheckDb(check_db::CheckDb),
    /// Rewrites a stopped node's database: deleted and replaced rows leave the disk.
    Compact(compact::Compact),
    /// Executes every block again from the genesis and compares the roots. Writes nothing.
    Replay(replay::Replay),
    /// Looks into genesis files.
    Genesis(genesis::GenesisCommand),
    /// Makes and shows keys.
    Key(key::Key),
    /// Calls any method of any room, by its schema, and waits for the receipt.
    Call(call::Call),
    /// Asks a room, by its schema, or reads stored entries.
    Query(query::Query),
    /// Shows balances and statements.
    Account(account::Account),
    /// Admits and shows organisations, their people and devices.
    Org(org::Org),
    /// Shows and sets what is governed.
    Policy(policy::Policy),
    /// Opens motions of the council, votes on them, shows them.
    Motion(motion::Motion),
    /// Stages contracts' code, shows what runs, and what a rehearsal found.
    Contract(contract::Contract),
    /// Shows who read whose data.
    Access(access::Access),
    /// Anchors files and looks after what was anchored.
    Evidence(evidence::Evidence),
    /// Keeps payloads off the ledger, encrypted, until they are erased.
    Vault(vault::Vault),
    /// Verifies a pack or a proof offline: no node, no network.
    Verify(verify::Verify),
    /// Watches the evidence log and signs that its past never changes.
    Witness(witness::Witness),
}

fn lang(text: &str) -> Result<Lang, String> {
    match text {
        "zh" => Ok(Lang::Zh),
        "en" => Ok(Lang::En),
        _ => Err("zh, en".into()),
    }
}

/// Runs the command of this process's arguments.
pub fn main() -> ExitCode {
    let lang = std::env::var("LANG").ok();
    let (mut stdout, mut stderr) = (std::io::stdout(), std::io::stderr());
    run(std::env::args_os().collect(), lang.as_deref(), &mut stdout, &mut stderr).into()
}

/// Runs a command: `args` begins with the program's name, `lang_env` is the value of `LANG`.
/// Answers the exit code.
pub fn run(
    args: Vec<OsString>,
    lang_env: Option<&str>,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> u8 {
    let lang = chosen(&args, lang_env);
    let json = args.iter().any(|arg| arg == "--json");
    let parsed = help::command(lang).try_get_matches_from(args);
    let parsed = parsed.and_then(|matches| Cli::from_arg_matches(&matches));
    let mut out = Output::new(lang, json, stdout, stderr);
    match parsed {
        Ok(cli) => finish(cli.command.run(&mut out), &mut out),
        Err(error) => usage(&error, &mut out),
    }
}

impl Command {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        match self {
            Self::Init(command) => command.run(out),
            Self::Run(command) => command.run(out),
            Self::Status(command) => command.run(out),
            Self::CheckDb(command) => command.run(out),
            Self::Compact(command) => command.run(out),
            Self::Replay(command) => command.run(out),
            Self::Genesis(command) => command.run(out),
            Self::Key(command) => command.run(out),
            Self::Call(command) => command.run(out),
            Self::Query(command) => command.run(out),
            Self::Account(command) => command.run(out),
            Self::Org(command) => command.run(out),
            Self::Policy(command) => command.run(out),
            Self::Motion(command) => command.run(out),
            Self::Contract(command) => command.run(out),
            Self::Access(command) => command.run(out),
            Self::Evidence(command) => command.run(out),
            Self::Vault(command) => command.run(out),
            Self::Verify(command) => command.run(out),
            Self::Witness(command) => command.run(out),
        }
    }
}

fn finish(result: Result<(), Failure>, out: &mut Output) -> u8 {
    match result {
        Ok(()) => 0,
        Err(failure) => {
            out.fail(&failure);
            failure.exit().code()
        }
    }
}

/// Help and version are results; everything else that clap says is wrong usage.
fn usage(error: &clap::Error, out: &mut Output) -> u8 {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        out.text(error.render().to_string().trim_end());
        return 0;
    }
    let failure = usage::failure(error);
    out.fail(&failure);
    failure.exit().code()
}

/// `--lang` wins, wherever it stands; then `LANG`; then English.
fn chosen(args: &[OsString], lang_env: Option<&str>) -> Lang {
    let mut args = args.iter().filter_map(|arg| arg.to_str());
    while let Some(arg) = args.next() {
        let value = match arg {
            "--lang" => args.next(),
            _ => arg.strip_prefix("--lang="),
        };
        match value {
            Some("zh") => return Lang::Zh,
            Some("en") => return Lang::En,
            _ => {}
        }
    }
    match lang_env {
        Some(text) if text.starts_with("zh") => Lang::Zh,
        _ => Lang::En,
    }
}

/// One async runtime on this thread, for a command that talks to a node.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| machine(&e))?.block_on(work)
}

fn machine(error: &dyn std::fmt::Display) -> Failure {
    Failure::broken(
        words!("操作系统拒绝：{error}", "the operating system refused: {error}"),
        words!("请检查系统资源与权限", "check the machine's resources and permissions"),
    )
}

fn unwritable(path: &std::path::Path, error: &dyn std::fmt::Display) -> Failure {
    let path = path.display();
    Failure::usage(
        words!("无法写入 {path}：{error}", "cannot write {path}: {error}"),
        words!("请核对路径、权限与剩余空间", "check the path, its permissions and the free space"),
    )
}

/// A file that this command would have to write over.
fn taken(path: &std::path::Path) -> Failure {
    let path = path.display();
    Failure::usage(
        words!("{path} 已存在", "{path} is there already"),
        words!("请换一个文件名", "choose another name"),
    )
}

fn unreadable(path: &std::path::Path, error: &dyn std::fmt::Display) -> Failure {
    let path = path.display();
    Failure::usage(
        words!("无法读取 {path}：{error}", "cannot read {path}: {error}"),
        words!("请核对路径与权限", "check the path and its permissions"),
    )
}
