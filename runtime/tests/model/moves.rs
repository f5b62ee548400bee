//! What moves: transfers, pending ones, reversals, lots.

use super::{Account, Call, DAY_MS, Done, Id, Kind, Lot, Model, Pending, Sides, ensure, id};
use super::{CREDITS_MAX, DEBITS_MAX, LOTS, NO_IN, NO_OUT, SOULBOUND};
use linli_types::books::{AssetClass, Authority};
use linli_types::code::Code::{self, *};
use linli_types::genesis::Role;
use linli_types::wire::accounts::*;
use std::sync::Arc;

/// Which lots a move may use.
#[derive(Clone, Copy)]
pub(super) enum Use {
    /// Not ended by this day; a gift leaves out given ones.
    Open {
        day: u32,
        gift: bool,
    },
    Ended {
        day: u32,
    },
    Any,
}

impl Use {
    fn allows(self, lot: &Lot) -> bool {
        let ended = |day| !lot.never_ends && lot.day < day;
        match self {
            Self::Open { day, gift } => !ended(day) && (lot.own || !gift),
            Self::Ended { day } => ended(day),
            Self::Any => true,
        }
    }
}

impl Account {
    pub fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// What it can give.
    pub fn give(&self) -> u64 {
        if !self.has(DEBITS_MAX) {
            return u64::MAX;
        }
        self.credits - self.debits - self.debits_pending
    }

    /// Whether credits, pending ones and `more` included, exceed debits by at most `bound`.
    pub(super) fn takes(&self, more: u64, bound: u64) -> bool {
        let credits = [self.credits, self.credits_pending, more].map(u128::from);
        credits.iter().sum::<u128>() <= u128::from(self.debits) + u128::from(bound)
    }

    pub(super) fn usable(&self, lots: Use) -> u64 {
        let all = if self.has(LOTS) { 0 } else { u64::MAX };
        self.lots.iter().filter(|(lot, _)| lots.allows(lot)).fold(all, |sum, (_, n)| sum + n)
    }

    /// What may be used and is not held.
    pub(super) fn free(&self, lots: Use) -> u64 {
        let held = if self.has(LOTS) { self.debits_pending } else { 0 };
        self.usable(lots).saturating_sub(held)
    }

    pub(super) fn take(&mut self, amount: u64, lots: Use) -> Result<Vec<(Lot, u64)>, Code> {
        let (mut left, mut slices) = (amount, Vec::new());
        for (lot, held) in self.lots.iter_mut().filter(|(lot, _)| lots.allows(lot)) {
            let slice = left.min(*held);
            (*held, left) = (*held - slice, left - slice);
            slices.push((*lot, slice));
        }
        self.lots.retain(|_, held| *held > 0);
        ensure(left == 0, LotsUnusable).map(|()| slices)
    }
}

fn add(count: &mut u64, amount: u64) -> Done {
    count.checked_add(amount).map(|sum| *count = sum).ok_or(Overflow)
}

/// Months since 1970 of a day since 1970.
fn month_of(mut day: u32) -> u32 {
    for month in 0.. {
        let year = 1970 + month / 12;
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month % 12 {
            1 => 28 + u32::from(leap),
            3 | 5 | 8 | 10 => 30,
            _ => 31,
        };
        if day < days {
            return month;
        }
        day -= days;
    }
    unreachable!()
}

impl Model {
    /// What every move of posted or pending units asks of its accounts.
    pub(super) fn join(&mut self, sides: Sides) -> Done {
        let [debit, credit] = self.both(sides)?;
        self.together(debit.asset)?;
        ensure(!debit.closed && !credit.closed, AccountClosed)?; // INV-L8
        ensure(!debit.frozen_out && !credit.frozen_in, AccountFrozen)
    }

    /// INV-T9.
    fn together(&mut self, asset: u32) -> Done {
        self.joined.insert(asset);
        let time = |a: &u32| {
            self.books.assets.iter().any(|b| b.number == *a && b.class == AssetClass::Time)
        };
        ensure(self.joined.len() == 1 || !self.joined.iter().any(time), TimeJoined)
    }

    pub(super) fn usable(&mut self, sides: Sides, day: u32) -> Result<Use, Code> {
        let gift = self.both(sides)?.iter().all(|a| a.kind == Kind::Holder);
        Ok(Use::Open { day, gift })
    }

