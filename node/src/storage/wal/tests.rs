//! The log across reopenings, power cuts, damage, and payloads that a stranger chose.

use super::file::STEP;
use super::judge::Judged;
use super::record::{HEAD, Key};
use super::*;
use std::path::PathBuf;
use tempfile::TempDir;

/// What a disk writes at once.
const PAGE: usize = 512;
/// As much of each file as these tests write to.
const SHOWN: usize = 64 * 1024;

fn put(wal: &mut Wal, records: &[&[u8]]) {
    for record in records {
        wal.append(record).unwrap();
    }
    wal.sync().unwrap();
}

/// Three records of epoch 1, then of epoch 2 `b"four"` synced and `b"five"` written.
fn sample(dir: &TempDir) -> PathBuf {
    let path = dir.path().join("wal");
    let (mut wal, found) = Wal::open(&path).unwrap();
    assert!(found.records.is_empty() && !found.unfinished);
    for record in [&b"one"[..], b"two", &[7; 300]] {
        put(&mut wal, &[record]);
    }
    wal.reset().unwrap();
    put(&mut wal, &[b"four"]);
    wal.append(b"five").unwrap();
    wal.write_pending().unwrap();
    path
}

/// The file that holds epoch 2 of [`sample`].
fn file_of_two(path: &Path) -> PathBuf {
    path.join("0")
}

fn at(bytes: &[u8], text: &[u8]) -> usize {
    bytes.windows(text.len()).position(|window| window == text).unwrap()
}

/// Both files' bytes, as far as these tests write.
fn image(path: &Path) -> [Vec<u8>; 2] {
    ["0", "1"].map(|name| std::fs::read(path.join(name)).unwrap()[..SHOWN].to_vec())
}

fn keys(wal: &Wal) -> [Key; 2] {
    let [a, b] = &wal.files;
    [a.key(), b.key()]
}

fn judged(keys: &[Key; 2], [a, b]: &[Vec<u8>; 2]) -> Judged {
    judge([(&keys[0], a), (&keys[1], b)], START)
}

/// The pages in which two images differ.
fn pages(old: &[Vec<u8>; 2], new: &[Vec<u8>; 2]) -> Vec<(usize, usize)> {
    let places = (0..2).flat_map(|file| (0..SHOWN).step_by(PAGE).map(move |at| (file, at)));
    places.filter(|(f, at)| old[*f][*at..at + PAGE] != new[*f][*at..at + PAGE]).collect()
}

/// Every image that a power cut may leave of a write from `old` to `new`, or of some of them where
/// there are too many: the pages persist independently of each other.
fn cuts(old: &[Vec<u8>; 2], new: &[Vec<u8>; 2]) -> Vec<[Vec<u8>; 2]> {
    let pages = pages(old, new);
    let cut = |choose: &dyn Fn(usize) -> bool| {
        let mut image = old.clone();
        for (_, (file, at)) in pages.iter().enumerate().filter(|(i, _)| choose(*i)) {
            image[*file][*at..at + PAGE].copy_from_slice(&new[*file][*at..at + PAGE]);
        }
        image
    };
    if pages.len() <= 8 {
        return (0..1_u32 << pages.len()).map(|set| cut(&|i| set >> i & 1 == 1)).collect();
    }
    // A plain generator: each page with even chance, and every single page alone or left out.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut sets: Vec<Vec<bool>> = Vec::new();
    for page in 0..pages.len() {
        sets.push((0..pages.len()).map(|i| i == page).collect());
        sets.push((0..pages.len()).map(|i| i != page).collect());
    }
    for _ in 0..200 {
        let mut chance = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state >> 40 & 1 == 1
        };
        sets.push((0..pages.len()).map(|_| chance()).collect());
    }
    sets.iter().map(|set| cut(&|i| set[i])).collect()
}

