//! Transactions under suspicion: their block lost a round because executions differed (design D2).
//!
//! The culprit is found by bisection. While there are suspects, this node's blocks hold one half
//! of them and nothing else: a half that is committed is clear, a half that is lost is the new
//! suspicion. One that is alone and loses [`STRIKES_MAX`] times leaves the pool.
//!
//! A round that was lost for another reason (a slow network) makes suspects too; halves then go
//! through, and nothing is thrown out before its last strike.

use crate::pool::Pool;
use linli_types::id::BodyId;
use std::collections::BTreeSet;

/// How often a transaction may lose a round alone.
const STRIKES_MAX: u8 = 3;

/// The suspects of the last height that lost a round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Suspects {
    ids: BTreeSet<BodyId>,
    strikes: u8,
}

impl Suspects {
    /// A height was committed in which the blocks of `lost` were turned down. Returns the one
    /// transaction that must leave the pool.
    pub(crate) fn height_done(&mut self, lost: BTreeSet<BodyId>, pool: &Pool) -> Option<BodyId> {
        self.ids.retain(|id| pool.contains(id));
        let lost: BTreeSet<BodyId> = lost.into_iter().filter(|id| pool.contains(id)).collect();
        if lost.is_empty() {
            return None;
        }
        self.strikes = if lost.len() == 1 && lost == self.ids { self.strikes + 1 } else { 1 };
        self.ids = lost;
        if self.strikes < STRIKES_MAX {
            return None;
        }
        self.strikes = 0;
        self.ids.pop_first()
    }

    /// The half that the next block tests; `None` if nobody is suspect.
    pub(crate) fn half(&self) -> Option<Vec<BodyId>> {
        let half = self.ids.len().div_ceil(2);
        (half > 0).then(|| self.ids.iter().take(half).copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PoolBounds;
    use crate::input::PoolEntry;
    use linli_types::height::TimeMs;
    use linli_types::id::{PrincipalId, TxKey};

    fn pool_of(count: u8) -> Pool {
        let mut pool = Pool::new(PoolBounds::default());
        for n in 0..count {
            let entry = PoolEntry {
                id: BodyId([n; 32]),
                sender: PrincipalId([n; 16]),
                key: TxKey([0; 16]),
                org: 0,
                valid_until: TimeMs(1),
                bytes: 1,
            };
            pool.add(entry).unwrap();
        }
        pool
    }

    #[test]
    fn bisection_finds_the_culprit_and_spares_the_others() {
        let culprit = BodyId([11; 32]);
        let mut pool = pool_of(16);
        let mut suspects = Suspects::default();
        let all = (0..16).map(|n| BodyId([n; 32])).collect();
        assert_eq!(suspects.height_done(all, &pool), None);
        let mut heights = 0;
        let found = loop {
            heights += 1;
            assert!(heights < 30, "it ends");
            let half = suspects.half().expect("the culprit is still suspect");
            let lost = half.contains(&culprit);
            if !lost {
                half.iter().for_each(|id| assert!(pool.remove(id)));
            }
            let lost = if lost { half.into_iter().collect() } else { BTreeSet::new() };
            if let Some(found) = suspects.height_done(lost, &pool) {
                break found;
            }
        };
        assert_eq!(found, culprit);
        assert_eq!(suspects.half(), None);
    }

    #[test]
    fn one_lost_round_throws_nothing_out() {
        let pool = pool_of(1);
        let mut suspects = Suspects::default();
        let one: BTreeSet<BodyId> = [BodyId([0; 32])].into();
        assert_eq!(suspects.height_done(one.clone(), &pool), None);
        assert_eq!(suspects.height_done(one, &pool), None);
    }
}
