//! Why something is not proved, and at which layer.

use crate::said::Detail;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use linli_types::code::Lang;

/// A layer of the proof, from the paper in the hand to the root of trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The pack's own bytes.
    Pack,
    /// The file given beside the pack.
    File,
    /// The list of files and their digests.
    Manifest,
    /// The explanation for people.
    Explanation,
    /// The platform statement.
    Platform,
    /// The organisation's second signature.
    Sm2,
    /// The time-stamp authority's token.
    Token,
    /// The state of the log that witnesses cosigned.
    Checkpoint,
    /// The policy in force, and the record as it stood later.
    Policy,
    /// What was anchored.
    Statement,
    /// The place in the evidence log.
    Log,
    /// The signed request.
    Transaction,
    /// What became of it.
    Receipt,
    /// Stored entries.
    State,
    /// The block's header.
    Block,
    /// The validators' signatures.
    Certificate,
    /// How the validator set came to be.
    Validators,
    /// The first page of the chain.
    Genesis,
    /// A validator's COSE receipt.
    Cose,
    /// A validator's word that a key signs its receipts.
    ReceiptKey,
}

impl Layer {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pack => "pack",
            Self::File => "file",
            Self::Manifest => "manifest",
            Self::Explanation => "explanation",
            Self::Platform => "platform",
            Self::Sm2 => "sm2",
            Self::Token => "token",
            Self::Checkpoint => "checkpoint",
            Self::Policy => "policy",
            Self::Statement => "statement",
            Self::Log => "log",
            Self::Transaction => "transaction",
            Self::Receipt => "receipt",
            Self::State => "state",
            Self::Block => "block",
            Self::Certificate => "certificate",
            Self::Validators => "validators",
            Self::Genesis => "genesis",
            Self::Cose => "cose",
            Self::ReceiptKey => "receipt-key",
        }
    }

    /// The name for people.
    pub const fn text(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Sm2, Lang::En) => "SM2 signature",
            (Self::Cose, Lang::En) => "COSE receipts",
            (Self::ReceiptKey, Lang::En) => "receipt keys",
            (Self::Token, Lang::En) => "time-stamp",
            (layer, Lang::En) => layer.name(),
            (Self::Pack, Lang::Zh) => "证据包",
            (Self::File, Lang::Zh) => "文件",
            (Self::Manifest, Lang::Zh) => "清单",
            (Self::Explanation, Lang::Zh) => "说明",
            (Self::Platform, Lang::Zh) => "平台声明",
            (Self::Sm2, Lang::Zh) => "国密签名",
            (Self::Token, Lang::Zh) => "时间戳",
            (Self::Checkpoint, Lang::Zh) => "见证检查点",
            (Self::Policy, Lang::Zh) => "当时政策",
            (Self::Statement, Lang::Zh) => "声明",
            (Self::Log, Lang::Zh) => "存证日志",
            (Self::Transaction, Lang::Zh) => "交易",
            (Self::Receipt, Lang::Zh) => "回执",
            (Self::State, Lang::Zh) => "账本状态",
            (Self::Block, Lang::Zh) => "区块",
            (Self::Certificate, Lang::Zh) => "共识证书",
            (Self::Validators, Lang::Zh) => "验证者沿革",
            (Self::Genesis, Lang::Zh) => "创世文件",
            (Self::Cose, Lang::Zh) => "COSE 回执",
            (Self::ReceiptKey, Lang::Zh) => "回执密钥",
        }
    }
}

macro_rules! reasons {
    ($($variant:ident = $name:literal $layer:ident zh: $zh:literal en: $en:literal;)*) => {
        /// Why a layer does not hold. Names never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the English text beside each documents it")]
        pub enum Reason {
            $(#[doc = $en] $variant,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The layer that does not hold.
            pub const fn layer(self) -> Layer {
                match self { $(Self::$variant => Layer::$layer,)* }
            }

            /// The text, with places for details.
            pub const fn text(self, lang: Lang) -> &'static str {
                match (self, lang) {
                    $((Self::$variant, Lang::Zh) => $zh, (Self::$variant, Lang::En) => $en,)*
                }
            }
        }
    };
}

