//! What a run consists of, drawn from its seed: validators, clocks, weather, faults, liars, load.
//!
//! A run has two phases. In the first, faults strike; nothing but safety is asked. At its end
//! everything is mended (liars stay liars), and in the second phase the chain must go on.

use crate::chance::Chance;
use crate::clock::Skewed;
use crate::crypto::Scheme;
use crate::disk::Fuse;
use crate::liar::Sin;
use crate::network::Weather;
use linli_core::PoolBounds;
use std::collections::BTreeSet;

/// One seed in this many signs with real Ed25519.
pub const REAL_ONE_IN: u64 = 20;
/// In one seed of this many the power fails inside commits, again and again.
const CUTS_ONE_IN: u64 = 4;
/// How often it does.
const CUTS: usize = 6;
/// In one seed of this many the validators change: one joins, one gets a new key, one leaves.
const CHANGES_ONE_IN: u64 = 16;
/// The machines of such a run: four validators, and one that is yet to come.
const CHANGES_MACHINES: usize = 5;
/// Fewest simulated milliseconds of a run.
pub const RUN_MS_MIN: u64 = 60_000;
/// Fewest blocks of a run.
pub const BLOCKS_MIN: u64 = 100;
/// Fewest transactions in the blocks of a run.
pub const TRANSACTIONS_MIN: u64 = 500;
/// Fewest kinds of faults in a run.
pub const FAULT_KINDS_MIN: usize = 3;
/// Shortest second phase.
pub const CALM_MS_MIN: u64 = 15_000;

/// Something that goes wrong, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A process dies and comes back; what was not synced is lost. With a fuse it dies inside an
    /// operation on its disk.
    Crash {
        /// Who.
        node: usize,
        /// For how long.
        down_ms: u64,
        /// Inside which operation.
        fuse: Option<Fuse>,
    },
    /// All processes die at once and come back one by one.
    CrashAll {
        /// Longest time until one is back.
        down_ms: u64,
    },
    /// While a process is down, one bit of its state rots. It must refuse to start; the operator
    /// then mends the bit.
    Rot {
        /// Who.
        node: usize,
    },
    /// The network falls in two.
    Partition {
        /// Those on one side.
        side: BTreeSet<usize>,
        /// For how long.
        ms: u64,
        /// Whether connections are seen to break.
        seen: bool,
    },
    /// One way carries nothing; the way back does.
    OneWay {
        /// From.
        from: usize,
        /// To.
        to: usize,
        /// For how long.
        ms: u64,
    },
    /// Ways are cut one after the other and mended in another order.
    Swizzle {
        /// From the first cut to the last mend.
        ms: u64,
    },
    /// A process stands still, and then finds everything that arrived meanwhile.
    Stall {
        /// Who.
        node: usize,
        /// For how long.
        ms: u64,
    },
    /// A wall clock jumps.
    Jump {
        /// Whose.
        node: usize,
        /// By how much.
        by_ms: i64,
    },
}

impl Fault {
    /// The fault's kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Crash { fuse: None, .. } => "crash",
            Self::Crash { fuse: Some(Fuse::Write(_)), .. } => "crash in a write",
            Self::Crash { fuse: Some(Fuse::Commit(_)), .. } => "crash in a commit",
            Self::CrashAll { .. } => "crash of all",
            Self::Rot { .. } => "rot",
            Self::Partition { .. } => "partition",
            Self::OneWay { .. } => "one-way partition",
            Self::Swizzle { .. } => "swizzle",
            Self::Stall { .. } => "stall",
            Self::Jump { .. } => "clock jump",
        }
    }
}

/// What the clients do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// Deeds per second.
    pub rate: u64,
    /// Deeds at once, now and then.
    pub burst: u64,
    /// Validity of a transaction.
    pub validity_ms: u64,
}

/// A run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it is drawn from.
    pub seed: u64,
    /// How many validators.
    pub validators: usize,
    /// Whether the validators change; then the last machine is not one of them at first.
    pub changes: bool,
    /// With which signatures.
    pub scheme: Scheme,
    /// The network's weather in the first phase.
    pub weather: Weather,
    /// Each validator's clocks.
    pub clocks: Vec<Skewed>,
    /// Who lies, and how.
    pub liars: Vec<(usize, Sin)>,
    /// What goes wrong, and when.
    pub faults: Vec<(u64, Fault)>,
    /// When the first phase ends.
    pub mended_ms: u64,
    /// Least time between blocks.
    pub block_interval_ms: u64,
    /// Bounds of each pool.
    pub pool: PoolBounds,
    /// The clients.
    pub load: Load,
}

