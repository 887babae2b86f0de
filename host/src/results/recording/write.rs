//! Writes one prepared flush in one transaction: afterwards all of it is in the store, or nothing.

use std::collections::BTreeMap;

use landfall_ledger::PayloadRef;
use landfall_store::spool::entry_at;
use landfall_store::{Flush, Pruned, Retention, SettledKeysRow, StoreError};

use crate::results::accounting::{MissingChange, Prepared};

/// Times that are stored with a flush. `known_ms`: up to when the store knows what happened.
pub(super) struct StoredTimes {
    pub known_ms: i64,
    /// Whether the clock is the system's.
    pub follows_system: bool,
    /// Retention's time.
    pub retention_ms: Option<i64>,
}

/// What is stored so that the next run can go on.
#[derive(Default)]
pub(super) struct Settled {
    /// Frames whose events are settled, by segment.
    pub frames: BTreeMap<u32, Vec<PayloadRef>>,
    /// Segments that were removed.
    pub removed_segments: Vec<u32>,
    pub keys: Vec<SettledKeysRow>,
    /// The number of the run.
    pub run: u64,
    /// Settled keys are forgotten that were stored before this instant, and those before so many.
    pub forgotten_ms: i64,
    pub forgotten_keys: u64,
}

fn settled(flush: &Flush<'_>, settled: &Settled) -> Result<(), StoreError> {
    for (segment, frames) in &settled.frames {
        let entries: Vec<u32> = frames.iter().map(|frame| entry_at(frame.0)).collect();
        flush.settled_frames(*segment, &entries)?;
    }
    for segment in &settled.removed_segments {
        flush.forget_segment(*segment)?;
    }
    for row in &settled.keys {
        flush.settled_keys(row)?;
    }
    if !settled.keys.is_empty() {
        let added = settled.keys.len();
        flush.prune_settled_keys(settled.forgotten_ms, settled.forgotten_keys, added)?;
    }
    Ok(())
}

/// Puts a flush into an open transaction, and removes what is older than `prune_at_ms`.
pub(super) fn write(
    flush: &mut Flush<'_>,
    prepared: &Prepared,
    settled: &Settled,
    times: Option<&StoredTimes>,
    retention: &Retention,
    prune_at_ms: Option<i64>,
) -> Result<Option<Pruned>, StoreError> {
    self::settled(flush, settled)?;
    if !settled.keys.is_empty() {
        for (number, schema) in &prepared.run_schemas {
            flush.run_schema(settled.run, *number, schema)?;
        }
    }
    for row in &prepared.generations {
        flush.generation(row)?;
    }
    if let Some(next) = prepared.next_generation {
        flush.generations_given(next)?;
    }
    if let Some(next) = prepared.next_incident {
        flush.incidents_given(next)?;
    }
    for change in &prepared.missing_changes {
        missing_change(flush, change)?;
    }
    for row in &prepared.coverage {
        flush.coverage(row)?;
    }
    for row in &prepared.unread {
        flush.unread(row)?;
    }
    for row in &prepared.sequence_gaps {
        flush.sequence_gap(row)?;
    }
    for row in &prepared.windows {
        flush.window(row)?;
    }
    for (start_ms, schema, generation) in &prepared.judges {
        flush.window_judge(*start_ms, schema, *generation)?;
    }
    for (start_ms, _) in &prepared.closed {
        flush.close_window(*start_ms)?;
    }
    for row in &prepared.incidents {
        flush.incident(row)?;
    }
    for (schema, first_ms, last_ms, incident) in &prepared.attributed {
        flush.attribute(schema, *first_ms, *last_ms, *incident)?;
    }
    for (incident, schema) in &prepared.landed_of_old {
        flush.incident_landed_late(*incident, schema)?;
    }
    for (incident, schema) in &prepared.lost_again {
        flush.incident_lost_again(*incident, schema)?;
    }
    for row in &prepared.samples {
        flush.sample(row)?;
    }
    for row in &prepared.samples {
        flush.trim_samples(
            &row.kind,
            &row.check_name,
            &row.reason,
            &row.schema,
            retention.samples_per_reason_max,
        )?;
    }
    if let Some(times) = times {
        flush.known(times.known_ms, times.follows_system)?;
        if times.follows_system
            && let Some(time_ms) = times.retention_ms
        {
            flush.retention_time(time_ms)?;
        }
    }
    prune_at_ms
        .map(|at_ms| flush.prune(at_ms, retention))
        .transpose()
}

fn missing_change(flush: &mut Flush<'_>, change: &MissingChange) -> Result<(), StoreError> {
    match change {
        MissingChange::Missing(row) => flush.missing(row),
        MissingChange::Landed {
            fingerprint,
            landed_ms,
        } => flush.landed(*fingerprint, *landed_ms),
        MissingChange::Again {
            fingerprint,
            incident,
            deadline_ms,
            reported_ms,
            hole,
        } => flush.missing_again(*fingerprint, *incident, *deadline_ms, *reported_ms, hole),
        MissingChange::Revised {
            arrived_ms,
            schema,
            window_start_ms,
            counts,
        } => flush.window_revised(*arrived_ms, schema, *window_start_ms, counts),
    }
}
