//! What can go wrong between a client and the ledger, with a stable name and a hint.
//!
//! A refusal by the ledger's rules is no error: it is a receipt. [`ErrorKind::Refused`] stands for
//! requests that a node turned away before they entered a block.

use core::fmt;
use core::time::Duration;
use linli_types::code::{Code, Lang, fill};
use linli_types::receipt::Param;

/// What kind of thing went wrong. Names never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The node cannot be reached.
    Unreachable,
    /// The node did not answer in time; whether it acted is not known.
    TimedOut,
    /// The node refused the request; nothing was recorded.
    Refused,
    /// The node answered what no honest node answers.
    BadAnswer,
    /// A file cannot be read or written, or is not what it should be.
    File,
    /// A key or key file is not usable.
    Key,
    /// The arguments do not follow the room's schema.
    Schema,
    /// An argument of the caller is wrong.
    Input,
    /// The operating system gave no random bytes or no time.
    Machine,
    /// The node's certificate does not hold; nothing was sent.
    Untrusted,
}

impl ErrorKind {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "UNREACHABLE",
            Self::TimedOut => "TIMED_OUT",
            Self::Refused => "REFUSED",
            Self::BadAnswer => "BAD_ANSWER",
            Self::File => "FILE",
            Self::Key => "KEY",
            Self::Schema => "SCHEMA",
            Self::Input => "INPUT",
            Self::Machine => "MACHINE",
            Self::Untrusted => "UNTRUSTED",
        }
    }

    /// The exit code of a program that ends for this reason: 1 refused, 2 wrong usage, 3 no
    /// definite answer (design §5).
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Refused => 1,
            Self::File | Self::Key | Self::Schema | Self::Input => 2,
            Self::Unreachable
            | Self::TimedOut
            | Self::BadAnswer
            | Self::Machine
            | Self::Untrusted => 3,
        }
    }

    const fn hint(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Unreachable, Lang::Zh) => "请核对节点地址，或换一个节点",
            (Self::Unreachable, Lang::En) => "check the node's address or use another node",
            (Self::TimedOut, Lang::Zh) => "请用同一请求重试；重复提交不会重复生效",
            (Self::TimedOut, Lang::En) => {
                "send the same request again; it cannot take effect twice"
            }
            (Self::Refused, Lang::Zh) => "请按提示修改后重试",
            (Self::Refused, Lang::En) => "correct what is named and try again",
            (Self::BadAnswer, Lang::Zh) => "请改用其他节点，并通知该节点的运维人员",
            (Self::BadAnswer, Lang::En) => "use another node and tell this one's administrator",
            (Self::File, Lang::Zh) => "请核对文件路径与权限",
            (Self::File, Lang::En) => "check the path and its permissions",
            (Self::Key, Lang::Zh) => "请核对密钥文件与口令",
            (Self::Key, Lang::En) => "check the key file and its passphrase",
            (Self::Schema, Lang::Zh) => "请按模块的接口定义填写",
            (Self::Schema, Lang::En) => "fill it in as the room's schema says",
            (Self::Input, Lang::Zh) => "请核对参数",
            (Self::Input, Lang::En) => "check the arguments",
            (Self::Machine, Lang::Zh) => "请检查操作系统的随机源与时钟",
            (Self::Untrusted, Lang::Zh) => "请核对地址与 CA 证书，并通知该节点的运维人员",
            (Self::Untrusted, Lang::En) => {
                "check the address and the CA certificate, and tell the node's administrator"
            }
            (Self::Machine, Lang::En) => "check the operating system's random source and clock",
        }
    }
}

/// Something went wrong: what, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    code: Option<u32>,
    /// Behind a pointer: results are passed around far more often than errors are read.
    words: Box<Words>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Words {
    zh: String,
    en: String,
    hint: Option<(String, String)>,
    name: Option<String>,
    retry: Option<Duration>,
}

impl Error {
    /// An error of `kind`, said in both languages.
    pub fn new(kind: ErrorKind, zh: impl Into<String>, en: impl Into<String>) -> Self {
        let words = Words { zh: zh.into(), en: en.into(), hint: None, name: None, retry: None };
        Self { kind, code: None, words: Box::new(words) }
    }

    /// The same with a hint of its own.
    #[must_use]
    pub fn hint_with(mut self, zh: impl Into<String>, en: impl Into<String>) -> Self {
        self.words.hint = Some((zh.into(), en.into()));
        self
    }

    /// A node's refusal with a native code and its parameters.
    pub fn refused(code: Code, params: &[Param]) -> Self {
        let ((zh, next_zh), (en, next_en)) = (code.text(Lang::Zh), code.text(Lang::En));
        let error = Self::refused_with(code.number(), fill(zh, params), fill(en, params));
        error.hint_with(next_zh, next_en)
    }

    /// A refusal whose code this version does not know, in the words of the node.
    pub fn refused_with(code: u32, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { code: Some(code), ..Self::new(ErrorKind::Refused, zh, en) }
    }

    /// The same with the stable name that the refusing room has for it.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.words.name = (!name.is_empty()).then(|| name.to_owned());
        self
    }

    /// The same with the node's wish when to be asked again.
    #[must_use]
    pub const fn retry_in(mut self, wait: Duration) -> Self {
        self.words.retry = Some(wait);
        self
    }

    /// When the node wants to be asked again, if it said so.
    pub const fn retry_after(&self) -> Option<Duration> {
        self.words.retry
    }

    /// The stable name: the refusing room's, else the native code's, else the kind's.
    pub fn name(&self) -> &str {
        let native = self.code.and_then(Code::from_number).map(Code::name);
        self.words.name.as_deref().or(native).unwrap_or(self.kind.name())
    }

    /// What kind it is.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The native code of a refusal.
    pub const fn code(&self) -> Option<u32> {
        self.code
    }

    /// What went wrong.
    pub fn text(&self, lang: Lang) -> &str {
        match lang {
            Lang::Zh => &self.words.zh,
            Lang::En => &self.words.en,
        }
    }

    /// What to do next.
    pub fn hint(&self, lang: Lang) -> &str {
        match (&self.words.hint, lang) {
            (Some((zh, _)), Lang::Zh) => zh,
            (Some((_, en)), Lang::En) => en,
            (None, lang) => self.kind.hint(lang),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words.en)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_keeps_its_code_and_says_what_to_do() {
        let error = Error::refused(Code::Expired, &[Param::Number(5), Param::Number(9)]);
        assert_eq!((error.code(), error.kind().exit_code()), (Some(1004), 1));
        assert_eq!(error.text(Lang::En), "the request expired at 5; block time is 9");
        assert!(error.hint(Lang::Zh).contains("业务号"));
    }
}
