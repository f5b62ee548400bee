//! Receipt keys: what validators sign receipts of the log with, delegated by their consensus keys.
//!
//! | key in the room `log` | row |
//! |---|---|
//! | `k/` ‖ validator | the delegation that holds, and which one it is |
//! | `k/` ‖ validator ‖ number, big-endian | one that held before |
//! | `u/` ‖ receipt key | the organisation whose it is |
//!
//! Anyone may carry a delegation here: what counts is the consensus key's signature. A receipt is
//! checked with its delegation and the validator set alone; the row says in public which key a
//! validator means, and tells its peers whom they may ask. A chain without such rows goes on.
//!
//! What a validator signed stays signed: when a key is replaced, or its validator leaves the set,
//! receipts of heights at which it stood in the set verify as before, and nothing new is believed,
//! because a receipt counts only for a height whose set names the validator.
//!
//! # Invariants
//!
//! - **K1 by the validator.** A row holds what the consensus key of a validator of the block signed.
//! - **K2 forward.** A key begins later than the one before it: an old delegation never comes back.
//! - **K3 one owner.** A receipt key is one organisation's, for ever: the words of two organisations
//!   have two signers. Within one it may stay when the consensus key changes.

use super::ROOM;
use crate::native::{Deed, Done, event, malformed, method_word, public_key, read};
use crate::query::Answer;
use crate::room::unknown_method;
use crate::stored::{decode, full_key, prefix_end, visit_rows};
use crate::vm::Stop;
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::code::Code;
use linli_types::delegation::{Delegation, ReceiptKey};
use linli_types::height::Height;
use linli_types::id::{PublicKey, Signature};
use linli_types::limits::KEY_AHEAD_HEIGHTS_MAX;
use linli_types::receipt::Param;
use linli_types::signature::{Zip215, check_public_key};
use linli_types::store::{Broken, Column, Read};
use linli_types::validator::ValidatorSet;
use linli_types::wire::log as wire;
use prost::Message;

/// The call that carries a delegation.
pub const SET: &str = "SetReceiptKey";
/// Full name of the room's event of a delegation.
const KEY_SET: &str = "linli.log.v1.ReceiptKeySet";
const KEYS: &[u8] = b"k/";
const OWNERS: &[u8] = b"u/";

/// A delegation as the state holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ReceiptKeyRow {
    /// Which one of the validator's it is, from 1 on.
    pub number: u32,
    /// The height at which it was set.
    pub set_at: Height,
    /// What the consensus key signed.
    pub delegation: Delegation,
}

/// The full key of the delegation that holds.
pub fn receipt_key_key(validator: &PublicKey) -> Vec<u8> {
    full_key(ROOM, &[KEYS, &validator.0].concat())
}

fn past_key(validator: &PublicKey, number: u32) -> Vec<u8> {
    full_key(ROOM, &[KEYS, &validator.0, &number.to_be_bytes()].concat())
}

fn owner_key(key: &PublicKey) -> Vec<u8> {
    full_key(ROOM, &[OWNERS, &key.0].concat())
}

/// The delegation of a validator that holds, if there is one.
///
/// # Errors
///
/// [`Broken`] if the row cannot be read.
pub fn receipt_key(
    store: &dyn Read,
    validator: &PublicKey,
) -> Result<Option<ReceiptKeyRow>, Broken> {
    let row = store.get(Column::State, &receipt_key_key(validator))?;
    row.map(|row| read_row(&row)).transpose()
}

fn read_row(row: &[u8]) -> Result<ReceiptKeyRow, Broken> {
    decode(row, "a receipt key")
}

/// The arguments of the call that carries a delegation.
pub fn set_request(delegation: &Delegation) -> wire::SetReceiptKeyRequest {
    let Delegation { says, signature } = delegation;
    wire::SetReceiptKeyRequest {
        validator: says.validator.0.to_vec(),
        key: says.key.0.to_vec(),
        from_height: says.from_height.0,
        signature: signature.0.to_vec(),
    }
}

/// Makes a call of this room.
pub(crate) fn call(deed: &mut Deed<'_, '_>, method: &str, args: &[u8]) -> Done {
    if method != SET {
        return Err(unknown_method(ROOM, method).into());
    }
    if !deed.caller.is_empty() {
        return Err(Code::DirectOnly.refuse([method_word(ROOM, SET)]).into());
    }
    set(deed, args)
}

