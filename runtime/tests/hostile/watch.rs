//! What no program may bring about, looked for after every block: rows that change without an
//! entry, money that leaves somebody who did not give it, units out of nothing, rows of others.

use crate::town::BYSTANDER;
use linli_hostile::world::ROOMS;
use linli_runtime::accounts::rows::{Kept, PendingRow, kept, pending_key, read_row};
use linli_runtime::accounts::{self, NOBODY};
use linli_runtime::stored::{decode, full_key, split_key};
use linli_runtime::timers::TimerRow;
use linli_types::account::{AccountRow, Act, Entry, Side, contract_principal, flag, issuance};
use linli_types::height::TimeMs;
use linli_types::id::{AccountId, PrincipalId, TransferId};
use linli_types::receipt::{Event, Receipt};
use linli_types::store::{Column, Memory, Read};
use linli_types::wire::accounts::{AccountClosed, AccountOpened, Transferred};
use proptest::prelude::*;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};

type Accounts = BTreeMap<AccountId, AccountRow>;
type Rows<'a> = BTreeMap<&'a [u8], &'a [u8]>;

/// See the module.
pub(crate) struct Watch {
    contracts: BTreeSet<PrincipalId>,
    /// What contracts gave, and what was posted to them.
    given: BTreeMap<TransferId, Entry>,
    taken_back: BTreeMap<TransferId, u64>,
    /// What was out of each asset at first.
    out: BTreeMap<u32, u64>,
}

fn rows(store: &Memory) -> Rows<'_> {
    let state = store.rows().filter(|(column, ..)| *column == Column::State);
    state.map(|(_, key, value)| (key, value)).collect()
}

fn accounts(rows: &Rows<'_>) -> Accounts {
    let one = |(key, value): (&&[u8], &&[u8])| {
        let (room, own) = split_key(key)?;
        let Some(Kept::Account(id)) = kept(own).filter(|_| room == accounts::ROOM) else {
            return None;
        };
        Some((id, read_row(value).unwrap()))
    };
    rows.iter().filter_map(one).collect()
}

fn id(bytes: &[u8]) -> AccountId {
    AccountId::from_slice(bytes).unwrap()
}

impl Watch {
    pub(crate) fn new(store: &Memory) -> Self {
        let rooms = ROOMS.into_iter().chain(["probe", "evidence", BYSTANDER]);
        let contracts = rooms.map(contract_principal).collect();
        let (given, taken_back, out) =
            (BTreeMap::new(), BTreeMap::new(), out(&accounts(&rows(store))));
        Self { contracts, given, taken_back, out }
    }

    pub(crate) fn block(
        &mut self,
        (before, after): (&Memory, &Memory),
        time: TimeMs,
        receipts: &[Receipt],
    ) -> Result<(), TestCaseError> {
        let (old, new) = (rows(before), rows(after));
        others_rows(&old, &new)?;
        let (mut replayed, found) = (accounts(&old), accounts(&new));
        // Contracts give units up, and take back what they gave up; they issue none.
        for (asset, supply) in out(&found) {
            prop_assert!(supply <= self.out[&asset], "asset {} grew to {}", asset, supply);
        }
        for event in receipts.iter().flat_map(|receipt| &receipt.events) {
            let stolen = event.kind.ends_with("Noise") && event.data.ends_with(b"stolen");
            prop_assert!(!stolen, "a program could do what no contract may: {:?}", event);
            if event.room == accounts::ROOM {
                self.entry((before, time), &mut replayed, event)?;
            }
        }
        // B1: whatever changed in an account is told, and whatever is told changed it.
        for (id, row) in &found {
            prop_assert_eq!(Some(row), replayed.get(id), "account {}", id);
        }
        prop_assert_eq!(replayed.len(), found.len());
        Ok(())
    }

    /// Applies what an event tells of, and asks whether a contract may have done it.
    fn entry(
        &mut self,
        (before, time): (&Memory, TimeMs),
        rows: &mut Accounts,
        event: &Event,
    ) -> Result<(), TestCaseError> {
        let bytes = event.data.as_slice();
        match event.kind.rsplit('.').next().unwrap() {
            "AccountOpened" => {
                let opened = AccountOpened::decode(bytes).unwrap();
                let owner = PrincipalId::from_slice(&opened.owner).unwrap();
                prop_assert!(self.contracts.contains(&owner), "opened for {}", owner);
                let flags = u16::try_from(opened.flags).unwrap();
                let kind = linli_types::books::AccountKind::from_number(opened.kind).unwrap();
                let row = AccountRow::new(owner, opened.asset, kind, flags);
                let row = AccountRow { max_balance: opened.max_balance, opened: time, ..row };
                let stood = rows.insert(id(&opened.id), row);
                prop_assert!(stood.is_none(), "opened twice");
            }
            "AccountClosed" => {
                let closed = id(&AccountClosed::decode(bytes).unwrap().id);
                let row = rows.get_mut(&closed).unwrap();
                prop_assert!(self.contracts.contains(&row.owner), "closed {}'s", row.owner);
                row.flags |= flag::CLOSED;
            }
            "Transferred" => {
                let entry = Entry::from_event(&Transferred::decode(bytes).unwrap()).unwrap();
                self.judge(before, rows, &entry)?;
                let digest = entry.digest();
                for (side, id) in [(Side::Debit, entry.debit), (Side::Credit, entry.credit)] {
                    let row = rows.get(&id).cloned().unwrap();
                    rows.insert(id, row.with(side, &entry, &digest).unwrap());
                }
            }
            kind => prop_assert!(false, "no contract does this: {}", kind),
        }
        Ok(())
    }

