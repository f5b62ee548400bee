//! A source's row: numbers, the chain over its records, the figures of its latest day.
//!
//! # Invariants
//!
//! - **INV-E1 gapless.** A number is taken once, in the row and nowhere else; a hole is told when it
//!   opens and stays in the row until it closes.
//! - **INV-E5 for ever.** `head` only moves on.

use crate::numbers::{self, NotTaken};
use crate::schema::{Day, GapDetected, Refusal as No, Source};
use alloc::vec::Vec;
use linli_contract::id::PrincipalId;
use linli_contract::{Code, Env, Map, Refusal, number};

/// Every source's bookkeeping.
pub(crate) const SOURCES: Map<PrincipalId, Source> = Map::new();
/// Figures of the days before a source's latest.
pub(crate) const DAYS: Map<[u8; 24], Day> = Map::new();

const DAY_MS: u64 = 24 * 3600 * 1000;
/// UTC+8.
const ZONE_MS: u64 = 8 * 3600 * 1000;

/// The day of a time: days since 1970 in UTC+8.
pub(crate) const fn day_of(now_ms: u64) -> u64 {
    now_ms.saturating_add(ZONE_MS) / DAY_MS
}

/// A business id: what it is of, the source, a number.
pub(crate) fn number_id(of: u8, source: &PrincipalId, number: u64) -> [u8; 25] {
    let mut id = [0; 25];
    let parts = [of].into_iter().chain(source.0).chain(number.to_be_bytes());
    id.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    id
}

/// What a call adds to a source.
pub(crate) struct Taking {
    pub(crate) first: u64,
    pub(crate) count: u64,
    /// What `head` takes up.
    pub(crate) digest: [u8; 32],
}

/// INV-E1. Takes the numbers and moves the row on; emits what was left out.
pub(crate) fn take(
    env: &mut Env<'_>,
    source: &PrincipalId,
    taking: &Taking,
) -> Result<(), Refusal> {
    let mut row = SOURCES.get(env, source).unwrap_or_else(numbers::first);
    let before = numbers::highest(&row);
    numbers::take(&mut row, taking.first, taking.count).map_err(|why| match why {
        NotTaken::Used(used) => No::DuplicateNumber.refuse([number(used), number(row.open)]),
        NotTaken::TooFar { wanted, max } => No::SeqGap.refuse([number(wanted), number(max)]),
    })?;
    let highest = numbers::highest(&row);
    if taking.first > before.saturating_add(1) {
        let (from, to) = (before.saturating_add(1), taking.first.saturating_sub(1));
        env.emit(&[*source], &GapDetected { source: source.0.into(), from, to });
    }
    row.records = row.records.saturating_add(taking.count);
    row.head = env.sha256(&[row.head.as_slice(), &taking.digest].concat()).to_vec();
    let mut today = today(env, source, &mut row);
    today.records = today.records.saturating_add(taking.count);
    today.expected = today.expected.saturating_add(highest.saturating_sub(before));
    row.today = Some(today);
    SOURCES.put(env, source, &row);
    Ok(())
}

/// The figures of today. Those of an earlier day move to their own entry.
fn today(env: &mut Env<'_>, source: &PrincipalId, row: &mut Source) -> Day {
    let day = day_of(env.context().now_ms);
    let known = row.today.take();
    if u64::from(row.day) == day {
        return known.unwrap_or_default();
    }
    if let Some(known) = known {
        DAYS.put(env, &day_key(source, row.day), &known);
    }
    row.day = u32::try_from(day).unwrap_or(u32::MAX);
    Day::default()
}

/// Counts a record of `day` that is now corroborated.
pub(crate) fn corroborated(env: &mut Env<'_>, source: &PrincipalId, day: u16) {
    change(env, source, day, |figures| {
        figures.corroborated = figures.corroborated.saturating_add(1);
    });
}

/// Counts one no more: it was invalidated.
pub(crate) fn corroborated_no_more(env: &mut Env<'_>, source: &PrincipalId, day: u16) {
    change(env, source, day, |figures| {
        figures.corroborated = figures.corroborated.saturating_sub(1);
    });
}

fn change(env: &mut Env<'_>, source: &PrincipalId, day: u16, change: impl FnOnce(&mut Day)) {
    let Some(mut row) = SOURCES.get(env, source) else { return };
    if let (true, Some(figures)) = (row.day == u32::from(day), row.today.as_mut()) {
        change(figures);
        SOURCES.put(env, source, &row);
        return;
    }
    let key = day_key(source, day.into());
    if let Some(mut figures) = DAYS.get(env, &key) {
        change(&mut figures);
        DAYS.put(env, &key, &figures);
    }
}

/// The figures of one day.
pub(crate) fn figures(env: &mut Env<'_>, source: &PrincipalId, row: &Source, day: u32) -> Day {
    let found = match row.day == day {
        true => row.today,
        false => DAYS.get(env, &day_key(source, day)),
    };
    found.unwrap_or_default()
}

fn day_key(source: &PrincipalId, day: u32) -> [u8; 24] {
    crate::facts::record_key(source, day.into())
}

/// What `head` takes up for several statements: see `Source` in the schema.
pub(crate) fn batch_digest(
    env: &mut Env<'_>,
    first: u64,
    count: u32,
    statements: &[u8],
) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(statements.len().saturating_add(12));
    bytes.extend_from_slice(&first.to_be_bytes());
    bytes.extend_from_slice(&count.to_be_bytes());
    bytes.extend_from_slice(statements);
    env.sha256(&bytes)
}
