//! Saying no: a code of the contract's schema and typed parameters. Never text: texts stand in
//! the schema and are rendered at the edge.

use alloc::vec::Vec;
use linli_types::wire::{Param, param::Value};

/// The rules said no. Nothing takes effect; the receipt keeps the code and the parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Number of the schema's `Refusal` value.
    pub code: u32,
    /// For `{0}`, `{1}` … of its text: at most `limits::PARAMS_MAX`.
    pub params: Vec<Param>,
}

/// The schema's `Refusal` enum. Implemented by the build script.
pub trait Code: Sized {
    /// The stable number.
    fn number(self) -> u32;

    /// A refusal with this code.
    fn refuse<const N: usize>(self, params: [Param; N]) -> Refusal {
        Refusal { code: self.number(), params: params.into() }
    }
}

/// A number as a parameter.
pub const fn number(value: u64) -> Param {
    Param { value: Some(Value::Number(value)) }
}

/// Bytes as a parameter: an id, a digest.
pub fn bytes(value: &[u8]) -> Param {
    Param { value: Some(Value::Bytes(value.into())) }
}

/// A word of the contract's own as a parameter, such as a field's name. Never what a user typed.
pub fn word(value: &'static str) -> Param {
    Param { value: Some(Value::Word(value.into())) }
}
