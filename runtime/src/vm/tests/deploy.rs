//! What may be deployed: every rule by a module that breaks it.

use super::*;
use crate::schema::BadSchema;

const CALL: &str = "(func (export \"call\") (param i32 i32) (result i32) i32.const 0)";
const QUERY: &str = "(func (export \"query\") (param i32 i32) (result i32) i32.const 0)";

fn refused(code: &[u8]) -> DeployRefused {
    vm().deploy(code).unwrap_err()
}

/// A module of `body` beside both entries.
fn beside(body: &str) -> DeployRefused {
    refused(&module(&format!("{body} {CALL} {QUERY}")))
}

/// A whole module as text.
fn whole(text: &str) -> DeployRefused {
    refused(&with_schema(wat::parse_str(text).unwrap()))
}

#[test]
fn a_small_module_is_deployed_once_and_brings_its_schema() {
    let code = module(&format!("{CALL} {QUERY}"));
    let mut vm = vm();
    let deployed = vm.deploy(&code).unwrap();
    assert_eq!(deployed.hash, linli_types::digest::plain(&code));
    assert_eq!(deployed.schema, crate::schema::tests::notes_set());
    assert_eq!(vm.deploy(&code), Ok(deployed.clone()));
    assert!(vm.schema(&deployed.hash).unwrap().call("Write").is_some());
}

#[test]
fn bytes_that_are_no_module_are_refused() {
    for bytes in [&b""[..], b"\0asm", b"MZ......", b"\0asm\x0d\0\x01\0"] {
        assert!(matches!(refused(bytes), DeployRefused::Invalid(_)), "{bytes:?}");
    }
}

#[test]
fn too_large_a_module_is_refused() {
    let found = linli_types::limits::CODE_BYTES_MAX + 1;
    let max = linli_types::limits::CODE_BYTES_MAX;
    assert_eq!(refused(&vec![0; found]), DeployRefused::TooLarge { found, max });
}

#[test]
fn floats_are_refused_wherever_they_stand() {
    for body in [
        "(func (param f32))",
        "(func (result f64) f64.const 1)",
        "(func (local f64))",
        "(global f32 (f32.const 0))",
        "(func i32.const 0 f32.load drop)",
        "(func i32.const 1 f64.convert_i32_s drop)",
        "(type (func (param f64)))",
        "(func f32.const 1 i32.trunc_sat_f32_s drop)",
    ] {
        assert!(matches!(beside(body), DeployRefused::Floats(_)), "{body}");
    }
}

#[test]
fn later_proposals_are_refused() {
    for body in [
        "(func i32.const 0 i32.extend8_s drop)",
        "(func i32.const 0 i32.const 0 i32.const 0 memory.fill)",
        "(func (result i32 i32) i32.const 0 i32.const 0)",
        "(func $f return_call $f)",
        "(memory 1)",
        "(func i32.const 0 v128.load drop)",
        "(func (param externref))",
        "(global i32 (i32.add (i32.const 1) (i32.const 2)))",
        "(tag)",
    ] {
        let refused = beside(body);
        assert!(matches!(refused, DeployRefused::Invalid(_)), "{body}: {refused}");
    }
    let shared = whole("(module (memory (export \"memory\") 1 1 shared))");
    assert!(matches!(shared, DeployRefused::Invalid(_)));
    let wide = whole("(module (memory (export \"memory\") i64 1))");
    assert!(matches!(wide, DeployRefused::Invalid(_)));
}

#[test]
fn foreign_imports_are_refused() {
    for body in [
        "(import \"env\" \"read\" (func))",
        "(import \"wasi_snapshot_preview1\" \"fd_write\" (func (param i32 i32 i32 i32) (result i32)))",
        "(import \"linli_v1\" \"launch\" (func))",
        "(import \"linli_v1\" \"read\" (global i32))",
        "(import \"linli_v1\" \"table\" (table 1 funcref))",
    ] {
        let refused = beside(body);
        assert!(matches!(refused, DeployRefused::ForeignImport { .. }), "{body}: {refused}");
    }
    for body in [
        "(import \"linli_v1\" \"read\" (func (param i32 i32 i32) (result i32)))",
        "(import \"linli_v1\" \"append\" (func (param i32) (result i32)))",
        "(import \"linli_v1\" \"remove\" (func (param i32 i64)))",
    ] {
        assert!(matches!(beside(body), DeployRefused::ImportSignature(_)), "{body}");
    }
}

