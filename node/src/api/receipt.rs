//! GetReceipt: what became of a transaction, waiting for it if asked to.

use super::block::Block;
use super::logged::{Asked, concerned};
use super::{Api, WAIT_MS_MAX, aside, status};
use linli_proto as wire;
use linli_types::code::Code;
use linli_types::id::TxId;
use linli_types::receipt::Param;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tonic::Status;

impl Api {
    pub(super) async fn receipt(
        &self,
        request: wire::ReceiptRequest,
        asked: Asked,
    ) -> Result<wire::ReceiptResponse, Status> {
        let malformed = || status(&Code::Malformed.refuse([Param::Word("id".into())]));
        let id = TxId::from_slice(&request.id).ok_or_else(malformed)?;
        let wait = Duration::from_millis(u64::from(request.wait_ms.min(WAIT_MS_MAX)));
        let until = Instant::now() + wait;
        loop {
            let woken = self.waiting.register(id);
            let found = self.find(id, &asked).await;
            let done = !matches!(&found, Ok(answer) if !answer.found);
            if done || timeout_at(until, woken).await.is_err() {
                return found;
            }
            if Instant::now() >= until
                || self.node.status().not_accepting == Some(Code::Unavailable)
            {
                return self.find(id, &asked).await;
            }
        }
    }

    async fn find(&self, id: TxId, asked: &Asked) -> Result<wire::ReceiptResponse, Status> {
        let head_time_ms = self.node.head().borrow().time.0;
        let (store, readers) = (self.node.store(), self.readers.clone());
        let reader = asked.reader.clone();
        let found = aside(move || {
            let Some((block, index)) = Block::of(&store, &id)? else {
                let none = wire::ReceiptResponse { head_time_ms, ..Default::default() };
                return Ok((none, BTreeSet::new()));
            };
            let owner = block.sender(index)?;
            if !readers.may_see(&reader, &owner) {
                return Err(status(&Code::ReadDenied.refuse([])));
            }
            let about = match reader.is_other(&owner) {
                true => concerned(owner, block.receipt(index)?),
                false => BTreeSet::new(), // one's own deed
            };
            let answer = wire::ReceiptResponse {
                found: true,
                height: block.header.height.0,
                index,
                receipt: linli_types::encode(block.receipt(index)?),
                block_time_ms: block.header.time.0,
                head_time_ms: head_time_ms.max(block.header.time.0),
            };
            Ok((answer, about))
        });
        let (answer, about) = found.await?;
        self.log_read(asked, asked.others(about)).await?; // X4
        Ok(answer)
    }
}
