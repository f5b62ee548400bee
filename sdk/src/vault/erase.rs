//! Erasure: key, salt, secret and payload destroyed on every holder, in an order that only goes on.
//!
//! ```text
//! 1 access log      who erases, and why
//! 2 tombstone       `destroying`: from here on nothing is read any more
//! 3 secret          of the source's tags: drawn anew
//! 4 key row         overwritten and removed: from here on nobody can read it
//! 5 payload         deleted on each holder, listed empty, confirmed in the tombstone
//! 6 tombstone       `destroyed`; the caller has the ledger note it
//! 7 tombstone       `receipted`, with the ledger's receipt
//! ```
//!
//! Wherever it stops, the same call goes on from there. The ledger is written to, never over.

use super::log::{Actor, Deed};
use super::row::Row;
use super::tombstone::{Basis, Confirmation, State, Tombstone};
use super::{Vault, absent};
use crate::error::Error;
use linli_types::id::{Digest, PrincipalId, TxId};

const CONFIRMATION: &str = "linli.vault.confirmation.v1";

/// What came of an erasure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// What is left.
    pub tombstone: Tombstone,
    /// The holders' confirmations, for the ledger: that nothing stands there any more, or that what a
    /// law keeps is only stored.
    pub confirmations: Vec<Digest>,
}

/// A record whose payload lies outside the vault alone: in the queue of the device that captured it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outside {
    /// Whose evidence it is.
    pub source: PrincipalId,
    /// The source's number of it.
    pub number: u64,
    /// Digest of its manifest, if it is known.
    pub manifest: Option<Digest>,
}

impl Erased {
    fn of(tombstone: Tombstone) -> Self {
        let digests = tombstone.confirmations.iter().filter_map(|c| c.digest.parse().ok());
        Self { confirmations: digests.collect(), tombstone }
    }
}

impl Vault {
    /// Erases a record everywhere, or restricts it where a law keeps it (V3): by its class, or because
    /// the ledger says so (`kept`). Repeated, it goes on.
    ///
    /// # Errors
    ///
    /// No such record, or a holder does not delete: repeat the call.
    pub async fn erase(
        &mut self,
        record: &Digest,
        basis: Basis,
        kept: bool,
        actor: &Actor,
    ) -> Result<Erased, Error> {
        let mut tombstone = match self.tombstone(record)?.filter(Tombstone::is_erasure) {
            Some(before) => before,
            None => self.decide(record, basis, kept, actor)?,
        };
        if tombstone.state == State::Destroying {
            self.destroy(record, &mut tombstone).await?;
        }
        if tombstone.state == State::Restricted {
            let at_ms = tombstone.at_ms;
            let confirmed = self.holders.iter().map(|h| confirmation(record, &h.name, 0, at_ms));
            return Ok(Erased { confirmations: confirmed.collect(), tombstone });
        }
        Ok(Erased::of(tombstone))
    }

    /// Erases a record that the vault may never have held: what it has of the record is destroyed, and
    /// it takes no such record any more (V2). Repeated, it goes on.
    ///
    /// # Errors
    ///
    /// As [`Self::erase`].
    pub async fn erase_outside(
        &mut self,
        record: &Digest,
        outside: &Outside,
        basis: Basis,
        actor: &Actor,
    ) -> Result<Erased, Error> {
        if self.row(record)?.is_none() && self.tombstone(record)?.is_none() {
            self.log.add(&self.master, actor, Deed::Erase, record)?;
            let now = crate::clock::now()?.0;
            let mut tombstone = Tombstone::new(record, basis.name(), now, State::Destroying);
            tombstone.source = Some(outside.source.to_string());
            tombstone.number = Some(outside.number);
            tombstone.manifest = outside.manifest.map(|manifest| manifest.to_string());
            self.bury(record, &tombstone)?;
        }
        self.erase(record, basis, false, actor).await
    }

    /// Adds to a tombstone that nothing stands any more on a device or in a folder: `holder`. Said
    /// before, nothing changes.
    ///
    /// # Errors
    ///
    /// The record is not erased, or the tombstone cannot be written.
    pub fn confirm(
        &mut self,
        record: &Digest,
        holder: &str,
        objects: u64,
    ) -> Result<Erased, Error> {
        let found = self.tombstone(record)?.filter(Tombstone::is_erasure);
        let mut tombstone = found.ok_or_else(|| absent(record))?;
        if tombstone.confirmations.iter().all(|known| known.holder != holder) {
            let at_ms = crate::clock::now()?.0;
            let digest = confirmation(record, holder, objects, at_ms).to_string();
            let holder = holder.to_owned();
            tombstone.confirmations.push(Confirmation { holder, objects, at_ms, digest });
            self.bury(record, &tombstone)?;
        }
        Ok(Erased::of(tombstone))
    }

