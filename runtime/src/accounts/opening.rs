//! The first page of the books, and accounts that begin with a balance: those of the genesis, and
//! those of batches ([`super::batch`]).

use super::admin::forced;
use super::day::{day_of, month_of};
use super::desk::{Desk, Held};
use super::lots::Lot;
use super::rows::{AssetRow, RuleRow, asset_key, rule_key};
use super::{NOBODY, bounds, malformed};
use crate::vm::Stop;
use linli_types::account::{AccountRow, Entry, Side, flag, issuance};
use linli_types::books::{AccountKind, AssetClass, Books};
use linli_types::code::Code;
use linli_types::genesis;
use linli_types::receipt::Param;
use std::collections::BTreeMap;

/// Writes assets, rules and issuance accounts, and opens the accounts of the genesis. The refusal
/// says which account cannot be opened.
pub(crate) fn open_books(
    desk: &mut Desk<'_, '_>,
    books: &Books,
    accounts: &[genesis::Account],
) -> Result<(), (Option<genesis::Account>, Stop)> {
    write_books(desk, books).map_err(|stop| (None, stop))?;
    // Openings of different assets stand in one genesis: none of them is a move (INV-T9).
    let mut opener = Opener::default();
    for account in accounts {
        let opened = opener.open(desk, account, Dated::default());
        opened.map_err(|stop| (Some(account.clone()), stop))?;
    }
    opener.finish(desk).map_err(|stop| (None, stop))
}

fn write_books(desk: &mut Desk<'_, '_>, books: &Books) -> Result<(), Stop> {
    let mut rules: BTreeMap<(u32, u32), Vec<_>> = BTreeMap::new();
    for rule in &books.rules {
        let moves = rules.entry((rule.asset, rule.code)).or_default();
        moves.push((rule.from, rule.to, rule.authority.clone()));
    }
    for asset in &books.assets {
        let row = AssetRow {
            class: asset.class,
            name: asset.name.clone(),
            decimals: asset.decimals,
            lots: asset.lots,
        };
        desk.overlay.write(asset_key(asset.number), Some(linli_types::encode(&row)))?;
        let opened = desk.place.time;
        let kind = AccountKind::Issuance;
        let flags = forced(kind, asset.lots);
        let row = AccountRow { opened, ..AccountRow::new(NOBODY, asset.number, kind, flags) };
        desk.put(&Held { id: issuance(asset.number), row })?;
    }
    for ((asset, code), moves) in rules {
        let class = desk.asset(asset)?.class;
        let row = linli_types::encode(&RuleRow { class, moves });
        desk.overlay.write(rule_key(asset, code), Some(row))?;
    }
    Ok(())
}

/// How the lot of an opening balance is dated, where the account keeps lots.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dated {
    pub(super) origin: u32,
    /// 0 for this month.
    pub(super) earned_month: u32,
    /// 0 never.
    pub(super) expires_day: u32,
}

/// Opens accounts with balances. What the issuance accounts give is counted here and written once.
#[derive(Default)]
pub(super) struct Opener {
    sources: BTreeMap<u32, Source>,
}

/// An asset, and its issuance account as the openings so far left it.
struct Source {
    class: AssetClass,
    lots: bool,
    held: Held,
}

impl Opener {
    /// Opens one account that does not stand, and enters its balance on both sides (INV-L1).
    pub(super) fn open(
        &mut self,
        desk: &mut Desk<'_, '_>,
        account: &genesis::Account,
        dated: Dated,
    ) -> Result<(), Stop> {
        let opened = desk.place.time;
        let source = self.source(desk, account.asset)?;
        let flags = forced(AccountKind::Holder, source.lots);
        let new = AccountRow::new(account.owner, account.asset, AccountKind::Holder, flags);
        let mut row = AccountRow { opened, ..new };
        if account.opening > 0 {
            bounds::within(&source.held.row, &row, account.opening)?;
            let entry = Entry::opening(account, opened);
            let digest = entry.digest();
            let overflow = || Stop::Refused(Code::Overflow.refuse([]));
            row = row.with(Side::Credit, &entry, &digest).ok_or_else(overflow)?;
            let given = source.held.row.clone().with(Side::Debit, &entry, &digest);
            source.held.row = given.ok_or_else(overflow)?;
        }
        if row.is(flag::LOTS) && account.opening > 0 {
            let lot = lot(desk, account.opening, dated)?; // INV-L11
            desk.put_lots(&account.id, &[lot])?;
        }
        desk.put(&Held { id: account.id, row })
    }

    /// What sort of thing an asset is.
    pub(super) fn class(
        &mut self,
        desk: &mut Desk<'_, '_>,
        asset: u32,
    ) -> Result<AssetClass, Stop> {
        Ok(self.source(desk, asset)?.class)
    }

    /// Writes the issuance accounts.
    pub(super) fn finish(self, desk: &mut Desk<'_, '_>) -> Result<(), Stop> {
        self.sources.into_values().try_for_each(|source| desk.put(&source.held))
    }

    fn source(&mut self, desk: &mut Desk<'_, '_>, asset: u32) -> Result<&mut Source, Stop> {
        use std::collections::btree_map::Entry as Place;
        match self.sources.entry(asset) {
            Place::Occupied(place) => Ok(place.into_mut()),
            Place::Vacant(place) => {
                let AssetRow { class, lots, .. } = desk.asset(asset)?;
                let held = desk.account(&issuance(asset).0)?;
                Ok(place.insert(Source { class, lots, held }))
            }
        }
    }
}

/// The lot of an opening balance: earned in a month that has begun, and not ended yet.
fn lot(desk: &Desk<'_, '_>, remaining: u64, dated: Dated) -> Result<Lot, Stop> {
    let Dated { origin, earned_month, expires_day } = dated;
    let this_month = month_of(desk.place.time);
    let earned_month = match earned_month {
        0 => this_month,
        month if month <= this_month => month,
        _ => return Err(malformed("earned_month")),
    };
    let lot = Lot { origin, earned_month, expires_day, remaining, gifted: false };
    match lot.has_ended(day_of(desk.place.time)) {
        true => Err(Code::LotInPast.refuse([Param::Number(u64::from(expires_day))]).into()),
        false => Ok(lot),
    }
}
