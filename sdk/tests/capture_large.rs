//! A long video on a device: captured as a stream, with flat memory.
#![allow(clippy::unwrap_used, reason = "a test may")]

use linli_sdk::SecretKey;
use linli_sdk::capture::{About, Queue, Who};
use linli_types::id::{ChainId, PrincipalId};
use std::fs;

/// Above what 31 bits count. The file is sparse: it takes no room.
const BYTES: u64 = (2 << 30) + 1;
/// What may come on top of what the process had, in KiB.
const OVER_KIB: u64 = 100 * 1024;

/// The peak of this process's memory.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_video_of_two_gigabytes_is_captured_as_a_stream() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("video.mp4");
    fs::File::create(&path).unwrap().set_len(BYTES).unwrap();
    let key = SecretKey::generate().unwrap();
    let device = PrincipalId([9; 16]);
    let who = Who { source: device, device, chain: ChainId([5; 32]) };
    let mut queue = Queue::open(&folder.path().join("queue"), who, &key, None).unwrap();
    let about = About { kind: 3, retention: 1, basis: 2, ..About::default() };
    let before = peak_kib();
    let entry = queue.capture(&[&path], &about).unwrap();
    assert_eq!(entry.signed().unwrap().claims.size, BYTES);
    assert_eq!(entry.manifest().unwrap().files[0].size, BYTES);
    let over = peak_kib().saturating_sub(before);
    assert!(over < OVER_KIB, "{over} KiB over {before} KiB");
}
