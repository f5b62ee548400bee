//! The host's functions, as the engine calls them: one for each row of
//! [`HOST`], which also says what they cost.
//!
//! Each counts itself, checks bounds, pays (W3), finds its regions in the contract's memory, and
//! only then asks the [`Host`]. Regions outside the memory trap.

use super::run::{Frame, Halt, native};
use super::seam::Host;
use crate::schema::{Schema, no_filter};
use linli_types::abi::{HOST, HostFunction, MODULE};
use linli_types::code::Code;
use linli_types::height::TimeMs;
use linli_types::id::{PrincipalId, TimerId};
use linli_types::limits::{
    ARGUMENT_BYTES_MAX, EVENT_BYTES_MAX, HOST_CALLS_MAX, NAME_BYTES_MAX, PARAM_BYTES_MAX,
    PARAMS_MAX, RESULT_BYTES_MAX, STORAGE_KEY_BYTES_MAX, STORAGE_VALUE_BYTES_MAX,
    TIMER_PAYLOAD_BYTES_MAX,
};
use linli_types::receipt::Param;
use linli_types::store::Broken;
use linli_types::wire;
use prost::Message;
use std::sync::LazyLock;
use wasmtime::{Caller, Engine, FuncType, Linker};

/// Bytes of an event's full name.
pub(super) const KIND_BYTES_MAX: u32 = 128;
/// Principals that one event concerns.
pub(super) const ABOUT_MAX: u32 = 16;
pub(super) const PRINCIPAL_BYTES: u32 = 16;
/// Bytes of the encoded parameters of a refusal: eight of 128 bytes and their tags.
pub(super) const PARAMS_BYTES_MAX: u32 = 2048;

/// A linker with every function of the table and nothing else. For queries, those that write trap.
///
/// # Errors
///
/// [`Broken`] if the table names a function that stands not here: our own fault, found at the
/// first start and by a test.
pub(super) fn linker(engine: &Engine, is_query: bool) -> Result<Linker<Frame>, Broken> {
    let mut linker = Linker::new(engine);
    for row in HOST {
        let added = if is_query && !row.in_query {
            trapping(&mut linker, engine, row)
        } else {
            working(&mut linker, row)
        };
        added.map_err(|error| Broken(format!("host function {}: {error:#}", row.name)))?;
    }
    Ok(linker)
}

/// A function of the row's type that traps.
fn trapping(
    linker: &mut Linker<Frame>,
    engine: &Engine,
    row: &'static HostFunction,
) -> wasmtime::Result<()> {
    let kind = super::engine::value_type;
    let params = row.params.iter().copied().map(kind);
    let of = FuncType::new(engine, params, row.result.into_iter().map(kind));
    let trap = |_: Caller<'_, Frame>, _: &[_], _: &mut [_]| Err(wasmtime::Error::new(Halt::Trap));
    linker.func_new(MODULE, row.name, of, trap).map(drop)
}

/// Adds a function with its row in hand.
macro_rules! add {
    ($linker:ident, $row:ident, $function:ident($($arg:ident: $kind:ty),*)) => {
        $linker.func_wrap(
            MODULE,
            $row.name,
            move |mut caller: Caller<'_, Frame>, $($arg: $kind),*| {
                $function(&mut caller, $row $(, $arg)*).map_err(wasmtime::Error::new)
            },
        )
    };
}

fn working(linker: &mut Linker<Frame>, row: &'static HostFunction) -> wasmtime::Result<()> {
    match row.name {
        "context" => add!(linker, row, context(out: u32)),
        "caller" => add!(linker, row, caller(out: u32, cap: u32)),
        "read" => add!(linker, row, read(key: u32, key_len: u32, out: u32, cap: u32)),
        "write" => add!(linker, row, write(key: u32, key_len: u32, value: u32, len: u32)),
        "remove" => add!(linker, row, remove(key: u32, key_len: u32)),
        "claimed" => add!(linker, row, claimed(id: u32, id_len: u32, out: u32)),
        "claim" => add!(linker, row, claim(id: u32, id_len: u32, digest: u32)),
        "emit" => add!(
            linker,
            row,
            emit(kind: u32, kind_len: u32, about: u32, about_len: u32, data: u32, len: u32)
        ),
        "append" => add!(linker, row, append(digest: u32)),
        "schedule" => add!(linker, row, schedule(at: u64, payload: u32, len: u32, out: u32)),
        "cancel" => add!(linker, row, cancel(id: u32)),
        "call" => add!(
            linker,
            row,
            call(
                room: u32, room_len: u32, method: u32, method_len: u32, args: u32, args_len: u32,
                out: u32, cap: u32
            )
        ),
        "hash" => add!(linker, row, hash(algorithm: u32, data: u32, len: u32, out: u32)),
        "result" => add!(linker, row, result(data: u32, len: u32)),
        "refuse" => add!(linker, row, refuse(code: u32, params: u32, len: u32)),
        name => return Err(wasmtime::Error::msg(format!("no implementation of {name}"))),
    }
    .map(drop)
}

