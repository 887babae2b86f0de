//! What came under a key beside the one entry that waits for it: the row that is there already, and
//! copies whose judgement or content differ. Few keys have any; the others pay nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::effect::RejectedBy;
use crate::identity::{Fingerprint, Form, Generation, PayloadRef, ReasonId, SchemaId};
use crate::observation::{RawObservation, WrittenObservation};
use crate::pending::Entry;
use crate::settled::SettledRecord;
use crate::verdict::{Judgement, Verdict};

/// Copies that are kept of a key, each of another judgement or content. With more, a row that none of
/// them explains is not called altered.
const COPIES_MAX: usize = 8;

/// A row that landed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Landing {
    pub form: Form,
    pub generation: Generation,
    /// It landed between these; the second is when it had been read.
    pub earliest_ms: i64,
    pub landed_ms: i64,
    pub schema: SchemaId,
    /// Its frame in the spool, or `PayloadRef::NONE`.
    pub payload: PayloadRef,
}

impl Landing {
    pub(super) fn of(row: &WrittenObservation) -> Self {
        Self {
            form: row.form,
            generation: row.generation,
            earliest_ms: row.earliest_ms,
            landed_ms: row.arrived_ms,
            schema: row.schema,
            payload: row.payload,
        }
    }

    /// From a row that waits in the place of its event.
    pub(super) fn of_entry(row: &Entry) -> Self {
        Self {
            form: row.form(),
            generation: row.generation,
            earliest_ms: row.earliest_ms(),
            landed_ms: row.arrived_ms,
            schema: row.schema,
            payload: row.payload,
        }
    }
}

/// A copy that is not the one that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventCopy {
    pub judgement: Judgement,
    pub form: Form,
    pub generation: Generation,
    pub schema: SchemaId,
    pub reason: ReasonId,
    pub arrived_ms: i64,
    /// The verdict that it was given.
    pub verdict: Verdict,
}

impl EventCopy {
    pub(super) fn of(event: &RawObservation, verdict: Verdict) -> Self {
        Self {
            judgement: event.judgement,
            form: event.form,
            generation: event.generation,
            schema: event.schema,
            reason: event.reason,
            arrived_ms: event.arrived_ms,
            verdict,
        }
    }
}

/// What came under one key beside its entry.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The row, if it is there.
    pub landing: Option<Landing>,
    /// The host's answer to `Effect::Compare`; the outer `None` if there is none (yet).
    pub compared: Option<Option<bool>>,
    pub copies: Vec<EventCopy>,
    /// More copies came than are kept.
    pub more: bool,
    /// A copy that could not be judged came, and its content is not known.
    pub unjudged: bool,
    /// The event that waits beside the row must not land.
    pub rejected: bool,
    /// The verdict that was given before the row came, and which checks judged it invalid if that is
    /// known.
    pub first: Option<SettledRecord>,
    pub judged: Option<RejectedBy>,
    /// The row's content is not known any more.
    pub is_forgotten: bool,
    /// The slot has an event of another schema than the one under this key (`claims.rs`).
    pub main: Option<Fingerprint>,
    /// The slot has a row that names another schema than the event of this key.
    pub stray_of: Option<Fingerprint>,
}

impl History {
    /// Notes a copy, unless one with its judgement and content is there.
    pub(super) fn note(&mut self, copy: EventCopy) {
        if copy.judgement == Judgement::Unjudged && !copy.form.is_hash() {
            self.unjudged = true;
        }
        let is_known = |known: &EventCopy| {
            known.judgement == copy.judgement
                && known.form == copy.form
                && known.generation == copy.generation
        };
        if !copy.form.is_hash() || self.copies.iter().any(is_known) {
            return;
        }
        if self.copies.len() < COPIES_MAX {
            self.copies.push(copy);
        } else {
            self.more = true;
        }
    }

