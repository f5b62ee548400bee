//! Schemas made by hand, and the strict walk against its rules.

use super::descriptor::{
    EnumType, EnumValue, EnumValueOptions, FieldOptions, FieldType, File, FileSet, MessageOptions,
    MessageType, MethodType, REPEATED, Service,
};
use super::*;
use linli_types::wire;
use proptest::prelude::*;
use prost::Message;

fn field(name: &str, number: i32, kind: i32) -> FieldType {
    FieldType { name: name.into(), number, kind, label: 1, ..FieldType::default() }
}

fn repeated(field: FieldType) -> FieldType {
    FieldType { label: REPEATED, ..field }
}

fn of_type(field: FieldType, name: &str) -> FieldType {
    FieldType { type_name: name.into(), ..field }
}

fn message(name: &str, fields: Vec<FieldType>) -> MessageType {
    MessageType { name: name.into(), fields, ..MessageType::default() }
}

fn method(name: &str, input: &str, output: &str) -> MethodType {
    MethodType {
        name: name.into(),
        input: input.into(),
        output: output.into(),
        ..MethodType::default()
    }
}

fn file() -> File {
    let free = FieldOptions { free_text: true, length: 0 };
    let id = FieldOptions { free_text: false, length: 4 };
    let any = message(
        "Any",
        vec![
            field("big", 1, 4),
            field("small", 2, 13),
            field("signed", 3, 5),
            field("flag", 4, 8),
            of_type(field("color", 5, 14), ".notes.v1.Color"),
            field("fixed", 6, 6),
            field("word", 7, 9),
            FieldType { options: Some(id), oneof: Some(1), ..field("id", 8, 12) },
            repeated(field("many", 9, 4)),
            of_type(repeated(field("inner", 10, 11)), ".notes.v1.Any"),
            FieldType { oneof: Some(0), ..field("left", 11, 4) },
            FieldType { oneof: Some(0), ..field("right", 12, 9) },
            field("far", 1000, 7),
        ],
    );
    let text = FieldType { options: Some(free), ..field("text", 1, 9) };
    let written = MessageType {
        options: Some(MessageOptions { event: true, storage_prefix: String::new() }),
        ..message("Written", vec![field("at", 1, 4)])
    };
    let note = MessageType {
        options: Some(MessageOptions { event: false, storage_prefix: "note/".into() }),
        ..message("Note", vec![field("at", 1, 4)])
    };
    let texts = EnumValueOptions {
        zh: "太晚了".into(),
        en: "too late".into(),
        next_zh: "请早些来".into(),
        next_en: "come earlier".into(),
    };
    let value = |name: &str, number, options| EnumValue { name: name.into(), number, options };
    File {
        package: "notes.v1".into(),
        messages: vec![any, message("WriteRequest", vec![text]), written, note],
        enums: vec![
            EnumType {
                name: "Color".into(),
                values: vec![value("RED", 0, None), value("BLUE", 3, None)],
            },
            EnumType {
                name: "Refusal".into(),
                values: vec![value("NONE", 0, None), value("LATE", 7, Some(texts))],
            },
        ],
        services: vec![
            Service {
                name: "Calls".into(),
                methods: vec![
                    method("Write", ".notes.v1.WriteRequest", ".notes.v1.Note"),
                    method("All", ".notes.v1.Any", ".notes.v1.Any"),
                ],
            },
            Service {
                name: "Queries".into(),
                methods: vec![method("Find", ".notes.v1.WriteRequest", ".notes.v1.Note")],
            },
        ],
        syntax: "proto3".into(),
    }
}

fn set(file: File) -> Vec<u8> {
    FileSet { file: vec![file] }.encode_to_vec()
}

/// A room with free text and one method that takes every kind of field.
pub(crate) fn notes() -> Schema {
    Schema::parse(&notes_set()).unwrap()
}

/// Its descriptor set.
pub(crate) fn notes_set() -> Vec<u8> {
    set(file())
}

fn walk(bytes: &[u8]) -> Result<(), Reason> {
    let schema = notes();
    let all = schema.call("All").unwrap().request;
    schema.walk(all, bytes, &no_filter).map_err(|fault| fault.reason)
}

