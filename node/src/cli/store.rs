//! A node's data folder: where its parts stand, and opening its store with words when it fails.

use super::{Failure, Output};
use crate::storage::{OpenError, RocksStore, Tuning};
use crate::words::{Words, words};
use linli_types::genesis::Genesis;
use linli_types::id::ChainId;
use std::path::{Path, PathBuf};

/// The genesis file in a data folder.
pub(super) const GENESIS: &str = "genesis";
/// The store in a data folder.
pub(super) const DB: &str = "db";
/// The validator's key in a data folder.
pub(super) const VALIDATOR_KEY: &str = "keys/validator.key";
/// The validator's next key in a data folder, if one is prepared.
pub(super) const NEXT_KEY: &str = "keys/validator.next.key";
/// The receipt key in a data folder.
pub(super) const RECEIPT_KEY: &str = "keys/receipt.key";
/// The network key in a data folder.
pub(super) const NETWORK_KEY: &str = "keys/network.key";

/// The chain of a data folder, by its genesis file.
///
/// # Errors
///
/// The folder was not made by `init`, or its genesis is refused.
pub(super) fn chain(data: &Path) -> Result<(Genesis, ChainId, Vec<u8>), Failure> {
    let path = data.join(GENESIS);
    if !path.exists() {
        let data = data.display();
        return Err(Failure::usage(
            words!("{data} 不是节点数据目录", "{data} is no node's data folder"),
            words!("请先运行 linli init", "make one with `linli init`"),
        ));
    }
    super::genesis::read(&path)
}

/// Opens the store of a data folder for looking, which changes nothing in it; it must hold the
/// chain of the folder's genesis.
///
/// # Errors
///
/// Exit 3: a running node holds it, it belongs to another chain, or it is damaged.
pub(super) fn open(data: &Path, _out: &mut Output) -> Result<RocksStore, Failure> {
    let (_, chain, _) = chain(data)?;
    let path: PathBuf = data.join(DB);
    RocksStore::open_to_read(&path, Some(chain), Tuning::default())
        .map_err(|why| unopened(&path, &why))
}

/// Why a store was not opened or made, in words.
pub(super) fn unopened(path: &Path, why: &OpenError) -> Failure {
    let shown = path.display();
    let hint = match why {
        OpenError::InUse(_) => {
            words!("节点是否正在运行？请先停止它", "is the node running? stop it first")
        }
        OpenError::OtherChain { .. } => words!(
            "请核对 --data 与创世文件：一个目录只属于一条链",
            "check --data and the genesis file: a folder belongs to one chain"
        ),
        OpenError::Taken(_) | OpenError::Missing(_) => {
            words!("请核对 --data", "check --data")
        }
        OpenError::Format(_) | OpenError::Broken(_) => words!(
            "请保留现场并从其他节点重新同步",
            "keep the folder as it is and let a new one catch up from the others"
        ),
    };
    let Words { zh, en } = reason(why);
    Failure::broken(words!("无法打开 {shown}：{zh}", "cannot open {shown}: {en}"), hint)
}

/// What is wrong with a store.
pub(super) fn reason(why: &OpenError) -> Words {
    let zh = match why {
        OpenError::InUse(_) => "另一个节点正在使用它".into(),
        OpenError::Missing(_) => "其中没有链，请用 linli init 建立".into(),
        OpenError::Taken(_) => "其中已有一条链".into(),
        OpenError::OtherChain { found, expected } => {
            format!("它属于链 {found}，而不是 {expected}")
        }
        OpenError::Format(format) => format!("格式 {format} 不为本版本所知"),
        OpenError::Broken(why) => format!("无法读写：{why}"),
    };
    Words { zh, en: why.to_string() }
}
