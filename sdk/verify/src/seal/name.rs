//! What a pack may be, and which entries it then has.

use crate::said::Detail;
use alloc::format;
use alloc::string::String;

/// What a pack proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file was anchored, by the call `Anchor`.
    Evidence,
    /// A signed statement was registered, with all that stands beside it.
    Whole,
    /// A transaction had this receipt.
    Receipt,
    /// Entries stood in the ledger, or did not.
    State,
    /// An account stood so, and these are all its entries.
    Account,
}

impl Kind {
    pub(super) const ALL: [Self; 5] =
        [Self::Evidence, Self::Whole, Self::Receipt, Self::State, Self::Account];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Evidence | Self::Whole => "evidence",
            Self::Receipt => "receipt",
            Self::State => "state",
            Self::Account => "account",
        }
    }

    /// The name for people.
    pub(crate) fn text(self) -> Detail {
        let zh = match self {
            Self::Evidence | Self::Whole => "存证",
            Self::Receipt => "回执",
            Self::State => "账本状态",
            Self::Account => "账户明细",
        };
        Detail::new(zh, self.name())
    }

    /// The format's number.
    const fn version(self) -> u8 {
        match self {
            Self::Whole => 2,
            _ => 1,
        }
    }

    pub(super) fn line(self) -> String {
        format!("linli {} {}\n", self.name(), self.version())
    }

    /// Whether the files that are proved may stand inside.
    pub(super) const fn holds_files(self) -> bool {
        matches!(self, Self::Whole)
    }

    /// How the entry stands in packs of this kind: needed, allowed, or `None`.
    pub(super) fn wants(self, entry: Name) -> Option<Want> {
        use Name as N;
        match (self, entry) {
            (_, N::Header | N::Certificate | N::Sets) => Some(Want::Needed),
            (Self::Evidence, N::Statement) | (Self::Whole, N::Cose) => Some(Want::Needed),
            (Self::Evidence | Self::Whole, N::Manifest | N::Log) => Some(Want::Needed),
            // Without them a statement is only a leaf, and any contract may append leaves.
            (Self::Evidence | Self::Whole, N::Transaction | N::Receipt) => Some(Want::Needed),
            (Self::Whole, N::ExplanationText | N::ExplanationPage) => Some(Want::Needed),
            (Self::Whole, N::Sm2 | N::Receipts | N::Keys) => Some(Want::Allowed),
            (Self::Whole, N::Token | N::Checkpoint) => Some(Want::Allowed),
            (Self::Whole, N::Platform | N::Policy) => Some(Want::Allowed),
            (Self::Receipt, N::Receipt) | (Self::State, N::Entries) => Some(Want::Needed),
            (Self::Account, N::Entries | N::Lines) => Some(Want::Needed),
            (Self::Receipt, N::Transaction) | (Self::State, N::Answer) => Some(Want::Allowed),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    Needed,
    Allowed,
}

macro_rules! names {
    ($($name:ident = $text:literal,)*) => {
        /// The entries besides `index`, `kind` and the files, in their order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Name {
            $($name,)*
        }

        impl Name {
            pub(super) const ALL: &'static [Self] = &[$(Self::$name),*];

            pub(crate) const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

names! {
    ExplanationText = "explanation.txt",
    ExplanationPage = "explanation.pdf",
    Manifest = "manifest.json",
    Statement = "statement",
    Cose = "statement.cose",
    Sm2 = "statement.sm2",
    Log = "log",
    Receipts = "receipts.cose",
    Keys = "keys",
    Transaction = "transaction",
    Receipt = "receipt",
    Entries = "entries",
    Answer = "answer",
    Lines = "lines",
    Header = "header",
    Certificate = "certificate",
    Sets = "sets",
    Token = "token",
    Checkpoint = "checkpoint",
    Platform = "platform.json",
    Policy = "policy",
}
