//! Converts the configuration to the settings of the engine's parts: milliseconds, and the bounds
//! of each part. Pure.

use std::time::Duration;

use landfall_ledger::{Deadlines, IncidentTrackerConfig, PerStream, ShardConfig};
use landfall_store::Retention;
use landfall_store::spool::ENTRY_BYTES;

use crate::config::Config;
use crate::planning::planner::Planned;
use crate::time_policy::TimePolicy;

/// Bytes of the largest batch in the spool. A frame that is larger than a batch may be is a batch
/// of its own.
pub(super) fn batch_bytes_max(config: &Config) -> usize {
    let limits = config.judge.batches(config.deadlines.shortest());
    let frame = config.streams.raw.frame_bytes_max;
    limits.bytes_max.max(frame) + limits.rows_max * ENTRY_BYTES
}

/// Rows of a shard that wait for another copy: as many as come in a second of a flood in which all
/// events are altered.
const DISPUTES_MAX: usize = 1 << 16;

pub(super) fn shard_config(
    config: &Config,
    planned: &Planned,
    window_ms: i64,
    shards: usize,
    time: &TimePolicy,
) -> ShardConfig {
    ShardConfig {
        deadlines: planned.deadlines.clone(),
        window_ms,
        unexpected_grace_ms: millis(config.ledger.unexpected_grace),
        horizon_ms: time.horizon_ms(millis(config.ledger.horizon)),
        settled_max: time.settled_max(config.ledger.settled_max / shards.max(1)),
        latency_bounds_ms: config.metrics.latency_bounds_ms(),
        // Half of what may wait, so that these rows never reach the bound on everything that waits.
        disputes_max: (config.ledger.pending_max / (2 * shards.max(1))).clamp(1, DISPUTES_MAX),
        writer_replaces: config.ledger.writer_replaces,
        watched_since_ms: i64::MIN,
    }
}

fn tracker_config(config: &Config, deadlines: &Deadlines) -> IncidentTrackerConfig {
    IncidentTrackerConfig {
        stall_ms: millis(config.incidents.stall),
        stall_schema_ms: millis(config.incidents.stall_schema),
        clear_ms: millis(config.incidents.clear),
        deadline_max_ms: deadlines.max_ms(),
        unwatched_min_ms: millis(UNWATCHED_MIN),
        silence_ms: PerStream::of(|stream| millis(config.streams.of(stream).silence)),
    }
}

/// An audit cannot know that a stream is silent: recorded frames come when they are read.
pub(super) fn tracker_config_of(
    config: &Config,
    planned: &Planned,
    time: &TimePolicy,
) -> IncidentTrackerConfig {
    let tracker = tracker_config(config, &planned.deadlines);
    match time {
        // Connecting takes real time, however fast the clock is.
        TimePolicy::Live(clock) => IncidentTrackerConfig {
            unwatched_min_ms: (millis(UNWATCHED_MIN) as f64 * clock.speed()) as i64,
            ..tracker
        },
        TimePolicy::Recorded => IncidentTrackerConfig {
            silence_ms: PerStream::default(),
            ..tracker
        },
    }
}

pub(super) fn retention(config: &Config) -> Retention {
    Retention {
        keep_ms: millis(config.store.keep),
        missing_max: config.store.missing_max as u64,
        samples_max: config.store.samples_max as u64,
        samples_per_reason_max: SAMPLES_PER_REASON_MAX,
    }
}

/// A hole of a stream is an incident after this long (real time), unless events are unconfirmed because of it: longer
/// than a start and its settling take, or a publisher that is started again.
const UNWATCHED_MIN: Duration = Duration::from_secs(5);

/// Samples kept of each kind, reason and schema: enough to see a pattern, few enough to read.
const SAMPLES_PER_REASON_MAX: u64 = 20;

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
