//! The machine that runs a program: one step after the other, until it ends, traps, or the host has
//! had enough.

use crate::program::{Kind, Step, Steps};
use crate::raw::{self, Args, at, at_mut, len};
use crate::{FUNCTIONS, burden, encode_tally, function, message, money, rooms, world};
use alloc::vec;
use alloc::vec::Vec;
use linli_contract::Event as _;

/// How often one program may begin again.
const AGAIN_MAX: u8 = 8;
/// Bytes that the host may write to.
const SCRATCH_BYTES: usize = 20 * 1024;

/// What a program says when it could do what no contract may.
const STOLEN: &[u8] = b"stolen";

/// How a program ended.
pub(crate) enum Ended {
    /// After its last step.
    Whole,
    /// By itself, with this answer.
    With(i32),
}

/// What comes after a step.
pub(crate) enum Next {
    Step,
    Again,
    End(i32),
}

/// What the last steps made, for the next ones to use.
#[derive(Default)]
pub(crate) struct Last {
    /// A transfer's request.
    pub(crate) transfer: Vec<u8>,
    pub(crate) transfer_id: [u8; 16],
    pub(crate) pending: [u8; 16],
    pub(crate) account: [u8; 16],
    timer: [u8; 16],
    /// A timer of the probe.
    pub(crate) others_timer: [u8; 16],
}

/// See the module.
pub(crate) struct Machine {
    /// Which of the rooms this is.
    pub(crate) me: u8,
    /// What the host says of the transaction.
    pub(crate) context: [u8; 64],
    pub(crate) last: Last,
    pub(crate) scratch: Vec<u8>,
    /// Its program, as far as ids that nobody used are made from it.
    code: Vec<u8>,
    /// How many it made.
    made: u32,
    done: [u32; FUNCTIONS],
}

impl Machine {
    pub(crate) fn new(me: u32) -> Self {
        Self {
            me: u8::try_from(me).unwrap_or(u8::MAX),
            context: [0; 64],
            last: Last::default(),
            scratch: vec![0; SCRATCH_BYTES],
            code: Vec::new(),
            made: 0,
            done: [0; FUNCTIONS],
        }
    }

    /// The encoded tally.
    pub(crate) fn tally(&self) -> Vec<u8> {
        encode_tally(&self.done)
    }

    pub(crate) fn run(&mut self, code: &[u8]) -> Ended {
        let mut context = [0; 64];
        self.invoke("context", &[at_mut(&mut context)]);
        (self.context, self.code) = (context, code.to_vec());
        let mut again = 0;
        let mut steps = Steps::new(code);
        while let Some(step) = steps.next() {
            match self.perform(&step) {
                Next::Step => {}
                Next::Again if again < AGAIN_MAX => {
                    again = again.saturating_add(1);
                    steps = Steps::new(code);
                }
                Next::Again => {}
                Next::End(code) => return Ended::With(code),
            }
        }
        Ended::Whole
    }

    /// Calls a host function and counts it once it returned.
    pub(crate) fn invoke(&mut self, name: &str, args: &[i64]) -> i64 {
        let mut all: Args = [0; 8];
        all.iter_mut().zip(args).for_each(|(to, from)| *to = *from);
        let place = function(name).unwrap_or(FUNCTIONS);
        let answer = raw::invoke(place, &all);
        self.count(place);
        answer
    }

    pub(crate) fn count(&mut self, place: usize) {
        if let Some(done) = self.done.get_mut(place) {
            *done = done.saturating_add(1);
        }
    }

    /// Adds the tally of a called program.
    pub(crate) fn add(&mut self, answer: &[u8]) {
        let called = answer.get(2..).unwrap_or_default().chunks_exact(4);
        for (done, bytes) in self.done.iter_mut().zip(called) {
            let count = bytes.try_into().map_or(0, u32::from_le_bytes);
            *done = done.saturating_add(count);
        }
    }

    /// Block time.
    pub(crate) fn now_ms(&self) -> u64 {
        self.context.get(8..16).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
    }

