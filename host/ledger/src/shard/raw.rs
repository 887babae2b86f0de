//! A raw event comes in: the first of its key, or a copy.
//!
//! A key is owed one row, and of all its copies one carries it: the first that is to land; as long as
//! there is none, the first that must not; else the first that could not be judged. Whoever is worth no
//! more than a copy before it is `repeated`. docs/ARCHITECTURE.md has the table.

use super::Shard;
use super::history::{EventCopy, Landing};
use super::recall::LookedUp;
use crate::effect::{Effect, RejectedBy};
use crate::identity::{Form, Generation, PayloadRef, ReasonId};
use crate::keys::Known;
use crate::observation::RawObservation;
use crate::pending::{Entry, Waiting};
use crate::settled::{Settled, SettledRecord};
use crate::verdict::{Judgement, Verdict};

impl Shard {
    pub(super) fn apply_raw(&mut self, event: &RawObservation, effects: &mut Vec<Effect>) {
        match self.keys.find(event.key) {
            None if !self.has_claims && !self.keys.may_be_unlanded(event.key) => {
                self.wait_for_landing(event, effects);
            }
            known => self.place_raw(known, event, LookedUp::Nothing, effects),
        }
    }

    /// The same, when it is the key's for certain, and all that the store knows of the key is known.
    pub(super) fn apply_known_raw(
        &mut self,
        known: Option<Known>,
        event: &RawObservation,
        effects: &mut Vec<Effect>,
    ) {
        match known {
            None => self.wait_for_landing(event, effects),
            Some(Known::Waiting(slot)) => self.copy_of_waiting(slot, event, effects),
            Some(Known::Settled(record)) => self.copy_of_settled(record, event, effects),
        }
    }

    /// The first event of its key.
    #[inline(always)]
    fn wait_for_landing(&mut self, event: &RawObservation, effects: &mut Vec<Effect>) {
        if event.judgement == Judgement::Unjudged {
            let record = self.unjudged(event, effects);
            self.keys.remember(record);
            return;
        }
        let entry = self.entry(event);
        self.count_pending(event);
        self.insert(entry);
    }

    /// Gives the verdict of an event that could not be judged: nothing is waited for.
    pub(super) fn unjudged(
        &mut self,
        event: &RawObservation,
        effects: &mut Vec<Effect>,
    ) -> SettledRecord {
        let window = self.tallies.window(event.arrived_ms);
        self.tallies.at(window, event.schema).verdicts[Verdict::Unjudged as usize] += 1;
        self.release(event.payload, effects);
        SettledRecord::new(event.key, Settled::Unjudged, event.schema, window)
    }

    /// The entry of an event that is to land, or must not.
    fn entry(&mut self, event: &RawObservation) -> Entry {
        let waiting = match event.judgement {
            Judgement::Rejected => Waiting::Rejected,
            Judgement::Expected | Judgement::Unjudged => Waiting::Expected,
        };
        let class = self.queues.class_for(event.schema, waiting);
        Entry::new(
            event.key,
            event.form,
            event.payload,
            event.arrived_ms,
            event.schema,
            event.reason,
            event.generation,
            class,
            waiting,
        )
    }

    /// Counts an event as pending.
    fn count_pending(&mut self, event: &RawObservation) {
        let window = self.tallies.window(event.arrived_ms);
        self.tallies.at(window, event.schema).pending += 1;
        if event.judgement == Judgement::Expected {
            self.activity.arrived(event.schema, event.arrived_ms);
        }
    }

    #[inline(never)]
    fn copy_of_waiting(&mut self, slot: u32, event: &RawObservation, effects: &mut Vec<Effect>) {
        match self.keys.pending.get(slot).waiting() {
            Waiting::Early => self.join_early(slot, event, effects),
            Waiting::Revising if self.is_stray(slot) => self.join_stray(slot, event, effects),
            Waiting::Revising => self.join_revising(slot, event, effects),
            Waiting::Recalling => self.defer_raw(slot, event, effects),
            Waiting::Rejected if event.judgement == Judgement::Expected => {
                self.unlink(slot);
                self.take_over(slot, event, effects);
                self.link(slot);
            }
            Waiting::Disputed if self.is_rejected(slot) => {
                if event.judgement != Judgement::Expected {
                    return self.copied(slot, event, effects);
                }
                let landing = self.end_dispute(slot);
                if let Some(history) = self.histories.get_mut(slot) {
                    history.landing = None;
                }
                self.take_over(slot, event, effects);
                if let Some(landing) = landing {
                    self.meet_spooled(slot, landing, effects);
                }
            }
            Waiting::Expected | Waiting::Rejected | Waiting::Comparing | Waiting::Disputed => {
                self.copied(slot, event, effects);
            }
            Waiting::Again => self.repeated(event, effects),
        }
    }

