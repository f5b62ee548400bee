//! From files on disk to a manifest. Files are streamed: their size does not matter to memory.

use crate::error::{Error, ErrorKind};
use crate::key::random;
use crate::steady::{Steady, file_error, unreadable};
use linli_types::id::Digest;
use linli_verify::manifest::Listed;
use linli_verify::{Detail, FileDigests, Manifest};
use std::path::Path;

/// A manifest and its exact bytes, ready to be anchored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The manifest.
    pub manifest: Manifest,
    /// Its exact bytes, whose digests are anchored.
    pub bytes: Vec<u8>,
}

/// Reads a file and digests it.
///
/// # Errors
///
/// [`ErrorKind::File`]: missing, a folder, empty, changed meanwhile, or not readable; each said as
/// such.
pub fn digest_file(path: &Path) -> Result<FileDigests, Error> {
    let shown = path.display();
    let name = path.file_name().and_then(|n| n.to_str()).ok_or_else(|| {
        file_error(
            format!("{shown} 的文件名不是 UTF-8"),
            format!("the name of {shown} is not UTF-8"),
        )
    });
    let mut file = Steady::open(path)?;
    let digests =
        FileDigests::read(name?, &mut *file.reader()).map_err(|e| unreadable(path, &e))?;
    file.finish(path, digests.size)?; // F1
    Ok(digests)
}

/// Makes a manifest of files on disk, with a new random salt. `captured_at_ms` is when they were
/// captured, milliseconds since 1970 UTC.
///
/// # Errors
///
/// [`ErrorKind::File`] for a file that cannot be anchored, [`ErrorKind::Input`] if the list as a
/// whole cannot, [`ErrorKind::Machine`] without random bytes.
pub fn prepare(paths: &[&Path], captured_at_ms: u64) -> Result<Prepared, Error> {
    prepare_about(paths, captured_at_ms, About::default())
}

/// What a manifest says besides its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The order.
    pub order: Option<String>,
    /// SHA-256 of the platform statement.
    pub platform: Option<Digest>,
}

/// The same, saying what the files are about.
///
/// # Errors
///
/// As [`prepare`].
pub fn prepare_about(
    paths: &[&Path],
    captured_at_ms: u64,
    about: About,
) -> Result<Prepared, Error> {
    let listed = |path: &&Path| digest_file(path).map(listed);
    let files = paths.iter().map(listed).collect::<Result<Vec<_>, _>>()?;
    let salt = Digest(random()?);
    let About { order, platform } = about;
    let captured_at = captured_at_ms;
    let manifest = Manifest { captured_at, device: None, files, order, platform, salt };
    manifest.check().map_err(|Detail { zh, en }| {
        Error::new(ErrorKind::Input, format!("清单不成立：{zh}"), format!("no manifest: {en}"))
    })?;
    Ok(Prepared { bytes: manifest.to_bytes(), manifest })
}

pub(crate) fn listed(file: FileDigests) -> Listed {
    let media = media_type(&file.name).into();
    let FileDigests { name, size, sha256, sm3 } = file;
    Listed { media, name, sha256, size, sm3 }
}

/// The media type that a file's ending stands for.
pub fn media_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "pdf" => "application/pdf",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "heic" => "image/heic",
        "csv" => "text/csv",
        "txt" => "text/plain",
        "json" => "application/json",
        "xml" => "application/xml",
        "wav" => "audio/wav",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "mp4" => "video/mp4",
        "docx" => "application/x-docx",
        "xlsx" => "application/x-xlsx",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_becomes_a_manifest_that_lists_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("服务记录.PDF");
        std::fs::write(&path, b"abc").unwrap();
        let [a, b] = [prepare(&[&path], 5).unwrap(), prepare(&[&path], 5).unwrap()];
        let listed = &a.manifest.files[0];
        assert_eq!((listed.name.as_str(), listed.size), ("服务记录.PDF", 3));
        assert_eq!(listed.media, "application/pdf");
        assert_eq!(Manifest::from_bytes(&a.bytes).as_ref(), Ok(&a.manifest));
        assert_ne!(a.manifest.salt, b.manifest.salt);
    }

    #[test]
    fn what_cannot_be_anchored_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let (empty, absent) = (folder.path().join("empty"), folder.path().join("absent"));
        std::fs::write(&empty, b"").unwrap();
        let why = |path: &Path| digest_file(path).unwrap_err().to_string();
        assert!(why(&empty).ends_with("is empty"));
        assert!(why(&absent).starts_with("there is no file"));
        assert!(why(folder.path()).ends_with("is a folder"));
        assert!(why(Path::new("/dev/null")).ends_with("is no regular file"));
        assert_eq!(prepare(&[], 1).unwrap_err().kind(), ErrorKind::Input);
        let full = folder.path().join("full");
        std::fs::write(&full, b"x").unwrap();
        assert_eq!(prepare(&[&full, &full], 1).unwrap_err().kind(), ErrorKind::Input);
    }

    #[test]
    fn a_large_file_is_streamed() {
        // Sparse: it takes no room on disk. Memory stays at one chunk. The command line's test of
        // 3 GB is in `testnet`.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.bin");
        let size = 300_u64 << 20;
        std::fs::File::create(&path).unwrap().set_len(size).unwrap();
        let before = memory_kib();
        assert_eq!(digest_file(&path).unwrap().size, size);
        assert!(memory_kib() < before + 64 * 1024, "{before} KiB before");
    }

    /// The peak of this process's memory.
    fn memory_kib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}
