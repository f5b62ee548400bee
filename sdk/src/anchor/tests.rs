//! Drafts of anchors against the contract's own schema.

use super::*;
use prost_reflect::{DescriptorPool, DynamicMessage, EnumDescriptor, ReflectMessage};

/// The contract's own descriptor set, compiled from its source.
pub(crate) fn descriptors() -> Vec<u8> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let folders = [format!("{root}/contracts/evidence"), format!("{root}/proto")];
    let mut compiler = protox::Compiler::new(folders).unwrap();
    compiler.include_imports(true).open_files(["evidence.proto"]).unwrap();
    compiler.encode_file_descriptor_set()
}

fn schema() -> DescriptorPool {
    DescriptorPool::decode(descriptors().as_slice()).unwrap()
}

fn kinds(kind: &EnumDescriptor) -> Vec<String> {
    kind.values().map(|v| v.name().to_string()).collect()
}

#[test]
fn the_request_is_the_contract_s() {
    let request = AnchorRequest {
        source: vec![1; 16],
        number: 2,
        kind: 5,
        manifest_sha256: vec![3; 32],
        manifest_sm3: vec![4; 32],
        size: 6,
        media: "text/csv".into(),
        captured_at_ms: 8,
    };
    let descriptor = schema().get_message_by_name("linli.evidence.v1.AnchorRequest").unwrap();
    let read =
        DynamicMessage::decode(descriptor.clone(), request.encode_to_vec().as_slice()).unwrap();
    assert_eq!(read.unknown_fields().count(), 0);
    assert_eq!(read.fields().count(), descriptor.fields().count());
    let number = |name: &str| read.get_field_by_name(name).unwrap().as_u64().unwrap();
    assert_eq!((number("number"), number("size"), number("captured_at_ms")), (2, 6, 8));
    assert_eq!(read.get_field_by_name("manifest_sm3").unwrap().as_bytes().unwrap()[..], [4; 32]);
    let kind = schema().get_enum_by_name("linli.evidence.v1.Kind").unwrap();
    assert_eq!(kinds(&kind), KINDS);
}

#[test]
fn the_question_for_a_number_is_the_contract_s() {
    let message = |name: &str| schema().get_message_by_name(name).unwrap();
    let asked = GapsRequest { source: vec![1; 16] }.encode_to_vec();
    let asked =
        DynamicMessage::decode(message("linli.evidence.v1.GapsRequest"), asked.as_slice()).unwrap();
    assert_eq!((asked.unknown_fields().count(), asked.fields().count()), (0, 1));
    assert_eq!(asked.get_field_by_name("source").unwrap().as_bytes().unwrap()[..], [1; 16]);
    let mut answer = DynamicMessage::new(message("linli.evidence.v1.GapsResponse"));
    answer.set_field_by_name("open", prost_reflect::Value::U64(7));
    answer.set_field_by_name("highest", prost_reflect::Value::U64(9));
    let read = GapsResponse::decode(answer.encode_to_vec().as_slice()).unwrap();
    assert_eq!((read.open, read.highest), (7, 9));
    let service = schema().get_service_by_name("linli.evidence.v1.Queries").unwrap();
    assert!(service.methods().any(|method| method.name() == GAPS));
}

#[test]
fn the_verifier_s_statement_is_the_contract_s() {
    let statement = statement::Statement {
        source: vec![1; 16],
        number: 2,
        kind: 3,
        manifest_sha256: vec![4; 32],
        manifest_sm3: vec![5; 32],
        size: 6,
        media: "text/csv".into(),
        captured_at_ms: 8,
        anchored_at_ms: 9,
        organisation: 10,
        backdated: true,
    };
    let event =
        Anchored { statement: statement.encode_to_vec(), leaf: 11, reused: true }.encode_to_vec();
    let descriptor = schema().get_message_by_name(statement::EVENT).unwrap();
    let read = DynamicMessage::decode(descriptor.clone(), event.as_slice()).unwrap();
    assert_eq!(read.unknown_fields().count(), 0);
    assert_eq!(read.fields().count(), descriptor.fields().count());
    let inner = read.get_field_by_name("statement").unwrap();
    let inner = inner.as_message().unwrap();
    assert_eq!(inner.unknown_fields().count(), 0);
    assert_eq!(inner.fields().count(), inner.descriptor().fields().count());
    assert_eq!(inner.get_field_by_name("organisation").unwrap().as_u32(), Some(10));
    assert_eq!(inner.get_field_by_name("anchored_at_ms").unwrap().as_u64(), Some(9));
}

#[test]
fn an_empty_proof_makes_no_pack() {
    let error = evidence_pack(b"{}", &ProofResponse::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadAnswer);
    assert!(receipt_pack(&ProofResponse::default()).is_err());
}
