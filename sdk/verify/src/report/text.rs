//! What was proved, line by line, each for the layer that it tells of.

use super::{
    Computed, Edition, ProvedAccount, ProvedCheckpoint, ProvedFile, ProvedLeaf, ProvedLine,
    ProvedPlatform, ProvedReceipt, ProvedStatement, ProvedToken, ProvedTransaction, Report,
    SecondSignature, Signer, Stored,
};
use crate::failure::Layer;
use crate::said::Detail;
use crate::time;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use linli_types::amount::decimal;
use linli_types::code::Lang;
use linli_types::height::TimeMs;

impl Report {
    pub(crate) fn with_certificate(mut self, round: u32, set_changes: usize) -> Self {
        (self.block.round, self.block.set_changes) = (round, set_changes);
        self
    }

    /// What was proved, line by line.
    pub fn text(&self, lang: Lang) -> String {
        let mut text = String::from(match lang {
            Lang::Zh => "核验一致\n",
            Lang::En => "verified\n",
        });
        for (layer, said) in self.lines() {
            let line = match lang {
                Lang::Zh => format!("{}　{}\n", layer.text(lang), said.zh),
                Lang::En => format!("{:<12}{}\n", layer.text(lang), said.en),
            };
            text.push_str(&line);
        }
        text
    }

    /// What each layer says. A layer may have several lines, or none.
    pub(crate) fn lines(&self) -> Vec<(Layer, Detail)> {
        self.lines_in(Edition::NOW)
    }

    /// The same in the words of an edition.
    pub(crate) fn lines_in(&self, edition: Edition) -> Vec<(Layer, Detail)> {
        let mut lines = Vec::new();
        let mut add = |layer, said: Detail| lines.push((layer, said));
        self.files.iter().for_each(|f| add(Layer::File, file(f)));
        self.statement.iter().for_each(|s| add(Layer::Statement, statement(s)));
        self.log.iter().for_each(|l| add(Layer::Log, leaf(l)));
        self.transaction.iter().for_each(|t| add(Layer::Transaction, transaction(t)));
        self.receipt.iter().for_each(|r| add(Layer::Receipt, receipt(r)));
        if !self.receipts.is_empty() {
            add(Layer::Cose, cose(&self.receipts));
        }
        self.second_signature.iter().for_each(|s| add(Layer::Sm2, second(s, edition)));
        // Entries that are an account say more in words than in hexadecimal.
        if self.account.is_none() {
            self.entries.iter().for_each(|e| add(Layer::State, entry(e)));
        }
        self.computed.iter().for_each(|c| add(Layer::State, computed(c)));
        if let Some(a) = &self.account {
            account(a).into_iter().for_each(|said| add(Layer::State, said));
        }
        self.block_lines().into_iter().for_each(|(layer, said)| add(layer, said));
        self.later_lines(edition).into_iter().for_each(|(layer, said)| add(layer, said));
        self.platform.iter().for_each(|p| add(Layer::Platform, platform(p)));
        lines
    }

    fn block_lines(&self) -> [(Layer, Detail); 4] {
        let b = &self.block;
        let (height, time, id) = (b.height, &b.time, &b.id);
        let (power, total, changes) = (b.power, b.total_power, b.set_changes);
        let (zh, en) = names(&b.signers);
        [
            (
                Layer::Block,
                Detail::new(
                    format!("第 {height} 块，{time}，{id}"),
                    format!("{height}, {time}, {id}"),
                ),
            ),
            (
                Layer::Certificate,
                Detail::new(
                    format!("{zh} 签名，表决权 {power}/{total}"),
                    format!("signed by {en}: {power} of {total} of the voting power"),
                ),
            ),
            (
                Layer::Validators,
                Detail::new(
                    format!("自创世以来变更 {changes} 次"),
                    format!("{changes} set changes since the genesis"),
                ),
            ),
            (Layer::Genesis, Detail::from(format!("{} ({})", self.chain_name, self.chain))),
        ]
    }

    fn later_lines(&self, edition: Edition) -> Vec<(Layer, Detail)> {
        let mut lines = Vec::new();
        lines.extend(self.token.iter().map(|t| (Layer::Token, token(t, edition))));
        lines.extend(self.checkpoint.iter().map(|c| (Layer::Checkpoint, checkpoint(c))));
        if let Some(p) = &self.policy {
            let (version, since, height) = (p.version, &p.since, p.height);
            lines.push((
                Layer::Policy,
                Detail::new(
                    format!("上链时生效的是第 {version} 版政策（自 {since} 起），由第 {height} 块的账本状态证明"),
                    format!("version {version} was in force (since {since}), proved by the state at block {height}"),
                ),
            ));
        }
        if let Some(r) = &self.record {
            let (height, time, standing) = (r.height, &r.time, r.standing);
            let (zh, others) = (standing_zh(standing), r.corroborations.len());
            lines.push((
                Layer::Policy,
                Detail::new(
                    format!("截至第 {height} 块（{time}），记录状态：{zh}，他方佐证 {others} 份"),
                    format!("as of block {height} ({time}) the record stands as {standing}, with {others} corroborations"),
                ),
            ));
        }
        lines
    }
}