/// Puts an image where a log is and opens it.
fn reopen(path: &Path, image: &[Vec<u8>; 2]) -> (Wal, Found) {
    for (name, bytes) in ["0", "1"].into_iter().zip(image) {
        let mut whole = std::fs::read(path.join(name)).unwrap();
        whole.fill(0);
        whole[..SHOWN].copy_from_slice(bytes);
        std::fs::write(path.join(name), whole).unwrap();
    }
    Wal::open(path).unwrap()
}

/// Records of an epoch that fill several pages, each different, in writes of two.
fn epoch(number: u8) -> Vec<[Vec<u8>; 2]> {
    let record = |i: usize| vec![number.wrapping_mul(16) + i as u8; 200 + i * 350];
    (0..4).map(|write| [record(write * 2), record(write * 2 + 1)]).collect()
}

#[test]
fn records_come_back_after_a_reopening_and_go_on() {
    let dir = TempDir::new().unwrap();
    let path = sample(&dir);
    let (mut wal, found) = Wal::open(&path).unwrap();
    assert_eq!(found.records, [b"four", b"five"]);
    assert!(!found.unfinished);
    wal.append(b"six").unwrap();
    assert_eq!(wal.read().unwrap(), [&b"four"[..], b"five", b"six"]);
    wal.sync().unwrap();
    assert_eq!(Wal::open(&path).unwrap().1.records, [&b"four"[..], b"five", b"six"]);
}

#[test]
fn a_reset_forgets_at_once() {
    let dir = TempDir::new().unwrap();
    let (mut wal, _) = Wal::open(&sample(&dir)).unwrap();
    wal.reset().unwrap();
    assert!(wal.read().unwrap().is_empty());
}

#[test]
fn resets_without_a_record_between_them_leave_the_last_records_alone() {
    let dir = TempDir::new().unwrap();
    let path = sample(&dir);
    let (mut wal, _) = Wal::open(&path).unwrap();
    let old = image(&path);
    for _ in 0..2 {
        wal.reset().unwrap();
    }
    put(&mut wal, &[b"six"]);
    let changed = pages(&old, &image(&path));
    assert!(changed.iter().all(|(file, _)| *file == 1), "{changed:?}");
}

/// After a power cut in any write, whichever of its pages persisted: no false damage, every synced
/// record, nothing but what was appended; and the log goes on as if nothing had been left.
#[test]
fn a_power_cut_in_any_write_leaves_the_log_whole_whichever_pages_persist() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("wal");
    let (mut wal, _) = Wal::open(&path).unwrap();
    let keys = keys(&wal);
    let mut before: Vec<Vec<u8>> = Vec::new();
    let mut seen = 0;
    for number in 1..=4 {
        let mut synced: Vec<Vec<u8>> = Vec::new();
        for write in epoch(number) {
            let old = image(&path);
            put(&mut wal, &[&write[0], &write[1]]);
            let appended = [synced.clone(), write.to_vec()].concat();
            for cut in cuts(&old, &image(&path)) {
                let judged = judged(&keys, &cut);
                assert_eq!(judged.hole, None, "epoch {number}");
                let records = &judged.records;
                let is_of_before = synced.is_empty() && *records == before;
                assert!(is_of_before || appended.starts_with(records), "epoch {number}");
                assert!(is_of_before || records.len() >= synced.len(), "epoch {number}");
                seen += 1;
            }
            synced = appended;
        }
        before = synced;
        wal.reset().unwrap();
    }
    assert!(seen > 500, "{seen} cuts");
}

