//! Stack depth: counted, the same always, and never the machine's.

use super::*;
use linli_types::limits::CALL_DEPTH_MAX;

/// Recurses as deep as `context` says in its first four bytes; `frame` is what one level holds.
fn recursion(frame: &str) -> Vec<u8> {
    let extra = format!(
        "(global $left (mut i32) (i32.const 0))
         (func $down (result i32) {frame}
            (if (result i32) (i32.eqz (global.get $left))
              (then i32.const 0)
              (else
                (global.set $left (i32.sub (global.get $left) (i32.const 1)))
                (call $down))))"
    );
    let code = "(call $context (i32.const 64)) (global.set $left (i32.load (i32.const 64)))
                (call $down)";
    contract(&["context"], &extra, code)
}

/// The greatest depth that passes; what lies above traps.
fn deepest(vm: &Vm, hash: &Digest) -> u32 {
    let passes = |depth: u32| {
        let mut ledger = Ledger { depth, ..Ledger::default() };
        let ran = vm.run(hash, Entry::Call, INPUT, FUEL, &mut ledger);
        match ran.end {
            Ok(_) => true,
            Err(_) => {
                assert_eq!(code_of(&ran), NativeCode::Trap);
                false
            }
        }
    };
    let (mut low, mut high) = (0, 100_000);
    while low + 1 < high {
        let middle = (low + high) / 2;
        if passes(middle) { low = middle } else { high = middle }
    }
    low
}

#[test]
fn recursion_ends_at_the_same_counted_depth_always() {
    let depth_of = |frame: &str| {
        let mut vm = vm();
        let hash = vm.deploy(&recursion(frame)).unwrap().hash;
        let depth = deepest(&vm, &hash);
        assert_eq!(depth, deepest(&vm, &hash));
        depth
    };
    let (small, large) = (depth_of(""), depth_of(&format!("(local {})", "i64 ".repeat(100))));
    // The counter decides: 64 for a frame, 8 for each value, a quarter of the body's bytes.
    assert!((600..1000).contains(&small), "{small}");
    assert!((60..80).contains(&large), "{large}");
}

#[test]
fn recursion_without_end_traps_whatever_the_frame() {
    let bodies = [
        "(func $f call $f)",
        "(func $f (param i64 i64 i64) unreachable)
         (func $g (result i32) call $g i32.const 1 i32.add)",
        "(type $t (func)) (table 1 funcref) (elem (i32.const 0) $f)
         (func $f (call_indirect (type $t) (i32.const 0)))",
        "(func $f call $g) (func $g call $h) (func $h call $f)",
    ];
    for body in bodies {
        let last = if body.contains("$g (result") { "call $g" } else { "call $f i32.const 0" };
        let ran = run(&contract(&[], body, last));
        assert_eq!(code_of(&ran), NativeCode::Trap, "{body}");
        assert!(ran.fuel < 200_000, "{body} used {}", ran.fuel);
    }
}

#[test]
fn counting_keeps_what_functions_mean() {
    // Early returns, branches to the function's own end, values left on the stack.
    let extra = "
        (func $id (param i32) (result i32) local.get 0)
        (func $pick (param i32) (result i32)
          (block $a (block $b (block $c
            (br_table $a $b $c 3 (call $id (local.get 0))))
            i32.const 30 return)
            i32.const 20 br 1)
          (if (i32.eqz (local.get 0)) (then i32.const 10 return))
          unreachable)
        (func $many (result i32) (local i32)
          (loop $l
            (local.set 0 (i32.add (local.get 0) (call $id (i32.const 1))))
            (br_if $l (i32.lt_u (local.get 0) (i32.const 5000))))
          i32.const 7 i32.const 9 local.get 0 return)";
    let check = |argument: u32, expected: u32| {
        format!(
            "(if (i32.ne (call $pick (i32.const {argument})) (i32.const {expected})) (then unreachable))"
        )
    };
    let code = format!(
        "{} {} {} (if (i32.ne (call $many) (i32.const 5000)) (then unreachable)) i32.const 0",
        check(0, 10),
        check(1, 20),
        check(2, 30)
    );
    let extra = extra.replace("$a $b $c 3", "$a $b $c $c");
    assert_eq!(run(&contract(&[], &extra, &code)).end, Ok(vec![]));
}

