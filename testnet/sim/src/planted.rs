//! A test of the tests: each planted bug must break a law.

use crate::run;
use linli_types::planted::{self, Bug};

/// CPU time that a bug may take to be found.
pub const CPU_MS_MAX: u64 = 10 * 60 * 1000;

/// What became of one planted bug.
#[derive(Clone, Debug)]
pub struct Found {
    /// The bug.
    pub bug: Bug,
    /// The seed that found it, and the law it broke.
    pub by: Option<(u64, String)>,
    /// Seeds that were run.
    pub seeds: u64,
    /// CPU time used.
    pub cpu_ms: u64,
}

/// Plants a bug and runs seeds until a law breaks or the time is up.
pub fn hunt(bug: Bug, from: u64) -> Found {
    planted::plant(Some(bug));
    let (mut cpu_ms, mut seeds, mut by) = (0, 0, None);
    while by.is_none() && cpu_ms < CPU_MS_MAX {
        let report = run::once(from + seeds);
        by = report.breach.map(|breach| (report.seed, breach.to_string()));
        cpu_ms += report.cpu_ms;
        seeds += 1;
    }
    planted::plant(None);
    Found { bug, by, seeds, cpu_ms }
}
