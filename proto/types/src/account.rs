//! Accounts and the entries that change them, as the state holds and the heads cover them.
//!
//! # Invariants
//!
//! - **B1 whole.** `head` covers every entry in order: whoever replays all entries from the opening
//!   on arrives at the row, and leaving out, changing or adding one does not.

use crate::books::AccountKind;
use crate::digest::{self, Domain};
use crate::genesis;
use crate::height::TimeMs;
use crate::id::{AccountId, Digest, PrincipalId, TransferId};
use crate::wire::accounts::Transferred;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Who owns an account that nobody owns.
pub const NOBODY: PrincipalId = PrincipalId([0; 16]);
/// How the ids of issuance accounts begin; no other account's may.
pub const ISSUANCE_PREFIX: &[u8] = b"issuance";

/// Bits of an account's flags.
pub mod flag {
    /// Debits, pending ones too, never exceed credits.
    pub const DEBITS_BOUND: u16 = 1;
    /// Credits, pending ones too, never exceed debits.
    pub const CREDITS_BOUND: u16 = 2;
    /// Nothing comes in.
    pub const NO_IN: u16 = 4;
    /// Nothing goes out.
    pub const NO_OUT: u16 = 8;
    /// What it holds does not change hands.
    pub const SOULBOUND: u16 = 16;
    /// It keeps lots with dates.
    pub const LOTS: u16 = 32;
    /// Every bit that an opening may ask for.
    pub const ASKED: u16 = 63;
    /// It was closed.
    pub const CLOSED: u16 = 64;
    /// Nothing goes out by order.
    pub const FROZEN_OUT: u16 = 128;
    /// Nothing comes in by order.
    pub const FROZEN_IN: u16 = 256;
}

/// An account as the state holds it; the key is the account's id. Amounts in minor units.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AccountRow {
    /// Who owns it.
    pub owner: PrincipalId,
    /// The asset's number.
    pub asset: u32,
    /// What it is for.
    pub kind: AccountKind,
    /// Bits of [`flag`].
    pub flags: u16,
    /// Held for later debits.
    pub debits_pending: u64,
    /// All that was ever debited.
    pub debits_posted: u64,
    /// Held for later credits.
    pub credits_pending: u64,
    /// All that was ever credited.
    pub credits_posted: u64,
    /// Most that it may hold, pending credits included; 0 for no bound.
    pub max_balance: u64,
    /// When it was opened.
    pub opened: TimeMs,
    /// Entries of its statement.
    pub entries: u64,
    /// BLAKE3(head ‖ digest of the entry) over them, from zero on.
    pub head: Digest,
}

/// The two sides of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words of double entry")]
pub enum Side {
    Debit,
    Credit,
}

/// What an entry does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[repr(u8)]
pub enum Act {
    /// Moves.
    Transfer,
    /// Holds.
    Reserve,
    /// Posts what was held, whole or in part; the rest returns.
    Post,
    /// Gives up what was held.
    Void,
    /// What was held expired.
    Expiry,
    /// Takes a transfer back.
    Reversal,
    /// The part of a reversal that the payee no longer has.
    Receivable,
    /// Lots ended.
    LotsEnded,
}

impl Act {
    /// For people: Chinese, then English.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Transfer => ("转账", "transfer"),
            Self::Reserve => ("预留", "reserve"),
            Self::Post => ("入账", "post"),
            Self::Void => ("撤销", "void"),
            Self::Expiry => ("到期退回", "expiry"),
            Self::Reversal => ("冲正", "reversal"),
            Self::Receivable => ("转应收", "receivable"),
            Self::LotsEnded => ("批次到期", "lots ended"),
        }
    }

    const ALL: [Self; 8] = [
        Self::Transfer,
        Self::Reserve,
        Self::Post,
        Self::Void,
        Self::Expiry,
        Self::Reversal,
        Self::Receivable,
        Self::LotsEnded,
    ];

    /// The act with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }
}