reasons! {
    PackTooLarge = "PACK_TOO_LARGE" Pack
        zh: "证据包有 {0} 字节，上限是 {1}" en: "the pack has {0} bytes; at most {1} are allowed";
    PackUnreadable = "PACK_UNREADABLE" Pack
        zh: "这不是 linli 证据包（第 {0} 字节起无法识别）"
        en: "this is no linli pack (unreadable from byte {0} on)";
    PackEntry = "PACK_ENTRY" Pack
        zh: "条目 {0} 已损坏" en: "the entry {0} is damaged";
    PackContents = "PACK_CONTENTS" Pack
        zh: "证据包的条目 {0} 缺失、多余或次序不对"
        en: "the entry {0} is missing, not allowed or out of order";
    PackName = "PACK_NAME" Pack
        zh: "证据包内有不允许的文件名或路径：{0}"
        en: "the pack holds a name or a path that is not allowed: {0}";
    PackSpelling = "PACK_SPELLING" Pack
        zh: "证据包第 {0} 字节与唯一写法不符" en: "byte {0} of the pack departs from its one spelling";
    PackKind = "PACK_KIND" Pack
        zh: "这是{0}包，不是{1}包" en: "this is a pack of the kind {0}, not {1}";

    FileNotGiven = "FILE_NOT_GIVEN" File
        zh: "没有给出证据包所证明的文件 {0}" en: "the file {0} that the pack proves was not given";
    FileChanged = "FILE_CHANGED" File
        zh: "文件 {0} 与存证时不同：{1}不符" en: "the file {0} is not the one anchored: its {1} differs";
    FileNotAsked = "FILE_NOT_ASKED" File
        zh: "这类证据包不涉及文件，却给出了 {0}" en: "this kind of pack proves no file, yet {0} was given";

    FileNotListed = "FILE_NOT_LISTED" File
        zh: "证据包内的文件 {0} 不在清单里" en: "the file {0} inside the pack is not in the manifest";

    ExplanationOther = "EXPLANATION_OTHER" Explanation
        zh: "{0} 所写与核验结果不符" en: "{0} does not say what was verified";
    PlatformMalformed = "PLATFORM_MALFORMED" Platform
        zh: "平台声明无法识别：{0}" en: "the platform statement cannot be read: {0}";
    PlatformOther = "PLATFORM_OTHER" Platform
        zh: "平台声明不是清单所指的那份"
        en: "the platform statement is not the one the manifest names";
    Sm2Signature = "SM2_SIGNATURE" Sm2
        zh: "国密签名不成立：{0}" en: "the second signature does not hold: {0}";
    Sm2Other = "SM2_OTHER" Sm2
        zh: "国密签名所用的不是声明指明的公钥"
        en: "the second signature is not by the key that the statement names";
    TokenMalformed = "TOKEN_MALFORMED" Token
        zh: "时间戳条目无法识别" en: "the entry of the time-stamp cannot be read";
    TokenOther = "TOKEN_OTHER" Token
        zh: "时间戳不成立：{0}" en: "the time-stamp does not hold: {0}";
    CheckpointMalformed = "CHECKPOINT_MALFORMED" Checkpoint
        zh: "检查点条目无法识别" en: "the entry of the checkpoint cannot be read";
    CheckpointOther = "CHECKPOINT_OTHER" Checkpoint
        zh: "检查点不成立：{0}" en: "the checkpoint does not hold: {0}";
    CheckpointUnsigned = "CHECKPOINT_UNSIGNED" Checkpoint
        zh: "检查点上没有所给密钥的签名" en: "none of the keys that were given signed the checkpoint";
    PolicyMalformed = "POLICY_MALFORMED" Policy
        zh: "政策条目无法识别" en: "the entry of the policy cannot be read";
    PolicyOther = "POLICY_OTHER" Policy
        zh: "所附政策或记录状态不成立：{0}" en: "policy or record does not hold: {0}";

    ManifestMalformed = "MANIFEST_MALFORMED" Manifest
        zh: "清单无法识别：{0}" en: "the manifest cannot be read: {0}";
    ManifestOther = "MANIFEST_OTHER" Manifest
        zh: "清单不是声明所指的那份：{0}不符" en: "the manifest is not the one the statement names: {0} differs";

    StatementMalformed = "STATEMENT_MALFORMED" Statement
        zh: "声明无法识别" en: "the statement cannot be read";
    StatementOther = "STATEMENT_OTHER" Statement
        zh: "回执中没有这条声明" en: "the receipt holds no such statement";
    StatementUnasked = "STATEMENT_UNASKED" Statement
        zh: "请求中没有登记这条声明的调用" en: "no call of the request registers this statement";
    StatementAsked = "STATEMENT_ASKED" Statement
        zh: "登记时向账本申报的{0}与声明不符"
        en: "the ledger was told another {0} than the statement says";
    StatementAhead = "STATEMENT_AHEAD" Statement
        zh: "声明引用第 {0} 块，却在第 {1} 块已经上链"
        en: "the statement quotes block {0}, yet it was anchored in block {1}";
    StatementTime = "STATEMENT_TIME" Statement
        zh: "声明的存证时间 {0} 与区块时间 {1} 不符"
        en: "the statement says it was anchored at {0}, but its block's time is {1}";

    LogMalformed = "LOG_MALFORMED" Log
        zh: "日志位置无法识别" en: "the place in the log cannot be read";
    LogSize = "LOG_SIZE" Log
        zh: "日志长度 {0} 与区块所记 {1} 不符" en: "a log of size {0}, but the block's has {1}";
    LogPath = "LOG_PATH" Log
        zh: "声明不在日志的第 {0} 号叶" en: "the statement does not stand at leaf {0} of the log";

    LogConsistency = "LOG_CONSISTENCY" Log
        zh: "未能证明 {0} 条的日志是 {1} 条的日志的开头"
        en: "the log of {0} is not shown to be the beginning of the log of {1}";
    LogRootOther = "LOG_ROOT_OTHER" Log
        zh: "{0} 条的日志有两个不同的根" en: "two roots are named of the log of {0}";
    LogUntied = "LOG_UNTIED" Log
        zh: "{0} 条的日志的根既无证书，也无所给密钥的签名"
        en: "neither a certificate nor a key that was given vouches for the root of the log of {0}";
    LogNoEnd = "LOG_NO_END" Log
        zh: "所给状态是 {0} 条的日志，既不是 {1} 条，也不是 {2} 条"
        en: "a state of the log of {0} was given, which is neither that of {1} nor that of {2}";
    LogStateMalformed = "LOG_STATE_MALFORMED" Log
        zh: "日志状态文件无法识别" en: "the state of the log cannot be read";
    ConsistencyMalformed = "CONSISTENCY_MALFORMED" Log
        zh: "一致性证明无法识别，或不合唯一写法"
        en: "the consistency proof cannot be read, or departs from its one spelling";

    TransactionMalformed = "TRANSACTION_MALFORMED" Transaction
        zh: "交易无法识别" en: "the transaction cannot be read";
    TransactionPath = "TRANSACTION_PATH" Transaction
        zh: "交易不在区块的第 {0} 位" en: "the transaction does not stand at place {0} of the block";
    TransactionSignature = "TRANSACTION_SIGNATURE" Transaction
        zh: "交易签名不成立" en: "the transaction's signature does not hold";

    ReceiptMalformed = "RECEIPT_MALFORMED" Receipt
        zh: "回执无法识别" en: "the receipt cannot be read";
    ReceiptPath = "RECEIPT_PATH" Receipt
        zh: "回执不在区块的第 {0} 位" en: "the receipt does not stand at place {0} of the block";
    ReceiptOther = "RECEIPT_OTHER" Receipt
        zh: "回执属于另一笔交易" en: "the receipt is for another transaction";
    ReceiptRefused = "RECEIPT_REFUSED" Receipt
        zh: "回执表明请求被拒绝，没有存证任何内容"
        en: "the receipt says that the request was refused: nothing was anchored";

    EntriesMalformed = "ENTRIES_MALFORMED" State
        zh: "账本条目无法识别" en: "the stored entries cannot be read";
    LinesMalformed = "LINES_MALFORMED" State
        zh: "账户明细无法识别" en: "the account's entries cannot be read";
    AccountOther = "ACCOUNT_OTHER" State
        zh: "所附条目不是一个账户" en: "the stored entry is not one account";
    AccountLine = "ACCOUNT_LINE" State
        zh: "第 {0} 行明细不属于该账户或与前文不符"
        en: "line {0} is not of this account, or does not follow from those before";
    AccountNotWhole = "ACCOUNT_NOT_WHOLE" State
        zh: "明细不完整或被改动：所附 {0} 笔，账户记有 {1} 笔"
        en: "the statement is not whole or was changed: {0} entries are here, the account counts {1}";
    EntriesPath = "ENTRIES_PATH" State
        zh: "条目 {0} 的证明不成立" en: "the proof of the entry {0} does not hold";

    HeaderMalformed = "HEADER_MALFORMED" Block
        zh: "区块头无法识别：{0}" en: "the header cannot be read: {0}";
    HeaderProtocol = "HEADER_PROTOCOL" Block
        zh: "协议版本 {0} 未知，请更新验证程序" en: "protocol {0} is unknown to this verifier; update it";
    HeaderOther = "HEADER_OTHER" Block
        zh: "区块头不是证书所证明的那个" en: "the header is not the one that was certified";
    HeaderProposer = "HEADER_PROPOSER" Block
        zh: "区块的提议者不是验证者" en: "the block's proposer is no validator";

    CertificateMalformed = "CERTIFICATE_MALFORMED" Certificate
        zh: "证书无法识别" en: "the certificate cannot be read";
    CertificateStranger = "CERTIFICATE_STRANGER" Certificate
        zh: "签名者 {0} 不是验证者" en: "the signer {0} is no validator";
    CertificateOrder = "CERTIFICATE_ORDER" Certificate
        zh: "签名者重复或次序不对" en: "the signers repeat or stand out of order";
    CertificatePower = "CERTIFICATE_POWER" Certificate
        zh: "签名者表决权 {0}/{1}，未超过三分之二"
        en: "the signers hold {0} of {1}, which is not more than two thirds";
    CertificateSignature = "CERTIFICATE_SIGNATURE" Certificate
        zh: "{0} 的签名不成立" en: "the signature of {0} does not hold";

    SetsMalformed = "SETS_MALFORMED" Validators
        zh: "验证者沿革无法识别" en: "the history of validator sets cannot be read";
    SetsChange = "SETS_CHANGE" Validators
        zh: "第 {0} 次验证者变更不成立：{1}" en: "change {0} of the validator set does not hold: {1}";
    SetsIncomplete = "SETS_INCOMPLETE" Validators
        zh: "验证者沿革没有通到这个区块" en: "the history of validator sets does not lead to this block";

    ReceiptKeyMalformed = "RECEIPT_KEY_MALFORMED" ReceiptKey
        zh: "回执密钥的委托无法识别，或与回执数目不符"
        en: "the delegations of receipt keys cannot be read, or are not one for each receipt";

    GenesisMalformed = "GENESIS_MALFORMED" Genesis
        zh: "创世文件无法识别：{0}" en: "the genesis cannot be read: {0}";
    GenesisOther = "GENESIS_OTHER" Genesis
        zh: "证据属于链 {0}，创世文件属于链 {1}"
        en: "the proof is for chain {0}; the genesis is of chain {1}";

    CoseTooLarge = "COSE_TOO_LARGE" Cose
        zh: "回执文件有 {0} 字节，上限是 {1}" en: "the receipt's file has {0} bytes; at most {1} are allowed";
    CoseMalformed = "COSE_MALFORMED" Cose
        zh: "COSE 回执无法识别，或不合唯一写法"
        en: "the COSE receipt cannot be read, or departs from its one spelling";
    CoseOther = "COSE_OTHER" Cose
        zh: "COSE 回执签的不是这个区块的日志" en: "the COSE receipt is over the log of another block";
    CoseTwice = "COSE_TWICE" Cose
        zh: "{0} 的 COSE 回执出现两次" en: "there are two COSE receipts of {0}";
    CoseSignature = "COSE_SIGNATURE" Cose
        zh: "{0} 的 COSE 回执签名不成立" en: "the signature of the COSE receipt of {0} does not hold";
    CoseStatement = "COSE_STATEMENT" Statement
        zh: "声明不是合规的 COSE 声明：{0}" en: "the statement is no COSE statement of ours: {0}";
    StatementSignature = "STATEMENT_SIGNATURE" Statement
        zh: "声明的签名不成立" en: "the signature of the statement does not hold";
    StatementChain = "STATEMENT_CHAIN" Statement
        zh: "声明是为另一条链签的" en: "the statement was signed for another chain";
    ReceiptKeyStranger = "RECEIPT_KEY_STRANGER" ReceiptKey
        zh: "委托回执密钥的 {0} 不是验证者" en: "{0}, who delegates the receipt key, is no validator";
    ReceiptKeyOther = "RECEIPT_KEY_OTHER" ReceiptKey
        zh: "委托的不是回执所用的密钥 {0}，或属于另一条链"
        en: "the delegation is not for the key {0} that signed the receipt, or for another chain";
    ReceiptKeyEarly = "RECEIPT_KEY_EARLY" ReceiptKey
        zh: "回执密钥自高度 {0} 起有效，回执却属于高度 {1}"
        en: "the receipt key holds from height {0} on, but the receipt is of height {1}";
    ReceiptKeySignature = "RECEIPT_KEY_SIGNATURE" ReceiptKey
        zh: "{0} 对回执密钥的委托签名不成立" en: "the delegation of the receipt key by {0} does not hold";
}

