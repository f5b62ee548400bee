//! What a command says: results to stdout, words for people to stderr, and how it ends.
//!
//! # Invariants
//!
//! - **O1 two channels.** The result stands on stdout and nothing else does; with `--json` it is
//!   one JSON object per line, failures included.
//! - **O2 whole errors.** Every failure says what, why, whether anything was recorded, and what to
//!   do next.

use crate::words::{Words, words};
use linli_sdk::Error;
use linli_types::code::Lang;
use serde_json::{Value, json};
use std::io::Write;

/// How a command ends (design §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Refused, or not verified.
    Refused,
    /// Wrong usage.
    Usage,
    /// Broken, or no definite answer.
    Broken,
}

impl Exit {
    /// The process's exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Broken => 3,
        }
    }
}

/// Whether anything stands in the ledger now that did not before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    /// Nothing.
    Nothing,
    /// A refusal receipt.
    Receipt,
    /// Not known: the answer did not arrive.
    Unknown,
    /// Nothing of what failed; the rest of the command is done.
    Others,
    /// All that was asked for: what failed came after it.
    All,
}

/// Why a command ended without doing its work (O2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    exit: Exit,
    trace: Trace,
    /// Behind a pointer: a command hands results up many times and failures once.
    said: Box<Said>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    /// A stable name for programs.
    name: String,
    what: Words,
    hint: Words,
    /// What programs want to know beyond the words; an object.
    details: Value,
}

impl Failure {
    /// A failure that recorded nothing.
    pub fn new(exit: Exit, name: &str, what: Words, hint: Words) -> Self {
        let said = Said { name: name.into(), what, hint, details: Value::Null };
        Self { exit, trace: Trace::Nothing, said: Box::new(said) }
    }

    /// Wrong usage.
    pub fn usage(what: Words, hint: Words) -> Self {
        Self::new(Exit::Usage, "USAGE", what, hint)
    }

    /// The rules, or a check, said no.
    pub fn refused(name: &str, what: Words, hint: Words) -> Self {
        Self::new(Exit::Refused, name, what, hint)
    }

    /// Something is damaged or gave no answer.
    pub fn broken(what: Words, hint: Words) -> Self {
        Self::new(Exit::Broken, "BROKEN", what, hint)
    }

    /// The same with another trace.
    #[must_use]
    pub const fn leaving(mut self, trace: Trace) -> Self {
        self.trace = trace;
        self
    }

    /// The same with another hint.
    #[must_use]
    pub fn advising(mut self, hint: Words) -> Self {
        self.said.hint = hint;
        self
    }

    /// The same with fields that `--json` adds to the answer's top level.
    #[must_use]
    pub fn with(mut self, details: Value) -> Self {
        self.said.details = details;
        self
    }

    /// How the command ends.
    pub const fn exit(&self) -> Exit {
        self.exit
    }

    /// What stands in the ledger because of it.
    pub const fn trace(&self) -> Trace {
        self.trace
    }

    /// What went wrong.
    pub fn what(&self) -> &Words {
        &self.said.what
    }

    /// What to do next.
    pub fn hint(&self) -> &Words {
        &self.said.hint
    }

    /// The stable name.
    pub fn name(&self) -> &str {
        &self.said.name
    }

    /// The failure as JSON, in one language.
    pub fn to_json(&self, lang: Lang) -> Value {
        let mut json = json!({
            "error": {
                "name": self.said.name,
                "exit": self.exit.code(),
                "what": self.said.what.of(lang),
                "hint": self.said.hint.of(lang),
                "recorded": match self.trace {
                    Trace::Nothing => "nothing",
                    Trace::Receipt => "refusal receipt",
                    Trace::Unknown => "unknown",
                    Trace::Others => "only what succeeded",
                    Trace::All => "all",
                },
            }
        });
        if let (Value::Object(all), Value::Object(more)) = (&mut json, &self.said.details) {
            all.extend(more.clone());
        }
        json
    }

    fn trace_words(&self) -> Words {
        match self.trace {
            Trace::Nothing => words!("账本上没有留下任何记录", "nothing was recorded"),
            Trace::Receipt => words!(
                "账本上只留下一条拒绝回执，没有其他变化",
                "a refusal receipt was recorded and nothing else changed"
            ),
            Trace::Others => words!(
                "成功的部分已记录，失败的部分没有留下记录",
                "what succeeded is recorded; nothing of what failed is"
            ),
            Trace::All => words!(
                "账本上已记录成功，失败发生在其后",
                "it is recorded; what failed came afterwards"
            ),
            Trace::Unknown => {
                words!("是否已记录尚不确定", "whether anything was recorded is not known")
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        use linli_sdk::ErrorKind;
        let both = |f: &dyn Fn(Lang) -> String| Words { zh: f(Lang::Zh), en: f(Lang::En) };
        let exit = match error.kind().exit_code() {
            1 => Exit::Refused,
            2 => Exit::Usage,
            _ => Exit::Broken,
        };
        let trace = match error.kind() {
            ErrorKind::TimedOut => Trace::Unknown,
            _ => Trace::Nothing,
        };
        let what = both(&|lang| error.text(lang).to_owned());
        let hint = both(&|lang| error.hint(lang).to_owned());
        Self::new(exit, error.name(), what, hint).leaving(trace)
    }
}

/// The two channels of a command (O1).
pub struct Output<'a> {
    lang: Lang,
    json: bool,
    stdout: &'a mut dyn Write,
    stderr: &'a mut dyn Write,
}

impl<'a> Output<'a> {
    /// Channels in a language; `json` asks for results as JSON.
    pub fn new(
        lang: Lang,
        json: bool,
        stdout: &'a mut dyn Write,
        stderr: &'a mut dyn Write,
    ) -> Self {
        Self { lang, json, stdout, stderr }
    }

    /// The language.
    pub const fn lang(&self) -> Lang {
        self.lang
    }

    /// A line for people, on stderr.
    pub fn note(&mut self, words: &Words) {
        // A closed pipe is the reader's choice.
        let _ = writeln!(self.stderr, "{}", words.of(self.lang));
    }

    /// The result: JSON if asked for, else `text`; both on stdout.
    pub fn answer(&mut self, json: &Value, text: &Words) {
        let _ = match self.json {
            true => writeln!(self.stdout, "{json}"),
            false => writeln!(self.stdout, "{}", text.of(self.lang)),
        };
        let _ = self.stdout.flush();
    }

    /// Plain text on stdout: help and version.
    pub fn text(&mut self, text: &str) {
        let _ = writeln!(self.stdout, "{text}");
    }

    /// A failure: words on stderr, and with `--json` an object on stdout.
    pub fn fail(&mut self, failure: &Failure) {
        if self.json {
            let _ = writeln!(self.stdout, "{}", failure.to_json(self.lang));
        }
        self.explain(failure);
    }

    /// The words of a failure on stderr.
    pub fn explain(&mut self, failure: &Failure) {
        let (what, hint) = (failure.said.what.of(self.lang), failure.said.hint.of(self.lang));
        let trace = failure.trace_words();
        let (error, then) = match self.lang {
            Lang::Zh => ("错误", "提示"),
            Lang::En => ("error", "hint"),
        };
        let (first, rest) = what.split_once('\n').unwrap_or((what, ""));
        let _ = writeln!(self.stderr, "{error}: {first} [{}]", failure.name());
        for line in rest.lines() {
            let _ = writeln!(self.stderr, "  {line}");
        }
        let _ = writeln!(self.stderr, "  {}", trace.of(self.lang));
        if !hint.is_empty() {
            let _ = writeln!(self.stderr, "{then}: {hint}");
        }
    }
}
