//! Talking to a node: the address, the key that signs, the chain it signs for.
//!
//! The chain comes from `--genesis` if given, else from the key file, which names it.

use super::key::Passphrase;
use super::output::{Exit, Trace};
use super::{Failure, genesis};
use crate::words::{Words, words};
use linli_proto::Refused;
use linli_proto::ledger_client::LedgerClient;
use linli_sdk::{SecretKey, read_header};
use linli_types::code::Code;
use linli_types::height::TimeMs;
use linli_types::id::{ChainId, PrincipalId};
use prost::Message;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// Where a node listens unless told otherwise.
pub(super) const NODE: &str = "http://127.0.0.1:7401";
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(40);

/// Which node, and who asks.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Connect {
    /// The node's gRPC address.
    #[arg(long, value_name = "URL", default_value = NODE)]
    node: String,
    /// The key file that signs.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The genesis file, if the key file does not name its chain.
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
    #[command(flatten)]
    passphrase: Passphrase,
}

/// A connection with a key.
pub(super) struct Node {
    pub(super) client: LedgerClient<Channel>,
    pub(super) key: SecretKey,
    pub(super) chain: ChainId,
    principal: Option<PrincipalId>,
}

impl Connect {
    /// Opens the key and prepares the connection; the first request makes it.
    ///
    /// # Errors
    ///
    /// The key, the genesis or the address is not usable.
    pub(super) async fn open(&self) -> Result<Node, Failure> {
        let (file, key) = self.passphrase.open(&self.key)?;
        let chain = match (&self.genesis, file.about().chain) {
            (Some(path), _) => genesis::read(path)?.1,
            (None, Some(chain)) => chain,
            (None, None) => {
                return Err(Failure::usage(
                    words!("密钥文件没有写明是哪条链", "the key file does not name its chain"),
                    words!("请加 --genesis", "add --genesis"),
                ));
            }
        };
        let endpoint = self.endpoint()?;
        let channel = endpoint.connect().await.map_err(|e| unreachable(&self.node, &e))?;
        let client = LedgerClient::new(channel).max_decoding_message_size(usize::MAX);
        Ok(Node { client, key, chain, principal: file.about().principal })
    }

    /// The genesis file, if one is given.
    pub(super) fn genesis(&self) -> Option<&std::path::Path> {
        self.genesis.as_deref()
    }

    fn endpoint(&self) -> Result<Endpoint, Failure> {
        let url = match self.node.contains("://") {
            true => self.node.clone(),
            false => format!("http://{}", self.node),
        };
        let endpoint = Endpoint::from_shared(url).map_err(|e| {
            let node = &self.node;
            Failure::usage(
                words!("节点地址 {node} 不成立：{e}", "{node} is no address of a node: {e}"),
                words!("例如 {NODE}", "for example {NODE}"),
            )
        })?;
        Ok(endpoint.connect_timeout(CONNECT).timeout(ANSWER))
    }
}

impl Node {
    /// A request with its signed read header.
    pub(super) fn signed<T: Message>(&self, method: &str, message: T) -> Request<T> {
        let path = format!("/linli.v1.Ledger/{method}");
        let bytes = message.encode_to_vec();
        let header = read_header::sign(&self.key, &self.chain, &path, &bytes, now());
        let mut request = Request::new(message);
        let value = MetadataValue::from_bytes(&header);
        request.metadata_mut().insert_bin(read_header::METADATA_KEY, value);
        request
    }

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

    /// A room's schema.
    ///
    /// # Errors
    ///
    /// The node does not know the room or does not answer.
    pub(super) async fn schema(&mut self, room: &str) -> Result<Vec<u8>, Failure> {
        let message = linli_proto::SchemaRequest { room: room.to_owned() };
        let request = self.signed("GetSchema", message);
        let answer = self.client.get_schema(request).await.map_err(|s| failed(&s))?;
        Ok(answer.into_inner().descriptors)
    }
}

/// This machine's clock.
pub(super) fn now() -> TimeMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimeMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn unreachable(node: &str, why: &dyn std::error::Error) -> Failure {
    let why = why.source().map_or_else(|| why.to_string(), ToString::to_string);
    Failure::new(
        Exit::Broken,
        "UNREACHABLE",
        words!("无法连接 {node}：{why}", "cannot reach {node}: {why}"),
        words!("请核对节点地址，或换一个节点", "check the node's address or use another node"),
    )
}

/// A node's status as a failure: its own refusal if it carries one.
pub(super) fn failed(status: &Status) -> Failure {
    let refused = status.metadata().get_bin("linli-refused-bin");
    let refused = refused.and_then(|value| value.to_bytes().ok());
    if let Some(refused) = refused.and_then(|bytes| Refused::decode(bytes).ok()) {
        return self::refused(&refused);
    }
    let (code, message) = (status.code(), status.message());
    Failure::new(
        Exit::Broken,
        "NO_ANSWER",
        words!("节点没有给出确定的答复：{code:?} {message}", "the node gave no definite answer: {code:?} {message}"),
        words!("请稍后用同一请求重试，或换一个节点", "send the same request again later, or use another node"),
    )
    .leaving(Trace::Unknown)
}

/// What a node refused, in its words. `Busy` and the like are no decision: exit 3.
pub(super) fn refused(refused: &Refused) -> Failure {
    let code = Code::from_number(refused.code).filter(|code| code.name() == refused.name);
    let undecided = matches!(code, Some(Code::Busy | Code::DiskReserve | Code::Unavailable));
    let exit = if undecided { Exit::Broken } else { Exit::Refused };
    let what = Words { zh: refused.zh.clone(), en: refused.en.clone() };
    let hint = Words { zh: refused.next_zh.clone(), en: refused.next_en.clone() };
    Failure::new(exit, &refused.name, what, hint)
}

