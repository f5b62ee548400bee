//! The access log: who did what with which record, when and why; one line of JSON each.
//!
//! # Invariants
//!
//! - **A1 chained.** Every line names the digest of the one before; none can be changed, put in or
//!   taken out without breaking the chain.
//! - **A2 logged first.** No plain byte leaves before its line is durable.
//! - **A3 whole.** Count and digest of the head stand sealed under the master key: a log that was cut
//!   or put back is found.
//!
//! It names no person whom a record is about (`Row::subject` does, until the record is erased): with
//! the key row goes the link (LEG-06), while who read the record can still be told (LEG-10).

use super::seal::Key;
use crate::durable;
use crate::error::{Error, ErrorKind};
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::id::Digest;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};

const LINE_DOMAIN: &str = "linli.vault.access.v1";
const HEAD_DOMAIN: &[u8] = b"linli.vault.access.head.v1";
const HEAD_BYTES_MAX: u64 = 1024;
/// Bytes of who or why.
const WORD_BYTES_MAX: usize = 140;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// Stored.
    Put,
    /// Read.
    Get,
    /// Asked for and refused.
    Refused,
    /// Checked, without anything leaving.
    Verify,
    /// Restricted instead of erased.
    Restrict,
    /// Erased.
    Erase,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Its place, from 1.
    pub number: u64,
    /// Milliseconds since 1970 UTC.
    pub at_ms: u64,
    /// Who, as they said.
    pub who: String,
    /// What.
    pub deed: Deed,
    /// With which record, in hexadecimal.
    pub record: String,
    /// Why, as they said.
    pub why: String,
    /// Digest of the line before; zeros before the first.
    pub before: String,
    /// Digest of this one.
    pub digest: String,
}

/// Who acts, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Who: a principal's code, an account of the machine.
    pub who: String,
    /// Why.
    pub why: String,
}

