//! The laws of the house, read from `cargo metadata` and from the sources themselves: who may
//! depend on whom, what a pure crate may name, whose work we build on, how a page looks.
//!
//! They stand beside the vocabulary because it builds fast and everything depends on it.

mod dependencies;
mod law;
mod licences;
mod pages;

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, Package};
use std::path::PathBuf;

/// The repository.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("we are in it")
}

/// What cargo knows, for this platform and without the network.
fn metadata() -> Metadata {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .features(CargoOpt::AllFeatures)
        .other_options(["--offline", "--locked", "--filter-platform", &platform].map(String::from))
        .exec()
        .expect("cargo metadata answers")
}

/// Names of what `package` builds with: not what only its tests use.
fn direct(package: &Package, ours: bool) -> Vec<&str> {
    let mut names: Vec<&str> = package
        .dependencies
        .iter()
        .filter(|d| d.kind == DependencyKind::Normal && d.name.starts_with("linli-") == ours)
        .map(|d| d.name.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
