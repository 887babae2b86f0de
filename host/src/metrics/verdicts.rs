//! Events and their verdicts. A verdict may be revised (a missing event lands later), but a counter
//! never falls. So verdicts are counted as they were first given, and revisions are counted separately.
//! The current number is `events - revised{from} + revised{to}`.

use std::sync::Arc;

use prometheus::{IntCounterVec, IntGaugeVec, Result};

use super::labels::{ALWAYS, SchemaLabelSet};
use super::latency::Latency;
use super::registrar::Registrar;

/// The names of all verdicts.
pub const VERDICTS: [&str; 9] = [
    "delivered",
    "late",
    "altered",
    "missing",
    "unconfirmed",
    "rejected",
    "leaked",
    "repeated",
    "unjudged",
];

/// The verdicts that a revision may give, most likely first, by the verdict that it takes back.
const REVISIONS: [(&str, &[&str]); 4] = [
    ("missing", &["late", "altered", "unjudged", "unconfirmed"]),
    ("unconfirmed", &["late", "altered", "unjudged"]),
    ("rejected", &["leaked"]),
    ("delivered", &["altered", "unjudged"]),
];

/// The verdict whose events are overdue: expected, and not landed.
const MISSING: &str = "missing";

/// The verdict of which nobody knows whether the events landed.
const UNCONFIRMED: &str = "unconfirmed";

#[derive(Debug)]
pub struct VerdictMetrics {
    labels: Arc<SchemaLabelSet>,
    raw: IntCounterVec,
    events: IntCounterVec,
    revised: IntCounterVec,
    duplicates: IntCounterVec,
    unexpected: IntCounterVec,
    unwatched: IntCounterVec,
    explained: IntCounterVec,
    doubtful: IntCounterVec,
    rejected_unseen: IntCounterVec,
    pending: IntGaugeVec,
    overdue: IntGaugeVec,
    unconfirmed: IntGaugeVec,
    /// Rows for which schemas took too many steps.
    schema_unjudged: IntCounterVec,
    schema_unexplained: IntCounterVec,
    schema_suspensions: IntCounterVec,
    latency: Latency,
}

const SCHEMA: [&str; 1] = ["schema"];

impl VerdictMetrics {
    pub(super) fn new(
        r: &Registrar,
        labels: Arc<SchemaLabelSet>,
        latency_bounds_ms: &[i64],
    ) -> Result<Self> {
        let metrics = Self {
            labels,
            raw: r.counters("raw_events_total", &SCHEMA, "Raw events that came in, as counted before they were joined.")?,
            events: r.counters(
                "events_total",
                &["verdict", "schema"],
                "Raw events by the verdict that they were first given. A later revision is counted in landfall_verdicts_revised_total.",
            )?,
            revised: r.counters(
                "verdicts_revised_total",
                &["from", "to", "schema"],
                "Verdicts that were revised: for a missing event that landed later, from missing to late.",
            )?,
            duplicates: r.counters("duplicates_total", &SCHEMA, "Landings of an event beyond the number of times that it came in.")?,
            unexpected: r.counters("unexpected_total", &SCHEMA, "Landings for which no raw event had been seen within the grace period.")?,
            unwatched: r.counters("unwatched_rows_total", &SCHEMA, "Landings without a raw event that landed while nobody watched the raw stream, or soon after: the raw events may have come unseen.")?,
            explained: r.counters("unexpected_explained_total", &SCHEMA, "Unexpected landings whose raw event came later.")?,
            doubtful: r.counters("doubtful_events_total", &SCHEMA, "Delivered events whose landing was read after their deadline, and may have come before it: Landfall had not looked in between.")?,
            rejected_unseen: r.counters("rejected_unseen_events_total", &SCHEMA, "Rejected events that may have landed all the same: when their deadline had passed, not all of the written stream had been seen.")?,
            pending: r.gauges("pending_events", &SCHEMA, "Raw events without a verdict: they wait for their landing or their deadline.")?,
            overdue: r.gauges("overdue_events", &SCHEMA, "Events that are missing, of this run and of earlier ones, and have not landed since.")?,
            unconfirmed: r.gauges("unconfirmed_events", &SCHEMA, "Events that did not land in time as far as Landfall saw, while nobody watched the written stream all the time, of this run and of earlier ones, and that have not landed since.")?,
            schema_unjudged: r.counters(
                "schema_unjudged_total",
                &SCHEMA,
                "Rows that could not be judged because validation by the schema takes too many steps, or because the schema was suspended for that.",
            )?,
            schema_unexplained: r.counters(
                "schema_unexplained_total",
                &SCHEMA,
                "Rows that are not valid, but finding the place of the error would take too many steps.",
            )?,
            schema_suspensions: r.counters(
                "schema_suspensions_total",
                &SCHEMA,
                "Times that a worker suspended the schema for a while because it took too many steps again and again.",
            )?,
            latency: Latency::new(r, latency_bounds_ms)?,
        };
        ALWAYS.iter().for_each(|schema| metrics.begin(schema));
        Ok(metrics)
    }

