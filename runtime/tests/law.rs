//! The accounts room and its reference model are asked the same and answer the same: every code,
//! every count, every lot, block after block; and the laws hold over what the room answers.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod model;
mod support;
mod world;

use linli_runtime::{Ledger, Settings, Slot, Verified, accounts, invariant};
use linli_types::account::flag::{
    CLOSED, CREDITS_BOUND, DEBITS_BOUND, FROZEN_IN, FROZEN_OUT, LOTS,
};
use linli_types::books::{self, AccountKind, AssetClass, Authority, Books, Rule};
use linli_types::code::Code;
use linli_types::genesis::{self, Genesis, Role};
use linli_types::header::Header;
use linli_types::height::TimeMs;
use linli_types::id::{AccountId, PrincipalId};
use linli_types::store::Memory;
use linli_types::wire::accounts::{chain_step::Step, *};
use model::{Account, Id, Model, id};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use prost::Message;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use support::{Node, START, code_of, key};
use world::seen::Seen;
use world::{Call, ROLES, World, flat, numbered, person, slot, wired};

/// Transactions: who acts, and what they call.
type Asked = Vec<(u8, Vec<Call>)>;

/// How many random cases the room and the model are compared over.
const CASES: u32 = 10_000;
const CNY: u32 = books::CNY;
const TIME: u32 = books::TIME;
const POINT: u32 = books::POINT;
/// A code of this chain alone.
const OTHER: u32 = 7;
const NOBODY: Id = [0; 16];
/// Slot, owner (a person's number), asset, opening.
const HOLDERS: [(u8, u8, u32, u64); 9] = [
    (0, 0, CNY, 1000),
    (1, 1, CNY, 1000),
    (2, 2, CNY, 1000),
    (3, 0, TIME, 100),
    (4, 1, TIME, 100),
    (5, 0, POINT, 100),
    (6, 1, POINT, 100),
    (7, 0, books::CSR, 50),
    (8, 2, TIME, 10),
];

/// The standard books, and rules that make the other kinds and flags matter.
fn the_books() -> Books {
    use AccountKind::{ClawbackReceivable, Clearing, ExpiredSink, Holder, Issuance};
    let mut books = Books::standard();
    let mut rule = |asset, code, from, to, authority| {
        books.rules.push(Rule { asset, code, from, to, authority });
    };
    for asset in [CNY, POINT] {
        rule(asset, OTHER, Holder, Clearing, Authority::Owner);
        rule(asset, OTHER, Clearing, Holder, Authority::Owner);
    }
    rule(CNY, OTHER, Issuance, Clearing, Authority::Role(Role::Fund));
    rule(CNY, OTHER, Holder, ClawbackReceivable, Authority::Owner);
    rule(CNY, OTHER, ClawbackReceivable, Holder, Authority::Owner);
    rule(CNY, 8, Holder, Holder, Authority::Contract("evidence".into()));
    rule(POINT, 8, Holder, ExpiredSink, Authority::Role(Role::Administrator));
    books
}

fn the_genesis() -> Genesis {
    let one = |(n, role): (u8, Role)| genesis::Principal {
        id: PrincipalId(person(n)),
        key: key(n + 1),
        org: 0,
        roles: vec![role],
    };
    let account = |(n, owner, asset, opening): (u8, u8, u32, u64)| genesis::Account {
        id: AccountId(slot(n)),
        owner: PrincipalId(person(owner)),
        asset,
        opening,
    };
    Genesis {
        principals: (0..).zip(ROLES).map(one).collect(),
        accounts: HOLDERS.map(account).to_vec(),
        books: the_books(),
        ..support::genesis()
    }
}

fn issuance(asset: u32) -> Id {
    accounts::issuance(asset).0
}

