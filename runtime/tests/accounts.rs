//! The accounts room as its users meet it: every refusal with its code, every deed with its balances.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_runtime::{accounts, invariant};
use linli_types::account::{AccountRow, issuance};
use linli_types::books::{
    AccountKind, CODE_DONATE, CODE_GRANT, CODE_ISSUE, CODE_MOVE, POINT, TIME,
};
use linli_types::code::Code;
use linli_types::genesis::{Account, Genesis, Role};
use linli_types::id::AccountId;
use linli_types::store::{Column, Read};
use linli_types::wire::Call;
use linli_types::wire::accounts::{self as words, chain_step::Step};
use prost::Message;
use support::*;

const FUND: u8 = 1;
const ARBITRATOR: u8 = 3;
const DONE: u32 = 0;
const DAY_MS: u64 = 86_400_000;

/// People 0 and 2 are residents, 1 issues, 3 decides. Person 0 and 2 hold points too.
fn district() -> Genesis {
    let mut genesis = genesis();
    genesis.principals[usize::from(FUND)].roles.push(Role::Fund);
    genesis.principals[usize::from(ARBITRATOR)].roles.push(Role::Arbitrator);
    let points = |n: u8| Account { id: points(n), owner: person(n), asset: POINT, opening: 0 };
    genesis.accounts.extend([points(0), points(2)]);
    genesis
}

fn points(n: u8) -> AccountId {
    account(n, 9)
}

fn made(n: u8) -> AccountId {
    AccountId([0xd0 + n; 16])
}

/// A chain and the number of the next transaction.
struct Town {
    node: Node,
    next: u64,
}

impl Town {
    fn new() -> Self {
        Self { node: Node::new(&district()), next: 1_000 }
    }

    /// One transaction in a block of its own; its code.
    fn ask(&mut self, sender: u8, calls: Vec<Call>) -> u32 {
        self.next += 1;
        let signed = self.node.sign(sender, self.next, calls);
        let receipts = self.node.step(&[signed]);
        assert_eq!(invariant::breaches(&self.node.store).unwrap(), Vec::<String>::new());
        code_of(receipts.last().unwrap())
    }

    fn done(&mut self, sender: u8, call: Call) {
        assert_eq!(self.ask(sender, vec![call]), DONE);
    }

    fn refused(&mut self, sender: u8, call: Call, code: Code) {
        assert_eq!(self.ask(sender, vec![call]), code.number(), "{code:?} is expected");
    }

    fn row(&self, id: &AccountId) -> AccountRow {
        let row = self.node.store.get(Column::State, &accounts::account_key(id)).unwrap();
        accounts::read_row(&row.unwrap()).unwrap()
    }

    fn balance(&self, id: &AccountId) -> u64 {
        self.row(id).balance()
    }

    fn lots(&self, id: &AccountId) -> Vec<(u32, u64, bool)> {
        let args = words::LotsRequest { account: id.0.to_vec() }.encode_to_vec();
        let (ledger, store) = (&self.node.ledger, &self.node.store);
        let answer = ledger.query(store, "accounts", "Lots", &args, person(0)).unwrap().unwrap();
        let lots = words::LotsResponse::decode(answer.result.as_slice()).unwrap().lots;
        lots.iter().map(|lot| (lot.expires_day, lot.remaining, lot.gifted)).collect()
    }

    /// An empty block `ms` later.
    fn wait(&mut self, ms: u64) {
        let slot = self.node.slot();
        let slot = linli_runtime::Slot { time: slot.time.plus_ms(ms), ..slot };
        let block = self.node.ledger.propose(&self.node.store, slot, &[]).unwrap();
        self.node.commit(block);
        assert_eq!(invariant::breaches(&self.node.store).unwrap(), Vec::<String>::new());
    }

    fn now(&self) -> u64 {
        self.node.ledger.head().time.0
    }

    fn today(&self) -> u32 {
        u32::try_from((self.now() + 8 * 3_600_000) / DAY_MS).unwrap()
    }
}

fn id(n: u64) -> Vec<u8> {
    transfer_id(n).0.to_vec()
}

fn at_accounts(method: &str, request: &impl Message) -> Call {
    call("accounts", method, request.encode_to_vec())
}

fn moves(n: u64, from: AccountId, to: AccountId, amount: u64, code: u32) -> words::TransferRequest {
    let (debit, credit) = (from.0.to_vec(), to.0.to_vec());
    words::TransferRequest { id: id(n), debit, credit, amount, code, ..Default::default() }
}

