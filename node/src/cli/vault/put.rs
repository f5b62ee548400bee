//! `linli vault put | get`.

use super::{By, Which, code, plain_name, record};
use crate::cli::key::principal;
use crate::cli::{Failure, Output, block_on, unwritable};
use crate::words::words;
use linli_sdk::vault::{Class, Input, Put as Order, Role};
use linli_types::id::{Digest, PrincipalId};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Stores a record's files.
#[derive(clap::Args)]
pub(super) struct Put {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    by: By,
    /// The record: EV- code or hexadecimal id of its statement.
    #[arg(long, value_name = "ID", value_parser = record)]
    record: Digest,
    /// How long a law keeps it: personal, 10y, 15y or 30y.
    #[arg(long, value_name = "CLASS", value_parser = class)]
    class: Class,
    /// Whose evidence it is, in hexadecimal or as PR- code.
    #[arg(long, value_name = "ID", value_parser = principal)]
    source: Option<PrincipalId>,
    /// The source's number of it: the ledger notes an erasure under it.
    #[arg(long, value_name = "N")]
    number: Option<u64>,
    /// Whom it is about, as a pseudonym: this person sees in the log who read it.
    #[arg(long, value_name = "ID", value_parser = principal)]
    subject: Option<PrincipalId>,
    /// The manifest with its salt.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// The signed statement.
    #[arg(long, value_name = "FILE")]
    statement: Option<PathBuf>,
    /// The evidence pack.
    #[arg(long, value_name = "FILE")]
    pack: Option<PathBuf>,
    /// The files.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Gives a record out again.
#[derive(clap::Args)]
pub(super) struct Get {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    by: By,
    /// The record: EV- code or hexadecimal id of its statement.
    #[arg(long, value_name = "ID", value_parser = record)]
    record: Digest,
    /// The folder that its parts are written to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A legal duty asks for it: opens a restricted record too.
    #[arg(long)]
    legal_duty: bool,
}

fn class(text: &str) -> Result<Class, String> {
    Class::from_name(text).ok_or_else(|| Class::ALL.map(Class::name).join(", "))
}

impl Put {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let actor = self.by.actor()?;
        let order = Order {
            record: self.record,
            class: self.class,
            source: self.source,
            number: self.number,
            subject: self.subject,
            parts: self.parts()?,
        };
        let mut vault = self.which.open()?;
        let stored = block_on(async { Ok(vault.put(&order, &actor).await?) })?;
        let (code, bytes) = (code(&self.record), stored.bytes);
        let json = json!({
            "record": self.record.to_string(), "code": code, "bytes": bytes,
            "before": stored.before, "written": stored.written, "resumed": stored.resumed,
            "ciphertext": stored.ciphertext.to_string(),
            "holders": vault.holders().collect::<Vec<_>>(),
        });
        let text = match (stored.before, stored.resumed) {
            (true, _) => words!("此前已存　{code}", "stored before  {code}"),
            (false, 0) => {
                words!("已存入保管库　{code}　{bytes} 字节", "stored  {code}  {bytes} bytes")
            }
            (false, kept) => words!(
                "已续传并存入保管库　{code}　{bytes} 字节，其中 {kept} 段此前已传",
                "went on and stored  {code}  {bytes} bytes; {kept} segments were there already"
            ),
        };
        out.answer(&json, &text);
        Ok(())
    }

    fn parts(&self) -> Result<Vec<Input>, Failure> {
        let beside = [
            (Role::Manifest, &self.manifest),
            (Role::Statement, &self.statement),
            (Role::Pack, &self.pack),
        ];
        let beside = beside.into_iter().filter_map(|(role, path)| Some((role, path.as_ref()?)));
        let files = self.files.iter().map(|path| (Role::File, path));
        beside.chain(files).map(|(role, path)| part(role, path)).collect()
    }
}

fn part(role: Role, path: &Path) -> Result<Input, Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if role == Role::File {
        plain_name(path)?;
    }
    Ok(Input { role, name, path: path.to_owned() })
}

impl Get {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let actor = self.by.actor()?;
        std::fs::create_dir_all(&self.out).map_err(|e| unwritable(&self.out, &e))?;
        let mut vault = self.which.open()?;
        let duty = self.legal_duty;
        let written =
            block_on(async { Ok(vault.get(&self.record, &self.out, duty, &actor).await?) })?;
        let parts = written.iter().map(|(role, path)| json!({"role": role.name(), "file": path}));
        let json = json!({
            "record": self.record.to_string(), "code": code(&self.record),
            "parts": parts.collect::<Vec<_>>(),
        });
        let (count, folder) = (written.len(), self.out.display());
        let text = words!(
            "已取出 {count} 个部分至 {folder}；已记入访问日志",
            "{count} parts written to {folder}; the access is logged"
        );
        out.answer(&json, &text);
        Ok(())
    }
}
