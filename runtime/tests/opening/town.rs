//! A district with a source file's evidence in its log, and who has which office.

use crate::support::*;
use linli_runtime::invariant;
use linli_types::account::AccountRow;
use linli_types::books::{CNY, TIME};
use linli_types::code::Code;
use linli_types::genesis::{Genesis, Module, Role};
use linli_types::id::{AccountId, Digest, PrincipalId};
use linli_types::opening::Batch;
use linli_types::receipt::Receipt;
use linli_types::store::{Column, Read};
use linli_types::wire::Call;
use linli_types::wire::accounts as words;
use prost::Message;

/// Person 0 proposes and loads, 1 approves, 2 admits residents, 3 has nothing to say.
pub(crate) const KEEPER: u8 = 0;
pub(crate) const APPROVER: u8 = 1;
pub(crate) const REGISTRAR: u8 = 2;
pub(crate) const OUTSIDER: u8 = 3;
pub(crate) const DONE: u32 = 0;
pub(crate) const BATCH: [u8; 16] = [0xba; 16];
pub(crate) const STATEMENT: [u8; 32] = [0x51; 32];
pub(crate) const DAY_MS: u64 = 86_400_000;

/// The message of `probe.proto` that anchors.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Bytes {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) bytes: Vec<u8>,
}

pub(crate) fn district() -> Genesis {
    let module = Module { name: "probe".into(), code: linli_modules::probe().to_vec() };
    let mut genesis = genesis_with(vec![module]);
    for principal in &mut genesis.principals {
        (principal.org, principal.roles) = (0, vec![Role::Resident]);
    }
    let offices = [
        (KEEPER, 1, Role::DistrictFinance),
        (APPROVER, 4, Role::FundController),
        (REGISTRAR, 1, Role::Registrar),
    ];
    for (who, org, role) in offices {
        let principal = &mut genesis.principals[usize::from(who)];
        (principal.org, principal.roles) = (org, vec![role]);
    }
    genesis
}

/// A chain whose log holds the statement of a source file, and the number of the next transaction.
pub(crate) struct Town {
    pub(crate) node: Node,
    pub(crate) next: u64,
}

impl Town {
    pub(crate) fn new() -> Self {
        Self::of(&district())
    }

    pub(crate) fn of(genesis: &Genesis) -> Self {
        let mut town = Self { node: Node::new(genesis), next: 1 };
        let append = Bytes { bytes: STATEMENT.to_vec() }.encode_to_vec();
        assert_eq!(town.ask(OUTSIDER, call("probe", "Append", append)), DONE);
        town
    }

    pub(crate) fn receipt(&mut self, sender: u8, call: Call) -> Receipt {
        self.next += 1;
        let signed = self.node.sign(sender, self.next, vec![call]);
        let receipts = self.node.step(&[signed]);
        assert_eq!(invariant::breaches(&self.node.store).unwrap(), Vec::<String>::new());
        receipts.last().unwrap().clone()
    }

    pub(crate) fn ask(&mut self, sender: u8, call: Call) -> u32 {
        code_of(&self.receipt(sender, call))
    }

    pub(crate) fn done(&mut self, sender: u8, call: Call) {
        assert_eq!(self.ask(sender, call), DONE);
    }

    pub(crate) fn refused(&mut self, sender: u8, call: Call, code: Code) {
        assert_eq!(self.ask(sender, call), code.number(), "{code:?} is expected");
    }

    pub(crate) fn now(&self) -> u64 {
        self.node.ledger.head().time.0
    }

    pub(crate) fn wait(&mut self, ms: u64) {
        let slot = self.node.slot();
        let slot = linli_runtime::Slot { time: slot.time.plus_ms(ms), ..slot };
        let block = self.node.ledger.propose(&self.node.store, slot, &[]).unwrap();
        self.node.commit(block);
    }

    pub(crate) fn row(&self, id: &AccountId) -> Option<AccountRow> {
        let key = linli_runtime::accounts::account_key(id);
        let row = self.node.store.get(Column::State, &key).unwrap();
        row.map(|row| linli_runtime::accounts::read_row(&row).unwrap())
    }

    pub(crate) fn answer<A: Message + Default>(&self, method: &str, args: &impl Message) -> A {
        let (ledger, store) = (&self.node.ledger, &self.node.store);
        let args = args.encode_to_vec();
        let answer = ledger.query(store, "accounts", method, &args, person(0)).unwrap().unwrap();
        A::decode(answer.result.as_slice()).unwrap()
    }

    pub(crate) fn opening(&self) -> words::OpeningResponse {
        self.answer("Opening", &words::OpeningRequest { id: BATCH.to_vec() })
    }

    /// What the request of a sound proposal is.
    pub(crate) fn proposal(&self, batch: &Batch) -> words::ProposeOpeningRequest {
        words::ProposeOpeningRequest {
            id: BATCH.to_vec(),
            source: vec![0x50; 32],
            statement: STATEMENT.to_vec(),
            leaf: 0,
            cut_off_ms: self.now() + DAY_MS,
            accounts: batch.accounts,
            totals: batch.totals.clone(),
            root: batch.root.0.to_vec(),
            chunks: batch.chunks(),
        }
    }

    pub(crate) fn approved(batch: &Batch) -> Self {
        let mut town = Self::new();
        town.done(KEEPER, proposed(&town.proposal(batch)));
        town.done(APPROVER, approval(&batch.root));
        town
    }
}

pub(crate) fn at_accounts(method: &str, request: &impl Message) -> Call {
    call("accounts", method, request.encode_to_vec())
}

pub(crate) fn proposed(request: &words::ProposeOpeningRequest) -> Call {
    at_accounts("ProposeOpening", request)
}

pub(crate) fn approval(root: &Digest) -> Call {
    let request = words::ApproveOpeningRequest { id: BATCH.to_vec(), root: root.0.to_vec() };
    at_accounts("ApproveOpening", &request)
}

pub(crate) fn loading(batch: &Batch, chunk: u32) -> Call {
    at_accounts("LoadOpening", &batch.load(&BATCH, chunk).unwrap())
}

pub(crate) fn closing() -> Call {
    at_accounts("CloseOpening", &words::CloseOpeningRequest { id: BATCH.to_vec() })
}

pub(crate) fn made(n: u16) -> AccountId {
    let mut id = [0xac; 16];
    id[14..].copy_from_slice(&n.to_be_bytes());
    AccountId(id)
}

/// Somebody who is not admitted.
pub(crate) fn newcomer(n: u8) -> PrincipalId {
    PrincipalId([0xe0 + n; 16])
}

pub(crate) fn line(n: u16, asset: u32, amount: u64) -> words::OpeningLine {
    let (account, owner) = (made(n).0.to_vec(), newcomer(1).0.to_vec());
    words::OpeningLine { account, owner, asset, amount, ..Default::default() }
}

/// Seven lines of two assets in three chunks.
pub(crate) fn seven() -> Batch {
    let lines = (0..7).map(|n| line(n, if n % 2 == 0 { CNY } else { TIME }, 10 + u64::from(n)));
    Batch::new(lines.collect(), 3).unwrap()
}
