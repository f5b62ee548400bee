//! Register: one signed statement with its whole provenance.
//!
//! Host calls on the way: caller, context, claims (manifest, tags), the source's row, claims (number,
//! facts), the graph and the order if it names them, append, emit.

use crate::facts::{self, Facts};
use crate::graph;
use crate::once::Content;
use crate::order;
use crate::rules::{Reuse, Said, whole};
use crate::schema::{
    Kind, OrderRecord, Ref, Refusal as No, RegisterRequest, RegisterResponse, Registered,
};
use crate::source::{self, Taking, number_id};
use crate::{authority, malformed};
use linli_contract::id::PrincipalId;
use linli_contract::limits::{EVIDENCE_CELL_MAX, EVIDENCE_PARENTS_MAX, EVIDENCE_TAGS_MAX};
use linli_contract::{Claim, Code, Env, Refusal, number};

const HOUR_MS: u64 = 3600 * 1000;
/// Bytes of a tag.
pub(crate) const TAG_BYTES: usize = 16;

pub(crate) fn register(
    env: &mut Env<'_>,
    request: RegisterRequest,
) -> Result<RegisterResponse, Refusal> {
    let source = authority::source(env, &request.source)?;
    fields(&request)?;
    let said = said(&request);
    let facts = said.check(env, &source)?;
    let statement = id(&request.statement)?;
    once_an_hour(env, &source, &request, &statement)?;

    let mut reuse = Reuse::new();
    let record = (&source, request.number);
    reuse.claim(env, Content::Manifest, &request.manifest_sha256, record)?;
    for tag in request.tags.chunks_exact(TAG_BYTES) {
        reuse.claim(env, Content::Tag, tag, record)?;
    }
    let taking = Taking { first: request.number, count: 1, digest: statement };
    source::take(env, &source, &taking)?;
    env.claim(&number_id(b'n', &source, request.number), &statement);
    facts::keep(env, &source, request.number, facts);
    graph::link(env, &source, &request, facts)?;
    let leaf = env.append(&statement);
    order(env, &request, leaf);

    let registered = Told { first: request.number, count: 1, leaf, statement, said: &said };
    registered.tell(env, &source, facts, reuse.count);
    reuse.tell(env);
    Ok(RegisterResponse { leaf })
}

/// What can be said without the ledger's rows.
fn fields(request: &RegisterRequest) -> Result<(), Refusal> {
    let tags = request.tags.len();
    let either = |bytes: &[u8], length| bytes.is_empty() || bytes.len() == length;
    whole(&[
        ("number", request.number > 0),
        ("manifest_sha256", request.manifest_sha256.len() == 32),
        ("manifest_sm3", request.manifest_sm3.len() == 32),
        ("size", request.size > 0 || request.kind() == Kind::SensorRoot),
        ("parents", request.parents.len() <= EVIDENCE_PARENTS_MAX),
        ("env_digest", either(&request.env_digest, 32)),
        ("order", either(&request.order, 32)),
        ("subject", either(&request.subject, 16)),
        ("cell", is_cell(&request.cell)),
        ("tags", tags.is_multiple_of(TAG_BYTES) && tags / TAG_BYTES <= EVIDENCE_TAGS_MAX),
    ])
}

/// Whether it is a geohash that names no precise place.
fn is_cell(cell: &str) -> bool {
    const ALPHABET: &[u8] = b"0123456789bcdefghjkmnpqrstuvwxyz";
    cell.len() <= EVIDENCE_CELL_MAX && cell.bytes().all(|byte| ALPHABET.contains(&byte))
}

fn said(request: &RegisterRequest) -> Said<'_> {
    Said {
        kind: request.kind(),
        captured: (request.captured_at_ms, request.captured_at_ms),
        clock: request.clock_source(),
        device: &request.device,
        retention: request.retention(),
        minors: request.minors,
        sensitive: request.sensitive,
        consent: &request.consent,
        basis: request.basis(),
        backdated: request.backdated_reason(),
        batch: false,
    }
}

pub(crate) fn id(statement: &[u8]) -> Result<[u8; 32], Refusal> {
    statement.try_into().map_err(|_| malformed("statement"))
}

/// A sensor root stands for an hour of capture, and there is one.
fn once_an_hour(
    env: &mut Env<'_>,
    source: &PrincipalId,
    request: &RegisterRequest,
    statement: &[u8; 32],
) -> Result<(), Refusal> {
    if request.kind() != Kind::SensorRoot {
        return Ok(());
    }
    let hour = request.captured_at_ms / HOUR_MS;
    match env.claim(&number_id(b'h', source, hour), statement) {
        Claim::New => Ok(()),
        Claim::Same | Claim::Other => Err(No::OnceAnHour.refuse([number(hour)])),
    }
}

fn order(env: &mut Env<'_>, request: &RegisterRequest, leaf: u64) {
    let Ok(order) = <[u8; 32]>::try_from(request.order.as_slice()) else { return };
    let registered_at_ms = env.context().now_ms;
    let record = OrderRecord {
        record: Some(Ref { source: request.source.clone(), number: request.number }),
        kind: request.kind,
        captured_at_ms: request.captured_at_ms,
        registered_at_ms,
        statement: request.statement.clone(),
        leaf,
    };
    order::add(env, &order, record);
}

/// What the event tells.
pub(crate) struct Told<'a> {
    pub(crate) first: u64,
    pub(crate) count: u32,
    pub(crate) leaf: u64,
    /// What `head` took up.
    pub(crate) statement: [u8; 32],
    pub(crate) said: &'a Said<'a>,
}

impl Told<'_> {
    pub(crate) fn tell(&self, env: &mut Env<'_>, source: &PrincipalId, facts: Facts, reused: u32) {
        let context = env.context();
        let (captured_from_ms, captured_to_ms) = self.said.captured;
        let event = Registered {
            source: source.0.into(),
            first: self.first,
            count: self.count,
            kind: self.said.kind.into(),
            first_leaf: self.leaf,
            captured_from_ms,
            captured_to_ms,
            organisation: context.organisation,
            backdated: facts.flags & facts::BACKDATED != 0,
            flags: facts.flags.into(),
            reused,
            sender: context.sender.0.into(),
            statement: self.statement.into(),
            clock_source: self.said.clock.into(),
            backdated_reason: self.said.backdated.into(),
            device: self.said.device.into(),
            consent: self.said.consent.into(),
            basis: self.said.basis.into(),
            retention: self.said.retention.into(),
        };
        let about = [*source, context.sender];
        let about = if about[0] == about[1] { &about[..1] } else { &about[..] };
        env.emit(about, &event);
    }
}
