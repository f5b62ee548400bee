//! The law of this room over a whole store.

use super::{HeadRow, ROOM, VersionRow, head_key, version_key};
use crate::invariant::Invariant;
use crate::stored::{decode, full_key, visit_room};
use linli_types::store::{Broken, Column, Read};

/// Y1, Y3: versions are sound, number and beginning ascend together, and the head names the last.
#[derive(Clone, Copy, Debug)]
pub struct Ascending;

impl Invariant for Ascending {
    fn name(&self) -> &'static str {
        "Y3 policy versions"
    }

    fn breaches(&self, store: &dyn Read) -> Result<Vec<String>, Broken> {
        let (mut found, mut versions) = (Vec::new(), Vec::<VersionRow>::new());
        let mut head: Option<HeadRow> = None;
        visit_room(store, Column::State, ROOM, |key, value| {
            if full_key(ROOM, key) == head_key() {
                head = decode(value, "the policy's head").ok();
                return Ok(());
            }
            match decode::<VersionRow>(value, "a version") {
                Ok(row) if full_key(ROOM, key) == version_key(row.number) => versions.push(row),
                _ => found.push("a row of the policy cannot be read".to_string()),
            }
            Ok(())
        })?;
        for row in &versions {
            if let Err(bad) = row.content.check() {
                found.push(format!("version {}: {bad}", row.number)); // Y1
            }
        }
        let follow = |(a, b): (&VersionRow, &VersionRow)| {
            Some(b.number) == a.number.checked_add(1) && a.effective < b.effective
        };
        if !versions.iter().zip(versions.iter().skip(1)).all(follow) {
            found.push("the versions do not ascend".to_string()); // Y3
        }
        if !head.is_some_and(|head| fits(&head, &versions)) {
            found.push("the head does not name the versions".to_string());
        }
        Ok(found)
    }
}

/// Whether the head names the last version, one that had begun, and all after that one.
fn fits(head: &HeadRow, versions: &[VersionRow]) -> bool {
    let last = versions.last().map(|row| row.number);
    let later = versions.iter().filter(|row| row.number > head.begun);
    let later: Vec<_> = later.map(|row| (row.number, row.effective)).collect();
    last == Some(head.last)
        && versions.first().is_some_and(|row| row.number == 1)
        && (1..=head.last).contains(&head.begun)
        && later == head.scheduled
}
