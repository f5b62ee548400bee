//! `linli verify x.receipt`: a bare receipt, with the statement or the id that it is for.

use super::{no_files, not_verified, read_pack};
use crate::cli::evidence::record_id;
use crate::cli::{Failure, Output};
use crate::words::{Words, words};
use linli_types::human;
use linli_types::id::Digest;
use linli_types::signature::Zip215;
use linli_verify::cose::bare::{Asked, Bare, Proved, read_sets};
use linli_verify::{Failure as NotVerified, time};
use serde_json::json;
use std::path::PathBuf;

/// What a bare receipt is verified with.
#[derive(clap::Args)]
pub(super) struct Receipt {
    /// The signed statement (COSE) that a bare receipt is for.
    #[arg(long, value_name = "FILE", conflicts_with = "record")]
    statement: Option<PathBuf>,
    /// The record that a bare receipt is for: its id in hexadecimal or as EV- code.
    #[arg(long, value_name = "ID", value_parser = record_id)]
    record: Option<Digest>,
    /// The history of validator sets, if the set was changed since the genesis.
    #[arg(long, value_name = "FILE")]
    sets: Option<PathBuf>,
}

/// Whether a file begins as an array of COSE receipts does; a pack is a ZIP.
pub(super) fn is_bare(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| (0x80..0xa0).contains(first))
}

impl Receipt {
    pub(super) fn run(
        &self,
        bytes: &[u8],
        genesis: &[u8],
        files: &[PathBuf],
        out: &mut Output,
    ) -> Result<(), Failure> {
        let statement = self.statement.as_deref().map(read_pack).transpose()?;
        let asked = match (&statement, self.record) {
            (Some(bytes), _) => Asked::Statement(bytes),
            (None, Some(id)) => Asked::Id(id),
            (None, None) => return Err(for_what()),
        };
        if let Some(file) = files.first() {
            return Err(no_files(file));
        }
        let sets = self.sets.as_deref().map(read_pack).transpose()?;
        let verified = || -> Result<Proved, NotVerified> {
            let sets = sets.as_deref().map(read_sets).transpose()?.unwrap_or_default();
            Bare::from_bytes(bytes)?.check(genesis, &sets, asked, &Zip215)
        };
        let proved = verified().map_err(|why| not_verified(&why))?;
        say(&proved, out);
        Ok(())
    }
}

fn for_what() -> Failure {
    Failure::usage(
        words!("回执须与它所证明的声明一起验证", "a receipt is verified with what it is for"),
        words!(
            "请用 --statement 给出声明文件，或用 --record 给出存证编号",
            "give the statement with --statement, or the record's id with --record"
        ),
    )
}

fn say(proved: &Proved, out: &mut Output) {
    let Proved { name, chain, header, place, signers, certified_by, statement } = proved;
    let names = |of: &[(String, u32)]| {
        of.iter().map(|(name, org)| json!({ "name": name, "org": org })).collect::<Vec<_>>()
    };
    let list = |of: &[(String, u32)]| {
        of.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
    };
    let claims = statement.as_ref().map(|signed| {
        let claims = &signed.claims;
        json!({
            "record": signed.id().to_string(), "source": claims.source.to_string(),
            "subject": claims.subject, "number": claims.number, "kind": claims.kind,
            "manifest_sha256": claims.manifest_sha256.to_string(),
            "manifest_sm3": claims.sm3.to_string(), "size": claims.size,
            "captured_at_ms": claims.captured_at_ms, "key": signed.key.to_string(),
        })
    });
    let json = json!({
        "verified": true, "kind": "cose-receipt", "chain": chain.to_string(), "chain_name": name,
        "leaf": place.leaf, "log_size": place.size, "height": header.height.0,
        "block_time_ms": header.time.0, "organisations": proved.organisations(),
        "signed_by": names(signers), "certified_by": names(certified_by), "statement": claims,
    });
    let (leaf, size, height) = (place.leaf, place.size, header.height.0);
    let (when, signed, certified) = (time::text(header.time), list(signers), list(certified_by));
    let Words { mut zh, mut en } = words!(
        "核验一致　{name}　日志第 {leaf} 号叶（共 {size}）　区块 {height}　{when}\n\
         回执签署：{signed}　区块证书：{certified}",
        "verified  {name}  leaf {leaf} of {size}  block {height}  {when}\n\
         receipt signed by {signed}; block certified by {certified}"
    );
    if let Some(signed) = statement {
        let (record, key) = (human::write(human::Kind::Evidence, &signed.id().0), signed.key);
        zh.push_str(&format!("\n声明 {record} 的签名成立，公钥 {key}"));
        en.push_str(&format!("\nstatement {record}: its signature holds, by the key {key}"));
    }
    zh.push_str(
        "\n它证明这条记录在该区块之前已进入日志且未改动；不证明记录的种类，也不证明签名公钥属于谁：\
         这些由证据包证明。",
    );
    en.push_str(
        "\nIt proves that the record was in the log at that block and is unchanged. Not what kind of \
         record it is, nor whose the key was: that is an evidence pack's.",
    );
    out.answer(&json, &Words { zh, en });
}
