//! What stands in the state of this room, and under which key.
//!
//! | key | row |
//! |---|---|
//! | `p` ‖ principal | [`PrincipalRow`] |
//! | `o` ‖ number, big-endian | [`OrgRow`] |
//! | `c` ‖ number, big-endian | [`CentreRow`] |
//! | `v` ‖ principal | [`RecoveryRow`] |
//! | `m` ‖ principal ‖ agent | [`MandateRow`] |
//! | `r` ‖ smaller id ‖ larger id ‖ kind | [`AttestRow`] |
//! | `a` ‖ principal ‖ predicate | [`AttestRow`] |
//! | `d` ‖ room ‖ 0 ‖ record | [`DutiesRow`] |
//! | `e` ‖ principal | [`ExpectedRow`] |
//! | `s` ‖ organisation's number, big-endian | [`Sm2Row`] |
//!
//! Beside the tree stands public key → principal, for ever (P1).

use super::ROOM;
use crate::overlay::Overlay;
use crate::stored::{decode, full_key};
use crate::vm::Stop;
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::code::Code;
use linli_types::genesis::Role;
use linli_types::height::{Height, TimeMs};
use linli_types::id::{PrincipalId, PublicKey, TransferId};
use linli_types::policy::Duty;
use linli_types::receipt::Param;
use linli_types::store::Broken;
use linli_types::validator::OrgKind;

/// One key of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct KeyRow {
    /// The key.
    pub key: PublicKey,
    /// First height at which it may sign.
    pub from: Height,
    /// First height at which it may not sign any more.
    pub until: Option<Height>,
}

impl KeyRow {
    /// Whether it may sign at `height`.
    pub fn holds_at(&self, height: Height) -> bool {
        self.from <= height && self.until.is_none_or(|until| height < until)
    }
}

/// A principal as the state holds it; the key is the principal's id.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PrincipalRow {
    /// The keys, in the order they were added. Revoked ones leave when a new one needs the place.
    pub keys: Vec<KeyRow>,
    /// Their organisation; 0 for none.
    pub org: u32,
    /// What they may do, ascending, each once (P4).
    pub roles: Vec<Role>,
    /// Keys that have left the row: with `keys` as many as lead here from beside the tree.
    pub retired: u32,
}

impl PrincipalRow {
    /// A principal with one key and no role.
    pub fn new(key: PublicKey, from: Height, org: u32) -> Self {
        let keys = vec![KeyRow { key, from, until: None }];
        Self { keys, org, roles: Vec::new(), retired: 0 }
    }

    /// The same with these roles.
    #[must_use]
    pub fn with_roles(mut self, mut roles: Vec<Role>) -> Self {
        roles.sort_unstable();
        roles.dedup();
        self.roles = roles;
        self
    }

    /// Whether the role is held.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// A device or a robot: it signs evidence and holds nothing.
    pub fn is_machine(&self) -> bool {
        self.roles.iter().any(|role| role.is_machine())
    }

    /// Whether the key may sign at `height`.
    pub fn signs_at(&self, key: &PublicKey, height: Height) -> bool {
        self.keys.iter().any(|row| row.key == *key && row.holds_at(height))
    }

    /// Whether some key without an end may sign from `height` on, `but` aside (P2).
    pub fn is_covered(&self, height: Height, but: Option<&PublicKey>) -> bool {
        let covers = |row: &KeyRow| row.until.is_none() && row.from <= height;
        self.keys.iter().any(|row| covers(row) && but != Some(&row.key))
    }
}

/// An organisation; the key is its number.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OrgRow {
    /// What it is.
    pub kind: OrgKind,
    /// For people.
    pub label: String,
    /// When it was admitted.
    pub admitted: Height,
}

impl OrgRow {
    /// An organisation.
    pub const fn new(kind: OrgKind, label: String, admitted: Height) -> Self {
        Self { kind, label, admitted }
    }
}

/// A service centre; the key is its number.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CentreRow {
    /// Who runs it.
    pub org: u32,
    /// GB/T 2260.
    pub district: u32,
    /// For people.
    pub label: String,
    /// When it was admitted.
    pub admitted: Height,
}

/// A recovery that waits; the key is the principal's id.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RecoveryRow {
    /// The key that the person would get.
    pub key: PublicKey,
    /// From when on it may be completed.
    pub completes: TimeMs,
    /// Who started it.
    pub by: PrincipalId,
}

/// Who gave a mandate, and so who takes it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum MandateKind {
    /// The principal.
    Agent,
    /// Whoever may attest that the principal is a ward.
    Guardian,
}

/// Leave to act for someone; the key is principal and agent.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MandateRow {
    /// Whose.
    pub kind: MandateKind,
    /// Rooms and methods; an empty method means the whole room.
    pub scope: Vec<(String, String)>,
    /// Minor units per day.
    pub cap_per_day: u64,
    /// When it ends.
    pub expires: TimeMs,
    /// The day that `spent` counts, from 1970-01-01 in UTC+8.
    pub day: u64,
    /// What was spent on that day.
    pub spent: u64,
}

/// Something attested until a time; the key says what of whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AttestRow {
    /// Until when it holds: at this time it is absent.
    pub expires: TimeMs,
    /// Who attested it.
    pub by: PrincipalId,
}

/// Who did what on a record, in order; the key is the contract and its record.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DutiesRow {
    /// Each duty and principal once.
    pub done: Vec<(Duty, PrincipalId)>,
}

