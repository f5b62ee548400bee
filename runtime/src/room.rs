//! Calls into rooms, native ones and contracts, on behalf of a transaction or a timer.
//!
//! [`Run`] is one block's execution under way; [`Guest`] is what a running contract sees of it.
//! Everything a transaction did is taken back when a room refuses ([`Run::act`]).
//!
//! # Invariants
//!
//! - **R1 atomic.** A refusal anywhere takes back writes, claims, events, log leaves and timers of
//!   the whole transaction.
//! - **R2 paid.** Fuel that a refused inner call used is counted, so no refusal is free.
//! - **R3 no way back.** A contract that is at work cannot be entered again.
//! - **R4 strict.** Native rooms read the arguments of contracts as strictly as those of transactions.

use crate::accounts::{self, Classes};
use crate::check::Checker;
use crate::deploy::is_native;
use crate::native::{Deed, Done};
use crate::overlay::{Claimed, Overlay};
use crate::stored::full_key;
use crate::timers::{self, TimerRow};
use crate::vm::{Entry, Host, Ran, Stop, Vm};
use crate::{ask, code, governance, identity, log, policy};
use linli_types::account::contract_principal;
use linli_types::code::Code;
use linli_types::height::{Height, TimeMs};
use linli_types::id::{ChainId, Digest, PrincipalId, TimerId, TxKey};
use linli_types::limits;
use linli_types::receipt::{Cause, Event, Outcome, Param, Receipt, Refusal};
use linli_types::store::Broken;
use linli_types::validator::ValidatorSet;
use std::collections::BTreeMap;

/// The contracts in force: code hash by room name.
pub(crate) type Contracts = BTreeMap<String, Digest>;

/// Where and when a block is executed, and what was in the log before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) height: Height,
    pub(crate) time: TimeMs,
    pub(crate) log_size: u64,
    /// The version of the policy in force.
    pub(crate) policy: u32,
}

/// Which chain it is, who validates the block, and what native rooms read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Realm<'a> {
    pub(crate) chain: ChainId,
    pub(crate) validators: &'a ValidatorSet,
    /// The schemas of the native rooms, and others.
    pub(crate) checker: &'a Checker,
}

/// On whose behalf rooms are called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Actor {
    pub(crate) cause: Cause,
    /// Whose the effects are.
    pub(crate) principal: PrincipalId,
    /// Who acts for them by a mandate, if someone does; contracts see only that someone does.
    pub(crate) agent: Option<PrincipalId>,
    /// The principal's organisation; 0 for none.
    pub(crate) org: u32,
    pub(crate) key: TxKey,
}

impl Actor {
    /// Nobody: a timer fires, or the genesis begins.
    pub(crate) fn nobody(cause: Cause) -> Self {
        let principal = PrincipalId::default();
        Self { cause, principal, agent: None, org: 0, key: TxKey::default() }
    }
}

/// The 64 bytes that a contract's `context` gives.
pub(crate) fn context(place: &Place, actor: &Actor) -> [u8; 64] {
    let mut bytes = [0; 64];
    let parts: [&[u8]; 7] = [
        &place.height.0.to_le_bytes(),
        &place.time.0.to_le_bytes(),
        &actor.principal.0,
        &actor.org.to_le_bytes(),
        &place.policy.to_le_bytes(),
        &actor.key.0,
        &[u8::from(actor.agent.is_some())],
    ];
    let all = parts.into_iter().flatten();
    bytes.iter_mut().zip(all).for_each(|(place, byte)| *place = *byte);
    bytes
}

/// The input of `call` and `query`: length of the method's name, the name, the arguments.
pub(crate) fn method_input(room: &str, method: &str, args: &[u8]) -> Result<Vec<u8>, Refusal> {
    let length = u8::try_from(method.len()).ok();
    let length = length.filter(|n| usize::from(*n) <= limits::NAME_BYTES_MAX);
    let unknown = || unknown_method(room, "…");
    Ok([&[length.ok_or_else(unknown)?], method.as_bytes(), args].concat())
}

pub(crate) fn unknown_method(room: &str, method: &str) -> Refusal {
    Code::UnknownMethod.refuse([room, method].map(|word| Param::Word(word.into())))
}

pub(crate) fn unknown_room(room: &str) -> Refusal {
    Code::UnknownRoom.refuse([Param::Word(room.into())])
}

/// The native rooms that are called as a [`Deed`].
#[derive(Clone, Copy)]
enum Native {
    Identity,
    Policy,
    Governance,
    Log,
}

type Call = fn(&mut Deed<'_, '_>, &str, &[u8]) -> Done;

