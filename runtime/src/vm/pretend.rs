//! Contracts that are functions of this program instead of modules: for their authors' tests alone
//! (feature `pretend`, which no binary has).
//!
//! A program meets what a module meets: the checks of its schema, the bounds, the prices of the host's
//! functions, and the very same [`Host`](super::Host) behind them. What differs: its own steps cost no
//! fuel, and nothing bounds its memory and its stack.
//!
//! # Invariants
//!
//! - **W3 paid first** and **W5 readers read** hold for programs too.

use super::functions::{
    ABOUT_MAX, KIND_BYTES_MAX, PARAMS_BYTES_MAX, PRINCIPAL_BYTES, at_most, digest, key_length,
    length_of, limit, typed,
};
use super::lend::Lent;
use super::run::{self, ENTER_FUEL, Frame, Halt, native};
use super::seam::{Entry, Ran, Stop};
use super::{NativeCode, Vm};
use crate::schema::Schema;
use linli_types::abi::{HostFunction, host_function};
use linli_types::height::TimeMs;
use linli_types::id::{Digest, PrincipalId, TimerId};
use linli_types::limits::{
    ARGUMENT_BYTES_MAX, EVENT_BYTES_MAX, NAME_BYTES_MAX, RESULT_BYTES_MAX, STORAGE_VALUE_BYTES_MAX,
    TIMER_PAYLOAD_BYTES_MAX,
};
use linli_types::store::Broken;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A contract's functions.
pub trait Body: Send + Sync {
    /// Whether it has the entry.
    fn has(&self, entry: Entry) -> bool;

    /// Runs the entry: 0 for done, 1 for refused, as a module's export returns.
    ///
    /// # Errors
    ///
    /// The [`Stop`] that a function of `door` gave; [`NativeCode::Trap`] for a panic of its own.
    fn enter(&self, entry: Entry, input: &[u8], door: &mut Door<'_>) -> Result<i32, Stop>;
}

/// A contract as functions.
#[derive(Clone)]
pub struct Program {
    /// What stands in the genesis as the module's bytes. Names the program; no WASM begins so.
    pub code: Vec<u8>,
    /// Its file descriptor set.
    pub schema: Vec<u8>,
    /// Its functions.
    pub body: Arc<dyn Body>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("code", &self.code).finish_non_exhaustive()
    }
}

/// A program with its schema compiled.
pub(super) struct Ready {
    schema: Arc<Schema>,
    program: Program,
}

impl Vm {
    /// Takes programs: whoever deploys their code deploys them.
    pub(crate) fn with(mut self, programs: Vec<Program>) -> Result<Self, Broken> {
        let ready = |program: Program| {
            let schema = Schema::parse(&program.schema).map_err(|why| Broken(why.to_string()))?;
            let hash = linli_types::digest::plain(&program.code);
            Ok((hash, Ready { schema: Arc::new(schema), program }))
        };
        self.programs =
            programs.into_iter().map(ready).collect::<Result<BTreeMap<Digest, _>, Broken>>()?;
        Ok(self)
    }
}

impl Ready {
    pub(super) fn schemas(&self) -> (&Schema, &[u8]) {
        (&self.schema, &self.program.schema)
    }

    /// Runs `entry`, as [`run::run`] runs a module's.
    pub(super) fn run(&self, entry: Entry, input: &[u8], fuel: u64, lent: Lent) -> Ran {
        let body = &*self.program.body;
        if !body.has(entry) {
            return run::absent(entry);
        }
        let asked = match run::ask(&self.schema, entry, input) {
            Ok(asked) => asked,
            Err(refusal) => return Ran { fuel: 0, end: Err(refusal.into()) },
        };
        let mut frame = run::frame(lent, Arc::clone(&self.schema));
        let mut door = Door { frame: &mut frame, fuel, is_query: entry == Entry::Query };
        let entered = door.charge(ENTER_FUEL).map_err(Stop::from);
        let end = entered.and_then(|()| body.enter(entry, input, &mut door));
        let left = door.fuel;
        let end = end.and_then(|answer| Ok(run::judge(answer, asked, &mut frame)?));
        Ran { fuel: fuel.saturating_sub(left), end }
    }
}

/// The host's functions for one run of a program. Each does what the row of the table says, in the
/// order in which a module meets it: bounds, price, work.
pub struct Door<'f> {
    frame: &'f mut Frame,
    /// Left.
    fuel: u64,
    is_query: bool,
}

impl fmt::Debug for Door<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("fuel", &self.fuel).finish_non_exhaustive()
    }
}

type Row = &'static HostFunction;

fn long(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

impl Door<'_> {
    fn charge(&mut self, fuel: u64) -> Result<(), Halt> {
        let left = self.fuel.checked_sub(fuel);
        self.fuel = left.unwrap_or(0);
        left.map(drop).ok_or(Halt::OutOfFuel)
    }

    /// The function's row; those that write trap in a query (W5).
    fn row(&self, name: &str) -> Result<Row, Halt> {
        let row = host_function(name).ok_or(Halt::Trap)?;
        if self.is_query && !row.in_query { Err(Halt::Trap) } else { Ok(row) }
    }

    /// Counts the call and pays for it and for `bytes` (W3).
    fn pay(&mut self, row: Row, bytes: u64) -> Result<(), Halt> {
        self.frame.count()?;
        self.charge(row.fuel.saturating_add(row.fuel_per_byte.saturating_mul(bytes)))
    }

    fn pay_after(&mut self, row: Row, bytes: &[u8]) -> Result<(), Halt> {
        self.charge(row.fuel_per_byte.saturating_mul(length_of(bytes)))
    }

    fn pay_key(&mut self, name: &str, key: &[u8]) -> Result<Row, Halt> {
        let row = self.row(name)?;
        self.pay(row, key_length(long(key))?)?;
        Ok(row)
    }
}

