//! What held then, and which day lies so many working days ahead.

use super::{HeadRow, ROOM, VersionRow, head_key, read_head, read_version, version_key};
use crate::native::{read, word};
use crate::query::Answer;
use crate::room::unknown_method;
use crate::stored::load_block;
use crate::vm::Stop;
use linli_types::calendar::{Day, NoDay, add_working_days};
use linli_types::code::Code;
use linli_types::height::{Height, TimeMs};
use linli_types::policy::{CONTRACT_PARAMS_FROM, PARAMS, Policy};
use linli_types::receipt::{Param, Refusal};
use linli_types::store::{Broken, Column, Read};
use linli_types::wire::policy as wire;
use linli_types::wire::policy::at_request::When;
use prost::Message;

/// Answers a query as of the latest block.
pub(crate) fn answer(
    store: &dyn Read,
    now: TimeMs,
    method: &str,
    args: &[u8],
) -> Result<Answer, Stop> {
    let mut look = Look { store, reads: Vec::new() };
    let result = match method {
        "At" => look.at(now, &read::<wire::AtRequest>(args)?)?.encode_to_vec(),
        "Param" => look.param(now, &read::<wire::ParamRequest>(args)?)?.encode_to_vec(),
        "WorkingDay" => {
            look.working_day(now, &read::<wire::WorkingDayRequest>(args)?)?.encode_to_vec()
        }
        _ => return Err(unknown_method(ROOM, method).into()),
    };
    Ok(Answer { result, reads: look.reads })
}

/// A look at the store that remembers which entries it read.
struct Look<'a> {
    store: &'a dyn Read,
    reads: Vec<Vec<u8>>,
}

impl Look<'_> {
    fn get(&mut self, key: Vec<u8>) -> Result<Option<Vec<u8>>, Broken> {
        let row = self.store.get(Column::State, &key)?;
        if !self.reads.contains(&key) {
            self.reads.push(key);
        }
        Ok(row)
    }

    fn version(&mut self, number: u32) -> Result<VersionRow, Broken> {
        read_version(self.get(version_key(number))?, number)
    }

    /// The version in force at any time. Beginnings ascend with the numbers (Y3).
    fn in_force(&mut self, time: TimeMs) -> Result<VersionRow, Stop> {
        let HeadRow { last, .. } = read_head(self.get(head_key())?)?;
        let first = self.version(1)?;
        if time < first.effective {
            return Err(Code::NoPolicy.refuse([]).into());
        }
        // Version `low` had begun; version `high` had not, or there is none.
        let (mut low, mut high) = (first, last.saturating_add(1));
        while high.saturating_sub(low.number) > 1 {
            let middle = low.number.saturating_add(high.saturating_sub(low.number) / 2);
            let row = self.version(middle)?;
            if row.effective <= time { low = row } else { high = middle }
        }
        Ok(low)
    }

    fn at(&mut self, now: TimeMs, request: &wire::AtRequest) -> Result<wire::AtResponse, Stop> {
        let time = match request.when {
            None => now,
            Some(When::TimeMs(time)) => TimeMs(time),
            Some(When::Height(height)) => self.time_of(Height(height))?,
        };
        Ok(response(&self.in_force(time)?))
    }

    /// The time that the block of a height was judged at.
    fn time_of(&mut self, height: Height) -> Result<TimeMs, Stop> {
        if height == Height::GENESIS {
            return Ok(self.version(1)?.effective);
        }
        let block = load_block(self.store, height)?;
        let none = || Code::NotFound.refuse([word("height")]);
        Ok(block.ok_or_else(none)?.header.time)
    }

    fn param(
        &mut self,
        now: TimeMs,
        request: &wire::ParamRequest,
    ) -> Result<wire::ParamResponse, Stop> {
        let VersionRow { number, content, .. } = self.in_force(now)?;
        let set = content.params.iter().find(|(known, _)| *known == request.param);
        let native = PARAMS.iter().find(|rule| rule.param.number() == request.param);
        let value = set.map(|(_, value)| *value).or(native.map(|rule| rule.default));
        if value.is_none() && request.param < CONTRACT_PARAMS_FROM {
            let param = Param::Number(u64::from(request.param));
            return Err(Code::ParamUnknown.refuse([param]).into());
        }
        let (value, set, version) = (value.unwrap_or(0), set.is_some(), number);
        Ok(wire::ParamResponse { value, set, version })
    }

    fn working_day(
        &mut self,
        now: TimeMs,
        request: &wire::WorkingDayRequest,
    ) -> Result<wire::WorkingDayResponse, Stop> {
        let calendar = self.in_force(now)?.content.calendar;
        let from = Day::of(TimeMs(request.from_ms));
        let day = add_working_days(&calendar, from, request.count).map_err(no_day)?;
        Ok(wire::WorkingDayResponse { day_ms: day.begins().0 })
    }
}

/// What is asked of days that have no answer.
fn no_day(why: NoDay) -> Refusal {
    match why {
        NoDay::Missing(year) => Code::CalendarMissing.refuse([Param::Number(year)]),
        NoDay::TooMany { found, max } => {
            let [found, max] = [found, max].map(|n| Param::Number(u64::from(n)));
            Code::TooLarge.refuse([word("count"), found, max])
        }
    }
}

fn response(row: &VersionRow) -> wire::AtResponse {
    let VersionRow { number, effective, set_at, content } = row;
    let year = |year: &linli_types::calendar::Year| wire::CalendarYear {
        year: u32::from(year.year),
        working: year.working.to_vec(),
    };
    let pair = |pair: &linli_types::policy::DutyPair| wire::DutyPair {
        a: pair.a.number(),
        b: pair.b.number(),
        relatives: pair.relatives,
    };
    let weights = |weights: &linli_types::policy::Weights| wire::Weights {
        of: i32::try_from(weights.of.number()).unwrap_or(0),
        parts: weights.parts.clone(),
    };
    wire::AtResponse {
        version: *number,
        effective_at_ms: effective.0,
        set_at_height: set_at.0,
        params: params(content),
        calendar: content.calendar.iter().map(year).collect(),
        negative: Some(wire::NegativeList { codes: content.negative.clone() }),
        duties: Some(wire::DutyTable { pairs: content.duties.iter().map(pair).collect() }),
        weights: content.weights.iter().map(weights).collect(),
    }
}

/// Every native parameter, and those of contracts that were set.
fn params(content: &Policy) -> Vec<wire::ParamValue> {
    let native = PARAMS.iter().map(|rule| (rule.param.number(), content.param(rule.param)));
    let theirs = content.params.iter().copied();
    let theirs = theirs.filter(|(number, _)| *number >= CONTRACT_PARAMS_FROM);
    native.chain(theirs).map(|(param, value)| wire::ParamValue { param, value }).collect()
}