    /// Nobody's money but the contract's own moves, or what its owner had left to the contract.
    fn judge(
        &mut self,
        before: &Memory,
        rows: &Accounts,
        entry: &Entry,
    ) -> Result<(), TestCaseError> {
        let owner = rows[&entry.debit].owner;
        let own = owner == entry.actor && self.contracts.contains(&owner);
        match entry.act {
            Act::Transfer | Act::Reserve => prop_assert!(own, "not the actor's: {:?}", entry),
            Act::Post => {
                let row = before.get(Column::State, &pending_key(&entry.of)).unwrap();
                let row: Option<PendingRow> = row.map(|row| decode(&row, "").unwrap());
                let left_to = row.is_some_and(|row| row.resolver == entry.actor);
                prop_assert!(own || left_to, "not left to the actor: {:?}", entry);
            }
            Act::Reversal | Act::Receivable => self.take_back(rows, entry)?,
            // What is held returns to its owner, and what has ended goes to the sink, for all.
            Act::Void | Act::Expiry | Act::LotsEnded => {}
        }
        if matches!(entry.act, Act::Transfer | Act::Post) {
            self.given.insert(entry.id, entry.clone());
        }
        let nobody = entry.act == Act::Expiry && entry.actor == NOBODY;
        prop_assert!(nobody || self.contracts.contains(&entry.actor), "who acts? {:?}", entry);
        Ok(())
    }

    /// A contract takes back only what it gave itself or was given, and no more; what is not there
    /// any more it owes itself.
    fn take_back(&mut self, rows: &Accounts, entry: &Entry) -> Result<(), TestCaseError> {
        let given = self.given.get(&entry.of);
        prop_assert!(given.is_some(), "nothing was given: {:?}", entry);
        let given = given.unwrap();
        let debtor = rows[&entry.debit].owner;
        let payee = rows[&given.credit].owner;
        let may = given.actor == entry.actor || payee == entry.actor;
        prop_assert!(may && entry.credit == given.debit, "not the actor's to take: {:?}", entry);
        let from_payee = entry.act == Act::Reversal && entry.debit == given.credit;
        prop_assert!(from_payee || debtor == entry.actor, "somebody else owes: {:?}", entry);
        let taken = self.taken_back.entry(entry.of).or_default();
        *taken += entry.amount;
        prop_assert!(*taken <= given.amount, "more than was given: {:?}", entry);
        Ok(())
    }
}

/// What is out of each asset.
fn out(rows: &Accounts) -> BTreeMap<u32, u64> {
    let of =
        |asset: u32| rows[&issuance(asset)].debits_posted - rows[&issuance(asset)].credits_posted;
    linli_hostile::world::ASSETS.into_iter().map(|asset| (asset, of(asset))).collect()
}

/// What a program cannot name or may not touch stands as it was.
fn others_rows(old: &Rows<'_>, new: &Rows<'_>) -> Result<(), TestCaseError> {
    let keys: BTreeSet<&[u8]> = old.keys().chain(new.keys()).copied().collect();
    for key in keys.into_iter().filter(|key| old.get(key) != new.get(key)) {
        let (room, own) = split_key(key).unwrap();
        let text = String::from_utf8_lossy(own).into_owned();
        let may = match room {
            // Duties on records of its own, which the contract recorded itself.
            "identity" => own.starts_with(b"dhostile") || own.starts_with(b"dprobe\0"),
            "timers" => {
                let row = new.get(key).or_else(|| old.get(key)).unwrap();
                let row: TimerRow = decode(row, "a timer").unwrap();
                row.room != BYSTANDER
            }
            // V1: no contract anchors in its sender's name.
            "claims" => ![BYSTANDER.as_bytes(), b"evidence"].contains(&own),
            "accounts" | "probe" => true,
            room => ROOMS.contains(&room),
        };
        prop_assert!(may, "a row of {} changed: {:?}", room, text);
    }
    prop_assert!(new.contains_key(full_key(BYSTANDER, b"v/k").as_slice()), "the bystander's row");
    Ok(())
}
