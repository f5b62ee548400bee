//! linli-verify.