/// What each does stands in [`linli_types::abi::HOST`].
///
/// # Errors
///
/// All of them: [`Stop`], which ends the whole transaction.
#[allow(missing_docs, clippy::missing_errors_doc, reason = "linli_types::abi::HOST documents each")]
impl Door<'_> {
    pub fn context(&mut self) -> Result<[u8; 64], Stop> {
        let row = self.row("context")?;
        self.pay(row, 0)?;
        Ok(self.frame.host()?.context())
    }

    pub fn caller(&mut self) -> Result<String, Stop> {
        let row = self.row("caller")?;
        let caller = self.frame.host()?.caller().to_string();
        self.pay(row, length_of(caller.as_bytes()))?;
        Ok(caller)
    }

    pub fn read(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Stop> {
        let row = self.pay_key("read", key)?;
        let found = self.frame.host()?.read(key)?;
        if let Some(value) = &found {
            self.pay_after(row, value)?;
        }
        Ok(found)
    }

    pub fn write(&mut self, key: &[u8], value: &[u8]) -> Result<(), Stop> {
        let row = self.row("write")?;
        let key_bytes = key_length(long(key))?;
        let bytes = at_most("value", long(value), STORAGE_VALUE_BYTES_MAX)?;
        self.pay(row, key_bytes.saturating_add(bytes))?;
        self.frame.host()?.write(key, value)
    }

    pub fn remove(&mut self, key: &[u8]) -> Result<(), Stop> {
        self.pay_key("remove", key)?;
        self.frame.host()?.remove(key)
    }

    pub fn claimed(&mut self, id: &[u8]) -> Result<Option<[u8; 32]>, Stop> {
        self.pay_key("claimed", id)?;
        self.frame.host()?.claimed(id)
    }

    pub fn claim(&mut self, id: &[u8], digest: [u8; 32]) -> Result<u32, Stop> {
        self.pay_key("claim", id)?;
        self.frame.host()?.claim(id, digest)
    }

    pub fn emit(&mut self, kind: &str, about: &[PrincipalId], data: &[u8]) -> Result<(), Stop> {
        let row = self.row("emit")?;
        let kind_bytes = long(kind.as_bytes());
        if kind_bytes > KIND_BYTES_MAX {
            return Err(native(NativeCode::BadAnswer).into());
        }
        let about_bytes = u32::try_from(about.len()).unwrap_or(u32::MAX);
        if about_bytes > ABOUT_MAX {
            return Err(limit("principals of an event").into());
        }
        let about_bytes = u64::from(about_bytes).saturating_mul(u64::from(PRINCIPAL_BYTES));
        let bytes = at_most("event", long(data), EVENT_BYTES_MAX)?;
        let names = u64::from(kind_bytes).saturating_add(about_bytes);
        self.pay(row, names.saturating_add(bytes))?;
        self.frame.knows_event(kind, data)?;
        self.frame.host()?.emit(kind, about, data)
    }

    pub fn append(&mut self, digest: [u8; 32]) -> Result<u64, Stop> {
        let row = self.row("append")?;
        self.pay(row, 0)?;
        self.frame.host()?.append(digest)
    }

    pub fn schedule(&mut self, at: TimeMs, payload: &[u8]) -> Result<TimerId, Stop> {
        let row = self.row("schedule")?;
        self.pay(row, at_most("timer payload", long(payload), TIMER_PAYLOAD_BYTES_MAX)?)?;
        self.frame.host()?.schedule(at, payload)
    }

    pub fn cancel(&mut self, id: TimerId) -> Result<bool, Stop> {
        let row = self.row("cancel")?;
        self.pay(row, 0)?;
        self.frame.host()?.cancel(id)
    }

    pub fn call(&mut self, room: &str, method: &str, args: &[u8]) -> Result<Vec<u8>, Stop> {
        let row = self.row("call")?;
        let name = |name: &str| at_most("name", long(name.as_bytes()), NAME_BYTES_MAX);
        let names = name(room)?.saturating_add(name(method)?);
        let args_bytes = at_most("arguments", long(args), ARGUMENT_BYTES_MAX)?;
        self.pay(row, names.saturating_add(args_bytes))?;
        let fuel = self.fuel;
        let (result, used) = self.frame.host()?.call(room, method, args, fuel)?;
        self.charge(used)?;
        self.pay_after(row, &result)?;
        Ok(result)
    }

    pub fn hash(&mut self, algorithm: u32, data: &[u8]) -> Result<[u8; 32], Stop> {
        let row = self.row("hash")?;
        self.pay(row, length_of(data))?;
        Ok(digest(algorithm, data)?)
    }

    pub fn result(&mut self, data: &[u8]) -> Result<(), Stop> {
        let row = self.row("result")?;
        self.pay(row, at_most("result", long(data), RESULT_BYTES_MAX)?)?;
        self.frame.result = data.to_vec();
        Ok(())
    }

    pub fn refuse(&mut self, code: u32, params: &[u8]) -> Result<(), Stop> {
        let row = self.row("refuse")?;
        if long(params) > PARAMS_BYTES_MAX {
            return Err(native(NativeCode::BadAnswer).into());
        }
        self.pay(row, length_of(params))?;
        let params = typed(params).ok_or_else(|| native(NativeCode::BadAnswer))?;
        self.frame.refusal = Some((code, params));
        Ok(())
    }
}
