//! Admission: organisations, centres, people, devices. Nobody and nothing is admitted twice: the
//! same again is `DUPLICATE`, another under the same name `BUSINESS_ID_CONFLICT`.

use super::ROOM;
use super::calls::{Subject, judge};
use super::expected;
use super::keys::{check_free, claim, owner};
use super::rows::{
    CentreRow, OrgRow, PrincipalRow, centre_key, find, find_principal, get_org, org_key,
    put_principal,
};
use crate::accounts::NOBODY;
use crate::native::{
    Deed, Done, above_zero, event, malformed, method_word, principal, public_key, read, text,
};
use crate::vm::Stop;
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::code::Code;
use linli_types::genesis::Role;
use linli_types::id::{PrincipalId, PublicKey};
use linli_types::receipt::{Event, Refusal};
use linli_types::validator::OrgKind;
use linli_types::wire::identity as wire;
use prost::Message;

const ORG_ADMITTED: &str = "linli.identity.v1.OrganisationAdmitted";
const CENTRE_ADMITTED: &str = "linli.identity.v1.CentreAdmitted";
const ADMITTED: &str = "linli.identity.v1.PrincipalAdmitted";

/// The numbers that messages use, from 1 on.
const KINDS: [OrgKind; 15] = [
    OrgKind::District,
    OrgKind::Street,
    OrgKind::Operator,
    OrgKind::Fund,
    OrgKind::Enterprise,
    OrgKind::SocialOrg,
    OrgKind::Auditor,
    OrgKind::Certifier,
    OrgKind::ArbitrationBody,
    OrgKind::Bank,
    OrgKind::Insurer,
    OrgKind::Regulator,
    OrgKind::IdService,
    OrgKind::Tsa,
    OrgKind::CourtWitness,
];

/// The number of a kind of organisation in messages.
pub(crate) fn kind_number(kind: OrgKind) -> i32 {
    (1_i32..).zip(KINDS).find(|(_, known)| *known == kind).map_or(0, |(number, _)| number)
}

fn read_kind(number: i32) -> Result<OrgKind, Refusal> {
    let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let kind = at.and_then(|at| KINDS.get(at)).copied();
    kind.ok_or_else(|| malformed("kind"))
}

/// What an admission answers when the name is taken.
fn taken(same: bool) -> Refusal {
    if same { Code::Duplicate.refuse([]) } else { Code::BusinessIdConflict.refuse([]) }
}

/// Writes a row that does not stand yet. A row that does is compared without its height.
fn admit<T: BorshSerialize + BorshDeserialize>(
    deed: &mut Deed<'_, '_>,
    key: Vec<u8>,
    row: &T,
    same: impl Fn(&T) -> bool,
) -> Result<(), Stop> {
    match find::<T>(deed.overlay, &key, "an admission")? {
        Some(found) => Err(taken(same(&found)).into()),
        None => Ok(deed.overlay.write(key, Some(linli_types::encode(row)))?),
    }
}

pub(super) fn organisation(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::AdmitOrganisationRequest = read(args)?;
    judge(deed, (ROOM, "AdmitOrganisation"), Subject::NOBODY)?;
    admit_organisation(deed, request)
}

/// Admits an organisation for whoever had the right to it.
pub(crate) fn admit_organisation(
    deed: &mut Deed<'_, '_>,
    request: wire::AdmitOrganisationRequest,
) -> Done {
    let org = above_zero("org", request.org)?;
    let (kind, label) = (read_kind(request.kind)?, text("label", request.label)?);
    let row = OrgRow::new(kind, label, deed.place.height);
    let same = |found: &OrgRow| (found.kind, &found.label) == (row.kind, &row.label);
    admit(deed, org_key(org), &row, same)?;
    let message = wire::OrganisationAdmitted { org, kind: request.kind };
    Ok((wire::Done {}.encode_to_vec(), event(ROOM, ORG_ADMITTED, [], &message)))
}

pub(super) fn centre(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::AdmitCentreRequest = read(args)?;
    judge(deed, (ROOM, "AdmitCentre"), Subject::NOBODY)?;
    admit_centre(deed, request)
}

/// Admits a centre for whoever had the right to it.
pub(crate) fn admit_centre(deed: &mut Deed<'_, '_>, request: wire::AdmitCentreRequest) -> Done {
    let (centre, org) = (above_zero("centre", request.centre)?, request.org);
    if !(100_000..1_000_000).contains(&request.district) {
        return Err(malformed("district").into());
    }
    get_org(deed.overlay, org)?;
    let (district, label) = (request.district, text("label", request.label)?);
    let row = CentreRow { org, district, label, admitted: deed.place.height };
    let same = |found: &CentreRow| {
        (found.org, found.district, &found.label) == (row.org, row.district, &row.label)
    };
    admit(deed, centre_key(centre), &row, same)?;
    let message = wire::CentreAdmitted { centre, org, district };
    Ok((wire::Done {}.encode_to_vec(), event(ROOM, CENTRE_ADMITTED, [], &message)))
}

pub(super) fn person(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::AdmitPersonRequest = read(args)?;
    let subject = Subject::newcomer(request.org);
    let me = judge(deed, (ROOM, "AdmitPerson"), subject)?;
    if request.org != 0 {
        // Identity services and registrars admit residents; an organisation's people are its own or
        // the district's to admit.
        let own = me.has(Role::Administrator) && me.org == request.org;
        if !own && !me.has(Role::DistrictAdmin) {
            return Err(Code::RoleDenied.refuse([method_word(ROOM, "AdmitPerson")]).into());
        }
        get_org(deed.overlay, request.org)?;
    }
    let id = principal("principal", &request.principal)?;
    let key = public_key("key", &request.key)?;
    newcomer(deed, &me, (id, key), (request.org, None))
}

pub(super) fn device(deed: &mut Deed<'_, '_>, args: &[u8]) -> Done {
    let request: wire::AdmitDeviceRequest = read(args)?;
    let me = judge(deed, (ROOM, "AdmitDevice"), Subject::newcomer(request.org))?;
    get_org(deed.overlay, request.org)?;
    let id = principal("device", &request.device)?;
    let key = public_key("key", &request.key)?;
    let role = if request.robot { Role::Robot } else { Role::Device };
    newcomer(deed, &me, (id, key), (request.org, Some(role)))
}

/// Writes a principal who does not stand yet; their key signs from the next block on.
fn newcomer(
    deed: &mut Deed<'_, '_>,
    me: &PrincipalRow,
    (id, key): (PrincipalId, PublicKey),
    (org, role): (u32, Option<Role>),
) -> Done {
    if id == NOBODY {
        return Err(malformed("principal").into());
    }
    let row = PrincipalRow::new(key, deed.place.height.next(), org);
    let row = row.with_roles(role.into_iter().collect());
    if let Some(found) = find_principal(deed.overlay, &id)? {
        let same = owner(deed.overlay, &key)? == Some(id)
            && (found.org, found.is_machine()) == (org, role.is_some());
        return Err(taken(same).into());
    }
    check_free(deed.overlay, &key)?;
    expected::admit(deed.overlay, &id, me, role.is_some())?;
    claim(deed.overlay, &key, &id)?;
    put_principal(deed.overlay, &id, &row)?;
    Ok(admitted(id, &key, org, role.is_some()))
}

fn admitted(id: PrincipalId, key: &PublicKey, org: u32, machine: bool) -> (Vec<u8>, Event) {
    let message =
        wire::PrincipalAdmitted { principal: id.0.to_vec(), org, key: key.0.to_vec(), machine };
    (wire::Done {}.encode_to_vec(), event(ROOM, ADMITTED, [id], &message))
}