/// Runs the counted module below the host: which trap ends an endless recursion?
fn trap_of(body: &str, start: &str) -> wasmtime::Trap {
    let code = contract(&[], body, start);
    let engine = engine::engine().unwrap();
    let counted = inspect::inspect(&code).unwrap().counted;
    let module = wasmtime::Module::new(&engine, &counted).unwrap();
    let mut store = wasmtime::Store::new(&engine, ());
    store.set_fuel(u64::MAX).unwrap();
    let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
    let call = instance.get_typed_func::<(u32, u32), i32>(&mut store, "call").unwrap();
    *call.call(&mut store, (0, 0)).unwrap_err().downcast_ref().unwrap()
}

/// The counter, not the native stack, ends it, also for frames that the compiler makes large.
#[test]
fn the_counter_decides_before_the_native_stack() {
    let many = |count: usize, text: &str| text.repeat(count);
    let locals = format!(
        "(func $f (local {}) {} (call $f) {})",
        many(1000, "i64 "),
        (0..1000)
            .map(|i| format!("(local.set {i} (i64.load (i32.const {})))", i * 8))
            .collect::<String>(),
        (0..1000)
            .map(|i| format!("(i64.store (i32.const {}) (local.get {i}))", i * 8))
            .collect::<String>(),
    );
    let operands = format!(
        "(func $f {} (call $f) {})",
        (0..500)
            .map(|i| format!("i32.const 0 (i64.load (i32.const {})) ", i * 8))
            .collect::<String>(),
        many(500, "i64.store ")
    );
    // Many values, each alive across a call of its own: slots that need not be shared.
    let spills = format!(
        "(func $id (param i64) (result i64) (if (i64.eqz (local.get 0)) (then (call $f))) local.get 0)
         (func $f (local i64 i64 i64) {} (call $f) (i64.store (i32.const 0) (i64.add (local.get 0) (local.get 1))))",
        (0..400)
            .map(|i| format!(
                "(local.set 0 (i64.load (i32.const {}))) (local.set 1 (call $id (i64.const {})))
                 (i64.store (i32.const {}) (i64.add (local.get 0) (local.get 1)))",
                i * 8, i + 1, i * 16
            ))
            .collect::<String>()
    );
    let params = format!(
        "(func $f (param {}) {} (call $f))",
        many(200, "i64 "),
        (0..200).map(|i| format!("(local.get {}) ", 199 - i)).collect::<String>()
    );
    let start_params = format!("{} (call $f) i32.const 0", many(200, "(i64.const 1)"));
    let plain = "(call $f) i32.const 0".to_string();
    for (body, start) in [
        ("(func $f call $f)".to_string(), &plain),
        (locals, &plain),
        (operands, &plain),
        (spills, &plain),
        (params, &start_params),
    ] {
        let trap = trap_of(&body, start);
        assert_eq!(trap, wasmtime::Trap::UnreachableCodeReached, "{}", &body[..60.min(body.len())]);
    }
}

/// A ledger whose calls enter the same contract again, as deep as calls may go.
struct Nest<'a> {
    vm: &'a Vm,
    hash: Digest,
    left: usize,
    ledger: Ledger,
}

macro_rules! pass {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $out:ty;)*) => {
        $(fn $name(&mut self, $($arg: $kind),*) -> $out { self.ledger.$name($($arg),*) })*
    };
}