fn the_model() -> Model {
    let people = (0..).zip(ROLES).map(|(n, role)| (person(n), role)).collect();
    let mut model = Model::default();
    (model.books, model.people) = (the_books(), people);
    model.at(START.0);
    let account = |id: Id, owner: Id, asset, kind: AccountKind, flags: u16| {
        let (kind, owner, flags) = (Some(kind), owner.to_vec(), u32::from(flags));
        let number = kind.map_or(0, AccountKind::number);
        let row =
            OpenRequest { id: id.to_vec(), owner, asset, kind: number, flags, max_balance: 0 };
        (id, Account { row, kind, ..Account::default() })
    };
    for asset in the_books().assets.iter().map(|asset| asset.number) {
        let id = issuance(asset);
        model.accounts.extend([account(id, NOBODY, asset, AccountKind::Issuance, CREDITS_BOUND)]);
    }
    for (n, owner, asset, opening) in HOLDERS {
        let flags = if asset == CNY { DEBITS_BOUND } else { DEBITS_BOUND | LOTS };
        let (holder, owner) = (slot(n), person(owner));
        model.accounts.extend([account(holder, owner, asset, AccountKind::Holder, flags)]);
        model.shift(([issuance(asset), holder], opening.into()), 0, [0; 2]).unwrap();
    }
    model
}

/// Slot, owner, asset, kind, flags, bound: what the administrator opens first.
fn opened() -> Vec<(u8, Id, u32, AccountKind, u16, u64)> {
    use AccountKind::*;
    use linli_types::account::flag::*;
    let [alice, bob, fund] = [0, 1, 2].map(person);
    vec![
        (10, alice, CNY, Escrow, 0, 0),
        (11, bob, TIME, Escrow, LOTS, 0),
        (12, alice, POINT, Escrow, 0, 0),
        (13, fund, CNY, DonationPool, 0, 0),
        (14, NOBODY, POINT, DonationPool, LOTS, 0),
        (15, NOBODY, TIME, ExpiredSink, 0, 0),
        (16, NOBODY, POINT, ExpiredSink, LOTS, 0),
        (17, alice, CNY, ClawbackReceivable, 0, 0),
        (18, NOBODY, TIME, ClawbackReceivable, 0, 0),
        (19, NOBODY, CNY, Unallocated, 0, 0),
        (20, bob, CNY, Clearing, CREDITS_BOUND, 0),
        (21, alice, CNY, Clearing, 0, 0),
        (22, alice, CNY, Holder, NO_IN, 0),
        (23, bob, CNY, Holder, NO_OUT, 0),
        (24, alice, CNY, Holder, SOULBOUND, 0),
        (25, bob, CNY, Holder, 0, 50),
        (26, bob, POINT, Holder, SOULBOUND, 40),
        (27, alice, CNY, Holder, 0, 0),
        (28, bob, CNY, Holder, 0, 0),
        (29, bob, POINT, Holder, 0, 0),
        (30, alice, POINT, Clearing, 0, 0),
        (31, NOBODY, POINT, ExpiredSink, 0, 10),
        (32, alice, TIME, Holder, 0, 0),
        (33, NOBODY, POINT, ClawbackReceivable, 0, 0),
        (34, alice, POINT, Holder, 0, 0),
    ]
}

/// What happens more than a month before: accounts of many kinds, and the lots of one that are all but
/// full.
fn earlier() -> Asked {
    let open =
        |(n, owner, asset, kind, flags, max_balance): (u8, Id, u32, AccountKind, u16, u64)| {
            let (id, owner, kind) = (slot(n).to_vec(), owner.to_vec(), kind.number());
            let flags = u32::from(flags);
            Call::Open(OpenRequest { id, owner, asset, kind, flags, max_balance })
        };
    let mut issue = issues(2_500_000);
    let full = (0..63).map(|origin| issue(POINT, 34, 2, (origin, 0))).collect();
    vec![(5, opened().into_iter().map(open).collect()), (2, full)]
}

/// Issues to slots, numbered from there on: asset, slot, amount, origin and last day.
fn issues(mut fresh: u64) -> impl FnMut(u32, u8, u64, (u32, u32)) -> Call {
    move |asset, to, amount, (origin, expires_day)| {
        fresh += 1;
        let (debit, credit) = (issuance(asset).to_vec(), slot(to).to_vec());
        let (id, code) = (numbered(fresh), books::CODE_ISSUE);
        let other = TransferRequest { origin, expires_day, ..Default::default() };
        let request = TransferRequest { id, debit, credit, amount, code, ..other };
        Call::Step(Step::Transfer(request))
    }
}

