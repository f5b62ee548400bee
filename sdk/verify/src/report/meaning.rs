//! What a proof of evidence amounts to before a court: unchanged since anchoring is one question,
//! true before anchoring another (online litigation rules, articles 16 to 18).

use super::text::{names, standing_zh};
use super::{Edition, ProvedRecord, ProvedStatement, Report};
use crate::said::Detail;
use crate::time;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use linli_types::height::TimeMs;

impl Report {
    /// Whether it is about files that were anchored.
    pub fn is_evidence(&self) -> bool {
        self.statement.is_some()
    }

    /// 上链后未改 (article 16). `None` if the pack is no evidence.
    pub fn unchanged(&self) -> Option<Detail> {
        self.statement.as_ref()?;
        let (height, time, count) = (self.block.height, &self.block.time, self.files.len());
        let others = self.other_organisations();
        Some(Detail::new(
            format!(
                "{count} 个文件自 {time}（第 {height} 块）上链以来未被改动；签名的验证节点中有 {others} 家机构不是提交方所属机构"
            ),
            format!(
                "the files ({count}) are as they were when anchored at {time} (block {height}); {others} organisations that signed are not the submitter's"
            ),
        ))
    }

    /// LEG-03: organisations that signed and are not the source's.
    fn other_organisations(&self) -> usize {
        let own = self.statement.as_ref().map_or(0, |s| s.organisation);
        let others = self.block.signers.iter().map(|s| s.organisation).filter(|org| *org != own);
        others.collect::<alloc::collections::BTreeSet<u32>>().len()
    }

    /// Whether another source confirmed the record, as far as the pack shows. `None` if the pack
    /// does not say. Nobody's word stands for a record that was invalidated.
    pub fn corroborated(&self) -> Option<bool> {
        let stands = |r: &ProvedRecord| !r.corroborations.is_empty() && r.standing != "INVALIDATED";
        self.record.as_ref().map(stands)
    }

    /// 上链前真实性 (article 18, LEG-04): not proved, and what speaks for it.
    pub fn before_anchoring(&self) -> Vec<Detail> {
        self.before_in(Edition::NOW)
    }

    /// The same in the words of an edition.
    pub(crate) fn before_in(&self, edition: Edition) -> Vec<Detail> {
        let Some(s) = &self.statement else { return Vec::new() };
        let invalid = self.record.as_ref().is_some_and(|r| r.standing == "INVALIDATED");
        let confirmed = match edition {
            Edition::First => self.record.as_ref().map(|r| !r.corroborations.is_empty()),
            Edition::Second => self.corroborated(),
        };
        let mut lines = alloc::vec![match confirmed {
            Some(false) if invalid && edition == Edition::Second => Detail::new(
                "账本不证明；该记录已被认定无效",
                "not proved by the ledger; the record was found invalid",
            ),
            Some(true) => Detail::new(
                "账本不证明；有他方佐证，见下",
                "not proved by the ledger; others confirmed it, see below",
            ),
            Some(false) => Detail::new(
                "账本不证明；截至所附状态没有他方佐证",
                "not proved by the ledger; nobody else had confirmed it by the state enclosed",
            ),
            None => Detail::new(
                "账本不证明；证据包未附佐证情况",
                "not proved by the ledger; the pack does not tell of corroboration",
            ),
        }];
        self.origin(s, edition, &mut lines);
        for c in self.record.iter().flat_map(|record| &record.corroborations) {
            let (by, organisation, at) = (&c.by, c.organisation, &c.time);
            lines.push(Detail::new(
                format!("佐证：{by}（机构 {organisation}）于 {at} 确认"),
                format!("corroborated by {by} (organisation {organisation}) at {at}"),
            ));
        }
        lines
    }

