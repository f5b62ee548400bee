//! What stands beside a signed statement, as data.

use super::{ProvedStatement, Signer, hex, kind_name, signer};
use crate::cose::statement::{ClockSource, SUBJECT, Signed};
use crate::manifest::Manifest;
use crate::platform::Platform;
use crate::sm2;
use crate::statement::{Record, Registered};
use crate::time;
use crate::token::Token;
use crate::whole::TokenProof;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use linli_types::header::Header;
use linli_types::height::TimeMs;
use linli_types::human;
use linli_types::id::Digest;
use linli_types::validator::ValidatorSet;
use serde::Serialize;
use sha2::Digest as _;

/// What a manifest says besides its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProvedManifest {
    /// The device, by the source's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The order, by the source's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Whether it names a platform statement.
    pub names_platform: bool,
}

/// The organisation's second signature (SM2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SecondSignature {
    /// The uncompressed public key, hexadecimal.
    pub key: String,
    /// The signer's id, which the signature covers.
    pub signer_id: String,
}

/// A token of a time-stamp authority over a later block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProvedToken {
    /// When the authority saw it, milliseconds since 1970 UTC.
    pub time_ms: u64,
    /// The same for people, in UTC+8.
    pub time: String,
    /// Of the block that was stamped.
    pub height: u64,
    /// Under which of the authority's policies.
    pub policy: String,
    /// SHA-256 of the token.
    pub sha256: String,
    /// Whether its signature was checked, by the certificate that it carries.
    pub signature_checked: bool,
    /// SHA-256 of that certificate: to be compared with the authority's. Nobody here vouches for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

/// A state of the log that validators signed and witnesses cosigned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProvedCheckpoint {
    /// Leaves of the log.
    pub size: u64,
    /// Its root.
    pub root: String,
    /// Validators that signed.
    pub signers: Vec<Signer>,
    /// Witnesses that cosigned.
    pub witnesses: Vec<Witness>,
}

/// A witness of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Witness {
    /// Its note key: name, id and public key. To be compared with the one it publishes.
    pub key: String,
    /// When it cosigned, in UTC+8.
    pub time: String,
}

/// What the platform says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProvedPlatform {
    /// Its name.
    pub name: String,
    /// Its filing number.
    pub filing: String,
    /// From when the statement holds, in UTC+8.
    pub valid_from: String,
    /// Until when.
    pub valid_until: String,
    /// Whether it held when the evidence was anchored.
    pub held: bool,
    /// Certificates.
    pub certificates: Vec<ProvedCertificate>,
    /// Who is behind each node.
    pub nodes: Vec<ProvedNode>,
    /// Validators of the block that the statement does not name.
    pub unnamed: Vec<String>,
}

/// A certificate of the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProvedCertificate {
    /// What it certifies.
    pub kind: String,
    /// Its number.
    pub number: String,
    /// Who gave it.
    pub issuer: String,
    /// Until when it holds, in UTC+8.
    pub valid_until: String,
    /// Whether it held when the evidence was anchored.
    pub held: bool,
}

/// Who is behind a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProvedNode {
    /// The node.
    pub name: String,
    /// Its owner.
    pub owner: String,
    /// What interests the owner declares; empty for none.
    pub interests: String,
}

/// The policy that held when the evidence was anchored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProvedPolicy {
    /// Its version.
    pub version: u32,
    /// When it began, in UTC+8.
    pub since: String,
    /// Height of the state that proves it.
    pub height: u64,
}

/// The record as it stood in a later state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProvedRecord {
    /// Where it stands.
    pub standing: &'static str,
    /// Who confirmed it.
    pub corroborations: Vec<Supporter>,
    /// The number that stands in its place; 0 for none.
    pub superseded_by: u64,
    /// When the ledger noted that its payload was destroyed, in UTC+8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased: Option<String>,
    /// How many records it rests on; what became of those, the pack does not say.
    pub parents: usize,
    /// Height of that state.
    pub height: u64,
    /// Its time, in UTC+8.
    pub time: String,
}

/// Another source that confirmed a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Supporter {
    /// Who, as a code.
    pub by: String,
    /// Of which organisation.
    pub organisation: u32,
    /// When, in UTC+8.
    pub time: String,
}

/// What a pack names and does not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// The second signature.
    pub second_signature: bool,
}

pub(crate) fn manifest(manifest: &Manifest) -> ProvedManifest {
    let (device, order) = (manifest.device.clone(), manifest.order.clone());
    ProvedManifest { device, order, names_platform: manifest.platform.is_some() }
}

