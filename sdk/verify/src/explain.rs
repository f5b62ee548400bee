//! The readable page of a pack: what was checked, under which article, and what is not proved.
//!
//! It is rendered from the report, in one way only, and compared by whoever verifies: it cannot say
//! more than was proved, and nobody can write another one.
//!
//! # Invariants
//!
//! - **E1 one edition, for ever.** The first line names the edition. What an edition says is frozen
//!   by the kept packs: another wording is another edition, rendered beside this one.

mod page;

use crate::failure::Layer;
use crate::report::{Edition, Report, limits};
use crate::said::{Detail, plain};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use linli_types::code::Lang;

pub(crate) use page::page;

/// A line, by how it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    Title(String),
    Head(String),
    Text(String),
}

/// The explanation as plain text: Chinese first, then English.
pub(crate) fn text(report: &Report, edition: Edition) -> String {
    let mut text = String::new();
    for line in lines(report, edition) {
        match line {
            Line::Title(words) => {
                let gap = if text.is_empty() { "" } else { "\n\n" };
                text.push_str(&format!("{gap}{words}\n{}\n", "=".repeat(60)));
            }
            Line::Head(words) => text.push_str(&format!("\n{words}\n")),
            Line::Text(words) => text.push_str(&format!("  {words}\n")),
        }
    }
    text
}

fn lines(report: &Report, edition: Edition) -> Vec<Line> {
    let number_of = edition.number();
    let mut all = Vec::new();
    for lang in [Lang::Zh, Lang::En] {
        let mut lines = Vec::new();
        lines.push(Line::Title(match lang {
            Lang::Zh => format!("邻里链证据包说明（第 {number_of} 版）"),
            Lang::En => format!("Linli evidence pack, explanation (edition {number_of})"),
        }));
        about(report, lang, &mut lines);
        checks(report, edition, lang, &mut lines);
        sections(report, edition, lang, &mut lines);
        how(lang, &mut lines);
        number(&mut lines, lang);
        all.append(&mut lines);
    }
    all
}

/// Numbers the heads of one language.
fn number(lines: &mut [Line], lang: Lang) {
    const ZH: [&str; 8] = ["一", "二", "三", "四", "五", "六", "七", "八"];
    let heads = lines.iter_mut().filter_map(|line| match line {
        Line::Head(words) => Some(words),
        Line::Title(_) | Line::Text(_) => None,
    });
    for (i, (words, zh)) in heads.zip(ZH).enumerate() {
        *words = match lang {
            Lang::Zh => format!("{zh}、{words}"),
            Lang::En => format!("{}. {words}", i.saturating_add(1)),
        };
    }
}

fn of(lang: Lang, zh: &'static str, en: &'static str) -> &'static str {
    match lang {
        Lang::Zh => zh,
        Lang::En => en,
    }
}

fn in_lang(said: &Detail, lang: Lang) -> String {
    match lang {
        Lang::Zh => said.zh.clone(),
        Lang::En => said.en.clone(),
    }
}

fn about(report: &Report, lang: Lang, lines: &mut Vec<Line>) {
    let code = report.log.as_ref().map_or("", |log| log.code.as_str());
    let (time, height) = (&report.block.time, report.block.height);
    let chain = plain(report.chain_name.clone());
    lines.push(Line::Text(match lang {
        Lang::Zh => format!("存证编号 {code}，上链时间 {time}，第 {height} 块，链 {chain}。"),
        Lang::En => {
            format!("Record {code}, anchored {time} in block {height} of the chain {chain}.")
        }
    }));
    lines.push(Line::Text(
        of(
            lang,
            "以下各项由核验程序逐字节得出；本说明与核验结果不符时，证据包即告核验不一致。",
            "What follows was found by the verifier, byte for byte: were this page to say anything else, the pack would not verify.",
        )
        .into(),
    ));
}

