//! A device captures without a network: what it refuses, what it keeps, what it notices.
#![allow(clippy::unwrap_used, reason = "a test may")]

use linli_sdk::capture::{About, Checkpoint, Entry, Queue, Who, entries, erase, find};
use linli_sdk::{Error, ErrorKind, SecretKey, clock};
use linli_types::id::{BlockId, ChainId, Digest, PrincipalId};
use linli_types::signature::Zip215;
use linli_verify::file;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

const DEVICE: PrincipalId = PrincipalId([9; 16]);

fn who() -> Who {
    Who { source: DEVICE, device: DEVICE, chain: ChainId([5; 32]) }
}

fn about() -> About {
    About { kind: 3, retention: 1, basis: 2, ..About::default() }
}

struct Phone {
    dir: TempDir,
    key: SecretKey,
}

impl Phone {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), key: SecretKey::generate().unwrap() }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("queue")
    }

    fn open(&self) -> Result<Queue, Error> {
        Queue::open(&self.folder(), who(), &self.key, None)
    }

    fn photo(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn capture(&self, path: &Path) -> Result<Entry, Error> {
        self.open()?.capture(&[path], &about())
    }

    fn saw(&self, height: u64, time_ms: u64, highest: u64) {
        let seen = Checkpoint { block: [7; 32], height, time_ms, highest };
        assert!(seen.save(&self.folder()).unwrap());
    }
}

#[test]
fn what_is_captured_waits_in_order_and_is_signed_by_the_device() {
    let phone = Phone::new();
    phone.saw(41, 1_000, 0);
    for n in 1..=3_u8 {
        phone.capture(&phone.photo(&format!("{n}.jpg"), &[n])).unwrap();
    }
    let pending = phone.open().unwrap().pending().unwrap();
    assert_eq!(pending.iter().map(|e| e.number).collect::<Vec<_>>(), [1, 2, 3]);
    let (entry, signed) = (&pending[2], pending[2].signed().unwrap());
    signed.check(&Zip215).unwrap();
    assert_eq!((signed.key, signed.claims.counter), (phone.key.public(), Some(3)));
    let (block, height) = signed.claims.not_before.unwrap();
    assert_eq!((block, height.0), (BlockId([7; 32]), 41));
    let manifest = entry.manifest().unwrap();
    assert_eq!(manifest.files[0].sha256, file::both(&[3]).0);
    let environment = entry.environment().unwrap();
    assert!(!environment.is_set_back());
    let digest = file::both(entry.environment_text().as_bytes()).0;
    assert_eq!(signed.claims.env_digest, Some(digest));
}

#[test]
fn the_same_photo_does_not_prove_two_visits() {
    let phone = Phone::new();
    phone.capture(&phone.photo("a.jpg", b"photo")).unwrap();
    let renamed = phone.photo("b.jpg", b"photo");
    assert_eq!(phone.capture(&renamed).unwrap_err().name(), "CAPTURE_SAME_FILE");
    let again = About { again: true, ..about() };
    assert_eq!(phone.open().unwrap().capture(&[&renamed], &again).unwrap().number, 2);
}

#[test]
fn an_old_photo_is_refused_or_recorded_as_what_it_is() {
    let phone = Phone::new();
    let week = Duration::from_secs(7 * 24 * 3600);
    let by_time = phone.photo("a.jpg", b"old");
    let then = SystemTime::now() - week;
    fs::File::options().write(true).open(&by_time).unwrap().set_modified(then).unwrap();
    let by_exif = phone.photo("b.jpg", b"\xff\xd8..Exif\0\0..2026:01:02 08:00:00\0");
    for path in [&by_time, &by_exif] {
        assert_eq!(phone.capture(path).unwrap_err().name(), "CAPTURE_OLD_FILE");
    }
    let imported = About { imported: true, ..about() };
    let entry = phone.open().unwrap().capture(&[&by_exif], &imported).unwrap();
    // 2026-01-02 08:00:00 in UTC+8.
    assert_eq!(entry.signed().unwrap().claims.captured_at_ms, 1_767_312_000_000);
}

#[test]
fn an_empty_or_missing_file_uses_no_number() {
    let phone = Phone::new();
    let missing = phone.dir.path().join("absent");
    for path in [&phone.photo("a.jpg", b""), &missing] {
        assert_eq!(phone.capture(path).unwrap_err().kind(), ErrorKind::File);
    }
    assert_eq!(phone.capture(&phone.photo("b.jpg", b"b")).unwrap().number, 1);
}

#[test]
fn leg_27_a_clock_set_back_is_noticed_and_signed() {
    let phone = Phone::new();
    // The device saw a block eight hours after what its clock says now.
    let ahead = clock::now().unwrap().0 + 8 * 3_600_000;
    phone.saw(41, ahead, 0);
    let entry = phone.capture(&phone.photo("a.jpg", b"a")).unwrap();
    let environment = entry.environment().unwrap();
    assert!(environment.is_set_back());
    assert_eq!(environment.checkpoint, Some((41, ahead)));
    let digest = file::both(entry.environment_text().as_bytes()).0;
    assert_eq!(entry.signed().unwrap().claims.env_digest, Some(digest));
}