    /// Where it is from, how it was made and kept, by the source's own word.
    fn origin(&self, s: &ProvedStatement, edition: Edition, lines: &mut Vec<Detail>) {
        let (source, captured) = (&s.source, time::text(TimeMs(s.captured_at_ms)));
        lines.push(Detail::new(
            format!("来源：{source}（机构 {}）自述采集于 {captured}", s.organisation),
            format!(
                "source: {source} (organisation {}) says it captured at {captured}",
                s.organisation
            ),
        ));
        let claimed = self.manifest.as_ref().and_then(|m| m.device.clone());
        let device = s.device.clone().or(claimed);
        let none = || (String::from("未说明"), String::from("not told"));
        let (zh, en) = device.map_or_else(none, |device| (device.clone(), device));
        let (clock_zh, clock_en) = clock(s.clock_source);
        lines.push(Detail::new(
            format!("设备：{zh}；时间来源：{clock_zh}"),
            format!("device: {en}; clock: {clock_en}"),
        ));
        if edition == Edition::Second {
            lines.extend(self.signed_by(s));
        }
        if let Some(height) = s.not_before_height {
            lines.push(Detail::new(
                format!("声明引用了第 {height} 块：采集不早于该块（所引编号是否属于本链，未在此核验）"),
                format!("the statement quotes block {height}: captured after it (whether the block quoted is this chain's was not checked here)"),
            ));
        }
        if let Some(digest) = &s.env_digest {
            lines.push(Detail::new(
                format!("采集环境检查的摘要：{digest}"),
                format!("digest of the check of the capturing environment: {digest}"),
            ));
        }
        let (zh, en) = match s.backdated {
            true => (
                "补录：采集后超过 24 小时才上链",
                "backdated: anchored more than 24 hours after capture",
            ),
            false => ("采集后 24 小时内上链", "anchored within 24 hours of capture"),
        };
        lines.push(Detail::new(zh, en));
    }

    /// Whose key signed the statement, as far as the pack shows: the ledger took the transaction by a
    /// key in force of its sender; of any other key it said nothing.
    fn signed_by(&self, s: &ProvedStatement) -> Option<Detail> {
        let (key, request) = (s.key.as_ref()?, self.transaction.as_ref()?);
        Some(match *key == request.signer && s.source == request.sender {
            true => Detail::new(
                format!("声明由公钥 {key} 签名，与来源提交交易所用的公钥相同"),
                format!(
                    "the statement is signed by the key {key}, by which the source signed the request too"
                ),
            ),
            false => Detail::new(
                format!("声明由公钥 {key} 签名：是否为来源或其设备登记的公钥，未在此核验"),
                format!(
                    "the statement is signed by the key {key}: whether it is registered as the source's or its device's was not checked here"
                ),
            ),
        })
    }

    /// What the reader should know besides.
    pub fn warnings(&self) -> Vec<Detail> {
        self.warnings_in(Edition::NOW)
    }

    /// The same in the words of an edition.
    pub(crate) fn warnings_in(&self, edition: Edition) -> Vec<Detail> {
        let mut all = Vec::new();
        if !self.is_evidence() {
            return all;
        }
        self.platform_warnings(&mut all);
        if self.missing.second_signature {
            all.push(Detail::new(
                "声明指明了国密签名，证据包未附",
                "the statement names a second signature that the pack does not hold",
            ));
        }
        if self.manifest.is_some() {
            let orgs = self.receipts.iter().map(|s| s.organisation);
            if orgs.collect::<alloc::collections::BTreeSet<u32>>().len() < 2 {
                all.push(Detail::new(
                    "标准回执不足两家机构；共识证书不受影响",
                    "standard receipts of fewer than two organisations; the certificate is not affected",
                ));
            }
        }
        if let Some(record) = self.record.as_ref().filter(|r| r.standing != "ANCHORED") {
            let (zh, en) = (standing_zh(record.standing), record.standing);
            if !matches!(en, "CORROBORATED" | "UPHELD") {
                all.push(Detail::new(format!("该记录{zh}"), format!("the record stands as {en}")));
            }
        }
        if edition == Edition::Second {
            self.fate_warnings(&mut all);
            all.extend(self.erased_warning());
        }
        if self.token.as_ref().is_some_and(|token| !token.signature_checked) {
            all.push(Detail::new(
                "时间戳的签名未能在此核验",
                "the signature of the time-stamp was not checked here",
            ));
        }
        all
    }

    /// What became of a record is the ledger's to say: a pack that leaves it out hides a dispute.
    fn fate_warnings(&self, all: &mut Vec<Detail>) {
        match &self.record {
            None => all.push(Detail::new(
                "证据包未附该记录后来的状态：是否有争议、被替代或被认定无效，请向账本查询",
                "the pack does not tell what became of the record: ask the ledger whether it was disputed, replaced or invalidated",
            )),
            Some(ProvedRecord { parents: 0, .. }) => {}
            Some(ProvedRecord { parents, .. }) => all.push(Detail::new(
                format!("该记录以另外 {parents} 条记录为依据，其状态未在此核验"),
                format!("the record rests on {parents} others, whose state was not checked here"),
            )),
        }
    }

