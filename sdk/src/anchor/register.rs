//! Registering signed statements: the contract's requests, made from what the statement says.
//!
//! The messages are those of `contracts/evidence/evidence.proto`; the verifier has them, who compares a
//! statement with what was asked, and tests here compare them with the schema. What a
//! statement does not say of itself, such as the basis of processing and a consent, is [`Provenance`].

use crate::error::{Error, ErrorKind};
use linli_types::id::Digest;
use linli_types::limits::EVIDENCE_BATCH_MAX;
use linli_verify::cose::statement::Claims;
pub use linli_verify::request::{
    REGISTER, REGISTER_BATCH, Ref, RegisterBatchRequest, RegisterRequest,
};
use prost::Message;

/// The call that notes the end of a payload.
pub const ERASE: &str = "ErasePayload";

/// The names of the contract's bases of processing; the place is the number.
pub const BASES: [&str; 8] = [
    "BASIS_UNSPECIFIED",
    "CONSENT",
    "CONTRACT",
    "LEGAL_DUTY",
    "EMERGENCY",
    "PUBLIC_INTEREST",
    "PUBLISHED",
    "OTHER_LAW",
];

/// The names of the contract's classes of retention; the place is the number.
pub const RETENTIONS: [&str; 5] =
    ["RETENTION_UNSPECIFIED", "ORDINARY", "YEARS_10", "YEARS_15", "YEARS_30"];

/// The names of the reasons why evidence comes late; the place is the number.
pub const BACKDATED_REASONS: [&str; 6] =
    ["BACKDATED_REASON_UNSPECIFIED", "OFFLINE", "FAILURE", "IMPORTED", "CORRECTION", "ORDERED"];

/// The names of the bases of erasure; the place is the number.
pub const ERASE_BASES: [&str; 6] = [
    "ERASE_BASIS_UNSPECIFIED",
    "PURPOSE_DONE",
    "SERVICE_ENDED",
    "CONSENT_WITHDRAWN",
    "UNLAWFUL",
    "LAW_ASKS",
];

/// What a statement does not say of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// How long the payload must be kept: a place in [`RETENTIONS`].
    pub retention: i32,
    /// Why personal data may be processed: a place in [`BASES`].
    pub basis: i32,
    /// Why it comes late, if it does: a place in [`BACKDATED_REASONS`].
    pub backdated_reason: i32,
    /// Shows somebody below 14.
    pub minors: bool,
    /// Sensitive personal data.
    pub sensitive: bool,
    /// Id of the consent: 16 bytes, or empty.
    pub consent: Vec<u8>,
}

impl Default for Provenance {
    /// Ordinary evidence under a contract, fresh, of nobody to be protected.
    fn default() -> Self {
        Self {
            retention: 1,
            basis: 2,
            backdated_reason: 0,
            minors: false,
            sensitive: false,
            consent: Vec::new(),
        }
    }
}

/// Notes that a payload is destroyed on every holder.
#[derive(Clone, PartialEq, Eq, Message)]
#[allow(missing_docs, reason = "evidence.proto documents each field")]
pub struct ErasePayloadRequest {
    #[prost(message, optional, tag = "1")]
    pub record: Option<Ref>,
    #[prost(int32, tag = "2")]
    pub basis: i32,
    #[prost(uint32, tag = "3")]
    pub holders: u32,
    #[prost(bytes = "vec", tag = "4")]
    pub confirmations: Vec<u8>,
}

impl ErasePayloadRequest {
    /// What a source says after its holders have confirmed, each by a digest.
    pub fn new(record: Ref, basis: i32, confirmations: &[Digest]) -> Self {
        Self {
            record: Some(record),
            basis,
            holders: u32::try_from(confirmations.len()).unwrap_or(u32::MAX),
            confirmations: confirmations.iter().flat_map(|digest| digest.0).collect(),
        }
    }
}

/// What the contract needs of a statement's claims, and no more of them.
fn clock(claims: &Claims) -> i32 {
    claims.clock_source.map_or(1, |clock| clock.number().into())
}

fn device(claims: &Claims) -> Vec<u8> {
    claims.device.map(|device| device.0.to_vec()).unwrap_or_default()
}

