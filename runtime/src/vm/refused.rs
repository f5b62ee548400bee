//! Why a module may not be deployed: one variant per rule.

use crate::schema::BadSchema;

/// Why a module may not be deployed. The fault lies with the contract's author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeployRefused {
    /// Too many bytes.
    #[error("the module has {found} bytes; at most {max} are allowed")]
    TooLarge {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Not a module of the first WebAssembly version with mutable globals.
    #[error("not a valid module (WebAssembly 1.0 with mutable globals): {0}")]
    Invalid(String),
    /// Valid but for floating point.
    #[error("floating point in types or instructions: results could differ between machines ({0})")]
    Floats(String),
    /// An import from elsewhere, or one that the host does not have.
    #[error("foreign import {module}.{name}: only functions of {host} can be imported", host = linli_types::abi::MODULE)]
    ForeignImport {
        /// Its module.
        module: String,
        /// Its name.
        name: String,
    },
    /// An import of the host with other arguments or result.
    #[error("import {0} has another signature than the host's")]
    ImportSignature(String),
    /// A start function would run before any entry, without a cause.
    #[error("a start function is not allowed: use `init`")]
    Start,
    /// No `memory`, no `alloc`, no entry at all, or none for what the schema offers.
    #[error("the module does not export {0}")]
    MissingExport(&'static str),
    /// An export of the host's interface with another type.
    #[error("export {0} has another type than the host expects")]
    ExportType(&'static str),
    /// Too much memory at the start.
    #[error("the module starts with {found} bytes of memory; at most {max} are allowed")]
    Memory {
        /// Bytes found.
        found: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// Too large a table, or more than one.
    #[error("the module has {found} table entries; at most {max} in one table are allowed")]
    Table {
        /// Entries found.
        found: u64,
        /// Entries allowed.
        max: u64,
    },
    /// Too many functions.
    #[error("the module has {found} functions; at most {max} are allowed")]
    Functions {
        /// Functions found.
        found: u32,
        /// Functions allowed.
        max: u32,
    },
    /// Too many arguments and locals in one function.
    #[error("function {function} has {found} arguments and locals; at most {max} are allowed")]
    Locals {
        /// The function's index.
        function: u32,
        /// Locals found.
        found: u32,
        /// Locals allowed.
        max: u32,
    },
    /// One function alone needs more than the whole stack.
    #[error("function {function} needs {found} units of stack; at most {max} are there")]
    Frame {
        /// The function's index.
        function: u32,
        /// Units needed.
        found: u64,
        /// Units there are.
        max: u64,
    },
    /// A data or element segment that does not fit, or whose place is not a constant.
    #[error("a {0} segment lies outside what it fills")]
    Segment(&'static str),
    /// No section with the contract's descriptor set, or two.
    #[error("the module has {0} sections called {section}; exactly one is right", section = linli_types::abi::SCHEMA_SECTION)]
    SchemaSections(usize),
    /// A descriptor set that does not compile.
    #[error(transparent)]
    Schema(#[from] BadSchema),
    /// The engine refused what the checks let pass.
    #[error("the engine cannot compile the module: {0}")]
    Engine(String),
}

impl DeployRefused {
    /// The rule that is broken, in one word: nothing of the module's own text.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "size",
            Self::Invalid(_) => "invalid",
            Self::Floats(_) => "floats",
            Self::ForeignImport { .. } => "foreign-import",
            Self::ImportSignature(_) => "import-signature",
            Self::Start => "start-function",
            Self::MissingExport(_) => "missing-export",
            Self::ExportType(_) => "export-type",
            Self::Memory { .. } => "memory",
            Self::Table { .. } => "table",
            Self::Functions { .. } => "functions",
            Self::Locals { .. } => "locals",
            Self::Frame { .. } => "stack",
            Self::Segment(_) => "segment",
            Self::SchemaSections(_) => "schema-sections",
            Self::Schema(_) => "schema",
            Self::Engine(_) => "engine",
        }
    }
}
