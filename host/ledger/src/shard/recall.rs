//! Keys that may be missing from longer ago than the ledger remembers: what comes under them is deferred until
//! the host has looked the key up in the store (a recall).

use std::collections::BTreeMap;

use super::Shard;
use super::history::{Landing, put};
use super::settle::{hold, side};
use crate::effect::{Effect, WrittenSide};
use crate::identity::{Fingerprint, Form, Generation, PayloadRef, ReasonId, SchemaId};
use crate::observation::RawObservation;
use crate::pending::{Entry, Waiting};
use crate::settled::{Settled, SettledRecord};
use crate::verdict::Judgement;

/// Most observations that are deferred under one key. An answer takes less than a second; what is beyond is a
/// copy of a copy by then.
const DEFERRED_MAX: usize = 64;

/// Which keys of an observation have been looked up in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LookedUp {
    Nothing,
    /// The key itself.
    Key,
    /// The key itself, and that of its schema (`claims.rs`).
    Both,
}

/// An observation that is deferred.
#[derive(Debug)]
enum Deferred {
    Raw(RawObservation),
    Row(Landing),
}

/// All recalls under way, by slot.
#[derive(Debug, Default)]
pub(super) struct Recalls {
    by_slot: BTreeMap<u32, Recall>,
}

#[derive(Debug, Default)]
struct Recall {
    /// The key that is looked up is that of a schema, made of this one.
    main: Option<Fingerprint>,
    deferred: Vec<Deferred>,
}

impl Recalls {
    pub(super) fn len(&self) -> usize {
        self.by_slot.len()
    }

    /// Where the frames of all that is deferred are.
    pub(super) fn payloads_mut(&mut self) -> impl Iterator<Item = &mut PayloadRef> {
        let recalls = self.by_slot.values_mut();
        let deferred = recalls.flat_map(|recall| &mut recall.deferred);
        deferred.map(|deferred| match deferred {
            Deferred::Raw(event) => &mut event.payload,
            Deferred::Row(landing) => &mut landing.payload,
        })
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let deferred = |recall: &Recall| recall.deferred.capacity() * size_of::<Deferred>();
        self.by_slot.values().map(deferred).sum()
    }
}

impl Shard {
    /// Defers an event until `key` has been looked up: its own, or that of its schema, made of `main`.
    pub(super) fn look_up_for_raw(
        &mut self,
        key: Fingerprint,
        main: Option<Fingerprint>,
        event: &RawObservation,
        effects: &mut Vec<Effect>,
    ) {
        let slot = self.look_up(key, main, effects);
        self.defer_raw(slot, event, effects);
    }

    pub(super) fn look_up_for_row(
        &mut self,
        key: Fingerprint,
        main: Option<Fingerprint>,
        landing: Landing,
        written: WrittenSide,
        effects: &mut Vec<Effect>,
    ) {
        let slot = self.look_up(key, main, effects);
        self.defer_row(slot, landing, written, effects);
    }

    fn look_up(
        &mut self,
        key: Fingerprint,
        main: Option<Fingerprint>,
        effects: &mut Vec<Effect>,
    ) -> u32 {
        effects.push(Effect::Recall { key });
        let slot = self.keys.insert(Entry::new(
            key,
            Form::NONE,
            PayloadRef::NONE,
            0,
            SchemaId(0),
            ReasonId(0),
            Generation(0),
            0,
            Waiting::Recalling,
        ));
        let deferred = Vec::new();
        self.recalls.by_slot.insert(slot, Recall { main, deferred });
        slot
    }

    pub(super) fn defer_raw(
        &mut self,
        slot: u32,
        event: &RawObservation,
        effects: &mut Vec<Effect>,
    ) {
        let deferred = &mut self.recalls.by_slot.entry(slot).or_default().deferred;
        let is_expected = |deferred: &Deferred| matches!(deferred, Deferred::Raw(event) if event.judgement == Judgement::Expected);
        // The first that is to land always has a place, and so has the first row.
        let has_place = event.judgement == Judgement::Expected && !deferred.iter().any(is_expected);
        if deferred.len() >= DEFERRED_MAX && !has_place {
            return self.repeated(event, effects);
        }
        deferred.push(Deferred::Raw(*event));
        let window = self.tallies.window(event.arrived_ms);
        self.tallies.at(window, event.schema).pending += 1;
    }

    pub(super) fn defer_row(
        &mut self,
        slot: u32,
        landing: Landing,
        written: WrittenSide,
        effects: &mut Vec<Effect>,
    ) {
        // Whatever the answer, the writer is alive.
        self.activity.landed(landing.schema, landing.landed_ms);
        let key = self.keys.pending.get(slot).key();
        let deferred = &mut self.recalls.by_slot.entry(slot).or_default().deferred;
        let is_first = !deferred
            .iter()
            .any(|deferred| matches!(deferred, Deferred::Row(_)));
        if deferred.len() >= DEFERRED_MAX && !is_first {
            return self.duplicate(key, landing, written, effects);
        }
        deferred.push(Deferred::Row(landing));
        if is_first {
            hold(key, landing, written, effects);
        }
    }

    pub(super) fn attach_deferred(&mut self, slot: u32, payload: PayloadRef) -> bool {
        let deferred = self.recalls.by_slot.get_mut(&slot);
        let mut rows = deferred.into_iter().flat_map(|recall| &mut recall.deferred);
        let first = rows.find_map(|deferred| match deferred {
            Deferred::Row(landing) => Some(landing),
            Deferred::Raw(_) => None,
        });
        first.is_some_and(|landing| put(&mut landing.payload, payload))
    }

    pub(super) fn settle_recalled(
        &mut self,
        key: Fingerprint,
        missing: Option<SchemaId>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(slot) = self.keys.waiting(key) else {
            return;
        };
        let Some(recall) = self.recalls.by_slot.remove(&slot) else {
            return;
        };
        match missing {
            Some(schema) => {
                let record = SettledRecord::new(key, Settled::MissingStored, schema, 0);
                self.keys.settle(slot, record);
            }
            None => self.keys.drop_waiting(slot),
        }
        let (key, looked_up) = match recall.main {
            Some(main) => (main, LookedUp::Both),
            None => (key, LookedUp::Key),
        };
        for deferred in recall.deferred {
            let known = self.keys.find(key);
            match deferred {
                Deferred::Raw(event) => {
                    let window = self.tallies.window(event.arrived_ms);
                    self.tallies.at(window, event.schema).pending -= 1;
                    let event = RawObservation { key, ..event };
                    self.place_raw(known, &event, looked_up, effects);
                }
                Deferred::Row(landing) => {
                    self.place_row(key, known, landing, side(landing), looked_up, effects);
                }
            }
        }
        self.flush_released(effects);
    }
}