impl Host for Nest<'_> {
    fn context(&self) -> [u8; 64] {
        self.ledger.context()
    }

    fn room(&self) -> &str {
        "notes"
    }

    fn caller(&self) -> &str {
        "notes"
    }

    pass! {
        read(key: &[u8]) -> Result<Option<Vec<u8>>, Stop>;
        write(key: &[u8], value: &[u8]) -> Result<(), Stop>;
        remove(key: &[u8]) -> Result<(), Stop>;
        claimed(id: &[u8]) -> Result<Option<[u8; 32]>, Stop>;
        claim(id: &[u8], digest: [u8; 32]) -> Result<u32, Stop>;
        emit(kind: &str, about: &[PrincipalId], data: &[u8]) -> Result<(), Stop>;
        append(digest: [u8; 32]) -> Result<u64, Stop>;
        schedule(at: TimeMs, payload: &[u8]) -> Result<TimerId, Stop>;
        cancel(id: TimerId) -> Result<bool, Stop>;
    }

    fn call(
        &mut self,
        _room: &str,
        _method: &str,
        _args: &[u8],
        fuel: u64,
    ) -> Result<(Vec<u8>, u64), Stop> {
        if self.left == 0 {
            return Ok((Vec::new(), 0));
        }
        self.left -= 1;
        let (vm, hash) = (self.vm, self.hash);
        let ran = vm.run(&hash, Entry::Call, INPUT, fuel, self);
        ran.end.map(|result| (result, ran.fuel))
    }
}

/// Contract calls contract, each at the end of a recursion that nearly fills its stack: it fits
/// the two mebibytes that a test's thread has.
#[test]
fn a_chain_of_full_stacks_fits_an_ordinary_thread() {
    let extra = "
        (global $left (mut i32) (i32.const 400))
        (func $down
          (if (i32.eqz (global.get $left))
            (then (drop (call $call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                                    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))
            (else
              (global.set $left (i32.sub (global.get $left) (i32.const 1)))
              (call $down))))";
    let code = contract(&["call"], extra, "call $down i32.const 0");
    let mut vm = vm();
    let hash = vm.deploy(&code).unwrap().hash;
    let mut nest = Nest { vm: &vm, hash, left: CALL_DEPTH_MAX, ledger: Ledger::default() };
    let ran = vm.run(&hash, Entry::Call, INPUT, FUEL, &mut nest);
    assert_eq!((ran.end, nest.left), (Ok(vec![]), 0));
}

/// The worst that contracts can do: each of a chain of calls nearly fills its counted stack, and
/// the last ones recurse without end on top of it. It must end as a refusal on a thread of the
/// size that this room asks for.
#[test]
fn the_worst_chain_is_a_refusal_on_a_thread_of_the_stack_asked_for() {
    let frame = format!("(local {})", "i64 ".repeat(40));
    let values = |text: &dyn Fn(usize) -> String| (0..40).map(text).collect::<String>();
    let (load, store) = (
        values(&|i| format!("(local.set {i} (i64.load (i32.const {})))", i * 8)),
        values(&|i| format!("(i64.store (i32.const {}) (local.get {i}))", i * 8)),
    );
    let extra = format!(
        "(global $left (mut i32) (i32.const 60))
         (func $forever {frame} {load} (call $forever) {store})
         (func $down {frame} {load}
           (if (i32.eqz (global.get $left))
             (then
               (drop (call $call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                                 (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
               (call $forever))
             (else
               (global.set $left (i32.sub (global.get $left) (i32.const 1)))
               (call $down)))
           {store})"
    );
    let code = contract(&["call"], &extra, "call $down i32.const 0");
    let worst = move || {
        let mut vm = vm();
        let hash = vm.deploy(&code).unwrap().hash;
        let mut nest = Nest { vm: &vm, hash, left: CALL_DEPTH_MAX, ledger: Ledger::default() };
        let ran = vm.run(&hash, Entry::Call, INPUT, FUEL, &mut nest);
        (code_of(&ran), nest.left)
    };
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(worst).unwrap();
    assert_eq!(thread.join().unwrap(), (NativeCode::Trap, 0));
}
