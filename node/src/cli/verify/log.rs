//! `linli verify` for the evidence log as a whole: a consistency proof, a witness's state, a signed
//! checkpoint.

use super::{no_files, not_verified, read_pack};
use crate::cli::{Failure, Output};
use crate::words::{Words, words};
use linli_types::height::TimeMs;
use linli_types::signature::Zip215;
use linli_verify::log::{Consistency, Known, LogState, Proved, Word, check_note};
use linli_verify::note::Key;
use linli_verify::{Failure as NotVerified, Trust, time};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Whose notes count.
#[derive(clap::Args)]
pub(super) struct Log {
    /// The note key of a witness, or of a validator's log, whose signatures are believed; again for each.
    #[arg(long = "note-key", value_name = "KEY", value_parser = note_key)]
    note_keys: Vec<Key>,
}

fn note_key(text: &str) -> Result<Key, String> {
    Key::parse(text).map_err(|why| why.to_string())
}

/// Which of the three a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Consistency,
    State,
    Note,
}

/// How every log's name begins, and so every note about one.
const ORIGIN: &[u8] = b"linli/";

impl Kind {
    /// By how a file begins; `None` if it is something else.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [b'{', ..] => Some(Self::Consistency),
            // A state begins with its note's length.
            [_, _, _, _, note @ ..] if note.starts_with(ORIGIN) => Some(Self::State),
            note if note.starts_with(ORIGIN) => Some(Self::Note),
            _ => None,
        }
    }
}

impl Log {
    pub(super) fn run(
        &self,
        (kind, bytes): (Kind, &[u8]),
        genesis: &[u8],
        files: &[PathBuf],
        out: &mut Output,
    ) -> Result<(), Failure> {
        if kind != Kind::Consistency {
            if let Some(file) = files.first() {
                return Err(no_files(file));
            }
            let trust = Trust::read(genesis).map_err(|why| not_verified(&why))?;
            let known = self.known(kind, bytes, genesis);
            let known = known.map_err(|why| not_verified(&why))?;
            return say_state(&trust, &known, out);
        }
        let mut beside = Vec::new();
        for file in files {
            let bytes = read_pack(file)?;
            let kind = Kind::of(&bytes).filter(|kind| *kind != Kind::Consistency);
            let kind = kind.ok_or_else(|| no_files(file))?;
            let known = self.known(kind, &bytes, genesis);
            beside.push(known.map_err(|why| not_verified(&why))?);
        }
        let proved = Consistency::from_json(bytes)
            .and_then(|proof| proof.check(genesis, &beside, &Zip215))
            .map_err(|why| not_verified(&why))?;
        say(&proved, out);
        Ok(())
    }

    fn known(&self, kind: Kind, bytes: &[u8], genesis: &[u8]) -> Result<Known, NotVerified> {
        match kind {
            Kind::Note => check_note(bytes, &Trust::read(genesis)?, &self.note_keys, &Zip215),
            _ => LogState::from_bytes(bytes)?.check(genesis, &self.note_keys, &Zip215),
        }
    }
}

fn say(proved: &Proved, out: &mut Output) {
    let Proved { name, chain, from, to } = proved;
    let json = json!({
        "verified": true, "kind": "consistency", "chain": chain.to_string(), "chain_name": name,
        "from": of_known(from), "to": of_known(to),
    });
    let (old, new) = (from.size, to.size);
    let Words { mut zh, mut en } = words!(
        "核验一致　{name}　{old} 条的日志是 {new} 条的日志的开头：其间只增未改",
        "verified  {name}  the log of {old} is the beginning of the log of {new}: nothing of it was changed"
    );
    for known in [from, to] {
        let line = line(known);
        zh.push_str(&line.zh);
        en.push_str(&line.en);
    }
    out.answer(&json, &Words { zh, en });
}

fn say_state(trust: &Trust, known: &Known, out: &mut Output) -> Result<(), Failure> {
    let Trust { name, chain, .. } = trust;
    let json = json!({
        "verified": true, "kind": "log-state", "chain": chain.to_string(), "chain_name": name,
        "log": of_known(known),
    });
    let (size, Words { zh, en }) = (known.size, line(known));
    let text = words!(
        "核验一致　{name}　日志有 {size} 条{zh}",
        "verified  {name}  the log has {size} leaves{en}"
    );
    out.answer(&json, &text);
    Ok(())
}

fn of_known(known: &Known) -> Value {
    let by: Vec<Value> = known.by.iter().map(of_word).collect();
    json!({ "size": known.size, "root": known.root.to_string(), "by": by })
}

fn of_word(word: &Word) -> Value {
    match word {
        Word::Certificate { height, time, by } => {
            let names: Vec<Value> =
                by.iter().map(|(name, org)| json!({ "name": name, "org": org })).collect();
            json!({ "block": height.0, "block_time_ms": time.0, "certified_by": names })
        }
        Word::Note { key, time_s } => json!({ "note_key": key, "signed_at_s": time_s }),
    }
}

/// A root and whose word it is, on lines of their own.
fn line(known: &Known) -> Words {
    let (size, root) = (known.size, known.root);
    let Words { mut zh, mut en } = words!("\n{size} 条　根 {root}", "\n{size} leaves, root {root}");
    for word in &known.by {
        let Words { zh: more_zh, en: more_en } = match word {
            Word::Certificate { height, time, by } => {
                let (height, when) = (height.0, time::text(*time));
                let names: Vec<&str> = by.iter().map(|(name, _)| name.as_str()).collect();
                let names = names.join(" ");
                words!(
                    "\n　区块 {height}　{when}　证书：{names}",
                    "\n  block {height}  {when}  certified by {names}"
                )
            }
            Word::Note { key, time_s: 0 } => words!("\n　签名：{key}", "\n  signed by {key}"),
            Word::Note { key, time_s } => {
                let when = time::text(TimeMs(time_s.saturating_mul(1000)));
                words!("\n　{when} 签名：{key}", "\n  signed at {when} by {key}")
            }
        };
        zh.push_str(&more_zh);
        en.push_str(&more_en);
    }
    Words { zh, en }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_how_they_begin() {
        for (bytes, kind) in [
            (&b"{\n  \"chain\""[..], Some(Kind::Consistency)),
            (b"linli/00\n3\n", Some(Kind::Note)),
            (b"\x40\0\0\0linli/00\n3\n", Some(Kind::State)),
            (b"PK\x03\x04", None),
            (b"\x82\xd2", None),
            (b"", None),
        ] {
            assert_eq!(Kind::of(bytes), kind, "{bytes:?}");
        }
    }
}
