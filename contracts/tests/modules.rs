//! The compiled modules, read as bytes: what the host's deployment checks ask for holds, and the
//! schemas are whole.

use linli_types::{abi, limits};
use prost_reflect::{DescriptorPool, ExtensionDescriptor};
use std::collections::BTreeMap;
use wasmparser::{ExternalKind, Parser, Payload, TypeRef, ValType, Validator, WasmFeatures};

/// A contract's name and its module.
type Named = (&'static str, fn() -> &'static [u8]);

const MODULES: [Named; 3] = [
    ("evidence", linli_modules::evidence),
    ("hostile", linli_modules::hostile),
    ("probe", linli_modules::probe),
];

fn payloads(code: &'static [u8]) -> impl Iterator<Item = Payload<'static>> {
    Parser::new(0).parse_all(code).map(|payload| payload.expect("a module"))
}

fn section(code: &'static [u8], name: &str) -> Vec<&'static [u8]> {
    let found = payloads(code).filter_map(|payload| match payload {
        Payload::CustomSection(section) if section.name() == name => Some(section.data()),
        _ => None,
    });
    found.collect()
}

fn schema(code: &'static [u8]) -> DescriptorPool {
    let [bytes] = section(code, abi::SCHEMA_SECTION).try_into().expect("one schema section");
    DescriptorPool::decode(bytes).expect("a descriptor set with its imports")
}

#[test]
fn modules_are_mvp_with_mutable_globals_and_no_floats() {
    // WasmFeatures::FLOATS is left out: a float instruction does not validate.
    let features = WasmFeatures::MUTABLE_GLOBAL;
    for (name, code) in MODULES {
        let valid = Validator::new_with_features(features).validate_all(code());
        assert!(valid.is_ok(), "{name}: {:?}", valid.err());
    }
}

#[test]
fn modules_fit_their_bounds() {
    for (name, code) in MODULES {
        assert!(code().len() <= limits::CODE_BYTES_MAX / 2, "{name}: {} bytes", code().len());
    }
}

#[test]
fn modules_import_only_what_the_table_holds() {
    for (name, code) in MODULES {
        let mut types = Vec::new();
        for payload in payloads(code()) {
            match payload {
                Payload::TypeSection(section) => {
                    types = section.into_iter_err_on_gc_types().map(|t| t.unwrap()).collect();
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports().map(|i| i.unwrap()) {
                        let TypeRef::Func(at) = import.ty else { panic!("{name}: {import:?}") };
                        assert_eq!(import.module, abi::MODULE, "{name}");
                        let host = abi::host_function(import.name).expect("in the table");
                        let kinds = |values: &[ValType]| -> Vec<abi::Kind> {
                            values.iter().map(|v| kind(*v)).collect()
                        };
                        let ty = &types[usize::try_from(at).unwrap()];
                        assert_eq!(kinds(ty.params()), host.params, "{name} {}", import.name);
                        let result: Vec<_> = host.result.into_iter().collect();
                        assert_eq!(kinds(ty.results()), result, "{name} {}", import.name);
                    }
                }
                _ => {}
            }
        }
    }
}

fn kind(value: ValType) -> abi::Kind {
    match value {
        ValType::I32 => abi::Kind::I32,
        ValType::I64 => abi::Kind::I64,
        other => panic!("{other} is no type of the table"),
    }
}

#[test]
fn modules_export_their_entries_and_memory() {
    for (name, code) in MODULES {
        let mut exports = BTreeMap::new();
        for payload in payloads(code()) {
            if let Payload::ExportSection(section) = payload {
                for export in section.into_iter().map(|e| e.unwrap()) {
                    exports.insert(export.name, export.kind);
                }
            }
        }
        assert_eq!(exports.get("memory"), Some(&ExternalKind::Memory), "{name}");
        for entry in ["alloc", "call", "query"] {
            assert_eq!(exports.get(entry), Some(&ExternalKind::Func), "{name} {entry}");
        }
        assert_eq!(exports.contains_key("fire"), name != "evidence");
    }
}

#[test]
fn modules_name_no_path_of_the_machine_that_built_them() {
    for (name, code) in MODULES {
        let text = String::from_utf8_lossy(code());
        for word in ["/home/", "/root/", ".cargo/", "/registry/src/"] {
            // What is remapped begins with /cargo and names nobody.
            let found = text.match_indices(word).find(|(at, _)| !text[..*at].ends_with("/cargo"));
            assert!(found.is_none(), "{name}: {word}");
        }
    }
}

#[test]
fn the_section_is_the_schema_that_the_contract_was_built_with() {
    for (name, code, native) in [
        ("evidence", linli_modules::evidence(), linli_evidence::SCHEMA),
        ("hostile", linli_modules::hostile(), linli_hostile::SCHEMA),
        ("probe", linli_modules::probe(), linli_probe::SCHEMA),
    ] {
        assert_eq!(section(code, abi::SCHEMA_SECTION), [native], "{name}: run ./dev setup");
    }
}

#[test]
fn every_refusal_has_its_texts_in_both_languages() {
    for (name, code) in MODULES {
        let pool = schema(code());
        let refusals = pool.get_enum_by_name(&format!("linli.{name}.v1.Refusal")).unwrap();
        for value in refusals.values().filter(|value| value.number() != 0) {
            let text = |option: &str| {
                let option: ExtensionDescriptor = pool.get_extension_by_name(option).unwrap();
                value.options().get_extension(&option).as_str().unwrap_or_default().to_owned()
            };
            let places = |text: &str| {
                (0..limits::PARAMS_MAX)
                    .filter(|i| text.contains(&format!("{{{i}}}")))
                    .collect::<Vec<_>>()
            };
            let (zh, en) = (text("linli.v1.zh"), text("linli.v1.en"));
            assert!(!zh.is_empty() && !en.is_empty(), "{name} {}", value.name());
            assert_eq!(places(&zh), places(&en), "{name} {}", value.name());
            let next = [text("linli.v1.next_zh"), text("linli.v1.next_en")];
            assert!(next.iter().all(|text| !text.is_empty()), "{name} {}", value.name());
        }
    }
}

#[test]
fn schemas_name_calls_queries_and_prefixes_once() {
    for (name, code) in MODULES {
        let pool = schema(code());
        for service in ["Calls", "Queries"] {
            let found = pool.get_service_by_name(&format!("linli.{name}.v1.{service}"));
            assert!(found.is_some_and(|s| s.methods().len() > 0), "{name} {service}");
        }
        let option = pool.get_extension_by_name("linli.v1.storage_prefix").unwrap();
        let mut prefixes: Vec<String> = pool
            .all_messages()
            .map(|m| m.options().get_extension(&option).as_str().unwrap_or_default().to_owned())
            .filter(|prefix| !prefix.is_empty())
            .collect();
        prefixes.sort();
        // No prefix begins another: an entry has one meaning.
        assert!(prefixes.windows(2).all(|two| !two[1].starts_with(&two[0])), "{prefixes:?}");
        assert!(!prefixes.is_empty(), "{name}");
    }
}
