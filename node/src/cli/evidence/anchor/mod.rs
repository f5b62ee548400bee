//! `linli evidence anchor <file…>`: a manifest, a transaction and a pack for each file.
//!
//! A file is read as a stream, however large. What cannot be anchored is reported by itself and
//! does not hold up the others. Before a transaction leaves, its manifest and its signed statement are
//! on disk (`<name>.linli.pending`), so an interrupted run can be finished with `linli evidence pack`.
#![allow(rustdoc::invalid_html_tags, reason = "the command line shows these texts as they are")]

mod ready;
mod work;

use super::about::About;
use crate::cli::connect::Connect;
use crate::cli::vault::Tagging;
use crate::cli::{Exit, Failure, Output, Trace, block_on, unwritable};
use crate::words::words;
use linli_sdk::anchor::KINDS;
use serde_json::json;
use std::path::PathBuf;
use work::Work;

/// Anchors files.
#[derive(clap::Args)]
pub(super) struct Anchor {
    #[command(flatten)]
    connect: Connect,
    /// The files.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The folder for the packs: DIR/<file name>.linli.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What the files are, e.g. FORM or PHOTO_SET; otherwise by their ending.
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<i32>,
    /// When they were captured, in milliseconds since 1970 UTC; otherwise each file's own time.
    #[arg(long, value_name = "MS")]
    captured_at_ms: Option<u64>,
    #[command(flatten)]
    about: About,
    /// Puts the file itself into its pack: at most 64 MiB.
    #[arg(long)]
    inside: bool,
    #[command(flatten)]
    vault: Tagging,
}

/// A kind of evidence by its name in the contract.
pub(super) fn kind(text: &str) -> Result<i32, String> {
    let named = KINDS.iter().skip(1).position(|known| *known == text);
    let number = named.and_then(|at| i32::try_from(at.saturating_add(1)).ok());
    number.ok_or_else(|| KINDS.iter().skip(1).copied().collect::<Vec<_>>().join(", "))
}

impl Anchor {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        self.about.check(&self.files)?;
        std::fs::create_dir_all(&self.out).map_err(|e| unwritable(&self.out, &e))?;
        block_on(self.anchor_all(out))
    }

    async fn anchor_all(self, out: &mut Output<'_>) -> Result<(), Failure> {
        let work = Work::open(&self, out).await?;
        let mut failures = Vec::new();
        for file in &self.files {
            if let Err(failure) = work.anchor(&self, file, out).await {
                failures.push((file, failure));
            }
        }
        match failures.as_slice() {
            [] => Ok(()),
            [(_, failure)] if self.files.len() == 1 => Err(failure.clone()),
            _ => Err(self.partial(&failures, out)),
        }
    }

    /// Explains each failure and sums them up.
    fn partial(&self, failures: &[(&PathBuf, Failure)], out: &mut Output<'_>) -> Failure {
        let mut reports = Vec::new();
        for (file, failure) in failures {
            let shown = file.display();
            out.note(&words!("未存证　{shown}", "not anchored  {shown}"));
            out.explain(failure);
            let mut report = failure.to_json(out.lang());
            if let Some(object) = report.as_object_mut() {
                object.insert("file".into(), json!(file));
            }
            reports.push(report);
        }
        let (all, n) = (self.files.len(), failures.len());
        let done = all.saturating_sub(n);
        let any = |exit| failures.iter().any(|(_, failure)| failure.exit() == exit);
        let unknown = failures.iter().any(|(_, failure)| failure.trace() == Trace::Unknown);
        // An anchored file whose pack is missing counts as recorded too.
        let packless = failures.iter().any(|(_, failure)| failure.trace() == Trace::All);
        let trace = match (unknown, done > 0 || packless) {
            (true, _) => Trace::Unknown,
            (false, false) => Trace::Nothing,
            (false, true) => Trace::Others,
        };
        // The gravest of them; wrong usage only if nothing else went wrong.
        let exit = [Exit::Broken, Exit::Refused].into_iter().find(|exit| any(*exit));
        Failure::new(
            exit.unwrap_or(Exit::Usage),
            "PARTIAL",
            words!("{all} 个文件中有 {n} 个未存证", "{n} of {all} files were not anchored"),
            words!("改正后只重做失败的文件", "correct and repeat only what failed"),
        )
        .leaving(trace)
        .with(json!({"anchored": done, "failed": reports}))
    }
}
