//! The strict walk: follows encoded bytes along a message's shape and refuses what is not there.

use super::MessageRef;
use super::cursor::{Cursor, Wire};
use linli_types::code::Code;
use linli_types::limits::{MESSAGE_DEPTH_MAX, PARAM_BYTES_MAX};
use linli_types::receipt::{Param, Refusal};

/// Judges one free text: the kind of personal datum it seems to hold, if any.
pub type TextFilter = dyn Fn(&str) -> Option<&'static str>;

/// The filter that lets every text pass.
pub fn no_filter(_: &str) -> Option<&'static str> {
    None
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The bytes end too early.
    #[error("truncated")]
    Truncated,
    /// A varint in a longer form than needed, or of more than 64 bits.
    #[error("overlong varint")]
    Varint,
    /// A tag of more than 32 bits.
    #[error("bad tag")]
    Tag,
    /// A field that the schema does not know.
    #[error("unknown field")]
    UnknownField,
    /// Another wire type than the schema's.
    #[error("wrong wire type")]
    WireType,
    /// A singular field twice.
    #[error("repeated singular field")]
    Repeated,
    /// Two members of one oneof.
    #[error("two of one oneof")]
    TwoOfOne,
    /// Messages inside messages, too many.
    #[error("nested too deep")]
    Depth,
    /// Text that is not UTF-8.
    #[error("not UTF-8")]
    Utf8,
    /// Bytes of another length than the schema's, or absent.
    #[error("wrong length")]
    Length,
    /// A number outside its type, or an enum value that the schema does not know.
    #[error("value out of range")]
    Range,
    /// A free text that seems to hold a personal datum of this kind.
    #[error("personal data: {0}")]
    Personal(&'static str),
}

/// Why bytes were refused, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Fault {
    /// Names of the fields from the outermost to the place; never input.
    pub path: String,
    /// What is wrong there.
    pub reason: Reason,
}

impl Fault {
    fn under(mut self: Box<Self>, field: &Field) -> Box<Self> {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.path = format!("{}{dot}{}", field.name, self.path);
        self
    }

    /// The refusal that the sender reads. Echoes no input.
    pub fn refusal(&self) -> Refusal {
        match self.reason {
            Reason::Personal(kind) => {
                Code::PiiSuspected.refuse([word(self.path.clone()), word(kind.into())])
            }
            reason if self.path.is_empty() => Code::Malformed.refuse([word(reason.to_string())]),
            _ => Code::Malformed.refuse([word(self.to_string())]),
        }
    }
}

/// A word that fits a parameter. Names of fields are ASCII, so cutting cannot split a character.
fn word(mut word: String) -> Param {
    word.truncate(PARAM_BYTES_MAX);
    Param::Word(word)
}

/// What stands at a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Int32,
    Varint32,
    Varint64,
    Bool,
    Enum(Vec<i32>),
    Fixed64,
    Fixed32,
    Text { free: bool },
    Bytes { length: Option<usize> },
    Message(usize),
}

impl Kind {
    const fn wire(&self) -> Wire {
        match self {
            Self::Int32 | Self::Varint32 | Self::Varint64 | Self::Bool | Self::Enum(_) => {
                Wire::Varint
            }
            Self::Fixed64 => Wire::Fixed64,
            Self::Fixed32 => Wire::Fixed32,
            Self::Text { .. } | Self::Bytes { .. } | Self::Message(_) => Wire::Length,
        }
    }
}

/// One field of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) repeated: bool,
    /// One bit among those of the message's oneofs, or none.
    pub(super) oneof: u64,
    /// Its own bit among those of the message.
    pub(super) bit: u64,
}

/// A message's shape: its fields by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) name: String,
    pub(super) fields: Vec<Field>,
    /// Bits of the fields that must be there: bytes of a fixed length, outside a oneof.
    pub(super) required: u64,
}

impl Shape {
    fn field(&self, number: u32) -> Option<&Field> {
        // Fields are mostly numbered 1, 2, 3 …, so the guess is mostly right.
        let guess = usize::try_from(number).ok()?.checked_sub(1)?;
        if let Some(field) = self.fields.get(guess)
            && field.number == number
        {
            return Some(field);
        }
        let at = self.fields.binary_search_by_key(&number, |field| field.number).ok()?;
        self.fields.get(at)
    }
}

/// See [`super::Schema::walk`].
pub(super) fn walk(
    shapes: &[Shape],
    message: MessageRef,
    bytes: &[u8],
    filter: &TextFilter,
) -> Result<(), Fault> {
    Walk { shapes, filter }.message(message.0, bytes, 1).map_err(|fault| *fault)
}

