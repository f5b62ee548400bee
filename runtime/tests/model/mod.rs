//! The accounts room once more: decision 0010 in memory, plainly, without any of the runtime's
//! code, so that the two only agree if both do what the words say. Actors are principals.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "a test's")]

mod moves;

use linli_types::books::{AccountKind as Kind, Books};
use linli_types::code::Code::{self, *};
use linli_types::genesis::Role;
use linli_types::wire::accounts::{chain_step::Step, *};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub type Id = [u8; 16];
/// Who is debited, who is credited.
pub type Sides = [Id; 2];
type Done = Result<(), Code>;
pub const NOBODY: Id = [0; 16];
pub const DAY_MS: u64 = 24 * 3600 * 1000;
pub const DEBITS_MAX: u32 = 1;
pub const CREDITS_MAX: u32 = 2;
pub const NO_IN: u32 = 4;
pub const NO_OUT: u32 = 8;
pub const SOULBOUND: u32 = 16;
pub const LOTS: u32 = 32;

#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    Open(OpenRequest),
    Close(CloseRequest),
    Transfer(TransferRequest),
    Reserve(ReserveRequest),
    Post(PostRequest),
    Void(VoidRequest),
    Reverse(ReverseRequest),
    Chain(ChainRequest),
    Freeze(FreezeRequest),
    Unfreeze(UnfreezeRequest),
    Expire(ExpireRequest),
}

/// Ordered as lots are used: the first to end first, given before own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lot {
    pub never_ends: bool,
    pub day: u32,
    pub month: u32,
    pub origin: u32,
    pub own: bool,
}

#[derive(Clone, Debug)]
pub struct Account {
    pub owner: Id,
    pub asset: u32,
    pub kind: Kind,
    pub flags: u32,
    pub max: u64,
    pub debits: u64,
    pub credits: u64,
    pub debits_pending: u64,
    pub credits_pending: u64,
    pub closed: bool,
    pub frozen_out: bool,
    pub frozen_in: bool,
    pub lots: BTreeMap<Lot, u64>,
}

#[derive(Clone, Debug)]
pub struct Pending {
    pub sides: Sides,
    pub amount: u64,
    pub expires: u64,
    pub resolver: Id,
    /// Day of the reserve: what ended since may be posted.
    day: u32,
}

#[derive(Clone)]
pub struct Model {
    pub now: u64,
    pub accounts: BTreeMap<Id, Account>,
    pub pendings: BTreeMap<Id, Pending>,
    /// What was moved and how much of it was taken back, where the ledger keeps a row.
    pub moved: BTreeMap<Id, (Sides, u64, u64)>,
    claims: BTreeMap<Id, Arc<(Id, Call)>>,
    /// Assets that the transaction under way has moved.
    joined: BTreeSet<u32>,
    books: Arc<Books>,
    people: Arc<BTreeMap<Id, Vec<Role>>>,
}

fn ensure(holds: bool, code: Code) -> Done {
    if holds { Ok(()) } else { Err(code) }
}

pub fn id(bytes: &[u8]) -> Id {
    bytes.try_into().unwrap_or(NOBODY)
}

impl Model {
    /// Accounts: id, owner, asset, opening balance. `issuance` names an asset's issuance account.
    pub fn new(
        (books, people): (Books, BTreeMap<Id, Vec<Role>>),
        accounts: &[(Id, Id, u32, u64)],
        issuance: fn(u32) -> Id,
        now: u64,
    ) -> Self {
        let (rows, pendings, moved, claims, joined) = Default::default();
        let (books, people) = (Arc::new(books), Arc::new(people));
        let mut model =
            Self { now, accounts: rows, pendings, moved, claims, joined, books, people };
        for asset in Arc::clone(&model.books).assets.iter().map(|asset| asset.number) {
            let row = model.fresh(NOBODY, asset, Kind::Issuance, 0, 0);
            model.accounts.insert(issuance(asset), row);
        }
        for &(id, owner, asset, opening) in accounts {
            let row = model.fresh(owner, asset, Kind::Holder, 0, 0);
            model.accounts.insert(id, row);
            model.shift([issuance(asset), id], opening, moves::Use::Any, (0, 0)).unwrap();
        }
        model
    }

