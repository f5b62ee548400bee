//! `vault.toml`: where a vault's payloads stand. Credentials never stand in it.

use crate::durable;
use crate::error::{Error, ErrorKind};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The file's name in the vault's folder.
pub(super) const FILE: &str = "vault.toml";
const FORMAT: u32 = 1;
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// Holders of a payload: as many as the ledger notes confirmations of.
pub const HOLDERS_MAX: usize = 16;
const NAME_BYTES_MAX: usize = 32;

/// What `vault.toml` says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    format: u32,
    /// Every one of them holds every payload.
    #[serde(rename = "holder")]
    pub holders: Vec<HolderConfig>,
}

/// One place where payloads stand.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Raw")]
pub struct HolderConfig {
    /// Its name: 1 to 32 of a-z, 0-9 and -.
    pub name: String,
    /// Which kind of place.
    pub kind: Kind,
}

/// Which kind of place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A folder of this machine; relative to the vault's.
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// A bucket of an S3-compatible store.
    S3(S3),
}

/// How an S3-compatible store is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3 {
    /// Its address: https://; http:// to this machine alone.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    /// The region that requests are signed for.
    pub region: String,
    /// A private file with `access_key_id` and `secret_access_key`; otherwise the environment's
    /// `LINLI_S3_ACCESS_KEY_ID` and `LINLI_S3_SECRET_ACCESS_KEY`.
    pub credentials_file: Option<PathBuf>,
    /// Certificates of authorities in PEM; otherwise the platform's are believed.
    pub ca: Option<PathBuf>,
    /// Folder within the bucket.
    pub prefix: String,
}

/// A holder as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: String,
    kind: String,
    path: Option<PathBuf>,
    endpoint: Option<String>,
    bucket: Option<String>,
    region: Option<String>,
    credentials_file: Option<PathBuf>,
    ca: Option<PathBuf>,
    prefix: Option<String>,
}

impl TryFrom<Raw> for HolderConfig {
    type Error = &'static str;

    fn try_from(raw: Raw) -> Result<Self, Self::Error> {
        let named =
            raw.endpoint.is_some() || raw.bucket.is_some() || raw.credentials_file.is_some();
        let kind = match (raw.kind.as_str(), raw.path, raw.endpoint, raw.bucket) {
            ("folder", Some(path), None, None) if !named => Kind::Folder { path },
            ("s3", None, Some(endpoint), Some(bucket)) => Kind::S3(S3 {
                endpoint,
                bucket,
                region: raw.region.unwrap_or_else(|| "us-east-1".into()),
                credentials_file: raw.credentials_file,
                ca: raw.ca,
                prefix: raw.prefix.unwrap_or_default(),
            }),
            _ => return Err("a holder is a folder with path, or s3 with endpoint and bucket"),
        };
        Ok(Self { name: raw.name, kind })
    }
}

impl Config {
    /// A new vault's: one folder beside the keys.
    pub const NEW: &str = "# Where this vault's payloads stand. Every holder holds every payload.\n\
        # 每个存放处都保存全部密文；凭据写在 credentials_file 或环境变量中，不写在此处。\n\
        format = 1\n\n\
        [[holder]]\n\
        name = \"local\"\n\
        kind = \"folder\"\n\
        path = \"payload\"\n\n\
        # [[holder]]\n\
        # name = \"store\"\n\
        # kind = \"s3\"\n\
        # endpoint = \"https://s3.example.org\"\n\
        # bucket = \"linli\"\n\
        # region = \"us-east-1\"\n\
        # credentials_file = \"s3.toml\"\n\
        # ca = \"ca.pem\"\n";

    /// Reads the configuration of a vault's folder.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::File`] if it is missing, [`ErrorKind::Input`] if it does not hold.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(FILE);
        let bytes = durable::read(&path, FILE_BYTES_MAX)?.ok_or_else(|| {
            let shown = folder.display();
            Error::new(
                ErrorKind::File,
                format!("{shown} 不是保管库：没有 {FILE}"),
                format!("{shown} is no vault: it has no {FILE}"),
            )
            .hint_with("用 linli vault init 建立", "make one with `linli vault init`")
        })?;
        let text = String::from_utf8(bytes).map_err(|e| bad(&e, "不是 UTF-8 文本"))?;
        let config: Self =
            toml::from_str(&text).map_err(|e| bad(&e.message(), "有缺失、重复或不认识的内容"))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), Error> {
        if self.format != FORMAT {
            return Err(bad(&"its format is unknown to this version", "格式不为本版本所知"));
        }
        let count = self.holders.len();
        if count == 0 || count > HOLDERS_MAX {
            let en = format!("{count} holders, must be 1 to {HOLDERS_MAX}");
            return Err(bad(&en, &format!("有 {count} 个存放处，须为 1 至 {HOLDERS_MAX} 个")));
        }
        let names: BTreeSet<&str> = self.holders.iter().map(|h| h.name.as_str()).collect();
        if names.len() != count {
            return Err(bad(&"two holders have one name", "两个存放处同名"));
        }
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let named = |name: &&str| {
            !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(plain)
        };
        match names.iter().all(named) {
            true => Ok(()),
            false => Err(bad(
                &"a holder's name must be 1 to 32 of a-z, 0-9 and -",
                "存放处名称须为 1 至 32 个 a-z、0-9 或 -",
            )),
        }
    }
}

fn bad(en: &dyn std::fmt::Display, zh: &str) -> Error {
    Error::new(
        ErrorKind::Input,
        format!("{FILE} 不可用：{zh}"),
        format!("{FILE} is unusable: {en}"),
    )
    .hint_with("见 docs/node-administrator.md", "see docs/node-administrator.md")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, Error> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), text).unwrap();
        Config::read(folder.path())
    }

    #[test]
    fn a_new_vault_has_one_folder() {
        let config = read(Config::NEW).unwrap();
        assert_eq!(config.holders[0].kind, Kind::Folder { path: "payload".into() });
    }

    #[test]
    fn what_makes_no_configuration_is_refused() {
        let holder = "[[holder]]\nname = \"a\"\nkind = \"folder\"\npath = \"p\"\n";
        let s3 = "[[holder]]\nname = \"a\"\nkind = \"s3\"\nbucket = \"b\"\n";
        let bad = [
            String::new(),
            "format = 1\nholder = []\n".into(),
            format!("format = 2\n{holder}"),
            format!("format = 1\n{holder}{holder}"),
            format!("format = 1\n{}", holder.replace("\"a\"", "\"A b\"")),
            format!("format = 1\n{}", holder.replace("folder", "tape")),
            format!("format = 1\n{s3}"),
            format!("format = 1\nsecret = \"x\"\n{holder}"),
        ];
        for text in bad {
            assert_eq!(read(&text).unwrap_err().kind(), ErrorKind::Input, "{text}");
        }
    }
}
