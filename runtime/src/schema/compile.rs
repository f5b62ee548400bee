//! From a descriptor set to a [`Schema`]: names are resolved, shapes sorted, and what the strict
//! walk could not judge is refused (C1).

use super::descriptor::{EnumType, FieldType, File, FileSet, MessageType, REPEATED, Service};
use super::walk::{Field, Kind, Shape};
use super::{BadSchema, FIELDS_MAX, MESSAGES_MAX, MessageRef, Method, Schema, Texts};
use linli_types::limits::NAME_BYTES_MAX;
use prost::Message;
use std::collections::BTreeMap;

const CALLS: &str = "Calls";
const QUERIES: &str = "Queries";
const REFUSAL: &str = "Refusal";

/// Compiles `package` of the set (or the only one with services), and `extra` messages by name.
pub(super) fn compile(
    set: &[u8],
    package: Option<&str>,
    extra: &[&str],
) -> Result<Schema, BadSchema> {
    let set = FileSet::decode(set).map_err(|_| BadSchema::Unreadable)?;
    let names = Names::of(&set)?;
    let package = match package {
        Some(package) => package.to_string(),
        None => room_package(&set)?,
    };
    let files = || set.file.iter().filter(|file| file.package == package);
    if let Some(file) = files().find(|file| file.syntax != "proto3") {
        return Err(BadSchema::NotProto3(file.package.clone()));
    }
    let mut shapes = Shapes { names: &names, order: Vec::new(), places: BTreeMap::new() };
    let calls = methods(files(), CALLS, &mut shapes)?;
    let queries = methods(files(), QUERIES, &mut shapes)?;
    let (events, storage) = declared(files(), &mut shapes)?;
    for name in extra {
        shapes.place(name)?;
    }
    let refusals = refusals(files())?;
    Ok(Schema { messages: shapes.compile()?, calls, queries, events, storage, refusals })
}

/// The one package that declares services of a room.
fn room_package(set: &FileSet) -> Result<String, BadSchema> {
    let has_room = |file: &&File| {
        file.services.iter().any(|service| service.name == CALLS || service.name == QUERIES)
    };
    let mut packages: Vec<&str> =
        set.file.iter().filter(has_room).map(|file| file.package.as_str()).collect();
    packages.sort_unstable();
    packages.dedup();
    match packages.as_slice() {
        [package] => Ok((*package).to_string()),
        others => Err(BadSchema::Packages(others.len())),
    }
}

/// Everything that has a full name.
struct Names<'a> {
    messages: BTreeMap<String, &'a MessageType>,
    enums: BTreeMap<String, &'a EnumType>,
}

impl<'a> Names<'a> {
    fn of(set: &'a FileSet) -> Result<Self, BadSchema> {
        let mut names = Self { messages: BTreeMap::new(), enums: BTreeMap::new() };
        for file in &set.file {
            names.add(&file.package, &file.messages, &file.enums)?;
        }
        Ok(names)
    }

    /// Adds what stands under `scope`. As deep as the decoder's own bound on nesting.
    fn add(
        &mut self,
        scope: &str,
        messages: &'a [MessageType],
        enums: &'a [EnumType],
    ) -> Result<(), BadSchema> {
        for message in messages {
            let name = full(scope, &message.name);
            if self.messages.insert(name.clone(), message).is_some() {
                return Err(BadSchema::Declared(name, 2));
            }
            self.add(&name, &message.nested, &message.enums)?;
        }
        for kind in enums {
            let name = full(scope, &kind.name);
            if self.enums.insert(name.clone(), kind).is_some() {
                return Err(BadSchema::Declared(name, 2));
            }
        }
        Ok(())
    }
}

fn full(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_string() } else { format!("{scope}.{name}") }
}