    /// A block's time begins: pendings that are due are void (INV-L4).
    pub fn at(&mut self, now: u64) {
        self.now = now;
        let due = |(id, p): (&Id, &Pending)| (p.expires <= now).then_some(*id);
        for id in self.pendings.iter().filter_map(due).collect::<Vec<_>>() {
            self.release(&id);
        }
    }

    /// All calls or none (INV-L7); else the first refusal's number.
    pub fn transaction(&mut self, actor: Id, calls: &[Call]) -> Result<(), u32> {
        let before = self.clone();
        self.joined.clear();
        let done = calls.iter().try_for_each(|call| self.call(actor, call));
        done.inspect_err(|_| *self = before).map_err(Code::number)
    }

    /// Issued, taken back, out.
    pub fn supply(&self, asset: u32) -> (u64, u64, u64) {
        let of = |a: &&Account| a.asset == asset && a.kind == Kind::Issuance;
        let row = self.accounts.values().find(of).unwrap();
        (row.debits, row.credits, row.debits.saturating_sub(row.credits))
    }

    /// Days since 1970 in UTC+8.
    pub fn today(&self) -> u32 {
        u32::try_from((self.now + DAY_MS / 3) / DAY_MS).unwrap()
    }

    fn call(&mut self, actor: Id, call: &Call) -> Done {
        let mut claim = |id: &[u8]| self.claim(id, actor, call);
        match call {
            Call::Open(r) => self.open(actor, r),
            Call::Close(r) => self.close(actor, r),
            Call::Chain(r) => self.chain(actor, r),
            Call::Transfer(r) => claim(&r.id).and_then(|()| self.transfer(actor, r)),
            Call::Reserve(r) => claim(&r.id).and_then(|()| self.reserve(actor, r)),
            Call::Post(r) => claim(&r.id).and_then(|()| self.post(actor, r)),
            Call::Void(r) => claim(&r.id).and_then(|()| self.void(actor, r)),
            Call::Reverse(r) => claim(&r.id).and_then(|()| self.reverse(actor, r)),
            Call::Freeze(r) => claim(&r.id).and_then(|()| self.freeze(actor, r)),
            Call::Unfreeze(r) => claim(&r.id).and_then(|()| self.unfreeze(actor, r)),
            Call::Expire(r) => claim(&r.id).and_then(|()| self.expire(r)),
        }
    }

    fn claim(&mut self, id_: &[u8], actor: Id, call: &Call) -> Done {
        let deed = (actor, call.clone());
        match self.claims.get(&id(id_)) {
            Some(claimed) if **claimed == deed => Err(Duplicate), // INV-L5
            Some(_) => Err(BusinessIdConflict),
            None => {
                self.claims.insert(id(id_), Arc::new(deed));
                Ok(())
            }
        }
    }

    fn is(&self, actor: Id, role: Role) -> bool {
        self.people.get(&actor).is_some_and(|roles| roles.contains(&role))
    }

    fn row(&mut self, id: Id) -> Result<&mut Account, Code> {
        self.accounts.get_mut(&id).ok_or(NoAccount)
    }

    fn both(&mut self, [debit, credit]: Sides) -> Result<[Account; 2], Code> {
        Ok([self.row(debit)?.clone(), self.row(credit)?.clone()])
    }

    fn chain(&mut self, actor: Id, r: &ChainRequest) -> Done {
        ensure((2..=64).contains(&r.steps.len()), ChainLength)?;
        let linked = r.steps.iter().rev().map(|step| step.linked);
        ensure(linked.enumerate().all(|(i, linked)| linked == (i > 0)), ChainOpen)?;
        let steps = r.steps.iter().map(|step| step.step.clone()).collect::<Option<Vec<_>>>();
        steps.ok_or(Malformed)?.into_iter().try_for_each(|step| {
            let call = match step {
                Step::Transfer(r) => Call::Transfer(r),
                Step::Reserve(r) => Call::Reserve(r),
                Step::Post(r) => Call::Post(r),
                Step::Void(r) => Call::Void(r),
            };
            self.call(actor, &call)
        })
    }

