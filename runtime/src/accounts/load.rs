//! Loading: the lines of a chunk become accounts with balances.
//!
//! A chunk belongs to a batch by the path from its digest to the root that was approved
//! ([`super::batch`]); it is loaded whole or not at all.

use super::batch::{self, Step};
use super::desk::{Desk, names};
use super::opening::{Dated, Opener};
use super::rows::{OpeningRow, account_key};
use super::{NOBODY, ROOM, malformed};
use crate::identity::{self, expected};
use crate::overlay::Claimed;
use crate::vm::Stop;
use linli_types::account::{ISSUANCE_PREFIX, contract_principal};
use linli_types::books::AssetClass;
use linli_types::code::Code;
use linli_types::genesis;
use linli_types::id::{AccountId, Digest, PrincipalId, TransferId};
use linli_types::limits;
use linli_types::opening;
use linli_types::receipt::Param;
use linli_types::wire::accounts::{LoadOpeningRequest, LoadOpeningResponse, OpeningLine};
use prost::Message;
use std::collections::BTreeSet;

/// The fuel of loading a chunk, by its lines.
pub(super) fn cost(args: &[u8]) -> u64 {
    let content = LoadOpeningRequest::decode(args).ok().and_then(|request| request.content);
    let lines = content.map_or(0, |chunk| chunk.lines.len());
    let lines = u64::try_from(lines).unwrap_or(u64::MAX);
    limits::TRANSFER_FUEL.saturating_add(limits::OPENING_LINE_FUEL.saturating_mul(lines))
}

/// Loads one chunk.
pub(super) fn load(
    desk: &mut Desk<'_, '_>,
    request: LoadOpeningRequest,
) -> Result<LoadOpeningResponse, Stop> {
    let (id, mut row) = batch::find(desk, &request.batch)?;
    batch::office(desk, "LoadOpening")?;
    batch::at(&row, "APPROVED")?;
    batch::in_time(desk, &row)?;
    let lines = claim_chunk(desk, &id, &row, request.chunk, &request)?;
    let mut loading = Loading::new(desk, &row, id);
    for line in lines {
        loading.line(desk, &mut row, line)?;
    }
    loading.opener.finish(desk)?;
    row.loaded_chunks = row.loaded_chunks.saturating_add(1);
    batch::put(desk, &id, &row)?;
    batch::tell(desk, &id, Step::Loaded, (request.chunk, row.loaded));
    Ok(LoadOpeningResponse { loaded: row.loaded })
}

/// The lines of a chunk that belongs to the batch and was not loaded yet. Its place in the batch is
/// a business id; the deed is the chunk, whoever loads it.
fn claim_chunk<'r>(
    desk: &mut Desk<'_, '_>,
    id: &TransferId,
    row: &OpeningRow,
    chunk: u32,
    request: &'r LoadOpeningRequest,
) -> Result<&'r [OpeningLine], Stop> {
    let content = request.content.as_ref().ok_or_else(|| malformed("content"))?;
    let found = content.lines.len();
    if !(1..=limits::OPENING_LINES_MAX).contains(&found) {
        let [found, max] = [found, limits::OPENING_LINES_MAX].map(|n| Param::Number(n as u64));
        return Err(Code::TooLarge.refuse([Param::Word("lines".into()), found, max]).into());
    }
    let path: Option<Vec<Digest>> = request.path.iter().map(|n| Digest::from_slice(n)).collect();
    let path = path.ok_or_else(|| malformed("path"))?;
    if !opening::is_part(content, (chunk, row.chunks), &path, &row.root) {
        return Err(Code::OpeningOther.refuse([Param::Word("chunk".into())]).into());
    }
    let place = [id.0.as_slice(), &chunk.to_be_bytes()].concat();
    match desk.overlay.claim(ROOM, &place, &opening::chunk_digest(content))? {
        Claimed::Now => Ok(&content.lines),
        Claimed::Same => Err(Code::Duplicate.refuse([]).into()),
        Claimed::Other => Err(Code::BusinessIdConflict.refuse([]).into()),
    }
}

