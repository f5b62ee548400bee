//! What readers ask. What is governed is public.

use super::close::standing_number;
use super::open::motion_id;
use super::rows::{
    Count, HeadRow, MotionId, MotionRow, Standing, head_key, motion_key, number_key,
};
use crate::code;
use crate::ledger::Head;
use crate::native::read;
use crate::policy;
use crate::protocol;
use crate::query::Answer;
use crate::stored::decode;
use crate::validators;
use crate::vm::Stop;
use linli_types::code::Code;
use linli_types::height::TimeMs;
use linli_types::limits::MOTIONS_MAX;
use linli_types::policy::WeightsOf;
use linli_types::receipt::Param;
use linli_types::store::{Broken, Column, Read};
use linli_types::wire::governance as wire;
use prost::Message;

/// Answers a query as of the latest block, whose height and time these are.
pub(crate) fn answer(
    store: &dyn Read,
    head: &Head,
    method: &str,
    args: &[u8],
) -> Result<Answer, Stop> {
    let mut look = Look { store, reads: Vec::new() };
    let result = match method {
        "Motion" => {
            let id = motion_id(&read::<wire::MotionRequest>(args)?.motion)?;
            look.motion(&id)?.encode_to_vec()
        }
        "Motions" => look.motions(&read::<wire::MotionsRequest>(args)?)?.encode_to_vec(),
        "Validators" => return validators::answer(store, head.height.next(), args),
        "Protocol" => return protocol::answer(store, head.height.next(), args),
        "Council" => look.council(head.time)?.encode_to_vec(),
        _ => return code::answer(store, &head.validators, method, args),
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
        self.reads.push(key);
        Ok(row)
    }

    fn head(&mut self) -> Result<HeadRow, Stop> {
        let row = self.get(head_key())?;
        Ok(row.map(|row| decode(&row, "the council's head")).transpose()?.unwrap_or_default())
    }

    fn motion(&mut self, id: &MotionId) -> Result<wire::MotionResponse, Stop> {
        let none = || Code::NoMotion.refuse([Param::Bytes(id.to_vec())]);
        let row = self.get(motion_key(id))?.ok_or_else(none)?;
        Ok(response(id, decode(&row, "a motion")?))
    }

    fn motions(&mut self, request: &wire::MotionsRequest) -> Result<wire::MotionsResponse, Stop> {
        let last = self.head()?.last;
        let most = if request.limit == 0 { MOTIONS_MAX } else { request.limit.min(MOTIONS_MAX) };
        let first = request.from.max(1);
        let end = first.saturating_add(most).min(last.saturating_add(1));
        let mut motions = Vec::new();
        for number in first..end {
            let id = self.get(number_key(number))?;
            let id = id.and_then(|id| id.try_into().ok());
            let id: MotionId = id.ok_or_else(|| Broken("a motion's number is missing".into()))?;
            motions.push(self.motion(&id)?);
        }
        Ok(wire::MotionsResponse { motions, last })
    }

    fn council(&mut self, now: TimeMs) -> Result<wire::CouncilResponse, Stop> {
        let HeadRow { seats, stood: stands, .. } = self.head()?;
        let number = policy::number_at(self.store, now)?;
        let version = self.get(policy::version_key(number))?;
        let missing = || Broken("a version of the policy is missing".into());
        let version: policy::VersionRow =
            decode(&version.ok_or_else(missing)?, "a version of the policy")?;
        let weights = version.content.weights(WeightsOf::Council).unwrap_or_default();
        let chamber = |(seats, weight): (u32, &u32)| wire::Chamber {
            weight: *weight,
            seats,
            ..wire::Chamber::default()
        };
        Ok(wire::CouncilResponse {
            chambers: seats.into_iter().zip(weights).map(chamber).collect(),
            stands,
        })
    }
}

fn response(id: &MotionId, row: MotionRow) -> wire::MotionResponse {
    let chamber = |count: &Count| {
        let Count { weight, seats, recused, yes, no } = *count;
        wire::Chamber { weight, seats, recused, yes, no }
    };
    let (standing, executes_at_ms) = standing_number(&row.standing);
    let threshold = if row.special { wire::Threshold::Special } else { wire::Threshold::Simple };
    let (executed, refusal) = match &row.standing {
        Standing::Executed { height } => (height.0, 0),
        Standing::Refused { height, refusal } => (height.0, refusal.code),
        _ => (0, 0),
    };
    wire::MotionResponse {
        motion: id.to_vec(),
        number: row.number,
        opener: row.opener.0.to_vec(),
        deed: wire::Deed::decode(row.deed.as_slice()).ok(),
        threshold: threshold.into(),
        text: row.text,
        opened_at_height: row.opened.0,
        closes_at_ms: row.closes.0,
        chambers: row.counts.iter().map(chamber).collect(),
        standing: standing.into(),
        executes_at_ms,
        executed_at_height: executed,
        policy: row.policy,
        refusal,
    }
}
