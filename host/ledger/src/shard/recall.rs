//! Keys that may be missing from longer ago than the ledger remembers: what comes under them is put
//! aside until the host has asked the store.

use std::collections::BTreeMap;

use super::Shard;
use super::history::{Landing, NOT_SPOOLED, put};
use super::settle::side;
use crate::effect::{Effect, WrittenSide};
use crate::identity::{Fingerprint, Form, Generation, PayloadRef, ReasonId, SchemaId};
use crate::observation::RawObservation;
use crate::pending::{Entry, Waiting};
use crate::settled::{Memory, Settled};
use crate::verdict::Judgement;

/// Observations that are put aside under one key. An answer takes less than a second; what is beyond
/// is a copy of a copy by then.
const PARKED_MAX: usize = 64;

/// Which keys of an observation the host has been asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asked {
    Nothing,
    /// The key itself.
    Key,
    /// And that of its schema (`claims.rs`).
    Both,
}

#[derive(Debug)]
enum Parked {
    Raw(RawObservation),
    Row(Landing),
}

/// Of all keys that are asked for, by slot, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Recalls {
    by_slot: BTreeMap<u32, Recall>,
}

#[derive(Debug, Default)]
struct Recall {
    /// What is asked for is the key of a schema, made of this one.
    main: Option<Fingerprint>,
    parked: Vec<Parked>,
}

impl Recalls {
    pub(super) fn len(&self) -> usize {
        self.by_slot.len()
    }

    /// Where the frames of all that is put aside are.
    pub(super) fn payloads_mut(&mut self) -> impl Iterator<Item = &mut PayloadRef> {
        let recalls = self.by_slot.values_mut();
        let parked = recalls.flat_map(|recall| &mut recall.parked);
        parked.map(|parked| match parked {
            Parked::Raw(event) => &mut event.payload,
            Parked::Row(landing) => &mut landing.payload,
        })
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let parked = |recall: &Recall| recall.parked.capacity() * size_of::<Parked>();
        self.by_slot.values().map(parked).sum()
    }
}

impl Shard {
    /// `key` is the event's, or of its schema and made of `main`.
    pub(super) fn ask_for_raw(
        &mut self,
        key: Fingerprint,
        main: Option<Fingerprint>,
        event: &RawObservation,
        effects: &mut Vec<Effect>,
    ) {
        let slot = self.ask(key, main, effects);
        self.park_raw(slot, event, effects);
    }

    pub(super) fn ask_for_row(
        &mut self,
        key: Fingerprint,
        main: Option<Fingerprint>,
        landing: Landing,
        written: WrittenSide,
        effects: &mut Vec<Effect>,
    ) {
        let slot = self.ask(key, main, effects);
        self.park_row(slot, landing, written, effects);
    }

    fn ask(
        &mut self,
        key: Fingerprint,
        main: Option<Fingerprint>,
        effects: &mut Vec<Effect>,
    ) -> u32 {
        effects.push(Effect::Recall { key });
        let slot = self.keys.insert(Entry::new(
            key,
            Form::NONE,
            NOT_SPOOLED,
            0,
            SchemaId(0),
            ReasonId(0),
            Generation(0),
            0,
            Waiting::Recalling,
        ));
        let parked = Vec::new();
        self.recalls.by_slot.insert(slot, Recall { main, parked });
        slot
    }

    pub(super) fn park_raw(
        &mut self,
        slot: u32,
        event: &RawObservation,
        effects: &mut Vec<Effect>,
    ) {
        let parked = &mut self.recalls.by_slot.entry(slot).or_default().parked;
        let is_expected = |parked: &Parked| matches!(parked, Parked::Raw(event) if event.judgement == Judgement::Expected);
        // The first that is to land always has a place, and so has the first row.
        let has_place = event.judgement == Judgement::Expected && !parked.iter().any(is_expected);
        if parked.len() >= PARKED_MAX && !has_place {
            return self.repeated(event, effects);
        }
        parked.push(Parked::Raw(*event));
        let window = self.tallies.window(event.arrived_ms);
        self.tallies.at(window, event.schema).pending += 1;
    }

    pub(super) fn park_row(
        &mut self,
        slot: u32,
        landing: Landing,
        written: WrittenSide,
        effects: &mut Vec<Effect>,
    ) {
        // Whatever the answer, the writer is alive.
        self.activity.landed(landing.schema, landing.landed_ms);
        let key = self.keys.pending.get(slot).key();
        let parked = &mut self.recalls.by_slot.entry(slot).or_default().parked;
        let is_first = !parked.iter().any(|parked| matches!(parked, Parked::Row(_)));
        if parked.len() >= PARKED_MAX && !is_first {
            return self.duplicate(key, landing, written, effects);
        }
        parked.push(Parked::Row(landing));
        if let WrittenSide::Row(row) = written
            && is_first
        {
            effects.push(Effect::HoldWritten { key, row });
        }
    }

    pub(super) fn attach_parked(&mut self, slot: u32, payload: PayloadRef) -> bool {
        let parked = self.recalls.by_slot.get_mut(&slot);
        let mut rows = parked.into_iter().flat_map(|recall| &mut recall.parked);
        let first = rows.find_map(|parked| match parked {
            Parked::Row(landing) => Some(landing),
            Parked::Raw(_) => None,
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
                let memory = Memory::new(key, Settled::MissingStored, schema, 0);
                self.keys.settle(slot, memory);
            }
            None => self.keys.drop_waiting(slot),
        }
        let (key, asked) = match recall.main {
            Some(main) => (main, Asked::Both),
            None => (key, Asked::Key),
        };
        for parked in recall.parked {
            let known = self.keys.find(key);
            match parked {
                Parked::Raw(event) => {
                    let window = self.tallies.window(event.arrived_ms);
                    self.tallies.at(window, event.schema).pending -= 1;
                    let event = RawObservation { key, ..event };
                    self.place_raw(known, &event, asked, effects);
                }
                Parked::Row(landing) => {
                    self.place_row(key, known, landing, side(landing), asked, effects);
                }
            }
        }
        self.flush_released(effects);
    }
}
