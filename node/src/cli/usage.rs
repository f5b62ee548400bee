//! Wrong usage in both languages: what clap found, said shortly, with the usage line below it.
//!
//! English is clap's own first paragraph. Chinese is made here from what clap knows about the
//! error; what a value's own reader said stays as it is.

use super::Failure;
use crate::words::words;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error as _;

/// The failure that a command line ends with which clap refuses.
pub(super) fn failure(error: &clap::Error) -> Failure {
    let usage = shown(error, ContextKind::Usage);
    let usage = usage.trim_start_matches("Usage:").trim();
    let (zh, en) = (chinese(error), english(error));
    let below = |word: &str| match usage {
        "" => String::new(),
        usage => format!("\n{word}{usage}"),
    };
    let (zh_usage, en_usage) = (below("用法："), below("usage: "));
    Failure::usage(
        words!("用法有误：{zh}{zh_usage}", "wrong usage: {en}{en_usage}"),
        words!("加 --help 查看用法", "see --help"),
    )
}

/// What stands before the usage line and the tips.
fn english(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.trim_start_matches("error: ");
    let end = text.find("\n\n").unwrap_or(text.len());
    let first = text.get(..end).unwrap_or(text).trim().to_owned();
    match suggestion(error) {
        Some(name) => format!("{first}; did you mean {name}?"),
        None => first,
    }
}

fn chinese(error: &clap::Error) -> String {
    let arg = shown(error, ContextKind::InvalidArg);
    let value = shown(error, ContextKind::InvalidValue);
    let why = error.source().map(|why| format!("：{why}")).unwrap_or_default();
    let first = match error.kind() {
        ErrorKind::MissingRequiredArgument => format!("缺少参数 {arg}"),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let names = shown(error, ContextKind::ValidSubcommand);
            format!("缺少子命令，可用：{names}")
        }
        ErrorKind::InvalidSubcommand => {
            format!("没有子命令 {}", shown(error, ContextKind::InvalidSubcommand))
        }
        ErrorKind::UnknownArgument => format!("没有参数 {arg}"),
        ErrorKind::InvalidValue if value.is_empty() => format!("参数 {arg} 缺少值"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            format!("参数 {arg} 的值 {value} 不可用{why}")
        }
        ErrorKind::ArgumentConflict => {
            let other = shown(error, ContextKind::PriorArg);
            format!("参数 {arg} 不能与 {other} 同时使用")
        }
        ErrorKind::TooManyValues | ErrorKind::WrongNumberOfValues | ErrorKind::TooFewValues => {
            format!("参数 {arg} 的值的个数不对")
        }
        ErrorKind::InvalidUtf8 => "参数不是 UTF-8".to_owned(),
        _ => english(error),
    };
    match suggestion(error) {
        Some(name) => format!("{first}；是否想用 {name}？"),
        None => first,
    }
}

fn suggestion(error: &clap::Error) -> Option<String> {
    let kinds = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg];
    let found = kinds.into_iter().map(|kind| shown(error, kind)).find(|name| !name.is_empty());
    found.filter(|_| error.kind() != ErrorKind::MissingRequiredArgument)
}

/// What clap knows about one side of the error, on one line; empty if nothing.
fn shown(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        Some(ContextValue::StyledStr(text)) => text.to_string().trim().to_owned(),
        Some(ContextValue::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}
