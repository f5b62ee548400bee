//! The room's queries. Who may read is the edge's to judge.

use super::ROOM;
use super::attest::{number, predicates, relation_kinds};
use super::entry::kind_number;
use super::rows::{
    AttestRow, CentreRow, MandateRow, OrgRow, PrincipalRow, RecoveryRow, Sm2KeyRow, Sm2Row,
    centre_key, mandate_key, org_key, predicate_key, prefix, principal_key, recovery_key,
    relation_key, sm2_key,
};
use super::{mandate, rows};
use crate::native::{principal, read, word};
use crate::query::Answer;
use crate::room::unknown_method;
use crate::stored::decode;
use crate::vm::Stop;
use borsh::BorshDeserialize;
use linli_types::calendar::Day;
use linli_types::code::Code;
use linli_types::height::TimeMs;
use linli_types::id::PrincipalId;
use linli_types::receipt::Refusal;
use linli_types::store::{Broken, Column, Read};
use linli_types::wire::identity as wire;
use prost::Message;

/// Whom an answer or an entry of this room concerns: the edge shows it to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concerns {
    /// Nobody in particular: organisations and centres.
    Nobody,
    /// Any of these: a mandate is the principal's and the agent's.
    These(Vec<PrincipalId>),
    /// Only whoever reads everything: what was done on contracts' records, and what is unknown.
    Auditors,
}

/// Whom a query's answer concerns.
pub fn concerns(method: &str, args: &[u8]) -> Concerns {
    let id = |bytes: &[u8]| PrincipalId::from_slice(bytes);
    let these = match method {
        "Organisation" | "Centre" | "Sm2Keys" => return Concerns::Nobody,
        "Principal" | "Predicates" => wire::PrincipalRequest::decode(args)
            .ok()
            .and_then(|request| Some(vec![id(&request.principal)?])),
        "Mandate" => wire::MandateRequest::decode(args)
            .ok()
            .and_then(|request| Some(vec![id(&request.principal)?, id(&request.agent)?])),
        "Relations" => wire::RelationsRequest::decode(args)
            .ok()
            .and_then(|request| Some(vec![id(&request.a)?, id(&request.b)?])),
        _ => None,
    };
    these.map_or(Concerns::Auditors, Concerns::These)
}

/// Whom an entry concerns, by the room's own key.
pub fn concerns_entry(key: &[u8]) -> Concerns {
    let Some((kind, rest)) = key.split_first() else { return Concerns::Auditors };
    let id = |at: usize| rest.get(at..at.saturating_add(16)).and_then(PrincipalId::from_slice);
    let these = match *kind {
        prefix::ORG | prefix::CENTRE | prefix::SM2 => return Concerns::Nobody,
        prefix::PRINCIPAL | prefix::RECOVERY | prefix::PREDICATE | prefix::EXPECTED => {
            id(0).map(|id| vec![id])
        }
        prefix::MANDATE | prefix::RELATION => id(0).zip(id(16)).map(|(a, b)| vec![a, b]),
        _ => None,
    };
    these.map_or(Concerns::Auditors, Concerns::These)
}

/// Answers a query as of the latest block.
pub(crate) fn answer(
    store: &dyn Read,
    now: TimeMs,
    method: &str,
    args: &[u8],
) -> Result<Answer, Stop> {
    let mut look = Look { store, now, reads: Vec::new() };
    let result = match method {
        "Principal" => look.principal(&read::<wire::PrincipalRequest>(args)?)?.encode_to_vec(),
        "Organisation" => {
            look.organisation(&read::<wire::OrganisationRequest>(args)?)?.encode_to_vec()
        }
        "Sm2Keys" => look.sm2_keys(&read::<wire::OrganisationRequest>(args)?)?.encode_to_vec(),
        "Centre" => look.centre(&read::<wire::CentreRequest>(args)?)?.encode_to_vec(),
        "Mandate" => look.mandate(&read::<wire::MandateRequest>(args)?)?.encode_to_vec(),
        "Predicates" => look.predicates(&read::<wire::PrincipalRequest>(args)?)?.encode_to_vec(),
        "Relations" => look.relations(&read::<wire::RelationsRequest>(args)?)?.encode_to_vec(),
        _ => return Err(unknown_method(ROOM, method).into()),
    };
    Ok(Answer { result, reads: look.reads })
}

/// A look at the store that remembers which entries it read.
struct Look<'a> {
    store: &'a dyn Read,
    now: TimeMs,
    reads: Vec<Vec<u8>>,
}

fn not_found(what: &str) -> Refusal {
    Code::NotFound.refuse([word(what)])
}

