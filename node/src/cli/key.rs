//! `linli key new | show`: key files, encrypted at rest; and what is done with them in the ledger.
//!
//! A passphrase is read from a file (or `-` for standard input), never from an argument that other
//! users of the machine could see. Without one a key is a development key and says so.

use super::rotate::{List, Recover, Revoke, Rotate};
use super::{Failure, Output, unreadable};
use crate::words::words;
use linli_sdk::{About, KeyFile, KeyKind, SecretKey, Sm2Key, Sm2KeyFile};
use linli_types::human;
use linli_types::id::{ChainId, PrincipalId, PublicKey};
use linli_verify::sm2::{DEFAULT_SIGNER_ID, key_id};
use serde_json::json;
use std::cell::OnceCell;
use std::io::Read;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Bytes of a passphrase file.
const PASSPHRASE_BYTES_MAX: u64 = 1024;

/// Makes and shows keys.
#[derive(clap::Args)]
pub(super) struct Key {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Makes a key and writes it to a new file.
    New(New),
    /// Shows the public half of a key file.
    Show(Show),
    /// Makes a new key for the principal of --key, and ends that one after an overlap.
    Rotate(Rotate),
    /// Ends one of the principal's keys.
    Revoke(Revoke),
    /// Lists a principal's keys in the ledger.
    List(List),
    /// Gives who lost their keys a new one, after a wait.
    Recover(Recover),
}

/// Makes a key.
#[derive(clap::Args)]
struct New {
    /// The file to write; an existing one is never overwritten.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What the key is for: validator, network, principal, receipt or vault.
    #[arg(long, value_name = "KIND", value_parser = kind, default_value = "principal")]
    kind: KeyKind,
    /// Whose key it is: a principal, as hexadecimal or PR- code.
    #[arg(long, value_name = "ID", value_parser = principal)]
    principal: Option<PrincipalId>,
    /// The chain it is for, in hexadecimal.
    #[arg(long, value_name = "ID")]
    chain: Option<ChainId>,
    #[command(flatten)]
    passphrase: Passphrase,
    /// Makes a development key, which opens without a passphrase.
    #[arg(long, conflicts_with = "passphrase_file")]
    development: bool,
    /// Makes an SM2 key, an organisation's second one.
    #[arg(long, conflicts_with_all = ["kind", "principal"])]
    sm2: bool,
    /// The id that SM2 signatures name their signer by, 1 to 64 bytes.
    #[arg(long, value_name = "TEXT", requires = "sm2", default_value = DEFAULT_SIGNER_ID)]
    signer_id: String,
    /// The organisation that the SM2 key is for.
    #[arg(long, value_name = "NUMBER", requires = "sm2")]
    org: Option<u32>,
}

/// Shows a key file.
#[derive(clap::Args)]
struct Show {
    /// The key file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Where a passphrase comes from.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct Passphrase {
    /// File that holds the key's passphrase; - reads standard input. Development keys need none.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// What was read: standard input and pipes can be read once, and a node has two keys.
    #[arg(skip)]
    known: Known,
}

/// A passphrase that was read; wiped when it is dropped, and never shown.
#[derive(Clone, Default)]
struct Known(OnceCell<Zeroizing<String>>);

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Known(…)")
    }
}

impl Passphrase {
    /// A passphrase that stands in a file.
    pub(super) fn of(path: PathBuf) -> Self {
        Self { passphrase_file: Some(path), ..Self::default() }
    }

    /// A passphrase for a new key.
    ///
    /// # Errors
    ///
    /// There is none.
    pub(super) fn required(&self) -> Result<&str, Failure> {
        let given = self.read()?.filter(|passphrase| !passphrase.is_empty());
        given.ok_or_else(|| {
            Failure::usage(
                words!("密钥须加密保存", "a key is encrypted at rest"),
                words!(
                    "请给出 --passphrase-file，或用 --development 生成开发密钥",
                    "give --passphrase-file, or --development for a key of a development chain"
                ),
            )
        })
    }

    fn read(&self) -> Result<Option<&str>, Failure> {
        let Some(path) = &self.passphrase_file else { return Ok(None) };
        if let Some(known) = self.known.0.get() {
            return Ok(Some(known));
        }
        let mut text = Zeroizing::new(String::new());
        let read = match path.as_os_str() == "-" {
            true => std::io::stdin().take(PASSPHRASE_BYTES_MAX).read_to_string(&mut text),
            false => std::fs::File::open(path)
                .and_then(|file| file.take(PASSPHRASE_BYTES_MAX).read_to_string(&mut text)),
        };
        read.map_err(|e| unreadable(path, &e))?;
        let end = text.trim_end_matches(['\r', '\n']).len();
        text.truncate(end);
        Ok(Some(self.known.0.get_or_init(|| text)))
    }