#[test]
fn a_room_lists_what_it_has() {
    let notes = notes();
    let names = |methods: &[Method]| methods.iter().map(|m| m.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(notes.calls()), ["All", "Write"]);
    assert_eq!(names(notes.queries()), ["Find"]);
    assert_eq!(notes.message_name(notes.event("notes.v1.Written").unwrap()), "notes.v1.Written");
    assert_eq!(notes.storage()[0].0, "note/");
    assert_eq!(notes.refusal_text(7, Lang::En), Some(("too late", "come earlier")));
    assert_eq!(notes.refusal_text(7, Lang::Zh), Some(("太晚了", "请早些来")));
    assert_eq!((notes.refusal_text(8, Lang::Zh), notes.has_refusal(0)), (None, false));
    assert!(notes.call("Find").is_none() && notes.event("notes.v1.Note").is_none());
}

#[test]
fn the_native_rooms_compile() {
    for room in ["accounts", "identity", "policy", "timers", "log"] {
        let package = format!("linli.{room}.v1");
        let schema = Schema::of_package(wire::DESCRIPTORS, &package).unwrap();
        assert!(!schema.queries().is_empty(), "{room}");
    }
    let accounts = Schema::of_package(wire::DESCRIPTORS, "linli.accounts.v1").unwrap();
    assert!(accounts.call("Transfer").is_some());
    assert!(accounts.event("linli.accounts.v1.Transferred").is_some());
    // Several rooms in one set: a contract brings exactly one.
    assert_eq!(Schema::parse(wire::DESCRIPTORS), Err(BadSchema::Packages(6)));
}

