//! Who may act: the principals of the genesis, as rows of the room `identity`.
//!
//! Keys do not rotate yet and no one registers after the genesis; both come with the full
//! identity room.
//!
//! # Invariants
//!
//! - **P1 one key, one principal.** No two principals share a key.

use crate::overlay::Overlay;
use crate::stored::{decode, full_key};
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::code::Code;
use linli_types::genesis::{Principal, Role};
use linli_types::id::{PrincipalId, PublicKey};
use linli_types::receipt::Refusal;
use linli_types::store::{Broken, Column, Read};
use linli_types::transaction::Transaction;

/// The room's name.
pub const ROOM: &str = "identity";

/// A principal as the state holds it; the key is the principal's id.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PrincipalRow {
    /// The key they sign with.
    pub key: PublicKey,
    /// Their organisation; 0 for none.
    pub org: u32,
    /// What they may do.
    pub roles: Vec<Role>,
}

/// The principal with this id.
///
/// # Errors
///
/// [`Broken`] if the row cannot be read.
pub fn load(store: &dyn Read, id: &PrincipalId) -> Result<Option<PrincipalRow>, Broken> {
    let row = store.get(Column::State, &full_key(ROOM, &id.0))?;
    row.map(|row| decode(&row, "a principal")).transpose()
}

/// The principal who signs with this key.
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

/// Writes a principal of the genesis.
pub(crate) fn register(overlay: &mut Overlay<'_>, principal: &Principal) -> Result<(), Broken> {
    let Principal { id, key, org, roles } = principal.clone();
    overlay.put_side(full_key(ROOM, &key.0), id.0.to_vec());
    let row = linli_types::encode(&PrincipalRow { key, org, roles });
    overlay.write(full_key(ROOM, &id.0), Some(row))
}

/// The sender's organisation, if the sender is known and the key is theirs.
pub(crate) fn admit(row: Option<PrincipalRow>, transaction: &Transaction) -> Result<u32, Refusal> {
    match row {
        None => Err(Code::UnknownSender.refuse([])),
        Some(row) if row.key != transaction.signer => Err(Code::KeyNotOfSender.refuse([])),
        Some(row) => Ok(row.org),
    }
}

/// The sender's organisation as of the transactions before, inside a block.
pub(crate) fn admit_in_block(
    overlay: &mut Overlay<'_>,
    transaction: &Transaction,
) -> Result<Result<u32, Refusal>, Broken> {
    Ok(admit(in_block(overlay, &transaction.sender)?, transaction))
}

/// Whether a principal has a role.
pub(crate) fn has_role(
    overlay: &mut Overlay<'_>,
    id: &PrincipalId,
    role: Role,
) -> Result<bool, Broken> {
    Ok(in_block(overlay, id)?.is_some_and(|row| row.roles.contains(&role)))
}

/// Whether there is such a principal.
pub(crate) fn is_known(overlay: &mut Overlay<'_>, id: &PrincipalId) -> Result<bool, Broken> {
    Ok(in_block(overlay, id)?.is_some())
}

fn in_block(overlay: &mut Overlay<'_>, id: &PrincipalId) -> Result<Option<PrincipalRow>, Broken> {
    let row = overlay.read(&full_key(ROOM, &id.0))?;
    row.map(|row| decode(&row, "a principal")).transpose()
}
