//! A room's schema: JSON to messages and back, without code for any contract (design D8).
//!
//! # How values are written in JSON
//!
//! - Fields by their name in the `.proto`, or its lowerCamelCase twin. Absent and `null` mean the
//!   default.
//! - `bytes`: hexadecimal or base64. A field of fixed length takes whichever gives that length,
//!   and also a code for people (`AC-…`). Of any other field, an even number of hexadecimal
//!   digits is hexadecimal; `base64:` and `0x` in front decide. Answers are hexadecimal.
//! - Numbers of 64 bits: a number or decimal text; answers are text, so that none is rounded.
//! - Enumerations: the value's name or its number; answers are names.

use crate::error::{Error, ErrorKind};
use linli_types::code::{Lang, fill};
use linli_types::human;
use linli_types::receipt::Refusal;
use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor,
    ReflectMessage, ServiceDescriptor, Value,
};
use serde_json::Value as Json;

/// Nesting of a message, as the chain checks it.
const DEPTH_MAX: usize = linli_types::limits::MESSAGE_DEPTH_MAX;

/// Which of a room's services a method belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// What transactions may ask.
    Calls,
    /// What readers may ask.
    Queries,
}

impl Service {
    const fn name(self) -> &'static str {
        match self {
            Self::Calls => "Calls",
            Self::Queries => "Queries",
        }
    }
}

/// How a room describes itself.
#[derive(Clone, Debug)]
pub struct Schema {
    room: String,
    pool: DescriptorPool,
}

impl Schema {
    /// Reads a room's file descriptor set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schema`] if the bytes are none.
    pub fn new(room: impl Into<String>, set: &[u8]) -> Result<Self, Error> {
        let room = room.into();
        let pool = DescriptorPool::decode(set).map_err(|e| {
            bad(
                format!("模块 {room} 的接口定义无法读取：{e}"),
                format!("the schema of {room} cannot be read: {e}"),
            )
        })?;
        Ok(Self { room, pool })
    }

    /// The schema of a native room.
    ///
    /// # Errors
    ///
    /// As [`Self::new`]; never for this library's own descriptors.
    pub fn native(room: impl Into<String>) -> Result<Self, Error> {
        Self::new(room, linli_types::wire::DESCRIPTORS)
    }

    /// The room.
    pub fn room(&self) -> &str {
        &self.room
    }

    /// The names of a service's methods.
    pub fn methods(&self, service: Service) -> Vec<String> {
        let services = self.own(service);
        services
            .iter()
            .flat_map(|s| s.methods().map(|m| m.name().to_string()).collect::<Vec<_>>())
            .collect()
    }

    /// Encodes JSON as the request of `method`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schema`]; names the field that does not fit.
    pub fn request(&self, service: Service, method: &str, json: &Json) -> Result<Vec<u8>, Error> {
        let (input, _) = self.method(service, method)?;
        Ok(message(&input, json, "$", 0)?.encode_to_vec())
    }

    /// The response of `method` as JSON.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schema`] if the bytes are not such a message.
    pub fn response(&self, service: Service, method: &str, bytes: &[u8]) -> Result<Json, Error> {
        let (_, output) = self.method(service, method)?;
        decode(output, bytes)
    }

    /// Any message of the schema as JSON: events by their kind, stored values.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schema`] if there is no such message or the bytes are not one.
    pub fn message(&self, full_name: &str, bytes: &[u8]) -> Result<Json, Error> {
        let found = self.pool.get_message_by_name(full_name);
        decode(found.ok_or_else(|| self.absent(full_name, &[]))?, bytes)
    }

    /// The name, text and hint of a refusal of this room, with its parameters filled in.
    pub fn refusal(&self, refusal: &Refusal, lang: Lang) -> Option<(String, String, String)> {
        let number = i32::try_from(refusal.code).ok()?;
        let own = self
            .pool
            .all_enums()
            .filter(|e| e.name() == "Refusal" && self.is_own(e.package_name()));
        let value = own.filter_map(|e| e.get_value(number)).next()?;
        let option = |name: &str| {
            let extension = self.pool.get_extension_by_name(&format!("linli.v1.{name}"))?;
            let text = value.options().get_extension(&extension).as_str().map(str::to_string)?;
            Some(fill(&text, &refusal.params))
        };
        let (text, next) = match lang {
            Lang::Zh => ("zh", "next_zh"),
            Lang::En => ("en", "next_en"),
        };
        Some((value.name().to_string(), option(text)?, option(next)?))
    }

    fn method(
        &self,
        service: Service,
        name: &str,
    ) -> Result<(MessageDescriptor, MessageDescriptor), Error> {
        let services = self.own(service);
        let found = services
            .iter()
            .flat_map(|s| s.methods().collect::<Vec<_>>())
            .find(|m| m.name() == name);
        let found = found.ok_or_else(|| self.absent(name, &self.methods(service)))?;
        Ok((found.input(), found.output()))
    }

