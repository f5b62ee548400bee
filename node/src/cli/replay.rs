//! `linli replay`: executes every block again from the genesis and compares every header.

use super::run::{newer, outdated};
use super::store::{chain, open};
use super::{Failure, Output};
use crate::contract_thread;
use crate::words::{Words, words};
use linli_runtime::stored::{StoredBlock, load_block, load_head};
use linli_runtime::{Head, ReplayFailed, Settings, replay};
use linli_types::height::Height;
use linli_types::store::{Broken, Read};
use serde_json::json;
use std::cell::RefCell;
use std::path::PathBuf;

/// Replays a stopped node's blocks in memory. Writes nothing.
#[derive(clap::Args)]
pub(super) struct Replay {
    /// The node's data folder.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

impl Replay {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
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
