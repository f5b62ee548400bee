//! linli-contract.
