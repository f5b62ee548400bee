//! The state before a block: a store, and over it the old values of every later block.

use crate::stored::Undo;
use linli_types::store::{Broken, Column, Read, Row};
use std::collections::BTreeMap;
use std::ops::Bound;

type Rows = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// See the module. The blocks must be taken back newest first, and the store must not move on.
pub(super) struct Past<'a> {
    store: &'a dyn Read,
    state: Rows,
    side: Rows,
}

impl<'a> Past<'a> {
    pub(super) const fn new(store: &'a dyn Read) -> Self {
        Self { store, state: Rows::new(), side: Rows::new() }
    }

    pub(super) const fn store(&self) -> &'a dyn Read {
        self.store
    }

    /// Takes one block back more: its old values lie over those of later blocks.
    pub(super) fn take_back(&mut self, undo: Undo) {
        self.state.extend(undo.state);
        self.side.extend(undo.side);
    }

    const fn rows(&self, column: Column) -> Option<&Rows> {
        match column {
            Column::State => Some(&self.state),
            Column::Side => Some(&self.side),
            _ => None,
        }
    }
}

impl Read for Past<'_> {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        match self.rows(column).and_then(|rows| rows.get(key)) {
            Some(old) => Ok(old.clone()),
            None => self.store.get(column, key),
        }
    }

    fn scan(
        &self,
        column: Column,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, Broken> {
        let Some(rows) = self.rows(column) else {
            return self.store.scan(column, from, to, limit);
        };
        let end = if to.is_empty() { Bound::Unbounded } else { Bound::Excluded(to) };
        if !to.is_empty() && to <= from {
            return Ok(Vec::new());
        }
        let over: Vec<_> = rows.range::<[u8], _>((Bound::Included(from), end)).collect();
        // Rows that were not there must not use up the limit.
        let found = self.store.scan(column, from, to, limit.saturating_add(over.len()))?;
        let mut found: BTreeMap<Vec<u8>, Vec<u8>> = found.into_iter().collect();
        for (key, old) in over {
            match old {
                Some(old) => found.insert(key.clone(), old.clone()),
                None => found.remove(key),
            };
        }
        Ok(found.into_iter().take(limit).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_types::store::{Batch, Memory};
    use proptest::prelude::*;

    proptest! {
        /// Whatever blocks did, taking them back shows every state before them.
        #[test]
        fn every_past_state_is_read_and_scanned_as_it_was(
            first in proptest::collection::btree_map(0..16_u8, any::<u8>(), 0..16),
            blocks in proptest::collection::vec(
                proptest::collection::btree_map(0..16_u8, any::<Option<u8>>(), 0..6), 1..6),
            (from, to, limit) in (0..16_u8, 0..17_u8, 0..20_usize),
        ) {
            let (mut store, mut states, mut undos) = (Memory::default(), Vec::new(), Vec::new());
            let mut batch = Batch::default();
            first.iter().for_each(|(k, v)| batch.put(Column::State, vec![*k], vec![*v]));
            store.apply(&batch);
            for block in blocks {
                states.push(store.clone());
                let (mut undo, mut batch) = (Undo::default(), Batch::default());
                for (key, value) in block {
                    undo.state.push((vec![key], store.get(Column::State, &[key]).unwrap()));
                    match value {
                        Some(value) => batch.put(Column::State, vec![key], vec![value]),
                        None => batch.remove(Column::State, vec![key]),
                    }
                }
                store.apply(&batch);
                undos.push(undo);
            }
            let mut past = Past::new(&store);
            while let (Some(undo), Some(state)) = (undos.pop(), states.pop()) {
                past.take_back(undo);
                for key in 0..16_u8 {
                    let was = state.get(Column::State, &[key]).unwrap();
                    prop_assert_eq!(past.get(Column::State, &[key]).unwrap(), was);
                }
                let end = if to == 16 { Vec::new() } else { vec![to] };
                let scanned = past.scan(Column::State, &[from], &end, limit).unwrap();
                let was = if !end.is_empty() && to <= from {
                    Vec::new()
                } else {
                    state.scan(Column::State, &[from], &end, limit).unwrap()
                };
                prop_assert_eq!(scanned, was);
            }
        }
    }
}
