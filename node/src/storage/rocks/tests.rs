//! The store on a real disk: whose folder it is, what stands in it, and what leaves it.

use super::*;
use tempfile::TempDir;

fn genesis(text: &[u8]) -> Batch {
    let mut batch = Batch::default();
    batch.put(Column::Meta, GENESIS_ROW, text);
    batch
}

fn small() -> Tuning {
    Tuning { cache_bytes: 1 << 20, write_buffer_bytes: 4 << 20, ..Tuning::default() }
}

#[test]
fn a_folder_without_a_chain_is_refused() {
    let dir = TempDir::new().unwrap();
    let refused = RocksStore::open(dir.path(), None, small()).unwrap_err();
    assert!(matches!(refused, OpenError::Missing(_)), "{refused}");
}

#[test]
fn a_folder_of_another_chain_is_refused() {
    let dir = TempDir::new().unwrap();
    drop(RocksStore::create(dir.path(), &genesis(b"one"), small()).unwrap());
    let expected = ChainId(digest::plain(b"two").0);
    let found = ChainId(digest::plain(b"one").0);
    let refused = RocksStore::open(dir.path(), Some(expected), small()).unwrap_err();
    assert_eq!(refused, OpenError::OtherChain { found, expected });
    assert!(RocksStore::open(dir.path(), Some(found), small()).is_ok());
}

#[test]
fn an_unknown_format_is_refused() {
    let dir = TempDir::new().unwrap();
    let mut store = RocksStore::create(dir.path(), &genesis(b"one"), small()).unwrap();
    let mut batch = Batch::default();
    batch.put(Column::Meta, FORMAT_ROW, 9_u32.to_le_bytes());
    store.commit(&batch).unwrap();
    drop(store);
    let refused = RocksStore::open(dir.path(), None, small()).unwrap_err();
    assert_eq!(refused, OpenError::Format(9));
}

#[test]
fn a_chain_is_never_overwritten() {
    let dir = TempDir::new().unwrap();
    drop(RocksStore::create(dir.path(), &genesis(b"one"), small()).unwrap());
    let refused = RocksStore::create(dir.path(), &genesis(b"two"), small()).unwrap_err();
    assert!(matches!(refused, OpenError::Taken(_)), "{refused}");
}

#[test]
fn a_second_node_on_the_same_folder_is_told_so() {
    let dir = TempDir::new().unwrap();
    let _first = RocksStore::create(dir.path(), &genesis(b"one"), small()).unwrap();
    let refused = RocksStore::open(dir.path(), None, small()).unwrap_err();
    assert!(matches!(refused, OpenError::InUse(_)), "{refused}");
    // Also if our own lock were gone: RocksDB has another, and we know its words.
    std::fs::remove_file(dir.path().join(LOCK_FILE)).unwrap();
    let refused = RocksStore::open(dir.path(), None, small()).unwrap_err();
    assert!(matches!(refused, OpenError::InUse(_)), "{refused}");
}

#[test]
fn only_rocksdb_s_own_words_mean_a_held_lock() {
    assert!(is_lock_held(
        "IO error: While lock file: /srv/a/db/LOCK: Resource temporarily unavailable"
    ));
    assert!(is_lock_held(
        "IO error: lock hold by current process, acquire time 5 acquiring thread 7: \
         /srv/a/db/LOCK: No locks available"
    ));
    for other in [
        "IO error: No such file or directory: While open a file for random read: \
         /srv/BLOCKCHAIN/db/000012.sst: No such file or directory",
        "IO error: While open a file for lock: /srv/a/db/LOCK: Permission denied",
        "IO error: While lock file: /srv/a/db/LOCK: Input/output error",
        "IO error: While appending to file: /srv/lock hold/db/LOG: No space left on device",
    ] {
        assert!(!is_lock_held(other), "{other}");
    }
}

#[test]
fn damage_in_a_folder_called_lock_is_damage() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("BLOCKCHAIN, by lock ");
    drop(RocksStore::create(&path, &genesis(b"one"), small()).unwrap());
    for file in std::fs::read_dir(&path).unwrap() {
        let file = file.unwrap().path();
        if file.file_name().unwrap().to_string_lossy().starts_with("MANIFEST") {
            std::fs::remove_file(file).unwrap();
        }
    }
    for open in [RocksStore::open, RocksStore::open_to_read] {
        let refused = open(&path, None, small()).unwrap_err();
        assert!(matches!(refused, OpenError::Broken(_)), "{refused}");
    }
}

