//! A token bucket: how fast one peer may speak.

use std::time::{Duration, Instant};

/// What one peer may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Messages per second.
    pub messages: u64,
    /// Bytes per second.
    pub bytes: u64,
    /// Seconds of both that may be saved up for a burst.
    pub burst_s: u64,
}

impl Default for Rate {
    /// Ten times what a validator sends at the highest rate that was measured.
    fn default() -> Self {
        Self { messages: 20_000, bytes: 96 * 1024 * 1024, burst_s: 2 }
    }
}

/// Tokens of one peer. It knows no clock: the caller says what time it is.
#[derive(Clone, Debug)]
pub struct Bucket {
    rate: Rate,
    /// Thousandths of a message.
    messages: u64,
    /// Thousandths of a byte.
    bytes: u64,
    at: Instant,
}

impl Bucket {
    /// A full bucket.
    pub const fn new(rate: Rate, now: Instant) -> Self {
        let messages = full(rate.messages, rate.burst_s);
        Self { rate, messages, bytes: full(rate.bytes, rate.burst_s), at: now }
    }

    /// Takes one message of `bytes`. The answer says how long to wait before the next one is read;
    /// zero while tokens last. A message that overdraws the bucket is paid for by that wait.
    pub fn take(&mut self, now: Instant, bytes: usize) -> Duration {
        self.refill(now);
        let cost = (bytes as u64).saturating_mul(1000);
        let wait = due(1000, self.messages, self.rate.messages).max(due(
            cost,
            self.bytes,
            self.rate.bytes,
        ));
        self.messages = self.messages.saturating_sub(1000);
        self.bytes = self.bytes.saturating_sub(cost);
        // What was overdrawn is earned during the wait, so the refill starts after it.
        self.at = now.checked_add(wait).unwrap_or(now);
        wait
    }

    fn refill(&mut self, now: Instant) {
        let ms = u64::try_from(now.saturating_duration_since(self.at).as_millis());
        let ms = ms.unwrap_or(u64::MAX);
        if ms == 0 {
            return;
        }
        let earn = |have: u64, rate: u64| {
            have.saturating_add(rate.saturating_mul(ms)).min(full(rate, self.rate.burst_s))
        };
        (self.messages, self.bytes) =
            (earn(self.messages, self.rate.messages), earn(self.bytes, self.rate.bytes));
        self.at = now;
    }
}

const fn full(rate: u64, burst_s: u64) -> u64 {
    rate.saturating_mul(burst_s).saturating_mul(1000)
}

/// How long it takes to earn what `have` lacks of `cost`. Units: thousandths, per second.
fn due(cost: u64, have: u64, rate: u64) -> Duration {
    let lacks = cost.saturating_sub(have);
    Duration::from_millis(lacks.div_ceil(rate.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { messages: 100, bytes: 1_000_000, burst_s: 1 };

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let start = Instant::now();
        let mut bucket = Bucket::new(RATE, start);
        assert!((0..100).all(|_| bucket.take(start, 1) == Duration::ZERO));
        let mut now = start;
        for _ in 0..200 {
            now += bucket.take(now, 1);
        }
        assert_eq!(now - start, Duration::from_secs(2));
    }

    #[test]
    fn a_large_message_is_paid_for_by_the_byte() {
        let start = Instant::now();
        let mut bucket = Bucket::new(RATE, start);
        assert_eq!(bucket.take(start, 3_000_000), Duration::from_secs(2));
    }

    #[test]
    fn silence_earns_no_more_than_the_burst() {
        let start = Instant::now();
        let mut bucket = Bucket::new(RATE, start);
        let later = start + Duration::from_secs(1000);
        let free = (0..1000).take_while(|_| bucket.take(later, 1) == Duration::ZERO).count();
        assert_eq!(free, 100);
    }
}