    fn fresh(&self, owner: Id, asset: u32, kind: Kind, flags: u32, max: u64) -> Account {
        let forced = match kind {
            Kind::Issuance | Kind::ClawbackReceivable => CREDITS_MAX,
            Kind::Clearing => 0,
            _ => DEBITS_MAX,
        };
        let lots = self.books.assets.iter().any(|a| a.number == asset && a.lots);
        let lots = if lots && matches!(kind, Kind::Holder | Kind::Escrow) { LOTS } else { 0 };
        let flags = flags | forced | lots;
        let (debits, credits, debits_pending, credits_pending) = Default::default();
        let (closed, frozen_out, frozen_in, lots) = Default::default();
        Account {
            owner,
            asset,
            kind,
            flags,
            max,
            debits,
            credits,
            debits_pending,
            credits_pending,
            closed,
            frozen_out,
            frozen_in,
            lots,
        }
    }

    fn open(&mut self, actor: Id, r: &OpenRequest) -> Done {
        let owner = if r.owner.is_empty() { actor } else { id(&r.owner) };
        let kind = Kind::from_number(r.kind);
        let row = kind.map(|kind| self.fresh(owner, r.asset, kind, r.flags, r.max_balance));
        let row = row.filter(|row| row.kind != Kind::Issuance);
        if let Some(old) = self.accounts.get(&id(&r.id)) {
            let content = |a: &Account| (a.owner, a.asset, a.kind, a.flags, a.max);
            let same = row.as_ref().map(content) == Some(content(old));
            return Err(if same { Duplicate } else { BusinessIdConflict });
        }
        ensure(!r.id.starts_with(b"issuance"), RuleDenied)?;
        ensure(self.books.assets.iter().any(|a| a.number == r.asset), UnknownAsset)?;
        let row = row.ok_or(BadAccountKind)?;
        let both = DEBITS_MAX | CREDITS_MAX;
        let loose = row.flags & LOTS != 0 && row.flags & DEBITS_MAX == 0;
        ensure(r.flags <= 63 && row.flags & both != both && !loose, BadAccountFlags)?;
        let own = owner == actor && matches!(row.kind, Kind::Holder | Kind::Escrow);
        let office = [Role::Administrator, Role::Fund].iter().any(|role| self.is(actor, *role));
        ensure(own || office, Unauthorised)?;
        let nobody = owner == NOBODY && row.kind != Kind::Holder;
        ensure(nobody || self.people.contains_key(&owner), UnknownOwner)?;
        self.accounts.insert(id(&r.id), row);
        Ok(())
    }

    fn close(&mut self, actor: Id, r: &CloseRequest) -> Done {
        let row = self.row(id(&r.account))?;
        ensure(!row.closed, AccountClosed)?;
        ensure(row.owner == actor, Unauthorised)?;
        ensure(!row.frozen_out && !row.frozen_in, AccountFrozen)?;
        let settled = row.debits_pending == 0 && row.credits_pending == 0;
        ensure(row.debits == row.credits && settled, AccountNotEmpty)?;
        row.closed = true;
        Ok(())
    }

    fn freeze(&mut self, actor: Id, r: &FreezeRequest) -> Done {
        let office = self.is(actor, Role::Arbitrator);
        let row = self.row(id(&r.account))?;
        ensure(office, Unauthorised)?;
        ensure(row.owner != actor, SelfDealing)?;
        ensure(r.out || r.r#in, FreezeNothing)?;
        (row.frozen_out, row.frozen_in) = (row.frozen_out || r.out, row.frozen_in || r.r#in);
        Ok(())
    }

    fn unfreeze(&mut self, actor: Id, r: &UnfreezeRequest) -> Done {
        let office = self.is(actor, Role::Arbitrator);
        let row = self.row(id(&r.account))?;
        ensure(office, Unauthorised)?;
        ensure(row.owner != actor, SelfDealing)?;
        ensure(row.frozen_out || row.frozen_in, NotFrozen)?;
        (row.frozen_out, row.frozen_in) = (false, false);
        Ok(())
    }
}
