//! One core, exact actions: what leaves, in which order, and what never does.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod pretend;

use linli_core::message::{Message, Proposal, SignedProposal, SignedVote, Vote};
use linli_core::{Action, Clock, Config, Core, Included, Input, Start};
use linli_types::certificate::VoteKind;
use linli_types::code::Code;
use linli_types::header::Header;
use linli_types::height::{Height, TimeMs};
use linli_types::id::{BlockId, BodyId, PublicKey};
use pretend::{
    CHAIN, EPOCH, Pretend, entry_of, genesis, header_of, key, pretend_signature, transaction,
};
use std::sync::Arc;

/// The proposer of height 1, round 0 in the pretend net.
const PROPOSER: usize = 3;
const ME: usize = 0;

struct Script {
    core: Core,
    now: u64,
    log: Vec<Vec<u8>>,
}

impl Script {
    fn new(n: usize) -> Self {
        Self::with_log(n, Vec::new())
    }

    fn with_log(n: usize, log: Vec<Vec<u8>>) -> Self {
        let clock = Clock { mono_ms: 1_000, wall: TimeMs(EPOCH + 1_000) };
        let config = Config::new(CHAIN, key(n));
        let started = Core::start(config, genesis(), log.clone(), clock, &mut Pretend(key(n)));
        let mut script = Self { core: started.unwrap().0, now: 0, log };
        for peer in (0..4).filter(|peer| *peer != n) {
            script.step(n, Input::Connected { peer: key(peer) });
        }
        script
    }

    fn step(&mut self, n: usize, input: Input) -> Vec<Action> {
        self.now += 1;
        let wall = TimeMs(EPOCH + 1_000 + self.now);
        let clock = Clock { mono_ms: 1_000 + self.now, wall };
        let actions = self.core.step(clock, input, &mut Pretend(key(n)));
        for action in &actions {
            match action {
                Action::WalAppend(record) => self.log.push(record.clone()),
                Action::WalReset => self.log.clear(),
                _ => {}
            }
        }
        actions
    }

    fn hear(&mut self, from: usize, message: &Message) -> Vec<Action> {
        self.step(ME, Input::Received { from: key(from), bytes: message.encode().to_vec() })
    }
}

fn vote(n: usize, kind: VoteKind, round: u32, value: Option<BlockId>) -> Message {
    let vote = Vote { kind, height: Height(1), round, value, validator: key(n) };
    let signature = pretend_signature(&key(n), &vote.bytes(&CHAIN));
    Message::Vote(SignedVote { vote, signature })
}

fn proposal(n: usize, round: u32, block: BlockId, lock_round: Option<u32>) -> Message {
    let proposal = Proposal { height: Height(1), round, block, lock_round, proposer: key(n) };
    let signature = pretend_signature(&key(n), &proposal.bytes(&CHAIN));
    Message::Proposal(SignedProposal { proposal, signature })
}

fn block_at(time: TimeMs) -> Header {
    header_of(&genesis(), key(PROPOSER), time, 0, &[])
}

fn part(header: &Header, round: u32) -> Message {
    let bytes =
        [linli_types::encode(&header.to_bytes()), linli_types::encode(&Vec::<BodyId>::new())]
            .concat();
    let (height, index, total) = (header.height, 0, 1);
    Message::Part(linli_core::message::ProposalPart { height, round, index, total, bytes })
}

fn sent(actions: &[Action]) -> Vec<Message> {
    let message = |bytes: &Arc<[u8]>| Message::decode(bytes).unwrap();
    actions
        .iter()
        .filter_map(|action| match action {
            Action::Broadcast { bytes } | Action::Send { bytes, .. } => Some(message(bytes)),
            _ => None,
        })
        .collect()
}

fn own_votes(actions: &[Action]) -> Vec<Vote> {
    let own = |m: Message| match m {
        Message::Vote(signed) if signed.vote.validator == key(ME) => Some(signed.vote),
        _ => None,
    };
    sent(actions).into_iter().filter_map(own).collect()
}

/// Brings the block to execution; returns the actions after the verdict.
fn propose(script: &mut Script, header: &Header, round: u32, lock: Option<u32>) -> Vec<Action> {
    script.hear(PROPOSER, &proposal(PROPOSER, round, header.id(), lock));
    let actions = script.hear(PROPOSER, &part(header, round));
    if !actions.iter().any(|a| matches!(a, Action::Execute { .. })) {
        return actions;
    }
    assert_eq!(own_votes(&actions), [], "no prevote before execution (C3)");
    script.step(ME, Input::Executed { block: header.id(), valid: true })
}

