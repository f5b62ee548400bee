//! What waits to be sent to one peer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Bytes that may wait in one lane. Beyond it the newest message is dropped: a peer that far
/// behind catches up from blocks.
const LANE_BYTES_MAX: usize = 24 * 1024 * 1024;
/// Messages that may wait in one lane.
const LANE_MESSAGES_MAX: usize = 32_768;
/// First byte of the messages that can wait: committed blocks for catch-up, new transactions.
const BULK: [u8; 2] = [8, 11];

/// The queue of one peer, with two lanes (P4).
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    lanes: Mutex<[Lane; 2]>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Lane {
    messages: VecDeque<Arc<[u8]>>,
    bytes: usize,
}

impl Outbox {
    /// Queues a message; `false` if its lane is full and it was dropped.
    pub(crate) fn push(&self, message: Arc<[u8]>) -> bool {
        let [urgent, bulk] = &mut *self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let is_bulk = message.first().is_some_and(|kind| BULK.contains(kind));
        let lane = if is_bulk { bulk } else { urgent };
        let bytes = lane.bytes.saturating_add(message.len());
        if bytes > LANE_BYTES_MAX || lane.messages.len() >= LANE_MESSAGES_MAX {
            return false;
        }
        lane.bytes = bytes;
        lane.messages.push_back(message);
        self.filled.notify_one();
        true
    }

    /// The next message, urgent ones first.
    pub(crate) fn pop(&self) -> Option<Arc<[u8]>> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.iter_mut().find(|lane| !lane.messages.is_empty())?;
        let message = lane.messages.pop_front()?;
        lane.bytes = lane.bytes.saturating_sub(message.len());
        Some(message)
    }

    /// Waits until something may be there.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_core::message::Message;
    use linli_types::height::Height;

    #[test]
    fn votes_overtake_transactions_and_each_lane_keeps_its_order() {
        let outbox = Outbox::default();
        for message in [[11, 1], [2, 1], [11, 2], [2, 2]] {
            assert!(outbox.push(message.as_slice().into()));
        }
        let order: Vec<_> = std::iter::from_fn(|| outbox.pop()).map(|m| m.to_vec()).collect();
        assert_eq!(order, [[2, 1], [2, 2], [11, 1], [11, 2]]);
    }

    #[test]
    fn a_full_lane_drops_the_newest_and_leaves_the_other_lane_open() {
        let outbox = Outbox::default();
        let mut large = vec![0; 4 * 1024 * 1024];
        large[0] = 11;
        let large: Arc<[u8]> = large.into();
        let taken = (0..10).filter(|_| outbox.push(large.clone())).count();
        assert_eq!(taken, LANE_BYTES_MAX / large.len());
        assert!(outbox.push([2].as_slice().into()));
        assert!((0..3 * LANE_MESSAGES_MAX).any(|_| !outbox.push([2].as_slice().into())));
    }

    #[test]
    fn the_kinds_that_wait_are_those_of_the_core() {
        let bulk = [Message::Blocks(Vec::new()), Message::Transactions(Vec::new())];
        assert_eq!(bulk.map(|m| m.encode()[0]), BULK);
        let urgent = [
            Message::Status { height: Height(1) },
            Message::BodiesRequest { ids: Vec::new() },
            Message::Bodies(Vec::new()),
        ];
        assert!(urgent.iter().all(|m| !BULK.contains(&m.encode()[0])));
    }
}
