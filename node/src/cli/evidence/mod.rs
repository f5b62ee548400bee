//! `linli evidence`: anchors files, fetches what proves them, shows holes in a source's numbers.

mod anchor;
mod ask;
mod capture;
mod pack;
mod upload;

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
    /// Captures files on a device without a network: signed, numbered, queued.
    Capture(capture::Capture),
    /// Shows the last block, and notes on a device that it was seen.
    Checkpoint(capture::Seen),
    /// Registers what devices captured, in order; repeated, it goes on.
    Upload(upload::Upload),
    /// Shows a transaction's receipt; writes it with its proof.
    Receipt(pack::Receipt),
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
            Command::Capture(command) => command.run(out),
            Command::Checkpoint(command) => command.run(out),
            Command::Upload(command) => command.run(out),
            Command::Receipt(command) => command.run(out),
            Command::Pack(command) => command.run(out),
            Command::Trace(command) => command.run(out),
            Command::Gaps(command) => command.run(out),
        }
    }
}
