//! The accounts room once more: decision 0010 in memory, plainly, without any of the runtime's
//! code, so that the two only agree if both do what the words say. Actors are principals. A
//! refusal undoes its whole transaction, so what is done may stand before a check.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "a test's")]

use linli_types::account::{NOBODY, flag::*};
use linli_types::books::{AccountKind as Kind, AssetClass, Authority, Books};
use linli_types::code::Code::{self, *};
use linli_types::genesis::Role;
use linli_types::wire::accounts::{chain_step::Step, *};
use std::collections::{BTreeMap, BTreeSet};
use std::{ops::RangeInclusive, sync::Arc};

pub type Id = [u8; 16];
/// Who is debited, who is credited; counts stand in this order too.
pub type Sides = [Id; 2];
/// Last day, month, origin, not given: the first lot is used first.
pub type Lot = (u32, u32, u32, bool);
/// The last days of lots that a move may use, and whether it gives them.
type Use = (RangeInclusive<u32>, bool);
type Done = Result<(), Code>;
pub const DAY_MS: u64 = 24 * 3600 * 1000;
pub const NEVER: u32 = u32::MAX;
const ANY: Use = (0..=NEVER, false);
const FROZEN: u16 = FROZEN_OUT | FROZEN_IN;

#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    Open(OpenRequest),
    Close(CloseRequest),
    Step(Step),
    Reverse(ReverseRequest),
    Chain(ChainRequest),
    Freeze(FreezeRequest),
    Unfreeze(UnfreezeRequest),
    Expire(ExpireRequest),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    pub owner: Id,
    pub asset: u32,
    pub kind: Kind,
    pub flags: u16,
    pub max: u64,
    pub posted: [u64; 2],
    /// Filled where the account is looked at.
    pub pending: [u64; 2],
    pub lots: BTreeMap<Lot, u64>,
}

#[derive(Clone, Debug)]
pub struct Pending {
    pub sides: Sides,
    pub amount: u64,
    pub expires: u64,
    pub resolver: Id,
    lots: Use,
}

#[derive(Clone, Default)]
pub struct Model {
    pub now: u64,
    pub books: Arc<Books>,
    pub people: Arc<BTreeSet<(Id, Role)>>,
    pub accounts: BTreeMap<Id, Account>,
    pub pendings: BTreeMap<Id, Pending>,
    /// What was moved and not taken back, where the ledger keeps a row.
    pub moved: BTreeMap<Id, (Sides, u64)>,
    pub claims: BTreeMap<Id, Arc<(Id, Call)>>,
    /// Assets that the transaction under way has moved.
    pub joined: BTreeSet<u32>,
}

/// The first fault's code.
fn refuse<const N: usize>(faults: [(bool, Code); N]) -> Done {
    faults.into_iter().find(|(fault, _)| *fault).map_or(Ok(()), |(_, code)| Err(code))
}

pub fn id(bytes: &[u8]) -> Id {
    bytes.try_into().unwrap_or_default()
}