#[test]
fn a_counter_that_was_lost_changed_or_put_back_is_found() {
    type Harm = fn(&Phone, &[u8]);
    let harms: [(&str, Harm); 6] = [
        ("lost", |p, _| fs::remove_file(p.folder().join("state")).unwrap()),
        ("put back", |p, old| fs::write(p.folder().join("state"), old).unwrap()),
        ("changed", |p, _| {
            let text = fs::read_to_string(p.folder().join("state")).unwrap();
            fs::write(p.folder().join("state"), text.replace("\"next\": 4", "\"next\": 9"))
                .unwrap();
        }),
        ("another device's", |p, _| {
            let other = Phone::new();
            other.capture(&other.photo("o.jpg", b"o")).unwrap();
            fs::copy(other.folder().join("state"), p.folder().join("state")).unwrap();
        }),
        ("last entry gone", |p, _| {
            fs::remove_file(p.folder().join("entries/000000000003")).unwrap();
        }),
        ("two phones", |p, _| p.saw(50, 2_000, 318)),
    ];
    for (name, harm) in harms {
        let phone = Phone::new();
        phone.capture(&phone.photo("1.jpg", b"1")).unwrap();
        let old = fs::read(phone.folder().join("state")).unwrap();
        phone.capture(&phone.photo("2.jpg", b"2")).unwrap();
        phone.capture(&phone.photo("3.jpg", b"3")).unwrap();
        harm(&phone, &old);
        let why = phone.capture(&phone.photo("4.jpg", b"4")).unwrap_err();
        assert_eq!(why.name(), "CAPTURE_COUNTER", "{name}");
    }
}

#[test]
fn a_crash_between_entry_and_counter_is_completed() {
    let phone = Phone::new();
    phone.capture(&phone.photo("1.jpg", b"1")).unwrap();
    let state = fs::read(phone.folder().join("state")).unwrap();
    phone.capture(&phone.photo("2.jpg", b"2")).unwrap();
    // The entry was written, the counter was not.
    fs::write(phone.folder().join("state"), state).unwrap();
    assert_eq!(phone.capture(&phone.photo("3.jpg", b"3")).unwrap().number, 3);
}

#[test]
fn a_new_phone_does_not_begin_inside_used_numbers() {
    let phone = Phone::new();
    phone.saw(41, 1_000, 317);
    assert_eq!(phone.open().unwrap_err().name(), "CAPTURE_COUNTER");
    let from = |first| Queue::open(&phone.folder(), who(), &phone.key, Some(first));
    assert_eq!(from(300).unwrap_err().name(), "CAPTURE_COUNTER");
    let entry = from(318).unwrap().capture(&[&phone.photo("a.jpg", b"a")], &about()).unwrap();
    assert_eq!(entry.number, 318);
}

#[test]
fn an_entry_that_was_changed_is_not_uploaded() {
    let phone = Phone::new();
    let entry = phone.capture(&phone.photo("1.jpg", b"1")).unwrap();
    let path = phone.folder().join("entries/000000000001");
    let text = fs::read_to_string(&path).unwrap();
    let manifest = hex::encode(entry.manifest_bytes().unwrap());
    let mut other = manifest.clone();
    other.replace_range(40..42, if &manifest[40..42] == "00" { "01" } else { "00" });
    let changes = [
        text.replace(&manifest, &other),
        text.replace("\"kind\": 3", "\"kind\": 4"),
        text.replace("steady", "set-back"),
        text.replace("\"number\": 1", "\"number\": 2"),
    ];
    for changed in changes {
        assert_ne!(changed, text);
        fs::write(&path, changed).unwrap();
        assert_eq!(Entry::read(&phone.folder(), 1).unwrap_err().name(), "CAPTURE_ENTRY");
    }
    fs::write(&path, text).unwrap();
    assert_eq!(Entry::read(&phone.folder(), 1).unwrap().id(), entry.id());
    assert_ne!(entry.id(), Digest([0; 32]));
}

#[test]
fn an_older_checkpoint_does_not_replace_a_later_one() {
    let phone = Phone::new();
    phone.saw(41, 1_000, 0);
    let older = Checkpoint { block: [8; 32], height: 40, time_ms: 900, highest: 0 };
    assert!(!older.save(&phone.folder()).unwrap());
    assert_eq!(Checkpoint::read(&phone.folder()).unwrap().unwrap().height, 41);
}

#[test]
fn a_clock_set_forward_is_noticed_once_it_is_right_again() {
    let phone = Phone::new();
    let now = clock::now().unwrap().0;
    let ahead = now + 8 * 3_600_000;
    let photo = phone.photo("a.jpg", b"a");
    let entry = phone.open().unwrap().capture_at(ahead, &[&photo], &about()).unwrap();
    assert_eq!(entry.signed().unwrap().claims.captured_at_ms, ahead);
    let next = phone.capture(&phone.photo("b.jpg", b"b")).unwrap();
    let environment = next.environment().unwrap();
    assert!(environment.is_set_back() && environment.seen_time_ms == ahead);
}

