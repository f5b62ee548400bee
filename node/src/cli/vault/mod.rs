//! `linli vault`: payloads off the ledger, encrypted per record, and their erasure.

mod ask;
mod elsewhere;
mod erase;
mod look;
mod put;

use super::key::Passphrase;
use super::{Failure, Output};
use crate::words::words;
use linli_runtime::pii;
use linli_sdk::vault::{Actor, Opening};
use linli_sdk::{KeyKind, SecretKey, Vault as Store};
use linli_types::human;
use linli_types::id::Digest;
use std::path::{Path, PathBuf};

/// Keeps files, manifests and packs off the ledger, encrypted, until they are erased.
#[derive(clap::Args)]
pub(super) struct Vault {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Makes a vault.
    Init(look::Init),
    /// Stores a record's files; repeated after an interruption, it goes on.
    Put(put::Put),
    /// Gives a record out again; the access is logged first.
    Get(put::Get),
    /// Lists the records.
    List(look::List),
    /// Destroys a record's key, salt and payload everywhere and notes it on the ledger.
    Erase(erase::Erase),
    /// Reads everything and compares.
    Verify(look::Verify),
    /// Shows who did what with which record, and why.
    Log(look::Log),
}

impl Vault {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        match self.command {
            Command::Init(command) => command.run(out),
            Command::Put(command) => command.run(out),
            Command::Get(command) => command.run(out),
            Command::List(command) => command.run(out),
            Command::Erase(command) => command.run(out),
            Command::Verify(command) => command.run(out),
            Command::Log(command) => command.run(out),
        }
    }
}

/// Which vault, and its master key.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Which {
    /// The vault's folder.
    #[arg(long, value_name = "DIR")]
    vault: PathBuf,
    /// The vault's master key file, of kind vault; it stands apart from the payloads.
    #[arg(long, value_name = "FILE")]
    vault_key: PathBuf,
    /// File that holds the master key's passphrase.
    #[arg(long, value_name = "FILE")]
    vault_passphrase_file: Option<PathBuf>,
    /// Takes http:// stores on other machines too: for experiments alone.
    #[arg(long)]
    insecure_dev: bool,
}

/// A vault whose secret makes keyed tags of files, if one is named.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Tagging {
    /// A vault's folder: its secret makes keyed tags, by which the same file is found again.
    #[arg(long, value_name = "DIR", requires = "vault_key")]
    vault: Option<PathBuf>,
    /// The vault's master key file, of kind vault.
    #[arg(long, value_name = "FILE", requires = "vault")]
    vault_key: Option<PathBuf>,
    /// File that holds the master key's passphrase.
    #[arg(long, value_name = "FILE", requires = "vault")]
    vault_passphrase_file: Option<PathBuf>,
}

impl Tagging {
    /// Opens the vault, if one is named.
    ///
    /// # Errors
    ///
    /// As [`Which::open`].
    pub(super) fn open(&self) -> Result<Option<Store>, Failure> {
        let (Some(vault), Some(vault_key)) = (&self.vault, &self.vault_key) else {
            return Ok(None);
        };
        let which = Which {
            vault: vault.clone(),
            vault_key: vault_key.clone(),
            vault_passphrase_file: self.vault_passphrase_file.clone(),
            insecure_dev: false,
        };
        which.open().map(Some)
    }
}

/// Who acts, and why: both are written into the access log.
#[derive(clap::Args, Clone, Debug)]
struct By {
    /// Who acts: a PR- code or an account's name, no personal data.
    #[arg(long, value_name = "TEXT")]
    who: String,
    /// Why, in a few words, no personal data.
    #[arg(long, value_name = "TEXT")]
    why: String,
}

impl Which {
    fn key(&self) -> Result<SecretKey, Failure> {
        let passphrase = match &self.vault_passphrase_file {
            Some(path) => Passphrase::of(path.clone()),
            None => Passphrase::default(),
        };
        let (file, key) = passphrase.open(&self.vault_key)?;
        if file.kind() != KeyKind::Vault {
            let (path, kind) = (self.vault_key.display(), file.kind().name());
            return Err(Failure::usage(
                words!(
                    "{path} 是 {kind} 密钥，不是保管库主密钥",
                    "{path} is a {kind} key, not a vault's"
                ),
                words!(
                    "用 linli key new --kind vault 生成",
                    "make one with `linli key new --kind vault`"
                ),
            ));
        }
        Ok(key)
    }

    /// Opens the vault.
    ///
    /// # Errors
    ///
    /// The key, the folder or the access log does not hold, or another process has it open.
    pub(super) fn open(&self) -> Result<Store, Failure> {
        let opening = Opening { insecure_dev: self.insecure_dev };
        Ok(Store::open(&self.vault, &self.key()?, opening)?)
    }
}

impl By {
    /// What is logged is kept for ever: no personal data in it (LEG-05).
    fn actor(&self) -> Result<Actor, Failure> {
        for text in [&self.who, &self.why] {
            no_personal_data(text)?;
        }
        Ok(Actor::new(&self.who, &self.why)?)
    }
}

/// Refuses a text that seems to hold personal data (LEG-05).
pub(super) fn no_personal_data(text: &str) -> Result<(), Failure> {
    let Some(kind) = pii::find(text) else { return Ok(()) };
    Err(Failure::refused(
        "PII_SUSPECTED",
        words!("文字疑似含有个人信息（{kind}）", "the text seems to hold personal data ({kind})"),
        words!("请改用编号或假名，例如改名文件", "use a code or a pseudonym: rename the file, say"),
    ))
}

/// Refuses a file whose name seems to hold personal data: names stand in manifests (LEG-05).
pub(super) fn plain_name(path: &Path) -> Result<(), Failure> {
    no_personal_data(&path.file_name().unwrap_or_default().to_string_lossy())
}

/// A record: 64 hexadecimal digits, or its EV- code.
fn record(text: &str) -> Result<Digest, String> {
    if text.to_ascii_uppercase().starts_with("EV") {
        let (_, bytes) = human::read(text).map_err(|e| e.to_string())?;
        return Digest::from_slice(&bytes).ok_or_else(|| "32 bytes".into());
    }
    text.parse().map_err(|e: linli_types::id::NotHex| e.to_string())
}

fn code(record: &Digest) -> String {
    human::write(human::Kind::Evidence, &record.0)
}
