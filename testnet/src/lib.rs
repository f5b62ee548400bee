//! linli-testnet.
