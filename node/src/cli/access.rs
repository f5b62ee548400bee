//! `linli access list`: who read my data, by the logs of all nodes that are named, merged.
//!
//! Every log is checked from its start to a head that its node signed; with the genesis also whether
//! that node is a validator of the chain, and whether the head that it anchored stands there.

use super::connect::{Asker, Who};
use super::output::Exit;
use super::{Failure, Output, block_on, genesis};
use crate::words::{Words, words};
use linli_sdk::access::{Seen, merge, seat};
use linli_sdk::access_log::{Log, Subject};
use linli_sdk::{Error, ErrorKind};
use linli_types::code::Lang;
use linli_types::genesis::Genesis;
use linli_types::human;
use linli_types::id::PublicKey;
use linli_verify::time;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Shows who read whose data.
#[derive(clap::Args)]
pub(super) struct Access {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Every read of your data by others, of all nodes named, oldest first.
    List(List),
}

/// Lists reads.
#[derive(clap::Args)]
struct List {
    /// A node's gRPC address. Every node logs its own reads: name them all.
    #[arg(long = "node", value_name = "URL", required = true)]
    nodes: Vec<String>,
    #[command(flatten)]
    who: Who,
}

impl Access {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        match self.command {
            Command::List(list) => list.run(out),
        }
    }
}

/// The genesis and its bytes.
type Known = Option<(Genesis, Vec<u8>)>;

impl List {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let known: Known = match self.who.genesis() {
            Some(path) => {
                let (genesis, _, bytes) = genesis::read(path)?;
                Some((genesis, bytes))
            }
            None => None,
        };
        let asker = self.who.open()?;
        let answers = block_on(async { Ok(ask_all(&self.nodes, &asker, &known).await) })?;
        if known.is_none() {
            out.note(&words!(
                "未给出 --genesis：没有核对各节点是否为本链的验证节点，也没有核对存证",
                "without --genesis: whether the nodes are validators of the chain, and what they \
                 anchored, is not checked"
            ));
        }
        let failed: Vec<(&String, &Error)> =
            answers.iter().filter_map(|(node, log)| Some((node, log.as_ref().err()?))).collect();
        let unasked = unasked(&answers, &known);
        let logs = answers.iter().filter_map(|(_, log)| log.as_ref().ok());
        let seen = merge(logs.map(|answer| &answer.log));
        let complete = failed.is_empty() && unasked.as_ref().is_some_and(Vec::is_empty);
        let json = json!({
            "complete": complete,
            "entries": seen.iter().map(|seen| entry_json(seen, &known)).collect::<Vec<_>>(),
            "nodes": answers.iter().map(|(node, log)| node_json(node, log, out.lang())).collect::<Vec<_>>(),
            "not_asked": unasked,
        });
        out.answer(&json, &text(&seen, &known, &answers));
        if let Some(names) = unasked.filter(|names| !names.is_empty()) {
            let names = names.join(" ");
            out.note(&words!(
                "没有询问的节点：{names}；它们各自的记录不在其中",
                "nodes that were not asked: {names}; what they logged is missing here"
            ));
        }
        match failed.as_slice() {
            [] => Ok(()),
            some => Err(failure(some, answers.len())),
        }
    }
}

/// One node's log, and where its anchored head stands, as far as that was checked.
struct Answer {
    log: Log,
    name: Option<String>,
    anchored: Option<(u64, u64)>,
}

type Answers = Vec<(String, Result<Answer, Error>)>;

async fn ask_all(nodes: &[String], asker: &Asker, known: &Known) -> Answers {
    let asked =
        nodes.iter().map(|node| async move { (node.clone(), ask(node, asker, known).await) });
    futures::future::join_all(asked).await
}

async fn ask(node: &str, asker: &Asker, known: &Known) -> Result<Answer, Error> {
    let log = asker.client(node).await?.access_log().await?;
    let Some((genesis, bytes)) = known else {
        return Ok(Answer { log, name: None, anchored: None });
    };
    let seat = seat(genesis, &log.head.node).ok_or_else(|| {
        Error::new(
            ErrorKind::BadAnswer,
            "签署访问记录的不是本链的验证节点",
            "who signed the access log is no validator of this chain",
        )
    })?;
    let report = log.anchored.as_ref().map(|anchored| anchored.verify(bytes)).transpose()?;
    let anchored = report.map(|report| (report.block.height, report.block.time_ms));
    Ok(Answer { name: Some(seat.name.clone()), log, anchored })
}

/// Validators of the genesis whose logs are not among the answers; `None` without a genesis.
fn unasked(answers: &Answers, known: &Known) -> Option<Vec<String>> {
    let (genesis, _) = known.as_ref()?;
    let logs = answers.iter().filter_map(|(_, log)| log.as_ref().ok());
    let heard: BTreeSet<PublicKey> = logs.map(|answer| answer.log.head.node).collect();
    let failed = answers.iter().filter(|(_, log)| log.is_err()).count();
    let others = genesis.validators.members().iter().filter(|v| !heard.contains(&v.network_key));
    let others: Vec<String> = others.map(|v| v.name.clone()).collect();
    // Those that did not answer are named by their addresses already.
    if others.len() <= failed { Some(Vec::new()) } else { Some(others) }
}

