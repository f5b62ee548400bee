//! Four whole nodes in one process, on loopback and real disks; their genesis and keys also for
//! the tests of the command line.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test may")]

pub(crate) mod command;

use ed25519_dalek::{Signer, SigningKey};
use linli_node::handle::NodeHandle;
use linli_node::node::{Node, NodeOptions, StartError, create};
use linli_node::storage::Tuning;
use linli_replica::Submitted;
use linli_runtime::{load_receipts, locate};
use linli_types::genesis::{Account, FORMAT, Genesis, Organisation, Principal, Role};
use linli_types::height::TimeMs;
use linli_types::id::{AccountId, ChainId, PrincipalId, PublicKey, Signature, TxId};
use linli_types::policy::Policy;
use linli_types::transaction::{envelope, signing_bytes};
use linli_types::validator::{OrgKind, Validator, ValidatorSet};
use linli_types::{digest, header, limits, wire};
use prost::Message;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// Nothing here takes longer, or the test fails.
pub(crate) const BOUND: Duration = Duration::from_secs(300);

pub(crate) fn now() -> TimeMs {
    let ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    TimeMs(u64::try_from(ms).unwrap())
}

fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

pub(crate) fn public(n: u8) -> PublicKey {
    PublicKey(key(n).verifying_key().to_bytes())
}

/// The consensus key of validator `n` is `public(n)`, its network key `public(n + 100)`.
pub(crate) fn validators() -> ValidatorSet {
    let seats = [
        (1, 3, OrgKind::District),
        (2, 2, OrgKind::Operator),
        (3, 2, OrgKind::Operator),
        (4, 3, OrgKind::Fund),
    ];
    let seat = |(n, power, kind): (u8, u64, OrgKind)| Validator {
        key: public(n),
        network_key: public(n + 100),
        power,
        org: u32::from(n),
        kind,
        name: format!("v{n}"),
    };
    ValidatorSet::new(seats.into_iter().map(seat).collect()).unwrap()
}

/// Four validators and nobody else.
pub(crate) fn bare(name: &str, time: TimeMs) -> Genesis {
    Genesis {
        format: FORMAT,
        protocol: header::PROTOCOL,
        name: name.into(),
        time,
        undo_heights: limits::UNDO_HEIGHTS,
        validators: validators(),
        principals: Vec::new(),
        accounts: Vec::new(),
        modules: Vec::new(),
        orgs: Vec::new(),
        policy: Policy::default(),
        books: linli_types::books::Books::standard(),
    }
}

pub(crate) fn genesis() -> Genesis {
    let principal = |(n, role): (u8, Role)| Principal {
        id: PrincipalId([n; 16]),
        key: public(n),
        org: 9,
        roles: vec![role],
    };
    let people = [(21, Role::Resident), (22, Role::Resident), (23, Role::Auditor)];
    let account = |n: u8| Account {
        id: AccountId([n; 16]),
        owner: PrincipalId([n; 16]),
        asset: 1,
        opening: 100_000,
    };
    // An old genesis: the clock of the first block is the proposer's.
    let bare = bare("test", TimeMs(now().0 - 3_600_000));
    let (principals, accounts) = (people.map(principal).to_vec(), [21, 22].map(account).to_vec());
    let orgs = vec![Organisation { id: 9, kind: OrgKind::Enterprise, label: String::new() }];
    Genesis { principals, accounts, orgs, ..bare }
}

/// A signed transfer of one from 21 to 22; `n` is its key and its business id.
pub(crate) fn transfer(chain: &ChainId, n: u32, signer: u8) -> (TxId, Vec<u8>) {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&n.to_le_bytes());
    let request = wire::accounts::TransferRequest {
        id: id.to_vec(),
        debit: vec![21; 16],
        credit: vec![22; 16],
        amount: 1,
        code: 1,
        ..Default::default()
    };
    let body = wire::TransactionBody {
        chain_tag: chain.tag(),
        sender: vec![21; 16],
        signer: public(signer).0.to_vec(),
        key: id.to_vec(),
        valid_until_ms: now().0 + 120_000,
        on_behalf: None,
        calls: vec![wire::Call {
            room: "accounts".into(),
            method: "Transfer".into(),
            args: request.encode_to_vec(),
        }],
    };
    let body = body.encode_to_vec();
    let signature = Signature(key(signer).sign(&signing_bytes(chain, &body)).to_bytes());
    (digest::transaction_id(&body), envelope(&body, &signature))
}

