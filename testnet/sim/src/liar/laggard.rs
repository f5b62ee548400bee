//! Speaks late, up to several rounds, and now and then repeats what it said long ago.

use super::{Hand, Lie, Said};
use linli_core::message::Message;
use std::collections::VecDeque;
use std::sync::Arc;

/// Old messages that it can repeat.
const MEMORY: usize = 200;

/// See the module.
#[derive(Default)]
pub(super) struct Laggard {
    said: VecDeque<Arc<[u8]>>,
}

impl Lie for Laggard {
    fn instead(
        &mut self,
        hand: &mut Hand,
        _to: usize,
        _message: &Message,
        bytes: &Arc<[u8]>,
    ) -> Vec<Said> {
        self.said.push_back(Arc::clone(bytes));
        if self.said.len() > MEMORY {
            self.said.pop_front();
        }
        let mut said = vec![(hand.chance.between(100, 3_000), Arc::clone(bytes))];
        if hand.chance.one_in(8) {
            let at = hand.chance.index(self.said.len());
            said.extend(self.said.get(at).map(|old| (0, Arc::clone(old))));
        }
        said
    }
}