/// What does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub reason: Reason,
    /// Details for the places of the text.
    pub details: Vec<Detail>,
}

impl Failure {
    /// A failure with its details.
    pub fn new<T: Into<Detail>, const N: usize>(reason: Reason, details: [T; N]) -> Self {
        Self { reason, details: details.map(Into::into).into() }
    }

    /// A failure whose text has no places.
    pub const fn plain(reason: Reason) -> Self {
        Self { reason, details: Vec::new() }
    }

    /// The layer that does not hold.
    pub const fn layer(&self) -> Layer {
        self.reason.layer()
    }

    /// What does not hold, in both languages, without naming the layer.
    pub(crate) fn said(&self) -> Detail {
        Detail { zh: self.filled(Lang::Zh), en: self.filled(Lang::En) }
    }

    /// What the most likely cause is and what to do, where that is known.
    pub fn hint(&self) -> Option<Detail> {
        let (zh, en) = match self.reason {
            // `domain.md` §E1: the most common cause of all.
            Reason::FileChanged => (
                "最常见的原因：文件经微信等聊天软件转发时被压缩或改写。请向提供方索取未经转发的原始文件再核验",
                "Most often a messenger such as WeChat compressed or rewrote the file when it was forwarded: ask for the original file and verify again",
            ),
            Reason::FileNotGiven => {
                ("请把该文件与证据包一并核验", "Verify the pack together with that file")
            }
            Reason::GenesisOther => (
                "请从公开渠道取得该链的创世文件；证据包也可能属于另一条链",
                "Get this chain's genesis from where it is published; or the pack is of another chain",
            ),
            Reason::LogUntied | Reason::CheckpointUnsigned => (
                "请一并给出见证者的状态文件（last.state）或检查点，并用 --note-key 给出所信任的密钥",
                "Give a witness's state (last.state) or checkpoint as well, and the keys that you believe with --note-key",
            ),
            _ => return None,
        };
        Some(Detail::new(zh, en))
    }

