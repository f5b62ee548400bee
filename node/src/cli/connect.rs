//! Talking to a node: the address, the key that signs, the chain it signs for.
//!
//! The chain comes from `--genesis` if given, else from the key file, which names it. Everything on
//! the wire is the SDK's; this page turns its answers into ends of a command.

use super::key::Passphrase;
use super::output::{Exit, Trace};
use super::{Failure, genesis};
use crate::words::{Words, words};
use linli_sdk::client::Found;
use linli_sdk::receipt::words as refusal_words;
use linli_sdk::{
    Client, Draft, Error, ErrorKind, KeyFile, Options, Outcome, Schema, SecretKey, Signed, Trust,
};
use linli_types::code::{Code, Lang};
use linli_types::id::{ChainId, PrincipalId};
use linli_types::receipt::{Outcome as Ended, Receipt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where a node listens unless told otherwise.
const NODE: &str = "http://127.0.0.1:7401";
/// How long a definite outcome is waited for: validity, one heartbeat, and a reserve.
const PATIENCE: Duration = Duration::from_secs(120);

/// Which node, and who asks.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Connect {
    /// The node's gRPC address: https:// with --ca, http:// on the node's own machine.
    #[arg(long, value_name = "URL", default_value = NODE)]
    node: String,
    #[command(flatten)]
    who: Who,
}

/// Who asks, and whom they believe.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Who {
    /// The key file that signs.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The genesis file, if the key file does not name its chain.
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// Certificates, in PEM, of the authorities that a node's own may be issued by.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    #[command(flatten)]
    passphrase: Passphrase,
}

/// A connection with a key.
pub(super) struct Node {
    pub(super) client: Client,
    key: SecretKey,
    principal: Option<PrincipalId>,
}

impl Connect {
    /// Opens the key and connects.
    ///
    /// # Errors
    ///
    /// The key, the genesis or the address is not usable, or nobody answers.
    pub(super) async fn open(&self) -> Result<Node, Failure> {
        self.who.open()?.connect(&self.node).await
    }

    /// The genesis file, if one is given.
    pub(super) fn genesis(&self) -> Option<&Path> {
        self.who.genesis()
    }

    /// Which chain is asked.
    ///
    /// # Errors
    ///
    /// Neither genesis nor key file says.
    pub(super) fn chain(&self) -> Result<ChainId, Failure> {
        self.who.chain(&self.key_file()?)
    }

    /// The key file that signs.
    ///
    /// # Errors
    ///
    /// It is no key file, or open to others.
    pub(super) fn key_file(&self) -> Result<KeyFile, Failure> {
        Ok(KeyFile::read(&self.who.key)?)
    }

    /// Where its passphrase comes from.
    pub(super) const fn passphrase(&self) -> &Passphrase {
        &self.who.passphrase
    }
}

/// Who asks, with everything opened that stands in files.
pub(super) struct Asker {
    key: SecretKey,
    principal: Option<PrincipalId>,
    chain: ChainId,
    trust: Option<Trust>,
}

impl Who {
    /// Opens the key and reads what the chain and the authorities are.
    ///
    /// # Errors
    ///
    /// The key, the genesis or the authorities' file is not usable.
    pub(super) fn open(&self) -> Result<Asker, Failure> {
        let (file, key) = self.passphrase.open(&self.key)?;
        let chain = self.chain(&file)?;
        let trust = self.ca.as_deref().map(Trust::read).transpose()?;
        Ok(Asker { key, principal: file.about().principal, chain, trust })
    }

    /// Which chain is asked, as the genesis or else the key file says.
    fn chain(&self, file: &KeyFile) -> Result<ChainId, Failure> {
        match (&self.genesis, file.about().chain) {
            (Some(path), _) => Ok(genesis::read(path)?.1),
            (None, Some(chain)) => Ok(chain),
            (None, None) => Err(Failure::usage(
                words!("密钥文件没有写明是哪条链", "the key file does not name its chain"),
                words!("请加 --genesis", "add --genesis"),
            )),
        }
    }

