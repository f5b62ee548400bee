//! What readers ask of the room. Every answer names the entries that it read.

use super::lots::Lot;
use super::rows::{
    AssetRow, DeedRow, Kept, OpeningRow, PendingRow, RuleRow, account_key, asset_key, kept,
    lots_key, opening_key, pending_key, read_row, rule_key,
};
use super::{NOBODY, ROOM, malformed};
use crate::overlay::read_claim;
use crate::query::Answer;
use crate::room::unknown_method;
use crate::stored::{decode, full_key, prefix_end};
use crate::vm::Stop;
use linli_types::account::{AccountRow, flag, issuance};
use linli_types::books::Authority;
use linli_types::code::Code;
use linli_types::id::{AccountId, PrincipalId, TransferId};
use linli_types::limits;
use linli_types::receipt::Param;
use linli_types::store::{Broken, Column, Read};
use linli_types::wire::accounts as wire;
use prost::Message;

/// Answers a query of the room.
pub(crate) fn ask(store: &dyn Read, method: &str, args: &[u8]) -> Result<Answer, Stop> {
    match method {
        "Account" => account(store, &read(args)?),
        "Pending" => pending(store, &read(args)?),
        "Lots" => lots(store, &read(args)?),
        "Supply" => supply(store, &read(args)?),
        "Asset" => asset(store, &read(args)?),
        "Opening" => opening(store, &read(args)?),
        _ => Err(unknown_method(ROOM, method).into()),
    }
}

/// Whom an entry of the room concerns, by the room's own key: they may read it. Nobody in
/// particular ([`NOBODY`]) is everybody.
///
/// # Errors
///
/// [`Broken`] if a row cannot be read.
pub fn concerned(store: &dyn Read, key: &[u8]) -> Result<Vec<PrincipalId>, Broken> {
    let row = || store.get(Column::State, &full_key(ROOM, key));
    let parties = match kept(key) {
        Some(Kept::Account(id) | Kept::Lots(id)) => return Ok(vec![owner(store, &id)?]),
        Some(Kept::Pending(_)) => row()?.map(|row| {
            let row: PendingRow = decode(&row, "a pending transfer")?;
            Ok((row.debit, row.credit))
        }),
        Some(Kept::Deed(_)) => row()?.map(|row| {
            let row: DeedRow = decode(&row, "a deed")?;
            Ok((row.debit, row.credit))
        }),
        Some(Kept::Books | Kept::Opening(_)) | None => None,
    };
    let Some((debit, credit)) = parties.transpose()? else { return Ok(vec![NOBODY]) };
    // What somebody gives to a pool that is nobody's concerns them alone.
    let mut owners = vec![owner(store, &debit)?, owner(store, &credit)?];
    owners.retain(|owner| *owner != NOBODY);
    Ok(if owners.is_empty() { vec![NOBODY] } else { owners })
}

fn owner(store: &dyn Read, id: &AccountId) -> Result<PrincipalId, Broken> {
    let row = store.get(Column::State, &account_key(id))?;
    Ok(row.map(|row| read_row(&row)).transpose()?.map_or(NOBODY, |row| row.owner))
}

fn read<Q: Message + Default>(args: &[u8]) -> Result<Q, Stop> {
    Q::decode(args).map_err(|_| malformed("request"))
}

fn answer(response: &impl Message, reads: Vec<Vec<u8>>) -> Answer {
    Answer { result: response.encode_to_vec(), reads }
}

fn load(store: &dyn Read, id: &AccountId) -> Result<AccountRow, Stop> {
    let missing = || Code::NoAccount.refuse([Param::Bytes(id.0.to_vec())]);
    let row = store.get(Column::State, &account_key(id))?.ok_or_else(missing)?;
    Ok(read_row(&row)?)
}

fn account(store: &dyn Read, request: &wire::AccountRequest) -> Result<Answer, Stop> {
    let id = AccountId::from_slice(&request.id).ok_or_else(|| malformed("id"))?;
    let row = load(store, &id)?;
    let response = wire::AccountResponse {
        id: id.0.to_vec(),
        owner: row.owner.0.to_vec(),
        asset: row.asset,
        debits_posted: row.debits_posted,
        credits_posted: row.credits_posted,
        entries: row.entries,
        head: row.head.0.to_vec(),
        kind: row.kind.number(),
        flags: u32::from(row.flags & flag::ASKED),
        debits_pending: row.debits_pending,
        credits_pending: row.credits_pending,
        max_balance: row.max_balance,
        opened_ms: row.opened.0,
        frozen_out: row.is(flag::FROZEN_OUT),
        frozen_in: row.is(flag::FROZEN_IN),
        closed: row.is(flag::CLOSED),
    };
    Ok(answer(&response, vec![account_key(&id)]))
}