type In<'a, 'b> = &'a mut Caller<'b, Frame>;
type Row = &'static HostFunction;

/// Counts the call and pays for it and for `bytes` (W3), growth included.
fn pay(caller: In<'_, '_>, row: Row, bytes: u64) -> Result<(), Halt> {
    caller.data_mut().count()?;
    charge(caller, row.fuel.saturating_add(row.fuel_per_byte.saturating_mul(bytes)))
}

/// Takes fuel, and what growth of memory owes.
fn charge(caller: In<'_, '_>, fuel: u64) -> Result<(), Halt> {
    let owed = std::mem::take(&mut caller.data_mut().growth.owed);
    let left = caller.get_fuel().ok().and_then(|left| left.checked_sub(fuel.saturating_add(owed)));
    caller.set_fuel(left.ok_or(Halt::OutOfFuel)?).map_err(|_| Halt::OutOfFuel)
}

pub(super) fn limit(what: &str) -> Halt {
    Halt::from(Code::HostLimit.refuse([Param::Word(what.to_string())]))
}

pub(super) fn at_most(what: &str, length: u32, max: usize) -> Result<u64, Halt> {
    match usize::try_from(length) {
        Ok(found) if found <= max => Ok(u64::from(length)),
        _ => Err(limit(what)),
    }
}

/// A storage key or a business id: one byte at least.
pub(super) fn key_length(length: u32) -> Result<u64, Halt> {
    if length == 0 {
        Err(limit("empty key"))
    } else {
        at_most("key", length, STORAGE_KEY_BYTES_MAX)
    }
}

/// The contract's memory and the run's data, side by side.
fn parts<'a>(caller: &'a mut Caller<'_, Frame>) -> Result<(&'a mut [u8], &'a mut Frame), Halt> {
    // W4: the handle belongs to this very store.
    let memory = caller.data().memory.ok_or(Halt::Trap)?;
    Ok(memory.data_and_store_mut(caller))
}

impl Frame {
    pub(super) fn host(&mut self) -> Result<&mut dyn Host, Halt> {
        self.lent.host().ok_or(Halt::Trap)
    }

    /// Counts a host call.
    pub(super) fn count(&mut self) -> Result<(), Halt> {
        self.host_calls = self.host_calls.saturating_add(1);
        if self.host_calls > HOST_CALLS_MAX { Err(limit("host calls")) } else { Ok(()) }
    }

    /// Refuses an event that the contract's schema does not know, or whose data do not follow it.
    pub(super) fn knows_event(&self, kind: &str, data: &[u8]) -> Result<(), Halt> {
        let bad = || native(Code::BadAnswer);
        let message = self.schema.event(kind).ok_or_else(bad)?;
        self.schema.walk(message, data, &no_filter).map_err(|_| bad())
    }
}

fn region(memory: &[u8], at: u32, length: u32) -> Result<&[u8], Halt> {
    let place = |n: u32| usize::try_from(n).map_err(|_| Halt::Trap);
    let rest = memory.get(place(at)?..).ok_or(Halt::Trap)?;
    rest.get(..place(length)?).ok_or(Halt::Trap)
}

fn array<const N: usize>(memory: &[u8], at: u32) -> Result<[u8; N], Halt> {
    let length = u32::try_from(N).map_err(|_| Halt::Trap)?;
    region(memory, at, length)?.try_into().map_err(|_| Halt::Trap)
}

/// Copies as much of `bytes` as `cap` allows to `out`; answers with their full length.
fn put(memory: &mut [u8], out: u32, cap: u32, bytes: &[u8]) -> Result<i32, Halt> {
    let place = |n: u32| usize::try_from(n).map_err(|_| Halt::Trap);
    let copied = bytes.len().min(place(cap)?);
    let rest = memory.get_mut(place(out)?..).ok_or(Halt::Trap)?;
    let target = rest.get_mut(..copied).ok_or(Halt::Trap)?;
    target.copy_from_slice(bytes.get(..copied).ok_or(Halt::Trap)?);
    i32::try_from(bytes.len()).map_err(|_| Halt::Trap)
}

pub(super) fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn context(caller: In<'_, '_>, row: Row, out: u32) -> Result<(), Halt> {
    pay(caller, row, 0)?;
    let (memory, frame) = parts(caller)?;
    let context = frame.host()?.context();
    put(memory, out, u32::MAX, &context).map(drop)
}

