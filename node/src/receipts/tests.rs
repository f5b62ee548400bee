//! Signatures of this node and of others: made, checked, kept, and liars named.

use super::words::Word;
use super::*;
use crate::network::{Member, Network, NetworkConfig, Rate};
use crate::node::create;
use crate::signer::KeySigner;
use crate::storage::{RocksStore, Tuning};
use linli_runtime::{Ledger, Settings, Slot};
use linli_types::certificate::Certificate;
use linli_types::delegation::ReceiptKey;
use linli_types::genesis::{FORMAT, Genesis};
use linli_types::height::TimeMs;
use linli_types::id::Signature;
use linli_types::limits::{COSE_HEIGHTS_MAX, UNDO_HEIGHTS};
use linli_types::policy::Policy;
use linli_types::signature::Zip215;
use linli_types::store::Store as _;
use linli_types::validator::{OrgKind, Validator};

const KINDS: [OrgKind; 4] = [OrgKind::District, OrgKind::Operator, OrgKind::Street, OrgKind::Fund];
const ONE: Height = Height(1);

fn consensus(n: u8) -> KeySigner {
    KeySigner::new(&[n; 32])
}

fn genesis() -> Genesis {
    let seat = |(n, kind): (u8, OrgKind)| Validator {
        key: consensus(n).public(),
        network_key: consensus(n + 100).public(),
        power: 1,
        org: u32::from(n),
        kind,
        name: format!("v{n}"),
    };
    Genesis {
        format: FORMAT,
        protocol: linli_types::header::PROTOCOL,
        name: "receipts".into(),
        time: TimeMs(1_800_000_000_000),
        undo_heights: UNDO_HEIGHTS,
        validators: ValidatorSet::new((1..).zip(KINDS).map(seat).collect()).unwrap(),
        principals: Vec::new(),
        accounts: Vec::new(),
        modules: Vec::new(),
        orgs: Vec::new(),
        policy: Policy::default(),
        books: linli_types::books::Books::standard(),
    }
}

/// A store with one block, and receipts over it; nobody else is connected.
struct Desk {
    receipts: Receipts,
    counters: Arc<Counters>,
    store: RocksStore,
    chain: ChainId,
    _network: Network,
    _head: watch::Sender<HeadInfo>,
    _folder: tempfile::TempDir,
}

async fn desk(receipt_key: Option<u8>) -> Desk {
    let (folder, genesis) = (tempfile::tempdir().unwrap(), genesis());
    let chain = create(folder.path(), &genesis.to_bytes(), Tuning::default()).unwrap();
    let mut store = crate::node::open_store(folder.path(), Some(chain), Tuning::default()).unwrap();
    let mut ledger = Ledger::open(&store, Settings::default()).unwrap();
    let slot = Slot { time: genesis.time.plus_ms(1000), proposer: consensus(1).public(), flags: 0 };
    let block = ledger.propose(&store, slot, &[]).unwrap();
    let (height, precommits) = (block.header.height, Vec::new());
    let certificate = Certificate { height, round: 0, block: block.id, precommits };
    let batch = ledger.batch(&block, &certificate);
    store.commit(&batch).unwrap();
    ledger.adopt(block).unwrap();

    let counters = Arc::new(Counters::default());
    let member =
        |n| Member { validator: consensus(n).public(), network: consensus(n + 100).public() };
    let config = NetworkConfig {
        key: [101; 32].into(),
        listen: "127.0.0.1:0".parse().unwrap(),
        members: (1..=4).map(member).collect(),
        addresses: Vec::new(),
        rate: Rate::default(),
    };
    let network = Network::start(config, mpsc::channel(8).0, counters.clone()).await.unwrap();
    let (said, head) = watch::channel(HeadInfo::of(&ledger));
    let receipts = Receipts::new(Parts {
        chain,
        keys: receipt_key.map(|seed| Keys::new(&[seed; 32], consensus(1))),
        store: store.clone(),
        network: network.sender(),
        head,
        verify: Arc::new(Zip215),
        counters: counters.clone(),
    });
    Desk { receipts, counters, store, chain, _network: network, _head: said, _folder: folder }
}

impl Desk {
    /// What validator `n` says with the receipt key of `seed`.
    fn signer(&self, n: u8, seed: u8) -> Signer {
        let keys = Keys::new(&[seed; 32], consensus(n));
        let seat = consensus(n).public();
        let delegation = keys.delegation(&self.store, self.chain, (seat, ONE)).unwrap();
        let block = load_block(&self.store, ONE).unwrap().unwrap();
        Signer { delegation, signature: keys.sign(&LogHead::of(&block.header)) }
    }

    async fn hear(&self, from: u8, word: Word) {
        self.receipts.hear(consensus(from).public(), &word.encode()).await;
    }

    async fn tell(&self, from: u8, signer: Signer) {
        self.hear(from, Word::Tell { height: ONE, signer }).await;
    }

    fn faults(&self) -> u64 {
        self.counters.receipt_faults.get()
    }
}

#[tokio::test]
async fn a_node_signs_committed_logs_and_nothing_else() {
    let desk = desk(Some(151)).await;
    let own = desk.receipts.of(ONE, 1).await.unwrap();
    assert_eq!(own, [desk.signer(1, 151)]);
    for height in [Height::GENESIS, Height(2), Height(u64::MAX)] {
        assert!(desk.receipts.of(height, 1).await.unwrap().is_empty(), "{height}");
    }
    assert_eq!(desk.counters.receipt_signatures.get(), 1, "asked twice, signed once");
}

