//! A whole statement: the account's row, and every entry that led to it.
//!
//! The row is proved like any entry of the state. Its head covers all its entries in order (B1 of
//! [`linli_types::account`]): replayed from nothing, they give the row's counts, number and head, or
//! one was left out, changed or added.

use crate::failure::{Failure, Reason};
use crate::pack::ProvedEntry;
use linli_types::account::{AccountRow, Entry, Side};
use linli_types::id::AccountId;

/// The room that keeps accounts, and the zero byte after its name.
const PREFIX: &[u8] = b"accounts\0";

/// An account and its entries, both proved.
pub(crate) struct Whole {
    pub(crate) id: AccountId,
    pub(crate) row: AccountRow,
}

/// Replays the entries onto the row of the only stored entry.
pub(crate) fn check(entries: &[ProvedEntry], lines: &[Entry]) -> Result<Whole, Failure> {
    let other = || Failure::plain(Reason::AccountOther);
    let [ProvedEntry { key, value: Some(value), .. }] = entries else { return Err(other()) };
    let id = key.strip_prefix(PREFIX).and_then(AccountId::from_slice).ok_or_else(other)?;
    let row: AccountRow = borsh::from_slice(value).map_err(|_| other())?;
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
    if counts(&replayed) != counts(&row) {
        let (found, counted) = (replayed.entries, row.entries);
        return Err(Failure::new(Reason::AccountNotWhole, [found, counted]));
    }
    Ok(Whole { id, row })
}
