//! The next version: who may make it, when it may begin, what it may say.

use super::{HeadRow, ROOM, VersionRow, head, head_key, in_force, version, version_key};
use crate::identity::{Subject, judge};
use crate::native::{Deed, Done, event, malformed, method_word, read, word};
use crate::room::unknown_method;
use crate::vm::Stop;
use linli_types::account::NOBODY;
use linli_types::calendar::Year;
use linli_types::code::Code;
use linli_types::height::TimeMs;
use linli_types::limits::{POLICY_AHEAD_MS_MAX, POLICY_SCHEDULED_MAX};
use linli_types::policy::{BadPolicy, Duty, DutyPair, Param, Policy, Weights, WeightsOf};
use linli_types::receipt::{Param as Parameter, Refusal};
use linli_types::wire::policy as wire;
use prost::Message;

const SET: &str = "Set";
const POLICY_SET: &str = "linli.policy.v1.PolicySet";

/// Makes a call of this room.
pub(crate) fn call(deed: &mut Deed<'_, '_>, method: &str, args: &[u8]) -> Done {
    if method != SET {
        return Err(unknown_method(ROOM, method).into());
    }
    if !deed.caller.is_empty() {
        return Err(Code::DirectOnly.refuse([method_word(ROOM, SET)]).into());
    }
    set(deed, args)
}

fn set(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::SetRequest = read(args)?;
    judge(deed, (ROOM, SET), Subject::NOBODY)?;
    carry_out(deed, request)
}

/// Makes the next version for whoever had the right to it: an office, or a motion that passed.
pub(crate) fn carry_out(deed: &mut Deed<'_, '_>, request: wire::SetRequest) -> Done {
    let now = deed.place.time;
    let before = head(deed.overlay)?;
    if request.base != before.last {
        let numbers = [request.base, before.last].map(|n| Parameter::Number(u64::from(n)));
        return Err(Code::PolicyBase.refuse(numbers).into());
    }
    let effective = TimeMs(request.effective_at_ms);
    check_time(deed, &before, effective)?;
    let (last, by) = (version(deed.overlay, before.last)?.content, deed.actor.principal);
    let content = changed(last.clone(), request)?;
    content.check().map_err(refusal)?; // Y1
    if content == last {
        return Err(Code::PolicyEmpty.refuse([]).into());
    }
    let number = before.last.checked_add(1).ok_or_else(|| Code::Overflow.refuse([]))?;
    let row = VersionRow { number, effective, set_at: deed.place.height, content };
    let head = after(&before, now, (number, effective))?;
    deed.overlay.write(version_key(number), Some(linli_types::encode(&row)))?;
    deed.overlay.write(head_key(), Some(linli_types::encode(&head)))?;
    let message =
        wire::PolicySet { version: number, effective_at_ms: effective.0, by: by.0.to_vec() };
    let result = wire::SetResponse { version: number }.encode_to_vec();
    Ok((result, event(ROOM, POLICY_SET, [by].into_iter().filter(|by| *by != NOBODY), &message)))
}

/// When a version may begin (Y3, Y4).
fn check_time(deed: &mut Deed<'_, '_>, head: &HeadRow, effective: TimeMs) -> Result<(), Stop> {
    let now = deed.place.time;
    let refuse = |code: Code, bound: TimeMs| {
        Err(code.refuse([effective.0, bound.0].map(Parameter::Number)).into())
    };
    if effective <= now {
        return refuse(Code::PolicyPast, now);
    }
    let lock = in_force(deed.overlay, now)?.content.param(Param::PolicyLockMs);
    let (first, latest) = (now.plus_ms(lock), now.plus_ms(POLICY_AHEAD_MS_MAX));
    if effective < first {
        return refuse(Code::TimeLock, first);
    }
    if effective > latest {
        return refuse(Code::PolicyAhead, latest);
    }
    match head.scheduled.last() {
        Some((_, last)) if effective <= *last => refuse(Code::PolicyOrder, *last),
        _ => Ok(()),
    }
}

/// The head with one version more; what has begun leaves the list.
fn after(before: &HeadRow, now: TimeMs, next: (u32, TimeMs)) -> Result<HeadRow, Refusal> {
    let waits = |(_, effective): &&(u32, TimeMs)| *effective > now;
    let mut scheduled: Vec<_> = before.scheduled.iter().filter(waits).copied().collect();
    if scheduled.len() >= POLICY_SCHEDULED_MAX {
        let max = Parameter::Number(POLICY_SCHEDULED_MAX as u64);
        return Err(Code::PolicyFull.refuse([max]));
    }
    scheduled.push(next);
    Ok(HeadRow { last: next.0, begun: before.number_at(now), scheduled })
}

/// The last version with a request's changes.
fn changed(mut policy: Policy, request: wire::SetRequest) -> Result<Policy, Refusal> {
    for wire::ParamValue { param, value } in request.params {
        upsert(&mut policy.params, (param, value), |(number, _)| *number);
    }
    for year in request.calendar {
        upsert(&mut policy.calendar, read_year(&year)?, |year| year.year);
    }
    if let Some(list) = request.negative {
        policy.negative = list.codes;
    }
    if let Some(table) = request.duties {
        policy.duties = table.pairs.iter().map(read_pair).collect::<Result<_, _>>()?;
    }
    for weights in request.weights {
        upsert(&mut policy.weights, read_weights(weights)?, |weights| weights.of);
    }
    Ok(policy)
}

/// Replaces the row with the same key, or puts a new one in its place in the order.
fn upsert<T, K: Ord>(rows: &mut Vec<T>, row: T, key: impl Fn(&T) -> K) {
    match rows.binary_search_by_key(&key(&row), &key) {
        Ok(at) => {
            if let Some(place) = rows.get_mut(at) {
                *place = row;
            }
        }
        Err(at) => rows.insert(at, row),
    }
}

fn read_year(year: &wire::CalendarYear) -> Result<Year, Refusal> {
    let bad = || Code::BadCalendar.refuse([Parameter::Number(u64::from(year.year))]);
    let working = year.working.as_slice().try_into().map_err(|_| bad())?;
    Ok(Year { year: u16::try_from(year.year).map_err(|_| bad())?, working })
}

fn read_pair(pair: &wire::DutyPair) -> Result<DutyPair, Refusal> {
    let duty = |number| Duty::from_number(number).ok_or_else(|| malformed("duties"));
    Ok(DutyPair { a: duty(pair.a)?, b: duty(pair.b)?, relatives: pair.relatives })
}

fn read_weights(weights: wire::Weights) -> Result<Weights, Refusal> {
    let number = u32::try_from(weights.of).unwrap_or(0);
    let of = WeightsOf::from_number(number).ok_or_else(|| malformed("weights.of"))?;
    Ok(Weights { of, parts: weights.parts })
}

/// What the sender is told about content that cannot stand.
fn refusal(bad: BadPolicy) -> Refusal {
    let number = |n: usize| Parameter::Number(n as u64);
    match bad {
        BadPolicy::UnknownParam(param) => {
            Code::ParamUnknown.refuse([Parameter::Number(u64::from(param))])
        }
        BadPolicy::Range { name, value, min, max } => {
            let [value, min, max] = [value, min, max].map(Parameter::Number);
            Code::ParamRange.refuse([word(name), value, min, max])
        }
        BadPolicy::Year(year) => Code::BadCalendar.refuse([Parameter::Number(u64::from(year))]),
        BadPolicy::Weights { sum, expected, .. } => {
            Code::Weights.refuse([Parameter::Number(sum), number(expected)])
        }
        BadPolicy::Table(name) => Code::BadTable.refuse([word(name)]),
    }
}
