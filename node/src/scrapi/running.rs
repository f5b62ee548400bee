//! Registrations that this node took and that stand in no block yet: a client that asks for one is
//! told to ask again.

use linli_types::height::TimeMs;
use linli_types::id::TxId;
use linli_types::limits::SCRAPI_RUNNING_MAX;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Bounded: the one that came first goes first.
#[derive(Debug, Default)]
pub(super) struct Running {
    all: Mutex<VecDeque<(TxId, TimeMs)>>,
}

impl Running {
    /// Remembers a transaction until its time is over.
    pub(super) fn add(&self, id: TxId, valid_until: TimeMs) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.iter().any(|(other, _)| *other == id) {
            return;
        }
        if all.len() >= SCRAPI_RUNNING_MAX {
            all.pop_front();
        }
        all.push_back((id, valid_until));
    }

    /// Whether the transaction may still come to stand, at a block time of `now`.
    pub(super) fn is_running(&self, id: &TxId, now: TimeMs) -> bool {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(_, until)| *until >= now);
        all.iter().any(|(other, _)| other == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_runs_until_its_time_is_over_and_the_oldest_makes_room() {
        let running = Running::default();
        let id = |n: usize| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&(n as u64).to_be_bytes());
            TxId(id)
        };
        running.add(id(0), TimeMs(5));
        assert!(running.is_running(&id(0), TimeMs(5)) && !running.is_running(&id(1), TimeMs(5)));
        assert!(!running.is_running(&id(0), TimeMs(6)));
        (0..=SCRAPI_RUNNING_MAX).for_each(|n| running.add(id(n), TimeMs(9)));
        running.add(id(SCRAPI_RUNNING_MAX), TimeMs(9));
        assert!(!running.is_running(&id(0), TimeMs(9)) && running.is_running(&id(1), TimeMs(9)));
    }
}
