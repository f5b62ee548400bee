//! Who may read what, row by row.

use super::*;
use linli_runtime::identity::rows::principal_key;
use linli_runtime::identity::{KeyRow, PrincipalRow};
use linli_runtime::{StoredHead, stored};
use linli_types::genesis::Principal;
use linli_types::height::{Height, TimeMs};
use linli_types::id::{BlockId, Digest};
use linli_types::policy::Policy;
use linli_types::store::{Batch, Column, Memory};
use linli_types::validator::{OrgKind, Validator};
use prost_reflect::DescriptorPool;

const ROLES: [Role; 7] = [
    Role::Operator,
    Role::Auditor,
    Role::Resident,
    Role::Arbitrator,
    Role::Fund,
    Role::Device,
    Role::Administrator,
];

pub(crate) fn genesis() -> Genesis {
    let kinds = [OrgKind::District, OrgKind::Operator, OrgKind::Operator, OrgKind::Fund];
    let validator = |(n, kind): (u8, OrgKind)| Validator {
        key: PublicKey([n; 32]),
        network_key: PublicKey([n; 32]),
        power: [3, 2, 2, 3][usize::from(n) - 1],
        org: u32::from(n),
        kind,
        name: format!("v{n}"),
    };
    let principal = |n: u8, org, role| Principal {
        id: PrincipalId([n; 16]),
        key: PublicKey([100 + n; 32]),
        org,
        roles: vec![role],
    };
    let mut principals: Vec<Principal> =
        ROLES.iter().zip(1..).map(|(role, n)| principal(n, u32::from(n) % 3, *role)).collect();
    principals.push(principal(20, 1, Role::Operator));
    principals.push(principal(21, 0, Role::Resident));
    principals.push(Principal { roles: vec![], ..principal(22, 1, Role::Operator) });
    Genesis {
        format: 1,
        protocol: 1,
        name: "access".into(),
        time: TimeMs(1),
        undo_heights: 1,
        validators: ValidatorSet::new((1..=4).zip(kinds).map(validator).collect()).unwrap(),
        principals,
        accounts: vec![],
        modules: vec![],
        orgs: vec![],
        policy: Policy::default(),
        books: linli_types::books::Books::standard(),
    }
}

fn readers() -> Readers {
    Readers::new(ChainId([7; 32]), &genesis())
}

fn reader(n: u8, path: &str) -> Option<Reader> {
    let Some(Guard::Read(scopes)) = guard(path) else { panic!("{path} is not guarded") };
    readers().reader(&PublicKey([100 + n; 32]), &scopes)
}

const QUERY: &str = "/linli.v1.Ledger/Query";

#[test]
fn every_method_of_the_descriptor_stands_in_the_table_and_nothing_else_does() {
    let pool = DescriptorPool::decode(linli_proto::DESCRIPTORS).unwrap();
    let ours = |s: &prost_reflect::ServiceDescriptor| s.full_name() == "linli.v1.Ledger";
    let mut found: Vec<String> = Vec::new();
    for service in pool.services().filter(ours) {
        found.extend(service.methods().map(|m| format!("/{}/{}", service.full_name(), m.name())));
    }
    let mut table: Vec<String> = TABLE.iter().map(|(path, _)| (*path).to_owned()).collect();
    found.sort();
    table.sort();
    assert_eq!(found, table);
}

#[test]
fn only_submitting_needs_no_read_header() {
    let open: Vec<&str> =
        TABLE.iter().filter(|(_, g)| *g == Guard::Open).map(|(path, _)| *path).collect();
    assert_eq!(open, ["/linli.v1.Ledger/Submit", "/linli.v1.Ledger/SubmitStream"]);
}

#[test]
fn a_method_without_a_row_is_denied() {
    assert_eq!(guard("/linli.v1.Ledger/Shutdown"), None);
}

#[test]
fn whole_streams_are_for_members_and_auditors() {
    for path in ["/linli.v1.Ledger/StreamBlocks", "/linli.v1.Ledger/StreamEvents"] {
        let Some(Guard::Read(scopes)) = guard(path) else { panic!("{path}") };
        assert_eq!(scopes.member, Scope::All, "{path}");
        for role in ROLES {
            assert_eq!(scopes.of(role) == Scope::All, role == Role::Auditor, "{path} {role:?}");
        }
    }
}

