//! For a contract's `build.rs`: reads the contract's .proto and writes what the contract is made
//! of. Included by path, because a build script is no place for one more crate.
//!
//! Writes to `OUT_DIR`: `schema.rs` (the prost messages, and for each what the options say it is:
//! an event, a stored entry, the refusals) and `schema.bin` (the file descriptor set for the
//! section `linli.schema`, without comments: it travels in every genesis).

use protox::prost_reflect::{DescriptorPool, MessageDescriptor, Value};
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Compiles `file`, which lies in the contract's folder. `protos` is the folder of `linli/v1`.
pub(crate) fn compile(file: &str, protos: &str) -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let protos = folder.join(protos);
    println!("cargo:rerun-if-changed={file}");
    println!("cargo:rerun-if-changed={}", protos.join("linli/v1/schema.proto").display());
    let mut compiler = protox::Compiler::new([&folder, &protos])?;
    compiler.include_imports(true).include_source_info(false).open_file(file)?;
    std::fs::write(out.join("schema.bin"), compiler.encode_file_descriptor_set())?;

    let pool = compiler.descriptor_pool();
    let package = pool.get_file_by_name(file).ok_or("the file was just compiled")?;
    let package = package.package_name().to_owned();
    let mut commented = protox::Compiler::new([&folder, &protos])?;
    commented.include_source_info(true).open_file(file)?;
    let mut messages = prost_build::Config::new();
    messages.extern_path(".linli.v1", "::linli_contract::wire").out_dir(&out);
    messages.compile_fds(commented.file_descriptor_set())?;
    join(&out, &package, &traits(&pool, &package)?)
}

fn join(out: &Path, package: &str, traits: &str) -> Result<(), Box<dyn Error>> {
    let messages = std::fs::read_to_string(out.join(format!("{package}.rs")))?;
    std::fs::write(out.join("schema.rs"), messages + traits)?;
    Ok(())
}

/// One line per message that is more than a message, and one for the refusals.
fn traits(pool: &DescriptorPool, package: &str) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    let ours = |m: &MessageDescriptor| m.package_name() == package && m.parent_message().is_none();
    for message in pool.all_messages().filter(ours) {
        let (name, full) = (message.name(), message.full_name());
        if option(pool, &message, "linli.v1.event")?.as_bool() == Some(true) {
            writeln!(
                text,
                "impl ::linli_contract::Event for {name} {{ const KIND: &'static str = {full:?}; }}"
            )?;
        }
        let prefix = option(pool, &message, "linli.v1.storage_prefix")?;
        if let Some(prefix) = prefix.as_str().filter(|prefix| !prefix.is_empty()) {
            writeln!(
                text,
                "impl ::linli_contract::Stored for {name} {{ const PREFIX: &'static str = {prefix:?}; }}"
            )?;
        }
    }
    if pool.get_enum_by_name(&format!("{package}.Refusal")).is_some() {
        text.push_str(
            "impl ::linli_contract::Code for Refusal { fn number(self) -> u32 { self as u32 } }\n",
        );
    }
    Ok(text)
}

fn option(
    pool: &DescriptorPool,
    message: &MessageDescriptor,
    name: &str,
) -> Result<Value, Box<dyn Error>> {
    let extension = pool.get_extension_by_name(name).ok_or("schema.proto is not imported")?;
    Ok(message.options().get_extension(&extension).into_owned())
}
