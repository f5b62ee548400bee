//! linli-core.