fn moved(n: u64, from: AccountId, to: AccountId, amount: u64) -> Call {
    at_accounts("Transfer", &moves(n, from, to, amount, CODE_MOVE))
}

fn issued(n: u64, to: AccountId, amount: u64, expires_day: u32) -> Call {
    let request = moves(n, issuance(POINT), to, amount, CODE_ISSUE);
    at_accounts("Transfer", &words::TransferRequest { expires_day, origin: 7, ..request })
}

fn held(
    n: u64,
    from: AccountId,
    to: AccountId,
    amount: u64,
    expires_ms: u64,
) -> words::ReserveRequest {
    let (debit, credit, code) = (from.0.to_vec(), to.0.to_vec(), CODE_MOVE);
    words::ReserveRequest {
        id: id(n),
        debit,
        credit,
        amount,
        code,
        expires_ms,
        ..Default::default()
    }
}

fn post(n: u64, pending: u64, amount: u64) -> Call {
    at_accounts("Post", &words::PostRequest { id: id(n), pending: id(pending), amount })
}

fn void(n: u64, pending: u64) -> Call {
    at_accounts("Void", &words::VoidRequest { id: id(n), pending: id(pending) })
}

fn opened(account: AccountId, asset: u32, kind: AccountKind, flags: u32) -> words::OpenRequest {
    let kind = kind.number();
    words::OpenRequest { id: account.0.to_vec(), asset, kind, flags, ..Default::default() }
}

fn pool(account: AccountId, asset: u32, kind: AccountKind) -> Call {
    let owner = vec![0; 16];
    at_accounts("Open", &words::OpenRequest { owner, ..opened(account, asset, kind, 0) })
}

fn chain(steps: Vec<(bool, Step)>) -> Call {
    let step = |(linked, step)| words::ChainStep { linked, step: Some(step) };
    at_accounts("Chain", &words::ChainRequest { steps: steps.into_iter().map(step).collect() })
}

/// The two accounts of CNY that everyone has.
fn cny(n: u8) -> AccountId {
    account(n, 0)
}

// INV-L4
#[test]
fn a_pending_transfer_counts_and_is_posted_once_in_part() {
    let mut town = Town::new();
    let until = town.now() + 60_000;
    town.done(0, at_accounts("Reserve", &held(1, cny(0), cny(2), 600, until)));
    assert_eq!(town.row(&cny(0)).debits_pending, 600);
    town.refused(0, moved(2, cny(0), cny(2), OPENING - 599), Code::Insufficient); // INV-L3
    town.refused(2, post(3, 1, 0), Code::Unauthorised);
    town.refused(0, post(3, 1, 601), Code::PostTooLarge);
    town.refused(0, post(3, 77, 1), Code::NoPending);
    town.done(0, post(3, 1, 250));
    assert_eq!((town.balance(&cny(0)), town.balance(&cny(2))), (OPENING - 250, OPENING + 250));
    assert_eq!(town.row(&cny(0)).debits_pending, 0, "the rest returned");
    town.refused(0, post(4, 1, 1), Code::PendingResolved);
    town.refused(0, void(5, 1), Code::PendingResolved);
    town.refused(0, post(3, 1, 250), Code::Duplicate); // INV-L5
}

// INV-L4
#[test]
fn a_pending_transfer_is_void_at_its_time_by_itself() {
    let mut town = Town::new();
    let until = town.now() + 5_000;
    town.done(0, at_accounts("Reserve", &held(1, cny(0), cny(2), 600, until)));
    town.wait(10_000);
    assert_eq!(town.row(&cny(0)).debits_pending, 0);
    assert_eq!(town.row(&cny(2)).credits_pending, 0);
    town.refused(0, post(2, 1, 1), Code::PendingResolved);
    let past = town.now();
    town.refused(0, at_accounts("Reserve", &held(3, cny(0), cny(2), 1, past)), Code::BadExpiry);
    let far = past + 11 * 366 * DAY_MS;
    town.refused(0, at_accounts("Reserve", &held(3, cny(0), cny(2), 1, far)), Code::BadExpiry);
}

#[test]
fn the_payee_may_give_a_hold_up_and_only_the_resolver_posts() {
    let mut town = Town::new();
    let until = town.now() + 60_000;
    let resolver = person(ARBITRATOR).0.to_vec();
    let request = words::ReserveRequest { resolver, ..held(1, cny(0), cny(2), 9, until) };
    town.done(0, at_accounts("Reserve", &request));
    town.refused(0, post(2, 1, 0), Code::Unauthorised);
    town.refused(0, void(2, 1), Code::Unauthorised);
    town.done(2, void(2, 1));
    assert_eq!(town.balance(&cny(0)), OPENING);
}

