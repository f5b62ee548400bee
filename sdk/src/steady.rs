//! Reading a file that nobody writes meanwhile: what was read is what stood there, whole.
//!
//! # Invariants
//!
//! - **F1 steady.** File, size and both times of change are the same before and after, under the
//!   same name, and as many bytes were read as the size says; otherwise nothing that was read counts.

use crate::error::{Error, ErrorKind};
use std::fs::{File, Metadata};
use std::path::Path;

/// A file that is being read, and how it stood at the beginning.
#[derive(Debug)]
pub struct Steady {
    file: File,
    before: Stamp,
}

/// What changes when a file is written or exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    size: u64,
    place: (u64, u64),
    written: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    #[cfg(unix)]
    fn of(about: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            size: about.len(),
            place: (about.dev(), about.ino()),
            written: (about.mtime(), about.mtime_nsec()),
            changed: (about.ctime(), about.ctime_nsec()),
        }
    }

    #[cfg(not(unix))]
    fn of(about: &Metadata) -> Self {
        let at = about.modified().ok();
        let since = at.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        let ns = since.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(-1);
        Self { size: about.len(), place: (0, 0), written: (0, ns), changed: (0, 0) }
    }
}

impl Steady {
    /// Opens a regular file that is not empty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::File`]: missing, a folder, no regular file, empty, or not readable.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let shown = path.display();
        let about = std::fs::metadata(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => {
                file_error(format!("文件 {shown} 不存在"), format!("there is no file {shown}"))
            }
            _ => unreadable(path, &e),
        })?;
        if about.is_dir() {
            let (zh, en) = (format!("{shown} 是文件夹"), format!("{shown} is a folder"));
            return Err(
                file_error(zh, en).hint_with("请逐个给出其中的文件", "name the files in it")
            );
        }
        if !about.is_file() {
            let (zh, en) = (format!("{shown} 不是普通文件"), format!("{shown} is no regular file"));
            return Err(file_error(zh, en));
        }
        let file = File::open(path).map_err(|e| unreadable(path, &e))?;
        // Of the open file: the name may be another's by now.
        let before = Stamp::of(&file.metadata().map_err(|e| unreadable(path, &e))?);
        if before.size == 0 {
            let (zh, en) = (format!("文件 {shown} 是空的"), format!("the file {shown} is empty"));
            let hint = ("空文件不能证明任何事", "an empty file proves nothing");
            return Err(file_error(zh, en).hint_with(hint.0, hint.1));
        }
        Ok(Self { file, before })
    }

    /// Bytes of the file when it was opened.
    pub const fn size(&self) -> u64 {
        self.before.size
    }

    /// The file, to be read once from its beginning.
    pub const fn reader(&mut self) -> &mut File {
        &mut self.file
    }

    /// Whether what was read counts (F1).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::File`], named `FILE_CHANGED`, if the file changed while it was read.
    pub fn finish(self, path: &Path, read: u64) -> Result<(), Error> {
        let open = self.file.metadata().map_err(|e| unreadable(path, &e))?;
        // F1. The name as well: a file that was put in its place is another one.
        let named = std::fs::metadata(path).map(|about| Stamp::of(&about));
        let same = named.is_ok_and(|named| named == self.before);
        if same && Stamp::of(&open) == self.before && read == self.before.size {
            return Ok(());
        }
        Err(changed(path))
    }
}

/// A file that changed while it was read.
pub(crate) fn changed(path: &Path) -> Error {
    let shown = path.display();
    file_error(
        format!("文件 {shown} 在读取过程中被改动"),
        format!("the file {shown} changed while it was read"),
    )
    .hint_with(
        "等写入完成（如同步、压缩、录制结束）后重试",
        "wait until it is written whole (recorded, synced, compressed) and try again",
    )
    .named("FILE_CHANGED")
}

pub(crate) fn unreadable(path: &Path, why: &std::io::Error) -> Error {
    let shown = path.display();
    file_error(
        format!("文件 {shown} 无法读取：{why}"),
        format!("the file {shown} cannot be read: {why}"),
    )
}

pub(crate) fn file_error(zh: String, en: String) -> Error {
    Error::new(ErrorKind::File, zh, en)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    /// Reads half of a file, lets `change` happen, reads the rest.
    fn read_while(change: impl FnOnce(&Path)) -> Result<(), Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        std::fs::write(&path, vec![7; 100_000]).unwrap();
        // Written long ago: a clock that ticks coarsely cannot hide the change.
        let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000);
        File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        let mut steady = Steady::open(&path).unwrap();
        let mut half = vec![0; 50_000];
        steady.reader().read_exact(&mut half).unwrap();
        change(&path);
        let rest = std::io::copy(steady.reader(), &mut std::io::sink()).unwrap();
        steady.finish(&path, 50_000 + rest)
    }

    #[test]
    fn what_nobody_touches_is_read() {
        read_while(|_| ()).unwrap();
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_refused() {
        type Change = fn(&Path);
        let changes: [Change; 5] = [
            |path| File::options().append(true).open(path).unwrap().write_all(b"more").unwrap(),
            |path| File::options().write(true).open(path).unwrap().write_all(b"same size").unwrap(),
            |path| File::options().write(true).open(path).unwrap().set_len(60_000).unwrap(),
            |path| std::fs::remove_file(path).unwrap(),
            |path| {
                std::fs::rename(path, path.with_extension("old")).unwrap();
                std::fs::write(path, vec![7; 100_000]).unwrap();
            },
        ];
        for (i, change) in changes.into_iter().enumerate() {
            let why = read_while(change).unwrap_err();
            assert_eq!((why.kind(), why.name()), (ErrorKind::File, "FILE_CHANGED"), "change {i}");
        }
    }
}
