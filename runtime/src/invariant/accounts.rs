//! The laws of the accounts.

use super::Invariant;
use crate::accounts::lots::Lot;
use crate::accounts::rows::{DeedRow, Kept, OpeningRow, PendingRow, kept, read_row};
use crate::accounts::{AccountRow, ROOM};
use crate::stored::{decode, full_key, visit_room};
use crate::timers;
use linli_types::account::flag;
use linli_types::books::AccountKind;
use linli_types::id::AccountId;
use linli_types::store::{Broken, Column, Read};
use std::collections::BTreeMap;

fn visit_accounts(
    store: &dyn Read,
    mut visit: impl FnMut(AccountId, AccountRow),
) -> Result<(), Broken> {
    visit_room(store, Column::State, ROOM, |key, value| {
        if let Some(Kept::Account(id)) = kept(key) {
            visit(id, read_row(value)?);
        }
        Ok(())
    })
}

/// INV-L1: per asset, debits equal credits, posted and pending; every key of the room is known.
#[derive(Clone, Copy, Debug)]
pub struct Conservation;

#[derive(Default)]
struct Sums {
    posted: (u128, u128),
    pending: (u128, u128),
}

fn add(sum: &mut (u128, u128), debit: u64, credit: u64) {
    sum.0 = sum.0.saturating_add(u128::from(debit));
    sum.1 = sum.1.saturating_add(u128::from(credit));
}

impl Invariant for Conservation {
    fn name(&self) -> &'static str {
        "INV-L1 conservation"
    }

    fn breaches(&self, store: &dyn Read) -> Result<Vec<String>, Broken> {
        let (mut assets, mut found) = (BTreeMap::<u32, Sums>::new(), Vec::new());
        visit_room(store, Column::State, ROOM, |key, value| {
            match kept(key) {
                None => found.push("an entry of the accounts is of no kind".to_string()),
                Some(Kept::Account(_)) => {
                    let row = read_row(value)?;
                    let sums = assets.entry(row.asset).or_default();
                    add(&mut sums.posted, row.debits_posted, row.credits_posted);
                    add(&mut sums.pending, row.debits_pending, row.credits_pending);
                }
                Some(_) => {}
            }
            Ok(())
        })?;
        for (asset, sums) in assets {
            for (what, (debits, credits)) in [("posted", sums.posted), ("pending", sums.pending)] {
                if debits != credits {
                    found
                        .push(format!("asset {asset}, {what}: debits {debits}, credits {credits}"));
                }
            }
        }
        Ok(found)
    }
}

/// INV-L2: what was issued and not taken back is what all other accounts have.
#[derive(Clone, Copy, Debug)]
pub struct Supply;

impl Invariant for Supply {
    fn name(&self) -> &'static str {
        "INV-L2 supply"
    }

    fn breaches(&self, store: &dyn Read) -> Result<Vec<String>, Broken> {
        let mut sums: BTreeMap<u32, (i128, i128)> = BTreeMap::new();
        visit_accounts(store, |_, row| {
            let (issued, held) = sums.entry(row.asset).or_default();
            let balance =
                i128::from(row.credits_posted).saturating_sub(i128::from(row.debits_posted));
            match row.kind {
                AccountKind::Issuance => *issued = issued.saturating_sub(balance),
                _ => *held = held.saturating_add(balance),
            }
        })?;
        let odd = sums.into_iter().filter(|(_, (issued, held))| issued != held || *issued < 0);
        Ok(odd.map(|(asset, (i, h))| format!("asset {asset}: issued {i}, held {h}")).collect())
    }
}

/// INV-L3: bounded accounts keep their bounds, pending amounts counted.
#[derive(Clone, Copy, Debug)]
pub struct Bounds;

impl Invariant for Bounds {
    fn name(&self) -> &'static str {
        "INV-L3 bounds"
    }

    fn breaches(&self, store: &dyn Read) -> Result<Vec<String>, Broken> {
        let mut found = Vec::new();
        visit_accounts(store, |id, row| found.extend(bounds_broken(&id, &row)))?;
        Ok(found)
    }
}

/// Which of its bounds an account breaks, in words.
pub(super) fn bounds_broken(id: &AccountId, row: &AccountRow) -> Vec<String> {
    let mut found = Vec::new();
    let wide = |a: u64, b: u64| u128::from(a).saturating_add(u128::from(b));
    let debits = wide(row.debits_posted, row.debits_pending);
    let credits = wide(row.credits_posted, row.credits_pending);
    if row.is(flag::DEBITS_BOUND) && debits > u128::from(row.credits_posted) {
        let posted = row.credits_posted;
        found.push(format!("account {id} was debited {debits} of {posted}"));
    }
    if row.is(flag::CREDITS_BOUND) && credits > u128::from(row.debits_posted) {
        let posted = row.debits_posted;
        found.push(format!("account {id} was credited {credits} of {posted}"));
    }
    let most = wide(row.max_balance, row.debits_posted);
    if row.max_balance != 0 && credits > most {
        found.push(format!("account {id} holds more than {}", row.max_balance));
    }
    found
}