/// Where a record stands, in Chinese.
pub(super) fn standing_zh(standing: &str) -> &'static str {
    match standing {
        "ANCHORED" => "已存证",
        "CORROBORATED" => "已佐证",
        "SUPERSEDED" => "已被后续记录替代",
        "CHALLENGED" => "有争议",
        "UPHELD" => "争议后维持",
        "INVALIDATED" => "已被认定无效",
        _ => "未知",
    }
}

pub(super) fn names(signers: &[Signer]) -> (String, String) {
    let names: Vec<&str> = signers.iter().map(|s| s.name.as_str()).collect();
    (names.join("、"), names.join(", "))
}

fn file(f: &ProvedFile) -> Detail {
    let (name, size, sha256, sm3) = (&f.name, f.size, &f.sha256, &f.sm3);
    Detail::new(
        format!("{name}，{size} 字节，SHA-256 {sha256}，SM3 {sm3}"),
        format!("{name}, {size} bytes, SHA-256 {sha256}, SM3 {sm3}"),
    )
}

fn statement(s: &ProvedStatement) -> Detail {
    let (source, number, kind) = (&s.source, s.number, &s.kind);
    let captured = time::text(TimeMs(s.captured_at_ms));
    let anchored = time::text(TimeMs(s.anchored_at_ms));
    let (late_zh, late_en) = if s.backdated { ("（补录）", " (backdated)") } else { ("", "") };
    Detail::new(
        format!(
            "来源 {source} 第 {number} 号，{kind}，采集于 {captured}{late_zh}，存证于 {anchored}"
        ),
        format!("{source} no. {number}, {kind}, captured {captured}{late_en}, anchored {anchored}"),
    )
}

fn leaf(l: &ProvedLeaf) -> Detail {
    let (code, leaf, size) = (&l.code, l.leaf, l.size);
    Detail::new(
        format!("{code}，第 {leaf} 号叶，共 {size} 叶"),
        format!("{code}, leaf {leaf} of {size}"),
    )
}

fn transaction(t: &ProvedTransaction) -> Detail {
    let (code, sender, calls) = (&t.code, &t.sender, t.calls.join(", "));
    Detail::new(format!("{code}，提交者 {sender}，{calls}"), format!("{code} of {sender}: {calls}"))
}

fn receipt(r: &ProvedReceipt) -> Detail {
    let (cause, code) = (&r.cause, r.code.unwrap_or_default());
    let by = r.refused_by.as_deref().unwrap_or_default();
    let (why_zh, why_en) = (r.zh.as_deref().unwrap_or(by), r.en.as_deref().unwrap_or(by));
    match r.done {
        true => Detail::new(format!("{cause} 已生效"), format!("{cause}: done")),
        false => Detail::new(
            format!("{cause} 被拒绝，代码 {code}：{why_zh}"),
            format!("{cause}: refused with code {code}: {why_en}"),
        ),
    }
}

/// Nothing in a pack says whose the second key is: the statement names it.
fn second(s: &SecondSignature, edition: Edition) -> Detail {
    let (id, key) = (&s.signer_id, &s.key);
    match edition {
        Edition::First => Detail::new(
            format!("机构的 SM2 签名成立，签名者标识 {id}，公钥 {key}"),
            format!("the organisation's SM2 signature holds; signer id {id}, key {key}"),
        ),
        Edition::Second => Detail::new(
            format!(
                "SM2 签名成立，签名者标识 {id}，公钥 {key}（由声明指明；是否为机构登记的公钥，未在此核验）"
            ),
            format!(
                "the SM2 signature holds; signer id {id}, key {key}, as the statement names it (whether the organisation registered it was not checked here)"
            ),
        ),
    }
}

