//! Keys at rest: sealed, opened, refused.

use super::*;
use crate::error::ErrorKind;
use std::os::unix::fs::PermissionsExt;

fn sealed(passphrase: &str) -> (SecretKey, KeyFile) {
    let key = SecretKey::generate().unwrap();
    let about = About { principal: Some(PrincipalId([9; 16])), chain: Some(ChainId([4; 32])) };
    let file = KeyFile::seal(&key, KeyKind::Principal, about, passphrase).unwrap();
    (key, file)
}

#[test]
fn a_key_comes_back_with_its_passphrase_and_not_without() {
    let (key, file) = sealed("correct horse");
    let read = KeyFile::from_json(&file.to_json()).unwrap();
    assert_eq!(read.open("correct horse").unwrap().public(), key.public());
    for wrong in ["", "correct horsf"] {
        assert_eq!(read.open(wrong).unwrap_err().kind(), ErrorKind::Key, "{wrong}");
    }
    assert!(!read.is_development());
}

#[test]
fn a_development_key_opens_without_a_prompt_and_says_so() {
    let (key, file) = sealed("");
    assert!(file.to_json().contains("\"development\": true"));
    assert_eq!(file.open("").unwrap().public(), key.public());
    assert!(file.open("guess").is_err());
}

#[test]
fn no_field_of_the_file_can_be_exchanged() {
    let (_, file) = sealed("");
    type Change = fn(&mut KeyFile);
    let changes: [Change; 6] = [
        |f| f.kind = KeyKind::Validator,
        |f| f.public = PublicKey([1; 32]),
        |f| f.about.principal = None,
        |f| f.about.chain = Some(ChainId([5; 32])),
        |f| f.lock.salt[0] ^= 1,
        |f| f.lock.secret[3] ^= 1,
    ];
    for (i, change) in changes.into_iter().enumerate() {
        let mut changed = file.clone();
        change(&mut changed);
        assert!(changed.open("").is_err(), "change {i}");
    }
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("operator.key");
    let (key, file) = sealed("");
    file.write_new(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert_eq!(KeyFile::read(&path).unwrap().open("").unwrap().public(), key.public());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = KeyFile::read(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::File);
    assert!(error.hint(linli_types::code::Lang::En).starts_with("chmod 600"));
}

#[test]
fn an_old_key_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("k");
    let (_, file) = sealed("");
    file.write_new(&path).unwrap();
    assert_eq!(file.write_new(&path).unwrap_err().kind(), ErrorKind::File);
}

#[test]
fn what_is_no_key_file_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    assert!(KeyFile::read(&folder.path().join("absent")).is_err());
    assert!(KeyFile::read(folder.path()).is_err());
    let (_, file) = sealed("");
    let good = file.to_json();
    let texts = [
        String::new(),
        "{}".into(),
        good.replace("\"format\": 1", "\"format\": 2"),
        good.replace("\"kind\"", "\"sort\""),
        good.replace("\"memory_kib\": 8", "\"memory_kib\": 4294967295"),
        "x".repeat(20_000),
    ];
    for (i, text) in texts.into_iter().enumerate() {
        let path = folder.path().join(i.to_string());
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(KeyFile::read(&path).unwrap_err().kind(), ErrorKind::Key, "{i}");
    }
}