#[test]
fn after_a_power_cut_nothing_that_was_left_comes_back() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("wal");
    let (mut wal, _) = Wal::open(&path).unwrap();
    for number in 1..=2 {
        epoch(number).iter().for_each(|write| put(&mut wal, &[&write[0], &write[1]]));
        wal.reset().unwrap();
    }
    // Two records are synced, then one write of six is cut.
    let writes = epoch(3);
    put(&mut wal, &[&writes[0][0], &writes[0][1]]);
    let old = image(&path);
    let rest: Vec<&[u8]> = writes[1..].iter().flatten().map(Vec::as_slice).collect();
    put(&mut wal, &rest);
    drop(wal);
    let all = cuts(&old, &image(&path));
    let mut unfinished = 0;
    for cut in all.iter().step_by(all.len() / 40) {
        let (mut wal, found) = reopen(&path, cut);
        unfinished += usize::from(found.unfinished);
        // The next record has the length of the one that was cut, and another content.
        let lengths = writes.iter().flatten().map(Vec::len).collect::<Vec<_>>();
        let Some(len) = lengths.get(found.records.len()) else { continue };
        let anew = vec![0xee; *len];
        put(&mut wal, &[&anew]);
        let wanted = [found.records, vec![anew]].concat();
        assert_eq!(Wal::open(&path).unwrap().1.records, wanted);
    }
    assert!(unfinished > 5, "{unfinished} cuts left something");
}

#[test]
fn a_first_write_that_was_cut_does_not_come_back_either() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("wal");
    let (mut wal, _) = Wal::open(&path).unwrap();
    epoch(1).iter().for_each(|write| put(&mut wal, &[&write[0], &write[1]]));
    wal.reset().unwrap();
    let old = image(&path);
    let rest: Vec<Vec<u8>> = epoch(2).concat();
    put(&mut wal, &rest.iter().map(Vec::as_slice).collect::<Vec<_>>());
    drop(wal);
    // All but the first page persisted.
    let mut cut = image(&path);
    cut[0][..PAGE].copy_from_slice(&old[0][..PAGE]);
    let (mut wal, found) = reopen(&path, &cut);
    assert_eq!((found.records, found.unfinished), (epoch(1).concat(), true));
    // The height of epoch 1 stands; the next is logged again, and differs at once.
    wal.reset().unwrap();
    put(&mut wal, &[&vec![0xee; rest[0].len()]]);
    assert_eq!(Wal::open(&path).unwrap().1.records.len(), 1);
}

#[test]
fn a_power_cut_while_leftovers_are_cleared_is_no_damage() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("wal");
    let (mut wal, _) = Wal::open(&path).unwrap();
    let keys = keys(&wal);
    for number in 1..=2 {
        epoch(number).iter().for_each(|write| put(&mut wal, &[&write[0], &write[1]]));
        wal.reset().unwrap();
    }
    let old = image(&path);
    let records: Vec<Vec<u8>> = epoch(3).concat();
    put(&mut wal, &records.iter().map(Vec::as_slice).collect::<Vec<_>>());
    drop(wal);
    let torn = cuts(&old, &image(&path));
    for torn in torn.iter().step_by(torn.len() / 12) {
        let first = judged(&keys, torn);
        drop(reopen(&path, torn));
        for cut in cuts(torn, &image(&path)) {
            let again = judged(&keys, &cut);
            assert_eq!((again.hole, again.epoch), (None, first.epoch));
            assert!(again.records.starts_with(&first.records));
        }
    }
}

#[test]
fn a_flipped_bit_in_a_synced_record_is_damage() {
    let dir = TempDir::new().unwrap();
    let path = sample(&dir);
    let file = file_of_two(&path);
    let whole = std::fs::read(&file).unwrap();
    // In the payload, and in every byte of the head.
    let record = at(&whole, b"four");
    for byte in record - HEAD..record + 4 {
        let mut bytes = whole.clone();
        bytes[byte] ^= 1;
        std::fs::write(&file, &bytes).unwrap();
        let why = Wal::open(&path).unwrap_err();
        assert!(why.0.contains("record 0 was synced"), "byte {byte}: {why}");
    }
}

#[test]
fn a_file_that_is_missing_beside_a_used_one_is_damage() {
    let dir = TempDir::new().unwrap();
    let path = sample(&dir);
    std::fs::remove_file(file_of_two(&path)).unwrap();
    let why = Wal::open(&path).unwrap_err();
    assert!(why.0.contains("the other half of the log"), "{why}");
}

