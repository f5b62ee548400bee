//! What is said of files when they are anchored, besides what they are: the options of
//! `linli evidence anchor`, and the words that they share with `capture`.

use crate::cli::key::principal;
use crate::cli::vault::{no_personal_data, plain_name};
use crate::cli::{Failure, sm2, unreadable};
use crate::words::words;
use linli_sdk::anchor::KINDS;
use linli_sdk::anchor::register::{BACKDATED_REASONS, Provenance, Ref, RegisterRequest};
use linli_sdk::vault::Class;
use linli_sdk::{Sm2Key, clock};
use linli_types::id::{Digest, PrincipalId};
use linli_types::limits::{EVIDENCE_PARENTS_MAX, EVIDENCE_TAGS_MAX, PLATFORM_BYTES_MAX};
use linli_verify::Detail;
use linli_verify::platform::Platform;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The contract calls older evidence backdated and asks why.
pub(super) const OLD_MS: u64 = 24 * 60 * 60 * 1000;
/// Bytes of a tag.
const TAG_BYTES: usize = 16;

/// The contract's bases for processing, by the words of the command line; the place is the number.
const BASES: [&str; 8] = [
    "",
    "consent",
    "contract",
    "legal-duty",
    "emergency",
    "public-interest",
    "published",
    "other-law",
];
/// Kinds that a law keeps (docs/evidence-policy.md), and the class that does.
const KEPT: [(&str, Class); 2] = [("RECEIPT", Class::Years10), ("CONTRACT_DOC", Class::Years15)];

/// What is said of files.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct About {
    /// How long a law keeps it: personal, 10y, 15y or 30y; otherwise as the kind asks.
    #[arg(long, value_name = "CLASS", value_parser = class)]
    class: Option<Class>,
    /// Why personal data may be processed: consent, contract, legal-duty, emergency, public-interest, published or other-law.
    #[arg(long, value_name = "BASIS", value_parser = basis, default_value = "contract")]
    basis: i32,
    /// Why it comes more than a day late: offline, failure, imported, correction or ordered.
    #[arg(long, value_name = "REASON", value_parser = reason)]
    backdated_reason: Option<i32>,
    /// Id of the consent, 32 hexadecimal digits.
    #[arg(long, value_name = "HEX", value_parser = principal)]
    consent: Option<PrincipalId>,
    /// Shows somebody below 14; asks for --consent.
    #[arg(long)]
    minors: bool,
    /// Sensitive personal data; asks for --consent.
    #[arg(long)]
    sensitive: bool,
    /// The order's id, 64 hexadecimal digits.
    #[arg(long, value_name = "HEX")]
    order: Option<Digest>,
    /// Whom it concerns, as a pseudonym.
    #[arg(long, value_name = "ID", value_parser = principal)]
    subject: Option<PrincipalId>,
    /// Where it was, as a geohash of at most five characters.
    #[arg(long, value_name = "GEOHASH")]
    cell: Option<String>,
    /// What it rests on: the source's own number, or SOURCE:NUMBER; may stand several times.
    #[arg(long = "parent", value_name = "RECORD", value_parser = record)]
    parents: Vec<(Option<PrincipalId>, u64)>,
    /// A keyed tag of the file, 32 hexadecimal digits; may stand several times.
    #[arg(long = "tag", value_name = "HEX", value_parser = principal)]
    tags: Vec<PrincipalId>,
    /// File of the organisation's SM2 key, for a second signature.
    #[arg(long, value_name = "FILE")]
    sm2_key: Option<PathBuf>,
    /// File that holds the SM2 key's passphrase. Development keys need none.
    #[arg(long, value_name = "FILE", requires = "sm2_key")]
    sm2_passphrase_file: Option<PathBuf>,
    /// The platform statement (JSON), which the pack then holds.
    #[arg(long, value_name = "FILE")]
    platform: Option<PathBuf>,
}

pub(super) fn class(text: &str) -> Result<Class, String> {
    Class::from_name(text).ok_or_else(|| Class::ALL.map(Class::name).join(", "))
}

pub(super) fn basis(text: &str) -> Result<i32, String> {
    place(&BASES, text)
}

/// The place of a word among words of which the first stands for none.
fn place(words: &[&str], text: &str) -> Result<i32, String> {
    let found = words.iter().skip(1).position(|known| *known == text);
    let number = found.and_then(|at| i32::try_from(at.saturating_add(1)).ok());
    number.ok_or_else(|| words.iter().skip(1).copied().collect::<Vec<_>>().join(", "))
}

/// A record: the source's own number, or the source and its number.
fn record(text: &str) -> Result<(Option<PrincipalId>, u64), String> {
    let (source, number) = match text.rsplit_once(':') {
        Some((source, number)) => (Some(principal(source)?), number),
        None => (None, text),
    };
    Ok((source, number.parse().map_err(|_| "NUMBER, SOURCE:NUMBER".to_owned())?))
}

fn reason(text: &str) -> Result<i32, String> {
    let words = BACKDATED_REASONS.map(str::to_lowercase);
    place(&words.each_ref().map(String::as_str), text)
}

