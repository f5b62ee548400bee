//! linli-replica.
