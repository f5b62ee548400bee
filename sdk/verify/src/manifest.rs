//! The manifest: which files, with which digests, under one random salt.
//!
//! ```json
//! {"captured_at":1795478400000,"files":[{"media":"application/pdf","name":"a.pdf","sha256":"…","size":812,"sm3":"…"}],"salt":"…"}
//! ```
//!
//! The digests of the files are plain, so anyone with `sha256sum` finds a file in it; the salt
//! makes the digest of the whole unlinkable once manifest and files are erased. `device`,
//! `order` and `platform` may stand in it as well.
//!
//! # Invariants
//!
//! - **N1 canonical.** One spelling (RFC 8785): keys sorted, no spaces, whole numbers, and those
//!   above 2^53 − 1 as decimal strings. Reading writes it anew and compares.

use crate::file::FileDigests;
use crate::said::{Detail, misleads};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use linli_types::id::Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes of a manifest.
pub const BYTES_MAX: usize = 1024 * 1024;
/// Files of a manifest.
pub const FILES_MAX: usize = 1024;
/// Bytes of a file's name.
pub const NAME_BYTES_MAX: usize = 255;
/// Bytes of a media type, a device or an order.
pub const WORD_BYTES_MAX: usize = 64;
/// The largest number that JSON tools read exactly.
const EXACT_MAX: u64 = (1 << 53) - 1;

/// Which files, captured when, by what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    // In the order of their keys (N1).
    /// When it was captured, milliseconds since 1970 UTC.
    #[serde(with = "number")]
    pub captured_at: u64,
    /// The device that captured it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The files.
    pub files: Vec<Listed>,
    /// The service order it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// SHA-256 of the platform statement in force: who keeps the ledger, by whose leave.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "maybe_digest")]
    pub platform: Option<Digest>,
    /// 32 random bytes.
    #[serde(with = "digest")]
    pub salt: Digest,
}

/// One file of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    // In the order of their keys (N1).
    /// Media type, e.g. `application/pdf`.
    pub media: String,
    /// File name, without folders.
    pub name: String,
    /// SHA-256 of the file.
    #[serde(with = "digest")]
    pub sha256: Digest,
    /// Bytes.
    #[serde(with = "number")]
    pub size: u64,
    /// SM3 of the file.
    #[serde(with = "digest")]
    pub sm3: Digest,
}

impl Manifest {
    /// The exact bytes, whose digests the statement names.
    ///
    /// # Panics
    ///
    /// Never: text and numbers make JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text and numbers make JSON")
    }

    /// Reads a manifest (N1).
    ///
    /// # Errors
    ///
    /// What is wrong with it; the fault lies with whoever wrote it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Detail> {
        if bytes.len() > BYTES_MAX {
            let found = bytes.len();
            return Err(Detail::new(
                format!("{found} 字节，上限 {BYTES_MAX}"),
                format!("{found} bytes, at most {BYTES_MAX}"),
            ));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|e| unread(&e))?;
        manifest.check()?;
        if manifest.to_bytes() != bytes {
            return Err(Detail::new("不是规范写法", "not the canonical spelling"));
        }
        Ok(manifest)
    }

    /// Checks what the spelling cannot say.
    ///
    /// # Errors
    ///
    /// What is wrong; the fault lies with whoever made it.
    pub fn check(&self) -> Result<(), Detail> {
        let count = self.files.len();
        if count == 0 || count > FILES_MAX {
            return Err(Detail::new(
                format!("有 {count} 个文件，须为 1 至 {FILES_MAX} 个"),
                format!("{count} files, must be 1 to {FILES_MAX}"),
            ));
        }
        let names: BTreeSet<&str> = self.files.iter().map(|f| f.name.as_str()).collect();
        if names.len() != self.files.len() {
            return Err(Detail::new("两个文件同名", "two files have one name"));
        }
        self.files.iter().try_for_each(Listed::check)?;
        self.size().ok_or_else(|| Detail::new("大小之和溢出", "the sizes do not add up"))?;
        [&self.device, &self.order].into_iter().flatten().try_for_each(|word| check_word(word))
    }

    /// Bytes of all files; `None` beyond all bounds.
    pub fn size(&self) -> Option<u64> {
        self.files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.size))
    }
}

