//! The part of `google/protobuf/descriptor.proto` that a schema is made of, with the options of
//! `linli/v1/schema.proto`. Written by hand because the ready-made types drop extensions.
//!
//! Nothing here is judged; [`super::compile`] does that.

use prost::Message;

/// Every file that a room's words come from.
#[derive(Clone, PartialEq, Message)]
pub(super) struct FileSet {
    #[prost(message, repeated, tag = "1")]
    pub(super) file: Vec<File>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct File {
    #[prost(string, tag = "2")]
    pub(super) package: String,
    #[prost(message, repeated, tag = "4")]
    pub(super) messages: Vec<MessageType>,
    #[prost(message, repeated, tag = "5")]
    pub(super) enums: Vec<EnumType>,
    #[prost(message, repeated, tag = "6")]
    pub(super) services: Vec<Service>,
    #[prost(string, tag = "12")]
    pub(super) syntax: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct MessageType {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) fields: Vec<FieldType>,
    #[prost(message, repeated, tag = "3")]
    pub(super) nested: Vec<MessageType>,
    #[prost(message, repeated, tag = "4")]
    pub(super) enums: Vec<EnumType>,
    #[prost(message, optional, tag = "7")]
    pub(super) options: Option<MessageOptions>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct MessageOptions {
    #[prost(bool, tag = "50011")]
    pub(super) event: bool,
    #[prost(string, tag = "50012")]
    pub(super) storage_prefix: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct FieldType {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(int32, tag = "3")]
    pub(super) number: i32,
    #[prost(int32, tag = "4")]
    pub(super) label: i32,
    #[prost(int32, tag = "5")]
    pub(super) kind: i32,
    #[prost(string, tag = "6")]
    pub(super) type_name: String,
    #[prost(message, optional, tag = "8")]
    pub(super) options: Option<FieldOptions>,
    #[prost(int32, optional, tag = "9")]
    pub(super) oneof: Option<i32>,
}

/// `label` of a repeated field.
pub(super) const REPEATED: i32 = 3;

#[derive(Clone, PartialEq, Message)]
pub(super) struct FieldOptions {
    #[prost(bool, tag = "50001")]
    pub(super) free_text: bool,
    #[prost(uint32, tag = "50002")]
    pub(super) length: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct EnumType {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) values: Vec<EnumValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct EnumValue {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(int32, tag = "2")]
    pub(super) number: i32,
    #[prost(message, optional, tag = "3")]
    pub(super) options: Option<EnumValueOptions>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct EnumValueOptions {
    #[prost(string, tag = "50021")]
    pub(super) zh: String,
    #[prost(string, tag = "50022")]
    pub(super) en: String,
    #[prost(string, tag = "50023")]
    pub(super) next_zh: String,
    #[prost(string, tag = "50024")]
    pub(super) next_en: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Service {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) methods: Vec<MethodType>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct MethodType {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) input: String,
    #[prost(string, tag = "3")]
    pub(super) output: String,
    #[prost(bool, tag = "5")]
    pub(super) client_streaming: bool,
    #[prost(bool, tag = "6")]
    pub(super) server_streaming: bool,
}
