//! Random programs: bytes, single steps whose end is known, and chains of calls as deep as they go.

use crate::support;
use linli_hostile::program::{KINDS, Kind, STEP_BYTES, Step, Steps};
use linli_hostile::world::{PEOPLE, ROOMS};
use linli_types::wire;
use proptest::collection::vec;
use proptest::prelude::*;
use std::fmt;

const BLOCKS: usize = 10;
const BLOCK_TRANSACTIONS: usize = 5;
/// Transactions of one case.
pub(crate) const PER_CASE: u32 = (BLOCKS * BLOCK_TRANSACTIONS) as u32;

/// A program, and which room is to run it; `me` is what it believes.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) code: Vec<u8>,
    room: u8,
    me: u8,
}

/// One transaction: who signs, and the programs that it calls.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) sender: u8,
    pub(crate) programs: Vec<Program>,
}

/// Blocks: how much later, and what is in them.
pub(crate) type Case = Vec<(u64, Vec<Signed>)>;

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as {}:", self.room(), self.me)?;
        self.code.chunks(STEP_BYTES).try_for_each(|step| {
            write!(f, " ")?;
            step.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        })
    }
}

impl Program {
    /// A program of one step, which asks for a row of the table.
    pub(crate) fn asking(row: usize) -> Self {
        let row = u8::try_from(row).unwrap();
        Self { code: vec![byte_of(Kind::Native), 200, row, 99, 99, 99, 99, 99], room: 0, me: 0 }
    }

    pub(crate) fn room(&self) -> &'static str {
        ROOMS[usize::from(self.room) % ROOMS.len()]
    }

    pub(crate) fn args(&self) -> Vec<u8> {
        use prost::Message as _;
        #[derive(Clone, PartialEq, prost::Message)]
        struct Args {
            #[prost(bytes = "vec", tag = "1")]
            code: Vec<u8>,
            #[prost(uint32, tag = "2")]
            me: u32,
        }
        Args { code: self.code.clone(), me: self.me.into() }.encode_to_vec()
    }

    pub(crate) fn call(&self) -> wire::Call {
        support::call(self.room(), "Run", self.args())
    }

    /// The host function that the program is for, if it is for one alone.
    pub(crate) fn purpose(&self) -> Option<usize> {
        let mut steps = Steps::new(&self.code);
        let first = steps.next().as_ref().and_then(Step::host_function);
        first.filter(|_| self.code.len() <= STEP_BYTES)
    }
}

/// The first byte of a step of this kind.
fn byte_of(kind: Kind) -> u8 {
    let place = KINDS.iter().position(|known| *known == kind).unwrap();
    u8::try_from(place).unwrap()
}

fn program(code: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Program> {
    let rooms = u8::try_from(ROOMS.len()).unwrap();
    let me = prop_oneof![12 => Just(None), 1 => any::<u8>().prop_map(Some)];
    let room = prop_oneof![3 => Just(0), 1 => 0..rooms];
    (code, room, me).prop_map(|(code, room, me)| Program { code, room, me: me.unwrap_or(room) })
}

/// One step: often one about money, or one that names any function with any numbers.
fn step() -> impl Strategy<Value = Vec<u8>> {
    let [raw, money] = [Kind::Raw, Kind::Accounts].map(byte_of);
    let first = prop_oneof![2 => any::<u8>(), 2 => Just(raw), 3 => Just(money)];
    (first, any::<[u8; 7]>()).prop_map(|(first, dice)| [&[first], &dice[..]].concat())
}

/// Programs that call each other, the last one with some steps of its own.
fn nested() -> impl Strategy<Value = Vec<u8>> {
    let peer = byte_of(Kind::Peer);
    let one = move |steps: u8| [peer, 0, 9, 9, 9, 9, 99, steps];
    (1..12_u8, vec(any::<u8>(), 0..40)).prop_map(move |(depth, tail)| {
        let calls = (0..depth).rev().flat_map(|deeper| one(deeper.clamp(5, 11)));
        calls.chain(tail).collect()
    })
}

/// Many steps that are well meant, about money that is the contract's own: they go deep.
fn careful() -> impl Strategy<Value = Vec<u8>> {
    use Kind::{Accounts, Append, Claim, Emit, Evidence, Probe, Read, Schedule, Write};
    let kinds = [
        Accounts, Accounts, Accounts, Accounts, Accounts, Read, Write, Claim, Emit, Append,
        Schedule, Evidence, Probe,
    ];
    let kinds = proptest::sample::select(kinds.map(byte_of).to_vec());
    let own = proptest::sample::select(vec![100_u8, 101, 102, 103, 105, 106, 107]);
    let dice = (any::<u8>(), own, any::<u8>(), any::<u8>());
    let step = (kinds, dice).prop_map(|(kind, (what, own, to, amount))| {
        [kind, what, 100, own, to.max(64), amount.max(8), 99, 99]
    });
    vec(step, 4..24).prop_map(|steps| steps.concat())
}

fn signed() -> impl Strategy<Value = Signed> {
    let programs = prop_oneof![
        5 => vec(program(vec(any::<u8>(), 8..160)), 1..2),
        6 => vec(program(step()), 1..6),
        4 => vec(program(careful()), 1..3),
        1 => vec(program(nested()), 1..2),
    ];
    (0..PEOPLE, programs).prop_map(|(sender, programs)| Signed { sender, programs })
}

pub(crate) fn cases() -> impl Strategy<Value = Case> {
    let later = prop_oneof![
        8 => Just(1000_u64), 2 => Just(1), 2 => Just(20_000), 2 => Just(24 * 3600 * 1000),
    ];
    vec((later, vec(signed(), BLOCK_TRANSACTIONS)), BLOCKS)
}
