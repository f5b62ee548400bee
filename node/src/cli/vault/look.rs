//! `linli vault init | list | verify | log`.

use super::{By, Which, code, record};
use crate::cli::key::principal;
use crate::cli::{Failure, Output, block_on};
use crate::words::{Words, words};
use linli_sdk::Vault as Store;
use linli_sdk::vault::{Checked, Finding, Line, Record};
use linli_types::height::TimeMs;
use linli_types::id::{Digest, PrincipalId};
use linli_verify::time;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Makes a vault.
#[derive(clap::Args)]
pub(super) struct Init {
    #[command(flatten)]
    which: Which,
}

/// Lists the records.
#[derive(clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    which: Which,
}

/// Reads everything and compares.
#[derive(clap::Args)]
pub(super) struct Verify {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    by: By,
    /// Copies damaged segments from a sound holder, and destroys again what came back of erased records.
    #[arg(long)]
    repair: bool,
}

/// Shows the access log.
#[derive(clap::Args)]
pub(super) struct Log {
    #[command(flatten)]
    which: Which,
    /// Of one record alone: EV- code or hexadecimal id.
    #[arg(long, value_name = "ID", value_parser = record)]
    record: Option<Digest>,
    /// Of the records about one person alone, by pseudonym.
    #[arg(long, value_name = "ID", value_parser = principal)]
    subject: Option<PrincipalId>,
}

impl Init {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        Store::create(&self.which.vault, &self.which.key()?)?;
        let folder = self.which.vault.display();
        let text = words!(
            "保管库已建立：{folder}；存放处见其中的 vault.toml",
            "the vault {folder} is made; its vault.toml says where payloads stand"
        );
        out.answer(&json!({ "vault": self.which.vault }), &text);
        Ok(())
    }
}

impl List {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let vault = self.which.open()?;
        let (records, buried) = (vault.list()?, vault.tombstones()?);
        let count = records.len();
        let mut text = words!("共 {count} 条记录", "{count} records");
        for found in &records {
            line(&mut text, found);
        }
        for tombstone in buried.iter().filter(|t| t.is_erasure()) {
            let (id, when) = (&tombstone.record, time::text(TimeMs(tombstone.at_ms)));
            let _ = write!(text.zh, "\n{id}　已删除（{when}）");
            let _ = write!(text.en, "\n{id}  erased ({when})");
        }
        let json = json!({
            "records": records.iter().map(record_json).collect::<Vec<_>>(), "tombstones": buried,
        });
        out.answer(&json, &text);
        Ok(())
    }
}

fn line(text: &mut Words, found: &Record) {
    let (code, class, parts) = (code(&found.record), found.class.name(), found.parts.len());
    let (zh, en) = match (found.whole, found.restricted_at_ms.is_some()) {
        (false, _) => ("未存完", "unfinished"),
        (true, true) => ("已限制处理", "restricted"),
        (true, false) => ("完整", "whole"),
    };
    let _ = write!(text.zh, "\n{code}　{class}　{parts} 个部分　{zh}");
    let _ = write!(text.en, "\n{code}  {class}  {parts} parts  {en}");
}

fn record_json(found: &Record) -> Value {
    let part = |(role, name, size): &(linli_sdk::vault::Role, String, u64)| json!({ "role": role.name(), "name": name, "size": size });
    json!({
        "record": found.record.to_string(), "code": code(&found.record),
        "class": found.class.name(), "stored_at_ms": found.stored_at_ms,
        "source": found.source.map(|id| id.to_string()), "number": found.number,
        "whole": found.whole, "restricted_at_ms": found.restricted_at_ms,
        "parts": found.parts.iter().map(part).collect::<Vec<_>>(),
    })
}

impl Verify {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let actor = self.by.actor()?;
        let mut vault = self.which.open()?;
        let checked = block_on(async { Ok(vault.verify(self.repair, &actor).await?) })?;
        let open = checked.findings.iter().filter(|f| !is_repaired(f)).count();
        let (count, head) = vault.log_head();
        let json = json!({
            "records": checked.records, "segments": checked.segments,
            "findings": checked.findings.iter().map(finding_json).collect::<Vec<_>>(),
            "access_log": { "lines": count, "digest": head.to_string() },
        });
        out.answer(&json, &summary(&checked));
        match open {
            0 => Ok(()),
            _ => Err(Failure::refused(
                "VAULT_DAMAGED",
                words!("有 {open} 处不符", "{open} findings stand"),
                words!(
                    "用 --repair 从完好的存放处修复；删除未完成的，重做 linli vault erase",
                    "repair from a sound holder with --repair; finish erasures with `linli vault erase`"
                ),
            )),
        }
    }
}

