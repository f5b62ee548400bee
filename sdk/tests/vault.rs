//! The vault over folders: what it keeps, refuses, destroys and logs.
#![allow(clippy::unwrap_used, reason = "a test may")]

use linli_sdk::vault::{
    Actor, Basis, Class, Deed, Finding, Input, Opening, Outside, Put, Role, State,
};
use linli_sdk::{Error, ErrorKind, SecretKey, Vault};
use linli_types::id::{Digest, PrincipalId};
use std::fs;
use std::path::PathBuf;

struct Case {
    dir: tempfile::TempDir,
    key: SecretKey,
}

const RECORD: Digest = Digest([7; 32]);

fn actor() -> Actor {
    Actor::new("PR-TEST", "test").unwrap()
}

impl Case {
    fn new() -> (Self, Vault) {
        let (dir, key) = (tempfile::tempdir().unwrap(), SecretKey::generate().unwrap());
        let vault = Vault::create(&dir.path().join("vault"), &key).unwrap();
        (Self { dir, key }, vault)
    }

    fn open(&self) -> Result<Vault, Error> {
        Vault::open(&self.dir.path().join("vault"), &self.key, Opening::default())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> Input {
        let path = self.dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        Input { role: Role::File, name: name.into(), path }
    }

    fn put(&self, parts: Vec<Input>) -> Put {
        Put {
            record: RECORD,
            class: Class::Personal,
            source: None,
            number: None,
            subject: None,
            parts,
        }
    }

    fn out(&self, name: &str) -> PathBuf {
        let out = self.dir.path().join(name);
        fs::create_dir_all(&out).unwrap();
        out
    }

    /// Every file of the vault, with its bytes.
    fn everything(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let (mut files, mut folders) = (Vec::new(), vec![self.dir.path().join("vault")]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => files.push((path.clone(), fs::read(&path).unwrap())),
                }
            }
        }
        files
    }

    fn segments(&self) -> Vec<PathBuf> {
        let all = self.everything().into_iter().map(|(path, _)| path);
        let mut all: Vec<_> = all.filter(|p| p.to_string_lossy().contains("/body/")).collect();
        all.sort();
        all
    }
}

fn large(n: u8) -> Vec<u8> {
    (0..SEGMENTS_BYTES).map(|i| u8::try_from(i % 251).unwrap() ^ n).collect()
}

const SEGMENT_BYTES: usize = 4 << 20;
/// Two whole segments and a piece of a third.
const SEGMENTS_BYTES: usize = 2 * SEGMENT_BYTES + 17;

#[tokio::test]
async fn leg_22_what_is_put_comes_back_and_no_holder_knows_it() {
    let (case, mut vault) = Case::new();
    let parts = vec![case.file("服务记录.txt", b"canary-one"), case.file("b.bin", &large(1))];
    let stored = vault.put(&case.put(parts), &actor()).await.unwrap();
    assert_eq!((stored.written, stored.resumed, stored.before), (4, 0, false));
    let out = case.out("out");
    vault.get(&RECORD, &out, false, &actor()).await.unwrap();
    assert_eq!(fs::read(out.join("服务记录.txt")).unwrap(), b"canary-one");
    assert_eq!(fs::read(out.join("b.bin")).unwrap(), large(1));
    // V1
    for (path, bytes) in case.everything() {
        for canary in ["canary-one", "服务记录"] {
            let found = bytes.windows(canary.len()).any(|w| w == canary.as_bytes());
            assert!(!found && !path.to_string_lossy().contains(canary), "{path:?}");
        }
    }
}

#[tokio::test]
async fn the_same_again_changes_nothing_and_other_content_is_refused() {
    let (case, mut vault) = Case::new();
    let put = case.put(vec![case.file("a.txt", b"one")]);
    let first = vault.put(&put, &actor()).await.unwrap();
    let again = vault.put(&put, &actor()).await.unwrap();
    assert!(again.before && again.ciphertext == first.ciphertext);
    assert_eq!(case.segments().len(), 1);
    // INV-V4
    fs::write(&put.parts[0].path, b"two").unwrap();
    assert_eq!(vault.put(&put, &actor()).await.unwrap_err().name(), "VAULT_CONFLICT");
    fs::write(&put.parts[0].path, b"one").unwrap();
    let renamed = case.put(vec![Input { name: "b.txt".into(), ..put.parts[0].clone() }]);
    assert_eq!(vault.put(&renamed, &actor()).await.unwrap_err().name(), "VAULT_CONFLICT");
}

