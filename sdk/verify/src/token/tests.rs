//! Tokens that OpenSSL made: read, verified, changed, cut.

use super::der::Der;
use super::*;
use proptest::prelude::*;

/// Made once by OpenSSL 3.0 over these bytes; `rsa` names its signer by SHA-1, `p256` by SHA-256.
const STAMPED: &[u8] = b"a header";
const RSA: &[u8] = include_bytes!("../../tests/fixtures/token/rsa.token");
const RSA_CERTIFICATE: &[u8] = include_bytes!("../../tests/fixtures/token/rsa.certificate");
const RSA_ANSWER: &[u8] = include_bytes!("../../tests/fixtures/token/rsa.answer");
const RSA_REQUEST: &[u8] = include_bytes!("../../tests/fixtures/token/rsa.request");
const P256: &[u8] = include_bytes!("../../tests/fixtures/token/p256.token");
const P256_CERTIFICATE: &[u8] = include_bytes!("../../tests/fixtures/token/p256.certificate");
const P256_ANSWER: &[u8] = include_bytes!("../../tests/fixtures/token/p256.answer");
const P384: &[u8] = include_bytes!("../../tests/fixtures/token/p384.token");
const P384_CERTIFICATE: &[u8] = include_bytes!("../../tests/fixtures/token/p384.certificate");
const P256_PEM: &[u8] = include_bytes!("../../tests/fixtures/token/p256.pem");

#[test]
fn tokens_of_every_kind_verify_by_the_certificate_given_and_by_the_one_they_carry() {
    for (token, certificate, algorithm, second) in [
        (RSA, RSA_CERTIFICATE, Algorithm::Rsa, 1_795_724_911),
        (P256, P256_CERTIFICATE, Algorithm::P256, 1_795_724_912),
        (P384, P384_CERTIFICATE, Algorithm::P384, 1_795_736_846),
    ] {
        let (read, sealed) = verify(token, STAMPED, Some(certificate)).unwrap();
        assert_eq!(sealed, Sealed::ByGiven(algorithm));
        assert_eq!(read.policy, "1.2.3.4.1");
        assert_eq!(read.time, TimeMs(second * 1000));
        assert_eq!(read.check_signature(None), Ok(Sealed::ByCarried(algorithm)));
    }
}

#[test]
fn a_token_over_other_bytes_is_refused() {
    assert_eq!(verify(P256, b"a headeR", None).unwrap_err(), BadToken::Imprint);
}

#[test]
fn a_certificate_of_somebody_else_is_refused() {
    let token = Token::parse(P256).unwrap();
    let other = token.check_signature(Some(RSA_CERTIFICATE));
    assert_eq!(other, Err(BadToken::OtherCertificate));
    assert_eq!(token.check_signature(Some(b"none")), Err(BadToken::Certificate));
}

#[test]
fn a_certificate_serves_in_both_spellings() {
    assert_eq!(certificate(P256_PEM).as_deref(), Ok(P256_CERTIFICATE));
    assert_eq!(certificate(P256_CERTIFICATE).as_deref(), Ok(P256_CERTIFICATE));
    assert_eq!(certificate(b"-----BEGIN CERTIFICATE-----"), Err(BadToken::Certificate));
    assert_eq!(certificate(&[0; TOKEN_BYTES_MAX + 1]), Err(BadToken::TooLarge));
}

#[test]
fn a_request_is_what_openssl_asks() {
    let imprint = Digest(sha2::Sha256::digest(STAMPED).into());
    let nonce = Token::parse(RSA).unwrap().nonce.unwrap();
    let nonce = nonce.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    assert_eq!(request(&imprint, nonce), RSA_REQUEST);
    for nonce in [0, 1, 0x7f, 0x80, 0xffff, u64::MAX] {
        let bytes = request(&imprint, nonce);
        assert!(Der::only(&bytes, der::SEQUENCE).is_some(), "{nonce}");
    }
}

#[test]
fn an_answer_is_a_token_only_if_it_was_granted() {
    assert_eq!(granted(RSA_ANSWER), Ok(RSA));
    assert_eq!(granted(P256_ANSWER), Ok(P256));
    // Status 2: rejected; with a text and a failure info, without a token.
    let rejected = [0x30, 11, 0x30, 9, 2, 1, 2, 0x30, 0, 3, 2, 0, 4];
    assert_eq!(granted(&rejected), Err(BadToken::Refused(2)));
    assert_eq!(granted(&[0x30, 5, 0x30, 3, 2, 1, 0]), Err(BadToken::Malformed));
    assert_eq!(granted(b"<html>busy</html>"), Err(BadToken::Malformed));
    assert_eq!(granted(&[]), Err(BadToken::Malformed));
    assert_eq!(granted(&[0; TOKEN_BYTES_MAX + 1]), Err(BadToken::TooLarge));
}