    /// The room's own services. Native rooms share one set and have packages of their name; a
    /// contract may carry any name, and its set has one service of each kind.
    fn own(&self, service: Service) -> Vec<ServiceDescriptor> {
        let all = self.pool.services().filter(|s| s.name() == service.name());
        all.filter(|s| self.is_own(s.package_name())).collect()
    }

    fn is_own(&self, package: &str) -> bool {
        let named = format!("linli.{}.v1", self.room.replace('-', "_"));
        package == named || !self.pool.services().any(|s| s.package_name() == named)
    }

    fn absent(&self, name: &str, there_are: &[String]) -> Error {
        let (room, list) = (&self.room, there_are.join(", "));
        bad(format!("模块 {room} 没有 {name}"), format!("room {room} has no {name}"))
            .hint_with(format!("可用：{list}"), format!("there are: {list}"))
    }
}

fn bad(zh: String, en: String) -> Error {
    Error::new(ErrorKind::Schema, zh, en)
}

fn wrong(path: &str, zh: &str, en: &str) -> Error {
    bad(format!("字段 {path} 要求：{zh}"), format!("field {path} must be {en}"))
}

fn message(
    of: &MessageDescriptor,
    json: &Json,
    path: &str,
    depth: usize,
) -> Result<DynamicMessage, Error> {
    let fields = json.as_object().ok_or_else(|| wrong(path, "对象", "an object"))?;
    if depth >= DEPTH_MAX {
        return Err(wrong(path, "较浅的嵌套", "nested less deeply"));
    }
    let mut made = DynamicMessage::new(of.clone());
    for (name, value) in fields {
        let path = format!("{path}.{name}");
        let field = of.get_field_by_name(name).or_else(|| of.get_field_by_json_name(name));
        let field = field.ok_or_else(|| {
            let names: Vec<String> = of.fields().map(|f| f.name().to_string()).collect();
            bad(format!("没有字段 {path}"), format!("there is no field {path}")).hint_with(
                format!("可用：{}", names.join(", ")),
                format!("there are: {}", names.join(", ")),
            )
        })?;
        if made.has_field(&field) {
            return Err(wrong(&path, "只给出一次", "given once"));
        }
        if !value.is_null() {
            made.set_field(&field, field_value(&field, value, &path, depth)?);
        }
    }
    Ok(made)
}

fn field_value(
    field: &FieldDescriptor,
    json: &Json,
    path: &str,
    depth: usize,
) -> Result<Value, Error> {
    if field.is_map() {
        return Err(wrong(path, "留空：映射没有唯一编码", "left out: maps have no one encoding"));
    }
    if !field.is_list() {
        return single(field, json, path, depth);
    }
    let items = json.as_array().ok_or_else(|| wrong(path, "列表", "a list"))?;
    let item = |(i, json)| single(field, json, &format!("{path}[{i}]"), depth);
    items.iter().enumerate().map(item).collect::<Result<_, _>>().map(Value::List)
}

fn single(field: &FieldDescriptor, json: &Json, path: &str, depth: usize) -> Result<Value, Error> {
    let unsigned = || number(json).and_then(|n| u64::try_from(n).ok());
    let signed = || number(json).and_then(|n| i64::try_from(n).ok());
    match field.kind() {
        Kind::Bool => json
            .as_bool()
            .map(Value::Bool)
            .ok_or_else(|| wrong(path, "true 或 false", "true or false")),
        Kind::String => {
            let text = json.as_str().ok_or_else(|| wrong(path, "文本", "text"))?;
            Ok(Value::String(text.into()))
        }
        Kind::Bytes => bytes(json, fixed_length(field), path).map(|b| Value::Bytes(b.into())),
        Kind::Uint64 | Kind::Fixed64 => unsigned().map(Value::U64).ok_or_else(|| {
            wrong(path, "0 到 2^64 - 1 的整数", "a whole number from 0 to 2^64 - 1")
        }),
        Kind::Uint32 | Kind::Fixed32 => {
            let n = unsigned().and_then(|n| u32::try_from(n).ok());
            n.map(Value::U32).ok_or_else(|| {
                wrong(path, "0 到 2^32 - 1 的整数", "a whole number from 0 to 2^32 - 1")
            })
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => signed()
            .map(Value::I64)
            .ok_or_else(|| wrong(path, "64 位整数", "a whole number of 64 bits")),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            let n = signed().and_then(|n| i32::try_from(n).ok());
            n.map(Value::I32).ok_or_else(|| wrong(path, "32 位整数", "a whole number of 32 bits"))
        }
        Kind::Float | Kind::Double => {
            Err(wrong(path, "留空：账本不使用小数", "left out: the ledger knows no fractions"))
        }
        Kind::Enum(of) => enumeration(&of, json, path),
        Kind::Message(of) => message(&of, json, path, depth + 1).map(Value::Message),
    }
}

