//! Who may vote, and with how much power.
//!
//! # Invariants
//!
//! - **V1 quorum.** A quorum is strictly more than two thirds of the power.
//! - **V2 no master.** No organisation holds one third or more, no kind of organisation one half
//!   or more (design §4, governance).
//! - **V3 one order.** The set is sorted by key, each key once; its digest does not depend on how
//!   it was made.

use crate::digest::{self, Domain};
use crate::id::{Digest, PublicKey};
use crate::limits;
use crate::planted::{self, Bug};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// What an organisation is (`domain.md` §B1).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
#[allow(missing_docs, reason = "the names are those of domain.md §B1")]
pub enum OrgKind {
    District,
    Street,
    Operator,
    Fund,
    Enterprise,
    SocialOrg,
    Auditor,
    Certifier,
    ArbitrationBody,
    Bank,
    Insurer,
    Regulator,
    IdService,
    Tsa,
    CourtWitness,
}

/// One validator.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Validator {
    /// Consensus key; also the validator's name in votes and certificates.
    pub key: PublicKey,
    /// Network key: proves the peer in the Noise handshake (design D14).
    pub network_key: PublicKey,
    /// Voting power.
    pub power: u64,
    /// The organisation that runs it.
    pub org: u32,
    /// That organisation's kind.
    pub kind: OrgKind,
    /// For people.
    pub name: String,
}

/// The validators of a height, sorted by key (V3).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct ValidatorSet {
    members: Vec<Validator>,
}

/// Why a set of validators is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSet {
    /// Too few or too many.
    #[error(
        "{found} validators; a chain has {min} to {max}, because {min} are the fewest of which one may fail"
    )]
    Count {
        /// How many there are.
        found: usize,
        /// Fewest.
        min: usize,
        /// Most.
        max: usize,
    },
    /// A key twice.
    #[error("the key {0} stands twice")]
    Twice(PublicKey),
    /// No power, or more than the bound.
    #[error("{name} has power {power}; it must be 1 to {max}")]
    Power {
        /// Whose.
        name: String,
        /// How much.
        power: u64,
        /// The bound.
        max: u64,
    },
    /// One organisation could block the chain alone.
    #[error(
        "organisation {org} holds {power} of {total}; no organisation may hold one third or more"
    )]
    OrganisationTooStrong {
        /// Which.
        org: u32,
        /// Its power.
        power: u64,
        /// All power.
        total: u64,
    },
    /// One kind of organisation could stop the others.
    #[error(
        "organisations of the kind {kind:?} hold {power} of {total}; no kind may hold one half or more"
    )]
    KindTooStrong {
        /// Which.
        kind: OrgKind,
        /// Its power.
        power: u64,
        /// All power.
        total: u64,
    },
}

impl ValidatorSet {
    /// Checks and sorts a set.
    ///
    /// # Errors
    ///
    /// [`BadSet`]; the fault lies with whoever wrote the genesis or the motion.
    pub fn new(mut members: Vec<Validator>) -> Result<Self, BadSet> {
        members.sort_by_key(|v| v.key);
        let set = Self { members };
        set.check_members()?;
        set.check_balance()?;
        Ok(set)
    }

    fn check_members(&self) -> Result<(), BadSet> {
        let (min, max) = (limits::VALIDATORS_MIN, limits::VALIDATORS_MAX);
        let found = self.members.len();
        if found < min || found > max {
            return Err(BadSet::Count { found, min, max });
        }
        if let Some([one, _]) = self.members.array_windows().find(|[a, b]| a.key == b.key) {
            return Err(BadSet::Twice(one.key));
        }
        let odd = |v: &&Validator| v.power == 0 || v.power > limits::POWER_MAX;
        match self.members.iter().find(odd) {
            Some(v) => {
                Err(BadSet::Power { name: v.name.clone(), power: v.power, max: limits::POWER_MAX })
            }
            None => Ok(()),
        }
    }