    /// A copy that is to land came after one that must not, which is in the slot and in no queue.
    fn take_over(&mut self, slot: u32, event: &RawObservation, effects: &mut Vec<Effect>) {
        let before = *self.keys.pending.get(slot);
        let window = self.tallies.window(before.arrived_ms);
        let counts = self.tallies.at(window, before.schema);
        counts.pending -= 1;
        counts.verdicts[Verdict::Rejected as usize] += 1;
        self.release(before.payload, effects);
        if before.form().is_hash() {
            self.histories.open(slot).note(EventCopy {
                judgement: Judgement::Rejected,
                form: before.form(),
                generation: before.generation,
                schema: before.schema,
                reason: before.reason,
                arrived_ms: before.arrived_ms,
                verdict: Verdict::Rejected,
            });
        }
        let entry = self.entry(event);
        self.count_pending(event);
        *self.keys.pending.get_mut(slot) = entry;
    }

    /// A copy that is worth no more than the one in the slot.
    fn copied(&mut self, slot: u32, event: &RawObservation, effects: &mut Vec<Effect>) {
        let carrier = *self.keys.pending.get(slot);
        self.repeated(event, effects);
        let is_rejected = self.is_rejected(slot);
        let same_judgement = (event.judgement == Judgement::Rejected) == is_rejected;
        let is_like_the_carrier = event.judgement != Judgement::Unjudged
            && same_judgement
            && event.form == carrier.form();
        let matters = event.form.is_hash() || event.judgement == Judgement::Unjudged;
        if is_like_the_carrier || !matters {
            return;
        }
        let history = self.histories.open(slot);
        history.note(EventCopy::of(event, Verdict::Repeated));
        let landing = history.landing;
        if let Some(landing) = landing
            && event.judgement == Judgement::Expected
            && event.form.is_same_content(landing.form)
        {
            // This copy is the one that landed, and it is as good as the first.
            match carrier.waiting() {
                Waiting::Comparing => self.comparing -= 1,
                _ => drop(self.end_dispute(slot)),
            }
            self.settle_landed(slot, landing, effects);
        }
    }

    pub(super) fn repeated(&mut self, event: &RawObservation, effects: &mut Vec<Effect>) {
        // Whoever repeats it once may do so again: the horizon is from the last time on.
        self.keys.renew(event.key, |_| {});
        let window = self.tallies.window(event.arrived_ms);
        self.tallies.at(window, event.schema).verdicts[Verdict::Repeated as usize] += 1;
        self.release(event.payload, effects);
    }

    /// An event comes whose landing came first.
    fn join_early(&mut self, slot: u32, event: &RawObservation, effects: &mut Vec<Effect>) {
        if event.judgement == Judgement::Unjudged {
            let record = self.unjudged(event, effects);
            let landed_ms = self.unlink(slot).arrived_ms;
            self.activity.landed(event.schema, landed_ms);
            self.revise_later(slot, record);
            return;
        }
        let early = self.unlink(slot);
        self.join_row(slot, &early, event, effects);
    }

    /// The landing came before this copy, and after the verdict of one that is worth less.
    fn join_revising(&mut self, slot: u32, event: &RawObservation, effects: &mut Vec<Effect>) {
        let first = self
            .histories
            .get(slot)
            .and_then(|history| history.first)
            .map(SettledRecord::settled);
        let is_worth_more = match event.judgement {
            Judgement::Expected => true,
            Judgement::Rejected => first == Some(Settled::Unjudged),
            Judgement::Unjudged => false,
        };
        if !is_worth_more {
            return self.repeated(event, effects);
        }
        let row = *self.keys.pending.get(slot);
        let history = self.histories.get(slot);
        let is_forgotten = history.is_some_and(|history| history.is_forgotten);
        self.end_revising(slot);
        if is_forgotten {
            let window = self.tallies.window(event.arrived_ms);
            let landed = Settled::landed(row.schema);
            let record = SettledRecord::new(event.key, landed, event.schema, window);
            self.keys.settle(slot, record);
            self.release_row(Landing::of_entry(&row), effects);
            return self.join_forgotten_side(event, effects);
        }
        if first == Some(Settled::Unjudged) {
            self.histories.open(slot).unjudged = true;
        }
        self.join_row(slot, &row, event, effects);
    }

    /// The event takes the place of its landing, whose key it has.
    pub(super) fn join_row(
        &mut self,
        slot: u32,
        row: &Entry,
        event: &RawObservation,
        effects: &mut Vec<Effect>,
    ) {
        let entry = self.entry(event);
        self.count_pending(event);
        *self.keys.pending.get_mut(slot) = entry;
        self.meet_spooled(slot, Landing::of_entry(row), effects);
    }

