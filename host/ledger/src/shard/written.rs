//! A landing comes in: it meets its raw event, or what is known of its key.

use super::Shard;
use super::history::{Landing, put};
use super::recall::LookedUp;
use super::settle::{hold, side};
use crate::effect::{Effect, WrittenSide};
use crate::identity::{Fingerprint, Form, PayloadRef, ReasonId};
use crate::keys::Known;
use crate::observation::WrittenObservation;
use crate::pending::{Entry, Waiting};
use crate::settled::{Settled, SettledRecord};
use crate::verdict::Verdict;

impl Shard {
    pub(super) fn apply_written(&mut self, row: &WrittenObservation, effects: &mut Vec<Effect>) {
        let (landing, written) = (Landing::of(row), WrittenSide::Row(row.row));
        let known = self.keys.find(row.key);
        if let Some(Known::Waiting(slot)) = known {
            let entry = self.keys.pending.get(slot);
            if entry.waiting() == Waiting::Expected && entry.schema == row.schema {
                self.unlink(slot);
                return self.meet(slot, landing, written, effects);
            }
        }
        self.place_row(row.key, known, landing, written, LookedUp::Nothing, effects);
    }

    /// A row of a key of which so much is known. If its frame is in the spool, that is held by nobody
    /// else.
    pub(super) fn landed(
        &mut self,
        key: Fingerprint,
        known: Option<Known>,
        landing: Landing,
        written: WrittenSide,
        effects: &mut Vec<Effect>,
    ) {
        match known {
            None => self.wait_for_raw(key, landing, written, effects),
            Some(Known::Settled(record)) => {
                self.landed_settled(key, record, landing, written, effects);
            }
            Some(Known::Waiting(slot)) => match self.keys.pending.get(slot).waiting() {
                Waiting::Early | Waiting::Comparing | Waiting::Disputed | Waiting::Revising => {
                    self.duplicate(key, landing, written, effects);
                }
                Waiting::Expected | Waiting::Rejected => {
                    self.unlink(slot);
                    self.meet(slot, landing, written, effects);
                }
                Waiting::Again => self.landed_again(slot, landing, written, effects),
                Waiting::Recalling => self.defer_row(slot, landing, written, effects),
            },
        }
    }

    /// A row of a key whose verdict was given before.
    #[inline(never)]
    fn landed_settled(
        &mut self,
        key: Fingerprint,
        record: SettledRecord,
        landing: Landing,
        written: WrittenSide,
        effects: &mut Vec<Effect>,
    ) {
        match record.settled() {
            Settled::Landed | Settled::LandedUnnamed | Settled::Unexpected | Settled::Unwatched => {
                self.duplicate(key, landing, written, effects);
            }
            Settled::Unjudged | Settled::Rejected => {
                self.activity.landed(record.schema(), landing.landed_ms);
                let slot = self.keys.wait_anew(self.row_entry(key, landing));
                hold(key, landing, written, effects);
                self.revise_later(slot, record);
            }
            Settled::Missing | Settled::MissingStored | Settled::Unconfirmed => {
                self.keys.renew(key, |record| record.landed(landing.schema));
                self.landed_late(key, record, landing, written, false, effects);
            }
        }
    }

    /// A missing or unconfirmed event landed after all.
    fn landed_late(
        &mut self,
        key: Fingerprint,
        record: SettledRecord,
        landing: Landing,
        written: WrittenSide,
        is_of_copy: bool,
        effects: &mut Vec<Effect>,
    ) {
        let (schema, window) = (record.schema(), record.window());
        self.activity.landed(schema, landing.landed_ms);
        let counted_as = match record.settled() {
            Settled::Missing => Some(Verdict::Missing),
            Settled::Unconfirmed => Some(Verdict::Unconfirmed),
            // By the store.
            _ => None,
        };
        if let Some(verdict) = counted_as {
            let counts = self.tallies.at(window, schema);
            counts.verdicts[verdict as usize] -= 1;
            counts.verdicts[Verdict::Late as usize] += 1;
        }
        effects.push(Effect::LandedLate {
            key,
            schema,
            landed_ms: landing.landed_ms,
            written,
            window: counted_as.map(|_| window),
            is_of_copy,
        });
        self.release_row(landing, effects);
    }

    /// A missing event that came in once more landed.
    #[inline(never)]
    fn landed_again(
        &mut self,
        slot: u32,
        landing: Landing,
        written: WrittenSide,
        effects: &mut Vec<Effect>,
    ) {
        let entry = self.unlink(slot);
        let mut record = again(&entry);
        let [_, half] = entry.form().halves();
        let is_of_copy = entry.reason != ReasonId(0)
            && landing.form.is_hash()
            && landing.form.halves()[0] == half;
        self.landed_late(entry.key(), record, landing, written, is_of_copy, effects);
        record.landed(landing.schema);
        self.keys.settle(slot, record);
    }

