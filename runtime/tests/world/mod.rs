//! What people ask of the accounts room, at random: a [`Case`] is made of dice alone, and a
//! [`World`] reads them against what stands, so that most of what is asked nearly works.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "a test's")]

mod call;
mod dice;
pub mod seen;

pub use call::{Call, flat, wired};

use crate::model::{Account, DAY_MS, Id, MOST, Model, id};
use dice::{Dice, stir};
use linli_types::account::flag::{CLOSED, FROZEN_IN, FROZEN_OUT, NO_IN, NO_OUT, SOULBOUND};
use linli_types::books::{AccountKind, Authority, Books, CNY, CODE_MOVE, Rule};
use linli_types::genesis::Role;
use linli_types::wire::accounts::{chain_step::Step, *};
use proptest::prelude::*;

/// The first account slots stand from the start; the last few are free.
pub const SLOTS: u8 = 40;
pub const ROLES: [Role; 6] = [
    Role::Resident,
    Role::Resident,
    Role::Fund,
    Role::Arbitrator,
    Role::Auditor,
    Role::Administrator,
];
const TEN_YEARS_MS: u64 = 10 * 366 * DAY_MS;
const STOPS: u16 = CLOSED | FROZEN_IN | FROZEN_OUT;
const DICE: usize = 32;

pub fn slot(n: u8) -> Id {
    let mut id = [0xa0; 16];
    id[15] = n;
    id
}

pub fn person(n: u8) -> Id {
    crate::support::person(n).0
}

#[derive(Clone, Copy, Debug)]
pub enum What {
    Move,
    Hold,
    Post,
    Void,
    Reverse,
    Chain,
    Open,
    Close,
    Freeze,
    Unfreeze,
    Expire,
    Again,
}

/// One wish.
#[derive(Clone, Debug)]
pub struct Wish {
    what: What,
    dice: [u16; DICE],
}

/// One block: how much later it is, and its transactions: whether its actor is the right one, and
/// what they wish.
#[derive(Clone, Debug)]
pub struct Block {
    pub later: [u16; 2],
    pub transactions: Vec<([u16; 2], Vec<Wish>)>,
}

pub type Case = Vec<Block>;

fn wish() -> impl Strategy<Value = Wish> {
    let what = prop_oneof![
        12 => Just(What::Move), 5 => Just(What::Hold), 6 => Just(What::Post), 3 => Just(What::Void),
        9 => Just(What::Reverse), 3 => Just(What::Chain), 2 => Just(What::Open),
        1 => Just(What::Close), 1 => Just(What::Freeze), 1 => Just(What::Unfreeze),
        2 => Just(What::Expire), 2 => Just(What::Again),
    ];
    (what, any::<[u16; DICE]>()).prop_map(|(what, dice)| Wish { what, dice })
}

pub fn cases() -> impl Strategy<Value = Case> {
    let wishes = prop_oneof![
        5 => proptest::collection::vec(wish(), 1..2),
        2 => proptest::collection::vec(wish(), 2..5),
    ];
    let transactions = proptest::collection::vec((any::<[u16; 2]>(), wishes), 0..6);
    let block = (any::<[u16; 2]>(), transactions)
        .prop_map(|(later, transactions)| Block { later, transactions });
    proptest::collection::vec(block, 1..5)
}

/// A model and what was asked of it.
pub struct World {
    pub model: Model,
    pub books: Books,
    /// Every call and chain step that was asked, and by whom.
    asked: Vec<(Id, Call)>,
    /// The plain transfers that were done.
    transfers: Vec<(Id, TransferRequest)>,
    fresh: u64,
    /// What the transaction under way moves: mostly nothing else.
    asset: Option<u32>,
}

impl World {
    pub fn new(model: Model, books: Books) -> Self {
        Self { model, books, asked: Vec::new(), transfers: Vec::new(), fresh: 0, asset: None }
    }

