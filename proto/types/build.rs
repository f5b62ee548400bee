//! Generates the prost messages from the .proto files, without protoc.
#![allow(clippy::disallowed_methods, reason = "a build script is told by its environment")]

use std::path::PathBuf;

const FILES: [&str; 8] = [
    "linli/v1/transaction.proto",
    "linli/v1/schema.proto",
    "linli/accounts/v1/accounts.proto",
    "linli/timers/v1/timers.proto",
    "linli/log/v1/log.proto",
    "linli/identity/v1/identity.proto",
    "linli/policy/v1/policy.proto",
    "linli/governance/v1/governance.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("..");
    println!("cargo:rerun-if-changed=../linli");
    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true).open_files(FILES)?;
    let set = compiler.file_descriptor_set();
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    // With the options: prost's own types would drop them.
    std::fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    prost_build::Config::new().compile_fds(set.clone())?;
    // A motion holds requests of other rooms: their types are named where they stand.
    let apart = out.join("governance");
    std::fs::create_dir_all(&apart)?;
    prost_build::Config::new()
        .out_dir(apart)
        .extern_path(".linli.identity.v1", "crate::wire::identity")
        .extern_path(".linli.policy.v1", "crate::wire::policy")
        .compile_fds(set)?;
    Ok(())
}
