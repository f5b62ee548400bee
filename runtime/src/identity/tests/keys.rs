//! Keys, rotation, revocation and recovery, against a small model of their own.

use super::*;
use crate::identity::admit::admit_in_block;
use crate::identity::laws::gap_from;
use crate::identity::rows::find_principal;
use linli_types::code::Code;
use linli_types::id::{BodyId, Signature, TxId, TxKey};
use linli_types::transaction::Transaction;
use linli_types::wire::identity as wire;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What may be asked. People and keys are numbers; heights are relative to the block's.
#[derive(Clone, Debug)]
enum Asked {
    Add { who: u8, key: u8, from: Option<i8> },
    Revoke { who: u8, key: u8, from: Option<i8> },
    Start { by: u8, who: u8, key: u8 },
    Cancel { by: u8, who: u8 },
    Complete { by: u8, who: u8 },
    Sign { who: u8, key: u8 },
    Later { heights: u64, ms: u64 },
}

fn asked() -> impl Strategy<Value = Asked> {
    // Few people and few keys, so that they meet again; the third is the identity service.
    let (who, by, key) = (0..2_u8, 0..3_u8, 1..16_u8);
    let from = prop_oneof![Just(None), (-1..6_i8).prop_map(Some)];
    let three = (who.clone(), key.clone(), from);
    prop_oneof![
        4 => three.clone().prop_map(|(who, key, from)| Asked::Add { who, key, from }),
        4 => three.prop_map(|(who, key, from)| Asked::Revoke { who, key, from }),
        2 => (by.clone(), who.clone(), key.clone())
            .prop_map(|(by, who, key)| Asked::Start { by: by.max(1), who, key }),
        1 => (by.clone(), who.clone()).prop_map(|(by, who)| Asked::Cancel { by, who }),
        2 => (by, who.clone()).prop_map(|(by, who)| Asked::Complete { by: by.max(1), who }),
        6 => (who, key).prop_map(|(who, key)| Asked::Sign { who, key }),
        3 => (1..4_u64, 0..3_000_u64).prop_map(|(heights, ms)| Asked::Later { heights, ms }),
    ]
}

const PEOPLE: [PrincipalId; 3] = [ANN, BOB, SERVICE];

/// The model: who had which key, from and until when. It knows nothing of rows.
#[derive(Default)]
struct Model {
    owners: BTreeMap<u8, u8>,
    /// (person, key, first height, first height no more), in the order they came.
    spans: Vec<(u8, u8, u64, u64)>,
    waiting: BTreeMap<u8, (u8, u64)>,
    height: u64,
    ms: u64,
}

const FOREVER: u64 = u64::MAX;

impl Model {
    fn new() -> Self {
        let owners = (1..=5).map(|key| (key, key - 1)).collect();
        let spans = [0, 1, 2].map(|who| (who, who + 1, 0, FOREVER)).to_vec();
        Self { owners, spans, height: 10, ..Self::default() }
    }

    fn height_of(&self, from: Option<i8>) -> Option<u64> {
        let height =
            from.map_or(self.height + 1, |by| self.height.saturating_add_signed(by.into()));
        (height > self.height).then_some(height)
    }

    /// Room for one key more: eight of a person at most; the first that has ended goes.
    fn make_room(&mut self, who: u8, force: bool) -> bool {
        let theirs = self.spans.iter().filter(|s| s.0 == who).count();
        if theirs < 8 {
            return true;
        }
        let ended = self.spans.iter().position(|s| s.0 == who && s.3 <= self.height);
        let first = self.spans.iter().position(|s| s.0 == who).filter(|_| force);
        ended.or(first).map(|at| self.spans.remove(at)).is_some()
    }

    fn add(&mut self, who: u8, key: u8, from: Option<i8>) -> u32 {
        let Some(from) = self.height_of(from) else { return Code::KeyHeight.number() };
        if self.spans.contains(&(who, key, from, FOREVER)) {
            return Code::Duplicate.number();
        }
        if self.owners.contains_key(&key) {
            return Code::KeyTaken.number();
        }
        if !self.make_room(who, false) {
            return Code::KeysFull.number();
        }
        self.owners.insert(key, who);
        self.spans.push((who, key, from, FOREVER));
        0
    }

