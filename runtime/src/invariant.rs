//! The laws that hold over a store after every block, as objects: tests, the simulator and
//! `linli check-db` ask the same ones.
//!
//! Each walks its rows from the disk and believes nothing that stands in memory.

use crate::code;
use crate::governance;
use crate::identity;
use crate::overlay::{CLAIMS_ROOM, ClaimHead, read_claim};
use crate::policy;
use crate::stored::{self, decode, split_key, visit_room, visit_rows};
use crate::timers::{self, TimerRow};
use crate::tree::Tree;
use crate::validators;
use linli_types::id::Digest;
use linli_types::state_proof::{path, value_digest};
use linli_types::store::{Broken, Column, Read};
use std::collections::BTreeMap;

mod accounts;
mod block;

pub use accounts::{Bounds, Conservation, Holds, Lots, Openings, Reversals, Supply};
pub(crate) use block::first_broken;
pub use block::{BLOCK_LAWS, BlockLaw, Moved, block_breaches};

/// A law over a store.
pub trait Invariant {
    /// Its name in the design.
    fn name(&self) -> &'static str;

    /// Every breach, in words. Empty while the law holds.
    ///
    /// # Errors
    ///
    /// [`Broken`] if a row cannot be read.
    fn breaches(&self, store: &dyn Read) -> Result<Vec<String>, Broken>;
}

/// Every law.
pub fn all() -> Vec<Box<dyn Invariant>> {
    vec![
        Box::new(Conservation),
        Box::new(Supply),
        Box::new(Bounds),
        Box::new(Holds),
        Box::new(Reversals),
        Box::new(Lots),
        Box::new(Openings),
        Box::new(ClaimsRun),
        Box::new(identity::laws::KeysFound),
        Box::new(identity::laws::NeverLockedOut),
        Box::new(identity::laws::RolesApart),
        Box::new(identity::laws::RowsRead),
        Box::new(policy::laws::Ascending),
        Box::new(code::laws::CodeStands),
        Box::new(governance::laws::SeatsAreRoles),
        Box::new(governance::laws::VotesCounted),
        Box::new(validators::SetsFollow),
        Box::new(TimersRead),
        Box::new(StateRoot),
    ]
}

/// Every breach of every law, each with the law's name.
///
/// # Errors
///
/// [`Broken`] if a row cannot be read.
pub fn breaches(store: &dyn Read) -> Result<Vec<String>, Broken> {
    let mut all_breaches = Vec::new();
    for law in all() {
        let named = |breach: String| format!("{}: {breach}", law.name());
        all_breaches.extend(law.breaches(store)?.into_iter().map(named));
    }
    Ok(all_breaches)
}

/// O3: the running digest of each room's business ids is that of its rows.
#[derive(Clone, Copy, Debug)]
pub struct ClaimsRun;

impl Invariant for ClaimsRun {
    fn name(&self) -> &'static str {
        "O3 business ids"
    }

    fn breaches(&self, store: &dyn Read) -> Result<Vec<String>, Broken> {
        let mut heads: BTreeMap<String, ClaimHead> = BTreeMap::new();
        visit_room(store, Column::State, CLAIMS_ROOM, |room, value| {
            let room = String::from_utf8_lossy(room).into_owned();
            heads.insert(room, decode(value, "a claim head")?);
            Ok(())
        })?;
        let mut claims: BTreeMap<String, Vec<(u64, Vec<u8>, Digest)>> = BTreeMap::new();
        visit_rows(store, Column::Side, (&[], &[]), |key, value| {
            let (room, id) = split_key(key).ok_or_else(|| Broken("a key has no room".into()))?;
            if room != identity::ROOM {
                let (deed, number) = read_claim(value)?;
                claims.entry(room.into()).or_default().push((number, id.to_vec(), deed));
            }
            Ok(())
        })?;
        let mut found = Vec::new();
        for (room, mut claims) in claims {
            claims.sort();
            let run = |head: ClaimHead, (_, id, deed): &(u64, Vec<u8>, Digest)| head.with(id, deed);
            let head = claims.iter().fold(ClaimHead::default(), run);
            let numbered = (0_u64..).zip(&claims).all(|(n, (number, ..))| n == *number);
            if heads.remove(&room) != Some(head) || !numbered {
                found.push(format!("the running digest of {room} is not that of its rows"));
            }
        }
        found.extend(heads.into_keys().map(|room| format!("the rows of {room} are gone")));
        Ok(found)
    }
}

/// W1: every timer can be read when it falls due.
#[derive(Clone, Copy, Debug)]
pub struct TimersRead;

impl Invariant for TimersRead {
    fn name(&self) -> &'static str {
        "W1 timers"
    }

    fn breaches(&self, store: &dyn Read) -> Result<Vec<String>, Broken> {
        let mut found = Vec::new();
        visit_room(store, Column::State, timers::ROOM, |id, value| {
            if id.len() != 16 || decode::<TimerRow>(value, "a timer").is_err() {
                found.push("a timer's row cannot be read".to_string());
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// D4: the root over every entry is the last header's.
#[derive(Clone, Copy, Debug)]
pub struct StateRoot;

impl Invariant for StateRoot {
    fn name(&self) -> &'static str {
        "D4 state root"
    }

    fn breaches(&self, store: &dyn Read) -> Result<Vec<String>, Broken> {
        let Some(head) = stored::load_head(store)? else {
            return Ok(vec!["there is no head".to_string()]);
        };
        let mut entries = Vec::new();
        visit_rows(store, Column::State, (&[], &[]), |key, value| {
            entries.push((path(key), value_digest(value)));
            Ok(())
        })?;
        let root = Tree::build(entries).root();
        let (height, said) = (head.height, head.state_root);
        match root == said {
            true => Ok(Vec::new()),
            false => Ok(vec![format!("the entries give {root}, height {height} says {said}")]),
        }
    }
}
