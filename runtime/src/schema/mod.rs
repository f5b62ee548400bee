//! What a room says about itself (design D8), compiled: methods, messages, events, entries,
//! refusal texts. Sorted vectors, no reflection on the way of a transaction.
//!
//! A schema decides which bytes are well formed, never what they mean.
//!
//! # Invariants
//!
//! - **C1 whole.** Every message that a method, an event or an entry can reach is compiled, and
//!   compiles only if the walk can judge it: no floats, no groups, at most 64 fields.
//! - **C2 strict.** [`Schema::walk`] accepts bytes that every protobuf reader of the schema reads
//!   in the same way, and nothing else.

mod compile;
pub(crate) mod cursor;
mod descriptor;
#[cfg(test)]
pub(crate) mod tests;
mod walk;

pub use walk::{Fault, Reason, TextFilter, no_filter};

use linli_types::code::Lang;
use std::collections::BTreeMap;

/// Fields of one message: the walk keeps one bit for each.
pub const FIELDS_MAX: usize = 64;
/// Messages that one schema may reach.
pub const MESSAGES_MAX: usize = 1024;

/// Why a descriptor set was refused. The fault lies with the room's author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSchema {
    /// Not a descriptor set.
    #[error("the bytes are no file descriptor set")]
    Unreadable,
    /// No package with the services, or more than one.
    #[error("{0} packages declare `service Calls` or `service Queries`; exactly one must")]
    Packages(usize),
    /// A file other than proto3.
    #[error("package {0} is not proto3")]
    NotProto3(String),
    /// A name that nothing declares, or two things do.
    #[error("{0} is declared {1} times; exactly once is right")]
    Declared(String, usize),
    /// A type, label or shape that the strict walk does not judge.
    #[error("{name}: {why}")]
    Unsupported {
        /// Message, field, method or enum value.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// A message of a [`Schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageRef(usize);

/// A method: what it takes and what it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// Its name, e.g. `Transfer`.
    pub name: String,
    /// The message of its arguments.
    pub request: MessageRef,
    /// The message of its result.
    pub response: MessageRef,
}

/// The texts of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Texts {
    name: String,
    zh: (String, String),
    en: (String, String),
}

/// A room's schema, compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    messages: Vec<walk::Shape>,
    calls: Vec<Method>,
    queries: Vec<Method>,
    events: Vec<(String, MessageRef)>,
    storage: Vec<(String, MessageRef)>,
    refusals: BTreeMap<u32, Texts>,
}

impl Schema {
    /// Compiles a contract's descriptor set: the one package in it that declares `service Calls`
    /// or `service Queries`.
    ///
    /// # Errors
    ///
    /// [`BadSchema`]; the fault lies with the contract's author.
    pub fn parse(set: &[u8]) -> Result<Self, BadSchema> {
        compile::compile(set, None, &[])
    }

    /// Compiles one package of a descriptor set, e.g. `linli.accounts.v1` of
    /// [`linli_types::wire::DESCRIPTORS`].
    ///
    /// # Errors
    ///
    /// [`BadSchema`] as in [`parse`](Self::parse).
    pub fn of_package(set: &[u8], package: &str) -> Result<Self, BadSchema> {
        compile::compile(set, Some(package), &[])
    }

    /// Compiles the named messages of a descriptor set, without a room around them.
    ///
    /// # Errors
    ///
    /// [`BadSchema`] as in [`parse`](Self::parse).
    pub(crate) fn of_messages(set: &[u8], names: &[&str]) -> Result<Self, BadSchema> {
        compile::compile(set, Some(""), names)
    }

    /// Methods that transactions may call, by name.
    pub fn calls(&self) -> &[Method] {
        &self.calls
    }

    /// Methods that readers may ask, by name.
    pub fn queries(&self) -> &[Method] {
        &self.queries
    }

    /// The method that transactions call by this name.
    pub fn call(&self, name: &str) -> Option<&Method> {
        find(&self.calls, name)
    }

    /// The method that readers ask by this name.
    pub fn query(&self, name: &str) -> Option<&Method> {
        find(&self.queries, name)
    }

    /// Events: full name and message, by name.
    pub fn events(&self) -> &[(String, MessageRef)] {
        &self.events
    }

    /// The event of this full name.
    pub fn event(&self, kind: &str) -> Option<MessageRef> {
        let at = self.events.binary_search_by(|(name, _)| name.as_str().cmp(kind)).ok()?;
        self.events.get(at).map(|(_, message)| *message)
    }

    /// Entries: the first bytes of their keys, and the message of their values.
    pub fn storage(&self) -> &[(String, MessageRef)] {
        &self.storage
    }

    /// The full name of a message.
    pub fn message_name(&self, message: MessageRef) -> &str {
        self.messages.get(message.0).map_or("", |shape| shape.name.as_str())
    }

    /// The message of this full name, if the room can reach it.
    pub fn message(&self, name: &str) -> Option<MessageRef> {
        self.messages.iter().position(|shape| shape.name == name).map(MessageRef)
    }

    /// Numbers and names of the room's own refusals, by number.
    pub fn refusals(&self) -> impl Iterator<Item = (u32, &str)> {
        self.refusals.iter().map(|(code, texts)| (*code, texts.name.as_str()))
    }

    /// Whether the room declares this refusal.
    pub fn has_refusal(&self, code: u32) -> bool {
        self.refusals.contains_key(&code)
    }

    /// Text of a refusal with places for parameters (see [`linli_types::code::fill`]), and what to
    /// do next (may be empty).
    pub fn refusal_text(&self, code: u32, lang: Lang) -> Option<(&str, &str)> {
        let texts = self.refusals.get(&code)?;
        let (text, next) = match lang {
            Lang::Zh => &texts.zh,
            Lang::En => &texts.en,
        };
        Some((text, next))
    }

    /// Whether `bytes` are one well-formed `message`, strictly (C2): no unknown field, no wrong
    /// wire type, no singular field twice, no two of a oneof, right `length`s, shortest varints,
    /// valid UTF-8, at most [`linli_types::limits::MESSAGE_DEPTH_MAX`] messages deep. `filter`
    /// reads the fields marked `free_text`. Allocates nothing unless it refuses.
    ///
    /// # Errors
    ///
    /// [`Fault`] with the place; the fault lies with whoever wrote the bytes.
    pub fn walk(
        &self,
        message: MessageRef,
        bytes: &[u8],
        filter: &TextFilter,
    ) -> Result<(), Fault> {
        walk::walk(&self.messages, message, bytes, filter)
    }
}

fn find<'a>(methods: &'a [Method], name: &str) -> Option<&'a Method> {
    let at = methods.binary_search_by(|method| method.name.as_str().cmp(name)).ok()?;
    methods.get(at)
}
