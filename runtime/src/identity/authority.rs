//! By what right the consortium as a whole acts: admits organisations and centres, sets policy.
//!
//! Until the council stands (every chamber has a seat) the right is an office's. Then it is lost, and
//! the chain itself makes these acts when a motion has passed (INV-G4, [`crate::governance`]).

use linli_types::genesis::Role;

/// The right behind an act of the whole consortium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// An office that holds it until the council stands.
    Office(Role),
}

impl Authority {
    /// The right that someone with these roles has, if any.
    pub fn of(roles: &[Role]) -> Option<Self> {
        let office = Role::DistrictAdmin;
        roles.contains(&office).then_some(Self::Office(office))
    }
}
