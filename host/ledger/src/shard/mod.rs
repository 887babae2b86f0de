//! One shard: the state machine that joins the two streams of its keys and gives verdicts.
//! Owned by one thread; no clock, no I/O. Time moves by [`Shard::advance`] alone.

mod claims;
mod expire;
mod gauges;
mod history;
mod raw;
mod recall;
mod relocate;
mod settle;
mod written;

pub use gauges::{Activity, SchemaGauge, ShardGauges};

use crate::config::{Deadlines, ShardConfig};
use crate::coverage::Readings;
use crate::deadlines::DeadlineQueues;
use crate::effect::Effect;
use crate::identity::{Fingerprint, PayloadRef, SchemaId};
use crate::keys::{Keys, PREFETCH_KEYS};
use crate::observation::{Frontier, RawObservation, WrittenObservation};
use crate::pending::{Entry, Waiting};
use crate::settled::SettledRecord;
use crate::tally::{Tallies, TallyDelta};
use gauges::{Activities, Latency};
use history::Histories;
use recall::Recalls;

/// How far the stamps of two streams may be apart, in milliseconds: a frame is stamped when it is read, which a
/// steady stream may delay by half a second. A row that no copy explains is decided so long after raw time has
/// passed it, or after the grace of early landings if that is shorter.
pub const STAMPS_APART_MS: i64 = 1_000;

/// A shard of the ledger.
#[derive(Debug)]
pub struct Shard {
    keys: Keys,
    queues: DeadlineQueues,
    tallies: Tallies,
    latency: Latency,
    activity: Activities,
    /// Of two segments: those of the events and those of their rows take turns.
    released: [Released; 2],
    /// The frames that were released since `drain_settled` was called last.
    settled_frames: Vec<PayloadRef>,
    frontier: Frontier,
    comparing: usize,
    early: usize,
    histories: Histories,
    recalls: Recalls,
    dispute_ms: i64,
    disputes_max: usize,
    writer_replaces: bool,
    watched_since_ms: i64,
    readings: Readings,
    /// Events of different schemas came under one key, or may have come.
    has_claims: bool,
}

/// What was settled: for a store, so that a later run can go on.
#[derive(Debug, Default)]
pub struct SettledLog {
    /// Frames that are no longer needed.
    pub frames: Vec<PayloadRef>,
    /// What is remembered of keys, in the order in which it changed: the last record of a key counts.
    pub keys: Vec<SettledRecord>,
    /// Events of different schemas came under one key, or may have come.
    pub has_claims: bool,
}

/// Releases of one segment in a row become one effect.
#[derive(Debug, Default)]
struct Released {
    segment: u32,
    rows: u32,
    bytes: u64,
}

impl Released {
    /// Whether a release of the segment can be added.
    fn takes(&self, segment: u32) -> bool {
        self.rows == 0 || self.segment == segment
    }

    fn flush(&mut self, effects: &mut Vec<Effect>) {
        if self.rows > 0 {
            effects.push(Effect::Released {
                segment: self.segment,
                rows: self.rows,
                bytes: self.bytes,
            });
            *self = Self::default();
        }
    }
}

impl Shard {
    /// An empty shard, before all time.
    pub fn new(config: ShardConfig) -> Self {
        Self {
            keys: Keys::new(config.horizon_ms, config.settled_max),
            queues: DeadlineQueues::new(config.deadlines, config.unexpected_grace_ms),
            tallies: Tallies::new(config.window_ms),
            latency: Latency::new(&config.latency_bounds_ms),
            activity: Activities::default(),
            released: Default::default(),
            settled_frames: Vec::new(),
            frontier: Frontier {
                raw_ms: i64::MIN,
                written_ms: i64::MIN,
            },
            comparing: 0,
            early: 0,
            histories: Histories::default(),
            recalls: Recalls::default(),
            dispute_ms: config.unexpected_grace_ms.min(STAMPS_APART_MS),
            disputes_max: config.disputes_max,
            writer_replaces: config.writer_replaces,
            watched_since_ms: config.watched_since_ms,
            readings: Readings::default(),
            has_claims: false,
        }
    }

    /// New deadlines, for events that arrive from now on.
    pub fn set_deadlines(&mut self, deadlines: Deadlines) {
        self.queues.set_deadlines(deadlines);
    }

    /// What nobody saw, and what was read late, up to the frontiers that are handed in from now on. It takes the place
    /// of what was handed in before; what ended longer ago than anything waits may be left out.
    pub fn set_readings(&mut self, readings: Readings) {
        self.readings = readings;
    }

    /// Applies a raw event.
    pub fn raw(&mut self, event: &RawObservation, effects: &mut Vec<Effect>) {
        self.apply_raw(event, effects);
        self.bound_disputes(effects);
    }

    /// Applies a landing.
    pub fn written(&mut self, row: &WrittenObservation, effects: &mut Vec<Effect>) {
        self.apply_written(row, effects);
        self.bound_disputes(effects);
    }

    /// Applies a share of a batch: raw events, then landings, then what was released of them.
    ///
    /// The keys of some observations are looked up one right after the other, which lets their waits
    /// for memory overlap, before any is applied.
    pub fn apply(
        &mut self,
        raw: &[RawObservation],
        written: &[WrittenObservation],
        effects: &mut Vec<Effect>,
    ) {
        for events in raw.chunks(PREFETCH_KEYS) {
            self.keys.prefetch(events.iter().map(|event| event.key));
            for event in events {
                self.apply_raw(event, effects);
            }
            self.bound_disputes(effects);
        }
        for rows in written.chunks(PREFETCH_KEYS) {
            self.keys.prefetch(rows.iter().map(|row| row.key));
            for row in rows {
                self.apply_written(row, effects);
            }
            self.bound_disputes(effects);
        }
        self.flush_released(effects);
    }

