//! Numbers that were thrown before, read one by one.
#![allow(unreachable_pub, clippy::unwrap_used, reason = "a test's")]

/// Reads dice one by one.
pub struct Dice(pub Vec<u16>);

impl Dice {
    /// A number below `n`.
    pub fn of(&mut self, n: usize) -> usize {
        usize::from(self.0.pop().unwrap_or(0)) % n.max(1)
    }

    pub fn small(&mut self, n: u8) -> u8 {
        u8::try_from(self.of(usize::from(n))).unwrap()
    }

    /// True once in `n` times.
    pub fn rare(&mut self, n: usize) -> bool {
        self.of(n) == 1
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        from.get(self.of(from.len())).cloned()
    }
}

/// More dice for a chain's steps, from one of its own.
pub fn stir(first: Option<&u16>, step: usize, place: usize) -> u16 {
    let seed = u32::from(first.copied().unwrap_or(0)) + step as u32 * 7919 + place as u32 * 104_729;
    (seed.wrapping_mul(2_654_435_761) >> 16) as u16
}
