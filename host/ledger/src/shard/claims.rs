//! Events of different schemas under one key. Each schema has a table of its own, so each is owed a row of
//! its own: one has the key itself, each of the others a key that is made of the key and its schema.
//! Whoever names no schema, event or row, belongs to the key itself.
//!
//! A row that names another schema than the event of its key is that of an event which was not read yet, or
//! else of a writer that names schemas differently. So it waits until raw time has passed it, and then is
//! the key's after all.

use super::Shard;
use super::history::Landing;
use super::recall::LookedUp;
use super::settle::{hold, side};
use super::written::again;
use crate::effect::{Effect, WrittenSide};
use crate::identity::{Fingerprint, SchemaId};
use crate::keys::Known;
use crate::observation::RawObservation;
use crate::pending::Waiting;
use crate::settled::{Settled, SettledRecord};
use crate::verdict::Judgement;

fn differ(one: SchemaId, other: SchemaId) -> bool {
    one != other && one.is_named() && other.is_named()
}

impl Shard {
    /// A raw event that is not plainly the key's: of another schema, or under a key that is not known.
    #[cold]
    #[inline(never)]
    pub(super) fn place_raw(
        &mut self,
        known: Option<Known>,
        event: &RawObservation,
        looked_up: LookedUp,
        effects: &mut Vec<Effect>,
    ) {
        let needs_look_up = known.is_none()
            && looked_up == LookedUp::Nothing
            && self.keys.may_be_unlanded(event.key)
            && !self.is_claimed(event.key, event.schema);
        if needs_look_up {
            return self.look_up_for_raw(event.key, None, event, effects);
        }
        let is_other = match known {
            None => self.has_claims && event.schema.is_named(),
            Some(known) => {
                differ(self.schema_of(known), event.schema) && !self.has_unnamed_row(known)
            }
        };
        if !is_other {
            return self.apply_known_raw(known, event, effects);
        }
        let claim = RawObservation {
            key: event.key.of_schema(event.schema),
            ..*event
        };
        match self.keys.find(claim.key) {
            None if looked_up < LookedUp::Both && self.keys.may_be_unlanded(claim.key) => {
                self.look_up_for_raw(claim.key, Some(event.key), &claim, effects);
            }
            // The first of its key.
            None if known.is_none() => self.apply_known_raw(None, event, effects),
            None if let Some(slot) = self.early_slot(known) => {
                self.displace_early(slot, event, effects);
            }
            claimed => {
                self.has_claims = true;
                self.apply_known_raw(claimed, &claim, effects);
                self.note_claim(claim.key, event.key);
            }
        }
    }

    /// Where a row waits that came before any event of its key.
    fn early_slot(&self, known: Option<Known>) -> Option<u32> {
        match known {
            Some(Known::Waiting(slot)) => {
                let waiting = self.keys.pending.get(slot).waiting();
                (waiting == Waiting::Early).then_some(slot)
            }
            _ => None,
        }
    }

    /// The key of an event that waits for a row of its own schema.
    fn note_claim(&mut self, claim: Fingerprint, main: Fingerprint) {
        if let Some(slot) = self.keys.waiting(claim)
            && matches!(
                self.keys.pending.get(slot).waiting(),
                Waiting::Expected | Waiting::Rejected
            )
        {
            self.histories.open(slot).main = Some(main);
        }
    }

    /// The row in the slot came before any event of its key, and names another schema than this one.
    fn displace_early(&mut self, slot: u32, event: &RawObservation, effects: &mut Vec<Effect>) {
        let row = Landing::of_entry(&self.unlink(slot));
        self.keys.drop_waiting(slot);
        self.apply_known_raw(None, event, effects);
        let (known, written) = (self.keys.find(event.key), side(row));
        self.place_row(event.key, known, row, written, LookedUp::Both, effects);
    }

    /// A row that is not plainly the key's: of another schema, or under a key that is not known.
    #[cold]
    #[inline(never)]
    pub(super) fn place_row(
        &mut self,
        key: Fingerprint,
        known: Option<Known>,
        landing: Landing,
        written: WrittenSide,
        looked_up: LookedUp,
        effects: &mut Vec<Effect>,
    ) {
        let needs_look_up = known.is_none()
            && looked_up == LookedUp::Nothing
            && self.keys.may_be_unlanded(key)
            && !self.is_claimed(key, landing.schema);
        if needs_look_up {
            return self.look_up_for_row(key, None, landing, written, effects);
        }
        let is_other = match known {
            None => self.has_claims && landing.schema.is_named(),
            Some(known) => differ(self.schema_of(known), landing.schema),
        };
        if !is_other {
            return self.landed(key, known, landing, written, effects);
        }
        let claim = key.of_schema(landing.schema);
        match self.keys.find(claim) {
            None if looked_up < LookedUp::Both && self.keys.may_be_unlanded(claim) => {
                self.look_up_for_row(claim, Some(key), landing, written, effects);
            }
            None if known.is_none() || self.has_raw_time_passed(landing) => {
                self.landed(key, known, landing, written, effects);
            }
            None => {
                hold(claim, landing, written, effects);
                self.put_astray(key, landing);
            }
            claimed => self.landed(claim, claimed, landing, written, effects),
        }
    }

