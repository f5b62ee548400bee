//! What the contract must still know of a record when something happens to it: 32 bytes beside the
//! tree, claimed with the record, or in a batch's row for all of its records.
//!
//! ```text
//! device 16 ‖ captured ms 6 ‖ organisation 4 ‖ day 2 ‖ kind 1 ‖ retention 1 ‖ flags 1 ‖ clock, basis 1
//! ```
//!
//! Numbers are big-endian; the last byte is clock source · 16 + basis. Records that were anchored
//! before facts were kept have none: they count as captured at time 0 by nobody's device.

use crate::schema::{Basis, Batch, ClockSource, Kind, Retention};
use crate::source::number_id;
use linli_contract::id::PrincipalId;
use linli_contract::limits::EVIDENCE_BATCH_MAX;
use linli_contract::{Env, Map};

/// Captured more than 24 h before it was registered.
pub const BACKDATED: u8 = 1;
/// One of a batch.
pub const BATCH: u8 = 2;
/// Shows somebody below 14.
pub const MINORS: u8 = 4;
/// Sensitive personal data.
pub const SENSITIVE: u8 = 8;

/// The longest run of numbers that is noted at once: a whole batch.
const LEVEL_MAX: u32 = EVIDENCE_BATCH_MAX.ilog2();

/// Batches by source and first number.
pub(crate) const BATCHES: Map<[u8; 24], Batch> = Map::new();

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) device: PrincipalId,
    pub(crate) captured_ms: u64,
    pub(crate) organisation: u32,
    /// Day on which it was registered: days since 1970 in UTC+8.
    pub(crate) day: u16,
    pub(crate) kind: u8,
    pub(crate) retention: u8,
    pub(crate) flags: u8,
    pub(crate) clock: u8,
    pub(crate) basis: u8,
}

impl Facts {
    pub(crate) fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let captured = self.captured_ms.to_be_bytes();
        let last = (self.clock << 4) | (self.basis & 15);
        let parts = self
            .device
            .0
            .iter()
            .chain(captured.iter().skip(2))
            .copied()
            .chain(self.organisation.to_be_bytes())
            .chain(self.day.to_be_bytes())
            .chain([self.kind, self.retention, self.flags, last]);
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Self {
        let (device, rest) = part::<16>(bytes);
        let (captured, rest) = part::<6>(rest);
        let (organisation, rest) = part::<4>(rest);
        let (day, rest) = part::<2>(rest);
        let ([kind, retention, flags, last], _) = part::<4>(rest);
        let captured_ms = captured.iter().fold(0, |sum: u64, byte| (sum << 8) | u64::from(*byte));
        Self {
            device: PrincipalId(device),
            captured_ms,
            organisation: u32::from_be_bytes(organisation),
            day: u16::from_be_bytes(day),
            kind,
            retention,
            flags,
            clock: last >> 4,
            basis: last & 15,
        }
    }

    pub(crate) fn kind(self) -> Kind {
        Kind::try_from(i32::from(self.kind)).unwrap_or_default()
    }

    pub(crate) fn retention(self) -> Retention {
        Retention::try_from(i32::from(self.retention)).unwrap_or_default()
    }

    pub(crate) fn clock(self) -> ClockSource {
        ClockSource::try_from(i32::from(self.clock)).unwrap_or_default()
    }

    pub(crate) fn basis(self) -> Basis {
        Basis::try_from(i32::from(self.basis)).unwrap_or_default()
    }
}

/// The first `N` bytes and the rest. The callers' lengths add up to 32.
fn part<const N: usize>(bytes: &[u8]) -> ([u8; N], &[u8]) {
    bytes.split_first_chunk::<N>().map_or(([0; N], &[]), |(first, rest)| (*first, rest))
}

/// The business id under which a single record's facts stand.
fn facts_id(source: &PrincipalId, number: u64) -> [u8; 25] {
    number_id(b'f', source, number)
}

