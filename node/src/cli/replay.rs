//! `linli replay`: executes every block again from the genesis, or from a height on, and compares
//! every header; and executes the block of a bundle, which a node left when it broke a law.

use super::run::{newer, outdated};
use super::store::{chain, open};
use super::{Failure, Output, unreadable};
use crate::contract_thread;
use crate::words::{Words, words};
use linli_runtime::stored::{StoredBlock, load_block, load_head};
use linli_runtime::{
    BadBundle, Bundle, Head, NotReplayed, ReplayFailed, Replayed, Settings, replay, replay_from,
};
use linli_types::height::Height;
use linli_types::limits;
use linli_types::store::{Broken, Read};
use serde_json::json;
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// Replays a stopped node's blocks in memory. Writes nothing.
#[derive(clap::Args)]
pub(super) struct Replay {
    /// The node's data folder.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Begins with the state after this height, as far back as undo records are kept; 0 is the
    /// genesis.
    #[arg(long, value_name = "HEIGHT")]
    from: Option<u64>,
    /// Ends with the block of this bundle, which a node left when the block broke a law.
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
}

impl Replay {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        match (self.from, &self.bundle) {
            (None, None) => self.whole(out),
            (from, bundle) => self.part(from, bundle.as_deref(), out),
        }
    }

    /// From a height on, or to a bundle's block, or both.
    fn part(
        &self,
        from: Option<u64>,
        bundle: Option<&Path>,
        out: &mut Output,
    ) -> Result<(), Failure> {
        let bundle = bundle.map(read_bundle).transpose()?;
        let before = bundle.as_ref().map_or(0, |b| b.block.header.height.0.saturating_sub(1));
        let from = Height(from.unwrap_or(before));
        let store = open(&self.data, out)?;
        let work = || replay_from(&store, from, bundle.as_ref(), Settings::default());
        let done = contract_thread::run("linli-replay", work).map_err(|why| damaged(&why))?;
        let Replayed { header, is_same, breaches } = done.map_err(|why| not_replayed(&why))?;
        let height = header.as_ref().map_or(0, |header| header.height.0);
        if !breaches.is_empty() {
            return Err(breach(height, &breaches, is_same));
        }
        let root = header.map(|header| header.state_root).unwrap_or_default();
        let json = json!({"same": is_same, "height": height, "breaches": breaches,
                          "state_root": root.to_string()});
        let said = match (bundle, is_same) {
            (None, _) => words!(
                "重放一致：自高度 {from} 至 {height}，状态根 {root}",
                "the same again: from height {from} to {height}, state root {root}"
            ),
            (Some(_), true) => words!(
                "区块 {height} 重放结果相同，按本版本的规则没有违反任何定律",
                "block {height} comes out the same, and breaks no law by the rules of this version"
            ),
            (Some(_), false) => words!(
                "区块 {height} 按本版本的规则得出不同的结果，没有违反任何定律",
                "block {height} comes out differently by the rules of this version, and breaks no law"
            ),
        };
        out.answer(&json, &said);
        Ok(())
    }

    fn whole(&self, out: &mut Output) -> Result<(), Failure> {
        let (_, _, genesis) = chain(&self.data)?;
        let store = open(&self.data, out)?;
        let stored = load_head(&store).map_err(|why| damaged(&why))?;
        let stored = stored.ok_or_else(|| differs(words!("没有链头", "no head")))?;
        let work = || run_again(&genesis, &store, stored.height);
        let head = contract_thread::run("linli-replay", work).map_err(|why| damaged(&why))??;
        if (head.height, head.block, head.state_root)
            != (stored.height, stored.block, stored.state_root)
        {
            return Err(differs(words!(
                "重放所得的链头与所存的不同",
                "the replayed head differs from the stored one"
            )));
        }
        let (height, root) = (head.height, head.state_root);
        out.answer(
            &json!({"same": true, "height": height.0, "block": head.block.to_string(),
                    "state_root": root.to_string(), "log_size": head.log_size,
                    "log_root": head.log_root.to_string()}),
            &words!(
                "重放一致：高度 {height}，状态根 {root}",
                "the same again: height {height}, state root {root}"
            ),
        );
        Ok(())
    }
}

