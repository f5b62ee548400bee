//! A statement is whole or it is refused: no line can be left out, changed, added or moved.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_types::account::{AccountRow, Act, Entry, Side, flag};
use linli_types::books::{AccountKind, AssetClass, AssetRow, asset_key};
use linli_types::code::Lang;
use linli_types::header::Header;
use linli_types::height::TimeMs;
use linli_types::id::{AccountId, Digest, PrincipalId, TransferId};
use linli_types::state_proof::{EMPTY, End, StateProof, bit, leaf, path, value_digest};
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

const ROOM: &[u8] = b"accounts\0";

/// A pack whose state holds these one or two entries, the account first.
fn sealed(
    stored: &[(Vec<u8>, Vec<u8>)],
    contents: impl FnOnce(Vec<ProvedEntry>) -> Contents,
) -> Pack<'static> {
    let set = support::set(4);
    let place = |at: usize| {
        let (key, value) = &stored[at];
        (path(key), leaf(&path(key), &value_digest(value)))
    };
    // Where the other leaf stands beside this one; above it nothing does.
    let siblings = |at: usize| match stored.len() {
        1 => Vec::new(),
        _ => {
            let ((one, _), (other, hash)) = (place(at), place(1 - at));
            let alike = (0..256).take_while(|depth| bit(&one, *depth) == bit(&other, *depth));
            core::iter::once(hash).chain(alike.map(|_| EMPTY)).collect()
        }
    };
    let prove = |(at, (key, value)): (usize, &(Vec<u8>, Vec<u8>))| {
        let proof = StateProof { end: End::Present, siblings: siblings(at) };
        ProvedEntry { key: key.clone(), value: Some(value.clone()), proof }
    };
    let rows: Vec<_> = stored.iter().enumerate().map(prove).collect();
    let (key, value) = &stored[0];
    let state_root = rows[0].proof.root(key, Some(value)).unwrap();
    let header = Header { state_root, ..support::header_at(3, &set, &set) };
    let certificate = support::certify(&header, &[1, 2, 3, 4]);
    let block = BlockProof { header, certificate, sets: Vec::new() };
    Pack::new(&contents(rows), &block)
}

fn stored(row: &AccountRow) -> (Vec<u8>, Vec<u8>) {
    ([ROOM, &ME.0].concat(), linli_types::encode(row))
}

/// What an asset's row says, under the key of number `asset`.
fn yuan(asset: u32) -> (Vec<u8>, Vec<u8>) {
    let row = AssetRow { class: AssetClass::Cny, name: "CNY".into(), decimals: 2, lots: false };
    ([ROOM, &asset_key(asset)].concat(), linli_types::encode(&row))
}

/// A pack whose state holds nothing but the account.
fn pack(row: &AccountRow, lines: Vec<Entry>) -> Pack<'static> {
    sealed(&[stored(row)], |rows| Contents::Account { rows, lines })
}

fn judge(row: &AccountRow, lines: Vec<Entry>) -> Result<linli_verify::Report, Reason> {
    let pack = pack(row, lines).to_bytes();
    verify(&pack, &[], &support::genesis().to_bytes()).map_err(|failure| failure.reason)
}

#[test]
fn a_whole_statement_verifies_and_shows_every_line() {
    let report = judge(&row(), lines()).unwrap();
    let account = report.account.unwrap();
    assert_eq!((account.balance.as_str(), account.lines.as_ref().map(Vec::len)), ("85", Some(4)));
    let amounts: Vec<_> = account.lines.iter().flatten().map(|line| line.amount.as_str()).collect();
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

#[test]
fn an_account_with_its_asset_is_told_in_units_that_people_know() {
    let genesis = support::genesis().to_bytes();
    let both = [stored(&row()), yuan(1)];
    let statement = sealed(&both, |rows| Contents::Account { rows, lines: lines() });
    let report = verify(&statement.to_bytes(), &[], &genesis).unwrap();
    let text = report.text(Lang::En);
    assert!(text.contains("balance 0.85 CNY, held 0.00, awaited 0.00; whole: 4 entries"), "{text}");
    assert!(text.contains("transfer +1.00  other side"), "{text}");
    let text = report.text(Lang::Zh);
    assert!(text.contains("余额 0.85 CNY") && text.contains("转账 +1.00"), "{text}");

    let balance = sealed(&both, |entries| Contents::State { entries, answer: None });
    let report = verify(&balance.to_bytes(), &[], &genesis).unwrap();
    let text = report.text(Lang::En);
    assert!(text.contains("balance 0.85 CNY, held 0.00, awaited 0.00\n"), "{text}");
    let account = report.account.unwrap();
    assert_eq!((account.balance.as_str(), account.lines), ("85", None));
}

#[test]
fn another_asset_s_row_says_nothing_about_the_account() {
    let genesis = support::genesis().to_bytes();
    let both = [stored(&row()), yuan(2)];
    let statement = sealed(&both, |rows| Contents::Account { rows, lines: lines() });
    let judged = verify(&statement.to_bytes(), &[], &genesis).map(drop);
    assert_eq!(judged.map_err(|failure| failure.reason), Err(Reason::AccountOther));
    let entries = sealed(&both, |entries| Contents::State { entries, answer: None });
    let report = verify(&entries.to_bytes(), &[], &genesis).unwrap();
    assert!(report.account.is_none() && report.entries.len() == 2);
}
