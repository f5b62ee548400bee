//! What clients want, what they are answered, and how a run comes to rest.

use super::*;

impl World {
    pub(super) fn lie(&mut self, node: usize) {
        self.queue.after(LIE_MS, Happening::Lie { node });
        let machine = &mut self.machines[node];
        let height = machine.height;
        let Some(liar) = machine.liar.as_mut().filter(|_| machine.process.is_some()) else {
            return;
        };
        let said = liar.unasked(height);
        said.into_iter().for_each(|(to, bytes)| self.carry((node, to), 0, &bytes));
    }

    // ----- the clients ---------------------------------------------------------------------------

    pub(super) fn wish(&mut self) {
        if self.rested_ms.is_some() {
            return;
        }
        self.make_wish();
        if self.chance.one_in(40) {
            // Someone repeats an old transaction, byte for byte, to whomever.
            self.repeat_old();
        }
        let pace_ms = 1_000 / self.plan.load.rate.max(1);
        let delay_ms = self.chance.between(pace_ms / 2, pace_ms * 3 / 2);
        self.queue.after(delay_ms, Happening::Wish);
    }

    pub(super) fn burst(&mut self) {
        if self.rested_ms.is_some() {
            return;
        }
        (0..self.plan.load.burst).for_each(|_| self.make_wish());
        self.queue.after(10_000, Happening::Burst);
    }

    pub(super) fn make_wish(&mut self) {
        let (wish, ids) = self.clients.wish(self.queue.now_ms());
        for id in ids {
            let (node, delay_ms) = (self.any_node(), self.chance.between(1, 20));
            self.queue.after(delay_ms, Happening::HandIn { id, node });
        }
        let delay_ms = self.chance.between(1_500, 3_000);
        self.queue.after(delay_ms, Happening::Look { wish });
    }

    pub(super) fn repeat_old(&mut self) {
        let Some(id) = self.clients.old() else { return };
        let node = self.any_node();
        self.queue.after(1, Happening::HandIn { id, node });
    }

    pub(super) fn any_node(&mut self) -> usize {
        self.chance.index(self.machines.len())
    }

    pub(super) fn hand_in(&mut self, node: usize, id: TxId) -> Result<(), Breach> {
        let now_ms = self.queue.now_ms();
        self.audit.record(now_ms, node, "submits", &id.0);
        let Some(attempt) = self.clients.attempt(&id) else { return Ok(()) };
        let Some(process) = &self.machines[node].process else { return Ok(()) };
        let head_time = process.ledger().head().time;
        let raw = attempt.other.as_ref().filter(|_| node % 2 == 1).unwrap_or(&attempt.raw);
        let Ok(transaction) = process.ledger().checker().check(raw, head_time) else {
            return Ok(()); // expired, or not yet: the client finds out when it looks
        };
        let chain = &self.fixture.chain;
        let verified = verify_signatures(chain, self.verify.as_ref(), vec![transaction]);
        let Some(Ok(verified)) = verified.into_iter().next() else { return Ok(()) };
        self.ticket += 1;
        self.tickets.insert(self.ticket, id);
        self.step(node, Event::Submitted(vec![(self.ticket, verified)]))
    }

    pub(super) fn answered(&mut self, ticket: u64, answer: &Submitted) {
        let Some(id) = self.tickets.remove(&ticket) else { return };
        let now_ms = self.queue.now_ms();
        self.audit.record(now_ms, 0, "answers", format!("{answer:?}").as_bytes());
        if let Submitted::Refused(refusal) = answer {
            self.trace.line(now_ms, || format!("client: {id:?} refused with {}", refusal.code));
        }
    }

    /// A client without a receipt looks what became of its wish, and tries again if it may.
    pub(super) fn look(&mut self, wish: usize) -> Result<(), Breach> {
        let now_ms = self.queue.now_ms();
        let attempts = self.clients.attempts_of(wish).to_vec();
        if attempts.is_empty() {
            return Ok(());
        }
        let delay_ms = self.chance.between(1_500, 3_000);
        self.queue.after(delay_ms, Happening::Look { wish });
        let node = self.any_node();
        let machine = &self.machines[node];
        let Some(process) = machine.process.as_ref().filter(|_| machine.is_honest()) else {
            return Ok(());
        };
        let head_time = process.ledger().head().time;
        let alive = |id: &&TxId| {
            self.clients.attempt(id).is_some_and(|attempt| attempt.valid_until >= head_time)
        };
        let again = attempts.iter().find(alive).copied();
        // No block of this validator holds any of them, and none later can: a definite answer.
        let id = again.unwrap_or_else(|| self.clients.again(wish, now_ms));
        self.hand_in(node, id)
    }

