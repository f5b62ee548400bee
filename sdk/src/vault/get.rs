//! Giving a record out again: every byte authenticated before it leaves, the access logged before that.

use super::holder::Name;
use super::log::{Actor, Deed};
use super::put::erased;
use super::row::{Part, Row};
use super::seal::Place;
use super::{Role, Vault, absent};
use crate::durable;
use crate::error::{Error, ErrorKind};
use linli_types::id::Digest;
use sha2::{Digest as _, Sha256};
use std::io::Write;
use std::path::{Path, PathBuf};

impl Vault {
    /// Writes a record's parts into `folder`, each under its name, none over an old file. Answers what
    /// was written.
    ///
    /// `by_duty` says that a legal duty asks for it: nothing else opens a restricted record.
    ///
    /// # Errors
    ///
    /// No such record, erased, restricted, a file is in the way, or no holder has a segment sound.
    pub async fn get(
        &mut self,
        record: &Digest,
        folder: &Path,
        by_duty: bool,
        actor: &Actor,
    ) -> Result<Vec<(Role, PathBuf)>, Error> {
        let row = self.readable(record, by_duty, actor)?;
        let targets = targets(&row, folder)?;
        self.log.add(&self.master, actor, Deed::Get, record)?; // A2
        let mut written = Vec::new();
        for (at, (part, path)) in row.parts.iter().zip(targets).enumerate() {
            let beside = durable::beside(&path);
            let result = self.write(&row, at, part, &beside).await;
            let result = result.and_then(|()| {
                std::fs::rename(&beside, &path).map_err(|e| durable::failed(&path, &e))
            });
            if let Err(why) = result {
                // Half a file is no file; if even that fails, the first reason counts.
                let _ = std::fs::remove_file(&beside);
                return Err(why);
            }
            written.push((part.role, path));
        }
        Ok(written)
    }

    /// Whether the record may be read now; a refusal is logged too.
    fn readable(&mut self, record: &Digest, by_duty: bool, actor: &Actor) -> Result<Row, Error> {
        let refusal = match self.tombstone(record)?.is_some_and(|t| t.is_erasure()) {
            true => erased(record),
            false => match self.row(record)? {
                None => absent(record),
                Some(row) if !row.whole => unfinished(record),
                Some(row) if row.restricted_at_ms.is_some() && !by_duty => restricted(record),
                Some(row) => return Ok(row),
            },
        };
        self.log.add(&self.master, actor, Deed::Refused, record)?;
        Err(refusal)
    }

    async fn write(&self, row: &Row, at: usize, part: &Part, path: &Path) -> Result<(), Error> {
        let failed = |e: std::io::Error| durable::failed(path, &e);
        let mut options = std::fs::File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(failed)?;
        let mut sha256 = Sha256::new();
        for index in 0..part.segments.len() {
            let plain = self.segment(row, at, part, index).await?;
            sha256.update(&*plain);
            file.write_all(&plain).map_err(failed)?;
        }
        if part.sha256 != Some(Digest(sha256.finalize().into())) {
            return Err(corrupt(&row.record, &part.name));
        }
        file.sync_all().map_err(failed)
    }

    /// One segment from the first holder that has it sound.
    pub(super) async fn segment(
        &self,
        row: &Row,
        at: usize,
        part: &Part,
        index: usize,
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, Error> {
        let Some(segment) = part.segments.get(index) else {
            return Err(corrupt(&row.record, &part.name));
        };
        let place = Place {
            record: row.record,
            part: u32::try_from(at).unwrap_or(u32::MAX),
            index: index as u64,
            last: index.saturating_add(1) == part.segments.len(),
        };
        let name = Name { part: place.part, index: place.index, digest: segment.digest };
        let mut trouble = None;
        for holder in &self.holders {
            match holder.get(&row.body, &name).await {
                Ok(Some(sealed)) => {
                    if let Some(plain) = row.key().open(&place.associated(), sealed) {
                        return Ok(plain);
                    }
                }
                Ok(None) => {}
                Err(why) => trouble = Some(why),
            }
        }
        Err(trouble.unwrap_or_else(|| corrupt(&row.record, &part.name)))
    }
}

/// Where the parts go: one folder, roles told apart by their endings, nothing overwritten.
fn targets(row: &Row, folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut targets = Vec::with_capacity(row.parts.len());
    for part in &row.parts {
        let plain = Path::new(&part.name).file_name() == Some(part.name.as_ref());
        let path = folder.join(&part.name);
        if !plain || path.exists() || targets.contains(&path) {
            let shown = path.display();
            return Err(Error::new(
                ErrorKind::File,
                format!("{shown} 已存在或文件名不可用"),
                format!("{shown} is there already, or is no name for a file"),
            )
            .hint_with("请换一个空目录", "choose an empty folder"));
        }
        targets.push(path);
    }
    Ok(targets)
}

fn restricted(record: &Digest) -> Error {
    Error::new(
        ErrorKind::Refused,
        format!("记录 {record} 已限制处理，仅可存储"),
        format!("record {record} is restricted: it is only stored"),
    )
    .hint_with(
        "法定义务要求时加 --legal-duty，并写明事由；会记入访问日志",
        "if a legal duty asks for it, add --legal-duty and say why; it is logged",
    )
    .named("VAULT_RESTRICTED")
}

fn unfinished(record: &Digest) -> Error {
    Error::new(
        ErrorKind::Refused,
        format!("记录 {record} 尚未存完"),
        format!("record {record} is not stored whole yet"),
    )
    .hint_with("请重做 linli vault put，将从中断处继续", "repeat `linli vault put`: it goes on")
    .named("VAULT_UNFINISHED")
}

fn corrupt(record: &Digest, name: &str) -> Error {
    Error::new(
        ErrorKind::BadAnswer,
        format!("记录 {record} 的 {name} 在各存放处均缺失或损坏"),
        format!("{name} of record {record} is missing or damaged on every holder"),
    )
    .hint_with(
        "用 linli vault verify 查看，并从存放处的备份恢复",
        "look with `linli vault verify` and restore it from the holder's backup",
    )
    .named("VAULT_CORRUPT")
}