    /// Digest of a record's manifest, if the vault or what is left there knows it: copies elsewhere are
    /// told by it.
    ///
    /// # Errors
    ///
    /// Key row or tombstone cannot be read.
    pub fn manifest(&self, record: &Digest) -> Result<Option<Digest>, Error> {
        if let Some(row) = self.row(record)? {
            return Ok(row.manifest());
        }
        let tombstone = self.tombstone(record)?;
        Ok(tombstone.and_then(|tombstone| tombstone.manifest?.parse().ok()))
    }

    /// Steps 1 and 2: after them there is no way back, or the record is restricted.
    fn decide(
        &mut self,
        record: &Digest,
        basis: Basis,
        kept: bool,
        actor: &Actor,
    ) -> Result<Tombstone, Error> {
        let mut row = self.row(record)?.ok_or_else(|| absent(record))?;
        let now = crate::clock::now()?.0;
        if kept || row.class.keeps(row.stored_at_ms, now) {
            // V3, LEG-20
            self.log.add(&self.master, actor, Deed::Restrict, record)?;
            if row.restricted_at_ms.is_none() {
                row.restricted_at_ms = Some(now);
                row.write(&self.keys(), &self.master)?;
            }
            let mut tombstone = match self.tombstone(record)? {
                Some(before) => before,
                None => Tombstone::new(record, basis.name(), now, State::Restricted),
            };
            tombstone.of(&row);
            self.bury(record, &tombstone)?;
            return Ok(tombstone);
        }
        self.log.add(&self.master, actor, Deed::Erase, record)?;
        let mut tombstone = Tombstone::new(record, basis.name(), now, State::Destroying);
        tombstone.of(&row);
        self.bury(record, &tombstone)?;
        Ok(tombstone)
    }

    /// Steps 3 to 6.
    async fn destroy(&mut self, record: &Digest, tombstone: &mut Tombstone) -> Result<(), Error> {
        let source = tombstone.source.as_ref().and_then(|s| s.parse::<PrincipalId>().ok());
        if let Some(source) = source {
            self.renew_secret(&source)?; // INV-E3
        }
        Row::destroy(&self.keys(), record)?; // V2
        let mut body = [0; 16];
        let named = hex::decode_to_slice(&tombstone.body, &mut body).is_ok();
        let confirmed =
            |t: &Tombstone, name: &str| t.confirmations.iter().any(|c| c.holder == name);
        let holders: Vec<usize> = (0..self.holders.len()).collect();
        for at in holders {
            let Some(holder) = self.holders.get(at) else { continue };
            if !named || confirmed(tombstone, &holder.name) {
                continue;
            }
            let objects = holder.erase(&body).await?;
            let at_ms = crate::clock::now()?.0;
            let digest = confirmation(record, &holder.name, objects, at_ms).to_string();
            let holder = holder.name.clone();
            tombstone.confirmations.push(Confirmation { holder, objects, at_ms, digest });
            self.bury(record, tombstone)?;
        }
        tombstone.state = State::Destroyed;
        self.bury(record, tombstone)
    }

    /// Keeps the id of the transaction that notes an erasure, before it is sent: after an interruption
    /// its receipt is asked for.
    ///
    /// # Errors
    ///
    /// No tombstone, or it cannot be written.
    pub fn noting(&mut self, record: &Digest, transaction: &TxId) -> Result<(), Error> {
        let mut tombstone = self.tombstone(record)?.ok_or_else(|| absent(record))?;
        tombstone.transaction = Some(transaction.to_string());
        self.bury(record, &tombstone)
    }

    /// Step 7: keeps the ledger's receipt.
    ///
    /// # Errors
    ///
    /// No tombstone, or it cannot be written.
    pub fn receipted(&mut self, record: &Digest, receipt: &[u8]) -> Result<Tombstone, Error> {
        let mut tombstone = self.tombstone(record)?.ok_or_else(|| absent(record))?;
        tombstone.receipt = Some(hex::encode(receipt));
        if tombstone.state == State::Destroyed {
            tombstone.state = State::Receipted;
        }
        self.bury(record, &tombstone)?;
        Ok(tombstone)
    }
}

/// What a holder's confirmation is on the ledger.
fn confirmation(record: &Digest, holder: &str, objects: u64, at_ms: u64) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key(CONFIRMATION);
    hasher.update(&record.0);
    hasher.update(&objects.to_be_bytes());
    hasher.update(&at_ms.to_be_bytes());
    hasher.update(holder.as_bytes());
    Digest(*hasher.finalize().as_bytes())
}