fn pending(store: &dyn Read, request: &wire::PendingRequest) -> Result<Answer, Stop> {
    let id = TransferId::from_slice(&request.id).ok_or_else(|| malformed("id"))?;
    let key = pending_key(&id);
    let Some(row) = store.get(Column::State, &key)? else {
        let claim = store.get(Column::Side, &full_key(ROOM, &id.0))?;
        let known = claim.map(|claim| read_claim(&claim)).transpose()?.is_some();
        let code = if known { Code::PendingResolved } else { Code::NoPending };
        return Err(code.refuse([Param::Bytes(id.0.to_vec())]).into());
    };
    let row: PendingRow = decode(&row, "a pending transfer")?;
    let response = wire::PendingResponse {
        id: id.0.to_vec(),
        debit: row.debit.0.to_vec(),
        credit: row.credit.0.to_vec(),
        amount: row.amount,
        code: row.code,
        expires_ms: row.expires.0,
        resolver: row.resolver.0.to_vec(),
    };
    Ok(answer(&response, vec![key, account_key(&row.debit), account_key(&row.credit)]))
}

fn lots(store: &dyn Read, request: &wire::LotsRequest) -> Result<Answer, Stop> {
    let id = AccountId::from_slice(&request.account).ok_or_else(|| malformed("account"))?;
    load(store, &id)?;
    let key = lots_key(&id);
    let row = store.get(Column::State, &key)?;
    let lots: Vec<Lot> = row.map(|row| decode(&row, "lots")).transpose()?.unwrap_or_default();
    let lot = |lot: Lot| wire::Lot {
        origin: lot.origin,
        earned_month: lot.earned_month,
        expires_day: lot.expires_day,
        remaining: lot.remaining,
        gifted: lot.gifted,
    };
    let response = wire::LotsResponse { lots: lots.into_iter().map(lot).collect() };
    Ok(answer(&response, vec![key, account_key(&id)]))
}

/// INV-L2: every unit that is out stands as a debit of the issuance account.
fn supply(store: &dyn Read, request: &wire::SupplyRequest) -> Result<Answer, Stop> {
    load_asset(store, request.asset)?;
    let id = issuance(request.asset);
    let row = load(store, &id)?;
    let response = wire::SupplyResponse {
        issued: row.debits_posted,
        taken_back: row.credits_posted,
        supply: row.debits_posted.saturating_sub(row.credits_posted),
    };
    Ok(answer(&response, vec![account_key(&id)]))
}

/// Totals concern nobody in particular; whose account holds what is not among them.
fn opening(store: &dyn Read, request: &wire::OpeningRequest) -> Result<Answer, Stop> {
    let id = TransferId::from_slice(&request.id).ok_or_else(|| malformed("id"))?;
    let key = opening_key(&id);
    let missing = || Code::NoOpening.refuse([Param::Bytes(id.0.to_vec())]);
    let row = store.get(Column::State, &key)?.ok_or_else(missing)?;
    let row: OpeningRow = decode(&row, "a batch of opening balances")?;
    let totals = |sums: &[(u32, u64)]| -> Vec<wire::OpeningTotal> {
        let total = |&(asset, amount): &(u32, u64)| wire::OpeningTotal { asset, amount };
        sums.iter().map(total).collect()
    };
    let response = wire::OpeningResponse {
        id: id.0.to_vec(),
        source: row.source.0.to_vec(),
        statement: row.statement.0.to_vec(),
        leaf: row.leaf,
        cut_off_ms: row.cut_off.0,
        accounts: row.accounts,
        totals: totals(&row.totals),
        root: row.root.0.to_vec(),
        chunks: row.chunks,
        proposer: row.proposer.0.to_vec(),
        approver: row.approver.map(|id| id.0.to_vec()).unwrap_or_default(),
        closed: row.closed,
        loaded_accounts: row.loaded,
        loaded_totals: totals(&row.loaded_totals),
        loaded_chunks: row.loaded_chunks,
    };
    Ok(answer(&response, vec![key]))
}

fn load_asset(store: &dyn Read, number: u32) -> Result<AssetRow, Stop> {
    let unknown = || Code::UnknownAsset.refuse([Param::Number(u64::from(number))]);
    let row = store.get(Column::State, &asset_key(number))?.ok_or_else(unknown)?;
    Ok(decode(&row, "an asset")?)
}

fn asset(store: &dyn Read, request: &wire::AssetRequest) -> Result<Answer, Stop> {
    let number = request.asset;
    let AssetRow { class, name, decimals, .. } = load_asset(store, number)?;
    let (mut reads, mut rules) = (vec![asset_key(number)], Vec::new());
    let (from, code_at) = (rule_key(number, 0), rule_key(number, 0).len().saturating_sub(4));
    let prefix = from.get(..code_at).unwrap_or_default();
    let rows = store.scan(Column::State, &from, &prefix_end(prefix), limits::QUERY_ENTRIES_MAX)?;
    for (key, value) in rows {
        let code = key.last_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        let row: RuleRow = decode(&value, "rules")?;
        rules.extend(row.moves.iter().map(|(from, to, authority)| {
            let (authority, role, room) = match authority {
                Authority::Owner => (0, 0, String::new()),
                Authority::Role(role) => (1, *role as u32, String::new()),
                Authority::Contract(room) => (2, 0, room.clone()),
            };
            let (from, to) = (from.number(), to.number());
            wire::RuleRow { code, from, to, authority, role, room }
        }));
        reads.push(key);
    }
    let (class, decimals) = (class as u32, u32::from(decimals));
    Ok(answer(&wire::AssetResponse { asset: number, name, class, decimals, rules }, reads))
}