fn position(actions: &[Action], wanted: impl Fn(&Action) -> bool) -> Option<usize> {
    actions.iter().position(wanted)
}

#[test]
fn a_vote_leaves_after_exactly_one_sync_of_its_record() {
    let mut script = Script::new(ME);
    let header = block_at(TimeMs(EPOCH + 1_000));
    let actions = propose(&mut script, &header, 0, None);
    let vote = own_votes(&actions);
    assert_eq!(vote.len(), 1);
    assert_eq!(vote[0].value, Some(header.id()));
    let syncs = actions.iter().filter(|a| matches!(a, Action::WalSync)).count();
    assert_eq!(syncs, 1);
    let sync = position(&actions, |a| matches!(a, Action::WalSync)).unwrap();
    let last_append = actions.iter().rposition(|a| matches!(a, Action::WalAppend(_))).unwrap();
    let first_send = position(&actions, |a| matches!(a, Action::Broadcast { .. })).unwrap();
    assert!(last_append < sync && sync < first_send);
}

#[test]
fn a_block_that_executes_differently_gets_no_vote() {
    let mut script = Script::new(ME);
    let header = block_at(TimeMs(EPOCH + 1_000));
    script.hear(PROPOSER, &proposal(PROPOSER, 0, header.id(), None));
    script.hear(PROPOSER, &part(&header, 0));
    let actions = script.step(ME, Input::Executed { block: header.id(), valid: false });
    assert_eq!(own_votes(&actions)[0].value, None);
}

#[test]
fn a_fresh_block_from_a_wrong_clock_gets_no_vote() {
    for ahead in [2_500_i64, 1_500, -900] {
        let time = TimeMs((EPOCH + 1_000).saturating_add_signed(ahead).max(EPOCH + 1));
        let header = block_at(time);
        let skewed = time.since(TimeMs(EPOCH + 1_000)) > 2_000;
        let mut script = Script::new(ME);
        let votes = own_votes(&propose(&mut script, &header, 0, None));
        assert_eq!(votes[0].value, (!skewed).then(|| header.id()), "{ahead}");
    }
}

#[test]
fn a_quorum_of_others_overrules_the_own_clock() {
    let header = block_at(TimeMs(EPOCH + 60_000));
    let mut script = Script::new(ME);
    assert_eq!(own_votes(&propose(&mut script, &header, 0, None))[0].value, None);
    let mut execute = false;
    for n in [1, 2, 3] {
        let actions = script.hear(n, &vote(n, VoteKind::Prevote, 0, Some(header.id())));
        execute |= actions.iter().any(|a| matches!(a, Action::Execute { .. }));
    }
    assert!(execute, "it is executed after all");
    let actions = script.step(ME, Input::Executed { block: header.id(), valid: true });
    let votes = own_votes(&actions);
    assert_eq!(votes.len(), 1, "{votes:?}");
    assert_eq!((votes[0].kind, votes[0].value), (VoteKind::Precommit, Some(header.id())));
}

#[test]
fn a_decision_is_committed_with_a_certificate_that_checks() {
    let header = block_at(TimeMs(EPOCH + 1_000));
    let mut script = Script::new(ME);
    propose(&mut script, &header, 0, None);
    let mut committed = None;
    for kind in [VoteKind::Prevote, VoteKind::Precommit] {
        for n in [1, 2, 3] {
            for action in script.hear(n, &vote(n, kind, 0, Some(header.id()))) {
                if let Action::Commit { block, certificate } = action {
                    committed = Some((block, certificate));
                }
            }
        }
    }
    let (block, certificate) = committed.expect("a quorum precommitted");
    assert_eq!(block, header.id());
    let check = certificate.check(&CHAIN, &genesis().validators, &Pretend(key(0)));
    assert_eq!(check, Ok(()));
    let head = Start { height: Height(1), block, time: header.time, ..genesis() };
    let input = Input::Committed { head, next_timer: None, included: Vec::new() };
    let actions = script.step(ME, input);
    assert_eq!(actions.first(), Some(&Action::WalReset));
    assert_eq!(script.core.head().height, Height(1));
}

