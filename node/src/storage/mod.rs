//! What a node keeps on its disk: RocksDB for what stands, and a log for the height under way.
//!
//! It moves bytes; what they mean and in which order they are written is decided by the pure
//! rooms (design §7).

mod disk;
mod free;
mod rocks;
mod wal;

pub use disk::RocksDisk;
pub use free::free_bytes;
pub use rocks::{OpenError, RocksStore, Tuning};
pub use wal::{Found, Wal};
