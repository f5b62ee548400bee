//! The laws: what must hold in every run, whatever fails and whoever lies.
//!
//! A law watches. It sees what honest validators do ([`Sight`]), keeps its own books, and computes
//! everything it judges by itself: it shares no check with the code it watches, so a bug there
//! cannot blind it. The first broken law ends the run.

mod agreement;
mod bounded;
mod conservation;
mod durability;
mod evidence;
mod liveness;
mod log_first;
mod once;
mod one_vote;
mod prefix;
mod roots;
mod sets;
mod slander;
mod timers;

use crate::disk::SimDisk;
use crate::fixture::Fixture;
use crate::plan::Plan;
use crate::workload::Clients;
use linli_core::Evidence;
use linli_core::message::Message;
use linli_replica::CommittedBlock;
use linli_types::height::Height;
use linli_types::id::{BlockId, ChainId, PublicKey};
use linli_types::signature::Verify;
use linli_types::validator::ValidatorSet;
use std::fmt;

/// What all laws may look at.
pub struct Scene<'a> {
    /// True time.
    pub now_ms: u64,
    /// The run.
    pub plan: &'a Plan,
    /// The chain.
    pub chain: ChainId,
    /// The validators of its genesis.
    pub validators: &'a ValidatorSet,
    /// The sets that sign one after the other, the genesis' first.
    pub sets: &'a [ValidatorSet],
    /// Which keys are whose.
    pub fixture: &'a Fixture,
    /// The verifier.
    pub verify: &'a dyn Verify,
    /// The clients and what they asked for.
    pub clients: &'a Clients,
}

impl Scene<'_> {
    /// Whether the validator with this key is honest in this run; a stranger is not.
    pub fn is_honest(&self, key: &PublicKey) -> bool {
        self.fixture.number(key).is_some_and(|n| self.plan.sin(n).is_none())
    }
}

/// Something an honest validator did, or that happened to it.
pub enum Sight<'a> {
    /// It made a block durable.
    Committed {
        /// Who.
        node: usize,
        /// The block.
        block: &'a CommittedBlock,
        /// Its disk.
        disk: &'a SimDisk,
    },
    /// It opened its disk.
    Opened {
        /// Who.
        node: usize,
        /// Its head.
        height: Height,
        /// The head's id.
        block: BlockId,
    },
    /// It hands a message to the network.
    Sends {
        /// Who.
        node: usize,
        /// The message.
        message: &'a Message,
        /// Its disk.
        disk: &'a SimDisk,
        /// Its head.
        height: Height,
    },
    /// A message reached it while it was up; it has not judged it yet.
    Receives {
        /// Who.
        node: usize,
        /// Which of its lives.
        life: u64,
        /// From whom.
        from: usize,
        /// The message.
        message: &'a Message,
        /// Its head.
        height: Height,
    },
    /// It found a validator signing two things.
    Evidence {
        /// Who found it.
        node: usize,
        /// What.
        evidence: &'a Evidence,
    },
    /// It says that a peer lied.
    Accuses {
        /// Who says so.
        node: usize,
        /// Who is meant.
        peer: usize,
        /// Why.
        why: &'a str,
    },
    /// It took a step; what it holds in memory now.
    Holds {
        /// Who.
        node: usize,
        /// Transactions in its pool.
        pool: usize,
        /// Bodies at hand.
        bodies: usize,
    },
}

/// The end of a run: all mended, clients at rest.
pub struct End<'a> {
    /// The honest validators, their heads and disks.
    pub nodes: Vec<Last<'a>>,
    /// When everything was mended.
    pub mended_ms: u64,
    /// What one round could take then.
    pub block_time_ms: u64,
}

/// An honest validator at the end.
pub struct Last<'a> {
    /// Who.
    pub node: usize,
    /// Its head.
    pub height: Height,
    /// Its disk.
    pub disk: &'a SimDisk,
    /// Whether it was a validator when everything was mended.
    pub stood: bool,
}

/// A law was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub law: &'static str,
    /// How.
    pub how: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.law, self.how)
    }
}

/// Holds, or how it is broken.
pub type Verdict = Result<(), String>;

/// A law.
pub trait Law {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Takes in one sight.
    ///
    /// # Errors
    ///
    /// How the law is broken.
    fn see(&mut self, scene: &Scene<'_>, sight: &Sight<'_>) -> Verdict;

    /// Judges the run as a whole.
    ///
    /// # Errors
    ///
    /// How the law is broken.
    fn close(&mut self, scene: &Scene<'_>, end: &End<'_>) -> Verdict {
        let _ = (scene, end);
        Ok(())
    }
}

/// All laws.
pub struct Laws(Vec<Box<dyn Law>>);

impl Default for Laws {
    fn default() -> Self {
        Self(vec![
            Box::new(agreement::Agreement::default()),
            Box::new(prefix::Prefix::default()),
            Box::new(one_vote::OneVote::default()),
            Box::new(log_first::LogFirst),
            Box::new(once::Once::default()),
            Box::new(conservation::Conservation),
            Box::new(timers::Timers::default()),
            Box::new(bounded::Bounded),
            Box::new(evidence::Seen::default()),
            Box::new(slander::Slander),
            Box::new(liveness::Liveness::default()),
            Box::new(roots::Roots),
            Box::new(durability::Durability::default()),
        ])
    }
}

impl Laws {
    /// Shows one sight to every law.
    ///
    /// # Errors
    ///
    /// The first [`Breach`].
    pub fn see(&mut self, scene: &Scene<'_>, sight: &Sight<'_>) -> Result<(), Breach> {
        self.each(|law| law.see(scene, sight))
    }

    /// Shows the end to every law.
    ///
    /// # Errors
    ///
    /// The first [`Breach`].
    pub fn close(&mut self, scene: &Scene<'_>, end: &End<'_>) -> Result<(), Breach> {
        self.each(|law| law.close(scene, end))
    }

    fn each(&mut self, mut ask: impl FnMut(&mut dyn Law) -> Verdict) -> Result<(), Breach> {
        for law in &mut self.0 {
            let name = law.name();
            ask(law.as_mut()).map_err(|how| Breach { law: name, how })?;
        }
        Ok(())
    }
}