/// The methods of one service, by name.
fn methods<'a>(
    files: impl Iterator<Item = &'a File>,
    service: &str,
    shapes: &mut Shapes<'_, 'a>,
) -> Result<Vec<Method>, BadSchema> {
    let services: Vec<&Service> =
        files.flat_map(|file| &file.services).filter(|s| s.name == service).collect();
    if services.len() > 1 {
        return Err(BadSchema::Declared(service.to_string(), services.len()));
    }
    let mut methods = Vec::new();
    for method in services.iter().flat_map(|service| &service.methods) {
        let refuse = |why| BadSchema::Unsupported { name: method.name.clone(), why };
        if method.client_streaming || method.server_streaming {
            return Err(refuse("a method of a room does not stream"));
        }
        if method.name.is_empty() || method.name.len() > NAME_BYTES_MAX {
            return Err(refuse("a method's name has 1 to 48 bytes"));
        }
        let request = shapes.place(&method.input)?;
        let response = shapes.place(&method.output)?;
        methods.push(Method { name: method.name.clone(), request, response });
    }
    methods.sort_by(|a, b| a.name.cmp(&b.name));
    match twice(methods.iter().map(|method| method.name.as_str())) {
        Some(name) => Err(BadSchema::Declared(format!("{service}.{name}"), 2)),
        None => Ok(methods),
    }
}

/// The first of some sorted names that stands there twice.
fn twice<'n>(sorted: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let mut last = None;
    for name in sorted {
        if last == Some(name) {
            return Some(name);
        }
        last = Some(name);
    }
    None
}

type Named = Vec<(String, MessageRef)>;

/// Events and entries of the package, by name and by prefix.
fn declared<'a>(
    files: impl Iterator<Item = &'a File>,
    shapes: &mut Shapes<'_, 'a>,
) -> Result<(Named, Named), BadSchema> {
    let (mut events, mut storage) = (Vec::new(), Vec::new());
    for (file, message) in files.flat_map(|file| file.messages.iter().map(move |m| (file, m))) {
        let Some(options) = &message.options else { continue };
        let name = full(&file.package, &message.name);
        if options.event {
            events.push((name.clone(), shapes.place(&name)?));
        }
        if !options.storage_prefix.is_empty() {
            storage.push((options.storage_prefix.clone(), shapes.place(&name)?));
        }
    }
    events.sort_by(|a, b| a.0.cmp(&b.0));
    storage.sort_by(|a, b| a.0.cmp(&b.0));
    match twice(storage.iter().map(|(prefix, _): &(String, _)| prefix.as_str())) {
        Some(prefix) => Err(BadSchema::Declared(prefix.to_string(), 2)),
        None => Ok((events, storage)),
    }
}

/// The texts of the package's enum `Refusal`. Its zero value stands for nothing.
fn refusals<'a>(files: impl Iterator<Item = &'a File>) -> Result<BTreeMap<u32, Texts>, BadSchema> {
    let mut refusals = BTreeMap::new();
    for value in
        files.flat_map(|file| &file.enums).filter(|e| e.name == REFUSAL).flat_map(|e| &e.values)
    {
        let refuse = |why| BadSchema::Unsupported { name: value.name.clone(), why };
        let code = u32::try_from(value.number).map_err(|_| refuse("a code is not negative"))?;
        if code == 0 {
            continue;
        }
        let texts = value.options.as_ref().filter(|o| !o.zh.is_empty() && !o.en.is_empty());
        let texts = texts.ok_or_else(|| refuse("a refusal has a zh and an en text"))?;
        let texts = Texts {
            name: value.name.clone(),
            zh: (texts.zh.clone(), texts.next_zh.clone()),
            en: (texts.en.clone(), texts.next_en.clone()),
        };
        if refusals.insert(code, texts).is_some() {
            return Err(refuse("a code is used once"));
        }
    }
    Ok(refusals)
}

/// The messages that were reached, in the order in which they were.
struct Shapes<'n, 'a> {
    names: &'n Names<'a>,
    order: Vec<(String, &'a MessageType)>,
    places: BTreeMap<String, usize>,
}

impl Shapes<'_, '_> {
    /// The place of a message. Names in descriptors begin with a dot.
    fn place(&mut self, name: &str) -> Result<MessageRef, BadSchema> {
        let name = name.strip_prefix('.').unwrap_or(name);
        if let Some(at) = self.places.get(name) {
            return Ok(MessageRef(*at));
        }
        let message = *self
            .names
            .messages
            .get(name)
            .ok_or_else(|| BadSchema::Declared(name.to_string(), 0))?;
        let at = self.order.len();
        if at >= MESSAGES_MAX {
            let why = "a schema reaches at most 1024 messages";
            return Err(BadSchema::Unsupported { name: name.to_string(), why });
        }
        self.order.push((name.to_string(), message));
        self.places.insert(name.to_string(), at);
        Ok(MessageRef(at))
    }

