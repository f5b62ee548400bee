//! `linli witness`: an auditor's or a court's eye on the evidence log. It signs that the log only
//! ever grew, and never two states that contradict each other.
//!
//! What it signed last stands in its folder, durable before the signature leaves. When a node shows
//! a past that is not the one signed, both states stay in the folder, and the command ends; as long
//! as they are there it signs nothing, whatever a node shows.

mod told;

use super::genesis;
use super::key::Passphrase;
use super::output::Exit;
use super::{Failure, Output, block_on, machine, unwritable};
use crate::words::words;
use linli_sdk::durable;
use linli_sdk::web::Web;
use linli_sdk::witness::{
    Contradiction, LogState, Looked, Refused, STATE_BYTES_MAX, Witness as Eye,
};
use linli_sdk::{Error, ErrorKind, SecretKey, clock};
use linli_types::code::Lang;
use linli_types::limits::NOTE_BYTES_MAX;
use linli_types::signature::Zip215;
use linli_verify::Detail;
use linli_verify::note::{Key, Kind, Note};
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use told::{answer, behind, not_proved};

/// The file with the state that was signed last.
const LAST: &str = "last.state";
/// Cosigned notes, one per size of the log.
const NOTES: &str = "notes";
/// What proves a fork.
const FORK: &str = "fork";
/// How long a node may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Witnesses a log.
#[derive(clap::Args)]
pub(super) struct Witness {
    /// The node's HTTP address, where its /checkpoint is: http://… or https://… with --ca.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7402")]
    node: String,
    /// The genesis file: all that is believed.
    #[arg(long, value_name = "FILE")]
    genesis: PathBuf,
    /// The witness's key file.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The witness's name in notes, e.g. court.example/1; no spaces, no plus sign.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The witness's own folder: what it signed last, its notes, proof of a fork.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Certificates, in PEM, of the authorities that the node's own may be issued by.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    #[command(flatten)]
    passphrase: Passphrase,
    /// Looks once and ends; so it is unless --every is given.
    #[arg(long, conflicts_with = "every")]
    once: bool,
    /// Goes on, and looks again after so many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    every: Option<u64>,
}

/// Everything opened.
struct Watch {
    eye: Eye,
    web: Web,
    key: Key,
    secret: SecretKey,
    node: String,
    data: PathBuf,
}

/// What one look came to.
struct Seen {
    size: u64,
    note: Note,
    new: bool,
    /// Whether the node took the note.
    handed: Result<(), String>,
}

impl Witness {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let watch = self.open()?;
        let key = &watch.key;
        out.note(&words!("见证者密钥 {key}", "witness key {key}"));
        block_on(async {
            loop {
                let every = self.every.map(Duration::from_secs);
                match (watch.look().await, every) {
                    (Ok(seen), None) => {
                        answer(&seen, key, out);
                        return Ok(());
                    }
                    (Ok(seen), Some(_)) => answer(&seen, key, out),
                    (Err(why), Some(_)) if passes(&why) => out.explain(&why),
                    (Err(why), _) => return Err(why),
                }
                tokio::time::sleep(every.unwrap_or_default()).await;
            }
        })
    }

    fn open(&self) -> Result<Watch, Failure> {
        let (_, _, genesis) = genesis::read(&self.genesis)?;
        let (_, secret) = self.passphrase.open(&self.key)?;
        let name = &self.name;
        let key = Key::new(name, Kind::Witness, secret.public()).map_err(|why| {
            let Detail { zh, en } = why.detail();
            Failure::usage(
                words!("--name {name}：{zh}", "--name {name}: {en}"),
                words!(
                    "例如 court.example/1，不含空格与加号",
                    "for instance court.example/1, without spaces and plus signs"
                ),
            )
        })?;
        std::fs::create_dir_all(self.data.join(NOTES)).map_err(|e| unwritable(&self.data, &e))?;
        let node = match self.node.contains("://") {
            true => self.node.trim_end_matches('/').to_owned(),
            false => format!("http://{}", self.node),
        };
        Ok(Watch {
            eye: Eye::new(genesis).map_err(|why| machine(&why))?,
            web: Web::new(self.ca.as_deref(), PATIENCE)?,
            key,
            secret,
            node,
            data: self.data.clone(),
        })
    }
}

/// What another look may mend: the node was not there, or is behind.
fn passes(why: &Failure) -> bool {
    [ErrorKind::Unreachable.name(), ErrorKind::TimedOut.name(), BEHIND].contains(&why.name())
}

const BEHIND: &str = "BEHIND";

impl Watch {
    async fn look(&self) -> Result<Seen, Failure> {
        self.check_no_fork()?;
        let last = self.last()?;
        let from = last.as_ref().map_or(0, |last| last.header.log_size);
        let shown = self.fetch(from).await?;
        let size = shown.header.log_size;
        match self.eye.look(last.as_ref(), &shown, &Zip215) {
            Ok(Looked::New(note)) => {
                let note = self.sign(&note, shown)?;
                let handed = self.hand_in(&note).await;
                Ok(Seen { size, note, new: true, handed })
            }
            Ok(Looked::Same) => {
                // The node may have lost it, or be another one.
                let last = last.map_or(shown, |last| last);
                let note = Note::parse(last.note.as_bytes()).map_err(|why| machine(&why))?;
                let handed = self.hand_in(&note).await;
                Ok(Seen { size, note, new: false, handed })
            }
            Ok(Looked::Behind) => Err(behind(from, size)),
            Err(Refused::Fork(how)) => Err(self.keep_fork(last.as_ref(), &shown, how)),
            Err(Refused::NotProved(why)) => {
                Err(not_proved(&Detail { zh: why.text(Lang::Zh), en: why.text(Lang::En) }))
            }
            Err(Refused::Note(why)) => Err(not_proved(&why.detail())),
        }
    }

