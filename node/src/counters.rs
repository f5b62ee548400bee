//! What a node counts about itself: plain atomics that `/metrics` renders.
//!
//! # Invariants
//!
//! - **N1 never in the way.** Counting takes no lock and decides nothing.

use std::sync::atomic::{AtomicU64, Ordering};

/// One number.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts `n` more.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Counts `n` fewer; for gauges.
    pub fn sub(&self, n: u64) {
        self.0.fetch_sub(n, Ordering::Relaxed);
    }

    /// Sets the number; for gauges.
    pub fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident: $kind:ident,)*) => {
        /// Every number a node counts. Counters only rise, gauges also fall.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[doc = $doc])* pub $name: Counter,)*
        }

        impl Counters {
            /// Name, what it is, whether it only rises, and the number now, in table order.
            pub fn all(&self) -> Vec<(&'static str, &'static str, bool, u64)> {
                let rises = |kind: &str| kind == "counter";
                vec![$((
                    stringify!($name),
                    concat!($($doc),*).trim_ascii(),
                    rises(stringify!($kind)),
                    self.$name.get(),
                ),)*]
            }
        }
    };
}

counters! {
    /// Height of the last committed block.
    height: gauge,
    /// Round of the height under way.
    round: gauge,
    /// Blocks committed since the start.
    blocks: counter,
    /// Transactions committed since the start.
    transactions: counter,
    /// Transactions handed in by local clients.
    submissions: counter,
    /// Transactions refused before the pool.
    refusals: counter,
    /// Transactions in the pool.
    pool_transactions: gauge,
    /// Bytes in the pool.
    pool_bytes: gauge,
    /// Bodies held in memory.
    bodies: gauge,
    /// Syncs of the log of the height under way.
    wal_syncs: counter,
    /// Synced write batches.
    commit_syncs: counter,
    /// Members connected.
    peers: gauge,
    /// Messages sent.
    messages_out: counter,
    /// Bytes sent.
    bytes_out: counter,
    /// Messages received.
    messages_in: counter,
    /// Bytes received.
    bytes_in: counter,
    /// Messages dropped because a peer's queue was full.
    messages_dropped: counter,
    /// Times a peer was slowed down because it sent too much.
    throttled: counter,
    /// Times a peer lied or broke the framing.
    faults: counter,
    /// Connections refused: no member, banned, or too many.
    connections_refused: counter,
    /// Conflicting votes or proposals seen.
    evidence: counter,
    /// Signatures of transactions checked.
    signature_checks: counter,
    /// Signature checks saved because the same bytes were checked before.
    signature_checks_saved: counter,
    /// Steps of the replica.
    steps: counter,
    /// 1 while the node takes submissions.
    accepting: gauge,
    /// Free bytes on the data folder's disk.
    disk_free_bytes: gauge,
    /// Reads and transactions refused because someone asked too often.
    rate_limited: counter,
    /// Entries written to the access log.
    access_entries: counter,
    /// Reads refused because they could not be logged.
    access_unlogged: counter,
    /// Bytes cut from the access log's unfinished end at the start.
    access_bytes_cut: gauge,
    /// Access-log heads anchored.
    access_anchors: counter,
    /// Reports about rehearsed contract code handed in.
    rehearsals: counter,
    /// Time-stamp tokens obtained.
    stamps: counter,
    /// Times that no time-stamp token was obtained.
    stamp_failures: counter,
    /// Cosignatures of witnesses taken.
    checkpoints_cosigned: counter,
    /// Logs signed with the receipt key.
    receipt_signatures: counter,
    /// Peers' words about receipts that do not hold.
    receipt_faults: counter,
    /// TLS handshakes that failed.
    tls_failures: counter,
    /// TLS certificates taken up while running.
    tls_reloads: counter,
    /// TLS certificates found while running that are not usable.
    tls_reload_failures: counter,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_listed_with_its_meaning() {
        let counters = Counters::default();
        counters.blocks.add(3);
        let all = counters.all();
        assert!(all.contains(&("blocks", "Blocks committed since the start.", true, 3)));
        assert!(all.contains(&("peers", "Members connected.", false, 0)));
    }
}