/// The request that registers one statement: `id` is the digest of its exact bytes. Parents, order,
/// subject, cell and tags are the caller's to add.
pub fn register(claims: &Claims, id: &Digest, provenance: &Provenance) -> RegisterRequest {
    RegisterRequest {
        source: claims.source.0.to_vec(),
        number: claims.number,
        kind: claims.kind.into(),
        statement: id.0.to_vec(),
        manifest_sha256: claims.manifest_sha256.0.to_vec(),
        manifest_sm3: claims.sm3.0.to_vec(),
        size: claims.size,
        captured_at_ms: claims.captured_at_ms,
        clock_source: clock(claims),
        device: device(claims),
        env_digest: claims.env_digest.map(|digest| digest.0.to_vec()).unwrap_or_default(),
        retention: provenance.retention,
        minors: provenance.minors,
        sensitive: provenance.sensitive,
        consent: provenance.consent.clone(),
        basis: provenance.basis,
        backdated_reason: provenance.backdated_reason,
        ..RegisterRequest::default()
    }
}

/// The request that registers statements together. `tags` are one for each, or none.
///
/// # Errors
///
/// [`ErrorKind::Input`] if they are no batch: none or more than 1,024, of several sources, kinds,
/// devices or clocks, numbers that do not follow each other, or another count of tags.
pub fn register_batch(
    statements: &[(Claims, Digest)],
    tags: &[[u8; 16]],
    provenance: &Provenance,
) -> Result<RegisterBatchRequest, Error> {
    let Some((first, _)) = statements.first() else { return Err(no_batch()) };
    let alike = |(at, (one, _)): (u64, &(Claims, Digest))| {
        let shared = |c: &Claims| (c.source, c.kind, c.device, c.clock_source);
        shared(one) == shared(first) && Some(one.number) == first.number.checked_add(at)
    };
    let follow = (0..).zip(statements).all(alike);
    let fits = statements.len() <= EVIDENCE_BATCH_MAX;
    if !follow || !fits || !(tags.is_empty() || tags.len() == statements.len()) {
        return Err(no_batch());
    }
    let captured = || statements.iter().map(|(claims, _)| claims.captured_at_ms);
    Ok(RegisterBatchRequest {
        source: first.source.0.to_vec(),
        first: first.number,
        kind: first.kind.into(),
        statements: statements.iter().flat_map(|(_, id)| id.0).collect(),
        manifests: statements.iter().flat_map(|(claims, _)| claims.manifest_sha256.0).collect(),
        tags: tags.iter().flatten().copied().collect(),
        captured_from_ms: captured().min().unwrap_or_default(),
        captured_to_ms: captured().max().unwrap_or_default(),
        clock_source: clock(first),
        device: device(first),
        retention: provenance.retention,
        minors: provenance.minors,
        sensitive: provenance.sensitive,
        consent: provenance.consent.clone(),
        basis: provenance.basis,
        backdated_reason: provenance.backdated_reason,
    })
}

