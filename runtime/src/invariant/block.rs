//! The laws over what one block changes: the node asks them of every block that it executed, before
//! it votes for it (decision 0015). They cost as much as the block changed, never as much as the
//! store holds; the laws over the whole store say the same and more.

use super::accounts::bounds_broken;
use crate::accounts::lots::Lot;
use crate::accounts::rows::{DeedRow, Kept, PendingRow, kept, read_row};
use crate::accounts::{AccountRow, ROOM};
use crate::execute::Executed;
use crate::overlay::Changed;
use crate::stored::{decode, split_key};
use linli_types::account::flag;
use linli_types::id::{AccountId, TransferId};
use linli_types::store::Broken;
use std::collections::BTreeMap;

/// A row before the block and after it.
type Both<T> = (Option<T>, Option<T>);

/// What a block did to the accounts.
#[derive(Debug, Default)]
pub struct Moved {
    accounts: BTreeMap<AccountId, Both<AccountRow>>,
    /// Units in lots, before and after.
    lots: BTreeMap<AccountId, (i128, i128)>,
    pending: Vec<Both<PendingRow>>,
    deeds: Vec<(TransferId, DeedRow)>,
    /// Entries of no kind.
    unknown: usize,
}

/// A law over what a block changes.
pub trait BlockLaw: Sync {
    /// Its name in the design.
    fn name(&self) -> &'static str;

    /// Every breach, in words. Empty while the law holds.
    fn breaches(&self, moved: &Moved) -> Vec<String>;
}

/// Every law over a block.
pub const BLOCK_LAWS: [&dyn BlockLaw; 5] = [&Balanced, &Bounded, &Held, &TakenBack, &Dated];

/// Every breach of every law over what a block changes, each with the law's name.
///
/// # Errors
///
/// [`Broken`] if a row that the block wrote cannot be read.
pub fn block_breaches(executed: &Executed) -> Result<Vec<String>, Broken> {
    Ok(judge(&Moved::read(&executed.effects.changes.state)?))
}

/// The first law that changes break.
pub(crate) fn first_broken(changes: &[Changed]) -> Result<Option<&'static str>, Broken> {
    let moved = Moved::read(changes)?;
    Ok(BLOCK_LAWS.iter().find(|law| !law.breaches(&moved).is_empty()).map(|law| law.name()))
}

fn judge(moved: &Moved) -> Vec<String> {
    let named = |law: &&dyn BlockLaw| -> Vec<String> {
        let name = law.name();
        law.breaches(moved).into_iter().map(|breach| format!("{name}: {breach}")).collect()
    };
    BLOCK_LAWS.iter().flat_map(named).collect()
}

impl Moved {
    fn read(changes: &[Changed]) -> Result<Self, Broken> {
        let mut moved = Self::default();
        for Changed { key, old, new } in changes {
            let Some((ROOM, own)) = split_key(key) else { continue };
            let (old, new) = (old.as_deref(), new.as_deref());
            match kept(own) {
                Some(Kept::Account(id)) => {
                    let rows = (old.map(read_row).transpose()?, new.map(read_row).transpose()?);
                    moved.accounts.insert(id, rows);
                }
                Some(Kept::Lots(id)) => {
                    moved.lots.insert(id, (units(old)?, units(new)?));
                }
                Some(Kept::Pending(_)) => {
                    let row = |row| decode(row, "a pending transfer");
                    moved.pending.push((old.map(row).transpose()?, new.map(row).transpose()?));
                }
                Some(Kept::Deed(id)) => {
                    let row = new.map(|row| decode(row, "a deed")).transpose()?;
                    moved.deeds.extend(row.map(|row| (id, row)));
                }
                Some(Kept::Books | Kept::Opening(_)) => {}
                None => moved.unknown = moved.unknown.saturating_add(1),
            }
        }
        Ok(moved)
    }
}

fn units(row: Option<&[u8]>) -> Result<i128, Broken> {
    let lots: Vec<Lot> = row.map(|row| decode(row, "lots")).transpose()?.unwrap_or_default();
    Ok(lots.iter().map(|lot| i128::from(lot.remaining)).fold(0, i128::saturating_add))
}

/// By how much a count rose.
fn rise<T>((old, new): &Both<T>, of: impl Fn(&T) -> u64) -> i128 {
    let count = |row: &Option<T>| row.as_ref().map_or(0, |row| i128::from(of(row)));
    count(new).saturating_sub(count(old))
}

fn add<K: Ord>(sums: &mut BTreeMap<K, [i128; 2]>, key: K, [a, b]: [i128; 2]) {
    let [sum_a, sum_b] = sums.entry(key).or_default();
    (*sum_a, *sum_b) = (sum_a.saturating_add(a), sum_b.saturating_add(b));
}

