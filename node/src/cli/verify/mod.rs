//! `linli verify`: is this pack true? Offline: no node, no async runtime, no socket.

mod receipt;

use super::genesis::read_bytes;
use super::output::Exit;
use super::{Failure, Output};
use crate::words::{Words, words};
use linli_types::code::Lang;
use linli_types::limits;
use linli_verify::{FileDigests, Report};
use serde_json::json;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Verifies a pack, together with the files that it proves.
#[derive(clap::Args)]
pub(super) struct Verify {
    /// The pack: evidence, a receipt, or a proof of entries; or a bare receipt.
    #[arg(value_name = "PACK")]
    pack: PathBuf,
    /// The files that an evidence pack proves.
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,
    /// The genesis file: the only thing that is believed.
    #[arg(long, value_name = "FILE")]
    genesis: PathBuf,
    #[command(flatten)]
    receipt: receipt::Receipt,
}

impl Verify {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let genesis = read_bytes(&self.genesis)?;
        let pack = read_pack(&self.pack)?;
        if receipt::is_bare(&pack) {
            return self.receipt.run(&pack, &genesis, &self.files, out);
        }
        let files = self.files.iter().map(|file| digests(file)).collect::<Result<Vec<_>, _>>()?;
        match linli_verify::verify(&pack, &files, &genesis) {
            Ok(report) => {
                say(&report, out);
                Ok(())
            }
            Err(why) => Err(not_verified(&why)),
        }
    }
}

/// At most one byte more than a pack may have: the verifier says that it is too large.
pub(super) fn read_pack(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let most = limits::PACK_BYTES_MAX as u64 + 1;
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

fn unread(path: &Path, why: &std::io::Error) -> Failure {
    let path = path.display();
    Failure::refused(
        "UNREADABLE",
        words!("验证未通过：无法读取 {path}：{why}", "not verified: cannot read {path}: {why}"),
        words!("请核对路径与权限", "check the path and its permissions"),
    )
}

pub(super) fn not_verified(why: &linli_verify::Failure) -> Failure {
    let what = Words { zh: why.text(Lang::Zh), en: why.text(Lang::En) };
    let hint = words!(
        "请向提供方索取原始文件与证据包，并核对创世文件",
        "ask for the original file and pack, and check the genesis file"
    );
    let details = serde_json::to_value(why).unwrap_or_default();
    Failure::new(Exit::Refused, why.reason.name(), what, hint).with(details)
}

fn say(report: &Report, out: &mut Output) {
    let mut json = serde_json::to_value(report).unwrap_or_default();
    if let Some(object) = json.as_object_mut() {
        object.entry("verified").or_insert(json!(true));
    }
    let text = |lang| report.text(lang).trim_end().to_owned();
    out.answer(&json, &Words { zh: text(Lang::Zh), en: text(Lang::En) });
}
