//! The meaning of transactions: what is checked, admitted, executed, recorded.
//!
//! This room decides what a transaction does to the state and what its receipt says. It does not
//! decide the order (`linli-core`), and it opens no file and no socket (`linli-node`): it takes and
//! returns bytes.
//!
//! The two doors: [`Checker`] looks at a transaction alone; [`Ledger`] knows the chain.

pub mod accounts;
mod ask;
mod batch;
pub mod bundle;
pub mod check;
pub mod check_db;
pub mod code;
pub mod deploy;
pub mod execute;
pub mod genesis;
pub mod governance;
pub mod identity;
pub mod invariant;
mod layer;
pub mod ledger;
pub mod log;
mod native;
pub mod overlay;
pub mod pii;
pub mod policy;
pub mod protocol;
mod query;
pub mod replay;
mod room;
pub mod schema;
pub mod stored;
pub mod timers;
pub mod tree;
pub mod validators;
pub mod verified;
pub mod vm;
mod window;

pub use bundle::{BadBundle, Bundle, NotReplayed, Replayed, replay_from};
pub use check::Checker;
pub use check_db::check_db;
pub use code::{NotRehearsed, Rehearsal};
pub use execute::{Executed, InvalidBlock, Slot, bodies_root};
pub use genesis::GenesisRefused;
pub use ledger::{Admission, Adopted, GenesisInfo, Head, Ledger, Settings, Sizes};
pub use protocol::Outdated;
pub use query::Answer;
pub use replay::{ReplayFailed, replay};
pub use stored::{
    StoredBlock, StoredHead, load_block, load_certificate, load_head, load_receipts, locate,
};
pub use verified::{Verified, verify_signatures};
pub use vm::{CodeCache, NoCache};
