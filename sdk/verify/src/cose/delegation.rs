//! Delegations as a receipt's file carries them: short, because the file says the rest.
//!
//! Chain and receipt key stand in the receipt, and the validator is named by its place in the set
//! that certified the block: what remains is the place, the first height and the signature.

use super::cbor::{Reader, Unreadable, Writer};
use super::receipt::Receipt;
use crate::failure::{Failure, Reason};
use linli_types::delegation::{Delegation, ReceiptKey};
use linli_types::height::Height;
use linli_types::id::Signature;
use linli_types::signature::Verify;
use linli_types::validator::{Validator, ValidatorSet};

/// A delegation without what is said elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    /// The validator's place in the set, by key.
    pub place: u64,
    /// The first height.
    pub from_height: Height,
    /// By the consensus key.
    pub signature: Signature,
}

impl Short {
    /// Shortens a delegation of one of the set; `None` if it is by a stranger.
    pub fn of(delegation: &Delegation, set: &ValidatorSet) -> Option<Self> {
        let key = &delegation.says.validator;
        let place = set.members().iter().position(|v| v.key == *key)?;
        let (from_height, signature) = (delegation.says.from_height, delegation.signature);
        Some(Self { place: place as u64, from_height, signature })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.array(3).unsigned(self.place).unsigned(self.from_height.0);
        writer.bytes(&self.signature.0);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        reader.array_of(3)?;
        let (place, from_height) = (reader.unsigned()?, Height(reader.unsigned()?));
        Ok(Self { place, from_height, signature: Signature(reader.exactly()?) })
    }

    /// The whole delegation of the key that signed `receipt`.
    pub(super) fn whole(&self, receipt: &Receipt, set: &ValidatorSet) -> Option<Delegation> {
        let validator = member(set, self.place)?.key;
        let (chain, key, from_height) = (receipt.chain(), receipt.key, self.from_height);
        let says = ReceiptKey { chain, validator, key, from_height };
        Some(Delegation { says, signature: self.signature })
    }
}

/// The validator at a place of the set.
pub(super) fn member(set: &ValidatorSet, place: u64) -> Option<&Validator> {
    set.members().get(usize::try_from(place).ok()?)
}

/// Checks that the key of `receipt` was the validator's: delegated by its consensus key, for this
/// chain and this height, and the validator stands in the set. Returns the validator.
///
/// # Errors
///
/// [`Failure`] of the layer of receipt keys.
pub fn check<'a>(
    delegation: &Delegation,
    receipt: &Receipt,
    set: &'a ValidatorSet,
    verify: &dyn Verify,
) -> Result<&'a Validator, Failure> {
    let says = &delegation.says;
    let stranger = || Failure::new(Reason::ReceiptKeyStranger, [says.validator]);
    let validator = set.get(&says.validator).ok_or_else(stranger)?;
    if says.key != receipt.key || says.chain != receipt.chain() {
        return Err(Failure::new(Reason::ReceiptKeyOther, [receipt.key]));
    }
    if says.from_height > receipt.height() {
        let heights = [says.from_height.0, receipt.height().0];
        return Err(Failure::new(Reason::ReceiptKeyEarly, heights));
    }
    // INV-X5
    if delegation.holds(verify) {
        Ok(validator)
    } else {
        Err(Failure::new(Reason::ReceiptKeySignature, [&validator.name]))
    }
}
