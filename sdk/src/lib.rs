//! linli-sdk.