#[tokio::test]
async fn signatures_of_other_organisations_are_kept_and_served() {
    let desk = desk(Some(151)).await;
    let alone = desk.receipts.of(ONE, 2).await.unwrap();
    assert_eq!(alone.len(), 1, "nobody is known to answer: nobody is waited for");
    desk.tell(2, desk.signer(2, 152)).await;
    desk.tell(3, desk.signer(3, 153)).await;
    let two = desk.receipts.of(ONE, 2).await.unwrap();
    assert_eq!((two.len(), two.first()), (2, Some(&desk.signer(1, 151))));
    assert_eq!(desk.receipts.of(ONE, 9).await.unwrap().len(), 3);
    assert_eq!(desk.faults(), 0);
}

#[tokio::test]
async fn a_signature_that_does_not_hold_is_a_fault_and_is_never_served() {
    let desk = desk(Some(151)).await;
    let good = desk.signer(2, 152);
    desk.receipts.of(ONE, 1).await.unwrap();
    let flipped = Signer { signature: Signature([9; 64]), ..good };
    let unsaid = {
        let says =
            ReceiptKey { key: desk.signer(3, 153).delegation.says.key, ..good.delegation.says };
        Signer { delegation: Delegation { says, ..good.delegation }, ..good }
    };
    let stranger = desk.signer(9, 159);
    let others_key = Signer { signature: desk.signer(3, 153).signature, ..good };
    let late = {
        let says = ReceiptKey { from_height: Height(2), ..good.delegation.says };
        Signer { delegation: Delegation { says, ..good.delegation }, ..good }
    };
    let liars = [flipped, unsaid, stranger, others_key, late];
    for (said, liar) in (1..).zip(liars) {
        desk.tell(2, liar).await;
        assert_eq!(desk.faults(), said, "{liar:?}");
    }
    assert_eq!(desk.receipts.of(ONE, 9).await.unwrap().len(), 1, "only the own one");
    // The honest one still counts.
    desk.tell(2, good).await;
    assert_eq!((desk.receipts.of(ONE, 9).await.unwrap().len(), desk.faults()), (2, 5));
}

#[tokio::test]
async fn what_nobody_asked_for_is_not_kept_and_what_is_no_word_is_a_fault() {
    let desk = desk(None).await;
    desk.tell(2, desk.signer(2, 152)).await;
    assert!(desk.receipts.of(ONE, 1).await.unwrap().is_empty(), "no key, and nothing was asked");
    assert_eq!(desk.faults(), 0);
    let from = consensus(2).public();
    desk.receipts.hear(from, &[KIND, 9, 9]).await;
    desk.receipts.hear(from, &[KIND]).await;
    assert_eq!(desk.faults(), 2);
    // Now it was asked for.
    desk.tell(2, desk.signer(2, 152)).await;
    assert_eq!(desk.receipts.of(ONE, 1).await.unwrap(), [desk.signer(2, 152)]);
}

#[tokio::test]
async fn an_introduced_key_is_owed_to_the_ledger_and_a_false_one_a_fault() {
    let desk = desk(None).await;
    let good = desk.signer(2, 152).delegation;
    desk.hear(2, Word::Introduce(good)).await;
    assert_eq!(desk.receipts.owed().await.unwrap(), [good]);
    let elsewhere = ReceiptKey { chain: ChainId([1; 32]), ..good.says };
    for says in [elsewhere, ReceiptKey { from_height: Height(7), ..good.says }] {
        desk.hear(2, Word::Introduce(Delegation { says, ..good })).await;
    }
    assert_eq!((desk.faults(), desk.receipts.owed().await.unwrap().len()), (2, 1));
    // A stranger's true word is nothing to be carried.
    desk.hear(2, Word::Introduce(desk.signer(9, 159).delegation)).await;
    assert_eq!(desk.receipts.owed().await.unwrap(), [good]);
}

#[tokio::test]
async fn keys_of_made_up_validators_keep_no_real_one_out() {
    let desk = desk(None).await;
    for n in (10..).take(VALIDATORS_MAX + 1) {
        desk.hear(2, Word::Introduce(desk.signer(n, n + 100).delegation)).await;
    }
    let good = desk.signer(3, 153).delegation;
    desk.hear(3, Word::Introduce(good)).await;
    assert_eq!(desk.receipts.owed().await.unwrap(), [good]);
    assert_eq!(desk.faults(), 0, "a peer may be a height ahead");
}

#[test]
fn heights_are_forgotten_in_the_order_they_came() {
    let head = LogHead {
        chain: ChainId::default(),
        size: 0,
        root: Default::default(),
        height: ONE,
        time_s: 0,
    };
    let sight = Arc::new(Sight { head, set: genesis().validators });
    let mut known = Known::default();
    let last = COSE_HEIGHTS_MAX as u64;
    (0..=last).for_each(|height| known.begin(Height(height), &sight, None));
    assert!(known.sight(Height(0)).is_none());
    assert!(known.sight(ONE).is_some() && known.sight(Height(last)).is_some());
}
