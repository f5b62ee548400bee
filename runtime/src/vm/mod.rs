//! The WASM host: contracts run here, and nothing of the machine reaches them.
//!
//! A contract sees the functions of [`linli_types::abi::HOST`] and its own memory. What these
//! functions do to the ledger is behind [`Host`], which the executing side implements; this room
//! checks pointers, lengths and bounds, charges fuel, and turns every end into data.
//!
//! ```text
//! code ─ inspect ─▶ depth (stack counted) ─▶ compiled ─▶ kept by hash
//! run: instance ─ alloc, input ─▶ entry ⇄ host functions ⇄ Host ─▶ result | refusal, fuel
//! ```
//!
//! # Invariants
//!
//! - **W1 fuel decides.** Every result follows from code, input, fuel and the host's answers. No
//!   clock, no float, no native stack depth, no address enters.
//! - **W2 one trap.** Whatever the trap, the receipt says [`Code::Trap`](linli_types::code::Code);
//!   fuel used up is its own code, because fuel is the same everywhere.
//! - **W3 paid first.** A host function charges fuel before it works; what it can charge only
//!   afterwards (the length of a value read) is bounded by the limits table.
//! - **W4 nothing left.** An instance serves one entry and is dropped; a memory never outlives its
//!   store.
//! - **W5 readers read.** In a query every function that writes traps.

mod checked;
mod compiled;
mod depth;
mod engine;
mod functions;
mod inspect;
mod lend;
#[cfg(feature = "pretend")]
mod pretend;
mod refused;
mod run;
mod seam;
#[cfg(test)]
mod tests;

pub(crate) use checked::inspect;
#[cfg(feature = "pretend")]
pub use pretend::{Body, Door, Program};
pub use refused::DeployRefused;
pub use run::{ENTER_FUEL, PAGE_FUEL};
pub use seam::{CodeCache, Deployed, Entry, Host, NoCache, Ran, Stop};

use crate::schema::Schema;
use linli_types::code::Code as NativeCode;
use linli_types::id::Digest;
use linli_types::limits::CALL_DEPTH_MAX;
use linli_types::store::Broken;
use run::Frame;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use wasmtime::{Engine, InstancePre, Linker, Module, ModuleExport};

/// Native stack that a thread needs below the code that calls [`Vm::run`], at the very worst:
/// a chain of calls of the greatest depth, every contract at its engine's own limit. Ordinary
/// contracts take a hundredth of it.
pub const STACK_BYTES: usize = (CALL_DEPTH_MAX + 1) * (engine::NATIVE_STACK_BYTES + 64 * 1024);

/// The engine and every deployed contract.
pub struct Vm {
    engine: Engine,
    key: u64,
    cache: Box<dyn CodeCache>,
    calls: Linker<Frame>,
    queries: Linker<Frame>,
    codes: BTreeMap<Digest, Code>,
    #[cfg(feature = "pretend")]
    programs: BTreeMap<Digest, pretend::Ready>,
    queries_running: AtomicUsize,
}

/// A deployed module, linked and ready.
struct Code {
    module: Module,
    for_calls: InstancePre<Frame>,
    for_queries: InstancePre<Frame>,
    schema: Arc<Schema>,
    schema_bytes: Vec<u8>,
    memory: ModuleExport,
    alloc: ModuleExport,
    entries: [Option<ModuleExport>; 4],
}

impl Code {
    fn entry(&self, entry: Entry) -> Option<ModuleExport> {
        let [init, call, query, fire] = self.entries;
        match entry {
            Entry::Init => init,
            Entry::Call => call,
            Entry::Query => query,
            Entry::Fire => fire,
        }
    }

    const fn linked(&self, entry: Entry) -> &InstancePre<Frame> {
        match entry {
            Entry::Query => &self.for_queries, // W5
            Entry::Init | Entry::Call | Entry::Fire => &self.for_calls,
        }
    }
}