// INV-L6
#[test]
fn leg_17_a_transfer_is_taken_back_once_and_a_shortfall_is_a_receivable() {
    let mut town = Town::new();
    let original = moves(1, cny(0), cny(2), 800, CODE_MOVE);
    town.done(0, at_accounts("Transfer", &original));
    town.done(2, moved(2, cny(2), cny(1), OPENING + 300));
    let back = |n, amount, receivable: &[u8]| words::ReverseRequest {
        id: id(n),
        transfer: id(1),
        original: Some(original.clone()),
        original_actor: person(0).0.to_vec(),
        amount,
        reason: 9,
        receivable: receivable.to_vec(),
    };
    let ask = |n, amount| at_accounts("Reverse", &back(n, amount, &[]));
    town.refused(0, ask(3, 10), Code::Unauthorised);
    town.refused(2, ask(3, 0), Code::ZeroAmount);
    town.refused(2, ask(3, 801), Code::ReversalTooLarge);
    let other = words::ReverseRequest { original_actor: vec![9; 16], ..back(3, 10, &[]) };
    town.refused(2, at_accounts("Reverse", &other), Code::NoTransfer);
    town.refused(2, ask(3, 600), Code::Insufficient);
    town.done(2, ask(3, 100));
    town.done(FUND, pool(made(1), 1, AccountKind::ClawbackReceivable));
    let decided =
        |n, amount, account: AccountId| at_accounts("Reverse", &back(n, amount, &account.0));
    town.refused(ARBITRATOR, decided(4, 700, cny(1)), Code::NotReceivable);
    town.refused(2, decided(4, 700, made(1)), Code::Unauthorised);
    town.done(ARBITRATOR, decided(4, 700, made(1)));
    assert_eq!((town.balance(&cny(0)), town.balance(&cny(2))), (OPENING, 0));
    assert_eq!(town.row(&made(1)).debits_posted, 300, "never a silent negative");
    town.refused(ARBITRATOR, decided(5, 1, made(1)), Code::ReversalTooLarge);
}

/// A reversal of a plain transfer that person 0 made.
fn back(n: u64, original: &words::TransferRequest, amount: u64, receivable: &[u8]) -> Call {
    let request = words::ReverseRequest {
        id: id(n),
        transfer: original.id.clone(),
        original: Some(original.clone()),
        original_actor: person(0).0.to_vec(),
        amount,
        reason: 9,
        receivable: receivable.to_vec(),
    };
    at_accounts("Reverse", &request)
}

// INV-L6
#[test]
fn who_spent_everything_and_closed_the_account_owes_it_all_the_same() {
    let mut town = Town::new();
    town.done(2, at_accounts("Open", &opened(made(2), 1, AccountKind::Holder, 0)));
    let original = moves(1, cny(0), made(2), 800, CODE_MOVE);
    town.done(0, at_accounts("Transfer", &original));
    town.done(2, moved(2, made(2), cny(2), 800));
    let account = made(2).0.to_vec();
    town.done(2, at_accounts("Close", &words::CloseRequest { account }));
    town.done(FUND, pool(made(1), 1, AccountKind::ClawbackReceivable));
    town.refused(ARBITRATOR, back(3, &original, 800, &[]), Code::AccountClosed);
    town.done(ARBITRATOR, back(3, &original, 800, &made(1).0));
    assert_eq!((town.balance(&cny(0)), town.row(&made(1)).debits_posted), (OPENING, 800));
    assert_eq!(town.row(&made(2)).credits_posted, 800, "a closed account stands still");
    town.refused(ARBITRATOR, back(4, &original, 1, &made(1).0), Code::ReversalTooLarge);
}