/// One entry of two statements. Its digest stands in both heads.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Entry {
    /// The business id of the call that made it.
    pub id: TransferId,
    /// Block time at which it was made.
    pub at: TimeMs,
    /// What it does.
    pub act: Act,
    /// The account that is debited.
    pub debit: AccountId,
    /// The account that is credited.
    pub credit: AccountId,
    /// What is moved, held or given up, in minor units.
    pub amount: u64,
    /// The asset's number.
    pub asset: u32,
    /// Kind of business.
    pub code: u32,
    /// The pending transfer that is resolved, or the transfer that is taken back; zeros if none.
    pub of: TransferId,
    /// What was held, for a posting.
    pub pending: u64,
    /// When what is held expires; 0 if it is not.
    pub expires: TimeMs,
    /// The record that it is about.
    pub reference: Option<Digest>,
    /// Who acted; nobody when it happened by itself.
    pub actor: PrincipalId,
}

/// How one entry changes the counts of a side.
struct Change {
    release: u64,
    hold: u64,
    post: u64,
}

impl Entry {
    /// Its digest.
    pub fn digest(&self) -> Digest {
        digest::hash(Domain::Transfer, &[&crate::encode(self)])
    }

    /// The entry that an opening balance of a genesis of time `at` is.
    pub fn opening(account: &genesis::Account, at: TimeMs) -> Self {
        Self {
            id: TransferId(account.id.0),
            at,
            act: Act::Transfer,
            debit: issuance(account.asset),
            credit: account.id,
            amount: account.opening,
            asset: account.asset,
            code: 0,
            of: TransferId::default(),
            pending: 0,
            expires: TimeMs(0),
            reference: None,
            actor: NOBODY,
        }
    }

    const fn change(&self) -> Change {
        let (amount, pending) = (self.amount, self.pending);
        match self.act {
            Act::Reserve => Change { release: 0, hold: amount, post: 0 },
            Act::Post => Change { release: pending, hold: 0, post: amount },
            Act::Void | Act::Expiry => Change { release: amount, hold: 0, post: 0 },
            Act::Transfer | Act::Reversal | Act::Receivable | Act::LotsEnded => {
                Change { release: 0, hold: 0, post: amount }
            }
        }
    }

    /// The event that tells of it.
    pub fn to_event(&self) -> Transferred {
        let of = if self.of == TransferId::default() { Vec::new() } else { self.of.0.to_vec() };
        Transferred {
            id: self.id.0.to_vec(),
            debit: self.debit.0.to_vec(),
            credit: self.credit.0.to_vec(),
            amount: self.amount,
            asset: self.asset,
            code: self.code,
            act: self.act as u32,
            of,
            pending: self.pending,
            expires_ms: self.expires.0,
            r#ref: self.reference.map(|digest| digest.0.to_vec()).unwrap_or_default(),
            actor: self.actor.0.to_vec(),
            at_ms: self.at.0,
        }
    }

    /// The entry that an event tells of; `None` if the event tells of none.
    pub fn from_event(event: &Transferred) -> Option<Self> {
        let of = match event.of.as_slice() {
            [] => TransferId::default(),
            bytes => TransferId::from_slice(bytes)?,
        };
        let reference = match event.r#ref.as_slice() {
            [] => None,
            bytes => Some(Digest::from_slice(bytes)?),
        };
        Some(Self {
            id: TransferId::from_slice(&event.id)?,
            at: TimeMs(event.at_ms),
            act: Act::from_number(event.act)?,
            debit: AccountId::from_slice(&event.debit)?,
            credit: AccountId::from_slice(&event.credit)?,
            amount: event.amount,
            asset: event.asset,
            code: event.code,
            of,
            pending: event.pending,
            expires: TimeMs(event.expires_ms),
            reference,
            actor: PrincipalId::from_slice(&event.actor)?,
        })
    }
}

impl AccountRow {
    /// An account without entries.
    pub const fn new(owner: PrincipalId, asset: u32, kind: AccountKind, flags: u16) -> Self {
        Self {
            owner,
            asset,
            kind,
            flags,
            debits_pending: 0,
            debits_posted: 0,
            credits_pending: 0,
            credits_posted: 0,
            max_balance: 0,
            opened: TimeMs(0),
            entries: 0,
            head: Digest([0; 32]),
        }
    }