/// Notes a single record's facts, for ever. Its number is claimed once, and so are they (INV-E1).
pub(crate) fn keep(env: &mut Env<'_>, source: &PrincipalId, number: u64, facts: Facts) {
    env.claim(&facts_id(source, number), &facts.to_bytes());
}

/// A record's facts, if it stands.
pub(crate) fn find(env: &mut Env<'_>, source: &PrincipalId, number: u64) -> Option<Facts> {
    if let Some(bytes) = env.claimed(&facts_id(source, number)) {
        return Some(Facts::from_bytes(&bytes));
    }
    if env.claimed(&number_id(b'n', source, number)).is_some() {
        return Some(Facts::default());
    }
    let (_, batch) = batch_of(env, source, number)?;
    Some(Facts::from_bytes(batch.facts.as_slice().try_into().ok()?))
}

/// The business id under which a batch is found: a run of 2^level numbers, aligned, all of the batch.
fn run_id(source: &PrincipalId, level: u32, number: u64) -> [u8; 26] {
    let mut id = [0; 26];
    let run = number.checked_shr(level).unwrap_or(0);
    let parts = [b'b', u8::try_from(level).unwrap_or(u8::MAX)].into_iter();
    let parts = parts.chain(source.0).chain(run.to_be_bytes());
    id.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    id
}

/// Notes where a batch's numbers are found: at most 20 aligned runs for 1,024 numbers, and one to eleven
/// if batches follow each other. No two batches share a number, so no two share a run.
pub(crate) fn note_batch(env: &mut Env<'_>, source: &PrincipalId, first: u64, count: u64) {
    let mut value = [0; 32];
    if let Some(place) = value.first_chunk_mut::<8>() {
        *place = first.to_be_bytes();
    }
    let end = first.saturating_add(count);
    let mut at = first;
    while at < end {
        let fits = (end - at).checked_ilog2().unwrap_or(0);
        let level = at.trailing_zeros().min(fits).min(LEVEL_MAX);
        env.claim(&run_id(source, level, at), &value);
        at = at.saturating_add(1 << level);
    }
}

/// The batch that holds a number, with its first one.
pub(crate) fn batch_of(
    env: &mut Env<'_>,
    source: &PrincipalId,
    number: u64,
) -> Option<(u64, Batch)> {
    let mut levels = 0..=LEVEL_MAX;
    let value = levels.find_map(|level| env.claimed(&run_id(source, level, number)))?;
    let first = u64::from_be_bytes(*value.first_chunk()?);
    Some((first, BATCHES.get(env, &record_key(source, first))?))
}

/// Key of whatever stands for a record: the source, then the number.
pub(crate) fn record_key(source: &PrincipalId, number: u64) -> [u8; 24] {
    let mut key = [0; 24];
    let parts = source.0.into_iter().chain(number.to_be_bytes());
    key.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn facts_come_back_as_they_were(
            device in any::<[u8; 16]>(), captured_ms in 0..1_u64 << 48, organisation in any::<u32>(),
            day in any::<u16>(), bytes in any::<[u8; 3]>(), clock in 0..16_u8, basis in 0..16_u8,
        ) {
            let [kind, retention, flags] = bytes;
            let device = PrincipalId(device);
            let facts =
                Facts { device, captured_ms, organisation, day, kind, retention, flags, clock, basis };
            prop_assert_eq!(Facts::from_bytes(&facts.to_bytes()), facts);
        }
    }

    #[test]
    fn facts_stand_where_the_module_says() {
        let facts = Facts {
            device: PrincipalId([7; 16]),
            captured_ms: 0x0102_0304_0506,
            organisation: 0x0708_090a,
            day: 0x0b0c,
            kind: 13,
            retention: 14,
            flags: 15,
            clock: 4,
            basis: 2,
        };
        let rest: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x42];
        assert_eq!(facts.to_bytes().as_slice(), [[7; 16], rest].concat());
    }
}
