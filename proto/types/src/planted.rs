//! Bugs that are planted on purpose, to learn whether the tests would find them.
//!
//! Without the feature `planted` (no ordinary build has it) every question here is the constant
//! `false` and the branch behind it is not compiled. With it, one process-wide switch says which
//! bug is in; only the simulator's command `planted` sets it. The bugs stand where a person would
//! make the mistake: in the check, the order or the bound itself.

/// A bug that a person could have made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Bug {
    /// A quorum is two thirds of the power, rounded down to 2f validators.
    QuorumOfTwoF = 1,
    /// A vote leaves before its log record is durable.
    VoteBeforeSync = 2,
    /// A commit returns before its rows are durable.
    SkippedFsync = 3,
    /// Signed bytes do not name the chain.
    ChainLeftOut = 4,
    /// A transaction key is accepted twice.
    KeyTwice = 5,
    /// A business id is accepted twice.
    BusinessIdTwice = 6,
    /// A restarted node knows no timer.
    TimerLost = 7,
    /// One validator's commits may be written in part.
    TornCommit = 8,
    /// The pool takes everything.
    UnboundedPool = 9,
    /// A certificate of a peer is believed unseen.
    UncheckedCertificate = 10,
    /// Two different votes of one validator leave no evidence.
    EvidenceDropped = 11,
    /// A restarted validator does not read its log.
    Amnesia = 13,
    /// A transfer may name one account on both sides.
    SameAccount = 14,
    /// A proposal that claims a lock is believed without its prevotes.
    LockUnproved = 15,
    /// A transfer credits one unit more than it debits.
    UnitCreated = 16,
}

impl Bug {
    /// Every bug.
    pub const ALL: &'static [Self] = &[
        Self::QuorumOfTwoF,
        Self::VoteBeforeSync,
        Self::SkippedFsync,
        Self::ChainLeftOut,
        Self::KeyTwice,
        Self::BusinessIdTwice,
        Self::TimerLost,
        Self::TornCommit,
        Self::UnboundedPool,
        Self::UncheckedCertificate,
        Self::EvidenceDropped,
        Self::Amnesia,
        Self::SameAccount,
        Self::LockUnproved,
        Self::UnitCreated,
    ];

    /// Its name, for tables and command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::QuorumOfTwoF => "quorum-of-2f",
            Self::VoteBeforeSync => "vote-before-sync",
            Self::SkippedFsync => "skipped-fsync",
            Self::ChainLeftOut => "chain-left-out",
            Self::KeyTwice => "key-twice",
            Self::BusinessIdTwice => "business-id-twice",
            Self::TimerLost => "timer-lost",
            Self::TornCommit => "torn-commit",
            Self::UnboundedPool => "unbounded-pool",
            Self::UncheckedCertificate => "unchecked-certificate",
            Self::EvidenceDropped => "evidence-dropped",
            Self::Amnesia => "amnesia",
            Self::SameAccount => "same-account",
            Self::LockUnproved => "lock-unproved",
            Self::UnitCreated => "unit-created",
        }
    }
}

#[cfg(feature = "planted")]
mod switch {
    use super::Bug;
    use core::sync::atomic::{AtomicU8, Ordering};

    static PLANTED: AtomicU8 = AtomicU8::new(0);

    /// Plants a bug in this process, or takes it out.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.store(bug.map_or(0, |bug| bug as u8), Ordering::SeqCst);
    }

    /// Whether this bug is planted.
    pub fn is(bug: Bug) -> bool {
        PLANTED.load(Ordering::Relaxed) == bug as u8
    }
}

#[cfg(feature = "planted")]
pub use switch::{is, plant};

/// Whether this bug is planted: never in this build.
#[cfg(not(feature = "planted"))]
#[inline(always)]
pub const fn is(_bug: Bug) -> bool {
    false
}

#[cfg(all(test, not(feature = "planted")))]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_build_has_no_bug_planted() {
        assert!(Bug::ALL.iter().all(|bug| !is(*bug)));
    }
}