#[tokio::test]
async fn an_interrupted_upload_goes_on() {
    let (case, mut vault) = Case::new();
    let whole = case.file("a.bin", &large(2));
    // The second part cannot be read yet: the upload ends after the first.
    let absent = Input { role: Role::File, name: "b".into(), path: case.dir.path().join("b") };
    let put = case.put(vec![whole, absent]);
    assert_eq!(vault.put(&put, &actor()).await.unwrap_err().kind(), ErrorKind::File);
    let why = vault.get(&RECORD, &case.out("o"), false, &actor()).await.unwrap_err();
    assert_eq!(why.name(), "VAULT_UNFINISHED");
    drop(vault);
    fs::write(case.dir.path().join("b"), b"b").unwrap();
    let mut vault = case.open().unwrap();
    let stored = vault.put(&put, &actor()).await.unwrap();
    assert_eq!((stored.written, stored.resumed), (1, 3));
}

#[tokio::test]
async fn an_upload_that_goes_on_with_a_changed_file_stores_the_file_as_it_is() {
    let (case, mut vault) = Case::new();
    let absent = Input { role: Role::File, name: "b".into(), path: case.dir.path().join("b") };
    let put = case.put(vec![case.file("a.bin", &large(3)), absent]);
    vault.put(&put, &actor()).await.unwrap_err();
    let mut other = large(3);
    other[SEGMENT_BYTES] ^= 1;
    fs::write(&put.parts[0].path, &other).unwrap();
    fs::write(&put.parts[1].path, b"b").unwrap();
    let stored = vault.put(&put, &actor()).await.unwrap();
    assert_eq!((stored.written, stored.resumed), (3, 1));
    let out = case.out("out");
    vault.get(&RECORD, &out, false, &actor()).await.unwrap();
    assert_eq!(fs::read(out.join("a.bin")).unwrap(), other);
}

#[tokio::test]
async fn swapped_damaged_or_missing_segments_are_refused_and_named() {
    let (case, mut vault) = Case::new();
    vault.put(&case.put(vec![case.file("a.bin", &large(4))]), &actor()).await.unwrap();
    let segments = case.segments();
    let [a, b] = [&segments[0], &segments[1]].map(|path| fs::read(path).unwrap());
    type Damage = fn(&[PathBuf], &[u8], &[u8]);
    let damages: [Damage; 4] = [
        |s, _, b| fs::write(&s[0], b).unwrap(),
        |s, a, _| fs::write(&s[0], &a[..a.len() - 1]).unwrap(),
        |s, a, _| {
            let mut flipped = a.to_vec();
            flipped[100] ^= 1;
            fs::write(&s[0], flipped).unwrap();
        },
        |s, _, _| fs::remove_file(&s[0]).unwrap(),
    ];
    for (i, damage) in damages.into_iter().enumerate() {
        damage(&segments, &a, &b);
        let out = case.out(&format!("out{i}"));
        let why = vault.get(&RECORD, &out, false, &actor()).await.unwrap_err();
        assert_eq!(why.name(), "VAULT_CORRUPT", "damage {i}");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 0, "half a file is left");
        let checked = vault.verify(false, &actor()).await.unwrap();
        assert!(matches!(checked.findings.as_slice(), [Finding::Damaged { segment: 0, .. }]));
        fs::write(&segments[0], &a).unwrap();
    }
    assert!(vault.verify(false, &actor()).await.unwrap().findings.is_empty());
}

fn second_holder(case: &Case) {
    let path = case.dir.path().join("vault/vault.toml");
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str("\n[[holder]]\nname = \"second\"\nkind = \"folder\"\npath = \"second\"\n");
    fs::write(path, text).unwrap();
}

#[tokio::test]
async fn a_second_holder_gives_what_the_first_lost_and_repairs_it() {
    let (case, vault) = Case::new();
    drop(vault);
    second_holder(&case);
    let mut vault = case.open().unwrap();
    vault.put(&case.put(vec![case.file("a.txt", b"one")]), &actor()).await.unwrap();
    assert_eq!(case.segments().len(), 2);
    fs::write(&case.segments()[0], b"damaged").unwrap();
    vault.get(&RECORD, &case.out("out"), false, &actor()).await.unwrap();
    let checked = vault.verify(true, &actor()).await.unwrap();
    assert!(matches!(checked.findings.as_slice(), [Finding::Damaged { repaired: true, .. }]));
    assert!(vault.verify(false, &actor()).await.unwrap().findings.is_empty());
}

