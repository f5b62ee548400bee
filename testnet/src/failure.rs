//! Why a command of `linli-testnet` ended badly: what, why, and what to do.

use linli_types::code::Lang;
use std::fmt;

/// A failure with a hint and an exit code.
#[derive(Debug)]
pub struct Failure {
    what: String,
    hint: Option<String>,
    /// 1 refused or a law broken, 2 wrong usage, 3 broken.
    pub exit: u8,
}

impl Failure {
    /// Something on this machine or in a node is broken: exit 3.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None, exit: 3 }
    }

    /// The command was asked for what cannot be: exit 2.
    pub fn usage(what: impl Into<String>) -> Self {
        Self { exit: 2, ..Self::new(what) }
    }

    /// A law did not hold: exit 1.
    pub fn law(what: impl Into<String>) -> Self {
        Self { exit: 1, ..Self::new(what) }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<linli_sdk::Error> for Failure {
    fn from(error: linli_sdk::Error) -> Self {
        let exit = error.kind().exit_code();
        let failure = Self { exit, ..Self::new(error.text(Lang::En)) };
        failure.hint(error.hint(Lang::En))
    }
}
