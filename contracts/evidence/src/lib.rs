//! linli-evidence.