/// A device or an order is one word of a report's line, and never a line of its own.
fn check_word(word: &str) -> Result<(), Detail> {
    if word.is_empty() || word.len() > WORD_BYTES_MAX {
        return Err(Detail::new(
            format!("设备或订单号有 {} 字节，须为 1 至 {WORD_BYTES_MAX}", word.len()),
            format!("device or order of {} bytes", word.len()),
        ));
    }
    match word.contains(misleads) {
        true => {
            Err(Detail::new("设备或订单号含有控制字符", "device or order holds control characters"))
        }
        false => Ok(()),
    }
}

impl Listed {
    fn check(&self) -> Result<(), Detail> {
        if !is_file_name(&self.name) {
            return Err(Detail::new(
                "文件名为空、过长或含有路径",
                "a file's name is empty, too long or holds a folder",
            ));
        }
        if self.media.len() > WORD_BYTES_MAX || self.media.contains(odd_media) {
            return Err(Detail::new(
                format!("{} 的媒体类型不合规", self.name),
                format!("the media type of {} is not one", self.name),
            ));
        }
        match self.size {
            0 => Err(Detail::new(
                format!("文件 {} 是空的", self.name),
                format!("{} is empty", self.name),
            )),
            _ => Ok(()),
        }
    }

    /// What differs between this file and one at hand.
    pub fn difference(&self, file: &FileDigests) -> Option<Difference> {
        if self.size != file.size {
            Some(Difference::Size)
        } else if self.sha256 != file.sha256 {
            Some(Difference::Sha256)
        } else if self.sm3 != file.sm3 {
            Some(Difference::Sm3)
        } else {
            None
        }
    }
}

/// What is not as it was anchored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Bytes.
    Size,
    /// SHA-256.
    Sha256,
    /// SM3.
    Sm3,
    /// When it was captured.
    CapturedAt,
}

impl Difference {
    /// Its name in both languages, as it stands before 不符.
    pub fn detail(self) -> Detail {
        match self {
            Self::Size => Detail::new("大小", "size"),
            Self::Sha256 => Detail::new("SHA-256 ", "SHA-256"),
            Self::Sm3 => Detail::new("SM3 ", "SM3"),
            Self::CapturedAt => Detail::new("采集时间", "captured_at"),
        }
    }
}

/// Where a text is no manifest; the parser's own words are English.
pub(crate) fn unread(why: &serde_json::Error) -> Detail {
    let (line, column) = (why.line(), why.column());
    Detail::new(format!("第 {line} 行第 {column} 列不是清单的内容"), why.to_string())
}

/// Whether a name is one file's, in the folder where it is put: without any path.
pub(crate) fn is_file_name(name: &str) -> bool {
    let odd = |c: char| c.is_control() || matches!(c, '/' | '\\');
    let special = matches!(name, "" | "." | "..");
    !special && name.len() <= NAME_BYTES_MAX && !name.contains(odd)
}

fn odd_media(c: char) -> bool {
    !c.is_ascii_graphic() || matches!(c, '"' | '\\')
}