#[test]
fn a_restart_reuses_the_signature_and_signs_nothing_else() {
    let header = block_at(TimeMs(EPOCH + 1_000));
    let mut script = Script::new(ME);
    propose(&mut script, &header, 0, None);
    let mut again = Script::with_log(ME, script.log.clone());
    assert_eq!(again.core.round(), Some(0));
    // The propose wait of the first life runs out in the second: it must not vote for nothing.
    let clock = Clock { mono_ms: 5_000, wall: TimeMs(EPOCH + 6_000) };
    let actions = again.core.step(clock, Input::Woken, &mut Pretend(key(ME)));
    for vote in own_votes(&actions) {
        assert_eq!((vote.kind, vote.value), (VoteKind::Prevote, Some(header.id())));
    }
    assert!(!actions.iter().any(|a| matches!(a, Action::Halt { .. })));
}

#[test]
fn the_own_vote_from_elsewhere_stops_the_node() {
    let mut script = Script::new(ME);
    let actions = script.hear(2, &vote(ME, VoteKind::Prevote, 0, None));
    assert!(matches!(actions.as_slice(), [Action::Halt { .. }]), "{actions:?}");
    assert_eq!(script.step(ME, Input::Woken), [], "nothing follows");
}

#[test]
fn a_forged_own_vote_stops_nothing() {
    let mut script = Script::new(ME);
    let Message::Vote(mut forged) = vote(ME, VoteKind::Prevote, 0, None) else { unreachable!() };
    forged.signature.0[0] ^= 1;
    let actions = script.hear(2, &Message::Vote(forged));
    assert!(!actions.iter().any(|a| matches!(a, Action::Halt { .. })));
}

#[test]
fn a_second_vote_is_evidence_not_weight() {
    let mut script = Script::new(ME);
    let header = block_at(TimeMs(EPOCH + 1_000));
    propose(&mut script, &header, 0, None);
    script.hear(1, &vote(1, VoteKind::Prevote, 0, None));
    let actions = script.hear(1, &vote(1, VoteKind::Prevote, 0, Some(header.id())));
    let evidence = actions.iter().find_map(|a| match a {
        Action::Evidence(evidence) => Some(evidence.clone()),
        _ => None,
    });
    let evidence = evidence.expect("two votes in one place");
    assert_eq!(evidence.validator(), key(1));
    assert!(evidence.holds(&CHAIN, &Pretend(key(0))));
    // 3 (own) + 2 = 5 of 10, and the equivocator's second vote adds nothing: no precommit.
    let actions = script.hear(2, &vote(2, VoteKind::Prevote, 0, Some(header.id())));
    assert!(own_votes(&actions).iter().all(|v| v.kind == VoteKind::Prevote), "{actions:?}");
}

#[test]
fn two_proposals_of_one_round_are_evidence() {
    let mut script = Script::new(ME);
    let (one, two) = (block_at(TimeMs(EPOCH + 1_000)), block_at(TimeMs(EPOCH + 1_001)));
    script.hear(PROPOSER, &proposal(PROPOSER, 0, one.id(), None));
    let actions = script.hear(PROPOSER, &proposal(PROPOSER, 0, two.id(), None));
    assert!(
        actions.iter().any(|a| matches!(a, Action::Evidence(e) if e.validator() == key(PROPOSER)))
    );
}

#[test]
fn a_member_of_another_chain_is_a_fault() {
    let mut script = Script::new(ME);
    let hello = Message::Hello {
        chain: linli_types::id::ChainId([1; 32]),
        protocol_min: 1,
        protocol_max: 1,
        height: Height(0),
    };
    let actions = script.hear(1, &hello);
    assert!(actions.iter().any(|a| matches!(a, Action::Fault { peer, .. } if *peer == key(1))));
}

#[test]
fn a_bad_certificate_in_catch_up_is_a_fault_and_another_is_asked() {
    let mut script = Script::new(ME);
    for n in [1, 2] {
        script.hear(n, &Message::Status { height: Height(50) });
    }
    let asked = |actions: &[Action]| {
        actions.iter().find_map(|a| match a {
            Action::Send { to, bytes } => {
                let wanted = Message::BlocksRequest { from: Height(1) };
                (Message::decode(bytes) == Ok(wanted)).then_some(*to)
            }
            _ => None,
        })
    };
    // The request left with the first status that showed the distance.
    let header = block_at(TimeMs(EPOCH + 1_000));
    let certificate = linli_types::certificate::Certificate {
        height: Height(1),
        round: 0,
        block: header.id(),
        precommits: Vec::new(),
    };
    let block = linli_core::message::SyncBlock {
        header: header.to_bytes(),
        bodies: Vec::new(),
        certificate,
    };
    let actions = script.hear(1, &Message::Blocks(vec![block]));
    assert!(actions.iter().any(|a| matches!(a, Action::Fault { peer, .. } if *peer == key(1))));
    assert_eq!(asked(&actions), Some(key(2)));
}

