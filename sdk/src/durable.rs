//! Small files that must be there after a power cut: what makes evidence provable stands on disk
//! before anything depends on it.

use crate::error::{Error, ErrorKind};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Bytes that are overwritten at once.
const OVERWRITE_BYTES: usize = 1 << 20;

/// Where a file is written before it takes its name.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    PathBuf::from(beside)
}

/// Writes a file whole, beside its place first, and returns once file and name are durable.
///
/// # Errors
///
/// Whatever the system says; then nothing stands under the name.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(path, bytes, File::options())
}

/// The same, and only its owner may read it.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    put(path, bytes, options)
}

fn put(path: &Path, bytes: &[u8], mut options: OpenOptions) -> io::Result<()> {
    let beside = beside(path);
    let mut file = options.write(true).create(true).truncate(true).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    sync_folder(path)
}

/// Makes what happened to a name in its folder durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Overwrites a file and removes it, durably, with what an interrupted write of it left beside. There
/// may be none any more.
///
/// # Errors
///
/// [`ErrorKind::File`].
pub fn destroy(path: &Path) -> Result<(), Error> {
    let work = || -> io::Result<()> {
        for path in [path.to_owned(), beside(path)] {
            let file = match OpenOptions::new().write(true).open(&path) {
                Ok(file) => file,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(e),
            };
            overwrite(&file)?;
            std::fs::remove_file(&path)?;
        }
        sync_folder(path)
    };
    work().map_err(|e| failed(path, &e))
}

/// Puts other bytes in a private file's place, and overwrites those that stood there.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let work = || -> io::Result<()> {
        // Held open: under its name stands the new one before the old one is overwritten.
        let old = match OpenOptions::new().write(true).open(path) {
            Ok(old) => Some(old),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(e),
        };
        write_private(path, bytes)?;
        old.map_or(Ok(()), |old| overwrite(&old))
    };
    work().map_err(|e| failed(path, &e))
}

/// Writes zeros over all of a file.
fn overwrite(mut file: &File) -> io::Result<()> {
    let zeros = vec![0_u8; OVERWRITE_BYTES];
    let mut left = file.metadata()?.len();
    while left > 0 {
        let n = usize::try_from(left).unwrap_or(OVERWRITE_BYTES).min(OVERWRITE_BYTES);
        file.write_all(zeros.get(..n).unwrap_or_default())?;
        left = left.saturating_sub(n as u64);
    }
    file.sync_all()
}

/// Reads a whole file of at most `max` bytes; `None` if there is none.
pub(crate) fn read(path: &Path, max: u64) -> Result<Option<Vec<u8>>, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(path, &e)),
    };
    let mut bytes = Vec::new();
    file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| failed(path, &e))?;
    if bytes.len() as u64 > max {
        return Err(failed(path, &io::Error::new(io::ErrorKind::InvalidData, "it is too large")));
    }
    Ok(Some(bytes))
}

/// A folder that only its owner may enter.
pub(crate) fn folder(path: &Path) -> Result<(), Error> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|e| failed(path, &e))
}

pub(crate) fn failed(path: &Path, why: &io::Error) -> Error {
    let shown = path.display();
    Error::new(
        ErrorKind::File,
        format!("{shown} 无法读写：{why}"),
        format!("{shown} cannot be read or written: {why}"),
    )
    .hint_with("请核对路径、权限与剩余空间", "check the path, its permissions and the free space")
}