#[test]
fn a_nonce_must_be_the_one_that_was_asked() {
    let token = Token::parse(RSA).unwrap();
    let nonce = token.nonce.unwrap().iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    assert_eq!(token.check_nonce(nonce), Ok(()));
    assert_eq!(token.check_nonce(nonce ^ 1), Err(BadToken::Nonce));
}

#[test]
fn a_certificate_for_other_uses_or_another_time_is_refused() {
    // id-kp-timeStamping becomes id-kp-OCSPSigning, in the certificate given.
    let mut other = P256_CERTIFICATE.to_vec();
    let usage = [0x2b, 6, 1, 5, 5, 7, 3, 8];
    let at = other.windows(8).position(|part| part == usage).unwrap();
    other[at + 7] = 9;
    let read = Certificate::read(&other).unwrap();
    assert!(!read.for_time_stamps);
    let read = Certificate::read(P256_CERTIFICATE).unwrap();
    assert!(read.for_time_stamps);
    let mut token = Token::parse(P256).unwrap();
    token.time = TimeMs(read.until.0 + 1);
    assert_eq!(token.check_signature(None), Err(BadToken::CertificateTime));
    token.time = TimeMs(read.from.0 - 1);
    assert_eq!(token.check_signature(None), Err(BadToken::CertificateTime));
    token.signer.certificate = None;
    token.time = read.from;
    assert_eq!(token.check_signature(Some(&other)), Err(BadToken::Usage));
}

#[test]
fn an_unknown_algorithm_is_said_and_not_believed() {
    // SM2 with SM3, as an authority of national ciphers would sign.
    let sm2 = [0x2a, 0x81, 0x1c, 0xcf, 0x55, 1, 0x83, 0x75];
    let mut token = Token::parse(P256).unwrap();
    token.signer.algorithm = &sm2;
    let said = Ok(Sealed::Unknown("1.2.156.10197.1.501".into()));
    assert_eq!(token.check_signature(Some(P256_CERTIFICATE)), said);
    token.certificates.clear();
    assert_eq!(token.check_signature(None), Ok(Sealed::NoCertificate));
}

/// Where the certificates stand that a token carries: a given certificate makes them idle.
fn carried(token: &[u8]) -> std::ops::Range<usize> {
    let read = Token::parse(token).unwrap();
    let first = read.certificates[0];
    let from = first.as_ptr() as usize - token.as_ptr() as usize;
    from..from + first.len()
}

#[test]
fn every_flipped_bit_is_found_but_in_what_nothing_rests_on() {
    for (token, certificate) in
        [(RSA, RSA_CERTIFICATE), (P256, P256_CERTIFICATE), (P384, P384_CERTIFICATE)]
    {
        let idle = carried(token);
        let mut passed = Vec::new();
        for bit in 0..token.len() * 8 {
            let mut bad = token.to_vec();
            bad[bit / 8] ^= 1 << (bit % 8);
            let verified = verify(&bad, STAMPED, Some(certificate));
            // An algorithm that became unknown is said, not believed.
            let held = matches!(verified, Ok((_, Sealed::ByGiven(_))));
            if held && !idle.contains(&(bit / 8)) {
                passed.push(bit / 8);
            }
        }
        // The list of digests, and parameters that are empty in every algorithm of ours.
        passed.dedup();
        assert!(passed.len() <= 20, "{passed:?}");
    }
}

#[test]
fn every_cut_token_is_refused() {
    for len in 0..P256.len() {
        assert!(Token::parse(&P256[..len]).is_err(), "{len}");
    }
    assert!(Token::parse(&[P256, &[0]].concat()).is_err());
    assert_eq!(Token::parse(&[0; TOKEN_BYTES_MAX + 1]).unwrap_err(), BadToken::TooLarge);
}

proptest! {
    #[test]
    fn no_bytes_panic(
        noise in proptest::collection::vec(any::<u8>(), 0..64),
        at in any::<proptest::sample::Index>(),
    ) {
        for whole in [RSA, P256, P256_CERTIFICATE, P256_ANSWER] {
            let mut bytes = whole.to_vec();
            let from = at.index(bytes.len());
            let end = (from + noise.len()).min(bytes.len());
            bytes.splice(from..end, noise.iter().copied());
            let _ = verify(&bytes, STAMPED, None);
            let _ = Certificate::read(&bytes);
            let _ = granted(&bytes);
        }
    }
}