#[test]
fn the_pool_answers_each_offer() {
    let mut script = Script::new(ME);
    let raw = transaction(1, 1, EPOCH + 60_000);
    let mut other = entry_of(&raw);
    other.id = BodyId([9; 32]);
    let actions = script.step(ME, Input::Offer { entry: entry_of(&raw) });
    assert!(actions.contains(&Action::Pooled { id: entry_of(&raw).id, is_new: true }));
    let actions = script.step(ME, Input::Offer { entry: other });
    let refused = Action::PoolRefused { id: BodyId([9; 32]), code: Code::IdConflict };
    assert!(actions.contains(&refused));
    assert!(actions.contains(&Action::Drop { ids: vec![BodyId([9; 32])] }));
}

#[test]
fn a_damaged_log_is_said_to_be_damaged() {
    let clock = Clock { mono_ms: 0, wall: TimeMs(EPOCH) };
    let config = Config::new(CHAIN, key(ME));
    let log = vec![vec![1, 2, 3]];
    let started = Core::start(config, genesis(), log, clock, &mut Pretend(key(ME)));
    assert!(matches!(started, Err(linli_core::CoreBroken::Record { index: 0 })));
}

#[test]
fn a_log_with_two_own_votes_in_one_place_is_not_continued() {
    // The log says: voted for a block that it also says was found invalid.
    let header = block_at(TimeMs(EPOCH + 1_000));
    let mut script = Script::new(ME);
    script.hear(PROPOSER, &proposal(PROPOSER, 0, header.id(), None));
    script.hear(PROPOSER, &part(&header, 0));
    script.step(ME, Input::Executed { block: header.id(), valid: false });
    // Exchange the logged nil vote for one for the block.
    let Message::Vote(nil) = vote(ME, VoteKind::Prevote, 0, None) else { unreachable!() };
    let Message::Vote(other) = vote(ME, VoteKind::Prevote, 0, Some(header.id())) else {
        unreachable!()
    };
    let (nil, other) = (linli_types::encode(&nil), linli_types::encode(&other));
    let mut changed = 0;
    let log: Vec<Vec<u8>> = script
        .log
        .iter()
        .map(|record| match record.windows(nil.len()).position(|w| w == nil) {
            Some(at) => {
                changed += 1;
                [&record[..at], &other[..], &record[at + nil.len()..]].concat()
            }
            None => record.clone(),
        })
        .collect();
    assert_eq!(changed, 1);
    let clock = Clock { mono_ms: 0, wall: TimeMs(EPOCH + 1_000) };
    let config = Config::new(CHAIN, key(ME));
    let started = Core::start(config, genesis(), log, clock, &mut Pretend(key(ME)));
    assert!(matches!(started, Err(linli_core::CoreBroken::Diverged(_))), "refused to sign");
}

#[test]
fn strangers_have_no_weight() {
    let mut script = Script::new(ME);
    let stranger = PublicKey([99; 32]);
    let vote = Vote {
        kind: VoteKind::Prevote,
        height: Height(1),
        round: 0,
        value: None,
        validator: stranger,
    };
    let signature = pretend_signature(&stranger, &vote.bytes(&CHAIN));
    let actions = script.hear(1, &Message::Vote(SignedVote { vote, signature }));
    assert!(!actions.iter().any(|a| matches!(a, Action::WalAppend(_))), "nothing is logged");
}

#[test]
fn a_lock_that_is_claimed_but_not_shown_excuses_no_clock() {
    // The proposer of rounds 0 and 4 says for the later one that a quorum locked the block.
    let header = block_at(TimeMs(EPOCH + 60_000));
    let mut script = Script::new(ME);
    script.hear(PROPOSER, &proposal(PROPOSER, 4, header.id(), Some(0)));
    let actions = propose(&mut script, &header, 0, None);
    let votes = own_votes(&actions);
    assert_eq!(votes.first().map(|v| v.value), Some(None), "{votes:?}");
}