#[test]
fn a_damaged_head_is_damage_and_a_file_of_zeros_is_made_anew() {
    let dir = TempDir::new().unwrap();
    let path = sample(&dir);
    let whole = std::fs::read(path.join("1")).unwrap();
    for byte in 0..52 {
        let mut bytes = whole.clone();
        bytes[byte] ^= 1;
        std::fs::write(path.join("1"), &bytes).unwrap();
        assert!(Wal::open(&path).unwrap_err().0.contains("no log"), "byte {byte}");
    }
    for name in ["0", "1"] {
        std::fs::write(path.join(name), vec![0; 9]).unwrap();
    }
    assert!(Wal::open(&path).unwrap().1.records.is_empty());
}

/// Bytes that a client may choose: a body of 136 KiB that is logged, full of what could be heads.
fn chosen(epoch: u64) -> Vec<u8> {
    let head = [&epoch.to_le_bytes()[..], &1_u32.to_le_bytes(), &2_u32.to_le_bytes()];
    let len = (1_u32 << 20).to_le_bytes();
    [head.concat(), len.to_vec()].concat().repeat(136 * 1024 / 20)
}

#[test]
fn chosen_bytes_cost_a_search_no_more_than_a_check_each() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("wal");
    let (mut wal, _) = Wal::open(&path).unwrap();
    let bodies = vec![chosen(3); 15];
    put(&mut wal, &bodies.iter().map(Vec::as_slice).collect::<Vec<_>>());
    for _ in 0..2 {
        wal.reset().unwrap();
        put(&mut wal, &[b"a height on"]);
    }
    let keys = keys(&wal);
    let files = ["0", "1"].map(|name| std::fs::read(path.join(name)).unwrap());
    let judged = judged(&keys, &files);
    assert_eq!((judged.epoch, judged.hole, judged.left), (3, None, [None; 2]));
    // One check of 28 bytes for each place that may be a head; no payload is hashed for any.
    assert!((100_000..=136 * 1024 * 15 / 20).contains(&judged.checks), "{}", judged.checks);
    assert_eq!(Wal::open(&path).unwrap().1.records, [b"a height on"]);
}

#[test]
fn a_record_forged_inside_a_payload_proves_nothing() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("wal");
    let (mut wal, _) = Wal::open(&path).unwrap();
    // Whoever knows the format, but not the file's secret.
    let key = Key([0; 32]);
    let forged = Head::of(&key, (3, 1, 7), b"x").to_bytes(&key);
    put(&mut wal, &[&[&forged[..], b"x"].concat().repeat(20)]);
    for _ in 0..2 {
        wal.reset().unwrap();
        put(&mut wal, &[b"later"]);
    }
    let (_, found) = Wal::open(&path).unwrap();
    assert_eq!((found.records, found.unfinished), (vec![b"later".to_vec()], false));
}

#[test]
fn a_large_log_grows_its_file_and_comes_back() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("wal");
    let (mut wal, _) = Wal::open(&path).unwrap();
    let record = vec![9; 3 * 1024 * 1024];
    for _ in 0..2 {
        put(&mut wal, &[&record]);
    }
    assert_eq!(std::fs::metadata(path.join("1")).unwrap().len(), 2 * STEP);
    assert_eq!(Wal::open(&path).unwrap().1.records, [record.clone(), record]);
}

#[test]
fn a_failed_write_ends_the_logs_use() {
    let dir = TempDir::new().unwrap();
    let path = sample(&dir);
    let (mut wal, _) = Wal::open(&path).unwrap();
    wal.file_mut().refuse_writes();
    wal.append(b"lost").unwrap();
    wal.sync().unwrap_err();
    wal.append(b"more").unwrap_err();
    wal.sync().unwrap_err();
    wal.reset().unwrap_err();
}

#[test]
fn another_file_is_no_log() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("wal");
    std::fs::write(&path, [1; 100]).unwrap();
    assert!(Wal::open(&path).unwrap_err().0.contains("cannot make"));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("1"), [1; 100]).unwrap();
    assert!(Wal::open(&path).unwrap_err().0.contains("no log"));
}
