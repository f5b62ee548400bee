//! The state tree (design D4): a compact sparse Merkle tree held in memory over flat rows.
//!
//! ```text
//! top:    a heap of inner hashes over 2^10 pages, by the first ten bits of the path
//! page:   a heap of inner hashes over 2^d buckets; d grows with the page's leaves
//! bucket: a sorted run of leaves, hashed when one of them changes
//! ```
//!
//! A page that has grown too full doubles its buckets by itself, so no single block pays for the
//! growth of the whole tree. A page never shrinks. The tree knows digests only: values stand in
//! the flat rows.
//!
//! # Invariants
//!
//! - **T1 layout.** The root depends on the entries only, never on pages, buckets or history.
//! - **T3 candidate.** Computing a root changes nothing; [`Tree::adopt`] does, by moving what the
//!   candidate computed into place.

mod page;
#[cfg(test)]
mod tests;

use linli_types::id::Digest;
use linli_types::state_proof::{self, EMPTY, End, StateProof};
use page::{NewPage, Page};

/// Bits of the path that choose a page.
const TOP_BITS: usize = 10;
const PAGES: usize = 1 << TOP_BITS;

/// A subtree in one word: its hash and whether it holds none, one or more leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Node {
    hash: Digest,
    leaves: Count,
}

/// How many leaves a subtree holds, as far as hashing cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    None,
    One,
    Many,
}

impl Node {
    const NOTHING: Self = Self { hash: EMPTY, leaves: Count::None };

    /// Joins two halves: a lone leaf rises, two or more are hashed.
    fn join(left: Self, right: Self) -> Self {
        match (left.leaves, right.leaves) {
            (Count::None, Count::None | Count::One) => right,
            (Count::One, Count::None) => left,
            _ => Self { hash: state_proof::inner(&left.hash, &right.hash), leaves: Count::Many },
        }
    }
}

/// An entry as the tree holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Leaf {
    path: Digest,
    value: Digest,
}

impl Leaf {
    fn node(&self) -> Node {
        Node { hash: state_proof::leaf(&self.path, &self.value), leaves: Count::One }
    }
}

/// One changed entry: path, and the digest of its new value; `None` removes it.
pub type Change = (Digest, Option<Digest>);

/// The tree over every entry of the state.
#[derive(Debug)]
pub struct Tree {
    /// Heap: the root at 1, the pages' roots from [`PAGES`] on.
    top: Vec<Node>,
    pages: Vec<Page>,
}

/// A root that has been computed and not adopted, with the nodes that lead to it.
#[derive(Debug)]
pub struct Candidate {
    root: Digest,
    pages: Vec<(usize, NewPage)>,
    top: Vec<(usize, Node)>,
}

impl Candidate {
    /// The root with the changes.
    pub fn root(&self) -> Digest {
        self.root
    }
}

impl Default for Tree {
    fn default() -> Self {
        let pages = (0..PAGES).map(|_| Page::default()).collect();
        Self { top: vec![Node::NOTHING; PAGES * 2], pages }
    }
}

impl Tree {
    /// Builds a tree from every entry: paths and value digests, in any order. A path that stands
    /// twice keeps its last value.
    pub fn build(entries: Vec<(Digest, Digest)>) -> Self {
        let mut tree = Self::default();
        let changes = entries.into_iter().map(|(path, value)| (path, Some(value))).collect();
        let candidate = tree.candidate(changes);
        tree.adopt(candidate);
        tree
    }

    /// The root now.
    pub fn root(&self) -> Digest {
        self.node(1).hash
    }

