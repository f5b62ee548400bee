//! Carries out a core's actions: on the disk, on the ledger, or as effects.

use crate::disk::Disk;
use crate::event::{CommittedBlock, Effect, Submitted, Ticket};
use crate::replica::{Replica, Turn, start_of};
use linli_core::message::{self, SyncBlock};
use linli_core::{Action, Clock, Included, Input, SyncVerdict, wal};
use linli_runtime::invariant::block_breaches;
use linli_runtime::{
    Adopted, Bundle, Executed, Slot, Verified, bodies_root, load_block, load_certificate,
    verify_signatures,
};
use linli_types::certificate::Certificate;
use linli_types::header::Header;
use linli_types::height::{Height, TimeMs};
use linli_types::id::{BlockId, BodyId, PublicKey};
use linli_types::limits;
use linli_types::store::Broken;
use std::sync::Arc;

impl<D: Disk> Replica<D> {
    /// Performs actions first to last: their order is the core's promise (R1).
    pub(crate) fn perform_all(
        &mut self,
        clock: Clock,
        actions: Vec<Action>,
        turn: &mut Turn,
    ) -> Result<(), Broken> {
        actions.into_iter().try_for_each(|action| self.perform(clock, action, turn))
    }

    fn perform(&mut self, clock: Clock, action: Action, turn: &mut Turn) -> Result<(), Broken> {
        match action {
            Action::WalAppend(record) => self.disk.wal_append(&record)?,
            Action::WalBodies { height, ids } => self.log_bodies(height, &ids)?,
            Action::WalSync => self.disk.wal_sync()?,
            Action::WalReset => self.disk.wal_reset()?,
            Action::Send { to, bytes } => turn.effects.push(Effect::Send { to, bytes }),
            Action::Broadcast { bytes } => turn.effects.push(Effect::Broadcast { bytes }),
            Action::WakeAt { mono_ms } => turn.effects.push(Effect::WakeAt { mono_ms }),
            Action::Build { height, round, time, transactions, flags } => {
                self.build((height, round), time, flags, &transactions, turn)?;
            }
            Action::Execute { header, transactions } => {
                self.execute(&header, &transactions, turn)?;
            }
            Action::ExecuteSynced { header, bodies, certificate: _ } => {
                self.execute_synced(&header, &bodies, turn)?;
            }
            Action::Commit { block, certificate } => self.commit(block, certificate, turn)?,
            Action::CheckBodies { from: Some(from), bodies } => {
                turn.effects.push(Effect::Check { from, bodies });
            }
            Action::CheckBodies { from: None, bodies } => self.check_own(bodies, turn)?,
            Action::SendBodies { to, ids } => self.send_bodies(to, &ids, turn),
            Action::SendBlocks { to, from } => self.send_blocks(to, from, turn)?,
            Action::Pooled { id, is_new } => {
                // What own clients handed in goes to the others, once.
                if self.answer(id, &Submitted::Pooled, turn) && is_new {
                    turn.pushed.extend(self.bodies.get(&id).cloned());
                }
            }
            Action::PoolRefused { id, code } => {
                self.answer(id, &code.into(), turn);
            }
            Action::Drop { ids } => ids.iter().for_each(|id| self.bodies.forget(id)),
            Action::Fault { peer, why } => {
                turn.effects.push(Effect::Fault { peer, why: why.to_string() });
            }
            Action::Evidence(evidence) => turn.effects.push(Effect::Evidence {
                validator: evidence.validator(),
                bytes: evidence.to_bytes(),
            }),
            Action::Halt { why } => return Err(Broken(why)),
        }
        let _ = clock;
        Ok(())
    }

    fn log_bodies(&mut self, height: Height, ids: &[BodyId]) -> Result<(), Broken> {
        let bodies = self.at_hand(ids)?.iter().map(|t| t.raw.to_vec()).collect();
        self.disk.wal_append(&wal::bodies_record(height, bodies))
    }

    /// The bodies that the core says are at hand.
    fn at_hand(&self, ids: &[BodyId]) -> Result<Vec<Verified>, Broken> {
        let missing = |id| Broken(format!("the core counts on the body of {id}, which is gone"));
        self.bodies.all(ids).map_err(missing)
    }

    fn build(
        &mut self,
        (height, round): (Height, u32),
        time: TimeMs,
        flags: u16,
        ids: &[BodyId],
        turn: &mut Turn,
    ) -> Result<(), Broken> {
        let candidates = self.at_hand(ids)?;
        let slot = Slot { time, proposer: self.core.me(), flags };
        let executed = self.ledger.propose(&self.disk, slot, &candidates)?;
        self.keeps_laws(&executed)?;
        let header = executed.header.clone();
        let transactions = executed.transactions.iter().map(|t| t.body).collect();
        turn.inputs.push_back(Input::Built { height, round, header, transactions });
        self.executed.insert(executed.id, executed);
        Ok(())
    }

    fn execute(&mut self, header: &Header, ids: &[BodyId], turn: &mut Turn) -> Result<(), Broken> {
        let transactions = self.at_hand(ids)?;
        let (block, valid) = (header.id(), self.is_valid(header, &transactions)?);
        turn.inputs.push_back(Input::Executed { block, valid });
        Ok(())
    }