fn token(t: &ProvedToken, edition: Edition) -> Detail {
    let (time, height, policy) = (&t.time, t.height, &t.policy);
    let mut said = match t.signature_checked {
        true => Detail::new(
            "签名成立（按其所附证书）",
            "its signature holds by the certificate it carries",
        ),
        false => Detail::new(
            "签名算法或证书本程序无法核验，请用 openssl 核验",
            "its signature could not be checked here: use openssl",
        ),
    };
    if let (Edition::Second, Some(certificate)) = (edition, &t.certificate) {
        said.zh
            .push_str(&format!("；证书的 SHA-256 为 {certificate}，请与时间戳机构公布的证书核对"));
        said.en.push_str(&format!(
            "; SHA-256 of the certificate {certificate}: compare it with the authority's"
        ));
    }
    let Detail { zh, en } = said;
    Detail::new(
        format!("时间戳机构于 {time} 对第 {height} 块盖戳，策略 {policy}；{zh}"),
        format!("stamped {time} over block {height}, policy {policy}; {en}"),
    )
}

fn cose(signers: &[Signer]) -> Detail {
    let (zh, en) = names(signers);
    Detail::new(format!("{zh} 各自签发的标准回执成立"), format!("standard receipts of {en} hold"))
}

fn checkpoint(c: &ProvedCheckpoint) -> Detail {
    let (zh, en) = names(&c.signers);
    let size = c.size;
    let each = |w: &super::Witness| format!("{} ({})", w.key, w.time);
    let witnesses: Vec<String> = c.witnesses.iter().map(each).collect();
    let (by_zh, by_en) = match witnesses.is_empty() {
        true => ("，无见证方联署".into(), "; no witness cosigned".into()),
        false => (
            format!("，见证方联署：{}", witnesses.join("、")),
            format!("; cosigned by {}", witnesses.join(", ")),
        ),
    };
    Detail::new(
        format!("共 {size} 叶的日志由 {zh} 签署{by_zh}"),
        format!("the log of {size} leaves, signed by {en}{by_en}"),
    )
}

fn platform(p: &ProvedPlatform) -> Detail {
    let ProvedPlatform { name, filing, valid_from, valid_until, .. } = p;
    Detail::new(
        format!("{name}，备案号 {filing}，有效期 {valid_from} 至 {valid_until}；内容为平台自述"),
        format!(
            "{name}, filing number {filing}, valid {valid_from} to {valid_until}; in the platform's own words"
        ),
    )
}

fn entry(e: &Stored) -> Detail {
    let at = format!("{}/{}", e.room, e.key);
    match &e.value {
        Some(value) => Detail::from(format!("{at} = {value}")),
        None => Detail::new(format!("{at} 不存在"), format!("{at} is absent")),
    }
}

fn computed(c: &Computed) -> Detail {
    let (query, result) = (&c.query, &c.result);
    Detail::new(
        format!("{query} = {result}（由上列条目算出，本身未被证明）"),
        format!("{query} = {result} (computed from the entries above; itself not proved)"),
    )
}

fn account(a: &ProvedAccount) -> Vec<Detail> {
    let (code, count) = (&a.code, a.lines.as_ref().map(Vec::len));
    // Without the asset's row the count is one of minor units of a number.
    let (asset, unit) = match &a.unit {
        Some(unit) => (Detail::from(String::new()), format!(" {}", unit.name)),
        None => (
            Detail::new(format!("，资产 {}", a.asset), format!(", asset {}", a.asset)),
            String::new(),
        ),
    };
    let decimals = a.unit.as_ref().map_or(0, |unit| unit.decimals);
    let shown = |units: &str| decimal(units.parse().unwrap_or_default(), decimals);
    let (balance, out, due) =
        (shown(&a.balance), shown(&a.debits_pending), shown(&a.credits_pending));
    let line = |line: &ProvedLine| {
        let ProvedLine { time_ms, words: (zh, en), amount, other, code, .. } = line;
        let (at, sign) =
            (time::text(TimeMs(*time_ms)), if amount.starts_with('-') { "" } else { "+" });
        let amount = format!("{sign}{}", shown(amount));
        Detail::new(
            format!("{at}　{zh} {amount}　对方 {other}　业务码 {code}"),
            format!("{at}  {en} {amount}  other side {other}  code {code}"),
        )
    };
    let (whole_zh, whole_en) = match count {
        Some(count) => (format!("；明细完整，共 {count} 笔"), format!("; whole: {count} entries")),
        None => (String::new(), String::new()),
    };
    let head = Detail::new(
        format!("账户 {code}{}，余额 {balance}{unit}，占用 {out}，待收 {due}{whole_zh}", asset.zh),
        format!(
            "account {code}{}, balance {balance}{unit}, held {out}, awaited {due}{whole_en}",
            asset.en
        ),
    );
    core::iter::once(head).chain(a.lines.iter().flatten().map(line)).collect()
}
