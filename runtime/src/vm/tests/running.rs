//! What running contracts may do, and how each bad one ends.

use super::*;
use linli_types::receipt::{Param, Refusal};

/// Answers with `result` of some bytes of memory, then 0.
fn answers(data: &str, length: usize) -> Vec<u8> {
    let extra = format!("(data (i32.const 64) \"{data}\")");
    let code = format!("(call $result (i32.const 64) (i32.const {length})) i32.const 0");
    contract(&["result"], &extra, &code)
}

#[test]
fn a_result_comes_back_and_fuel_is_counted() {
    let ran = run(&answers("\\08\\07", 2));
    assert_eq!(ran.end, Ok(vec![8, 7]));
    assert!(ran.fuel > ENTER_FUEL + 2 * PAGE_FUEL && ran.fuel < ENTER_FUEL + 3 * PAGE_FUEL);
    assert_eq!(run(&answers("\\08\\07", 2)), ran);
}

#[test]
fn an_answer_that_the_schema_does_not_know_is_refused() {
    assert_eq!(code_of(&run(&answers("\\78\\07", 2))), NativeCode::BadAnswer);
    for odd in ["i32.const 2", "i32.const -1", "i32.const 1"] {
        assert_eq!(code_of(&run(&contract(&[], "", odd))), NativeCode::BadAnswer, "{odd}");
    }
}

#[test]
fn input_that_the_schema_does_not_know_never_enters() {
    let code = contract(&[], "", "unreachable");
    for (entry, input) in [
        (Entry::Call, &b""[..]),
        (Entry::Call, b"\x09Write"),
        (Entry::Call, b"\x04Find"),
        (Entry::Query, b"\x05Write"),
        (Entry::Call, b"\x05Write\x78\x01"),
        (Entry::Query, b"\x04Find\x0a"),
    ] {
        let ran = run_with(&code, entry, input, FUEL, &mut Ledger::default());
        assert_eq!((code_of(&ran), ran.fuel), (NativeCode::Malformed, 0), "{input:?}");
    }
}

#[test]
fn a_refusal_names_the_contract_and_its_code() {
    let refuse = |code: u32, params: &str, length: usize| {
        let extra = format!("(data (i32.const 64) \"{params}\")");
        let body = format!(
            "(call $refuse (i32.const {code}) (i32.const 64) (i32.const {length})) i32.const 1"
        );
        run(&contract(&["refuse"], &extra, &body))
    };
    // params { number: 5 }, params { word: "ab" }
    let ran = refuse(7, "\\0a\\02\\08\\05\\0a\\04\\1a\\02ab", 10);
    let params = vec![Param::Number(5), Param::Word("ab".into())];
    let expected = Refusal { room: "notes".into(), code: 7, params };
    assert_eq!(ran.end, Err(Stop::Refused(expected)));
    assert_eq!(code_of(&refuse(8, "", 0)), NativeCode::BadAnswer);
    assert_eq!(code_of(&refuse(7, "\\0a\\00", 2)), NativeCode::BadAnswer);
    assert_eq!(code_of(&refuse(7, "\\ff", 1)), NativeCode::BadAnswer);
    assert_eq!(code_of(&refuse(7, &"\\0a\\02\\08\\05".repeat(9), 36)), NativeCode::BadAnswer);
}

#[test]
fn every_trap_is_one_trap() {
    for body in [
        "unreachable",
        "(i32.div_s (i32.const 1) (i32.const 0))",
        "(i32.load (i32.const 131072))",
        "(i32.load offset=4294967295 (i32.const -1))",
        "(i32.div_s (i32.const -2147483648) (i32.const -1))",
    ] {
        assert_eq!(code_of(&run(&contract(&[], "", body))), NativeCode::Trap, "{body}");
    }
    let indirect = contract(
        &[],
        "(table 1 funcref) (type $t (func (result i32)))",
        "(call_indirect (type $t) (i32.const 0))",
    );
    assert_eq!(code_of(&run(&indirect)), NativeCode::Trap);
    for pointers in ["131072", "-1", "131060"] {
        let body = format!("(call $context (i32.const {pointers})) i32.const 0");
        assert_eq!(code_of(&run(&contract(&["context"], "", &body))), NativeCode::Trap);
    }
}

