//! Messages of rooms as JSON, by the room's schema alone (design D8).
//!
//! Bytes are hexadecimal in both directions, because ids and digests are what people copy; a code
//! such as `AC-…` is taken too. Numbers of 64 bits are strings in answers (protobuf's JSON), so that
//! no reader rounds them.

use super::Failure;
use crate::words::words;
use linli_types::human;
use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, Kind, MessageDescriptor, MethodDescriptor, ReflectMessage,
};
use serde_json::Value;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A room's schema.
pub(super) struct Schema {
    room: String,
    pool: DescriptorPool,
}

impl Schema {
    /// Reads a descriptor set.
    ///
    /// # Errors
    ///
    /// The bytes are none: the node answered nonsense.
    pub(super) fn read(room: &str, descriptors: &[u8]) -> Result<Self, Failure> {
        let pool = DescriptorPool::decode(descriptors).map_err(|e| {
            Failure::broken(
                words!("模块 {room} 的接口定义无法读取：{e}", "the schema of {room} cannot be read: {e}"),
                words!("请换一个节点", "use another node"),
            )
        })?;
        Ok(Self { room: room.to_owned(), pool })
    }

    /// A method of the room's service `Calls` or `Queries`.
    ///
    /// # Errors
    ///
    /// There is none of that name; the failure lists those that there are.
    pub(super) fn method(&self, service: &str, name: &str) -> Result<MethodDescriptor, Failure> {
        let methods: Vec<MethodDescriptor> = self
            .services(service)
            .flat_map(|s| s.methods().collect::<Vec<_>>())
            .collect();
        if let Some(found) = methods.iter().find(|m| m.name() == name) {
            return Ok(found.clone());
        }
        let names: Vec<&str> = methods.iter().map(MethodDescriptor::name).collect();
        let (room, names) = (&self.room, names.join(", "));
        Err(Failure::usage(
            words!("模块 {room} 没有方法 {name}", "room {room} has no method {name}"),
            words!("可用：{names}", "there are: {names}"),
        ))
    }

    /// The room's own services: native rooms share one descriptor set and have packages of their
    /// name; a contract's set has one such service only.
    fn services(&self, name: &str) -> impl Iterator<Item = prost_reflect::ServiceDescriptor> + '_ {
        let own = format!("linli.{}.v1", self.room.replace('-', "_"));
        let named = self.pool.services().any(|s| s.package_name() == own);
        let name = name.to_owned();
        self.pool
            .services()
            .filter(move |s| s.name() == name && (!named || s.package_name() == own))
    }

    /// A message of the room by its full name, if the schema has it.
    pub(super) fn message(&self, name: &str) -> Option<MessageDescriptor> {
        self.pool.get_message_by_name(name)
    }
}

/// Encodes JSON text as a message.
///
/// # Errors
///
/// The text is no JSON, or does not follow the schema; the failure says where.
pub(super) fn encode(text: &str, kind: &MessageDescriptor) -> Result<Vec<u8>, Failure> {
    let name = kind.full_name();
    let hint = words!("请按 {name} 的定义填写", "fill it in as {name} says");
    let mut value: Value = serde_json::from_str(text).map_err(|e| {
        Failure::usage(words!("--args 不是 JSON：{e}", "--args is no JSON: {e}"), hint.clone())
    })?;
    bytes_in(&mut value, kind).map_err(|(field, why)| {
        Failure::usage(words!("字段 {field}：{why}", "field {field}: {why}"), hint.clone())
    })?;
    let message = DynamicMessage::deserialize(kind.clone(), value);
    message.map(|m| m.encode_to_vec()).map_err(|e| {
        Failure::usage(words!("--args 不符合定义：{e}", "--args does not follow the schema: {e}"), hint)
    })
}

/// Shows an encoded message as JSON.
///
/// # Errors
///
/// The bytes are not such a message: the node answered nonsense.
pub(super) fn decode(bytes: &[u8], kind: &MessageDescriptor) -> Result<Value, Failure> {
    let nonsense = |e: &dyn std::fmt::Display| {
        let name = kind.full_name();
        Failure::broken(
            words!("返回内容不是 {name}：{e}", "the answer is no {name}: {e}"),
            words!("请换一个节点", "use another node"),
        )
    };
    let message = DynamicMessage::decode(kind.clone(), bytes).map_err(|e| nonsense(&e))?;
    let options = prost_reflect::SerializeOptions::new()
        .skip_default_fields(false)
        .use_proto_field_name(true);
    let mut out = message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map_err(|e| nonsense(&e))?;
    bytes_out(&mut out, &message.descriptor());
    Ok(out)
}

/// Hexadecimal or a code becomes what protobuf's JSON wants.
fn bytes_in(value: &mut Value, kind: &MessageDescriptor) -> Result<(), (String, String)> {
    each_field(value, kind, &mut |name, kind, value| match (kind, &value) {
        (Kind::Bytes, Value::String(text)) => {
            *value = Value::String(base64(&id_bytes(text).map_err(|why| (name.to_owned(), why))?));
            Ok(())
        }
        (Kind::Message(inner), _) => bytes_in(value, inner),
        _ => Ok(()),
    })
}