/// Name, bytes and time of every file.
fn files(path: &Path) -> Vec<(std::path::PathBuf, Vec<u8>, std::time::SystemTime)> {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .map(|file| {
            let time = std::fs::metadata(&file).unwrap().modified().unwrap();
            (file.clone(), std::fs::read(&file).unwrap(), time)
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_store_that_is_looked_at_is_left_byte_for_byte() {
    let dir = TempDir::new().unwrap();
    let mut store = RocksStore::create(dir.path(), &genesis(b"one"), small()).unwrap();
    let mut batch = Batch::default();
    batch.put(Column::State, *b"a", *b"1");
    store.commit(&batch).unwrap();
    drop(store); // what was committed stands in RocksDB's own log still
    let before = files(dir.path());
    let mut store = RocksStore::open_to_read(dir.path(), None, small()).unwrap();
    assert_eq!(store.get(Column::State, b"a").unwrap(), Some(b"1".to_vec()));
    store.commit(&batch).unwrap_err();
    drop(store);
    assert!(files(dir.path()) == before, "{:?}", files(dir.path()));
}

#[test]
fn nobody_looks_at_a_store_that_is_being_written_or_writes_one_that_is_looked_at() {
    let dir = TempDir::new().unwrap();
    let writer = RocksStore::create(dir.path(), &genesis(b"one"), small()).unwrap();
    let refused = RocksStore::open_to_read(dir.path(), None, small()).unwrap_err();
    assert!(matches!(refused, OpenError::InUse(_)), "{refused}");
    drop(writer);
    let reader = RocksStore::open_to_read(dir.path(), None, small()).unwrap();
    let another = RocksStore::open_to_read(dir.path(), None, small()).unwrap();
    let refused = RocksStore::open(dir.path(), None, small()).unwrap_err();
    assert!(matches!(refused, OpenError::InUse(_)), "{refused}");
    drop((reader, another));
    assert!(RocksStore::open(dir.path(), None, small()).is_ok());
}

#[test]
fn a_deleted_or_replaced_row_leaves_the_disk_with_a_compaction() {
    let dir = TempDir::new().unwrap();
    let held = |what: &[u8]| {
        files(dir.path()).iter().any(|(_, bytes, _)| bytes.windows(what.len()).any(|w| w == what))
    };
    let mut store = RocksStore::create(dir.path(), &genesis(b"one"), small()).unwrap();
    let (old, gone, kept) = (b"canary-replaced", b"canary-deleted", b"canary-stays");
    let commit = |store: &mut RocksStore, change: &dyn Fn(&mut Batch)| {
        let mut batch = Batch::default();
        change(&mut batch);
        store.commit(&batch).unwrap();
    };
    for column in [Column::State, Column::Undo] {
        commit(&mut store, &|batch| {
            batch.put(column, *b"a", *old);
            batch.put(column, *b"b", *gone);
        });
        store.flush().unwrap();
        commit(&mut store, &|batch| {
            batch.put(column, *b"a", *kept);
            batch.remove(column, *b"b");
        });
    }
    drop(store);
    assert!(held(old) && held(gone) && held(kept));
    let store = RocksStore::open(dir.path(), None, small()).unwrap();
    store.compact().unwrap();
    drop(store);
    assert!(!held(old) && !held(gone) && held(kept));
    let store = RocksStore::open_to_read(dir.path(), None, small()).unwrap();
    assert_eq!(store.get(Column::State, b"a").unwrap(), Some(kept.to_vec()));
}

#[test]
fn a_later_write_of_a_batch_wins_and_a_removed_row_is_gone() {
    let dir = TempDir::new().unwrap();
    let mut store = RocksStore::create(dir.path(), &genesis(b"one"), small()).unwrap();
    let mut batch = Batch::default();
    batch.put(Column::State, *b"a", *b"1");
    batch.put(Column::State, *b"a", *b"2");
    batch.put(Column::State, *b"b", *b"3");
    batch.remove(Column::State, *b"b");
    store.commit(&batch).unwrap();
    drop(store);
    let store = RocksStore::open(dir.path(), None, small()).unwrap();
    assert_eq!(store.scan(Column::State, b"", b"", 9).unwrap(), [(b"a".into(), b"2".into())]);
}
