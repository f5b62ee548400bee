//! Files of SM2 keys: locked as all key files are, and bound to organisation and signer's id (K2).

use super::lock::{CIPHER, FORMAT, KDF, Kdf, Lock, Written, exact, locked};
use super::private::{self, no_key};
use crate::error::Error;
use crate::sm2::Sm2Key;
use linli_types::id::ChainId;
use linli_verify::Detail;
use linli_verify::sm2::{PUBLIC_KEY_BYTES, check_key};
use serde::{Deserialize, Serialize};
use std::path::Path;
use zeroize::Zeroizing;

/// The word in the file.
const KIND: &str = "sm2";

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    kind: String,
    public_key: String,
    signer_id: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    org: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    chain: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    development: bool,
    kdf: String,
    kdf_cost: Kdf,
    salt: String,
    cipher: String,
    nonce: String,
    secret: String,
}

impl File {
    fn lock(&self) -> Written<'_> {
        Written {
            format: self.format,
            kdf: &self.kdf,
            cipher: &self.cipher,
            development: self.development,
            cost: self.kdf_cost,
            salt: &self.salt,
            nonce: &self.nonce,
            secret: &self.secret,
        }
    }
}

/// An SM2 key file that has been read and is still locked.
#[derive(Clone, Debug)]
pub struct Sm2KeyFile {
    public: [u8; PUBLIC_KEY_BYTES],
    signer_id: String,
    org: Option<u32>,
    chain: Option<ChainId>,
    lock: Lock,
}

