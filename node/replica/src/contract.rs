//! What every [`Disk`] keeps, as a test that any disk can be put through (design §7): the simulated
//! one and the real one pass the same.
//!
//! # Invariants
//!
//! - **K1 whole.** After a crash a committed batch is there, all of it, and no other.
//! - **K2 prefix.** After a crash the log holds every synced record since the last reset that was
//!   followed by a sync, in order, then possibly some of those not yet synced, without a gap.
//! - **K3 reset.** A reset forgets at once; it is durable with the next synced record. Until then
//!   a crash may bring the old records back, which belong to a height that stands.
//! - **K4 order.** A scan gives rows in key order, from the first key to just before the last.

use crate::Disk;
use linli_types::store::{Batch, Column, Read, Store};

/// Whatever can close a disk as a crash would, and open it again.
pub trait Crash {
    /// The disk.
    type Disk: Disk;

    /// Opens the disk for the first time: no row, no record.
    fn open(&mut self) -> Self::Disk;

    /// Ends the disk without warning, and opens what is left. Bytes that were not synced may be
    /// lost or kept.
    fn crash(&mut self, disk: Self::Disk) -> Self::Disk;
}

/// Puts a disk through the contract.
///
/// # Panics
///
/// If the disk breaks it; the message names the invariant.
pub fn check(maker: &mut impl Crash) {
    let disk = maker.open();
    let disk = commits_are_whole(maker, disk);
    let disk = scans_are_ordered(disk);
    let disk = synced_records_stay(maker, disk);
    resets_forget(maker, disk);
}

fn commits_are_whole<M: Crash>(maker: &mut M, mut disk: M::Disk) -> M::Disk {
    for height in 0..20_u64 {
        let mut batch = Batch::default();
        for column in Column::ALL {
            batch.put(column, height.to_be_bytes(), vec![u8::try_from(height).unwrap_or(0); 300]);
            batch.put(column, *b"head", height.to_be_bytes());
            if height > 0 {
                batch.remove(column, (height - 1).to_be_bytes());
            }
        }
        disk.commit(&batch).expect("K1: a commit that the disk has room for");
        if height % 3 == 0 {
            disk = maker.crash(disk);
        }
        for column in Column::ALL {
            let get = |key: &[u8]| disk.get(column, key).expect("K1: a readable row");
            assert_eq!(get(b"head"), Some(height.to_be_bytes().to_vec()), "K1");
            assert!(get(&height.to_be_bytes()).is_some(), "K1");
            assert!(height == 0 || get(&(height - 1).to_be_bytes()).is_none(), "K1");
        }
    }
    disk
}

fn scans_are_ordered<D: Disk>(mut disk: D) -> D {
    let mut batch = Batch::default();
    let keys: [&[u8]; 5] = [b"a", b"ab", b"b", b"b\xff", b"c"];
    for key in keys.iter().rev() {
        batch.put(Column::Side, *key, *b"row");
    }
    disk.commit(&batch).expect("K4: a commit that the disk has room for");
    let scan = |from: &[u8], to: &[u8], limit| {
        let rows = disk.scan(Column::Side, from, to, limit).expect("K4: readable rows");
        rows.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    assert_eq!(scan(b"a", b"d", 9), keys, "K4");
    assert_eq!(scan(b"a", b"b", 9), keys[..2], "K4: the end is left out");
    assert_eq!(scan(b"aa", b"c", 9), keys[1..4], "K4");
    assert_eq!(scan(b"a", b"", 2), keys[..2], "K4: no end, but a limit");
    assert_eq!(scan(b"b", b"b", 9), Vec::<Vec<u8>>::new(), "K4: nothing between");
    assert_eq!(scan(b"c", b"a", 9), Vec::<Vec<u8>>::new(), "K4: nothing backwards");
    disk
}

fn record(n: usize) -> Vec<u8> {
    vec![u8::try_from(n % 251).unwrap_or(0); n.saturating_mul(37) % 9_000]
}

fn synced_records_stay<M: Crash>(maker: &mut M, mut disk: M::Disk) -> M::Disk {
    let (mut written, mut synced) = (0, 0);
    for round in 0..12_usize {
        for _ in 0..round % 4 {
            disk.wal_append(&record(written)).expect("K2: an append");
            written += 1;
        }
        if round % 3 != 1 {
            disk.wal_sync().expect("K2: a sync");
            synced = written;
        }
        let found = disk.wal_read().expect("K2: a readable log");
        assert_eq!(found, (0..written).map(record).collect::<Vec<_>>(), "K2: before the crash");
        disk = maker.crash(disk);
        let found = disk.wal_read().expect("K2: a readable log");
        assert!((synced..=written).contains(&found.len()), "K2: {} records", found.len());
        assert_eq!(found, (0..found.len()).map(record).collect::<Vec<_>>(), "K2");
        written = found.len();
    }
    disk
}

fn resets_forget<M: Crash>(maker: &mut M, mut disk: M::Disk) {
    let old = disk.wal_read().expect("K3: a readable log");
    disk.wal_reset().expect("K3: a reset");
    assert_eq!(disk.wal_read().expect("K3: a readable log"), Vec::<Vec<u8>>::new(), "K3");
    disk = maker.crash(disk);
    let found = disk.wal_read().expect("K3: a readable log");
    assert!(found.is_empty() || found == old, "K3: all or nothing comes back");
    for height in 0..5_usize {
        disk.wal_reset().expect("K3: a reset");
        disk.wal_append(&record(height + 1)).expect("K3: an append");
        disk.wal_append(&record(height + 2)).expect("K3: an append");
        disk.wal_sync().expect("K3: a sync");
        disk = maker.crash(disk);
        let found = disk.wal_read().expect("K3: a readable log");
        assert_eq!(found, [record(height + 1), record(height + 2)], "K3: only the new height");
    }
}
