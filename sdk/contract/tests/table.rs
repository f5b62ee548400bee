//! S1: the imports of this SDK are the host's table, no more, no fewer.

use linli_contract::abi::IMPORTS;
use linli_types::abi::HOST;

#[test]
fn the_imports_are_the_hosts_table() {
    let mut imports: Vec<_> = IMPORTS.iter().map(|i| (i.name, i.params, i.result)).collect();
    let mut host: Vec<_> = HOST.iter().map(|f| (f.name, f.params, f.result)).collect();
    imports.sort_by_key(|(name, ..)| *name);
    host.sort_by_key(|(name, ..)| *name);
    assert_eq!(imports, host);
}

#[test]
fn the_extern_block_names_the_tables_module() {
    // An attribute takes no constant, so the name stands twice.
    let source = include_str!("../src/abi.rs");
    let attribute = format!("wasm_import_module = {:?}", linli_types::abi::MODULE);
    assert!(source.contains(&attribute), "{attribute}");
}

#[test]
fn the_schema_stands_in_the_section_that_the_table_names() {
    let source = include_str!("../src/entry.rs");
    let attribute = format!("link_section = {:?}", linli_types::abi::SCHEMA_SECTION);
    assert!(source.contains(&attribute), "{attribute}");
}
