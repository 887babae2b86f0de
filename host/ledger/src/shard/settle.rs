//! Both sides are here, or will never be: the verdict.

use super::Shard;
use crate::effect::{Effect, RejectedBy, WrittenSide};
use crate::identity::{Fingerprint, Form, Generation, Parity};
use crate::pending::{Entry, Waiting};
use crate::settled::Settled;
use crate::verdict::Verdict;

impl Shard {
    /// Joins a raw event (counted as pending, in no queue) with its landing.
    pub(super) fn join(
        &mut self,
        mut entry: Entry,
        form: Form,
        generation: Generation,
        landed_ms: i64,
        written: WrittenSide,
        effects: &mut Vec<Effect>,
    ) {
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
            self.settle(&entry, Verdict::Leaked, Settled::Landed, effects);
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
            Parity::Equal => self.settle(&entry, on_time, Settled::Landed, effects),
            // No parity check sees both sides: there is nothing to compare.
            Parity::OneSided if same_checks => {
                self.settle(&entry, on_time, Settled::Landed, effects)
            }
            Parity::Differs if same_checks => {
                effects.push(Effect::Altered {
                    key,
                    payload,
                    written,
                    schema,
                    arrived_ms,
                    generation,
                });
                self.settle(&entry, Verdict::Altered, Settled::Landed, effects);
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
                entry.set_waiting(class, waiting);
                self.comparing += 1;
                self.insert(entry);
            }
            Parity::Unknown | Parity::OneSided | Parity::Differs => {
                self.settle(&entry, Verdict::Unjudged, Settled::Landed, effects);
            }
        }
    }

    /// Gives a verdict to an event that was counted as pending.
    pub(super) fn settle(
        &mut self,
        entry: &Entry,
        verdict: Verdict,
        settled: Settled,
        effects: &mut Vec<Effect>,
    ) {
        let window = self.tallies.window(entry.arrived_ms);
        let counts = self.tallies.at(window, entry.schema);
        counts.pending -= 1;
        counts.verdicts[verdict as usize] += 1;
        self.remembered
            .insert(entry.key(), settled, entry.schema, window);
        self.release(entry.payload, effects);
    }

    pub(super) fn settle_compared(
        &mut self,
        key: Fingerprint,
        equal: Option<bool>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(slot) = self.pending.find(key) else {
            return;
        };
        let on_time = match self.pending.get(slot).waiting() {
            Waiting::Comparing => Verdict::Delivered,
            Waiting::ComparingLate => Verdict::Late,
            Waiting::Expected | Waiting::Rejected | Waiting::Early => return,
        };
        let entry = self.remove(slot);
        self.comparing -= 1;
        let verdict = match equal {
            Some(true) => on_time,
            Some(false) => Verdict::Altered,
            None => Verdict::Unjudged,
        };
        self.settle(&entry, verdict, Settled::Landed, effects);
        self.flush_released(effects);
    }
}
