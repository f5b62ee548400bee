//! What a height writes: one batch, whole or not at all (design D3).
//!
//! # Invariants
//!
//! - **B1 once.** No row stands twice in a batch.
//! - **B2 back.** The undo record of a height holds the old value of every row of the state and
//!   beside it that the height changed; it is removed `undo_heights` later, or when the last motion
//!   that keeps it for its rehearsal has closed.

use crate::execute::{Effects, Executed};
use crate::ledger::Ledger;
use crate::log::node_key;
use crate::overlay::Changed;
use crate::stored::{self, Concern, META_HEAD, StoredHead, Undo, height_key};
use linli_types::certificate::Certificate;
use linli_types::header::Header;
use linli_types::height::Height;
use linli_types::id::BlockId;
use linli_types::receipt::{Cause, Receipt};
use linli_types::store::{Batch, Column};
use std::collections::BTreeMap;

impl Ledger {
    /// The batch of an executed block: block, state, rows beside it, undo record, receipts,
    /// indexes, log nodes, certificate, head.
    pub fn batch(&self, executed: &Executed, certificate: &Certificate) -> Batch {
        let Executed { header, id, receipts, effects, .. } = executed;
        let mut batch = Batch::default();
        put_changes(&mut batch, effects);
        put_undo(&mut batch, header.height, effects);
        for gone in self.undo_drops(header.height) {
            batch.remove(Column::Undo, height_key(Height(gone)));
        }
        let key = height_key(header.height);
        batch.put(Column::Block, key, block_bytes(executed));
        batch.put(Column::Receipt, key, effects.receipt_bytes.clone());
        batch.put(Column::Certificate, key, linli_types::encode(certificate));
        put_places(&mut batch, header.height, receipts);
        put_events(&mut batch, header.height, receipts);
        batch.put(Column::Meta, META_HEAD, linli_types::encode(&head_of(header, *id)));
        batch
    }
}

pub(crate) fn head_of(header: &Header, block: BlockId) -> StoredHead {
    StoredHead {
        chain: header.chain,
        height: header.height,
        block,
        time: header.time,
        state_root: header.state_root,
        log_size: header.log_size,
        log_root: header.log_root,
    }
}

/// Rows of the state, rows beside it, nodes of the log.
pub(crate) fn put_changes(batch: &mut Batch, effects: &Effects) {
    let mut put = |column, changed: &Changed| match &changed.new {
        Some(value) => batch.put(column, changed.key.clone(), value.clone()),
        None => batch.remove(column, changed.key.clone()),
    };
    effects.changes.state.iter().for_each(|c| put(Column::State, c));
    effects.changes.side.iter().for_each(|c| put(Column::Side, c));
    for (level, index, hash) in &effects.log_nodes {
        batch.put(Column::Log, node_key(*level, *index), hash.0);
    }
}

fn put_undo(batch: &mut Batch, height: Height, effects: &Effects) {
    let old = |rows: &[Changed]| rows.iter().map(|c| (c.key.clone(), c.old.clone())).collect();
    let undo = Undo { state: old(&effects.changes.state), side: old(&effects.changes.side) };
    batch.put(Column::Undo, height_key(height), linli_types::encode(&undo));
}

/// The stored form of a block, without copying the bodies twice.
fn block_bytes(executed: &Executed) -> Vec<u8> {
    let header = executed.header.to_bytes();
    let bodies: usize = executed.transactions.iter().map(|tx| tx.raw.len().saturating_add(4)).sum();
    let mut bytes = Vec::with_capacity(header.len().saturating_add(bodies).saturating_add(4));
    bytes.extend_from_slice(&header);
    // Counts and sizes are below the block's bounds, far below u32::MAX.
    bytes.extend_from_slice(&(executed.transactions.len() as u32).to_le_bytes());
    for transaction in &executed.transactions {
        bytes.extend_from_slice(&(transaction.raw.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&transaction.raw);
    }
    bytes
}

fn put_places(batch: &mut Batch, height: Height, receipts: &[Receipt]) {
    for (index, receipt) in (0_u32..).zip(receipts) {
        if let Cause::Transaction(id) = receipt.cause {
            batch.put(Column::Transaction, id.0, stored::place(height, index));
        }
    }
}

/// One row per room and per principal concerned, with the places of their events in the block.
fn put_events(batch: &mut Batch, height: Height, receipts: &[Receipt]) {
    let mut rows: BTreeMap<Vec<u8>, Vec<u32>> = BTreeMap::new();
    for (place, _, event) in stored::events_of(receipts) {
        let mut add = |concern: Concern<'_>| {
            let places = rows.entry(concern.prefix()).or_default();
            if places.last() != Some(&place) {
                places.push(place);
            }
        };
        add(Concern::Room(&event.room));
        event.about.iter().for_each(|id| add(Concern::Principal(id)));
    }
    for (mut key, places) in rows {
        key.extend_from_slice(&height_key(height));
        batch.put(Column::Event, key, linli_types::encode(&places));
    }
}
