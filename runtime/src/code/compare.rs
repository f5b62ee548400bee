//! One past transaction, performed twice: what differs, and which law the new code breaks.
//!
//! Laws are judged over the rows that the transaction changes: they held before it, so they hold
//! after it exactly if they hold over the change.

use crate::invariant::first_broken;
use crate::overlay::{Changed, Changes};
use crate::schema::{Schema, no_filter};
use crate::stored::{full_key, split_key};
use linli_types::id::Digest;
use linli_types::receipt::Receipt;
use linli_types::rehearsal::what;
use linli_types::store::Broken;

/// Entries are what the code's own schema says.
const ENTRIES: &str = "D8 entries";
/// What was taken once stays taken.
const CLAIMS: &str = "O3 business ids";

/// What one performance came to.
pub(super) struct Did {
    pub(super) receipt: Receipt,
    pub(super) statements: Vec<Digest>,
    pub(super) changes: Changes,
}

/// The sum of what differs; fuel does not count.
pub(super) fn differs(old: &Did, new: &Did) -> u8 {
    let rows = |rows: &[Changed]| -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        rows.iter().map(|row| (row.key.clone(), row.new.clone())).collect()
    };
    let same_rows = rows(&old.changes.state) == rows(&new.changes.state)
        && rows(&old.changes.side) == rows(&new.changes.side);
    [
        (what::OUTCOME, old.receipt.outcome == new.receipt.outcome),
        (what::RESULTS, old.receipt.results == new.receipt.results),
        (what::EVENTS, old.receipt.events == new.receipt.events),
        (what::STATEMENTS, old.statements == new.statements),
        (what::ROWS, same_rows),
    ]
    .into_iter()
    .filter(|(_, same)| !same)
    .fold(0, |sum, (what, _)| sum | what)
}

/// The first law that the new performance breaks.
pub(super) fn broken(
    old: &Did,
    new: &Did,
    room: &str,
    schema: &Schema,
) -> Result<Option<&'static str>, Broken> {
    if !entries_hold(&new.changes.state, room, schema) {
        return Ok(Some(ENTRIES));
    }
    if let Some(law) = first_broken(&new.changes.state)? {
        return Ok(Some(law));
    }
    Ok((!claims_stay(old, new, room)).then_some(CLAIMS))
}

/// Every entry of the room that the change found or left can be read by the schema.
fn entries_hold(rows: &[Changed], room: &str, schema: &Schema) -> bool {
    let prefix = full_key(room, &[]);
    let own = rows.iter().filter_map(|row| Some((row.key.strip_prefix(prefix.as_slice())?, row)));
    own.into_iter().all(|(key, row)| {
        let declared = schema.storage().iter().filter(|(p, _)| key.starts_with(p.as_bytes()));
        // The longest prefix that fits says what stands there.
        let Some((_, message)) = declared.max_by_key(|(prefix, _)| prefix.len()) else {
            return schema.storage().is_empty();
        };
        let values = row.old.iter().chain(&row.new);
        values.into_iter().all(|value| schema.walk(*message, value, &no_filter).is_ok())
    })
}

/// What the old code claims in a transaction, the new one claims too, unless it refuses it: else the
/// deed could be done once more.
fn claims_stay(old: &Did, new: &Did, room: &str) -> bool {
    if !new.receipt.is_done() {
        return true;
    }
    let claimed =
        |row: &&Changed| row.old.is_none() && split_key(&row.key).is_some_and(|(of, _)| of == room);
    let stays = |row: &Changed| new.changes.side.iter().any(|new| new.key == row.key);
    old.changes.side.iter().filter(claimed).all(stays)
}
