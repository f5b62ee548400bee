//! What happens between two machines: sending, carrying, delivering, connecting.

use super::*;

impl World {
    pub(super) fn sends(
        &mut self,
        node: usize,
        to: &[usize],
        bytes: &Arc<[u8]>,
    ) -> Result<(), Breach> {
        if self.machines[node].is_honest()
            && is_signed(bytes)
            && let Ok(message) = Message::decode(bytes)
        {
            let machine = &self.machines[node];
            // The step is over: it may have committed the height it voted in.
            let head = machine.process.as_ref().map(|p| p.ledger().head().height);
            let (disk, height) = (machine.disk.clone(), head.unwrap_or(machine.height));
            let sight = Sight::Sends { node, message: &message, disk: &disk, height };
            self.laws.see(&scene!(self), &sight)?;
        }
        for to in to {
            let said = match &mut self.machines[node].liar {
                Some(liar) => liar.instead(*to, bytes),
                None => vec![(0, Arc::clone(bytes))],
            };
            said.into_iter()
                .for_each(|(delay_ms, bytes)| self.carry((node, *to), delay_ms, &bytes));
        }
        Ok(())
    }

    /// Hands a message to the network, if a connection stands.
    pub(super) fn carry(&mut self, way: Way, delay_ms: u64, bytes: &Arc<[u8]>) {
        let (from, to) = way;
        let link = self.links.get(&pair(from, to)).copied().unwrap_or_default();
        if !link.is_up {
            return;
        }
        let now_ms = self.queue.now_ms();
        self.trace.line(now_ms, || format!("v{from} → v{to}  {}", trace::words(bytes)));
        self.audit.record(now_ms, from, "sends", bytes);
        // The greeting is part of making the connection: it comes first, once, or there is none.
        let arrivals: Vec<u64> = match is_greeting(bytes) {
            true => vec![now_ms + 1],
            false => self.network.carry(now_ms + delay_ms, way).collect(),
        };
        for when_ms in arrivals {
            let deliver =
                Happening::Deliver { from, to, epoch: link.epoch, bytes: Arc::clone(bytes) };
            self.queue.at(when_ms, deliver);
        }
    }

    pub(super) fn deliver(
        &mut self,
        (from, to): Way,
        epoch: u64,
        bytes: &Arc<[u8]>,
    ) -> Result<(), Breach> {
        let now_ms = self.queue.now_ms();
        let stands = self.links.get(&pair(from, to)).is_some_and(|l| l.is_up && l.epoch == epoch);
        if !stands || !self.machines[to].is_up() {
            return Ok(());
        }
        self.audit.record(now_ms, to, "receives", bytes);
        if !self.is_heard(from, to, bytes)? {
            return Ok(());
        }
        let event = Event::Received { from: self.name(from, to), bytes: bytes.to_vec() };
        self.step(to, event)
    }

    /// Shows the laws what an honest validator receives; a liar does not hear its own lies.
    pub(super) fn is_heard(
        &mut self,
        from: usize,
        to: usize,
        bytes: &[u8],
    ) -> Result<bool, Breach> {
        if !is_signed(bytes) {
            return Ok(true);
        }
        let Ok(message) = Message::decode(bytes) else { return Ok(true) };
        let machine = &self.machines[to];
        if let Some(liar) = &machine.liar {
            return Ok(liar.hears(&message));
        }
        let (life, height) = (machine.life, machine.height);
        if machine.stalled_until <= self.queue.now_ms() {
            let sight = Sight::Receives { node: to, life, from, message: &message, height };
            self.laws.see(&scene!(self), &sight)?;
        }
        Ok(true)
    }

    pub(super) fn connect(&mut self, a: usize, b: usize) -> Result<(), Breach> {
        let now_ms = self.queue.now_ms();
        let strange = !self.lets_in(a, b) || !self.lets_in(b, a);
        let link = self.links.entry(pair(a, b)).or_default();
        if link.is_up || !self.machines[a].is_up() || !self.machines[b].is_up() {
            return Ok(());
        }
        let banned = self.banned_until.get(&pair(a, b)).is_some_and(|until| *until > now_ms);
        if strange || banned || self.network.is_cut((a, b)) || self.network.is_cut((b, a)) {
            self.queue.after(250, Happening::Connect { a, b });
            return Ok(());
        }
        link.is_up = true;
        link.epoch += 1;
        let epoch = link.epoch;
        self.trace.line(now_ms, || format!("v{a} and v{b} connect"));
        self.audit.record(now_ms, a, "connects", &epoch.to_le_bytes());
        self.step(a, Event::Connected(self.name(b, a)))?;
        // The first step may have ended the connection.
        match self.links.get(&pair(a, b)).is_some_and(|l| l.is_up && l.epoch == epoch) {
            true => self.step(b, Event::Connected(self.name(a, b))),
            false => Ok(()),
        }
    }

    pub(crate) fn disconnect(&mut self, a: usize, b: usize) -> Result<(), Breach> {
        let now_ms = self.queue.now_ms();
        let link = self.links.entry(pair(a, b)).or_default();
        if !std::mem::replace(&mut link.is_up, false) {
            return Ok(());
        }
        link.epoch += 1;
        self.trace.line(now_ms, || format!("v{a} and v{b} disconnect"));
        self.audit.record(now_ms, a, "disconnects", &[]);
        self.step(a, Event::Disconnected(self.name(b, a)))?;
        self.step(b, Event::Disconnected(self.name(a, b)))
    }
}
