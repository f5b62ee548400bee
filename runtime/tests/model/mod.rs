//! The accounts room once more: decision 0010 in memory, without any of the runtime's code, asked
//! the same bytes. A refused transaction is forgotten whole: what is done may stand before a check.
#![allow(unreachable_pub, clippy::unwrap_used, reason = "a test's")]

use linli_types::account::{NOBODY, flag::*};
use linli_types::books::{AccountKind as Kind, AccountKind::*, Authority, Books, Rule, TIME};
use linli_types::code::Code::{self, *};
use linli_types::genesis::Role;
use linli_types::wire::{self, accounts::chain_step::Step, accounts::*};
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};

pub type Id = [u8; 16];
pub type Move = ([Id; 2], i128); // who is debited, who is credited, how much
pub type Lot = (u32, u32, u32, bool); // last day, month, origin, not given: the first is used first
type Done = Result<(), Code>; // the first fault's code
pub const DAY_MS: u64 = 24 * 3600 * 1000;
pub const MOST: i128 = u64::MAX as i128;
const FROZEN: u16 = FROZEN_OUT | FROZEN_IN;
/// Flags that an account's kind forces, by its number.
const FORCED: [u16; 22] = [1, 1, 2, 1, 1, 1, 1, 2, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];

#[derive(Clone, Debug, Default)]
pub struct Account {
    pub row: OpenRequest, // with its owner and the forced flags
    pub kind: Option<Kind>,
    pub state: u16,         // flags that come later
    pub posted: [i128; 2],  // debits, credits
    pub pending: [i128; 2], // filled in where the account is looked at
    pub lots: BTreeMap<Lot, i128>,
}

#[derive(Clone, Default)]
pub struct Model {
    pub now: u64,
    pub today: u32, // days since 1970 in UTC+8
    month: u32,
    pub books: Books,
    pub people: BTreeMap<Id, Role>,
    pub accounts: BTreeMap<Id, Account>,
    pub pendings: BTreeMap<Id, (Move, u64, Id, u32)>, // its end, who may post it, day it began
    pub moved: BTreeMap<Id, (Move, bool)>, // what is not taken back; whether no row is kept of it
    claims: BTreeMap<Id, Vec<u8>>,
    joined: BTreeSet<u32>, // assets that the transaction under way has moved
}

fn deny<const N: usize>(faults: [(bool, Code); N]) -> Done {
    faults.into_iter().find(|(fault, _)| *fault).map_or(Ok(()), |(_, code)| Err(code))
}

pub fn id(bytes: &[u8]) -> Id {
    bytes.try_into().unwrap_or_default()
}

impl Account {
    pub fn is(&self, flag: u16) -> bool {
        (self.row.flags | u32::from(self.state)) & u32::from(flag) != 0
    }

    pub fn give(&self) -> i128 {
        if self.is(DEBITS_BOUND) { self.posted[1] - self.posted[0] - self.pending[0] } else { MOST }
    }

    /// Whether it can be credited that much more, pending credits counted (INV-L3).
    fn takes(&self, amount: i128) -> Done {
        let after = self.posted[1] + self.pending[1] + amount - self.posted[0];
        let (bound, max) = (self.is(CREDITS_BOUND), self.row.max_balance.into());
        deny([(bound && after > 0, CreditsExceed), (max > 0 && after > max, MaxBalance)])
    }

    /// What its lots that end from that day on give; a gift uses none that was given (INV-L11).
    fn usable(&self, since: u32, gift: bool) -> i128 {
        let lots = self.lots.range((since, 0, 0, false)..).filter(|(lot, _)| lot.3 || !gift);
        if self.is(LOTS) { lots.map(|(_, n)| n).sum::<i128>() - self.pending[0] } else { MOST }
    }
}