#[test]
fn an_endless_loop_uses_all_fuel_and_no_more() {
    let endless = contract(&[], "", "(loop $l br $l) i32.const 0");
    for fuel in [100_000, 1_000_000] {
        let ran = run_with(&endless, Entry::Call, INPUT, fuel, &mut Ledger::default());
        assert_eq!((code_of(&ran), ran.fuel), (NativeCode::OutOfFuel, fuel));
    }
    let none = run_with(&endless, Entry::Call, INPUT, 5, &mut Ledger::default());
    assert_eq!((code_of(&none), none.fuel), (NativeCode::OutOfFuel, 5));
}

#[test]
fn memory_grows_to_its_bound_and_is_paid_for() {
    let grow = |pages: u32| {
        let code = format!(
            "(if (i32.eq (memory.grow (i32.const {pages})) (i32.const -1)) (then unreachable)) i32.const 0"
        );
        run(&contract(&[], "", &code))
    };
    let (none, some) = (grow(0), grow(100));
    assert_eq!((&none.end, &some.end), (&Ok(vec![]), &Ok(vec![])));
    assert_eq!(some.fuel - none.fuel, 100 * PAGE_FUEL);
    assert!(grow(254).end.is_ok());
    assert_eq!(code_of(&grow(255)), NativeCode::Trap);
    assert_eq!(code_of(&grow(u32::MAX)), NativeCode::Trap);
    let code = contract(&[], "", "(drop (memory.grow (i32.const 200))) i32.const 0");
    let poor = run_with(&code, Entry::Call, INPUT, 1_000_000, &mut Ledger::default());
    assert_eq!((code_of(&poor), poor.fuel), (NativeCode::OutOfFuel, 1_000_000));
}

#[test]
fn a_storm_of_host_calls_ends() {
    let storm =
        contract(&["context"], "", "(loop $l (call $context (i32.const 0)) br $l) i32.const 0");
    let ran = run_with(&storm, Entry::Call, INPUT, 10_000_000_000, &mut Ledger::default());
    assert_eq!(code_of(&ran), NativeCode::HostLimit);
    let poor = run_with(&storm, Entry::Call, INPUT, 1_000_000, &mut Ledger::default());
    assert_eq!(code_of(&poor), NativeCode::OutOfFuel);
}

#[test]
fn entries_are_written_read_and_removed() {
    let extra = "(data (i32.const 0) \"key\") (data (i32.const 16) \"\\08\\05\")";
    let code = "
        (call $write (i32.const 0) (i32.const 3) (i32.const 16) (i32.const 2))
        (call $write (i32.const 1) (i32.const 2) (i32.const 16) (i32.const 1))
        (call $remove (i32.const 1) (i32.const 2))
        (if (i32.ne (call $read (i32.const 1) (i32.const 2) (i32.const 32) (i32.const 9)) (i32.const -1)) (then unreachable))
        (if (i32.ne (call $read (i32.const 0) (i32.const 3) (i32.const 32) (i32.const 1)) (i32.const 2)) (then unreachable))
        (if (i32.load8_u (i32.const 33)) (then unreachable))
        (drop (call $read (i32.const 0) (i32.const 3) (i32.const 32) (i32.const 9)))
        (call $result (i32.const 32) (i32.const 2))
        i32.const 0";
    let code = contract(&["write", "read", "remove", "result"], extra, code);
    let mut ledger = Ledger::default();
    let ran = run_with(&code, Entry::Call, INPUT, FUEL, &mut ledger);
    assert_eq!(ran.end, Ok(vec![8, 5]));
    assert_eq!(ledger.rows, BTreeMap::from([(b"key".to_vec(), vec![8, 5])]));
}

