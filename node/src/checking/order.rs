//! Results leave in the order in which their jobs were taken, whichever worker was faster: so a
//! sender's transactions reach the pool as they came.

use super::Checked;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use tokio::sync::mpsc;

/// Where all workers put their results. Its sender is the driver's sign that workers live.
pub(crate) struct Order {
    results: mpsc::Sender<Checked>,
    due: Mutex<Due>,
}

#[derive(Default)]
struct Due {
    /// Whose results leave next.
    turn: u64,
    /// What is finished and waits for an earlier turn.
    early: BTreeMap<u64, Vec<Checked>>,
}

/// One turn of one worker: it ends when this is dropped, with whatever results there are. A worker
/// that panics holds nobody up.
pub(crate) struct Turn<'a> {
    pub(crate) checked: Vec<Checked>,
    number: u64,
    order: &'a Order,
}

impl Order {
    pub(crate) fn new(results: mpsc::Sender<Checked>) -> Self {
        Self { results, due: Mutex::default() }
    }

    /// Turn `number`, counted from 0 as jobs are taken.
    pub(crate) const fn turn(&self, number: u64) -> Turn<'_> {
        Turn { checked: Vec::new(), number, order: self }
    }

    /// Whether the driver is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.results.is_closed()
    }

    fn put(&self, number: u64, checked: Vec<Checked>) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        due.early.insert(number, checked);
        let mut turn = due.turn;
        // Whoever waits for the lock has nothing to hand over before this.
        while let Some(checked) = due.early.remove(&turn) {
            turn = turn.wrapping_add(1);
            for one in checked {
                // A driver that is gone takes nothing; the worker sees it and ends.
                let _ = self.results.blocking_send(one);
            }
        }
        due.turn = turn;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.order.put(self.number, std::mem::take(&mut self.checked));
    }
}
