//! The registration policy: what a record must say before it is taken. Its text for people is
//! `docs/evidence-policy.md`; [`POLICY`] is that text's digest.
//!
//! # Invariants
//!
//! - **INV-E2 time.** Nothing is captured more than 120 s after it is registered; what was captured more
//!   than 24 h before is marked, and taken only with a reason.
//! - **INV-E8 consent.** Minors, sensitive data and processing by consent need a consent that was not
//!   withdrawn, towards the source or its organisation (LEG-07).
//! - **V3 kept.** What a law keeps is registered with a class that keeps it as long (LEG-20).

use crate::facts::{self, Facts};
use crate::malformed;
use crate::once::{self, Content};
use crate::schema::{
    BackdatedReason, Basis, ClockSource, Kind, Ref, Refusal as No, Retention, ReusedContent,
};
use crate::source::day_of;
use alloc::vec::Vec;
use linli_contract::id::PrincipalId;
use linli_contract::{Code, Context, Env, Refusal, bytes, number, word};

/// How far after block time a capture may lie, in milliseconds: clocks differ.
pub const FUTURE_MS: u64 = 120_000;
/// From this age on, in milliseconds, evidence is backdated: one day.
pub const BACKDATED_MS: u64 = 24 * 3600 * 1000;
/// Version of the registration policy.
pub const POLICY_VERSION: u32 = 2;
/// SHA-256 of `docs/evidence-policy.md`. A test compares them.
pub const POLICY: [u8; 32] = [
    0x9f, 0x91, 0x86, 0xc7, 0x01, 0x87, 0xb4, 0xf3, 0x55, 0x79, 0x09, 0xc2, 0x28, 0x79, 0xab, 0x2d,
    0x23, 0xfc, 0x21, 0x69, 0x46, 0x32, 0xd6, 0x3b, 0xb0, 0x6d, 0x20, 0xd7, 0x3d, 0x19, 0x0f, 0xe9,
];

/// Events about content that another source had before, of one call.
const REUSED_TOLD_MAX: usize = 8;

/// What both calls say about what they register.
pub(crate) struct Said<'a> {
    pub(crate) kind: Kind,
    pub(crate) captured: (u64, u64),
    pub(crate) clock: ClockSource,
    pub(crate) device: &'a [u8],
    pub(crate) retention: Retention,
    pub(crate) minors: bool,
    pub(crate) sensitive: bool,
    pub(crate) consent: &'a [u8],
    pub(crate) basis: Basis,
    pub(crate) backdated: BackdatedReason,
    pub(crate) batch: bool,
}

impl Said<'_> {
    /// Checks all of it; what is kept of it.
    pub(crate) fn check(&self, env: &mut Env<'_>, source: &PrincipalId) -> Result<Facts, Refusal> {
        let context = env.context();
        self.fields()?;
        let backdated = self.time(&context)?;
        self.law()?;
        self.consents(env, (source, context.organisation))?;
        let device = crate::authority::named_device(env, &context, self.device)?;
        Ok(self.facts(&context, device, backdated))
    }

    fn fields(&self) -> Result<(), Refusal> {
        let (from, to) = self.captured;
        let fields = [
            ("kind", self.kind != Kind::Unspecified),
            ("captured", 0 < from && from <= to),
            ("clock_source", self.clock != ClockSource::Unspecified),
            ("retention", self.retention != Retention::Unspecified),
            ("basis", self.basis != Basis::Unspecified),
            ("consent", matches!(self.consent.len(), 0 | 16)),
        ];
        whole(&fields)
    }

    /// INV-E2. Whether it is backdated.
    fn time(&self, context: &Context) -> Result<bool, Refusal> {
        let (from, to) = self.captured;
        not_ahead(context, to)?;
        let backdated = is_backdated(context, from);
        if backdated && self.backdated == BackdatedReason::Unspecified {
            return Err(No::BackdatedNeedsReview.refuse([number(from), number(context.now_ms)]));
        }
        Ok(backdated)
    }

    /// LEG-07, LEG-20.
    fn law(&self) -> Result<(), Refusal> {
        if !bases(self.kind).contains(&self.basis) {
            return Err(No::BasisNotAllowed.refuse([number(self.basis as u64)]));
        }
        let years = years_asked(self.kind);
        if years_kept(self.retention) < years {
            return Err(No::RetentionTooShort.refuse([number(years)])); // V3
        }
        Ok(())
    }

    /// INV-E8.
    fn consents(
        &self,
        env: &mut Env<'_>,
        (source, organisation): (&PrincipalId, u32),
    ) -> Result<(), Refusal> {
        let asked = [
            ("minors", self.minors),
            ("sensitive", self.sensitive),
            ("consent", self.basis == Basis::Consent),
        ];
        let asked = asked.iter().find(|(_, holds)| *holds);
        match (asked, self.consent) {
            (Some((why, _)), []) => Err(No::ConsentMissing.refuse([word(why)])),
            (_, []) => Ok(()),
            (_, consent) if is_withdrawn(env, (source, organisation), consent) => {
                Err(No::ConsentWithdrawnBefore.refuse([bytes(consent)]))
            }
            _ => Ok(()),
        }
    }

    fn facts(&self, context: &Context, device: PrincipalId, backdated: bool) -> Facts {
        let flags = [
            (backdated, facts::BACKDATED),
            (self.batch, facts::BATCH),
            (self.minors, facts::MINORS),
            (self.sensitive, facts::SENSITIVE),
        ];
        Facts {
            device,
            captured_ms: self.captured.0,
            organisation: context.organisation,
            day: u16::try_from(day_of(context.now_ms)).unwrap_or(u16::MAX),
            kind: self.kind as u8,
            retention: self.retention as u8,
            flags: flags.iter().filter(|(set, _)| *set).fold(0, |sum, (_, flag)| sum | flag),
            clock: self.clock as u8,
            basis: self.basis as u8,
        }
    }
}

