//! What is known of the other members: who is connected, and how far each says it has come.
//!
//! A peer's height is a claim. It decides whom to ask for blocks, nothing else.

use linli_types::height::Height;
use linli_types::id::PublicKey;
use std::collections::BTreeMap;

/// One connected member.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Peer {
    /// The last height it says it has committed.
    pub(crate) height: Height,
    /// Whether its first message came.
    pub(crate) greeted: bool,
    /// When it was last told that it lags, on the monotonic clock.
    pub(crate) told_at: Option<u64>,
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
