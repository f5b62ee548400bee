//! One digest over everything that happened: same seed, same digest, or the run was not a function
//! of its seed.

use linli_types::id::Digest;

/// A rolling BLAKE3 digest of events.
#[derive(Clone, Default)]
pub struct Audit {
    hasher: blake3::Hasher,
    events: u64,
}

impl Audit {
    /// Takes in one event: when, where, what, and its bytes.
    pub fn record(&mut self, now_ms: u64, node: usize, kind: &str, bytes: &[u8]) {
        self.events += 1;
        self.hasher
            .update(&now_ms.to_le_bytes())
            .update(&(node as u64).to_le_bytes())
            .update(&(kind.len() as u64).to_le_bytes())
            .update(kind.as_bytes())
            .update(&(bytes.len() as u64).to_le_bytes())
            .update(bytes);
    }

    /// How many events were taken in.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// The digest so far.
    pub fn digest(&self) -> Digest {
        Digest(*self.hasher.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_place_and_time_all_count() {
        let digest = |events: &[(u64, usize, &str)]| {
            let mut audit = Audit::default();
            events.iter().for_each(|(t, n, kind)| audit.record(*t, *n, kind, b"x"));
            audit.digest()
        };
        let plain = digest(&[(1, 0, "a"), (2, 1, "b")]);
        assert_eq!(plain, digest(&[(1, 0, "a"), (2, 1, "b")]));
        assert_ne!(plain, digest(&[(2, 1, "b"), (1, 0, "a")]));
        assert_ne!(plain, digest(&[(1, 1, "a"), (2, 1, "b")]));
        assert_ne!(plain, digest(&[(1, 0, "a"), (3, 1, "b")]));
    }
}
