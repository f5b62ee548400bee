//! The laws of this room over a whole store.

use super::rows::{
    AttestRow, CentreRow, DutiesRow, ExpectedRow, MandateRow, OrgRow, PrincipalRow, RecoveryRow,
    Sm2Row, org_key, prefix,
};
use super::{ROOM, load, load_by_key};
use crate::invariant::Invariant;
use crate::stored::{self, decode, visit_room};
use linli_types::height::Height;
use linli_types::id::PrincipalId;
use linli_types::role::clash;
use linli_types::store::{Broken, Column, Read};
use std::collections::BTreeMap;

/// Visits every principal.
fn visit(
    store: &dyn Read,
    mut each: impl FnMut(PrincipalId, PrincipalRow) -> Result<(), Broken>,
) -> Result<(), Broken> {
    visit_room(store, Column::State, ROOM, |key, value| match key.split_first() {
        Some((&prefix::PRINCIPAL, id)) => {
            let id = PrincipalId::from_slice(id).ok_or_else(|| Broken("a principal's key".into()));
            each(id?, decode(value, "a principal")?)
        }
        _ => Ok(()),
    })
}

/// P1: every key finds its principal, and no key finds anyone else.
#[derive(Clone, Copy, Debug)]
pub struct KeysFound;

impl Invariant for KeysFound {
    fn name(&self) -> &'static str {
        "P1 one key, one principal"
    }

    fn breaches(&self, store: &dyn Read) -> Result<Vec<String>, Broken> {
        let mut owned: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        visit_room(store, Column::Side, ROOM, |_, owner| {
            let count = owned.entry(owner.to_vec()).or_default();
            *count = count.saturating_add(1);
            Ok(())
        })?;
        let mut found = Vec::new();
        visit(store, |id, row| {
            for key in &row.keys {
                let by_key = load_by_key(store, &key.key)?;
                if by_key.is_none_or(|(other, _)| other != id) {
                    found.push(format!("the key {} does not find its principal", key.key));
                }
            }
            let had = u64::from(row.retired).saturating_add(row.keys.len() as u64);
            let leads = owned.remove(id.0.as_slice()).unwrap_or_default();
            if had != leads {
                found.push(format!("{id} had {had} keys, {leads} lead there"));
            }
            Ok(())
        })?;
        found.extend(owned.into_keys().map(|_| "a key leads to nobody".to_string()));
        Ok(found)
    }
}

/// P2: from the next block on, for every height, every principal has a key in force.
#[derive(Clone, Copy, Debug)]
pub struct NeverLockedOut;