impl Model {
    /// A block's time begins: pendings that are due are void (INV-L4).
    pub fn at(&mut self, now: u64) {
        (self.now, self.today) = (now, u32::try_from((now + DAY_MS / 3) / DAY_MS).unwrap());
        let (fours, day) = ((self.today + 671) / 1461, (self.today + 671) % 1461);
        let year = (day - day / 1460) / 365; // it begins in March, the fourth is long (until 2100)
        self.month = (fours * 4 + year - 2) * 12 + 2 + (5 * (day - 365 * year) + 2) / 153;
        self.pendings.retain(|_, (_, expires, ..)| *expires > now);
    }

    /// All calls or none (INV-L7); else the first refusal's number.
    pub fn transaction(&mut self, actor: Id, calls: &[wire::Call]) -> Result<(), u32> {
        let before = self.clone();
        self.joined.clear();
        let done = calls.iter().try_for_each(|call| self.call(actor, &call.method, &call.args));
        done.inspect_err(|_| *self = before).map_err(Code::number)
    }

    pub fn look(&self, id: &[u8]) -> Result<Account, Code> {
        let on = |side: usize| self.pendings.values().filter(move |held| held.0.0[side] == id);
        let pending = [0, 1].map(|side| on(side).map(|held| held.0.1).sum());
        self.accounts.get(id).map(|row| Account { pending, ..row.clone() }).ok_or(NoAccount)
    }

