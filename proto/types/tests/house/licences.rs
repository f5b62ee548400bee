//! Whose work we build on: licences that an Apache-2.0 release may carry, from the registry only.

use super::metadata;
use std::iter::Peekable;
use std::str::SplitWhitespace;

const ALLOWED: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "MIT",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "ISC",
    "Zlib",
    "0BSD",
    // Weak, by file: we link such crates and change none.
    "MPL-2.0",
    // Tables of Unicode.
    "Unicode-3.0",
    "CC0-1.0",
    // Tables of root certificates.
    "CDLA-Permissive-2.0",
];

type Words<'a> = Peekable<SplitWhitespace<'a>>;

/// Whether a licence expression can be met with [`ALLOWED`].
fn is_allowed(expression: &str) -> bool {
    // The old spelling of "or", and brackets as words of their own.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let met = either(&mut words);
    met && words.next().is_none()
}

fn either(words: &mut Words<'_>) -> bool {
    let mut met = both(words);
    while words.next_if_eq(&"OR").is_some() {
        met |= both(words);
    }
    met
}

fn both(words: &mut Words<'_>) -> bool {
    let mut met = one(words);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words);
    }
    met
}

fn one(words: &mut Words<'_>) -> bool {
    match words.next() {
        Some("(") => {
            let met = either(words);
            words.next_if_eq(&")").is_some() && met
        }
        Some(name) if words.next_if_eq(&"WITH").is_some() => {
            let exception = words.next().unwrap_or_default();
            ALLOWED.contains(&format!("{name} WITH {exception}").as_str())
        }
        Some(name) => ALLOWED.contains(&name),
        None => false,
    }
}

#[test]
fn every_licence_may_be_carried() {
    for package in metadata().packages {
        let licence = package.license.unwrap_or_default();
        assert!(is_allowed(&licence), "{} {}: {licence:?}", package.name, package.version);
    }
}

#[test]
fn everything_comes_from_the_registry_or_from_here() {
    for package in metadata().packages {
        match &package.source {
            Some(source) => assert!(source.is_crates_io(), "{} comes from {source}", package.name),
            None => assert!(
                package.manifest_path.starts_with(super::root().to_str().unwrap_or_default()),
                "{} lies outside the repository",
                package.name
            ),
        }
    }
}

#[test]
fn licence_expressions_are_read_as_written() {
    for (expression, allowed) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("GPL-3.0-only AND MIT", false),
        ("MIT/Apache-2.0", true),
        ("(MIT OR GPL-2.0-only) AND Unicode-3.0", true),
        ("(MIT AND GPL-2.0-only) OR AGPL-3.0-only", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("GPL-2.0-only WITH Classpath-exception-2.0", false),
        ("(MIT", false),
        ("", false),
    ] {
        assert_eq!(is_allowed(expression), allowed, "{expression}");
    }
}