#[test]
fn a_resident_sees_their_own_and_no_other() {
    let (all, me) = (readers(), reader(3, QUERY).unwrap());
    assert!(all.may_see(&me, &PrincipalId([3; 16])));
    assert!(!all.may_see(&me, &PrincipalId([21; 16])));
    assert!(!me.staff);
    let stranger = reader(21, QUERY).unwrap();
    assert!(!all.may_see(&stranger, &PrincipalId([3; 16])), "organisation 0 is none");
}

#[test]
fn an_operator_sees_their_organisation_and_an_auditor_all() {
    let (all, operator, auditor) =
        (readers(), reader(1, QUERY).unwrap(), reader(2, QUERY).unwrap());
    assert!(all.may_see(&operator, &PrincipalId([20; 16])));
    assert!(!all.may_see(&operator, &PrincipalId([2; 16])));
    assert!((1..=22).all(|n| all.may_see(&auditor, &PrincipalId([n; 16]))));
}

#[test]
fn without_a_role_or_a_row_there_is_nothing_to_see() {
    assert_eq!(reader(22, QUERY), None);
    assert_eq!(reader(99, QUERY), None);
}

/// A store in which the principal has a key that has ended and one that holds.
fn rotated() -> Memory {
    let (mut store, mut batch) = (Memory::default(), Batch::default());
    let (id, old, new) = (PrincipalId([3; 16]), PublicKey([103; 32]), PublicKey([203; 32]));
    let mut row = PrincipalRow::new(old, Height(0), 2).with_roles(vec![Role::Resident]);
    row.keys[0].until = Some(Height(6));
    row.keys.push(KeyRow { key: new, from: Height(5), until: None });
    batch.put(Column::State, principal_key(&id), linli_types::encode(&row));
    for key in [old, new] {
        batch.put(Column::Side, stored::full_key("identity", &key.0), id.0);
    }
    let head = StoredHead {
        chain: ChainId([7; 32]),
        height: Height(5),
        block: BlockId([0; 32]),
        time: TimeMs(1),
        state_root: Digest([0; 32]),
        log_size: 0,
        log_root: Digest([0; 32]),
    };
    batch.put(Column::Meta, stored::META_HEAD, linli_types::encode(&head));
    store.apply(&batch);
    store
}

#[test]
fn a_revoked_key_reads_nothing_and_the_new_one_what_was_theirs() {
    let readers = Readers::live(ChainId([7; 32]), &genesis(), rotated());
    let Some(Guard::Read(scopes)) = guard(QUERY) else { panic!() };
    let (old, new) = (PublicKey([103; 32]), PublicKey([203; 32]));
    assert!(!readers.knows(&old) && readers.knows(&new));
    assert_eq!(readers.reader(&old, &scopes), None);
    let reader = readers.reader(&new, &scopes).unwrap();
    assert_eq!((reader.principal, reader.org), (Some(PrincipalId([3; 16])), 2));
    // Both keys are their organisation's: rates count them together.
    assert_eq!([old, new].map(|key| readers.organisation(&key)), [Some(2), Some(2)]);
    assert_eq!(readers.organisation(&PublicKey([250; 32])), None);
    assert!(readers.may_see(&reader, &PrincipalId([3; 16])));
    assert!(!readers.knows(&PublicKey([101; 32])), "the genesis alone does not count");
}

#[test]
fn a_removed_validator_reads_nothing_and_one_that_joined_reads_as_a_member() {
    let (mut store, mut batch) = (rotated(), Batch::default());
    let mut members = genesis().validators.members().to_vec();
    let left = members.remove(1);
    members.push(Validator { key: PublicKey([9; 32]), name: "v9".into(), ..left });
    let set = linli_types::encode(&ValidatorSet::new(members).unwrap());
    batch.put(Column::State, linli_runtime::validators::set_key(), set);
    store.apply(&batch);
    let readers = Readers::live(ChainId([7; 32]), &genesis(), store);
    let Some(Guard::Read(scopes)) = guard("/linli.v1.Ledger/StreamBlocks") else { panic!() };
    assert_eq!(readers.reader(&PublicKey([2; 32]), &scopes), None);
    let joined = readers.reader(&PublicKey([9; 32]), &scopes).unwrap();
    assert_eq!((joined.org, joined.scope), (2, Scope::All));
}

#[test]
fn a_validator_reads_as_a_member() {
    let Some(Guard::Read(scopes)) = guard("/linli.v1.Ledger/StreamBlocks") else { panic!() };
    let member = readers().reader(&PublicKey([1; 32]), &scopes).unwrap();
    assert_eq!((member.principal, member.org, member.scope), (None, 1, Scope::All));
}