#[test]
fn the_other_functions_do_what_the_table_says() {
    let extra = "(data (i32.const 0) \"notes.v1.Written\") (data (i32.const 64) \"diary\")";
    let code = "
        (call $emit (i32.const 0) (i32.const 16) (i32.const 256) (i32.const 16) (i32.const 64) (i32.const 0))
        (if (i64.ne (call $append (i32.const 512)) (i64.const 0)) (then unreachable))
        (if (call $claim (i32.const 64) (i32.const 3) (i32.const 512)) (then unreachable))
        (if (i32.ne (call $claim (i32.const 64) (i32.const 3) (i32.const 512)) (i32.const 1)) (then unreachable))
        (if (i32.ne (call $claim (i32.const 64) (i32.const 3) (i32.const 0)) (i32.const 2)) (then unreachable))
        (if (call $claimed (i32.const 64) (i32.const 4) (i32.const 700)) (then unreachable))
        (if (i32.ne (call $claimed (i32.const 64) (i32.const 3) (i32.const 700)) (i32.const 1)) (then unreachable))
        (if (i32.ne (i32.load8_u (i32.const 700)) (i32.const 110)) (then unreachable))
        (call $schedule (i64.const 99) (i32.const 64) (i32.const 5) (i32.const 800))
        (if (i32.ne (call $cancel (i32.const 800)) (i32.const 1)) (then unreachable))
        (if (call $cancel (i32.const 800)) (then unreachable))
        (if (i32.ne (call $caller (i32.const 900) (i32.const 2)) (i32.const 5)) (then unreachable))
        (if (i32.ne (i32.load (i32.const 900)) (i32.const 26980)) (then unreachable))
        (call $hash (i32.const 0) (i32.const 64) (i32.const 0) (i32.const 1000))
        (if (i32.ne (i32.load8_u (i32.const 1000)) (i32.const 0xaf)) (then unreachable))
        (call $hash (i32.const 1) (i32.const 64) (i32.const 0) (i32.const 1000))
        (if (i32.ne (i32.load8_u (i32.const 1000)) (i32.const 0xe3)) (then unreachable))
        (call $hash (i32.const 2) (i32.const 64) (i32.const 0) (i32.const 1000))
        (if (i32.ne (i32.load8_u (i32.const 1000)) (i32.const 0x1a)) (then unreachable))
        i32.const 0";
    let names = ["emit", "append", "claim", "claimed", "schedule", "cancel", "caller", "hash"];
    let mut ledger = Ledger::default();
    let ran = run_with(&contract(&names, extra, code), Entry::Call, INPUT, FUEL, &mut ledger);
    assert_eq!(ran.end, Ok(vec![]));
    let event = ("notes.v1.Written".to_string(), vec![PrincipalId([0; 16])], vec![]);
    assert_eq!((ledger.events, ledger.leaves), (vec![event], vec![[0; 32]]));
}

#[test]
fn bounds_of_the_host_have_one_code() {
    for body in [
        "(drop (call $read (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))",
        "(drop (call $read (i32.const 0) (i32.const 257) (i32.const 0) (i32.const 0)))",
        "(call $write (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 65537))",
        "(call $result (i32.const 0) (i32.const 16385))",
        "(call $schedule (i64.const 1) (i32.const 0) (i32.const 257) (i32.const 0))",
        "(call $emit (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1025))",
        "(call $emit (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 272) (i32.const 0) (i32.const 1))",
    ] {
        let names = ["read", "write", "result", "schedule", "emit"];
        let ran = run(&contract(&names, "", &format!("{body} i32.const 0")));
        assert_eq!(code_of(&ran), NativeCode::HostLimit, "{body}");
    }
    let unknown = "(call $emit (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) i32.const 0";
    assert_eq!(code_of(&run(&contract(&["emit"], "", unknown))), NativeCode::BadAnswer);
    let algorithm =
        "(call $hash (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0)) i32.const 0";
    assert_eq!(code_of(&run(&contract(&["hash"], "", algorithm))), NativeCode::Trap);
}

#[test]
fn a_query_reads_and_never_writes() {
    let extra = "(data (i32.const 0) \"key\")";
    let read =
        "(drop (call $read (i32.const 0) (i32.const 3) (i32.const 9) (i32.const 9))) i32.const 0";
    let mut ledger = Ledger::default();
    let reader = contract(&["read"], extra, read);
    assert_eq!(run_with(&reader, Entry::Query, FIND, FUEL, &mut ledger).end, Ok(vec![]));
    for row in abi::HOST.iter().filter(|row| !row.in_query) {
        let zero = |kind: &abi::Kind| match kind {
            abi::Kind::I32 => "(i32.const 0)",
            abi::Kind::I64 => "(i64.const 0)",
        };
        let params: String = row.params.iter().map(zero).collect();
        let drop = if row.result.is_some() { "drop" } else { "" };
        let code = format!("(call ${} {params}) {drop} i32.const 0", row.name);
        let writer = contract(&[row.name], "", &code);
        let ran = run_with(&writer, Entry::Query, FIND, FUEL, &mut ledger);
        assert_eq!(code_of(&ran), NativeCode::Trap, "{}", row.name);
    }
    assert!(ledger.rows.is_empty() && ledger.events.is_empty() && ledger.leaves.is_empty());
}