    /// The passphrase that guards a key file; empty for a development key.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub(super) fn guarding(&self, path: &Path) -> Result<&str, Failure> {
        match KeyFile::read(path)?.is_development() {
            true => Ok(""),
            false => self.required(),
        }
    }

    /// Opens a key file.
    ///
    /// # Errors
    ///
    /// The file is no key file, is open to others, or the passphrase is missing or wrong.
    pub(super) fn open(&self, path: &Path) -> Result<(KeyFile, SecretKey), Failure> {
        let file = KeyFile::read(path)?;
        if file.is_development() {
            let key = file.open("")?;
            return Ok((file, key));
        }
        let Some(passphrase) = self.read()? else {
            let path = path.display();
            return Err(Failure::usage(
                words!("密钥 {path} 需要口令", "the key {path} needs its passphrase"),
                words!("请用 --passphrase-file 指定口令文件", "name a file with --passphrase-file"),
            ));
        };
        let key = file.open(passphrase)?;
        Ok((file, key))
    }
}

fn kind(text: &str) -> Result<KeyKind, String> {
    let kinds = [
        KeyKind::Validator,
        KeyKind::Network,
        KeyKind::Principal,
        KeyKind::Receipt,
        KeyKind::Vault,
    ];
    let found = kinds.into_iter().find(|kind| kind.name() == text);
    found.ok_or_else(|| "validator, network, principal, receipt, vault".into())
}

/// A principal in hexadecimal or as a code.
pub(super) fn principal(text: &str) -> Result<PrincipalId, String> {
    if text.to_ascii_uppercase().starts_with("PR") {
        let (_, bytes) = human::read(text).map_err(|e| e.to_string())?;
        return PrincipalId::from_slice(&bytes).ok_or_else(|| "16 bytes".into());
    }
    text.parse().map_err(|e: linli_types::id::NotHex| e.to_string())
}

/// The public half of a key, in hexadecimal.
pub(super) fn public_key(text: &str) -> Result<PublicKey, String> {
    text.parse().map_err(|e: linli_types::id::NotHex| e.to_string())
}

impl Key {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        match self.command {
            Command::New(new) => new.run(out),
            Command::Show(show) => show.run(out),
            Command::Rotate(rotate) => rotate.run(out),
            Command::Revoke(revoke) => revoke.run(out),
            Command::List(list) => list.run(out),
            Command::Recover(recover) => recover.run(out),
        }
    }
}

impl New {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let passphrase = if self.development { "" } else { self.passphrase.required()? };
        if self.sm2 {
            let key = Sm2Key::generate(&self.signer_id)?;
            let file = Sm2KeyFile::seal(&key, (self.org, self.chain), passphrase)?;
            file.write_new(&self.file)?;
            show_sm2(&file, out);
            return Ok(());
        }
        let about = About { principal: self.principal, chain: self.chain };
        let file = KeyFile::seal(&SecretKey::generate()?, self.kind, about, passphrase)?;
        file.write_new(&self.file)?;
        show(&file, out);
        Ok(())
    }
}

impl Show {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        match Sm2KeyFile::is_at(&self.file) {
            true => show_sm2(&Sm2KeyFile::read(&self.file)?, out),
            false => show(&KeyFile::read(&self.file)?, out),
        }
        Ok(())
    }
}

fn show(file: &KeyFile, out: &mut Output) {
    let (kind, public, about) = (file.kind().name(), file.public(), file.about());
    let code = about.principal.map(|id| human::write(human::Kind::Principal, &id.0));
    let json = json!({
        "kind": kind,
        "public_key": public.to_string(),
        "principal": about.principal.map(|id| id.to_string()),
        "principal_code": code,
        "chain": about.chain.map(|id| id.to_string()),
        "development": file.is_development(),
    });
    let whose = code.unwrap_or_else(|| "-".into());
    let text = words!(
        "{kind}  公钥 {public}  主体 {whose}",
        "{kind}  public key {public}  principal {whose}"
    );
    out.answer(&json, &text);
}

fn show_sm2(file: &Sm2KeyFile, out: &mut Output) {
    let (public, id) = (hex::encode(file.public()), file.signer_id());
    let (key_id, org) = (key_id(&file.public()), file.org());
    let json = json!({
        "kind": "sm2",
        "public_key": public,
        "key_id": key_id.to_string(),
        "signer_id": id,
        "org": org,
        "chain": file.chain().map(|id| id.to_string()),
        "development": file.is_development(),
    });
    let whose = org.map_or_else(|| "-".into(), |org| org.to_string());
    let text = words!(
        "sm2  公钥 {public}  标识 {id}  密钥编号 {key_id}  机构 {whose}",
        "sm2  public key {public}  signer id {id}  key id {key_id}  organisation {whose}"
    );
    out.answer(&json, &text);
}