#[test]
fn nobody_decides_in_their_own_case() {
    let mut town = Town::new();
    // As payer, and as payee with somebody else owing it.
    let paid = moves(1, cny(ARBITRATOR), cny(2), 80, CODE_MOVE);
    town.done(ARBITRATOR, at_accounts("Transfer", &paid));
    let got = moves(2, cny(0), cny(ARBITRATOR), 80, CODE_MOVE);
    town.done(0, at_accounts("Transfer", &got));
    town.done(FUND, pool(made(1), 1, AccountKind::ClawbackReceivable));
    let own = words::ReverseRequest {
        id: id(3),
        transfer: id(1),
        original: Some(paid.clone()),
        original_actor: person(ARBITRATOR).0.to_vec(),
        amount: 80,
        reason: 9,
        receivable: Vec::new(),
    };
    town.refused(ARBITRATOR, at_accounts("Reverse", &own), Code::SelfDealing);
    town.refused(ARBITRATOR, back(3, &got, 80, &made(1).0), Code::SelfDealing);
    town.done(ARBITRATOR, back(3, &got, 80, &[])); // their own to give back
    let (account, legal_ref) = (cny(ARBITRATOR).0.to_vec(), vec![5; 32]);
    let request = words::FreezeRequest { id: id(4), account, out: true, r#in: false, legal_ref };
    town.refused(ARBITRATOR, at_accounts("Freeze", &request), Code::SelfDealing);
    let (account, legal_ref) = (cny(ARBITRATOR).0.to_vec(), vec![5; 32]);
    let request = words::UnfreezeRequest { id: id(4), account, legal_ref };
    town.refused(ARBITRATOR, at_accounts("Unfreeze", &request), Code::SelfDealing);
}

#[test]
fn an_office_grants_and_issues_nothing_to_whoever_holds_it() {
    let mut town = Town::new();
    town.done(FUND, pool(made(1), 1, AccountKind::DonationPool));
    town.done(0, at_accounts("Transfer", &moves(1, cny(0), made(1), 90, CODE_DONATE)));
    let grant = |n, to| at_accounts("Transfer", &moves(n, made(1), to, 40, CODE_GRANT));
    town.refused(FUND, grant(2, cny(FUND)), Code::SelfDealing);
    let until = town.now() + 60_000;
    let held = words::ReserveRequest { code: CODE_GRANT, ..held(2, made(1), cny(FUND), 9, until) };
    town.refused(FUND, at_accounts("Reserve", &held), Code::SelfDealing);
    town.done(FUND, grant(2, cny(2)));
    let mint = moves(3, issuance(1), cny(FUND), 5, CODE_ISSUE);
    town.refused(FUND, at_accounts("Transfer", &mint), Code::SelfDealing);
}

// INV-L7
#[test]
fn a_chain_is_all_or_none() {
    let mut town = Town::new();
    let step = |n, from, to, amount| Step::Transfer(moves(n, from, to, amount, CODE_MOVE));
    let good = chain(vec![
        (true, step(1, cny(0), account(0, 1), 400)),
        (false, step(2, account(0, 1), cny(2), 400)),
    ]);
    town.done(0, good);
    let bad = chain(vec![
        (true, step(3, cny(0), account(0, 1), 400)),
        (false, step(4, account(0, 1), cny(2), 401)),
    ]);
    town.refused(0, bad, Code::Insufficient);
    assert_eq!(town.balance(&cny(0)), OPENING - 400);
    let endless = chain(vec![(true, step(3, cny(0), cny(2), 1)); 2]);
    town.refused(0, endless, Code::ChainOpen);
    let broken = chain(vec![(false, step(3, cny(0), cny(2), 1)); 2]);
    town.refused(0, broken, Code::ChainOpen);
    town.refused(0, chain(vec![(false, step(3, cny(0), cny(2), 1))]), Code::ChainLength);
    let long = (0..65).map(|n| (n < 64, step(100 + n, cny(0), cny(2), 1))).collect();
    town.refused(0, chain(long), Code::ChainLength);
}

// INV-T9
#[test]
fn leg_15_time_moves_with_nothing_else() {
    let mut town = Town::new();
    let time = moved(1, account(0, 2), account(2, 2), 30);
    let both = vec![time.clone(), moved(2, cny(0), cny(2), 1)];
    assert_eq!(town.ask(0, both), Code::TimeJoined.number());
    let step = |n, from, to| Step::Transfer(moves(n, from, to, 1, CODE_MOVE));
    let chained = chain(vec![
        (true, step(3, cny(0), cny(2))),
        (false, step(4, account(0, 2), account(2, 2))),
    ]);
    town.refused(0, chained, Code::TimeJoined);
    town.done(0, time);
    assert_eq!(town.lots(&account(2, 2)), [(0, 30, true), (0, OPENING, false)]);
    assert_eq!(TIME, 2);
}

// INV-L11
#[test]
fn lots_that_end_first_go_first_and_gifts_are_not_given_again() {
    let mut town = Town::new();
    let today = town.today();
    town.refused(FUND, issued(1, points(0), 5, today - 1), Code::LotInPast);
    town.done(FUND, issued(1, points(0), 50, today + 9));
    town.done(FUND, issued(2, points(0), 20, today + 2));
    town.done(FUND, issued(3, points(0), 30, 0));
    town.done(0, moved(4, points(0), points(2), 25));
    assert_eq!(town.lots(&points(0)), [(today + 9, 45, false), (0, 30, false)]);
    assert_eq!(town.lots(&points(2)), [(today + 2, 20, true), (today + 9, 5, true)]);
    town.refused(2, moved(5, points(2), points(0), 1), Code::LotsUnusable);
    town.wait(4 * DAY_MS);
    town.done(FUND, pool(made(1), POINT, AccountKind::ExpiredSink));
    let expire = |n, account: AccountId, sink: AccountId| {
        let (account, sink) = (account.0.to_vec(), sink.0.to_vec());
        at_accounts("Expire", &words::ExpireRequest { id: id(n), account, sink })
    };
    town.refused(0, expire(6, points(2), points(0)), Code::NotSink);
    town.refused(0, expire(6, points(0), made(1)), Code::NothingExpired);
    town.done(0, expire(6, points(2), made(1)));
    assert_eq!((town.balance(&points(2)), town.balance(&made(1))), (5, 20)); // INV-T13
}

#[test]
fn there_are_at_most_64_lots() {
    let mut town = Town::new();
    let today = town.today();
    for block in 0..4_u64 {
        let calls = (0..16).map(|n| {
            let number = block * 16 + n;
            issued(number, points(0), 1, today + u32::try_from(number).unwrap())
        });
        assert_eq!(town.ask(FUND, calls.collect()), DONE);
    }
    town.refused(FUND, issued(99, points(0), 1, today + 99), Code::LotsFull);
    town.done(FUND, issued(99, points(0), 1, today + 3));
}

#[test]
fn frozen_accounts_stand_still_and_holds_still_return() {
    let mut town = Town::new();
    let until = town.now() + 60_000;
    town.done(0, at_accounts("Reserve", &held(1, cny(0), cny(2), 9, until)));
    let freeze = |n, out, r#in| {
        let (account, legal_ref) = (cny(0).0.to_vec(), vec![5; 32]);
        at_accounts("Freeze", &words::FreezeRequest { id: id(n), account, out, r#in, legal_ref })
    };
    let thaw = |n| {
        let (account, legal_ref) = (cny(0).0.to_vec(), vec![6; 32]);
        at_accounts("Unfreeze", &words::UnfreezeRequest { id: id(n), account, legal_ref })
    };
    town.refused(0, freeze(2, true, false), Code::Unauthorised);
    town.refused(ARBITRATOR, freeze(2, false, false), Code::FreezeNothing);
    town.refused(ARBITRATOR, thaw(2), Code::NotFrozen);
    town.done(ARBITRATOR, freeze(2, true, false));
    town.refused(0, moved(3, cny(0), cny(2), 1), Code::AccountFrozen);
    town.refused(0, post(3, 1, 1), Code::AccountFrozen);
    town.done(2, moved(4, cny(2), cny(0), 1));
    town.done(0, void(5, 1));
    town.done(ARBITRATOR, thaw(6));
    town.done(0, moved(7, cny(0), cny(2), 1));
}

#[test]
fn accounts_are_opened_and_closed_by_whoever_may() {
    let mut town = Town::new();
    let own = opened(made(1), 1, AccountKind::Holder, 0);
    let open = |request: &words::OpenRequest| at_accounts("Open", request);
    town.done(0, open(&own));
    town.refused(0, open(&own), Code::Duplicate);
    town.refused(2, open(&own), Code::BusinessIdConflict);
    let other = |n, change: fn(&mut words::OpenRequest)| {
        let mut request = opened(made(n), 1, AccountKind::Holder, 0);
        change(&mut request);
        at_accounts("Open", &request)
    };
    town.refused(0, other(2, |r| r.asset = 99), Code::UnknownAsset);
    town.refused(0, other(2, |r| r.kind = 22), Code::BadAccountKind);
    town.refused(0, other(2, |r| r.kind = 2), Code::BadAccountKind);
    town.refused(0, other(2, |r| r.flags = 64), Code::BadAccountFlags);
    town.refused(0, other(2, |r| r.flags = 2), Code::BadAccountFlags);
    town.refused(0, other(2, |r| r.flags = u32::MAX), Code::BadAccountFlags);
    town.refused(0, other(2, |r| r.owner = person(2).0.to_vec()), Code::Unauthorised);
    town.refused(0, other(2, |r| r.kind = AccountKind::DonationPool.number()), Code::Unauthorised);
    town.refused(FUND, other(2, |r| r.owner = vec![0xee; 16]), Code::UnknownOwner);
    town.refused(FUND, other(2, |r| r.owner = vec![0; 16]), Code::UnknownOwner);
    town.refused(0, other(2, |r| r.id = issuance(77).0.to_vec()), Code::RuleDenied);
    let close = |account: AccountId| {
        at_accounts("Close", &words::CloseRequest { account: account.0.to_vec() })
    };
    town.done(0, moved(1, cny(0), made(1), 5));
    town.refused(0, close(made(1)), Code::AccountNotEmpty);
    town.done(0, moved(2, made(1), cny(0), 5));
    town.refused(2, close(made(1)), Code::Unauthorised);
    town.done(0, close(made(1)));
    town.refused(0, close(made(1)), Code::AccountClosed);
    town.refused(0, moved(3, cny(0), made(1), 1), Code::AccountClosed); // INV-L8
    town.refused(0, moved(3, made(1), cny(0), 1), Code::AccountClosed);
}

// INV-L9
#[test]
fn what_no_rule_names_is_refused() {
    let mut town = Town::new();
    town.done(FUND, pool(made(1), 1, AccountKind::DonationPool));
    town.refused(0, moved(1, cny(0), made(1), 5), Code::RuleDenied);
    let donation = moves(1, cny(0), made(1), 5, CODE_DONATE);
    town.done(0, at_accounts("Transfer", &donation));
    town.refused(0, at_accounts("Transfer", &moves(2, made(1), cny(0), 5, 6)), Code::Unauthorised);
    town.done(FUND, at_accounts("Transfer", &moves(2, made(1), cny(0), 5, 6)));
    town.refused(0, at_accounts("Transfer", &moves(3, cny(0), cny(2), 5, 999)), Code::RuleDenied);
    let mint = |n, to| at_accounts("Transfer", &moves(n, issuance(1), to, 5, CODE_ISSUE));
    town.refused(0, mint(4, cny(0)), Code::Unauthorised);
    town.refused(FUND, mint(4, cny(FUND)), Code::SelfDealing);
    town.done(FUND, mint(4, cny(0)));
}

#[test]
fn flags_and_bounds_stop_what_they_say() {
    let mut town = Town::new();
    let mut open = |n, flags, max_balance| {
        let request = opened(made(n), 1, AccountKind::Holder, flags);
        town.done(0, at_accounts("Open", &words::OpenRequest { max_balance, ..request }));
    };
    open(1, 4, 0);
    open(2, 8, 0);
    open(3, 16, 0);
    open(4, 0, 50);
    town.refused(0, moved(1, cny(0), made(1), 1), Code::NoIn);
    town.done(0, moved(1, cny(0), made(2), 1));
    town.refused(0, moved(2, made(2), cny(0), 1), Code::NoOut);
    town.refused(0, moved(2, cny(0), made(3), 1), Code::Soulbound);
    town.done(0, moved(2, cny(0), made(4), 50));
    town.refused(0, moved(3, cny(0), made(4), 1), Code::MaxBalance);
    let most = moves(4, cny(0), cny(2), u64::MAX, CODE_MOVE);
    let most = words::TransferRequest { balancing: true, ..most };
    town.done(0, at_accounts("Transfer", &most));
    assert_eq!(town.balance(&cny(0)), 0, "bound to the balance");
    town.refused(0, at_accounts("Transfer", &most), Code::Duplicate);
}

#[test]
fn an_issue_beyond_what_can_be_counted_is_refused() {
    let mut town = Town::new();
    let mint =
        |n, amount| at_accounts("Transfer", &moves(n, issuance(1), cny(0), amount, CODE_ISSUE));
    town.refused(FUND, mint(1, u64::MAX), Code::Overflow);
    let left = u64::MAX - 4 * OPENING;
    town.done(FUND, mint(2, left));
    town.refused(FUND, mint(3, 1), Code::Overflow);
}

#[test]
fn two_that_conflict_in_one_block_are_settled_in_order() {
    let mut town = Town::new();
    let one = town.node.sign(0, 1, vec![moved(1, cny(0), cny(1), OPENING)]);
    let two = town.node.sign(0, 2, vec![moved(2, cny(0), cny(2), OPENING)]);
    let codes: Vec<_> = town.node.step(&[one, two]).iter().map(code_of).collect();
    assert_eq!(codes, [DONE, Code::Insufficient.number()]);
}
