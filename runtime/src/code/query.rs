//! What readers ask about code. All of it is public.

use super::GOVERNANCE;
use super::MotionId;
use super::report::to_wire;
use super::rows::{
    CodeRow, FileRow, PinRow, code_key, file_key, past_key, pin_key, report_key, report_prefix,
};
use super::stage::hash_of;
use crate::native::{malformed, read, word};
use crate::query::Answer;
use crate::room::unknown_method;
use crate::stored::{decode, prefix_end};
use crate::vm::Stop;
use borsh::BorshDeserialize;
use linli_types::code::Code;
use linli_types::id::PublicKey;
use linli_types::limits::{CODE_VERSIONS_LISTED_MAX, VALIDATORS_MAX};
use linli_types::store::{Broken, Column, Read};
use linli_types::validator::ValidatorSet;
use linli_types::wire::governance as wire;
use prost::Message;

/// Answers a query about code as of the latest block.
pub(crate) fn answer(
    store: &dyn Read,
    validators: &ValidatorSet,
    method: &str,
    args: &[u8],
) -> Result<Answer, Stop> {
    let mut look = Look { store, reads: Vec::new() };
    let result = match method {
        "Contract" => look.contract(&read::<wire::ContractRequest>(args)?)?.encode_to_vec(),
        "StagedCode" => look.staged(&read::<wire::StagedCodeRequest>(args)?)?.encode_to_vec(),
        "Rehearsal" => {
            look.rehearsal(validators, &read::<wire::RehearsalRequest>(args)?)?.encode_to_vec()
        }
        _ => return Err(unknown_method(GOVERNANCE, method).into()),
    };
    Ok(Answer { result, reads: look.reads })
}

struct Look<'a> {
    store: &'a dyn Read,
    reads: Vec<Vec<u8>>,
}

fn version(row: CodeRow) -> wire::ContractVersion {
    let CodeRow { hash, number, since } = row;
    wire::ContractVersion { number, hash: hash.0.to_vec(), since_height: since.0 }
}

impl Look<'_> {
    fn find<T: BorshDeserialize>(&mut self, key: Vec<u8>, what: &str) -> Result<Option<T>, Broken> {
        let row = self.store.get(Column::State, &key)?;
        self.reads.push(key);
        row.map(|row| decode(&row, what)).transpose()
    }

    fn contract(
        &mut self,
        request: &wire::ContractRequest,
    ) -> Result<wire::ContractResponse, Stop> {
        let none = || Code::NotFound.refuse([word("room")]);
        let runs: Option<CodeRow> = self.find(code_key(&request.room), "a room's code")?;
        let runs = runs.ok_or_else(none)?;
        let listed = u32::try_from(CODE_VERSIONS_LISTED_MAX).unwrap_or(u32::MAX);
        let first = runs.number.saturating_sub(listed).saturating_add(1);
        let mut versions = Vec::new();
        for number in first..=runs.number {
            let row: Option<CodeRow> = self.find(past_key(&request.room, number), "past code")?;
            versions.extend(row.map(version));
        }
        Ok(wire::ContractResponse { runs: Some(version(runs)), versions })
    }

    fn staged(
        &mut self,
        request: &wire::StagedCodeRequest,
    ) -> Result<wire::StagedCodeResponse, Stop> {
        let hash = hash_of("hash", &request.hash)?;
        let file: Option<FileRow> = self.find(file_key(&hash), "a file of code")?;
        let FileRow { size, staged, by, .. } =
            file.ok_or_else(|| Code::NotFound.refuse([word("hash")]))?;
        Ok(wire::StagedCodeResponse { size, staged, by: by.0.to_vec() })
    }

    fn rehearsal(
        &mut self,
        validators: &ValidatorSet,
        request: &wire::RehearsalRequest,
    ) -> Result<wire::RehearsalResponse, Stop> {
        let motion: MotionId =
            request.motion.as_slice().try_into().map_err(|_| malformed("motion"))?;
        let pin: Option<PinRow> = self.find(pin_key(&motion), "a pin of code")?;
        let reports = self.reports(validators, &motion)?;
        if pin.is_none() && reports.is_empty() {
            return Err(Code::NotFound.refuse([word("motion")]).into());
        }
        let open = pin.is_some();
        let (room, hash, base) =
            pin.map_or_else(Default::default, |pin| (pin.room, pin.hash.0.to_vec(), pin.base.0));
        let total_power = validators.total_power();
        Ok(wire::RehearsalResponse { open, room, hash, base_height: base, reports, total_power })
    }

    /// Every report about a motion, also of validators that have left.
    fn reports(
        &mut self,
        validators: &ValidatorSet,
        motion: &MotionId,
    ) -> Result<Vec<wire::ValidatorReport>, Stop> {
        let from = report_prefix(motion);
        let limit = VALIDATORS_MAX.saturating_mul(2);
        let rows = self.store.scan(Column::State, &from, &prefix_end(&from), limit)?;
        let mut reports = Vec::new();
        for (key, row) in rows {
            let validator = key.strip_prefix(from.as_slice()).and_then(PublicKey::from_slice);
            let validator = validator.ok_or_else(|| Broken("the key of a report".into()))?;
            let power = validators.get(&validator).map_or(0, |validator| validator.power);
            self.reads.push(report_key(motion, &validator));
            let report = Some(to_wire(&decode(&row, "a rehearsal's report")?));
            reports.push(wire::ValidatorReport { validator: validator.0.to_vec(), power, report });
        }
        Ok(reports)
    }
}
