//! A header by itself: that the validators certified it, from the genesis on. For those who follow
//! the chain's log without a pack: witnesses, and whoever checks a time stamp.

use crate::check::{bad_certificate, check_header, walk};
use crate::failure::{Failure, Reason};
use crate::pack::SetChange;
use crate::said;
use linli_types::certificate::Certificate;
use linli_types::genesis::Genesis;
use linli_types::header::Header;
use linli_types::signature::Verify;
use linli_types::validator::ValidatorSet;

/// Checks a header, and returns the set that certified it.
///
/// # Errors
///
/// [`Failure`] names the layer that does not hold.
pub fn check(
    header: &Header,
    certificate: &Certificate,
    sets: &[SetChange],
    genesis: &[u8],
    verify: &dyn Verify,
) -> Result<ValidatorSet, Failure> {
    // Only what a strict reader takes: a format or a flag of tomorrow is not believed today.
    let header = Header::from_bytes(&header.to_bytes())
        .map_err(|e| Failure::new(Reason::HeaderMalformed, [said::header(&e)]))?;
    let (genesis, chain) = Genesis::from_bytes(genesis)
        .map_err(|e| Failure::new(Reason::GenesisMalformed, [said::genesis(&e)]))?;
    if header.chain != chain {
        return Err(Failure::new(Reason::GenesisOther, [header.chain, chain]));
    }
    let set = walk(&chain, genesis.validators, sets, &header, verify)?;
    if certificate.block != header.id() || certificate.height != header.height {
        return Err(Failure::plain(Reason::HeaderOther));
    }
    if header.validators_hash != set.hash() {
        return Err(Failure::plain(Reason::SetsIncomplete));
    }
    certificate.check(&chain, &set, verify).map_err(|e| bad_certificate(&e))?;
    check_header(&header, &set)?;
    Ok(set)
}
