//! `linli evidence`: anchors files, fetches what proves them, shows holes in a source's numbers.

mod about;
mod anchor;
mod ask;
mod capture;
mod consistency;
mod cose;
mod deed;
mod device;
mod pack;
mod upload;

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
    Anchor(Box<anchor::Anchor>),
    /// Captures files on a device without a network: signed, numbered, queued.
    Capture(capture::Capture),
    /// Shows the last block, and notes on a device that it was seen.
    Checkpoint(capture::Seen),
    /// Registers what devices captured, in order; repeated, it goes on.
    Upload(upload::Upload),
    /// Shows a transaction's receipt; writes it with its proof.
    Receipt(pack::Receipt),
    /// Shows that the log of one size is the beginning of the log of another.
    Consistency(consistency::Consistency),
    /// Writes the pack of an anchoring whose pack was not written.
    Pack(pack::Finish),
    /// Adds to a pack what came since it was written.
    Renew(pack::Renew),
    /// Shows what stands under a source's number, or the records of an order.
    Trace(ask::Trace),
    /// Shows holes in a source's numbers.
    Gaps(ask::Gaps),
    /// Shows how much of a source's evidence is anchored, and how much corroborated.
    Ratio(ask::Ratio),
    /// Shows what rests on a record.
    Taint(ask::Taint),
    /// Confirms a record of another source.
    Corroborate(deed::Corroborate),
    /// Puts another of the source's records in a record's place.
    Supersede(deed::Supersede),
    /// Disputes a record.
    Challenge(deed::Challenge),
    /// Decides about a disputed record, as an arbitrator.
    Resolve(deed::Resolve),
}

impl Evidence {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        match self.command {
            Command::Anchor(command) => command.run(out),
            Command::Capture(command) => command.run(out),
            Command::Checkpoint(command) => command.run(out),
            Command::Upload(command) => command.run(out),
            Command::Receipt(command) => command.run(out),
            Command::Consistency(command) => command.run(out),
            Command::Pack(command) => command.run(out),
            Command::Renew(command) => command.run(out),
            Command::Trace(command) => command.run(out),
            Command::Gaps(command) => command.run(out),
            Command::Ratio(command) => command.run(out),
            Command::Taint(command) => command.run(out),
            Command::Corroborate(command) => command.run(out),
            Command::Supersede(command) => command.run(out),
            Command::Challenge(command) => command.run(out),
            Command::Resolve(command) => command.run(out),
        }
    }
}
