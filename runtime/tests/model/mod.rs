//! The accounts room once more: decision 0010 in memory, plainly, without any of the runtime's
//! code, so that the two only agree if both do what the words say. It is asked the same bytes as
//! the room. What a refused transaction did is forgotten whole: a deed may stand before a check.
#![allow(unreachable_pub, clippy::unwrap_used, reason = "a test's")]

use linli_types::account::{NOBODY, flag::*};
use linli_types::books::{AccountKind as Kind, Authority, Books, Rule, TIME};
use linli_types::code::Code::{self, *};
use linli_types::genesis::Role;
use linli_types::wire::{self, accounts::chain_step::Step, accounts::*};
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};

pub type Id = [u8; 16];
/// Who is debited, who is credited, how much.
pub type Move = ([Id; 2], i128);
/// Last day, month, origin, not given: the first lot is used first.
pub type Lot = (u32, u32, u32, bool);
type Done = Result<(), Code>;
pub const DAY_MS: u64 = 24 * 3600 * 1000;
pub const NEVER: u32 = u32::MAX;
pub const MOST: i128 = u64::MAX as i128;
const FROZEN: u16 = FROZEN_OUT | FROZEN_IN;
/// Flags that an account's kind forces, by its number.
const FORCED: [u16; 22] = [1, 1, 2, 1, 1, 1, 1, 2, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];

/// Counts of debits stand before those of credits.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub row: OpenRequest, // with its owner and the forced flags
    pub kind: Option<Kind>,
    pub state: u16, // flags that come later
    pub posted: [i128; 2],
    pub pending: [i128; 2], // filled in where the account is looked at
    pub lots: BTreeMap<Lot, i128>,
}

#[derive(Clone, Default)]
pub struct Model {
    pub now: u64,
    pub today: u32, // days since 1970 in UTC+8
    pub books: Books,
    pub people: BTreeMap<Id, Role>,
    pub accounts: BTreeMap<Id, Account>,
    /// What is held, its end, who may post it, and the day on which it was reserved.
    pub pendings: BTreeMap<Id, (Move, u64, Id, u32)>,
    /// What was moved and not taken back, and whether the ledger keeps no row of it.
    pub moved: BTreeMap<Id, (Move, bool)>,
    claims: BTreeMap<Id, Vec<u8>>,
    joined: BTreeSet<u32>, // assets that the transaction under way has moved
}

/// The first fault's code.
fn refuse<const N: usize>(faults: [(bool, Code); N]) -> Done {
    faults.into_iter().find(|(fault, _)| *fault).map_or(Ok(()), |(_, code)| Err(code))
}

pub fn id(bytes: &[u8]) -> Id {
    bytes.try_into().unwrap_or_default()
}

/// Months since 1970 of a day before 2100: years begin in March, and every fourth is long.
fn month_of(day: u32) -> u32 {
    let (fours, day) = ((day + 671) / 1461, (day + 671) % 1461);
    let year = (day - day / 1460) / 365;
    (fours * 4 + year - 2) * 12 + 2 + (5 * (day - 365 * year) + 2) / 153
}

impl Account {
    pub fn is(&self, flag: u16) -> bool {
        (self.row.flags | u32::from(self.state)) & u32::from(flag) != 0
    }

    /// What it can give.
    pub fn give(&self) -> i128 {
        let left = self.posted[1] - self.posted[0] - self.pending[0];
        if self.is(DEBITS_BOUND) { left } else { MOST }
    }

    /// Whether it can be credited that much more, pending credits counted (INV-L3).
    fn takes(&self, amount: i128) -> Done {
        let (after, max) = (self.posted[1] + self.pending[1] + amount, self.row.max_balance);
        let over = |bound: u64| after - self.posted[0] > bound.into();
        let exceeds = self.is(CREDITS_BOUND) && over(0);
        refuse([(exceeds, CreditsExceed), (max != 0 && over(max), MaxBalance)])
    }

    /// Units of the lots that end from that day on; a gift uses none that was given.
    fn usable(&self, since: u32, gift: bool) -> i128 {
        let lots = self.lots.range((since, 0, 0, false)..).filter(|(lot, _)| lot.3 || !gift);
        lots.map(|(_, units)| units).sum()
    }
}

