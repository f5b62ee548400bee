//! A whole store, looked through: everything that a damaged disk or a bug could have spoilt.
//!
//! Complaints are sentences for the administrator; none means that the store is whole. Nothing is
//! repaired here: a damaged node catches up from its peers.

use crate::check::Checker;
use crate::code;
use crate::deploy::native_checker;
use crate::invariant;
use crate::ledger::{Ledger, Settings};
use crate::log;
use crate::stored::{self, Concern, META_GENESIS, event_places, events_of};
use crate::tree::{Change, Tree};
use crate::validators;
use crate::verified::Verified;
use linli_types::genesis::Genesis;
use linli_types::header::Header;
use linli_types::height::Height;
use linli_types::id::Digest;
use linli_types::merkle::{self, BlockTree};
use linli_types::receipt::{Cause, Receipt};
use linli_types::signature::Verify;
use linli_types::state_proof::{path, value_digest};
use linli_types::store::{Broken, Column, Read};
use linli_types::validator::ValidatorSet;
use std::collections::BTreeMap;

/// Looks through a store and returns every complaint.
pub fn check_db(store: &dyn Read, verify: &dyn Verify, settings: Settings) -> Vec<String> {
    let mut complaints = Vec::new();
    match Ledger::open(store, settings) {
        Err(broken) => complaints.push(broken.to_string()),
        Ok(mut ledger) => {
            let chain = check_chain(store, &ledger, verify, &mut complaints);
            keep_broken(chain, &mut complaints);
            let undo = check_undo(store, &mut ledger, &mut complaints);
            keep_broken(undo, &mut complaints);
        }
    }
    match invariant::breaches(store) {
        Ok(breaches) => complaints.extend(breaches),
        Err(broken) => complaints.push(broken.to_string()),
    }
    complaints
}

fn keep_broken(result: Result<(), Broken>, complaints: &mut Vec<String>) {
    if let Err(broken) = result {
        complaints.push(broken.to_string());
    }
}

/// Every block: its link to the one before, its certificate, its roots, its indexes.
fn check_chain(
    store: &dyn Read,
    ledger: &Ledger,
    verify: &dyn Verify,
    complaints: &mut Vec<String>,
) -> Result<(), Broken> {
    let head = ledger.head();
    let mut parent: Option<Header> = None;
    let mut sets = Sets::read(store)?;
    let mut schemas = Schemas::read(store)?;
    for height in (1..=head.height.0).map(Height) {
        let mut complain = |what: &str| complaints.push(format!("block {height}: {what}"));
        let Some(block) = stored::load_block(store, height)? else {
            complain("it is missing");
            parent = None;
            sets.pass(height);
            continue;
        };
        let header = block.header;
        if let Err(why) = check_link(&header, parent.as_ref(), ledger) {
            complain(why);
        }
        if header.validators_hash != sets.signing.hash() {
            complain("its validators are not those of the changes so far"); // G6
        }
        match stored::load_certificate(store, height)? {
            None => complain("its certificate is missing"),
            Some(c) if c.block != header.id() || c.height != height => {
                complain("its certificate is for another block");
            }
            Some(certificate) => {
                if let Err(why) = certificate.check(&head.chain, &sets.signing, verify) {
                    complain(&why.to_string());
                }
            }
        }
        match read_bodies(schemas.at(height)?, &block.bodies) {
            None => complain("a body does not follow its schema"),
            Some(transactions) => {
                for what in check_contents(store, &header, &transactions)? {
                    complain(&what);
                }
            }
        }
        sets.pass(height);
        if header.next_validators_hash != sets.signing.hash() {
            complaints.push(format!("block {height}: its next validators are not those it left"));
        }
        parent = Some(header);
    }
    Ok(())
}

/// The set that signs the height under way, and the changes to come.
struct Sets {
    signing: ValidatorSet,
    changes: BTreeMap<Height, ValidatorSet>,
}

impl Sets {
    fn read(store: &dyn Read) -> Result<Self, Broken> {
        let changes = validators::changes(store, Height(u64::MAX))?.into_iter().collect();
        Ok(Self { signing: validators::genesis(store)?.validators, changes })
    }

    /// What the height left signs the next one.
    fn pass(&mut self, height: Height) {
        if let Some(next) = self.changes.remove(&height) {
            self.signing = next;
        }
    }
}

/// The checker of each height: every block is checked by the schemas of the code it ran.
struct Schemas<'a> {
    store: &'a dyn Read,
    genesis: Genesis,
    checker: Checker,
    /// Versions that are still to come, by the first height that they run at.
    coming: BTreeMap<Height, Vec<(String, Digest)>>,
}

impl<'a> Schemas<'a> {
    fn read(store: &'a dyn Read) -> Result<Self, Broken> {
        let genesis = store.get(Column::Meta, META_GENESIS)?.unwrap_or_default();
        let (genesis, chain) =
            Genesis::from_bytes(&genesis).map_err(|why| Broken(why.to_string()))?;
        let (checker, coming) = (native_checker(chain)?, code::versions(store)?);
        Ok(Self { store, genesis, checker, coming })
    }

