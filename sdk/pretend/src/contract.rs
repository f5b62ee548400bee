//! A contract as functions, entered by the runtime and served through the SDK's own host.
//!
//! What a host refuses to do ends the call at once: here it unwinds, and the unwinding stops at the
//! entry.

use linli_contract::Env;
use linli_contract::entry::{self, Method, Plain};
use linli_contract::host::{CONTEXT_BYTES, Host};
use linli_runtime::vm::{Body, Door, Entry, Stop};
use linli_types::code::Code;
use linli_types::height::TimeMs;
use linli_types::id::{PrincipalId, TimerId};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What a contract's crate gives to `export!`, and its `SCHEMA`.
#[derive(Clone, Debug)]
pub struct Contract {
    pub(crate) schema: Vec<u8>,
    init: Option<Plain>,
    call: Option<Method>,
    query: Option<Method>,
    fire: Option<Plain>,
}

impl Contract {
    /// A contract with this schema, the crate's `SCHEMA`, and no entry.
    pub fn new(schema: &[u8]) -> Self {
        Self { schema: schema.to_vec(), init: None, call: None, query: None, fire: None }
    }

    /// With this `init`.
    #[must_use]
    pub fn init(self, init: Plain) -> Self {
        Self { init: Some(init), ..self }
    }

    /// With this `call`.
    #[must_use]
    pub fn call(self, call: Method) -> Self {
        Self { call: Some(call), ..self }
    }

    /// With this `query`.
    #[must_use]
    pub fn query(self, query: Method) -> Self {
        Self { query: Some(query), ..self }
    }

    /// With this `fire`.
    #[must_use]
    pub fn fire(self, fire: Plain) -> Self {
        Self { fire: Some(fire), ..self }
    }

    fn answer(&self, entry: Entry, input: &[u8], env: &mut Env<'_>) -> Option<i32> {
        Some(match entry {
            Entry::Init => entry::plain(env, input, self.init?),
            Entry::Call => entry::method(env, input, self.call?),
            Entry::Query => entry::method(env, input, self.query?),
            Entry::Fire => entry::plain(env, input, self.fire?),
        })
    }
}

impl Body for Contract {
    fn has(&self, entry: Entry) -> bool {
        match entry {
            Entry::Init => self.init.is_some(),
            Entry::Call => self.call.is_some(),
            Entry::Query => self.query.is_some(),
            Entry::Fire => self.fire.is_some(),
        }
    }

    fn enter(&self, entry: Entry, input: &[u8], door: &mut Door<'_>) -> Result<i32, Stop> {
        let mut host = Through { door, inside: false };
        let run = || self.answer(entry, input, &mut Env::new(&mut host));
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(answer) => answer.ok_or_else(|| Code::BadAnswer.refuse([]).into()),
            Err(panic) => match panic.downcast::<Stop>() {
                Ok(stop) => Err(*stop),
                // The ledger's own panic is no trap of the contract's.
                Err(panic) if host.inside => resume_unwind(panic),
                Err(_) => Err(Code::Trap.refuse([]).into()),
            },
        }
    }
}

/// The SDK's host over the runtime's.
struct Through<'d, 'f> {
    door: &'d mut Door<'f>,
    /// The ledger is at work, not the contract.
    inside: bool,
}

impl<'f> Through<'_, 'f> {
    fn go<T>(&mut self, work: impl FnOnce(&mut Door<'f>) -> Result<T, Stop>) -> T {
        self.inside = true;
        let done = work(self.door);
        self.inside = false;
        done.unwrap_or_else(|stop| resume_unwind(Box::new(stop)))
    }
}

impl Host for Through<'_, '_> {
    fn context(&mut self) -> [u8; CONTEXT_BYTES] {
        self.go(|door| door.context())
    }

    fn caller(&mut self) -> String {
        self.go(|door| door.caller())
    }

    fn read(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        self.go(|door| door.read(key))
    }

    fn write(&mut self, key: &[u8], value: &[u8]) {
        self.go(|door| door.write(key, value));
    }

    fn remove(&mut self, key: &[u8]) {
        self.go(|door| door.remove(key));
    }

    fn claimed(&mut self, id: &[u8]) -> Option<[u8; 32]> {
        self.go(|door| door.claimed(id))
    }

    fn claim(&mut self, id: &[u8], digest: &[u8; 32]) -> i32 {
        // 0, 1 or 2.
        i32::try_from(self.go(|door| door.claim(id, *digest))).unwrap_or(2)
    }

    fn emit(&mut self, kind: &str, about: &[PrincipalId], data: &[u8]) {
        self.go(|door| door.emit(kind, about, data));
    }

    fn append(&mut self, digest: &[u8; 32]) -> u64 {
        self.go(|door| door.append(*digest))
    }

    fn schedule(&mut self, at_ms: u64, payload: &[u8]) -> TimerId {
        self.go(|door| door.schedule(TimeMs(at_ms), payload))
    }

    fn cancel(&mut self, id: &TimerId) -> bool {
        self.go(|door| door.cancel(*id))
    }

    fn call(&mut self, room: &str, method: &str, args: &[u8]) -> Vec<u8> {
        self.go(|door| door.call(room, method, args))
    }

    fn hash(&mut self, algorithm: u32, data: &[u8]) -> [u8; 32] {
        self.go(|door| door.hash(algorithm, data))
    }

    fn result(&mut self, data: &[u8]) {
        self.go(|door| door.result(data));
    }

    fn refuse(&mut self, code: u32, params: &[u8]) {
        self.go(|door| door.refuse(code, params));
    }
}