impl Invariant for NeverLockedOut {
    fn name(&self) -> &'static str {
        "P2 never locked out"
    }

    fn breaches(&self, store: &dyn Read) -> Result<Vec<String>, Broken> {
        let next = stored::load_head(store)?.map_or(Height(1), |head| head.height.next());
        let mut found = Vec::new();
        visit(store, |id, row| {
            if let Some(gap) = gap_from(&row, next) {
                found.push(format!("{id} has no key at height {gap}"));
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// The first height from `next` on at which no key holds.
pub(super) fn gap_from(row: &PrincipalRow, next: Height) -> Option<Height> {
    let mut height = next;
    while !row.is_covered(height, None) {
        let holding = row.keys.iter().filter(|key| key.holds_at(height));
        match holding.filter_map(|key| key.until).max() {
            Some(until) => height = until,
            None => return Some(height),
        }
    }
    None
}

/// P4: roles stand in order, each once, and none excludes another.
#[derive(Clone, Copy, Debug)]
pub struct RolesApart;

impl Invariant for RolesApart {
    fn name(&self) -> &'static str {
        "P4 roles apart"
    }

    fn breaches(&self, store: &dyn Read) -> Result<Vec<String>, Broken> {
        let mut found = Vec::new();
        visit(store, |id, row| {
            if !row.roles.is_sorted_by(|a, b| a < b) {
                found.push(format!("the roles of {id} are out of order"));
            }
            if let Some(clash) = clash(&row.roles) {
                found.push(format!("the roles of {id} exclude each other: {clash:?}"));
            }
            let known = store.get(Column::State, &org_key(row.org))?;
            if row.org != 0 && known.is_none() {
                found.push(format!("{id} belongs to {}, which nobody admitted", row.org));
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// Every row of the room can be read and names principals who stand.
#[derive(Clone, Copy, Debug)]
pub struct RowsRead;

impl Invariant for RowsRead {
    fn name(&self) -> &'static str {
        "P5 rows of identity"
    }

    fn breaches(&self, store: &dyn Read) -> Result<Vec<String>, Broken> {
        let mut found = Vec::new();
        visit_room(store, Column::State, ROOM, |key, value| {
            let kind = char::from(key.first().copied().unwrap_or(b'?'));
            match people(key, value) {
                None => found.push(format!("a row {kind:?} cannot be read")),
                Some(people) => {
                    for id in people {
                        if load(store, &id)?.is_none() {
                            found.push(format!("a row {kind:?} names {id}, who does not stand"));
                        }
                    }
                }
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// Whom a row names, in its key and its value; `None` if either cannot be read.
fn people(key: &[u8], value: &[u8]) -> Option<Vec<PrincipalId>> {
    let (prefix, rest) = key.split_first()?;
    let id =
        |at: usize| PrincipalId::from_slice(rest.get(at..at.checked_add(PrincipalId::BYTES)?)?);
    let long = |length: usize| (rest.len() == length).then_some(());
    Some(match *prefix {
        prefix::PRINCIPAL => {
            decode::<PrincipalRow>(value, "").ok()?;
            long(16).and_then(|()| Some(vec![id(0)?]))?
        }
        prefix::ORG => {
            decode::<OrgRow>(value, "").ok()?;
            long(4).map(|()| vec![])?
        }
        prefix::CENTRE => {
            decode::<CentreRow>(value, "").ok()?;
            long(4).map(|()| vec![])?
        }
        prefix::RECOVERY => {
            let row: RecoveryRow = decode(value, "").ok()?;
            long(16).and_then(|()| Some(vec![id(0)?, row.by]))?
        }
        prefix::MANDATE => {
            let row: MandateRow = decode(value, "").ok()?;
            let named = !row.scope.is_empty() && id(0)? != id(16)?;
            long(32).filter(|()| named).and_then(|()| Some(vec![id(0)?, id(16)?]))?
        }
        prefix::RELATION => {
            let row: AttestRow = decode(value, "").ok()?;
            let ordered = id(0)? < id(16)?;
            long(33).filter(|()| ordered).and_then(|()| Some(vec![id(0)?, id(16)?, row.by]))?
        }
        prefix::PREDICATE => {
            let row: AttestRow = decode(value, "").ok()?;
            long(17).and_then(|()| Some(vec![id(0)?, row.by]))?
        }
        prefix::DUTIES => {
            let row: DutiesRow = decode(value, "").ok()?;
            row.done.into_iter().map(|(_, who)| who).collect()
        }
        prefix::EXPECTED => {
            decode::<ExpectedRow>(value, "").ok()?;
            long(16).map(|()| vec![])?
        }
        prefix::SM2 => {
            let row: Sm2Row = decode(value, "").ok()?;
            // P6: each ends before the next begins.
            let apart = row.keys.is_sorted_by(|a, b| a.until.is_some_and(|until| until <= b.from));
            long(4).filter(|()| apart).map(|()| vec![])?
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::KeyRow;
    use linli_types::id::PublicKey;

    fn row(keys: &[(u64, Option<u64>)]) -> PrincipalRow {
        let key = |(n, (from, until)): (usize, &(u64, Option<u64>))| KeyRow {
            key: PublicKey([n as u8; 32]),
            from: Height(*from),
            until: until.map(Height),
        };
        let keys = keys.iter().enumerate().map(key).collect();
        PrincipalRow { keys, org: 0, roles: vec![], retired: 0 }
    }

    #[test]
    fn a_gap_between_two_keys_is_found_and_an_overlap_is_none() {
        let gap = |keys: &[(u64, Option<u64>)]| gap_from(&row(keys), Height(10)).map(|h| h.0);
        assert_eq!(gap(&[(0, None)]), None);
        assert_eq!(gap(&[(0, Some(20)), (15, None)]), None);
        assert_eq!(gap(&[(0, Some(20)), (20, None)]), None);
        assert_eq!(gap(&[(0, Some(20)), (21, None)]), Some(20));
        assert_eq!(gap(&[(0, Some(12)), (11, Some(30)), (29, None)]), None);
        assert_eq!(gap(&[(0, Some(12))]), Some(12));
        assert_eq!(gap(&[(11, None)]), Some(10));
        assert_eq!(gap(&[]), Some(10));
    }
}
