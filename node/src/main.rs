//! The `linli` program. Everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    linli_node::cli::main()
}