    /// Schemas that are loaded: their series exist before the first event, because otherwise the first increase
    /// of each would never be seen. See `SchemaLabelSet::give`.
    pub fn loaded(&self, schemas: &[&str]) {
        for schema in self.labels.give(schemas) {
            self.begin(schema);
        }
    }

    /// Begins all series of a schema at 0, except those of the latency: a histogram costs as much as all the
    /// others, and begins with the first raw event, before any event of the schema can land.
    fn begin(&self, schema: &str) {
        let counters = [
            &self.raw,
            &self.duplicates,
            &self.unexpected,
            &self.unwatched,
            &self.explained,
            &self.doubtful,
            &self.rejected_unseen,
            &self.schema_unjudged,
            &self.schema_unexplained,
            &self.schema_suspensions,
        ];
        for counter in counters {
            counter.with_label_values(&[schema]).inc_by(0);
        }
        for gauge in [&self.pending, &self.overdue, &self.unconfirmed] {
            gauge.with_label_values(&[schema]).add(0);
        }
        for verdict in VERDICTS {
            self.events.with_label_values(&[verdict, schema]).inc_by(0);
        }
        for (from, to) in REVISIONS {
            for to in to {
                self.revised
                    .with_label_values(&[from, to, schema])
                    .inc_by(0);
            }
        }
    }