pub(crate) struct Net {
    pub(crate) dir: TempDir,
    pub(crate) chain: ChainId,
    pub(crate) nodes: Vec<Option<Node>>,
}

impl Drop for Net {
    /// A process that ends while a store is at work aborts: every node is stopped first.
    fn drop(&mut self) {
        let nodes: Vec<Node> = self.nodes.drain(..).flatten().collect();
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                for node in nodes {
                    node.stop().await;
                }
            });
        });
    }
}

impl Net {
    pub(crate) async fn start() -> Self {
        let genesis = genesis();
        let (chain, bytes) = (genesis.chain(), genesis.to_bytes());
        let dir = TempDir::new().unwrap();
        let mut net = Self { dir, chain, nodes: Vec::new() };
        for n in 1..=4 {
            assert_eq!(create(&net.data(n), &bytes, small()).unwrap(), chain);
            let node = net.node(n, |_| {}).await.unwrap();
            net.nodes.push(Some(node));
        }
        net
    }

    pub(crate) fn data(&self, n: u8) -> PathBuf {
        self.dir.path().join(format!("v{n}"))
    }

    /// Starts node `n`, which knows where every running node listens.
    pub(crate) async fn node(
        &self,
        n: u8,
        change: impl FnOnce(&mut NodeOptions),
    ) -> Result<Node, StartError> {
        let mut options = NodeOptions::new(self.data(n), [n; 32], [n + 100; 32]);
        options.tuning = small();
        options.chain = Some(self.chain);
        options.reserve_bytes = 0;
        let running = (1..).zip(&self.nodes);
        options.peers = running
            .filter_map(|(n, node)| Some((format!("v{n}"), node.as_ref()?.listen())))
            .collect();
        change(&mut options);
        Node::start(options).await
    }

    pub(crate) fn handle(&self, at: usize) -> NodeHandle {
        self.nodes[at].as_ref().unwrap().handle()
    }

    /// Submits transfers `ids` to one node; all must be taken.
    pub(crate) async fn transfers(&self, at: usize, ids: std::ops::Range<u32>) -> Vec<TxId> {
        let (ids, raws): (Vec<_>, Vec<_>) = ids.map(|n| transfer(&self.chain, n, 21)).unzip();
        let answers = self.handle(at).submit(raws).await;
        assert!(answers.iter().all(|a| *a == Submitted::Pooled), "{answers:?}");
        ids
    }

    /// Waits until every one of `ids` stands in a block of the node, done.
    pub(crate) async fn wait_for(&self, at: usize, ids: &[TxId]) {
        let handle = self.handle(at);
        let mut head = handle.head();
        let wait = async {
            while !ids.iter().all(|id| is_done(&handle, id)) {
                head.changed().await.unwrap();
            }
        };
        let waited = tokio::time::timeout(BOUND, wait).await;
        let status = || self.nodes.iter().flatten().map(|n| n.handle().status());
        assert!(waited.is_ok(), "{:?}", status().collect::<Vec<_>>());
    }
}

pub(crate) fn is_done(handle: &NodeHandle, id: &TxId) -> bool {
    let store = handle.store();
    let Some((height, index)) = locate(&store, id).unwrap() else { return false };
    let receipts = load_receipts(&store, height).unwrap().unwrap();
    let receipt = receipts.get(usize::try_from(index).unwrap()).unwrap();
    assert!(receipt.is_done(), "{receipt:?}");
    true
}

pub(crate) fn small() -> Tuning {
    Tuning { cache_bytes: 4 << 20, write_buffer_bytes: 8 << 20, ..Tuning::default() }
}
