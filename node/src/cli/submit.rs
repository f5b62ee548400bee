//! One transaction from draft to receipt: signed once, sent until a definite answer or the end of
//! patience.
//!
//! # Invariants
//!
//! - **B1 the same bytes.** A retry sends the very same bytes, so nothing happens twice.
//! - **B2 definite.** An outcome is definite after a receipt, or after a block later than
//!   `valid_until`; everything else ends with exit 3 and says that it is not known.

use super::connect::{Node, failed, now, refused};
use super::output::{Exit, Trace};
use super::query::read;
use super::Failure;
use crate::api::contract_refusal;
use crate::words::words;
use linli_proto::{ReceiptRequest, ReceiptResponse, SubmitRequest};
use linli_sdk::key::random;
use linli_types::code::Code;
use linli_types::digest;
use linli_types::id::TxId;
use linli_types::receipt::{Outcome, Receipt};
use linli_types::transaction::{envelope, signing_bytes};
use linli_types::wire::{Call, TransactionBody};
use prost::Message;
use std::time::{Duration, Instant};

/// How long a transaction may wait for its block.
const VALIDITY_MS: u64 = 60_000;
/// First pause before the same bytes are sent again; doubles up to the last.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// How long a definite answer is waited for: validity, one heartbeat, and a reserve.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long one question for a receipt waits.
const WAIT_MS: u32 = 10_000;

/// A signed transaction.
pub(super) struct Draft {
    pub(super) id: TxId,
    valid_until_ms: u64,
    raw: Vec<u8>,
}

/// A transaction with its receipt.
pub(super) struct Settled {
    pub(super) id: TxId,
    pub(super) height: u64,
    pub(super) index: u32,
    pub(super) block_time_ms: u64,
    pub(super) receipt: Receipt,
}

impl Draft {
    /// Signs calls with the connection's key.
    ///
    /// # Errors
    ///
    /// The key names no principal, or there are no random bytes.
    pub(super) fn sign(node: &Node, calls: Vec<Call>) -> Result<Self, Failure> {
        let valid_until_ms = now().plus_ms(VALIDITY_MS).0;
        let body = TransactionBody {
            chain_tag: node.chain.tag(),
            sender: node.principal()?.0.to_vec(),
            signer: node.key.public().0.to_vec(),
            key: random::<16>()?.to_vec(),
            valid_until_ms,
            calls,
        };
        let body = body.encode_to_vec();
        let signature = node.key.sign(&signing_bytes(&node.chain, &body));
        let raw = envelope(&body, &signature);
        Ok(Self { id: digest::transaction_id(&body), valid_until_ms, raw })
    }

    /// Sends it until its receipt or its end is certain (B1, B2).
    ///
    /// # Errors
    ///
    /// Refused before a block, expired, or no definite answer.
    pub(super) async fn settle(&self, node: &mut Node) -> Result<Settled, Failure> {
        let until = Instant::now() + PATIENCE;
        let mut pause = PAUSE;
        let mut sent = false;
        loop {
            let last = match self.step(node, &mut sent).await {
                Ok(Some(settled)) => return Ok(settled),
                Ok(None) => unknown(&self.id),
                Err(why) if why.exit() == Exit::Broken => why,
                Err(why) => return Err(why),
            };
            if Instant::now() + pause > until {
                return Err(last.leaving(if sent { Trace::Unknown } else { Trace::Nothing }));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// One submission if none arrived yet, then one question for the receipt.
    async fn step(&self, node: &mut Node, sent: &mut bool) -> Result<Option<Settled>, Failure> {
        if !*sent {
            self.submit(node).await?;
            *sent = true;
        }
        let answer = receipt(node, &self.id, WAIT_MS).await?;
        if answer.found {
            return settled(self.id, &answer).map(Some);
        }
        if answer.head_time_ms > self.valid_until_ms {
            // B2: no later block can hold it.
            return Err(Failure::refused(
                Code::Expired.name(),
                words!("交易在有效期内未入块", "no block took the transaction while it was valid"),
                words!("请重新提交", "submit again"),
            ));
        }
        Ok(None)
    }

    async fn submit(&self, node: &mut Node) -> Result<(), Failure> {
        let request = SubmitRequest { transaction: self.raw.clone() };
        let answer = node.client.submit(request).await.map_err(|s| failed(&s))?.into_inner();
        match answer.refused {
            Some(why) if why.code != Code::Exists.number() => Err(refused(&why)),
            _ => Ok(()),
        }
    }
}

/// Asks for a receipt.
pub(super) async fn receipt(
    node: &mut Node,
    id: &TxId,
    wait_ms: u32,
) -> Result<ReceiptResponse, Failure> {
    let request = node.signed("GetReceipt", ReceiptRequest { id: id.0.to_vec(), wait_ms });
    Ok(node.client.get_receipt(request).await.map_err(|s| failed(&s))?.into_inner())
}

/// Reads a receipt that was found.
pub(super) fn settled(id: TxId, answer: &ReceiptResponse) -> Result<Settled, Failure> {
    Ok(Settled {
        id,
        height: answer.height,
        index: answer.index,
        block_time_ms: answer.block_time_ms,
        receipt: read(&answer.receipt, "receipt")?,
    })
}

impl Settled {
    /// The refusal that the receipt records, in the words of the room's schema.
    pub(super) fn refusal(&self, schema: Option<&[u8]>) -> Option<Failure> {
        match &self.receipt.outcome {
            Outcome::Done => None,
            Outcome::Refused { refusal, .. } if refusal.room.is_empty() => {
                Some(Failure::native(refusal).leaving(Trace::Receipt))
            }
            Outcome::Refused { refusal, .. } => {
                let why = contract_refusal(refusal, schema);
                Some(refused(&why).leaving(Trace::Receipt))
            }
        }
    }
}

fn unknown(id: &TxId) -> Failure {
    Failure::new(
        Exit::Broken,
        "NO_ANSWER",
        words!("交易 {id} 还没有确定的结果", "transaction {id} has no definite outcome yet"),
        words!("稍后用 linli evidence receipt 查询", "ask later with `linli evidence receipt`"),
    )
    .leaving(Trace::Unknown)
}
