//! Structured logs: where they go and what they hold.
//!
//! Lines go to standard error or to a file of the data folder, as text or JSON. `RUST_LOG` is the
//! only environment variable that a node reads; it overrides the level of the configuration.

use crate::config::{Log, LogFormat};
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// The consensus engine says everything it does at `info`; a node's log has its own words for it.
const QUIET: &str = "arc_malachitebft_core_consensus=warn,arc_malachitebft_core_driver=warn";

/// Starts logging for this process. A second start changes nothing: tests share a process.
///
/// # Errors
///
/// The log file cannot be opened.
pub fn start(log: &Log, data: &Path) -> io::Result<()> {
    let writer = match log.file.as_os_str().is_empty() {
        true => BoxMakeWriter::new(io::stderr),
        false => BoxMakeWriter::new(Arc::new(open(&data.join(&log.file))?)),
    };
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new(format!("{},{QUIET}", log.level.word())));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    let _already_started = match log.format {
        LogFormat::Text => lines.with_ansi(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}