/// A person who is not admitted yet and owns something already; the key is the principal's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ExpectedRow {
    /// The batch of opening balances that named them first.
    pub batch: TransferId,
}

/// An SM2 key of an organisation. That its holder signed `possession` is checked by whoever verifies
/// signatures of it, not here (decision 0020).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Sm2KeyRow {
    /// The uncompressed point.
    pub key: [u8; 65],
    /// The signer's id, which every signature covers.
    pub signer_id: String,
    /// By the key, over chain, organisation, id and key.
    pub possession: [u8; 64],
    /// First height at which it signs.
    pub from: Height,
    /// First height at which it does not sign any more.
    pub until: Option<Height>,
}

impl Sm2KeyRow {
    /// Whether it signs at `height`.
    pub fn holds_at(&self, height: Height) -> bool {
        self.from <= height && self.until.is_none_or(|until| height < until)
    }
}

/// An organisation's second keys, the first one first; the key is its number.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Sm2Row {
    /// Each ends where the next begins, or before (P6).
    pub keys: Vec<Sm2KeyRow>,
}

/// The first byte of a row's key in this room.
pub mod prefix {
    /// Principals.
    pub const PRINCIPAL: u8 = b'p';
    /// Organisations.
    pub const ORG: u8 = b'o';
    /// Centres.
    pub const CENTRE: u8 = b'c';
    /// Recoveries.
    pub const RECOVERY: u8 = b'v';
    /// Mandates.
    pub const MANDATE: u8 = b'm';
    /// Relations.
    pub const RELATION: u8 = b'r';
    /// Predicates.
    pub const PREDICATE: u8 = b'a';
    /// Duties on records.
    pub const DUTIES: u8 = b'd';
    /// People who are expected.
    pub const EXPECTED: u8 = b'e';
    /// Organisations' second keys.
    pub const SM2: u8 = b's';
}

fn key(prefix: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut own = vec![prefix];
    parts.iter().for_each(|part| own.extend_from_slice(part));
    full_key(ROOM, &own)
}

/// The full key of a principal's row.
pub fn principal_key(id: &PrincipalId) -> Vec<u8> {
    key(prefix::PRINCIPAL, &[&id.0])
}

/// The full key of an organisation's row.
pub fn org_key(org: u32) -> Vec<u8> {
    key(prefix::ORG, &[&org.to_be_bytes()])
}

/// The full key of a centre's row.
pub fn centre_key(centre: u32) -> Vec<u8> {
    key(prefix::CENTRE, &[&centre.to_be_bytes()])
}

/// The full key of a principal's recovery.
pub fn recovery_key(id: &PrincipalId) -> Vec<u8> {
    key(prefix::RECOVERY, &[&id.0])
}

/// The full key of an agent's mandate.
pub fn mandate_key(principal: &PrincipalId, agent: &PrincipalId) -> Vec<u8> {
    key(prefix::MANDATE, &[&principal.0, &agent.0])
}

/// The full key of a relation, the same from both sides.
pub fn relation_key(a: &PrincipalId, b: &PrincipalId, kind: u8) -> Vec<u8> {
    key(prefix::RELATION, &[&a.min(b).0, &a.max(b).0, &[kind]])
}

/// The full key of a predicate.
pub fn predicate_key(principal: &PrincipalId, predicate: u8) -> Vec<u8> {
    key(prefix::PREDICATE, &[&principal.0, &[predicate]])
}

/// The full key of the duties on a contract's record.
pub fn duties_key(room: &str, record: &[u8; 32]) -> Vec<u8> {
    key(prefix::DUTIES, &[room.as_bytes(), &[0], record])
}

/// The full key of an organisation's second keys.
pub fn sm2_key(org: u32) -> Vec<u8> {
    key(prefix::SM2, &[&org.to_be_bytes()])
}

/// The full key of somebody who is expected.
pub fn expected_key(id: &PrincipalId) -> Vec<u8> {
    key(prefix::EXPECTED, &[&id.0])
}

/// A row as the transactions so far left it.
pub(crate) fn find<T: BorshDeserialize>(
    overlay: &mut Overlay<'_>,
    key: &[u8],
    what: &str,
) -> Result<Option<T>, Broken> {
    overlay.read(key)?.map(|row| decode(&row, what)).transpose()
}

pub(crate) fn find_principal(
    overlay: &mut Overlay<'_>,
    id: &PrincipalId,
) -> Result<Option<PrincipalRow>, Broken> {
    find(overlay, &principal_key(id), "a principal")
}

/// The principal, or [`Code::NoPrincipal`].
pub(crate) fn get_principal(
    overlay: &mut Overlay<'_>,
    id: &PrincipalId,
) -> Result<PrincipalRow, Stop> {
    let missing = || Code::NoPrincipal.refuse([Param::Bytes(id.0.to_vec())]);
    Ok(find_principal(overlay, id)?.ok_or_else(missing)?)
}

/// The organisation, or [`Code::NoOrganisation`].
pub(crate) fn get_org(overlay: &mut Overlay<'_>, org: u32) -> Result<OrgRow, Stop> {
    let missing = || Code::NoOrganisation.refuse([Param::Number(u64::from(org))]);
    Ok(find(overlay, &org_key(org), "an organisation")?.ok_or_else(missing)?)
}

pub(crate) fn put_principal(
    overlay: &mut Overlay<'_>,
    id: &PrincipalId,
    row: &PrincipalRow,
) -> Result<(), Broken> {
    overlay.write(principal_key(id), Some(linli_types::encode(row)))
}