/// Each check with the article of the online litigation rules that it serves.
fn checks(report: &Report, edition: Edition, lang: Lang, lines: &mut Vec<Line>) {
    lines.push(Line::Head(
        of(
            lang,
            "逐层核验（人民法院在线诉讼规则）",
            "The checks (Online Litigation Rules of the People's Courts)",
        )
        .into(),
    ));
    let said = report.lines_in(edition);
    for (layer, words) in &said {
        let (name, article) = (layer.text(lang), article(*layer, lang));
        let words = in_lang(words, lang);
        let open =
            *layer == Layer::Token && report.token.as_ref().is_none_or(|t| !t.signature_checked);
        let (zh, en) =
            if open { ("未核验", "not checked") } else { ("核验一致", "consistent") };
        lines.push(Line::Text(match lang {
            Lang::Zh => format!("{name}（{article}）：{zh}。{words}"),
            Lang::En => format!("{name} ({article}): {en}. {words}"),
        }));
    }
}

fn yes(unchanged: Detail) -> Detail {
    Detail::new(format!("是。{}", unchanged.zh), format!("Yes: {}", unchanged.en))
}

/// The article that a layer's check serves.
fn article(layer: Layer, lang: Lang) -> &'static str {
    match layer {
        Layer::Platform => of(lang, "第十七条第一、三项", "article 17 (1), (3)"),
        Layer::Policy | Layer::Sm2 => of(lang, "第十七条第四项", "article 17 (4)"),
        Layer::Checkpoint | Layer::Cose | Layer::ReceiptKey => {
            of(lang, "第十七条第二项", "article 17 (2)")
        }
        _ => of(lang, "第十六条", "article 16"),
    }
}

fn sections(report: &Report, edition: Edition, lang: Lang, lines: &mut Vec<Line>) {
    let mut add = |zh, en, said: Vec<Detail>| {
        if !said.is_empty() {
            lines.push(Line::Head(of(lang, zh, en).into()));
            lines.extend(said.iter().map(|one| Line::Text(in_lang(one, lang))));
        }
    };
    add(
        "上链后未改（第十六条）",
        "Unchanged since anchoring (article 16)",
        report.unchanged().map(yes).into_iter().collect(),
    );
    add(
        "上链前真实性（第十八条）",
        "Corroborated before anchoring (article 18)",
        report.before_in(edition),
    );
    let mut platform = Vec::new();
    for c in report.platform.iter().flat_map(|p| &p.certificates) {
        let (kind, number, issuer, until) = (&c.kind, &c.number, &c.issuer, &c.valid_until);
        platform.push(Detail::new(
            format!("{kind}：{number}，{issuer}，有效至 {until}"),
            format!("{kind}: {number}, {issuer}, valid until {until}"),
        ));
    }
    platform.extend(report.interests());
    add(
        "平台、节点与利害关系（第十七条，平台自述）",
        "Platform, nodes and interests (article 17, in the platform's own words)",
        platform,
    );
    add("提醒", "Warnings", report.warnings_in(edition));
    let limits = limits(edition).into_iter().map(|(zh, en)| Detail::new(zh, en)).collect();
    add("账本不证明什么", "What the ledger does not prove", limits);
}

fn how(lang: Lang, lines: &mut Vec<Line>) {
    lines.push(Line::Head(of(lang, "怎样自己核验", "How to verify it yourself").into()));
    let steps = [
        (
            "用浏览器打开核验页面 linli-verify.html（无需联网），把证据包、原始文件和该链的创世文件拖入。",
            "Open linli-verify.html in a browser (no network is needed) and drop the pack, the original files and the chain's genesis on it.",
        ),
        (
            "或在命令行运行：linli verify 证据包 文件 --genesis 创世文件",
            "Or on a command line: linli verify PACK FILES --genesis GENESIS",
        ),
        (
            "证据包是普通 ZIP 文件；index 一项是各条目的 BLAKE3 摘要，statement.cose 与 receipts.cose 可用任何 COSE 工具核验。",
            "The pack is a plain ZIP file; its index lists BLAKE3 digests, and any COSE tool reads statement.cose and receipts.cose.",
        ),
    ];
    lines.extend(steps.iter().map(|(zh, en)| Line::Text(of(lang, zh, en).into())));
}

/// What stands at the foot of each page (LEG-21).
fn footer(report: &Report) -> String {
    match &report.platform {
        Some(platform) => plain(format!("{}　备案号 {}", platform.name, platform.filing)),
        None => String::from("未附平台声明　no platform statement"),
    }
}