#[test]
fn the_interface_must_be_exported_as_it_is() {
    let memory = "(memory (export \"memory\") 1)";
    let alloc = "(func (export \"alloc\") (param i32) (result i32) i32.const 0)";
    let missing = |name| DeployRefused::MissingExport(name);
    let wrong = |name| DeployRefused::ExportType(name);
    let cases = [
        (format!("{alloc} {CALL} {QUERY}"), missing("memory")),
        (format!("{memory} {CALL} {QUERY}"), missing("alloc")),
        (format!("{memory} {alloc} {QUERY}"), missing("call")),
        (format!("{memory} {alloc} {CALL}"), missing("query")),
        (
            format!("(global (export \"memory\") i32 (i32.const 0)) {alloc} {CALL} {QUERY}"),
            wrong("memory"),
        ),
        (format!("{memory} (func (export \"alloc\")) {CALL} {QUERY}"), wrong("alloc")),
        (format!("{memory} {alloc} {QUERY} (func (export \"call\"))"), wrong("call")),
        (
            format!("{memory} {alloc} {CALL} {QUERY} (global (export \"fire\") i32 (i32.const 0))"),
            wrong("fire"),
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(whole(&format!("(module {body})")), expected, "{body}");
    }
}

#[test]
fn memory_tables_and_counts_are_bounded() {
    let memory = whole("(module (memory (export \"memory\") 257))");
    assert!(matches!(memory, DeployRefused::Memory { .. }), "{memory}");
    let table = beside("(table 4097 funcref)");
    assert!(matches!(table, DeployRefused::Table { found: 4097, max: 4096 }), "{table}");
    let functions = beside(&"(func)".repeat(4096));
    assert!(matches!(functions, DeployRefused::Functions { .. }), "{functions}");
    let locals = beside(&format!("(func (local {}))", "i64 ".repeat(1025)));
    assert!(matches!(locals, DeployRefused::Locals { found: 1025, .. }), "{locals}");
    let start = beside("(func $s) (start $s)");
    assert_eq!(start, DeployRefused::Start);
}

#[test]
fn segments_lie_inside_what_they_fill() {
    for body in [
        "(data (i32.const 131071) \"ab\")",
        "(data (i32.const -1) \"a\")",
        "(global $g i32 (i32.const 0)) (table 1 funcref) (data (i32.const 131073) \"\")",
    ] {
        assert_eq!(beside(body), DeployRefused::Segment("data"), "{body}");
    }
    let elements = beside("(table 1 funcref) (func $f) (elem (i32.const 1) $f)");
    assert_eq!(elements, DeployRefused::Segment("element"));
    let fits = module(&format!("(data (i32.const 131070) \"ab\") {CALL} {QUERY}"));
    assert!(vm().deploy(&fits).is_ok());
}

#[test]
fn a_function_that_needs_more_than_the_whole_stack_is_refused() {
    let deep = format!("(func {} {})", "i64.const 0 ".repeat(9000), "drop ".repeat(9000));
    let refused = beside(&deep);
    assert!(matches!(refused, DeployRefused::Frame { .. }), "{refused}");
}

#[test]
fn a_contract_describes_itself_once_and_well() {
    let text = format!(
        "(module (memory (export \"memory\") 1)
            (func (export \"alloc\") (param i32) (result i32) i32.const 0) {CALL} {QUERY})"
    );
    let bare = wat::parse_str(text).unwrap();
    assert_eq!(refused(&bare), DeployRefused::SchemaSections(0));
    assert_eq!(refused(&with_schema(with_schema(bare.clone()))), DeployRefused::SchemaSections(2));
    let bad = refused(&with_section(bare, &[0xff]));
    assert_eq!(bad, DeployRefused::Schema(BadSchema::Unreadable));
}

#[test]
fn every_refusal_says_what_and_why() {
    let said = beside("(import \"env\" \"read\" (func))").to_string();
    assert_eq!(said, "foreign import env.read: only functions of linli_v1 can be imported");
}

/// Every row of the table has exactly one implementation of exactly its type, for calls and for
/// queries, and there is no other.
#[test]
fn the_host_offers_the_table_and_nothing_else() {
    let vm = vm();
    for linker in [&vm.calls, &vm.queries] {
        let mut ledger = Ledger::default();
        lend::lend(&mut ledger, |lent| {
            let mut store = wasmtime::Store::new(&vm.engine, run::frame(lent, Arc::new(notes())));
            let found: Vec<_> = linker
                .iter(&mut store)
                .map(|(module, name, item)| (module.to_string(), name.to_string(), item))
                .collect();
            assert_eq!(found.len(), abi::HOST.len());
            for (module, name, item) in found {
                let row = abi::host_function(&name).unwrap();
                let of = item.into_func().unwrap().ty(&store);
                let kinds = |of: &mut dyn Iterator<Item = wasmtime::ValType>| {
                    of.map(|kind| format!("{kind}")).collect::<Vec<_>>()
                };
                let expected = |of: &[abi::Kind]| {
                    of.iter().map(|k| format!("{k:?}").to_lowercase()).collect::<Vec<_>>()
                };
                assert_eq!(module, abi::MODULE);
                assert_eq!(kinds(&mut of.params()), expected(row.params), "{name}");
                let result: Vec<_> = row.result.into_iter().collect();
                assert_eq!(kinds(&mut of.results()), expected(&result), "{name}");
            }
        });
    }
}

fn notes() -> Schema {
    crate::schema::tests::notes()
}

#[test]
fn compiled_code_comes_back_from_the_shelf() {
    let code = contract(&[], "", "i32.const 0");
    let shelf = Shelf::default();
    let deploy = || {
        let mut vm = Vm::new(Box::new(shelf.clone())).unwrap();
        let hash = vm.deploy(&code).unwrap().hash;
        vm.run(&hash, Entry::Call, INPUT, FUEL, &mut Ledger::default())
    };
    let (first, second) = (deploy(), deploy());
    assert_eq!(shelf.1.load(Ordering::Acquire), 1);
    assert_eq!(first, second);
    // What no engine made is not loaded: compiled again.
    shelf.0.lock().unwrap().values_mut().for_each(|bytes| bytes.truncate(100));
    assert_eq!(deploy(), first);
}

#[test]
fn damaged_modules_never_make_the_checks_stumble() {
    let good = contract(&["read", "write"], "(table 2 funcref)", "i32.const 0");
    for at in 0..good.len() {
        for change in [0x00, 0x7f, 0xff, good[at] ^ 1] {
            let mut bytes = good.clone();
            bytes[at] = change;
            let _ = inspect::inspect(&bytes);
        }
        let _ = inspect::inspect(&good[..at]);
    }
}