    /// The checker of a height; heights ascend.
    fn at(&mut self, height: Height) -> Result<&Checker, Broken> {
        while let Some(first) = self.coming.first_entry().filter(|first| *first.key() <= height) {
            let mut schemas = Vec::new();
            for (room, hash) in first.remove() {
                let code = code::bytes_of(self.store, &self.genesis, &hash)?;
                schemas.push((room, code::schema(&code)?));
            }
            self.checker = self.checker.with(schemas);
        }
        Ok(&self.checker)
    }
}

fn check_link(
    header: &Header,
    parent: Option<&Header>,
    ledger: &Ledger,
) -> Result<(), &'static str> {
    let chain = ledger.head().chain;
    if header.chain != chain {
        return Err("it belongs to another chain");
    }
    match parent {
        Some(parent) if header.parent != parent.id() => Err("it does not follow its parent"),
        Some(parent) if header.time <= parent.time => Err("its time does not move on"),
        Some(parent) if header.height != parent.height.next() => Err("its height is wrong"),
        None if header.height == Height(1) && header.parent.0 != chain.0 => {
            Err("it does not follow the genesis")
        }
        _ => Ok(()),
    }
}

fn read_bodies(checker: &Checker, bodies: &[Vec<u8>]) -> Option<Vec<Verified>> {
    bodies.iter().map(|body| checker.check_shape(body).ok().map(Verified::vouched)).collect()
}

/// Bodies, receipts, log and indexes of a block against its header.
fn check_contents(
    store: &dyn Read,
    header: &Header,
    transactions: &[Verified],
) -> Result<Vec<String>, Broken> {
    let mut found = Vec::new();
    if crate::bodies_root(transactions) != header.bodies_root {
        found.push("its bodies are not those of its header".to_string());
    }
    if log::root_at(store, header.log_size)? != header.log_root {
        found.push("the evidence log is not that of its header".to_string());
    }
    let Some(receipts) = stored::load_receipts(store, header.height)? else {
        found.push("its receipts are missing".to_string());
        return Ok(found);
    };
    let leaves: Vec<Digest> = receipts.iter().map(Receipt::leaf).collect();
    if merkle::root::<BlockTree>(&leaves) != header.receipts_root {
        found.push("its receipts are not those of its header".to_string());
    }
    let timers = receipts.len().saturating_sub(transactions.len());
    let causes = receipts.iter().skip(timers).map(|r| r.cause);
    if !causes.eq(transactions.iter().map(|tx| Cause::Transaction(tx.id))) {
        found.push("its receipts are not those of its transactions".to_string());
    }
    found.extend(check_indexes(store, header.height, &receipts)?);
    Ok(found)
}

fn check_indexes(
    store: &dyn Read,
    height: Height,
    receipts: &[Receipt],
) -> Result<Vec<String>, Broken> {
    let mut found = Vec::new();
    for (index, receipt) in (0_u32..).zip(receipts) {
        if let Cause::Transaction(id) = receipt.cause
            && stored::locate(store, &id)? != Some((height, index))
        {
            found.push(format!("transaction {id} is not found by its id"));
        }
    }
    for (place, _, event) in events_of(receipts) {
        let rooms = std::iter::once(Concern::Room(&event.room));
        for concern in rooms.chain(event.about.iter().map(Concern::Principal)) {
            let row = event_places(store, concern, height, 1)?;
            let indexed = row.first().is_some_and(|(h, p)| *h == height && p.contains(&place));
            if !indexed {
                found.push(format!("event {place} is not indexed for {concern:?}"));
            }
        }
    }
    Ok(found)
}

/// Goes back over the undo records: each must lead to the state root of the header before.
fn check_undo(
    store: &dyn Read,
    ledger: &mut Ledger,
    complaints: &mut Vec<String>,
) -> Result<(), Broken> {
    let (top, first) = (ledger.head().height.0, ledger.undo_needed(ledger.head().height));
    let tree = &mut ledger.tree;
    for height in (1..=top).rev().map(Height) {
        let kept = height >= first;
        let Some(undo) = stored::load_undo(store, height)? else {
            if kept {
                complaints.push(format!("block {height}: its undo record is missing"));
            }
            return Ok(());
        };
        let before = Height(height.0.saturating_sub(1));
        let root = take_back(tree, &undo.state);
        let said = stored::load_block(store, before)?.map(|block| block.header.state_root);
        if said.is_some_and(|said| said != root) {
            complaints.push(format!("block {height}: its undo record leads to another state"));
            return Ok(());
        }
    }
    Ok(())
}

fn take_back(tree: &mut Tree, old: &[(Vec<u8>, Option<Vec<u8>>)]) -> Digest {
    let change = |(key, value): &(Vec<u8>, Option<Vec<u8>>)| -> Change {
        (path(key), value.as_deref().map(value_digest))
    };
    let candidate = tree.candidate(old.iter().map(change).collect());
    tree.adopt(candidate);
    tree.root()
}
