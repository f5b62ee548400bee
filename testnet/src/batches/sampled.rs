//! The samples, verified by the command line as a user would: one run over their folder.

use super::SAMPLES;
use crate::net::{self, Net};
use crate::{Failure, process};
use serde::Deserialize;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// How often the run's memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What `linli verify --dir` came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verified {
    /// Receipts that hold.
    pub(crate) receipts: u64,
    /// By its own clock, from the listing to the last verdict.
    pub(crate) seconds: f64,
    /// Its largest resident memory, as last seen before it ended.
    pub(crate) rss_mib_max: f64,
}

/// The run's own last line.
#[derive(Deserialize)]
struct Said {
    verified: bool,
    held: u64,
    seconds: f64,
}

/// Verifies every sample.
///
/// # Errors
///
/// [`Failure`] with what the command line said if one does not hold, or none is there.
pub(crate) fn verify(net: &Net, dir: &Path) -> Result<Verified, Failure> {
    // A file, not a pipe: nobody reads while the memory is watched.
    let log = dir.join("verify.log");
    let mut run = Command::new(net::binary("linli")?)
        .args(["--json", "verify", "--dir"])
        .arg(dir.join(SAMPLES))
        .arg("--genesis")
        .arg(&net.genesis)
        .stdout(std::fs::File::create(&log)?)
        .spawn()?;
    let mut rss_mib_max = 0.0_f64;
    let status = loop {
        if let Some(status) = run.try_wait()? {
            break status;
        }
        rss_mib_max = process::rss_mib_max(run.id()).unwrap_or(0.0).max(rss_mib_max);
        std::thread::sleep(LOOK_EVERY);
    };
    let text = std::fs::read_to_string(&log)?;
    let last = text.lines().last().unwrap_or_default();
    let said = serde_json::from_str::<Said>(last).ok();
    match said.filter(|said| said.verified && status.success()) {
        Some(Said { held: receipts, seconds, .. }) => {
            Ok(Verified { receipts, seconds, rss_mib_max })
        }
        None => Err(Failure::law(format!("the samples do not all verify: {last}"))),
    }
}