fn set(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::SetReceiptKeyRequest = read(args)?;
    let validator = public_key("validator", &request.validator)?;
    let key = public_key("key", &request.key)?;
    let signature = Signature::from_slice(&request.signature);
    let signature = signature.ok_or_else(|| malformed("signature"))?;
    let (chain, from_height) = (deed.realm.chain, Height(request.from_height));
    let says = ReceiptKey { chain, validator, key, from_height };
    let delegation = Delegation { says, signature };
    let member = deed.realm.validators.get(&validator);
    let org = member.map(|member| member.org).ok_or_else(|| Code::NotValidator.refuse([]))?;
    let before = deed.overlay.read(&receipt_key_key(&validator))?;
    let before = before.map(|row| read_row(&row)).transpose()?;
    check_new(deed, (&delegation, org), before.as_ref())?;
    if !delegation.holds(&Zip215) {
        return Err(Code::ReceiptKeySignature.refuse([]).into()); // K1
    }
    let number = before.map_or(1, |row| row.number.saturating_add(1));
    if let Some(row) = before {
        deed.overlay.write(past_key(&validator, row.number), Some(linli_types::encode(&row)))?;
    }
    let row = ReceiptKeyRow { number, set_at: deed.place.height, delegation };
    deed.overlay.write(receipt_key_key(&validator), Some(linli_types::encode(&row)))?;
    deed.overlay.write(owner_key(&key), Some(org.to_be_bytes().to_vec()))?;
    let message = wire::ReceiptKeySet { key: Some(to_wire(&row, true)) };
    Ok((wire::Done {}.encode_to_vec(), event(ROOM, KEY_SET, [], &message)))
}

/// What a delegation must keep beside its signature.
fn check_new(
    deed: &mut Deed<'_, '_>,
    (delegation, org): (&Delegation, u32),
    before: Option<&ReceiptKeyRow>,
) -> Result<(), Stop> {
    let says = &delegation.says;
    let heights = |bound: u64| [says.from_height.0, bound].map(Param::Number);
    if before.is_some_and(|row| row.delegation == *delegation) {
        return Err(Code::Duplicate.refuse([]).into());
    }
    let last = deed.place.height.0.saturating_add(KEY_AHEAD_HEIGHTS_MAX);
    if says.from_height.0 > last {
        return Err(Code::ReceiptKeyAhead.refuse(heights(last)).into());
    }
    if let Some(row) = before.filter(|row| says.from_height <= row.delegation.says.from_height) {
        let bound = row.delegation.says.from_height.0;
        return Err(Code::ReceiptKeyOrder.refuse(heights(bound)).into()); // K2
    }
    check_public_key(&says.key).map_err(|_| Code::BadKey.refuse([]))?;
    let owner = deed.overlay.read(&owner_key(&says.key))?;
    if owner.is_some_and(|owner| owner != org.to_be_bytes()) {
        return Err(Code::KeyTaken.refuse([]).into()); // K3
    }
    Ok(())
}

fn to_wire(row: &ReceiptKeyRow, validates: bool) -> wire::ReceiptKey {
    let Delegation { says, signature } = &row.delegation;
    wire::ReceiptKey {
        validator: says.validator.0.to_vec(),
        key: says.key.0.to_vec(),
        from_height: says.from_height.0,
        signature: signature.0.to_vec(),
        number: row.number,
        set_at_height: row.set_at.0,
        validates,
    }
}

/// Answers `ReceiptKeys`: those that hold, of every validator that ever set one; or all of one
/// validator, the first one first.
pub(crate) fn answer(
    store: &dyn Read,
    validators: &ValidatorSet,
    args: &[u8],
) -> Result<Answer, Stop> {
    let request: wire::ReceiptKeysRequest = read(args)?;
    let one = match request.validator.as_slice() {
        [] => None,
        bytes => Some(public_key("validator", bytes)?),
    };
    let prefix = one.map_or_else(|| full_key(ROOM, KEYS), |validator| receipt_key_key(&validator));
    let holds = full_key(ROOM, KEYS).len().saturating_add(PublicKey::BYTES);
    let (mut reads, mut rows) = (Vec::new(), Vec::new());
    visit_rows(store, Column::State, (&prefix, &prefix_end(&prefix)), |key, row| {
        if one.is_some() || key.len() == holds {
            reads.push(key.to_vec());
            rows.push(read_row(row)?);
        }
        Ok(())
    })?;
    rows.sort_by_key(|row| (row.delegation.says.validator, row.number));
    let validates = |row: &ReceiptKeyRow| validators.get(&row.delegation.says.validator).is_some();
    let keys = rows.iter().map(|row| to_wire(row, validates(row))).collect();
    Ok(Answer { result: wire::ReceiptKeysResponse { keys }.encode_to_vec(), reads })
}
