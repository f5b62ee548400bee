//! What happened, line by line, for a person: `linli-sim replay`.

use linli_core::message::Message;

/// Lines of a run, or nothing at all.
#[derive(Default)]
pub struct Trace {
    lines: Option<Vec<String>>,
}

impl Trace {
    /// A trace that keeps its lines.
    pub fn kept() -> Self {
        Self { lines: Some(Vec::new()) }
    }

    /// Adds a line; `what` is not even made if nobody reads it.
    pub fn line(&mut self, now_ms: u64, what: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>6}.{:03}  {}", now_ms / 1000, now_ms % 1000, what()));
        }
    }

    /// Whether lines are kept.
    pub const fn is_kept(&self) -> bool {
        self.lines.is_some()
    }

    /// The lines.
    pub fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}

/// A message in a few words.
pub fn words(bytes: &[u8]) -> String {
    match Message::decode(bytes) {
        Err(why) => format!("{} bytes: {why}", bytes.len()),
        Ok(message) => match message {
            Message::Hello { height, .. } => format!("hello at {height}"),
            Message::Vote(v) => format!(
                "{:?} {}/{} {:?} of {:?}",
                v.vote.kind, v.vote.height, v.vote.round, v.vote.value, v.vote.validator
            ),
            Message::Proposal(p) => format!(
                "proposal {}/{} {:?} lock {:?}",
                p.proposal.height, p.proposal.round, p.proposal.block, p.proposal.lock_round
            ),
            Message::Part(p) => format!("part {}/{} {} of {}", p.height, p.round, p.index, p.total),
            Message::Polka(p) => format!("polka {}/{} {:?}", p.height, p.round, p.block),
            Message::Round(r) => format!("round {}/{} skip {}", r.height, r.round, r.skip),
            Message::Status { height } => format!("status {height}"),
            Message::BlocksRequest { from } => format!("asks for blocks from {from}"),
            Message::Blocks(blocks) => format!("{} blocks", blocks.len()),
            Message::BodiesRequest { ids } => format!("asks for {} bodies", ids.len()),
            Message::Bodies(bodies) => format!("{} bodies", bodies.len()),
            Message::Transactions(bodies) => format!("{} new transactions", bodies.len()),
        },
    }
}
