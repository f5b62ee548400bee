//! The two clocks of a machine, read together.
//!
//! The only place in a node that asks what time it is on behalf of consensus.

use linli_core::Clock;
use linli_types::height::TimeMs;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The machine's clocks. The monotonic one counts from when this was made.
#[derive(Clone, Copy, Debug)]
pub struct MachineClock {
    start: Instant,
}

impl MachineClock {
    /// Starts counting.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Reads both clocks. A wall clock before 1970 reads as 1970.
    pub fn now(&self) -> Clock {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { mono_ms: millis(self.start.elapsed()), wall: TimeMs(millis(wall)) }
    }

    /// The instant of a monotonic reading.
    pub fn at(&self, mono_ms: u64) -> Instant {
        self.start.checked_add(Duration::from_millis(mono_ms)).unwrap_or(self.start)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_never_goes_back_and_names_its_instants() {
        let clock = MachineClock::start();
        let (one, two) = (clock.now(), clock.now());
        assert!(one.mono_ms <= two.mono_ms);
        assert!(clock.at(one.mono_ms) <= Instant::now());
        assert!(one.wall.0 > 1_600_000_000_000);
    }
}
