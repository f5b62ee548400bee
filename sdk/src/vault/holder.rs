//! One holder of payloads: a folder or a bucket, with sealed segments as objects.
//!
//! A segment's object is `body/<record's random name>/<part>-<index>-<BLAKE3 of the sealed bytes>`.
//! It is written at once or not at all, so an upload goes on where it stopped, and what a record has
//! on a holder is found by listing: nothing hides in an unfinished upload.

use super::config::{HolderConfig, Kind, S3};
use super::s3;
use crate::durable;
use crate::error::{Error, ErrorKind};
use futures::StreamExt as _;
use linli_types::id::Digest;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Place;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt as _, PutPayload};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A holder that was opened.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) name: String,
    store: Arc<dyn ObjectStore>,
    /// The folder, if it is one: leftovers of an interrupted write are no objects yet.
    folder: Option<PathBuf>,
    prefix: String,
}

/// Which segment of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) part: u32,
    pub(super) index: u64,
    pub(super) digest: Digest,
}

impl Name {
    fn text(&self) -> String {
        format!("{:05}-{:08}-{}", self.part, self.index, self.digest)
    }
}

impl Holder {
    pub(super) fn open(
        vault: &Path,
        config: &HolderConfig,
        insecure_dev: bool,
    ) -> Result<Self, Error> {
        let name = config.name.clone();
        match &config.kind {
            Kind::Folder { path } => {
                let folder = vault.join(path);
                durable::folder(&folder)?;
                let store = LocalFileSystem::new_with_prefix(&folder)
                    .map_err(|e| failed(&name, &e))?
                    .with_fsync(true);
                Ok(Self {
                    name,
                    store: Arc::new(store),
                    folder: Some(folder),
                    prefix: String::new(),
                })
            }
            Kind::S3(config) => {
                let S3 { prefix, .. } = config;
                let prefix = match prefix.trim_matches('/') {
                    "" => String::new(),
                    prefix => format!("{prefix}/"),
                };
                let store = s3::open(vault, config, insecure_dev)?;
                Ok(Self { name, store, folder: None, prefix })
            }
        }
    }

    fn place(&self, body: &[u8; 16], name: &Name) -> Place {
        Place::from(format!("{}body/{}/{}", self.prefix, hex::encode(body), name.text()))
    }

    fn within(&self, body: &[u8; 16]) -> Place {
        Place::from(format!("{}body/{}", self.prefix, hex::encode(body)))
    }

    /// Writes a segment whole. The same one again changes nothing: its name is its digest.
    pub(super) async fn put(
        &self,
        body: &[u8; 16],
        name: &Name,
        sealed: PutPayload,
    ) -> Result<(), Error> {
        self.store
            .put(&self.place(body, name), sealed)
            .await
            .map(|_| ())
            .map_err(|e| failed(&self.name, &e))
    }

    /// A segment's bytes; `None` if it is not there or not what its name says.
    pub(super) async fn get(&self, body: &[u8; 16], name: &Name) -> Result<Option<Vec<u8>>, Error> {
        let bytes = match self.store.get(&self.place(body, name)).await {
            Ok(found) => found.bytes().await.map_err(|e| failed(&self.name, &e))?,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(e) => return Err(failed(&self.name, &e)),
        };
        let sound = blake3::hash(&bytes).as_bytes() == &name.digest.0;
        Ok(sound.then(|| bytes.to_vec()))
    }

    /// The texts of the segments' names that stand here.
    pub(super) async fn names(&self, body: &[u8; 16]) -> Result<BTreeSet<String>, Error> {
        let within = self.within(body);
        let mut list = self.store.list(Some(&within));
        let mut names = BTreeSet::new();
        while let Some(found) = list.next().await {
            let found = found.map_err(|e| failed(&self.name, &e))?;
            names.extend(found.location.filename().map(str::to_owned));
        }
        Ok(names)
    }