    /// The label of a schema. If it was given just now, all its series begin.
    fn label<'n>(&self, schema: &'n str) -> &'n str {
        let label = self.labels.of(schema);
        if label.is_new {
            self.begin(label.name);
        }
        label.name
    }

    /// Raw events of a batch.
    pub fn add_raw(&self, schema: &str, events: u64) {
        let schema = self.label(schema);
        self.raw.with_label_values(&[schema]).inc_by(events);
        self.latency.begin(schema);
    }

    /// The changes in the number of events of each verdict. A negative number takes back verdicts that
    /// were reported before; their new verdicts are among the positive numbers.
    pub fn add_verdicts(&self, schema: &str, changes: &[(&str, i64)]) {
        let schema = self.label(schema);
        let mut given: Vec<(&str, u64)> = changes
            .iter()
            .filter(|(_, change)| *change > 0)
            .map(|&(verdict, change)| (verdict, change.unsigned_abs()))
            .collect();
        for &(from, change) in changes.iter().filter(|(_, change)| *change < 0) {
            let mut left = change.unsigned_abs();
            let likely = REVISIONS
                .iter()
                .find(|(verdict, _)| *verdict == from)
                .map_or(&[][..], |(_, to)| to);
            // The likely ones first, then all others, so that the sum always stays right.
            let everything = given.clone();
            for to in likely
                .iter()
                .copied()
                .chain(everything.iter().map(|&(verdict, _)| verdict))
            {
                let Some((_, events)) = given.iter_mut().find(|(verdict, _)| *verdict == to) else {
                    continue;
                };
                let revised = left.min(*events);
                *events -= revised;
                left -= revised;
                if revised > 0 {
                    self.revised
                        .with_label_values(&[from, to, schema])
                        .inc_by(revised);
                }
            }
            if left > 0 {
                self.revised
                    .with_label_values(&[from, "pending", schema])
                    .inc_by(left);
            }
        }
        for (verdict, events) in given.into_iter().filter(|&(_, events)| events > 0) {
            self.events
                .with_label_values(&[verdict, schema])
                .inc_by(events);
        }
        for (verdict, gauge) in [(MISSING, &self.overdue), (UNCONFIRMED, &self.unconfirmed)] {
            if let Some((_, change)) = changes.iter().find(|(changed, _)| *changed == verdict) {
                gauge.with_label_values(&[schema]).add(*change);
            }
        }
    }

    /// Events of earlier runs that have not landed.
    pub fn add_overdue(&self, schema: &str, missing: u64, unconfirmed: u64) {
        let schema = self.label(schema);
        for (gauge, events) in [(&self.overdue, missing), (&self.unconfirmed, unconfirmed)] {
            let events = i64::try_from(events).unwrap_or(i64::MAX);
            gauge.with_label_values(&[schema]).add(events);
        }
    }

    /// The change in the number of events that wait.
    pub fn add_pending(&self, schema: &str, change: i64) {
        self.pending
            .with_label_values(&[self.label(schema)])
            .add(change);
    }

    /// Landings beyond the number of raw events.
    pub fn add_duplicates(&self, schema: &str, change: i64) {
        let schema = self.label(schema);
        self.duplicates
            .with_label_values(&[schema])
            .inc_by(u64::try_from(change).unwrap_or(0));
    }

    /// Landings without a raw event; a negative number takes back earlier ones.
    pub fn add_unexpected(&self, schema: &str, change: i64) {
        let counter = if change < 0 {
            &self.explained
        } else {
            &self.unexpected
        };
        counter
            .with_label_values(&[self.label(schema)])
            .inc_by(change.unsigned_abs());
    }

    /// Landings whose raw events may have come unseen. A negative number takes back earlier ones, whose events came
    /// later: they stay counted.
    pub fn add_unwatched(&self, schema: &str, change: i64) {
        self.unwatched
            .with_label_values(&[self.label(schema)])
            .inc_by(u64::try_from(change).unwrap_or(0));
    }

    /// Delivered events that may have landed after their deadline.
    pub fn add_doubtful(&self, schema: &str, events: u64) {
        self.doubtful
            .with_label_values(&[self.label(schema)])
            .inc_by(events);
    }

    /// Rejected events that may have landed unseen.
    pub fn add_rejected_unseen(&self, schema: &str, events: u64) {
        self.rejected_unseen
            .with_label_values(&[self.label(schema)])
            .inc_by(events);
    }

    /// Adds the rows for which a schema took too many steps.
    pub fn add_schema_faults(&self, schema: &str, rows: u64, unexplained: u64, suspensions: u64) {
        let schema = [self.label(schema)];
        self.schema_unjudged.with_label_values(&schema).inc_by(rows);
        self.schema_unexplained
            .with_label_values(&schema)
            .inc_by(unexplained);
        let counter = self.schema_suspensions.with_label_values(&schema);
        counter.inc_by(suspensions);
    }

    /// Latencies of landings: counts by bucket and one above the last, not cumulative, and their sum in
    /// milliseconds.
    pub fn add_latency(&self, schema: &str, buckets: &[u64], sum_ms: i64) {
        self.latency.add(self.label(schema), buckets, sum_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics() -> (Registrar, VerdictMetrics) {
        let registrar = Registrar::new().unwrap();
        let metrics = VerdictMetrics::new(&registrar, Arc::default(), &[1000]).unwrap();
        (registrar, metrics)
    }

    #[test]
    fn a_revision_is_counted_apart_and_no_counter_falls() {
        let (_registrar, metrics) = metrics();
        metrics.add_verdicts("A/1", &[("missing", 5), ("delivered", 2), ("rejected", 1)]);
        metrics.add_verdicts(
            "A/1",
            &[
                ("missing", -3),
                ("late", 2),
                ("altered", 1),
                ("delivered", 4),
            ],
        );
        metrics.add_verdicts("A/1", &[("rejected", -1), ("leaked", 1)]);
        let events = |verdict| metrics.events.with_label_values(&[verdict, "A/1"]).get();
        let revised = |from, to| metrics.revised.with_label_values(&[from, to, "A/1"]).get();
        assert_eq!(
            [
                events("missing"),
                events("delivered"),
                events("late"),
                events("leaked")
            ],
            [5, 6, 0, 0]
        );
        assert_eq!(
            [
                revised("missing", "late"),
                revised("missing", "altered"),
                revised("rejected", "leaked")
            ],
            [2, 1, 1]
        );
        assert_eq!(metrics.overdue.with_label_values(&["A/1"]).get(), 2);
        metrics.add_overdue("A/1", 5, 3);
        assert_eq!(metrics.overdue.with_label_values(&["A/1"]).get(), 7);
        assert_eq!(metrics.unconfirmed.with_label_values(&["A/1"]).get(), 3);
    }

    #[test]
    fn what_holds_now_can_be_computed_from_the_counters_whatever_changed() {
        let (_registrar, metrics) = metrics();
        let changes: [&[(&str, i64)]; 4] = [
            &[("missing", 9), ("unjudged", 1)],
            &[("missing", -4), ("unjudged", 4)],
            &[("unjudged", -2), ("delivered", 3)],
            &[("missing", -1)],
        ];
        let mut truth = std::collections::BTreeMap::new();
        for change in changes {
            metrics.add_verdicts("A/1", change);
            for &(verdict, n) in change {
                *truth.entry(verdict).or_insert(0) += n;
            }
        }
        let verdicts = ["missing", "unjudged", "delivered", "pending"];
        for (verdict, expected) in truth {
            let mut now = metrics.events.with_label_values(&[verdict, "A/1"]).get() as i64;
            for other in verdicts {
                now += metrics
                    .revised
                    .with_label_values(&[other, verdict, "A/1"])
                    .get() as i64;
                now -= metrics
                    .revised
                    .with_label_values(&[verdict, other, "A/1"])
                    .get() as i64;
            }
            assert_eq!(now, expected, "{verdict}");
        }
    }

    #[test]
    fn all_series_of_a_loaded_schema_are_there_at_0_and_those_of_one_without_room_with_its_first_event()
     {
        let (registrar, metrics) = metrics();
        let begun = |schema: &str| {
            let text = registrar.render().unwrap();
            let of = format!("schema=\"{schema}\"");
            let lines: Vec<String> = text
                .lines()
                .filter(|line| line.contains(&of))
                .map(str::to_owned)
                .collect();
            let not_0 = lines.iter().filter(|line| !line.ends_with(" 0")).count();
            (lines.len(), not_0)
        };
        for schema in ALWAYS {
            assert_eq!(begun(schema), (32, 0), "{schema}");
        }
        metrics.loaded(&["A/1"]);
        assert_eq!(begun("A/1"), (32, 0));
        metrics.add_raw("A/1", 1);
        // With the histogram: two buckets, sum and count.
        assert_eq!(begun("A/1"), (36, 1));
        let many: Vec<String> = (0..super::super::SCHEMA_LABELS_MAX)
            .map(|n| format!("B/{n}"))
            .collect();
        metrics.loaded(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(begun("B/7"), (0, 0), "one too many for all");
        metrics.add_raw("B/7", 1);
        assert_eq!(begun("B/7"), (36, 1));
    }

    #[test]
    fn an_unexpected_landing_that_is_explained_is_counted_apart() {
        let (registrar, metrics) = metrics();
        metrics.add_unexpected("A/1", 3);
        metrics.add_unexpected("A/1", -1);
        let text = registrar.render().unwrap();
        assert!(
            text.contains("landfall_unexpected_total{schema=\"A/1\"} 3"),
            "{text}"
        );
        assert!(
            text.contains("landfall_unexpected_explained_total{schema=\"A/1\"} 1"),
            "{text}"
        );
    }
}
