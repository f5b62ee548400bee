//! Double entry, below the contracts: plain signed transfers between accounts of the genesis.
//!
//! Pending transfers, lots, limits and the closed table of codes come with the full accounts. An
//! asset's opening balances stand against its issuance account ([`issuance`]), which nobody owns,
//! so every asset sums to zero.
//!
//! # Invariants
//!
//! - **INV-L1** per asset, debits equal credits after every transfer.
//! - **INV-L3** no account but an issuance account is debited beyond its credits.
//! - **INV-L5** same id and content: `DUPLICATE`, no effect; other content:
//!   `BUSINESS_ID_CONFLICT`.
//! - **INV-L6** nothing is taken back: counts only rise, and `head` covers every entry.
//! - **INV-L8** two accounts, one asset, an amount above zero.

use crate::overlay::{Claimed, Overlay};
use crate::stored::{decode, full_key};
use crate::vm::Stop;
use borsh::{BorshDeserialize, BorshSerialize};
use linli_types::code::Code;
use linli_types::digest::{self, Domain};
use linli_types::genesis;
use linli_types::id::{AccountId, Digest, PrincipalId, TransferId};
use linli_types::planted::{self, Bug};
use linli_types::receipt::{Event, Param, Refusal};
use linli_types::store::Broken;
use linli_types::wire::accounts::{TransferRequest, TransferResponse, Transferred};
use prost::Message;

/// The room's name.
pub const ROOM: &str = "accounts";
/// Its only call.
pub const TRANSFER: &str = "Transfer";
/// Full name of its event.
pub const TRANSFERRED: &str = "linli.accounts.v1.Transferred";
/// How the ids of issuance accounts begin; no other account's may.
pub(crate) const ISSUANCE_PREFIX: &[u8] = b"issuance";
/// Who owns an issuance account: nobody.
pub const NOBODY: PrincipalId = PrincipalId([0; 16]);

/// An account as the state holds it; the key is the account's id.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AccountRow {
    /// Who owns it.
    pub owner: PrincipalId,
    /// The asset's number.
    pub asset: u32,
    /// All that was ever debited, in minor units.
    pub debits_posted: u64,
    /// All that was ever credited, in minor units.
    pub credits_posted: u64,
    /// Transfers that touched the account.
    pub entries: u64,
    /// BLAKE3(head ‖ digest of transfer) over them, from zero on.
    pub head: Digest,
}

impl AccountRow {
    /// An account without entries.
    pub const fn new(owner: PrincipalId, asset: u32) -> Self {
        let head = Digest([0; 32]);
        Self { owner, asset, debits_posted: 0, credits_posted: 0, entries: 0, head }
    }

    /// What may still be debited; an issuance account has no bound but the count's.
    pub const fn balance(&self) -> u64 {
        self.credits_posted.saturating_sub(self.debits_posted)
    }

    /// The account with one entry more, or `None` if a count would not fit.
    #[must_use]
    pub fn with(mut self, side: Side, amount: u64, transfer: &Digest) -> Option<Self> {
        let count = match side {
            Side::Debit => &mut self.debits_posted,
            Side::Credit => &mut self.credits_posted,
        };
        *count = count.checked_add(amount)?;
        self.entries = self.entries.checked_add(1)?;
        self.head = digest::hash(Domain::AccountHead, &[&self.head.0, &transfer.0]);
        Some(self)
    }
}

/// The two sides of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words of double entry")]
pub enum Side {
    Debit,
    Credit,
}

/// What a transfer moves. Its digest stands in both accounts' heads and with its business id.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Transfer {
    /// The client's once-only name for it.
    pub id: TransferId,
    /// Who pays.
    pub debit: AccountId,
    /// Who is paid.
    pub credit: AccountId,
    /// Minor units.
    pub amount: u64,
    /// Kind of business.
    pub code: u32,
}

impl Transfer {
    /// The digest of its content.
    pub fn digest(&self) -> Digest {
        digest::hash(Domain::Transfer, &[&linli_types::encode(self)])
    }
}

/// The account that an asset's opening balances are debited to.
pub fn issuance(asset: u32) -> AccountId {
    let mut id = *b"issuance\0\0\0\0\0\0\0\0";
    let (_, number) = id.split_at_mut(12);
    number.copy_from_slice(&asset.to_be_bytes());
    AccountId(id)
}

/// The full key of an account.
pub fn account_key(id: &AccountId) -> Vec<u8> {
    full_key(ROOM, &id.0)
}

/// Reads an account's row.
///
/// # Errors
///
/// [`Broken`] if the bytes are no account.
pub fn read_row(bytes: &[u8]) -> Result<AccountRow, Broken> {
    decode(bytes, "an account")
}

