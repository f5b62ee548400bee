//! One run of a contract: an instance is made, entered once, and dropped.
//!
//! Whatever the contract does, the outcome is data: a result, a refusal, fuel used. Which trap it
//! was never shows (design §3).

use super::Code as Compiled;
use super::lend::Lent;
use super::seam::{Entry, Ran, Stop};
use crate::schema::{MessageRef, Method, Schema, no_filter};
use linli_types::code::Code;
use linli_types::receipt::{Param, Refusal};
use linli_types::store::Broken;
use std::sync::Arc;
use wasmtime::{Memory, ResourceLimiter, Store, Trap};

/// Fuel for entering a contract: making, wiping and dropping the instance.
pub const ENTER_FUEL: u64 = 10_000;
/// Fuel for each page of 64 KiB that an instance has at the start or grows by. The engine's own
/// table of costs ends at 255, so growth is noted here and paid at the next host call or at the
/// end; the limit on memory bounds what can be owed.
pub const PAGE_FUEL: u64 = 10_000;

/// What the host functions of one run work on.
pub(super) struct Frame {
    /// The ledger.
    pub(super) lent: Lent,
    /// The instance's memory; set once the instance stands, dropped with its store.
    pub(super) memory: Option<Memory>,
    /// What the contract may say.
    pub(super) schema: Arc<Schema>,
    /// Pages owed.
    pub(super) growth: Growth,
    /// Host calls made.
    pub(super) host_calls: u64,
    /// What `result` set.
    pub(super) result: Vec<u8>,
    /// What `refuse` set.
    pub(super) refusal: Option<(u32, Vec<Param>)>,
}

/// A run at its beginning.
pub(super) const fn frame(lent: Lent, schema: Arc<Schema>) -> Frame {
    Frame {
        lent,
        memory: None,
        schema,
        growth: Growth::new(),
        host_calls: 0,
        result: Vec::new(),
        refusal: None,
    }
}

/// Bounds memory and notes what it costs.
pub(super) struct Growth {
    pub(super) owed: u64,
    memory_max: usize,
    table_max: usize,
}

impl Growth {
    const fn new() -> Self {
        let table_max = linli_types::limits::TABLE_ENTRIES_MAX as usize;
        Self { owed: 0, memory_max: linli_types::limits::MEMORY_BYTES_MAX, table_max }
    }
}

impl ResourceLimiter for Growth {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.memory_max {
            return Ok(false);
        }
        let pages = desired.saturating_sub(current) / (64 * 1024);
        let pages = u64::try_from(pages).unwrap_or(u64::MAX);
        self.owed = self.owed.saturating_add(pages.saturating_mul(PAGE_FUEL));
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= self.table_max)
    }
}

/// Why a run does not go on. Travels through the engine as an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Halt {
    /// A host function refused, or the node is damaged.
    #[error("stopped by the host")]
    Stop(Stop),
    /// The contract broke the interface: a pointer outside, a writer in a query.
    #[error("the contract broke the host's interface")]
    Trap,
    /// Fuel is used up.
    #[error("out of fuel")]
    OutOfFuel,
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<Halt> for Stop {
    /// Whatever the trap, the receipt says one thing (W2).
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Stop(stop) => stop,
            Halt::Trap => Self::Refused(Code::Trap.refuse([])),
            Halt::OutOfFuel => Self::Refused(Code::OutOfFuel.refuse([])),
        }
    }
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Stop(Stop::Refused(refusal))
    }
}

/// A refusal with a native code.
pub(super) fn native(code: Code) -> Halt {
    Halt::from(code.refuse([]))
}

fn broken(what: &str) -> Halt {
    Halt::Stop(Stop::Broken(Broken(what.into())))
}

/// Runs `entry` of `code`.
pub(super) fn run(code: &Compiled, entry: Entry, input: &[u8], fuel: u64, lent: Lent) -> Ran {
    let Some(export) = code.entry(entry) else { return absent(entry) };
    let asked = match ask(&code.schema, entry, input) {
        Ok(asked) => asked,
        Err(refusal) => return Ran { fuel: 0, end: Err(Stop::Refused(refusal)) },
    };
    let mut store = Store::new(code.module.engine(), frame(lent, Arc::clone(&code.schema)));
    store.limiter(|frame| &mut frame.growth);
    let end = enter(code, export, entry, input, fuel, &mut store);
    let end = end.and_then(|answer| judge(answer, asked, store.data_mut()));
    let left = match end {
        Err(Halt::OutOfFuel) => 0,
        _ => store.get_fuel().unwrap_or(0),
    };
    Ran { fuel: fuel.saturating_sub(left), end: end.map_err(Stop::from) }
}

/// A contract without `init` has nothing to do; any other entry is asked for by its schema.
pub(super) fn absent(entry: Entry) -> Ran {
    let end = match entry {
        Entry::Init => Ok(Vec::new()),
        _ => Err(Stop::Refused(Code::BadAnswer.refuse([]))),
    };
    Ran { fuel: 0, end }
}

