//! What wears a host out: loops, memory, recursion, traps, and writing over oneself.

use crate::machine::{Machine, Next};
use crate::raw::{self, Args};
use alloc::vec::Vec;
use core::hint::black_box;

pub(crate) fn perform(machine: &mut Machine, dice: [u8; 7]) -> Next {
    let n = usize::from(dice[1]);
    match dice[0] % 16 {
        0..3 => {
            black_box((0..n * 1024).fold(0_usize, |x, i| black_box(x ^ i).rotate_left(7)));
        }
        3..5 => {
            let mut memory: Vec<u8> = Vec::with_capacity(n * 65_536);
            memory.push(1);
            black_box(memory);
        }
        5 => {
            black_box(recurse(n * 64));
        }
        6 => storm(machine, n),
        7..12 => return Next::Again,
        12 => linli_contract::abi::trap(),
        13 if dice[1] < 64 => forever(),
        14 => {
            smash(dice);
            return Next::End(0);
        }
        _ => {}
    }
    Next::Step
}

fn recurse(depth: usize) -> usize {
    let frame = black_box([depth; 16]);
    match depth {
        0 => 0,
        _ => recurse(depth - 1).wrapping_add(frame.iter().fold(0, |a, b| a ^ b)),
    }
}

fn storm(machine: &mut Machine, calls: usize) {
    for _ in 0..calls * 16 {
        let mut out = [0; 64];
        machine.invoke("context", &[raw::at_mut(&mut out)]);
    }
}

fn forever() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// Has the host write anywhere in this memory. Nothing of this instance is used afterwards.
fn smash(dice: [u8; 7]) {
    let places = dice.iter().skip(2).map(|place| memory_end() / 256 * i64::from(*place));
    for place in places {
        let args: Args = [place, 64, 0, 0, 0, 0, 0, 0];
        raw::invoke(usize::from(dice[1] % 2), &args);
    }
}

/// Where the memory ends.
pub(crate) fn memory_end() -> i64 {
    #[cfg(target_arch = "wasm32")]
    let pages = core::arch::wasm32::memory_size(0);
    #[cfg(not(target_arch = "wasm32"))]
    let pages = 1_usize;
    i64::try_from(pages.saturating_mul(65_536)).unwrap_or(i64::MAX)
}