#[test]
fn every_rule_of_the_walk_has_its_reason() {
    let good: [&[u8]; 14] = [
        &[],
        &[0x08, 5],
        &[0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        &[0x20, 1],
        &[0x28, 3],
        &[0x31, 1, 2, 3, 4, 5, 6, 7, 8],
        &[0x3a, 3, 0xe9, 0x82, 0xbb],
        &[0x42, 4, 1, 2, 3, 4],
        &[0x48, 1, 0x48, 2],
        &[0x4a, 3, 1, 0x80, 1],
        &[0x4a, 1, 9, 0x48, 2],
        &[0x52, 2, 0x08, 1, 0x52, 0],
        &[0x62, 1, b'a'],
        &[0xc5, 0x3e, 1, 2, 3, 4],
    ];
    for bytes in good {
        assert_eq!(walk(bytes), Ok(()), "{bytes:x?}");
    }
    let bad: [(&[u8], Reason); 20] = [
        (&[0x08], Reason::Truncated),
        (&[0x08, 0x85, 0x00], Reason::Varint),
        (&[0x88, 0x00, 5], Reason::Varint),
        (&[0x80, 0x80, 0x80, 0x80, 0x80, 0x01], Reason::Tag),
        (&[0x78, 1], Reason::UnknownField),
        (&[0x00, 1], Reason::UnknownField),
        (&[0x0d, 1, 2, 3, 4], Reason::WireType),
        (&[0x0b], Reason::WireType),
        (&[0x0a, 1, 5], Reason::WireType),
        (&[0x08, 1, 0x08, 1], Reason::Repeated),
        (&[0x58, 1, 0x62, 1, b'a'], Reason::TwoOfOne),
        (&[0x58, 1, 0x58, 1], Reason::Repeated),
        (&[0x10, 0x80, 0x80, 0x80, 0x80, 0x10], Reason::Range),
        (&[0x18, 0xff, 0xff, 0xff, 0xff, 0x0f], Reason::Range),
        (&[0x20, 2], Reason::Range),
        (&[0x28, 1], Reason::Range),
        (&[0x3a, 1, 0xff], Reason::Utf8),
        (&[0x42, 3, 1, 2, 3], Reason::Length),
        (&[0x4a, 2, 1, 0x80], Reason::Truncated),
        (&[0x52, 2, 0x08], Reason::Truncated),
    ];
    for (bytes, reason) in bad {
        assert_eq!(walk(bytes), Err(reason), "{bytes:x?}");
    }
}

#[test]
fn sixteen_messages_deep_and_no_deeper() {
    let nested = |depth| {
        let wrap = |inner: Vec<u8>, _| {
            let mut outer = vec![0x52];
            prost::encoding::encode_varint(inner.len() as u64, &mut outer);
            outer.extend(inner);
            outer
        };
        (1..depth).fold(vec![0x08, 1], wrap)
    };
    assert_eq!(walk(&nested(16)), Ok(()));
    assert_eq!(walk(&nested(17)), Err(Reason::Depth));
    // A hostile depth ends at the bound, not at the end of the stack.
    assert_eq!(walk(&nested(5_000)), Err(Reason::Depth));
}

#[test]
fn a_fault_names_the_place_and_nothing_else() {
    let schema = notes();
    let all = schema.call("All").unwrap().request;
    let fault = schema.walk(all, &[0x52, 4, 0x52, 2, 0x20, 7], &no_filter).unwrap_err();
    assert_eq!(fault.to_string(), "inner.inner.flag: value out of range");
    let write = schema.call("Write").unwrap().request;
    let filter = |text: &str| (text == "secret").then_some("e-mail");
    let fault = schema.walk(write, b"\x0a\x06secret", &filter).unwrap_err();
    assert_eq!((fault.path.as_str(), fault.reason), ("text", Reason::Personal("e-mail")));
}

#[test]
fn schemas_that_the_walk_cannot_judge_are_refused() {
    let with = |change: fn(&mut File)| {
        let mut file = file();
        change(&mut file);
        Schema::parse(&set(file))
    };
    let unsupported: [fn(&mut File); 7] = [
        |f| f.messages[0].fields[0].kind = 1,
        |f| f.messages[0].fields[0].kind = 10,
        |f| f.messages[0].fields[0].number = 0,
        |f| f.messages[0].fields = (1..=65).map(|i| field("x", i, 4)).collect(),
        |f| f.messages[0].fields[0].options = Some(FieldOptions { free_text: true, length: 0 }),
        |f| f.services[0].methods[0].server_streaming = true,
        |f| f.enums[1].values[1].options = None,
    ];
    for change in unsupported {
        let refused = with(change);
        assert!(matches!(refused, Err(BadSchema::Unsupported { .. })), "{refused:?}");
    }
    let declared: [fn(&mut File); 5] = [
        |f| f.services[0].methods[0].input = ".notes.v1.Missing".into(),
        |f| f.messages[0].fields[1].number = 1,
        |f| f.messages.push(message("Any", vec![])),
        |f| f.services[0].methods[0].name = "All".into(),
        |f| f.services.push(Service { name: "Calls".into(), methods: vec![] }),
    ];
    for change in declared {
        let refused = with(change);
        assert!(matches!(refused, Err(BadSchema::Declared(..))), "{refused:?}");
    }
    assert_eq!(with(|f| f.services.clear()), Err(BadSchema::Packages(0)));
    assert_eq!(with(|f| f.syntax.clear()), Err(BadSchema::NotProto3("notes.v1".into())));
    assert_eq!(Schema::parse(&[0xff]), Err(BadSchema::Unreadable));
}

/// What prost itself writes for a known message is always accepted.
fn transfers() -> impl Strategy<Value = wire::accounts::TransferRequest> {
    let id = || prop::collection::vec(any::<u8>(), 16);
    (id(), id(), id(), any::<u64>(), any::<u32>()).prop_map(|(id, debit, credit, amount, code)| {
        wire::accounts::TransferRequest { id, debit, credit, amount, code, ..Default::default() }
    })
}

proptest! {
    #[test]
    fn what_prost_writes_is_accepted(transfer in transfers()) {
        let schema = Schema::of_package(wire::DESCRIPTORS, "linli.accounts.v1").unwrap();
        let request = schema.call("Transfer").unwrap().request;
        prop_assert_eq!(schema.walk(request, &transfer.encode_to_vec(), &no_filter), Ok(()));
    }

    /// Whatever the walk accepts, a reader of the schema reads too.
    #[test]
    fn what_the_walk_accepts_prost_reads(
        transfer in transfers(), at in 0_usize..70, byte: u8, cut in 0_usize..70,
    ) {
        let schema = Schema::of_package(wire::DESCRIPTORS, "linli.accounts.v1").unwrap();
        let request = schema.call("Transfer").unwrap().request;
        let mut bytes = transfer.encode_to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len().max(cut) - cut / 8);
        if schema.walk(request, &bytes, &no_filter).is_ok() {
            prop_assert!(wire::accounts::TransferRequest::decode(&*bytes).is_ok());
        }
    }

    #[test]
    fn random_bytes_never_make_it_stumble(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = walk(&bytes);
        let _ = Schema::parse(&bytes);
    }

    #[test]
    fn a_damaged_descriptor_set_never_makes_it_stumble(at in 0_usize..5000, byte: u8) {
        let mut bytes = notes_set();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = Schema::parse(&bytes);
    }
}
