//! A landing comes in.

use super::Shard;
use super::raw::NOT_SPOOLED;
use super::settle::Landed;
use crate::effect::{Effect, WrittenSide};
use crate::identity::{Fingerprint, PayloadRef, ReasonId};
use crate::keys::Known;
use crate::observation::WrittenObservation;
use crate::pending::{Entry, Waiting};
use crate::settled::{Memory, Settled};
use crate::verdict::Verdict;

impl Shard {
    pub(super) fn apply_written(&mut self, row: &WrittenObservation, effects: &mut Vec<Effect>) {
        match self.keys.find(row.key) {
            None => self.wait_for_raw(row, effects),
            Some(Known::Waiting(slot)) => self.landed(slot, row, effects),
            Some(Known::Settled(memory)) => self.landed_settled(memory, row, effects),
        }
    }

    fn landed(&mut self, slot: u32, row: &WrittenObservation, effects: &mut Vec<Effect>) {
        match self.keys.pending.get(slot).waiting() {
            Waiting::Early
            | Waiting::Comparing
            | Waiting::ComparingLate
            | Waiting::ComparingDoubtful => self.duplicate(row, effects),
            Waiting::Expected | Waiting::Rejected => {
                self.unlink(slot);
                self.join(
                    slot,
                    row.form,
                    row.generation,
                    Landed {
                        earliest_ms: row.earliest_ms,
                        read_ms: row.arrived_ms,
                    },
                    WrittenSide::Row(row.row),
                    effects,
                );
            }
        }
    }

    /// Its verdict was given before.
    fn landed_settled(
        &mut self,
        memory: Memory,
        row: &WrittenObservation,
        effects: &mut Vec<Effect>,
    ) {
        let (schema, window) = (memory.schema(), memory.window());
        match memory.settled() {
            Settled::Landed | Settled::Unexpected => self.duplicate(row, effects),
            Settled::Unjudged => {
                self.landed_now(row.key);
                self.activity(schema).landed(row.arrived_ms);
            }
            Settled::Missing => {
                self.landed_now(row.key);
                self.activity(schema).landed(row.arrived_ms);
                let counts = self.tallies.at(window, schema);
                counts.verdicts[Verdict::Missing as usize] -= 1;
                counts.verdicts[Verdict::Late as usize] += 1;
                effects.push(Effect::LandedLate {
                    key: row.key,
                    schema,
                    landed_ms: row.arrived_ms,
                });
            }
            Settled::Rejected => {
                self.landed_now(row.key);
                let counts = self.tallies.at(window, schema);
                counts.verdicts[Verdict::Rejected as usize] -= 1;
                counts.verdicts[Verdict::Leaked as usize] += 1;
                effects.push(Effect::Leaked {
                    key: row.key,
                    schema,
                    arrived_ms: row.arrived_ms,
                    written: WrittenSide::Row(row.row),
                    judged: None,
                });
            }
        }
    }

    fn landed_now(&mut self, key: Fingerprint) {
        self.keys.renew(key, Memory::landed);
    }

    fn duplicate(&mut self, row: &WrittenObservation, effects: &mut Vec<Effect>) {
        // A writer that tries again may do so once more.
        self.keys.renew(row.key, |_| {});
        let window = self.tallies.window(row.arrived_ms);
        self.tallies.at(window, row.schema).duplicate += 1;
        effects.push(Effect::Duplicate {
            key: row.key,
            schema: row.schema,
            landed_ms: row.arrived_ms,
            row: row.row,
            generation: row.generation,
        });
    }

    fn wait_for_raw(&mut self, row: &WrittenObservation, effects: &mut Vec<Effect>) {
        let class = self.queues.class_for(row.schema, Waiting::Early);
        let mut entry = Entry::new(
            row.key,
            row.form,
            NOT_SPOOLED,
            row.arrived_ms,
            row.schema,
            ReasonId(0),
            row.generation,
            class,
            Waiting::Early,
        );
        entry.set_earliest(row.earliest_ms);
        self.insert(entry);
        effects.push(Effect::HoldWritten {
            key: row.key,
            row: row.row,
        });
    }

    pub(super) fn attach(&mut self, key: Fingerprint, payload: PayloadRef) -> bool {
        match self.keys.waiting(key) {
            Some(slot)
                if self.keys.pending.get(slot).waiting() == Waiting::Early
                    && self.keys.pending.get(slot).payload == NOT_SPOOLED =>
            {
                self.keys.pending.get_mut(slot).payload = payload;
                true
            }
            _ => false,
        }
    }
}
