//! A whole statement: the account's row, and every entry that led to it.
//!
//! The row is proved like any entry of the state, and beside it its asset's, which says what is counted. Its head covers all its entries in order (B1 of
//! [`linli_types::account`]): replayed from nothing, they give the row's counts, number and head, or
//! one was left out, changed or added.

use crate::failure::{Failure, Reason};
use crate::pack::ProvedEntry;
use alloc::vec::Vec;
use linli_types::account::{AccountRow, Entry, Side};
use linli_types::books::{AssetRow, asset_key};
use linli_types::id::AccountId;

/// The room that keeps accounts, and the zero byte after its name.
const PREFIX: &[u8] = b"accounts\0";

/// An account as stored entries prove it.
pub(crate) struct Proved {
    pub(crate) id: AccountId,
    pub(crate) row: AccountRow,
    /// Its asset, if that row is proved too.
    pub(crate) asset: Option<AssetRow>,
}

/// The account that stored entries are about: its row, alone or followed by its asset's.
pub(crate) fn find(entries: &[ProvedEntry]) -> Option<Proved> {
    let (ProvedEntry { key, value, .. }, rest) = entries.split_first()?;
    let id = key.strip_prefix(PREFIX).and_then(AccountId::from_slice)?;
    let row: AccountRow = borsh::from_slice(value.as_deref()?).ok()?;
    let asset = match rest {
        [] => None,
        [entry] => Some(asset(entry, row.asset)?),
        _ => return None,
    };
    Some(Proved { id, row, asset })
}

fn asset(entry: &ProvedEntry, number: u32) -> Option<AssetRow> {
    let key: Vec<u8> = [PREFIX, &asset_key(number)].concat();
    borsh::from_slice(entry.value.as_deref().filter(|_| entry.key == key)?).ok()
}

/// Replays the entries onto the row.
pub(crate) fn check(entries: &[ProvedEntry], lines: &[Entry]) -> Result<Proved, Failure> {
    let found = find(entries).ok_or_else(|| Failure::plain(Reason::AccountOther))?;
    let (id, row) = (found.id, &found.row);
    let mut replayed = AccountRow::new(row.owner, row.asset, row.kind, row.flags);
    for (number, line) in lines.iter().enumerate() {
        let wrong = || Failure::new(Reason::AccountLine, [number.saturating_add(1)]);
        let side = match id {
            id if id == line.debit => Side::Debit,
            id if id == line.credit => Side::Credit,
            _ => return Err(wrong()),
        };
        replayed = replayed.with(side, line, &line.digest()).ok_or_else(wrong)?;
    }
    let counts = |row: &AccountRow| {
        let debits = (row.debits_pending, row.debits_posted);
        (debits, (row.credits_pending, row.credits_posted), row.entries, row.head)
    };
    if counts(&replayed) != counts(row) {
        let (found, counted) = (replayed.entries, row.entries);
        return Err(Failure::new(Reason::AccountNotWhole, [found, counted]));
    }
    Ok(found)
}
