//! What bytes mean: any bytes are a program, and most of what they ask for is well formed.
//!
//! A step is eight bytes: the first says what to do, the other seven are dice. A step that calls a
//! program, or sets a timer with one, takes it from the bytes that follow. What is cut short is
//! filled up with zeros.

/// Bytes of one step.
pub const STEP_BYTES: usize = 8;

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the host's functions, and what is done with `call`")]
pub enum Kind {
    Context,
    Caller,
    Read,
    Write,
    Remove,
    Claimed,
    Claim,
    Emit,
    Append,
    Schedule,
    Cancel,
    Hash,
    Result,
    Refuse,
    /// A call of the accounts.
    Accounts,
    /// A call of another native room, or of one that is none.
    Native,
    /// A call of the evidence contract.
    Evidence,
    /// A call of the probe.
    Probe,
    /// A program for another room with this code.
    Peer,
    /// Any host function with any numbers.
    Raw,
    /// Loops, memory, recursion, traps.
    Burden,
    /// The end, with any answer.
    End,
}

use Kind::{
    Accounts, Append, Burden, Caller, Cancel, Claim, Claimed, Context, Emit, End, Evidence, Hash,
    Native, Peer, Probe, Raw, Read, Refuse, Remove, Result, Schedule, Write,
};

/// Kinds by the first byte of a step, modulo their number: as often as they stand here.
pub const KINDS: [Kind; 64] = [
    Context, Caller, Caller, Read, Read, Read, Write, Write, Write, Write, Remove, Remove, Claimed,
    Claimed, Claim, Claim, Claim, Claim, Emit, Emit, Emit, Append, Append, Append, Schedule,
    Schedule, Schedule, Cancel, Cancel, Hash, Hash, Result, Refuse, Accounts, Accounts, Accounts,
    Accounts, Accounts, Accounts, Accounts, Accounts, Accounts, Accounts, Accounts, Accounts,
    Accounts, Accounts, Accounts, Native, Native, Native, Evidence, Evidence, Probe, Probe, Probe,
    Peer, Peer, Peer, Peer, Context, Raw, Burden, End,
];

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'p> {
    /// What it does.
    pub kind: Kind,
    /// With what.
    pub dice: [u8; 7],
    /// The program that it hands on.
    pub code: &'p [u8],
}

/// The steps of some bytes.
#[derive(Clone, Copy, Debug)]
pub struct Steps<'p> {
    rest: &'p [u8],
}

impl<'p> Steps<'p> {
    /// The steps of a program.
    pub const fn new(code: &'p [u8]) -> Self {
        Self { rest: code }
    }

    fn take(&mut self, length: usize) -> &'p [u8] {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        taken
    }
}

impl<'p> Iterator for Steps<'p> {
    type Item = Step<'p>;

    fn next(&mut self) -> Option<Step<'p>> {
        let (first, _) = self.rest.split_first()?;
        let kind = KINDS.get(usize::from(*first) % KINDS.len()).copied()?;
        let bytes = self.take(STEP_BYTES);
        let mut dice = [0; 7];
        dice.iter_mut().zip(bytes.iter().skip(1)).for_each(|(to, from)| *to = *from);
        // The last of the dice says how many steps the called program has.
        let steps = match kind {
            Peer => usize::from(dice[6] % 12),
            Schedule => usize::from(dice[6] % 6),
            _ => 0,
        };
        let code = self.take(steps.saturating_mul(STEP_BYTES));
        Some(Step { kind, dice, code })
    }
}

impl Step<'_> {
    /// The host function, by its place in the table, that the step is for.
    pub fn host_function(&self) -> Option<usize> {
        let name = match self.kind {
            Context => "context",
            Caller => "caller",
            Read => "read",
            Write => "write",
            Remove => "remove",
            Claimed => "claimed",
            Claim => "claim",
            Emit => "emit",
            Append => "append",
            Schedule => "schedule",
            Cancel => "cancel",
            Hash => "hash",
            Result => "result",
            Refuse => "refuse",
            Accounts | Native | Evidence | Probe | Peer => "call",
            Raw => return Some(usize::from(self.dice[0]) % crate::FUNCTIONS),
            Burden | End => return None,
        };
        crate::function(name)
    }
}
