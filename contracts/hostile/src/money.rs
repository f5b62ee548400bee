//! Calls of the accounts: what a contract may do with its own, and what it may not with others'.

use crate::machine::Machine;
use crate::message::{Message, spoilt};
use crate::world::{self, ESCROW, HOLDER};
use alloc::vec::Vec;
use linli_contract::accounts::own_principal;

/// How often a step is well meant, of 256.
const WELL: u8 = 216;
/// Codes of the standard books.
const MOVE: u64 = 1;
const BURN: u64 = 3;
const DONATE: u64 = 4;
const ESCROWED: u64 = 5;

pub(crate) fn perform(machine: &mut Machine, dice: [u8; 7]) {
    let well = dice[1] < WELL;
    match dice[0] % 32 {
        0..10 => transfer(machine, dice, well),
        10..14 => reserve(machine, dice, well),
        14..17 => post(machine, dice, well),
        17..19 => void(machine, dice, well),
        19..22 => reverse(machine, dice, well),
        22 => heist(machine, dice),
        23 | 24 => chain(machine, dice, well),
        25 | 26 => open(machine, dice, well),
        27 => close(machine, dice, well && dice[3] < 128),
        28 if dice[2] < 64 => order(machine, dice),
        28 if dice[2] < 96 => ask(machine, "Mint", Message::default(), dice[6]),
        _ => expire(machine, dice, well),
    }
}

fn ask(machine: &mut Machine, method: &str, request: Message, dice: u8) {
    let args = spoilt(request.done(), dice);
    machine.call("accounts", method, &args);
}

/// An id: mostly a new one.
fn id(machine: &mut Machine, dice: u8) -> [u8; 16] {
    match dice {
        0..8 => machine.last.transfer_id,
        8..16 => world::pending(dice),
        _ => machine.fresh(),
    }
}

fn amount(dice: u8, well: bool) -> u64 {
    match dice {
        0..8 if well => 100_000,
        _ if well => 1 + u64::from(dice % 4),
        0..48 => 0,
        48..64 => u64::MAX,
        64..96 => u64::MAX - u64::from(dice),
        96..128 => 1 << 40,
        n => u64::from(n) * 8,
    }
}

/// Debit, credit and code of a move: the contract's own money, or somebody's.
fn sides(machine: &Machine, dice: [u8; 7], well: bool) -> ([u8; 16], [u8; 16], u64) {
    let all = world::slots();
    if !well {
        let from = match dice[2] {
            0..32 => world::issuance(world::ASSETS[usize::from(dice[2] % 4)]),
            32..64 => [7; 16],
            n => world::account(usize::from(n) % all),
        };
        let to = if dice[3] < 32 { from } else { world::account(usize::from(dice[3]) % all) };
        return (from, to, u64::from(dice[5] % 8));
    }
    let from = world::own(machine.me, dice[2]);
    let of = |number: usize| world::find(number).map_or((0, 0), |slot| (slot.asset, slot.kind));
    let (asset, kind) = of(from);
    if dice[3] < 12 {
        return (world::account(from), world::issuance(asset), BURN);
    }
    let fits = |number: &usize| {
        let plain = [HOLDER, ESCROW, world::DONATION_POOL].contains(&of(*number).1);
        let between = kind == HOLDER || of(*number).1 == HOLDER;
        *number != from && of(*number).0 == asset && plain && between
    };
    let fitting = (0..all).filter(fits).count().max(1);
    let to = (0..all).filter(fits).nth(usize::from(dice[3]) % fitting).unwrap_or(0);
    let code = match (kind, of(to).1) {
        (HOLDER, HOLDER) => MOVE,
        (HOLDER, world::DONATION_POOL) => DONATE,
        (HOLDER, ESCROW) | (ESCROW, HOLDER) => ESCROWED,
        _ => u64::from(dice[5] % 8),
    };
    (world::account(from), world::account(to), code)
}

