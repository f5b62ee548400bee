//! Who is kept away, and for how long.

use libp2p::PeerId;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The first ban lasts this long; each further one twice as long.
const FIRST: Duration = Duration::from_secs(2);
/// No ban lasts longer: a member that was mended must come back by itself.
const LONGEST: Duration = Duration::from_secs(600);
/// After this long without a fault a peer's past is forgotten.
const FORGET: Duration = Duration::from_secs(3600);

/// The bans of one node. It knows no clock.
#[derive(Debug, Default)]
pub(crate) struct Bans {
    by_peer: BTreeMap<PeerId, Ban>,
}

#[derive(Debug)]
struct Ban {
    faults: u32,
    until: Instant,
}

impl Bans {
    /// Counts a fault and bans the peer; says for how long.
    pub(crate) fn add(&mut self, peer: PeerId, now: Instant) -> Duration {
        self.by_peer.retain(|_, ban| now < ban.until + FORGET);
        let ban = self.by_peer.entry(peer).or_insert(Ban { faults: 0, until: now });
        let factor = 1_u32.checked_shl(ban.faults).unwrap_or(u32::MAX);
        let length = FIRST.saturating_mul(factor).min(LONGEST);
        ban.faults = ban.faults.saturating_add(1);
        ban.until = now + length;
        length
    }

    /// Whether the peer is kept away now.
    pub(crate) fn holds(&self, peer: &PeerId, now: Instant) -> bool {
        self.by_peer.get(peer).is_some_and(|ban| now < ban.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bans_grow_end_and_are_forgotten() {
        let (mut bans, peer, start) = (Bans::default(), PeerId::random(), Instant::now());
        assert!(!bans.holds(&peer, start));
        assert_eq!(bans.add(peer, start), FIRST);
        assert!(bans.holds(&peer, start));
        assert!(!bans.holds(&peer, start + FIRST));
        assert_eq!(bans.add(peer, start + FIRST), FIRST * 2);
        for _ in 0..100 {
            assert!(bans.add(peer, start) <= LONGEST);
        }
        assert_eq!(bans.add(peer, start + LONGEST + FORGET * 2), FIRST);
    }
}
