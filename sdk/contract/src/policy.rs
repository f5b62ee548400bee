//! The native policy room, asked with types: what is governed, as it holds in this block.

use crate::env::Env;
use linli_types::wire::policy::{
    ParamRequest, ParamResponse, WorkingDayRequest, WorkingDayResponse,
};

/// The room's name.
const ROOM: &str = "policy";

/// The native policy room. See the module.
pub struct Policy<'e, 'a> {
    env: &'e mut Env<'a>,
}

impl core::fmt::Debug for Policy<'_, '_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Policy").finish_non_exhaustive()
    }
}

impl Policy<'_, '_> {
    /// A parameter's value; `None` if it is a contract's and nobody has set it. An unknown native
    /// one refuses the transaction.
    pub fn param(&mut self, param: u32) -> Option<u64> {
        let answer: ParamResponse = self.env.call(ROOM, "Param", &ParamRequest { param })?;
        let native = param < linli_types::policy::CONTRACT_PARAMS_FROM;
        (answer.set || native).then_some(answer.value)
    }

    /// The first millisecond, in UTC+8, of the working day that lies `count` working days after a
    /// time. A year that the calendar lacks refuses the transaction.
    pub fn working_day(&mut self, from_ms: u64, count: u32) -> u64 {
        let request = WorkingDayRequest { from_ms, count };
        let answer: Option<WorkingDayResponse> = self.env.call(ROOM, "WorkingDay", &request);
        answer.map_or(u64::MAX, |answer| answer.day_ms)
    }
}

impl<'a> Env<'a> {
    /// The native policy room.
    pub fn policy(&mut self) -> Policy<'_, 'a> {
        Policy { env: self }
    }
}