    /// Whether a transfer or a reserve may be, and how much it moves.
    pub(super) fn admit(
        &mut self,
        actor: Id,
        r: &TransferRequest,
        expires: u64,
    ) -> Result<u64, Code> {
        let sides = [id(&r.debit), id(&r.credit)];
        let [debit, credit] = self.both(sides)?;
        ensure(sides[0] != sides[1], SameAccount)?; // INV-L8
        ensure(r.amount > 0, ZeroAmount)?;
        let ten_years = self.now + 10 * 366 * DAY_MS;
        ensure(self.now < expires && expires <= ten_years, BadExpiry)?;
        ensure(debit.asset == credit.asset, AssetMismatch)?;
        ensure(!debit.closed && !credit.closed, AccountClosed)?;
        let named = (debit.asset, r.code, debit.kind, credit.kind);
        let books = Arc::clone(&self.books);
        let rule = books.rules.iter().find(|x| (x.asset, x.code, x.from, x.to) == named);
        let (allowed, by_role) = match &rule.ok_or(RuleDenied)?.authority {
            // INV-L9
            Authority::Owner => (actor == debit.owner, false),
            Authority::Role(role) => (self.is(actor, *role), true),
            Authority::Contract(_) => (false, false),
        };
        ensure(allowed, Unauthorised)?;
        let issued = debit.kind == Kind::Issuance;
        ensure(!(by_role && credit.owner == actor), SelfDealing)?;
        self.join(sides)?;
        ensure(!debit.has(NO_OUT), NoOut)?;
        ensure(!credit.has(NO_IN), NoIn)?;
        let bound = debit.has(SOULBOUND) || credit.has(SOULBOUND);
        let granted = issued || matches!(credit.kind, Kind::Issuance | Kind::ExpiredSink);
        ensure(!bound || granted, Soulbound)?;
        let usable = debit.free(self.usable(sides, self.today())?);
        let amount = if r.balancing { r.amount.min(debit.give()).min(usable) } else { r.amount };
        ensure(0 < amount && amount <= debit.give(), Insufficient)?; // INV-L3
        ensure(!credit.has(CREDITS_MAX) || credit.takes(amount, 0), CreditsExceed)?;
        ensure(credit.max == 0 || credit.takes(amount, credit.max), MaxBalance)?;
        let counts =
            [(debit.debits, debit.debits_pending), (credit.credits, credit.credits_pending)];
        let fits = |(posted, pending): (u64, u64)| {
            posted.checked_add(pending).is_some_and(|sum| sum.checked_add(amount).is_some())
        };
        ensure(counts.into_iter().all(fits), Overflow)?;
        ensure(amount <= usable, LotsUnusable)?;
        Ok(amount)
    }

    /// Posts an amount, and its lots; `made` are origin and last day of a lot that begins here.
    pub(super) fn shift(&mut self, sides: Sides, amount: u64, lots: Use, made: (u32, u32)) -> Done {
        let [debit, credit] = sides;
        let issued = self.row(debit)?.kind == Kind::Issuance;
        let (today, (origin, day)) = (self.today(), if issued { made } else { (0, 0) });
        let month = month_of(today);
        let begun = Lot { never_ends: day == 0, day, month, origin, own: true };
        let (from, mut slices) = (self.row(debit)?, vec![(begun, amount)]);
        if from.has(LOTS) {
            slices = from.take(amount, lots)?;
            let gift = matches!(lots, Use::Open { gift: true, .. });
            slices.iter_mut().for_each(|(lot, _)| lot.own &= !gift);
        } else if self.row(credit)?.has(LOTS) {
            ensure(day == 0 || day >= today, LotInPast)?;
        }
        let to = self.row(credit)?;
        if to.has(LOTS) {
            slices.iter().for_each(|(lot, n)| *to.lots.entry(*lot).or_default() += n);
            to.lots.retain(|_, held| *held > 0);
        }
        while to.lots.len() > 64 {
            // The oldest two that differ in the month alone are one, of the later month.
            let next =
                |a: &Lot| to.lots.keys().find(|b| a < *b && Lot { month: b.month, ..*a } == **b);
            let pair = to.lots.keys().find_map(|a| next(a).map(|b| (*a, *b)));
            let (first, later) = pair.ok_or(LotsFull)?;
            let units = to.lots.remove(&first).unwrap();
            to.lots.entry(later).and_modify(|held| *held += units);
        }
        add(&mut self.row(debit)?.debits, amount)?;
        add(&mut self.row(credit)?.credits, amount)
    }

    pub(super) fn transfer(&mut self, actor: Id, r: &TransferRequest) -> Done {
        let amount = self.admit(actor, r, self.now + 1)?;
        let sides = [id(&r.debit), id(&r.credit)];
        let lots = self.usable(sides, self.today())?;
        if r.balancing {
            self.moved.insert(id(&r.id), (sides, amount, 0));
        }
        self.shift(sides, amount, lots, (r.origin, r.expires_day))
    }

    pub(super) fn reserve(&mut self, actor: Id, r: &ReserveRequest) -> Done {
        let ReserveRequest { id: own, debit, credit, amount, code, balancing, .. } = r.clone();
        let plain =
            TransferRequest { debit, credit, amount, code, balancing, ..Default::default() };
        let amount = self.admit(actor, &plain, r.expires_ms)?;
        let sides = [id(&r.debit), id(&r.credit)];
        add(&mut self.row(sides[0])?.debits_pending, amount)?;
        add(&mut self.row(sides[1])?.credits_pending, amount)?;
        let (expires, day) = (r.expires_ms, self.today());
        let resolver = if r.resolver.is_empty() { actor } else { id(&r.resolver) };
        self.pendings.insert(id(&own), Pending { sides, amount, expires, resolver, day });
        Ok(())
    }