    /// A block that its certificate vouches for: the bodies must be the header's, no signature is
    /// checked again.
    fn execute_synced(
        &mut self,
        header: &Header,
        bodies: &[Vec<u8>],
        turn: &mut Turn,
    ) -> Result<(), Broken> {
        let checker = self.ledger.checker();
        let read: Result<Vec<Verified>, _> =
            bodies.iter().map(|raw| checker.check_shape(raw).map(Verified::vouched)).collect();
        let own = |ts: &Vec<Verified>| bodies_root(ts) == header.bodies_root;
        let block = header.id();
        let verdict = match read.ok().filter(own) {
            None => SyncVerdict::OtherBodies,
            Some(transactions) => match self.is_valid(header, &transactions)? {
                true => SyncVerdict::Valid,
                false => SyncVerdict::Differs,
            },
        };
        turn.inputs.push_back(Input::ExecutedSynced { block, verdict });
        Ok(())
    }

    /// Executes a block, unless that was done before; whether it comes out as its header says.
    fn is_valid(&mut self, header: &Header, transactions: &[Verified]) -> Result<bool, Broken> {
        let block = header.id();
        if self.executed.contains_key(&block) {
            return Ok(true);
        }
        match self.ledger.execute(&self.disk, header, transactions)? {
            Ok(executed) => {
                self.keeps_laws(&executed)?;
                self.executed.insert(block, executed);
                Ok(true)
            }
            Err(invalid) => {
                tracing::warn!(height = %header.height, %block, %invalid, "replica.block.refused");
                Ok(false)
            }
        }
    }

    /// R6: a block of our own rules that breaks a law is this node's damage, and it stops before
    /// anyone hears of it.
    fn keeps_laws(&mut self, executed: &Executed) -> Result<(), Broken> {
        let breaches = block_breaches(executed)?;
        if breaches.is_empty() {
            return Ok(());
        }
        let what = format!("block {} breaks {}", executed.header.height, breaches.join("; "));
        let kept = match self.disk.keep_bundle(&Bundle::new(executed, breaches)) {
            Ok(place) => format!("the bundle for `linli replay` is {place}"),
            Err(Broken(why)) => format!("no bundle could be kept: {why}"),
        };
        Err(Broken(format!("{what}; {kept}")))
    }

    /// R2, R3.
    fn commit(
        &mut self,
        block: BlockId,
        certificate: Certificate,
        turn: &mut Turn,
    ) -> Result<(), Broken> {
        let unknown = || Broken(format!("block {block} was decided but never executed here"));
        let executed = self.executed.remove(&block).ok_or_else(unknown)?;
        let batch = self.ledger.batch(&executed, &certificate);
        self.disk.commit(&batch)?;
        let Adopted { header, id, transactions, receipts } = self.ledger.adopt(executed)?;
        self.executed.clear();
        let included = |t: &Verified| Included { id: t.body, sender: t.sender, key: t.key };
        turn.inputs.push_back(Input::Committed {
            head: start_of(&self.ledger),
            next_timer: self.ledger.next_timer(),
            included: transactions.iter().map(included).collect(),
        });
        let transactions = transactions.iter().map(|t| t.id).collect();
        let committed = CommittedBlock { header, id, certificate, receipts, transactions };
        turn.effects.push(Effect::Committed(Arc::new(committed)));
        if let Some(outdated) = self.ledger.outdated() {
            turn.effects.push(Effect::Outdated(outdated)); // R5
        }
        Ok(())
    }

    /// Bodies of the own log, at the start: few, and checked here.
    fn check_own(&mut self, bodies: Vec<Vec<u8>>, turn: &mut Turn) -> Result<(), Broken> {
        let checker = self.ledger.checker();
        let shaped = bodies.iter().filter_map(|raw| checker.check_shape(raw).ok()).collect();
        let chain = self.ledger.head().chain;
        let verified = verify_signatures(&chain, self.verify.as_ref(), shaped);
        verified.into_iter().flatten().try_for_each(|t| self.offer(t, turn))
    }

    fn send_bodies(&self, to: PublicKey, ids: &[BodyId], turn: &mut Turn) {
        // What does not fit is asked for again.
        let mut room = limits::SYNC_BYTES_MAX;
        let fits = |t: &&Verified| {
            room = room.saturating_sub(t.raw.len());
            room > 0
        };
        let at_hand = ids.iter().filter_map(|id| self.bodies.get(id)).take_while(fits);
        for bytes in message::bodies(at_hand.map(|t| t.raw.as_ref())) {
            turn.effects.push(Effect::Send { to, bytes });
        }
    }

    fn send_blocks(&self, to: PublicKey, from: Height, turn: &mut Turn) -> Result<(), Broken> {
        let (mut blocks, mut bytes, mut height) = (Vec::new(), 0_usize, from);
        while height <= self.ledger.head().height && blocks.len() < limits::SYNC_BLOCKS_MAX {
            let Some(block) = load_block(&self.disk, height)? else { break };
            let Some(certificate) = load_certificate(&self.disk, height)? else { break };
            let size: usize = block.bodies.iter().map(Vec::len).sum();
            bytes = bytes.saturating_add(size).saturating_add(1024);
            if bytes > limits::SYNC_BYTES_MAX && !blocks.is_empty() {
                break;
            }
            let header = block.header.to_bytes();
            blocks.push(SyncBlock { header, bodies: block.bodies, certificate });
            height = height.next();
        }
        if !blocks.is_empty() {
            turn.effects.push(Effect::Send { to, bytes: message::blocks(blocks) });
        }
        Ok(())
    }

    /// Answers the clients that handed `id` in; whether there were any.
    fn answer(&mut self, id: BodyId, answer: &Submitted, turn: &mut Turn) -> bool {
        let mut handed_in = false;
        let same = (id, Ticket::MIN)..=(id, Ticket::MAX);
        while let Some(&(_, ticket)) = turn.offered.range(same.clone()).next() {
            turn.offered.remove(&(id, ticket));
            turn.effects.push(Effect::Answer { ticket, answer: answer.clone() });
            handed_in = true;
        }
        handed_in
    }
}