/// A whole number, as a number or as text.
fn number(json: &Json) -> Option<i128> {
    match json {
        Json::Number(n) => n.as_u64().map(i128::from).or_else(|| n.as_i64().map(i128::from)),
        Json::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn enumeration(of: &EnumDescriptor, json: &Json, path: &str) -> Result<Value, Error> {
    let value = match json {
        Json::String(name) => of.get_value_by_name(name),
        _ => number(json).and_then(|n| i32::try_from(n).ok()).and_then(|n| of.get_value(n)),
    };
    let names = || of.values().map(|v| v.name().to_string()).collect::<Vec<_>>().join(", ");
    let value = value
        .ok_or_else(|| wrong(path, &format!("{} 之一", names()), &format!("one of {}", names())))?;
    Ok(Value::EnumNumber(value.number()))
}

fn fixed_length(field: &FieldDescriptor) -> Option<usize> {
    let pool = field.parent_pool();
    let extension = pool.get_extension_by_name("linli.v1.length")?;
    let length = field.options().get_extension(&extension).as_u32().unwrap_or_default();
    usize::try_from(length).ok().filter(|n| *n > 0)
}

fn bytes(json: &Json, length: Option<usize>, path: &str) -> Result<Vec<u8>, Error> {
    let text = json
        .as_str()
        .ok_or_else(|| wrong(path, "文本：十六进制或 base64", "text: hexadecimal or base64"))?;
    let fits = |bytes: &Vec<u8>| length.is_none_or(|n| bytes.len() == n);
    let code = || human::read(text).ok().filter(|_| length.is_some()).map(|(_, bytes)| bytes);
    let read = if let Some(rest) = text.strip_prefix("0x") {
        hex::decode(rest).ok()
    } else if let Some(rest) = text.strip_prefix("base64:") {
        base64(rest)
    } else {
        let tries = [hex::decode(text).ok(), base64(text), code()];
        tries.into_iter().flatten().find(fits)
    };
    read.filter(fits).ok_or_else(|| match length {
        Some(n) => wrong(
            path,
            &format!("{n} 字节的十六进制（{} 位）或 base64", n * 2),
            &format!("{n} bytes in hexadecimal ({} digits) or base64", n * 2),
        ),
        None => wrong(path, "十六进制或 base64", "hexadecimal or base64"),
    })
}

/// Base64 with the usual or the web alphabet, padded or not (RFC 4648).
fn base64(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    let bare = text.trim_end_matches('=');
    let padding = text.len() - bare.len();
    if padding > 2 || (padding > 0 && !text.len().is_multiple_of(4)) || bare.len() % 4 == 1 {
        return None;
    }
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0_u32);
    for c in bare.bytes() {
        held = held << 6 | u32::from(digit(c)?);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 255) as u8);
            held &= (1 << bits) - 1;
        }
    }
    (held == 0).then_some(bytes)
}

fn decode(of: MessageDescriptor, bytes: &[u8]) -> Result<Json, Error> {
    let name = of.full_name().to_string();
    let made = DynamicMessage::decode(of, bytes).map_err(|e| {
        bad(format!("内容不是 {name}：{e}"), format!("the bytes are no {name}: {e}"))
    })?;
    Ok(to_json(&made))
}

/// Every field, also those that hold the default: a reader need not know the schema.
fn to_json(of: &DynamicMessage) -> Json {
    let fields = of
        .descriptor()
        .fields()
        .filter(|f| !f.supports_presence() || of.has_field(f))
        .collect::<Vec<_>>();
    let pair =
        |f: &FieldDescriptor| (f.name().to_string(), value_json(&of.get_field(f), &f.kind()));
    Json::Object(fields.iter().map(pair).collect())
}

fn value_json(value: &Value, kind: &Kind) -> Json {
    match value {
        Value::Bool(v) => Json::Bool(*v),
        Value::I32(v) => Json::from(*v),
        Value::U32(v) => Json::from(*v),
        Value::I64(v) => Json::from(v.to_string()),
        Value::U64(v) => Json::from(v.to_string()),
        Value::F32(v) => Json::from(v.to_string()),
        Value::F64(v) => Json::from(v.to_string()),
        Value::String(v) => Json::from(v.as_str()),
        Value::Bytes(v) => Json::from(hex::encode(v)),
        Value::EnumNumber(n) => match kind {
            Kind::Enum(of) => {
                of.get_value(*n).map_or_else(|| Json::from(*n), |v| Json::from(v.name()))
            }
            _ => Json::from(*n),
        },
        Value::Message(v) => to_json(v),
        Value::List(items) => Json::Array(items.iter().map(|v| value_json(v, kind)).collect()),
        Value::Map(_) => Json::Null,
    }
}

#[cfg(test)]
mod tests;