#[tokio::test]
async fn leg_06_an_erased_record_is_gone_on_every_holder_and_stays_so() {
    let (case, vault) = Case::new();
    drop(vault);
    second_holder(&case);
    let mut vault = case.open().unwrap();
    let source = PrincipalId([3; 16]);
    let mut put = case.put(vec![case.file("a.txt", b"one")]);
    put.source = Some(source);
    vault.put(&put, &actor()).await.unwrap();
    let file = Digest([5; 32]);
    let tag = vault.tag(&source, &file).unwrap();
    assert_eq!(vault.tag(&source, &file).unwrap(), tag);
    let row = fs::read(case.dir.path().join("vault/keys").join(RECORD.to_string())).unwrap();
    let erased = vault.erase(&RECORD, Basis::ConsentWithdrawn, false, &actor()).await.unwrap();
    assert_eq!((erased.tombstone.state, erased.confirmations.len()), (State::Destroyed, 2));
    assert!(case.segments().is_empty());
    // INV-E3
    assert_ne!(vault.tag(&source, &file).unwrap(), tag);
    // Again: it is done, and nothing is stored under its name any more.
    let again = vault.erase(&RECORD, Basis::ConsentWithdrawn, false, &actor()).await.unwrap();
    assert_eq!(again, erased);
    assert_eq!(vault.put(&put, &actor()).await.unwrap_err().name(), "VAULT_ERASED");
    let why = vault.get(&RECORD, &case.out("o"), false, &actor()).await.unwrap_err();
    assert_eq!(why.name(), "VAULT_ERASED");
    // INV-V2: a backup brings the row back.
    fs::write(case.dir.path().join("vault/keys").join(RECORD.to_string()), row).unwrap();
    assert!(vault.list().unwrap().is_empty());
    let found = vault.verify(true, &actor()).await.unwrap().findings;
    assert_eq!(found, [Finding::NotErased { record: RECORD, repaired: true }]);
    assert!(vault.verify(true, &actor()).await.unwrap().findings.is_empty());
}

#[tokio::test]
async fn leg_06_what_lies_on_a_device_alone_has_a_tombstone_and_is_never_taken_in() {
    let (case, mut vault) = Case::new();
    let (source, manifest) = (PrincipalId([3; 16]), Some(Digest([4; 32])));
    let tag = vault.tag(&source, &Digest([5; 32])).unwrap();
    let outside = Outside { source, number: 7, manifest };
    let basis = Basis::ConsentWithdrawn;
    let erased = vault.erase_outside(&RECORD, &outside, basis, &actor()).await.unwrap();
    assert_eq!((erased.tombstone.state, erased.confirmations.len()), (State::Destroyed, 0));
    assert_eq!(vault.manifest(&RECORD).unwrap(), manifest);
    assert_ne!(vault.tag(&source, &Digest([5; 32])).unwrap(), tag);
    let confirmed = vault.confirm(&RECORD, "device 03", 2).unwrap();
    assert_eq!(confirmed.confirmations.len(), 1);
    // Said again, and erased again: nothing more.
    assert_eq!(vault.confirm(&RECORD, "device 03", 0).unwrap(), confirmed);
    let again = vault.erase_outside(&RECORD, &outside, basis, &actor()).await.unwrap();
    assert_eq!(again, confirmed);
    let put = case.put(vec![case.file("a.txt", b"one")]);
    assert_eq!(vault.put(&put, &actor()).await.unwrap_err().name(), "VAULT_ERASED");
    let deeds: Vec<Deed> =
        vault.accesses(None, None).unwrap().iter().map(|line| line.deed).collect();
    assert_eq!(deeds, [Deed::Erase]);
    // Nothing is confirmed of a record that is not erased.
    assert_eq!(vault.confirm(&Digest([9; 32]), "x", 1).unwrap_err().name(), "VAULT_NO_RECORD");
}

#[tokio::test]
async fn leg_20_what_a_law_keeps_is_not_erased_because_a_device_has_it_too() {
    let (case, mut vault) = Case::new();
    let mut put = case.put(vec![case.file("a.txt", b"one")]);
    put.class = Class::Years15;
    vault.put(&put, &actor()).await.unwrap();
    let outside = Outside { source: PrincipalId([3; 16]), number: 7, manifest: None };
    let kept = vault.erase_outside(&RECORD, &outside, Basis::Unlawful, &actor()).await.unwrap();
    assert_eq!(kept.tombstone.state, State::Restricted);
    assert_eq!(vault.confirm(&RECORD, "device 03", 1).unwrap_err().name(), "VAULT_NO_RECORD");
    assert_eq!(case.segments().len(), 1);
}

