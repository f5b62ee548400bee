//! Messages of consensus that came early: for a height that has not started here.
//!
//! # Invariants
//!
//! - **C5 bounded.** Of each peer at most [`MESSAGES_MAX`] messages and [`BYTES_MAX`] bytes, for
//!   the height under way and the one after it. What does not fit is lost; peers send again.

use crate::message::Message;
use linli_types::height::Height;
use linli_types::id::PublicKey;
use std::collections::BTreeMap;

/// Messages kept of one peer.
const MESSAGES_MAX: usize = 128;
/// Bytes of block parts kept of one peer: two of the largest blocks.
const BYTES_MAX: usize = 512 * 1024;

/// Early messages by height, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffer {
    waiting: BTreeMap<Height, Vec<(PublicKey, Message)>>,
    load: BTreeMap<PublicKey, (usize, usize)>,
}

impl Buffer {
    /// Keeps a message if there is room.
    pub(crate) fn keep(&mut self, from: PublicKey, height: Height, message: Message) {
        let (count, bytes) = self.load.entry(from).or_insert((0, 0));
        if *count >= MESSAGES_MAX || *bytes + size(&message) > BYTES_MAX {
            return;
        }
        *count += 1;
        *bytes += size(&message);
        self.waiting.entry(height).or_default().push((from, message));
    }

    /// Whether a message waits for `height`.
    pub(crate) fn has(&self, height: Height) -> bool {
        self.waiting.contains_key(&height)
    }

    /// The messages for `height`; older ones are forgotten.
    pub(crate) fn take(&mut self, height: Height) -> Vec<(PublicKey, Message)> {
        let later = self.waiting.split_off(&height.next());
        let mut earlier = std::mem::replace(&mut self.waiting, later);
        let taken = earlier.remove(&height).unwrap_or_default();
        self.count_again();
        taken
    }

    /// Forgets whatever is for an earlier height.
    pub(crate) fn forget_before(&mut self, height: Height) {
        self.waiting = self.waiting.split_off(&height);
        self.count_again();
    }

    /// Forgets whatever comes from others than those who may have a say.
    pub(crate) fn keep_only(&mut self, has_say: impl Fn(&PublicKey) -> bool) {
        for messages in self.waiting.values_mut() {
            messages.retain(|(from, _)| has_say(from));
        }
        self.waiting.retain(|_, messages| !messages.is_empty());
        self.count_again();
    }

    fn count_again(&mut self) {
        self.load.clear();
        for (from, message) in self.waiting.values().flatten() {
            let (count, bytes) = self.load.entry(*from).or_insert((0, 0));
            *count += 1;
            *bytes += size(message);
        }
    }
}

fn size(message: &Message) -> usize {
    match message {
        Message::Part(part) => part.bytes.len(),
        Message::Polka(polka) => polka.signatures.len() * 96,
        Message::Round(round) => round.votes.len() * 130,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::ProposalPart;

    #[test]
    fn a_flood_of_early_parts_stays_bounded() {
        let mut buffer = Buffer::default();
        let part = |height| {
            let bytes = vec![0; 60_000];
            Message::Part(ProposalPart { height, round: 0, index: 0, total: 1, bytes })
        };
        for height in 0..1000 {
            buffer.keep(PublicKey([1; 32]), Height(height), part(Height(height)));
        }
        let kept: usize = buffer.waiting.values().flatten().map(|(_, m)| size(m)).sum();
        assert!(kept <= BYTES_MAX, "{kept}");
        buffer.forget_before(Height(1000));
        assert!(!buffer.has(Height(0)) && buffer.load.is_empty());
    }
}