fn failure(failed: &[(&String, &Error)], all: usize) -> Failure {
    let count = failed.len();
    let mut what = words!(
        "{all} 个节点中有 {count} 个没有可用的访问记录，列表不完整",
        "{count} of {all} nodes gave no usable access log: the list is not complete"
    );
    for (node, error) in failed {
        let _ = write!(what.zh, "；{node}：{}", error.text(Lang::Zh));
        let _ = write!(what.en, "; {node}: {}", error.text(Lang::En));
    }
    let hint = match failed {
        [(_, error)] => {
            Words { zh: error.hint(Lang::Zh).to_owned(), en: error.hint(Lang::En).to_owned() }
        }
        _ => words!("稍后再问这些节点", "ask these nodes again later"),
    };
    let missing: Vec<&&String> = failed.iter().map(|(node, _)| node).collect();
    Failure::new(Exit::Broken, "PARTIAL", what, hint).with(json!({ "missing": missing }))
}

fn name_of(node: &PublicKey, known: &Known) -> Option<String> {
    let (genesis, _) = known.as_ref()?;
    seat(genesis, node).map(|seat| seat.name.clone())
}

fn entry_json(seen: &Seen, known: &Known) -> Value {
    let entry = &seen.entry;
    let subject = match entry.subject {
        Subject::Principal(id) => id.to_string(),
        Subject::All => "all".to_owned(),
    };
    json!({
        "time_ms": entry.time.0, "time": time::text(entry.time),
        "node": seen.node.to_string(), "node_name": name_of(&seen.node, known),
        "index": seen.index,
        "reader": entry.reader.map(|id| id.to_string()),
        "reader_code": entry.reader.map(|id| human::write(human::Kind::Principal, &id.0)),
        "key": entry.key.to_string(), "org": entry.org, "method": entry.method,
        "subject": subject, "request": entry.request.to_string(),
    })
}

fn node_json(node: &str, log: &Result<Answer, Error>, lang: Lang) -> Value {
    match log {
        Err(error) => json!({
            "url": node, "answered": false, "error": error.name(), "why": error.text(lang),
        }),
        Ok(Answer { log, name, anchored }) => {
            let shown = log.anchored.as_ref().map(|found| {
                let head = &found.head.head;
                json!({
                    "count": head.count, "digest": head.digest.to_string(),
                    "head_time_ms": head.time.0, "verified": anchored.is_some(),
                    "height": anchored.map(|(height, _)| height),
                    "block_time_ms": anchored.map(|(_, time)| time),
                })
            });
            json!({
                "url": node, "answered": true, "name": name, "key": log.head.node.to_string(),
                "count": log.head.count, "shown": log.entries.len(),
                "digest": log.head.digest.to_string(), "head_time_ms": log.head.time.0,
                "validator": name.is_some(), "anchored": shown,
            })
        }
    }
}

fn text(seen: &[Seen], known: &Known, answers: &Answers) -> Words {
    let count = seen.len();
    let mut text = words!("他人读取共 {count} 次", "{count} reads by others");
    for Seen { node, entry, .. } in seen {
        let when = time::text(entry.time);
        let reader = match entry.reader {
            Some(id) => human::write(human::Kind::Principal, &id.0),
            None => entry.key.to_string(),
        };
        let node = name_of(node, known).unwrap_or_else(|| node.to_string());
        let (org, method) = (entry.org, &entry.method);
        let whose = match entry.subject {
            Subject::All => Words { zh: "全部数据".into(), en: "everybody's data".into() },
            Subject::Principal(id) => Words::same(human::write(human::Kind::Principal, &id.0)),
        };
        let _ = write!(
            text.zh,
            "\n{when}　{reader}（组织 {org}）　{method}　{}　节点 {node}",
            whose.zh
        );
        let _ = write!(
            text.en,
            "\n{when}  {reader} (organisation {org})  {method}  {}  node {node}",
            whose.en
        );
    }
    for (url, log) in answers {
        let Ok(Answer { log, name, anchored }) = log else { continue };
        let (node, all) = (name.as_ref().unwrap_or(url), log.head.count);
        let _ = write!(text.zh, "\n节点 {node}　记录 {all} 条，链与签名成立");
        let _ = write!(text.en, "\nnode {node}: {all} entries, chain and signature hold");
        let Some(head) = log.anchored.as_ref().map(|found| &found.head.head) else { continue };
        match anchored {
            Some((height, time_ms)) => {
                let when = time::text(linli_types::height::TimeMs(*time_ms));
                let _ = write!(text.zh, "；前 {} 条已在区块 {height}（{when}）存证", head.count);
                let _ = write!(
                    text.en,
                    "; the first {} anchored in block {height} ({when})",
                    head.count
                );
            }
            None => {
                let _ = write!(text.zh, "；称前 {} 条已存证（未核对）", head.count);
                let _ =
                    write!(text.en, "; says the first {} are anchored (not checked)", head.count);
            }
        }
    }
    text
}
