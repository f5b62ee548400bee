//! The native codes: why something was refused, in words, and what to do next.
//!
//! A code's number and name never change and are never used again for something else. Contracts
//! have codes of their own, in their schemas. Texts are rendered at the edge and never hashed.
//! `{0}`, `{1}` … stand for the refusal's typed parameters.

#[macro_use]
mod define;
#[macro_use]
mod rules;
#[macro_use]
mod accounts;
#[macro_use]
mod requests;
mod table;

pub use table::Code;

use crate::receipt::{Param, Refusal};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// A language that texts come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Lang {
    /// 中文.
    #[default]
    Zh,
    /// English.
    En,
}

/// Whether anything was recorded when this code is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Nothing: the request never entered a block.
    No,
    /// A refusal receipt stands in a block; nothing else changed.
    Receipt,
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Code {
    /// The code with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }

    /// A refusal with this code.
    pub fn refuse(self, params: impl Into<Vec<Param>>) -> Refusal {
        Refusal { room: String::new(), code: self.number(), params: params.into() }
    }
}

/// Fills `{0}`, `{1}` … of `text` with `params`.
pub fn fill(text: &str, params: &[Param]) -> String {
    let fill_one = |text: String, (i, param): (usize, &Param)| {
        text.replace(&alloc::format!("{{{i}}}"), &param.to_string())
    };
    params.iter().enumerate().fold(text.to_string(), fill_one)
}

#[cfg(test)]
mod tests;
