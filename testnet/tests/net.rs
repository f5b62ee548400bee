//! Real processes: the story, and deaths under load. Slow by nature, so few.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::process::{Command, Output, Stdio};

fn testnet(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linli-testnet"));
    command.args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_story_ends_well_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo");
    let output = testnet(&["demo", "--once", "--dir", dir.to_str().unwrap()]);
    let (out, err) = said(&output);
    assert!(output.status.success(), "{out}\n{err}");
    assert_eq!(out.lines().last(), Some("demo: ok"));
    assert!(!dir.exists());
}

#[test]
fn two_deaths_and_one_of_all_four_lose_nothing() {
    let output = testnet(&[
        "chaos",
        "--kills",
        "2",
        "--kills-all",
        "1",
        "--dead-seconds",
        "20",
        "--rate",
        "100",
    ]);
    let (out, err) = said(&output);
    assert!(output.status.success(), "{out}\n{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["kills"], 2);
    assert_eq!(report["kills_all"], 1);
    assert!(report["acknowledged"].as_u64().unwrap() > 1_000, "{report}");
    for law in ["lost", "twice", "forks"] {
        assert_eq!(report[law], 0, "{report}");
    }
}

#[test]
fn three_validators_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("net");
    let output = testnet(&["up", "--validators", "3", "--dir", dir.to_str().unwrap()]);
    let (_, err) = said(&output);
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("3 validators"), "{err}");
    assert!(!dir.exists(), "a refused net leaves nothing behind");
}

#[test]
fn wrong_usage_is_exit_2_names_what_is_wrong_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (file, nowhere, dir) = (path("file"), path("nowhere"), path("net"));
    std::fs::write(&file, "x").unwrap();
    let cases = [
        (vec!["nonsense"], "nonsense"),
        (vec!["up"], "--dir"),
        (vec!["up", "--dir", &file], file.as_str()),
        (vec!["up", "--validators", "x", "--dir", &dir], "--validators"),
        (vec!["up", "--validators", "65", "--dir", &dir], "4 to 64"),
        (vec!["down", "--dir", &nowhere], nowhere.as_str()),
        (vec!["load", "--dir", &nowhere], nowhere.as_str()),
        (vec!["bench", "--workload", "magic"], "magic"),
        (vec!["bench", "--rate", "fast"], "fast"),
        (vec!["chaos", "--kills", "x"], "--kills"),
        (vec!["demo", "--once", "--dir", &dir, "--files", &nowhere], nowhere.as_str()),
    ];
    for (arguments, word) in cases {
        let output = testnet(&arguments);
        let (out, err) = said(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {err}");
        assert!(err.contains(word) && out.is_empty(), "{arguments:?}: {out}{err}");
        assert!(!std::path::Path::new(&dir).exists(), "{arguments:?}");
    }
}

#[test]
fn a_folder_without_a_net_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = testnet(&["status", "--dir", folder.path().to_str().unwrap()]);
    let (_, err) = said(&output);
    assert_eq!(output.status.code(), Some(2));
    assert!(err.contains("no net in"), "{err}");
}