    /// The sender; zero when a timer fires.
    pub(crate) fn sender(&self) -> [u8; 16] {
        self.context.get(16..32).and_then(|b| b.try_into().ok()).unwrap_or_default()
    }

    /// A person, or the sender.
    pub(crate) fn somebody(&self, dice: u8) -> [u8; 16] {
        if dice < 192 { self.sender() } else { world::person(dice % world::PEOPLE) }
    }

    /// An id that nobody used.
    pub(crate) fn fresh(&mut self) -> [u8; 16] {
        self.made = self.made.wrapping_add(1);
        let seed = [&self.context[..], &[self.me], &self.made.to_le_bytes(), &self.code].concat();
        let mut digest = [0; 32];
        self.invoke("hash", &[0, at(&seed), len(&seed), at_mut(&mut digest)]);
        let mut id = [0; 16];
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        id
    }

    /// A call; its answer, as far as it fits.
    pub(crate) fn call(&mut self, room: &str, method: &str, args: &[u8]) -> Vec<u8> {
        let mut scratch = core::mem::take(&mut self.scratch);
        let (room, method) = (room.as_bytes(), method.as_bytes());
        let (names, more) = ([at(room), len(room), at(method), len(method)], [at(args), len(args)]);
        let out = [at_mut(&mut scratch), len(&scratch)];
        let length = self.invoke("call", &[&names[..], &more, &out].concat());
        let length = usize::try_from(length).unwrap_or(0);
        let answer = scratch.get(..length).unwrap_or_default().to_vec();
        self.scratch = scratch;
        answer
    }

    fn perform(&mut self, step: &Step<'_>) -> Next {
        match step.kind {
            Kind::Accounts => money::perform(self, step.dice),
            Kind::Native => rooms::native(self, step.dice),
            Kind::Evidence => rooms::evidence(self, step.dice),
            Kind::Probe => rooms::probe(self, step.dice),
            Kind::Peer => rooms::peer(self, step),
            Kind::Raw => self.raw(step.dice),
            Kind::Burden => return burden::perform(self, step.dice),
            Kind::End => return Next::End(end(step.dice[0])),
            _ => self.plain(step),
        }
        Next::Step
    }

    /// A host function as it is meant, with lengths that are nearly always within their bounds.
    fn plain(&mut self, step: &Step<'_>) {
        let dice = step.dice;
        let key = [b'k', b'/', dice[0] % 16];
        let key_args = [at(&key), if dice[1] == 0 { 0 } else { 3 }];
        let mut out = [0; 64];
        match step.kind {
            Kind::Context => {
                self.invoke("context", &[at_mut(&mut out)]);
            }
            Kind::Caller => {
                self.invoke("caller", &[at_mut(&mut out), 64]);
            }
            Kind::Read => {
                let to = [at_mut(&mut self.scratch), i64::from(dice[2])];
                self.invoke("read", &[key_args, to].concat());
            }
            Kind::Write => self.write(&key_args, dice),
            Kind::Remove => {
                self.invoke("remove", &key_args);
            }
            Kind::Claimed => {
                self.invoke("claimed", &[key_args[0], key_args[1], at_mut(&mut out)]);
            }
            Kind::Claim => {
                let digest = [dice[2] % 2; 32];
                self.invoke("claim", &[key_args[0], key_args[1], at(&digest)]);
            }
            Kind::Emit => self.emit(dice),
            Kind::Append => {
                self.invoke("append", &[at(&[dice[0]; 32])]);
            }
            Kind::Schedule => self.schedule(step),
            Kind::Cancel => self.cancel(dice),
            Kind::Hash => {
                let algorithm = i64::from(dice[0] % 26) % 25 % 3 + i64::from(dice[0] == 255);
                let data = [at(&self.scratch), i64::from(dice[1]) * 64];
                self.invoke("hash", &[algorithm, data[0], data[1], at_mut(&mut out)]);
            }
            Kind::Result => {
                let length = if dice[0] == 0 { 16_385 } else { i64::from(dice[0]) * 8 };
                self.invoke("result", &[at(&self.scratch), length]);
            }
            Kind::Refuse => {
                let params = [0x0a, 2, 0x08, dice[1] % 128];
                let length = if dice[0] < 32 { 3 } else { 4 };
                self.invoke("refuse", &[i64::from(dice[2] % 4), at(&params), length]);
            }
            _ => {}
        }
    }

