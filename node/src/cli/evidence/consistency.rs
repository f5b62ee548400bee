//! `linli evidence consistency`: that nothing of the log's past was changed.

use crate::cli::connect::Connect;
use crate::cli::query::write_new;
use crate::cli::{Failure, Output, block_on};
use crate::words::words;
use serde_json::Value;
use std::path::PathBuf;

/// Shows that the log of one size is the beginning of the log of another.
#[derive(clap::Args)]
pub(super) struct Consistency {
    #[command(flatten)]
    connect: Connect,
    /// Leaves of the older log.
    #[arg(value_name = "FROM")]
    from: u64,
    /// Leaves of the newer log; otherwise the present one.
    #[arg(value_name = "TO", default_value = "0", hide_default_value = true)]
    to: u64,
    /// Writes sizes, roots, path (RFC 9162) and the blocks that certify them to a new file, as JSON,
    /// for linli verify.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Consistency {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let proof = block_on(async {
            let node = self.connect.open().await?;
            Ok::<_, Failure>(node.client.consistency(self.from, self.to).await?)
        })?;
        let written = proof.to_json();
        if let Some(file) = &self.out {
            write_new(file, written.as_bytes())?;
        }
        let (from, to) = (proof.from.size, proof.to.size);
        let (old, new) = (proof.from.root, proof.to.root);
        let text = words!(
            "日志从 {from} 到 {to} 只增未改　{old} → {new}",
            "the log of {from} is the beginning of the log of {to}  {old} → {new}"
        );
        let json: Value = serde_json::from_str(&written).unwrap_or_default();
        out.answer(&json, &text);
        Ok(())
    }
}
