//! Makes the messages and the schema section from `hostile.proto`.
#![allow(clippy::disallowed_methods, reason = "a build script is told by its environment")]

#[path = "../../sdk/contract/build/schema.rs"]
mod schema;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=../../sdk/contract/build/schema.rs");
    schema::compile("hostile.proto", "../../proto")
}
