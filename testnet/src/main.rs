//! `linli-testnet`: a net of real processes, and hardship for it.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match linli_testnet::cli::run(linli_testnet::cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.exit)
        }
    }
}
