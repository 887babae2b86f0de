//! Time moves on: deadlines, and the grace of early landings.

use super::Shard;
use super::raw::NOT_SPOOLED;
use crate::effect::Effect;
use crate::observation::Frontier;
use crate::pending::Waiting;
use crate::settled::Settled;
use crate::verdict::Verdict;

impl Shard {
    pub(super) fn expire(&mut self, frontier: Frontier, effects: &mut Vec<Effect>) {
        self.frontier.raw_ms = self.frontier.raw_ms.max(frontier.raw_ms);
        self.frontier.written_ms = self.frontier.written_ms.max(frontier.written_ms);
        let Frontier { raw_ms, written_ms } = self.frontier;
        let latest = [raw_ms, written_ms]
            .into_iter()
            .filter(|&ms| ms != i64::MAX)
            .max();
        self.remembered.advance(latest.unwrap_or(i64::MAX));
        for class in 0..self.queues.classes() {
            if class == self.grace_class {
                self.expire_early(raw_ms, effects);
            } else {
                self.expire_class(class, written_ms, effects);
            }
        }
    }

    /// Whatever would have landed in time has been applied: what waits still did not.
    fn expire_class(&mut self, class: u8, written_ms: i64, effects: &mut Vec<Effect>) {
        let wait_ms = self.queues.wait_ms(class);
        let mut next = self.queues.head(class);
        while let Some(slot) = next {
            let entry = *self.pending.get(slot);
            let deadline_ms = entry.arrived_ms.saturating_add(wait_ms);
            if written_ms < deadline_ms {
                return;
            }
            next = (entry.next != crate::pending::NIL).then_some(entry.next);
            match entry.waiting {
                Waiting::Expected => {
                    let entry = self.remove(slot);
                    effects.push(Effect::Missing {
                        key: entry.key(),
                        payload: entry.payload,
                        schema: entry.schema,
                        arrived_ms: entry.arrived_ms,
                        deadline_ms,
                        generation: entry.generation,
                    });
                    self.settle(&entry, Verdict::Missing, Settled::Missing, effects);
                }
                Waiting::Rejected => {
                    let entry = self.remove(slot);
                    self.settle(&entry, Verdict::Rejected, Settled::Rejected, effects);
                }
                // It landed; its verdict is on its way.
                Waiting::Comparing | Waiting::ComparingLate | Waiting::Early => {}
            }
        }
    }

    fn expire_early(&mut self, raw_ms: i64, effects: &mut Vec<Effect>) {
        while let Some(slot) = self.queues.head(self.grace_class) {
            let entry = *self.pending.get(slot);
            if raw_ms
                < entry
                    .arrived_ms
                    .saturating_add(self.config.unexpected_grace_ms)
            {
                return;
            }
            let entry = self.remove(slot);
            let window = self.tallies.window(entry.arrived_ms);
            self.tallies.at(window, entry.schema).unexpected += 1;
            self.remembered
                .insert(entry.key(), Settled::Unexpected, entry.schema, window);
            let payload = (entry.payload != NOT_SPOOLED).then_some(entry.payload);
            effects.push(Effect::Unexpected {
                key: entry.key(),
                schema: entry.schema,
                landed_ms: entry.arrived_ms,
                payload,
            });
            if let Some(payload) = payload {
                self.release(payload, effects);
            }
        }
    }
}
