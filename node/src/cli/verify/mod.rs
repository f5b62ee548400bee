//! `linli verify`: is this pack true? Offline: no node, no async runtime, no socket.
//!
//! One pack with its files; a bare receipt (`receipt`); what is known of the log as a whole (`log`); a
//! whole folder of packs and receipts (`folder`); or the page that does the same in a browser.

mod folder;
mod log;
mod receipt;
mod remember;

pub(super) use remember::Remember;

use super::genesis::read_bytes;
use super::output::Exit;
use super::query::write_new;
use super::{Failure, Output};
use crate::words::{Words, words};
use linli_types::code::Lang;
use linli_types::limits;
use linli_verify::{FileDigests, Verdict};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Verifies a pack, together with the files that it proves.
#[derive(clap::Args)]
pub(super) struct Verify {
    /// The pack: evidence, a receipt, or a proof of entries; or a bare receipt, a consistency proof of
    /// the log, a witness's state, a checkpoint.
    #[arg(value_name = "PACK", required_unless_present_any = ["dir", "page"])]
    pack: Option<PathBuf>,
    /// The files that an evidence pack proves; not those inside it. Beside a consistency proof: states
    /// and checkpoints of the two logs.
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,
    /// The genesis file: the only thing that is believed.
    #[arg(long, value_name = "FILE", required_unless_present = "page")]
    genesis: Option<PathBuf>,
    /// Verifies every pack and every receipt in this folder.
    #[arg(long, value_name = "DIR", conflicts_with = "pack")]
    dir: Option<PathBuf>,
    /// Writes the page that verifies in a browser, without a network, to a new file.
    #[arg(long, value_name = "HTML", conflicts_with_all = ["pack", "dir"])]
    page: Option<PathBuf>,
    #[command(flatten)]
    receipt: receipt::Receipt,
    #[command(flatten)]
    log: log::Log,
}

impl Verify {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        if let Some(path) = &self.page {
            return write_page(path, out);
        }
        let missing = || {
            Failure::usage(
                words!("没有给出证据包或创世文件", "neither pack nor genesis is given"),
                words!("加 --help 查看用法", "see --help"),
            )
        };
        let genesis = read_bytes(self.genesis.as_deref().ok_or_else(missing)?)?;
        if let Some(dir) = &self.dir {
            return folder::verify(dir, &genesis, out);
        }
        let pack = read_pack(self.pack.as_deref().ok_or_else(missing)?)?;
        if receipt::is_bare(&pack) {
            return self.receipt.run(&pack, &genesis, &self.files, out);
        }
        if let Some(kind) = log::Kind::of(&pack) {
            return self.log.run((kind, &pack), &genesis, &self.files, out);
        }
        let files = self.files.iter().map(|file| digests(file)).collect::<Result<Vec<_>, _>>()?;
        let verdict = linli_verify::examine(&pack, &files, &genesis);
        match &verdict.outcome {
            Ok(_) => {
                out.answer(&flat(&verdict), &text_of(&verdict));
                Ok(())
            }
            Err(why) => Err(said_of(&verdict, why)),
        }
    }
}

fn write_page(path: &Path, out: &mut Output) -> Result<(), Failure> {
    write_new(path, linli_browser::PAGE)?;
    let shown = path.display();
    let text = words!(
        "核验页面已写入 {shown}：用浏览器打开，无需联网",
        "the page is in {shown}: open it in a browser, no network is needed"
    );
    out.answer(&json!({ "page": path, "bytes": linli_browser::PAGE.len() }), &text);
    Ok(())
}

/// At most one byte more than a pack may have: the verifier says that it is too large.
pub(super) fn read_pack(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let most = limits::PACK_BYTES_MAX.saturating_add(limits::PACK_FILES_BYTES_MAX);
    let most = (most as u64).saturating_add(1);
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        // What cannot be read is not verified: exit 1.
        Err(why) => Err(unread(path, &why)),
    }
}

/// The digests of a file of any size, streamed.
pub(super) fn digests(path: &Path) -> Result<FileDigests, Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let read = File::open(path).and_then(|file| FileDigests::read(name, file));
    read.map_err(|why| unread(path, &why))
}

/// A file beside something that proves none.
pub(super) fn no_files(file: &Path) -> Failure {
    let file = file.display();
    Failure::usage(
        words!("这里不涉及文件 {file}", "nothing here concerns the file {file}"),
        words!(
            "文件由证据包证明；一致性证明旁只给见证者状态与检查点",
            "files are proved by an evidence pack; beside a consistency proof stand states and checkpoints"
        ),
    )
}

fn unread(path: &Path, why: &std::io::Error) -> Failure {
    let path = path.display();
    Failure::refused(
        "UNREADABLE",
        words!("核验不一致：无法读取 {path}：{why}", "not verified: cannot read {path}: {why}"),
        words!("请核对路径与权限", "check the path and its permissions"),
    )
}

pub(super) fn not_verified(why: &linli_verify::Failure) -> Failure {
    let what = Words { zh: why.text(Lang::Zh), en: why.text(Lang::En) };
    let details = serde_json::to_value(why).unwrap_or_default();
    Failure::new(Exit::Refused, why.reason.name(), what, hint_of(why)).with(details)
}

fn hint_of(why: &linli_verify::Failure) -> Words {
    match why.hint() {
        Some(hint) => Words { zh: hint.zh, en: hint.en },
        None => words!(
            "请向提供方索取原始文件与证据包，并核对创世文件",
            "ask for the original file and pack, and check the genesis file"
        ),
    }
}

/// The same with every layer.
fn said_of(verdict: &Verdict, why: &linli_verify::Failure) -> Failure {
    let failure = Failure::new(Exit::Refused, why.reason.name(), text_of(verdict), hint_of(why));
    failure.with(flat(verdict))
}

fn text_of(verdict: &Verdict) -> Words {
    let text = |lang| verdict.text(lang).trim_end().to_owned();
    Words { zh: text(Lang::Zh), en: text(Lang::En) }
}

/// What was proved, or the failure, stands on the top level beside what only a verdict knows.
fn flat(verdict: &Verdict) -> Value {
    let mut json = serde_json::to_value(verdict).unwrap_or_default();
    let Some(object) = json.as_object_mut() else { return json };
    for name in ["report", "failure"] {
        if let Some(Value::Object(inner)) = object.remove(name) {
            object.extend(inner);
        }
    }
    json
}