    /// Files that the ledger calls destroyed are somebody's copy, kept against the holders' word.
    fn erased_warning(&self) -> Option<Detail> {
        let at = self.record.as_ref()?.erased.as_ref()?;
        Some(Detail::new(
            format!("账本记录该内容已于 {at} 销毁：这是销毁之外留存的副本"),
            format!(
                "the ledger notes that the payload was destroyed at {at}: this is a copy that was kept"
            ),
        ))
    }

    /// LEG-02.
    fn platform_warnings(&self, all: &mut Vec<Detail>) {
        let Some(platform) = &self.platform else {
            all.push(Detail::new(
                "未附平台声明：备案、等级保护与密码评估情况须另行举证（第十七条）",
                "no platform statement is enclosed: filing and certificates must be shown otherwise (article 17)",
            ));
            return;
        };
        if !platform.held {
            all.push(Detail::new(
                "平台声明在上链时不在有效期内",
                "the platform statement was not valid when the evidence was anchored",
            ));
        }
        for c in platform.certificates.iter().filter(|c| !c.held) {
            let (kind, number) = (&c.kind, &c.number);
            all.push(Detail::new(
                format!("{kind}（{number}）在上链时不在有效期内"),
                format!("{kind} ({number}) was not valid when the evidence was anchored"),
            ));
        }
        if !platform.unnamed.is_empty() {
            let (zh, en) = (platform.unnamed.join("、"), platform.unnamed.join(", "));
            all.push(Detail::new(
                format!("平台声明没有说明这些验证节点的所有者：{zh}"),
                format!("the platform statement does not name the owners of {en}"),
            ));
        }
    }

    /// LEG-03: who is behind the nodes, and what interests they declare.
    pub fn interests(&self) -> Vec<Detail> {
        let own = self.statement.as_ref().map_or(0, |s| s.organisation);
        let signed_by_own = self.block.signers.iter().filter(|s| own != 0 && s.organisation == own);
        let mut all = Vec::new();
        for node in self.platform.iter().flat_map(|p| &p.nodes) {
            let (name, owner) = (&node.name, &node.owner);
            let (zh, en) = match node.interests.as_str() {
                "" => ("未声明利害关系", "declares no interest"),
                text => (text, text),
            };
            all.push(Detail::new(
                format!("{name}：{owner}，{zh}"),
                format!("{name}: {owner}, {en}"),
            ));
        }
        let same: Vec<_> = signed_by_own.cloned().collect();
        if !same.is_empty() {
            let (zh, en) = names(&same);
            all.push(Detail::new(
                format!("与提交方同一机构的签名节点：{zh}（任何一家机构都不足以通过区块）"),
                format!("nodes of the submitter's own organisation that signed: {en} (no single organisation can finalise a block)"),
            ));
        }
        all
    }
}

fn clock(source: Option<&str>) -> (&'static str, &'static str) {
    match source {
        Some("device") => ("设备自身时钟", "the device's own"),
        Some("gnss") => ("卫星授时", "satellites"),
        Some("ntp") => ("网络授时", "a time server"),
        Some("tsa") => ("时间戳机构", "a time-stamp authority"),
        _ => ("未说明", "not told"),
    }
}

/// What a verified pack does not prove, whoever shows it.
pub(crate) fn limits(edition: Edition) -> Vec<(&'static str, &'static str)> {
    let mut all = Vec::from(LIMITS);
    if edition == Edition::Second {
        all.push((
            "不证明时间戳机构、见证方与国密公钥属于谁：请与其公布的证书和公钥核对",
            "whose the keys of time-stamp authorities, witnesses and second signatures are: compare them with those they publish",
        ));
    }
    all
}

const LIMITS: [(&str, &str); 5] = [
    (
        "不证明文件上链之前的内容属实：那要结合来源、设备、采集过程与佐证判断（第十八条）",
        "that what the files show is true: that is judged by source, device, capture and corroboration (article 18)",
    ),
    (
        "不证明采集时间：采集时间是来源自述，账本只证明不晚于上链时间",
        "the time of capture: it is the source's word; the ledger proves only that it is not after anchoring",
    ),
    (
        "不证明来源背后的自然人或法人身份：编号由身份登记机构对应",
        "who is behind a source's number: the register of identities says that",
    ),
    (
        "不证明平台声明属实：备案与证书请向主管部门核实（第十七条）",
        "that the platform statement is true: ask the authorities (article 17)",
    ),
    (
        "不证明没有其他未提交的证据：完整性请查验来源的序号缺口",
        "that nothing else was left out: look for holes in the source's numbering",
    ),
];