    /// The verdict of a copy that must not land, or could not be judged, is given, and a row came. A
    /// copy that is to land may still come, until raw time has passed the row; the slot holds the row.
    pub(super) fn revise_later(&mut self, slot: u32, first: SettledRecord) {
        let entry = self.keys.pending.get_mut(slot);
        entry.set_waiting(entry.class(), Waiting::Revising);
        let due_ms = entry.arrived_ms.saturating_add(self.dispute_ms);
        self.histories.open(slot).first = Some(first);
        self.histories.wait(slot, due_ms);
        self.early += 1;
    }

    pub(super) fn end_revising(&mut self, slot: u32) -> Option<SettledRecord> {
        let landed_ms = self.keys.pending.get(slot).arrived_ms;
        self.early -= 1;
        self.histories
            .wait_no_longer(slot, landed_ms.saturating_add(self.dispute_ms));
        self.histories.take(slot)?.first
    }

    /// No copy that is to land came: the row is that of the copy whose verdict was given.
    pub(super) fn revise(&mut self, slot: u32, effects: &mut Vec<Effect>) {
        let entry = *self.keys.pending.get(slot);
        let history = self.histories.get(slot);
        let judged = history.and_then(|history| history.judged);
        let Some(mut first) = self.end_revising(slot) else {
            return;
        };
        if first.settled() == Settled::Rejected {
            let counts = self.tallies.at(first.window(), first.schema());
            counts.verdicts[Verdict::Rejected as usize] -= 1;
            counts.verdicts[Verdict::Leaked as usize] += 1;
            effects.push(Effect::Leaked {
                key: entry.key(),
                schema: first.schema(),
                arrived_ms: entry.arrived_ms,
                written: side(Landing::of_entry(&entry)),
                judged,
            });
        }
        first.landed(entry.schema);
        self.keys.settle(slot, first);
        if entry.payload != PayloadRef::NONE {
            self.release(entry.payload, effects);
        }
    }

    #[inline(never)]
    pub(super) fn duplicate(
        &mut self,
        key: Fingerprint,
        landing: Landing,
        written: WrittenSide,
        effects: &mut Vec<Effect>,
    ) {
        // A writer that tries again may do so once more.
        self.keys.renew(key, |_| {});
        if !self.writer_replaces {
            let window = self.tallies.window(landing.landed_ms);
            self.tallies.at(window, landing.schema).duplicate += 1;
            effects.push(Effect::Duplicate {
                key,
                schema: landing.schema,
                landed_ms: landing.landed_ms,
                written,
                generation: landing.generation,
            });
        }
        self.release_row(landing, effects);
    }

    #[inline(never)]
    fn wait_for_raw(
        &mut self,
        key: Fingerprint,
        landing: Landing,
        written: WrittenSide,
        effects: &mut Vec<Effect>,
    ) {
        // What came in before the streams were watched lands for a while: the writer is alive.
        let known_from_ms = self
            .watched_since_ms
            .saturating_add(self.queues.deadline_max_ms());
        if landing.landed_ms <= known_from_ms {
            self.activity.landed(landing.schema, landing.landed_ms);
        }
        let class = self.queues.class_for(landing.schema, Waiting::Early);
        let mut entry = self.row_entry(key, landing);
        entry.set_waiting(class, Waiting::Early);
        self.insert(entry);
        hold(key, landing, written, effects);
    }

    /// A row in the place of its raw event.
    pub(super) fn row_entry(&self, key: Fingerprint, landing: Landing) -> Entry {
        let mut entry = Entry::new(
            key,
            landing.form,
            landing.payload,
            landing.landed_ms,
            landing.schema,
            ReasonId(0),
            landing.generation,
            0,
            Waiting::Revising,
        );
        entry.set_earliest(landing.earliest_ms);
        entry
    }

    pub(super) fn attach(&mut self, key: Fingerprint, payload: PayloadRef) -> bool {
        let Some(slot) = self.keys.waiting(key) else {
            return false;
        };
        match self.keys.pending.get(slot).waiting() {
            Waiting::Early | Waiting::Revising => {
                let entry = self.keys.pending.get_mut(slot);
                put(&mut entry.payload, payload)
            }
            Waiting::Comparing | Waiting::Disputed => {
                let history = self.histories.get_mut(slot);
                let landing = history.and_then(|history| history.landing.as_mut());
                landing.is_some_and(|landing| put(&mut landing.payload, payload))
            }
            Waiting::Recalling => self.attach_deferred(slot, payload),
            Waiting::Expected | Waiting::Rejected | Waiting::Again => false,
        }
    }

    pub(super) fn release_row(&mut self, landing: Landing, effects: &mut Vec<Effect>) {
        if landing.payload != PayloadRef::NONE {
            self.release(landing.payload, effects);
        }
    }
}

/// What the entry of a second chance remembers of the first copy.
pub(super) fn again(entry: &Entry) -> SettledRecord {
    let [packed, _] = Form::halves(entry.form());
    SettledRecord::from_packed(entry.key(), packed)
}
