//! A machine's two clocks, both wrong in their own way.
//!
//! The world has one true time, in milliseconds from the start of the run. A machine sees a
//! monotonic clock with its own zero and pace, and a wall clock with an offset, the same pace, and
//! jumps.

use linli_core::Clock;
use linli_types::height::TimeMs;

/// Wall time at the start of every run: 2026-11-01 00:00 UTC.
pub const START: TimeMs = TimeMs(1_793_491_200_000);

const MILLION: i64 = 1_000_000;
/// Longer than any run, in milliseconds: a day.
const NEVER_MS: u64 = 86_400_000;

/// One machine's clocks.
#[derive(Clone, Debug)]
pub struct Skewed {
    /// What the monotonic clock shows at true time 0.
    pub zero_ms: u64,
    /// How much faster than true time both run, in parts per million.
    pub drift_ppm: i64,
    /// How far ahead of [`START`] the wall clock is at true time 0; jumps change it.
    pub offset_ms: i64,
}

impl Skewed {
    /// What the machine reads at true time `now_ms`.
    pub fn read(&self, now_ms: u64) -> Clock {
        let wall = START.0.saturating_add(self.paced(now_ms));
        Clock {
            mono_ms: self.zero_ms.saturating_add(self.paced(now_ms)),
            wall: TimeMs(wall.saturating_add_signed(self.offset_ms)),
        }
    }

    /// The earliest true time, not before `now_ms`, at which the monotonic clock shows `mono_ms`.
    pub fn when(&self, mono_ms: u64, now_ms: u64) -> u64 {
        // "Never" is as far away as no run goes: the search below must end.
        let wanted = mono_ms.saturating_sub(self.zero_ms).min(now_ms.saturating_add(NEVER_MS));
        let pace = u64::try_from(MILLION + self.drift_ppm).unwrap_or(1);
        let about = wanted.saturating_mul(MILLION as u64).div_ceil(pace.max(1));
        let mut when = about.saturating_sub(2).max(now_ms);
        while self.paced(when) < wanted {
            when += 1;
        }
        when
    }

    /// Sets both clocks right; the monotonic one goes on from where it stands.
    pub fn mend(&mut self, now_ms: u64, offset_ms: i64) {
        let mono_ms = self.read(now_ms).mono_ms;
        *self = Self { zero_ms: mono_ms.saturating_sub(now_ms), drift_ppm: 0, offset_ms };
    }

    fn paced(&self, now_ms: u64) -> u64 {
        let now = i64::try_from(now_ms).unwrap_or(i64::MAX / MILLION / 2);
        now_ms.saturating_add_signed(now.saturating_mul(self.drift_ppm) / MILLION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_up_that_never_comes_is_found_too() {
        for drift_ppm in [-50_000, 0, 50_000] {
            let clock = Skewed { zero_ms: 10_500_000, drift_ppm, offset_ms: 0 };
            assert!(clock.when(u64::MAX, 1_000) > 1_000_000, "{drift_ppm}");
        }
    }

    #[test]
    fn a_wake_up_is_never_early_and_never_late() {
        for drift_ppm in [-50_000, -3, 0, 7, 50_000] {
            let clock = Skewed { zero_ms: 5, drift_ppm, offset_ms: 0 };
            for mono_ms in [5, 6, 1_000, 123_457] {
                let when = clock.when(mono_ms, 0);
                assert!(clock.read(when).mono_ms >= mono_ms, "{drift_ppm} {mono_ms}");
                assert!(when == 0 || clock.read(when - 1).mono_ms < mono_ms, "{drift_ppm}");
            }
        }
    }

    #[test]
    fn mending_never_turns_the_monotonic_clock_back() {
        for drift_ppm in [-20_000, 50_000] {
            let mut clock = Skewed { zero_ms: 10_000_000, drift_ppm, offset_ms: 600_000 };
            let before = clock.read(40_000);
            clock.mend(40_000, 7);
            assert_eq!(clock.read(40_000).mono_ms, before.mono_ms, "{drift_ppm}");
            assert_eq!(clock.read(40_000).wall.0, START.0 + 40_007);
        }
    }

    #[test]
    fn a_wake_up_in_the_past_is_now() {
        let clock = Skewed { zero_ms: 900, drift_ppm: 0, offset_ms: -5 };
        assert_eq!(clock.when(0, 77), 77);
        assert_eq!(clock.read(77).wall.0, START.0 + 77 - 5);
    }
}
