//! The native codes: why something was refused, in words, and what to do next.
//!
//! A code's number and name never change and are never used again for something else. Contracts
//! have codes of their own, in their schemas. Texts are rendered at the edge and never hashed.
//! `{0}`, `{1}` … stand for the refusal's typed parameters.

use crate::receipt::{Param, Refusal};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// A language that texts come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Lang {
    /// 中文.
    #[default]
    Zh,
    /// English.
    En,
}

/// Whether anything was recorded when this code is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Nothing: the request never entered a block.
    No,
    /// A refusal receipt stands in a block; nothing else changed.
    Receipt,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $number:literal $name:literal $recorded:ident
        zh: $zh:literal => $zh_next:literal en: $en:literal => $en_next:literal;)*) => {
        /// A native code.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u32)]
        pub enum Code {
            $($(#[$doc])* $variant = $number,)*
        }

        impl Code {
            /// Every native code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable number.
            pub const fn number(self) -> u32 {
                self as u32
            }

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Whether anything was recorded.
            pub const fn recorded(self) -> Recorded {
                match self { $(Self::$variant => Recorded::$recorded,)* }
            }

            /// The text, with places for parameters, and what to do next.
            pub const fn text(self, lang: Lang) -> (&'static str, &'static str) {
                match (self, lang) {
                    $((Self::$variant, Lang::Zh) => ($zh, $zh_next),
                      (Self::$variant, Lang::En) => ($en, $en_next),)*
                }
            }
        }
    };
}

codes! {
    /// The bytes do not follow the schema.
    Malformed = 1001 "MALFORMED" No
        zh: "请求格式不正确：{0}" => "请按接口定义重新生成请求"
        en: "the request does not follow its schema: {0}" => "build the request again from the schema";
    /// Larger than a bound.
    TooLarge = 1002 "TOO_LARGE" No
        zh: "{0} 为 {1}，超过上限 {2}" => "请缩小或拆分后重试"
        en: "{0} is {1}; at most {2} is allowed" => "make it smaller or split it";
    /// For another chain.
    WrongChain = 1003 "WRONG_CHAIN" No
        zh: "请求属于另一条链" => "请核对创世文件与节点地址"
        en: "the request is for another chain" => "check the genesis file and the node's address";
    /// `valid_until` has passed.
    Expired = 1004 "EXPIRED" No
        zh: "请求已过期：有效期至 {0}，区块时间 {1}" => "请用新的交易键、同一业务号重新提交"
        en: "the request expired at {0}; block time is {1}" => "submit again with a new key and the same business id";
    /// `valid_until` lies too far ahead.
    TooDistant = 1005 "TOO_DISTANT" No
        zh: "有效期至 {0}，最远只能到 {1}" => "请把有效期设在十分钟以内，并检查本机时钟"
        en: "valid until {0}, but at most until {1}" => "set the validity to ten minutes or less and check your clock";
    /// The signature does not hold.
    BadSignature = 1006 "BAD_SIGNATURE" No
        zh: "签名不成立" => "请用登记的密钥对原始内容重新签名"
        en: "the signature does not hold" => "sign the exact bytes again with the registered key";
    /// The key is not canonical or of small order.
    BadKey = 1007 "BAD_KEY" No
        zh: "公钥不合规" => "请生成新的密钥"
        en: "the public key is not acceptable" => "make a new key";
    /// No such principal.
    UnknownSender = 1008 "UNKNOWN_SENDER" No
        zh: "账本上没有这个主体" => "请核对主体编号，或先办理登记"
        en: "the ledger knows no such principal" => "check the principal id, or register first";
    /// The key is not the sender's.
    KeyNotOfSender = 1009 "KEY_NOT_OF_SENDER" No
        zh: "签名密钥不属于该主体" => "请使用该主体登记的密钥"
        en: "the signing key does not belong to the sender" => "sign with a key registered for the sender";
    /// The same bytes were executed before.
    Exists = 1010 "EXISTS" No
        zh: "同一请求已受理，结果不变" => "无需重试，请直接查询回执"
        en: "this very request was accepted before; its result stands" => "do not retry; read the receipt";
    /// The same key, other bytes.
    IdConflict = 1011 "ID_CONFLICT" No
        zh: "同一编号已用于另一内容" => "请核对业务内容；新业务请用新编号"
        en: "this id was used for something else" => "check the deed; use a new id for a new one";
    /// No such room.
    UnknownRoom = 1012 "UNKNOWN_ROOM" No
        zh: "没有名为 {0} 的模块" => "用 linli status 查看可用模块"
        en: "there is no room called {0}" => "see `linli status` for the rooms";
    /// No such method.
    UnknownMethod = 1013 "UNKNOWN_METHOD" No
        zh: "模块 {0} 没有方法 {1}" => "请核对方法名"
        en: "room {0} has no method {1}" => "check the method's name";
    /// A personal datum was found.
    PiiSuspected = 1014 "PII_SUSPECTED" No
        zh: "字段 {0} 疑似含个人信息（{1}），未记录任何内容" => "请删除个人信息，只提交摘要或编号"
        en: "field {0} looks like personal data ({1}); nothing was recorded" => "remove it; submit a digest or a code instead";
    /// Too much is waiting.
    Busy = 1015 "BUSY" No
        zh: "等待处理的请求过多" => "请稍后用同一请求重试"
        en: "too many requests are waiting" => "send the same request again in a moment";
    /// The disk is nearly full.
    DiskReserve = 1016 "DISK_RESERVE" No
        zh: "本节点磁盘空间不足，暂停受理" => "请改用其他节点，或联系运维人员"
        en: "this node's disk is nearly full; it accepts nothing for now" => "use another node, or call its administrator";
    /// The node is stopping or catching up.
    Unavailable = 1017 "UNAVAILABLE" No
        zh: "本节点暂时不能受理" => "请改用其他节点或稍后重试"
        en: "this node cannot accept requests now" => "use another node or try again later";
    /// No signed read header, or one that does not hold.
    ReadUnsigned = 1018 "READ_UNSIGNED" No
        zh: "读取请求没有有效签名：{0}" => "请用登记的密钥签署读取请求，并检查本机时钟"
        en: "the read carries no valid signature: {0}" => "sign the read with a registered key and check your clock";
    /// The reader may not read this.
    ReadDenied = 1019 "READ_DENIED" No
        zh: "无权读取" => "请向数据所属方或审计方申请"
        en: "you may not read this" => "ask its owner or an auditor";
    /// Nothing there.
    NotFound = 1020 "NOT_FOUND" No
        zh: "没有找到 {0}" => "请核对编号"
        en: "{0} was not found" => "check the id";
    /// More than a rate allows.
    RateLimited = 1021 "RATE_LIMITED" No
        zh: "请求过于频繁，请在 {0} 毫秒后重试" => "请稍后用同一请求重试，并降低频率"
        en: "too many requests for now; try again in {0} ms" => "send the same request again then, and ask less often";
    /// The access could not be logged.
    AccessUnlogged = 1022 "ACCESS_UNLOGGED" No
        zh: "本节点无法登记此次访问，因此不提供他人的数据" => "请改用其他节点，并通知本节点的运维人员（磁盘可能已满）"
        en: "this node cannot log the access, so it does not show others' data" => "use another node and tell this one's administrator: its disk may be full";

    /// Business id used before with the same content.
    Duplicate = 2001 "DUPLICATE" Receipt
        zh: "该业务号已办理过" => "无需重办，请查询原回执"
        en: "this deed was done before" => "do not repeat it; read the first receipt";
    /// Business id used before with other content.
    BusinessIdConflict = 2002 "BUSINESS_ID_CONFLICT" Receipt
        zh: "该业务号已用于另一内容" => "请核对；新业务请用新业务号"
        en: "this business id was used for something else" => "check it; use a new id for a new deed";
    /// Not the owner.
    Unauthorised = 2003 "UNAUTHORISED" Receipt
        zh: "主体无权动用账户 {0}" => "请由账户所有人办理"
        en: "the sender may not use account {0}" => "the account's owner must do this";
    /// No such account.
    NoAccount = 2004 "NO_ACCOUNT" Receipt
        zh: "没有账户 {0}" => "请核对账户编号"
        en: "there is no account {0}" => "check the account";
    /// Not enough.
    Insufficient = 2005 "INSUFFICIENT" Receipt
        zh: "余额 {0}，不足 {1}" => "请减少金额或先充值"
        en: "the balance {0} does not cover {1}" => "ask for less or fund the account first";
    /// The count would not fit.
    Overflow = 2006 "OVERFLOW" Receipt
        zh: "数额超出账本可记范围" => "请拆分后办理"
        en: "the amount does not fit the ledger" => "split it";
    /// From and to are one.
    SameAccount = 2007 "SAME_ACCOUNT" Receipt
        zh: "转出与转入是同一账户" => "请核对账户"
        en: "debit and credit are the same account" => "check the accounts";
    /// Nothing to move.
    ZeroAmount = 2008 "ZERO_AMOUNT" Receipt
        zh: "数额为零" => "请填写大于零的数额"
        en: "the amount is zero" => "give an amount above zero";
    /// Two assets.
    AssetMismatch = 2009 "ASSET_MISMATCH" Receipt
        zh: "两个账户的资产不同（{0} 与 {1}）" => "请选择同一资产的账户"
        en: "the accounts hold different assets ({0} and {1})" => "choose accounts of one asset";
    /// Out of its validity at block time, found inside a block's execution.
    RuleDenied = 2010 "RULE_DENIED" Receipt
        zh: "规则不允许此业务" => "请核对业务类型"
        en: "the rules do not allow this" => "check the kind of business";

    /// The contract trapped: one code whatever the trap.
    Trap = 3001 "TRAP" Receipt
        zh: "合约执行中止，未产生任何效果" => "请检查参数；如仍出现，请联系合约维护方"
        en: "the contract stopped; nothing took effect" => "check the arguments; if it persists, tell the contract's keeper";
    /// Fuel of the transaction is used up.
    OutOfFuel = 3002 "OUT_OF_FUEL" Receipt
        zh: "计算量超过上限，未产生任何效果" => "请把业务拆小"
        en: "the work exceeds its bound; nothing took effect" => "split the work";
    /// Too deep.
    CallDepth = 3003 "CALL_DEPTH" Receipt
        zh: "合约相互调用超过 {0} 层" => "请联系合约维护方"
        en: "contracts call each other more than {0} deep" => "tell the contract's keeper";
    /// A bound of the host.
    HostLimit = 3004 "HOST_LIMIT" Receipt
        zh: "合约超出限制：{0}" => "请联系合约维护方"
        en: "the contract exceeded a bound: {0}" => "tell the contract's keeper";
    /// A call came back into a contract that is still at work.
    Reentrant = 3005 "REENTRANT" Receipt
        zh: "合约 {0} 正在执行，不能再次进入" => "请联系合约维护方"
        en: "contract {0} is still at work and cannot be entered again" => "tell the contract's keeper";
    /// The contract answered with what its schema does not know.
    BadAnswer = 3006 "BAD_ANSWER" Receipt
        zh: "合约返回的内容不合规" => "请联系合约维护方"
        en: "the contract answered with what its schema does not know" => "tell the contract's keeper";
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Code {
    /// The code with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }

    /// A refusal with this code.
    pub fn refuse(self, params: impl Into<Vec<Param>>) -> Refusal {
        Refusal { room: String::new(), code: self.number(), params: params.into() }
    }
}

/// Fills `{0}`, `{1}` … of `text` with `params`.
pub fn fill(text: &str, params: &[Param]) -> String {
    let fill_one = |text: String, (i, param): (usize, &Param)| {
        text.replace(&alloc::format!("{{{i}}}"), &param.to_string())
    };
    params.iter().enumerate().fold(text.to_string(), fill_one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_and_names_are_used_once() {
        let numbers: BTreeSet<u32> = Code::ALL.iter().map(|c| c.number()).collect();
        let names: BTreeSet<&str> = Code::ALL.iter().map(|c| c.name()).collect();
        assert_eq!((numbers.len(), names.len()), (Code::ALL.len(), Code::ALL.len()));
    }

    #[test]
    fn both_languages_use_the_same_parameters() {
        for code in Code::ALL {
            let places = |lang| {
                let text = code.text(lang).0;
                (0..9).filter(|i| text.contains(&std::format!("{{{i}}}"))).collect::<Vec<_>>()
            };
            assert_eq!(places(Lang::Zh), places(Lang::En), "{code:?}");
        }
    }

    #[test]
    fn parameters_fill_their_places() {
        let text = fill(Code::Insufficient.text(Lang::En).0, &[Param::Number(3), Param::Number(5)]);
        assert_eq!(text, "the balance 3 does not cover 5");
    }
}
