//! Many seeds: on several threads, resumable, failing ones kept.

use crate::run::{self, Report};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// What to run.
#[derive(Clone, Debug, Default)]
pub struct Campaign {
    /// The seeds, in order.
    pub seeds: Vec<u64>,
    /// Threads.
    pub jobs: usize,
    /// Run each seed once instead of twice.
    pub once: bool,
    /// A file that names the seeds that are done; they are left out, and new ones added.
    pub resume: Option<PathBuf>,
    /// A file of failing seeds: they run first, and new ones are added.
    pub keep: Option<PathBuf>,
    /// Stop at the first broken law.
    pub stop_early: bool,
}

/// What many seeds came to.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    /// Seeds run.
    pub seeds: u64,
    /// Simulated milliseconds.
    pub simulated_ms: u64,
    /// CPU milliseconds; of both runs, if each ran twice.
    pub cpu_ms: u64,
    /// Runs per seed.
    pub runs_per_seed: u64,
    /// Blocks.
    pub blocks: u64,
    /// Transactions in blocks.
    pub transactions: u64,
    /// Messages handed to the network.
    pub messages: u64,
    /// Messages lost there.
    pub lost: u64,
    /// Processes started again.
    pub restarts: u64,
    /// Pieces of evidence.
    pub evidence: u64,
    /// Fired timers.
    pub timers: u64,
    /// Longest time from the mending to a commit of every honest validator, and the sum of all.
    pub recovery_ms: (u64, u64),
    /// In how many runs each kind of fault or lie was.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Fewest blocks and transactions of a run, and shortest run in simulated milliseconds.
    pub least: (u64, u64, u64),
    /// Broken laws, by seed.
    pub broken: BTreeMap<u64, String>,
}

impl Sum {
    fn add(&mut self, report: &Report) {
        self.seeds += 1;
        self.simulated_ms += report.simulated_ms;
        self.cpu_ms += report.cpu_ms;
        self.blocks += report.tally.blocks;
        self.transactions += report.tally.transactions;
        self.messages += report.carried.sent;
        self.lost += report.carried.lost;
        self.restarts += report.tally.restarts;
        self.evidence += report.tally.evidence;
        self.timers += report.tally.timers;
        let recovery_ms = report.tally.recovery_ms;
        self.recovery_ms = (self.recovery_ms.0.max(recovery_ms), self.recovery_ms.1 + recovery_ms);
        report.kinds.iter().for_each(|kind| *self.kinds.entry(kind).or_insert(0) += 1);
        match &report.breach {
            Some(breach) => {
                self.broken.insert(report.seed, breach.to_string());
            }
            None => {
                let (blocks, transactions, ms) = self.least;
                let tally = report.tally;
                self.least = match self.seeds {
                    1 => (tally.blocks, tally.transactions, report.simulated_ms),
                    _ => (
                        blocks.min(tally.blocks),
                        transactions.min(tally.transactions),
                        ms.min(report.simulated_ms),
                    ),
                };
            }
        }
    }

    /// Simulated time divided by CPU time.
    pub fn speed(&self) -> u64 {
        (self.simulated_ms * self.runs_per_seed).checked_div(self.cpu_ms).unwrap_or(0)
    }
}

/// Seeds that a file names: the first word of each line; what follows `#` is for people.
///
/// # Errors
///
/// If the file is there and cannot be read.
pub fn seeds_of(file: &Path) -> io::Result<Vec<u64>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(none) if none.kind() == io::ErrorKind::NotFound => String::new(),
        Err(why) => return Err(why),
    };
    let first = |line: &str| line.split_whitespace().next().and_then(|word| word.parse().ok());
    Ok(text.lines().filter_map(first).collect())
}

impl Campaign {
    /// Runs every seed; `tell` hears of each as it ends, in any order.
    ///
    /// # Errors
    ///
    /// If one of the files cannot be read or written.
    pub fn run(&self, tell: &(dyn Fn(&Report) + Sync)) -> io::Result<Sum> {
        let done: BTreeSet<u64> = match &self.resume {
            Some(file) => seeds_of(file)?.into_iter().collect(),
            None => BTreeSet::new(),
        };
        let mut seeds = self.keep.as_deref().map_or(Ok(Vec::new()), seeds_of)?;
        seeds.extend(self.seeds.iter().filter(|seed| !done.contains(seed)));
        let mut seen = BTreeSet::new();
        seeds.retain(|seed| seen.insert(*seed));
        let log = Log::open(self)?;
        let (next, stop) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let runs_per_seed = if self.once { 1 } else { 2 };
        let sum = Mutex::new(Sum { runs_per_seed, ..Sum::default() });
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(|| {
                    while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::SeqCst)) {
                        if stop.load(Ordering::SeqCst) != 0 {
                            break;
                        }
                        let report = if self.once { run::once(*seed) } else { run::twice(*seed) };
                        if report.breach.is_some() && self.stop_early {
                            stop.store(1, Ordering::SeqCst);
                        }
                        log.write(&report);
                        tell(&report);
                        sum.lock().unwrap_or_else(PoisonError::into_inner).add(&report);
                    }
                });
            }
        });
        log.failed()?;
        Ok(sum.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The files that grow while seeds run.
struct Log {
    resume: Mutex<Option<File>>,
    keep: Mutex<Option<File>>,
    known: BTreeSet<u64>,
    error: Mutex<Option<io::Error>>,
}

impl Log {
    fn open(campaign: &Campaign) -> io::Result<Self> {
        let open = |file: &Option<PathBuf>| {
            file.as_ref().map(|f| OpenOptions::new().create(true).append(true).open(f)).transpose()
        };
        let known = campaign.keep.as_deref().map_or(Ok(Vec::new()), seeds_of)?;
        Ok(Self {
            resume: Mutex::new(open(&campaign.resume)?),
            keep: Mutex::new(open(&campaign.keep)?),
            known: known.into_iter().collect(),
            error: Mutex::new(None),
        })
    }

    fn write(&self, report: &Report) {
        let Report { seed, audit, breach, .. } = report;
        let done = format!("{seed} {audit}\n");
        self.append(&self.resume, done.as_bytes());
        if let Some(breach) = breach.as_ref().filter(|_| !self.known.contains(seed)) {
            self.append(&self.keep, format!("{seed} # {breach}\n").as_bytes());
        }
    }

    fn append(&self, file: &Mutex<Option<File>>, bytes: &[u8]) {
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(why)) = file.as_mut().map(|f| f.write_all(bytes)) {
            *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        }
    }

    fn failed(self) -> io::Result<()> {
        match self.error.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(why) => Err(why),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_seeds_reads_back() {
        let folder = std::env::temp_dir().join(format!("linli-sim-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("seeds.txt");
        assert_eq!(seeds_of(&file).unwrap(), Vec::<u64>::new());
        std::fs::write(&file, "# failing seeds\n17 # agreement: two blocks\n\n4 abc\n").unwrap();
        assert_eq!(seeds_of(&file).unwrap(), vec![17, 4]);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