    fn call(&mut self, actor: Id, method: &str, r: &[u8]) -> Done {
        if !["Open", "Close", "Chain"].contains(&method) {
            let deed = [&actor, method.as_bytes(), r].concat();
            let old = self.claims.insert(id(&r[2..18]), deed.clone()); // INV-L5; field 1 is the id
            deny([(old == Some(deed), Duplicate), (old.is_some(), BusinessIdConflict)])?;
        }
        match method {
            "Open" => self.open(actor, &OpenRequest::decode(r).unwrap()),
            "Close" => self.stop(actor, &CloseRequest::decode(r).unwrap().account, CLOSED, 0),
            "Transfer" => {
                let r = TransferRequest::decode(r).unwrap();
                let TransferRequest { id, debit, credit, amount, code, balancing, .. } = r;
                let other = ReserveRequest { expires_ms: self.now + 1, ..Default::default() };
                let held = ReserveRequest { id, debit, credit, amount, code, balancing, ..other };
                self.hold(actor, &held, Some([r.expires_day, r.origin]))
            }
            "Reserve" => self.hold(actor, &ReserveRequest::decode(r).unwrap(), None),
            "Post" => self.end(actor, &PostRequest::decode(r).unwrap(), true),
            "Void" => self.end(actor, &PostRequest::decode(r).unwrap(), false),
            "Reverse" => self.reverse(actor, &ReverseRequest::decode(r).unwrap()),
            "Chain" => self.chain(actor, &ChainRequest::decode(r).unwrap().steps),
            "Freeze" => {
                let r = FreezeRequest::decode(r).unwrap();
                let ways = u16::from(r.out) * FROZEN_OUT + u16::from(r.r#in) * FROZEN_IN;
                self.stop(actor, &r.account, ways, 0)
            }
            "Unfreeze" => self.stop(actor, &UnfreezeRequest::decode(r).unwrap().account, 0, FROZEN),
            _ => self.expire(&ExpireRequest::decode(r).unwrap()),
        }
    }

    fn chain(&mut self, actor: Id, steps: &[ChainStep]) -> Done {
        let open = steps.iter().rev().enumerate().any(|(i, step)| step.linked != (i > 0));
        deny([(steps.len() < 2 || steps.len() > 64, ChainLength), (open, ChainOpen)])?;
        let steps: Option<Vec<&Step>> = steps.iter().map(|step| step.step.as_ref()).collect();
        steps.ok_or(Malformed)?.into_iter().try_for_each(|step| match step {
            Step::Transfer(r) => self.call(actor, "Transfer", &r.encode_to_vec()),
            Step::Reserve(r) => self.call(actor, "Reserve", &r.encode_to_vec()),
            Step::Post(r) => self.call(actor, "Post", &r.encode_to_vec()),
            Step::Void(r) => self.call(actor, "Void", &r.encode_to_vec()),
        })
    }

    fn open(&mut self, actor: Id, r: &OpenRequest) -> Done {
        let asset = self.books.assets.iter().find(|a| a.number == r.asset);
        let kind = Kind::from_number(r.kind).filter(|kind| *kind != Issuance);
        let plain = matches!(kind, Some(Holder | Escrow));
        let dated = if plain && asset.is_some_and(|a| a.lots) { LOTS } else { 0 };
        let flags = r.flags | u32::from(kind.map_or(0, |kind| FORCED[kind as usize]) | dated);
        let owner = if r.owner.is_empty() { actor.to_vec() } else { r.owner.clone() };
        let row = OpenRequest { owner, flags, ..r.clone() };
        let old = self.accounts.get(&r.id[..]).map(|old| kind.is_some() && old.row == row);
        deny([(old == Some(true), Duplicate), (old.is_some(), BusinessIdConflict)])?;
        let odd = flags > ASKED.into() || flags & 3 == 3 || flags & 33 == 32;
        let may = plain && row.owner == actor
            || matches!(self.people.get(&actor), Some(Role::Administrator | Role::Fund));
        let nobody = row.owner == NOBODY.0 && kind != Some(Holder);
        let known = nobody || self.people.contains_key(&row.owner[..]);
        deny([(r.id.starts_with(b"issuance"), RuleDenied), (asset.is_none(), UnknownAsset)])?;
        self.accounts.insert(id(&r.id), Account { row, kind, ..Account::default() });
        deny([(kind.is_none(), BadAccountKind), (odd, BadAccountFlags)])?;
        deny([(!may, Unauthorised), (!known, UnknownOwner)])
    }

    fn stop(&mut self, actor: Id, account: &[u8], set: u16, clear: u16) -> Done {
        let row = self.look(account)?;
        let (own, closes, frozen) = (row.row.owner == actor, set == CLOSED, row.is(FROZEN));
        let full = row.posted[0] != row.posted[1] || row.pending != [0; 2];
        let may = if closes { own } else { self.people.get(&actor) == Some(&Role::Arbitrator) };
        deny([(closes && row.is(CLOSED), AccountClosed), (!may, Unauthorised)])?;
        deny([(!closes && own, SelfDealing), (closes && frozen, AccountFrozen)])?;
        deny([(closes && full, AccountNotEmpty), (set | clear == 0, FreezeNothing)])?;
        self.accounts.insert(id(account), Account { state: row.state & !clear | set, ..row });
        deny([(clear != 0 && !frozen, NotFrozen)])
    }

    /// INV-T9: time moves with nothing else.
    fn together(&mut self, asset: u32) -> (bool, Code) {
        self.joined.insert(asset);
        (self.joined.len() > 1 && self.joined.contains(&TIME), TimeJoined)
    }

    /// Posts, by lots that end from a day on, all as they are if it is 0; `made` dates an issue's.
    pub fn shift(&mut self, (sides, amount): Move, since: u32, made: [u32; 2]) -> Done {
        let (mut from, mut to) = (self.look(&sides[0])?, self.look(&sides[1])?);
        let gift = since > 0 && [from.kind, to.kind] == [Some(Holder); 2];
        let [day, origin] = if from.kind == Some(Issuance) { made } else { [0; 2] };
        let day = if day == 0 { u32::MAX } else { day };
        let (mut left, dated) = (amount, to.is(LOTS));
        for (lot, units) in from.lots.range_mut((since, 0, 0, false)..) {
            let used = if gift && !lot.3 { 0 } else { left.min(*units) };
            (left, *units) = (left - used, *units - used);
            *to.lots.entry((lot.0, lot.1, lot.2, lot.3 && !gift)).or_default() += used;
        }
        deny([(from.is(LOTS) && left > 0, LotsUnusable), (dated && day < self.today, LotInPast)])?;
        *to.lots.entry((day, self.month, origin, true)).or_default() += left;
        from.lots.retain(|_, units| *units > 0);
        to.lots.retain(|_, units| *units > 0 && dated);
        while to.lots.len() > 64 {
            // The first two that differ in the month alone are one, of the later month.
            let all: Vec<Lot> = to.lots.keys().copied().collect();
            let later = |a: &Lot| all.iter().find(|b| a < *b && (a.0, b.1, a.2, a.3) == **b);
            let (a, b) = all.iter().find_map(|a| Some((a, later(a)?))).ok_or(LotsFull)?;
            *to.lots.entry(*b).or_default() += to.lots.remove(a).unwrap();
        }
        (from.posted[0], to.posted[1]) = (from.posted[0] + amount, to.posted[1] + amount);
        let over = from.posted[0].max(to.posted[1]) > MOST;
        self.accounts.extend(sides.into_iter().zip([from, to])); // INV-L1
        deny([(over, Overflow)])
    }

    /// Holds; or moves at once, if it is said how a lot that it makes begins.
    fn hold(&mut self, actor: Id, r: &ReserveRequest, made: Option<[u32; 2]>) -> Done {
        let (from, to) = (self.look(&r.debit)?, self.look(&r.credit)?);
        let (asset, kinds) = (from.row.asset, [from.kind, to.kind]);
        let late = r.expires_ms <= self.now || r.expires_ms > self.now + 10 * 366 * DAY_MS;
        deny([(r.debit == r.credit, SameAccount), (r.amount == 0, ZeroAmount), (late, BadExpiry)])?;
        let closed = from.is(CLOSED) || to.is(CLOSED);
        deny([(asset != to.row.asset, AssetMismatch), (closed, AccountClosed)])?; // INV-L8
        let is = |x: &&Rule| (x.asset, x.code, [x.from, x.to].map(Some)) == (asset, r.code, kinds);
        let rule = self.books.rules.iter().find(is).ok_or(RuleDenied)?; // INV-L9
        let own = rule.authority == Authority::Owner && from.row.owner == actor;
        let office = self.people.get(&actor).is_some_and(|x| rule.authority == Authority::Role(*x));
        let dealing = office && to.row.owner == actor;
        deny([(!own && !office, Unauthorised), (dealing, SelfDealing), self.together(asset)])?;
        let frozen = from.is(FROZEN_OUT) || to.is(FROZEN_IN);
        deny([(frozen, AccountFrozen), (from.is(NO_OUT), NoOut), (to.is(NO_IN), NoIn)])?;
        let ends = matches!(kinds, [Some(Issuance), _] | [_, Some(Issuance | ExpiredSink)]);
        let bound = (from.is(SOULBOUND) || to.is(SOULBOUND)) && !ends;
        let free = from.usable(self.today, kinds == [Some(Holder); 2]);
        let amount = if r.balancing { free.min(from.give()) } else { MOST }.min(r.amount.into());
        deny([(bound, Soulbound), (amount <= 0 || amount > from.give(), Insufficient)])?; // INV-L3
        to.takes(amount)?;
        let over = |a: &Account, side: usize| a.posted[side] + a.pending[side] + amount > MOST;
        deny([(over(&from, 0) || over(&to, 1), Overflow), (amount > free, LotsUnusable)])?;
        let moved = ([id(&r.debit), id(&r.credit)], amount);
        let resolver = if r.resolver.is_empty() { actor } else { id(&r.resolver) };
        self.pendings.insert(id(&r.id), (moved, r.expires_ms, resolver, self.today));
        let Some(made) = made else { return Ok(()) };
        self.pendings.remove(&r.id[..]);
        self.moved.insert(id(&r.id), (moved, !r.balancing));
        self.shift(moved, self.today, made)
    }

    /// Posts what is held, or gives it up: once (INV-L4).
    fn end(&mut self, actor: Id, r: &PostRequest, posts: bool) -> Done {
        let claimed = r.id != r.pending && self.claims.contains_key(&r.pending[..]);
        let none = if claimed { PendingResolved } else { NoPending };
        let ((sides, held), expires, by, day) = self.pendings.remove(&r.pending[..]).ok_or(none)?;
        let (from, to) = (self.look(&sides[0])?, self.look(&sides[1])?);
        let may = by == actor || !posts && to.row.owner == actor;
        deny([(expires <= self.now, PendingExpired), (!may, Unauthorised)])?;
        let Some(asked) = posts.then_some(r.amount) else { return Ok(()) };
        let amount = if asked == 0 { held } else { asked.into() };
        let (large, frozen) = (amount > held, from.is(FROZEN_OUT) || to.is(FROZEN_IN));
        deny([(large, PostTooLarge), self.together(from.row.asset), (frozen, AccountFrozen)])?;
        self.moved.insert(id(&r.id), ((sides, amount), false));
        self.shift((sides, amount), day, [0; 2])
    }

    fn reverse(&mut self, actor: Id, r: &ReverseRequest) -> Done {
        let (of, amount, carried) = (id(&r.transfer), r.amount.into(), !r.receivable.is_empty());
        let original = r.original.iter().map(|t| t.encode_to_vec());
        let mut deeds = original.map(|t| [&r.original_actor, &b"Transfer"[..], &t].concat());
        let shown = deeds.any(|deed| self.claims.get(&of) == Some(&deed));
        deny([(r.reason == 0, Malformed)])?;
        let moved = self.moved.get(&of).filter(|(_, plain)| shown || !plain);
        let (([payer, payee], left), _) = *moved.ok_or(NoTransfer)?;
        let (from, to) = (self.look(&payee)?, self.look(&payer)?);
        let own = from.row.owner == actor && !carried;
        let party = !own && (from.row.owner == actor || to.row.owner == actor);
        let office = self.people.get(&actor) == Some(&Role::Arbitrator);
        deny([(amount == 0, ZeroAmount), (amount > left, ReversalTooLarge)])?; // INV-L6
        deny([(!own && !office, Unauthorised), (party, SelfDealing)])?;
        let closed = from.is(CLOSED) && !carried || to.is(CLOSED);
        let frozen = from.is(FROZEN_OUT) || to.is(FROZEN_IN);
        deny([self.together(to.row.asset), (closed, AccountClosed), (frozen, AccountFrozen)])?;
        let receivable = if carried { id(&r.receivable) } else { payee };
        let owed = self.look(&receivable)?;
        let fits = owed.kind == Some(ClawbackReceivable) && owed.row.asset == to.row.asset;
        let fits = fits && !owed.is(CLOSED) && receivable != payer || !carried;
        let returned = from.give().min(amount);
        deny([(!fits, NotReceivable), (!carried && returned < amount, Insufficient)])?;
        to.takes(amount)?;
        self.moved.insert(of, (([payer, payee], left - amount), false));
        self.shift(([payee, payer], returned), 0, [0; 2])?;
        self.shift(([receivable, payer], amount - returned), 0, [0; 2])
    }

    fn expire(&mut self, r: &ExpireRequest) -> Done {
        let (from, sink) = (self.look(&r.account)?, self.look(&r.sink)?);
        let fits = sink.kind == Some(ExpiredSink) && sink.row.asset == from.row.asset;
        let fits = fits && !sink.is(CLOSED) && r.account != r.sink;
        let amount = (from.usable(0, false) - from.usable(self.today, false)).min(from.give());
        deny([(!fits, NotSink), self.together(from.row.asset), (amount <= 0, NothingExpired)])?;
        sink.takes(amount)?;
        self.shift(([id(&r.account), id(&r.sink)], amount), 0, [0; 2])
    }
}