impl Look<'_> {
    fn find<T: BorshDeserialize>(&mut self, key: Vec<u8>, what: &str) -> Result<Option<T>, Broken> {
        let row = self.store.get(Column::State, &key)?;
        self.reads.push(key);
        row.map(|row| decode(&row, what)).transpose()
    }

    /// An attestation that still holds.
    fn attested(&mut self, key: Vec<u8>) -> Result<Option<AttestRow>, Broken> {
        let row: Option<AttestRow> = self.find(key, "an attestation")?;
        Ok(row.filter(|row| self.now < row.expires))
    }

    fn principal(
        &mut self,
        request: &wire::PrincipalRequest,
    ) -> Result<wire::PrincipalResponse, Stop> {
        let id = principal("principal", &request.principal)?;
        let row: Option<PrincipalRow> = self.find(principal_key(&id), "a principal")?;
        let row = row.ok_or_else(|| not_found("principal"))?;
        let recovery: Option<RecoveryRow> = self.find(recovery_key(&id), "a recovery")?;
        let key = |key: &rows::KeyRow| wire::Key {
            key: key.key.0.to_vec(),
            from_height: key.from.0,
            until_height: key.until.map_or(0, |until| until.0),
        };
        let role = |role: &linli_types::genesis::Role| i32::try_from(role.number()).unwrap_or(0);
        Ok(wire::PrincipalResponse {
            principal: id.0.to_vec(),
            org: row.org,
            roles: row.roles.iter().map(role).collect(),
            keys: row.keys.iter().map(key).collect(),
            recovery: recovery.map(|row| wire::Recovery {
                key: row.key.0.to_vec(),
                completes_ms: row.completes.0,
                started_by: row.by.0.to_vec(),
            }),
        })
    }

    fn organisation(
        &mut self,
        request: &wire::OrganisationRequest,
    ) -> Result<wire::OrganisationResponse, Stop> {
        let row: Option<OrgRow> = self.find(org_key(request.org), "an organisation")?;
        let row = row.ok_or_else(|| not_found("organisation"))?;
        Ok(wire::OrganisationResponse {
            org: request.org,
            kind: kind_number(row.kind),
            label: row.label,
            admitted_height: row.admitted.0,
        })
    }

    fn sm2_keys(
        &mut self,
        request: &wire::OrganisationRequest,
    ) -> Result<wire::Sm2KeysResponse, Stop> {
        let row: Option<Sm2Row> = self.find(sm2_key(request.org), "second keys")?;
        let key = |row: Sm2KeyRow| wire::Sm2Key {
            public_key: row.key.to_vec(),
            signer_id: row.signer_id,
            possession: row.possession.to_vec(),
            from_height: row.from.0,
            until_height: row.until.map_or(0, |until| until.0),
        };
        let keys = row.unwrap_or_default().keys.into_iter().map(key).collect();
        Ok(wire::Sm2KeysResponse { keys })
    }

    fn centre(&mut self, request: &wire::CentreRequest) -> Result<wire::CentreResponse, Stop> {
        let row: Option<CentreRow> = self.find(centre_key(request.centre), "a centre")?;
        let row = row.ok_or_else(|| not_found("centre"))?;
        Ok(wire::CentreResponse {
            centre: request.centre,
            org: row.org,
            district: row.district,
            label: row.label,
            admitted_height: row.admitted.0,
        })
    }

    fn mandate(&mut self, request: &wire::MandateRequest) -> Result<wire::MandateResponse, Stop> {
        let id = principal("principal", &request.principal)?;
        let agent = principal("agent", &request.agent)?;
        let row: Option<MandateRow> = self.find(mandate_key(&id, &agent), "a mandate")?;
        let row = row.filter(|row| self.now < row.expires).ok_or_else(|| not_found("mandate"))?;
        let spent_today = row.spent_on(Day::of(self.now));
        let scope = |(room, method)| wire::Scope { room, method };
        Ok(wire::MandateResponse {
            kind: mandate::kind_number(row.kind),
            scope: row.scope.into_iter().map(scope).collect(),
            cap_per_day: row.cap_per_day,
            expires_ms: row.expires.0,
            spent_today,
        })
    }

    fn predicates(
        &mut self,
        request: &wire::PrincipalRequest,
    ) -> Result<wire::PredicatesResponse, Stop> {
        let id = principal("principal", &request.principal)?;
        let mut response = wire::PredicatesResponse::default();
        for predicate in predicates() {
            let predicate = predicate as i32;
            if let Some(row) = self.attested(predicate_key(&id, number(predicate)))? {
                let (expires_ms, attested_by) = (row.expires.0, row.by.0.to_vec());
                response.predicates.push(wire::Attested { predicate, expires_ms, attested_by });
            }
        }
        Ok(response)
    }

    fn relations(
        &mut self,
        request: &wire::RelationsRequest,
    ) -> Result<wire::RelationsResponse, Stop> {
        let (a, b) = (principal("a", &request.a)?, principal("b", &request.b)?);
        let mut response = wire::RelationsResponse::default();
        for kind in relation_kinds() {
            let kind = kind as i32;
            if let Some(row) = self.attested(relation_key(&a, &b, number(kind)))? {
                let (expires_ms, attested_by) = (row.expires.0, row.by.0.to_vec());
                response.relations.push(wire::Related { kind, expires_ms, attested_by });
            }
        }
        Ok(response)
    }
}
