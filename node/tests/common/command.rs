//! The command line inside the test's own process, and key files for it.

use linli_node::cli;
use linli_sdk::{About, KeyFile, KeyKind, SecretKey};
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What a run said and how it ended.
pub(crate) struct Ran {
    pub(crate) exit: u8,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stdout))
    }
}

pub(crate) fn linli_in(lang: Option<&str>, args: &[&str]) -> Ran {
    let args: Vec<OsString> =
        std::iter::once("linli").chain(args.iter().copied()).map(Into::into).collect();
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let exit = cli::run(args, lang, &mut stdout, &mut stderr);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { exit, stdout: text(stdout), stderr: text(stderr) }
}

pub(crate) fn linli(args: &[&str]) -> Ran {
    linli_in(Some("en_US.UTF-8"), args)
}

/// A key file without a passphrase.
pub(crate) fn key_file(path: PathBuf, seed: u8, kind: KeyKind, about: About) -> PathBuf {
    let key = SecretKey::from_bytes(&[seed; 32]);
    KeyFile::seal(&key, kind, about, "").unwrap().write_new(&path).unwrap();
    path
}

pub(crate) fn development_key(folder: &Path, name: &str, seed: u8, kind: KeyKind) -> PathBuf {
    key_file(folder.join(name), seed, kind, About::default())
}