    /// The time of the next block.
    pub fn later(&self, block: &Block) -> u64 {
        let mut dice = Dice(block.later.to_vec());
        let due = self.model.pendings.values().map(|(_, expires, ..)| *expires);
        let due = due.min().unwrap_or(0);
        let now = self.model.now;
        let time = match dice.of(10) {
            0 => now + 1,
            1 => now + 3600 * 1000,
            2 => now + DAY_MS,
            3 => now + 3 * DAY_MS,
            4 => now + 40 * DAY_MS,
            5 => due,
            6 => due.saturating_sub(1),
            _ => now + 1000,
        };
        // A pending of ten years is not waited for: lots and days would all have ended.
        if time > now && time < now + 400 * DAY_MS { time } else { now + 1000 }
    }

    /// Reads a transaction's dice: who acts (a person's number), and what they call.
    pub fn transaction(&mut self, (dice, wishes): &([u16; 2], Vec<Wish>)) -> (u8, Vec<Call>) {
        let mut dice = Dice(dice.to_vec());
        let (mut actor, mut calls) = (None, Vec::new());
        self.asset = None;
        for wish in wishes {
            let mut dice = Dice(wish.dice.to_vec());
            let (call, by) = self.call(wish.what, actor, &mut dice);
            actor = actor.or(Some(by));
            calls.push(call);
        }
        // A transaction tells of 64 events at most: that bound is the host's, not the room's.
        while calls.len() > 1 && flat(&calls).len() > 64 {
            calls.pop();
        }
        let people = 0..u8::try_from(ROLES.len()).unwrap();
        let right = people.clone().find(|n| Some(person(*n)) == actor);
        let other = dice.small(people.end);
        (right.filter(|_| !dice.rare(10)).unwrap_or(other), calls)
    }

    /// Remembers what was asked and what came of it.
    pub fn remember(&mut self, actor: Id, calls: &[Call], done: bool) {
        for call in flat(calls) {
            if let (Call::Step(Step::Transfer(request)), true) = (&call, done) {
                self.transfers.push((actor, request.clone()));
            }
            self.asked.push((actor, call));
        }
    }

    /// A call, and who would be right to make it.
    fn call(&mut self, what: What, actor: Option<Id>, dice: &mut Dice) -> (Call, Id) {
        // Mostly there is something to be posted or taken back.
        let nothing_held = self.model.pendings.is_empty() && !dice.rare(12);
        let nothing_moved = self.transfers.is_empty() && !dice.rare(12);
        let what = match what {
            What::Post | What::Void if nothing_held => What::Hold,
            What::Reverse if nothing_moved => What::Move,
            other => other,
        };
        match what {
            What::Move => {
                let (request, by) = self.transfer(actor, dice);
                (Call::Step(Step::Transfer(request)), by)
            }
            What::Hold => {
                let (request, by) = self.reserve(actor, dice);
                (Call::Step(Step::Reserve(request)), by)
            }
            What::Post => self.post(dice),
            What::Void => self.void(dice),
            What::Reverse => self.reverse(dice),
            What::Chain => self.chain(actor, dice),
            What::Open => self.open(dice),
            What::Close => self.close(dice),
            What::Freeze | What::Unfreeze => self.freeze(matches!(what, What::Freeze), dice),
            What::Expire => self.expire(dice),
            What::Again => match dice.pick(&self.asked) {
                Some((by, call)) => (call, if dice.rare(4) { person(dice.small(6)) } else { by }),
                None => self.open(dice),
            },
        }
    }

    /// A business id: mostly a new one, or one of few, or one that was used.
    fn id(&mut self, dice: &mut Dice) -> Vec<u8> {
        self.fresh += 1;
        let fresh = numbered(self.fresh);
        match dice.of(16) {
            0 => numbered(1_000_000 + dice.of(6) as u64),
            1 => dice.pick(&self.transfers).map_or(fresh, |(_, request)| request.id),
            _ => fresh,
        }
    }

    fn account(&self, dice: &mut Dice) -> Id {
        match dice.of(16) {
            0 => id(&numbered(7)),
            1 => linli_runtime::accounts::issuance([1, 2, 3, 5][dice.of(4)]).0,
            _ => slot(dice.small(SLOTS)),
        }
    }