/// INV-L4: what accounts hold is the sum of the pending transfers, and each has its timer.
#[derive(Clone, Copy, Debug)]
pub struct Holds;

impl Invariant for Holds {
    fn name(&self) -> &'static str {
        "INV-L4 pending"
    }

    fn breaches(&self, store: &dyn Read) -> Result<Vec<String>, Broken> {
        let mut held: BTreeMap<AccountId, (u128, u128)> = BTreeMap::new();
        let mut found = Vec::new();
        visit_room(store, Column::State, ROOM, |key, value| {
            let Some(Kept::Pending(id)) = kept(key) else { return Ok(()) };
            let row: PendingRow = decode(value, "a pending transfer")?;
            add(held.entry(row.debit).or_default(), row.amount, 0);
            add(held.entry(row.credit).or_default(), 0, row.amount);
            let timer = store.get(Column::State, &full_key(timers::ROOM, &row.timer.0))?;
            if timer.is_none() || timers::due(&row.timer) != row.expires {
                found.push(format!("pending transfer {id} has no timer of its time"));
            }
            Ok(())
        })?;
        visit_accounts(store, |id, row| {
            let stands = (u128::from(row.debits_pending), u128::from(row.credits_pending));
            let pending = held.remove(&id).unwrap_or_default();
            if stands != pending {
                found.push(format!("account {id} holds {stands:?}, pending are {pending:?}"));
            }
        })?;
        found.extend(held.into_keys().map(|id| format!("pending, but no account: {id}")));
        Ok(found)
    }
}

/// INV-L6: no more is taken back than was moved.
#[derive(Clone, Copy, Debug)]
pub struct Reversals;

impl Invariant for Reversals {
    fn name(&self) -> &'static str {
        "INV-L6 reversals"
    }

    fn breaches(&self, store: &dyn Read) -> Result<Vec<String>, Broken> {
        let mut found = Vec::new();
        visit_room(store, Column::State, ROOM, |key, value| {
            let Some(Kept::Deed(id)) = kept(key) else { return Ok(()) };
            let DeedRow { amount, reversed, .. } = decode(value, "a deed")?;
            if reversed > amount {
                found.push(format!("{reversed} of {amount} was taken back of {id}"));
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// INV-L11: an account's lots sum to its balance; only accounts with lots have any.
#[derive(Clone, Copy, Debug)]
pub struct Lots;

impl Invariant for Lots {
    fn name(&self) -> &'static str {
        "INV-L11 lots"
    }

    fn breaches(&self, store: &dyn Read) -> Result<Vec<String>, Broken> {
        let mut sums: BTreeMap<AccountId, u128> = BTreeMap::new();
        visit_room(store, Column::State, ROOM, |key, value| {
            let Some(Kept::Lots(id)) = kept(key) else { return Ok(()) };
            let lots: Vec<Lot> = decode(value, "lots")?;
            let units = lots.iter().map(|lot| u128::from(lot.remaining));
            sums.insert(id, units.fold(0, u128::saturating_add));
            Ok(())
        })?;
        let mut found = Vec::new();
        visit_accounts(store, |id, row| {
            let lots = sums.remove(&id).unwrap_or_default();
            let kept = if row.is(flag::LOTS) { u128::from(row.balance()) } else { 0 };
            if lots != kept {
                found.push(format!("account {id} holds {kept} in lots of {lots}"));
            }
        })?;
        found.extend(sums.into_keys().map(|id| format!("lots of no account: {id}")));
        Ok(found)
    }
}

/// INV-L12: no batch opened more than was approved, and a closed one exactly that.
#[derive(Clone, Copy, Debug)]
pub struct Openings;

impl Invariant for Openings {
    fn name(&self) -> &'static str {
        "INV-L12 opening balances"
    }

    fn breaches(&self, store: &dyn Read) -> Result<Vec<String>, Broken> {
        let mut found = Vec::new();
        visit_room(store, Column::State, ROOM, |key, value| {
            let Some(Kept::Opening(id)) = kept(key) else { return Ok(()) };
            let row: OpeningRow = decode(value, "a batch of opening balances")?;
            let whole = row.loaded == row.accounts && row.loaded_totals == row.totals;
            let sums = row.totals.iter().zip(&row.loaded_totals);
            let within = row.loaded <= row.accounts
                && row.totals.len() == row.loaded_totals.len()
                && row.loaded_chunks <= row.chunks
                && sums.into_iter().all(|(most, sum)| most.0 == sum.0 && sum.1 <= most.1);
            if !within || row.closed && !whole {
                found.push(format!("the batch {id} opened what was not approved"));
            }
            if row.approver.is_none() && row.loaded_chunks > 0 || row.approver == Some(row.proposer)
            {
                found.push(format!("the batch {id} was not approved by somebody else"));
            }
            Ok(())
        })?;
        Ok(found)
    }
}