#[tokio::test]
async fn an_erasure_that_stopped_anywhere_is_finished_by_the_same_call() {
    // As after a crash before and after the key row was destroyed.
    for with_row in [false, true] {
        let (case, vault) = Case::new();
        drop(vault);
        second_holder(&case);
        let mut vault = case.open().unwrap();
        vault.put(&case.put(vec![case.file("a.txt", b"one")]), &actor()).await.unwrap();
        let row = case.dir.path().join("vault/keys").join(RECORD.to_string());
        let kept = fs::read(&row).unwrap();
        // A holder that does not delete: a file stands where its folder was.
        let second = case.dir.path().join("vault/second/body");
        let moved = case.dir.path().join("moved");
        fs::rename(&second, &moved).unwrap();
        fs::write(&second, b"").unwrap();
        vault.erase(&RECORD, Basis::Unlawful, false, &actor()).await.unwrap_err();
        assert!(!row.exists());
        fs::remove_file(&second).unwrap();
        fs::rename(&moved, &second).unwrap();
        if with_row {
            fs::write(&row, kept).unwrap();
        }
        drop(vault);
        let mut vault = case.open().unwrap();
        let why = vault.get(&RECORD, &case.out("o"), false, &actor()).await.unwrap_err();
        assert_eq!(why.name(), "VAULT_ERASED");
        let done = vault.erase(&RECORD, Basis::Unlawful, false, &actor()).await.unwrap();
        assert_eq!((done.tombstone.state, done.confirmations.len()), (State::Destroyed, 2));
        assert!(case.segments().is_empty() && !row.exists());
    }
}

#[tokio::test]
async fn leg_20_what_a_law_keeps_is_restricted_not_erased() {
    let (case, mut vault) = Case::new();
    let mut put = case.put(vec![case.file("a.txt", b"one")]);
    put.class = Class::Years30;
    vault.put(&put, &actor()).await.unwrap();
    let kept = vault.erase(&RECORD, Basis::ConsentWithdrawn, false, &actor()).await.unwrap();
    assert_eq!((kept.tombstone.state, kept.confirmations.len()), (State::Restricted, 1));
    assert_eq!(case.segments().len(), 1);
    let why = vault.get(&RECORD, &case.out("o"), false, &actor()).await.unwrap_err();
    assert_eq!(why.name(), "VAULT_RESTRICTED");
    vault.get(&RECORD, &case.out("p"), true, &actor()).await.unwrap();
    assert!(vault.verify(false, &actor()).await.unwrap().findings.is_empty());
}

#[tokio::test]
async fn leg_09_a_person_sees_who_read_what_is_about_them() {
    let (case, mut vault) = Case::new();
    let me = PrincipalId([9; 16]);
    let mut mine = case.put(vec![case.file("a.txt", b"one")]);
    mine.subject = Some(me);
    vault.put(&mine, &actor()).await.unwrap();
    let other = Put { record: Digest([8; 32]), subject: None, ..mine.clone() };
    vault.put(&other, &actor()).await.unwrap();
    let nurse = Actor::new("PR-NURSE", "核对服务").unwrap();
    vault.get(&RECORD, &case.out("o"), false, &nurse).await.unwrap();
    let seen = vault.accesses(None, Some(&me)).unwrap();
    let words: Vec<_> = seen.iter().map(|l| (l.who.as_str(), l.deed, l.why.as_str())).collect();
    assert_eq!(words, [("PR-TEST", Deed::Put, "test"), ("PR-NURSE", Deed::Get, "核对服务")]);
    assert!(vault.accesses(None, Some(&PrincipalId([1; 16]))).unwrap().is_empty());
}

#[tokio::test]
async fn leg_10_the_access_log_cannot_be_changed_cut_or_put_back() {
    let (case, mut vault) = Case::new();
    let put = case.put(vec![case.file("a.txt", b"one")]);
    vault.put(&put, &actor()).await.unwrap();
    let path = case.dir.path().join("vault/access.log");
    let before = fs::read(&path).unwrap();
    vault.get(&RECORD, &case.out("o"), false, &actor()).await.unwrap();
    drop(vault);
    let whole = fs::read(&path).unwrap();
    let text = String::from_utf8(whole.clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let bad = [
        before.clone(),
        text.replacen("PR-TEST", "PR-MINE", 1).into_bytes(),
        format!("{}\n{}\n", lines[1], lines[0]).into_bytes(),
        format!("{}\n", lines[1]).into_bytes(),
        Vec::new(),
    ];
    for (i, bad) in bad.into_iter().enumerate() {
        fs::write(&path, bad).unwrap();
        assert_eq!(case.open().unwrap_err().name(), "VAULT_LOG", "change {i}");
    }
    // Half a line after a power cut is nothing that was handed out.
    fs::write(&path, [whole.as_slice(), b"{\"number\":3"].concat()).unwrap();
    assert_eq!(case.open().unwrap().log_head().0, 2);
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[tokio::test]
async fn one_process_at_a_time_and_only_with_the_master_key() {
    let (case, mut vault) = Case::new();
    let put = case.put(vec![case.file("a.txt", b"one")]);
    vault.put(&put, &actor()).await.unwrap();
    assert_eq!(case.open().unwrap_err().name(), "VAULT_BUSY");
    drop(vault);
    let other = Case { key: SecretKey::generate().unwrap(), dir: case.dir };
    assert_eq!(other.open().unwrap_err().name(), "VAULT_LOG");
}