    /// Who has seen two histories does not go on with either, also after a restart.
    fn check_no_fork(&self) -> Result<(), Failure> {
        let folder = self.data.join(FORK);
        let found = match std::fs::read_dir(&folder) {
            Err(e) if e.kind() == Io::NotFound => return Ok(()),
            read => read.map_err(|e| super::unreadable(&folder, &e))?.next().is_some(),
        };
        let shown = folder.display();
        match found {
            false => Ok(()),
            true => Err(Failure::new(
                Exit::Broken,
                FORK_NAME,
                words!(
                    "此前已发现账本的历史被改写，证据在 {shown}；不再签署",
                    "history was rewritten before: the proof is in {shown}; nothing more is signed"
                ),
                words!(
                    "请通知各机构；查明之后，把该目录移往别处再启动",
                    "tell the organisations; once it is cleared up, move that folder elsewhere and start again"
                ),
            )),
        }
    }

    /// The state that was signed last.
    fn last(&self) -> Result<Option<LogState>, Failure> {
        let path = self.data.join(LAST);
        let bytes = match std::fs::read(&path) {
            Err(e) if e.kind() == Io::NotFound => return Ok(None),
            read => read.map_err(|e| super::unreadable(&path, &e))?,
        };
        let shown = path.display();
        borsh::from_slice(&bytes).map(Some).map_err(|_| {
            Failure::broken(
                words!("{shown} 已损坏：不知上次签了什么", "{shown} is damaged: what was signed last is not known"),
                words!(
                    "请从备份恢复该文件；不要删除，否则可能签出相互矛盾的状态",
                    "restore it from a backup; without it two states that contradict each other may be signed"
                ),
            )
        })
    }

    async fn fetch(&self, from: u64) -> Result<LogState, Failure> {
        let url = format!("{}/log/state/{from}", self.node);
        let answer = self.web.get(&url, STATE_BYTES_MAX).await?;
        if answer.status != 200 {
            let said = String::from_utf8_lossy(&answer.body);
            let said: String = said.chars().filter(|c| !c.is_control()).take(200).collect();
            let en = format!("the node answered with status {}: {said}", answer.status);
            // No block yet, too many who ask, a node or a proxy in trouble: another look may do.
            let kind = match answer.status {
                404 | 429 | 500.. => ErrorKind::Unreachable,
                _ => ErrorKind::BadAnswer,
            };
            return Err(Error::new(kind, "节点未给出日志状态", en).into());
        }
        let read = borsh::from_slice(&answer.body);
        read.map_err(|_| {
            let (zh, en) = ("节点给出的日志状态无法识别", "the node's state cannot be read");
            Error::new(ErrorKind::BadAnswer, zh, en).into()
        })
    }

    /// Signs; what is signed is durable before anybody sees it (W3).
    fn sign(&self, note: &Note, mut state: LogState) -> Result<Note, Failure> {
        let time_s = clock::now()?.0 / 1000;
        let signed = self.eye.cosign(note, &self.key, &self.secret, time_s);
        let signed = signed.map_err(|why| machine(&why))?;
        state.note = signed.to_string();
        state.consistency.clear();
        let path = self.data.join(LAST);
        durable::write(&path, &linli_types::encode(&state)).map_err(|e| unwritable(&path, &e))?;
        let path = self.data.join(NOTES).join(format!("{:020}.note", state.header.log_size));
        durable::write(&path, state.note.as_bytes()).map_err(|e| unwritable(&path, &e))?;
        Ok(signed)
    }

    /// Hands the note to the node. That it did not take it spoils nothing.
    async fn hand_in(&self, note: &Note) -> Result<(), String> {
        let url = format!("{}/checkpoint/cosignature", self.node);
        let body = note.to_string().into_bytes();
        match self.web.post(&url, "text/plain", body, NOTE_BYTES_MAX).await {
            Ok(answer) if answer.status == 200 => Ok(()),
            Ok(answer) => Err(format!("status {}", answer.status)),
            Err(why) => Err(why.text(Lang::En).to_owned()),
        }
    }

    /// Keeps both states, and says so. What was kept before stays as it is.
    fn keep_fork(&self, last: Option<&LogState>, shown: &LogState, how: Contradiction) -> Failure {
        let folder = self.data.join(FORK);
        let kept = last.map_or(Ok(()), |last| keep(&folder, last, shown));
        let (Detail { zh, en }, shown) = (how.detail(), folder.display());
        let what = words!(
            "账本的历史被改写：{zh}。两份状态都有验证节点的证书",
            "history was rewritten: {en}. Both states are certified by the validators"
        );
        let hint = match kept {
            Ok(()) => words!(
                "证据在 {shown}，请妥善保管并通知各机构；不再签署",
                "the proof is in {shown}: keep it and tell the organisations; nothing more is signed"
            ),
            Err(why) => words!(
                "证据未能写入 {shown}：{why}",
                "the proof cannot be written to {shown}: {why}"
            ),
        };
        Failure::new(Exit::Broken, FORK_NAME, what, hint)
    }
}

const FORK_NAME: &str = "FORK";

fn keep(folder: &Path, last: &LogState, shown: &LogState) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, state) in [("signed", last), ("shown", shown)] {
        let files =
            [("note", state.note.clone().into_bytes()), ("state", linli_types::encode(state))];
        for (end, bytes) in files {
            let path = folder.join(format!("{name}-{}.{end}", state.header.id()));
            if !path.exists() {
                durable::write(&path, &bytes)?;
            }
        }
    }
    Ok(())
}
