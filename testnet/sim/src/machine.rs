//! One validator's machine: a disk and clocks that last, and a process that may not.

use crate::clock::Skewed;
use crate::crypto::Signer;
use crate::disk::{Flip, SimDisk};
use crate::fixture::{self, Fixture};
use crate::liar::Liar;
use crate::plan::Plan;
use linli_core::Config;
use linli_replica::{Effect, Event, Options, Replica};
use linli_types::height::Height;
use linli_types::signature::Verify;
use linli_types::store::Broken;
use std::sync::Arc;

/// See the module.
pub struct Machine {
    /// Its number.
    pub number: usize,
    /// What lasts.
    pub disk: SimDisk,
    /// Its clocks.
    pub clock: Skewed,
    /// The process; `None` while it is down.
    pub process: Option<Replica<SimDisk>>,
    /// How often a process was started here.
    pub life: u64,
    /// Which wake-up is the valid one.
    pub wake: u64,
    /// Until when the process stands still, and what it will find then.
    pub stalled_until: u64,
    /// What arrived while it stood still.
    pub inbox: Vec<Event>,
    /// How long it stays down when the fuse burns down.
    pub fuse_down_ms: u64,
    /// A rotten bit that must keep the next process from starting.
    pub rot: Option<Flip>,
    /// The last height it committed or came back with.
    pub height: Height,
    /// Set if this validator lies.
    pub liar: Option<Liar>,
    signer: Signer,
}

impl Machine {
    /// A machine that was never started.
    pub fn new(
        number: usize,
        disk: SimDisk,
        clock: Skewed,
        signer: Signer,
        liar: Option<Liar>,
    ) -> Self {
        Self {
            number,
            disk,
            clock,
            process: None,
            life: 0,
            wake: 0,
            stalled_until: 0,
            inbox: Vec::new(),
            fuse_down_ms: 0,
            rot: None,
            height: Height::GENESIS,
            liar,
            signer,
        }
    }

    /// Starts a process on the disk; what it asks for first.
    ///
    /// # Errors
    ///
    /// [`Broken`] as the replica says.
    pub fn start(
        &mut self,
        now_ms: u64,
        plan: &Plan,
        fixture: &Fixture,
        verify: &Arc<dyn Verify>,
    ) -> Result<Vec<Effect>, Broken> {
        let mut core = Config::new(fixture.chain, self.signer.public());
        core.successor = self.signer.successor();
        core.block_interval_ms = plan.block_interval_ms;
        core.pool = plan.pool;
        let options = Options { core, ledger: fixture::settings() };
        let clock = self.clock.read(now_ms);
        let signer = Box::new(self.signer.clone());
        let (process, effects) =
            Replica::open(options, self.disk.clone(), signer, Arc::clone(verify), clock)?;
        self.life += 1;
        self.process = Some(process);
        Ok(effects)
    }

    /// Ends the process at once; what it had not synced is lost.
    pub fn kill(&mut self) {
        self.process = None;
        self.inbox.clear();
        self.stalled_until = 0;
        self.wake += 1;
        self.disk.crash();
    }

    /// Whether a process runs.
    pub const fn is_up(&self) -> bool {
        self.process.is_some()
    }

    /// Whether this validator is honest.
    pub const fn is_honest(&self) -> bool {
        self.liar.is_none()
    }
}
