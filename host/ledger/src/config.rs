//! Configuration of the ledger, given at the start and at each reload.

use crate::identity::SchemaId;

/// Deadlines by schema, in milliseconds after the raw event's arrival. A landing at the deadline itself is in
/// time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadlines {
    pub default_ms: i64,
    /// By `SchemaId`; schemas beyond its end have the default.
    pub by_schema: Vec<i64>,
}

impl Deadlines {
    /// The deadline of a schema, in milliseconds after arrival.
    pub fn of(&self, schema: SchemaId) -> i64 {
        self.by_schema
            .get(usize::from(schema.0))
            .copied()
            .unwrap_or(self.default_ms)
    }

    /// The longest deadline of all schemas, in milliseconds.
    pub fn max_ms(&self) -> i64 {
        self.by_schema
            .iter()
            .copied()
            .fold(self.default_ms, i64::max)
    }
}

/// Configuration of a shard.
#[derive(Clone, Debug)]
pub struct ShardConfig {
    pub deadlines: Deadlines,
    /// Length of a window.
    pub window_ms: i64,
    /// How long a landing waits for its raw event before it is unexpected.
    pub unexpected_grace_ms: i64,
    /// Settled keys are remembered at least this long, unless there are more than `settled_max`.
    pub horizon_ms: i64,
    pub settled_max: usize,
    /// Upper bounds of the latency buckets, ascending; one more bucket is above the last.
    pub latency_bounds_ms: Vec<i64>,
    /// Rows that wait for another copy to explain them, some 400 bytes each. With more, the oldest is
    /// decided by the copies that came.
    pub disputes_max: usize,
    /// The writer replaces a row that is there: a key that lands again has one row still.
    pub writer_replaces: bool,
    /// Since when the streams are watched. What landed soon after may have come in before.
    pub watched_since_ms: i64,
}