/// A chunk under way.
struct Loading {
    opener: Opener,
    batch: TransferId,
    /// Who had a hand in it: none of them gains by it.
    hands: Vec<PrincipalId>,
    /// The contracts: what is theirs waits for nobody.
    contracts: BTreeSet<PrincipalId>,
}

impl Loading {
    fn new(desk: &Desk<'_, '_>, row: &OpeningRow, batch: TransferId) -> Self {
        let hands = [Some(row.proposer), row.approver, Some(desk.acting.principal)];
        let hands = hands.into_iter().flatten().collect();
        let contracts = desk.contracts.keys().map(|room| contract_principal(room)).collect();
        Self { opener: Opener::default(), batch, hands, contracts }
    }

    fn line(
        &mut self,
        desk: &mut Desk<'_, '_>,
        row: &mut OpeningRow,
        line: &OpeningLine,
    ) -> Result<(), Stop> {
        let id = AccountId::from_slice(&line.account).ok_or_else(|| malformed("account"))?;
        let owner = PrincipalId::from_slice(&line.owner).ok_or_else(|| malformed("owner"))?;
        if id.0.starts_with(ISSUANCE_PREFIX) {
            return Err(Code::RuleDenied.refuse([Param::Word(ROOM.into())]).into());
        }
        if desk.overlay.read(&account_key(&id))?.is_some() {
            return Err(names(Code::AccountExists, &id));
        }
        counted(row, line)?; // INV-L12
        self.own(desk, &owner, line.asset)?;
        let OpeningLine { asset, amount, origin, earned_month, expires_day, .. } = *line;
        let account = genesis::Account { id, owner, asset, opening: amount };
        self.opener.open(desk, &account, Dated { origin, earned_month, expires_day })
    }

    /// Whether `owner` may own it, and that they are expected if they are not admitted yet.
    fn own(
        &mut self,
        desk: &mut Desk<'_, '_>,
        owner: &PrincipalId,
        asset: u32,
    ) -> Result<(), Stop> {
        if *owner == NOBODY {
            return Err(Code::UnknownOwner.refuse([Param::Bytes(owner.0.to_vec())]).into());
        }
        if self.hands.contains(owner) {
            return Err(Code::SelfDealing.refuse([]).into());
        }
        match identity::rows::find_principal(desk.overlay, owner)? {
            Some(person) if person.is_machine() => {
                // INV-T10: no machine holds minutes or points.
                let class = self.opener.class(desk, asset)?;
                match matches!(class, AssetClass::Time | AssetClass::Point) {
                    true => Err(Code::RuleDenied.refuse([Param::Word(ROOM.into())]).into()),
                    false => Ok(()),
                }
            }
            Some(_) => Ok(()),
            None if self.contracts.contains(owner) => Ok(()),
            None => Ok(expected::note(desk.overlay, owner, self.batch)?),
        }
    }
}

/// Counts a line among what is loaded; never beyond what was approved.
fn counted(row: &mut OpeningRow, line: &OpeningLine) -> Result<(), Stop> {
    if line.amount == 0 {
        return Err(Code::ZeroAmount.refuse([]).into());
    }
    row.loaded = row.loaded.saturating_add(1);
    if row.loaded > row.accounts {
        return Err(batch::count(row.loaded, row.accounts));
    }
    let unknown = || batch::total(line.asset, line.amount, 0);
    let at = row.totals.binary_search_by_key(&line.asset, |(asset, _)| *asset);
    let at = at.map_err(|_| unknown())?;
    let approved = row.totals.get(at).map_or(0, |(_, amount)| *amount);
    let (_, sum) = row.loaded_totals.get_mut(at).ok_or_else(unknown)?;
    *sum = sum.checked_add(line.amount).unwrap_or(u64::MAX);
    match *sum <= approved {
        true => Ok(()),
        false => Err(batch::total(line.asset, *sum, approved)),
    }
}
