//! Puts the compiled modules where the library includes them, or says how to make them.
#![allow(clippy::disallowed_methods, reason = "a build script is told by its environment")]

use std::path::PathBuf;

const MODULES: [&str; 3] = ["evidence", "hostile", "probe"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let from = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join(".build");
    let to = PathBuf::from(std::env::var("OUT_DIR")?);
    for name in MODULES {
        let file = format!("{name}.wasm");
        println!("cargo:rerun-if-changed=.build/{file}");
        if !from.join(&file).is_file() {
            eprintln!("contracts/.build/{file} is missing: run ./dev setup, which builds it");
            std::process::exit(1);
        }
        std::fs::copy(from.join(&file), to.join(&file))?;
    }
    Ok(())
}
