//! The answer to whoever holds a pack: each layer by itself, then what it amounts to.
//!
//! Layers are checked in the order of trust, from the genesis outward. After the first that does
//! not hold the rest is not judged: it would stand on nothing.

use crate::failure::{Failure, Layer};
use crate::report::{Edition, Report, limits};
use crate::said::Detail;
use crate::seal::{Kind, Name, Sealed};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use linli_types::code::Lang;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// What was found of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The layer.
    pub layer: Layer,
    /// Whether it holds; `None` if it was not reached.
    pub holds: Option<bool>,
}

/// The layers of a pack, and those that were found to hold so far.
pub(crate) struct Steps {
    findings: Vec<Finding>,
}

impl Steps {
    /// All layers that this pack has, in the order in which they are shown.
    pub(crate) fn of(sealed: &Sealed<'_>) -> Self {
        let has = |name| sealed.find(name).is_some();
        let mut layers = vec![Layer::Pack];
        match sealed.kind {
            Kind::Evidence | Kind::Whole => {
                layers.extend([Layer::File, Layer::Manifest, Layer::Statement, Layer::Log]);
            }
            Kind::Receipt => {}
            Kind::State | Kind::Account => layers.push(Layer::State),
        }
        let optional = [
            (Name::Sm2, Layer::Sm2),
            (Name::Transaction, Layer::Transaction),
            (Name::Receipt, Layer::Receipt),
            (Name::Receipts, Layer::Cose),
            (Name::Keys, Layer::ReceiptKey),
        ];
        layers.extend(optional.iter().filter(|(name, _)| has(*name)).map(|(_, layer)| *layer));
        layers.extend([Layer::Block, Layer::Certificate, Layer::Validators, Layer::Genesis]);
        let beside = [
            (Name::Token, Layer::Token),
            (Name::Checkpoint, Layer::Checkpoint),
            (Name::Policy, Layer::Policy),
            (Name::Platform, Layer::Platform),
            (Name::ExplanationText, Layer::Explanation),
        ];
        layers.extend(beside.iter().filter(|(name, _)| has(*name)).map(|(_, layer)| *layer));
        let findings = layers.into_iter().map(|layer| Finding { layer, holds: None }).collect();
        let mut steps = Self { findings };
        // It could be opened: that is the pack's own layer.
        steps.hold(Layer::Pack);
        steps
    }

    pub(crate) fn hold(&mut self, layer: Layer) {
        mark(&mut self.findings, layer, true);
    }
}

fn mark(findings: &mut Vec<Finding>, layer: Layer, holds: bool) {
    match findings.iter_mut().find(|finding| finding.layer == layer) {
        Some(finding) => finding.holds = Some(holds),
        None => findings.push(Finding { layer, holds: Some(holds) }),
    }
}

/// Each layer, and what was proved or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The layers, in the order in which they are shown.
    pub layers: Vec<Finding>,
    /// What was proved, or the first layer that does not hold.
    pub outcome: Result<Report, Failure>,
}

impl Verdict {
    pub(crate) fn new(steps: Steps, outcome: Result<Report, Failure>) -> Self {
        let mut layers = steps.findings;
        if let Err(why) = &outcome {
            mark(&mut layers, why.layer(), false);
        }
        Self { layers, outcome }
    }

    /// Of something that could not even be opened.
    pub(crate) fn unopened(why: Failure) -> Self {
        let layers = vec![Finding { layer: why.layer(), holds: Some(false) }];
        Self { layers, outcome: Err(why) }
    }

    pub(crate) fn hold(&mut self, layer: Layer) {
        mark(&mut self.layers, layer, true);
    }

    pub(crate) fn fail(&mut self, why: Failure) {
        mark(&mut self.layers, why.layer(), false);
        self.outcome = Err(why);
    }

    /// Everything for a person, line by line.
    pub fn text(&self, lang: Lang) -> String {
        let mut text = String::new();
        let mut line = |words: &str| {
            text.push_str(words);
            text.push('\n');
        };
        match &self.outcome {
            Ok(_) => line(of(lang, "核验一致", "verified: consistent")),
            Err(why) => line(&why.text(lang)),
        }
        let said = self.outcome.as_ref().map(Report::lines).unwrap_or_default();
        for finding in &self.layers {
            let own = said.iter().filter(|(layer, _)| *layer == finding.layer);
            let lines: Vec<&str> = own.map(|(_, said)| in_lang(said, lang)).collect();
            line(&finding_line(finding, &lines, lang));
        }
        for (head, lines) in self.sections() {
            line(in_lang(&head, lang));
            for said in &lines {
                line(&format!("  {}", in_lang(said, lang)));
            }
        }
        text
    }

