//! The native identity room, asked with types: who somebody is, and what is attested of them.
//!
//! A question about nobody known refuses the whole transaction and never returns here. What is
//! attested counts only until its end; the room leaves out what has ended.

use crate::env::Env;
use linli_types::id::PrincipalId;
use prost::Message;

pub use linli_types::genesis::Role;
pub use linli_types::wire::identity::{
    ActRequest, Done, Duty, MandateRequest, MandateResponse, OrganisationRequest,
    OrganisationResponse, Predicate, PredicatesResponse, PrincipalRequest, PrincipalResponse,
    Related, RelationKind, RelationsRequest, RelationsResponse,
};

/// The room's name.
const ROOM: &str = "identity";

/// The native identity room. See the module.
pub struct Identity<'e, 'a> {
    env: &'e mut Env<'a>,
}

impl core::fmt::Debug for Identity<'_, '_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Identity<'_, '_> {
    /// Records that whoever calls does this duty on a record of this contract. A duty that excludes
    /// one they, or a relative where the table says so, did on it before refuses the transaction.
    pub fn act(&mut self, record: &[u8; 32], duty: Duty) {
        let request = ActRequest { record: record.to_vec(), duty: duty.into() };
        let _: Option<Done> = self.env.call(ROOM, "Act", &request);
    }

    /// Somebody's organisation, roles and keys.
    pub fn principal(&mut self, id: &PrincipalId) -> PrincipalResponse {
        self.ask("Principal", &PrincipalRequest { principal: id.0.to_vec() })
    }

    /// Whether somebody has a role now.
    pub fn has_role(&mut self, id: &PrincipalId, role: Role) -> bool {
        let number = i32::try_from(role.number()).unwrap_or(0);
        self.principal(id).roles.contains(&number)
    }

    /// An organisation's kind and label.
    pub fn organisation(&mut self, org: u32) -> OrganisationResponse {
        self.ask("Organisation", &OrganisationRequest { org })
    }

    /// Whether something is attested of somebody and still holds.
    pub fn holds(&mut self, id: &PrincipalId, predicate: Predicate) -> bool {
        let request = PrincipalRequest { principal: id.0.to_vec() };
        let answer: PredicatesResponse = self.ask("Predicates", &request);
        answer.predicates.iter().any(|attested| attested.predicate() == predicate)
    }

    /// How two people are related, as far as it still holds.
    pub fn relations(&mut self, a: &PrincipalId, b: &PrincipalId) -> alloc::vec::Vec<Related> {
        let request = RelationsRequest { a: a.0.to_vec(), b: b.0.to_vec() };
        let answer: RelationsResponse = self.ask("Relations", &request);
        answer.relations
    }

    /// The native room answers by its own schema; anything else would be the host's fault.
    fn ask<A: Message + Default>(&mut self, method: &str, request: &impl Message) -> A {
        self.env.call(ROOM, method, request).unwrap_or_default()
    }
}

impl<'a> Env<'a> {
    /// The native identity room.
    pub fn identity(&mut self) -> Identity<'_, 'a> {
        Identity { env: self }
    }
}
