//! `linli evidence capture | checkpoint`: a device's records while there is no network.

use super::about::{basis, class};
use crate::cli::connect::Connect;
use crate::cli::key::{Passphrase, principal};
use crate::cli::query::{ask_by_schema, number as count, proved};
use crate::cli::vault::{no_personal_data, plain_name};
use crate::cli::{Failure, Output, block_on, genesis};
use crate::words::{Words, words};
use linli_sdk::anchor::ROOM;
use linli_sdk::capture::{About, Checkpoint, Queue, Who};
use linli_sdk::vault::Class;
use linli_types::height::TimeMs;
use linli_types::human;
use linli_types::id::{ChainId, Digest, PrincipalId};
use linli_types::signature::Zip215;
use linli_verify::time;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Captures files without a network.
#[derive(clap::Args)]
pub(super) struct Capture {
    /// The files of one record.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The device's key file; it names the device and the chain.
    #[arg(long, value_name = "FILE")]
    device_key: PathBuf,
    #[command(flatten)]
    passphrase: Passphrase,
    /// The genesis file, if the key file does not name its chain.
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// The queue's folder.
    #[arg(long, value_name = "DIR")]
    queue: PathBuf,
    /// Whose evidence; otherwise the device's own.
    #[arg(long, value_name = "ID", value_parser = principal)]
    source: Option<PrincipalId>,
    /// What the files are, e.g. CHECK_IN or PHOTO_SET.
    #[arg(long, value_name = "KIND", value_parser = super::anchor::kind)]
    kind: i32,
    /// How long a law keeps it: personal, 10y, 15y or 30y.
    #[arg(long, value_name = "CLASS", value_parser = class, default_value = "personal")]
    class: Class,
    /// Why personal data may be processed: consent, contract, legal-duty, emergency, public-interest, published or other-law.
    #[arg(long, value_name = "BASIS", value_parser = basis, default_value = "contract")]
    basis: i32,
    /// The order's pseudonymous code.
    #[arg(long, value_name = "CODE")]
    order: Option<String>,
    /// Id of the consent, 32 hexadecimal digits.
    #[arg(long, value_name = "HEX", value_parser = principal)]
    consent: Option<PrincipalId>,
    /// Shows somebody below 14; asks for --consent.
    #[arg(long)]
    minors: bool,
    /// Sensitive personal data; asks for --consent.
    #[arg(long)]
    sensitive: bool,
    /// The files are older than a day, and are recorded as such.
    #[arg(long)]
    imported: bool,
    /// The same files once more, knowingly.
    #[arg(long)]
    again: bool,
    /// First number of a new queue: above the highest that the source has used.
    #[arg(long, value_name = "N")]
    first: Option<u64>,
}

/// Notes the last block seen.
#[derive(clap::Args)]
pub(super) struct Seen {
    #[command(flatten)]
    connect: Connect,
    /// The queue's folder.
    #[arg(long, value_name = "DIR")]
    queue: PathBuf,
    /// Saves it: whatever is captured from now on is not older. Asks for --genesis.
    #[arg(long)]
    save: bool,
    /// Whose numbers the queue uses; otherwise those of the key's own principal.
    #[arg(long, value_name = "ID", value_parser = principal)]
    source: Option<PrincipalId>,
}