impl Actor {
    /// Who acts, and why: 1 to 140 bytes each, on one line.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] if one is empty, too long or holds control characters.
    pub fn new(who: &str, why: &str) -> Result<Self, Error> {
        for (word, zh, en) in [(who, "办理人", "who acts"), (why, "事由", "why")] {
            let fits = !word.trim().is_empty() && word.len() <= WORD_BYTES_MAX;
            if !fits || word.contains(char::is_control) {
                return Err(Error::new(
                    ErrorKind::Input,
                    format!("{zh}须为一行 1 至 {WORD_BYTES_MAX} 字节的文字"),
                    format!("{en} must be one line of 1 to {WORD_BYTES_MAX} bytes"),
                ));
            }
        }
        Ok(Self { who: who.into(), why: why.into() })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Head {
    pub(super) count: u64,
    pub(super) digest: Digest,
}

pub(super) struct Log {
    path: PathBuf,
    head_path: PathBuf,
    head: Head,
}

impl Log {
    /// Opens the log and checks it whole (A1, A3). A last line that a power cut left half is dropped:
    /// nothing was handed out on it (A2).
    pub(super) fn open(folder: &Path, master: &Key) -> Result<Self, Error> {
        let (path, head_path) = (folder.join("access.log"), folder.join("access.head"));
        let sealed = durable::read(&head_path, HEAD_BYTES_MAX)?;
        let zero = Head { count: 0, digest: Digest([0; 32]) };
        let kept = match sealed {
            None => zero,
            Some(sealed) => {
                let opened = master.open(HEAD_DOMAIN, sealed).ok_or_else(|| {
                    broken(0, "日志头不是用此主密钥封存的", "the head is not sealed under this key")
                })?;
                Head::try_from_slice(&opened)
                    .map_err(|_| broken(0, "日志头不可读", "the head is unreadable"))?
            }
        };
        let mut passed = kept.count == 0;
        let mut whole = 0_u64;
        let head = walk(&path, |_, head, bytes| {
            passed |= *head == kept;
            whole = bytes;
        })?;
        if !passed || head.count < kept.count {
            // A3
            let (zh, en) = (
                format!("只有 {} 行，应至少有 {} 行", head.count, kept.count),
                format!("{} lines of {}: it was cut or put back", head.count, kept.count),
            );
            return Err(broken(head.count, &zh, &en));
        }
        if let Ok(file) = std::fs::File::options().write(true).open(&path) {
            file.set_len(whole).map_err(|e| durable::failed(&path, &e))?;
        }
        Ok(Self { path, head_path, head })
    }

    /// Adds a line and returns once it is durable (A2).
    pub(super) fn add(
        &mut self,
        master: &Key,
        actor: &Actor,
        deed: Deed,
        record: &Digest,
    ) -> Result<(), Error> {
        let mut line = Line {
            number: self.head.count.saturating_add(1),
            at_ms: crate::clock::now()?.0,
            who: actor.who.clone(),
            deed,
            record: record.to_string(),
            why: actor.why.clone(),
            before: self.head.digest.to_string(),
            digest: String::new(),
        };
        let digest = digest(&line);
        line.digest = digest.to_string();
        let work = || -> std::io::Result<()> {
            let mut options = std::fs::File::options();
            options.append(true).create(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&self.path)?;
            let mut text = serde_json::to_vec(&line)?;
            text.push(b'\n');
            file.write_all(&text)?;
            file.sync_all()?;
            durable::sync_folder(&self.path)
        };
        work().map_err(|e| durable::failed(&self.path, &e))?;
        self.head = Head { count: line.number, digest };
        let plain = borsh::to_vec(&self.head).unwrap_or_default();
        let sealed = master.seal(HEAD_DOMAIN, plain)?;
        durable::write_private(&self.head_path, &sealed)
            .map_err(|e| durable::failed(&self.head_path, &e))
    }

    /// The lines that `wanted` takes, in their order.
    pub(super) fn lines(&self, wanted: impl Fn(&Line) -> bool) -> Result<Vec<Line>, Error> {
        let mut lines = Vec::new();
        walk(&self.path, |line, _, _| {
            if wanted(line) {
                lines.push(line.clone());
            }
        })?;
        Ok(lines)
    }

    pub(super) const fn head(&self) -> Head {
        self.head
    }
}

/// Goes through the log, checks the chain (A1), and shows every line with the head after it and the
/// bytes up to its end. Answers the last head.
fn walk(path: &Path, mut each: impl FnMut(&Line, &Head, u64)) -> Result<Head, Error> {
    let mut head = Head { count: 0, digest: Digest([0; 32]) };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(head),
        Err(e) => return Err(durable::failed(path, &e)),
    };
    let (mut reader, mut bytes, mut text) = (BufReader::new(file), 0_u64, Vec::new());
    loop {
        text.clear();
        let n = reader.read_until(b'\n', &mut text).map_err(|e| durable::failed(path, &e))?;
        if text.last() != Some(&b'\n') {
            return Ok(head);
        }
        let number = head.count.saturating_add(1);
        let bad = || broken(number, "该行与前文不符", "it does not follow from what is before");
        let line: Line = serde_json::from_slice(&text).map_err(|_| bad())?;
        let digest = digest(&line);
        let follows = line.number == number && line.before == head.digest.to_string();
        if !follows || line.digest != digest.to_string() {
            return Err(bad()); // A1
        }
        head = Head { count: number, digest };
        bytes = bytes.saturating_add(n as u64);
        each(&line, &head, bytes);
    }
}

fn digest(line: &Line) -> Digest {
    let unsigned = Line { digest: String::new(), ..line.clone() };
    let bytes = serde_json::to_vec(&unsigned).unwrap_or_default();
    let mut hasher = blake3::Hasher::new_derive_key(LINE_DOMAIN);
    hasher.update(&bytes);
    Digest(*hasher.finalize().as_bytes())
}

fn broken(line: u64, zh: &str, en: &str) -> Error {
    Error::new(
        ErrorKind::BadAnswer,
        format!("访问日志第 {line} 行起不可信：{zh}"),
        format!("the access log does not hold from line {line}: {en}"),
    )
    .hint_with(
        "请保全现场并通知个人信息保护负责人；从备份恢复后再使用",
        "keep everything as it is, tell the data protection officer, and restore it from a backup",
    )
    .named("VAULT_LOG")
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("head", &self.head).finish_non_exhaustive()
    }
}