/// What protobuf's JSON says becomes hexadecimal.
fn bytes_out(value: &mut Value, kind: &MessageDescriptor) {
    let done: Result<(), ()> = each_field(value, kind, &mut |_, kind, value| {
        match (kind, &value) {
            (Kind::Bytes, Value::String(text)) => *value = Value::String(hex::encode(plain(text))),
            (Kind::Message(inner), _) => bytes_out(value, inner),
            _ => {}
        }
        Ok(())
    });
    done.unwrap_or_default();
}

fn each_field<E>(
    value: &mut Value,
    kind: &MessageDescriptor,
    visit: &mut dyn FnMut(&str, &Kind, &mut Value) -> Result<(), E>,
) -> Result<(), E> {
    let Value::Object(fields) = value else { return Ok(()) };
    for (name, value) in fields {
        let field = kind.get_field_by_name(name).or_else(|| kind.get_field_by_json_name(name));
        let Some(field) = field.filter(|f| !f.is_map()) else { continue };
        match value {
            Value::Array(items) => {
                for item in items {
                    visit(name, &field.kind(), item)?;
                }
            }
            single => visit(name, &field.kind(), single)?,
        }
    }
    Ok(())
}

/// Bytes that a person wrote: hexadecimal, or a code with its check character.
pub(super) fn id_bytes(text: &str) -> Result<Vec<u8>, String> {
    if let Ok(bytes) = hex::decode(text) {
        return Ok(bytes);
    }
    match human::read(text) {
        Ok((_, bytes)) => Ok(bytes),
        Err(human::BadCode::Prefix) => Err("neither hexadecimal nor a code".into()),
        Err(why) => Err(why.to_string()),
    }
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |sum, b| sum << 8 | u32::from(*b));
        let group = group << (8 * (3_usize.saturating_sub(chunk.len())));
        for i in 0..4_usize {
            let digit = (group >> (18 - 6 * i) & 63) as usize;
            let shown = i <= chunk.len();
            text.push(if shown { BASE64.get(digit).map_or('=', |c| char::from(*c)) } else { '=' });
        }
    }
    text
}

/// Bytes of well-formed base 64, as the serializer writes it.
fn plain(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .bytes()
        .filter_map(|c| BASE64.iter().position(|d| *d == c))
        .filter_map(|at| u32::try_from(at).ok())
        .collect();
    let mut bytes = Vec::new();
    for chunk in digits.chunks(4) {
        let missing = 4_usize.saturating_sub(chunk.len());
        let group = chunk.iter().fold(0_u32, |sum, d| sum << 6 | d) << (6 * missing);
        let whole = group.to_be_bytes();
        bytes.extend(whole.iter().skip(1).take(3_usize.saturating_sub(missing)));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_types::wire;

    fn accounts() -> Schema {
        Schema::read("accounts", wire::DESCRIPTORS).unwrap()
    }

    #[test]
    fn bytes_come_back_in_every_length() {
        for n in 0..40_u8 {
            let bytes: Vec<u8> = (0..n).map(|i| i.wrapping_mul(37).wrapping_add(200)).collect();
            assert_eq!(plain(&base64(&bytes)), bytes, "{n}");
        }
        assert_eq!((base64(b"M"), base64(b"Man")), ("TQ==".into(), "TWFu".into()));
    }

    #[test]
    fn a_call_is_written_with_hexadecimal_and_codes() {
        let method = accounts().method("Calls", "Transfer").unwrap();
        let code = human::write(human::Kind::Account, &[7; 16]);
        let hex = "01".repeat(16);
        let text = format!(r#"{{"id":"{hex}","debit":"{code}","credit":"{hex}","amount":5}}"#);
        let bytes = encode(&text, &method.input()).unwrap();
        let found = wire::accounts::TransferRequest::decode(bytes.as_slice()).unwrap();
        assert_eq!((found.debit, found.amount), (vec![7; 16], 5));
        let shown = decode(&bytes, &method.input()).unwrap();
        assert_eq!(shown["debit"], "07".repeat(16));
        assert_eq!(shown["amount"], "5");
    }

    #[test]
    fn what_is_not_in_the_schema_is_refused_with_its_name() {
        let schema = accounts();
        let kind = schema.method("Calls", "Transfer").unwrap().input();
        let refused = |text: &str| encode(text, &kind).unwrap_err().what().en.clone();
        assert!(refused(r#"{"amont":5}"#).contains("amont"));
        assert!(refused(r#"{"id":"xyz"}"#).contains("field id"));
        assert!(refused("{").contains("no JSON"));
        let missing = schema.method("Calls", "Take").unwrap_err();
        assert!(missing.what().en.contains("no method Take"));
        assert!(schema.method("Queries", "Lag").is_err(), "another room's method");
    }
}
