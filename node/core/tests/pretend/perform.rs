//! What a core asks for, carried out on the pretend disk, network and runtime.

use super::{CHAIN, Committed, Event, Net, Pretend, body_of, entry_of, header_of};
use linli_core::message::{self, SyncBlock};
use linli_core::{Action, Input, SyncVerdict, wal};
use linli_types::header::Header;
use linli_types::height::{Height, TimeMs};
use linli_types::id::{BodyId, Digest, PublicKey};
use std::collections::VecDeque;

impl Net {
    pub(super) fn perform(&mut self, node: usize, actions: Vec<Action>) {
        let mut inputs = VecDeque::new();
        for action in actions {
            self.perform_one(node, action, &mut inputs);
        }
        for input in inputs {
            self.feed(node, input);
        }
    }

    fn perform_one(&mut self, node: usize, action: Action, inputs: &mut VecDeque<Input>) {
        let n = &mut self.nodes[node];
        match action {
            Action::WalAppend(record) => n.unsynced.push(record),
            Action::WalBodies { height, ids } => {
                let bodies = self.all_bodies(node, &ids);
                self.nodes[node].unsynced.push(wal::bodies_record(height, bodies));
            }
            Action::WalSync => {
                n.syncs += 1;
                n.durable.append(&mut n.unsynced);
            }
            Action::WalReset => {
                n.resets += 1;
                n.durable.clear();
                n.unsynced.clear();
            }
            Action::Send { to, bytes } => self.deliver(node, self.number(&to), bytes),
            Action::Broadcast { bytes } => {
                self.check_logged(node, &bytes);
                self.broadcasts += 1;
                self.spread(node, &bytes);
            }
            Action::WakeAt { mono_ms } => {
                let (life, at) = (n.life, mono_ms.max(self.now));
                self.push(at, Event::Wake { node, life });
            }
            Action::Build { height, round, time, transactions, flags } => {
                let (header, transactions) = self.build(node, time, flags, transactions);
                inputs.push_back(Input::Built { height, round, header, transactions });
            }
            Action::Execute { header, transactions } => {
                let bodies = self.all_bodies(node, &transactions);
                let (block, valid) = (header.id(), self.execute(node, header, bodies));
                inputs.push_back(Input::Executed { block, valid });
            }
            Action::ExecuteSynced { header, bodies, certificate } => {
                let block = header.id();
                assert_eq!(certificate.block, block);
                let verdict = self.execute_synced(node, header, bodies);
                inputs.push_back(Input::ExecutedSynced { block, verdict });
            }
            Action::Commit { block, certificate } => self.commit(node, block, certificate, inputs),
            Action::CheckBodies { bodies, .. } => {
                inputs.extend(bodies.into_iter().map(|raw| self.check_body(node, raw)));
            }
            Action::SendBodies { to, ids } => self.send_bodies(node, &to, &ids),
            Action::SendBlocks { to, from } => self.send_blocks(node, &to, from),
            Action::Drop { ids } => n.bodies.retain(|id, _| !ids.contains(id)),
            Action::Fault { peer, why } => n.faults.push((peer, why)),
            Action::Evidence(evidence) => {
                assert!(evidence.holds(&CHAIN, &Pretend(n.key)), "{evidence:?}");
                n.evidence.push(evidence);
            }
            Action::Halt { why } => (n.halted, n.core) = (Some(why), None),
            Action::Pooled { .. } | Action::PoolRefused { .. } => {}
        }
    }

    fn number(&self, key: &PublicKey) -> usize {
        self.nodes.iter().position(|n| n.is(key)).unwrap()
    }

    /// The bodies of a block that the core believes to be whole.
    fn all_bodies(&self, node: usize, ids: &[BodyId]) -> Vec<Vec<u8>> {
        let bodies = self.bodies(node, ids);
        assert_eq!(bodies.len(), ids.len(), "every body is at hand");
        bodies
    }

    fn build(
        &mut self,
        node: usize,
        time: TimeMs,
        flags: u16,
        mut transactions: Vec<BodyId>,
    ) -> (Header, Vec<BodyId>) {
        transactions.retain(|id| !self.nodes[node].has(id));
        let bodies = self.all_bodies(node, &transactions);
        let n = &mut self.nodes[node];
        let me = n.core.as_ref().map_or(n.key, linli_core::Core::me);
        let mut header = header_of(&n.head(), me, time, flags, &bodies);
        if n.differs && !transactions.is_empty() {
            header.state_root = Digest([0xdd; 32]);
        }
        n.executed.insert(header.id(), (header.clone(), bodies));
        (header, transactions)
    }

    fn execute_synced(&mut self, node: usize, header: Header, bodies: Vec<Vec<u8>>) -> SyncVerdict {
        let ids = bodies.iter().map(|raw| body_of(raw));
        if linli_types::transaction::bodies_root(ids) != header.bodies_root {
            return SyncVerdict::OtherBodies;
        }
        match self.execute(node, header, bodies) {
            true => SyncVerdict::Valid,
            false => SyncVerdict::Differs,
        }
    }

    fn check_body(&mut self, node: usize, raw: Vec<u8>) -> Input {
        let (entry, n) = (entry_of(&raw), &mut self.nodes[node]);
        n.bodies.insert(entry.id, raw);
        match n.has(&entry.id) {
            true => Input::Held { ids: vec![entry.id] },
            false => Input::Offer { entry },
        }
    }

    fn send_bodies(&mut self, node: usize, to: &PublicKey, ids: &[BodyId]) {
        let (bodies, to) = (self.bodies(node, ids), self.number(to));
        for bytes in message::bodies(bodies.iter().map(Vec::as_slice)) {
            self.deliver(node, to, bytes);
        }
    }

    fn send_blocks(&mut self, node: usize, to: &PublicKey, from: Height) {
        let first = usize::try_from(from.0).unwrap() - 1;
        let block = |c: &Committed| SyncBlock {
            header: c.header.to_bytes(),
            bodies: c.bodies.clone(),
            certificate: c.certificate.clone(),
        };
        let blocks = self.nodes[node].chain[first..].iter().take(8).map(block).collect();
        self.deliver(node, self.number(to), message::blocks(blocks));
    }
}
