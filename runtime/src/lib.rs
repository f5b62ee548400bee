//! linli-runtime.