    pub(super) fn pending(&self, own: &[u8], of: &[u8]) -> Result<Pending, Code> {
        let claimed = own != of && self.claims.contains_key(&id(of));
        let gone = if claimed { PendingResolved } else { NoPending };
        let pending = self.pendings.get(&id(of)).cloned().ok_or(gone)?;
        ensure(self.now < pending.expires, PendingExpired).map(|()| pending)
    }

    pub(super) fn release(&mut self, of: &Id) {
        let Pending { sides: [debit, credit], amount, .. } = self.pendings.remove(of).unwrap();
        self.row(debit).unwrap().debits_pending -= amount;
        self.row(credit).unwrap().credits_pending -= amount;
    }

    pub(super) fn post(&mut self, actor: Id, r: &PostRequest) -> Done {
        let Pending { sides, amount, resolver, day, .. } = self.pending(&r.id, &r.pending)?;
        ensure(actor == resolver, Unauthorised)?;
        ensure(r.amount <= amount, PostTooLarge)?;
        self.join(sides)?;
        self.release(&id(&r.pending)); // INV-L4
        let (lots, posted) =
            (self.usable(sides, day)?, if r.amount == 0 { amount } else { r.amount });
        self.moved.insert(id(&r.id), (sides, posted, 0));
        self.shift(sides, posted, lots, (0, 0))
    }

    pub(super) fn void(&mut self, actor: Id, r: &VoidRequest) -> Done {
        let Pending { sides, resolver, .. } = self.pending(&r.id, &r.pending)?;
        let payee = self.row(sides[1])?.owner;
        ensure(actor == resolver || actor == payee, Unauthorised)?;
        self.release(&id(&r.pending));
        Ok(())
    }

    /// The row of what is reversed, or the original that was shown.
    pub(super) fn original(&self, r: &ReverseRequest) -> Option<(Sides, u64, u64)> {
        let of = id(&r.transfer);
        let shown = || {
            let original = r.original.clone()?;
            let row = ([id(&original.debit), id(&original.credit)], original.amount, 0);
            let deed = (id(&r.original_actor), Call::Transfer(original));
            (**self.claims.get(&of)? == deed).then_some(row)
        };
        self.moved.get(&of).copied().or_else(shown)
    }

    pub(super) fn reverse(&mut self, actor: Id, r: &ReverseRequest) -> Done {
        ensure(r.reason > 0, Malformed)?;
        let (sides, moved, reversed) = self.original(r).ok_or(NoTransfer)?;
        ensure(r.amount > 0, ZeroAmount)?;
        ensure(r.amount <= moved - reversed, ReversalTooLarge)?; // INV-L6
        let back = [sides[1], sides[0]];
        let [payee, payer] = self.both(back)?;
        let carried = !r.receivable.is_empty();
        let gives = actor == payee.owner && !carried;
        ensure(gives || self.is(actor, Role::Arbitrator), Unauthorised)?;
        ensure(gives || (actor != payee.owner && actor != payer.owner), SelfDealing)?;
        self.together(payee.asset)?;
        ensure((carried || !payee.closed) && !payer.closed, AccountClosed)?;
        ensure(!payee.frozen_out && !payer.frozen_in, AccountFrozen)?;
        let receivable = id(&r.receivable);
        if carried {
            let row = self.row(receivable)?;
            let fits = row.kind == Kind::ClawbackReceivable && row.asset == payee.asset;
            ensure(fits && !row.closed && receivable != back[1], NotReceivable)?;
        }
        let returned = r.amount.min(payee.give()).min(payee.usable(Use::Any));
        ensure(returned == r.amount || carried, Insufficient)?;
        ensure(!payer.has(CREDITS_MAX) || payer.takes(r.amount, 0), CreditsExceed)?;
        ensure(payer.max == 0 || payer.takes(r.amount, payer.max), MaxBalance)?;
        self.moved.insert(id(&r.transfer), (sides, moved, reversed + r.amount));
        self.shift(back, returned, Use::Any, (0, 0))?;
        if carried {
            self.shift([receivable, back[1]], r.amount - returned, Use::Any, (0, 0))?;
        }
        Ok(())
    }

    pub(super) fn expire(&mut self, r: &ExpireRequest) -> Done {
        let sides = [id(&r.account), id(&r.sink)];
        let [from, sink] = self.both(sides)?;
        let fits = sink.kind == Kind::ExpiredSink && sink.asset == from.asset && !sink.closed;
        ensure(fits && sides[0] != sides[1], NotSink)?;
        self.together(from.asset)?;
        let ended = Use::Ended { day: self.today() };
        let amount = from.give().min(if from.has(LOTS) { from.usable(ended) } else { 0 });
        ensure(amount > 0, NothingExpired)?;
        ensure(!sink.has(CREDITS_MAX) || sink.takes(amount, 0), CreditsExceed)?;
        ensure(sink.max == 0 || sink.takes(amount, sink.max), MaxBalance)?;
        self.shift(sides, amount, ended, (0, 0))
    }
}
