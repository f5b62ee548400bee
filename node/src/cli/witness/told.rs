//! What a witness says of a look.

use super::{BEHIND, Seen};
use crate::cli::output::Exit;
use crate::cli::{Failure, Output};
use crate::words::{Words, words};
use linli_verify::Detail;
use linli_verify::note::Key;
use serde_json::json;

/// The node shows less than was signed.
pub(super) fn behind(signed: u64, found: u64) -> Failure {
    Failure::refused(
        BEHIND,
        words!(
            "该节点落后：日志有 {found} 条，已签署的有 {signed} 条；未签署",
            "the node is behind: its log has {found} leaves, {signed} are signed; nothing was signed"
        ),
        words!("请稍后再试，或换一个节点", "try again later, or ask another node"),
    )
}

/// The node shows what nobody certified.
pub(super) fn not_proved(Detail { zh, en }: &Detail) -> Failure {
    Failure::new(
        Exit::Broken,
        "NOT_PROVED",
        words!(
            "节点给出的状态不成立：{zh}；未签署",
            "what the node shows does not hold: {en}; nothing was signed"
        ),
        words!("请核对创世文件，或换一个节点", "check the genesis file, or ask another node"),
    )
}

/// What was signed, or that there is nothing new.
pub(super) fn answer(seen: &Seen, key: &Key, out: &mut Output<'_>) {
    let (size, note) = (seen.size, seen.note.to_string());
    let (zh, en) = match (&seen.handed, seen.new) {
        (Ok(()), true) => {
            ("已签署并交给节点".to_string(), "signed and handed to the node".to_string())
        }
        (Ok(()), false) => ("没有新增".to_string(), "nothing new".to_string()),
        (Err(why), true) => (
            format!("已签署；节点未收下（{why}）"),
            format!("signed; the node did not take it ({why})"),
        ),
        (Err(why), false) => (
            format!("没有新增；节点未收下（{why}）"),
            format!("nothing new; the node did not take it ({why})"),
        ),
    };
    let json = json!({
        "size": size,
        "new": seen.new,
        "note": note,
        "witness": key.to_string(),
        "handed_in": seen.handed.is_ok(),
    });
    let text: Words = words!("{zh}：日志 {size} 条\n{note}", "{en}: a log of {size}\n{note}");
    out.answer(&json, &text);
}
