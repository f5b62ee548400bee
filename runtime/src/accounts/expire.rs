//! What has ended goes to a sink; whatever is held stays.

use super::bounds;
use super::day::day_of;
use super::desk::{Desk, names};
use super::transfer::entry;
use crate::vm::Stop;
use linli_types::account::{Act, flag};
use linli_types::books::AccountKind;
use linli_types::code::Code;
use linli_types::wire::accounts::{ExpireRequest, ExpireResponse};

/// Moves ended lots to a sink. Anyone may ask: the rule decides, not the asker.
pub(super) fn expire(
    desk: &mut Desk<'_, '_>,
    request: ExpireRequest,
) -> Result<ExpireResponse, Stop> {
    let id = desk.claim(&request.id, "Expire", &request)?;
    let account = desk.account(&request.account)?;
    let sink = desk.account(&request.sink)?;
    let fit = sink.row.kind == AccountKind::ExpiredSink
        && sink.row.asset == account.row.asset
        && sink.id != account.id
        && !sink.row.is(flag::CLOSED);
    if !fit {
        return Err(names(Code::NotSink, &sink.id));
    }
    let class = desk.asset(account.row.asset)?.class;
    desk.join(class)?;
    let today = day_of(desk.place.time);
    let lots = desk.lots(&account.id)?;
    let ended = lots.iter().filter(|lot| lot.has_ended(today)).map(|lot| lot.remaining);
    let amount = ended.fold(0, u64::saturating_add).min(account.row.can_give());
    if amount == 0 {
        return Err(Code::NothingExpired.refuse([]).into());
    }
    bounds::takes(&sink.row, amount)?;
    // Those that end first go first: these are the ended ones.
    bounds::return_lots(desk, &account, &sink, amount)?;
    let entry = entry(desk, id, Act::LotsEnded, (&account, &sink), amount, 0);
    desk.enter(&entry, account, sink)?;
    Ok(ExpireResponse { amount })
}