/// What happens before every case: lots of many days, one account that is closed, one that is frozen,
/// one whose lots are full, one whose lots are full and of two months.
fn prelude(today: u32) -> Asked {
    let mut issue = issues(2_000_000);
    let mut lots = Vec::new();
    for (asset, to) in [(TIME, 3), (TIME, 4), (TIME, 32), (POINT, 5), (POINT, 6)] {
        let days = [today, today + 1, today + 3, today + 45];
        lots.extend((1..).zip(days).map(|(n, day)| issue(asset, to, 10 * n, (n as u32 % 2, day))));
    }
    lots.extend([23, 24, 25, 28, 19].map(|to| issue(CNY, to, 30, (0, 0))));
    lots.push(issue(POINT, 26, 10, (0, today + 3)));
    lots.push(issue(POINT, 34, 2, (0, 0)));
    let full = (0..64).map(|origin| issue(POINT, 29, 2, (origin, today + 40))).collect();
    let (account, legal_ref) = (slot(28).to_vec(), vec![1; 32]);
    let freeze =
        FreezeRequest { id: numbered(2_900_000), account, out: true, r#in: false, legal_ref };
    let time =
        |call: &Call| matches!(call, Call::Step(Step::Transfer(r)) if r.debit == issuance(TIME));
    let (times, lots) = lots.into_iter().partition(time);
    vec![
        (2, times),
        (2, lots),
        (2, full),
        (0, vec![Call::Close(CloseRequest { account: slot(27).to_vec() })]),
        (3, vec![Call::Freeze(freeze)]),
    ]
}

/// Performs a block on the node.
fn perform(node: &mut Node, time: u64, numbers: u64, asked: &[(u8, Vec<Call>)]) -> Performed {
    let until = TimeMs(time + 60_000);
    let sign = |(n, (actor, calls)): (u64, &(u8, Vec<Call>))| {
        node.sign_until(*actor, n, until, wired(calls))
    };
    let candidates: Vec<_> = (numbers..).zip(asked).map(sign).collect();
    let slot = Slot { time: TimeMs(time), proposer: key(100), flags: 0 };
    let executed = node.ledger.propose(&node.store, slot, &candidates).unwrap();
    assert_eq!((executed.header.time.0, executed.transactions.len()), (time, asked.len()));
    assert_eq!(invariant::block_breaches(&executed).unwrap(), Vec::<String>::new());
    // Timers that fired stand first.
    let timers = executed.receipts.len() - asked.len();
    let codes = executed.receipts.iter().skip(timers).map(code_of).collect();
    assert!(executed.receipts.iter().take(timers).all(|receipt| receipt.is_done()));
    let block = (executed.header.clone(), executed.transactions.clone());
    node.commit(executed);
    Performed { codes, block }
}

/// The codes of a block's transactions, and the block, to be executed again.
struct Performed {
    codes: Vec<u32>,
    block: (Header, Vec<Verified>),
}

/// A node and a model after the prelude.
fn beginning() -> (Memory, Model) {
    let mut node = Node::new(&the_genesis());
    let mut model = the_model();
    for (numbers, (time, asked)) in (1..).step_by(100).zip(beginnings()) {
        model.at(time);
        let Performed { codes, .. } = perform(&mut node, time, numbers, &asked);
        asked.iter().for_each(|(by, calls)| model.transaction(person(*by), &wired(calls)).unwrap());
        assert_eq!(codes, vec![0; asked.len()]);
    }
    compare(&node, &model).unwrap();
    (node.store, model)
}

/// The blocks before every case.
fn beginnings() -> [(u64, Asked); 2] {
    let (first, second) = (START.0 + 1000, START.0 + 35 * model::DAY_MS);
    let today = u32::try_from((second + model::DAY_MS / 3) / model::DAY_MS).unwrap();
    [(first, earlier()), (second, prelude(today))]
}

fn ask<Q: Message, A: Message + Default>(
    node: &Node,
    method: &str,
    question: &Q,
) -> Result<A, u32> {
    let reader = PrincipalId(person(4));
    let args = question.encode_to_vec();
    let answer = node.ledger.query(&node.store, "accounts", method, &args, reader).unwrap();
    answer.map(|answer| A::decode(answer.result.as_slice()).unwrap()).map_err(|no| no.code)
}

/// What the room says of an account, and its lots.
type Said = BTreeMap<Id, (AccountResponse, Vec<Lot>)>;

/// Compares every account, pending transfer and supply with the model's.
fn compare(node: &Node, model: &Model) -> Result<Said, TestCaseError> {
    let mut said = Said::new();
    for id in model.accounts.keys() {
        let row = model.look(id).unwrap();
        let question = AccountRequest { id: id.to_vec() };
        let a: AccountResponse = ask(node, "Account", &question).unwrap_or_default();
        let lots = LotsRequest { account: id.to_vec() };
        let lots = ask::<_, LotsResponse>(node, "Lots", &lots).unwrap_or_default().lots;
        let found = [a.debits_posted, a.credits_posted, a.debits_pending, a.credits_pending];
        let found = found.map(i128::from);
        let counts = [row.posted, row.pending].concat();
        prop_assert_eq!(found.to_vec(), counts, "counts of {:?}", id);
        let states = [(a.closed, CLOSED), (a.frozen_out, FROZEN_OUT), (a.frozen_in, FROZEN_IN)];
        let states = states.map(|(is, flag)| if is { u32::from(flag) } else { 0 });
        let found = (a.flags & 63) + states.iter().sum::<u32>();
        let flags = row.row.flags | u32::from(row.state);
        prop_assert_eq!(found, flags, "flags of {:?}", id);
        let found = OpenRequest {
            id: a.id.clone(),
            owner: a.owner.clone(),
            asset: a.asset,
            kind: a.kind,
            flags: a.flags & 63,
            max_balance: a.max_balance,
        };
        prop_assert_eq!(&found, &row.row);
        let one = |(&(day, earned_month, origin, own), &units): (&model::Lot, &i128)| Lot {
            origin,
            earned_month,
            expires_day: if day == u32::MAX { 0 } else { day },
            remaining: u64::try_from(units).unwrap(),
            gifted: !own,
        };
        // The first to be used comes first (INV-L11).
        prop_assert_eq!(&lots, &row.lots.iter().map(one).collect::<Vec<_>>(), "lots of {:?}", id);
        said.insert(*id, (a, lots));
    }
    for n in 0..world::SLOTS {
        let unknown = !model.accounts.contains_key(&slot(n));
        let question = AccountRequest { id: slot(n).to_vec() };
        let answer = ask::<_, AccountResponse>(node, "Account", &question);
        prop_assert_eq!(answer.is_err(), unknown, "slot {}", n);
    }
    for (id, ((sides, amount), expires, resolver, _)) in &model.pendings {
        let question = PendingRequest { id: id.to_vec() };
        let answer: PendingResponse = ask(node, "Pending", &question).unwrap_or_default();
        let found =
            (answer.debit, answer.credit, answer.amount, answer.expires_ms, answer.resolver);
        let ([debit, credit], amount) = (sides.map(Vec::from), u64::try_from(*amount).unwrap());
        prop_assert_eq!(found, (debit, credit, amount, *expires, resolver.to_vec()));
    }
    for asset in [CNY, TIME, POINT, books::CSR] {
        let s: SupplyResponse = ask(node, "Supply", &SupplyRequest { asset }).unwrap_or_default();
        let [issued, back] = model.accounts[&issuance(asset)].posted;
        let found = [s.issued, s.taken_back, s.supply].map(i128::from);
        prop_assert_eq!(found, [issued, back, issued - back]);
    }
    Ok(said)
}

/// The laws over what the room says of all its accounts.
fn laws(said: &Said) -> Result<(), TestCaseError> {
    let mut sums = BTreeMap::<u32, [i128; 3]>::new();
    for (id, (a, lots)) in said {
        let [debits, credits, debits_pending, credits_pending] =
            [a.debits_posted, a.credits_posted, a.debits_pending, a.credits_pending]
                .map(i128::from);
        let sum = sums.entry(a.asset).or_default();
        sum[0] += debits - credits;
        sum[1] += debits_pending - credits_pending;
        sum[2] += if a.kind == AccountKind::Issuance.number() { debits - credits } else { 0 };
        // INV-L3: no account spends what it has not, pending amounts included.
        prop_assert!(a.flags & 1 == 0 || debits + debits_pending <= credits, "L3 {:?}", id);
        prop_assert!(a.flags & 2 == 0 || credits + credits_pending <= debits, "L3 {:?}", id);
        let max = i128::from(a.max_balance);
        prop_assert!(max == 0 || credits + credits_pending - debits <= max, "L3 max {:?}", id);
        // INV-L11: the lots are the balance.
        let held: i128 = lots.iter().map(|lot| i128::from(lot.remaining)).sum();
        prop_assert!(a.flags & 32 == 0 || held == credits - debits, "L11 {:?}", id);
        prop_assert!(lots.len() <= 64, "L11 {:?}", id);
    }
    let held = |asset: u32| -> i128 {
        let of = said.values().filter(|(a, _)| a.asset == asset);
        let held = of.filter(|(a, _)| a.kind != AccountKind::Issuance.number());
        held.map(|(a, _)| i128::from(a.credits_posted) - i128::from(a.debits_posted)).sum()
    };
    for (asset, [posted, pending, out]) in &sums {
        prop_assert_eq!((*posted, *pending), (0, 0), "L1 {}", asset); // INV-L1
        prop_assert_eq!(*out, held(*asset), "L2 {}", asset); // INV-L2
    }
    Ok(())
}

/// What was done, followed by its requests alone: the laws over deeds, whatever a model says.
#[derive(Default)]
struct Deeds {
    ids: BTreeSet<Id>,
    resolved: BTreeSet<Id>,
    /// Accounts and most that was moved, by transfer or posting or pending transfer.
    moved: BTreeMap<Id, ([Id; 2], u64)>,
    taken_back: BTreeMap<Id, u128>,
}

impl Deeds {
    fn note(&mut self, calls: &[Call], model: &Model, books: &Books) -> Result<(), TestCaseError> {
        let mut assets = BTreeSet::new();
        for call in flat(calls) {
            let (own, sides, amount) = match &call {
                Call::Step(Step::Transfer(r)) => {
                    self.agrees((&r.debit, &r.credit), (r.amount, r.code), model, books)?;
                    (&r.id, Some([id(&r.debit), id(&r.credit)]), r.amount)
                }
                Call::Step(Step::Reserve(r)) => {
                    self.agrees((&r.debit, &r.credit), (r.amount, r.code), model, books)?;
                    (&r.id, Some([id(&r.debit), id(&r.credit)]), r.amount)
                }
                Call::Step(Step::Post(r)) => {
                    let (sides, most) = self.moved[&id(&r.pending)];
                    // INV-L4: once, and at most what is pending.
                    prop_assert!(self.resolved.insert(id(&r.pending)) && r.amount <= most, "L4");
                    (&r.id, Some(sides), if r.amount == 0 { most } else { r.amount })
                }
                Call::Step(Step::Void(r)) => {
                    prop_assert!(self.resolved.insert(id(&r.pending)), "L4");
                    (&r.id, None, 0)
                }
                Call::Reverse(r) => {
                    let (sides, most) = self.moved[&id(&r.transfer)];
                    let taken = self.taken_back.entry(id(&r.transfer)).or_default();
                    *taken += u128::from(r.amount);
                    prop_assert!(*taken <= u128::from(most), "L6"); // INV-L6
                    (&r.id, Some(sides), 0)
                }
                Call::Freeze(r) => (&r.id, None, 0),
                Call::Unfreeze(r) => (&r.id, None, 0),
                Call::Expire(r) => (&r.id, None, 0),
                Call::Open(_) | Call::Close(_) | Call::Chain(_) => continue,
            };
            prop_assert!(self.ids.insert(id(own)), "L5: a business id was done twice"); // INV-L5
            if let Some(sides) = sides {
                assets.insert(model.accounts[&sides[0]].row.asset);
                self.moved.insert(id(own), (sides, amount));
            }
        }
        let time = |n: &u32| {
            books.assets.iter().any(|asset| asset.number == *n && asset.class == AssetClass::Time)
        };
        // INV-T9: time moves with nothing else.
        prop_assert!(assets.len() < 2 || !assets.iter().any(time), "T9");
        Ok(())
    }

    /// INV-L8 and INV-L9 over a transfer or reserve that was done.
    fn agrees(
        &self,
        (debit, credit): (&[u8], &[u8]),
        (amount, code): (u64, u32),
        model: &Model,
        books: &Books,
    ) -> Result<(), TestCaseError> {
        let (from, to) = (&model.accounts[&id(debit)], &model.accounts[&id(credit)]);
        let asset = from.row.asset;
        prop_assert!(debit != credit && asset == to.row.asset && amount > 0, "L8");
        let kinds = (from.kind, to.kind);
        let named =
            |r: &Rule| (r.asset, r.code, (Some(r.from), Some(r.to))) == (asset, code, kinds);
        prop_assert!(books.rules.iter().any(named), "L9");
        Ok(())
    }
}

/// Reads a block's dice against the model, which does what they come to: its time, what is asked,
/// and the codes.
fn play(world: &mut World, block: &world::Block, seen: &mut Seen) -> (u64, Asked, Vec<u32>) {
    let (time, earlier) = (world.later(block), world.model.clone());
    world.model.at(time);
    let begun = world.model.clone();
    seen.begins(&earlier, &begun);
    let (mut asked, mut codes) = (Vec::new(), Vec::new());
    for dice in &block.transactions {
        let (actor, calls) = world.transaction(dice);
        let before = world.model.clone();
        let done = world.model.transaction(person(actor), &wired(&calls));
        let code = done.err().unwrap_or(0);
        world.remember(person(actor), &calls, code == 0);
        seen.note([&begun, &before, &world.model], (person(actor), &calls), code);
        codes.push(code);
        asked.push((actor, calls));
    }
    (time, asked, codes)
}

/// The room and the model, asked the same (INV-L1 … L11, INV-T9).
fn agree(
    case: &world::Case,
    (store, model): (&Memory, &Model),
    seen: &mut Seen,
) -> Result<(), TestCaseError> {
    let open = || Ledger::open(store, Settings::default()).unwrap();
    let mut node = Node { ledger: open(), store: store.clone() };
    let mut other = Node { ledger: open(), store: store.clone() };
    let mut world = World::new(model.clone(), the_books());
    let (mut deeds, mut number, mut blocks) = (Deeds::default(), 1000, Vec::new());
    for block in case {
        let (time, asked, expected) = play(&mut world, block, seen);
        let Performed { codes, block } = perform(&mut node, time, number, &asked);
        blocks.push(block);
        number += 100;
        for ((found, expected), asked) in codes.iter().zip(&expected).zip(&asked) {
            prop_assert_eq!(found, expected, "the room's code and the model's of {:?}", asked);
        }
        for ((_, calls), _) in asked.iter().zip(&codes).filter(|(_, code)| **code == 0) {
            deeds.note(calls, &world.model, &world.books)?;
        }
        // INV-L7: what was refused changed nothing, or the counts would differ.
        laws(&compare(&node, &world.model)?)?;
        prop_assert_eq!(invariant::breaches(&node.store).unwrap(), Vec::<String>::new());
    }
    // INV-L10: who executes the blocks later comes to the same roots and rows.
    for (header, transactions) in blocks {
        let executed = other.ledger.execute(&other.store, &header, &transactions).unwrap();
        prop_assert!(executed.is_ok(), "L10: {:?}", executed.err());
        other.commit(executed.unwrap());
    }
    prop_assert!(node.store == other.store, "L10: the rows differ");
    Ok(())
}

#[test]
fn the_room_does_what_the_model_does() {
    let (store, model) = beginning();
    let mut runner = TestRunner::new(Config { cases: support::cases(CASES), ..Config::default() });
    let seen = RefCell::new(Seen::default());
    let agreed =
        runner.run(&world::cases(), |case| agree(&case, (&store, &model), &mut seen.borrow_mut()));
    agreed.unwrap_or_else(|failed| panic!("{failed}"));
    // By chance, but by so many that it never comes out otherwise.
    let seen = seen.into_inner();
    assert_eq!(seen.missing(3), Vec::<String>::new(), "{seen:?}");
}

/// The model alone, over cases that are the same every time: the dice reach every refusal, and all
/// that the laws are about comes about.
#[test]
fn whatever_the_laws_are_about_comes_about() {
    let mut model = the_model();
    for (time, asked) in beginnings() {
        model.at(time);
        asked.iter().for_each(|(by, calls)| model.transaction(person(*by), &wired(calls)).unwrap());
    }
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut seen = Seen::default();
    for _ in 0..CASES {
        let case = world::cases().new_tree(&mut runner).unwrap().current();
        let mut world = World::new(model.clone(), the_books());
        case.iter().for_each(|block| drop(play(&mut world, block, &mut seen)));
    }
    println!("{seen:#?}");
    assert_eq!(seen.missing(20), Vec::<String>::new(), "{seen:?}");
}

/// More pending transfers end at once than the timers' share of a block holds: those that wait for
/// their timer can be neither posted nor given up, and in the end all is as if none had lagged.
#[test]
fn what_waits_for_its_timer_has_expired_all_the_same() {
    let (store, mut model) = beginning();
    let ledger = Ledger::open(&store, Settings::default()).unwrap();
    let mut node = Node { ledger, store };
    let expires_ms = model.now + 60_000;
    let step = |n: u64| {
        let (id, debit, credit) = (numbered(n), slot(21).to_vec(), slot(0).to_vec());
        let request = ReserveRequest {
            id,
            debit,
            credit,
            amount: 1,
            code: OTHER,
            expires_ms,
            ..Default::default()
        };
        ChainStep { linked: n % 64 != 63, step: Some(Step::Reserve(request)) }
    };
    let chain = |n: u64| {
        let steps = (n * 64..n * 64 + 64).map(step).collect();
        (0, vec![Call::Chain(ChainRequest { steps })])
    };
    for half in 0..2 {
        let asked: Vec<_> = (half * 40..half * 40 + 40).map(chain).collect();
        model.at(model.now + 1000);
        let Performed { codes, .. } = perform(&mut node, model.now, 1000 * (half + 1), &asked);
        assert_eq!(codes, vec![0; asked.len()]);
        asked
            .iter()
            .for_each(|(who, calls)| model.transaction(person(*who), &wired(calls)).unwrap());
    }
    let asked = |(n, posts): (u64, bool)| {
        let (id, pending) = (numbered(100_000 + n), numbered(n));
        let call = match posts {
            true => Call::Step(Step::Post(PostRequest { id, pending, amount: 0 })),
            false => Call::Step(Step::Void(VoidRequest { id, pending })),
        };
        (0, vec![call])
    };
    let asked: Vec<_> =
        (0..5120).step_by(2).zip([true, false].into_iter().cycle()).map(asked).collect();
    model.at(expires_ms);
    let Performed { codes, .. } = perform(&mut node, expires_ms, 10_000, &asked);
    let times = |code: Code| codes.iter().filter(|found| **found == code.number()).count();
    let (resolved, expired) = (times(Code::PendingResolved), times(Code::PendingExpired));
    assert!(resolved > 0 && expired > 0, "{resolved} and {expired}");
    assert_eq!(resolved + expired, asked.len()); // INV-L4
    (1..4).for_each(|n| drop(perform(&mut node, expires_ms + n, 0, &[])));
    laws(&compare(&node, &model).unwrap()).unwrap();
    assert_eq!(invariant::breaches(&node.store).unwrap(), Vec::<String>::new());
}
