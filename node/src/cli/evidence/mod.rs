//! `linli evidence`: anchors files, fetches what proves them, shows holes in a source's numbers.

mod anchor;
mod ask;
mod consistency;
mod cose;
mod pack;

pub(super) use cose::record_id;

use super::{Failure, Output};

/// Anchors files and looks after what was anchored.
#[derive(clap::Args)]
pub(super) struct Evidence {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Anchors files and writes a pack for each.
    Anchor(anchor::Anchor),
    /// Shows a transaction's receipt; writes it with its proof.
    Receipt(pack::Receipt),
    /// Shows that the log of one size is the beginning of the log of another.
    Consistency(consistency::Consistency),
    /// Writes the pack of an anchoring whose pack was not written.
    Pack(pack::Finish),
    /// Shows what stands under a source's number.
    Trace(ask::Trace),
    /// Shows holes in a source's numbers.
    Gaps(ask::Gaps),
}

impl Evidence {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        match self.command {
            Command::Anchor(command) => command.run(out),
            Command::Receipt(command) => command.run(out),
            Command::Consistency(command) => command.run(out),
            Command::Pack(command) => command.run(out),
            Command::Trace(command) => command.run(out),
            Command::Gaps(command) => command.run(out),
        }
    }
}
