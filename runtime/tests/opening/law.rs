//! The law of opening balances against a model written apart: whatever is loaded in whatever order.

use crate::support::*;
use crate::town::*;
use linli_types::account::issuance;
use linli_types::books::{CNY, CSR, TIME};
use linli_types::code::Code;
use linli_types::opening::Batch;
use linli_types::wire::accounts as words;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A line at random, by few names, so that they meet.
#[derive(Clone, Debug)]
struct Wish {
    account: u16,
    owner: u8,
    asset: u32,
    amount: u64,
}

fn wish() -> impl Strategy<Value = Wish> {
    let amount = prop_oneof![12 => 1..50_u64, 1 => Just(0), 1 => Just(u64::MAX / 3)];
    let asset = prop_oneof![Just(CNY), Just(TIME), Just(CSR)];
    // Accounts repeat once in a while, owners often.
    (0..400_u16, 0..6_u8, asset, amount).prop_map(|(account, owner, asset, amount)| Wish {
        account,
        owner,
        asset,
        amount,
    })
}

fn written(wish: &Wish) -> words::OpeningLine {
    let owner = match wish.owner {
        0 => person(OUTSIDER),
        1 => person(REGISTRAR),
        2 => person(KEEPER),
        n => newcomer(n),
    };
    words::OpeningLine { owner: owner.0.to_vec(), ..line(wish.account, wish.asset, wish.amount) }
}

/// What is out of each asset, and what each account holds: the words of decision 0014, plainly.
#[derive(Clone, Default)]
struct Plain {
    out: BTreeMap<u32, u64>,
    held: BTreeMap<u16, u64>,
}

impl Plain {
    /// The same with a chunk loaded, or `None` if a line of it is refused.
    fn with(&self, chunk: &[Wish]) -> Option<Self> {
        let mut after = self.clone();
        for wish in chunk {
            let own = wish.owner == 2;
            if own || wish.amount == 0 || after.held.contains_key(&wish.account) {
                return None;
            }
            let out = after.out.entry(wish.asset).or_default();
            *out = out.checked_add(wish.amount)?;
            after.held.insert(wish.account, wish.amount);
        }
        Some(after)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn whatever_is_loaded_in_whatever_order_is_what_was_approved_and_is_conserved(
        wishes in proptest::collection::vec(wish(), 1..24),
        per_chunk in 1..6_usize,
        order in proptest::collection::vec(any::<u16>(), 0..14),
        short in proptest::option::weighted(0.2, 1..9_u64),
    ) {
        let lines = wishes.iter().map(written).collect();
        let Ok(batch) = Batch::new(lines, per_chunk) else { return Ok(()) };
        let mut town = Town::new();
        let mut request = town.proposal(&batch);
        request.accounts -= request.accounts.saturating_sub(u64::from(batch.chunks())).min(short.unwrap_or(0));
        let approved = request.accounts;
        let sound = request.totals.iter().all(|total| total.amount > 0);
        let code = town.ask(KEEPER, proposed(&request));
        prop_assert_eq!(code, if sound { DONE } else { Code::BadTable.number() });
        if !sound {
            return Ok(());
        }
        town.done(APPROVER, approval(&batch.root));
        let chunks: Vec<&[Wish]> = wishes.chunks(per_chunk).collect();
        let start = |asset: &u32| town.row(&issuance(*asset)).unwrap().debits_posted;
        let out = [CNY, TIME, CSR].into_iter().map(|asset| (asset, start(&asset))).collect();
        let (mut plain, mut loaded) = (Plain { out, ..Plain::default() }, Vec::new());
        for dice in order {
            let at = usize::from(dice) % chunks.len();
            let code = town.ask(KEEPER, loading(&batch, u32::try_from(at).unwrap()));
            let after = plain.with(chunks[at]);
            let fits = after.as_ref().is_some_and(|p| p.held.len() as u64 <= approved);
            match after {
                _ if loaded.contains(&at) => prop_assert_eq!(code, Code::Duplicate.number()),
                Some(after) if fits => {
                    prop_assert_eq!(code, DONE);
                    plain = after;
                    loaded.push(at);
                }
                _ => prop_assert!(code != DONE),
            }
        }
        for n in 0..400 {
            let held = town.row(&made(n)).map(|row| row.balance());
            prop_assert_eq!(held, plain.held.get(&n).copied());
        }
        for (asset, out) in &plain.out {
            prop_assert_eq!(town.row(&issuance(*asset)).unwrap().debits_posted, *out);
        }
        let whole = loaded.len() == chunks.len() && plain.held.len() as u64 == approved;
        let closed = town.ask(KEEPER, closing());
        prop_assert_eq!(closed == DONE, whole);
        town.node.reopen();
    }
}