/// Months since 1970 of a day since 1970: years begin in March, 400 of them are alike.
fn month_of(day: u32) -> u32 {
    let (era, day) = ((day + 719_468) / 146_097, (day + 719_468) % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let in_year = day - (365 * year + year / 4 - year / 100);
    (era * 400 + year - 1970) * 12 + 2 + (5 * in_year + 2) / 153
}

impl Account {
    pub fn is(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// What it can give.
    pub fn give(&self) -> u64 {
        let left = || self.posted[1] - self.posted[0] - self.pending[0];
        if self.is(DEBITS_BOUND) { left() } else { u64::MAX }
    }

    /// Whether it can be credited that much more, pending credits counted (INV-L3).
    fn takes(&self, amount: u64) -> Done {
        let after: u128 = [self.posted[1], self.pending[1], amount].map(u128::from).iter().sum();
        let over = |bound: u64| after > u128::from(self.posted[0]) + u128::from(bound);
        let full = self.max != 0 && over(self.max);
        refuse([(self.is(CREDITS_BOUND) && over(0), CreditsExceed), (full, MaxBalance)])
    }

    fn usable(&self, (days, gift): &Use) -> Vec<(Lot, u64)> {
        let usable = |lot: &Lot| days.contains(&lot.0) && (lot.3 || !gift);
        self.lots.iter().map(|(lot, n)| (*lot, *n)).filter(|(lot, _)| usable(lot)).collect()
    }
}

impl Model {
    /// What stands at the beginning: an account, and what was issued to it.
    pub fn begin(&mut self, own: Id, row: (Id, u32, Kind), opening: Option<(Id, u64)>) {
        self.accounts.insert(own, self.fresh(row, 0, 0));
        if let Some((issuance, amount)) = opening {
            self.shift([issuance, own], amount, &ANY, (0, 0)).unwrap();
        }
    }

    /// A block's time begins: pendings that are due are void (INV-L4).
    pub fn at(&mut self, now: u64) {
        self.now = now;
        self.pendings.retain(|_, held| held.expires > now);
    }

    /// All calls or none (INV-L7); else the first refusal's number.
    pub fn transaction(&mut self, actor: Id, calls: &[Call]) -> Result<(), u32> {
        let before = self.clone();
        self.joined.clear();
        let done = calls.iter().try_for_each(|call| self.call(actor, call));
        done.inspect_err(|_| *self = before).map_err(Code::number)
    }

    /// Days since 1970 in UTC+8.
    pub fn today(&self) -> u32 {
        u32::try_from((self.now + DAY_MS / 3) / DAY_MS).unwrap()
    }

    /// An account as it stands.
    pub fn look(&self, id: &[u8]) -> Result<Account, Code> {
        let on = |side: usize| self.pendings.values().filter(move |held| held.sides[side] == id);
        let pending = [0, 1].map(|side| on(side).map(|held| held.amount).sum());
        self.accounts.get(id).map(|row| Account { pending, ..row.clone() }).ok_or(NoAccount)
    }

    fn both(&self, [debit, credit]: Sides) -> Result<[Account; 2], Code> {
        Ok([self.look(&debit)?, self.look(&credit)?])
    }

    fn is(&self, actor: Id, role: Role) -> bool {
        self.people.contains(&(actor, role))
    }

    /// An empty account, with the flags that its kind and its asset force.
    fn fresh(&self, row: (Id, u32, Kind), flags: u16, max: u64) -> Account {
        let (owner, asset, kind) = row;
        let forced = match kind {
            Kind::Issuance | Kind::ClawbackReceivable => CREDITS_BOUND,
            Kind::Clearing => 0,
            _ => DEBITS_BOUND,
        };
        let dated = self.books.assets.iter().any(|a| a.number == asset && a.lots);
        let dated = dated && matches!(kind, Kind::Holder | Kind::Escrow);
        let flags = flags | forced | if dated { LOTS } else { 0 };
        let (posted, pending, lots) = Default::default();
        Account { owner, asset, kind, flags, max, posted, pending, lots }
    }

    fn claim(&mut self, own: &[u8], actor: Id, call: &Call) -> Done {
        let deed = Arc::new((actor, call.clone()));
        let old = self.claims.insert(id(own), Arc::clone(&deed));
        refuse([(old.as_ref() == Some(&deed), Duplicate), (old.is_some(), BusinessIdConflict)])
    }

    fn call(&mut self, actor: Id, call: &Call) -> Done {
        let mut claim = |id: &[u8]| self.claim(id, actor, call); // INV-L5
        match call {
            Call::Open(r) => self.open(actor, r),
            Call::Close(r) => self.close(actor, r),
            Call::Chain(r) => self.chain(actor, &r.steps),
            Call::Step(Step::Transfer(r)) => claim(&r.id).and_then(|()| self.transfer(actor, r)),
            Call::Step(Step::Reserve(r)) => claim(&r.id).and_then(|()| self.reserve(actor, r)),
            Call::Step(Step::Post(r)) => claim(&r.id).and_then(|()| self.post(actor, r)),
            Call::Step(Step::Void(r)) => claim(&r.id).and_then(|()| self.void(actor, r)),
            Call::Reverse(r) => claim(&r.id).and_then(|()| self.reverse(actor, r)),
            Call::Freeze(r) => {
                let ways = if r.out { FROZEN_OUT } else { 0 } | if r.r#in { FROZEN_IN } else { 0 };
                claim(&r.id).and_then(|()| self.freeze(actor, &r.account, Some(ways)))
            }
            Call::Unfreeze(r) => claim(&r.id).and_then(|()| self.freeze(actor, &r.account, None)),
            Call::Expire(r) => claim(&r.id).and_then(|()| self.expire(r)),
        }
    }

    fn chain(&mut self, actor: Id, steps: &[ChainStep]) -> Done {
        let open = steps.iter().rev().enumerate().any(|(i, step)| step.linked != (i > 0));
        refuse([(!(2..=64).contains(&steps.len()), ChainLength), (open, ChainOpen)])?;
        let steps: Option<Vec<Step>> = steps.iter().map(|step| step.step.clone()).collect();
        let mut calls = steps.ok_or(Malformed)?.into_iter().map(Call::Step);
        calls.try_for_each(|call| self.call(actor, &call))
    }

    fn open(&mut self, actor: Id, r: &OpenRequest) -> Done {
        let owner = if r.owner.is_empty() { actor } else { id(&r.owner) };
        let kind = Kind::from_number(r.kind).filter(|kind| *kind != Kind::Issuance);
        let flags = u16::try_from(r.flags).unwrap_or(u16::MAX);
        let row = kind.map(|kind| self.fresh((owner, r.asset, kind), flags, r.max_balance));
        if let Some(old) = self.accounts.get(&id(&r.id)) {
            let content = |a: &Account| (a.owner, a.asset, a.kind, a.flags & ASKED, a.max);
            let same = flags <= ASKED && row.as_ref().map(content) == Some(content(old));
            return Err(if same { Duplicate } else { BusinessIdConflict });
        }
        let unknown = self.books.assets.iter().all(|a| a.number != r.asset);
        refuse([(r.id.starts_with(b"issuance"), RuleDenied), (unknown, UnknownAsset)])?;
        let row = row.ok_or(BadAccountKind)?;
        let unbound = row.is(LOTS) && !row.is(DEBITS_BOUND);
        let loose = unbound || row.is(DEBITS_BOUND) && row.is(CREDITS_BOUND);
        let own = owner == actor && matches!(row.kind, Kind::Holder | Kind::Escrow);
        let office = self.is(actor, Role::Administrator) || self.is(actor, Role::Fund);
        let nobody = owner == NOBODY.0 && row.kind != Kind::Holder;
        let known = nobody || self.people.iter().any(|(person, _)| *person == owner);
        refuse([(flags > ASKED || loose, BadAccountFlags), (!own && !office, Unauthorised)])?;
        self.accounts.insert(id(&r.id), row);
        refuse([(!known, UnknownOwner)])
    }

    fn close(&mut self, actor: Id, r: &CloseRequest) -> Done {
        let row = self.look(&r.account)?;
        let full = row.posted[0] != row.posted[1] || row.pending != [0; 2];
        refuse([(row.is(CLOSED), AccountClosed), (row.owner != actor, Unauthorised)])?;
        refuse([(row.is(FROZEN), AccountFrozen), (full, AccountNotEmpty)])?;
        let flags = row.flags | CLOSED;
        self.accounts.insert(id(&r.account), Account { flags, ..row });
        Ok(())
    }

    /// Freezes the ways that are named, or thaws.
    fn freeze(&mut self, actor: Id, account: &[u8], ways: Option<u16>) -> Done {
        let row = self.look(account)?;
        refuse([(!self.is(actor, Role::Arbitrator), Unauthorised)])?;
        refuse([(row.owner == actor, SelfDealing)])?;
        refuse([(ways == Some(0), FreezeNothing), (ways.is_none() && !row.is(FROZEN), NotFrozen)])?;
        let flags = ways.map_or(row.flags & !FROZEN, |ways| row.flags | ways);
        self.accounts.insert(id(account), Account { flags, ..row });
        Ok(())
    }

    /// INV-T9: time moves with nothing else.
    fn together(&mut self, asset: u32) -> Done {
        self.joined.insert(asset);
        let mut time = self.books.assets.iter().filter(|a| a.class == AssetClass::Time);
        let time = time.any(|a| self.joined.contains(&a.number));
        refuse([(self.joined.len() > 1 && time, TimeJoined)])
    }

    /// What every move of posted or pending units asks of its accounts.
    fn join(&mut self, sides: Sides) -> Done {
        let [debit, credit] = self.both(sides)?;
        self.together(debit.asset)?;
        let frozen = debit.is(FROZEN_OUT) || credit.is(FROZEN_IN);
        let closed = debit.is(CLOSED) || credit.is(CLOSED); // INV-L8
        refuse([(closed, AccountClosed), (frozen, AccountFrozen)])
    }

    /// Posts an amount, and its lots; `made` are origin and last day of a lot that begins here.
    fn shift(&mut self, sides: Sides, amount: u64, lots: &Use, made: (u32, u32)) -> Done {
        let ([mut from, mut to], today) = (self.both(sides)?, self.today());
        let (origin, day) = if from.kind == Kind::Issuance { made } else { (0, 0) };
        let day = if day == 0 { NEVER } else { day };
        let (mut left, mut slices) = (amount, vec![((day, month_of(today), origin, true), amount)]);
        if from.is(LOTS) {
            slices = from.usable(lots);
            for (lot, units) in &mut slices {
                *units = left.min(*units);
                left -= *units;
                *from.lots.get_mut(lot).unwrap() -= *units;
                lot.3 &= !lots.1;
            }
            refuse([(left > 0, LotsUnusable)])?;
        }
        refuse([(!from.is(LOTS) && to.is(LOTS) && day < today, LotInPast)])?;
        let dated = to.is(LOTS);
        for (lot, units) in slices {
            *to.lots.entry(lot).or_default() += units;
        }
        from.lots.retain(|_, units| *units > 0);
        to.lots.retain(|_, units| *units > 0 && dated);
        while to.lots.len() > 64 {
            // The oldest two that differ in the month alone are one, of the later month.
            let later =
                |a: &Lot| to.lots.keys().copied().find(|b| a < b && (a.0, b.1, a.2, a.3) == *b);
            let pair = to.lots.keys().find_map(|a| later(a).map(|b| (*a, b)));
            let (first, later) = pair.ok_or(LotsFull)?;
            let units = to.lots.remove(&first).unwrap();
            *to.lots.get_mut(&later).unwrap() += units;
        }
        from.posted[0] = from.posted[0].checked_add(amount).ok_or(Overflow)?;
        to.posted[1] = to.posted[1].checked_add(amount).ok_or(Overflow)?;
        self.accounts.extend(sides.into_iter().zip([from, to])); // INV-L1
        Ok(())
    }

    /// What a transfer or a reserve may hold.
    fn hold(&mut self, actor: Id, r: &ReserveRequest) -> Result<Pending, Code> {
        let (sides, expires) = ([id(&r.debit), id(&r.credit)], r.expires_ms);
        let [debit, credit] = self.both(sides)?;
        refuse([(sides[0] == sides[1], SameAccount), (r.amount == 0, ZeroAmount)])?; // INV-L8
        let late = expires <= self.now || expires > self.now + 10 * 366 * DAY_MS;
        refuse([(late, BadExpiry), (debit.asset != credit.asset, AssetMismatch)])?;
        refuse([(debit.is(CLOSED) || credit.is(CLOSED), AccountClosed)])?;
        let named = (debit.asset, r.code, debit.kind, credit.kind);
        let rule = self.books.rules.iter().find(|x| (x.asset, x.code, x.from, x.to) == named);
        let (allowed, by_role) = match &rule.ok_or(RuleDenied)?.authority {
            // INV-L9
            Authority::Owner => (actor == debit.owner, false),
            Authority::Role(role) => (self.is(actor, *role), true),
            Authority::Contract(_) => (false, false),
        };
        let issued = debit.kind == Kind::Issuance;
        let dealing = by_role && credit.owner == actor;
        refuse([(!allowed, Unauthorised), (dealing, SelfDealing)])?;
        self.join(sides)?;
        let granted = issued || matches!(credit.kind, Kind::Issuance | Kind::ExpiredSink);
        let bound = (debit.is(SOULBOUND) || credit.is(SOULBOUND)) && !granted;
        refuse([(debit.is(NO_OUT), NoOut), (credit.is(NO_IN), NoIn), (bound, Soulbound)])?;
        let lots = (self.today()..=NEVER, [debit.kind, credit.kind] == [Kind::Holder; 2]);
        let usable: u64 = debit.usable(&lots).iter().map(|(_, units)| units).sum();
        let free = usable.saturating_sub(debit.pending[0]);
        let free = if debit.is(LOTS) { free } else { u64::MAX };
        let most = if r.balancing { debit.give().min(free) } else { u64::MAX };
        let amount = r.amount.min(most);
        refuse([(amount == 0 || amount > debit.give(), Insufficient)])?; // INV-L3
        credit.takes(amount)?;
        let fits = |a: Account, side: usize| {
            a.posted[side].checked_add(a.pending[side])?.checked_add(amount)
        };
        fits(debit, 0).and(fits(credit, 1)).ok_or(Overflow)?;
        refuse([(amount > free, LotsUnusable)])?;
        let resolver = if r.resolver.is_empty() { actor } else { id(&r.resolver) };
        Ok(Pending { sides, amount, expires, resolver, lots })
    }

    fn reserve(&mut self, actor: Id, r: &ReserveRequest) -> Done {
        let held = self.hold(actor, r)?;
        self.pendings.insert(id(&r.id), held);
        Ok(())
    }

    fn transfer(&mut self, actor: Id, r: &TransferRequest) -> Done {
        let TransferRequest { debit, credit, amount, code, balancing, .. } = r.clone();
        let (expires_ms, other) = (self.now + 1, ReserveRequest::default());
        let hold = ReserveRequest { debit, credit, amount, code, balancing, expires_ms, ..other };
        let Pending { sides, amount, lots, .. } = self.hold(actor, &hold)?;
        if r.balancing {
            self.moved.insert(id(&r.id), (sides, amount));
        }
        self.shift(sides, amount, &lots, (r.origin, r.expires_day))
    }

    /// Ends a pending transfer (INV-L4).
    fn end(&mut self, own: &[u8], of: &[u8]) -> Result<Pending, Code> {
        let claimed = own != of && self.claims.contains_key(of);
        let held = self.pendings.remove(of);
        let held = held.ok_or(if claimed { PendingResolved } else { NoPending })?;
        refuse([(held.expires <= self.now, PendingExpired)]).map(|()| held)
    }

    fn post(&mut self, actor: Id, r: &PostRequest) -> Done {
        let Pending { sides, amount, resolver, lots, .. } = self.end(&r.id, &r.pending)?;
        refuse([(actor != resolver, Unauthorised), (r.amount > amount, PostTooLarge)])?;
        let posted = if r.amount == 0 { amount } else { r.amount };
        self.moved.insert(id(&r.id), (sides, posted));
        self.join(sides)?;
        self.shift(sides, posted, &lots, (0, 0))
    }

    fn void(&mut self, actor: Id, r: &VoidRequest) -> Done {
        let Pending { sides, resolver, .. } = self.end(&r.id, &r.pending)?;
        let payee = self.look(&sides[1])?.owner;
        refuse([(actor != resolver && actor != payee, Unauthorised)])
    }

    fn reverse(&mut self, actor: Id, r: &ReverseRequest) -> Done {
        let of = id(&r.transfer);
        let deed = |t| (id(&r.original_actor), Call::Step(Step::Transfer(t)));
        let claimed = |t: &TransferRequest| {
            self.claims.get(&of).is_some_and(|claim| **claim == deed(t.clone()))
        };
        let shown = r.original.as_ref().filter(|t| claimed(t));
        let shown = shown.map(|t| ([id(&t.debit), id(&t.credit)], t.amount));
        refuse([(r.reason == 0, Malformed)])?;
        let (sides, left) = self.moved.get(&of).copied().or(shown).ok_or(NoTransfer)?;
        refuse([(r.amount == 0, ZeroAmount), (r.amount > left, ReversalTooLarge)])?; // INV-L6
        let back = [sides[1], sides[0]];
        let ([payee, payer], carried) = (self.both(back)?, !r.receivable.is_empty());
        let allowed = actor == payee.owner && !carried;
        let party = actor == payee.owner || actor == payer.owner;
        refuse([(!allowed && !self.is(actor, Role::Arbitrator), Unauthorised)])?;
        refuse([(!allowed && party, SelfDealing)])?;
        self.together(payee.asset)?;
        let closed = payee.is(CLOSED) && !carried || payer.is(CLOSED);
        let frozen = payee.is(FROZEN_OUT) || payer.is(FROZEN_IN);
        refuse([(closed, AccountClosed), (frozen, AccountFrozen)])?;
        if carried {
            let row = self.look(&r.receivable)?;
            let fits = row.kind == Kind::ClawbackReceivable && row.asset == payee.asset;
            let fits = fits && !row.is(CLOSED) && r.receivable != back[1];
            refuse([(!fits, NotReceivable)])?;
        }
        let returned = r.amount.min(payee.give());
        refuse([(returned < r.amount && !carried, Insufficient)])?;
        payer.takes(r.amount)?;
        self.moved.insert(of, (sides, left - r.amount));
        self.shift(back, returned, &ANY, (0, 0))?;
        if carried {
            self.shift([id(&r.receivable), back[1]], r.amount - returned, &ANY, (0, 0))?;
        }
        Ok(())
    }

    fn expire(&mut self, r: &ExpireRequest) -> Done {
        let sides = [id(&r.account), id(&r.sink)];
        let [from, sink] = self.both(sides)?;
        let fits = sink.kind == Kind::ExpiredSink && sink.asset == from.asset && !sink.is(CLOSED);
        refuse([(!fits || sides[0] == sides[1], NotSink)])?;
        self.together(from.asset)?;
        let ended = (0..=self.today() - 1, false);
        let amount = from.usable(&ended).iter().map(|(_, units)| units).sum::<u64>();
        let amount = amount.min(from.give());
        refuse([(amount == 0, NothingExpired)])?;
        sink.takes(amount)?;
        self.shift(sides, amount, &ended, (0, 0))
    }
}
