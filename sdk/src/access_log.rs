//! The access log of one node, as bytes: entries, the chain over them, the signed head; and how
//! whoever reads a part of it checks that part.
//!
//! ```text
//!  start ─▶ link 1 ─▶ link 2 ─▶ … ─▶ link n = head, signed with the node's network key
//!             ▲          ▲
//!           entry 1    digest of entry 2, which is about someone else
//! ```
//!
//! Node and client share this page, so both hash and sign the same bytes. It opens nothing.
//!
//! What it proves: nothing that stood in the log when a head was signed is changed, moved or taken
//! out later without showing. What it cannot prove to a person: that the entries shown as digests
//! are not about them. An auditor sees every entry.
//!
//! # Invariants
//!
//! - **A1 chained.** Every digest covers all entries before it, this chain and this node.
//! - **A2 salted.** An entry's digest says nothing to whoever does not know the entry.

use crate::error::{Error, ErrorKind};
use crate::key::SecretKey;
use borsh::{BorshDeserialize, BorshSerialize};
use linli_proto::{AccessLink, AccessLogResponse};
use linli_types::digest;
use linli_types::height::TimeMs;
use linli_types::id::{ChainId, Digest, PrincipalId, PublicKey, Signature};
use linli_types::limits;
use linli_types::signature::Verify;

/// What stands before the bytes of an entry.
const ENTRY: &[u8] = b"linli.access-entry.v1\0";
/// What stands before the two digests of a link.
const LINK: &[u8] = b"linli.access-link.v1\0";
/// What stands before chain and node at the chain's start.
const START: &[u8] = b"linli.access-start.v1\0";
/// What stands before chain and head where a head is signed.
const HEAD: &[u8] = b"linli.access-head.v1\0";

/// Whose data was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Subject {
    /// One principal's.
    Principal(PrincipalId),
    /// Everybody's: a whole stream.
    All,
}

/// One read of somebody's data by somebody else.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Entry {
    /// The node's clock when it was answered.
    pub time: TimeMs,
    /// Who read; `None` for a validator's own key.
    pub reader: Option<PrincipalId>,
    /// The key that signed the read.
    pub key: PublicKey,
    /// The reader's organisation; 0 for none.
    pub org: u32,
    /// The method, e.g. `Query`.
    pub method: String,
    /// Whose data.
    pub subject: Subject,
    /// BLAKE3 of the request's bytes.
    pub request: Digest,
    /// Random (A2).
    pub salt: [u8; 16],
}

/// What a node's log is at one moment.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Head {
    /// The node's network key, which the genesis names.
    pub node: PublicKey,
    /// Entries.
    pub count: u64,
    /// The chain's digest after the last of them.
    pub digest: Digest,
    /// The node's clock.
    pub time: TimeMs,
}

/// A head with the node's signature.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SignedHead {
    /// The head.
    pub head: Head,
    /// By the node's network key.
    pub signature: Signature,
}

/// The chain's digest before the first entry (A1).
pub fn start(chain: &ChainId, node: &PublicKey) -> Digest {
    digest::plain(&[START, &chain.0, &node.0].concat())
}

/// The digest of an entry's bytes.
pub fn entry_digest(entry: &[u8]) -> Digest {
    digest::plain(&[ENTRY, entry].concat())
}

/// The chain's digest after one more entry.
pub fn link(before: &Digest, entry: &Digest) -> Digest {
    digest::plain(&[LINK, &before.0, &entry.0].concat())
}

impl SignedHead {
    /// Signs a head with the node's network key.
    pub fn sign(chain: &ChainId, head: Head, key: &SecretKey) -> Self {
        let signature = key.sign(&Self::signing_bytes(chain, &head));
        Self { head, signature }
    }

    /// Whether the node that the head names has signed it.
    pub fn holds(&self, chain: &ChainId, verify: &dyn Verify) -> bool {
        let bytes = Self::signing_bytes(chain, &self.head);
        verify.verify(&self.head.node, &bytes, &self.signature)
    }

    /// The name under which a head is anchored as a file.
    pub fn file_name(&self) -> String {
        let node = self.head.node.to_string();
        let (node, count) = (node.get(..16).unwrap_or_default(), self.head.count);
        format!("access-{node}-{count}.head")
    }

    fn signing_bytes(chain: &ChainId, head: &Head) -> Vec<u8> {
        [HEAD, &chain.0, &linli_types::encode(head)].concat()
    }
}

