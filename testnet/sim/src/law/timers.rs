//! Every timer that a client set, and every hold that a client made, ends once, not before its time,
//! and in the block its time falls in or the next one that fires timers.

use super::{Law, Scene, Sight, Verdict};
use linli_replica::CommittedBlock;
use linli_types::account::{Act, Entry};
use linli_types::height::{Height, TimeMs};
use linli_types::id::{TimerId, TransferId};
use linli_types::receipt::{Cause, Receipt};
use linli_types::wire::accounts::Transferred;
use prost::Message;
use std::collections::BTreeMap;

/// What falls due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// A contract's timer.
    Timer(TimerId),
    /// A pending transfer.
    Hold(TransferId),
}

/// See the module.
#[derive(Default)]
pub(super) struct Timers {
    height: Height,
    /// What waits, and when it falls due.
    waiting: BTreeMap<Due, TimeMs>,
    /// How many blocks with room for it passed a due one by.
    passed: BTreeMap<Due, u32>,
}

impl Law for Timers {
    fn name(&self) -> &'static str {
        "timers"
    }

    fn see(&mut self, scene: &Scene<'_>, sight: &Sight<'_>) -> Verdict {
        let Sight::Committed { block, .. } = sight else { return Ok(()) };
        if block.header.height != self.height.next() {
            return Ok(());
        }
        self.height = block.header.height;
        self.fired(block)?;
        self.set(scene, block);
        self.overdue(block)
    }
}

impl Timers {
    fn fired(&mut self, block: &CommittedBlock) -> Verdict {
        for receipt in &block.receipts {
            let Cause::Timer(timer) = receipt.cause else { continue };
            if receipt.events.iter().any(|event| event.room == "governance") {
                continue; // a motion's own timer: no client set it
            }
            let expired = entries(receipt).find(|entry| entry.act == Act::Expiry);
            let id = expired.map_or(Due::Timer(timer), |entry| Due::Hold(entry.of));
            self.passed.remove(&id);
            match self.waiting.remove(&id) {
                Some(at) if at <= block.header.time => {}
                Some(at) => return Err(format!("{id:?} fired at {}, due {at}", block.header.time)),
                None => {
                    return Err(format!("{id:?} fired at height {}, not set", block.header.height));
                }
            }
        }
        Ok(())
    }

    fn set(&mut self, scene: &Scene<'_>, block: &CommittedBlock) {
        for receipt in block.receipts.iter().filter(|receipt| receipt.is_done()) {
            let Cause::Transaction(id) = receipt.cause else { continue };
            let held = entries(receipt).filter(|entry| entry.act == Act::Reserve);
            self.waiting.extend(held.map(|entry| (Due::Hold(entry.id), entry.expires)));
            let Some(after_ms) = scene.clients.attempt(&id).and_then(|a| a.timer_after_ms) else {
                continue;
            };
            if let Some(timer) = receipt.results.first().and_then(|r| crate::workload::timer_id(r))
            {
                self.waiting.insert(Due::Timer(timer), block.header.time.plus_ms(after_ms));
            }
        }
    }

    /// Far fewer fall due at once than the fuel share of a block holds.
    fn overdue(&mut self, block: &CommittedBlock) -> Verdict {
        if block.header.defers_timers() {
            return Ok(());
        }
        for (id, at) in self.waiting.iter().filter(|(_, at)| **at < block.header.time) {
            let passed = self.passed.entry(*id).or_insert(0);
            *passed += 1;
            if *passed > 1 {
                return Err(format!(
                    "{id:?}, due {at}, was passed by twice; the second time at height {}",
                    block.header.height
                ));
            }
        }
        Ok(())
    }
}

/// The entries of accounts that a receipt tells of.
fn entries(receipt: &Receipt) -> impl Iterator<Item = Entry> {
    let moved = receipt.events.iter().filter(|event| event.room == "accounts");
    moved.filter_map(|event| Entry::from_event(&Transferred::decode(event.data.as_slice()).ok()?))
}