    fn filled(&self, lang: Lang) -> String {
        let fill = |text: String, (i, detail): (usize, &Detail)| {
            let said = match lang {
                Lang::Zh => &detail.zh,
                Lang::En => &detail.en,
            };
            text.replace(&format!("{{{i}}}"), said)
        };
        let text = self.reason.text(lang).to_string();
        self.details.iter().enumerate().fold(text, fill)
    }

    /// One sentence.
    pub fn text(&self, lang: Lang) -> String {
        let text = self.filled(lang);
        match lang {
            Lang::Zh => format!("核验不一致（{}）：{text}", self.layer().text(lang)),
            Lang::En => format!("not verified ({}): {text}", self.layer().text(lang)),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl core::error::Error for Failure {}

impl serde::Serialize for Failure {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut map = serializer.serialize_struct("Failure", 10)?;
        map.serialize_field("verified", &false)?;
        map.serialize_field("layer", self.layer().name())?;
        map.serialize_field("reason", self.reason.name())?;
        let details: Vec<&str> = self.details.iter().map(|detail| detail.en.as_str()).collect();
        map.serialize_field("details", &details)?;
        map.serialize_field("zh", &self.text(Lang::Zh))?;
        map.serialize_field("en", &self.text(Lang::En))?;
        let (said, hint) = (self.said(), self.hint());
        map.serialize_field("said_zh", &said.zh)?;
        map.serialize_field("said_en", &said.en)?;
        map.serialize_field("hint_zh", &hint.as_ref().map(|hint| hint.zh.as_str()))?;
        map.serialize_field("hint_en", &hint.as_ref().map(|hint| hint.en.as_str()))?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn names_are_used_once() {
        let names: BTreeSet<&str> = Reason::ALL.iter().map(|r| r.name()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
    }

    #[test]
    fn both_languages_use_the_same_places() {
        for reason in Reason::ALL {
            let places = |lang| {
                let has = |i: &u8| reason.text(lang).contains(&format!("{{{i}}}"));
                (0..4_u8).filter(has).collect::<Vec<_>>()
            };
            assert_eq!(places(Lang::Zh), places(Lang::En), "{}", reason.name());
        }
    }

    #[test]
    fn a_failure_names_its_layer_in_both_languages() {
        let failure = Failure::new(Reason::FileChanged, ["a.pdf", "SHA-256"]);
        assert_eq!(
            failure.text(Lang::En),
            "not verified (file): the file a.pdf is not the one anchored: its SHA-256 differs"
        );
        assert!(failure.text(Lang::Zh).starts_with("核验不一致（文件）"));
        let details = [Detail::from("a.pdf"), Detail::new("大小", "size")];
        let failure = Failure::new(Reason::FileChanged, details);
        let (zh, en) = (failure.text(Lang::Zh), failure.text(Lang::En));
        assert_eq!(zh, "核验不一致（文件）：文件 a.pdf 与存证时不同：大小不符");
        assert!(en.ends_with("its size differs"), "{en}");
    }
}