    /// Compiles every message reached, and those that it reaches in turn.
    fn compile(mut self) -> Result<Vec<Shape>, BadSchema> {
        let mut shapes = Vec::new();
        while let Some((name, message)) = self.order.get(shapes.len()).cloned() {
            shapes.push(self.shape(name, message)?);
        }
        Ok(shapes)
    }

    fn shape(&mut self, name: String, message: &MessageType) -> Result<Shape, BadSchema> {
        if message.fields.len() > FIELDS_MAX {
            return Err(BadSchema::Unsupported { name, why: "at most 64 fields" });
        }
        let mut declared: Vec<&FieldType> = message.fields.iter().collect();
        declared.sort_by_key(|field| field.number);
        let (mut fields, mut required) = (Vec::new(), 0);
        for (i, field) in declared.into_iter().enumerate() {
            let bit = 1_u64 << i;
            let compiled = self.field(&name, field, bit)?;
            if compiled.oneof == 0
                && !compiled.repeated
                && matches!(compiled.kind, Kind::Bytes { length: Some(_) })
            {
                required |= bit;
            }
            if fields.last().is_some_and(|last: &Field| last.number == compiled.number) {
                return Err(BadSchema::Declared(format!("{name}.{}", field.name), 2));
            }
            fields.push(compiled);
        }
        Ok(Shape { name, fields, required })
    }

    fn field(&mut self, of: &str, field: &FieldType, bit: u64) -> Result<Field, BadSchema> {
        let name = format!("{of}.{}", field.name);
        let refuse = |why| BadSchema::Unsupported { name: name.clone(), why };
        let number = u32::try_from(field.number).ok().filter(|n| *n > 0 && *n < 1 << 29);
        let number = number.ok_or_else(|| refuse("a field's number lies in 1..2^29"))?;
        if field.name.is_empty() || !field.name.is_ascii() {
            return Err(refuse("a field's name is ASCII"));
        }
        // `optional` fields stand in a oneof of their own, made by the compiler.
        let oneof = match field.oneof {
            None => 0,
            Some(at) => match u32::try_from(at).ok().and_then(|at| 1_u64.checked_shl(at)) {
                Some(bit) => bit,
                None => return Err(refuse("at most 64 oneofs")),
            },
        };
        let kind = self.kind(field).map_err(|error| match error {
            Inner::Bad(bad) => bad,
            Inner::Why(why) => refuse(why),
        })?;
        let repeated = field.label == REPEATED;
        if repeated && oneof != 0 {
            return Err(refuse("a repeated field stands in no oneof"));
        }
        Ok(Field { number, name: field.name.clone(), kind, repeated, oneof, bit })
    }

    /// The kind of a field; the numbers are `FieldDescriptorProto.Type`.
    fn kind(&mut self, field: &FieldType) -> Result<Kind, Inner> {
        let options = field.options.clone().unwrap_or_default();
        if options.free_text && field.kind != 9 {
            return Err(Inner::Why("free_text stands on a string field"));
        }
        if options.length != 0 && field.kind != 12 {
            return Err(Inner::Why("length stands on a bytes field"));
        }
        let length = usize::try_from(options.length).ok().filter(|length| *length > 0);
        Ok(match field.kind {
            1 | 2 => return Err(Inner::Why("a ledger counts; floating point is refused")),
            3 | 4 | 18 => Kind::Varint64,
            5 => Kind::Int32,
            6 | 16 => Kind::Fixed64,
            7 | 15 => Kind::Fixed32,
            8 => Kind::Bool,
            9 => Kind::Text { free: options.free_text },
            11 => Kind::Message(self.place(&field.type_name)?.0),
            12 => Kind::Bytes { length },
            13 | 17 => Kind::Varint32,
            14 => Kind::Enum(self.values(&field.type_name)?),
            _ => return Err(Inner::Why("a type that proto3 does not have")),
        })
    }

    fn values(&self, name: &str) -> Result<Vec<i32>, BadSchema> {
        let name = name.strip_prefix('.').unwrap_or(name);
        let found = self.names.enums.get(name);
        let found = found.ok_or_else(|| BadSchema::Declared(name.to_string(), 0))?;
        let mut values: Vec<i32> = found.values.iter().map(|value| value.number).collect();
        values.sort_unstable();
        Ok(values)
    }
}

enum Inner {
    Bad(BadSchema),
    Why(&'static str),
}

impl From<BadSchema> for Inner {
    fn from(bad: BadSchema) -> Self {
        Self::Bad(bad)
    }
}
