//! linli-modules.
