//! What an anchoring leaves until its pack is written: without the manifest's salt and the signed
//! statement nothing could be proved later.

use super::inside;
use crate::cli::{Failure, durable, unreadable, unwritable};
use crate::words::words;
use linli_sdk::anchor::gather::Kept;
use linli_types::id::TxId;
use linli_verify::Manifest;
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// What is left. Bytes are in hexadecimal; without a statement it is of version 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli::evidence) struct Pending {
    /// The transaction.
    transaction: String,
    /// The manifest's exact bytes.
    manifest: String,
    /// The file anchored, as it was named.
    pub(super) file: PathBuf,
    /// Where the pack goes: absolute, for whoever finishes it may stand in another folder.
    pub(super) pack: PathBuf,
    /// The signed statement's exact bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    statement: Option<String>,
    /// The second signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    second: Option<String>,
    /// The platform statement's exact bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
    /// The files that stand inside, absolute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    inside: Vec<PathBuf>,
}

/// What a pack is made of.
pub(super) enum Left {
    /// Version 1: the manifest.
    First(Vec<u8>),
    /// Version 2.
    Whole(Kept),
}

impl Pending {
    /// What is left of a statement that is about to be handed in.
    pub(in crate::cli::evidence) fn new(
        id: &TxId,
        kept: &Kept,
        file: &Path,
        pack: &Path,
        inside: &[PathBuf],
    ) -> Result<Self, Failure> {
        let absolute = |path: &Path| std::path::absolute(path).map_err(|e| unwritable(path, &e));
        Ok(Self {
            transaction: id.to_string(),
            manifest: hex::encode(&kept.manifest),
            file: file.to_owned(),
            pack: absolute(pack)?,
            statement: Some(hex::encode(&kept.statement)),
            second: kept.second.as_ref().map(hex::encode),
            platform: kept.platform.as_ref().map(hex::encode),
            inside: inside.iter().map(|path| absolute(path)).collect::<Result<_, _>>()?,
        })
    }

    /// Writes it durably.
    pub(in crate::cli::evidence) fn leave(&self, path: &Path) -> Result<(), Failure> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| unwritable(path, &e))?;
        durable::write(path, &text).map_err(|e| unwritable(path, &e))
    }

    /// Reads what was left.
    pub(super) fn read(path: &Path) -> Result<(Self, TxId), Failure> {
        let text = std::fs::read_to_string(path).map_err(|e| unreadable(path, &e))?;
        let pending: Self = serde_json::from_str(&text).map_err(|e| no_pending(path, &e))?;
        let id = pending.transaction.parse().map_err(|e| no_pending(path, &e))?;
        Ok((pending, id))
    }

    /// What the pack is made of; the files inside are read again.
    pub(super) fn left(&self, path: &Path) -> Result<Left, Failure> {
        let bytes = |text: &String| hex::decode(text).map_err(|e| no_pending(path, &e));
        let maybe = |text: &Option<String>| text.as_ref().map(bytes).transpose();
        let manifest = bytes(&self.manifest)?;
        let Some(statement) = maybe(&self.statement)? else { return Ok(Left::First(manifest)) };
        let listed = Manifest::from_bytes(&manifest).map_err(|why| no_pending(path, &why.en))?;
        Ok(Left::Whole(Kept {
            statement,
            second: maybe(&self.second)?,
            platform: maybe(&self.platform)?,
            files: inside::read(&self.inside, &listed.files)?,
            manifest,
        }))
    }
}

fn no_pending(path: &Path, why: &dyn Display) -> Failure {
    let path = path.display();
    Failure::usage(
        words!("{path} 不是 .pending 文件：{why}", "{path} is no .pending file: {why}"),
        words!(
            "请给出 linli evidence anchor 留下的文件",
            "name the file that `linli evidence anchor` left"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pending_pack_is_found_from_any_folder() {
        let (file, pack) = (Path::new("a.pdf"), Path::new("packs/a.pdf.linli"));
        let kept = Kept { statement: vec![1], ..Kept::default() };
        let inside = [file.to_owned()];
        let pending = Pending::new(&TxId([1; 32]), &kept, file, pack, &inside).unwrap();
        let here = std::env::current_dir().unwrap();
        assert_eq!((pending.file.as_path(), &pending.pack), (file, &here.join(pack)));
        assert_eq!(pending.inside, [here.join(file)]);
        let text = serde_json::to_string(&pending).unwrap();
        assert_eq!(serde_json::from_str::<Pending>(&text).unwrap(), pending);
    }

    #[test]
    fn one_without_a_statement_is_of_version_1() {
        let text = r#"{"transaction":"00","manifest":"7b7d","file":"a","pack":"/b"}"#;
        let pending: Pending = serde_json::from_str(text).unwrap();
        let left = pending.left(Path::new("a.pending")).unwrap();
        assert!(matches!(left, Left::First(manifest) if manifest == b"{}"));
    }
}
