//! `linli vault erase`: the vault destroys, the ledger notes it, the receipt stays with the tombstone.
//!
//! Repeated after any interruption it goes on: what is destroyed stays so, and a note that may have
//! reached the ledger is asked for before another one is sent.

use super::ask::{self, Known, Note};
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
}

fn basis(text: &str) -> Result<Basis, String> {
    Basis::from_name(text).ok_or_else(|| Basis::ALL.map(Basis::name).join(", "))
}

impl Erase {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let actor = self.by.actor()?;
        let mut vault = self.which.open()?;
        let (erased, note) = block_on(self.erase(&mut vault, &actor))?;
        self.answer(&erased, note.as_ref(), out);
        Ok(())
    }

    async fn erase(
        &self,
        vault: &mut Store,
        actor: &Actor,
    ) -> Result<(Erased, Option<Note>), Failure> {
        if self.off_ledger {
            return Ok((vault.erase(&self.record, self.basis, false, actor).await?, None));
        }
        let (source, number) = self.place(vault)?;
        let node = self.connect.open().await?;
        // Before anything is destroyed: it must be this record that the ledger will call erased.
        let known = ask::record(&node, &self.record, source, number).await?;
        let erased = vault.erase(&self.record, self.basis, known == Known::Kept, actor).await?;
        if erased.tombstone.receipt.is_some() {
            return Ok((erased, None));
        }
        let noted = ask::note(&node, vault, &self.record, (source, number), &erased).await;
        let note = noted.map_err(|why| unnoted(&why))?;
        let tombstone = vault.receipted(&self.record, &note.receipt)?;
        Ok((Erased { tombstone, ..erased }, Some(note)))
    }

    /// Where the record stands in the source's numbering.
    fn place(&self, vault: &Store) -> Result<(PrincipalId, u64), Failure> {
        let (kept, buried) = (vault.record(&self.record)?, vault.tombstone(&self.record)?);
        let buried = buried.as_ref();
        let source = buried.and_then(|t| t.source.as_ref()?.parse().ok());
        let source = self.source.or(source).or_else(|| kept.as_ref()?.source);
        let number = self.number.or_else(|| buried?.number).or_else(|| kept.as_ref()?.number);
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

    fn answer(&self, erased: &Erased, note: Option<&Note>, out: &mut Output) {
        let (code, tombstone) = (code(&self.record), &erased.tombstone);
        let height = note.map(|note| note.height);
        let json = json!({
            "record": self.record.to_string(), "code": code, "state": tombstone.state,
            "basis": tombstone.basis, "confirmations": tombstone.confirmations,
            "transaction": tombstone.transaction, "height": height,
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
