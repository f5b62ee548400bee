//! `linli-testnet`: a net of real processes, and hardship for it.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = linli_testnet::cli::Cli::parse();
    match linli_testnet::leaving::on_signals().and_then(|()| linli_testnet::cli::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.exit)
        }
    }
}