impl Plan {
    /// Draws the run of a seed.
    pub fn draw(seed: u64) -> Self {
        let trunk = Chance::new(seed);
        let mut chance = trunk.fork("plan");
        let validators = *chance.pick(&[4, 4, 4, 4, 4, 4, 4, 4, 5, 7]).unwrap_or(&4);
        // No draw decides it: kept seeds stay the runs they were.
        let changes = seed % CHANGES_ONE_IN == 5;
        let validators = if changes { CHANGES_MACHINES } else { validators };
        let scheme = if seed.is_multiple_of(REAL_ONE_IN) { Scheme::Real } else { Scheme::Pretend };
        let mended_ms = chance.between(35_000, 48_000);
        let mut plan = Self {
            seed,
            validators,
            changes,
            scheme,
            weather: Weather::draw(&mut trunk.fork("weather")),
            clocks: clocks(&mut trunk.fork("clocks"), validators),
            liars: liars(&mut trunk.fork("liars"), validators),
            faults: Vec::new(),
            mended_ms,
            block_interval_ms: *chance.pick(&[20, 50, 100, 200]).unwrap_or(&100),
            pool: pool(&mut chance),
            load: load(&mut chance),
        };
        let mut chance = trunk.fork("faults");
        plan.faults = faults(&mut chance, validators, mended_ms);
        if seed % CUTS_ONE_IN == CUTS_ONE_IN - 1 {
            plan.faults.extend(cuts(&mut trunk.fork("cuts"), validators, mended_ms));
        }
        while plan.kinds().len() < FAULT_KINDS_MIN {
            let at_ms = chance.between(2_000, mended_ms - 6_000);
            plan.faults.push((at_ms, fault(&mut chance, validators)));
        }
        plan.faults.sort_by_key(|(at_ms, _)| *at_ms);
        plan
    }

    /// How many validators may fail or lie.
    pub const fn tolerated(&self) -> usize {
        (self.validators - 1) / 3
    }

    /// The kinds of faults and lies in this run.
    pub fn kinds(&self) -> BTreeSet<&'static str> {
        let clocks = self.clocks.iter().any(|c| c.offset_ms.abs() > 900 || c.drift_ppm.abs() > 900);
        self.weather
            .faults()
            .chain(self.faults.iter().map(|(_, fault)| fault.kind()))
            .chain(self.liars.iter().map(|(_, sin)| sin.name()))
            .chain(clocks.then_some("clock skew"))
            .collect()
    }

    /// The sin of a validator, if it is a liar.
    pub fn sin(&self, node: usize) -> Option<Sin> {
        self.liars.iter().find(|(liar, _)| *liar == node).map(|(_, sin)| *sin)
    }
}

/// How many may fail.
const fn tolerated(validators: usize) -> usize {
    (validators - 1) / 3
}

/// All clocks are nearly right; of those that may fail, some are badly wrong.
fn clocks(chance: &mut Chance, validators: usize) -> Vec<Skewed> {
    let mut clocks: Vec<Skewed> = (0..validators)
        .map(|_| Skewed {
            zero_ms: 10_000_000 + chance.below(1_000_000),
            drift_ppm: small(chance, 200),
            offset_ms: small(chance, 150),
        })
        .collect();
    if chance.one_in(3) {
        for _ in 0..tolerated(validators) {
            let at = chance.index(validators);
            if let Some(clock) = clocks.get_mut(at) {
                clock.offset_ms = wrong(chance);
                clock.drift_ppm = *chance.pick(&[0, 20_000, -20_000, 50_000]).unwrap_or(&0);
            }
        }
    }
    clocks
}

/// A number of `-bound..=bound`.
fn small(chance: &mut Chance, bound: i64) -> i64 {
    let span = u64::try_from(bound * 2 + 1).unwrap_or(1);
    i64::try_from(chance.below(span)).unwrap_or(0) - bound
}

/// A badly wrong offset.
fn wrong(chance: &mut Chance) -> i64 {
    *chance.pick(&[-600_000, -5_000, -1_500, 1_500, 5_000, 600_000]).unwrap_or(&0)
}

fn liars(chance: &mut Chance, validators: usize) -> Vec<(usize, Sin)> {
    if chance.one_in(2) {
        return Vec::new();
    }
    let mut liars = Vec::new();
    let count = chance.between(1, tolerated(validators) as u64);
    for _ in 0..count {
        let node = chance.index(validators);
        if liars.iter().all(|(other, _)| *other != node) {
            liars.push((node, *chance.pick(Sin::ALL).unwrap_or(&Sin::Silent)));
        }
    }
    liars
}