    fn revoke(&mut self, who: u8, key: u8, from: Option<i8>) -> u32 {
        let Some(from) = self.height_of(from) else { return Code::KeyHeight.number() };
        let others =
            self.spans.iter().any(|s| s.0 == who && s.1 != key && s.2 <= from && s.3 == FOREVER);
        let Some(span) = self.spans.iter_mut().find(|s| (s.0, s.1) == (who, key)) else {
            return Code::KeyNotOfSender.number();
        };
        match span.3 {
            end if end == from => Code::Duplicate.number(),
            end if end < from => Code::KeyRevoked.number(),
            _ if !others => Code::LastKey.number(),
            _ => {
                span.3 = from;
                0
            }
        }
    }

    fn start(&mut self, by: u8, who: u8, key: u8) -> u32 {
        if by != 2 {
            return Code::RoleDenied.number();
        }
        if self.waiting.contains_key(&who) {
            return Code::RecoveryPending.number();
        }
        if self.owners.contains_key(&key) {
            return Code::KeyTaken.number();
        }
        self.waiting.insert(who, (key, self.ms + WAIT_MS));
        0
    }

    fn cancel(&mut self, by: u8, who: u8) -> u32 {
        match by == who || by == 2 {
            false => Code::RoleDenied.number(),
            true if self.waiting.remove(&who).is_some() => 0,
            true => Code::NoRecovery.number(),
        }
    }

    fn complete(&mut self, by: u8, who: u8) -> u32 {
        if by != 2 {
            return Code::RoleDenied.number();
        }
        let Some((key, due)) = self.waiting.get(&who).copied() else {
            return Code::NoRecovery.number();
        };
        if self.ms < due {
            return Code::RecoveryWaits.number();
        }
        if self.owners.contains_key(&key) {
            return Code::KeyTaken.number();
        }
        let next = self.height + 1;
        self.spans.iter_mut().filter(|s| s.0 == who).for_each(|s| s.3 = s.3.min(next));
        self.make_room(who, true);
        self.waiting.remove(&who);
        self.owners.insert(key, who);
        self.spans.push((who, key, next, FOREVER));
        0
    }

    fn sign(&self, who: u8, key: u8) -> u32 {
        match self.spans.iter().find(|s| (s.0, s.1) == (who, key)) {
            Some(span) if span.3 <= self.height => Code::KeyRevoked.number(),
            Some(span) if span.2 > self.height => Code::KeyEarly.number(),
            Some(_) => 0,
            None if self.owners.get(&key) == Some(&who) => Code::KeyRevoked.number(),
            None => Code::KeyNotOfSender.number(),
        }
    }

    fn answer(&mut self, asked: &Asked) -> u32 {
        match *asked {
            Asked::Add { who, key, from } => self.add(who, key, from),
            Asked::Revoke { who, key, from } => self.revoke(who, key, from),
            Asked::Start { by, who, key } => self.start(by, who, key),
            Asked::Cancel { by, who } => self.cancel(by, who),
            Asked::Complete { by, who } => self.complete(by, who),
            Asked::Sign { who, key } => self.sign(who, key),
            Asked::Later { heights, ms } => {
                (self.height, self.ms) = (self.height + heights, self.ms + ms);
                0
            }
        }
    }
}