    /// How many entries there are.
    pub fn len(&self) -> u64 {
        self.pages.iter().map(Page::len).sum()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Computes the root with `changes` and changes nothing (T3). Of changes to one path the last
    /// counts.
    pub fn candidate(&self, mut changes: Vec<Change>) -> Candidate {
        changes.sort_by_key(|change| change.0);
        let mut pages = Vec::new();
        let mut top = Vec::new();
        for run in changes.chunk_by(|a, b| page_of(&a.0) == page_of(&b.0)) {
            let Some(first) = run.first() else { continue };
            let at = page_of(&first.0);
            if let Some(page) = self.pages.get(at) {
                let new = page.with(run, TOP_BITS);
                top.push((PAGES.saturating_add(at), new.root()));
                pages.push((at, new));
            }
        }
        let top = climb(top, |at| self.node(at));
        let root = top.last().map_or(self.root(), |(_, node)| node.hash);
        Candidate { root, pages, top }
    }

    /// Moves a candidate into place. It must come from this very tree, unchanged since.
    pub fn adopt(&mut self, candidate: Candidate) {
        for (at, new) in candidate.pages {
            if let Some(page) = self.pages.get_mut(at) {
                page.adopt(new, TOP_BITS);
            }
        }
        for (at, node) in candidate.top {
            if let Some(place) = self.top.get_mut(at) {
                *place = node;
            }
        }
    }

    /// Proves what stands at `key`: presence or absence.
    pub fn prove(&self, key: &[u8]) -> StateProof {
        let path = state_proof::path(key);
        let mut siblings = Vec::new();
        let (mut at, mut depth) = (1_usize, 0);
        while depth < TOP_BITS && self.node(at).leaves == Count::Many {
            let child = at * 2 + usize::from(state_proof::bit(&path, depth));
            siblings.push(self.node(child ^ 1).hash);
            (at, depth) = (child, depth + 1);
        }
        let end = match self.node(at).leaves {
            Count::None => End::Empty,
            Count::One => end_at(self.lone(at), &path),
            Count::Many => {
                let page = self.pages.get(page_of(&path));
                page.map_or(End::Empty, |page| page.prove(&path, TOP_BITS, &mut siblings))
            }
        };
        siblings.reverse();
        StateProof { end, siblings }
    }

    /// The only leaf below a top node that has one.
    fn lone(&self, mut at: usize) -> Option<Leaf> {
        while at < PAGES {
            at = at * 2 + usize::from(self.node(at * 2).leaves == Count::None);
        }
        self.pages.get(at - PAGES).and_then(Page::lone)
    }

    fn node(&self, at: usize) -> Node {
        self.top.get(at).copied().unwrap_or(Node::NOTHING)
    }
}

/// What a lone leaf says about a path.
fn end_at(leaf: Option<Leaf>, path: &Digest) -> End {
    match leaf {
        None => End::Empty,
        Some(leaf) if leaf.path == *path => End::Present,
        Some(leaf) => End::Other { path: leaf.path, value: leaf.value },
    }
}

/// The page of a path: its first [`TOP_BITS`] bits.
fn page_of(path: &Digest) -> usize {
    bits(path, TOP_BITS)
}

/// The first `count` (at most 32) bits of a path as a number.
fn bits(path: &Digest, count: usize) -> usize {
    let [a, b, c, d, ..] = path.0;
    let word = u64::from(u32::from_be_bytes([a, b, c, d]));
    (word >> 32_usize.saturating_sub(count)) as usize
}

/// Climbs a heap from changed nodes of one level (by place, ascending) to its root at 1. Returns
/// every changed node, the root last.
fn climb(level: Vec<(usize, Node)>, old: impl Fn(usize) -> Node) -> Vec<(usize, Node)> {
    let mut all = Vec::with_capacity(level.len().saturating_mul(3));
    let mut level = level;
    while level.first().is_some_and(|(at, _)| *at > 1) {
        let mut above: Vec<(usize, Node)> = Vec::with_capacity(level.len());
        let mut nodes = level.iter().peekable();
        while let Some((at, node)) = nodes.next() {
            let beside = at ^ 1;
            let sibling = match nodes.peek() {
                Some((next, sibling)) if *next == beside => {
                    nodes.next();
                    *sibling
                }
                _ => old(beside),
            };
            let (left, right) = if at & 1 == 0 { (*node, sibling) } else { (sibling, *node) };
            above.push((at / 2, Node::join(left, right)));
        }
        all.append(&mut level);
        level = above;
    }
    all.append(&mut level);
    all
}
