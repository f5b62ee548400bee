//! Validators that join, leave, or get a new key: who lets whom in, and under which name.

use super::*;

/// How often the council looks where its motion stands.
const COUNCIL_MS: u64 = 700;
/// How long one that was removed stays connected: it hears that it was.
const FAREWELL_MS: u64 = 2_000;

impl World {
    /// The name under which `other` knows `node`: the key that the set of its next block has for it.
    pub(super) fn name(&self, node: usize, other: usize) -> PublicKey {
        let key = self.fixture.keys[node];
        let Some(process) = &self.machines[other].process else { return key };
        self.fixture.key_among(node, &process.ledger().head().validators)
    }

    /// Whether `node` lets `other` in.
    pub(super) fn lets_in(&self, node: usize, other: usize) -> bool {
        let Some(process) = &self.machines[node].process else { return false };
        process.ledger().head().validators.get(&self.name(other, node)).is_some()
    }

    /// A block left other validators than it had: names change, and who was removed has to go.
    pub(super) fn regroup(&mut self, node: usize, header: &Header) -> Result<(), Breach> {
        if header.validators_hash == header.next_validators_hash {
            return Ok(());
        }
        let (sets, hash) = (&self.fixture.sets, header.validators_hash);
        let before = sets.iter().find(|set| set.hash() == hash).cloned();
        let Some(before) = before else { return Ok(()) };
        for other in (0..self.machines.len()).filter(|other| *other != node) {
            let (old, new) = (self.fixture.key_among(other, &before), self.name(other, node));
            if !self.lets_in(node, other) {
                self.queue.after(FAREWELL_MS, Happening::Farewell { a: node, b: other });
            }
            let is_up = self.links.get(&pair(node, other)).is_some_and(|link| link.is_up);
            if old != new && is_up {
                self.step(node, Event::Disconnected(old))?;
                self.step(node, Event::Connected(new))?;
            }
            self.queue.after(10, Happening::Connect { a: node, b: other });
        }
        Ok(())
    }

    /// The connection of one that was removed ends.
    pub(super) fn farewell(&mut self, a: usize, b: usize) -> Result<(), Breach> {
        match self.lets_in(a, b) {
            true => Ok(()),
            false => self.disconnect(a, b),
        }
    }

    /// The council looks where its motion stands and hands in what is missing.
    pub(super) fn convene(&mut self) -> Result<(), Breach> {
        self.queue.after(COUNCIL_MS, Happening::Council);
        let head = |machine: &&Machine| machine.process.as_ref().map(|p| p.ledger().head().height);
        let honest = self.machines.iter().filter(|m| m.is_honest() && m.is_up());
        let Some(machine) = honest.max_by_key(head) else { return Ok(()) };
        let Some(process) = &machine.process else { return Ok(()) };
        let (ledger, scheme) = (process.ledger(), self.plan.scheme);
        let raws = self.council.next(self.fixture, scheme, ledger, &machine.disk);
        for raw in raws {
            let node = self.any_node();
            self.submit(node, &raw)?;
        }
        Ok(())
    }

    fn submit(&mut self, node: usize, raw: &[u8]) -> Result<(), Breach> {
        let Some(process) = &self.machines[node].process else { return Ok(()) };
        let head_time = process.ledger().head().time;
        let Ok(transaction) = process.ledger().checker().check(raw, head_time) else {
            return Ok(());
        };
        let chain = &self.fixture.chain;
        let verified = verify_signatures(chain, self.verify.as_ref(), vec![transaction]);
        let Some(Ok(verified)) = verified.into_iter().next() else { return Ok(()) };
        self.ticket += 1;
        self.step(node, Event::Submitted(vec![(self.ticket, verified)]))
    }

    /// The honest machines that are validators where the chain has come furthest.
    pub(super) fn seated(&self) -> BTreeSet<usize> {
        let honest = || self.machines.iter().filter(|machine| machine.is_honest());
        let heads = honest().filter_map(|machine| Some(machine.process.as_ref()?.ledger().head()));
        let Some(head) = heads.max_by_key(|head| head.height) else { return BTreeSet::new() };
        let is_seated = |node: &usize| {
            head.validators.get(&self.fixture.key_among(*node, &head.validators)).is_some()
        };
        honest().map(|machine| machine.number).filter(is_seated).collect()
    }
}
