//! Generates the gRPC services, without protoc. Messages of bodies and calls live in linli-types.

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    println!("cargo:rerun-if-changed=linli");
    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true).open_files(["linli/v1/api.proto"])?;
    let set = compiler.file_descriptor_set();
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("api.bin"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure().compile_fds(set)?;
    Ok(())
}