/// Performs a transfer for `sender`, or changes nothing that outlives the refusal. Returns the
/// result message and the event.
pub(crate) fn transfer(
    overlay: &mut Overlay<'_>,
    sender: &PrincipalId,
    args: &[u8],
) -> Result<(Vec<u8>, Event), Stop> {
    let transfer = read_request(args)?;
    let content = transfer.digest();
    match overlay.claim(ROOM, &transfer.id.0, &content)? {
        Claimed::Now => {}
        Claimed::Same => return Err(Code::Duplicate.refuse([]).into()), // INV-L5
        Claimed::Other => return Err(Code::BusinessIdConflict.refuse([]).into()),
    }
    let debit = load(overlay, &transfer.debit)?;
    let credit = load(overlay, &transfer.credit)?;
    judge(&transfer, sender, &debit, &credit)?;
    let (asset, about) = (debit.asset, both(debit.owner, credit.owner));
    post(overlay, &transfer, debit, credit)?;
    let event = Transferred {
        id: transfer.id.0.to_vec(),
        debit: transfer.debit.0.to_vec(),
        credit: transfer.credit.0.to_vec(),
        amount: transfer.amount,
        asset,
        code: transfer.code,
    };
    let (room, kind) = (ROOM.into(), TRANSFERRED.into());
    let event = Event { room, kind, about, data: event.encode_to_vec() };
    Ok((TransferResponse {}.encode_to_vec(), event))
}

/// Posts both sides of a transfer (INV-L1).
fn post(
    overlay: &mut Overlay<'_>,
    transfer: &Transfer,
    debit: AccountRow,
    credit: AccountRow,
) -> Result<(), Stop> {
    let content = transfer.digest();
    let overflow = || Stop::Refused(Code::Overflow.refuse([]));
    let debit = debit.with(Side::Debit, transfer.amount, &content).ok_or_else(overflow)?;
    let credit = credit.with(Side::Credit, transfer.amount, &content).ok_or_else(overflow)?;
    overlay.write(account_key(&transfer.debit), Some(linli_types::encode(&debit)))?;
    overlay.write(account_key(&transfer.credit), Some(linli_types::encode(&credit)))?;
    Ok(())
}

fn read_request(args: &[u8]) -> Result<Transfer, Refusal> {
    let malformed = |what: &str| Code::Malformed.refuse([Param::Word(what.into())]);
    let request = TransferRequest::decode(args).map_err(|_| malformed("TransferRequest"))?;
    Ok(Transfer {
        id: TransferId::from_slice(&request.id).ok_or_else(|| malformed("id"))?,
        debit: AccountId::from_slice(&request.debit).ok_or_else(|| malformed("debit"))?,
        credit: AccountId::from_slice(&request.credit).ok_or_else(|| malformed("credit"))?,
        amount: request.amount,
        code: request.code,
    })
}

fn load(overlay: &mut Overlay<'_>, id: &AccountId) -> Result<AccountRow, Stop> {
    let row = overlay.read(&account_key(id))?;
    let missing = || Code::NoAccount.refuse([Param::Bytes(id.0.to_vec())]);
    Ok(read_row(&row.ok_or_else(missing)?)?)
}

/// Whether the rules allow the transfer.
fn judge(
    transfer: &Transfer,
    sender: &PrincipalId,
    debit: &AccountRow,
    credit: &AccountRow,
) -> Result<(), Refusal> {
    // INV-L8
    if transfer.debit == transfer.credit && !planted::is(Bug::SameAccount) {
        return Err(Code::SameAccount.refuse([]));
    }
    if transfer.amount == 0 {
        return Err(Code::ZeroAmount.refuse([]));
    }
    // A timer has no sender: nobody's account is never anybody's to debit.
    if *sender == NOBODY || debit.owner != *sender {
        return Err(Code::Unauthorised.refuse([Param::Bytes(transfer.debit.0.to_vec())]));
    }
    if debit.asset != credit.asset {
        let assets = [debit.asset, credit.asset].map(|asset| Param::Number(u64::from(asset)));
        return Err(Code::AssetMismatch.refuse(assets));
    }
    // INV-L3
    if debit.balance() < transfer.amount {
        let figures = [debit.balance(), transfer.amount].map(Param::Number);
        return Err(Code::Insufficient.refuse(figures));
    }
    Ok(())
}

fn both(a: PrincipalId, b: PrincipalId) -> Vec<PrincipalId> {
    if a == b { vec![a] } else { vec![a, b] }
}

/// Opens an account of the genesis; its opening balance is a transfer from the issuance account
/// whose id is the account's.
pub(crate) fn open(overlay: &mut Overlay<'_>, account: &genesis::Account) -> Result<(), Stop> {
    let row = AccountRow::new(account.owner, account.asset);
    let source = issuance(account.asset);
    overlay.write(account_key(&account.id), Some(linli_types::encode(&row)))?;
    if account.opening == 0 {
        return Ok(());
    }
    let issued = match overlay.read(&account_key(&source))? {
        Some(bytes) => read_row(&bytes)?,
        None => AccountRow::new(NOBODY, account.asset),
    };
    let transfer = Transfer {
        id: TransferId(account.id.0),
        debit: source,
        credit: account.id,
        amount: account.opening,
        code: 0,
    };
    post(overlay, &transfer, issued, row)
}