/// What the transaction under way has done so far.
#[derive(Debug)]
struct Act {
    actor: Actor,
    events: Vec<Event>,
    /// Statements of the block before this transaction.
    statements_before: usize,
    schedules: u64,
    /// Contracts at work, the outermost first.
    at_work: Vec<String>,
    /// Fuel of inner calls that were refused (R2).
    fuel_lost: u64,
    /// Assets that were moved (INV-T9).
    classes: Classes,
}

impl Act {
    fn new(actor: Actor, statements_before: usize) -> Self {
        let (events, at_work, classes) = Default::default();
        Self { actor, events, statements_before, schedules: 0, at_work, fuel_lost: 0, classes }
    }
}

/// One block's execution under way.
pub(crate) struct Run<'a> {
    vm: &'a Vm,
    contracts: &'a Contracts,
    realm: Realm<'a>,
    pub(crate) place: Place,
    pub(crate) overlay: Overlay<'a>,
    /// Statements that the block appends to the evidence log.
    pub(crate) statements: Vec<Digest>,
    act: Act,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        vm: &'a Vm,
        contracts: &'a Contracts,
        realm: Realm<'a>,
        place: Place,
        overlay: Overlay<'a>,
    ) -> Self {
        let nobody = Actor::nobody(Cause::Timer(TimerId::default()));
        let act = Act::new(nobody, 0);
        Self { vm, contracts, realm, place, overlay, statements: Vec::new(), act }
    }

    /// Does `work` for `actor`, whole or not at all (R1), and writes the receipt. `work` returns
    /// the fuel used, and the results or the refused call's number and why.
    pub(crate) fn act(
        &mut self,
        actor: Actor,
        work: impl FnOnce(&mut Self) -> (u64, Result<Vec<Vec<u8>>, (u16, Stop)>),
    ) -> Result<Receipt, Broken> {
        self.overlay.begin();
        self.act = Act::new(actor, self.statements.len());
        let (fuel, end) = work(self);
        let (outcome, results) = match end {
            Ok(results) => (Outcome::Done, results),
            Err((_, Stop::Broken(broken))) => return Err(broken),
            Err((call, Stop::Refused(refusal))) => {
                self.take_back();
                (Outcome::Refused { call, refusal }, Vec::new())
            }
        };
        let fuel = fuel.saturating_add(self.act.fuel_lost);
        let events = std::mem::take(&mut self.act.events);
        let log_leaves = self.leaves();
        Ok(Receipt { cause: actor.cause, outcome, fuel, results, events, log_leaves })
    }

    fn take_back(&mut self) {
        self.overlay.roll_back();
        self.statements.truncate(self.act.statements_before);
        self.act.events.clear();
    }

    /// First index and count of the leaves that the transaction appended; zeros if none.
    fn leaves(&self) -> (u64, u32) {
        let before = self.act.statements_before;
        match self.statements.len().saturating_sub(before) {
            0 => (0, 0),
            count => (
                self.place.log_size.saturating_add(before as u64),
                u32::try_from(count).unwrap_or(u32::MAX),
            ),
        }
    }

    /// Calls a room's method with at most `fuel`.
    pub(crate) fn call(&mut self, room: &str, method: &str, args: &[u8], fuel: u64) -> Ran {
        let refused = |refusal| Ran { fuel: 0, end: Err(Stop::Refused(refusal)) };
        if !self.act.at_work.is_empty() && is_native(room) {
            let question = ask::is_question(room, method);
            // R4: a transaction's own arguments were walked before it came into a block.
            if let Err(refusal) = self.realm.checker.check_inner(room, method, args, question) {
                return refused(refusal);
            }
            if question {
                return self.ask(room, method, args, fuel);
            }
        }
        match room {
            accounts::ROOM => return self.call_accounts(method, args, fuel),
            identity::ROOM => return self.call_native(Native::Identity, method, args, fuel),
            policy::ROOM => return self.call_native(Native::Policy, method, args, fuel),
            governance::ROOM => return self.call_native(Native::Governance, method, args, fuel),
            log::ROOM => return self.call_native(Native::Log, method, args, fuel),
            _ => {}
        }
        match method_input(room, method, args) {
            Ok(input) => self.enter(room, Entry::Call, &input, fuel),
            Err(refusal) => refused(refusal),
        }
    }

    fn call_accounts(&mut self, method: &str, args: &[u8], fuel: u64) -> Ran {
        let Some(cost) = accounts::cost(method, args) else {
            let refusal = unknown_method(accounts::ROOM, method);
            return Ran { fuel: 0, end: Err(refusal.into()) };
        };
        if fuel < cost {
            return Ran { fuel, end: Err(Code::OutOfFuel.refuse([]).into()) };
        }
        let caller = self.act.at_work.last().cloned();
        let end = self.at_accounts(caller.as_deref(), |desk| accounts::call(desk, method, args));
        Ran { fuel: cost, end }
    }

    /// The accounts room's own timer fell due.
    pub(crate) fn fire_accounts(&mut self, payload: &[u8]) -> Ran {
        let end = self.at_accounts(None, |desk| accounts::fire(desk, payload));
        Ran { fuel: limits::TRANSFER_FUEL, end }
    }

    /// Has the accounts room do something for the sender, or for the contract that calls: that acts
    /// as itself, never as whoever called it.
    pub(crate) fn at_accounts<T>(
        &mut self,
        caller: Option<&str>,
        work: impl FnOnce(&mut accounts::Desk<'_, 'a>) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let mut acting = self.act.actor;
        if let Some(room) = caller {
            (acting.principal, acting.agent) = (contract_principal(room), None);
        }
        let mut desk = accounts::Desk {
            overlay: &mut self.overlay,
            contracts: self.contracts,
            place: self.place,
            acting,
            room: caller,
            classes: &mut self.act.classes,
            events: Vec::new(),
        };
        let done = work(&mut desk)?;
        let events = desk.events;
        events.into_iter().try_for_each(|event| self.emit(event))?;
        Ok(done)
    }

    /// Calls one of these rooms.
    fn call_native(&mut self, room: Native, method: &str, args: &[u8], fuel: u64) -> Ran {
        let (call, cost): (Call, u64) = match room {
            Native::Identity => (identity::call, limits::IDENTITY_FUEL),
            Native::Policy => (policy::call, limits::POLICY_FUEL),
            Native::Governance => (governance::call, governance::cost(method, args)),
            Native::Log => (log::call, limits::RECEIPT_KEY_FUEL),
        };
        if fuel < cost {
            return Ran { fuel, end: Err(Code::OutOfFuel.refuse([]).into()) };
        }
        let caller = self.act.at_work.last().cloned().unwrap_or_default();
        let mut deed = Deed {
            overlay: &mut self.overlay,
            place: self.place,
            realm: self.realm,
            actor: self.act.actor,
            contracts: self.contracts,
            caller: &caller,
        };
        let done = call(&mut deed, method, args);
        let end = done.and_then(|(result, event)| self.emit(event).map(|()| result));
        Ran { fuel: cost, end }
    }

    /// The governance room's own timer fell due.
    pub(crate) fn fire_governance(&mut self, payload: &[u8]) -> Ran {
        let fuel = match governance::fire_cost(&mut self.overlay, payload) {
            Ok(fuel) => fuel,
            Err(stop) => return Ran { fuel: limits::GOVERNANCE_FUEL, end: Err(stop) },
        };
        let mut deed = Deed {
            overlay: &mut self.overlay,
            place: self.place,
            realm: self.realm,
            actor: self.act.actor,
            contracts: self.contracts,
            caller: "",
        };
        let fired = governance::fire(&mut deed, payload);
        let end = fired.and_then(|events| {
            events.into_iter().try_for_each(|event| self.emit(event)).map(|()| Vec::new())
        });
        Ran { fuel, end }
    }

    /// Enters a contract with at most `fuel`.
    pub(crate) fn enter(&mut self, room: &str, entry: Entry, input: &[u8], fuel: u64) -> Ran {
        match self.contracts.get(room).copied() {
            Some(hash) => self.enter_code(room, &hash, (entry, input), fuel),
            None => Ran { fuel: 0, end: Err(unknown_room(room).into()) },
        }
    }

    /// A new room begins: its `init` runs, and from the next block on it answers.
    pub(crate) fn begin_room(&mut self, room: &str, hash: Digest, fuel: u64) -> Ran {
        let Ran { fuel, end } = self.enter_code(room, &hash, (Entry::Init, &[]), fuel);
        let end = end.and_then(|result| {
            let event = code::begun(&mut self.overlay, &self.place, room, hash)?;
            self.emit(event).map(|()| result)
        });
        Ran { fuel, end }
    }

    /// Enters code as the contract of a name.
    fn enter_code(
        &mut self,
        room: &str,
        hash: &Digest,
        (entry, input): (Entry, &[u8]),
        fuel: u64,
    ) -> Ran {
        let refusal = if self.act.at_work.iter().any(|at_work| at_work == room) {
            Some(Code::Reentrant.refuse([Param::Word(room.into())])) // R3
        } else if self.act.at_work.len() >= limits::CALL_DEPTH_MAX {
            Some(Code::CallDepth.refuse([Param::Number(limits::CALL_DEPTH_MAX as u64)]))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            return Ran { fuel: 0, end: Err(refusal.into()) };
        }
        let caller = self.act.at_work.last().cloned().unwrap_or_default();
        self.act.at_work.push(room.into());
        let vm = self.vm;
        let mut guest = Guest { run: self, room: room.into(), caller };
        let ran = vm.run(hash, entry, input, fuel, &mut guest);
        self.act.at_work.pop();
        ran
    }

    /// Adds an event to the transaction's.
    pub(crate) fn emit(&mut self, event: Event) -> Result<(), Stop> {
        // The mark of an agent's act takes nobody's place.
        let marks = usize::from(self.act.actor.agent.is_some());
        if self.act.events.len() >= limits::EVENTS_MAX.saturating_add(marks) {
            return Err(host_limit("EVENTS_MAX"));
        }
        self.act.events.push(event);
        Ok(())
    }

    fn schedule(&mut self, room: &str, at: TimeMs, payload: &[u8]) -> Result<TimerId, Stop> {
        if self.act.schedules >= limits::SCHEDULES_MAX as u64 {
            return Err(host_limit("SCHEDULES_MAX"));
        }
        if at > self.place.time.plus_ms(limits::TIMER_AHEAD_MS_MAX) {
            return Err(host_limit("TIMER_AHEAD_MS_MAX"));
        }
        // Occurs once in the chain: a transaction or a timer has one receipt.
        let mut cause = linli_types::encode(&self.act.actor.cause);
        cause.extend_from_slice(&self.place.height.0.to_le_bytes());
        cause.extend_from_slice(&self.act.schedules.to_le_bytes());
        self.act.schedules = self.act.schedules.saturating_add(1);
        let row = TimerRow { room: room.into(), payload: payload.to_vec() };
        Ok(timers::schedule(&mut self.overlay, at, &row, &cause)?)
    }
}

