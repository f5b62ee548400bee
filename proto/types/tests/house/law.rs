//! The tables of `docs/law.md` and `docs/bad-input.md`: what they promise is tested under that name.

use super::pages::pages;
use super::root;
use std::collections::BTreeSet;
use std::fs;

/// Demands of the law that the table lists.
const DEMANDS: usize = 30;

/// The rows of a table of a page: its cells, without the two lines of its head.
fn rows(page: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("docs").join(page)).expect("our own page");
    let lines = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| No."));
    let cells =
        |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    lines.filter(|line| !line.starts_with("| 情况")).map(cells).collect()
}

/// The tests that a row names, in its last cell.
fn named(row: &[String]) -> BTreeSet<String> {
    let cell = row.last().expect("a row has cells");
    let names = cell.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

/// Every function that a test could be, by name.
fn functions() -> BTreeSet<String> {
    let mut functions = BTreeSet::new();
    for (_, text) in pages() {
        for after in text.split("fn ").skip(1) {
            let name: String =
                after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            functions.insert(name);
        }
    }
    functions
}

#[test]
fn every_demand_of_the_law_stands_in_the_table_once() {
    let numbers: Vec<String> = rows("law.md").iter().map(|row| row[0].clone()).collect();
    let expected: Vec<String> = (1..=DEMANDS).map(|n| format!("LEG-{n:02}")).collect();
    assert_eq!(numbers, expected);
    for row in rows("law.md") {
        let (not_yet, tests) = (row[2].contains("not yet"), named(&row));
        assert_eq!(not_yet, tests.is_empty(), "{}: what is touched is tested", row[0]);
        let known = ["已做 · done", "部分 · partly", "未做 · not yet"];
        assert!(known.iter().any(|word| row[2].starts_with(word)), "{}: {}", row[0], row[2]);
    }
}

#[test]
fn every_test_that_the_tables_name_exists() {
    let functions = functions();
    for page in ["law.md", "bad-input.md"] {
        let rows = rows(page);
        assert!(rows.len() > 20, "{page} has {} rows", rows.len());
        for row in rows {
            let absent: Vec<_> = named(&row).difference(&functions).cloned().collect();
            assert!(absent.is_empty(), "{page}, {}: no test {absent:?}", row[0]);
            let last = row.last().expect("a row has cells");
            assert_eq!(named(&row).is_empty(), last == "–", "{page}, {}: {last}", row[0]);
        }
    }
}

#[test]
fn every_test_named_after_a_demand_stands_in_its_row() {
    let rows = rows("law.md");
    let of_law = |name: &&String| name.starts_with("leg_");
    for name in functions().iter().filter(of_law) {
        let number = name.get(4..6).unwrap_or_default();
        let row = rows.iter().find(|row| row[0] == format!("LEG-{number}"));
        let listed = row.is_some_and(|row| named(row).contains(name));
        assert!(listed, "docs/law.md does not name {name}");
    }
}

#[test]
fn leg_11_no_schema_asks_for_a_face() {
    let mut schemas = 0;
    for folder in ["proto", "contracts"] {
        for (path, text) in super::pages::with_ending(folder, ".proto") {
            schemas += 1;
            let words = text.split(|c: char| !c.is_ascii_alphabetic()).map(str::to_ascii_lowercase);
            let found: Vec<String> = words
                .filter(|word| ["face", "faces", "biometric"].contains(&word.as_str()))
                .collect();
            assert!(found.is_empty() && !text.contains("人脸"), "{}: {found:?}", path.display());
        }
    }
    assert!(schemas >= 8, "{schemas} schemas");
}