impl Vm {
    /// Starts an engine without contracts.
    ///
    /// # Errors
    ///
    /// [`Broken`] if this machine cannot run the engine.
    pub fn new(cache: Box<dyn CodeCache>) -> Result<Self, Broken> {
        let engine = engine::engine()?;
        Ok(Self {
            key: engine::key(&engine),
            cache,
            calls: functions::linker(&engine, false)?,
            queries: functions::linker(&engine, true)?,
            codes: BTreeMap::new(),
            #[cfg(feature = "pretend")]
            programs: BTreeMap::new(),
            queries_running: AtomicUsize::new(0),
            engine,
        })
    }

    /// Checks, instruments and compiles a module (or takes the compiled form from the cache), and
    /// keeps it by its hash. Deploying the same code twice is free.
    ///
    /// # Errors
    ///
    /// [`DeployRefused`] names the rule that the module breaks.
    pub fn deploy(&mut self, code: &[u8]) -> Result<Deployed, DeployRefused> {
        let hash = linli_types::digest::plain(code);
        if let Some((_, schema)) = self.schemas(&hash) {
            return Ok(Deployed { hash, schema: schema.to_vec() });
        }
        let inspected = inspect::inspect(code)?;
        let cache = &*self.cache;
        let module = compiled::compiled(&self.engine, self.key, &inspected.counted, cache)?;
        let refuse = |error: wasmtime::Error| DeployRefused::Engine(format!("{error:#}"));
        let export = |name| module.get_export_index(name);
        let schema = inspected.schema_bytes.clone();
        let ready = Code {
            for_calls: self.calls.instantiate_pre(&module).map_err(refuse)?,
            for_queries: self.queries.instantiate_pre(&module).map_err(refuse)?,
            schema: Arc::new(inspected.schema),
            schema_bytes: inspected.schema_bytes,
            memory: export("memory").ok_or(DeployRefused::MissingExport("memory"))?,
            alloc: export("alloc").ok_or(DeployRefused::MissingExport("alloc"))?,
            entries: [Entry::Init, Entry::Call, Entry::Query, Entry::Fire]
                .map(|entry| export(entry.export())),
            module,
        };
        self.codes.insert(hash, ready);
        Ok(Deployed { hash, schema })
    }

    /// Enters the contract `hash` with at most `fuel`. Never panics and never fails for the
    /// contract's fault: that is a refusal in [`Ran::end`].
    pub fn run(
        &self,
        hash: &Digest,
        entry: Entry,
        input: &[u8],
        fuel: u64,
        host: &mut dyn Host,
    ) -> Ran {
        #[cfg(feature = "pretend")]
        if let Some(program) = self.programs.get(hash) {
            return lend::lend(host, |lent| program.run(entry, input, fuel, lent));
        }
        let Some(code) = self.codes.get(hash) else {
            let end = Err(Stop::Broken(Broken(format!("no contract code {hash} is deployed"))));
            return Ran { fuel: 0, end };
        };
        let _place = match entry {
            Entry::Query => match Place::take(&self.queries_running) {
                Some(place) => Some(place),
                None => return Ran { fuel: 0, end: Err(NativeCode::Busy.refuse([]).into()) },
            },
            Entry::Init | Entry::Call | Entry::Fire => None,
        };
        lend::lend(host, |lent| run::run(code, entry, input, fuel, lent))
    }

    /// Whether code of this hash is ready.
    pub(crate) fn has(&self, hash: &Digest) -> bool {
        self.schemas(hash).is_some()
    }

    /// The schema of a deployed contract, compiled and as bytes.
    pub(crate) fn schemas(&self, hash: &Digest) -> Option<(&Schema, &[u8])> {
        #[cfg(feature = "pretend")]
        if let Some(program) = self.programs.get(hash) {
            return Some(program.schemas());
        }
        self.codes.get(hash).map(|code| (&*code.schema, code.schema_bytes.as_slice()))
    }

    /// The compiled schema of a deployed contract.
    pub fn schema(&self, hash: &Digest) -> Option<&Schema> {
        self.schemas(hash).map(|(schema, _)| schema)
    }
}

impl fmt::Debug for Vm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vm").field("codes", &self.codes.keys()).finish_non_exhaustive()
    }
}

/// One query's place among those that may run at once: queries must never take the instances that
/// the execution of a block needs.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(running: &'a AtomicUsize) -> Option<Self> {
        let before = running.fetch_add(1, Ordering::AcqRel);
        let place = Self(running);
        (before < engine::QUERIES_MAX).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
