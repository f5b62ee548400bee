//! `linli evidence receipt --cose`: the bare receipt of a leaf, in the words of RFC 9942.

use crate::cli::connect::Connect;
use crate::cli::key::principal;
use crate::cli::query::write_new;
use crate::cli::{Exit, Failure, Output, block_on};
use crate::words::words;
use linli_sdk::cose::{Leaves, Receipts};
use linli_types::human;
use linli_types::id::{PrincipalId, TxId};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Which leaf, and that its COSE receipt is wanted.
#[derive(clap::Args)]
pub(super) struct Cose {
    /// Writes the COSE receipt of a log leaf, with the certificate, to --out.
    #[arg(long, requires = "out")]
    cose: bool,
    /// The leaf, by its index in the log.
    #[arg(long, value_name = "N", requires = "cose", conflicts_with_all = ["transaction", "number"])]
    leaf: Option<u64>,
    /// The leaf, by the source's own number.
    #[arg(long, value_name = "N", requires = "cose", conflicts_with = "transaction")]
    number: Option<u64>,
    /// The source; otherwise the key's own principal.
    #[arg(long, value_name = "ID", value_parser = principal, requires = "number")]
    source: Option<PrincipalId>,
    /// Of how many organisations a signature is wanted.
    #[arg(long, value_name = "N", requires = "cose", default_value = "2")]
    organisations: u32,
}

impl Cose {
    pub(super) const fn is_asked(&self) -> bool {
        self.cose
    }

    pub(super) fn run(
        self,
        connect: &Connect,
        transaction: Option<TxId>,
        file: Option<PathBuf>,
        out: &mut Output,
    ) -> Result<(), Failure> {
        let file = file.unwrap_or_default();
        let wanted = self.organisations;
        let receipts = block_on(self.fetch(connect, transaction))?;
        let Some((leaf, bare)) = receipts.leaves.first() else { return Err(no_leaf()) };
        let bytes = bare.to_bytes();
        write_new(&file, &bytes)?;
        let sets = write_sets(&file, &receipts)?;
        let Receipts { header, organisations, .. } = &receipts;
        let (height, shown, size) = (header.height.0, file.display(), bytes.len());
        let json = json!({
            "leaf": leaf, "height": height, "log_size": header.log_size, "receipt": file,
            "bytes": size, "organisations": organisations, "sets": sets,
        });
        let text = words!(
            "第 {leaf} 号叶　区块 {height}　{organisations} 家机构签署　{size} 字节　{shown}",
            "leaf {leaf}  block {height}  signed by {organisations} organisations  {size} bytes  {shown}"
        );
        out.answer(&json, &text);
        if *organisations < wanted as usize {
            out.note(&words!(
                "只取得 {organisations} 家机构的签署（希望 {wanted} 家）：其余节点未连通，或没有回执密钥",
                "signatures of {organisations} organisations only, of {wanted} wanted: the others are out of reach or have no receipt key"
            ));
        }
        Ok(())
    }

    async fn fetch(
        &self,
        connect: &Connect,
        transaction: Option<TxId>,
    ) -> Result<Receipts, Failure> {
        let node = connect.open().await?;
        let leaves = match (transaction, self.leaf, self.number) {
            (Some(id), None, None) => Leaves::Of(id),
            (None, Some(leaf), None) => Leaves::From(leaf),
            (None, None, Some(number)) => {
                let source = self.source.map_or_else(|| node.principal(), Ok)?;
                let leaf = node.client.leaf_of_number(source, number).await?;
                Leaves::From(leaf.ok_or_else(no_leaf)?)
            }
            _ => return Err(no_leaf()),
        };
        Ok(node.client.cose_receipts(leaves, 1, self.organisations).await?)
    }
}

fn no_leaf() -> Failure {
    Failure::new(
        Exit::Refused,
        "NO_LEAF",
        words!("账本上没有所指的叶", "the ledger names no such leaf"),
        words!(
            "请给出交易编号，或用 --leaf、--number 指明",
            "name a transaction, or a leaf with --leaf or --number"
        ),
    )
}

/// Receipts of a set that the genesis does not name need its history: a file beside them, which
/// serves all.
fn write_sets(file: &Path, receipts: &Receipts) -> Result<Option<PathBuf>, Failure> {
    if receipts.sets.is_empty() {
        return Ok(None);
    }
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".sets");
    let path = file.with_file_name(name);
    write_new(&path, &linli_types::encode(&receipts.sets))?;
    Ok(Some(path))
}

/// A record's id, as a digest in hexadecimal or as an EV- code.
pub(in crate::cli) fn record_id(text: &str) -> Result<linli_types::id::Digest, String> {
    if text.to_ascii_uppercase().starts_with("EV") {
        let (_, bytes) = human::read(text).map_err(|e| e.to_string())?;
        return linli_types::id::Digest::from_slice(&bytes).ok_or_else(|| "32 bytes".into());
    }
    text.parse().map_err(|e: linli_types::id::NotHex| e.to_string())
}