    /// V2. Sums stay far below `u64::MAX`: 64 validators of at most a million.
    fn check_balance(&self) -> Result<(), BadSet> {
        let total = self.total_power();
        let (mut by_org, mut by_kind) = (BTreeMap::new(), BTreeMap::new());
        for v in &self.members {
            *by_org.entry(v.org).or_insert(0_u64) += v.power;
            *by_kind.entry(v.kind).or_insert(0_u64) += v.power;
        }
        if let Some((&org, &power)) = by_org.iter().find(|(_, power)| **power * 3 >= total) {
            return Err(BadSet::OrganisationTooStrong { org, power, total });
        }
        if let Some((&kind, &power)) = by_kind.iter().find(|(_, power)| **power * 2 >= total) {
            return Err(BadSet::KindTooStrong { kind, power, total });
        }
        Ok(())
    }

    /// The validators, sorted by key.
    pub fn members(&self) -> &[Validator] {
        &self.members
    }

    /// The validator with this consensus key.
    pub fn get(&self, key: &PublicKey) -> Option<&Validator> {
        let at = self.members.binary_search_by(|v| v.key.cmp(key)).ok()?;
        self.members.get(at)
    }

    /// All voting power.
    pub fn total_power(&self) -> u64 {
        self.members.iter().map(|v| v.power).sum()
    }

    /// Whether `power` is strictly more than two thirds (V1).
    pub fn is_quorum(&self, power: u64) -> bool {
        if planted::is(Bug::QuorumOfTwoF) {
            return u128::from(power) * 2 > u128::from(self.total_power());
        }
        u128::from(power) * 3 > u128::from(self.total_power()) * 2
    }

    /// The digest that headers carry.
    pub fn hash(&self) -> Digest {
        digest::hash(Domain::Validators, &[&crate::encode(self)])
    }
}

impl BorshDeserialize for ValidatorSet {
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let members = Vec::<Validator>::deserialize_reader(reader)?;
        let sorted = members.is_sorted_by_key(|v| v.key);
        let bad = |_| borsh::io::Error::from(borsh::io::ErrorKind::InvalidData);
        let set = Self::new(members).map_err(bad)?;
        if sorted { Ok(set) } else { Err(borsh::io::ErrorKind::InvalidData.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::vec;

    fn validator(n: u8, power: u64, org: u32, kind: OrgKind) -> Validator {
        let key = PublicKey([n; 32]);
        Validator { key, network_key: key, power, org, kind, name: format!("v{n}") }
    }

    /// The default net: district 3, operators 2 + 2, fund 3.
    fn default_four() -> Vec<Validator> {
        vec![
            validator(1, 3, 1, OrgKind::District),
            validator(2, 2, 2, OrgKind::Operator),
            validator(3, 2, 3, OrgKind::Operator),
            validator(4, 3, 4, OrgKind::Fund),
        ]
    }

    #[test]
    fn any_one_of_the_default_four_may_fail() {
        let set = ValidatorSet::new(default_four()).unwrap();
        for v in set.members() {
            assert!(set.is_quorum(set.total_power() - v.power), "{}", v.name);
        }
        assert!(!set.is_quorum(6));
    }

    #[test]
    fn three_are_refused_with_the_reason() {
        let mut three = default_four();
        three.pop();
        let refusal = ValidatorSet::new(three).unwrap_err();
        assert!(matches!(refusal, BadSet::Count { found: 3, .. }), "{refusal}");
    }

    #[test]
    fn an_organisation_with_a_third_is_refused() {
        let mut set = default_four();
        set[1].org = 3; // both operators are one organisation: 4 of 10
        assert!(matches!(
            ValidatorSet::new(set),
            Err(BadSet::OrganisationTooStrong { org: 3, power: 4, total: 10 })
        ));
    }

    #[test]
    fn the_digest_does_not_depend_on_the_order() {
        let mut reversed = default_four();
        reversed.reverse();
        let [a, b] = [default_four(), reversed].map(|m| ValidatorSet::new(m).unwrap().hash());
        assert_eq!(a, b);
    }

    #[test]
    fn an_unsorted_encoding_is_refused() {
        let mut reversed = default_four();
        reversed.reverse();
        assert!(ValidatorSet::try_from_slice(&crate::encode(&reversed)).is_err());
        assert!(ValidatorSet::try_from_slice(&crate::encode(&default_four())).is_ok());
    }
}
