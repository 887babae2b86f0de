//! A raw event comes in.

use super::Shard;
use super::settle::Landed;
use crate::effect::{Effect, RejectedBy, WrittenSide};
use crate::keys::Known;
use crate::observation::RawObservation;
use crate::pending::{Entry, Waiting};
use crate::settled::{Memory, Settled};
use crate::verdict::{Judgement, Verdict};

impl Shard {
    pub(super) fn apply_raw(&mut self, event: &RawObservation, effects: &mut Vec<Effect>) {
        match self.keys.find(event.key) {
            None => self.wait_for_landing(event, effects),
            Some(Known::Waiting(slot))
                if self.keys.pending.get(slot).waiting() == Waiting::Early =>
            {
                self.join_early(slot, event, effects);
            }
            Some(Known::Settled(memory)) if memory.settled() == Settled::Unexpected => {
                // Its raw event came after all, later than the grace: it was not unexpected.
                let counts = self.tallies.at(memory.window(), memory.schema());
                counts.unexpected -= 1;
                self.keys.renew(event.key, Memory::landed);
                self.join_forgotten_side(event, effects);
            }
            Some(_) => self.repeated(event, effects),
        }
    }

    fn repeated(&mut self, event: &RawObservation, effects: &mut Vec<Effect>) {
        // Whoever repeats it once may do so again: the horizon is from the last time on.
        self.keys.renew(event.key, |_| {});
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
                let memory = Memory::new(event.key, Settled::Unjudged, event.schema, window);
                self.keys.remember(memory);
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
        let early = self.unlink(slot);
        let window = self.tallies.window(event.arrived_ms);
        self.tallies.at(window, event.schema).pending += 1;
        let waiting = if event.judgement == Judgement::Rejected {
            Waiting::Rejected
        } else {
            Waiting::Expected
        };
        let class = self.queues.class_for(event.schema, waiting);
        // In the place of its landing, whose key it has.
        *self.keys.pending.get_mut(slot) = Entry::new(
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
            self.settle(slot, Verdict::Unjudged, Settled::Landed, effects);
        } else {
            if event.judgement == Judgement::Expected {
                self.activity(event.schema).arrived(event.arrived_ms);
            }
            self.join(
                slot,
                early.form(),
                early.generation,
                Landed {
                    earliest_ms: early.earliest_ms(),
                    read_ms: early.arrived_ms,
                },
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
