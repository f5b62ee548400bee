//! Who may connect while the set of validators changes, and where each listens.
//!
//! # Invariants
//!
//! - **W1 the set's.** Whoever the set of the next block names may connect, under the name that it
//!   has there.
//! - **W2 told.** One that was removed stays connected for a few heights more: it hears that it was.

use crate::network::Member;
use linli_types::height::Height;
use linli_types::id::PublicKey;
use linli_types::limits::FAREWELL_HEIGHTS;
use linli_types::validator::{Validator, ValidatorSet};
use std::net::SocketAddr;

/// Whoever may connect, and the addresses at which some of them listen, by network key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) members: Vec<Member>,
    pub(crate) addresses: Vec<(PublicKey, SocketAddr)>,
}

/// Keeps [`Reach`] as blocks are committed.
#[derive(Debug)]
pub(crate) struct Membership {
    /// Names and addresses of the configuration. A name may be that of one who is yet to come.
    peers: Vec<(String, SocketAddr)>,
    set: ValidatorSet,
    /// Those who were removed, and until which height they are told (W2).
    leaving: Vec<(Height, Member)>,
    told: Reach,
}

impl Membership {
    pub(crate) fn new(set: ValidatorSet, peers: Vec<(String, SocketAddr)>) -> Self {
        let told = Reach::default();
        let mut new = Self { peers, set, leaving: Vec::new(), told };
        new.told = new.reach();
        new
    }

    /// What the network is started with.
    pub(crate) fn first(&self) -> Reach {
        self.told.clone()
    }

    /// Configured peers that the set does not name.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = &str> {
        let names = |name: &&str| !self.set.members().iter().any(|v| v.name == *name);
        self.peers.iter().map(|(name, _)| name.as_str()).filter(names)
    }

    /// A height left this set; what the network must know of it, if anything changed.
    pub(crate) fn committed(&mut self, height: Height, set: &ValidatorSet) -> Option<Reach> {
        self.leaving.retain(|(until, _)| height < *until);
        if self.set != *set {
            let until = Height(height.0.saturating_add(FAREWELL_HEIGHTS));
            let before = std::mem::replace(&mut self.set, set.clone());
            let gone =
                |v: &&Validator| !set.members().iter().any(|n| n.network_key == v.network_key);
            self.leaving.extend(before.members().iter().filter(gone).map(|v| (until, member(v))));
        }
        let reach = self.reach();
        let changed = reach != self.told;
        changed.then(|| {
            self.told = reach;
            self.told.clone()
        })
    }

    fn reach(&self) -> Reach {
        let named: Vec<Member> = self.set.members().iter().map(member).collect();
        let again = |m: &&Member| !named.iter().any(|n| n.network == m.network);
        let leaving: Vec<Member> =
            self.leaving.iter().map(|(_, m)| m).filter(again).copied().collect();
        let address = |(name, address): &(String, SocketAddr)| {
            let validator = self.set.members().iter().find(|v| v.name == *name)?;
            Some((validator.network_key, *address))
        };
        let addresses = self.peers.iter().filter_map(address).collect();
        Reach { members: [named, leaving].concat(), addresses } // W1
    }
}

fn member(validator: &Validator) -> Member {
    Member { validator: validator.key, network: validator.network_key }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_types::validator::OrgKind;

    const KINDS: [OrgKind; 5] =
        [OrgKind::District, OrgKind::Operator, OrgKind::Street, OrgKind::Fund, OrgKind::Bank];

    fn set(keys: &[u8]) -> ValidatorSet {
        let one = |(n, key): (usize, &u8)| Validator {
            key: PublicKey([*key; 32]),
            network_key: PublicKey([key % 100; 32]),
            power: 1,
            org: u32::from(key % 100),
            kind: KINDS[n],
            name: format!("v{}", key % 100),
        };
        ValidatorSet::new(keys.iter().enumerate().map(one).collect()).unwrap()
    }

    fn names(reach: &Reach) -> Vec<u8> {
        reach.members.iter().map(|m| m.validator.0[0]).collect()
    }

    #[test]
    fn one_that_was_removed_is_let_in_for_a_few_heights_more() {
        let mut members = Membership::new(set(&[1, 2, 3, 4, 5]), Vec::new());
        assert_eq!(names(&members.first()), [1, 2, 3, 4, 5]);
        assert_eq!(members.committed(Height(7), &set(&[1, 2, 3, 4, 5])), None);
        let without = set(&[1, 2, 3, 4]);
        assert_eq!(members.committed(Height(8), &without), None, "it hears of the change");
    }

    #[test]
    fn the_farewell_ends() {
        let mut members = Membership::new(set(&[1, 2, 3, 4, 5]), Vec::new());
        let (without, end) = (set(&[1, 2, 3, 4]), Height(8 + FAREWELL_HEIGHTS));
        members.committed(Height(8), &without);
        assert_eq!(members.committed(Height(end.0 - 1), &without), None);
        let last = members.committed(end, &without).unwrap();
        assert_eq!(names(&last), [1, 2, 3, 4]);
    }

    #[test]
    fn a_new_key_is_a_new_name_for_the_same_peer() {
        let mut members = Membership::new(set(&[1, 2, 3, 4]), Vec::new());
        let reach = members.committed(Height(3), &set(&[1, 103, 2, 4])).unwrap();
        assert_eq!(names(&reach), [1, 2, 4, 103]);
    }

    #[test]
    fn a_peer_that_is_yet_to_come_is_dialled_once_it_has_come() {
        let address: SocketAddr = "10.0.0.5:7400".parse().unwrap();
        let mut members = Membership::new(set(&[1, 2, 3, 4]), vec![("v5".into(), address)]);
        assert_eq!((members.first().addresses, members.unknown().count()), (Vec::new(), 1));
        let reach = members.committed(Height(3), &set(&[1, 2, 3, 4, 5])).unwrap();
        assert_eq!(reach.addresses, [(PublicKey([5; 32]), address)]);
        assert_eq!(members.unknown().count(), 0);
    }
}
