//! A validator's receipt key at work, and its consensus key's word for it.

use crate::signer::KeySigner;
use crate::storage::RocksStore;
use ed25519_dalek::{Signer as _, SigningKey};
use linli_core::Crypto as _;
use linli_runtime::log::receipt_key;
use linli_types::delegation::{Delegation, ReceiptKey};
use linli_types::height::Height;
use linli_types::id::{ChainId, PublicKey, Signature};
use linli_types::store::Broken;
use linli_types::validator::ValidatorSet;
use linli_verify::cose::receipt::LogHead;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The keys of one node. They are wiped when they are dropped.
pub(crate) struct Keys {
    receipt: SigningKey,
    consensus: Mutex<KeySigner>,
    own: Vec<PublicKey>,
    /// Words that do not stand on the ledger yet, by consensus key: said once, so that they are the
    /// same until they do.
    said: Mutex<BTreeMap<PublicKey, Delegation>>,
}

impl Keys {
    pub(crate) fn new(receipt: &[u8; 32], consensus: KeySigner) -> Self {
        let own = [Some(consensus.public()), consensus.successor()].into_iter().flatten();
        Self {
            receipt: SigningKey::from_bytes(receipt),
            own: own.collect(),
            consensus: Mutex::new(consensus),
            said: Mutex::default(),
        }
    }

    /// The receipt key.
    pub(crate) fn public(&self) -> PublicKey {
        PublicKey(self.receipt.verifying_key().to_bytes())
    }

    /// The consensus key by which this node stands in a set.
    pub(crate) fn seat(&self, set: &ValidatorSet) -> Option<PublicKey> {
        self.own.iter().copied().find(|key| set.get(key).is_some())
    }

    /// The name that this node had in a set of the past: by a consensus key that it holds, or by the
    /// receipt key that one which it held delegated.
    pub(crate) fn seat_then(
        &self,
        store: &RocksStore,
        set: &ValidatorSet,
    ) -> Result<Option<PublicKey>, Broken> {
        if let Some(seat) = self.seat(set) {
            return Ok(Some(seat));
        }
        for member in set.members() {
            let row = receipt_key(store, &member.key)?;
            if row.is_some_and(|row| row.delegation.says.key == self.public()) {
                return Ok(Some(member.key));
            }
        }
        Ok(None)
    }

    /// Whether a key is one of this node's consensus keys.
    pub(crate) fn is_own(&self, key: &PublicKey) -> bool {
        self.own.contains(key)
    }

    pub(crate) fn sign(&self, head: &LogHead) -> Signature {
        let to_sign = head.to_be_signed(&self.public());
        Signature(self.receipt.sign(to_sign.sig_structure()).to_bytes())
    }

    /// What the consensus key `seat` says of the receipt key: what stands on the ledger, or what is
    /// to be carried there. The first key of a validator signs the log from the beginning; one that
    /// follows another, from the next height on.
    pub(crate) fn delegation(
        &self,
        store: &RocksStore,
        chain: ChainId,
        (seat, head): (PublicKey, Height),
    ) -> Result<Delegation, Broken> {
        let row = receipt_key(store, &seat)?;
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = row.filter(|row| row.delegation.says.key == self.public()) {
            said.remove(&seat);
            return Ok(row.delegation);
        }
        if let Some(delegation) = said.get(&seat) {
            return Ok(*delegation);
        }
        let after = |row: linli_runtime::log::ReceiptKeyRow| {
            row.delegation.says.from_height.max(head).next()
        };
        let from_height = row.map_or(Height(1), after);
        let says = ReceiptKey { chain, validator: seat, key: self.public(), from_height };
        let mut consensus = self.consensus.lock().unwrap_or_else(PoisonError::into_inner);
        let signature = consensus.sign(&seat, &says.signing_bytes());
        let delegation = Delegation { says, signature };
        said.insert(seat, delegation);
        Ok(delegation)
    }
}