impl About {
    /// Refuses what no ledger would take, before anything is read or sent (LEG-05).
    pub(super) fn check(&self, files: &[PathBuf]) -> Result<(), Failure> {
        for file in files {
            plain_name(file)?;
        }
        no_personal_data(self.cell.as_deref().unwrap_or_default())?;
        for (name, found, most) in [
            ("--parent", self.parents.len(), EVIDENCE_PARENTS_MAX),
            ("--tag", self.tags.len(), EVIDENCE_TAGS_MAX),
        ] {
            if found > most {
                return Err(Failure::usage(
                    words!("{name} 给出 {found} 个，上限 {most}", "{found} {name}, at most {most}"),
                    words!("请减少数量", "use fewer"),
                ));
            }
        }
        Ok(())
    }

    /// The order as statement and manifest name it.
    pub(super) fn order(&self) -> Option<String> {
        self.order.map(|order| order.to_string())
    }

    /// The SM2 key, opened.
    pub(super) fn second(&self) -> Result<Option<Sm2Key>, Failure> {
        let open = |path: &PathBuf| sm2::open(path, self.sm2_passphrase_file.as_ref());
        self.sm2_key.as_ref().map(open).transpose()
    }

    /// The platform statement's exact bytes, in its one spelling.
    pub(super) fn platform(&self) -> Result<Option<Vec<u8>>, Failure> {
        self.platform.as_deref().map(platform).transpose()
    }

    /// Evidence that is older than a day asks for a reason: said here before anything is sent.
    pub(super) fn check_age(&self, captured_at_ms: u64) -> Result<(), Failure> {
        let now = clock::now()?.0;
        if self.backdated_reason.is_some() || captured_at_ms >= now.saturating_sub(OLD_MS) {
            return Ok(());
        }
        let hours = now.saturating_sub(captured_at_ms) / 3_600_000;
        Err(Failure::refused(
            "BACKDATED_NEEDS_REVIEW",
            words!(
                "采集时间距今已 {hours} 小时，超过 24 小时",
                "it was captured {hours} hours ago, more than 24"
            ),
            words!(
                "请用 --backdated-reason 注明原因（如 imported），记录将被标记；采集时间另有所据时用 --captured-at-ms",
                "say why with --backdated-reason (imported, say), and the record will be marked; or give --captured-at-ms if that is not when it was captured"
            ),
        ))
    }

    /// How files of a kind are registered.
    pub(super) fn provenance(&self, kind: i32) -> Provenance {
        let named = usize::try_from(kind).ok().and_then(|at| KINDS.get(at));
        let kept = KEPT.iter().find(|(name, _)| Some(name) == named).map(|(_, class)| *class);
        let class = self.class.or(kept).unwrap_or(Class::Personal);
        Provenance {
            retention: class.number(),
            basis: self.basis,
            backdated_reason: self.backdated_reason.unwrap_or_default(),
            minors: self.minors,
            sensitive: self.sensitive,
            consent: self.consent.map(|id| id.0.to_vec()).unwrap_or_default(),
        }
    }

    /// Adds what only a single registration says; `tags` are those made by a vault.
    pub(super) fn add_to(
        &self,
        request: &mut RegisterRequest,
        source: PrincipalId,
        tags: &[[u8; TAG_BYTES]],
    ) {
        let parent =
            |(of, number): &(Option<PrincipalId>, u64)| Ref::new(of.unwrap_or(source), *number);
        request.parents = self.parents.iter().map(parent).collect();
        request.order = self.order.map(|order| order.0.to_vec()).unwrap_or_default();
        request.subject = self.subject.map(|id| id.0.to_vec()).unwrap_or_default();
        request.cell = self.cell.clone().unwrap_or_default();
        let given = self.tags.iter().map(|tag| tag.0);
        let all = given.chain(tags.iter().copied()).take(EVIDENCE_TAGS_MAX);
        request.tags = all.flatten().collect();
    }
}

/// Reads a platform statement as people write it.
fn platform(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let most = PLATFORM_BYTES_MAX as u64 + 1;
    std::fs::File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut bytes))
        .map_err(|e| unreadable(path, &e))?;
    let none = |zh: &str, en: &str| {
        let path = path.display();
        Failure::usage(
            words!("{path} 不是平台声明：{zh}", "{path} is no platform statement: {en}"),
            words!(
                "格式见 docs/operator.md 的“平台声明”",
                "its form stands in docs/operator.md, \"platform statement\""
            ),
        )
    };
    if bytes.len() > PLATFORM_BYTES_MAX {
        return Err(none("超出大小上限", "larger than any may be"));
    }
    let read = serde_json::from_slice::<Platform>(&bytes).map_err(|e| {
        let (line, column) = (e.line(), e.column());
        none(&format!("第 {line} 行第 {column} 列有误"), &e.to_string())
    })?;
    let bytes = read.to_bytes();
    let checked = Platform::from_bytes(&bytes);
    checked.map_err(|Detail { zh, en }| none(&zh, &en))?;
    Ok(bytes)
}