    fn write(&mut self, key: &[i64; 2], dice: [u8; 7]) {
        let length = match dice[2] {
            0 => 65_537,
            1 => 65_536,
            2..8 => 4096,
            n => usize::from(n),
        };
        let value = vec![dice[3]; length];
        self.invoke("write", &[key[0], key[1], at(&value), len(&value)]);
    }

    fn emit(&mut self, dice: [u8; 7]) {
        let kind = if dice[0] < 8 { "linli.hostile.v1.Kept" } else { crate::schema::Noise::KIND };
        let length = match dice[1] {
            0..4 => 1025,
            n => usize::from(n),
        };
        let blob = message::Message::default().bytes(1, &vec![1; length]).done();
        let blob = if dice[2] < 8 { message::spoilt(blob, dice[2]) } else { blob };
        let about: Vec<u8> = (0..dice[3] % 4).flat_map(world::person).collect();
        let about_len = if dice[4] < 4 { 9 } else { len(&about) };
        let parts = [at(kind.as_bytes()), len(kind.as_bytes()), at(&about), about_len];
        self.invoke("emit", &[&parts[..], &[at(&blob), len(&blob)]].concat());
    }

    pub(crate) fn cancel(&mut self, dice: [u8; 7]) {
        let id = match dice[0] {
            0..96 => self.last.timer,
            96..192 => self.last.others_timer,
            n => [n; 16],
        };
        let gone = self.invoke("cancel", &[at(&id)]) == 1;
        if gone && id == self.last.others_timer {
            // Whoever looks on must see it.
            let blob = message::Message::default().bytes(1, STOLEN).done();
            let kind = crate::schema::Noise::KIND.as_bytes();
            self.invoke("emit", &[at(kind), len(kind), at(&[]), 0, at(&blob), len(&blob)]);
        }
    }

    fn schedule(&mut self, step: &Step<'_>) {
        let dice = step.dice;
        let after = match dice[0] {
            0..4 => u64::MAX / 2,
            4..8 => 20 * 366 * 24 * 3600 * 1000,
            8..64 => 0,
            n => u64::from(n) * 40,
        };
        let at_ms = i64::try_from(self.now_ms().saturating_add(after)).unwrap_or(i64::MAX);
        let me = if dice[1] < 240 { self.me } else { dice[1] };
        let mut payload = [&[me], step.code].concat();
        if dice[2] < 6 {
            payload.resize(257, 0);
        }
        let mut id = [0; 16];
        self.invoke("schedule", &[at_ms, at(&payload), len(&payload), at_mut(&mut id)]);
        self.last.timer = id;
    }

    /// Any function with any numbers, most of them wrong. What the host writes lands in the scratch
    /// bytes, below the stack, or nowhere.
    fn raw(&mut self, dice: [u8; 7]) {
        let end = burden::memory_end();
        let scratch = at(&self.scratch);
        let numbers: [i64; 16] = [
            0,
            1,
            16,
            32,
            64,
            257,
            -1,
            i32::MIN.into(),
            i32::MAX.into(),
            16_385,
            65_537,
            131_073,
            end.saturating_sub(1),
            end,
            scratch,
            scratch.saturating_add(64),
        ];
        let place = usize::from(dice[0]) % FUNCTIONS;
        let args: Args = core::array::from_fn(|n| {
            let shift = u32::try_from(n).unwrap_or(0);
            let dice = dice[1 + n % 6].rotate_left(shift);
            numbers[usize::from(dice) % numbers.len()]
        });
        raw::invoke(place, &args);
        self.count(place);
    }
}

fn end(dice: u8) -> i32 {
    match dice % 8 {
        0 => 2,
        1 => -1,
        2 => i32::MIN,
        3..6 => 1,
        _ => 0,
    }
}