/// What the room answers.
fn answer(stage: &mut Stage<'_>, asked: &Asked) -> u32 {
    let id = |who: u8| PEOPLE[usize::from(who)];
    let named = |who: u8| wire::RecoveryRequest { principal: id(who).0.to_vec() };
    let now = stage.place.height.0;
    let height = |from: Option<i8>| from.map_or(0, |by| now.saturating_add_signed(by.into()));
    let bytes = |n: u8| key(n).0.to_vec();
    match *asked {
        Asked::Add { who, key, from } => {
            let request = wire::AddKeyRequest { key: bytes(key), from_height: height(from) };
            stage.call(id(who), "AddKey", &request)
        }
        Asked::Revoke { who, key, from } => {
            let request = wire::RevokeKeyRequest { key: bytes(key), from_height: height(from) };
            stage.call(id(who), "RevokeKey", &request)
        }
        Asked::Start { by, who, key } => {
            let principal = id(who).0.to_vec();
            let request = wire::StartRecoveryRequest { principal, key: bytes(key) };
            stage.call(id(by), "StartRecovery", &request)
        }
        Asked::Cancel { by, who } => stage.call(id(by), "CancelRecovery", &named(who)),
        Asked::Complete { by, who } => stage.call(id(by), "CompleteRecovery", &named(who)),
        Asked::Sign { who, key: n } => {
            let transaction = signed(id(who), key(n));
            let admitted = admit_in_block(&mut stage.overlay, &stage.place, &transaction);
            admitted.unwrap().err().map_or(0, |refusal| refusal.code)
        }
        Asked::Later { heights, ms } => {
            stage.later(heights, ms);
            0
        }
    }
}

fn signed(sender: PrincipalId, signer: PublicKey) -> Transaction {
    Transaction {
        id: TxId([0; 32]),
        body: BodyId([0; 32]),
        on_behalf: None,
        sender,
        signer,
        key: TxKey([0; 16]),
        valid_until: START,
        signature: Signature([0; 64]),
        calls: vec![],
        raw: vec![].into(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// P1, P2, P3: whatever is asked, in whatever order, the model gives the same answer, and from
    /// every height on everyone has a key in force.
    #[test]
    fn the_room_and_the_model_agree(asked in proptest::collection::vec(asked(), 1..60)) {
        let store = Memory::default();
        let (mut stage, mut model) = (Stage::new(&store), Model::new());
        for one in &asked {
            prop_assert_eq!(answer(&mut stage, one), model.answer(one), "{:?}", one);
            for id in PEOPLE {
                let row = find_principal(&mut stage.overlay, &id).unwrap().unwrap();
                prop_assert_eq!(gap_from(&row, stage.place.height.next()), None, "{:?}", one);
            }
        }
        // P3: a recovery that waits can still be ended by the person, whatever happened.
        for who in model.waiting.keys() {
            prop_assert_eq!(answer(&mut stage, &Asked::Cancel { by: *who, who: *who }), 0);
        }
    }
}

#[test]
fn the_row_stays_small_and_a_key_that_left_it_is_still_known() {
    let store = Memory::default();
    let mut stage = Stage::new(&store);
    for n in 10..30 {
        let add = Asked::Add { who: 0, key: n, from: None };
        let before = if n == 10 { 1 } else { n - 1 };
        let revoke = Asked::Revoke { who: 0, key: before, from: None };
        assert_eq!((answer(&mut stage, &add), answer(&mut stage, &revoke)), (0, 0));
        stage.later(1, 0);
    }
    let row = find_principal(&mut stage.overlay, &ANN).unwrap().unwrap();
    assert_eq!((row.keys.len(), row.retired), (8, 13));
    let old = [Asked::Sign { who: 0, key: 1 }, Asked::Sign { who: 0, key: 28 }];
    assert!(old.iter().all(|old| answer(&mut stage, old) == Code::KeyRevoked.number()));
    // Not Ann's key, so not Ann's affair.
    let other = Asked::Sign { who: 1, key: 1 };
    assert_eq!(answer(&mut stage, &other), Code::KeyNotOfSender.number());
    let again = Asked::Add { who: 1, key: 1, from: None };
    assert_eq!(answer(&mut stage, &again), Code::KeyTaken.number());
}

#[test]
fn a_key_of_small_order_is_no_key() {
    let store = Memory::default();
    let mut stage = Stage::new(&store);
    let mut identity = [0; 32];
    identity[0] = 1;
    let request = wire::AddKeyRequest { key: identity.to_vec(), from_height: 0 };
    assert_eq!(stage.call(ANN, "AddKey", &request), Code::BadKey.number());
}
