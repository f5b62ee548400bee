//! Who may act: organisations, people under pseudonyms, devices; their keys, roles, mandates and
//! what is attested of them.
//!
//! ```text
//! rows.rs     what stands in the state, and under which key
//! admit.rs    may this transaction act, and for whom?         (read with every transaction)
//! permits.rs  the table role × call                           authority.rs  where motions come in
//! entry.rs    admission of organisations, centres, people, devices
//! roles.rs    roles given and taken                           keys.rs  rotation, revocation
//! recovery.rs new keys for who lost theirs                    mandate.rs  agents and guardians
//! attest.rs   relations and predicates with an end            sod.rs  who did which duty
//! expected.rs people whose balances came before them         sm2.rs  organisations' second keys
//! ```
//!
//! Nothing here holds personal data: ids are random, labels are of organisations and filtered, a
//! predicate stands instead of a date of birth.
//!
//! # Invariants
//!
//! - **P1 one key, one principal.** A key belongs to one principal for ever, also once revoked.
//! - **P2 never locked out.** From every height on, every principal has a key in force.
//! - **P3 the person decides.** While a recovery waits, any present key of the person ends it.
//! - **P4 apart.** No principal holds roles that exclude each other.
//! - **P5 bounded leave.** An agent acts within scope, cap and time of a mandate, never for
//!   themselves, never in this room.
//! - **P6 one second key.** At every height an organisation has at most one SM2 key, and none that
//!   ended comes back.

pub(crate) mod admit;
mod attest;
mod authority;
mod calls;
mod entry;
pub(crate) mod expected;
mod keys;
pub mod laws;
pub mod mandate;
pub mod permits;
mod query;
mod recovery;
mod roles;
pub mod rows;
mod sm2;
pub mod sod;

#[cfg(test)]
mod tests;

pub use authority::Authority;
pub(crate) use calls::{Subject, call, judge};
pub(crate) use entry::{admit_centre, admit_organisation, kind_number};
pub(crate) use query::answer;
pub use query::{Concerns, concerns, concerns_entry};
pub(crate) use roles::{give_role, take_role};
pub use rows::{KeyRow, PrincipalRow, Sm2KeyRow, Sm2Row};

use crate::overlay::Overlay;
use crate::stored::{decode, full_key};
use linli_types::genesis::{Genesis, Principal, Role};
use linli_types::height::Height;
use linli_types::id::{PrincipalId, PublicKey};
use linli_types::limits::ROLES_MAX;
use linli_types::store::{Broken, Column, Read};
use linli_types::validator::OrgKind;
use std::collections::BTreeSet;

/// The room's name.
pub const ROOM: &str = "identity";

/// The principal with this id.
///
/// # Errors
///
/// [`Broken`] if the row cannot be read.
pub fn load(store: &dyn Read, id: &PrincipalId) -> Result<Option<PrincipalRow>, Broken> {
    let row = store.get(Column::State, &rows::principal_key(id))?;
    row.map(|row| decode(&row, "a principal")).transpose()
}

/// The principal whom this key belongs to, whether or not it may sign now.
///
/// # Errors
///
/// [`Broken`] if a row cannot be read.
pub fn load_by_key(
    store: &dyn Read,
    key: &PublicKey,
) -> Result<Option<(PrincipalId, PrincipalRow)>, Broken> {
    let Some(id) = store.get(Column::Side, &full_key(ROOM, &key.0))? else { return Ok(None) };
    let id = PrincipalId::from_slice(&id).ok_or_else(|| Broken("a key's row".into()))?;
    Ok(load(store, &id)?.map(|row| (id, row)))
}

/// Whether a principal has a role.
pub(crate) fn has_role(
    overlay: &mut Overlay<'_>,
    id: &PrincipalId,
    role: Role,
) -> Result<bool, Broken> {
    Ok(rows::find_principal(overlay, id)?.is_some_and(|row| row.has(role)))
}

/// Whether there is such a principal.
pub(crate) fn is_known(overlay: &mut Overlay<'_>, id: &PrincipalId) -> Result<bool, Broken> {
    Ok(rows::find_principal(overlay, id)?.is_some())
}

/// Whether a principal is a device or a robot: it holds no minutes and no points.
pub(crate) fn is_machine(overlay: &mut Overlay<'_>, id: &PrincipalId) -> Result<bool, Broken> {
    Ok(rows::find_principal(overlay, id)?.is_some_and(|row| row.is_machine()))
}

/// Writes what a genesis says about identity: organisations, those of the validators included, and
/// principals. The genesis was judged before.
pub(crate) fn begin(overlay: &mut Overlay<'_>, genesis: &Genesis) -> Result<(), Broken> {
    for member in genesis.validators.members() {
        let row = rows::OrgRow::new(member.kind, String::new(), Height::GENESIS);
        overlay.write(rows::org_key(member.org), Some(linli_types::encode(&row)))?;
    }
    for org in &genesis.orgs {
        let row = rows::OrgRow::new(org.kind, org.label.clone(), Height::GENESIS);
        overlay.write(rows::org_key(org.id), Some(linli_types::encode(&row)))?;
    }
    genesis.principals.iter().try_for_each(|principal| register(overlay, principal))
}

/// Writes a principal of the genesis.
fn register(overlay: &mut Overlay<'_>, principal: &Principal) -> Result<(), Broken> {
    let Principal { id, key, org, roles } = principal.clone();
    let row = PrincipalRow::new(key, Height::GENESIS, org).with_roles(roles);
    keys::claim(overlay, &key, &id)?;
    rows::put_principal(overlay, &id, &row)
}

/// Whether someone of this kind of organisation may hold these roles, each once (P4).
pub(crate) fn may_hold(held: &[Role], kind: Option<OrgKind>) -> bool {
    let each: BTreeSet<Role> = held.iter().copied().collect();
    each.len() == held.len()
        && held.len() <= ROLES_MAX
        && held.iter().all(|role| roles::check_home(*role, kind).is_ok())
        && roles::check_apart(held).is_ok()
}