    /// The copy of that judgement which has the row's content.
    pub(super) fn explains(&self, judgement: Judgement, form: Form) -> Option<EventCopy> {
        let explains =
            |copy: &&EventCopy| copy.judgement == judgement && copy.form.is_same_content(form);
        self.copies.iter().find(explains).copied()
    }

    /// Whether the row may have the content of a copy whose content is not known for certain: it was
    /// hashed by other checks, or it is not kept.
    pub(super) fn may_explain(&self, generation: Generation) -> bool {
        self.more
            || self
                .copies
                .iter()
                .any(|copy| copy.judgement == Judgement::Expected && copy.generation != generation)
    }
}

/// The histories of all keys that have one, by the slot of their entry.
#[derive(Debug, Default)]
pub(super) struct Histories {
    by_slot: BTreeMap<u32, History>,
    /// Rows that no copy explains, by the raw time until which one may still come.
    due: BTreeSet<(i64, u32)>,
    /// How many of them name another schema than the event of their key, by that key.
    strays: BTreeMap<Fingerprint, u32>,
}

impl Histories {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.by_slot.is_empty()
    }

    pub(super) fn get(&self, slot: u32) -> Option<&History> {
        self.by_slot.get(&slot)
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut History> {
        // Nearly always there are none at all.
        if self.by_slot.is_empty() {
            return None;
        }
        self.by_slot.get_mut(&slot)
    }

    pub(super) fn open(&mut self, slot: u32) -> &mut History {
        self.by_slot.entry(slot).or_default()
    }

    pub(super) fn take(&mut self, slot: u32) -> Option<History> {
        if self.by_slot.is_empty() {
            return None;
        }
        self.by_slot.remove(&slot)
    }

    /// The slot's row waits until then.
    pub(super) fn wait(&mut self, slot: u32, due_ms: i64) {
        self.due.insert((due_ms, slot));
    }

    pub(super) fn wait_no_longer(&mut self, slot: u32, due_ms: i64) {
        self.due.remove(&(due_ms, slot));
    }

    /// The next row that waited until `raw_ms` or less.
    pub(super) fn next_due(&mut self, raw_ms: i64) -> Option<u32> {
        let first = self.due.first().copied()?;
        if first.0 > raw_ms {
            return None;
        }
        self.due.remove(&first);
        Some(first.1)
    }

    pub(super) fn add_stray(&mut self, main: Fingerprint) {
        *self.strays.entry(main).or_default() += 1;
    }

    pub(super) fn remove_stray(&mut self, main: Fingerprint) {
        if let Some(strays) = self.strays.get_mut(&main) {
            *strays -= 1;
            if *strays == 0 {
                self.strays.remove(&main);
            }
        }
    }

    #[inline]
    pub(super) fn has_stray(&self, main: Fingerprint) -> bool {
        !self.strays.is_empty() && self.strays.contains_key(&main)
    }

    /// Where the frames of all rows are.
    pub(super) fn payloads_mut(&mut self) -> impl Iterator<Item = &mut PayloadRef> {
        let landings = self
            .by_slot
            .values_mut()
            .filter_map(|history| history.landing.as_mut());
        landings.map(|landing| &mut landing.payload)
    }

    /// Rows that wait for another copy.
    pub(super) fn waiting(&self) -> usize {
        self.due.len()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        // A map's nodes are about two thirds full.
        let entry = size_of::<(u32, History)>() * 3 / 2;
        let copies: usize = self
            .by_slot
            .values()
            .map(|history| history.copies.capacity() * size_of::<EventCopy>())
            .sum();
        let due = self.due.len() * size_of::<(i64, u32)>() * 3 / 2;
        let strays = self.strays.len() * size_of::<(Fingerprint, u32)>() * 3 / 2;
        self.by_slot.len() * entry + due + strays + copies
    }
}

/// Puts a frame where there was none yet; false if there was one.
pub(super) fn put(place: &mut PayloadRef, payload: PayloadRef) -> bool {
    let is_vacant = *place == PayloadRef::NONE;
    if is_vacant {
        *place = payload;
    }
    is_vacant
}