/// INV-E2.
pub(crate) fn not_ahead(context: &Context, captured_ms: u64) -> Result<(), Refusal> {
    if captured_ms > context.now_ms.saturating_add(FUTURE_MS) {
        return Err(No::FutureTime.refuse([number(captured_ms), number(context.now_ms)]));
    }
    Ok(())
}

/// INV-E2.
pub(crate) const fn is_backdated(context: &Context, captured_ms: u64) -> bool {
    context.now_ms.saturating_sub(captured_ms) > BACKDATED_MS
}

/// The first field that does not hold.
pub(crate) fn whole(fields: &[(&'static str, bool)]) -> Result<(), Refusal> {
    match fields.iter().find(|(_, holds)| !holds) {
        Some((field, _)) => Err(malformed(field)),
        None => Ok(()),
    }
}

/// The bases that a kind of evidence may have (LEG-07).
const fn bases(kind: Kind) -> &'static [Basis] {
    use Basis::{Consent, Contract, Emergency, LegalDuty, OtherLaw, PublicInterest, Published};
    match kind {
        Kind::CheckIn | Kind::CheckOut | Kind::Form => {
            &[Consent, Contract, LegalDuty, Emergency, OtherLaw]
        }
        Kind::PhotoSet | Kind::Audio => &[Consent, Contract, Emergency, OtherLaw],
        Kind::Score => &[Consent, Contract],
        Kind::SensorRoot | Kind::SystemLog => {
            &[Consent, Contract, LegalDuty, PublicInterest, OtherLaw]
        }
        Kind::Receipt | Kind::ContractDoc => &[Contract, LegalDuty, OtherLaw],
        Kind::External => {
            &[Consent, Contract, LegalDuty, Emergency, PublicInterest, Published, OtherLaw]
        }
        Kind::Unspecified => &[],
    }
}

/// Years for which a law keeps a kind of evidence (LEG-20).
pub(crate) const fn years_asked(kind: Kind) -> u64 {
    match kind {
        Kind::Receipt => 10,
        Kind::ContractDoc => 15,
        _ => 0,
    }
}

/// Years for which a class keeps a payload.
pub(crate) const fn years_kept(retention: Retention) -> u64 {
    match retention {
        Retention::Unspecified | Retention::Ordinary => 0,
        Retention::Years10 => 10,
        Retention::Years15 => 15,
        Retention::Years30 => 30,
    }
}

/// The business id of a consent that a source must not use any more.
pub(crate) fn consent_id(source: &PrincipalId, consent: &[u8]) -> Vec<u8> {
    [b"w".as_slice(), &source.0, consent].concat()
}

/// The same of a whole organisation: it processes, whichever of its devices captures. 0 is nobody's.
pub(crate) fn consent_id_of(organisation: u32, consent: &[u8]) -> Option<Vec<u8>> {
    (organisation != 0).then(|| [b"o".as_slice(), &organisation.to_be_bytes(), consent].concat())
}

fn is_withdrawn(
    env: &mut Env<'_>,
    (source, organisation): (&PrincipalId, u32),
    consent: &[u8],
) -> bool {
    let ids = [Some(consent_id(source, consent)), consent_id_of(organisation, consent)];
    ids.into_iter().flatten().any(|id| env.claimed(&id).is_some())
}

/// INV-E3. Content of one call, claimed for its records one by one.
pub(crate) struct Reuse {
    /// How much of it another source had before.
    pub(crate) count: u32,
    told: Vec<ReusedContent>,
}

impl Reuse {
    pub(crate) const fn new() -> Self {
        Self { count: 0, told: Vec::new() }
    }

    /// Claims a manifest or a tag for a record.
    pub(crate) fn claim(
        &mut self,
        env: &mut Env<'_>,
        content: Content,
        value: &[u8],
        (source, number): (&PrincipalId, u64),
    ) -> Result<(), Refusal> {
        let Some(earlier) = once::claim(env, content, value, source, number)? else {
            return Ok(());
        };
        self.count = self.count.saturating_add(1);
        if self.told.len() < REUSED_TOLD_MAX {
            let record = Some(Ref { source: source.0.into(), number });
            self.told.push(ReusedContent { record, earlier: Some(earlier) });
        }
        Ok(())
    }

    /// Tells of it, to both sources.
    pub(crate) fn tell(&self, env: &mut Env<'_>) {
        for event in &self.told {
            let of =
                |one: &Option<Ref>| one.as_ref().and_then(|r| PrincipalId::from_slice(&r.source));
            let about: Vec<_> =
                [of(&event.record), of(&event.earlier)].into_iter().flatten().collect();
            env.emit(&about, event);
        }
    }
}
