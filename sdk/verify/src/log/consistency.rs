//! The consistency proof as `linli evidence consistency` writes it: JSON in one spelling.
//!
//! ```text
//! { "chain", "from", "from_root", "to", "to_root", "path": […],     digests in hexadecimal
//!   "from_block": { "certificate", "header" }, "to_block": …,       borsh in base64; where a block
//!   "sets" }                                                        ends at that size
//! ```
//!
//! Members stand in the order of their names, so that other programs' sorted JSON is the same.

use super::{Known, Word, certificate, same_chain};
use crate::base64;
use crate::check::Trust;
use crate::failure::{Failure, Reason};
use crate::pack::SetChange;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use borsh::BorshDeserialize;
use linli_types::certificate::Certificate;
use linli_types::header::Header;
use linli_types::id::{ChainId, Digest};
use linli_types::limits::{LOG_PATH_MAX, PACK_BYTES_MAX};
use linli_types::merkle::{Sha256Log, is_consistent};
use linli_types::signature::Verify;
use serde::{Deserialize, Serialize};

/// The way from an older log to a newer one, unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistency {
    /// The chain.
    pub chain: ChainId,
    /// The older log.
    pub from: End,
    /// The newer one.
    pub to: End,
    /// The nodes that RFC 9162 §2.1.4 lists.
    pub path: Vec<Digest>,
    /// Every change of the set since the genesis, as far as the blocks need them.
    pub sets: Vec<SetChange>,
}

/// The log of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Leaves.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
    /// A block after which the log was so, if there is one.
    pub block: Option<Block>,
}

/// A certified header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The header.
    pub header: Header,
    /// The validators' signatures.
    pub certificate: Certificate,
}

/// That one log is the beginning of the other, and whose word both roots are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The chain's name, by its genesis.
    pub name: String,
    /// The chain.
    pub chain: ChainId,
    /// The older log.
    pub from: Known,
    /// The newer one.
    pub to: Known,
}

/// The members, in the order of their names.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    chain: String,
    from: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from_block: Option<WrittenBlock>,
    from_root: String,
    path: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sets: Option<String>,
    to: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to_block: Option<WrittenBlock>,
    to_root: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBlock {
    certificate: String,
    header: String,
}

impl WrittenBlock {
    fn of(block: &Block) -> Self {
        let certificate = base64::encode(&linli_types::encode(&block.certificate));
        Self { certificate, header: base64::encode(&block.header.to_bytes()) }
    }

    fn read(&self) -> Option<Block> {
        let header = Header::from_bytes(&base64::decode(&self.header)?).ok()?;
        Some(Block { header, certificate: decode(&self.certificate)? })
    }
}

fn decode<T: BorshDeserialize>(text: &str) -> Option<T> {
    borsh::from_slice(&base64::decode(text)?).ok()
}

impl Consistency {
    /// Reads a file in its one spelling.
    ///
    /// # Errors
    ///
    /// [`Failure`]: it is none.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Failure> {
        let malformed = || Failure::plain(Reason::ConsistencyMalformed);
        if bytes.len() > PACK_BYTES_MAX {
            return Err(malformed());
        }
        let written: Written = serde_json::from_slice(bytes).map_err(|_| malformed())?;
        let read = Self::read(&written).ok_or_else(malformed)?;
        if read.to_json().as_bytes() == bytes { Ok(read) } else { Err(malformed()) }
    }

    fn read(written: &Written) -> Option<Self> {
        if written.path.len() > LOG_PATH_MAX {
            return None;
        }
        let block = |block: &Option<WrittenBlock>| match block {
            None => Some(None),
            Some(block) => block.read().map(Some),
        };
        let end = |size, root: &str, written| {
            Some(End { size, root: root.parse().ok()?, block: block(written)? })
        };
        Some(Self {
            chain: written.chain.parse().ok()?,
            from: end(written.from, &written.from_root, &written.from_block)?,
            to: end(written.to, &written.to_root, &written.to_block)?,
            path: written.path.iter().map(|node| node.parse().ok()).collect::<Option<_>>()?,
            sets: written.sets.as_deref().map_or(Some(Vec::new()), decode)?,
        })
    }

    /// The file's text, with its last newline.
    pub fn to_json(&self) -> String {
        let block = |end: &End| end.block.as_ref().map(WrittenBlock::of);
        let sets = || base64::encode(&linli_types::encode(&self.sets));
        let written = Written {
            chain: self.chain.to_string(),
            from: self.from.size,
            from_block: block(&self.from),
            from_root: self.from.root.to_string(),
            path: self.path.iter().map(Digest::to_string).collect(),
            sets: (!self.sets.is_empty()).then(sets),
            to: self.to.size,
            to_block: block(&self.to),
            to_root: self.to.root.to_string(),
        };
        // Strings and numbers are always JSON.
        let mut text = serde_json::to_string_pretty(&written).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Checks the way, and that both roots are tied: by the blocks inside, or by what is known
    /// beside (G1, G2).
    ///
    /// # Errors
    ///
    /// [`Failure`] names the layer that does not hold.
    pub fn check(
        &self,
        genesis: &[u8],
        beside: &[Known],
        verify: &dyn Verify,
    ) -> Result<Proved, Failure> {
        let trust = Trust::read(genesis)?;
        same_chain(&self.chain, &trust)?;
        let (from, to) = (&self.from, &self.to);
        if !is_consistent::<Sha256Log>((from.size, from.root), (to.size, to.root), &self.path) {
            return Err(Failure::new(Reason::LogConsistency, [from.size, to.size]));
        }
        let no_end = |known: &&Known| known.size != from.size && known.size != to.size;
        if let Some(known) = beside.iter().find(no_end) {
            return Err(Failure::new(Reason::LogNoEnd, [known.size, from.size, to.size]));
        }
        let tied = |end: &End| -> Result<Known, Failure> {
            let mut by = Vec::new();
            by.extend(self.block(end, genesis, verify)?);
            for known in beside.iter().filter(|known| known.size == end.size) {
                if known.root != end.root {
                    return Err(Failure::new(Reason::LogRootOther, [end.size])); // INV-G2
                }
                by.extend(known.by.iter().cloned());
            }
            match by.is_empty() {
                true => Err(Failure::new(Reason::LogUntied, [end.size])), // INV-G1
                false => Ok(Known { size: end.size, root: end.root, by }),
            }
        };
        let (from, to) = (tied(from)?, tied(to)?);
        Ok(Proved { name: trust.name, chain: trust.chain, from, to })
    }

    /// The word of the validators for an end, if a block is inside.
    fn block(
        &self,
        end: &End,
        genesis: &[u8],
        verify: &dyn Verify,
    ) -> Result<Option<Word>, Failure> {
        let Some(Block { header, certificate: signed }) = &end.block else { return Ok(None) };
        let below = |change: &&SetChange| change.header.height < header.height;
        let sets: Vec<SetChange> = self.sets.iter().filter(below).cloned().collect();
        let word = certificate(header, signed, &sets, genesis, verify)?;
        match (header.log_size, header.log_root) == (end.size, end.root) {
            true => Ok(Some(word)),
            false => Err(Failure::new(Reason::LogRootOther, [end.size])), // INV-G2
        }
    }
}