fn pool(chance: &mut Chance) -> PoolBounds {
    let transactions = *chance.pick(&[100, 400, 5_000]).unwrap_or(&400);
    PoolBounds { transactions, ..PoolBounds::default() }
}

fn load(chance: &mut Chance) -> Load {
    Load {
        rate: chance.between(11, 18),
        burst: *chance.pick(&[0, 20, 150]).unwrap_or(&0),
        validity_ms: chance.between(4_000, 30_000),
    }
}

/// Faults at a rate drawn for the run, of kinds drawn for the run.
fn faults(chance: &mut Chance, validators: usize, mended_ms: u64) -> Vec<(u64, Fault)> {
    let count = chance.between(1, 9);
    let favourite = chance.one_in(3).then(|| fault(chance, validators).kind());
    let mut faults = Vec::new();
    for _ in 0..count {
        let at_ms = chance.between(1_000, mended_ms.saturating_sub(6_000));
        let mut drawn = fault(chance, validators);
        for _ in 0..20 {
            if favourite.is_none_or(|kind| drawn.kind() == kind) {
                break;
            }
            drawn = fault(chance, validators);
        }
        faults.push((at_ms, drawn));
    }
    faults
}

/// The power fails where a height becomes durable: of all writes this one carries the most, and few
/// fuses of the common kind burn down in it.
fn cuts(chance: &mut Chance, validators: usize, mended_ms: u64) -> Vec<(u64, Fault)> {
    let cut = |_| {
        let at_ms = chance.between(1_000, mended_ms.saturating_sub(6_000));
        let (node, down_ms) = (chance.index(validators), chance.between(300, 3_000));
        let fuse = Some(Fuse::Commit(chance.between(1, 4)));
        (at_ms, Fault::Crash { node, down_ms, fuse })
    };
    (0..CUTS).map(cut).collect()
}

fn fault(chance: &mut Chance, validators: usize) -> Fault {
    let node = chance.index(validators);
    let ms = chance.between(300, 6_000);
    match chance.below(12) {
        0 | 1 => Fault::Crash { node, down_ms: ms, fuse: None },
        2 | 3 => Fault::Crash { node, down_ms: ms, fuse: Some(Fuse::Write(chance.between(1, 12))) },
        4 => Fault::CrashAll { down_ms: ms },
        5 => Fault::Rot { node },
        6 | 7 => {
            let mut side: BTreeSet<usize> = (0..validators).filter(|_| chance.one_in(2)).collect();
            side.insert(node);
            Fault::Partition { side, ms, seen: chance.one_in(2) }
        }
        8 => Fault::OneWay { from: node, to: (node + 1) % validators, ms },
        9 => Fault::Swizzle { ms },
        10 => Fault::Stall { node, ms },
        _ => Fault::Jump { node, by_ms: wrong(chance) / 4 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_has_three_kinds_of_faults_and_no_more_liars_than_are_tolerated() {
        for seed in 0..2_000 {
            let plan = Plan::draw(seed);
            assert!(plan.kinds().len() >= FAULT_KINDS_MIN, "{seed}: {:?}", plan.kinds());
            assert!(plan.liars.len() <= plan.tolerated(), "{seed}");
            assert!(plan.faults.iter().all(|(at_ms, _)| *at_ms < plan.mended_ms), "{seed}");
            assert_eq!(plan.clocks.len(), plan.validators);
        }
    }

    #[test]
    fn the_seeds_together_meet_every_fault_and_every_sin() {
        let met: BTreeSet<&str> = (0..500).flat_map(|seed| Plan::draw(seed).kinds()).collect();
        for kind in [
            "loss",
            "duplication",
            "delay",
            "clog",
            "reorder",
            "crash",
            "crash in a write",
            "crash in a commit",
            "crash of all",
            "rot",
            "partition",
            "one-way partition",
            "swizzle",
            "stall",
            "clock jump",
            "clock skew",
        ] {
            assert!(met.contains(kind), "{kind}");
        }
        for sin in Sin::ALL {
            assert!(met.contains(sin.name()), "{sin:?}");
        }
    }

    #[test]
    fn one_seed_in_twenty_signs_for_real() {
        let real = (0..200).filter(|seed| Plan::draw(*seed).scheme == Scheme::Real).count();
        assert_eq!(real, 10);
    }
}
