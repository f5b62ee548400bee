//! Every call that the rooms describe is tried by a contract, whoever sends it: what is the sender's to
//! do is not the contract's.

use crate::programs::Program;
use crate::support::{Node, call};
use crate::town;
use linli_hostile::table::{Asked, TABLE};
use linli_hostile::world::PEOPLE;
use linli_runtime::vm;
use linli_types::code::Code;
use linli_types::receipt::{Outcome, Receipt};

/// Calls that move money: a contract's own may be moved, and `money` of the fixture tries others'.
const MONEY: [&str; 9] =
    ["Open", "Close", "Transfer", "Reserve", "Post", "Void", "Reverse", "Chain", "Expire"];

/// What describes a room's calls.
const ROOMS: [(&str, &str); 7] = [
    ("accounts", include_str!("../../../proto/linli/accounts/v1/accounts.proto")),
    ("governance", include_str!("../../../proto/linli/governance/v1/governance.proto")),
    ("identity", include_str!("../../../proto/linli/identity/v1/identity.proto")),
    ("log", include_str!("../../../proto/linli/log/v1/log.proto")),
    ("policy", include_str!("../../../proto/linli/policy/v1/policy.proto")),
    ("timers", include_str!("../../../proto/linli/timers/v1/timers.proto")),
    ("evidence", include_str!("../../../contracts/evidence/evidence.proto")),
];

/// The methods of a description's service `Calls`.
fn calls(proto: &str) -> Vec<&str> {
    let service = proto.split_once("service Calls {").map_or("", |(_, rest)| rest);
    let service = service.split_once("\n}").map_or("", |(service, _)| service);
    let methods = service.lines().filter_map(|line| line.trim().strip_prefix("rpc "));
    methods.filter_map(|rest| rest.split_once('(')).map(|(method, _)| method).collect()
}

#[test]
fn every_call_of_every_room_is_in_the_hostile_table() {
    let known = |room: &str, method: &str| {
        let row = |asked: &Asked| (asked.room, asked.method) == (room, method);
        TABLE.iter().any(row) || room == "accounts" && MONEY.contains(&method)
    };
    let mut missing = Vec::new();
    for (room, proto) in ROOMS {
        let calls = calls(proto);
        assert!(!calls.is_empty() || room == "timers", "{room} describes no call");
        missing.extend(calls.into_iter().filter(|method| !known(room, method)));
    }
    assert_eq!(missing, Vec::<&str>::new());
}

/// A contract asks for a row of the table; a person sent it.
fn tried(node: &mut Node, number: u64, sender: u8, row: usize) -> Receipt {
    let program = Program::asking(row);
    let calls = vec![call(program.room(), "Run", program.args())];
    let signed = node.sign(sender, number, calls);
    let built = node.propose(&[signed]);
    assert_eq!(built.transactions.len(), 1);
    let receipt = built.receipts.last().unwrap().clone();
    node.commit(built);
    receipt
}

#[test]
fn no_office_of_a_sender_is_a_contracts() {
    // A chain of calls takes more native stack than a test's thread has.
    let thread = std::thread::Builder::new().stack_size(vm::STACK_BYTES + 4 * 1024 * 1024);
    let found = thread.spawn(try_all).unwrap().join().unwrap();
    assert_eq!(found, Vec::<String>::new());
}

/// What went otherwise than it has to.
fn try_all() -> Vec<String> {
    let (mut node, mut number, mut found) = (town::opened(), 5_000_000, Vec::new());
    for (row, asked) in TABLE.iter().enumerate() {
        for sender in 0..PEOPLE {
            number += 1;
            let receipt = tried(&mut node, number, sender, row);
            if !is_right(asked, &receipt) {
                found.push(format!("{asked:?} by {sender}: {:?}", receipt.outcome));
            }
        }
    }
    found
}

/// A contract is answered, notes a duty on a record of its own, and nothing else; and what is refused
/// was read.
fn is_right(asked: &Asked, receipt: &Receipt) -> bool {
    let proto = ROOMS.iter().find(|(room, _)| *room == asked.room).map_or("", |(_, proto)| proto);
    let question = !calls(proto).contains(&asked.method);
    let Outcome::Refused { refusal, .. } = &receipt.outcome else {
        return question || asked.method == "Act";
    };
    let is = |code: &Code| refusal.room.is_empty() && refusal.code == code.number();
    let unread = [Code::Malformed, Code::UnknownRoom, Code::UnknownMethod].iter().any(is);
    // Timers are no room to be called, and what held at a height is no contract's to ask.
    unread == (asked.room == "timers" || asked.method == "At")
}
