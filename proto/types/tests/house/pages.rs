//! The laws of a page that a program can see.

use super::root;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file.
const LINES_MAX: usize = 600;

/// Every source file of ours, with its text.
pub(crate) fn pages() -> Vec<(PathBuf, String)> {
    let folders = ["proto", "runtime", "contracts", "sdk", "node", "testnet"];
    let pages: Vec<_> = folders.into_iter().flat_map(|folder| with_ending(folder, ".rs")).collect();
    assert!(pages.len() > 50, "the walk found {} files only", pages.len());
    pages
}

/// Every file below a folder whose name ends so, with its text.
pub(crate) fn with_ending(folder: &str, ending: &str) -> Vec<(PathBuf, String)> {
    let mut pages = Vec::new();
    walk(&root().join(folder), ending, &mut pages);
    pages
}

fn walk(folder: &Path, ending: &str, pages: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).expect("our own folder").map(|e| e.expect("our own entry")) {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            walk(&path, ending, pages);
        } else if name.ends_with(ending) {
            let text = fs::read_to_string(&path).expect("source is text");
            pages.push((path, text));
        }
    }
}

/// Paths that break a law, for one clear message.
fn broken(breaks: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    pages().into_iter().filter(|(_, text)| breaks(text)).map(|(path, _)| path).collect()
}

#[test]
fn every_module_says_what_it_is() {
    let headless = broken(|text| {
        let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
        !first.is_some_and(|line| line.starts_with("//!"))
    });
    assert!(headless.is_empty(), "no //! header: {headless:#?}");
}

#[test]
fn no_file_is_longer_than_a_room() {
    let long = broken(|text| text.lines().count() > LINES_MAX);
    assert!(long.is_empty(), "more than {LINES_MAX} lines: {long:#?}");
}

#[test]
fn nothing_is_left_undone_or_unwatched() {
    // Spelled in two parts, or this page would find itself.
    let words = [
        concat!("tod", "o!("),
        concat!("unimple", "mented!("),
        concat!("#[ign", "ore"),
        concat!("#[should_", "panic"),
        concat!("db", "g!("),
    ];
    for word in words {
        let found = broken(|text| text.contains(word));
        assert!(found.is_empty(), "{word} in {found:#?}");
    }
}

#[test]
fn tests_are_sentences() {
    let prefix = concat!("fn te", "st_");
    let found = broken(|text| text.contains(prefix));
    assert!(found.is_empty(), "the prefix says nothing: {found:#?}");
}