/// What a reader was shown of one node's log, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// What the log was.
    pub head: Head,
    /// The entries shown, with their index, in order.
    pub entries: Vec<(u64, Entry)>,
    /// The last head that the node has anchored; the chain above goes through it.
    pub anchored: Option<Anchored>,
}

/// A head that stands on the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchored {
    /// The head.
    pub head: SignedHead,
    /// The evidence pack that proves it, for `linli-verify`.
    pub pack: Vec<u8>,
}

/// Reads a log part by part, checking as it goes.
#[derive(Debug)]
pub struct Reading {
    chain: ChainId,
    node: Option<PublicKey>,
    next: u64,
    digest: Digest,
    entries: Vec<(u64, Entry)>,
    anchored: Option<Anchored>,
}

impl Reading {
    /// Begins at the log's start.
    pub const fn new(chain: ChainId) -> Self {
        let (node, digest) = (None, Digest([0; 32]));
        Self { chain, node, next: 0, digest, entries: Vec::new(), anchored: None }
    }

    /// The index to ask for next.
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Takes one answer; the head once the log is read whole up to it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadAnswer`]: what no honest node answers.
    pub fn take(
        &mut self,
        answer: &AccessLogResponse,
        verify: &dyn Verify,
    ) -> Result<Option<Head>, Error> {
        let signed = self.head(&answer.head, verify)?;
        if self.node.is_none() {
            self.node = Some(signed.head.node);
            self.digest = start(&self.chain, &signed.head.node);
            self.anchored = self.anchored(answer, verify)?;
        }
        if answer.from != self.next || answer.before != self.digest.0 {
            return Err(bad("the part does not follow the one before"));
        }
        self.check_anchor()?;
        for link in &answer.links {
            self.add(link)?;
        }
        match (self.next == signed.head.count, self.digest == signed.head.digest) {
            (true, true) => Ok(Some(signed.head)),
            (true, false) => Err(bad("the entries are not those of the signed head")),
            (false, _) if answer.links.is_empty() || self.next > signed.head.count => {
                Err(bad("it does not end where its head says"))
            }
            (false, _) => Ok(None),
        }
    }

    /// Everything read, once [`Self::take`] has answered with `head`.
    pub fn finish(self, head: Head) -> Log {
        Log { head, entries: self.entries, anchored: self.anchored }
    }

    fn head(&self, bytes: &[u8], verify: &dyn Verify) -> Result<SignedHead, Error> {
        let signed = SignedHead::try_from_slice(bytes).map_err(|_| bad("no head"))?;
        if self.node.is_some_and(|node| node != signed.head.node) {
            return Err(bad("another node answers"));
        }
        if !signed.holds(&self.chain, verify) {
            return Err(bad("the head's signature does not hold"));
        }
        Ok(signed)
    }

    /// The anchored head, which the links to come must meet.
    fn anchored(
        &self,
        answer: &AccessLogResponse,
        verify: &dyn Verify,
    ) -> Result<Option<Anchored>, Error> {
        if answer.anchored_head.is_empty() {
            return Ok(None);
        }
        let head = self.head(&answer.anchored_head, verify)?;
        Ok(Some(Anchored { head, pack: answer.anchored_pack.clone() }))
    }

    fn add(&mut self, link_of: &AccessLink) -> Result<(), Error> {
        let digest = match link_of.entry.as_slice() {
            [] => {
                Digest::from_slice(&link_of.digest).ok_or_else(|| bad("a link without digest"))?
            }
            bytes if bytes.len() > limits::ACCESS_ENTRY_BYTES_MAX => {
                return Err(bad("an entry too large"));
            }
            bytes => {
                let entry = Entry::try_from_slice(bytes).map_err(|_| bad("no entry"))?;
                self.entries.push((self.next, entry));
                entry_digest(bytes)
            }
        };
        self.digest = link(&self.digest, &digest);
        self.next = self.next.saturating_add(1);
        self.check_anchor()
    }

    /// What was anchored is a part of this very chain.
    fn check_anchor(&self) -> Result<(), Error> {
        let Some(Anchored { head: SignedHead { head, .. }, .. }) = &self.anchored else {
            return Ok(());
        };
        if head.count == self.next && head.digest != self.digest {
            return Err(bad("the log is not the one whose head was anchored"));
        }
        Ok(())
    }
}

fn bad(why: &str) -> Error {
    Error::new(
        ErrorKind::BadAnswer,
        format!("节点给出的访问记录不成立：{why}"),
        format!("the node's access log does not hold: {why}"),
    )
}

#[cfg(test)]
mod tests;
