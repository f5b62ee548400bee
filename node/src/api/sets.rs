//! How the set of validators came to be what it was at a height: what an offline verifier walks
//! along, from the genesis on.

use super::broken;
use crate::storage::RocksStore;
use linli_proto as wire;
use linli_runtime::{load_block, load_certificate, validators};
use linli_types::height::Height;
use linli_types::store::Broken;
use linli_verify::pack::SetChange;
use tonic::Status;

/// Every change below `height`, with the header and the certificate that prove it.
pub(crate) fn typed(store: &RocksStore, height: Height) -> Result<Vec<SetChange>, Broken> {
    let mut out = Vec::new();
    for (at, next) in validators::changes(store, height)? {
        let header = load_block(store, at)?.ok_or_else(|| Broken("a missing block".into()))?.header;
        if header.validators_hash == header.next_validators_hash {
            continue; // what one motion changed another took back in the same block
        }
        let certificate = load_certificate(store, at)?;
        let certificate = certificate.ok_or_else(|| Broken("an uncertified block".into()))?;
        out.push(SetChange { header, certificate, next });
    }
    Ok(out)
}

/// The same as it travels.
pub(super) fn changes(store: &RocksStore, height: Height) -> Result<Vec<wire::SetChange>, Status> {
    let wire = |change: &SetChange| wire::SetChange {
        header: change.header.to_bytes(),
        certificate: linli_types::encode(&change.certificate),
        next_validators: linli_types::encode(&change.next),
    };
    Ok(typed(store, height).map_err(broken)?.iter().map(wire).collect())
}