#[test]
fn a_forged_list_of_transactions_is_its_senders_fault_and_takes_no_place() {
    let raw = transaction(1, 1, EPOCH + 60_000);
    let (ids, bodies) = ([entry_of(&raw).id], [raw.clone()]);
    let header = header_of(&genesis(), key(PROPOSER), TimeMs(EPOCH + 1_000), 0, &bodies);
    let whole = |ids: &[BodyId]| {
        let header = linli_types::encode(&header.to_bytes());
        let bytes = [header, linli_types::encode(&ids.to_vec())].concat();
        let (height, round, index, total) = (Height(1), 0, 0, 1);
        Message::Part(linli_core::message::ProposalPart { height, round, index, total, bytes })
    };
    let mut script = Script::new(ME);
    script.step(ME, Input::Offer { entry: entry_of(&raw) });
    script.hear(PROPOSER, &proposal(PROPOSER, 0, header.id(), None));
    let actions = script.hear(PROPOSER, &whole(&[BodyId([7; 32])]));
    let faulty = |a: &Action| matches!(a, Action::Fault { peer, .. } if *peer == key(PROPOSER));
    assert!(actions.iter().any(faulty), "{actions:?}");
    let actions = script.hear(2, &whole(&ids));
    let executes = |a: &Action| matches!(a, Action::Execute { .. });
    assert!(actions.iter().any(executes), "whoever sends the true list is heard: {actions:?}");
}

#[test]
fn the_round_that_a_part_names_counts_for_nothing() {
    // A member labels the parts of garbage it signed for later rounds as parts of round 0.
    let mut script = Script::new(ME);
    for (round, ms) in [(1, 1), (5, 2)] {
        let garbage = block_at(TimeMs(EPOCH + 1_000 + ms));
        let liar = (0..4).find(|n| *n != ME && *n != PROPOSER).unwrap();
        script.hear(liar, &proposal(liar, round, garbage.id(), None));
        script.hear(liar, &part(&garbage, 0));
        script.step(ME, Input::Executed { block: garbage.id(), valid: true });
    }
    let header = block_at(TimeMs(EPOCH + 1_000));
    let votes = own_votes(&propose(&mut script, &header, 0, None));
    assert_eq!(votes.first().map(|v| v.value), Some(Some(header.id())), "{votes:?}");
}

#[test]
fn a_peer_that_asks_without_pause_is_answered_at_a_pace() {
    let mut script = Script::new(ME);
    let served = |actions: Vec<Action>| {
        actions.iter().filter(|a| matches!(a, Action::SendBodies { .. })).count()
    };
    let ask = |n: u8| Message::BodiesRequest { ids: vec![BodyId([n; 32])] };
    let mut answers = 0;
    for n in 0..100 {
        answers += served(script.hear(1, &ask(n)));
    }
    assert!((1..=3).contains(&answers), "{answers} answers within 100 ms");
    script.now += 100;
    assert_eq!(served(script.step(ME, Input::Woken)), 1, "the last question is not forgotten");
}

#[test]
fn a_request_that_names_one_body_twice_is_a_fault() {
    let mut script = Script::new(ME);
    let twice = Message::BodiesRequest { ids: vec![BodyId([1; 32]); 2] };
    let actions = script.hear(1, &twice);
    assert!(actions.iter().any(|a| matches!(a, Action::Fault { .. })), "{actions:?}");
}

#[test]
fn what_has_ended_or_ends_too_far_away_does_not_wait() {
    let mut script = Script::new(ME);
    for until in [EPOCH - 1, EPOCH + 3_600_000] {
        let entry = entry_of(&transaction(1, until, until));
        let refused = Action::PoolRefused { id: entry.id, code: Code::Expired };
        assert!(script.step(ME, Input::Offer { entry }).contains(&refused), "{until}");
    }
}

#[test]
fn another_signature_over_a_committed_body_leaves_the_pool() {
    let mut script = Script::new(ME);
    let entry = entry_of(&transaction(1, 1, EPOCH + 60_000));
    script.step(ME, Input::Offer { entry: entry.clone() });
    let header = block_at(TimeMs(EPOCH + 1_000));
    let head = Start { height: Height(1), block: header.id(), time: header.time, ..genesis() };
    let other = Included { id: BodyId([8; 32]), sender: entry.sender, key: entry.key };
    let input = Input::Committed { head, next_timer: None, included: vec![other] };
    let actions = script.step(ME, input);
    assert_eq!(script.core.pool_len(), 0);
    let dropped = |a: &Action| matches!(a, Action::Drop { ids } if ids.contains(&entry.id));
    assert!(actions.iter().any(dropped), "{actions:?}");
}