    /// The genesis file, if one is given.
    pub(super) fn genesis(&self) -> Option<&Path> {
        self.genesis.as_deref()
    }
}

impl Asker {
    /// Connects to one node. An address without a scheme means TLS exactly if authorities are given.
    ///
    /// # Errors
    ///
    /// The address is not usable, the node is not to be believed, or nobody answers.
    pub(super) async fn connect(&self, node: &str) -> Result<Node, Failure> {
        let client = self.client(node).await?;
        Ok(Node { client, key: self.key.clone(), principal: self.principal })
    }

    /// The same as the SDK says it, for a command that asks several nodes.
    ///
    /// # Errors
    ///
    /// As [`Self::connect`].
    pub(super) async fn client(&self, node: &str) -> Result<Client, Error> {
        let url = match (node.contains("://"), &self.trust) {
            (true, _) => node.to_owned(),
            (false, Some(_)) => format!("https://{node}"),
            (false, None) => format!("http://{node}"),
        };
        let (key, options) = (self.key.clone(), Options::default());
        let trust = self.trust.as_ref();
        Client::connect_trusting(&url, self.chain, key, options, trust).await
    }
}

impl Node {
    /// Whose key this is, as its file says.
    ///
    /// # Errors
    ///
    /// The file does not say.
    pub(super) fn principal(&self) -> Result<PrincipalId, Failure> {
        self.principal.ok_or_else(|| {
            Failure::usage(
                words!("密钥文件没有写明主体", "the key file does not name its principal"),
                words!(
                    "用 linli key new --principal 生成，或请登记方重新签发",
                    "make one with `linli key new --principal`, or ask for a new file"
                ),
            )
        })
    }

    /// The key.
    pub(super) const fn key(&self) -> &SecretKey {
        &self.key
    }

    /// Signs a draft with this connection's key.
    ///
    /// # Errors
    ///
    /// No node would take it, or the key names no principal.
    pub(super) fn sign(&self, draft: Draft) -> Result<Signed, Failure> {
        Ok(draft.sign(&self.key, self.client.chain(), self.principal()?)?)
    }

    /// Hands a transaction in and waits until its outcome is definite.
    ///
    /// # Errors
    ///
    /// Refused before a block, expired, or no definite answer. A refusal receipt is no error here.
    pub(super) async fn settle(&self, signed: &Signed) -> Result<Found, Failure> {
        if let Err(error) = self.client.submit(signed).await {
            // Whatever is no refusal may have arrived all the same: the receipt tells.
            if error.kind() == ErrorKind::Refused {
                return Err(error.into());
            }
        }
        match self.client.wait_receipt(signed, PATIENCE).await {
            Outcome::Done(found) | Outcome::Refused(found) => Ok(found),
            Outcome::NotThere { .. } => Err(Failure::refused(
                Code::Expired.name(),
                words!("交易在有效期内未入块", "no block took the transaction while it was valid"),
                words!("请重新提交", "submit again"),
            )),
            Outcome::Indefinite(error) => Err(unknown(signed, &Failure::from(error))),
        }
    }
}

fn unknown(signed: &Signed, why: &Failure) -> Failure {
    let (id, Words { zh, en }) = (signed.id, why.what());
    Failure::new(
        Exit::Broken,
        "NO_ANSWER",
        words!("交易 {id} 没有确定的结果：{zh}", "transaction {id} has no definite outcome: {en}"),
        words!(
            "稍后用 linli evidence receipt {id} 查询",
            "ask later with `linli evidence receipt {id}`"
        ),
    )
    .leaving(Trace::Unknown)
}

/// The refusal that a receipt records, in words; `None` if all calls took effect.
pub(super) fn refusal(receipt: &Receipt, schema: Option<&Schema>) -> Option<Failure> {
    let Ended::Refused { refusal, .. } = &receipt.outcome else { return None };
    let [zh, en] = [Lang::Zh, Lang::En].map(|lang| refusal_words(refusal, schema, lang));
    let (what, hint) = (Words { zh: zh.text, en: en.text }, Words { zh: zh.next, en: en.next });
    Some(Failure::refused(&en.name, what, hint).leaving(Trace::Receipt))
}
