//! A pretend host: contracts run natively, under the rules of the ledger's host.
//!
//! It enforces bounds, claims, "queries write nothing" and "a refusal leaves no effect". It has
//! no fuel, no state tree and no other rooms: what another room answers is told beforehand.
//! The real host is tried by the runtime's own tests with the compiled modules.
//!
//! For the plain functions of one contract that calls nobody: a test takes microseconds. A contract
//! that calls the accounts, identity, policy or another contract is tried in a pretend town
//! (`linli-pretend`), where the real rooms answer and refuse.
//!
//! # Invariants
//!
//! - **S2 all or nothing.** State changes only when the entry returns 0.

use crate::entry::{self, Method, Plain};
use crate::env::Env;
use crate::host::{CONTEXT_BYTES, Host};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use linli_types::id::{PrincipalId, TimerId, TxKey};
use linli_types::{limits, wire};
use prost::Message;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// An event as it was emitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emitted {
    /// Full name of its message.
    pub kind: String,
    /// Whom it concerns.
    pub about: Vec<PrincipalId>,
    /// The message.
    pub data: Vec<u8>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It took effect.
    Done {
        /// The result message.
        result: Vec<u8>,
        /// Events, in order.
        events: Vec<Emitted>,
    },
    /// The contract said no.
    Refused {
        /// Number of the schema's `Refusal` value.
        code: u32,
        /// Its parameters.
        params: Vec<wire::Param>,
    },
    /// The host ended the call: a bound, a write in a query, a refusal in another room.
    Stopped(&'static str),
    /// The contract panicked: on the ledger, a trap.
    Trapped,
}

impl Outcome {
    /// The result as a message, if all is done.
    pub fn result<M: Message + Default>(&self) -> Option<M> {
        match self {
            Self::Done { result, .. } => M::decode(result.as_slice()).ok(),
            _ => None,
        }
    }

    /// The refusal's code, if it was refused.
    pub const fn code(&self) -> Option<u32> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// The events, if all is done.
    pub fn events(&self) -> &[Emitted] {
        match self {
            Self::Done { events, .. } => events,
            _ => &[],
        }
    }
}

/// What lasts from call to call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Entries of the contract.
    pub entries: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Business ids and the digests they were claimed with.
    pub claims: BTreeMap<Vec<u8>, [u8; 32]>,
    /// Statements of the evidence log.
    pub log: Vec<[u8; 32]>,
    /// Timers by due time and id, with payloads.
    pub timers: BTreeMap<(u64, TimerId), Vec<u8>>,
    timers_made: u64,
}

/// The pretend host.
#[derive(Clone, Debug, Default)]
pub struct Pretend {
    /// Height of the block.
    pub height: u64,
    /// Block time.
    pub now_ms: u64,
    /// Who signs.
    pub sender: PrincipalId,
    /// Their organisation.
    pub organisation: u32,
    /// The transaction's key.
    pub key: TxKey,
    /// Whether somebody acts for them by a mandate.
    pub on_behalf: bool,
    /// The contract that calls; empty for none.
    pub caller: String,
    /// What other rooms answer, by room and method. What is not here is refused.
    pub answers: BTreeMap<(String, String), Vec<u8>>,
    /// What the calls so far have left.
    pub state: State,
}