fn caller(caller: In<'_, '_>, row: Row, out: u32, cap: u32) -> Result<i32, Halt> {
    let length = caller.data_mut().host()?.caller().len();
    pay(caller, row, u64::try_from(length).unwrap_or(u64::MAX))?;
    let (memory, frame) = parts(caller)?;
    put(memory, out, cap, frame.host()?.caller().as_bytes())
}

fn read(
    caller: In<'_, '_>,
    row: Row,
    key: u32,
    key_len: u32,
    out: u32,
    cap: u32,
) -> Result<i32, Halt> {
    pay(caller, row, key_length(key_len)?)?;
    let (memory, frame) = parts(caller)?;
    let Some(value) = frame.host()?.read(region(memory, key, key_len)?)? else { return Ok(-1) };
    charge(caller, row.fuel_per_byte.saturating_mul(length_of(&value)))?;
    let (memory, _) = parts(caller)?;
    put(memory, out, cap, &value)
}

fn write(
    caller: In<'_, '_>,
    row: Row,
    key: u32,
    key_len: u32,
    value: u32,
    len: u32,
) -> Result<(), Halt> {
    let bytes = key_length(key_len)? + at_most("value", len, STORAGE_VALUE_BYTES_MAX)?;
    pay(caller, row, bytes)?;
    let (memory, frame) = parts(caller)?;
    Ok(frame.host()?.write(region(memory, key, key_len)?, region(memory, value, len)?)?)
}

fn remove(caller: In<'_, '_>, row: Row, key: u32, key_len: u32) -> Result<(), Halt> {
    pay(caller, row, key_length(key_len)?)?;
    let (memory, frame) = parts(caller)?;
    Ok(frame.host()?.remove(region(memory, key, key_len)?)?)
}

fn claimed(caller: In<'_, '_>, row: Row, id: u32, id_len: u32, out: u32) -> Result<i32, Halt> {
    pay(caller, row, key_length(id_len)?)?;
    let (memory, frame) = parts(caller)?;
    match frame.host()?.claimed(region(memory, id, id_len)?)? {
        Some(digest) => put(memory, out, u32::MAX, &digest).map(|_| 1),
        None => Ok(0),
    }
}

fn claim(caller: In<'_, '_>, row: Row, id: u32, id_len: u32, digest: u32) -> Result<u32, Halt> {
    pay(caller, row, key_length(id_len)?)?;
    let (memory, frame) = parts(caller)?;
    let digest = array::<32>(memory, digest)?;
    Ok(frame.host()?.claim(region(memory, id, id_len)?, digest)?)
}

#[expect(clippy::too_many_arguments, reason = "the interface's own")]
fn emit(
    caller: In<'_, '_>,
    row: Row,
    kind: u32,
    kind_len: u32,
    about: u32,
    about_len: u32,
    data: u32,
    len: u32,
) -> Result<(), Halt> {
    if !about_len.is_multiple_of(PRINCIPAL_BYTES) {
        return Err(Halt::Trap);
    }
    if kind_len > KIND_BYTES_MAX {
        return Err(native(Code::BadAnswer));
    }
    if about_len > ABOUT_MAX * PRINCIPAL_BYTES {
        return Err(limit("principals of an event"));
    }
    let bytes = at_most("event", len, EVENT_BYTES_MAX)?;
    pay(caller, row, u64::from(kind_len) + u64::from(about_len) + bytes)?;
    let (memory, frame) = parts(caller)?;
    let kind = std::str::from_utf8(region(memory, kind, kind_len)?);
    let kind = kind.map_err(|_| native(Code::BadAnswer))?;
    let data = region(memory, data, len)?;
    frame.knows_event(kind, data)?;
    let about = region(memory, about, about_len)?;
    let about: Vec<PrincipalId> =
        about.chunks_exact(PrincipalId::BYTES).filter_map(PrincipalId::from_slice).collect();
    Ok(frame.host()?.emit(kind, &about, data)?)
}

fn append(caller: In<'_, '_>, row: Row, digest: u32) -> Result<u64, Halt> {
    pay(caller, row, 0)?;
    let (memory, frame) = parts(caller)?;
    let digest = array::<32>(memory, digest)?;
    Ok(frame.host()?.append(digest)?)
}

fn schedule(
    caller: In<'_, '_>,
    row: Row,
    at: u64,
    payload: u32,
    len: u32,
    out: u32,
) -> Result<(), Halt> {
    pay(caller, row, at_most("timer payload", len, TIMER_PAYLOAD_BYTES_MAX)?)?;
    let (memory, frame) = parts(caller)?;
    let id = frame.host()?.schedule(TimeMs(at), region(memory, payload, len)?)?;
    put(memory, out, u32::MAX, &id.0).map(drop)
}

