//! Calls of the other rooms: native ones, contracts, rooms with this very code, none at all.

use crate::machine::Machine;
use crate::message::{Message, spoilt};
use crate::program::Step;
use crate::table::TABLE;
use crate::world;
use alloc::vec::Vec;

/// Rooms that take no call, names of no room, methods of none.
const ODD: [(&str, &str); 8] = [
    ("timers", "Run"),
    ("log", "Append"),
    ("claims", "Claim"),
    ("nowhere", "Run"),
    ("", ""),
    ("identity", "Nothing"),
    ("accounts", "Mint"),
    ("governance", "Execute"),
];

/// What a step for a native room asks: a duty on a record, something of the table, or what is none.
pub(crate) fn native(machine: &mut Machine, dice: [u8; 7]) {
    match dice[0] {
        0..128 => {
            // The one call that contracts make there: a duty on a record of theirs.
            let duty = 1 + u64::from(dice[2] % 8);
            let request = Message::default().bytes(1, &[dice[1] % 8; 32]).number(2, duty);
            machine.call("identity", "Act", &spoilt(request.done(), dice[6]));
        }
        128..240 => {
            let asked = TABLE[usize::from(dice[1]) % TABLE.len()];
            let request = asked.request(machine, dice);
            machine.call(asked.room, asked.method, &spoilt(request, dice[6]));
        }
        _ => {
            let (room, method) = ODD[usize::from(dice[1]) % ODD.len()];
            let whom = machine.somebody(dice[3]);
            let request = Message::default().bytes(1, &whom).bytes(2, &[dice[4]; 32]).number(3, 1);
            machine.call(room, method, &spoilt(request.done(), dice[6]));
        }
    }
}

/// Mostly a statement; else any of the contract's calls.
pub(crate) fn evidence(machine: &mut Machine, dice: [u8; 7]) {
    if dice[0] % 4 == 3 {
        let mut calls = TABLE.iter().filter(|asked| asked.room == "evidence");
        let count = calls.clone().count().max(1);
        if let Some(asked) = calls.nth(usize::from(dice[1]) % count) {
            let request = asked.request(machine, dice);
            machine.call(asked.room, asked.method, &spoilt(request, dice[6]));
        }
        return;
    }
    let request = Message::default()
        .bytes(1, &machine.somebody(dice[0]))
        .number(2, u64::from(dice[1]) * 16 + u64::from(dice[2] % 16))
        .number(3, 1 + u64::from(dice[2] % 11))
        .bytes(4, &[dice[3], dice[4]].repeat(16))
        .bytes(5, &[dice[4]; 32])
        .number(6, 1)
        .bytes(7, b"text/plain")
        .number(8, machine.now_ms());
    machine.call("evidence", "Anchor", &spoilt(request.done(), dice[6]));
}

pub(crate) fn probe(machine: &mut Machine, dice: [u8; 7]) {
    let key = [dice[1] % 8];
    let n = u64::from(dice[2]);
    let entry = || Message::default().bytes(1, &key).bytes(2, &[dice[3]; 32]);
    let (method, request) = match dice[0] % 32 {
        0..6 => ("Write", entry()),
        6..9 => ("Count", Message::default().bytes(1, &key)),
        9..12 => ("Claim", entry()),
        12..15 => ("Append", Message::default().bytes(1, &[dice[3]; 32])),
        15..18 => ("Schedule", schedule(dice)),
        18 => ("Remove", Message::default().bytes(1, &key)),
        19 | 20 => ("Emit", Message::default().number(1, n % 4).number(2, n)),
        21 => ("WriteThenRefuse", entry()),
        22 => ("Refuse", Message::default().number(1, n)),
        23 => ("Trap", Message::default()),
        24 => ("Garbage", Message::default()),
        25 => ("BigResult", Message::default().number(1, n * 128)),
        26 => ("RefuseUnknown", Message::default().number(1, n)),
        27 => ("EmitUnknown", Message::default()),
        28 => ("Odd", Message::default().number(1, n)),
        29 => ("Context", Message::default()),
        _ => ("Cross", cross(dice)),
    };
    let answer = machine.call("probe", method, &spoilt(request.done(), dice[6]));
    if method == "Schedule" {
        let id = answer.get(2..18).and_then(|id| id.try_into().ok());
        machine.last.others_timer = id.unwrap_or_default();
        // Now it has somebody else's timer in hand.
        machine.cancel([dice[5] % 192, 0, 0, 0, 0, 0, 0]);
    }
}

fn schedule(dice: [u8; 7]) -> Message {
    let payloads: [&[u8]; 4] = [b"x", b"again", b"trap", b"refuse"];
    let payload = payloads[usize::from(dice[2]) % payloads.len()];
    Message::default().number(1, u64::from(dice[3]) * 40).bytes(2, payload)
}

/// Through the probe: back here, to somebody's money, or to another contract.
fn cross(dice: [u8; 7]) -> Message {
    let (room, method, request) = match dice[1] % 4 {
        0 => ("hostile", "Run", Message::default().bytes(1, &dice)),
        1 => ("accounts", "Transfer", steal(dice)),
        2 => ("probe", "Count", Message::default().bytes(1, b"k")),
        _ => ("hostile-i", "Run", Message::default().bytes(1, &dice).number(2, 8)),
    };
    Message::default()
        .bytes(1, room.as_bytes())
        .bytes(2, method.as_bytes())
        .bytes(3, &request.done())
}

fn steal(dice: [u8; 7]) -> Message {
    let from = world::account(usize::from(dice[3]) % world::OTHERS.len());
    Message::default()
        .bytes(1, &[dice[4]; 16])
        .bytes(2, &from)
        .bytes(3, &world::account(world::own(0, 0)))
        .number(4, 1)
        .number(5, 1)
}

/// A program for the next room, for this one, or nearly one.
pub(crate) fn peer(machine: &mut Machine, step: &Step<'_>) {
    let dice = step.dice;
    let rooms = u8::try_from(world::ROOMS.len()).unwrap_or(1);
    let next = if dice[0] < 224 { 1 } else { dice[0] % 4 };
    let peer = machine.me.wrapping_add(next) % rooms;
    let method = if dice[1] < 4 { "Walk" } else { "Run" };
    let program = Message::default().bytes(1, step.code).number(2, peer.into());
    let args: Vec<u8> = spoilt(program.done(), dice[5]);
    let room = world::ROOMS[usize::from(peer)];
    let answer = machine.call(room, method, &args);
    machine.add(&answer);
}