/// Ends the call from inside a host function.
struct Stop(&'static str);

impl Pretend {
    /// Runs `call` as a transaction's only call.
    pub fn call(&mut self, entry: Method, method: &str, args: &impl Message) -> Outcome {
        let input = entry::frame(method, &args.encode_to_vec()).unwrap_or_default();
        self.run(false, |env| entry::method(env, &input, entry))
    }

    /// Runs `query`.
    pub fn query(&mut self, entry: Method, method: &str, args: &impl Message) -> Outcome {
        let input = entry::frame(method, &args.encode_to_vec()).unwrap_or_default();
        self.run(true, |env| entry::method(env, &input, entry))
    }

    /// Fires every timer that is due at `now_ms`, in (time, id) order, each as its own deed with
    /// no sender.
    pub fn fire_due(&mut self, entry: Plain) -> Vec<Outcome> {
        let due: Vec<_> =
            self.state.timers.keys().filter(|(at, _)| *at <= self.now_ms).copied().collect();
        let (sender, key) = (self.sender, self.key);
        (self.sender, self.key) = (PrincipalId::default(), TxKey::default());
        let fire = |timer| {
            // Whatever becomes of it, a timer fires once.
            let payload = self.state.timers.remove(&timer).unwrap_or_default();
            self.run(false, |env| entry::plain(env, &payload, entry))
        };
        let outcomes = due.into_iter().map(fire).collect();
        (self.sender, self.key) = (sender, key);
        outcomes
    }

    /// Runs an entry that frames its own answers.
    pub fn run(&mut self, query: bool, entry: impl FnOnce(&mut Env<'_>) -> i32) -> Outcome {
        let mut work = Work { pretend: self.clone(), query, ..Work::default() };
        let returned = catch_unwind(AssertUnwindSafe(|| entry(&mut Env::new(&mut work))));
        match returned {
            Ok(entry::DONE) => {
                self.state = work.pretend.state;
                Outcome::Done { result: work.result, events: work.events }
            }
            Ok(entry::REFUSED) => match work.refusal {
                Some((code, params)) => Outcome::Refused { code, params },
                None => Outcome::Stopped("refused without a refusal"),
            },
            Ok(_) => Outcome::Stopped("an unknown answer"),
            Err(panic) => {
                panic.downcast::<Stop>().map_or(Outcome::Trapped, |s| Outcome::Stopped(s.0))
            }
        }
    }
}

/// One call at work: a copy of everything, kept only when all is done (S2).
#[derive(Default)]
struct Work {
    pretend: Pretend,
    query: bool,
    calls: u64,
    schedules: usize,
    result: Vec<u8>,
    refusal: Option<(u32, Vec<wire::Param>)>,
    events: Vec<Emitted>,
}

fn stop(why: &'static str) -> ! {
    resume_unwind(std::boxed::Box::new(Stop(why)))
}

fn bound(holds: bool, why: &'static str) {
    if !holds {
        stop(why);
    }
}

impl Work {
    fn reads(&mut self) -> &mut State {
        self.calls = self.calls.saturating_add(1);
        bound(self.calls <= limits::HOST_CALLS_MAX, "host calls");
        &mut self.pretend.state
    }

    fn writes(&mut self) -> &mut State {
        bound(!self.query, "a write in a query");
        self.reads()
    }
}

fn key(key: &[u8]) {
    bound(!key.is_empty() && key.len() <= limits::STORAGE_KEY_BYTES_MAX, "key bytes");
}

impl Host for Work {
    fn context(&mut self) -> [u8; CONTEXT_BYTES] {
        self.reads();
        let p = &self.pretend;
        let parts: [&[u8]; 7] = [
            &p.height.to_le_bytes(),
            &p.now_ms.to_le_bytes(),
            &p.sender.0,
            &p.organisation.to_le_bytes(),
            &1_u32.to_le_bytes(),
            &p.key.0,
            &[u8::from(p.on_behalf), 0, 0, 0, 0, 0, 0, 0],
        ];
        parts.concat().try_into().unwrap_or([0; CONTEXT_BYTES])
    }

    fn caller(&mut self) -> String {
        self.reads();
        self.pretend.caller.clone()
    }

    fn read(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        key(name);
        self.reads().entries.get(name).cloned()
    }

    fn write(&mut self, name: &[u8], value: &[u8]) {
        key(name);
        bound(value.len() <= limits::STORAGE_VALUE_BYTES_MAX, "value bytes");
        self.writes().entries.insert(name.into(), value.into());
    }

    fn remove(&mut self, name: &[u8]) {
        key(name);
        self.writes().entries.remove(name);
    }

    fn claimed(&mut self, id: &[u8]) -> Option<[u8; 32]> {
        key(id);
        self.reads().claims.get(id).copied()
    }

    fn claim(&mut self, id: &[u8], digest: &[u8; 32]) -> i32 {
        key(id);
        let claims = &mut self.writes().claims;
        match claims.get(id) {
            None => {
                claims.insert(id.into(), *digest);
                0
            }
            Some(before) if before == digest => 1,
            Some(_) => 2,
        }
    }

    fn emit(&mut self, kind: &str, about: &[PrincipalId], data: &[u8]) {
        self.writes();
        bound(self.events.len() < limits::EVENTS_MAX, "events");
        bound(data.len() <= limits::EVENT_BYTES_MAX, "event bytes");
        let (kind, about, data) = (kind.to_string(), about.into(), data.into());
        self.events.push(Emitted { kind, about, data });
    }

    fn append(&mut self, digest: &[u8; 32]) -> u64 {
        let log = &mut self.writes().log;
        log.push(*digest);
        (log.len() as u64).saturating_sub(1)
    }

    fn schedule(&mut self, at_ms: u64, payload: &[u8]) -> TimerId {
        self.schedules = self.schedules.saturating_add(1);
        bound(self.schedules <= limits::SCHEDULES_MAX, "timers");
        bound(payload.len() <= limits::TIMER_PAYLOAD_BYTES_MAX, "payload bytes");
        let latest = self.pretend.now_ms.saturating_add(limits::TIMER_AHEAD_MS_MAX);
        bound(at_ms <= latest, "timer too far ahead");
        let state = self.writes();
        state.timers_made = state.timers_made.saturating_add(1);
        let id = TimerId(u128::from(state.timers_made).to_be_bytes());
        state.timers.insert((at_ms, id), payload.into());
        id
    }

    fn cancel(&mut self, id: &TimerId) -> bool {
        let timers = &mut self.writes().timers;
        let before = timers.len();
        timers.retain(|(_, stands), _| stands != id);
        timers.len() < before
    }

    fn call(&mut self, room: &str, method: &str, _args: &[u8]) -> Vec<u8> {
        self.writes();
        let name = (room.to_string(), method.to_string());
        self.pretend.answers.get(&name).cloned().unwrap_or_else(|| stop("refused by another room"))
    }

    fn hash(&mut self, algorithm: u32, data: &[u8]) -> [u8; 32] {
        use sha2::Digest as _;
        self.reads();
        match algorithm {
            0 => *blake3::hash(data).as_bytes(),
            1 => sha2::Sha256::digest(data).into(),
            2 => sm3::Sm3::digest(data).into(),
            _ => stop("an unknown algorithm"),
        }
    }

    fn result(&mut self, data: &[u8]) {
        self.reads();
        bound(data.len() <= limits::RESULT_BYTES_MAX, "result bytes");
        self.result = data.into();
    }

    fn refuse(&mut self, code: u32, params: &[u8]) {
        self.reads();
        let params = wire::Params::decode(params).map(|p| p.params).unwrap_or_default();
        bound(params.len() <= limits::PARAMS_MAX, "parameters");
        let fits = |param: &wire::Param| match &param.value {
            Some(wire::param::Value::Bytes(bytes)) => bytes.len() <= limits::PARAM_BYTES_MAX,
            Some(wire::param::Value::Word(word)) => word.len() <= limits::PARAM_BYTES_MAX,
            Some(wire::param::Value::Number(_)) => true,
            None => false,
        };
        bound(params.iter().all(fits), "parameter bytes");
        self.refusal = Some((code, params));
    }
}