    /// A copy of an event whose verdict was given before.
    fn copy_of_settled(
        &mut self,
        record: SettledRecord,
        event: &RawObservation,
        effects: &mut Vec<Effect>,
    ) {
        let expected = event.judgement == Judgement::Expected;
        match record.settled() {
            settled @ (Settled::Unexpected | Settled::Unwatched) => {
                // Its raw event came after all, later than the grace.
                let counts = self.tallies.at(record.window(), record.schema());
                match settled {
                    Settled::Unwatched => counts.unwatched -= 1,
                    _ => counts.unexpected -= 1,
                }
                if expected {
                    let window = self.tallies.window(event.arrived_ms);
                    let landed = Settled::landed(record.schema());
                    let by_event = SettledRecord::new(event.key, landed, event.schema, window);
                    self.keys.renew(event.key, |record| *record = by_event);
                    self.join_forgotten_side(event, effects);
                } else {
                    self.revise_forgotten(record, event, effects);
                }
            }
            Settled::Missing | Settled::MissingStored | Settled::Unconfirmed if expected => {
                self.second_chance(record, event, effects);
            }
            Settled::Rejected if expected => {
                self.wait_anew(event);
            }
            Settled::Unjudged if event.judgement != Judgement::Unjudged => {
                let slot = self.wait_anew(event);
                self.histories.open(slot).unjudged = true;
            }
            Settled::Landed
            | Settled::LandedUnnamed
            | Settled::Missing
            | Settled::Unconfirmed
            | Settled::MissingStored
            | Settled::Rejected
            | Settled::Unjudged => self.repeated(event, effects),
        }
    }

    fn wait_anew(&mut self, event: &RawObservation) -> u32 {
        let entry = self.entry(event);
        self.count_pending(event);
        let slot = self.keys.wait_anew(entry);
        self.link(slot);
        slot
    }

    /// A missing event comes in once more, from a backfill for instance. Its verdict stands until the
    /// row is there; if it is lost once more, that is reported.
    fn second_chance(
        &mut self,
        record: SettledRecord,
        event: &RawObservation,
        effects: &mut Vec<Effect>,
    ) {
        self.repeated(event, effects);
        self.activity.arrived(event.schema, event.arrived_ms);
        let class = self.queues.class_for(event.schema, Waiting::Again);
        let slot = self.keys.wait_anew(Entry::new(
            event.key,
            // Where the verdict was counted, and half of the copy's content.
            Form::from_halves([record.packed(), event.form.halves()[0]]),
            PayloadRef::NONE,
            event.arrived_ms,
            event.schema,
            ReasonId(u16::from(event.form.is_hash())),
            Generation(0),
            class,
            Waiting::Again,
        ));
        self.link(slot);
    }

    /// The landing was given up as unexpected, and its form with it. This copy is not to land: one that is
    /// may still come, until raw time has passed this one.
    fn revise_forgotten(
        &mut self,
        row: SettledRecord,
        event: &RawObservation,
        effects: &mut Vec<Effect>,
    ) {
        let (first, judged) = if event.judgement == Judgement::Unjudged {
            (self.unjudged(event, effects), None)
        } else {
            let window = self.tallies.window(event.arrived_ms);
            self.tallies.at(window, event.schema).verdicts[Verdict::Rejected as usize] += 1;
            self.release(event.payload, effects);
            let judged = RejectedBy {
                reason: event.reason,
                generation: event.generation,
            };
            let first = SettledRecord::new(event.key, Settled::Rejected, event.schema, window);
            (first, Some(judged))
        };
        let landing = Landing {
            form: Form::FAILED,
            generation: event.generation,
            earliest_ms: event.arrived_ms,
            landed_ms: event.arrived_ms,
            schema: row.schema(),
            payload: PayloadRef::NONE,
        };
        let slot = self.keys.wait_anew(self.row_entry(event.key, landing));
        let history = self.histories.open(slot);
        history.judged = judged;
        history.is_forgotten = true;
        self.revise_later(slot, first);
    }

    /// The same for a copy that may have landed.
    fn join_forgotten_side(&mut self, event: &RawObservation, effects: &mut Vec<Effect>) {
        let window = self.tallies.window(event.arrived_ms);
        // It landed, but whether unchanged can no longer be known.
        let verdict = match event.judgement {
            Judgement::Expected if event.form == Form::NONE => Verdict::Delivered,
            _ => Verdict::Unjudged,
        };
        self.tallies.at(window, event.schema).verdicts[verdict as usize] += 1;
        self.release(event.payload, effects);
    }
}
