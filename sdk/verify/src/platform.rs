//! The platform statement: who keeps the ledger, by whose leave, and who is behind each node.
//!
//! ```json
//! {"certificates":[{"issuer":"…","kind":"…","number":"…","valid_from":0,"valid_until":0}],
//!  "filing":"…","name":"…","nodes":[{"interests":"…","name":"district","owner":"…"}],
//!  "valid_from":0,"valid_until":0}
//! ```
//!
//! It is what the platform says of itself (online litigation rules, article 17). The manifest holds
//! its digest, so it cannot be written afterwards; whether it is true, a court asks the authorities.
//!
//! # Invariants
//!
//! - **N1 canonical.** One spelling, as of a manifest.

use crate::manifest::{number, unread};
use crate::said::Detail;
use alloc::string::String;
use alloc::vec::Vec;
use linli_types::height::TimeMs;
use linli_types::limits::{PLATFORM_BYTES_MAX, TEXT_BYTES_MAX, VALIDATORS_MAX};
use serde::{Deserialize, Serialize};

/// Certificates of one statement.
const CERTIFICATES_MAX: usize = 16;

/// What the platform says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    // In the order of their keys (N1).
    /// Graded protection, cryptography assessment, and others.
    pub certificates: Vec<Certificate>,
    /// The number under which the service is filed (LEG-21).
    pub filing: String,
    /// The platform's name.
    pub name: String,
    /// Who is behind each node.
    pub nodes: Vec<Node>,
    /// From when it holds, milliseconds since 1970 UTC.
    #[serde(with = "number")]
    pub valid_from: u64,
    /// Until when.
    #[serde(with = "number")]
    pub valid_until: u64,
}

/// A certificate that an authority gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Who gave it.
    pub issuer: String,
    /// What it certifies.
    pub kind: String,
    /// Its number.
    pub number: String,
    /// From when it holds, milliseconds since 1970 UTC.
    #[serde(with = "number")]
    pub valid_from: u64,
    /// Until when.
    #[serde(with = "number")]
    pub valid_until: u64,
}

/// A node, and who is behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// What interests its owner declares; empty for none.
    pub interests: String,
    /// Its name, by the genesis or the change that brought it.
    pub name: String,
    /// Who owns it.
    pub owner: String,
}

impl Platform {
    /// The exact bytes.
    ///
    /// # Panics
    ///
    /// Never: text and numbers make JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text and numbers make JSON")
    }

    /// Reads a statement (N1).
    ///
    /// # Errors
    ///
    /// What is wrong with it; the fault lies with whoever wrote it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Detail> {
        if bytes.len() > PLATFORM_BYTES_MAX {
            return Err(Detail::new("超出大小上限", "larger than any may be"));
        }
        let platform: Self = serde_json::from_slice(bytes).map_err(|e| unread(&e))?;
        platform.check()?;
        if platform.to_bytes() != bytes {
            return Err(Detail::new("不是规范写法", "not the canonical spelling"));
        }
        Ok(platform)
    }

    /// Checks what the spelling cannot say.
    ///
    /// # Errors
    ///
    /// What is wrong; the fault lies with whoever wrote it.
    pub fn check(&self) -> Result<(), Detail> {
        if self.nodes.len() > VALIDATORS_MAX || self.certificates.len() > CERTIFICATES_MAX {
            return Err(Detail::new("节点或证书过多", "too many nodes or certificates"));
        }
        let certificates = self.certificates.iter().flat_map(|c| [&c.issuer, &c.kind, &c.number]);
        let nodes = self.nodes.iter().flat_map(|n| [&n.interests, &n.name, &n.owner]);
        let odd =
            |text: &&String| text.len() > TEXT_BYTES_MAX || text.contains(|c: char| c.is_control());
        if [&self.filing, &self.name].into_iter().chain(certificates).chain(nodes).any(|t| odd(&t))
        {
            return Err(Detail::new("文字过长或含控制字符", "a text is too long or not plain"));
        }
        Ok(())
    }

    /// Whether it held at a time.
    pub const fn holds_at(&self, time: TimeMs) -> bool {
        self.valid_from <= time.0 && time.0 <= self.valid_until
    }
}

impl Certificate {
    /// Whether it held at a time.
    pub const fn holds_at(&self, time: TimeMs) -> bool {
        self.valid_from <= time.0 && time.0 <= self.valid_until
    }
}
