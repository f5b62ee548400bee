//! Who reads, and when: the signed header that every read carries (design §5).
//!
//! Client and node share this page, so both sign and check the same bytes:
//! `"linli.read.v1" ‖ 0 ‖ chain (32) ‖ method path ‖ BLAKE3(request) (32) ‖ time in ms (8, little-endian)`.
//! The method path is gRPC's, e.g. `/linli.v1.Ledger/Query`; the request is the encoded message
//! (on a stream the first one). What stands after the path has a fixed length, so no two reads
//! share their bytes.
//!
//! It does not decide who may read what: that is the node's access table.

use crate::key::SecretKey;
use linli_proto::ReadHeader;
use linli_types::certificate::preimage;
use linli_types::code::Code;
use linli_types::digest::{self, Domain};
use linli_types::height::TimeMs;
use linli_types::id::{ChainId, PublicKey, Signature};
use linli_types::limits;
use linli_types::receipt::{Param, Refusal};
use linli_types::signature::Verify;
use prost::Message;

/// The metadata key that carries the encoded [`ReadHeader`].
pub const METADATA_KEY: &str = "linli-read-bin";
/// Bytes of an encoded read header: three short fields.
pub const BYTES_MAX: usize = 256;

/// The bytes that a reader signs.
pub fn signing_bytes(chain: &ChainId, method: &str, request: &[u8], time: TimeMs) -> Vec<u8> {
    let mut bytes = preimage(Domain::Read, chain);
    bytes.extend_from_slice(method.as_bytes());
    bytes.extend_from_slice(&digest::plain(request).0);
    bytes.extend_from_slice(&time.0.to_le_bytes());
    bytes
}

/// Signs one read and encodes the header, ready for [`METADATA_KEY`].
pub fn sign(
    key: &SecretKey,
    chain: &ChainId,
    method: &str,
    request: &[u8],
    time: TimeMs,
) -> Vec<u8> {
    let signature = key.sign(&signing_bytes(chain, method, request, time));
    let header = ReadHeader {
        key: key.public().0.to_vec(),
        time_ms: time.0,
        signature: signature.0.to_vec(),
        chain_tag: chain.tag(),
    };
    header.encode_to_vec()
}

/// Whose key a header names, before anything of it is proved: for refusing strangers early.
///
/// # Errors
///
/// [`Code::ReadUnsigned`] with a word: `missing` or `malformed`.
pub fn claimed(header: Option<&[u8]>) -> Result<PublicKey, Refusal> {
    read(header).map(|(key, _)| key)
}

fn read(header: Option<&[u8]>) -> Result<(PublicKey, ReadHeader), Refusal> {
    let bytes = header.ok_or_else(|| unsigned("missing"))?;
    if bytes.len() > BYTES_MAX {
        return Err(unsigned("malformed"));
    }
    let header = ReadHeader::decode(bytes).map_err(|_| unsigned("malformed"))?;
    let key = PublicKey::from_slice(&header.key).ok_or_else(|| unsigned("malformed"))?;
    Ok((key, header))
}

/// Checks the header of one read and says whose key signed it. `now` is the node's clock.
///
/// # Errors
///
/// [`Code::ReadUnsigned`] with a word: `missing`, `malformed`, `time` or `signature`;
/// [`Code::WrongChain`] if the reader means another chain.
pub fn check(
    chain: &ChainId,
    header: Option<&[u8]>,
    method: &str,
    request: &[u8],
    now: TimeMs,
    verify: &dyn Verify,
) -> Result<PublicKey, Refusal> {
    let (key, header) = read(header)?;
    let signature =
        Signature::from_slice(&header.signature).ok_or_else(|| unsigned("malformed"))?;
    let time = TimeMs(header.time_ms);
    // The signature covers the whole chain id; the tag is there to say what is wrong.
    if header.chain_tag != chain.tag() {
        return Err(Code::WrongChain.refuse([]));
    }
    if now.0.abs_diff(time.0) > limits::READ_SKEW_MS {
        return Err(unsigned("time"));
    }
    if !verify.verify(&key, &signing_bytes(chain, method, request, time), &signature) {
        return Err(unsigned("signature"));
    }
    Ok(key)
}

fn unsigned(why: &str) -> Refusal {
    Code::ReadUnsigned.refuse([Param::Word(why.into())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_types::signature::Zip215;

    const CHAIN: ChainId = ChainId([3; 32]);
    const METHOD: &str = "/linli.v1.Ledger/Query";
    const NOW: TimeMs = TimeMs(1_800_000_000_000);

    fn why(refusal: &Refusal) -> &str {
        match refusal.params.as_slice() {
            [Param::Word(word)] => word,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_signed_read_names_its_reader() {
        let key = SecretKey::from_bytes(&[1; 32]);
        let header = sign(&key, &CHAIN, METHOD, b"request", NOW);
        let found = check(&CHAIN, Some(&header), METHOD, b"request", NOW, &Zip215);
        assert_eq!(found, Ok(key.public()));
    }

    #[test]
    fn a_read_for_anything_else_is_refused() {
        let key = SecretKey::from_bytes(&[1; 32]);
        let header = sign(&key, &CHAIN, METHOD, b"request", NOW);
        let refused = |chain: &ChainId, method: &str, request: &[u8], now| {
            check(chain, Some(&header), method, request, now, &Zip215).unwrap_err()
        };
        let other_chain = refused(&ChainId([4; 32]), METHOD, b"request", NOW);
        assert_eq!(other_chain, Code::WrongChain.refuse([]));
        // The tag alone proves nothing: it is the signature that covers the chain.
        let mut twin = CHAIN;
        twin.0[31] ^= 1;
        assert_eq!(twin.tag(), CHAIN.tag());
        assert_eq!(why(&refused(&twin, METHOD, b"request", NOW)), "signature");
        assert_eq!(
            why(&refused(&CHAIN, "/linli.v1.Ledger/GetProof", b"request", NOW)),
            "signature"
        );
        assert_eq!(why(&refused(&CHAIN, METHOD, b"another", NOW)), "signature");
        for now in [NOW.0 + limits::READ_SKEW_MS + 1, NOW.0 - limits::READ_SKEW_MS - 1] {
            assert_eq!(why(&refused(&CHAIN, METHOD, b"request", TimeMs(now))), "time");
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let refused = |h: Option<&[u8]>| check(&CHAIN, h, METHOD, b"", NOW, &Zip215).unwrap_err();
        assert_eq!(why(&refused(None)), "missing");
        for bytes in [&[][..], &[0xff; 9], &[0; 300]] {
            assert_eq!(why(&refused(Some(bytes))), "malformed");
            assert_eq!(why(&claimed(Some(bytes)).unwrap_err()), "malformed");
        }
    }
}
