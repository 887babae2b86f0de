//! What a shard measures: arrivals and landings by schema, latency, sizes.

use super::Shard;
use crate::identity::SchemaId;

/// Expected arrivals and landings of one schema since they were last taken. Times are milliseconds since the
/// epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    pub schema: SchemaId,
    pub arrived: u64,
    pub arrived_first_ms: i64,
    pub arrived_last_ms: i64,
    pub landed: u64,
    pub landed_last_ms: i64,
}

impl Activity {
    pub(super) fn new(schema: SchemaId) -> Self {
        Self {
            schema,
            arrived: 0,
            arrived_first_ms: i64::MAX,
            arrived_last_ms: i64::MIN,
            landed: 0,
            landed_last_ms: i64::MIN,
        }
    }

    fn arrived(&mut self, at_ms: i64) {
        self.arrived += 1;
        self.arrived_first_ms = self.arrived_first_ms.min(at_ms);
        self.arrived_last_ms = self.arrived_last_ms.max(at_ms);
    }

    fn landed(&mut self, at_ms: i64) {
        self.landed += 1;
        self.landed_last_ms = self.landed_last_ms.max(at_ms);
    }
}

/// The activity of all schemas since it was last taken.
#[derive(Debug, Default)]
pub(super) struct Activities {
    by_schema: Vec<Activity>,
    /// Schemas of which something is to be taken.
    touched: Vec<SchemaId>,
    landed_last_ms: Option<i64>,
}

impl Activities {
    #[inline]
    fn of(&mut self, schema: SchemaId) -> &mut Activity {
        let number = usize::from(schema.0);
        if number >= self.by_schema.len() {
            self.grow(schema);
        }
        let activity = &mut self.by_schema[number];
        if activity.arrived + activity.landed == 0 {
            self.touched.push(schema);
        }
        activity
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, schema: SchemaId) {
        let more = self.by_schema.len() as u16..=schema.0;
        let none = more.map(|number| Activity::new(SchemaId(number)));
        self.by_schema.extend(none);
    }

    pub(super) fn arrived(&mut self, schema: SchemaId, at_ms: i64) {
        self.of(schema).arrived(at_ms);
    }

    pub(super) fn landed(&mut self, schema: SchemaId, at_ms: i64) {
        self.landed_last_ms = self.landed_last_ms.max(Some(at_ms));
        self.of(schema).landed(at_ms);
    }

    pub(super) fn landed_last_ms(&self) -> Option<i64> {
        self.landed_last_ms
    }

    pub(super) fn drain(&mut self, out: &mut Vec<Activity>) {
        for schema in self.touched.drain(..) {
            let activity = &mut self.by_schema[usize::from(schema.0)];
            out.push(std::mem::replace(activity, Activity::new(schema)));
        }
    }
}

/// Latency of one schema since it was last taken: counts by bucket, and the sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaGauge {
    pub schema: SchemaId,
    /// Events by bucket: one more than `ShardConfig::latency_bounds_ms` has bounds.
    pub buckets: Vec<u64>,
    pub sum_ms: i64,
}

#[derive(Debug)]
pub(super) struct Latency {
    bounds_ms: Vec<i64>,
    by_schema: Vec<Option<SchemaGauge>>,
    /// The bucket of the last one, and its bounds: the next one is mostly in it too.
    last: usize,
    above_ms: i64,
    upto_ms: i64,
}

impl Latency {
    pub(super) fn new(bounds_ms: &[i64]) -> Self {
        Self {
            bounds_ms: bounds_ms.to_vec(),
            by_schema: Vec::new(),
            last: 0,
            above_ms: i64::MAX,
            upto_ms: i64::MIN,
        }
    }

    #[inline]
    fn bucket(&mut self, latency_ms: i64) -> usize {
        if latency_ms <= self.above_ms || latency_ms > self.upto_ms {
            let bounds = &self.bounds_ms;
            self.last = bounds.partition_point(|&bound| bound < latency_ms);
            self.upto_ms = bounds.get(self.last).copied().unwrap_or(i64::MAX);
            let below = self.last.checked_sub(1).and_then(|below| bounds.get(below));
            self.above_ms = below.copied().unwrap_or(i64::MIN);
        }
        self.last
    }

    pub(super) fn add(&mut self, schema: SchemaId, latency_ms: i64) {
        let place = usize::from(schema.0);
        let bucket = self.bucket(latency_ms);
        if place >= self.by_schema.len() {
            self.by_schema.resize(place + 1, None);
        }
        let gauge = self.by_schema[place].get_or_insert_with(|| SchemaGauge {
            schema,
            buckets: vec![0; self.bounds_ms.len() + 1],
            sum_ms: 0,
        });
        gauge.buckets[bucket] += 1;
        gauge.sum_ms = gauge.sum_ms.saturating_add(latency_ms);
    }
}

/// Sizes and ages of a shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardGauges {
    /// The longest time that anything waits from its arrival on, in milliseconds.
    pub wait_max_ms: i64,
    /// Raw events that wait for their landing or their deadline, and early landings.
    pub pending: usize,
    /// Of these, landings that came before their raw event.
    pub early: usize,
    /// Arrival of the oldest expected event that waits.
    pub oldest_expected_ms: Option<i64>,
    /// Settled keys that are remembered.
    pub settled: usize,
    /// For how long all of them are remembered, in milliseconds.
    pub horizon_ms: i64,
    pub memory_bytes: usize,
}

impl Shard {
    /// Takes the latencies since the last call.
    pub fn drain_latency(&mut self, out: &mut Vec<SchemaGauge>) {
        out.extend(self.latency.by_schema.iter_mut().filter_map(Option::take));
    }

    /// Sizes and ages as of now.
    pub fn gauges(&self) -> ShardGauges {
        let oldest = (0..self.queues.classes())
            .filter(|&class| self.queues.is_expected(class))
            .filter_map(|class| self.queues.head(class))
            .map(|slot| self.keys.pending.get(slot));
        ShardGauges {
            wait_max_ms: self.queues.wait_max_ms(),
            pending: self.keys.pending.len(),
            early: self.early,
            oldest_expected_ms: oldest.map(|entry| entry.arrived_ms).min(),
            settled: self.keys.settled(),
            horizon_ms: self.keys.horizon_ms(),
            memory_bytes: self.keys.memory_bytes()
                + self.tallies.memory_bytes()
                + self.histories.memory_bytes()
                + self.recalls.memory_bytes(),
        }
    }
}
