//! Both sides are here, or will never be: the verdict.

use super::Shard;
use crate::effect::{Effect, RejectedBy, WrittenSide};
use crate::identity::{Fingerprint, Form, Generation, Parity};
use crate::pending::Waiting;
use crate::settled::{Memory, Settled};
use crate::verdict::Verdict;

impl Shard {
    /// Joins the raw event in the slot (counted as pending, in no queue) with its landing.
    pub(super) fn join(
        &mut self,
        slot: u32,
        form: Form,
        generation: Generation,
        landed_ms: i64,
        written: WrittenSide,
        effects: &mut Vec<Effect>,
    ) {
        let entry = *self.keys.pending.get(slot);
        let (key, schema, arrived_ms, payload) =
            (entry.key(), entry.schema, entry.arrived_ms, entry.payload);
        // By stamps of two sockets a landing may be before its arrival; it answers it all the same.
        self.activity(schema).landed(landed_ms.max(arrived_ms));
        if entry.waiting() == Waiting::Rejected {
            effects.push(Effect::Leaked {
                key,
                schema,
                arrived_ms,
                written,
                judged: Some(RejectedBy {
                    reason: entry.reason,
                    generation: entry.generation,
                }),
            });
            self.settle(slot, Verdict::Leaked, Settled::Landed, effects);
            return;
        }
        let is_late = landed_ms > arrived_ms.saturating_add(self.queues.wait_ms(entry.class()));
        self.latency
            .add(schema, landed_ms.saturating_sub(arrived_ms).max(0));
        let on_time = if is_late {
            Verdict::Late
        } else {
            Verdict::Delivered
        };
        let same_checks = entry.generation == generation;
        match entry.form().compare(form) {
            Parity::Equal => self.settle(slot, on_time, Settled::Landed, effects),
            // No parity check sees both sides: there is nothing to compare.
            Parity::OneSided if same_checks => self.settle(slot, on_time, Settled::Landed, effects),
            Parity::Differs if same_checks => {
                effects.push(Effect::Altered {
                    key,
                    payload,
                    written,
                    schema,
                    arrived_ms,
                    generation,
                });
                self.settle(slot, Verdict::Altered, Settled::Landed, effects);
            }
            Parity::OneSided | Parity::Differs if written != WrittenSide::Gone => {
                effects.push(Effect::Compare {
                    key,
                    payload,
                    written,
                    schema,
                    arrived_ms,
                });
                let waiting = if is_late {
                    Waiting::ComparingLate
                } else {
                    Waiting::Comparing
                };
                let class = self.queues.class_beside(entry.class(), waiting);
                let entry = self.keys.pending.get_mut(slot);
                entry.set_waiting(class, waiting);
                self.comparing += 1;
                self.link(slot);
            }
            Parity::Unknown | Parity::OneSided | Parity::Differs => {
                self.settle(slot, Verdict::Unjudged, Settled::Landed, effects);
            }
        }
    }

    /// Gives a verdict to the event in the slot, which was counted as pending and is in no queue.
    pub(super) fn settle(
        &mut self,
        slot: u32,
        verdict: Verdict,
        settled: Settled,
        effects: &mut Vec<Effect>,
    ) {
        let entry = self.keys.pending.get(slot);
        let (key, schema, payload) = (entry.key(), entry.schema, entry.payload);
        let window = self.tallies.window(entry.arrived_ms);
        let counts = self.tallies.at(window, schema);
        counts.pending -= 1;
        counts.verdicts[verdict as usize] += 1;
        self.keys
            .settle(slot, Memory::new(key, settled, schema, window));
        self.release(payload, effects);
    }

    pub(super) fn settle_compared(
        &mut self,
        key: Fingerprint,
        equal: Option<bool>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(slot) = self.keys.waiting(key) else {
            return;
        };
        let on_time = match self.keys.pending.get(slot).waiting() {
            Waiting::Comparing => Verdict::Delivered,
            Waiting::ComparingLate => Verdict::Late,
            Waiting::Expected | Waiting::Rejected | Waiting::Early => return,
        };
        self.unlink(slot);
        self.comparing -= 1;
        let verdict = match equal {
            Some(true) => on_time,
            Some(false) => Verdict::Altered,
            None => Verdict::Unjudged,
        };
        self.settle(slot, verdict, Settled::Landed, effects);
        self.flush_released(effects);
    }
}
