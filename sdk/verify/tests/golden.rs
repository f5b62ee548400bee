//! Packs made once and kept: what was a proof stays a proof, byte for byte.

mod support;

use linli_verify::{FileDigests, verify};
use support::*;

/// Where the kept packs are; written anew only by hand, when a format gets a new number.
const KEPT: [(&str, &[u8]); 4] = [
    ("genesis", include_bytes!("fixtures/genesis")),
    ("a.pdf.linli", include_bytes!("fixtures/a.pdf.linli")),
    ("receipt.linli", include_bytes!("fixtures/receipt.linli")),
    ("state.linli", include_bytes!("fixtures/state.linli")),
];

#[test]
fn the_kept_packs_are_what_is_written_today() {
    let today = [
        genesis().to_bytes(),
        sealed(&evidence()),
        sealed(&receipt_contents()),
        sealed(&state_contents()),
    ];
    let differing = KEPT.iter().zip(today).filter(|((_, kept), made)| kept != made);
    let aside: Vec<_> = differing.map(|((name, _), made)| write_aside(name, &made)).collect();
    assert!(aside.is_empty(), "written differently: {aside:#?}");
}

#[test]
fn the_kept_packs_still_verify() {
    let [(_, genesis), (_, evidence), (_, receipt), (_, state)] = KEPT;
    let file = FileDigests::of("a.pdf", &file());
    assert_eq!(verify(evidence, &[file], genesis).unwrap().block.height, 9);
    assert!(verify(receipt, &[], genesis).unwrap().receipt.unwrap().done);
    assert_eq!(verify(state, &[], genesis).unwrap().entries.len(), 3);
}

/// Keeps the differing bytes in the target folder, to compare or to adopt.
#[allow(clippy::disallowed_methods, reason = "a test may write")]
fn write_aside(name: &str, bytes: &[u8]) -> std::io::Result<std::path::PathBuf> {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes)?;
    Ok(path)
}
