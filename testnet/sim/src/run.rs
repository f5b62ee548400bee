//! One seed, from plan to report.

use crate::law::Breach;
use crate::network::Carried;
use crate::plan::Plan;
use crate::trace::Trace;
use crate::world::{Tally, World};
use linli_types::id::Digest;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a seed came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Digest of everything that happened.
    pub audit: Digest,
    /// How many events that were.
    pub events: u64,
    /// The law that was broken, if one was.
    pub breach: Option<Breach>,
    /// Simulated time.
    pub simulated_ms: u64,
    /// CPU time of this thread.
    pub cpu_ms: u64,
    /// Blocks, transactions and so on.
    pub tally: Tally,
    /// Messages.
    pub carried: Carried,
    /// Kinds of faults and lies.
    pub kinds: BTreeSet<&'static str>,
}

/// Runs a seed once.
pub fn once(seed: u64) -> Report {
    run(seed, Trace::default()).0
}

/// Runs a seed twice: a run that is no function of its seed breaks a law of its own.
pub fn twice(seed: u64) -> Report {
    let (first, second) = (once(seed), once(seed));
    let cpu_ms = first.cpu_ms + second.cpu_ms;
    let breach = match first.audit == second.audit {
        true => first.breach.clone(),
        false => Some(Breach {
            law: "determinism",
            how: format!("{} and then {}", first.audit, second.audit),
        }),
    };
    Report { breach, cpu_ms, ..first }
}

/// Runs a seed once and keeps a trace.
pub fn traced(seed: u64) -> (Report, Vec<String>) {
    run(seed, Trace::kept())
}

fn run(seed: u64, trace: Trace) -> (Report, Vec<String>) {
    let begun = cpu_ms();
    let plan = Plan::draw(seed);
    let kinds = plan.kinds();
    let mut world = World::new(plan, trace);
    let ended = catch_unwind(AssertUnwindSafe(|| world.run()));
    let breach = match ended {
        Ok(Ok(())) => None,
        Ok(Err(breach)) => Some(breach),
        Err(panic) => Some(Breach { law: "no panic", how: words_of(panic.as_ref()) }),
    };
    let report = Report {
        seed,
        audit: world.audit.digest(),
        events: world.audit.events(),
        breach,
        simulated_ms: world.queue.now_ms(),
        cpu_ms: cpu_ms().saturating_sub(begun),
        tally: world.tally,
        carried: world.network.carried,
        kinds,
    };
    (report, world.trace.into_lines())
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_string()
}

/// CPU time of this thread so far, in milliseconds, by the operating system's accounting; wall time
/// where there is none.
pub fn cpu_ms() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = schedstat.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    match nanos {
        Some(nanos) => nanos / 1_000_000,
        None => {
            let begun = BEGUN.get_or_init(Instant::now);
            u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
        }
    }
}
