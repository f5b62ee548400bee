//! Files that only their owner may read (K1), never written over.

use crate::error::{Error, ErrorKind};
use linli_verify::Detail;
use std::io::{Read, Write};
use std::path::Path;
use zeroize::Zeroizing;

/// Bytes of a key file: many times what one needs.
const FILE_BYTES_MAX: u64 = 16 * 1024;

/// The text of a file that nobody else may read (K1).
pub(super) fn read(path: &Path) -> Result<Zeroizing<String>, Error> {
    let file = std::fs::File::open(path).map_err(|e| unreadable(path, &e))?;
    let about = file.metadata().map_err(|e| unreadable(path, &e))?;
    if !about.is_file() {
        let shown = path.display();
        return Err(Error::new(
            ErrorKind::File,
            format!("{shown} 不是文件"),
            format!("{shown} is not a file"),
        ));
    }
    check_private(path, &about)?;
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|e| unreadable(path, &e))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(no_key(path, &Detail::new("过大", "too large")));
    }
    Ok(text)
}

/// Writes a new file that only its owner may read; never over an old one.
pub(super) fn write_new(path: &Path, text: &str) -> Result<(), Error> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || {
        let mut file = options.open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|e: std::io::Error| {
        let shown = path.display();
        if e.kind() == std::io::ErrorKind::AlreadyExists {
            let (zh, en) = (format!("{shown} 已存在"), format!("{shown} is there already"));
            let hint = (
                "密钥文件从不覆盖，请换一个文件名",
                "no key is ever written over: choose another name",
            );
            return Error::new(ErrorKind::File, zh, en).hint_with(hint.0, hint.1);
        }
        Error::new(
            ErrorKind::File,
            format!("密钥文件 {shown} 无法写入：{e}"),
            format!("the key file {shown} cannot be written: {e}"),
        )
    })
}

fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> Error {
    let shown = path.display();
    Error::new(
        ErrorKind::File,
        format!("密钥文件 {shown} 无法读取：{why}"),
        format!("the key file {shown} cannot be read: {why}"),
    )
}

pub(super) fn no_key(path: &Path, Detail { zh, en }: &Detail) -> Error {
    let shown = path.display();
    Error::new(
        ErrorKind::Key,
        format!("{shown} 不是可用的密钥文件：{zh}"),
        format!("{shown} is no usable key file: {en}"),
    )
}

#[cfg(unix)]
pub(crate) fn check_private(path: &Path, about: &std::fs::Metadata) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let shown = path.display();
    let error = Error::new(
        ErrorKind::File,
        format!("密钥文件 {shown} 的权限是 {mode:03o}，其他人可以访问"),
        format!("the key file {shown} has mode {mode:03o}: others may use it"),
    );
    Err(error.hint_with(format!("chmod 600 {shown}"), format!("chmod 600 {shown}")))
}

#[cfg(not(unix))]
pub(crate) fn check_private(_: &Path, _: &std::fs::Metadata) -> Result<(), Error> {
    Ok(())
}
