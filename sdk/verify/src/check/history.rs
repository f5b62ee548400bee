//! How the validators came to be: the genesis, and every change since.

use crate::failure::{Failure, Reason};
use crate::pack::SetChange;
use crate::said::{self, Detail};
use alloc::string::String;
use alloc::vec::Vec;
use linli_types::genesis::Genesis;
use linli_types::header::Header;
use linli_types::height::Height;
use linli_types::id::{ChainId, PublicKey};
use linli_types::signature::Verify;
use linli_types::validator::{Validator, ValidatorSet};

/// A genesis, read: the only thing that is believed. One serves any number of packs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The chain's name.
    pub name: String,
    /// The chain's id.
    pub chain: ChainId,
    pub(crate) validators: ValidatorSet,
}

impl Trust {
    /// Reads a genesis.
    ///
    /// # Errors
    ///
    /// [`Failure`] of the layer `Genesis`.
    pub fn read(genesis: &[u8]) -> Result<Self, Failure> {
        let (genesis, chain) = Genesis::from_bytes(genesis)
            .map_err(|e| Failure::new(Reason::GenesisMalformed, [said::genesis(&e)]))?;
        Ok(Self { name: genesis.name, chain, validators: genesis.validators })
    }
}

/// The sets, each with the height up to which, itself included, it was not yet in force.
pub(super) struct History {
    first: ValidatorSet,
    changes: Vec<(Height, ValidatorSet)>,
}

impl History {
    /// Checks every change, each by the set before; all below the height `end`.
    pub(super) fn walk(
        trust: &Trust,
        changes: &[SetChange],
        end: u64,
        verify: &dyn Verify,
    ) -> Result<Self, Failure> {
        let mut history = Self { first: trust.validators.clone(), changes: Vec::new() };
        for (i, change) in changes.iter().enumerate() {
            let bad = |why: Detail| Failure::new(Reason::SetsChange, [Detail::from(i), why]);
            history.check(&trust.chain, change, end, verify).map_err(bad)?;
            history.changes.push((change.header.height, change.next.clone()));
        }
        Ok(history)
    }

    fn check(
        &self,
        chain: &ChainId,
        change: &SetChange,
        end: u64,
        verify: &dyn Verify,
    ) -> Result<(), Detail> {
        let (header, height) = (&change.header, change.header.height.0);
        Header::from_bytes(&header.to_bytes()).map_err(|e| said::header(&e))?;
        let below = self.changes.last().map_or(0, |(height, _)| height.0);
        if header.chain != *chain || height <= below || height >= end {
            return Err(Detail::new("属于另一条链，或次序不对", "another chain, or out of order"));
        }
        let current = self.last();
        let (next, was) = (change.next.hash(), current.hash());
        if header.validators_hash != was || header.next_validators_hash != next || next == was {
            return Err(Detail::new("前后两组不相衔接", "the sets do not follow each other"));
        }
        let certificate = &change.certificate;
        certificate.check(chain, current, verify).map_err(|e| said::certificate(&e))?;
        if certificate.block != header.id() || certificate.height != header.height {
            return Err(Detail::new("证书证明的是另一个区块头", "certified is another header"));
        }
        Ok(())
    }

    fn last(&self) -> &ValidatorSet {
        self.changes.last().map_or(&self.first, |(_, set)| set)
    }

    /// The set in force at a height.
    pub(super) fn at(&self, height: Height) -> &ValidatorSet {
        let before = self.changes.iter().rev().find(|(change, _)| *change < height);
        before.map_or(&self.first, |(_, set)| set)
    }

    /// A validator of a set that was in force at a height or later, as it last stood.
    pub(super) fn find_since(&self, height: Height, key: &PublicKey) -> Option<&Validator> {
        let later = self.changes.iter().rev().take_while(|(change, _)| *change >= height);
        let sets = later.map(|(_, set)| set);
        sets.chain(core::iter::once(self.at(height))).find_map(|set| set.get(key))
    }
}

/// From a set to the one in force at `last`, which no change may reach.
pub(crate) fn walk(
    chain: &ChainId,
    first: ValidatorSet,
    changes: &[SetChange],
    last: &Header,
    verify: &dyn Verify,
) -> Result<ValidatorSet, Failure> {
    let trust = Trust { name: String::new(), chain: *chain, validators: first };
    let history = History::walk(&trust, changes, last.height.0, verify)?;
    Ok(history.last().clone())
}
