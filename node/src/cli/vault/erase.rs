//! `linli vault erase`: the vault destroys, the ledger notes it, the receipt stays with the tombstone.
//!
//! Repeated after any interruption it goes on: what is destroyed stays so, and a note that may have
//! reached the ledger is asked for before another one is sent.

use super::ask::{self, Known, Note};
use super::elsewhere::{Copies, Destroyed, Elsewhere};
use super::{By, Which, code, record};
use crate::cli::connect::Connect;
use crate::cli::key::principal;
use crate::cli::{Failure, Output, Trace, block_on};
use crate::words::words;
use linli_sdk::Vault as Store;
use linli_sdk::vault::{Actor, Basis, Erased, State};
use linli_types::id::{Digest, PrincipalId};
use serde_json::json;

/// Erases a record.
#[derive(clap::Args)]
pub(super) struct Erase {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    connect: Connect,
    /// The record: EV- code or hexadecimal id of its statement.
    #[arg(long, value_name = "ID", value_parser = record)]
    record: Digest,
    /// Why: purpose-done, service-ended, consent-withdrawn, unlawful or law-asks.
    #[arg(long, value_name = "BASIS", value_parser = basis)]
    basis: Basis,
    /// Whose evidence it is, if the vault was not told.
    #[arg(long, value_name = "ID", value_parser = principal)]
    source: Option<PrincipalId>,
    /// The source's number of it, if the vault was not told.
    #[arg(long, value_name = "N")]
    number: Option<u64>,
    /// It was never registered: nothing is noted on the ledger.
    #[arg(long)]
    off_ledger: bool,
    #[command(flatten)]
    elsewhere: Elsewhere,
}

/// What an erasure came to.
struct Done {
    erased: Erased,
    note: Option<Note>,
    elsewhere: Destroyed,
}

fn basis(text: &str) -> Result<Basis, String> {
    Basis::from_name(text).ok_or_else(|| Basis::ALL.map(Basis::name).join(", "))
}