fn transfer_request(machine: &mut Machine, dice: [u8; 7], well: bool) -> ([u8; 16], Vec<u8>) {
    let (debit, credit, code) = sides(machine, dice, well);
    let id = id(machine, dice[5]);
    let request = Message::default()
        .bytes(1, &id)
        .bytes(2, &debit)
        .bytes(3, &credit)
        .number(4, amount(dice[4], well))
        .number(5, code)
        .number(6, u64::from((232..240).contains(&dice[6])));
    (id, request.done())
}

fn transfer(machine: &mut Machine, dice: [u8; 7], well: bool) {
    let (id, request) = transfer_request(machine, dice, well);
    machine.call("accounts", "Transfer", &spoilt(request.clone(), dice[6]));
    if dice[6] > 245 {
        // Once more.
        machine.call("accounts", "Transfer", &request);
    }
    (machine.last.transfer_id, machine.last.transfer) = (id, request);
}

fn reserve(machine: &mut Machine, dice: [u8; 7], well: bool) {
    let (debit, credit, code) = sides(machine, dice, well);
    let id = if dice[5] < 64 { world::pending(dice[5]) } else { machine.fresh() };
    let after = match dice[6] {
        16..24 => 0,
        24..32 => u64::MAX / 2,
        32..96 => 3000,
        _ => 40 * 24 * 3600 * 1000,
    };
    let resolver: &[u8] = if dice[6] % 4 == 1 { &world::person(dice[5] % 6) } else { &[] };
    let request = Message::default()
        .bytes(1, &id)
        .bytes(2, &debit)
        .bytes(3, &credit)
        .number(4, amount(dice[4], well))
        .number(5, code)
        .number(7, machine.now_ms().saturating_add(after))
        .bytes(8, resolver);
    ask(machine, "Reserve", request, dice[6]);
    machine.last.pending = id;
}

/// A pending transfer: the last one of this program, which is made if there is none, or one that
/// somebody may have made.
fn pending(machine: &mut Machine, dice: [u8; 7], well: bool) -> [u8; 16] {
    if !well || dice[3] < 64 {
        return world::pending(dice[2] % 16);
    }
    if machine.last.pending == [0; 16] {
        reserve(machine, [0, 0, dice[2], dice[3], dice[4], 99, 99], true);
    }
    machine.last.pending
}

fn post(machine: &mut Machine, dice: [u8; 7], well: bool) {
    let (id, of) = (id(machine, dice[5]), pending(machine, dice, well));
    let amount = u64::from(dice[4] % 3);
    let request = Message::default().bytes(1, &id).bytes(2, &of).number(3, amount);
    ask(machine, "Post", request, dice[6]);
    machine.last.transfer_id = id;
}

fn void(machine: &mut Machine, dice: [u8; 7], well: bool) {
    let (id, of) = (id(machine, dice[5]), pending(machine, dice, well));
    ask(machine, "Void", Message::default().bytes(1, &id).bytes(2, &of), dice[6]);
}

fn reverse(machine: &mut Machine, dice: [u8; 7], well: bool) {
    if well && machine.last.transfer.is_empty() {
        transfer(machine, [0, 0, dice[2], dice[3], dice[4], 99, 99], true);
    }
    let own = id(machine, dice[5].saturating_add(16));
    let of = if well { machine.last.transfer_id } else { world::pending(dice[2]) };
    let actor = if dice[3] < 240 { myself(machine) } else { world::person(dice[3] % 6) };
    let receivable: &[u8] = match dice[4] {
        0..32 => &world::account(12),
        32..64 => &world::account(13),
        _ => &[],
    };
    let request = Message::default()
        .bytes(1, &own)
        .bytes(2, &of)
        .number(3, 1 + u64::from(dice[4] % 3))
        .number(4, 1)
        .bytes(5, receivable)
        .bytes(6, &machine.last.transfer)
        .bytes(7, &actor);
    ask(machine, "Reverse", request, dice[6]);
}

fn myself(machine: &Machine) -> [u8; 16] {
    let room = world::ROOMS.get(usize::from(machine.me)).copied().unwrap_or_default();
    own_principal(room).0
}