/// Whole numbers that JSON tools read exactly, and the others as text.
pub(crate) mod number {
    use super::*;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        Text(String),
    }

    pub(crate) fn serialize<S: Serializer>(n: &u64, s: S) -> Result<S::Ok, S::Error> {
        if *n > EXACT_MAX { s.collect_str(n) } else { s.serialize_u64(*n) }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
        match Either::deserialize(d)? {
            Either::Number(n) => Ok(n),
            Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

/// 32 bytes as 64 lower-case hexadecimal digits.
mod digest {
    use super::*;

    pub(super) fn serialize<S: Serializer>(digest: &Digest, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(digest)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Digest, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The same where there may be none.
mod maybe_digest {
    use super::*;

    pub(super) fn serialize<S: Serializer>(d: &Option<Digest>, s: S) -> Result<S::Ok, S::Error> {
        match d {
            Some(digest) => s.collect_str(digest),
            None => s.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Digest>, D::Error> {
        super::digest::deserialize(d).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::said::tests::is_all_chinese;
    use alloc::vec;

    fn manifest() -> Manifest {
        let file = Listed {
            media: "application/pdf".into(),
            name: "服务 \"记录\".pdf".into(),
            sha256: Digest([1; 32]),
            size: 812,
            sm3: Digest([2; 32]),
        };
        let (captured_at, salt) = (1_795_478_400_000, Digest([3; 32]));
        Manifest {
            captured_at,
            device: None,
            files: vec![file],
            order: Some("SO-1".into()),
            platform: None,
            salt,
        }
    }

    #[test]
    fn a_manifest_comes_back_and_its_spelling_is_frozen() {
        let bytes = manifest().to_bytes();
        assert_eq!(Manifest::from_bytes(&bytes), Ok(manifest()));
        let (one, two, three) = ("01".repeat(32), "02".repeat(32), "03".repeat(32));
        let expected = format!(
            "{{\"captured_at\":1795478400000,\"files\":[{{\"media\":\"application/pdf\",\
             \"name\":\"服务 \\\"记录\\\".pdf\",\"sha256\":\"{one}\",\"size\":812,\
             \"sm3\":\"{two}\"}}],\"order\":\"SO-1\",\"salt\":\"{three}\"}}"
        );
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn numbers_that_json_tools_would_round_are_text() {
        let mut big = manifest();
        big.files[0].size = 1 << 53;
        let text = String::from_utf8(big.to_bytes()).unwrap();
        assert!(text.contains("\"size\":\"9007199254740992\""), "{text}");
        assert_eq!(Manifest::from_bytes(text.as_bytes()), Ok(big));
        for other in ["9007199254740992", "\"09007199254740992\"", "9007199254740992.0"] {
            let other = text.replace("\"9007199254740992\"", other);
            assert!(Manifest::from_bytes(other.as_bytes()).is_err(), "{other}");
        }
    }

    #[test]
    fn a_second_spelling_is_refused() {
        let text = String::from_utf8(manifest().to_bytes()).unwrap();
        let others = [
            text.replace(",\"order\"", ", \"order\""),
            text.replace("服", "\\u670d"),
            text.replace("812", "\"812\""),
            text.replace("812", "8.12e2"),
            text.replace(&"01".repeat(32), &"0A".repeat(32)),
            text.replace("\"order\":\"SO-1\",", "\"order\":null,"),
            text.replace("\"order\"", "\"other\""),
            format!("{text}\n"),
            format!("\u{feff}{text}"),
        ];
        for other in others {
            assert!(Manifest::from_bytes(other.as_bytes()).is_err(), "{other}");
        }
    }

    #[test]
    fn what_no_manifest_says_is_refused() {
        type Change = fn(&mut Manifest);
        let changes: [Change; 11] = [
            |m| m.files.clear(),
            |m| m.files.push(m.files[0].clone()),
            |m| m.files[0].size = 0,
            |m| m.files[0].name = "a/b".into(),
            |m| m.files[0].name = "..".into(),
            |m| m.files[0].name = "x".repeat(256),
            |m| m.files[0].media = "text/\n".into(),
            |m| m.device = Some(String::new()),
            |m| m.device = Some("D-1\n佐证：已确认".into()),
            |m| m.order = Some("SO\u{202e}1".into()),
            |m| {
                let mut second = m.files[0].clone();
                second.name = "b".into();
                second.size = u64::MAX;
                m.files.push(second);
            },
        ];
        for (i, change) in changes.into_iter().enumerate() {
            let mut bad = manifest();
            change(&mut bad);
            let why = Manifest::from_bytes(&bad.to_bytes()).unwrap_err();
            assert!(is_all_chinese(&why.zh), "change {i}: {why:?}");
        }
    }

    #[test]
    fn a_changed_file_differs_by_name_of_the_digest() {
        let listed = &manifest().files[0];
        let (size, sha256, sm3) = (listed.size, listed.sha256, listed.sm3);
        let same = FileDigests { name: "renamed".into(), size, sha256, sm3 };
        assert_eq!(listed.difference(&same), None);
        let other = FileDigests { sm3: Digest([9; 32]), ..same.clone() };
        assert_eq!(listed.difference(&other), Some(Difference::Sm3));
        assert_eq!(listed.difference(&FileDigests { size: 1, ..same }), Some(Difference::Size));
    }
}
