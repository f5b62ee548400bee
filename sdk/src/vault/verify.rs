//! Checking a vault: every segment on every holder, every erasure still holding, nothing astray.

use super::Vault;
use super::holder::{Holder, Name};
use super::log::{Actor, Deed};
use super::row::{self, Row};
use super::tombstone::State;
use crate::error::Error;
use linli_types::id::Digest;
use object_store::PutPayload;
use std::collections::BTreeSet;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A segment is missing or not what its digest says.
    Damaged {
        /// The record.
        record: Digest,
        /// Which holder.
        holder: String,
        /// Which part.
        part: String,
        /// Which segment of it.
        segment: u64,
        /// It was copied anew from another holder.
        repaired: bool,
    },
    /// An interrupted upload.
    Unfinished {
        /// The record.
        record: Digest,
    },
    /// An erasure that stopped on its way, or a row or payload of an erased record that came back.
    NotErased {
        /// The record.
        record: Digest,
        /// It was destroyed now.
        repaired: bool,
    },
    /// Ciphertext that belongs to no record.
    Astray {
        /// Which holder.
        holder: String,
        /// Under which random name.
        body: String,
    },
}

/// What was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Records.
    pub records: u64,
    /// Segments, counted once per holder.
    pub segments: u64,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

impl Vault {
    /// Reads everything and compares. With `repair` a damaged segment is copied from a holder that has
    /// it sound, and what came back of erased records is destroyed again.
    ///
    /// # Errors
    ///
    /// A holder does not answer, or a key row does not open.
    pub async fn verify(&mut self, repair: bool, actor: &Actor) -> Result<Checked, Error> {
        let nobody = Digest([0; 32]);
        self.log.add(&self.master, actor, Deed::Verify, &nobody)?;
        let (mut checked, mut bodies) = (Checked::default(), BTreeSet::new());
        for record in row::all(&self.keys())? {
            let Some(row) = self.row(&record)? else { continue };
            bodies.insert(hex::encode(row.body));
            checked.records = checked.records.saturating_add(1);
            if !row.whole {
                checked.findings.push(Finding::Unfinished { record });
            }
            self.verify_record(&row, repair, &mut checked).await?;
        }
        self.verify_erased(repair, &mut checked, &mut bodies).await?;
        for holder in &self.holders {
            for body in holder.bodies().await?.difference(&bodies) {
                let (holder, body) = (holder.name.clone(), body.clone());
                checked.findings.push(Finding::Astray { holder, body });
            }
        }
        Ok(checked)
    }

    async fn verify_record(
        &self,
        row: &Row,
        repair: bool,
        checked: &mut Checked,
    ) -> Result<(), Error> {
        for (at, part) in row.parts.iter().enumerate() {
            for (index, segment) in part.segments.iter().enumerate() {
                let name = Name {
                    part: u32::try_from(at).unwrap_or(u32::MAX),
                    index: index as u64,
                    digest: segment.digest,
                };
                let (mut sound, mut bad) = (None, Vec::<&Holder>::new());
                for holder in &self.holders {
                    checked.segments = checked.segments.saturating_add(1);
                    match holder.get(&row.body, &name).await? {
                        Some(sealed) => sound = Some(sealed),
                        None => bad.push(holder),
                    }
                }
                for holder in bad {
                    let copy = sound.clone().filter(|_| repair);
                    let repaired = copy.is_some();
                    if let Some(sealed) = copy {
                        holder.put(&row.body, &name, PutPayload::from(sealed)).await?;
                    }
                    checked.findings.push(Finding::Damaged {
                        record: row.record,
                        holder: holder.name.clone(),
                        part: part.name.clone(),
                        segment: name.index,
                        repaired,
                    });
                }
            }
        }
        Ok(())
    }

    /// V2: what a backup brought back does not stay.
    async fn verify_erased(
        &self,
        repair: bool,
        checked: &mut Checked,
        bodies: &mut BTreeSet<String>,
    ) -> Result<(), Error> {
        for tombstone in self.tombstones()? {
            let Ok(record) = tombstone.record.parse::<Digest>() else { continue };
            if !tombstone.is_erasure() {
                continue;
            }
            let row_back = self.keys().join(record.to_string()).exists();
            let mut body = [0; 16];
            let named = hex::decode_to_slice(&tombstone.body, &mut body).is_ok();
            let mut payload_back = false;
            for holder in &self.holders {
                payload_back |= named && !holder.names(&body).await?.is_empty();
            }
            bodies.insert(tombstone.body.clone());
            if !row_back && !payload_back && tombstone.state != State::Destroying {
                continue;
            }
            // One that stopped on its way is finished by `erase`, which knows what is left to do.
            let repaired = repair && tombstone.state != State::Destroying;
            if repaired {
                Row::destroy(&self.keys(), &record)?;
                for holder in self.holders.iter().filter(|_| named) {
                    holder.erase(&body).await?;
                }
            }
            checked.findings.push(Finding::NotErased { record, repaired });
        }
        Ok(())
    }
}