    /// Hands in where the frame of a landing was put (after `Effect::HoldWritten`). True if the landing still
    /// waits, and so the payload is held.
    pub fn attach_written(&mut self, key: Fingerprint, payload: PayloadRef) -> bool {
        self.attach(key, payload)
    }

    /// The answer to `Effect::Compare`: equal, different, or not known.
    pub fn compared(&mut self, key: Fingerprint, equal: Option<bool>, effects: &mut Vec<Effect>) {
        self.settle_compared(key, equal, effects);
    }

    /// Hands in a key that the store knows as missing, and the ledger does not remember.
    pub fn add_unlanded(&mut self, key: Fingerprint) {
        self.has_claims |= key.is_of_schema();
        self.keys.add_unlanded(key);
    }

    /// The answer to `Effect::Recall`: the schema of the missing event, if the store knows one that has not
    /// landed.
    pub fn recalled(
        &mut self,
        key: Fingerprint,
        missing: Option<SchemaId>,
        effects: &mut Vec<Effect>,
    ) {
        self.settle_recalled(key, missing, effects);
    }

    /// Keys that wait for the answer to `Effect::Recall`.
    pub fn recalling(&self) -> usize {
        self.recalls.len()
    }

    /// What waits only for another copy gets its verdict by the copies that came: no more raw events are
    /// read, or there is no room to wait for them.
    pub fn conclude(&mut self, effects: &mut Vec<Effect>) {
        self.decide_all(effects);
        self.flush_released(effects);
    }

    /// Entries that wait: raw events, and landings that came before theirs.
    pub fn pending(&self) -> usize {
        self.keys.pending.len()
    }

    /// Of these, landings that only raw events or their time can settle.
    pub fn early(&self) -> usize {
        self.early
    }

    /// Pairs that wait for the answer to `Effect::Compare`.
    pub fn comparing(&self) -> usize {
        self.comparing
    }

    /// Moves time: what was due by these frontiers gets its verdict.
    pub fn advance(&mut self, frontier: Frontier, effects: &mut Vec<Effect>) {
        self.advance_some(frontier, usize::MAX, effects);
    }

    /// The same for `verdicts_max` entries at most, so that the effects of a jump of time can be
    /// handed on piece by piece. True if more is due: then it is to be called again.
    pub fn advance_some(
        &mut self,
        frontier: Frontier,
        verdicts_max: usize,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let more = self.expire(frontier, verdicts_max, effects);
        self.flush_released(effects);
        more
    }

    /// Ends a batch of observations: releases that were gathered become an effect.
    pub fn flush_released(&mut self, effects: &mut Vec<Effect>) {
        for released in &mut self.released {
            released.flush(effects);
        }
    }

    /// Takes what changed in the tallies.
    pub fn drain_tallies(&mut self, out: &mut Vec<TallyDelta>) {
        self.tallies.drain(out);
    }

    /// Takes what was settled since the last call: what became of these events is in the tallies.
    pub fn drain_settled(&mut self, out: &mut SettledLog) {
        out.frames.append(&mut self.settled_frames);
        self.keys.drain_log(&mut out.keys);
        out.has_claims |= self.has_claims;
    }

    /// Hands in what an earlier run settled, in the order in which that happened, and when it was stored, in milliseconds.
    /// Before all observations.
    pub fn restore(&mut self, record: SettledRecord, at_ms: i64, has_claims: bool) {
        self.has_claims |= has_claims;
        self.keys.restore(record, at_ms);
    }

    /// Takes what happened by schema since the last call: arrivals and landings.
    pub fn drain_activity(&mut self, out: &mut Vec<Activity>) {
        self.activity.drain(out);
    }

    /// The latest landing of all.
    pub fn landed_last_ms(&self) -> Option<i64> {
        self.activity.landed_last_ms()
    }

    fn release(&mut self, payload: PayloadRef, effects: &mut Vec<Effect>) {
        let segment = payload.segment();
        let [first, second] = &mut self.released;
        let released = if first.takes(segment) { first } else { second };
        if !released.takes(segment) {
            released.flush(effects);
        }
        self.settled_frames.push(payload);
        released.segment = segment;
        released.rows += 1;
        released.bytes += payload.bytes();
    }

    /// A key that is not known waits from now on.
    fn insert(&mut self, entry: Entry) {
        let slot = self.keys.insert(entry);
        self.link(slot);
    }

    fn link(&mut self, slot: u32) {
        let pending = &mut self.keys.pending;
        let waiting = pending.get(slot).waiting();
        debug_assert!(waiting.is_queued());
        self.early += usize::from(waiting == Waiting::Early);
        self.queues.link(pending, slot);
    }

    /// Takes an entry out of its queue; it keeps its slot until it is settled or linked anew.
    fn unlink(&mut self, slot: u32) -> Entry {
        let pending = &mut self.keys.pending;
        self.queues.unlink(pending, slot);
        let entry = *pending.get(slot);
        self.early -= usize::from(entry.waiting() == Waiting::Early);
        entry
    }
}
