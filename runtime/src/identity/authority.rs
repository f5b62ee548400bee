//! By what right the consortium as a whole acts: admits organisations and centres, sets policy.
//!
//! This is the one place where governance comes in. Until motions exist the right is a role's; then
//! [`Authority`] gains a motion that passed and whose delay is over, and [`Authority::of`] gives it
//! to the call that the chain itself makes. Nothing else asks who may speak for everyone.

use linli_types::genesis::Role;

/// The right behind an act of the whole consortium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// An office that holds it until motions do.
    Office(Role),
}

impl Authority {
    /// The right that someone with these roles has, if any.
    pub fn of(roles: &[Role]) -> Option<Self> {
        let office = Role::DistrictAdmin;
        roles.contains(&office).then_some(Self::Office(office))
    }
}