    pub(super) fn has(names: &BTreeSet<String>, name: &Name) -> bool {
        names.contains(&name.text())
    }

    /// Deletes whatever stands under a body and looks that nothing does. Answers how many objects it
    /// deleted; there may be none any more.
    pub(super) async fn erase(&self, body: &[u8; 16]) -> Result<u64, Error> {
        let within = self.within(body);
        let mut deleted = 0_u64;
        for name in self.names(body).await? {
            let place = Place::from(format!("{within}/{name}"));
            match self.store.delete(&place).await {
                Ok(()) => deleted = deleted.saturating_add(1),
                Err(StoreError::NotFound { .. }) => {}
                Err(e) => return Err(failed(&self.name, &e)),
            }
        }
        if let Some(folder) = &self.folder {
            let folder = folder.join("body").join(hex::encode(body));
            match std::fs::remove_dir_all(&folder) {
                Ok(()) => {
                    durable::sync_folder(&folder).map_err(|e| durable::failed(&folder, &e))?
                }
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(durable::failed(&folder, &e)),
            }
        }
        match self.names(body).await?.is_empty() {
            true => Ok(deleted),
            false => Err(Error::new(
                ErrorKind::BadAnswer,
                format!("存放处 {} 删除后仍列出密文", self.name),
                format!("the holder {} still lists what it was told to delete", self.name),
            )
            .hint_with(
                "请检查该存放处的版本控制与对象锁定设置，关闭后重试",
                "check its versioning and object lock, switch them off and repeat",
            )
            .named("VAULT_NOT_DELETED")),
        }
    }

    /// The bodies that stand here, in hexadecimal.
    pub(super) async fn bodies(&self) -> Result<BTreeSet<String>, Error> {
        let root = Place::from(format!("{}body", self.prefix));
        let listed = self.store.list_with_delimiter(Some(&root)).await;
        let listed = listed.map_err(|e| failed(&self.name, &e))?;
        let names = listed.common_prefixes.iter().filter_map(|p| p.filename());
        Ok(names.map(str::to_owned).collect())
    }
}

/// What a store said, in our words; never a credential, which only the request's signature knows.
pub(super) fn failed(holder: &str, why: &StoreError) -> Error {
    let (kind, name, zh, hint) = match Trouble::of(why) {
        Trouble::Denied => (
            ErrorKind::Refused,
            "VAULT_DENIED",
            "拒绝了凭据",
            ("请核对访问密钥及其权限", "check the access key and what it may do"),
        ),
        Trouble::NoBucket => (
            ErrorKind::Refused,
            "VAULT_NO_BUCKET",
            "没有该存储桶",
            (
                "请先建立存储桶，并核对 bucket 与 endpoint",
                "make the bucket first; check bucket and endpoint",
            ),
        ),
        Trouble::Other => (
            ErrorKind::Unreachable,
            "VAULT_HOLDER",
            "没有完成请求",
            (
                "稍后用同一命令重试，已完成的部分不会重传",
                "repeat the same command later: it goes on where it stopped",
            ),
        ),
    };
    Error::new(
        kind,
        format!("存放处 {holder} {zh}：{why}"),
        format!("the holder {holder} did not do it: {why}"),
    )
    .hint_with(hint.0, hint.1)
    .named(name)
}

enum Trouble {
    Denied,
    NoBucket,
    Other,
}

impl Trouble {
    /// A listing's error names its status in words alone.
    fn of(why: &StoreError) -> Self {
        let text = why.to_string();
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        match why {
            StoreError::Unauthenticated { .. } | StoreError::PermissionDenied { .. } => {
                Self::Denied
            }
            StoreError::NotFound { .. } => Self::NoBucket,
            _ if says(&["status code: 401", "status code: 403"]) => Self::Denied,
            _ if says(&["<Code>NoSuchBucket</Code>"]) => Self::NoBucket,
            _ => Self::Other,
        }
    }
}