    /// Whether a flag is set.
    pub const fn is(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// Credits minus debits, pending ones left aside; 0 where debits exceed.
    pub const fn balance(&self) -> u64 {
        self.credits_posted.saturating_sub(self.debits_posted)
    }

    /// What may still be debited: the balance less what is held, or no bound but the count's.
    pub const fn can_give(&self) -> u64 {
        if self.is(flag::DEBITS_BOUND) {
            self.balance().saturating_sub(self.debits_pending)
        } else {
            u64::MAX
        }
    }

    /// The account with one entry more, or `None` if a count would not fit.
    #[must_use]
    pub fn with(mut self, side: Side, entry: &Entry, digest: &Digest) -> Option<Self> {
        let Change { release, hold, post } = entry.change();
        let (pending, posted) = match side {
            Side::Debit => (&mut self.debits_pending, &mut self.debits_posted),
            Side::Credit => (&mut self.credits_pending, &mut self.credits_posted),
        };
        *pending = pending.checked_sub(release)?.checked_add(hold)?;
        *posted = posted.checked_add(post)?;
        self.entries = self.entries.checked_add(1)?;
        self.head = digest::hash(Domain::AccountHead, &[&self.head.0, &digest.0]);
        Some(self)
    }
}

/// The account that an asset is issued from: nobody's, the other side of every unit that is out.
pub fn issuance(asset: u32) -> AccountId {
    let mut id = *b"issuance\0\0\0\0\0\0\0\0";
    let (_, number) = id.split_at_mut(12);
    number.copy_from_slice(&asset.to_be_bytes());
    AccountId(id)
}

/// The principal that a contract acts as: it owns what is its own, and nothing of its callers'.
pub fn contract_principal(room: &str) -> PrincipalId {
    let digest = digest::hash(Domain::Contract, &[room.as_bytes()]);
    let mut id = PrincipalId::default();
    id.0.iter_mut().zip(digest.0).for_each(|(place, byte)| *place = byte);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(act: Act, amount: u64, pending: u64) -> Entry {
        let (debit, credit) = (AccountId([1; 16]), AccountId([2; 16]));
        let (id, of, actor) = (TransferId([3; 16]), TransferId([4; 16]), PrincipalId([5; 16]));
        let (at, expires, reference) = (TimeMs(3), TimeMs(7), Some(Digest([6; 32])));
        let (asset, code) = (1, 1);
        Entry {
            id,
            at,
            act,
            debit,
            credit,
            amount,
            asset,
            code,
            of,
            pending,
            expires,
            reference,
            actor,
        }
    }

    fn row() -> AccountRow {
        AccountRow::new(NOBODY, 1, AccountKind::Holder, flag::DEBITS_BOUND)
    }

    #[test]
    fn an_event_tells_the_whole_entry() {
        for act in Act::ALL {
            let entry = entry(act, 5, 9);
            assert_eq!(Entry::from_event(&entry.to_event()), Some(entry));
        }
        assert_eq!(Act::from_number(8), None);
    }

    #[test]
    fn holds_are_released_whole_and_posted_in_part() {
        let go = |row: AccountRow, entry: Entry| row.with(Side::Debit, &entry, &entry.digest());
        let held = go(row(), entry(Act::Reserve, 9, 0)).unwrap();
        let posted = go(held.clone(), entry(Act::Post, 5, 9)).unwrap();
        assert_eq!((held.debits_pending, held.debits_posted), (9, 0));
        assert_eq!((posted.debits_pending, posted.debits_posted), (0, 5));
        assert_eq!(go(row(), entry(Act::Void, 9, 0)), None, "nothing is held");
        let full = AccountRow { debits_posted: u64::MAX, ..row() };
        assert_eq!(go(full, entry(Act::Transfer, 1, 0)), None);
    }

    #[test]
    fn a_contract_is_somebody_else_than_any_other() {
        assert_ne!(contract_principal("a"), contract_principal("b"));
        assert_ne!(contract_principal("a"), NOBODY);
    }
}