    /// What it amounts to: a head and its lines.
    fn sections(&self) -> Vec<(Detail, Vec<Detail>)> {
        let Ok(report) = &self.outcome else { return Vec::new() };
        let Some(unchanged) = report.unchanged() else { return Vec::new() };
        let mut all = vec![
            (
                Detail::new(
                    format!("上链后未改：是。{}", unchanged.zh),
                    format!("unchanged since anchoring: yes: {}", unchanged.en),
                ),
                Vec::new(),
            ),
            (
                Detail::new("上链前真实性：", "corroborated before anchoring:"),
                report.before_anchoring(),
            ),
        ];
        let titled = [
            (Detail::new("节点与利害关系：", "nodes and interests:"), report.interests()),
            (Detail::new("提醒：", "warnings:"), report.warnings()),
        ];
        all.extend(titled.into_iter().filter(|(_, lines)| !lines.is_empty()));
        all
    }
}

fn of(lang: Lang, zh: &'static str, en: &'static str) -> &'static str {
    match lang {
        Lang::Zh => zh,
        Lang::En => en,
    }
}

fn in_lang(said: &Detail, lang: Lang) -> &str {
    match lang {
        Lang::Zh => &said.zh,
        Lang::En => &said.en,
    }
}

fn finding_line(finding: &Finding, said: &[&str], lang: Lang) -> String {
    let name = finding.layer.text(lang);
    let mark = match finding.holds {
        Some(true) => of(lang, "核验一致", "consistent"),
        Some(false) => of(lang, "核验不一致", "NOT consistent"),
        None => of(lang, "未核验", "not checked"),
    };
    let said = said.join(of(lang, "；", "; "));
    match lang {
        Lang::Zh => {
            // Names have two to six characters: padded with the wide space.
            let pad = 7_usize.saturating_sub(name.chars().count());
            let pad: String = core::iter::repeat_n('　', pad).collect();
            format!("  {name}{pad}{mark}　{said}").trim_end().into()
        }
        Lang::En => format!("  {name:<14}{mark:<16}{said}").trim_end().into(),
    }
}

/// In both languages.
#[derive(Serialize)]
struct Both<'a> {
    zh: &'a str,
    en: &'a str,
}

fn both(said: &Detail) -> Both<'_> {
    Both { zh: &said.zh, en: &said.en }
}

#[derive(Serialize)]
struct Shown<'a> {
    layer: &'static str,
    zh: &'static str,
    en: &'static str,
    holds: Option<bool>,
    says: Vec<Both<'a>>,
}

/// The report's or the failure's fields, and then what only a verdict knows.
impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let said = self.outcome.as_ref().map(Report::lines).unwrap_or_default();
        let shown = |finding: &Finding| {
            let (layer, own) = (finding.layer, said.iter().filter(|(l, _)| *l == finding.layer));
            let (zh, en) = (layer.text(Lang::Zh), layer.text(Lang::En));
            let says = own.map(|(_, said)| both(said)).collect();
            Shown { layer: layer.name(), zh, en, holds: finding.holds, says }
        };
        let layers: Vec<Shown<'_>> = self.layers.iter().map(shown).collect();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("verified", &self.outcome.is_ok())?;
        map.serialize_entry("layers", &layers)?;
        match &self.outcome {
            Ok(report) => {
                map.serialize_entry("report", report)?;
                serialize_meaning(&mut map, report)?;
            }
            Err(why) => {
                map.serialize_entry("failure", why)?;
            }
        }
        map.end()
    }
}

fn serialize_meaning<M: SerializeMap>(map: &mut M, report: &Report) -> Result<(), M::Error> {
    let Some(unchanged) = report.unchanged() else { return Ok(()) };
    let (before, interests, warnings) =
        (report.before_anchoring(), report.interests(), report.warnings());
    map.serialize_entry("unchanged_since_anchoring", &true)?;
    map.serialize_entry("unchanged", &both(&unchanged))?;
    map.serialize_entry("corroborated_before_anchoring", &report.corroborated())?;
    map.serialize_entry("before", &pairs(&before))?;
    map.serialize_entry("interests", &pairs(&interests))?;
    map.serialize_entry("warnings", &pairs(&warnings))?;
    let limits: Vec<Both<'_>> =
        limits(Edition::NOW).into_iter().map(|(zh, en)| Both { zh, en }).collect();
    map.serialize_entry("not_proved", &limits)
}

fn pairs(lines: &[Detail]) -> Vec<Both<'_>> {
    lines.iter().map(both).collect()
}
