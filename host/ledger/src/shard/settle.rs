//! Both sides are here, or will never be: the verdict.

use super::Shard;
use crate::effect::{Effect, RejectedBy, WrittenSide};
use crate::identity::{Fingerprint, Form, Generation, Parity};
use crate::pending::Waiting;
use crate::settled::{Memory, Settled};
use crate::verdict::Verdict;

/// Between when an event has landed.
#[derive(Clone, Copy)]
pub(super) struct Landed {
    pub earliest_ms: i64,
    pub read_ms: i64,
}

/// How a landing is to its deadline.
#[derive(Clone, Copy)]
enum Timing {
    InTime,
    /// It was read after it, and may have landed before: what cannot be known is not said of it.
    Doubtful,
    Late,
}

impl Landed {
    fn timing(self, deadline_ms: i64) -> Timing {
        if self.read_ms <= deadline_ms {
            Timing::InTime
        } else if self.earliest_ms <= deadline_ms {
            Timing::Doubtful
        } else {
            Timing::Late
        }
    }
}

impl Shard {
    /// Joins the raw event in the slot (counted as pending, in no queue) with its landing.
    pub(super) fn join(
        &mut self,
        slot: u32,
        form: Form,
        generation: Generation,
        landed: Landed,
        written: WrittenSide,
        effects: &mut Vec<Effect>,
    ) {
        let entry = *self.keys.pending.get(slot);
        let (key, schema, arrived_ms, payload) =
            (entry.key(), entry.schema, entry.arrived_ms, entry.payload);
        // By stamps of two sockets a landing may be before its arrival; it answers it all the same.
        self.activity(schema).landed(landed.read_ms.max(arrived_ms));
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
        let wait_ms = self.queues.wait_ms(entry.class());
        let timing = landed.timing(arrived_ms.saturating_add(wait_ms));
        self.latency
            .add(schema, landed.read_ms.saturating_sub(arrived_ms).max(0));
        let same_checks = entry.generation == generation;
        match entry.form().compare(form) {
            Parity::Equal => self.settle_landed(slot, timing, effects),
            // No parity check sees both sides: there is nothing to compare.
            Parity::OneSided if same_checks => self.settle_landed(slot, timing, effects),
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
                let waiting = match timing {
                    Timing::InTime => Waiting::Comparing,
                    Timing::Doubtful => Waiting::ComparingDoubtful,
                    Timing::Late => Waiting::ComparingLate,
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

    /// It landed unchanged.
    fn settle_landed(&mut self, slot: u32, timing: Timing, effects: &mut Vec<Effect>) {
        let entry = self.keys.pending.get(slot);
        let (arrived_ms, schema) = (entry.arrived_ms, entry.schema);
        let verdict = match timing {
            Timing::InTime => Verdict::Delivered,
            Timing::Doubtful => {
                let window = self.tallies.window(arrived_ms);
                self.tallies.at(window, schema).doubtful += 1;
                Verdict::Delivered
            }
            Timing::Late => Verdict::Late,
        };
        self.settle(slot, verdict, Settled::Landed, effects);
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
        let timing = match self.keys.pending.get(slot).waiting() {
            Waiting::Comparing => Timing::InTime,
            Waiting::ComparingDoubtful => Timing::Doubtful,
            Waiting::ComparingLate => Timing::Late,
            Waiting::Expected | Waiting::Rejected | Waiting::Early => return,
        };
        self.unlink(slot);
        self.comparing -= 1;
        match equal {
            Some(true) => self.settle_landed(slot, timing, effects),
            Some(false) => self.settle(slot, Verdict::Altered, Settled::Landed, effects),
            None => self.settle(slot, Verdict::Unjudged, Settled::Landed, effects),
        }
        self.flush_released(effects);
    }
}
