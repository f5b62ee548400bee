//! Registrations, transparent statements, keys and problems as bytes.

use super::*;
use crate::cose::receipt::{LogHead, Proof};
use crate::pack::LogPlace;
use linli_types::height::Height;
use linli_types::id::{Digest, Signature};

fn statement() -> Vec<u8> {
    let parts = Parts { protected: b"protected", payload: &[7; 32], signature: [9; 64] };
    parts.alone()
}

fn receipt(n: u8) -> Receipt {
    let head = LogHead {
        chain: ChainId([1; 32]),
        size: 9,
        root: Digest([2; 32]),
        height: Height(3),
        time_s: 4,
    };
    let proof = Proof::Inclusion(LogPlace { leaf: 8, size: 9, path: Vec::new() });
    Receipt::new(&head, PublicKey([n; 32]), Signature([n; 64]), proof)
}

#[test]
fn a_registration_comes_apart_as_it_was_put_together() {
    let statement = statement();
    let bytes = registration(&statement, &[7; 300]).unwrap();
    assert_eq!(read_registration(&bytes), Ok((statement.clone(), Some(&[7; 300][..]))));
    assert_eq!(read_registration(&statement), Ok((statement.clone(), None)));
    assert!(registration(&bytes, &[7; 300]).is_err(), "something stands there already");
    let array = registration_array(b"statement", &[7; 300]);
    assert_eq!(read_registration_array(&array), Ok((&b"statement"[..], &[7; 300][..])));
    for good in [&bytes, &array] {
        let bad = [&good[..good.len() - 1], &[good.as_slice(), &[0]].concat()].map(<[u8]>::to_vec);
        for bad in bad {
            assert!(read_registration(&bad).is_err() && read_registration_array(&bad).is_err());
        }
    }
    let large = alloc::vec![0x82; REGISTRATION_BYTES_MAX + 1];
    assert!(matches!(read_registration(&large), Err(Bad::TooLarge { .. })));
    assert!(matches!(read_registration_array(&large), Err(Bad::TooLarge { .. })));
}

#[test]
fn a_transparent_statement_is_the_statement_and_receipts_as_byte_strings() {
    let both = [receipt(5), receipt(6)];
    let bytes = transparent(&statement(), &both).unwrap();
    let (parts, found) = Parts::read(&bytes, |reader| {
        reader.map_of(1)?;
        reader.is_integer(RECEIPTS)?;
        reader.array_of(2)?;
        Ok([reader.bytes()?, reader.bytes()?])
    })
    .unwrap_or_else(|_| panic!("unreadable"));
    assert_eq!(parts.alone(), statement());
    assert_eq!(found.map(|bytes| Receipt::from_bytes(bytes).unwrap()), both);
    assert!(transparent(&bytes, &both).is_err(), "it is one already");
    // The array by itself is what stands under the label.
    let alone = receipts(&both);
    assert!(bytes.windows(alone.len()).any(|window| window == alone));
}

#[test]
fn keys_and_problems_are_deterministic_cbor() {
    assert_eq!(key_set(&[]), [0x80]);
    let set = key_set(&[PublicKey([9; 32])]);
    assert_eq!(set.get(..4), Some(&[0x81, 0xa5, 1, 1][..]));
    assert_eq!(set.get(1..), Some(&*key(&PublicKey([9; 32]))));
    assert_eq!(problem("a", "b", 404), b"\xa3\x20\x61a\x21\x61b\x23\x19\x01\x94");
    assert_eq!(configuration(&ChainId([0; 32])).first(), Some(&0xa4));
}

#[test]
fn faults_have_the_standard_s_names() {
    let with = |algorithm: i64, payload: bool| {
        let mut protected = Writer::default();
        protected.map(1).integer(ALG).integer(algorithm);
        let mut writer = Writer::default();
        writer.tag(TAG_SIGN1).array(4).bytes(&protected.into_bytes()).map(0);
        if payload {
            writer.bytes(&[1])
        } else {
            writer.null()
        };
        writer.bytes(&[0; 64]);
        writer.into_bytes()
    };
    assert_eq!(fault(&with(-7, true)), Fault::Algorithm);
    assert_eq!(fault(&with(ALG_EDDSA, false)), Fault::Payload);
    assert_eq!(fault(&with(ALG_EDDSA, true)), Fault::Malformed);
    assert_eq!(fault(b"\xd2"), Fault::Malformed);
}
