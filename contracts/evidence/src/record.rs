//! What happened to a record: its row, and each step told.
//!
//! ```text
//! ANCHORED ─ corroborate ─▶ CORROBORATED      ANCHORED ─ supersede ─▶ SUPERSEDED
//!     └─ challenge ─▶ CHALLENGED ◀─ challenge ─┘
//! SUPERSEDED ─ challenge ─▶ CHALLENGED
//! CHALLENGED ─ uphold ─▶ UPHELD               CHALLENGED ─ invalidate ─▶ INVALIDATED
//! ```
//!
//! A record that was replaced says so for ever (`superseded_by`), whatever is decided about it later.
//!
//! # Invariants
//!
//! - **V4 one path.** A record moves along these arrows and no other; an absent row is ANCHORED.
//! - **INV-E5 for ever.** A step writes this row alone: no digest, no leaf, no number changes.

use crate::facts::{self, Facts, record_key};
use crate::malformed;
use crate::schema::{Change, Record, Ref, Refusal as No, Standing};
use linli_contract::id::PrincipalId;
use linli_contract::{Code, Env, Map, Refusal, bytes, number, word};

pub(crate) const RECORDS: Map<[u8; 24], Record> = Map::new();

/// A record that stands, and all that is known of it.
pub(crate) struct Known {
    pub(crate) source: PrincipalId,
    pub(crate) number: u64,
    pub(crate) facts: Facts,
    pub(crate) row: Record,
}

/// Finds the record that a request names.
pub(crate) fn find(env: &mut Env<'_>, named: Option<&Ref>) -> Result<Known, Refusal> {
    let (source, number) = parse(named.ok_or_else(|| malformed("record"))?)?;
    let facts = facts::find(env, &source, number).ok_or_else(|| not_found(&source, number))?;
    let row = RECORDS.get(env, &record_key(&source, number)).unwrap_or_default();
    Ok(Known { source, number, facts, row })
}

/// A reference's parts.
pub(crate) fn parse(named: &Ref) -> Result<(PrincipalId, u64), Refusal> {
    let source = PrincipalId::from_slice(&named.source).ok_or_else(|| malformed("source"))?;
    if named.number == 0 { Err(malformed("number")) } else { Ok((source, named.number)) }
}

/// What is disputed is left as it is until it is decided.
pub(crate) fn disputed(known: &Known) -> Refusal {
    No::InDispute.refuse([bytes(&known.source.0), number(known.number)])
}

fn not_found(source: &PrincipalId, at: u64) -> Refusal {
    No::NotFound.refuse([bytes(&source.0), number(at)])
}

/// The standing's name in the schema.
pub(crate) fn name(standing: Standing) -> &'static str {
    standing.as_str_name()
}

impl Known {
    pub(crate) fn reference(&self) -> Ref {
        Ref { source: self.source.0.into(), number: self.number }
    }

    /// V4. Refuses a step that does not begin where the record stands.
    pub(crate) fn stands(&self, at: &[Standing]) -> Result<(), Refusal> {
        match at.contains(&self.row.standing()) {
            true => Ok(()),
            false => Err(No::BadState.refuse([word(name(self.row.standing()))])),
        }
    }

    /// Moves the record on and writes its row; what is to be told of it.
    pub(crate) fn step(
        &mut self,
        env: &mut Env<'_>,
        to: Standing,
        (reason, evidence): (u32, Option<Ref>),
    ) -> Change {
        let context = env.context();
        let from = self.row.standing;
        self.row.standing = to.into();
        self.write(env);
        Change {
            record: Some(self.reference()),
            from,
            to: to.into(),
            actor: context.sender.0.into(),
            organisation: context.organisation,
            policy: context.policy,
            reason,
            evidence,
        }
    }

    /// Refuses a record that another one has replaced: it speaks for nothing any more.
    pub(crate) fn not_replaced(&self) -> Result<(), Refusal> {
        match self.row.superseded_by {
            0 => Ok(()),
            _ => Err(No::BadState.refuse([word(name(Standing::Superseded))])),
        }
    }

    pub(crate) fn write(&self, env: &mut Env<'_>) {
        RECORDS.put(env, &record_key(&self.source, self.number), &self.row);
    }
}
