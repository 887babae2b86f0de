//! A raw event comes in.

use super::Shard;
use crate::effect::{Effect, RejectedBy, WrittenSide};
use crate::observation::RawObservation;
use crate::pending::{Entry, Waiting};
use crate::settled::Settled;
use crate::verdict::{Judgement, Verdict};

impl Shard {
    pub(super) fn apply_raw(&mut self, event: &RawObservation, effects: &mut Vec<Effect>) {
        if let Some(slot) = self.pending.find(event.key) {
            if self.pending.get(slot).waiting() == Waiting::Early {
                self.join_early(slot, event, effects);
            } else {
                self.repeated(event, effects);
            }
            return;
        }
        match self
            .remembered
            .find(event.key)
            .map(|memory| (memory.settled(), memory.schema(), memory.window()))
        {
            None => self.wait_for_landing(event, effects),
            Some((Settled::Unexpected, schema, window)) => {
                // Its raw event came after all, later than the grace: it was not unexpected.
                self.tallies.at(window, schema).unexpected -= 1;
                self.remembered.renew(event.key);
                if let Some(memory) = self.remembered.find(event.key) {
                    memory.landed();
                }
                self.join_forgotten_side(event, effects);
            }
            Some(_) => self.repeated(event, effects),
        }
    }

    fn repeated(&mut self, event: &RawObservation, effects: &mut Vec<Effect>) {
        // Whoever repeats it once may do so again: the horizon is from the last time on.
        self.remembered.renew(event.key);
        let window = self.tallies.window(event.arrived_ms);
        self.tallies.at(window, event.schema).verdicts[Verdict::Repeated as usize] += 1;
        self.release(event.payload, effects);
    }

    fn wait_for_landing(&mut self, event: &RawObservation, effects: &mut Vec<Effect>) {
        let window = self.tallies.window(event.arrived_ms);
        let waiting = match event.judgement {
            Judgement::Expected => {
                self.activity(event.schema).arrived(event.arrived_ms);
                Waiting::Expected
            }
            Judgement::Rejected => Waiting::Rejected,
            Judgement::Unjudged => {
                self.tallies.at(window, event.schema).verdicts[Verdict::Unjudged as usize] += 1;
                self.remembered
                    .insert(event.key, Settled::Unjudged, event.schema, window);
                self.release(event.payload, effects);
                return;
            }
        };
        self.tallies.at(window, event.schema).pending += 1;
        let class = self.queues.class_for(event.schema, waiting);
        self.insert(Entry::new(
            event.key,
            event.form,
            event.payload,
            event.arrived_ms,
            event.schema,
            event.reason,
            event.generation,
            class,
            waiting,
        ));
    }

    /// The landing came first.
    fn join_early(&mut self, slot: u32, event: &RawObservation, effects: &mut Vec<Effect>) {
        let early = self.remove(slot);
        let window = self.tallies.window(event.arrived_ms);
        self.tallies.at(window, event.schema).pending += 1;
        let waiting = if event.judgement == Judgement::Rejected {
            Waiting::Rejected
        } else {
            Waiting::Expected
        };
        let class = self.queues.class_for(event.schema, waiting);
        let entry = Entry::new(
            event.key,
            event.form,
            event.payload,
            event.arrived_ms,
            event.schema,
            event.reason,
            event.generation,
            class,
            waiting,
        );
        let spooled = early.payload != NOT_SPOOLED;
        let side = if spooled {
            WrittenSide::Spooled(early.payload)
        } else {
            WrittenSide::Gone
        };
        if event.judgement == Judgement::Unjudged {
            self.settle(&entry, Verdict::Unjudged, Settled::Landed, effects);
        } else {
            if event.judgement == Judgement::Expected {
                self.activity(event.schema).arrived(event.arrived_ms);
            }
            self.join(
                entry,
                early.form(),
                early.generation,
                early.arrived_ms,
                side,
                effects,
            );
        }
        if spooled {
            self.release(early.payload, effects);
        }
    }

    /// The landing was given up as unexpected, and its form with it.
    fn join_forgotten_side(&mut self, event: &RawObservation, effects: &mut Vec<Effect>) {
        let window = self.tallies.window(event.arrived_ms);
        let verdict = match event.judgement {
            Judgement::Rejected => {
                effects.push(Effect::Leaked {
                    key: event.key,
                    schema: event.schema,
                    arrived_ms: event.arrived_ms,
                    written: WrittenSide::Gone,
                    judged: Some(RejectedBy {
                        reason: event.reason,
                        generation: event.generation,
                    }),
                });
                Verdict::Leaked
            }
            Judgement::Expected if event.form == crate::identity::Form::NONE => Verdict::Delivered,
            // It landed, but whether unchanged can no longer be told.
            Judgement::Expected | Judgement::Unjudged => Verdict::Unjudged,
        };
        self.tallies.at(window, event.schema).verdicts[verdict as usize] += 1;
        self.release(event.payload, effects);
    }
}

/// The payload of an early landing whose frame was not (yet) spooled. No real reference has all bits set.
pub(super) const NOT_SPOOLED: crate::identity::PayloadRef = crate::identity::PayloadRef(u64::MAX);
