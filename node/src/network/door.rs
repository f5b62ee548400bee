//! The door of the swarm: who may come in, and the two streams of a connection.
//!
//! It decides by network key alone, right after Noise has proved it (P1), and hands finished
//! streams to the swarm's task. It reads and writes nothing.

use crate::network::bans::Bans;
use crate::network::pending::Pending;
use libp2p::PeerId;
use libp2p::core::transport::PortUse;
use libp2p::core::upgrade::ReadyUpgrade;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::handler::{ConnectionEvent, FullyNegotiatedInbound, FullyNegotiatedOutbound};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm,
    NetworkBehaviour, Stream, StreamProtocol, SubstreamProtocol, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::net::IpAddr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The protocol's name on the wire.
const PROTOCOL: StreamProtocol = StreamProtocol::new("/linli/1");
/// How long the two sides may take to agree on a stream.
const AGREE: Duration = Duration::from_secs(10);

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// The network key is no member's.
    #[error("no member")]
    Stranger,
    /// A member that is kept away for a while.
    #[error("banned")]
    Banned,
    /// Too many handshakes are under way.
    #[error("too many handshakes")]
    Crowded,
}

/// What the door saw.
#[derive(Debug)]
pub(crate) enum Seen {
    /// Our stream to the peer stands.
    Outbound(Stream),
    /// The peer's stream to us stands.
    Inbound(Stream),
    /// The peer speaks another protocol, or opened a second stream.
    Fault(&'static str),
    /// The stream did not come to stand; nobody's fault.
    Failed,
}

/// The behaviour.
#[derive(Debug)]
pub(crate) struct Door<M> {
    /// Whoever may come in, and what the swarm's task knows of them.
    pub(crate) members: BTreeMap<PeerId, M>,
    pub(crate) bans: Bans,
    pending: Pending,
    seen: VecDeque<(PeerId, ConnectionId, Seen)>,
}

impl<M> Door<M> {
    /// `known` are the addresses at which members listen (P6).
    pub(crate) fn new(
        members: BTreeMap<PeerId, M>,
        known: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        let (bans, pending) = (Bans::default(), Pending::new(known));
        Self { members, bans, pending, seen: VecDeque::new() }
    }

    fn judge(&self, peer: &PeerId) -> Result<Hinge, ConnectionDenied> {
        if !self.members.contains_key(peer) {
            return Err(ConnectionDenied::new(Refused::Stranger)); // P1
        }
        if self.bans.holds(peer, Instant::now()) {
            return Err(ConnectionDenied::new(Refused::Banned)); // P5
        }
        Ok(Hinge::default())
    }
}

impl<M: 'static> NetworkBehaviour for Door<M> {
    type ConnectionHandler = Hinge;
    type ToSwarm = (PeerId, ConnectionId, Seen);

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        from: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        match self.pending.begin(connection, from) {
            true => Ok(()),
            false => Err(ConnectionDenied::new(Refused::Crowded)), // P6
        }
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.pending.end(connection);
        self.judge(&peer)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.judge(&peer)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::ListenFailure(failure) = event {
            self.pending.end(failure.connection_id);
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        seen: THandlerOutEvent<Self>,
    ) {
        self.seen.push_back((peer, connection, seen));
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        // Filled only by the swarm, which polls again afterwards: no waker is needed.
        match self.seen.pop_front() {
            Some(seen) => Poll::Ready(ToSwarm::GenerateEvent(seen)),
            None => Poll::Pending,
        }
    }
}

/// The handler of one connection: asks for one stream, takes one stream.
#[derive(Debug, Default)]
pub(crate) struct Hinge {
    asked: bool,
    taken: bool,
    seen: VecDeque<Seen>,
}

impl ConnectionHandler for Hinge {
    type FromBehaviour = Infallible;
    type ToBehaviour = Seen;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(PROTOCOL), ()).with_timeout(AGREE)
    }

    /// Connections of members stand as long as both sides live; the swarm's task closes them.
    fn connection_keep_alive(&self) -> bool {
        true
    }

    fn poll(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (), Seen>> {
        if !self.asked {
            self.asked = true;
            let protocol = self.listen_protocol();
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        match self.seen.pop_front() {
            Some(seen) => Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(seen)),
            None => Poll::Pending,
        }
    }

    fn on_behaviour_event(&mut self, event: Infallible) {
        match event {}
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Self::InboundProtocol, Self::OutboundProtocol>,
    ) {
        let seen = match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol, ..
            }) if !self.taken => {
                self.taken = true;
                Seen::Inbound(protocol)
            }
            ConnectionEvent::FullyNegotiatedInbound(_) => Seen::Fault("a second stream"),
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol, ..
            }) => Seen::Outbound(protocol),
            ConnectionEvent::DialUpgradeError(_) => Seen::Failed,
            _ => return,
        };
        self.seen.push_back(seen);
    }
}