fn host_limit(name: &str) -> Stop {
    Code::HostLimit.refuse([Param::Word(name.into())]).into()
}

/// The ledger as one running contract may touch it: its own entries, ids and timers.
struct Guest<'r, 'a> {
    run: &'r mut Run<'a>,
    room: String,
    caller: String,
}

impl Host for Guest<'_, '_> {
    fn context(&self) -> [u8; 64] {
        context(&self.run.place, &self.run.act.actor)
    }

    fn room(&self) -> &str {
        &self.room
    }

    fn caller(&self) -> &str {
        &self.caller
    }

    fn read(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Stop> {
        Ok(self.run.overlay.read(&full_key(&self.room, key))?)
    }

    fn write(&mut self, key: &[u8], value: &[u8]) -> Result<(), Stop> {
        Ok(self.run.overlay.write(full_key(&self.room, key), Some(value.to_vec()))?)
    }

    fn remove(&mut self, key: &[u8]) -> Result<(), Stop> {
        Ok(self.run.overlay.write(full_key(&self.room, key), None)?)
    }

    fn claimed(&mut self, id: &[u8]) -> Result<Option<[u8; 32]>, Stop> {
        Ok(self.run.overlay.claimed(&self.room, id)?.map(|deed| deed.0))
    }

    fn claim(&mut self, id: &[u8], digest: [u8; 32]) -> Result<u32, Stop> {
        Ok(match self.run.overlay.claim(&self.room, id, &Digest(digest))? {
            Claimed::Now => 0,
            Claimed::Same => 1,
            Claimed::Other => 2,
        })
    }

    fn emit(&mut self, kind: &str, about: &[PrincipalId], data: &[u8]) -> Result<(), Stop> {
        let (room, kind) = (self.room.clone(), kind.into());
        self.run.emit(Event { room, kind, about: about.to_vec(), data: data.to_vec() })
    }

    fn append(&mut self, digest: [u8; 32]) -> Result<u64, Stop> {
        let index = self.run.place.log_size.saturating_add(self.run.statements.len() as u64);
        self.run.statements.push(Digest(digest));
        Ok(index)
    }

    fn schedule(&mut self, at: TimeMs, payload: &[u8]) -> Result<TimerId, Stop> {
        self.run.schedule(&self.room, at, payload)
    }

    fn cancel(&mut self, id: TimerId) -> Result<bool, Stop> {
        Ok(timers::cancel(&mut self.run.overlay, &self.room, &id)?)
    }

    fn call(
        &mut self,
        room: &str,
        method: &str,
        args: &[u8],
        fuel: u64,
    ) -> Result<(Vec<u8>, u64), Stop> {
        let ran = self.run.call(room, method, args, fuel);
        match ran.end {
            Ok(result) => Ok((result, ran.fuel)),
            Err(stop) => {
                let act = &mut self.run.act;
                act.fuel_lost = act.fuel_lost.saturating_add(ran.fuel); // R2
                Err(stop)
            }
        }
    }
}