    // ----- the phases ----------------------------------------------------------------------------

    /// Everything is mended. Liars stay liars.
    pub(super) fn calm(&mut self) -> Result<(), Breach> {
        let now_ms = self.queue.now_ms();
        self.trace.line(now_ms, || "everything is mended".into());
        self.audit.record(now_ms, 0, "mended", &[]);
        self.mended_ms = Some(now_ms);
        self.seated = self.seated();
        let honest = self.machines.iter().filter(|m| m.is_honest());
        let rounds = honest.filter_map(|m| m.process.as_ref()?.core().round());
        self.mended_round = rounds.max().unwrap_or(0);
        self.network.mend_all();
        self.network.set_weather(crate::network::Weather::FAIR);
        for node in 0..self.machines.len() {
            let offset_ms = i64::try_from(self.chance.below(100)).unwrap_or(0);
            let machine = &mut self.machines[node];
            machine.disk.douse();
            machine.clock.mend(now_ms, offset_ms);
            machine.stalled_until = 0;
            if !machine.is_up() {
                self.queue.after(50, Happening::Start { node });
            }
            self.resume(node)?;
            self.step(node, Event::Woken)?;
            for other in 0..node {
                self.queue.after(10, Happening::Connect { a: node, b: other });
            }
        }
        self.queue.after(POLL_MS, Happening::Poll);
        Ok(())
    }

    /// Looks whether the run may come to rest, and whether it may end.
    pub(super) fn poll(&mut self) {
        let now_ms = self.queue.now_ms();
        self.queue.after(POLL_MS, Happening::Poll);
        let Some(mended_ms) = self.mended_ms else { return };
        let Some(rested_ms) = self.rested_ms else {
            let long = now_ms >= plan::RUN_MS_MIN && now_ms >= mended_ms + plan::CALM_MS_MIN;
            let much = self.tally.blocks >= plan::BLOCKS_MIN
                && self.tally.transactions >= plan::TRANSACTIONS_MIN
                && self.council.done() == self.fixture.deeds.len();
            if (long && much) || now_ms >= mended_ms + CALM_MS_MAX {
                self.trace.line(now_ms, || "the clients come to rest".into());
                self.rested_ms = Some(now_ms);
            }
            return;
        };
        let seated = self.seated();
        let honest = self.machines.iter().filter(|m| seated.contains(&m.number));
        let heights: BTreeSet<Height> = honest.map(|m| m.height).collect();
        let still = now_ms >= rested_ms + 2_000 && heights.len() == 1 && self.clients.open() == 0;
        self.ended = still || now_ms >= rested_ms + REST_MS_MAX;
    }

    pub(super) fn close(&mut self) -> Result<(), Breach> {
        let seated = self.seated();
        let honest = self.machines.iter().filter(|m| seated.contains(&m.number));
        let nodes = honest
            .map(|m| Last {
                node: m.number,
                height: m.height,
                disk: &m.disk,
                stood: self.seated.contains(&m.number),
            })
            .collect();
        let (mended_ms, block_time_ms) = (self.mended_ms.unwrap_or(0), self.block_time_ms());
        let end = End { nodes, mended_ms, block_time_ms };
        self.laws.close(&scene!(self), &end)?;
        let Tally { blocks, transactions, .. } = self.tally;
        if self.council.done() < self.fixture.deeds.len() {
            let how = format!("only {} deeds of the council were carried out", self.council.done());
            return Err(Breach { law: "council", how });
        }
        if blocks < plan::BLOCKS_MIN || transactions < plan::TRANSACTIONS_MIN {
            let how = format!("only {blocks} blocks and {transactions} transactions");
            return Err(Breach { law: "volume", how });
        }
        Ok(())
    }
}
