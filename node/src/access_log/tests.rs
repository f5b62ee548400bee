//! The access log across reopenings, cuts at every byte, damage, and a disk that refuses.

use super::*;
use linli_sdk::access_log::{Log, Reading, Subject};
use linli_types::id::PrincipalId;
use linli_types::signature::Zip215;
use tempfile::TempDir;

const CHAIN: ChainId = ChainId([4; 32]);
const ME: Subject = Subject::Principal(PrincipalId([1; 16]));

fn open(dir: &TempDir) -> Result<AccessLog, Broken> {
    let key = SecretKey::from_bytes(&[3; 32]);
    AccessLog::open(&dir.path().join("access"), CHAIN, key, Arc::default())
}

fn entry(n: u64) -> Entry {
    let about = if n.is_multiple_of(3) { 1 } else { 2 };
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&n.to_le_bytes());
    Entry {
        time: TimeMs(n),
        reader: Some(PrincipalId([9; 16])),
        key: PublicKey([9; 32]),
        org: 1,
        method: "Query".into(),
        subject: Subject::Principal(PrincipalId([about; 16])),
        request: Digest([5; 32]),
        salt,
    }
}

fn fill(log: &AccessLog, entries: std::ops::Range<u64>) {
    for n in entries {
        log.append(&[entry(n)]).unwrap();
    }
    log.sync().unwrap();
}

/// What a person is shown, read as their client reads it.
fn read(log: &AccessLog) -> Log {
    let mut reading = Reading::new(CHAIN);
    loop {
        let from = reading.next();
        let part = log.part(from, TimeMs(1), |entry| entry.subject == ME).unwrap();
        let links = part.links.into_iter().map(|link| match link {
            Link::Entry(entry) => linli_proto::AccessLink { entry, digest: vec![] },
            Link::Digest(Digest(digest)) => {
                linli_proto::AccessLink { entry: vec![], digest: digest.to_vec() }
            }
        });
        let answer = linli_proto::AccessLogResponse {
            head: linli_types::encode(&part.head),
            from,
            before: part.before.0.to_vec(),
            links: links.collect(),
            ..Default::default()
        };
        if let Some(head) = reading.take(&answer, &Zip215).unwrap() {
            return reading.finish(head);
        }
    }
}

fn last_file(dir: &TempDir) -> PathBuf {
    let folder = dir.path().join("access");
    file::path(&folder, *files(&folder).unwrap().last().unwrap())
}

#[test]
fn what_was_written_is_read_back_after_every_reopening() {
    let dir = TempDir::new().unwrap();
    for round in 0..4 {
        let log = open(&dir).unwrap();
        assert_eq!((log.count(), read(&log).head.count), (round * 10, round * 10));
        fill(&log, round * 10..round * 10 + 10);
        let shown: Vec<u64> = read(&log).entries.iter().map(|(index, _)| *index).collect();
        let mine: Vec<u64> = (0..round * 10 + 10).filter(|n| n.is_multiple_of(3)).collect();
        assert_eq!(shown, mine);
    }
}

#[test]
fn a_head_is_signed_over_synced_entries_only() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir).unwrap();
    fill(&log, 0..3);
    log.append(&[entry(3), entry(4)]).unwrap();
    assert_eq!((log.count(), log.head(TimeMs(1)).head.count), (5, 3));
    assert_eq!(read(&log).head.count, 3);
    // A killed process leaves them with the operating system.
    drop(log);
    assert_eq!(open(&dir).unwrap().head(TimeMs(1)).head.count, 5);
}

#[test]
fn an_end_cut_at_any_byte_costs_the_last_entry_and_no_other() {
    let dir = TempDir::new().unwrap();
    fill(&open(&dir).unwrap(), 0..3);
    let path = last_file(&dir);
    let two = std::fs::metadata(&path).unwrap().len() as usize;
    fill(&open(&dir).unwrap(), 3..4);
    let whole = std::fs::read(&path).unwrap();
    for cut in two..whole.len() {
        for zeros in [0, 600] {
            let mut left = whole[..cut].to_vec();
            if cut == two {
                left.resize(cut + zeros, 0);
            }
            std::fs::write(&path, &left).unwrap();
            let log = open(&dir).unwrap();
            assert_eq!(log.count(), 3, "cut at {cut}");
            assert_eq!(log.0.counters.access_bytes_cut.get(), (left.len() - two) as u64);
            // It goes on as if the lost entry had never been.
            fill(&log, 3..5);
            assert_eq!(read(&log).head.count, 5);
        }
    }
}

#[test]
fn damage_before_the_end_stops_the_node() {
    let dir = TempDir::new().unwrap();
    fill(&open(&dir).unwrap(), 0..5);
    let path = last_file(&dir);
    let whole = std::fs::read(&path).unwrap();
    for at in [0, 9, 15, 30, 60, 100, 200] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        std::fs::write(&path, &damaged).unwrap();
        assert!(open(&dir).is_err(), "byte {at}");
    }
    std::fs::write(&path, whole).unwrap();
    assert_eq!(open(&dir).unwrap().count(), 5);
    // Another node's log is not gone on with.
    let other = SecretKey::from_bytes(&[8; 32]);
    let folder = dir.path().join("access");
    assert!(AccessLog::open(&folder, CHAIN, other, Arc::default()).is_err());
}

#[test]
fn a_large_log_goes_on_in_another_file_and_reads_as_one() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir).unwrap();
    let many = limits::ACCESS_FILE_BYTES_MAX / 150;
    let entries: Vec<Entry> = (0..many).map(entry).collect();
    for some in entries.chunks(1000) {
        log.append(some).unwrap();
    }
    log.sync().unwrap();
    fill(&log, many..many + 5);
    assert_eq!(files(&dir.path().join("access")).unwrap(), [0, many]);
    assert_eq!(read(&log).head.count, many + 5);
    drop(log);
    // A crash while the next file was made: its head is not whole.
    let next = file::path(&dir.path().join("access"), many);
    std::fs::write(&next, b"linli").unwrap();
    let log = open(&dir).unwrap();
    assert_eq!(log.count(), many);
    fill(&log, many..many + 2);
    assert_eq!(read(&log).entries.len() as u64, (many + 2).div_ceil(3));
}

#[test]
fn what_cannot_be_written_is_refused_and_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir).unwrap();
    fill(&log, 0..3);
    log.refuse_writes();
    assert!(log.append(&[entry(3)]).is_err());
    assert_eq!(log.0.counters.access_unlogged.get(), 1);
    assert_eq!(read(&log).head.count, 3);
    drop(log);
    assert_eq!(open(&dir).unwrap().count(), 3);
}

#[test]
fn a_failed_sync_is_not_tried_again() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir).unwrap();
    fill(&log, 0..1);
    log.append(&[entry(1)]).unwrap();
    log.0.writing().failed = true;
    assert!(log.sync().is_err() && log.append(&[entry(2)]).is_err());
    assert_eq!(log.head(TimeMs(1)).head.count, 1);
}

#[tokio::test]
async fn whoever_lists_waits_for_the_next_sync() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir).unwrap();
    log.keep_syncing();
    log.append(&[entry(0)]).unwrap();
    log.durable().await.unwrap();
    assert_eq!(log.head(TimeMs(1)).head.count, 1);
}
