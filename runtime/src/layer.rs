//! Rows over rows: a store as it was, or as it would be, without writing to it.

use crate::stored::Undo;
use linli_types::store::{Batch, Broken, Column, Read, Row};
use std::collections::BTreeMap;

/// Rows that stand, or are gone, over those of a store; or over nothing.
pub(crate) struct Layer<'a> {
    base: Option<&'a dyn Read>,
    rows: BTreeMap<(Column, Vec<u8>), Option<Vec<u8>>>,
}

impl<'a> Layer<'a> {
    pub(crate) fn new(base: Option<&'a dyn Read>) -> Self {
        Self { base, rows: BTreeMap::new() }
    }

    /// Puts or removes a row.
    pub(crate) fn set(&mut self, column: Column, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.rows.insert((column, key), value);
    }

    /// Takes back a block, the last one of those that are not taken back yet.
    pub(crate) fn take_back(&mut self, undo: Undo) {
        undo.state.into_iter().for_each(|(key, old)| self.set(Column::State, key, old));
        undo.side.into_iter().for_each(|(key, old)| self.set(Column::Side, key, old));
    }

    pub(crate) fn apply(&mut self, batch: Batch) {
        let writes = batch.writes.into_iter();
        writes.for_each(|write| self.set(write.column, write.key, write.value));
    }
}

impl Read for Layer<'_> {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        match (self.rows.get(&(column, key.to_vec())), self.base) {
            (Some(row), _) => Ok(row.clone()),
            (None, Some(base)) => base.get(column, key),
            (None, None) => Ok(None),
        }
    }

    fn scan(
        &self,
        column: Column,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, Broken> {
        let inside =
            |(c, key): &(Column, Vec<u8>)| *c == column && (to.is_empty() || key.as_slice() < to);
        let over = self.rows.range((column, from.to_vec())..).take_while(|(key, _)| inside(key));
        let over: Vec<_> = over.map(|((_, key), value)| (key, value)).collect();
        // Rows that are gone must not use up the limit.
        let asked = limit.saturating_add(over.len());
        let base = self.base.map(|base| base.scan(column, from, to, asked)).transpose()?;
        let mut rows: BTreeMap<Vec<u8>, Vec<u8>> = base.unwrap_or_default().into_iter().collect();
        // Beyond the last row that the store gave there may be more of the store's.
        let last = rows.keys().next_back().filter(|_| rows.len() >= asked).cloned();
        for (key, value) in over {
            match value {
                Some(value) => rows.insert(key.clone(), value.clone()),
                None => rows.remove(key),
            };
        }
        let within = |(key, _): &Row| last.as_ref().is_none_or(|last| key <= last);
        Ok(rows.into_iter().take_while(within).take(limit).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_types::store::Memory;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_layer_reads_as_if_it_were_written(
            below in proptest::collection::btree_map(0..20_u8, any::<u8>(), 0..20),
            above in proptest::collection::vec((0..20_u8, any::<Option<u8>>()), 0..20),
            (from, to, limit) in (0..20_u8, 0..22_u8, 0..12_usize),
        ) {
            let mut batch = Batch::default();
            below.iter().for_each(|(k, v)| batch.put(Column::State, vec![*k], vec![*v]));
            let (mut base, mut whole) = (Memory::default(), Memory::default());
            base.apply(&batch);
            whole.apply(&batch);
            let mut changes = Batch::default();
            for (key, value) in above {
                match value {
                    Some(value) => changes.put(Column::State, vec![key], vec![value]),
                    None => changes.remove(Column::State, vec![key]),
                }
            }
            whole.apply(&changes);
            let mut layer = Layer::new(Some(&base));
            layer.apply(changes);
            let to = if to > 20 { Vec::new() } else { vec![to] };
            let scan = |store: &dyn Read| store.scan(Column::State, &[from], &to, limit).unwrap();
            prop_assert_eq!(scan(&layer), scan(&whole));
            for key in 0..20_u8 {
                let get = |store: &dyn Read| store.get(Column::State, &[key]).unwrap();
                prop_assert_eq!(get(&layer), get(&whole));
            }
            prop_assert_eq!(layer.scan(Column::Side, &[], &[], 9).unwrap(), vec![]);
        }
    }
}
