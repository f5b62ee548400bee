//! The files that stand inside a pack.

use crate::cli::{Failure, unreadable};
use crate::words::words;
use linli_types::limits::PACK_FILES_BYTES_MAX;
use linli_verify::FileDigests;
use linli_verify::manifest::Listed;
use std::path::{Path, PathBuf};

/// The files that a pack holds, read again: the very ones that their manifest lists.
pub(in crate::cli::evidence) fn read(
    paths: &[PathBuf],
    listed: &[Listed],
) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let size = listed.iter().fold(0_u64, |sum, file| sum.saturating_add(file.size));
    if !paths.is_empty() && size > PACK_FILES_BYTES_MAX as u64 {
        let most = PACK_FILES_BYTES_MAX >> 20;
        return Err(Failure::usage(
            words!(
                "文件超过 {most} MiB，不能放入证据包",
                "more than {most} MiB do not go into a pack"
            ),
            words!(
                "请去掉 --inside，文件与证据包一同保存",
                "leave out --inside and keep the file beside its pack"
            ),
        ));
    }
    paths.iter().zip(listed).map(|(path, listed)| one_inside(path, listed)).collect()
}

fn one_inside(path: &Path, listed: &Listed) -> Result<(String, Vec<u8>), Failure> {
    let bytes = std::fs::read(path).map_err(|e| unreadable(path, &e))?;
    let shown = path.display();
    if listed.difference(&FileDigests::of(listed.name.as_str(), &bytes)).is_some() {
        return Err(Failure::usage(
            words!("{shown} 在读取期间被改动", "{shown} changed since it was read"),
            words!("请恢复原文件后重做", "put the original back and try again"),
        ));
    }
    if listed.name.contains(':') {
        return Err(Failure::usage(
            words!(
                "文件名含冒号，不能放入证据包：{shown}",
                "a name with a colon does not go into a pack: {shown}"
            ),
            words!("请改名，或去掉 --inside", "rename it, or leave out --inside"),
        ));
    }
    Ok((listed.name.clone(), bytes))
}