impl Capture {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        for file in &self.files {
            plain_name(file)?;
        }
        if let Some(order) = &self.order {
            no_personal_data(order)?;
        }
        let (file, key) = self.passphrase.open(&self.device_key)?;
        let device = file.about().principal.ok_or_else(nameless)?;
        let chain = self.chain(file.about().chain)?;
        let who = Who { source: self.source.unwrap_or(device), device, chain };
        let mut queue = Queue::open(&self.queue, who, &key, self.first)?;
        let files: Vec<&Path> = self.files.iter().map(PathBuf::as_path).collect();
        let entry = queue.capture(&files, &self.about())?;
        let waiting = queue.pending()?.len();
        let (number, id) = (entry.number, entry.id());
        let (code, set_back) = (code(&id), entry.environment().is_some_and(|e| e.is_set_back()));
        let seen = queue.checkpoint();
        let files = entry.manifest().map(|manifest| manifest.files).unwrap_or_default();
        let listed = files.iter().map(|file| {
            json!({ "name": file.name, "size": file.size, "sha256": file.sha256.to_string(),
                    "sm3": file.sm3.to_string() })
        });
        let json = json!({
            "number": number, "record": id.to_string(), "code": code, "waiting": waiting,
            "clock_set_back": set_back, "not_before_height": seen.map(|c| c.height),
            "not_before_ms": seen.map(|c| c.time_ms), "files": listed.collect::<Vec<_>>(),
        });
        let text = words!(
            "已离线记录，序号 {number:06}，待上传 {waiting} 条　{code}",
            "recorded offline as number {number:06}, {waiting} wait for upload  {code}"
        );
        out.answer(&json, &text);
        self.notes(seen, set_back, out);
        Ok(())
    }

    fn notes(&self, seen: Option<&Checkpoint>, set_back: bool, out: &mut Output) {
        match seen {
            Some(seen) => {
                let (height, when) = (seen.height, time::text(TimeMs(seen.time_ms)));
                out.note(&words!(
                    "不早于区块 {height}（{when}）",
                    "not before block {height} ({when})"
                ));
            }
            None => out.note(&words!(
                "没有见过的区块：无法说明不早于何时；联网时用 linli evidence checkpoint --save",
                "no block was seen: nothing says that it is not older; when online use `linli evidence checkpoint --save`"
            )),
        }
        if set_back {
            out.note(&words!(
                "设备时钟早于此前所见时间，已在签名的环境信息中注明；请校正时钟",
                "the clock stands before what was seen: the signed environment says so; set it right"
            ));
        }
    }

    fn about(&self) -> About {
        About {
            kind: self.kind,
            retention: self.class.number(),
            basis: self.basis,
            order: self.order.clone(),
            consent: self.consent.map(|id| id.to_string()),
            minors: self.minors,
            sensitive: self.sensitive,
            imported: self.imported,
            again: self.again,
        }
    }

    fn chain(&self, named: Option<ChainId>) -> Result<ChainId, Failure> {
        match (&self.genesis, named) {
            (Some(path), _) => Ok(genesis::read(path)?.1),
            (None, Some(chain)) => Ok(chain),
            (None, None) => Err(Failure::usage(
                words!("密钥文件没有写明是哪条链", "the key file does not name its chain"),
                words!("请加 --genesis", "add --genesis"),
            )),
        }
    }
}

fn nameless() -> Failure {
    Failure::usage(
        words!("密钥文件没有写明设备", "the key file does not name its device"),
        words!("用 linli key new --principal 生成", "make one with `linli key new --principal`"),
    )
}

pub(super) fn code(record: &Digest) -> String {
    human::write(human::Kind::Evidence, &record.0)
}

impl Seen {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let genesis = match self.connect.genesis() {
            Some(path) => Some(genesis::read(path)?.2),
            None if self.save => return Err(unproved()),
            None => None,
        };
        let seen = block_on(self.look(genesis.as_deref()))?;
        let saved = self.save && seen.save(&self.queue)?;
        let (height, when) = (seen.height, time::text(TimeMs(seen.time_ms)));
        let json = json!({
            "height": height, "block": hex::encode(seen.block), "block_time_ms": seen.time_ms,
            "highest": seen.highest, "certified": genesis.is_some(), "saved": saved,
        });
        let Words { zh, en } = match saved {
            true => words!("，已保存", ", saved"),
            false => words!("", ""),
        };
        out.answer(
            &json,
            &words!("见到区块 {height}（{when}）{zh}", "block {height} seen ({when}){en}"),
        );
        Ok(())
    }

    /// The last block: with the genesis as the validators certified it, without one as the node says.
    async fn look(&self, genesis: Option<&[u8]>) -> Result<Checkpoint, Failure> {
        let node = self.connect.open().await?;
        let source = self.source.map_or_else(|| node.principal(), Ok)?;
        let args = json!({ "source": source.to_string() });
        let prove = genesis.is_some();
        let (_, answer, gaps) = ask_by_schema(&node, ROOM, "Gaps", &args, prove).await?;
        let highest = count(&gaps, "highest");
        if let Some(genesis) = genesis {
            let (block, _) = proved(&answer)?;
            return Ok(Checkpoint::certified(&block, genesis, highest, &Zip215)?);
        }
        let status = node.client.status().await?;
        let block = <[u8; 32]>::try_from(status.block.as_slice()).map_err(|_| unusable())?;
        Ok(Checkpoint { block, height: status.height, time_ms: status.time_ms, highest })
    }
}

/// Only a block that the validators certified is noted on a device.
fn unproved() -> Failure {
    Failure::usage(
        words!(
            "保存前须按创世文件核对区块的证书",
            "the block's certificate is checked against the genesis before it is saved"
        ),
        words!("请加 --genesis", "add --genesis"),
    )
}

fn unusable() -> Failure {
    Failure::broken(
        words!("节点没有给出区块", "the node names no block"),
        words!("请换一个节点", "use another node"),
    )
}
