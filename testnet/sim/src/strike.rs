//! Faults at work.

use crate::law::Breach;
use crate::network::Way;
use crate::plan::Fault;
use crate::world::{Happening, World};
use std::collections::BTreeSet;

impl World {
    /// Lets a fault of the plan strike; one that would put too many out of action waits a while.
    pub(crate) fn strike(&mut self, number: usize) -> Result<(), Breach> {
        let Some((_, fault)) = self.plan.faults.get(number).cloned() else { return Ok(()) };
        let now_ms = self.queue.now_ms();
        if self.mended_ms.is_some() {
            return Ok(());
        }
        if needs_room(&fault) && self.down() >= self.plan.tolerated() {
            self.queue.after(700, Happening::Strike { fault: number });
            return Ok(());
        }
        self.trace.line(now_ms, || format!("fault: {fault:?}"));
        self.audit.record(now_ms, number, fault.kind(), &[]);
        match fault {
            Fault::Crash { node, down_ms, fuse: None } => self.kill_if_up(node, down_ms)?,
            Fault::Crash { node, down_ms, fuse: Some(fuse) } => {
                let machine = &mut self.machines[node];
                machine.fuse_down_ms = down_ms;
                machine.disk.light_fuse(fuse);
            }
            Fault::CrashAll { down_ms } => self.crash_all(down_ms)?,
            Fault::Rot { node } => self.rot(node)?,
            Fault::Partition { side, ms, seen } => self.part(&side, ms, seen)?,
            Fault::OneWay { from, to, ms } => {
                self.network.cut((from, to));
                self.queue.after(ms, Happening::Mend { way: (from, to) });
            }
            Fault::Swizzle { ms } => self.swizzle(ms),
            Fault::Stall { node, ms } => {
                self.machines[node].stalled_until = now_ms + ms;
                self.queue.after(ms, Happening::Resume { node });
            }
            Fault::Jump { node, by_ms } => self.machines[node].clock.offset_ms += by_ms,
        }
        Ok(())
    }

    fn down(&self) -> usize {
        self.machines.iter().filter(|m| !m.is_up()).count()
    }

    fn kill_if_up(&mut self, node: usize, down_ms: u64) -> Result<(), Breach> {
        match self.machines[node].is_up() {
            true => self.kill(node, down_ms),
            false => Ok(()),
        }
    }

    fn crash_all(&mut self, down_ms: u64) -> Result<(), Breach> {
        for node in 0..self.machines.len() {
            let down_ms = self.chance.between(100, down_ms.max(100));
            self.kill_if_up(node, down_ms)?;
        }
        Ok(())
    }

    fn rot(&mut self, node: usize) -> Result<(), Breach> {
        self.kill_if_up(node, 500)?;
        let mut chance = self.chance.fork("rot");
        let machine = &mut self.machines[node];
        if machine.rot.is_none() {
            machine.rot = machine.disk.flip_state_bit(&mut chance);
        }
        Ok(())
    }

    fn part(&mut self, side: &BTreeSet<usize>, ms: u64, seen: bool) -> Result<(), Breach> {
        for way in self.ways() {
            let (a, b) = way;
            if side.contains(&a) == side.contains(&b) {
                continue;
            }
            self.network.cut(way);
            self.queue.after(ms, Happening::Mend { way });
            if seen {
                self.disconnect(a, b)?;
                self.queue.after(ms + 50, Happening::Connect { a, b });
            }
        }
        Ok(())
    }

    fn swizzle(&mut self, ms: u64) {
        for way in self.ways() {
            let (cut, mend) = (self.chance.below(ms / 2), self.chance.between(ms / 2, ms));
            self.queue.after(cut, Happening::Cut { way });
            self.queue.after(mend, Happening::Mend { way });
        }
    }

    fn ways(&self) -> Vec<Way> {
        let all = 0..self.machines.len();
        all.clone().flat_map(|a| all.clone().map(move |b| (a, b))).filter(|(a, b)| a != b).collect()
    }
}

const fn needs_room(fault: &Fault) -> bool {
    matches!(fault, Fault::Crash { fuse: None, .. } | Fault::Rot { .. })
}
