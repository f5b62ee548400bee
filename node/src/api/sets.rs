//! How the set of validators came to be what it was at a height: what an offline verifier walks
//! along, from the genesis on.

use super::block::damaged;
use super::broken;
use crate::storage::RocksStore;
use linli_proto as wire;
use linli_runtime::{load_block, load_certificate, validators};
use linli_types::height::Height;
use tonic::Status;

/// Every change below `height`, with the header and the certificate that prove it.
pub(super) fn changes(store: &RocksStore, height: Height) -> Result<Vec<wire::SetChange>, Status> {
    let mut out = Vec::new();
    for (at, next) in validators::changes(store, height).map_err(broken)? {
        let block = load_block(store, at).map_err(broken)?;
        let header = block.ok_or_else(|| damaged("a missing block"))?.header;
        if header.validators_hash == header.next_validators_hash {
            continue; // what one motion changed another took back in the same block
        }
        let certificate = load_certificate(store, at).map_err(broken)?;
        let certificate = certificate.ok_or_else(|| damaged("a block without a certificate"))?;
        out.push(wire::SetChange {
            header: header.to_bytes(),
            certificate: linli_types::encode(&certificate),
            next_validators: linli_types::encode(&next),
        });
    }
    Ok(out)
}
