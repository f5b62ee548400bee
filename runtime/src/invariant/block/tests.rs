//! Each law names what was broken on purpose, and nothing else does.

use super::*;
use crate::accounts::rows::{account_key, deed_key, lots_key, pending_key};
use linli_types::books::AccountKind;
use linli_types::height::TimeMs;
use linli_types::id::{PrincipalId, TimerId};

const A: AccountId = AccountId([1; 16]);
const B: AccountId = AccountId([2; 16]);
const T: TransferId = TransferId([7; 16]);

fn row(flags: u16, debits: [u64; 2], credits: [u64; 2]) -> AccountRow {
    let row = AccountRow::new(PrincipalId([9; 16]), 1, AccountKind::Holder, flags);
    let ([debits_pending, debits_posted], [credits_pending, credits_posted]) = (debits, credits);
    AccountRow { debits_pending, debits_posted, credits_pending, credits_posted, ..row }
}

fn change<T: borsh::BorshSerialize>(key: Vec<u8>, old: Option<&T>, new: Option<&T>) -> Changed {
    let encode = |row: Option<&T>| row.map(linli_types::encode);
    Changed { key, old: encode(old), new: encode(new) }
}

fn account(id: AccountId, old: &AccountRow, new: &AccountRow) -> Changed {
    change(account_key(&id), Some(old), Some(new))
}

fn lots(id: AccountId, old: u64, new: u64) -> Changed {
    let of = |remaining: u64| {
        vec![Lot { origin: 1, earned_month: 1, expires_day: 0, remaining, gifted: false }]
    };
    change(lots_key(&id), Some(&of(old)), Some(&of(new)))
}

fn pending(amount: u64) -> PendingRow {
    PendingRow {
        debit: A,
        credit: B,
        amount,
        asset: 1,
        code: 1,
        expires: TimeMs(9),
        day: 1,
        resolver: PrincipalId([9; 16]),
        timer: TimerId([3; 16]),
        agent: None,
    }
}

/// The laws that the changes break.
fn broken(changes: &[Changed]) -> Vec<String> {
    let breaches = judge(&Moved::read(changes).unwrap());
    breaches.iter().map(|breach| breach.split(' ').next().unwrap().to_string()).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn a_transfer_and_a_hold_and_its_posting_break_nothing() {
    let before = (row(1, [0, 0], [0, 10]), row(1, [0, 0], [0, 0]));
    let paid = (row(1, [0, 4], [0, 10]), row(1, [0, 0], [0, 4]));
    assert_eq!(broken(&[account(A, &before.0, &paid.0), account(B, &before.1, &paid.1)]), NONE);
    let held = (row(1, [4, 0], [0, 10]), row(1, [0, 0], [4, 0]));
    let hold = change(pending_key(&T), None, Some(&pending(4)));
    let of = [account(A, &before.0, &held.0), account(B, &before.1, &held.1), hold];
    assert_eq!(broken(&of), NONE);
    let post = change(pending_key(&T), Some(&pending(4)), None);
    assert_eq!(broken(&[account(A, &held.0, &paid.0), account(B, &held.1, &paid.1), post]), NONE);
}

#[test]
fn a_unit_out_of_nothing_is_named() {
    let before = (row(1, [0, 0], [0, 10]), row(1, [0, 0], [0, 0]));
    let after = (row(1, [0, 4], [0, 10]), row(1, [0, 0], [0, 5]));
    let both = [account(A, &before.0, &after.0), account(B, &before.1, &after.1)];
    assert_eq!(broken(&both), ["INV-L1"]);
    let stray = Changed { key: crate::stored::full_key(ROOM, b"zz"), old: None, new: None };
    assert_eq!(broken(&[stray]), ["INV-L1"]);
    let gone = change(account_key(&A), Some(&row(1, [0, 0], [0, 0])), None);
    assert_eq!(broken(&[gone]), ["INV-L1"]);
}

#[test]
fn an_account_that_spends_what_it_has_not_is_named() {
    let before = (row(1, [0, 0], [0, 10]), row(1, [0, 0], [0, 0]));
    let after = (row(1, [0, 11], [0, 10]), row(1, [0, 0], [0, 11]));
    let both = [account(A, &before.0, &after.0), account(B, &before.1, &after.1)];
    assert_eq!(broken(&both), ["INV-L3"]);
}

#[test]
fn a_hold_without_its_pending_transfer_is_named() {
    let before = (row(1, [0, 0], [0, 10]), row(1, [0, 0], [0, 0]));
    let held = (row(1, [4, 0], [0, 10]), row(1, [0, 0], [4, 0]));
    let both = [account(A, &before.0, &held.0), account(B, &before.1, &held.1)];
    assert_eq!(broken(&both), ["INV-L4", "INV-L4"]);
    let hold = change(pending_key(&T), None, Some(&pending(4)));
    assert_eq!(broken(&[hold]), ["INV-L4", "INV-L4"]);
}

#[test]
fn more_taken_back_than_moved_is_named() {
    let deed = |reversed| DeedRow {
        debit: A,
        credit: B,
        amount: 5,
        reversed,
        actor: PrincipalId([9; 16]),
    };
    assert_eq!(broken(&[change(deed_key(&T), None, Some(&deed(5)))]), NONE);
    assert_eq!(broken(&[change(deed_key(&T), Some(&deed(5)), Some(&deed(6)))]), ["INV-L6"]);
}

#[test]
fn lots_that_are_not_the_balance_are_named() {
    let lotted = |debits, credits| row(1 | flag::LOTS, [0, debits], [0, credits]);
    let from = account(A, &lotted(0, 10), &lotted(4, 10));
    let to = account(B, &lotted(0, 0), &lotted(0, 4));
    let whole = [from.clone(), to.clone(), lots(A, 10, 6), lots(B, 0, 4)];
    assert_eq!(broken(&whole), NONE);
    assert_eq!(broken(&[from.clone(), to.clone(), lots(A, 10, 6)]), ["INV-L11"]);
    assert_eq!(broken(&[from, to, lots(A, 10, 7), lots(B, 0, 4)]), ["INV-L11"]);
    let plain = account(A, &row(1, [0, 0], [0, 9]), &row(1, [0, 0], [0, 9]));
    assert_eq!(broken(&[plain, lots(A, 0, 1)]), ["INV-L11"]);
}

#[test]
fn a_row_that_cannot_be_read_is_this_nodes_damage() {
    let bad = Changed { key: account_key(&A), old: None, new: Some(vec![1]) };
    assert!(Moved::read(&[bad]).is_err());
}
