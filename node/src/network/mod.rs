//! Members talking to each other: one libp2p swarm, one long-lived stream in each direction per
//! connection, length-prefixed frames (design D14).
//!
//! ```text
//!  driver ──send──▶ Outbox per peer ──▶ writer ─┐            ┌─ reader ──▶ NetworkEvent ──▶ driver
//!                   (bounded, two lanes)        ▼            │  (framing, rate, budget)
//!                                  TCP · Noise · Yamux · one stream each way
//! ```
//!
//! What a message means is the core's business; here it is bytes.
//!
//! # Invariants
//!
//! - **P1 members only.** A peer whose network key is no member's is refused right after Noise has
//!   proved the key, before any stream.
//! - **P2 bounded.** What is queued for a peer and what a peer has queued at us is bounded in bytes;
//!   a peer that sends faster than its rate is slowed down, not buffered.
//! - **P3 in order.** Messages of one lane arrive in the order they were sent, or the connection
//!   was replaced, which both sides see as `Disconnected` and `Connected`.
//! - **P4 votes first.** Transactions wait for consensus messages, never the other way round.
//! - **P5 faults cost.** A peer that lies is disconnected and kept away, longer every time.
//! - **P7 one name.** Whoever a member is to the driver may change while it is connected; the driver
//!   sees the old name disconnected and the new one connected.
//! - **P6 room for members.** Strangers' handshakes take no place from those who come from a
//!   member's address.

mod bans;
mod bucket;
mod door;
mod frame;
mod link;
mod outbox;
mod pending;
mod swarm;

pub use bucket::{Bucket, Rate};
pub use swarm::{Network, NetworkConfig, NetworkSender, StartNetworkError};

use linli_types::id::PublicKey;
use tokio::sync::OwnedSemaphorePermit;

/// A member: who may connect, and the name that the core knows it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// Consensus key: the name in votes and in [`NetworkEvent`].
    pub validator: PublicKey,
    /// Network key: what Noise proves.
    pub network: PublicKey,
}

/// What the network tells the driver.
#[derive(Debug)]
pub enum NetworkEvent {
    /// A member's connection stands.
    Connected(PublicKey),
    /// A member's connection is gone.
    Disconnected(PublicKey),
    /// A member sent a message.
    Received {
        /// Who.
        from: PublicKey,
        /// The message.
        bytes: Vec<u8>,
        /// The peer's share of our memory; given back when this is dropped (P2).
        share: OwnedSemaphorePermit,
    },
}

#[cfg(test)]
mod tests;
