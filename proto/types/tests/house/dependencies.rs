//! Arrows go one way (design §1), and a pure crate names only what stands in its list.

use super::{direct, metadata};
use cargo_metadata::DependencyKind;
use std::collections::BTreeMap;

/// Each of our crates and which of ours it may build with. A crate that is not here is refused.
const ARROWS: &[(&str, &[&str])] = &[
    ("linli-types", &[]),
    ("linli-proto", &["linli-types"]),
    ("linli-runtime", &["linli-types"]),
    ("linli-core", &["linli-types"]),
    ("linli-replica", &["linli-core", "linli-runtime", "linli-types"]),
    ("linli-contract", &["linli-types"]),
    // Nobody builds with it: only tests do.
    ("linli-pretend", &["linli-contract", "linli-runtime", "linli-types"]),
    ("linli-evidence", &["linli-contract"]),
    ("linli-hostile", &["linli-contract"]),
    ("linli-probe", &["linli-contract"]),
    ("linli-modules", &[]),
    ("linli-verify", &["linli-types"]),
    ("linli-browser", &["linli-verify"]),
    ("linli-sdk", &["linli-proto", "linli-types", "linli-verify"]),
    (
        "linli-node",
        &[
            "linli-browser",
            "linli-core",
            "linli-modules",
            "linli-proto",
            "linli-replica",
            "linli-runtime",
            "linli-sdk",
            "linli-types",
            "linli-verify",
        ],
    ),
    (
        "linli-testnet",
        &[
            "linli-modules",
            "linli-proto",
            "linli-runtime",
            "linli-sdk",
            "linli-types",
            "linli-verify",
        ],
    ),
    (
        "linli-sim",
        &["linli-core", "linli-modules", "linli-replica", "linli-runtime", "linli-types"],
    ),
];

/// What a pure crate may build with: pure itself, or here with the reason.
const PURE: &[(&str, &[(&str, &str)])] = &[
    (
        "linli-types",
        &[
            ("blake3", "digests"),
            ("borsh", "the strict encoding"),
            ("curve25519-dalek", "says what the verifier does not: canonical, small order"),
            ("ed25519-zebra", "the only verifier"),
            ("prost", "messages"),
            ("rand_core", "the shape that the batch verifier asks for; the source is a digest"),
            ("sha2", "digests"),
            ("thiserror", "errors"),
        ],
    ),
    (
        "linli-runtime",
        &[
            ("blake3", "digests"),
            ("borsh", "the strict encoding"),
            ("prost", "messages"),
            ("prost-types", "descriptor sets"),
            ("sha2", "digests"),
            ("sm3", "digests"),
            ("thiserror", "errors"),
            ("tracing", "spans: no clock of its own, silent without a subscriber"),
            ("wasmparser", "checks at deployment"),
            ("wasmtime", "the engine; names libc and memory maps, fuel decides every result"),
        ],
    ),
    (
        "linli-core",
        &[
            ("arc-malachitebft-core-consensus", "the pure core (D1); names tokio and uses none"),
            ("arc-malachitebft-core-types", "its types"),
            ("borsh", "the strict encoding"),
            ("thiserror", "errors"),
            ("tracing", "spans"),
        ],
    ),
    (
        "linli-replica",
        &[("borsh", "the strict encoding"), ("thiserror", "errors"), ("tracing", "spans")],
    ),
    (
        "linli-verify",
        &[
            ("blake3", "digests"),
            ("borsh", "the strict encoding"),
            ("crc32fast", "what a ZIP asks for"),
            ("p256", "signatures of time-stamp authorities"),
            ("p384", "signatures of time-stamp authorities"),
            ("prost", "messages"),
            ("rsa", "signatures of time-stamp authorities: only verified, so no secret is timed"),
            ("serde", "manifests are JSON"),
            ("serde_json", "manifests are JSON"),
            ("sha2", "digests"),
            ("sm2", "the second signature of an organisation"),
            ("sm3", "digests"),
            ("thiserror", "errors"),
        ],
    ),
    (
        "linli-contract",
        &[
            ("blake3", "the pretend host"),
            ("prost", "messages"),
            ("sha2", "the pretend host"),
            ("sm3", "the pretend host"),
        ],
    ),
    ("linli-browser", &[("serde_json", "the page reads JSON")]),
    ("linli-evidence", &[("prost", "messages")]),
    ("linli-hostile", &[("prost", "messages")]),
    ("linli-probe", &[("prost", "messages")]),
];

#[test]
fn arrows_go_one_way() {
    let allowed: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let may = allowed.get(name).unwrap_or_else(|| panic!("{name} has no place in the house"));
        for found in direct(package, true) {
            assert!(may.contains(&found), "{name} must not build with {found}");
        }
    }
}

#[test]
fn pure_crates_name_only_what_their_list_holds() {
    let metadata = metadata();
    for (name, list) in PURE {
        let package = metadata.workspace_packages().into_iter().find(|p| p.name == *name);
        let package = package.unwrap_or_else(|| panic!("{name} is gone"));
        for found in direct(package, false) {
            let listed = list.iter().any(|(allowed, _)| *allowed == found);
            assert!(
                listed,
                "{name} must not build with {found}: give the reason in PURE, or do without"
            );
        }
    }
}

/// The feature with which the runtime runs functions in place of modules.
const PRETEND: &str = "pretend";

#[test]
fn no_binary_runs_functions_in_place_of_modules() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        for dependency in &package.dependencies {
            let asks = dependency.features.iter().any(|feature| feature == PRETEND);
            // What only tests build with has no part in a binary's features.
            let of_tests = dependency.kind == DependencyKind::Development;
            assert!(
                !asks || of_tests,
                "{name} builds with feature {PRETEND} of {}",
                dependency.name
            );
        }
        for (feature, enables) in &package.features {
            let leads = enables.iter().any(|to| to.contains(PRETEND));
            let allowed = (name, feature.as_str()) == ("linli-pretend", PRETEND);
            assert!(!leads || allowed, "feature {feature} of {name} leads to {PRETEND}");
        }
        assert!(
            name != "linli-pretend" || package.targets.iter().all(|target| !target.is_bin()),
            "{name} is for tests"
        );
    }
    let has = |name: &str| {
        let package = metadata.workspace_packages().into_iter().find(|p| p.name == name);
        package.is_some_and(|package| package.features.contains_key(PRETEND))
    };
    assert!(has("linli-runtime") && has("linli-pretend"), "the feature has another name now");
}

#[test]
fn every_place_in_the_house_is_taken() {
    let metadata = metadata();
    let names: Vec<&str> = metadata.workspace_packages().iter().map(|p| p.name.as_str()).collect();
    for (name, _) in ARROWS {
        assert!(names.contains(name), "{name} is no crate of ours: strike it from ARROWS");
    }
}

#[test]
fn pure_crates_have_a_list_of_forbidden_words() {
    for folder in ["proto/types", "runtime", "node/core", "node/replica", "sdk/verify"] {
        let file = super::root().join(folder).join("clippy.toml");
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        for word in ["std::collections::HashMap", "std::time::SystemTime", "std::env::var"] {
            assert!(text.contains(word), "{} does not forbid {word}", file.display());
        }
    }
}