#[test]
fn a_call_into_another_room_pays_for_it_and_shares_its_refusal() {
    let extra = "(data (i32.const 0) \"evidenceAnchor\")";
    let code = "
        (if (i32.ne (call $call (i32.const 0) (i32.const 8) (i32.const 8) (i32.const 6)
                                (i32.const 0) (i32.const 3) (i32.const 64) (i32.const 8))
                    (i32.const 2)) (then unreachable))
        (call $result (i32.const 64) (i32.const 2)) i32.const 0";
    let code = contract(&["call", "result"], extra, code);
    let with = |answer| {
        let mut ledger = Ledger { answer: Some(answer), ..Ledger::default() };
        let ran = run_with(&code, Entry::Call, INPUT, FUEL, &mut ledger);
        (ran, ledger)
    };
    let (cheap, ledger) = with(Ok((vec![8, 1], 0)));
    let (room, method, args, fuel) = &ledger.calls[0];
    assert_eq!(
        (room.as_str(), method.as_str(), args.as_slice()),
        ("evidence", "Anchor", &b"evi"[..])
    );
    assert!(*fuel < FUEL - cheap.fuel / 2);
    let (dear, _) = with(Ok((vec![8, 1], 5_000_000)));
    assert_eq!((cheap.end, dear.end), (Ok(vec![8, 1]), Ok(vec![8, 1])));
    assert_eq!(dear.fuel - cheap.fuel, 5_000_000);
    let refusal = Refusal { room: "evidence".into(), code: 2, params: vec![] };
    let (refused, _) = with(Err(Stop::Refused(refusal.clone())));
    assert_eq!(refused.end, Err(Stop::Refused(refusal)));
    let (over, _) = with(Ok((vec![8, 1], FUEL)));
    assert_eq!((code_of(&over), over.fuel), (NativeCode::OutOfFuel, FUEL));
}

#[test]
fn a_damaged_node_is_never_a_result() {
    let extra = "(data (i32.const 0) \"broken\")";
    let code =
        "(drop (call $read (i32.const 0) (i32.const 6) (i32.const 9) (i32.const 9))) i32.const 0";
    let ran = run(&contract(&["read"], extra, code));
    assert_eq!(ran.end, Err(Stop::Broken(Broken("disk".into()))));
    let unknown = vm().run(&Digest([1; 32]), Entry::Call, INPUT, FUEL, &mut Ledger::default());
    assert!(matches!(unknown.end, Err(Stop::Broken(_))));
}

#[test]
fn an_instance_keeps_nothing_for_the_next() {
    let code = contract(
        &[],
        "(global $n (mut i32) (i32.const 0))",
        "(if (i32.or (global.get $n) (i32.load (i32.const 4096))) (then unreachable))
         (global.set $n (i32.const 1)) (i32.store (i32.const 4096) (i32.const 1)) i32.const 0",
    );
    let mut vm = vm();
    let hash = vm.deploy(&code).unwrap().hash;
    for _ in 0..200 {
        let ran = vm.run(&hash, Entry::Call, INPUT, FUEL, &mut Ledger::default());
        assert_eq!(ran.end, Ok(vec![]));
    }
}

#[test]
fn queries_never_take_the_instances_of_a_block() {
    let mut vm = vm();
    let hash = vm.deploy(&contract(&[], "", "i32.const 0")).unwrap().hash;
    vm.queries_running.store(engine::QUERIES_MAX, Ordering::Release);
    let busy = vm.run(&hash, Entry::Query, FIND, FUEL, &mut Ledger::default());
    assert_eq!(code_of(&busy), NativeCode::Busy);
    assert!(vm.run(&hash, Entry::Call, INPUT, FUEL, &mut Ledger::default()).end.is_ok());
    vm.queries_running.store(0, Ordering::Release);
    assert!(vm.run(&hash, Entry::Query, FIND, FUEL, &mut Ledger::default()).end.is_ok());
}

#[test]
fn entries_that_are_not_there() {
    let code = contract(&[], "", "i32.const 0");
    let enter = |entry| run_with(&code, entry, b"x", FUEL, &mut Ledger::default());
    assert_eq!(enter(Entry::Init), Ran { fuel: 0, end: Ok(vec![]) });
    assert_eq!(code_of(&enter(Entry::Fire)), NativeCode::BadAnswer);
}

#[test]
fn a_pointer_of_alloc_outside_the_memory_traps() {
    let text = "(module (memory (export \"memory\") 1)
        (func (export \"alloc\") (param i32) (result i32) i32.const -4)
        (func (export \"call\") (param i32 i32) (result i32) i32.const 0)
        (func (export \"query\") (param i32 i32) (result i32) i32.const 0))";
    let code = with_schema(wat::parse_str(text).unwrap());
    assert_eq!(code_of(&run(&code)), NativeCode::Trap);
}
