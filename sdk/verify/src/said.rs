//! Details of a failure, in both languages.
//!
//! Names, numbers and digests are the same in both; what is a sentence or a common noun has a
//! Chinese and an English form, so that no text mixes them.

use alloc::format;
use alloc::string::{String, ToString};
use linli_types::certificate::BadCertificate;
use linli_types::genesis::BadGenesis;
use linli_types::header::BadHeader;
use linli_types::validator::{BadSet, OrgKind};

/// A detail, said in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// 中文.
    pub zh: String,
    /// English; also what machines read.
    pub en: String,
}

impl Detail {
    /// A detail with a text in each language, each on one line (see [`plain`]).
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: plain(zh.into()), en: plain(en.into()) }
    }
}

/// Stands for a character that is not shown.
const HIDDEN: char = '\u{fffd}';

/// A text that stays on its line and reads in the order of its letters. Names and words come from
/// whoever made the evidence: one with a line break in it would put sentences of their own under ours,
/// and one that turns the direction of writing would rearrange them.
pub fn plain(text: String) -> String {
    match text.contains(misleads) {
        true => text.chars().map(|c| if misleads(c) { HIDDEN } else { c }).collect(),
        false => text,
    }
}

/// Control characters, line separators, and what turns the direction of writing.
pub(crate) const fn misleads(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2066}'..='\u{2069}');
    turns || matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}'..='\u{202e}')
}

/// What is the same in both languages: a name, a number, a digest.
impl<T: ToString> From<T> for Detail {
    fn from(same: T) -> Self {
        let text = plain(same.to_string());
        Self { zh: text.clone(), en: text }
    }
}

/// Why a header cannot be read.
pub fn header(why: &BadHeader) -> Detail {
    let zh = match why {
        BadHeader::Malformed => "内容不是区块头".into(),
        BadHeader::Format(format) => format!("格式 {format} 不为本版本所知"),
        BadHeader::Flags(flags) => format!("标志 {flags:#06x} 不为本版本所知"),
    };
    Detail::new(zh, why.to_string())
}

/// Why a certificate proves nothing.
pub fn certificate(why: &BadCertificate) -> Detail {
    let zh = match why {
        BadCertificate::Stranger(key) => format!("{key} 不是验证节点"),
        BadCertificate::Order => "签名者重复或次序不对".into(),
        BadCertificate::Power { power, total } => {
            format!("签名者表决权 {power}/{total}，未超过三分之二")
        }
        BadCertificate::Signature(key) => format!("{key} 的签名不成立"),
    };
    Detail::new(zh, why.to_string())
}

/// Why a genesis cannot be read.
pub fn genesis(why: &BadGenesis) -> Detail {
    let zh = match why {
        BadGenesis::Magic => "这不是创世文件".into(),
        BadGenesis::TooLarge { found, max } => format!("{found} 字节，上限 {max}"),
        BadGenesis::Format(format) => format!("格式 {format} 不为本版本所知"),
        BadGenesis::Validators(law) => validators(law),
        // The decoder's own words say nothing that a person could use.
        BadGenesis::Malformed(_) => "内容已损坏或不完整".into(),
    };
    Detail::new(zh, why.to_string())
}

fn validators(law: &BadSet) -> String {
    match law {
        BadSet::Count { found, min, max } => format!(
            "有 {found} 个验证节点；一条链须有 {min} 至 {max} 个，少于 {min} 个便不容许任何一个出错"
        ),
        BadSet::Twice(key) => format!("公钥 {key} 出现两次"),
        BadSet::Power { name, power, max } => {
            format!("{name} 的表决权为 {power}，须在 1 至 {max} 之间")
        }
        BadSet::OrganisationTooStrong { org, power, total } => {
            format!("机构 {org} 持有 {power}/{total} 的表决权；任何机构须少于三分之一")
        }
        BadSet::KindTooStrong { kind, power, total } => {
            let kind = organisation(*kind);
            format!("{kind}类机构合计持有 {power}/{total} 的表决权；任何一类须少于二分之一")
        }
    }
}

/// A kind of organisation in Chinese.
pub const fn organisation(kind: OrgKind) -> &'static str {
    match kind {
        OrgKind::District => "区",
        OrgKind::Street => "街道",
        OrgKind::Operator => "服务运营",
        OrgKind::Fund => "社区基金",
        OrgKind::Enterprise => "企业",
        OrgKind::SocialOrg => "社会组织",
        OrgKind::Auditor => "审计",
        OrgKind::Certifier => "认证",
        OrgKind::ArbitrationBody => "仲裁",
        OrgKind::Bank => "银行",
        OrgKind::Insurer => "保险",
        OrgKind::Regulator => "监管",
        OrgKind::IdService => "身份服务",
        OrgKind::Tsa => "时间戳",
        OrgKind::CourtWitness => "法院见证",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use linli_types::id::PublicKey;

    fn is_chinese(c: char) -> bool {
        ('\u{4e00}'..='\u{9fff}').contains(&c)
    }

    /// A text without an English word; endings of files and names of digests are none.
    pub(crate) fn is_all_chinese(text: &str) -> bool {
        let mut words = text.split(|c: char| !c.is_ascii_alphabetic());
        text.chars().any(is_chinese) && words.all(|word| word.len() <= 3)
    }

    #[test]
    fn no_name_breaks_a_line_or_turns_it() {
        assert_eq!(plain("照片 1.jpg".into()), "照片 1.jpg");
        for odd in
            ['\n', '\r', '\t', '\u{1b}', '\u{85}', '\u{2028}', '\u{2029}', '\u{202e}', '\u{2066}']
        {
            let name = format!("a{odd}b");
            assert_eq!(Detail::from(&name).en, "a\u{fffd}b");
            assert_eq!(Detail::new(name.clone(), name).zh, "a\u{fffd}b");
        }
    }

    #[test]
    fn no_text_mixes_the_languages() {
        let law = |law| genesis(&BadGenesis::Validators(law));
        let texts = [
            header(&BadHeader::Malformed),
            header(&BadHeader::Format(9)),
            header(&BadHeader::Flags(1)),
            certificate(&BadCertificate::Order),
            certificate(&BadCertificate::Power { power: 1, total: 9 }),
            genesis(&BadGenesis::Magic),
            genesis(&BadGenesis::TooLarge { found: 2, max: 1 }),
            genesis(&BadGenesis::Format(9)),
            genesis(&BadGenesis::Malformed("Unexpected length of input".into())),
            law(BadSet::Count { found: 3, min: 4, max: 64 }),
            law(BadSet::Power { name: "v1".into(), power: 0, max: 9 }),
            law(BadSet::OrganisationTooStrong { org: 1, power: 4, total: 10 }),
            law(BadSet::KindTooStrong { kind: OrgKind::District, power: 6, total: 10 }),
        ];
        for text in texts {
            assert!(is_all_chinese(&text.zh), "{text:?}");
            assert!(!text.en.chars().any(is_chinese), "{text:?}");
        }
        // Keys stand in both as they are.
        let key = PublicKey([7; 32]);
        for text in [certificate(&BadCertificate::Stranger(key)), law(BadSet::Twice(key))] {
            assert!(text.zh.contains(&key.to_string()) && text.en.contains(&key.to_string()));
        }
    }
}
