//! May this transaction act, and for whom? Asked when it comes in, and again in its block.

use super::rows::{PrincipalRow, find_principal};
use super::{keys, load, load_by_key, mandate, permits};
use crate::native::method_word;
use crate::overlay::Overlay;
use crate::room::Place;
use linli_types::code::Code;
use linli_types::height::Height;
use linli_types::id::PrincipalId;
use linli_types::receipt::{Param, Refusal};
use linli_types::store::{Broken, Read};
use linli_types::transaction::Transaction;

/// For whom an admitted transaction acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    /// Whose the effects are.
    pub(crate) principal: PrincipalId,
    /// Their organisation; 0 for none.
    pub(crate) org: u32,
    /// Who acts for them; `None` for themselves.
    pub(crate) agent: Option<PrincipalId>,
}

/// The sender's organisation, if the key is theirs and may sign at `height`. The mandate is judged
/// in the block.
pub(crate) fn admit(
    store: &dyn Read,
    transaction: &Transaction,
    height: Height,
) -> Result<Result<u32, Refusal>, Broken> {
    let row = load(store, &transaction.sender)?;
    match judge(row, transaction, height) {
        Ok(row) => Ok(Ok(row.org)),
        Err(refusal) => {
            let owner = load_by_key(store, &transaction.signer)?.map(|(id, _)| id);
            Ok(Err(explain(refusal, owner, transaction, height)))
        }
    }
}

/// Who acts for whom, as of the transactions before, inside a block. One row is read for those who
/// act for themselves.
pub(crate) fn admit_in_block(
    overlay: &mut Overlay<'_>,
    place: &Place,
    transaction: &Transaction,
) -> Result<Result<Admitted, Refusal>, Broken> {
    let sender = transaction.sender;
    let row = find_principal(overlay, &sender)?;
    let row = match judge(row, transaction, place.height) {
        Ok(row) => row,
        Err(refusal) => {
            let owner = keys::owner(overlay, &transaction.signer)?;
            return Ok(Err(explain(refusal, owner, transaction, place.height)));
        }
    };
    let Some(principal) = transaction.on_behalf else {
        return Ok(Ok(Admitted { principal: sender, org: row.org, agent: None }));
    };
    let pair = (&principal, &sender);
    if let Err(refusal) = mandate::check(overlay, place.time, pair, &transaction.calls)? {
        return Ok(Err(refusal));
    }
    let org = find_principal(overlay, &principal)?.map_or(0, |row| row.org);
    Ok(Ok(Admitted { principal, org, agent: Some(sender) }))
}

/// Whether the key may sign for the sender at `height`, and what devices may not do.
fn judge(
    row: Option<PrincipalRow>,
    transaction: &Transaction,
    height: Height,
) -> Result<PrincipalRow, Refusal> {
    let row = row.ok_or_else(|| Code::UnknownSender.refuse([]))?;
    let key = row.keys.iter().find(|key| key.key == transaction.signer);
    let key = key.ok_or_else(|| Code::KeyNotOfSender.refuse([]))?;
    if let Some(until) = key.until.filter(|until| *until <= height) {
        return Err(Code::KeyRevoked.refuse([Param::Number(until.0)]));
    }
    if height < key.from {
        return Err(Code::KeyEarly.refuse([Param::Number(key.from.0)]));
    }
    let denied = |call: &&linli_types::wire::Call| !permits::machine_may(&call.room, &call.method);
    if row.is_machine()
        && let Some(call) = transaction.calls.iter().find(denied)
    {
        return Err(Code::DeviceDenied.refuse([method_word(&call.room, &call.method)]));
    }
    Ok(row)
}

/// A key that has left the sender's row was revoked long ago: that is what the sender is told.
fn explain(
    refusal: Refusal,
    owner: Option<PrincipalId>,
    transaction: &Transaction,
    height: Height,
) -> Refusal {
    let left = refusal.code == Code::KeyNotOfSender.number() && owner == Some(transaction.sender);
    if left { Code::KeyRevoked.refuse([Param::Number(height.0)]) } else { refusal }
}
