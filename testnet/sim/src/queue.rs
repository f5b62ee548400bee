//! What is still to happen, in order of true time; equal times in the order they were asked for.

use std::collections::BTreeMap;

/// The future.
#[derive(Debug)]
pub struct Queue<T> {
    waiting: BTreeMap<(u64, u64), T>,
    asked: u64,
    now_ms: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), asked: 0, now_ms: 0 }
    }
}

impl<T> Queue<T> {
    /// True time: that of the last thing that happened.
    pub const fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Lets `what` happen in `delay_ms`.
    pub fn after(&mut self, delay_ms: u64, what: T) {
        self.at(self.now_ms.saturating_add(delay_ms), what);
    }

    /// Lets `what` happen at `when_ms`, or now if that is past.
    pub fn at(&mut self, when_ms: u64, what: T) {
        self.asked += 1;
        self.waiting.insert((when_ms.max(self.now_ms), self.asked), what);
    }

    /// The next thing to happen; moves time.
    pub fn pop(&mut self) -> Option<T> {
        let ((when_ms, _), what) = self.waiting.pop_first()?;
        self.now_ms = when_ms;
        Some(what)
    }

    /// How much is still to happen.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_orders_and_equal_times_keep_their_order() {
        let mut queue = Queue::default();
        for (delay, name) in [(5, "c"), (1, "a"), (5, "d"), (1, "b")] {
            queue.after(delay, name);
        }
        let order: Vec<&str> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, ["a", "b", "c", "d"]);
        assert_eq!(queue.now_ms(), 5);
    }

    #[test]
    fn nothing_happens_in_the_past() {
        let mut queue = Queue::default();
        queue.at(9, 1);
        queue.pop();
        queue.at(3, 2);
        queue.pop();
        assert_eq!(queue.now_ms(), 9);
    }
}