const fn is_repaired(finding: &Finding) -> bool {
    match finding {
        Finding::Damaged { repaired, .. } | Finding::NotErased { repaired, .. } => *repaired,
        Finding::Unfinished { .. } | Finding::Astray { .. } => false,
    }
}

fn finding_json(finding: &Finding) -> Value {
    match finding {
        Finding::Damaged { record, holder, part, segment, repaired } => json!({
            "finding": "damaged", "record": record.to_string(), "holder": holder, "part": part,
            "segment": segment, "repaired": repaired,
        }),
        Finding::Unfinished { record } => {
            json!({ "finding": "unfinished", "record": record.to_string() })
        }
        Finding::NotErased { record, repaired } => json!({
            "finding": "not-erased", "record": record.to_string(), "repaired": repaired,
        }),
        Finding::Astray { holder, body } => {
            json!({ "finding": "astray", "holder": holder, "body": body })
        }
    }
}

fn summary(checked: &Checked) -> Words {
    let (records, segments) = (checked.records, checked.segments);
    let mut text = words!(
        "{records} 条记录、{segments} 段密文已核对",
        "{records} records, {segments} segments checked"
    );
    for finding in &checked.findings {
        let said = match finding {
            Finding::Damaged { record, holder, part, segment, repaired } => {
                let code = code(record);
                match repaired {
                    true => words!(
                        "{code} 的 {part} 第 {segment} 段在 {holder} 损坏，已修复",
                        "{part} of {code}: segment {segment} on {holder} was damaged, repaired"
                    ),
                    false => words!(
                        "{code} 的 {part} 第 {segment} 段在 {holder} 缺失或损坏",
                        "{part} of {code}: segment {segment} on {holder} is missing or damaged"
                    ),
                }
            }
            Finding::Unfinished { record } => {
                let code = code(record);
                words!("{code} 尚未存完", "{code} is not stored whole")
            }
            Finding::NotErased { record, repaired } => {
                let code = code(record);
                match repaired {
                    true => words!(
                        "{code} 删除后又出现（如恢复了备份），已再次销毁",
                        "{code} was erased and came back, from a backup say: destroyed again"
                    ),
                    false => words!("{code} 的删除尚未完成", "{code} is not erased yet"),
                }
            }
            Finding::Astray { holder, body } => words!(
                "{holder} 有不属于任何记录的密文 {body}",
                "{holder} has ciphertext of no record: {body}"
            ),
        };
        let _ = write!(text.zh, "\n{}", said.zh);
        let _ = write!(text.en, "\n{}", said.en);
    }
    text
}

impl Log {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let vault = self.which.open()?;
        let lines = vault.accesses(self.record.as_ref(), self.subject.as_ref())?;
        let (count, head) = vault.log_head();
        let json = json!({
            "lines": lines, "access_log": { "lines": count, "digest": head.to_string() },
        });
        let shown = lines.len();
        let mut text = words!(
            "访问日志 {count} 行，链完整；符合条件 {shown} 行",
            "access log of {count} lines, its chain holds; {shown} lines match"
        );
        for line in &lines {
            let said = line_words(line);
            let _ = write!(text.zh, "\n{}", said.zh);
            let _ = write!(text.en, "\n{}", said.en);
        }
        out.answer(&json, &text);
        Ok(())
    }
}

fn line_words(line: &Line) -> Words {
    use linli_sdk::vault::Deed;
    let when = time::text(TimeMs(line.at_ms));
    let record = line.record.parse::<Digest>().ok().filter(|record| record.0 != [0; 32]);
    let (who, why) = (&line.who, &line.why);
    let code = record.map_or_else(|| "-".into(), |record| code(&record));
    let (zh, en) = match line.deed {
        Deed::Put => ("存入", "put"),
        Deed::Get => ("读取", "get"),
        Deed::Refused => ("读取被拒", "refused"),
        Deed::Verify => ("核对", "verify"),
        Deed::Restrict => ("限制处理", "restrict"),
        Deed::Erase => ("删除", "erase"),
    };
    Words {
        zh: format!("{when}　{who}　{zh}　{code}　{why}"),
        en: format!("{when}  {who}  {en}  {code}  {why}"),
    }
}
