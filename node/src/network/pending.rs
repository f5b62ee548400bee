//! Handshakes under way: few for one stranger, and room for members that no stranger takes.
//!
//! Before Noise has proved a key an address is all that is known of whoever connects. Strangers
//! share a bounded number of places and one address holds few of them; the addresses at which
//! members listen have places of their own, so a member that returns finds one.

use libp2p::core::Multiaddr;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::ConnectionId;
use linli_types::limits;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

/// Handshakes under way, by connection.
#[derive(Debug, Default)]
pub(super) struct Pending {
    known: BTreeSet<IpAddr>,
    /// `None` where the address says nothing.
    under_way: BTreeMap<ConnectionId, Option<IpAddr>>,
}

impl Pending {
    /// Keeps places for whoever comes from these addresses.
    pub(super) fn new(known: impl IntoIterator<Item = IpAddr>) -> Self {
        Self { known: known.into_iter().map(host).collect(), under_way: BTreeMap::new() }
    }

    /// Takes a place; `false` if there is none.
    pub(super) fn begin(&mut self, connection: ConnectionId, from: &Multiaddr) -> bool {
        let from = from.iter().find_map(address).map(host);
        let is_known = |address: &Option<IpAddr>| address.is_some_and(|a| self.known.contains(&a));
        let same = self.under_way.values().filter(|other| **other == from).count();
        let strangers = self.under_way.values().filter(|other| !is_known(other)).count();
        let room = match is_known(&from) {
            true => same < limits::HANDSHAKES_MAX,
            false => same < limits::HANDSHAKES_ADDRESS_MAX && strangers < limits::HANDSHAKES_MAX,
        };
        if room {
            self.under_way.insert(connection, from);
        }
        room
    }

    /// Gives a place back, however the handshake ended.
    pub(super) fn end(&mut self, connection: ConnectionId) {
        self.under_way.remove(&connection);
    }
}

fn address(part: Protocol<'_>) -> Option<IpAddr> {
    match part {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(ip.into()),
        _ => None,
    }
}

/// What one host is counted under: a host commonly has 2^64 addresses of IPv6.
fn host(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBER: &str = "/ip4/10.0.0.1/tcp/7400";

    /// Handshakes from `address` that find a place, of `count`.
    fn begin(pending: &mut Pending, ids: &mut usize, address: &str, count: usize) -> usize {
        let address: Multiaddr = address.parse().unwrap();
        let one = |_: &usize| {
            *ids += 1;
            pending.begin(ConnectionId::new_unchecked(*ids), &address)
        };
        (0..count).filter(one).count()
    }

    fn pending() -> (Pending, usize) {
        (Pending::new(["10.0.0.1".parse().unwrap()]), 0)
    }

    #[test]
    fn strangers_never_take_the_places_of_members() {
        let (mut pending, mut ids) = pending();
        let taken: usize = (1..=100)
            .map(|n| begin(&mut pending, &mut ids, &format!("/ip4/10.9.0.{n}/tcp/1"), 100))
            .sum();
        assert_eq!(taken, limits::HANDSHAKES_MAX);
        assert_eq!(begin(&mut pending, &mut ids, MEMBER, 5), 5);
    }

    #[test]
    fn one_stranger_leaves_places_to_others() {
        let (mut pending, mut ids) = pending();
        for host in ["/ip4/10.9.0.1/tcp/1", "/ip6/2001:db8::1/tcp/1", "/dns4/a.example/tcp/1"] {
            let taken = begin(&mut pending, &mut ids, host, 100);
            assert_eq!(taken, limits::HANDSHAKES_ADDRESS_MAX, "{host}");
        }
        // The same network of IPv6, and an IPv4 address in IPv6's dress.
        for same in ["/ip6/2001:db8::2/tcp/1", "/ip6/::ffff:10.9.0.1/tcp/1"] {
            assert_eq!(begin(&mut pending, &mut ids, same, 1), 0, "{same}");
        }
    }

    #[test]
    fn a_handshake_that_ends_gives_its_place_back() {
        let (mut pending, mut ids) = pending();
        let stranger = "/ip4/10.9.0.1/tcp/1";
        begin(&mut pending, &mut ids, stranger, limits::HANDSHAKES_ADDRESS_MAX);
        assert_eq!(begin(&mut pending, &mut ids, stranger, 1), 0);
        pending.end(ConnectionId::new_unchecked(1));
        assert_eq!(begin(&mut pending, &mut ids, stranger, 2), 1);
    }
}