#[test]
fn a_file_that_changes_while_it_is_captured_is_refused_and_uses_no_number() {
    let phone = Phone::new();
    let path = phone.photo("video.mp4", b"v");
    fs::File::options().write(true).open(&path).unwrap().set_len(8 << 20).unwrap();
    let (mut used, stop) = (0, AtomicBool::new(false));
    let why = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                let file = fs::File::options().write(true).open(&path).unwrap();
                std::os::unix::fs::FileExt::write_at(&file, &n.to_be_bytes(), 0).unwrap();
            }
        });
        // However the threads are scheduled: sooner or later a write falls into the reading.
        let why = loop {
            match phone.capture(&path) {
                Ok(_) => used += 1,
                Err(why) if why.name() == "CAPTURE_SAME_FILE" => {}
                Err(why) => break why,
            }
        };
        stop.store(true, Ordering::Relaxed);
        why
    });
    assert_eq!(why.name(), "FILE_CHANGED");
    assert_eq!(phone.capture(&phone.photo("b.jpg", b"b")).unwrap().number, used + 1);
}

#[test]
fn leg_06_an_erased_entry_leaves_its_number_and_nothing_of_its_files() {
    let phone = Phone::new();
    let (one, two) = (phone.photo("canary-one.jpg", b"1"), phone.photo("canary-two.jpg", b"2"));
    let first = phone.capture(&one).unwrap();
    let second = phone.open().unwrap().capture(&[&two, &one], &About { again: true, ..about() });
    let second = second.unwrap();
    let manifest = first.manifest().unwrap();
    assert_eq!(find(&phone.folder(), &Digest([1; 32])).unwrap(), None);
    let queued = find(&phone.folder(), &second.id()).unwrap().unwrap();
    assert_eq!((queued.number, queued.source, queued.registered), (2, DEVICE, false));
    // Changed since: it is not what was captured, and somebody else's to remove.
    fs::write(&two, b"another").unwrap();
    let packs = phone.folder().join("packs");
    fs::create_dir(&packs).unwrap();
    let [kept, pack] = [1, 2].map(|n| packs.join(format!("{n:012}.linli")));
    fs::write(&kept, b"first").unwrap();
    fs::write(&pack, b"second").unwrap();
    let gone = erase(&phone.folder(), &second.id(), true).unwrap().unwrap();
    assert_eq!((gone.objects, gone.left), (3, vec![two.clone()]));
    assert!(kept.exists() && !pack.exists());
    assert!(!one.exists() && two.exists());
    let again = erase(&phone.folder(), &second.id(), true).unwrap().unwrap();
    assert_eq!((again.objects, again.queued.manifest), (0, None));
    assert_eq!(erase(&phone.folder(), &first.id(), false).unwrap().unwrap().objects, 2);
    let salt = hex::encode(manifest.salt.to_string());
    let mut files = vec![phone.folder().join("state"), phone.folder().join("seen")];
    files.extend((1..=2).map(|n| phone.folder().join(format!("entries/{n:012}"))));
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let tags = path.ends_with("seen") && !text.is_empty();
        assert!(!tags && !text.contains("canary") && !text.contains(&salt), "{text}");
    }
    // Neither is an upload under way the one that brings it back.
    assert_eq!(first.write(&phone.folder()).unwrap_err().name(), "CAPTURE_ERASED");
    assert!(entries(&phone.folder()).unwrap().is_empty());
    // Q1: the counter goes on, and the photo is a new one.
    let third = phone.capture(&phone.photo("c.jpg", b"1")).unwrap();
    assert_eq!((third.number, third.signed().unwrap().claims.counter), (3, Some(3)));
}

#[test]
fn an_entry_that_was_erased_before_the_counter_stepped_over_it_is_stepped_over() {
    let phone = Phone::new();
    phone.capture(&phone.photo("1.jpg", b"1")).unwrap();
    let state = fs::read(phone.folder().join("state")).unwrap();
    let second = phone.capture(&phone.photo("2.jpg", b"2")).unwrap();
    fs::write(phone.folder().join("state"), state).unwrap();
    erase(&phone.folder(), &second.id(), false).unwrap();
    assert_eq!(phone.capture(&phone.photo("3.jpg", b"3")).unwrap().number, 3);
}

#[test]
fn what_was_put_in_an_erased_entrys_place_is_no_other_record() {
    let phone = Phone::new();
    let first = phone.capture(&phone.photo("1.jpg", b"1")).unwrap();
    erase(&phone.folder(), &first.id(), false).unwrap();
    let path = phone.folder().join("entries/000000000001");
    let text = fs::read_to_string(&path).unwrap();
    let other = text.replace(&first.id().to_string(), &Digest([8; 32]).to_string());
    for changed in [other, text.replace("\"number\": 1", "\"number\": 2"), "{}".into()] {
        assert_ne!(changed, text);
        fs::write(&path, changed).unwrap();
        let why = phone.capture(&phone.photo("2.jpg", b"2")).unwrap_err();
        assert!(["CAPTURE_COUNTER", "CAPTURE_ENTRY"].contains(&why.name()), "{why}");
    }
}
