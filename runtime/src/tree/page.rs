//! One page of the state tree: a heap of hashes over buckets of sorted leaves.

use super::{Change, Count, Leaf, Node, bits, climb, end_at};
use linli_types::id::Digest;
use linli_types::state_proof::{self, End};

/// Leaves per bucket, on average, above which a page doubles its buckets.
const BUCKET_LEAVES_MAX: usize = 8;
/// Bits that choose a bucket, at most: [`bits`] reads 32.
const DEPTH_MAX: usize = 20;

/// Buckets of leaves, and the hashes over them.
#[derive(Debug)]
pub(super) struct Page {
    /// 2^depth buckets.
    depth: usize,
    leaves: usize,
    /// Heap: the page's root at 1, the buckets' hashes from 2^depth on.
    nodes: Vec<Node>,
    buckets: Vec<Vec<Leaf>>,
}

/// What a candidate changes in a page.
#[derive(Debug)]
pub(super) struct NewPage {
    leaves: usize,
    buckets: Vec<(usize, Vec<Leaf>)>,
    nodes: Vec<(usize, Node)>,
}

impl NewPage {
    pub(super) fn root(&self) -> Node {
        self.nodes.last().map_or(Node::NOTHING, |(_, node)| *node)
    }
}

impl Default for Page {
    fn default() -> Self {
        Self { depth: 0, leaves: 0, nodes: vec![Node::NOTHING; 2], buckets: vec![Vec::new()] }
    }
}

impl Page {
    pub(super) fn len(&self) -> u64 {
        self.leaves as u64
    }

    /// Computes the page with `changes`, which are sorted and not empty. `above` is how many bits
    /// chose this page.
    pub(super) fn with(&self, changes: &[Change], above: usize) -> NewPage {
        let mut leaves = self.leaves;
        let mut buckets = Vec::new();
        let mut level = Vec::new();
        let of = |change: &Change| self.bucket_of(&change.0, above);
        for run in changes.chunk_by(|a, b| of(a) == of(b)) {
            let Some(first) = run.first() else { continue };
            let at = of(first);
            let old = self.buckets.get(at).map_or(&[][..], Vec::as_slice);
            let new = merge(old, run);
            leaves = leaves.saturating_add(new.len()).saturating_sub(old.len());
            level.push(((1 << self.depth) + at, subtree(&new, above + self.depth)));
            buckets.push((at, new));
        }
        NewPage { leaves, buckets, nodes: climb(level, |at| self.node(at)) }
    }

    pub(super) fn adopt(&mut self, new: NewPage, above: usize) {
        self.leaves = new.leaves;
        for (at, bucket) in new.buckets {
            if let Some(place) = self.buckets.get_mut(at) {
                *place = bucket;
            }
        }
        for (at, node) in new.nodes {
            if let Some(place) = self.nodes.get_mut(at) {
                *place = node;
            }
        }
        while self.leaves > BUCKET_LEAVES_MAX << self.depth && self.depth < DEPTH_MAX {
            self.double(above);
        }
    }

    /// Splits every bucket in two. No hash that stands changes (T1).
    fn double(&mut self, above: usize) {
        let depth = above + self.depth;
        let mut buckets = Vec::with_capacity(self.buckets.len() * 2);
        let mut hashes = Vec::with_capacity(self.buckets.len() * 2);
        for mut left in std::mem::take(&mut self.buckets) {
            let middle = left.partition_point(|leaf| !state_proof::bit(&leaf.path, depth));
            let right = left.split_off(middle);
            left.shrink_to_fit();
            hashes.push(subtree(&left, depth + 1));
            hashes.push(subtree(&right, depth + 1));
            buckets.push(left);
            buckets.push(right);
        }
        self.buckets = buckets;
        self.nodes.append(&mut hashes);
        self.depth += 1;
    }

    /// Goes on with a proof from this page's root, which holds many leaves.
    pub(super) fn prove(&self, path: &Digest, above: usize, siblings: &mut Vec<Digest>) -> End {
        let mut at = 1_usize;
        for level in 0..self.depth {
            if self.node(at).leaves != Count::Many {
                break;
            }
            let child = at * 2 + usize::from(state_proof::bit(path, above + level));
            siblings.push(self.node(child ^ 1).hash);
            at = child;
        }
        match self.node(at).leaves {
            Count::None => End::Empty,
            Count::One => end_at(self.lone_below(at), path),
            Count::Many => {
                let bucket = self.buckets.get(self.bucket_of(path, above));
                prove_run(bucket.map_or(&[], Vec::as_slice), path, above + self.depth, siblings)
            }
        }
    }

    /// The page's only leaf, if it has one.
    pub(super) fn lone(&self) -> Option<Leaf> {
        self.lone_below(1)
    }

    fn lone_below(&self, mut at: usize) -> Option<Leaf> {
        while at < 1 << self.depth {
            at = at * 2 + usize::from(self.node(at * 2).leaves == Count::None);
        }
        self.buckets.get(at - (1 << self.depth))?.first().copied()
    }

    fn bucket_of(&self, path: &Digest, above: usize) -> usize {
        bits(path, above + self.depth) & ((1 << self.depth) - 1)
    }

    fn node(&self, at: usize) -> Node {
        self.nodes.get(at).copied().unwrap_or(Node::NOTHING)
    }
}

/// `old` with `changes`, both sorted; of several changes to one path the last counts.
fn merge(old: &[Leaf], changes: &[Change]) -> Vec<Leaf> {
    let mut new = Vec::with_capacity(old.len().saturating_add(changes.len()));
    let mut rest = old;
    for same in changes.chunk_by(|a, b| a.0 == b.0) {
        let Some((path, value)) = same.last() else { continue };
        let before = rest.partition_point(|leaf| leaf.path < *path);
        let (kept, after) = rest.split_at(before);
        new.extend_from_slice(kept);
        rest = match after {
            [first, after @ ..] if first.path == *path => after,
            _ => after,
        };
        if let Some(value) = value {
            new.push(Leaf { path: *path, value: *value });
        }
    }
    new.extend_from_slice(rest);
    new
}

/// The subtree over a sorted run of leaves that share their first `depth` bits.
fn subtree(run: &[Leaf], depth: usize) -> Node {
    match run {
        [] => Node::NOTHING,
        [leaf] => leaf.node(),
        _ => {
            let (left, right) = halves(run, depth);
            Node::join(subtree(left, depth + 1), subtree(right, depth + 1))
        }
    }
}

fn halves(run: &[Leaf], depth: usize) -> (&[Leaf], &[Leaf]) {
    run.split_at(run.partition_point(|leaf| !state_proof::bit(&leaf.path, depth)))
}

fn prove_run(run: &[Leaf], path: &Digest, depth: usize, siblings: &mut Vec<Digest>) -> End {
    let (mut run, mut depth) = (run, depth);
    while run.len() > 1 {
        let (left, right) = halves(run, depth);
        let (own, other) =
            if state_proof::bit(path, depth) { (right, left) } else { (left, right) };
        siblings.push(subtree(other, depth + 1).hash);
        (run, depth) = (own, depth + 1);
    }
    end_at(run.first().copied(), path)
}