fn cancel(caller: In<'_, '_>, row: Row, id: u32) -> Result<u32, Halt> {
    pay(caller, row, 0)?;
    let (memory, frame) = parts(caller)?;
    let id = TimerId(array::<16>(memory, id)?);
    Ok(u32::from(frame.host()?.cancel(id)?))
}

#[expect(clippy::too_many_arguments, reason = "the interface's own")]
fn call(
    caller: In<'_, '_>,
    row: Row,
    room: u32,
    room_len: u32,
    method: u32,
    method_len: u32,
    args: u32,
    args_len: u32,
    out: u32,
    cap: u32,
) -> Result<i32, Halt> {
    let names =
        at_most("name", room_len, NAME_BYTES_MAX)? + at_most("name", method_len, NAME_BYTES_MAX)?;
    pay(caller, row, names + at_most("arguments", args_len, ARGUMENT_BYTES_MAX)?)?;
    let fuel = caller.get_fuel().map_err(|_| Halt::OutOfFuel)?;
    let (memory, frame) = parts(caller)?;
    let name =
        |at, length| std::str::from_utf8(region(memory, at, length)?).map_err(|_| Halt::Trap);
    let (room, method) = (name(room, room_len)?, name(method, method_len)?);
    let args = region(memory, args, args_len)?;
    let (result, used) = frame.host()?.call(room, method, args, fuel)?;
    charge(caller, used.saturating_add(row.fuel_per_byte.saturating_mul(length_of(&result))))?;
    let (memory, _) = parts(caller)?;
    put(memory, out, cap, &result)
}

fn hash(
    caller: In<'_, '_>,
    row: Row,
    algorithm: u32,
    data: u32,
    len: u32,
    out: u32,
) -> Result<(), Halt> {
    pay(caller, row, u64::from(len))?;
    let (memory, _) = parts(caller)?;
    let data = region(memory, data, len)?;
    put(memory, out, u32::MAX, &digest(algorithm, data)?).map(drop)
}

/// The digest by an algorithm's number.
pub(super) fn digest(algorithm: u32, data: &[u8]) -> Result<[u8; 32], Halt> {
    match algorithm {
        0 => Ok(*blake3::hash(data).as_bytes()),
        1 => Ok(<sha2::Sha256 as sha2::Digest>::digest(data).into()),
        2 => Ok(<sm3::Sm3 as sm3::Digest>::digest(data).into()),
        _ => Err(Halt::Trap),
    }
}

fn result(caller: In<'_, '_>, row: Row, data: u32, len: u32) -> Result<(), Halt> {
    pay(caller, row, at_most("result", len, RESULT_BYTES_MAX)?)?;
    let (memory, frame) = parts(caller)?;
    frame.result.clear();
    frame.result.extend_from_slice(region(memory, data, len)?);
    Ok(())
}

fn refuse(caller: In<'_, '_>, row: Row, code: u32, params: u32, len: u32) -> Result<(), Halt> {
    if len > PARAMS_BYTES_MAX {
        return Err(native(Code::BadAnswer));
    }
    pay(caller, row, u64::from(len))?;
    let (memory, frame) = parts(caller)?;
    let params = typed(region(memory, params, len)?).ok_or_else(|| native(Code::BadAnswer))?;
    frame.refusal = Some((code, params));
    Ok(())
}

/// The schema of a refusal's parameters.
static PARAMS: LazyLock<Schema> = LazyLock::new(|| {
    Schema::of_messages(wire::DESCRIPTORS, &["linli.v1.Params"]).expect("our own schema compiles")
});

/// Reads the parameters of a refusal, strictly.
pub(super) fn typed(bytes: &[u8]) -> Option<Vec<Param>> {
    let message = PARAMS.message("linli.v1.Params")?;
    PARAMS.walk(message, bytes, &no_filter).ok()?;
    let params = wire::Params::decode(bytes).ok()?.params;
    if params.len() > PARAMS_MAX {
        return None;
    }
    let fits = |length: usize| length <= PARAM_BYTES_MAX;
    let typed = |param: wire::Param| match param.value? {
        wire::param::Value::Number(number) => Some(Param::Number(number)),
        wire::param::Value::Bytes(bytes) => fits(bytes.len()).then_some(Param::Bytes(bytes)),
        wire::param::Value::Word(word) => fits(word.len()).then_some(Param::Word(word)),
    };
    params.into_iter().map(typed).collect()
}
