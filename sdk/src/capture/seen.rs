//! Which files a device has captured: by tags that it alone can make, and by which number.

use super::{About, Queue};
use crate::durable;
use crate::error::{Error, ErrorKind};
use linli_types::id::Digest;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const BYTES_MAX: u64 = 64 * 1024 * 1024;
const DOMAIN: &str = "linli.capture.seen.v1";

impl Queue {
    pub(super) fn check_same(&self, tags: &[String], about: &About) -> Result<(), Error> {
        let seen = self.seen()?;
        if about.again || !tags.iter().any(|tag| seen.contains(tag)) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Refused,
            "有文件此前已采集过：同一照片不能用于两次服务",
            "a file was captured before: one photo does not prove two visits",
        )
        .hint_with(
            "请重新拍摄；确为同一材料时加 --again",
            "take it anew; --again if it is meant to be the same",
        )
        .named("CAPTURE_SAME_FILE"))
    }

    /// A tag that this device alone can make.
    pub(super) fn tag(&self, sha256: &Digest) -> String {
        let key = Zeroizing::new(blake3::derive_key(DOMAIN, &*self.key.to_bytes()));
        let whole = blake3::keyed_hash(&key, &sha256.0);
        hex::encode(whole.as_bytes().get(..16).unwrap_or_default())
    }

    fn seen(&self) -> Result<BTreeSet<String>, Error> {
        let bytes = durable::read(&path_in(&self.folder), BYTES_MAX)?.unwrap_or_default();
        let tag = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
        Ok(String::from_utf8_lossy(&bytes).lines().map(tag).collect())
    }

    pub(super) fn remember(&self, tags: &[String], number: u64) -> Result<(), Error> {
        let path = path_in(&self.folder);
        let work = || -> std::io::Result<()> {
            let mut file = std::fs::File::options().append(true).create(true).open(&path)?;
            for tag in tags {
                writeln!(file, "{tag} {number}")?;
            }
            file.sync_all()
        };
        work().map_err(|e| durable::failed(&path, &e))
    }
}

/// Removes the tags of an entry's files: the device alone could tell the files by them.
pub(super) fn forget(folder: &Path, number: u64) -> Result<(), Error> {
    let path = path_in(folder);
    let bytes = durable::read(&path, BYTES_MAX)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let of = format!(" {number}");
    let kept: String =
        text.lines().filter(|line| !line.ends_with(&of)).map(|line| format!("{line}\n")).collect();
    match kept.len() == text.len() {
        true => Ok(()),
        false => durable::replace(&path, kept.as_bytes()),
    }
}

fn path_in(folder: &Path) -> PathBuf {
    folder.join("seen")
}