    /// An account of an asset and a kind, mostly one that `better` speaks for.
    fn fitting(
        &self,
        (asset, kind): (u32, AccountKind),
        better: impl Fn(&Id, &Account) -> bool,
        dice: &mut Dice,
    ) -> Option<Id> {
        let fits = |a: &Account| (a.row.asset, a.kind) == (asset, Some(kind));
        let all = self.model.accounts.iter().filter(|(_, a)| fits(a));
        let (good, other): (Vec<_>, Vec<_>) = all.partition(|(id, a)| better(id, a));
        let ids = |of: Vec<(&Id, &Account)>| of.into_iter().map(|(id, _)| *id).collect::<Vec<_>>();
        let (good, other) = (ids(good), ids(other));
        let first = if dice.rare(12) { &other } else { &good };
        dice.pick(first).or_else(|| dice.pick(&other)).or_else(|| dice.pick(&good))
    }

    fn owner(&self, account: &Id) -> Id {
        self.model.accounts.get(account).map_or(person(0), |a| id(&a.row.owner))
    }

    fn amount(&self, debit: &Id, dice: &mut Dice) -> u64 {
        let gives = self.model.look(debit).map_or(0, |a| a.give());
        let small = 1 + dice.of(12) as u64;
        let unbound = gives == MOST;
        let gives = if unbound { 50 } else { u64::try_from(gives).unwrap() };
        match dice.of(24) {
            0 => 0,
            1 => u64::MAX,
            2 => u64::MAX - small,
            3..7 => gives,
            7 => gives.saturating_add(1),
            8 | 9 => small * 23,
            10..13 if unbound => u64::MAX / 2 + small * 3,
            _ => small,
        }
    }

    /// Whether the actor could act by the rule.
    fn may(&self, rule: &Rule, actor: Id) -> bool {
        match &rule.authority {
            Authority::Owner => self.model.accounts.values().any(|a| {
                (a.row.asset, a.kind) == (rule.asset, Some(rule.from)) && a.row.owner == actor
            }),
            Authority::Role(role) => {
                (0..6).any(|n| person(n) == actor && ROLES[usize::from(n)] == *role)
            }
            Authority::Contract(_) => false,
        }
    }

    /// Who was paid pays somebody else, mostly all they have: what is taken back then is owed.
    fn spend(&mut self, paid: &TransferRequest, dice: &mut Dice) -> (TransferRequest, Id) {
        let (id, debit) = (self.id(dice), id(&paid.credit));
        let asset = self.model.accounts.get(&debit).map_or(CNY, |a| a.row.asset);
        let open = |id: &Id, a: &Account| *id != debit && !a.is(STOPS | NO_IN | SOULBOUND);
        let credit = self.fitting((asset, AccountKind::Holder), open, dice).unwrap_or(debit);
        let amount = match dice.of(4) {
            0 => self.amount(&debit, dice),
            _ => self.model.look(&debit).map_or(0, |a| u64::try_from(a.give()).unwrap()),
        };
        let (debit, by, credit) = (debit.to_vec(), self.owner(&debit), credit.to_vec());
        let other = TransferRequest::default();
        let balancing = dice.rare(3);
        (TransferRequest { id, debit, credit, amount, code: CODE_MOVE, balancing, ..other }, by)
    }

    fn transfer(&mut self, actor: Option<Id>, dice: &mut Dice) -> (TransferRequest, Id) {
        let paid = dice.pick(&self.transfers).filter(|_| actor.is_none() && dice.rare(2));
        if let Some((_, paid)) = paid {
            return self.spend(&paid, dice);
        }
        let id = self.id(dice);
        let may = |rule: &&Rule| {
            let other = self.asset.is_none_or(|asset| asset == rule.asset);
            other && actor.is_none_or(|actor| self.may(rule, actor))
        };
        let rules: Vec<&Rule> = self.books.rules.iter().filter(may).collect();
        let rules = if dice.rare(12) { self.books.rules.iter().collect() } else { rules };
        let rule = dice.pick(&rules).unwrap_or(&self.books.rules[0]);
        let owner = actor.filter(|_| rule.authority == Authority::Owner);
        let rich = |id: &Id, a: &Account| {
            let owned = owner.is_none_or(|owner| a.row.owner == owner);
            owned && self.model.look(id).is_ok_and(|a| a.give() > 0 && !a.is(STOPS | NO_OUT))
        };
        let debit = self.fitting((rule.asset, rule.from), rich, dice);
        let debit = debit.unwrap_or_else(|| self.account(dice));
        let open = |id: &Id, a: &Account| *id != debit && !a.is(STOPS | NO_IN | SOULBOUND);
        let credit = self.fitting((rule.asset, rule.to), open, dice);
        let credit = credit.filter(|_| !dice.rare(14)).unwrap_or_else(|| self.account(dice));
        let by = match &rule.authority {
            Authority::Role(Role::Fund) => person(2),
            Authority::Role(_) => person(5),
            _ => self.owner(&debit),
        };
        let day = match dice.of(8) {
            0 => self.model.today - 1,
            n @ 1..4 => self.model.today + n as u32 - 1,
            _ => 0,
        };
        let request = TransferRequest {
            id,
            debit: debit.to_vec(),
            credit: credit.to_vec(),
            amount: self.amount(&debit, dice),
            code: if dice.rare(30) { 9 } else { rule.code },
            balancing: dice.rare(5),
            expires_day: day,
            origin: u32::from(day % 3 == 0),
            r#ref: Vec::new(),
        };
        self.asset = Some(rule.asset).filter(|_| !dice.rare(12));
        (request, by)
    }

