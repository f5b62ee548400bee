//! What is registered together: consecutive records of a source that are alike.

use crate::cli::Failure;
use crate::cli::evidence::about::OLD_MS;
use linli_sdk::anchor::KINDS;
use linli_sdk::anchor::register::Provenance;
use linli_sdk::capture::Entry;
use linli_types::id::PrincipalId;
use linli_types::limits::EVIDENCE_BATCH_MAX;
use linli_verify::cose::statement::{Claims, ClockSource};

/// A reserve for the way to the block.
const RESERVE_MS: u64 = 10 * 60 * 1000;
/// Reasons why evidence comes late, as the contract numbers them.
const OFFLINE: i32 = 1;
const IMPORTED: i32 = 3;
/// A kind that is registered by itself: one an hour.
const SENSOR_ROOT: &str = "SENSOR_ROOT";

/// An entry with what its statement says.
pub(super) struct Item {
    pub(super) entry: Entry,
    pub(super) claims: Claims,
    pub(super) provenance: Provenance,
    /// Its leaf, if it stands on the ledger already.
    pub(super) leaf: Option<u64>,
    /// Why it is none to be registered: said when its turn comes.
    pub(super) trouble: Option<Failure>,
    /// Keyed tags of its files.
    pub(super) tags: Vec<[u8; 16]>,
}

/// Records that are registered by one transaction.
pub(super) struct Part {
    pub(super) entries: Vec<Item>,
}

impl Part {
    /// The number of its first record.
    pub(super) fn number(&self) -> u64 {
        self.entries.first().map_or(0, |item| item.entry.number)
    }

    /// Keeps the first half; the second.
    pub(super) fn halve(&mut self) -> Self {
        Self { entries: self.entries.split_off(self.entries.len() / 2) }
    }
}

/// How an entry is registered.
pub(super) fn provenance(entry: &Entry, claims: &Claims, now_ms: u64) -> Provenance {
    let about = &entry.about;
    let old = claims.captured_at_ms < now_ms.saturating_sub(OLD_MS - RESERVE_MS);
    let consent = about.consent.as_deref().and_then(|id| id.parse::<PrincipalId>().ok());
    Provenance {
        retention: about.retention,
        basis: about.basis,
        backdated_reason: match (about.imported, old) {
            (true, _) => IMPORTED,
            (false, true) => OFFLINE,
            (false, false) => 0,
        },
        minors: about.minors,
        sensitive: about.sensitive,
        consent: consent.map(|id| id.0.to_vec()).unwrap_or_default(),
    }
}

/// Parts in the order of the entries.
pub(super) fn parts(items: Vec<Item>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for item in items {
        match parts.last_mut() {
            Some(part) if joins(&part.entries, &item) => part.entries.push(item),
            _ => parts.push(Part { entries: vec![item] }),
        }
    }
    parts
}

fn joins(before: &[Item], item: &Item) -> bool {
    let Some(last) = before.last() else { return false };
    let is_fresh = |item: &Item| item.leaf.is_none() && item.trouble.is_none();
    let follows = last.entry.number.checked_add(1) == Some(item.entry.number);
    is_fresh(last)
        && is_fresh(item)
        && follows
        && before.len() < EVIDENCE_BATCH_MAX
        && shared(last) == shared(item)
        && last.provenance == item.provenance
        && is_of_many(last)
        && is_of_many(item)
}

fn shared(item: &Item) -> (PrincipalId, u16, Option<PrincipalId>, Option<ClockSource>) {
    let claims = &item.claims;
    (claims.source, claims.kind, claims.device, claims.clock_source)
}

/// Whether it may stand in a batch: there each has one tag or none has any.
fn is_of_many(item: &Item) -> bool {
    let kind = KINDS.get(usize::from(item.claims.kind));
    item.tags.len() <= 1 && kind != Some(&SENSOR_ROOT)
}