impl Model {
    /// A block's time begins: pendings that are due are void (INV-L4).
    pub fn at(&mut self, now: u64) {
        (self.now, self.today) = (now, u32::try_from((now + DAY_MS / 3) / DAY_MS).unwrap());
        self.pendings.retain(|_, (_, expires, ..)| *expires > now);
    }

    /// All calls or none (INV-L7); else the first refusal's number.
    pub fn transaction(&mut self, actor: Id, calls: &[wire::Call]) -> Result<(), u32> {
        let before = self.clone();
        self.joined.clear();
        let done = calls.iter().try_for_each(|call| self.call(actor, &call.method, &call.args));
        done.inspect_err(|_| *self = before).map_err(Code::number)
    }

    /// An account as it stands.
    pub fn look(&self, id: &[u8]) -> Result<Account, Code> {
        let held = self.pendings.values().map(|((sides, amount), ..)| (sides, amount));
        let on = |side: usize| held.clone().filter(move |(sides, _)| sides[side] == id);
        let pending = [0, 1].map(|side| on(side).map(|(_, amount)| amount).sum());
        self.accounts.get(id).map(|row| Account { pending, ..row.clone() }).ok_or(NoAccount)
    }

    fn call(&mut self, actor: Id, method: &str, args: &[u8]) -> Done {
        if !["Open", "Close", "Chain"].contains(&method) {
            // INV-L5: the first field of all others is their id.
            let deed = [&actor, method.as_bytes(), args].concat();
            let old = self.claims.insert(id(&args[2..18]), deed.clone());
            refuse([(old == Some(deed), Duplicate), (old.is_some(), BusinessIdConflict)])?;
        }
        match method {
            "Open" => self.open(actor, &OpenRequest::decode(args).unwrap()),
            "Close" => self.mark(actor, &CloseRequest::decode(args).unwrap().account, CLOSED, 0),
            "Transfer" => {
                let r = TransferRequest::decode(args).unwrap();
                let TransferRequest { id, debit, credit, amount, code, balancing, .. } = r;
                let other = ReserveRequest { expires_ms: self.now + 1, ..Default::default() };
                let held = ReserveRequest { id, debit, credit, amount, code, balancing, ..other };
                self.hold(actor, &held, Some([r.expires_day, r.origin]))
            }
            "Reserve" => self.hold(actor, &ReserveRequest::decode(args).unwrap(), None),
            "Post" => self.end(actor, &PostRequest::decode(args).unwrap(), true),
            "Void" => self.end(actor, &PostRequest::decode(args).unwrap(), false), // without an amount
            "Reverse" => self.reverse(actor, &ReverseRequest::decode(args).unwrap()),
            "Chain" => self.chain(actor, &ChainRequest::decode(args).unwrap().steps),
            "Freeze" => {
                let r = FreezeRequest::decode(args).unwrap();
                let ways = u16::from(r.out) * FROZEN_OUT + u16::from(r.r#in) * FROZEN_IN;
                self.mark(actor, &r.account, ways, 0)
            }
            "Unfreeze" => {
                self.mark(actor, &UnfreezeRequest::decode(args).unwrap().account, 0, FROZEN)
            }
            _ => self.expire(&ExpireRequest::decode(args).unwrap()),
        }
    }

    fn chain(&mut self, actor: Id, steps: &[ChainStep]) -> Done {
        let open = steps.iter().rev().enumerate().any(|(i, step)| step.linked != (i > 0));
        let empty = steps.iter().any(|step| step.step.is_none());
        refuse([(steps.len() < 2 || steps.len() > 64, ChainLength), (open, ChainOpen)])?;
        refuse([(empty, Malformed)])?;
        steps.iter().filter_map(|step| step.step.as_ref()).try_for_each(|step| match step {
            Step::Transfer(r) => self.call(actor, "Transfer", &r.encode_to_vec()),
            Step::Reserve(r) => self.call(actor, "Reserve", &r.encode_to_vec()),
            Step::Post(r) => self.call(actor, "Post", &r.encode_to_vec()),
            Step::Void(r) => self.call(actor, "Void", &r.encode_to_vec()),
        })
    }

    fn open(&mut self, actor: Id, r: &OpenRequest) -> Done {
        let asset = self.books.assets.iter().find(|a| a.number == r.asset);
        let kind = Kind::from_number(r.kind).filter(|kind| *kind != Kind::Issuance);
        let plain = matches!(kind, Some(Kind::Holder | Kind::Escrow));
        let dated = if plain && asset.is_some_and(|a| a.lots) { LOTS } else { 0 };
        let flags = r.flags | u32::from(kind.map_or(0, |kind| FORCED[kind as usize]) | dated);
        let owner = if r.owner.is_empty() { actor.to_vec() } else { r.owner.clone() };
        let row = OpenRequest { owner, flags, ..r.clone() };
        let old = self.accounts.get(&r.id[..]).map(|old| kind.is_some() && old.row == row);
        refuse([(old == Some(true), Duplicate), (old.is_some(), BusinessIdConflict)])?;
        let odd = flags > ASKED.into() || flags & 3 == 3 || flags & 33 == 32;
        let may = plain && row.owner == actor
            || matches!(self.people.get(&actor), Some(Role::Administrator | Role::Fund));
        let nobody = row.owner == NOBODY.0 && kind != Some(Kind::Holder);
        let known = nobody || self.people.contains_key(&row.owner[..]);
        refuse([(r.id.starts_with(b"issuance"), RuleDenied), (asset.is_none(), UnknownAsset)])?;
        self.accounts.insert(id(&r.id), Account { row, kind, ..Account::default() });
        refuse([(kind.is_none(), BadAccountKind), (odd, BadAccountFlags)])?;
        refuse([(!may, Unauthorised), (!known, UnknownOwner)])
    }

    /// Closes, freezes or thaws.
    fn mark(&mut self, actor: Id, account: &[u8], set: u16, clear: u16) -> Done {
        let row = self.look(account)?;
        let (own, closes, frozen) = (row.row.owner == actor, set == CLOSED, row.is(FROZEN));
        let full = row.posted[0] != row.posted[1] || row.pending != [0; 2];
        let office = self.people.get(&actor) == Some(&Role::Arbitrator);
        let may = if closes { own } else { office };
        refuse([(closes && row.is(CLOSED), AccountClosed), (!may, Unauthorised)])?;
        refuse([(!closes && own, SelfDealing), (closes && frozen, AccountFrozen)])?;
        refuse([(closes && full, AccountNotEmpty), (set | clear == 0, FreezeNothing)])?;
        self.accounts.insert(id(account), Account { state: row.state & !clear | set, ..row });
        refuse([(clear != 0 && !frozen, NotFrozen)])
    }

    /// INV-T9: time moves with nothing else.
    fn together(&mut self, asset: u32) -> (bool, Code) {
        self.joined.insert(asset);
        (self.joined.len() > 1 && self.joined.contains(&TIME), TimeJoined)
    }

    /// Posts an amount, and its lots that end from that day on, as a gift unless that is 0; what an
    /// issue makes ends and comes from where `made` says.
    pub fn shift(&mut self, (sides, amount): Move, since: u32, made: [u32; 2]) -> Done {
        let (mut from, mut to) = (self.look(&sides[0])?, self.look(&sides[1])?);
        let gift = since > 0 && [from.kind, to.kind] == [Some(Kind::Holder); 2];
        let [day, origin] = if from.kind == Some(Kind::Issuance) { made } else { [0; 2] };
        let day = if day == 0 { NEVER } else { day };
        let (mut left, dated) = (amount, to.is(LOTS));
        for (lot, units) in from.lots.range_mut((since, 0, 0, false)..) {
            let used = if gift && !lot.3 { 0 } else { left.min(*units) };
            (left, *units) = (left - used, *units - used);
            *to.lots.entry((lot.0, lot.1, lot.2, lot.3 && !gift)).or_default() += used;
        }
        let past = dated && day < self.today;
        refuse([(from.is(LOTS) && left > 0, LotsUnusable), (past, LotInPast)])?;
        *to.lots.entry((day, month_of(self.today), origin, true)).or_default() += left;
        from.lots.retain(|_, units| *units > 0);
        to.lots.retain(|_, units| *units > 0 && dated);
        while to.lots.len() > 64 {
            // The oldest two that differ in the month alone are one, of the later month.
            let all: Vec<Lot> = to.lots.keys().copied().collect();
            let later = |a: &Lot| all.iter().find(|b| a < *b && (a.0, b.1, a.2, a.3) == **b);
            let pair = all.iter().find_map(|a| Some((a, later(a)?)));
            let (first, later) = pair.ok_or(LotsFull)?;
            *to.lots.entry(*later).or_default() += to.lots.remove(first).unwrap();
        }
        (from.posted[0], to.posted[1]) = (from.posted[0] + amount, to.posted[1] + amount);
        let over = from.posted[0].max(to.posted[1]) > MOST;
        self.accounts.extend(sides.into_iter().zip([from, to])); // INV-L1
        refuse([(over, Overflow)])
    }

    /// Holds; or moves at once, if it is said how a lot that it makes begins.
    fn hold(&mut self, actor: Id, r: &ReserveRequest, made: Option<[u32; 2]>) -> Done {
        let (debit, credit) = (self.look(&r.debit)?, self.look(&r.credit)?);
        let (asset, kinds) = (debit.row.asset, [debit.kind, credit.kind]);
        let late = r.expires_ms <= self.now || r.expires_ms > self.now + 10 * 366 * DAY_MS;
        let closed = debit.is(CLOSED) || credit.is(CLOSED);
        refuse([(r.debit == r.credit, SameAccount), (r.amount == 0, ZeroAmount)])?; // INV-L8
        refuse([(late, BadExpiry), (asset != credit.row.asset, AssetMismatch)])?;
        let same =
            |x: &Rule| (x.asset, x.code, [Some(x.from), Some(x.to)]) == (asset, r.code, kinds);
        let authority = self.books.rules.iter().find(|x| same(x)).map(|x| x.authority.clone());
        refuse([(closed, AccountClosed), (authority.is_none(), RuleDenied)])?; // INV-L9
        let own = authority == Some(Authority::Owner) && debit.row.owner == actor;
        let office = authority == self.people.get(&actor).map(|role| Authority::Role(*role));
        let dealing = office && credit.row.owner == actor;
        refuse([(!own && !office, Unauthorised), (dealing, SelfDealing), self.together(asset)])?;
        let frozen = debit.is(FROZEN_OUT) || credit.is(FROZEN_IN);
        refuse([(frozen, AccountFrozen), (debit.is(NO_OUT), NoOut), (credit.is(NO_IN), NoIn)])?;
        let ends = matches!(credit.kind, Some(Kind::Issuance | Kind::ExpiredSink));
        let stays = (debit.is(SOULBOUND) || credit.is(SOULBOUND)) && !ends;
        let bound = stays && debit.kind != Some(Kind::Issuance);
        let free = debit.usable(self.today, kinds == [Some(Kind::Holder); 2]) - debit.pending[0];
        let free = if debit.is(LOTS) { free } else { MOST };
        let most = if r.balancing { debit.give().min(free) } else { MOST };
        let amount = most.min(r.amount.into());
        let short = amount <= 0 || amount > debit.give();
        refuse([(bound, Soulbound), (short, Insufficient)])?; // INV-L3
        credit.takes(amount)?;
        let over = |a: &Account, side: usize| a.posted[side] + a.pending[side] + amount > MOST;
        refuse([(over(&debit, 0) || over(&credit, 1), Overflow), (amount > free, LotsUnusable)])?;
        let moved = ([id(&r.debit), id(&r.credit)], amount);
        if let Some(made) = made {
            self.moved.insert(id(&r.id), (moved, !r.balancing));
            return self.shift(moved, self.today, made);
        }
        let resolver = if r.resolver.is_empty() { actor } else { id(&r.resolver) };
        self.pendings.insert(id(&r.id), (moved, r.expires_ms, resolver, self.today));
        Ok(())
    }

    /// Posts what is held, or gives it up: once (INV-L4).
    fn end(&mut self, actor: Id, r: &PostRequest, posts: bool) -> Done {
        let claimed = r.id != r.pending && self.claims.contains_key(&r.pending[..]);
        let held = self.pendings.remove(&r.pending[..]);
        let held = held.ok_or(if claimed { PendingResolved } else { NoPending })?;
        let ((sides, held), expires, resolver, since) = held;
        let (debit, credit) = (self.look(&sides[0])?, self.look(&sides[1])?);
        let may = resolver == actor || !posts && credit.row.owner == actor;
        refuse([(expires <= self.now, PendingExpired), (!may, Unauthorised)])?;
        if !posts {
            return Ok(());
        }
        let amount = if r.amount == 0 { held } else { r.amount.into() };
        let frozen = debit.is(FROZEN_OUT) || credit.is(FROZEN_IN);
        refuse([(amount > held, PostTooLarge), self.together(debit.row.asset)])?;
        refuse([(frozen, AccountFrozen)])?;
        self.moved.insert(id(&r.id), ((sides, amount), false));
        self.shift((sides, amount), since, [0; 2])
    }

    fn reverse(&mut self, actor: Id, r: &ReverseRequest) -> Done {
        let (of, amount, carried) = (id(&r.transfer), r.amount.into(), !r.receivable.is_empty());
        let original = r.original.iter().map(|t| t.encode_to_vec());
        let mut deeds = original.map(|t| [&r.original_actor, &b"Transfer"[..], &t].concat());
        let shown = deeds.any(|deed| self.claims.get(&of) == Some(&deed));
        refuse([(r.reason == 0, Malformed)])?;
        let moved = self.moved.get(&of).filter(|(_, plain)| shown || !plain);
        let (([payer, payee], left), _) = *moved.ok_or(NoTransfer)?;
        let (from, to) = (self.look(&payee)?, self.look(&payer)?);
        let own = from.row.owner == actor && !carried;
        let party = !own && (from.row.owner == actor || to.row.owner == actor);
        let office = self.people.get(&actor) == Some(&Role::Arbitrator);
        refuse([(amount == 0, ZeroAmount), (amount > left, ReversalTooLarge)])?; // INV-L6
        refuse([(!own && !office, Unauthorised), (party, SelfDealing)])?;
        let closed = from.is(CLOSED) && !carried || to.is(CLOSED);
        let frozen = from.is(FROZEN_OUT) || to.is(FROZEN_IN);
        refuse([self.together(to.row.asset), (closed, AccountClosed), (frozen, AccountFrozen)])?;
        let receivable = if carried { id(&r.receivable) } else { payee };
        let owed = self.look(&receivable)?;
        let fits = owed.kind == Some(Kind::ClawbackReceivable) && owed.row.asset == to.row.asset;
        let fits = fits && !owed.is(CLOSED) && receivable != payer || !carried;
        let returned = from.give().min(amount);
        refuse([(!fits, NotReceivable), (!carried && returned < amount, Insufficient)])?;
        to.takes(amount)?;
        self.moved.insert(of, (([payer, payee], left - amount), false));
        self.shift(([payee, payer], returned), 0, [0; 2])?;
        self.shift(([receivable, payer], amount - returned), 0, [0; 2])
    }

    fn expire(&mut self, r: &ExpireRequest) -> Done {
        let (from, sink) = (self.look(&r.account)?, self.look(&r.sink)?);
        let fits = sink.kind == Some(Kind::ExpiredSink) && sink.row.asset == from.row.asset;
        let fits = fits && !sink.is(CLOSED) && r.account != r.sink;
        let ended = from.usable(0, false) - from.usable(self.today, false);
        let amount = ended.min(from.give());
        refuse([(!fits, NotSink), self.together(from.row.asset), (amount <= 0, NothingExpired)])?;
        sink.takes(amount)?;
        self.shift(([id(&r.account), id(&r.sink)], amount), 0, [0; 2])
    }
}
