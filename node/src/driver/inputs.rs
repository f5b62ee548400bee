//! What reaches the driver, and how much of it one turn takes.
//!
//! # Invariants
//!
//! - **T1 on time.** A turn takes no further input once a timer is due.
//! - **T2 a look at a time.** A turn runs one query at most, and one if any waits: readers can hold up
//!   neither timers nor submissions, and are never forgotten themselves.

use super::{Command, Inspection};
use crate::checking::Checked;
use crate::network::NetworkEvent;
use std::time::Duration;
use tokio::sync::mpsc;

/// Inputs handled in one turn.
const TURN_MAX: usize = 256;

/// Everything that reaches the driver.
pub(crate) struct Inputs {
    pub(crate) checked: mpsc::Receiver<Checked>,
    pub(crate) network: mpsc::Receiver<NetworkEvent>,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) queries: mpsc::Receiver<Inspection>,
}

/// One input.
pub(super) enum In {
    Checked(Checked),
    Network(NetworkEvent),
    Command(Command),
    Query(Inspection),
    /// Every checking thread is gone: nothing could be proposed or voted for any more.
    Lost,
}

/// What one turn has taken so far.
#[derive(Default)]
pub(super) struct Pace {
    inputs: usize,
    queries: usize,
}

impl Inputs {
    /// The next input, or `None` when `wait` is over. Messages wait while checks are `kept`.
    pub(super) async fn wait(&mut self, wait: Duration, kept: bool) -> Option<In> {
        tokio::select! {
            biased;
            checked = self.checked.recv() => Some(checked.map_or(In::Lost, In::Checked)),
            command = self.commands.recv() => Some(In::Command(command.unwrap_or(Command::Stop))),
            Some(event) = self.network.recv(), if !kept => Some(In::Network(event)),
            Some(query) = self.queries.recv() => Some(In::Query(query)),
            () = tokio::time::sleep(wait) => None,
        }
    }

    /// What waits already, messages first: votes decide how long everything else takes. A query
    /// only when nothing else does, and only if the turn has run none (T2).
    pub(super) fn take(&mut self, pace: &Pace, kept: bool) -> Option<In> {
        if !kept && let Ok(event) = self.network.try_recv() {
            return Some(In::Network(event));
        }
        if let Ok(checked) = self.checked.try_recv() {
            return Some(In::Checked(checked));
        }
        self.commands.try_recv().ok().map(In::Command).or_else(|| self.last_query(pace))
    }

    /// The query that a turn owes, if it has run none (T2).
    pub(super) fn last_query(&mut self, pace: &Pace) -> Option<In> {
        if pace.queries > 0 {
            return None;
        }
        self.queries.try_recv().ok().map(In::Query)
    }
}

impl Pace {
    /// Counts what was taken.
    pub(super) fn count(&mut self, input: &In) {
        self.inputs = self.inputs.saturating_add(1);
        if matches!(input, In::Query(_)) {
            self.queries = self.queries.saturating_add(1);
        }
    }

    /// Whether the turn may take more: not too much, and no timer is due (T1). Both times are
    /// milliseconds of the monotonic clock.
    pub(super) fn goes_on(&self, wake: Option<u64>, now: u64) -> bool {
        self.inputs < TURN_MAX && wake.is_none_or(|wake| now < wake)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_types::id::PublicKey;

    struct Ways {
        network: mpsc::Sender<NetworkEvent>,
        queries: mpsc::Sender<Inspection>,
        _others: (mpsc::Sender<Checked>, mpsc::Sender<Command>),
    }

    fn inputs() -> (Ways, Inputs) {
        let (network, from_network) = mpsc::channel(2 * TURN_MAX);
        let (queries, asked) = mpsc::channel(2 * TURN_MAX);
        let (checked, from_checks) = mpsc::channel(1);
        let (commands, told) = mpsc::channel(1);
        let inputs =
            Inputs { checked: from_checks, network: from_network, commands: told, queries: asked };
        (Ways { network, queries, _others: (checked, commands) }, inputs)
    }

    fn ask(ways: &Ways, times: usize) {
        for _ in 0..times {
            assert!(ways.queries.try_send(Box::new(|_, _| {})).is_ok());
        }
    }

    /// Queries and other inputs of one turn, with no timer due.
    fn turn(inputs: &mut Inputs) -> (usize, usize) {
        let mut pace = Pace::default();
        while pace.goes_on(None, 0) {
            let Some(input) = inputs.take(&pace, false) else { break };
            pace.count(&input);
        }
        if let Some(input) = inputs.last_query(&pace) {
            pace.count(&input);
        }
        (pace.queries, pace.inputs - pace.queries)
    }

    #[test]
    fn a_turn_runs_one_query_however_many_wait() {
        let (ways, mut inputs) = inputs();
        ask(&ways, 3);
        assert!(ways.network.try_send(NetworkEvent::Connected(PublicKey([1; 32]))).is_ok());
        assert_eq!(turn(&mut inputs), (1, 1));
        assert_eq!(turn(&mut inputs), (1, 0));
        assert_eq!(turn(&mut inputs), (1, 0));
        assert_eq!(turn(&mut inputs), (0, 0));
    }

    #[test]
    fn a_query_gets_its_turn_however_many_messages_wait() {
        let (ways, mut inputs) = inputs();
        ask(&ways, 1);
        for _ in 0..TURN_MAX + 1 {
            assert!(ways.network.try_send(NetworkEvent::Connected(PublicKey([1; 32]))).is_ok());
        }
        assert_eq!(turn(&mut inputs), (1, TURN_MAX));
    }

    #[test]
    fn a_turn_ends_when_a_timer_is_due() {
        let mut pace = Pace::default();
        assert!(pace.goes_on(Some(5), 4));
        assert!(!pace.goes_on(Some(5), 5));
        pace.inputs = TURN_MAX;
        assert!(!pace.goes_on(None, 0));
    }
}
