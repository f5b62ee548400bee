//! A statement is whole or it is refused: no line can be left out, changed, added or moved.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_types::account::{AccountRow, Act, Entry, Side, flag};
use linli_types::books::AccountKind;
use linli_types::header::Header;
use linli_types::height::TimeMs;
use linli_types::id::{AccountId, Digest, PrincipalId, TransferId};
use linli_types::state_proof::{End, StateProof};
use linli_verify::failure::Reason;
use linli_verify::pack::{BlockProof, ProvedEntry};
use linli_verify::{Contents, Pack, verify};

const ME: AccountId = AccountId([7; 16]);
const OTHER: AccountId = AccountId([8; 16]);

fn line(n: u8, act: Act, (debit, credit): (AccountId, AccountId), amount: u64) -> Entry {
    Entry {
        id: TransferId([n; 16]),
        at: TimeMs(support::START + u64::from(n)),
        act,
        debit,
        credit,
        amount,
        asset: 1,
        code: 1,
        of: TransferId::default(),
        pending: if act == Act::Post { 30 } else { 0 },
        expires: TimeMs(0),
        reference: None,
        actor: PrincipalId([9; 16]),
    }
}

fn lines() -> Vec<Entry> {
    vec![
        line(1, Act::Transfer, (OTHER, ME), 100),
        line(2, Act::Reserve, (ME, OTHER), 30),
        line(3, Act::Post, (ME, OTHER), 20),
        line(4, Act::Transfer, (OTHER, ME), 5),
    ]
}

fn row() -> AccountRow {
    let empty = AccountRow::new(PrincipalId([1; 16]), 1, AccountKind::Holder, flag::DEBITS_BOUND);
    lines().iter().fold(empty, |row, entry| {
        let side = if entry.debit == ME { Side::Debit } else { Side::Credit };
        row.with(side, entry, &entry.digest()).unwrap()
    })
}

/// A pack whose state holds nothing but the account.
fn pack(row: &AccountRow, lines: Vec<Entry>) -> Pack<'static> {
    let set = support::set(4);
    let key = [b"accounts\0".as_slice(), &ME.0].concat();
    let value = linli_types::encode(row);
    let proof = StateProof { end: End::Present, siblings: Vec::new() };
    let state_root = proof.root(&key, Some(&value)).unwrap();
    let header = Header { state_root, ..support::header_at(3, &set, &set) };
    let certificate = support::certify(&header, &[1, 2, 3, 4]);
    let block = BlockProof { header, certificate, sets: Vec::new() };
    let rows = vec![ProvedEntry { key, value: Some(value), proof }];
    Pack::new(&Contents::Account { rows, lines }, &block)
}

fn judge(row: &AccountRow, lines: Vec<Entry>) -> Result<linli_verify::Report, Reason> {
    let pack = pack(row, lines).to_bytes();
    verify(&pack, &[], &support::genesis().to_bytes()).map_err(|failure| failure.reason)
}

#[test]
fn a_whole_statement_verifies_and_shows_every_line() {
    let report = judge(&row(), lines()).unwrap();
    let account = report.account.unwrap();
    assert_eq!((account.balance.as_str(), account.lines.len()), ("85", 4));
    let amounts: Vec<_> = account.lines.iter().map(|line| line.amount.as_str()).collect();
    assert_eq!(amounts, ["+100", "-30", "-20", "+5"]);
}

#[test]
fn a_line_left_out_changed_added_or_moved_is_seen() {
    let not_whole = Err(Reason::AccountNotWhole);
    let tampered = |change: &dyn Fn(&mut Vec<Entry>)| {
        let mut lines = lines();
        change(&mut lines);
        judge(&row(), lines).map(|_| ())
    };
    assert_eq!(tampered(&|l| l.truncate(3)), not_whole);
    assert_eq!(tampered(&|l| l.retain(|line| line.amount != 100)), not_whole);
    assert_eq!(tampered(&|l| l.swap(0, 3)), not_whole);
    assert_eq!(tampered(&|l| l[3].amount += 1), not_whole);
    assert_eq!(tampered(&|l| l[3].at = TimeMs(1)), not_whole);
    assert_eq!(tampered(&|l| l[0].reference = Some(Digest([1; 32]))), not_whole);
    assert_eq!(tampered(&|l| l.push(line(5, Act::Transfer, (OTHER, ME), 1))), not_whole);
    assert_eq!(tampered(&Vec::clear), not_whole);
    let foreign = |l: &mut Vec<Entry>| l[1].credit = AccountId([6; 16]);
    assert_eq!(tampered(&foreign), not_whole);
    let strange = |l: &mut Vec<Entry>| (l[1].debit, l[1].credit) = (OTHER, OTHER);
    assert_eq!(tampered(&strange), Err(Reason::AccountLine));
    // Two lines that cancel out in the counts do not in the head.
    let loop_back = |l: &mut Vec<Entry>| {
        l.push(line(5, Act::Reserve, (ME, OTHER), 1));
        l.push(line(6, Act::Void, (ME, OTHER), 1));
    };
    assert_eq!(tampered(&loop_back), not_whole);
}

#[test]
fn a_row_that_is_no_account_is_refused() {
    let mut other = row();
    other.entries += 1;
    assert_eq!(judge(&other, lines()).map(|_| ()), Err(Reason::AccountNotWhole));
}
