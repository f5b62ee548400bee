//! A record of any size is stored and given out with flat memory.
#![allow(clippy::unwrap_used, reason = "a test may")]

use linli_sdk::vault::{Actor, Class, Input, Put, Role};
use linli_sdk::{SecretKey, Vault};
use linli_types::id::Digest;
use std::fs;

/// Above the bound on memory; `LINLI_VAULT_MIB` asks for more.
const MIB: u64 = 192;
/// What may come on top of what the process had, in KiB.
const OVER_KIB: u64 = 100 * 1024;

/// The peak of this process's memory.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_large_file_is_stored_and_given_out_with_flat_memory() {
    let mib = std::env::var("LINLI_VAULT_MIB").ok().and_then(|text| text.parse().ok());
    let size = mib.unwrap_or(MIB) << 20;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("video.mp4");
    // Sparse: it takes no room before it is sealed.
    fs::File::create(&path).unwrap().set_len(size).unwrap();
    let key = SecretKey::generate().unwrap();
    let mut vault = Vault::create(&folder.path().join("vault"), &key).unwrap();
    let actor = Actor::new("PR-TEST", "test").unwrap();
    let record = Digest([1; 32]);
    let parts = vec![Input { role: Role::File, name: "video.mp4".into(), path }];
    let class = Class::Personal;
    let put = Put { record, class, source: None, number: None, subject: None, parts };
    let before = peak_kib();
    assert_eq!(vault.put(&put, &actor).await.unwrap().bytes, size);
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    vault.get(&record, &out, false, &actor).await.unwrap();
    assert_eq!(fs::metadata(out.join("video.mp4")).unwrap().len(), size);
    let over = peak_kib().saturating_sub(before);
    println!("{size} bytes: {over} KiB over {before} KiB");
    assert!(over < OVER_KIB, "{over} KiB over {before} KiB");
}
