//! What rests on what: a record names its parents, and each parent lists who rests on it.
//!
//! # Invariants
//!
//! - **INV-E7 older.** A parent stands before its child and was captured no later; so there is no cycle.
//! - **INV-E4 taint.** While a record is INVALIDATED, whatever rests on it, near or far, is blocked.

use crate::facts::{self, Facts, record_key};
use crate::malformed;
use crate::record::{RECORDS, disputed, find, parse};
use crate::schema::{
    Children, Done, Record, Ref, Refusal as No, RegisterRequest, RequireRequest, Standing,
    TaintRequest, TaintResponse, Tainted,
};
use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;
use linli_contract::id::PrincipalId;
use linli_contract::limits::{EVIDENCE_REFS_MAX, EVIDENCE_VISITS_MAX};
use linli_contract::{Code, Env, Map, Refusal, bytes, number, word};

/// Children of one page.
const PAGE: u32 = 64;

const CHILDREN: Map<[u8; 32], Children> = Map::new();

/// Source and number.
type At = (PrincipalId, u64);

/// INV-E7. Writes down what a new record rests on.
pub(crate) fn link(
    env: &mut Env<'_>,
    source: &PrincipalId,
    request: &RegisterRequest,
    facts: Facts,
) -> Result<(), Refusal> {
    if request.parents.is_empty() {
        return Ok(());
    }
    let child = (*source, request.number);
    let mut seen = BTreeSet::new();
    for parent in &request.parents {
        let at = parse(parent)?;
        if at == child {
            return Err(No::Cycle.refuse([number(request.number)]));
        }
        if !seen.insert(at) {
            return Err(malformed("parents"));
        }
        let (of, n) = at;
        let Some(older) = facts::find(env, &of, n) else {
            return Err(No::NotFound.refuse([bytes(&of.0), number(n)]));
        };
        if older.captured_ms > facts.captured_ms {
            return Err(No::NotOlder.refuse([bytes(&of.0), number(n)]));
        }
        adopt(env, at, child);
    }
    let row = Record { parents: request.parents.clone(), ..Record::default() };
    RECORDS.put(env, &record_key(source, request.number), &row);
    unblocked(env, child)
}

/// Adds a child to a parent.
fn adopt(env: &mut Env<'_>, parent: At, (source, number): At) {
    let key = record_key(&parent.0, parent.1);
    let mut row = RECORDS.get(env, &key).unwrap_or_default();
    let page_key = page_key(parent, row.children / PAGE);
    let mut page = CHILDREN.get(env, &page_key).unwrap_or_default();
    page.records.push(Ref { source: source.0.into(), number });
    CHILDREN.put(env, &page_key, &page);
    row.children = row.children.saturating_add(1);
    RECORDS.put(env, &key, &row);
}

fn page_key((source, number): At, page: u32) -> [u8; 32] {
    let mut key = [0; 32];
    let parts = record_key(&source, number).into_iter().chain(u64::from(page).to_be_bytes());
    key.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    key
}

/// INV-E4. Refuses what rests on an invalidated record. What rests on more than can be looked at is
/// refused too.
pub(crate) fn unblocked(env: &mut Env<'_>, at: At) -> Result<(), Refusal> {
    let mut seen = BTreeSet::from([at]);
    let mut waiting = VecDeque::from([at]);
    while let Some((source, n)) = waiting.pop_front() {
        let row = RECORDS.get(env, &record_key(&source, n)).unwrap_or_default();
        if row.standing() == Standing::Invalidated {
            return Err(No::Blocked.refuse([bytes(&source.0), number(n)]));
        }
        for parent in &row.parents {
            let at = parse(parent)?;
            if seen.insert(at) {
                waiting.push_back(at);
            }
        }
        if seen.len() > EVIDENCE_VISITS_MAX {
            let max = number(EVIDENCE_VISITS_MAX as u64);
            return Err(No::TooMany.refuse([word("records"), max]));
        }
    }
    Ok(())
}

/// INV-E4. What other contracts ask before they rest on records. One that was replaced is refused: what
/// stands in its place backs the same deed, and both would back it twice.
pub(crate) fn require(env: &mut Env<'_>, request: RequireRequest) -> Result<Done, Refusal> {
    if !(1..=EVIDENCE_REFS_MAX).contains(&request.records.len()) {
        return Err(malformed("records"));
    }
    for named in &request.records {
        let known = find(env, Some(named))?;
        let at = || [bytes(&known.source.0), number(known.number)];
        unblocked(env, (known.source, known.number))?;
        known.not_replaced()?;
        match known.row.standing() {
            Standing::Challenged => return Err(disputed(&known)),
            Standing::Corroborated | Standing::Upheld => {}
            _ if request.corroborated => return Err(No::NotCorroborated.refuse(at())),
            _ => {}
        }
    }
    Ok(Done {})
}

/// INV-E4. What rests on a record, near first.
pub(crate) fn taint(env: &mut Env<'_>, request: TaintRequest) -> Result<TaintResponse, Refusal> {
    let known = find(env, request.record.as_ref())?;
    let start = (known.source, known.number);
    let mut look = Look { seen: BTreeSet::from([start]), ..Look::default() };
    look.waiting.push_back((start, 0));
    let mut records = Vec::new();
    while let Some((at, depth)) = look.waiting.pop_front() {
        if look.entries >= EVIDENCE_VISITS_MAX {
            return Ok(TaintResponse { records, more: true });
        }
        let row = RECORDS.get(env, &record_key(&at.0, at.1)).unwrap_or_default();
        look.entries = look.entries.saturating_add(1);
        if depth > 0 {
            let record = Some(Ref { source: at.0.0.into(), number: at.1 });
            records.push(Tainted { record, depth, standing: row.standing });
        }
        look.children(env, at, (row.children, depth.saturating_add(1)))?;
    }
    Ok(TaintResponse { records, more: look.cut })
}

/// A look down the graph.
#[derive(Default)]
struct Look {
    seen: BTreeSet<At>,
    waiting: VecDeque<(At, u32)>,
    /// Entries read so far: an answer is made of so many.
    entries: usize,
    /// Children were left out.
    cut: bool,
}

impl Look {
    fn children(
        &mut self,
        env: &mut Env<'_>,
        at: At,
        (children, depth): (u32, u32),
    ) -> Result<(), Refusal> {
        for page in 0..children.div_ceil(PAGE) {
            if self.entries >= EVIDENCE_VISITS_MAX {
                self.cut = true;
                return Ok(());
            }
            self.entries = self.entries.saturating_add(1);
            for child in CHILDREN.get(env, &page_key(at, page)).unwrap_or_default().records {
                let child = parse(&child)?;
                if self.seen.insert(child) {
                    self.waiting.push_back((child, depth));
                }
            }
        }
        Ok(())
    }
}