impl Sm2KeyFile {
    /// Encrypts `key` of an organisation and for a chain, as far as they are known. An empty
    /// passphrase makes a development key (K3).
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::Machine`] if there are no random bytes.
    pub fn seal(
        key: &Sm2Key,
        (org, chain): (Option<u32>, Option<ChainId>),
        passphrase: &str,
    ) -> Result<Self, Error> {
        let (public, signer_id) = (key.public(), key.signer_id().to_string());
        let mut file = Self { public, signer_id, org, chain, lock: Lock::new(passphrase)? };
        let associated = file.associated();
        file.lock.seal(&key.to_bytes(), &associated, passphrase)?;
        Ok(file)
    }

    /// Decrypts the key.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::Key`] if the passphrase is wrong or the file was changed.
    pub fn open(&self, passphrase: &str) -> Result<Sm2Key, Error> {
        let number = self.lock.open(&self.associated(), passphrase)?;
        let key = Sm2Key::from_bytes(&number, &self.signer_id)?;
        if key.public() == self.public { Ok(key) } else { Err(locked()) }
    }

    /// Reads and checks a key file (K1).
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::File`] if it cannot be read or others may read it, [`crate::ErrorKind::Key`] if it
    /// holds no SM2 key.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = private::read(path)?;
        Self::from_json(&text).map_err(|why| no_key(path, &why))
    }

    /// Whether the file at `path` says that it holds an SM2 key.
    pub fn is_at(path: &Path) -> bool {
        #[derive(Deserialize)]
        struct Kind {
            kind: String,
        }
        let read = |text: Zeroizing<String>| serde_json::from_str::<Kind>(&text).ok();
        private::read(path).ok().and_then(read).is_some_and(|file| file.kind == KIND)
    }

    /// Writes a new file that only its owner may read; never over an old one.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::File`], also if the file exists.
    pub fn write_new(&self, path: &Path) -> Result<(), Error> {
        private::write_new(path, &self.to_json())
    }

    /// The public key. Claimed by the file until it is opened.
    pub const fn public(&self) -> [u8; PUBLIC_KEY_BYTES] {
        self.public
    }

    /// The signer's id. Claimed by the file until it is opened.
    pub fn signer_id(&self) -> &str {
        &self.signer_id
    }

    /// Whose key it is, if that is known. Claimed by the file until it is opened.
    pub const fn org(&self) -> Option<u32> {
        self.org
    }

    /// The chain it is meant for, if that is known. Claimed by the file until it is opened.
    pub const fn chain(&self) -> Option<ChainId> {
        self.chain
    }

    /// Whether it opens without a passphrase.
    pub const fn is_development(&self) -> bool {
        self.lock.development
    }

    /// The file's text.
    ///
    /// # Panics
    ///
    /// Never: text fields make JSON.
    pub fn to_json(&self) -> String {
        let file = File {
            format: FORMAT,
            kind: KIND.into(),
            public_key: hex::encode(self.public),
            signer_id: self.signer_id.clone(),
            org: self.org,
            chain: self.chain.map(|id| id.to_string()),
            development: self.lock.development,
            kdf: KDF.into(),
            kdf_cost: self.lock.cost,
            salt: hex::encode(self.lock.salt),
            cipher: CIPHER.into(),
            nonce: hex::encode(self.lock.nonce),
            secret: hex::encode(&self.lock.secret),
        };
        let mut text = serde_json::to_string_pretty(&file).expect("text fields make JSON");
        text.push('\n');
        text
    }

    fn from_json(text: &str) -> Result<Self, Detail> {
        let file: File = serde_json::from_str(text)?;
        let lock = Lock::read(&file.lock())?;
        if file.kind != KIND {
            let kind = &file.kind;
            return Err(Detail::new(
                format!("{kind} 密钥不是 SM2 密钥"),
                format!("a {kind} key is no SM2 key"),
            ));
        }
        let public = exact("public_key", &file.public_key)?;
        check_key(&public, &file.signer_id).map_err(|why| why.detail())?;
        let chain = file.chain.map(|t| t.parse()).transpose().map_err(|e| format!("chain: {e}"))?;
        Ok(Self { public, signer_id: file.signer_id, org: file.org, chain, lock })
    }

    /// K2: everything that stands in the clear. The id stands last: it may hold any character.
    fn associated(&self) -> Vec<u8> {
        let Kdf { memory_kib, passes, lanes } = self.lock.cost;
        format!(
            "linli.key-file.v{FORMAT}|{KIND}|{}|{}|{}|{}|{memory_kib}|{passes}|{lanes}|{}",
            hex::encode(self.public),
            self.org.map(|org| org.to_string()).unwrap_or_default(),
            self.chain.map(|id| id.to_string()).unwrap_or_default(),
            self.lock.development,
            self.signer_id,
        )
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::keystore::KeyFile;

    fn sealed(passphrase: &str) -> (Sm2Key, Sm2KeyFile) {
        let key = Sm2Key::generate("linli-org-2").unwrap();
        let about = (Some(2), Some(ChainId([4; 32])));
        let file = Sm2KeyFile::seal(&key, about, passphrase).unwrap();
        (key, file)
    }

    #[test]
    fn a_key_comes_back_with_its_passphrase_and_not_without() {
        let (key, file) = sealed("correct horse");
        let read = Sm2KeyFile::from_json(&file.to_json()).unwrap();
        assert_eq!(read.open("correct horse").unwrap().public(), key.public());
        assert_eq!((read.org(), read.signer_id()), (Some(2), "linli-org-2"));
        for wrong in ["", "correct horsf"] {
            assert_eq!(read.open(wrong).unwrap_err().kind(), ErrorKind::Key, "{wrong}");
        }
    }

    #[test]
    fn no_field_of_the_file_can_be_exchanged() {
        let (_, file) = sealed("");
        type Change = fn(&mut Sm2KeyFile);
        let changes: [Change; 6] = [
            |f| f.public = Sm2Key::from_bytes(&[7; 32], "a").unwrap().public(),
            |f| f.signer_id = "linli-org-3".into(),
            |f| f.org = Some(3),
            |f| f.chain = None,
            |f| f.lock.salt[0] ^= 1,
            |f| f.lock.secret[3] ^= 1,
        ];
        for (i, change) in changes.into_iter().enumerate() {
            let mut changed = file.clone();
            change(&mut changed);
            assert!(changed.open("").is_err(), "change {i}");
        }
        assert!(file.open("").is_ok());
    }

    #[test]
    fn files_of_the_two_kinds_are_not_taken_for_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let (sm2, other) = (folder.path().join("sm2.key"), folder.path().join("other.key"));
        sealed("").1.write_new(&sm2).unwrap();
        let key = crate::SecretKey::generate().unwrap();
        let about = crate::About::default();
        let file = KeyFile::seal(&key, crate::KeyKind::Principal, about, "").unwrap();
        file.write_new(&other).unwrap();
        assert!(Sm2KeyFile::is_at(&sm2) && !Sm2KeyFile::is_at(&other));
        assert!(Sm2KeyFile::read(&sm2).is_ok() && KeyFile::read(&other).is_ok());
        assert_eq!(Sm2KeyFile::read(&other).unwrap_err().kind(), ErrorKind::Key);
        assert_eq!(KeyFile::read(&sm2).unwrap_err().kind(), ErrorKind::Key);
        assert_eq!(sealed("").1.write_new(&sm2).unwrap_err().kind(), ErrorKind::File);
    }
}