    fn reserve(&mut self, actor: Option<Id>, dice: &mut Dice) -> (ReserveRequest, Id) {
        let ahead = match dice.of(24) {
            0 => 0,
            1 => TEN_YEARS_MS,
            2 => TEN_YEARS_MS + 1,
            3 => 1,
            4..7 => 1000,
            7..9 => 3 * DAY_MS,
            9 => u64::MAX - self.model.now,
            _ => 50 * DAY_MS,
        };
        let resolver = match dice.of(4) {
            0 => person(dice.small(6)).to_vec(),
            _ => Vec::new(),
        };
        let (plain, by) = self.transfer(actor, dice);
        let TransferRequest { id, debit, credit, amount, code, balancing, r#ref, .. } = plain;
        let expires_ms = self.model.now + ahead;
        let request = ReserveRequest {
            id,
            debit,
            credit,
            amount,
            code,
            balancing,
            expires_ms,
            resolver,
            r#ref,
        };
        (request, by)
    }

    fn pending(&self, dice: &mut Dice) -> Id {
        let open: Vec<Id> = self.model.pendings.keys().copied().collect();
        let any = |(_, call): (Id, Call)| match call {
            Call::Step(Step::Reserve(r)) => id(&r.id),
            Call::Step(Step::Post(r)) => id(&r.id),
            _ => id(&numbered(8)),
        };
        match dice.rare(5) {
            true => dice.pick(&self.asked).map_or(id(&numbered(8)), any),
            false => dice.pick(&open).unwrap_or(id(&numbered(9))),
        }
    }

    fn post(&mut self, dice: &mut Dice) -> (Call, Id) {
        let (of, own) = (self.pending(dice), self.id(dice));
        let held = self.model.pendings.get(&of);
        let by = held.map_or(person(0), |(_, _, resolver, _)| *resolver);
        let whole = held.map_or(5, |((_, amount), ..)| u64::try_from(*amount).unwrap());
        let amount = match dice.of(6) {
            0 | 1 => 0,
            2 => whole,
            3 => whole.saturating_add(1),
            4 => whole / 2,
            _ => 1,
        };
        (Call::Step(Step::Post(PostRequest { id: own, pending: of.to_vec(), amount })), by)
    }

    fn void(&mut self, dice: &mut Dice) -> (Call, Id) {
        let (of, own) = (self.pending(dice), self.id(dice));
        let held = self.model.pendings.get(&of);
        let by = match dice.rare(2) {
            true => held.map_or(person(1), |((sides, _), ..)| self.owner(&sides[1])),
            false => held.map_or(person(0), |(_, _, resolver, _)| *resolver),
        };
        (Call::Step(Step::Void(VoidRequest { id: own, pending: of.to_vec() })), by)
    }

    fn reverse(&mut self, dice: &mut Dice) -> (Call, Id) {
        let request_id = self.id(dice);
        let rows = self.model.moved.iter().filter(|(_, ((_, left), plain))| !plain && *left > 0);
        let rows: Vec<Id> = rows.map(|(id, _)| *id).collect();
        // What the payee has spent since is taken back from a receivable, if at all.
        let spent = |(_, r): &&(Id, TransferRequest)| {
            let payee = self.model.look(&r.credit);
            payee.is_ok_and(|payee| payee.give() < r.amount.into())
        };
        let spent: Vec<_> = self.transfers.iter().filter(spent).cloned().collect();
        let shown = dice.pick(&spent).filter(|_| !dice.rare(3));
        let shown = shown.or_else(|| dice.pick(&self.transfers));
        let row = dice.pick(&rows).filter(|_| !dice.rare(3) || shown.is_none());
        // Mostly the request of that very transfer is shown.
        let own = |of: Id| self.transfers.iter().find(|(_, r)| id(&r.id) == of).cloned();
        let shown = row.and_then(own).filter(|_| !dice.rare(4)).or(shown);
        let (by, request) = shown.unwrap_or_default();
        let of = row.unwrap_or(id(&request.id));
        let shown = ([id(&request.debit), id(&request.credit)], request.amount);
        let moved = self.model.moved.get(&of);
        let known = moved.map(|((sides, left), _)| (*sides, u64::try_from(*left).unwrap()));
        let (sides, left) = known.unwrap_or(shown);
        let payee = self.model.accounts.get(&sides[1]);
        let asset = payee.map_or(1, |a| a.row.asset);
        let kind = AccountKind::ClawbackReceivable;
        let gives = self.model.look(&sides[1]).map_or(0, |payee| payee.give());
        let receivable = match dice.of(16) {
            0 => Some(self.account(dice)),
            1..5 => self.fitting((asset, kind), |_, _| true, dice),
            5..15 if gives < left.into() => self.fitting((asset, kind), |_, _| true, dice),
            _ => None,
        };
        let owner =
            payee.map(|a| id(&a.row.owner)).filter(|_| dice.rare(2) && receivable.is_none());
        let amount = match dice.of(8) {
            0 => 0,
            1 => left.saturating_add(1),
            2 | 3 => left / 2,
            4 => 1,
            _ => left,
        };
        // Without an id it never reaches the room: `check` knows the length.
        let mut original = Some(request).filter(|r| !r.id.is_empty() && !dice.rare(16));
        if let Some(request) = original.as_mut().filter(|_| dice.rare(16)) {
            request.amount = request.amount.saturating_add(1);
        }
        let request = ReverseRequest {
            id: request_id,
            transfer: of.to_vec(),
            original_actor: if dice.rare(20) { person(4) } else { by }.to_vec(),
            original,
            amount,
            reason: u32::from(!dice.rare(20)),
            receivable: receivable.map_or(Vec::new(), |id| id.to_vec()),
        };
        (Call::Reverse(request), owner.unwrap_or(person(3)))
    }

    fn chain(&mut self, actor: Option<Id>, dice: &mut Dice) -> (Call, Id) {
        let count = match dice.of(12) {
            0 => 1,
            1 => 65,
            2 => 64,
            _ => 2 + dice.of(3),
        };
        let (fault, repeats) = (dice.of(16), count > 4 || dice.rare(2));
        let (mut by, mut steps) = (actor, Vec::<ChainStep>::new());
        for n in 0..count {
            let mut dice = Dice((0..DICE).map(|i| stir(dice.0.first(), n, i)).collect());
            let what = [What::Move, What::Hold, What::Move, What::Post, What::Void, What::Move];
            let (call, right) = self.call(what[if n == 0 { 0 } else { dice.of(6) }], by, &mut dice);
            by = by.or(Some(right));
            let step = match (call, steps.first().and_then(|first| first.step.clone())) {
                // A long chain is to come through sometimes: it moves little, and the same way.
                (_, Some(Step::Transfer(r))) if repeats => {
                    self.fresh += 1;
                    Some(Step::Transfer(TransferRequest { id: numbered(self.fresh), ..r }))
                }
                (Call::Step(Step::Transfer(r)), _) if repeats => {
                    Some(Step::Transfer(TransferRequest { amount: 1, ..r }))
                }
                (Call::Step(step), _) => Some(step),
                _ => None,
            };
            let (last, second) = (n + 1 == count, n == 1);
            let broken = if last { fault == 2 } else { fault == 1 && n == 0 };
            let linked = last == broken;
            steps.push(ChainStep { linked, step: step.filter(|_| !(fault == 3 && second)) });
        }
        (Call::Chain(ChainRequest { steps }), by.unwrap_or(person(0)))
    }

    fn open(&mut self, dice: &mut Dice) -> (Call, Id) {
        let free = SLOTS - 5 + dice.small(5);
        let owner = match dice.of(8) {
            0 => vec![0; 16],
            1 => vec![0x77; 16],
            2..5 => person(dice.small(6)).to_vec(),
            _ => Vec::new(),
        };
        let id = match dice.of(12) {
            0 => linli_runtime::accounts::issuance(1).0,
            1 => slot(dice.small(SLOTS)),
            2 => *b"issuance\xee\xee\xee\xee\xee\xee\xee\xee",
            _ => slot(free),
        };
        let kind = match dice.of(6) {
            0 => dice.of(24) as u32,
            1 => [6, 7, 8][dice.of(3)],
            2 => 1,
            _ => 0,
        };
        let flags = match dice.of(8) {
            0 => dice.of(64) as u32,
            1 => 64,
            2 => 16,
            3 => 2,
            4 => 32,
            _ => 0,
        };
        let max_balance = if dice.rare(4) { 20 } else { 0 };
        let asset = [1, 1, 2, 3, 3, 5, 4, 9][dice.of(8)];
        let by = if dice.rare(2) { person(0) } else { person(5) };
        let mut request = OpenRequest { id: id.to_vec(), owner, asset, kind, flags, max_balance };
        // The content that stands already, sometimes.
        if let Some(row) = self.model.accounts.get(&id).filter(|_| !dice.rare(3)) {
            request = OpenRequest { id: request.id, ..row.row.clone() };
        }
        (Call::Open(request), by)
    }

    fn close(&mut self, dice: &mut Dice) -> (Call, Id) {
        let empty = self.model.accounts.iter().filter(|(_, a)| a.posted[0] == a.posted[1]);
        let empty: Vec<Id> = empty.map(|(id, _)| *id).collect();
        let account = dice.pick(&empty).filter(|_| dice.rare(2));
        let account = account.unwrap_or_else(|| self.account(dice));
        let by = self.owner(&account);
        (Call::Close(CloseRequest { account: account.to_vec() }), by)
    }

    fn freeze(&mut self, begins: bool, dice: &mut Dice) -> (Call, Id) {
        let id = self.id(dice);
        let frozen = self.model.accounts.iter().filter(|(_, a)| a.is(FROZEN_OUT | FROZEN_IN));
        let frozen: Vec<Id> = frozen.map(|(id, _)| *id).collect();
        let other = self.account(dice);
        let known = dice.pick(&frozen).filter(|_| !begins && !dice.rare(4));
        let account = known.unwrap_or(other).to_vec();
        let (out, r#in) = (dice.of(3) > 0, dice.of(3) > 1);
        let legal_ref = vec![0x55; 32];
        let call = match begins {
            true => Call::Freeze(FreezeRequest { id, account, out, r#in, legal_ref }),
            false => Call::Unfreeze(UnfreezeRequest { id, account, legal_ref }),
        };
        (call, person(3))
    }

    fn expire(&mut self, dice: &mut Dice) -> (Call, Id) {
        let id = self.id(dice);
        let with_lots = self.model.accounts.iter().filter(|(_, a)| !a.lots.is_empty());
        let with_lots: Vec<Id> = with_lots.map(|(id, _)| *id).collect();
        let other = self.account(dice);
        let account = dice.pick(&with_lots).filter(|_| !dice.rare(6)).unwrap_or(other);
        let asset = self.model.accounts.get(&account).map_or(1, |a| a.row.asset);
        let sink = self.fitting((asset, AccountKind::ExpiredSink), |id, _| *id != account, dice);
        let sink = sink.filter(|sink| *sink != account && !dice.rare(8));
        let sink = sink.unwrap_or_else(|| self.account(dice)).to_vec();
        let request = ExpireRequest { id, account: account.to_vec(), sink };
        (Call::Expire(request), person(dice.small(6)))
    }
}

pub fn numbered(n: u64) -> Vec<u8> {
    [[0xb0; 8], n.to_be_bytes()].concat()
}
