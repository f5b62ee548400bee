//! What changes something: entries, claims, events, timers, other rooms, refusals.

use crate::malformed;
use crate::schema::{
    Amount, Bytes, ClaimRequest, ContextResponse, Counter, CrossRequest, Digest, Entry, Fired,
    HashRequest, Id, Key, Many, Nothing, Number, Refusal as No, RefuseRequest, Said,
    ScheduleRequest, Value,
};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use linli_contract::id::TimerId;
use linli_contract::wire::{Param, param};
use linli_contract::{Claim, Code, Env, Event, Map, Refusal, bytes, number};

const VALUES: Map<[u8], Value> = Map::new();
const COUNTERS: Map<[u8], Counter> = Map::new();
/// How long after itself "again" is set, in milliseconds.
const AGAIN_MS: u64 = 1000;

pub(crate) fn call(env: &mut Env<'_>, method: &str, args: &[u8]) -> Result<Vec<u8>, Refusal> {
    match method {
        "Emit" => env.answer(args, malformed, emit),
        "EmitUnknown" => env.answer(args, malformed, |env, _: Nothing| {
            env.emit_encoded("linli.probe.v1.Nowhere", &[], &[]);
            Ok(Nothing {})
        }),
        "EmitBadText" => env.answer(args, malformed, |env, _: Nothing| {
            // Field 2, two bytes that are no UTF-8.
            env.emit_encoded(Said::KIND, &[], &[0x12, 2, 0xff, 0xfe]);
            Ok(Nothing {})
        }),
        "Refuse" => env.answer(args, malformed, refuse),
        "RefuseUnknown" => env.answer(args, malformed, |_, ask: Amount| {
            let code = u32::try_from(ask.amount).unwrap_or(u32::MAX);
            Err::<Nothing, _>(Refusal { code, params: Vec::new() })
        }),
        "Write" => env.answer(args, malformed, write),
        "WriteThenRefuse" => env.answer(args, malformed, |env, ask: Entry| {
            let refusal = No::AskedFor.refuse([number(0), bytes(&ask.key)]);
            write(env, ask)?;
            Err::<Nothing, _>(refusal)
        }),
        "WriteMany" => env.answer(args, malformed, write_many),
        "Remove" => env.answer(args, malformed, |env, ask: Key| {
            VALUES.remove(env, ask.key.as_slice());
            Ok(Nothing {})
        }),
        "Count" => {
            env.answer(args, malformed, |env, ask: Key| Ok(Number { number: rise(env, &ask.key) }))
        }
        "Claim" => env.answer(args, malformed, claim),
        "Append" => env.answer(args, malformed, |env, ask: Digest| {
            let digest = ask.digest.try_into().map_err(|_| malformed())?;
            Ok(Number { number: env.append(&digest) })
        }),
        "Schedule" => env.answer(args, malformed, |env, ask: ScheduleRequest| {
            let at_ms = env.context().now_ms.saturating_add(ask.after_ms);
            Ok(Id { id: env.schedule(at_ms, &ask.payload).0.into() })
        }),
        "Cancel" => env.answer(args, malformed, |env, ask: Id| {
            let id = TimerId::from_slice(&ask.id).ok_or_else(malformed)?;
            Ok(Number { number: env.cancel(&id).into() })
        }),
        "Cross" => env.answer(args, malformed, |env, ask: CrossRequest| {
            Ok(Bytes { bytes: env.call_encoded(&ask.room, &ask.method, &ask.args) })
        }),
        "Context" => env.answer(args, malformed, context),
        "Hash" => env.answer(args, malformed, |env, ask: HashRequest| {
            Ok(Bytes { bytes: env.hash(ask.algorithm, &ask.data).into() })
        }),
        _ => Err(malformed()),
    }
}

pub(crate) fn read(env: &mut Env<'_>, ask: Key) -> Result<Entry, Refusal> {
    let value = VALUES.get(env, ask.key.as_slice()).unwrap_or_default().value;
    Ok(Entry { key: ask.key, value, note: String::new() })
}

pub(crate) fn claimed(env: &mut Env<'_>, ask: Key) -> Result<Bytes, Refusal> {
    Ok(Bytes { bytes: env.claimed(&ask.key).map(Vec::from).unwrap_or_default() })
}

pub(crate) fn fire(env: &mut Env<'_>, payload: &[u8]) -> Result<Vec<u8>, Refusal> {
    let now_ms = env.context().now_ms;
    match payload {
        b"trap" => linli_contract::abi::trap(),
        b"spin" => spin_for_ever(),
        b"refuse" => return Err(No::AskedFor.refuse([number(now_ms), bytes(payload)])),
        b"again" => {
            env.schedule(now_ms.saturating_add(AGAIN_MS), payload);
        }
        _ => {}
    }
    let number = rise(env, payload);
    env.emit(&[], &Fired { payload: payload.into(), number, at_ms: now_ms });
    Ok(Vec::new())
}

fn spin_for_ever() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

fn rise(env: &mut Env<'_>, key: &[u8]) -> u64 {
    let before = COUNTERS.get(env, key).unwrap_or_default().number;
    let number = before.saturating_add(1);
    COUNTERS.put(env, key, &Counter { number });
    number
}

fn emit(env: &mut Env<'_>, ask: Many) -> Result<Nothing, Refusal> {
    let sender = env.context().sender;
    let letters = usize::try_from(ask.bytes).unwrap_or(usize::MAX);
    let text = String::from_utf8(vec![b'a'; letters]).unwrap_or_default();
    for number in 0..ask.amount {
        env.emit(&[sender], &Said { number, text: text.clone() });
    }
    Ok(Nothing {})
}

fn refuse(_: &mut Env<'_>, ask: RefuseRequest) -> Result<Nothing, Refusal> {
    // A test's word; a real contract never sends what a user typed.
    let word = Param { value: Some(param::Value::Word(ask.word)) };
    Err(No::AskedFor.refuse([number(ask.number), bytes(&ask.bytes), word]))
}

fn write(env: &mut Env<'_>, ask: Entry) -> Result<Nothing, Refusal> {
    VALUES.put(env, ask.key.as_slice(), &Value { value: ask.value });
    Ok(Nothing {})
}

fn write_many(env: &mut Env<'_>, ask: Many) -> Result<Nothing, Refusal> {
    let value = Value { value: vec![1; usize::try_from(ask.bytes).unwrap_or(usize::MAX)] };
    for n in 0..ask.amount {
        VALUES.put(env, n.to_be_bytes().as_slice(), &value);
    }
    Ok(Nothing {})
}

fn claim(env: &mut Env<'_>, ask: ClaimRequest) -> Result<Number, Refusal> {
    let digest = ask.digest.try_into().map_err(|_| malformed())?;
    let number = match env.claim(&ask.id, &digest) {
        Claim::New => 0,
        Claim::Same => 1,
        Claim::Other => 2,
    };
    Ok(Number { number })
}

fn context(env: &mut Env<'_>, _: Nothing) -> Result<ContextResponse, Refusal> {
    let context = env.context();
    Ok(ContextResponse {
        height: context.height,
        now_ms: context.now_ms,
        sender: context.sender.0.into(),
        organisation: context.organisation,
        policy: context.policy,
        key: context.key.0.into(),
        caller: env.caller(),
    })
}