struct Walk<'a> {
    shapes: &'a [Shape],
    filter: &'a TextFilter,
}

fn at_field(field: &Field, reason: Reason) -> Box<Fault> {
    Box::new(Fault { path: field.name.clone(), reason })
}

fn here(reason: Reason) -> Box<Fault> {
    Box::new(Fault { path: String::new(), reason })
}

impl Walk<'_> {
    fn message(&self, at: usize, bytes: &[u8], depth: usize) -> Result<(), Box<Fault>> {
        if depth > MESSAGE_DEPTH_MAX {
            return Err(here(Reason::Depth));
        }
        let shape = self.shapes.get(at).ok_or_else(|| here(Reason::UnknownField))?;
        let (mut cursor, mut seen, mut oneofs) = (Cursor::new(bytes), 0_u64, 0_u64);
        while !cursor.is_at_end() {
            let (number, wire) = cursor.tag().map_err(here)?;
            let field = shape.field(number).ok_or_else(|| here(Reason::UnknownField))?;
            if seen & field.bit != 0 && !field.repeated {
                return Err(at_field(field, Reason::Repeated));
            }
            if oneofs & field.oneof != 0 {
                return Err(at_field(field, Reason::TwoOfOne));
            }
            seen |= field.bit;
            oneofs |= field.oneof;
            self.field(field, wire, &mut cursor, depth)?;
        }
        match shape.fields.iter().find(|field| field.bit & shape.required & !seen != 0) {
            Some(absent) => Err(at_field(absent, Reason::Length)),
            None => Ok(()),
        }
    }

    fn field(
        &self,
        field: &Field,
        wire: Wire,
        cursor: &mut Cursor<'_>,
        depth: usize,
    ) -> Result<(), Box<Fault>> {
        let expected = field.kind.wire();
        if wire == expected {
            return match &field.kind {
                Kind::Message(at) => {
                    let bytes = cursor.bytes().map_err(|reason| at_field(field, reason))?;
                    self.message(*at, bytes, depth + 1).map_err(|fault| fault.under(field))
                }
                kind => self.value(kind, cursor).map_err(|reason| at_field(field, reason)),
            };
        }
        let packed = field.repeated && expected != Wire::Length && wire == Wire::Length;
        if !packed {
            return Err(at_field(field, Reason::WireType));
        }
        let mut inner = Cursor::new(cursor.bytes().map_err(|reason| at_field(field, reason))?);
        while !inner.is_at_end() {
            self.value(&field.kind, &mut inner).map_err(|reason| at_field(field, reason))?;
        }
        Ok(())
    }

    fn value(&self, kind: &Kind, cursor: &mut Cursor<'_>) -> Result<(), Reason> {
        match kind {
            Kind::Varint64 => cursor.varint().map(drop),
            Kind::Varint32 => in_range(u32::try_from(cursor.varint()?).is_ok()),
            Kind::Int32 => int32(cursor.varint()?).map(drop),
            Kind::Bool => in_range(cursor.varint()? <= 1),
            Kind::Enum(known) => {
                let value = int32(cursor.varint()?)?;
                in_range(known.binary_search(&value).is_ok())
            }
            Kind::Fixed64 => cursor.take(8).map(drop),
            Kind::Fixed32 => cursor.take(4).map(drop),
            Kind::Text { free } => self.text(cursor.bytes()?, *free),
            Kind::Bytes { length: None } => cursor.bytes().map(drop),
            Kind::Bytes { length: Some(length) } => {
                let found = cursor.bytes()?.len();
                if found == *length { Ok(()) } else { Err(Reason::Length) }
            }
            // Messages are walked by `field`, which knows the depth.
            Kind::Message(_) => Err(Reason::WireType),
        }
    }

    fn text(&self, bytes: &[u8], free: bool) -> Result<(), Reason> {
        let text = std::str::from_utf8(bytes).map_err(|_| Reason::Utf8)?;
        match free.then(|| (self.filter)(text)).flatten() {
            Some(kind) => Err(Reason::Personal(kind)),
            None => Ok(()),
        }
    }
}

const fn in_range(holds: bool) -> Result<(), Reason> {
    if holds { Ok(()) } else { Err(Reason::Range) }
}

/// Negative numbers are spelled with all 64 bits.
fn int32(value: u64) -> Result<i32, Reason> {
    i32::try_from(value.cast_signed()).map_err(|_| Reason::Range)
}