fn run_again(genesis: &[u8], store: &dyn Read, top: Height) -> Result<Head, Failure> {
    let broken = RefCell::new(None);
    let blocks = blocks(store, top, &broken);
    let head = replay(genesis, blocks, Settings::default()).map_err(|why| match why {
        ReplayFailed::Outdated(why) => Failure::broken(outdated(&why), newer()),
        why => damaged(&why),
    })?;
    broken.into_inner().map_or(Ok(head), |why| Err(damaged(&why)))
}

/// Every stored block in order; a row that cannot be read ends it and is kept in `broken`.
fn blocks<'a>(
    store: &'a dyn Read,
    top: Height,
    broken: &'a RefCell<Option<Broken>>,
) -> impl Iterator<Item = StoredBlock> + 'a {
    (1..=top.0).map_while(move |height| match load_block(store, Height(height)) {
        Ok(Some(block)) => Some(block),
        Ok(None) => {
            *broken.borrow_mut() = Some(Broken(format!("block {height} is missing")));
            None
        }
        Err(why) => {
            *broken.borrow_mut() = Some(why);
            None
        }
    })
}

fn read_bundle(path: &Path) -> Result<Bundle, Failure> {
    let shown = path.display();
    let length = std::fs::metadata(path).map_err(|why| unreadable(path, &why))?.len();
    // A bundle holds one block; anything longer is something else.
    let fits = usize::try_from(length).is_ok_and(|length| length <= limits::MESSAGE_BYTES_MAX);
    let bytes = if fits { std::fs::read(path) } else { Ok(Vec::new()) };
    let bundle = Bundle::from_bytes(&bytes.map_err(|why| unreadable(path, &why))?);
    bundle.map_err(|why| match why {
        BadBundle::Unreadable => Failure::usage(
            words!("{shown} 不是现场包，或不完整", "{shown} is no bundle, or not all of one"),
            words!(
                "请使用节点停止时写入数据目录的 breach-高度.bundle",
                "use breach-HEIGHT.bundle, which a node writes into its data folder when it stops"
            ),
        ),
        BadBundle::Format(format) => Failure::usage(
            words!(
                "{shown} 的格式 {format} 不为本版本所知",
                "format {format} of {shown} is not known to this version"
            ),
            words!("请使用写出它的版本", "use the version that wrote it"),
        ),
    })
}

/// The breach shows again.
fn breach(height: u64, breaches: &[String], is_same: bool) -> Failure {
    let list = breaches.join("\n");
    let failure = Failure::refused(
        "BREACH",
        words!(
            "区块 {height} 违反账本定律：\n{list}",
            "block {height} breaks a law of the ledger:\n{list}"
        ),
        words!(
            "请保留数据目录与现场包并告知维护者；规则改正之前，任何节点都不能越过这一区块",
            "keep the folder and the bundle and tell the maintainers; no node goes past this block \
             before the rules are corrected"
        ),
    );
    failure.with(json!({"same": is_same, "height": height, "breaches": breaches}))
}

fn not_replayed(why: &NotReplayed) -> Failure {
    let hint = words!("请核对 --data、--from 与 --bundle", "check --data, --from and --bundle");
    let zh = match why {
        NotReplayed::Replay(why) => return damaged(why),
        NotReplayed::OtherChain { found, expected } => {
            format!("现场包属于链 {found}，数据目录属于链 {expected}")
        }
        NotReplayed::Height { head, asked } => format!("要求高度 {asked}，而可用数据止于 {head}"),
        NotReplayed::OtherParent { found, expected } => {
            format!("现场包的区块接在 {found} 之后，而数据目录在该高度是 {expected}")
        }
        NotReplayed::NoUndo(height) => {
            format!("高度 {height} 的回退记录已不再保存；请从更晚的高度或 0 开始")
        }
    };
    Failure::usage(Words { zh, en: why.to_string() }, hint)
}

fn damaged(why: &dyn std::fmt::Display) -> Failure {
    differs(Words::same(why.to_string()))
}

fn differs(why: Words) -> Failure {
    let Words { zh, en } = why;
    Failure::broken(
        words!("重放不一致：{zh}", "the replay differs: {en}"),
        words!(
            "请保留现场，与其他节点比对后换新目录同步",
            "keep the folder, compare with other nodes, and let a new one catch up"
        ),
    )
}