impl Erase {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let actor = self.by.actor()?;
        let mut vault = self.which.open()?;
        let copies = self.elsewhere.find(&self.record, vault.manifest(&self.record)?)?;
        let done = block_on(self.erase(&mut vault, &copies, &actor))?;
        self.answer(&done, out);
        done.elsewhere.notes(out);
        Ok(())
    }

    async fn erase(
        &self,
        vault: &mut Store,
        copies: &Copies,
        actor: &Actor,
    ) -> Result<Done, Failure> {
        if self.off_ledger {
            let erased = self.destroy(vault, copies, copies.is_kept(), actor).await?;
            let (erased, elsewhere) = self.elsewhere(vault, copies, erased)?;
            return Ok(Done { erased, note: None, elsewhere });
        }
        let (source, number) = self.place(vault, copies)?;
        let node = self.connect.open().await?;
        // Before anything is destroyed: it must be this record that the ledger will call erased.
        let known = ask::record(&node, &self.record, source, number).await?;
        let kept = known == Known::Kept || copies.is_kept();
        let erased = self.destroy(vault, copies, kept, actor).await?;
        let (erased, elsewhere) = self.elsewhere(vault, copies, erased)?;
        if erased.tombstone.receipt.is_some() {
            return Ok(Done { erased, note: None, elsewhere });
        }
        let noted = ask::note(&node, vault, &self.record, (source, number), &erased).await;
        let note = noted.map_err(|why| unnoted(&why))?;
        let tombstone = vault.receipted(&self.record, &note.receipt)?;
        Ok(Done { erased: Erased { tombstone, ..erased }, note: Some(note), elsewhere })
    }

    /// What the vault has, or would take.
    async fn destroy(
        &self,
        vault: &mut Store,
        copies: &Copies,
        kept: bool,
        actor: &Actor,
    ) -> Result<Erased, Failure> {
        let (record, basis) = (&self.record, self.basis);
        let known = vault.record(record)?.is_some() || vault.tombstone(record)?.is_some();
        match copies.outside() {
            Some(_) if !known && kept => Err(unvaulted()),
            Some(outside) if !known => {
                Ok(vault.erase_outside(record, &outside, basis, actor).await?)
            }
            _ => Ok(vault.erase(record, basis, kept, actor).await?),
        }
    }

    /// What lies elsewhere, unless a law keeps the record.
    fn elsewhere(
        &self,
        vault: &mut Store,
        copies: &Copies,
        mut erased: Erased,
    ) -> Result<(Erased, Destroyed), Failure> {
        if copies.is_empty() || erased.tombstone.state == State::Restricted {
            return Ok((erased, Destroyed::default()));
        }
        let done = copies.destroy(&self.record, self.off_ledger)?;
        for (holder, objects) in &done.confirmations {
            erased = vault.confirm(&self.record, holder, *objects)?;
        }
        Ok((erased, done))
    }

    /// Where the record stands in the source's numbering.
    fn place(&self, vault: &Store, copies: &Copies) -> Result<(PrincipalId, u64), Failure> {
        let queued = copies.outside();
        let (kept, buried) = (vault.record(&self.record)?, vault.tombstone(&self.record)?);
        let buried = buried.as_ref();
        let source = buried.and_then(|t| t.source.as_ref()?.parse().ok());
        let source = self.source.or(source).or_else(|| kept.as_ref()?.source);
        let source = source.or_else(|| Some(queued?.source));
        let number = self.number.or_else(|| buried?.number).or_else(|| kept.as_ref()?.number);
        let number = number.or_else(|| Some(queued?.number));
        source.zip(number).ok_or_else(|| {
            Failure::usage(
                words!(
                    "保管库不知道该记录的来源与序号",
                    "the vault does not know the record's source and number"
                ),
                words!(
                    "请给出 --source 与 --number；从未登记的记录用 --off-ledger",
                    "give --source and --number; --off-ledger if it was never registered"
                ),
            )
        })
    }

    fn answer(&self, done: &Done, out: &mut Output) {
        let (code, tombstone) = (code(&self.record), &done.erased.tombstone);
        let height = done.note.as_ref().map(|note| note.height);
        let json = json!({
            "record": self.record.to_string(), "code": code, "state": tombstone.state,
            "basis": tombstone.basis, "confirmations": tombstone.confirmations,
            "transaction": tombstone.transaction, "height": height,
            "left": done.elsewhere.left, "holes": done.elsewhere.holes,
        });
        let holders = tombstone.confirmations.len();
        let text = match (tombstone.state, height) {
            (State::Restricted, _) => words!(
                "法律规定的保存期未满，已限制处理（仅存储）　{code}",
                "a law still keeps it: restricted, only stored  {code}"
            ),
            (State::Receipted, Some(height)) => words!(
                "已删除　{code}　{holders} 个存放处已确认　账本已记载于区块 {height}",
                "erased  {code}  confirmed by {holders} holders, noted in block {height}"
            ),
            (State::Receipted, None) => {
                words!("此前已删除并记载　{code}", "erased and noted before  {code}")
            }
            _ => words!(
                "已删除　{code}　{holders} 个存放处已确认　账本未记载",
                "erased  {code}  confirmed by {holders} holders, not noted on the ledger"
            ),
        };
        out.answer(&json, &text);
    }
}

/// Everything is destroyed, the ledger does not say so yet.
fn unnoted(why: &Failure) -> Failure {
    let advice = words!(
        "密钥与密文已销毁；请重做同一命令，补记账本",
        "keys and payload are destroyed; repeat the same command to note it on the ledger"
    );
    let trace = why.trace();
    let failure = why.clone().advising(advice);
    if trace == Trace::Nothing { failure.leaving(Trace::Others) } else { failure }
}

/// A law keeps it, and only a queue has it (LEG-20).
fn unvaulted() -> Failure {
    Failure::refused(
        "VAULT_NO_RECORD",
        words!(
            "法律规定的保存期未满，而该记录只在设备队列中",
            "a law keeps the record, and only a device's queue has it"
        ),
        words!(
            "请先用 linli vault put 存入保管库，再执行删除，届时将限制处理",
            "put it into the vault with `linli vault put`; erasing it then restricts it"
        ),
    )
}
