//! Makes the messages and the schema of the example contract in the tests.
#![allow(clippy::disallowed_methods, reason = "a build script is told by its environment")]

#[path = "../contract/build/schema.rs"]
mod schema;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=../contract/build/schema.rs");
    schema::compile("tests/escrow/escrow.proto", "../../proto")
}
