//! What the room keeps in the state, and under which key.

use crate::stored::{decode, full_key};
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::account::AccountRow;
pub use linli_types::books::AssetRow;
use linli_types::books::{self, AccountKind, AssetClass, Authority};
use linli_types::height::TimeMs;
use linli_types::id::{AccountId, Digest, PrincipalId, TimerId, TransferId};
use linli_types::store::Broken;

/// The moves that the closed table allows for one asset and one code (INV-L9).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RuleRow {
    /// The asset's class: every transfer asks for it, so that it need not read the asset too.
    pub class: AssetClass,
    /// From-kind, to-kind, and who must act.
    pub moves: Vec<(AccountKind, AccountKind, Authority)>,
}

/// A pending transfer that is not resolved.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PendingRow {
    /// The account that will be debited.
    pub debit: AccountId,
    /// The account that will be credited.
    pub credit: AccountId,
    /// What is held.
    pub amount: u64,
    /// The asset's number.
    pub asset: u32,
    /// Kind of business.
    pub code: u32,
    /// When it is void.
    pub expires: TimeMs,
    /// The day it was reserved on: lots that have ended since may be posted.
    pub day: u32,
    /// Who may post it.
    pub resolver: PrincipalId,
    /// The timer that will give it up.
    pub timer: TimerId,
    /// The agent who reserved it for the principal: it counted against their mandate then.
    pub agent: Option<PrincipalId>,
}

/// What may still be taken back of a transfer.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DeedRow {
    /// Who paid.
    pub debit: AccountId,
    /// Who was paid.
    pub credit: AccountId,
    /// What was moved.
    pub amount: u64,
    /// What was taken back.
    pub reversed: u64,
    /// Who made it.
    pub actor: PrincipalId,
}

/// A batch of opening balances. Amounts stand per asset, ascending.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OpeningRow {
    /// SHA-256 of the source file.
    pub source: Digest,
    /// The statement that anchors it.
    pub statement: Digest,
    /// The statement's leaf in the evidence log.
    pub leaf: u64,
    /// From when on nothing is approved or loaded.
    pub cut_off: TimeMs,
    /// Accounts that were approved.
    pub accounts: u64,
    /// What was approved.
    pub totals: Vec<(u32, u64)>,
    /// Root over the chunks.
    pub root: Digest,
    /// How many chunks there are.
    pub chunks: u32,
    /// Who proposed it.
    pub proposer: PrincipalId,
    /// Who approved it, if anybody did.
    pub approver: Option<PrincipalId>,
    /// It was ended: everything is loaded.
    pub closed: bool,
    /// Accounts that are loaded.
    pub loaded: u64,
    /// What is loaded.
    pub loaded_totals: Vec<(u32, u64)>,
    /// Chunks that are loaded.
    pub loaded_chunks: u32,
}

/// The full key of an account.
pub fn account_key(id: &AccountId) -> Vec<u8> {
    full_key(super::ROOM, &id.0)
}

/// The full key of an account's lots.
pub fn lots_key(id: &AccountId) -> Vec<u8> {
    marked(b'L', &id.0)
}

/// The full key of a pending transfer.
pub fn pending_key(id: &TransferId) -> Vec<u8> {
    marked(b'P', &id.0)
}

/// The full key of what was taken back of a transfer.
pub fn deed_key(id: &TransferId) -> Vec<u8> {
    marked(b'D', &id.0)
}

/// The full key of an asset.
pub fn asset_key(asset: u32) -> Vec<u8> {
    full_key(super::ROOM, &books::asset_key(asset))
}

/// The full key of an asset's rules for a code.
pub fn rule_key(asset: u32, code: u32) -> Vec<u8> {
    marked(b'R', &[asset.to_be_bytes(), code.to_be_bytes()].concat())
}

/// The full key of a batch of opening balances.
pub fn opening_key(id: &TransferId) -> Vec<u8> {
    marked(b'O', &id.0)
}

fn marked(mark: u8, id: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(id.len().saturating_add(1));
    key.push(mark);
    key.extend_from_slice(id);
    full_key(super::ROOM, &key)
}

/// A row of the room, by its own key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// An account.
    Account(AccountId),
    /// An account's lots.
    Lots(AccountId),
    /// A pending transfer.
    Pending(TransferId),
    /// What was taken back of a transfer.
    Deed(TransferId),
    /// A batch of opening balances.
    Opening(TransferId),
    /// An asset or rules.
    Books,
}

/// What stands under one of the room's own keys.
pub fn kept(key: &[u8]) -> Option<Kept> {
    if let Some(account) = AccountId::from_slice(key) {
        return Some(Kept::Account(account));
    }
    match key.split_first()? {
        (b'L', id) => AccountId::from_slice(id).map(Kept::Lots),
        (b'P', id) => TransferId::from_slice(id).map(Kept::Pending),
        (b'D', id) => TransferId::from_slice(id).map(Kept::Deed),
        (b'O', id) => TransferId::from_slice(id).map(Kept::Opening),
        (b'A', id) if id.len() == 4 => Some(Kept::Books),
        (b'R', id) if id.len() == 8 => Some(Kept::Books),
        _ => None,
    }
}

/// Reads an account's row.
///
/// # Errors
///
/// [`Broken`] if the bytes are no account.
pub fn read_row(bytes: &[u8]) -> Result<AccountRow, Broken> {
    decode(bytes, "an account")
}