pub(crate) fn second(signed: &sm2::Signed) -> SecondSignature {
    SecondSignature { key: hex(&signed.public_key), signer_id: signed.signer_id.clone() }
}

pub(crate) fn token(proof: &TokenProof, token: &Token<'_>, checked: bool) -> ProvedToken {
    ProvedToken {
        time_ms: token.time.0,
        time: time::text(token.time),
        height: proof.header.height.0,
        policy: token.policy.clone(),
        sha256: hex(&sha2::Sha256::digest(&proof.token)),
        signature_checked: checked,
        certificate: token.carried().map(|bytes| hex(&sha2::Sha256::digest(bytes))),
    }
}

pub(crate) fn checkpoint(
    size: u64,
    root: &Digest,
    signers: Vec<Signer>,
    witnesses: Vec<Witness>,
) -> ProvedCheckpoint {
    ProvedCheckpoint { size, root: root.to_string(), signers, witnesses }
}

pub(crate) fn witness(key: &str, at: TimeMs) -> Witness {
    Witness { key: key.into(), time: time::text(at) }
}

pub(crate) fn platform(
    platform: &Platform,
    anchored: TimeMs,
    validators: &ValidatorSet,
) -> ProvedPlatform {
    let named = |name: &str| platform.nodes.iter().any(|node| node.name == name);
    let certificate = |c: &crate::platform::Certificate| ProvedCertificate {
        kind: c.kind.clone(),
        number: c.number.clone(),
        issuer: c.issuer.clone(),
        valid_until: time::text(TimeMs(c.valid_until)),
        held: c.holds_at(anchored),
    };
    let node = |n: &crate::platform::Node| ProvedNode {
        name: n.name.clone(),
        owner: n.owner.clone(),
        interests: n.interests.clone(),
    };
    let all = validators.members().iter().map(signer);
    ProvedPlatform {
        name: platform.name.clone(),
        filing: platform.filing.clone(),
        valid_from: time::text(TimeMs(platform.valid_from)),
        valid_until: time::text(TimeMs(platform.valid_until)),
        held: platform.holds_at(anchored),
        certificates: platform.certificates.iter().map(certificate).collect(),
        nodes: platform.nodes.iter().map(node).collect(),
        unnamed: all.filter(|v| !named(&v.name)).map(|v| v.name).collect(),
    }
}

pub(crate) fn policy(version: u32, since: TimeMs, header: &Header) -> ProvedPolicy {
    ProvedPolicy { version, since: time::text(since), height: header.height.0 }
}

pub(crate) fn record(record: &Record, header: &Header) -> ProvedRecord {
    const NAMES: [&str; 6] =
        ["ANCHORED", "CORROBORATED", "SUPERSEDED", "CHALLENGED", "UPHELD", "INVALIDATED"];
    let at = usize::try_from(record.standing).ok();
    let supporter = |c: &crate::statement::Corroboration| Supporter {
        by: human::write(human::Kind::Principal, &c.by),
        organisation: c.organisation,
        time: time::text(TimeMs(c.at_ms)),
    };
    let erased = record.tombstone.as_ref().filter(|tombstone| !tombstone.restricted);
    ProvedRecord {
        standing: at.and_then(|at| NAMES.get(at)).copied().unwrap_or("UNKNOWN"),
        corroborations: record.corroborations.iter().map(supporter).collect(),
        superseded_by: record.superseded_by,
        erased: erased.map(|t| time::text(TimeMs(t.at_ms))),
        parents: record.parents.len(),
        height: header.height.0,
        time: time::text(header.time),
    }
}

pub(crate) fn signed(signed: &Signed, said: &Registered, anchored: TimeMs) -> ProvedStatement {
    let claims = &signed.claims;
    let clock = |source: ClockSource| match source {
        ClockSource::Device => "device",
        ClockSource::Gnss => "gnss",
        ClockSource::Ntp => "ntp",
        ClockSource::Tsa => "tsa",
    };
    ProvedStatement {
        source: human::write(human::Kind::Principal, &claims.source.0),
        number: claims.number,
        kind: kind_name(i32::from(claims.kind)),
        captured_at_ms: claims.captured_at_ms,
        anchored_at_ms: anchored.0,
        organisation: said.organisation,
        backdated: said.backdated,
        subject: Some(claims.subject.clone()).filter(|subject| subject != SUBJECT),
        key: Some(signed.key.to_string()),
        device: claims.device.map(|d| human::write(human::Kind::Principal, &d.0)),
        clock_source: claims.clock_source.map(clock),
        not_before_height: claims.not_before.map(|(_, height)| height.0),
        env_digest: claims.env_digest.map(|digest| digest.to_string()),
        counter: claims.counter,
    }
}
