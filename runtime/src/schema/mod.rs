//! What a room says about itself, compiled for use.

use linli_types::code::Lang;

/// Why a descriptor set was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schema is unusable: {0}")]
pub struct BadSchema(pub String);

/// A room's schema, compiled.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    calls: Vec<String>,
}

impl Schema {
    /// Compiles a contract's descriptor set: the one package in it that declares `service Calls`
    /// or `service Queries`.
    ///
    /// # Errors
    ///
    /// [`BadSchema`]; the fault lies with the contract's author.
    pub fn parse(_set: &[u8]) -> Result<Self, BadSchema> {
        Ok(Self::default())
    }

    /// Compiles one package of a descriptor set, e.g. `linli.accounts.v1` of
    /// [`linli_types::wire::DESCRIPTORS`].
    ///
    /// # Errors
    ///
    /// [`BadSchema`] as in [`parse`](Self::parse).
    pub fn of_package(_set: &[u8], _package: &str) -> Result<Self, BadSchema> {
        Ok(Self::default())
    }

    /// Methods that transactions may call.
    pub fn calls(&self) -> impl Iterator<Item = &str> {
        self.calls.iter().map(String::as_str)
    }

    /// Methods that readers may ask.
    pub fn queries(&self) -> impl Iterator<Item = &str> {
        self.calls.iter().map(String::as_str)
    }

    /// Text of a refusal and what to do next.
    pub fn refusal_text(&self, _code: u32, _lang: Lang) -> Option<(&str, &str)> {
        None
    }
}
