//! linli-node.
