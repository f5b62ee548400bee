//! Catching up: committed blocks from peers, one height after the other.
//!
//! A certificate is checked before anything else of a block is looked at. A peer that hands out
//! what does not hold is a liar and another one is asked.

use crate::action::Action;
use crate::config::Crypto;
use crate::core::Core;
use crate::input::SyncVerdict;
use crate::message::{Message, SyncBlock};
use linli_types::certificate::Certificate;
use linli_types::header::Header;
use linli_types::height::Height;
use linli_types::id::{BlockId, PublicKey};
use linli_types::planted::{self, Bug};
use std::collections::VecDeque;

/// How long this node may simply be a message late before it asks.
const GRACE_MS: u64 = 100;
/// From this many heights on it does not wait.
const FAR_BEHIND: u64 = 3;

/// A request under way.
#[derive(Clone, Copy, Debug)]
struct Request {
    peer: PublicKey,
    deadline: u64,
}

/// A block handed out for execution.
#[derive(Clone, Debug)]
struct Applying {
    peer: PublicKey,
    block: BlockId,
    certificate: Certificate,
}

/// The state of catching up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sync {
    request: Option<Request>,
    queue: VecDeque<(PublicKey, SyncBlock)>,
    applying: Option<Applying>,
    behind_since: Option<u64>,
    asked_last: Option<PublicKey>,
}

impl Sync {
    pub(crate) const fn is_applying(&self) -> bool {
        self.applying.is_some()
    }

    /// Whether blocks are at hand or on their way.
    pub(crate) fn is_busy(&self) -> bool {
        self.is_applying() || !self.queue.is_empty()
    }

    /// A height is durable.
    pub(crate) fn committed(&mut self) {
        self.applying = None;
        self.behind_since = None;
    }

    pub(crate) fn next_wake(&self, core: &Core) -> u64 {
        match (&self.request, self.behind_since) {
            (Some(request), _) => request.deadline,
            (None, Some(since)) if !core.sync.is_busy() => since.saturating_add(GRACE_MS),
            _ => u64::MAX,
        }
    }
}

impl Core {
    pub(crate) fn connected(&mut self, peer: PublicKey) {
        self.peers.connect(peer);
        let (protocol_min, protocol_max) = self.config.protocols;
        let (chain, height) = (self.config.chain, self.head.height);
        self.out.send(peer, &Message::Hello { chain, protocol_min, protocol_max, height });
    }

    pub(crate) fn disconnected(&mut self, peer: &PublicKey) {
        self.peers.disconnect(peer);
        self.sync.request.take_if(|r| r.peer == *peer);
    }

    /// Blocks of the peer that was asked; others' are ignored.
    pub(crate) fn blocks_arrived(&mut self, from: PublicKey, blocks: Vec<SyncBlock>) {
        if self.sync.request.take_if(|r| r.peer == from).is_none() {
            return;
        }
        if blocks.is_empty() {
            self.peers.doubt(&from, self.head.height);
        }
        self.sync.queue = blocks.into_iter().map(|block| (from, block)).collect();
    }

    /// Applies the next block at hand, or asks for more.
    pub(crate) fn catch_up(&mut self, crypto: &mut dyn Crypto) {
        if self.at.committing.is_some() || self.sync.is_applying() {
            return;
        }
        while let Some((peer, block)) = self.sync.queue.pop_front() {
            match self.check_synced(&block, crypto) {
                Ok(None) => {} // committed meanwhile
                Ok(Some(header)) => return self.apply_synced(peer, header, block),
                Err(why) => self.mistrust(peer, why),
            }
        }
        self.ask_for_blocks();
    }

    /// `None` if the block is committed already.
    fn check_synced(
        &mut self,
        block: &SyncBlock,
        crypto: &dyn Crypto,
    ) -> Result<Option<Header>, &'static str> {
        let header = Header::from_bytes(&block.header).map_err(|_| "a block without a header")?;
        if header.height <= self.head.height {
            return Ok(None);
        }
        let certificate = &block.certificate;
        let placed = header.height == self.height()
            && certificate.height == header.height
            && certificate.block == header.id()
            && header.chain == self.config.chain;
        if !placed {
            return Err("a block and a certificate that do not belong together");
        }
        let (chain, validators) = (&self.config.chain, &self.head.validators);
        if !planted::is(Bug::UncheckedCertificate) {
            let checked = certificate.check(chain, validators, crypto.verifier()); // C4
            checked.map_err(|_| "a block whose certificate does not hold")?;
        }
        if header.parent != self.head.block {
            self.halt(format!(
                "the certified block at height {} does not follow this node's block {}",
                header.height, self.head.block
            ));
        }
        Ok(Some(header))
    }

    fn apply_synced(&mut self, peer: PublicKey, header: Header, block: SyncBlock) {
        let SyncBlock { bodies, certificate, .. } = block;
        let applying = Applying { peer, block: header.id(), certificate: certificate.clone() };
        self.sync.applying = Some(applying);
        self.out.act(Action::ExecuteSynced { header, bodies, certificate });
    }

    fn mistrust(&mut self, peer: PublicKey, why: &'static str) {
        self.sync.queue.clear();
        self.peers.doubt(&peer, self.head.height);
        self.out.act(Action::Fault { peer, why });
    }

    /// The answer to the block handed out here.
    pub(crate) fn executed_synced(&mut self, block: BlockId, verdict: SyncVerdict) {
        let Some(applying) = self.sync.applying.take_if(|a| a.block == block) else { return };
        match verdict {
            SyncVerdict::Valid => {
                self.at.committing = Some(block);
                self.at.waits.clear();
                self.out.act(Action::Commit { block, certificate: applying.certificate });
            }
            SyncVerdict::OtherBodies => {
                self.mistrust(applying.peer, "a certified block with other bodies");
            }
            SyncVerdict::Differs => {
                let height = self.height();
                self.halt(format!(
                    "the certified block {block} at height {height} gives another result here"
                ));
            }
        }
    }

    fn ask_for_blocks(&mut self) {
        let now = self.clock.mono_ms;
        if let Some(late) = self.sync.request.take_if(|r| r.deadline <= now) {
            self.peers.doubt(&late.peer, self.head.height);
        }
        let furthest = self.peers.furthest();
        if furthest <= self.head.height {
            self.sync.behind_since = None;
            return;
        }
        let since = *self.sync.behind_since.get_or_insert(now);
        let far = furthest.0 - self.head.height.0 >= FAR_BEHIND;
        if self.sync.request.is_some() || !(far || now >= since.saturating_add(GRACE_MS)) {
            return;
        }
        let head = self.head.height;
        let ahead = |peer: &crate::peers::Peer| peer.height > head;
        if let Some(peer) = self.peers.next_after(self.sync.asked_last, ahead) {
            let deadline = now.saturating_add(self.config.request_ms);
            self.sync.asked_last = Some(peer);
            self.sync.request = Some(Request { peer, deadline });
            self.out.send(peer, &Message::BlocksRequest { from: self.height() });
        }
    }

    /// A peer's message shows that it has committed everything below `height`.
    pub(crate) fn note_working(&mut self, peer: &PublicKey, height: Height) {
        self.peers.note(peer, Height(height.0.saturating_sub(1)));
    }
}