    /// Whether the schema's events under a key that is not known are.
    fn is_claimed(&self, key: Fingerprint, schema: SchemaId) -> bool {
        self.has_claims && schema.is_named() && self.keys.find(key.of_schema(schema)).is_some()
    }

    /// What the event of the key names, or the row if there is no event yet.
    fn schema_of(&self, known: Known) -> SchemaId {
        let slot = match known {
            Known::Settled(record) => return record.schema(),
            Known::Waiting(slot) => slot,
        };
        let entry = self.keys.pending.get(slot);
        match entry.waiting() {
            Waiting::Again => again(entry).schema(),
            Waiting::Revising => {
                let first = self.histories.get(slot).and_then(|history| history.first);
                first.map_or(entry.schema, SettledRecord::schema)
            }
            _ => entry.schema,
        }
    }

    /// Whether the key has a row that names no schema, which may be that of any of its events.
    fn has_unnamed_row(&self, known: Known) -> bool {
        let slot = match known {
            Known::Settled(record) => {
                return match record.settled() {
                    Settled::LandedUnnamed => true,
                    Settled::Unexpected | Settled::Unwatched => !record.schema().is_named(),
                    _ => false,
                };
            }
            Known::Waiting(slot) => slot,
        };
        let entry = self.keys.pending.get(slot);
        match entry.waiting() {
            Waiting::Early | Waiting::Revising => !entry.schema.is_named(),
            _ => {
                let landing = self.histories.get(slot).and_then(|history| history.landing);
                landing.is_some_and(|landing| !landing.schema.is_named())
            }
        }
    }

    /// Whether what waits in the slot may have its row under the key itself, where one came that names no
    /// schema.
    pub(super) fn may_be_landed_unnamed(&self, slot: u32) -> bool {
        let main = self.histories.get(slot).and_then(|history| history.main);
        let known = main.and_then(|main| self.keys.find(main));
        known.is_some_and(|known| self.has_unnamed_row(known))
    }

    /// Whether no event that belongs to the row can come any more.
    fn has_raw_time_passed(&self, landing: Landing) -> bool {
        landing.landed_ms.saturating_add(self.dispute_ms) <= self.frontier.raw_ms
    }

    /// The row waits under a key of its schema, until its event comes or raw time has passed it.
    fn put_astray(&mut self, main: Fingerprint, landing: Landing) {
        self.has_claims = true;
        // Whosever it is, the writer is alive.
        self.activity.landed(landing.schema, landing.landed_ms);
        let slot = self
            .keys
            .insert(self.row_entry(main.of_schema(landing.schema), landing));
        self.histories.open(slot).stray_of = Some(main);
        self.histories.add_stray(main);
        let due_ms = landing.landed_ms.saturating_add(self.dispute_ms);
        self.histories.wait(slot, due_ms);
        self.early += 1;
    }

    /// Whether a row is astray that may be that of the event in the slot after all: the event is not reported
    /// missing meanwhile.
    pub(super) fn has_stray(&self, slot: u32) -> bool {
        self.histories.has_stray(self.keys.pending.get(slot).key())
    }

    pub(super) fn is_stray(&self, slot: u32) -> bool {
        let history = self.histories.get(slot);
        history.is_some_and(|history| history.stray_of.is_some())
    }

    /// The event of a row that was astray came: it takes the row's place.
    pub(super) fn join_stray(
        &mut self,
        slot: u32,
        event: &RawObservation,
        effects: &mut Vec<Effect>,
    ) {
        let row = *self.keys.pending.get(slot);
        self.end_stray(slot);
        if event.judgement == Judgement::Unjudged {
            let record = self.unjudged(event, effects);
            self.activity.landed(event.schema, row.arrived_ms);
            return self.revise_later(slot, record);
        }
        self.join_row(slot, &row, event, effects);
    }

    /// None came: the row is the key's.
    pub(super) fn give_stray_back(&mut self, slot: u32, effects: &mut Vec<Effect>) {
        let landing = Landing::of_entry(self.keys.pending.get(slot));
        let Some(main) = self.end_stray(slot) else {
            return;
        };
        self.keys.drop_waiting(slot);
        match self.keys.find(main) {
            None if self.keys.may_be_unlanded(main) => {
                self.look_up_for_row(main, None, landing, side(landing), effects);
            }
            known => self.landed(main, known, landing, side(landing), effects),
        }
    }

    fn end_stray(&mut self, slot: u32) -> Option<Fingerprint> {
        let landed_ms = self.keys.pending.get(slot).arrived_ms;
        self.early -= 1;
        self.histories
            .wait_no_longer(slot, landed_ms.saturating_add(self.dispute_ms));
        let main = self.histories.take(slot)?.stray_of?;
        self.histories.remove_stray(main);
        Some(main)
    }
}
