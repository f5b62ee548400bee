//! The actions of one step, gathered in whatever order they arise and handed out in the one order
//! that is safe.
//!
//! # Invariants
//!
//! - **C1 log first.** Appends, then at most one sync, then messages, then everything else.

use crate::action::Action;
use crate::message::Message;
use linli_types::id::PublicKey;
use linli_types::planted::{self, Bug};

/// One step's actions.
#[derive(Debug, Default)]
pub(crate) struct Out {
    log: Vec<Action>,
    sends: Vec<Action>,
    rest: Vec<Action>,
    must_sync: bool,
}

impl Out {
    /// An action of the log; `own` if a message that follows depends on it.
    pub(crate) fn log(&mut self, action: Action, own: bool) {
        self.log.push(action);
        self.must_sync |= own && !planted::is(Bug::VoteBeforeSync);
    }

    pub(crate) fn send(&mut self, to: PublicKey, message: &Message) {
        self.sends.push(Action::Send { to, bytes: message.encode() });
    }

    pub(crate) fn broadcast(&mut self, message: &Message) {
        self.sends.push(Action::Broadcast { bytes: message.encode() });
    }

    pub(crate) fn act(&mut self, action: Action) {
        self.rest.push(action);
    }

    /// Whether any member hears of this step.
    pub(crate) fn broadcasts(&self) -> bool {
        self.sends.iter().any(|a| matches!(a, Action::Broadcast { .. }))
    }

    /// C1.
    pub(crate) fn take(&mut self) -> Vec<Action> {
        let mut actions = std::mem::take(&mut self.log);
        if std::mem::take(&mut self.must_sync) {
            actions.push(Action::WalSync);
        }
        actions.append(&mut self.sends);
        actions.append(&mut self.rest);
        actions
    }
}
