//! Brings receipt keys to the ledger: this node's own, and those of members who have nobody to carry
//! theirs.
//!
//! The transaction is an ordinary one of the principal that the configuration names; what counts in
//! it is the consensus key's signature. Without such a principal the node introduces its key to the
//! members that understand, and says in its log how else it can be set.

use super::words::Word;
use super::{Receipts, aside, lock};
use crate::anchoring::{NotSettled, not, settle};
use crate::handle::NodeHandle;
use linli_runtime::log::{ROOM, SET_RECEIPT_KEY, receipt_key, set_request};
use linli_runtime::validators;
use linli_sdk::{Draft, SecretKey};
use linli_types::delegation::Delegation;
use linli_types::id::PrincipalId;
use linli_types::store::Broken;
use prost::Message as _;
use std::time::Duration;

/// How often what is missing is looked for.
const EVERY: Duration = Duration::from_secs(5);

/// Registers until the node stops.
pub(crate) async fn register(node: NodeHandle, carrier: Option<(SecretKey, PrincipalId)>) {
    let (receipts, mut said) = (node.receipts(), false);
    loop {
        match receipts.owed().await {
            Ok(owed) if owed.is_empty() => {}
            Ok(owed) => {
                match &carrier {
                    Some(carrier) => carry(&node, carrier, &owed).await,
                    None => receipts.introduce(),
                }
                if carrier.is_none() && !std::mem::replace(&mut said, true) {
                    say(&owed);
                }
            }
            Err(Broken(why)) => tracing::error!(why, "receipts.register: the store cannot be read"),
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = node.closing() => return,
        }
    }
}

async fn carry(node: &NodeHandle, carrier: &(SecretKey, PrincipalId), owed: &[Delegation]) {
    for delegation in owed {
        let (validator, key) = (delegation.says.validator, delegation.says.key);
        match hand_in(node, carrier, delegation).await {
            Ok(()) => tracing::info!(%validator, %key, "receipts.register: the key stands"),
            // Another node may have carried it meanwhile: the next look says so.
            Err(why) => tracing::warn!(%why, %validator, "receipts.register: tried again later"),
        }
    }
}

async fn hand_in(
    node: &NodeHandle,
    (key, principal): &(SecretKey, PrincipalId),
    delegation: &Delegation,
) -> Result<(), NotSettled> {
    let args = set_request(delegation).encode_to_vec();
    let draft = Draft::new().call(ROOM, SET_RECEIPT_KEY, args);
    let chain = node.status().head.chain;
    settle(node, draft.sign(key, &chain, *principal).map_err(not)?).await.map(drop)
}

fn say(owed: &[Delegation]) {
    for delegation in owed {
        let args = hex::encode(set_request(delegation).encode_to_vec());
        tracing::warn!(
            validator = %delegation.says.validator, args,
            "receipts.register: nobody carries this receipt key; set receipts.carrier_key, or call \
             log SetReceiptKey with these arguments"
        );
    }
}

impl Receipts {
    /// Delegations that should stand on the ledger and do not: the own one, and those introduced.
    pub(super) async fn owed(&self) -> Result<Vec<Delegation>, Broken> {
        let own = self.clone();
        aside(move || own.read_owed()).await
    }

    fn read_owed(&self) -> Result<Vec<Delegation>, Broken> {
        let (store, head) = (&self.shared.parts.store, self.head());
        let (set, _) = validators::set_at(store, head.height.next())?;
        let mut wanted: Vec<Delegation> = lock(&self.shared.introduced).values().copied().collect();
        if let Some(keys) = self.keys()
            && let Some(seat) = keys.seat(&set)
        {
            wanted.push(keys.delegation(store, self.shared.parts.chain, (seat, head.height))?);
        }
        let mut owed = Vec::new();
        for delegation in wanted {
            let validator = delegation.says.validator;
            let row = receipt_key(store, &validator)?;
            let later =
                row.is_none_or(|row| row.delegation.says.from_height < delegation.says.from_height);
            if later && set.get(&validator).is_some() {
                owed.push(delegation);
            } else {
                lock(&self.shared.introduced).remove(&validator);
            }
        }
        Ok(owed)
    }

    /// Shows the own key to the members that understand.
    fn introduce(&self) {
        let shown = || -> Result<(), Broken> {
            let Some(keys) = self.keys() else { return Ok(()) };
            let (store, head) = (&self.shared.parts.store, self.head());
            let (set, _) = validators::set_at(store, head.height.next())?;
            let Some(seat) = keys.seat(&set) else { return Ok(()) };
            let seat_head = (seat, head.height);
            let delegation = keys.delegation(store, self.shared.parts.chain, seat_head)?;
            for member in set.members() {
                if !self.is_own(&member.key) && self.speaks(&member.key)? {
                    self.send(&member.key, Word::Introduce(delegation));
                }
            }
            Ok(())
        };
        if let Err(Broken(why)) = shown() {
            tracing::error!(why, "receipts.introduce: the store cannot be read");
        }
    }
}