/// Pays itself, moves the money on, and takes the payment back: somebody else is to owe it.
fn heist(machine: &mut Machine, dice: [u8; 7]) {
    let [purse, pocket, till] = [0, 1, 2].map(|n| world::account(world::own(machine.me, n)));
    let id = machine.fresh();
    let payment = Message::default()
        .bytes(1, &id)
        .bytes(2, &purse)
        .bytes(3, &till)
        .number(4, 3)
        .number(5, ESCROWED)
        .done();
    machine.call("accounts", "Transfer", &payment);
    let all = Message::default()
        .bytes(1, &machine.fresh())
        .bytes(2, &till)
        .bytes(3, &pocket)
        .number(4, u64::MAX)
        .number(5, ESCROWED)
        .number(6, 1);
    ask(machine, "Transfer", all, 99);
    let back = Message::default()
        .bytes(1, &machine.fresh())
        .bytes(2, &id)
        .number(3, 1 + u64::from(dice[2] % 3))
        .number(4, 1)
        .bytes(5, &world::account(12 + usize::from(dice[3] % 2)))
        .bytes(6, &payment)
        .bytes(7, &myself(machine));
    ask(machine, "Reverse", back, dice[6]);
}

fn chain(machine: &mut Machine, dice: [u8; 7], well: bool) {
    let steps = match dice[2] {
        0..8 => 1,
        8..16 => 65,
        n => 2 + n % 3,
    };
    let mut request = Message::default();
    for n in 0..steps {
        let mut dice = dice;
        dice[3] = dice[3].wrapping_add(n);
        let (_, transfer) = transfer_request(machine, dice, well);
        let linked = u64::from(n + 1 < steps) ^ u64::from(dice[4] == 0);
        request =
            request.bytes(1, &Message::default().number(1, linked).bytes(2, &transfer).done());
    }
    ask(machine, "Chain", request, dice[6]);
}

fn open(machine: &mut Machine, dice: [u8; 7], well: bool) {
    let id = machine.fresh();
    let owner: &[u8] = if well { &[] } else { &world::person(dice[2] % 6) };
    let kind = if well { u64::from(dice[3] % 2) } else { u64::from(dice[3] % 24) };
    let flags = if well { 0 } else { u64::from(dice[4]) };
    let asset = world::ASSETS[usize::from(dice[5] % 4)];
    let request = Message::default()
        .bytes(1, &id)
        .bytes(2, owner)
        .number(3, asset.into())
        .number(4, kind)
        .number(5, flags);
    ask(machine, "Open", request, dice[6]);
    machine.last.account = id;
}

fn close(machine: &mut Machine, dice: [u8; 7], well: bool) {
    if well && machine.last.account == [0; 16] {
        open(machine, [0, 0, 0, 0, 0, dice[5], 99], true);
    }
    let account = match well {
        true => machine.last.account,
        false if dice[2] < 128 => world::account(world::own(machine.me, dice[2])),
        false => world::account(usize::from(dice[2]) % world::slots()),
    };
    ask(machine, "Close", Message::default().bytes(1, &account), dice[6]);
}

/// A freeze or its end, of anybody's account.
fn order(machine: &mut Machine, dice: [u8; 7]) {
    let id = machine.fresh();
    let account = world::account(usize::from(dice[2]) % world::slots());
    let request = Message::default().bytes(1, &id).bytes(2, &account);
    match dice[3] < 128 {
        true => {
            let request = request.number(3, 1).number(4, 1).bytes(5, &[1; 32]);
            ask(machine, "Freeze", request, dice[6]);
        }
        false => ask(machine, "Unfreeze", request.bytes(3, &[1; 32]), dice[6]),
    }
}

fn expire(machine: &mut Machine, dice: [u8; 7], well: bool) {
    let id = machine.fresh();
    // Two people have points that end.
    let number = if well { 5 + usize::from(dice[2] % 2) } else { usize::from(dice[2]) };
    let (account, sink) = (world::account(number % world::slots()), world::account(10));
    let request = Message::default().bytes(1, &id).bytes(2, &account).bytes(3, &sink);
    ask(machine, "Expire", request, dice[6]);
}