fn no_batch() -> Error {
    let (zh, en) = ("这些陈述不能成批登记", "these statements are no batch");
    Error::new(ErrorKind::Input, zh, en).hint_with(
        "同一来源、种类、设备与时钟，序号相连，最多 1,024 份",
        "one source, kind, device and clock, numbers that follow each other, at most 1,024",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anchor::tests::descriptors;
    use linli_types::id::PrincipalId;
    use linli_verify::cose::statement::{ClockSource, SUBJECT};
    use prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage};

    fn pool() -> DescriptorPool {
        DescriptorPool::decode(descriptors().as_slice()).unwrap()
    }

    /// The message as the contract reads it, every field known.
    fn known(name: &str, message: &impl Message) -> DynamicMessage {
        let descriptor = pool().get_message_by_name(&format!("linli.evidence.v1.{name}")).unwrap();
        let bytes = message.encode_to_vec();
        let read = DynamicMessage::decode(descriptor, bytes.as_slice()).unwrap();
        assert_eq!(read.unknown_fields().count(), 0, "{name}");
        read
    }

    /// The same, and every field of the contract's set.
    fn whole(name: &str, message: &impl Message) {
        let read = known(name, message);
        let unset: Vec<_> =
            read.descriptor().fields().filter(|field| !read.has_field(field)).collect();
        assert!(unset.is_empty(), "{name}: {unset:?}");
    }

    fn claims(number: u64) -> Claims {
        Claims {
            source: PrincipalId([1; 16]),
            subject: SUBJECT.into(),
            manifest_sha256: Digest([u8::try_from(number % 251).unwrap(); 32]),
            number,
            kind: 3,
            sm3: Digest([4; 32]),
            size: 5,
            captured_at_ms: 1000 + number,
            clock_source: Some(ClockSource::Ntp),
            device: Some(PrincipalId([6; 16])),
            not_before: None,
            env_digest: Some(Digest([7; 32])),
            sm2_key: None,
            chain: None,
            counter: None,
        }
    }

    fn provenance() -> Provenance {
        Provenance {
            retention: 3,
            basis: 4,
            backdated_reason: 2,
            minors: true,
            sensitive: true,
            consent: vec![8; 16],
        }
    }

    #[test]
    fn the_requests_are_the_contract_s() {
        let id = Digest([9; 32]);
        let mut one = register(&claims(2), &id, &provenance());
        one.parents.push(Ref::new(PrincipalId([1; 16]), 1));
        (one.order, one.subject, one.tags) = (vec![1; 32], vec![2; 16], vec![3; 16]);
        one.cell = "wtw3s".into();
        whole("RegisterRequest", &one);
        let many = [(claims(2), id), (claims(3), id)];
        let many = register_batch(&many, &[[1; 16], [2; 16]], &provenance()).unwrap();
        whole("RegisterBatchRequest", &many);
        assert_eq!((many.statements.len(), many.manifests.len(), many.tags.len()), (64, 64, 32));
        assert_eq!((many.first, many.captured_from_ms, many.captured_to_ms), (2, 1002, 1003));
        let record = Ref::new(PrincipalId([1; 16]), 7);
        whole("ErasePayloadRequest", &ErasePayloadRequest::new(record, 3, &[id]));
    }

    /// What the verifier reads of the ledger's own words has the contract's numbers and kinds.
    #[test]
    fn what_the_verifier_reads_is_the_contract_s() {
        use linli_verify::statement::{Corroboration, Record, Registered, Tombstone};
        let said = Registered {
            source: vec![1; 16],
            first: 2,
            count: 3,
            kind: 4,
            first_leaf: 5,
            captured_from_ms: 6,
            captured_to_ms: 7,
            organisation: 8,
            backdated: true,
            flags: 9,
            reused: 10,
            sender: vec![11; 16],
            statement: vec![12; 32],
            clock_source: 2,
            backdated_reason: 3,
            device: vec![13; 16],
            consent: vec![14; 16],
            basis: 4,
            retention: 2,
        };
        whole("Registered", &said);
        let record = Record {
            standing: 1,
            corroborations: vec![Corroboration { by: vec![1; 16], organisation: 2, at_ms: 3 }],
            parents: vec![Ref::new(PrincipalId([1; 16]), 7)],
            superseded_by: 4,
            tombstone: Some(Tombstone { at_ms: 5, restricted: true }),
        };
        known("Record", &record);
    }

    #[test]
    fn the_names_and_calls_are_the_contract_s() {
        for (name, known) in [
            ("Basis", BASES.as_slice()),
            ("Retention", &RETENTIONS),
            ("BackdatedReason", &BACKDATED_REASONS),
            ("EraseBasis", &ERASE_BASES),
        ] {
            let found = pool().get_enum_by_name(&format!("linli.evidence.v1.{name}")).unwrap();
            let found: Vec<_> = found.values().map(|value| value.name().to_owned()).collect();
            assert_eq!(found, known, "{name}");
        }
        let calls = pool().get_service_by_name("linli.evidence.v1.Calls").unwrap();
        for name in [REGISTER, REGISTER_BATCH, ERASE] {
            assert!(calls.methods().any(|method| method.name() == name), "{name}");
        }
    }

    #[test]
    fn what_is_no_batch_is_not_sent() {
        let id = Digest([9; 32]);
        let with = |change: fn(&mut Claims)| {
            let mut odd = claims(3);
            change(&mut odd);
            vec![(claims(2), id), (odd, id)]
        };
        let many: Vec<_> = (1..=1025).map(|n| (claims(n), id)).collect();
        for odd in [
            vec![],
            with(|c| c.source = PrincipalId([2; 16])),
            with(|c| c.kind = 4),
            with(|c| c.device = None),
            with(|c| c.clock_source = None),
            with(|c| c.number = 2),
            with(|c| c.number = 4),
            many.clone(),
        ] {
            let error = register_batch(&odd, &[], &Provenance::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Input);
        }
        assert!(register_batch(&many[..1024], &[], &Provenance::default()).is_ok());
        let tags = [[1; 16]];
        assert!(register_batch(&many[..2], &tags, &Provenance::default()).is_err());
    }
}
