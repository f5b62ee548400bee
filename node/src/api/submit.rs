//! Submit and SubmitStream: transactions in, one answer each or one per batch.

use super::{Api, BATCH_TRANSACTIONS_MAX, refused, status};
use crate::rates::{Rates, is_unproved, retry_ms};
use futures::{Stream, StreamExt, stream};
use linli_proto as wire;
use linli_replica::Submitted;
use linli_types::code::Code;
use linli_types::limits;
use linli_types::receipt::{Param, Refusal};
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;
use tonic::{Status, Streaming};

impl Api {
    pub(super) async fn submit_one(
        &self,
        request: wire::SubmitRequest,
        from: IpAddr,
    ) -> Result<wire::SubmitResponse, Status> {
        let (id, answer) = self.node.submit_one(request.transaction).await;
        charge(&self.node.rates(), from, std::slice::from_ref(&answer));
        let id = id.map_or_else(Vec::new, |id| id.0.to_vec());
        Ok(match answer {
            Submitted::Pooled => wire::SubmitResponse { id, ..Default::default() },
            Submitted::Exists { height, .. } => wire::SubmitResponse {
                id,
                refused: Some(refused(&Code::Exists.refuse([]))),
                height: height.0,
            },
            Submitted::Refused(why) => {
                wire::SubmitResponse { id, refused: Some(refused(&why)), height: 0 }
            }
        })
    }

    /// One batch at a time is asked for; the next is read from the wire after its answer, so a
    /// fast client waits in its own buffers. A client that hands in nothing for long is done.
    pub(super) fn submit_batches(
        &self,
        batches: Streaming<wire::SubmitBatch>,
        from: IpAddr,
    ) -> Pin<Box<dyn Stream<Item = Result<wire::SubmitBatchResponse, Status>> + Send>> {
        let node = self.node.clone();
        let idle = Duration::from_millis(limits::SUBMIT_IDLE_MS_MAX);
        Box::pin(while_busy(batches, idle).then(move |batch| {
            let node = node.clone();
            async move {
                let raws = batch?.transactions;
                if raws.len() > BATCH_TRANSACTIONS_MAX {
                    return Err(status(&too_many(raws.len())));
                }
                let rates = node.rates();
                if let Err(limited) = rates.may_submit(from) {
                    let answers = vec![Submitted::Refused(limited); raws.len()];
                    return Ok(summary(&answers));
                }
                let answers = node.submit(raws).await;
                charge(&rates, from, &answers);
                Ok(summary(&answers))
            }
        }))
    }
}

/// What proved no sender is paid for by where it came from (S3 of [`crate::rates`]).
fn charge(rates: &Rates, from: IpAddr, answers: &[Submitted]) {
    let unproved =
        |answer: &&Submitted| matches!(answer, Submitted::Refused(why) if is_unproved(why.code));
    rates.unproved(from, answers.iter().filter(unproved).count() as u64);
}

/// The items until the stream ends or is silent for longer than `idle`.
fn while_busy<T>(items: impl Stream<Item = T> + Unpin, idle: Duration) -> impl Stream<Item = T> {
    stream::unfold(items, move |mut items| async move {
        let item = tokio::time::timeout(idle, items.next()).await.ok().flatten()?;
        Some((item, items))
    })
}

fn summary(answers: &[Submitted]) -> wire::SubmitBatchResponse {
    let code = |answer: &Submitted| match answer {
        Submitted::Pooled => None,
        Submitted::Exists { .. } => Some(Code::Exists.number()),
        Submitted::Refused(why) => Some(why.code),
    };
    let refused: Vec<wire::RefusedAt> = (0_u32..)
        .zip(answers)
        .filter_map(|(index, answer)| code(answer).map(|code| wire::RefusedAt { index, code }))
        .collect();
    let accepted = answers.len().saturating_sub(refused.len());
    let wait = |answer: &Submitted| match answer {
        Submitted::Refused(why) => retry_ms(why),
        _ => 0,
    };
    wire::SubmitBatchResponse {
        refused,
        accepted: u32::try_from(accepted).unwrap_or(u32::MAX),
        retry_ms: answers.iter().map(wait).max().unwrap_or(0),
    }
}

fn too_many(found: usize) -> Refusal {
    let number = |n: usize| Param::Number(n as u64);
    let what = Param::Word("transactions".into());
    Code::TooLarge.refuse([what, number(found), number(BATCH_TRANSACTIONS_MAX)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_that_hands_in_nothing_for_long_ends() {
        let batches = stream::iter([1, 2]).chain(stream::pending());
        let taken: Vec<i32> = while_busy(batches, Duration::from_millis(1)).collect().await;
        assert_eq!(taken, [1, 2]);
    }
}
