//! What is known of the other members: who is connected, and how far each says it has come.
//!
//! A peer's height is a claim. It decides whom to ask for blocks, nothing else.

use linli_types::height::Height;
use linli_types::id::{BodyId, PublicKey};
use std::collections::BTreeMap;

/// Least time between two answers to one peer's requests, in milliseconds. An answer holds up to
/// `SYNC_BYTES_MAX`: nobody's questions may keep a validator from voting.
const ANSWER_INTERVAL_MS: u64 = 50;

/// What a peer asked for last and was not answered yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Committed blocks from this height on.
    pub(crate) blocks: Option<Height>,
    /// Bodies of a proposed block.
    pub(crate) bodies: Option<Vec<BodyId>>,
}

/// One connected member.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    /// The last height it says it has committed.
    pub(crate) height: Height,
    /// Whether its first message came.
    pub(crate) greeted: bool,
    /// When it was last told that it lags, on the monotonic clock.
    pub(crate) told_at: Option<u64>,
    /// What it waits for.
    pub(crate) asked: Asked,
    /// When it may be answered again.
    answer_at: u64,
}

impl Peer {
    const fn asks(&self) -> bool {
        self.asked.blocks.is_some() || self.asked.bodies.is_some()
    }
}

/// The connected members.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peers {
    connected: BTreeMap<PublicKey, Peer>,
}

impl Peers {
    pub(crate) fn connect(&mut self, peer: PublicKey) {
        self.connected.insert(peer, Peer::default());
    }

    pub(crate) fn disconnect(&mut self, peer: &PublicKey) {
        self.connected.remove(peer);
    }

    pub(crate) fn get_mut(&mut self, peer: &PublicKey) -> Option<&mut Peer> {
        self.connected.get_mut(peer)
    }

    pub(crate) fn len(&self) -> usize {
        self.connected.len()
    }

    /// Takes out what may be answered now, at most one question of each kind a peer.
    pub(crate) fn questions(&mut self, now: u64) -> Vec<(PublicKey, Asked)> {
        let mut due = Vec::new();
        for (key, peer) in &mut self.connected {
            if peer.answer_at <= now && peer.asks() {
                peer.answer_at = now.saturating_add(ANSWER_INTERVAL_MS);
                due.push((*key, std::mem::take(&mut peer.asked)));
            }
        }
        due
    }

    /// When the next question may be answered.
    pub(crate) fn next_answer(&self) -> u64 {
        let waiting = self.connected.values().filter(|peer| peer.asks());
        waiting.map(|peer| peer.answer_at).min().unwrap_or(u64::MAX)
    }

    /// A peer shows that it has committed `height`.
    pub(crate) fn note(&mut self, peer: &PublicKey, height: Height) {
        if let Some(known) = self.connected.get_mut(peer) {
            known.height = known.height.max(height);
        }
    }

    /// A peer's claim was empty: it counts as no further than `height` until it claims again.
    pub(crate) fn doubt(&mut self, peer: &PublicKey, height: Height) {
        if let Some(known) = self.connected.get_mut(peer) {
            known.height = known.height.min(height);
        }
    }

    /// The furthest height that a peer claims.
    pub(crate) fn furthest(&self) -> Height {
        self.connected.values().map(|p| p.height).max().unwrap_or_default()
    }

    /// The next peer after `last`, in key order and round again, that `wanted` accepts.
    pub(crate) fn next_after(
        &self,
        last: Option<PublicKey>,
        wanted: impl Fn(&Peer) -> bool,
    ) -> Option<PublicKey> {
        let accepts = |(key, peer): (&PublicKey, &Peer)| wanted(peer).then_some(*key);
        let after = self.connected.iter().filter(|(key, _)| last.is_some_and(|l| **key > l));
        after.chain(self.connected.iter()).find_map(accepts)
    }
}