/// Makes the instance, hands over the input and enters; what the entry returned.
fn enter(
    code: &Compiled,
    export: wasmtime::ModuleExport,
    entry: Entry,
    input: &[u8],
    fuel: u64,
    store: &mut Store<Frame>,
) -> Result<i32, Halt> {
    let start = fuel.checked_sub(ENTER_FUEL).ok_or(Halt::OutOfFuel)?;
    store.set_fuel(start).map_err(|_| broken("the engine counts no fuel"))?;
    let instance = code.linked(entry).instantiate(&mut *store);
    // Static checks leave the module no way to fail here: it is the machine's fault.
    let instance = instance.map_err(|error| broken(&format!("no instance: {error:#}")))?;
    let missing = || broken("a checked module lost an export");
    let memory = instance.get_module_export(&mut *store, &code.memory);
    let memory = memory.and_then(wasmtime::Extern::into_memory).ok_or_else(missing)?;
    store.data_mut().memory = Some(memory);
    let alloc = instance.get_module_export(&mut *store, &code.alloc);
    let alloc = alloc.and_then(wasmtime::Extern::into_func).ok_or_else(missing)?;
    let alloc = alloc.typed::<u32, u32>(&*store).map_err(|_| missing())?;
    let entrance = instance.get_module_export(&mut *store, &export);
    let entrance = entrance.and_then(wasmtime::Extern::into_func).ok_or_else(missing)?;
    let entrance = entrance.typed::<(u32, u32), i32>(&*store).map_err(|_| missing())?;

    let length = u32::try_from(input.len()).map_err(|_| Halt::Trap)?;
    let pointer = alloc.call(&mut *store, length).map_err(halt_of)?;
    let place = usize::try_from(pointer).map_err(|_| Halt::Trap)?;
    memory.write(&mut *store, place, input).map_err(|_| Halt::Trap)?;
    let answer = entrance.call(&mut *store, (pointer, length)).map_err(halt_of)?;
    settle(store)?;
    Ok(answer)
}

/// Pays what growth owes.
fn settle(store: &mut Store<Frame>) -> Result<(), Halt> {
    let owed = std::mem::take(&mut store.data_mut().growth.owed);
    let left = store.get_fuel().ok().and_then(|left| left.checked_sub(owed));
    store.set_fuel(left.ok_or(Halt::OutOfFuel)?).map_err(|_| Halt::OutOfFuel)
}

/// What an error of the engine means: ours come back, every trap is one trap.
fn halt_of(error: wasmtime::Error) -> Halt {
    if let Some(halt) = error.downcast_ref::<Halt>() {
        return halt.clone();
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => Halt::OutOfFuel,
        _ => Halt::Trap,
    }
}

/// Judges what the entry returned, by the contract's own schema.
pub(super) fn judge(
    answer: i32,
    asked: Option<MessageRef>,
    frame: &mut Frame,
) -> Result<Vec<u8>, Halt> {
    match answer {
        0 => {
            let result = std::mem::take(&mut frame.result);
            match asked.map(|response| frame.schema.walk(response, &result, &no_filter)) {
                Some(Err(_)) => Err(native(Code::BadAnswer)),
                Some(Ok(())) | None => Ok(result),
            }
        }
        1 => {
            let refusal = frame.refusal.take();
            let known = refusal.filter(|(code, _)| frame.schema.has_refusal(*code));
            let (code, params) = known.ok_or_else(|| native(Code::BadAnswer))?;
            let host = frame.lent.host().ok_or_else(|| broken("the host is gone"))?;
            Err(Refusal { room: host.room().to_string(), code, params }.into())
        }
        _ => Err(native(Code::BadAnswer)),
    }
}

/// Checks a call's or a query's input against the schema, whoever framed it: a transaction's was
/// checked before, another contract's and a reader's was not. The message of the answer.
pub(super) fn ask(
    schema: &Schema,
    entry: Entry,
    input: &[u8],
) -> Result<Option<MessageRef>, Refusal> {
    let find: for<'s> fn(&'s Schema, &str) -> Option<&'s Method> = match entry {
        Entry::Call => Schema::call,
        Entry::Query => Schema::query,
        Entry::Init | Entry::Fire => return Ok(None),
    };
    let split = input.split_first().and_then(|(length, rest)| {
        let (name, args) = rest.split_at_checked(usize::from(*length))?;
        Some((std::str::from_utf8(name).ok()?, args))
    });
    let refuse = |what: &str| Code::Malformed.refuse([Param::Word(what.into())]);
    let (name, args) = split.ok_or_else(|| refuse("method: not a name"))?;
    let method = find(schema, name).ok_or_else(|| refuse("method: unknown"))?;
    schema.walk(method.request, args, &no_filter).map_err(|fault| fault.refusal())?;
    Ok(Some(method.response))
}