/// INV-L1: per asset, a block debits as much as it credits, posted and pending.
#[derive(Clone, Copy, Debug)]
struct Balanced;

impl BlockLaw for Balanced {
    fn name(&self) -> &'static str {
        "INV-L1 conservation"
    }

    fn breaches(&self, moved: &Moved) -> Vec<String> {
        let mut found = Vec::new();
        if moved.unknown > 0 {
            found.push("an entry of the accounts is of no kind".to_string());
        }
        let mut sums: BTreeMap<(u32, &str), [i128; 2]> = BTreeMap::new();
        for both in moved.accounts.values() {
            let Some(asset) = both.1.as_ref().or(both.0.as_ref()).map(|row| row.asset) else {
                continue;
            };
            let posted = [rise(both, |r| r.debits_posted), rise(both, |r| r.credits_posted)];
            let pending = [rise(both, |r| r.debits_pending), rise(both, |r| r.credits_pending)];
            add(&mut sums, (asset, "posted"), posted);
            add(&mut sums, (asset, "pending"), pending);
            if both.1.is_none() {
                found.push("an account is gone".to_string());
            }
        }
        let odd = sums.into_iter().filter(|(_, [debits, credits])| debits != credits);
        found.extend(odd.map(|((asset, what), [debits, credits])| {
            format!("asset {asset}, {what}: the block debits {debits} and credits {credits}")
        }));
        found
    }
}

/// INV-L3: whatever account a block changed keeps its bounds, pending amounts counted.
#[derive(Clone, Copy, Debug)]
struct Bounded;

impl BlockLaw for Bounded {
    fn name(&self) -> &'static str {
        "INV-L3 bounds"
    }

    fn breaches(&self, moved: &Moved) -> Vec<String> {
        let rows = moved.accounts.iter().filter_map(|(id, both)| Some((id, both.1.as_ref()?)));
        rows.flat_map(|(id, row)| bounds_broken(id, row)).collect()
    }
}

/// INV-L4: what accounts hold rises and falls by what the pending transfers do.
#[derive(Clone, Copy, Debug)]
struct Held;

impl BlockLaw for Held {
    fn name(&self) -> &'static str {
        "INV-L4 pending"
    }

    fn breaches(&self, moved: &Moved) -> Vec<String> {
        let mut sums: BTreeMap<AccountId, [i128; 2]> = BTreeMap::new();
        for both in &moved.pending {
            let Some(row) = both.1.as_ref().or(both.0.as_ref()) else { continue };
            let amount = rise(both, |row| row.amount);
            add(&mut sums, row.debit, [amount, 0]);
            add(&mut sums, row.credit, [0, amount]);
        }
        for (id, both) in &moved.accounts {
            let held = [rise(both, |r| r.debits_pending), rise(both, |r| r.credits_pending)];
            add(&mut sums, *id, held.map(|rise| rise.saturating_neg()));
        }
        let odd = sums.into_iter().filter(|(_, left)| *left != [0, 0]);
        odd.map(|(id, left)| format!("account {id} and its pending transfers differ by {left:?}"))
            .collect()
    }
}

/// INV-L6: no more is taken back than was moved.
#[derive(Clone, Copy, Debug)]
struct TakenBack;

impl BlockLaw for TakenBack {
    fn name(&self) -> &'static str {
        "INV-L6 reversals"
    }

    fn breaches(&self, moved: &Moved) -> Vec<String> {
        let odd = moved.deeds.iter().filter(|(_, row)| row.reversed > row.amount);
        odd.map(|(id, row)| format!("{} of {} was taken back of {id}", row.reversed, row.amount))
            .collect()
    }
}

/// INV-L11: an account's lots rise and fall with its balance; only accounts with lots have any.
#[derive(Clone, Copy, Debug)]
struct Dated;

impl BlockLaw for Dated {
    fn name(&self) -> &'static str {
        "INV-L11 lots"
    }

    fn breaches(&self, moved: &Moved) -> Vec<String> {
        let mut rises: BTreeMap<AccountId, i128> = BTreeMap::new();
        for (id, both) in &moved.accounts {
            let has_lots = both.1.as_ref().or(both.0.as_ref()).is_some_and(|r| r.is(flag::LOTS));
            let balance =
                rise(both, |r| r.credits_posted).saturating_sub(rise(both, |r| r.debits_posted));
            rises.insert(*id, if has_lots { balance } else { 0 });
        }
        for (id, (before, after)) in &moved.lots {
            let rise = rises.entry(*id).or_default();
            *rise = rise.saturating_sub(after.saturating_sub(*before));
        }
        let odd = rises.into_iter().filter(|(_, left)| *left != 0);
        odd.map(|(id, left)| format!("account {id} and its lots differ by {left}")).collect()
    }
}

#[cfg(test)]
mod tests;
