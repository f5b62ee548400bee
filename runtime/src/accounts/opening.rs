//! The first page of the books.

use super::admin::forced;
use super::desk::{Classes, Desk, Held};
use super::rows::{AssetRow, RuleRow, asset_key, rule_key};
use super::{NOBODY, bounds};
use crate::vm::Stop;
use linli_types::account::{AccountRow, Entry, issuance};
use linli_types::books::{AccountKind, Books};
use linli_types::genesis;
use std::collections::BTreeMap;

/// Writes assets, rules and issuance accounts, and opens the accounts of the genesis. The refusal
/// says which account cannot be opened.
pub(crate) fn open_books(
    desk: &mut Desk<'_, '_>,
    books: &Books,
    accounts: &[genesis::Account],
) -> Result<(), (Option<genesis::Account>, Stop)> {
    write_books(desk, books).map_err(|stop| (None, stop))?;
    for account in accounts {
        // Openings of different assets stand in one genesis: none of them is a move.
        *desk.classes = Classes::default();
        open(desk, account).map_err(|stop| (Some(account.clone()), stop))?;
    }
    desk.events.clear();
    Ok(())
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

fn open(desk: &mut Desk<'_, '_>, account: &genesis::Account) -> Result<(), Stop> {
    let asset = desk.asset(account.asset)?;
    let flags = forced(AccountKind::Holder, asset.lots);
    let row = AccountRow {
        opened: desk.place.time,
        ..AccountRow::new(account.owner, account.asset, AccountKind::Holder, flags)
    };
    let held = Held { id: account.id, row };
    desk.put(&held)?;
    if account.opening == 0 {
        return Ok(());
    }
    let source = desk.account(&issuance(account.asset).0)?;
    bounds::within(&source.row, &held.row, account.opening)?;
    bounds::return_lots(desk, &source, &held, account.opening)?;
    desk.enter(&Entry::opening(account, desk.place.time), source, held)
}
