//! The truth about the day, by the names of Landfall's metrics: the same Prometheus scrapes it, so that each
//! query must give the same answer for both.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use landfall_ops::grafana::{Values, queries};
use landfall_tests::metrics::Metrics;
use landfall_tests::monitoring::Sample;
use landfall_tests::truth::{Nature, Tally, Verdict};

use super::played::MonitoredDay;

/// How much the two may differ: as much as `round` changes the last digits. Both are queried at the time of
/// their last scrape and their counters begin at 0, so `increase` has no end to estimate.
const ROUNDING: f64 = 0.001;

/// At least this many queries must have a known answer, or the truth has lost its names.
const KNOWN_MIN: usize = 20;

/// Nothing of the kind happened on this day.
const NEVER: [&str; 22] = [
    "landfall_pending_events",
    "landfall_unexpected_total",
    "landfall_unexpected_explained_total",
    "landfall_incidents_open",
    "landfall_conservation_imbalance_events_total",
    "landfall_check_faults_total",
    "landfall_check_rows_faulted_total",
    "landfall_check_suspensions_total",
    "landfall_check_load_failures_total",
    "landfall_check_log_dropped_total",
    "landfall_check_stale",
    "landfall_check_loading",
    "landfall_schemas_stale",
    "landfall_schema_unjudged_total",
    "landfall_schema_suspensions_total",
    "landfall_frames_refused_total",
    "landfall_source_disconnects_total",
    "landfall_source_protocol_errors_total",
    "landfall_missing_removed_total",
    "landfall_store_errors_total",
    "landfall_store_failing",
    "landfall_spool_waits_total",
];

/// Always so on this day.
const ALWAYS: [&str; 2] = ["landfall_source_connected", "landfall_ready"];

/// Losses closer together than this are one.
const GAP_MS: i64 = 10 * 60_000;

/// Ranks and counts of changes depend on the course of the day, about which the truth knows nothing.
const BY_THE_WAY: [&str; 2] = ["max_over_time", "changes"];

type Labels = BTreeMap<String, String>;

/// The truth by metric.
struct Truth<'a> {
    total: Tally,
    schemas: BTreeMap<String, Tally>,
    day: &'a MonitoredDay,
}

impl Truth<'_> {
    /// The value of a series; None of a metric of which the truth knows nothing.
    fn value(&self, name: &str, labels: &Labels) -> Option<f64> {
        let label = |name: &str| labels.get(name).map_or("", String::as_str);
        let empty = Tally::default();
        let schema = self.schemas.get(label("schema")).unwrap_or(&empty);
        let count = |verdict| schema.count(verdict);
        if NEVER.contains(&name) {
            return Some(0.0);
        }
        if ALWAYS.contains(&name) {
            return Some(1.0);
        }
        let value = match name {
            "landfall_raw_events_total" => schema.frames,
            // A row that is held back comes a quarter of an hour after its deadline: what is late was
            // missing first.
            "landfall_events_total" => match label("verdict") {
                "missing" => count(Verdict::Missing) + count(Verdict::Late),
                "late" => 0,
                verdict => count(*Verdict::ALL.iter().find(|one| one.as_str() == verdict)?),
            },
            "landfall_verdicts_revised_total" => match (label("from"), label("to")) {
                ("missing", "late") => count(Verdict::Late),
                _ => 0,
            },
            "landfall_overdue_events" => count(Verdict::Missing),
            "landfall_duplicates_total" => schema.duplicate,
            "landfall_incidents_total" => match label("cause") {
                "stalled" => self.day.outages().len() as u64,
                // The rows that a duplicate key killed, and those that were held back.
                "loss" => {
                    self.lost_beside_outages() + self.schemas_with(|one| one.count(Verdict::Late))
                }
                "altered" => self.schemas_with(|one| one.count(Verdict::Altered)),
                "leaked" => self.schemas_with(|one| one.count(Verdict::Leaked)),
                "unjudged" => self.schemas_with(|one| one.count(Verdict::Unjudged)),
                "duplicate" => self.schemas_with(|one| one.duplicate),
                "unexpected" | "silent" => 0,
                // The store's own account, for nobody else knows what the objective makes of a window.
                _ => self.day.incidents(label("cause")),
            },
            "landfall_check_violations_total" => {
                let truth = &self.day.stage.pipeline.truth;
                match label("reason") {
                    "invalid_event" => truth.copies(|event| event.nature == Nature::Invalid),
                    "unknown_schema" => truth.copies(|event| event.nature == Nature::Unknown),
                    "not_a_number" => truth.copies(|event| event.nature == Nature::Unjudgeable),
                    _ => 0,
                }
            }
            _ => return None,
        };
        Some(value as f64)
    }

    /// Of schemas, each of which has an incident of its own.
    fn schemas_with(&self, count: impl Fn(&Tally) -> u64) -> u64 {
        self.schemas
            .values()
            .filter(|tally| count(tally) > 0)
            .count() as u64
    }

    /// Schemas that lost events while the writer was not deaf, each time that they did.
    fn lost_beside_outages(&self) -> u64 {
        let outages = self.day.outages();
        let losses = self
            .day
            .stage
            .pipeline
            .truth
            .outages(GAP_MS, self.day.margins);
        let beside = losses.iter().filter(|loss| {
            !outages
                .iter()
                .any(|outage| outage.from_ms <= loss.last_ms && outage.to_ms >= loss.first_ms)
        });
        beside.map(|loss| loss.schemas.len() as u64).sum()
    }

    /// The exposition: every series that Landfall has of the metrics that are known, and those that it
    /// ought to have. Before the day all counters are 0.
    fn exposition(&self, metrics: &Metrics, before: bool) -> String {
        let mut series: BTreeSet<(String, Labels)> = metrics
            .samples
            .iter()
            .map(|sample| (sample.name.clone(), sample.labels.clone()))
            .collect();
        for (schema, tally) in &self.schemas {
            let labels = |more: &[(&str, &str)]| -> Labels {
                let schema = ("schema", schema.as_str());
                let all = more.iter().copied().chain([schema]);
                all.map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect()
            };
            series.insert(("landfall_raw_events_total".into(), labels(&[])));
            for verdict in tally.verdicts.keys() {
                let labels = labels(&[("verdict", verdict.as_str())]);
                series.insert(("landfall_events_total".into(), labels));
            }
        }
        let mut text = String::new();
        for (name, labels) in series {
            let Some(value) = self.value(&name, &labels) else {
                continue;
            };
            let counter = name.ends_with("_total");
            let value = if before && counter { 0.0 } else { value };
            let labels: Vec<String> = labels
                .iter()
                .map(|(name, value)| format!("{name}={value:?}"))
                .collect();
            // Writing to a string does not fail.
            let _ = writeln!(text, "{name}{{{}}} {value}", labels.join(","));
        }
        text
    }
}

/// Asks both jobs every query that is about nothing but what the truth knows.
pub fn hold(day: &mut MonitoredDay) -> Vec<String> {
    let metrics = day.sidecar.metrics();
    let truth = &day.stage.pipeline.truth;
    let truth = Truth {
        total: truth.tally(day.margins),
        schemas: truth.tallies(day.margins),
        day,
    };
    let (before, text) = (
        truth.exposition(&metrics, true),
        truth.exposition(&metrics, false),
    );
    let either = truth.total.either as f64;
    let (malformed, total) = (truth.total.malformed, truth.total.clone());
    let known: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.split('{').next().map(str::to_owned))
        .collect();
    let _exposition = day.show(before, text);
    let (from_s, to_s) = day.range_s();
    let range = format!("{}ms", ((to_s - from_s) * 1000.0) as u64 + 1000);
    let values = |job: &str| Values {
        rate_interval: range.clone(),
        range: range.clone(),
        job: job.into(),
        ..Values::default()
    };
    let last_s = ["landfall", "truth"].map(|job| {
        let expr = format!("timestamp(up{{job=\"{job}\"}})");
        let last = day.prometheus.query(&expr, to_s).expect("a scrape");
        last[0].value
    });
    let mut findings = Vec::new();
    let mut held = 0;
    println!("Queries that answer the same of Landfall and of the truth:");
    for (of_landfall, of_truth) in queries(&values("landfall"))
        .iter()
        .zip(queries(&values("truth")))
    {
        let names = metrics_of(&of_landfall.expr);
        let by_the_way = |word: &&str| of_landfall.expr.contains(*word);
        if names.is_empty() || !names.is_subset(&known) || BY_THE_WAY.iter().any(by_the_way) {
            continue;
        }
        let ask = |expr: &str, at_s: f64| day.prometheus.query(expr, at_s).map(by_labels);
        match (
            ask(&of_landfall.expr, last_s[0]),
            ask(&of_truth.expr, last_s[1]),
        ) {
            (Ok(said), Ok(true_values)) => {
                let differing = differences(&said, &true_values, either);
                println!(
                    "  {:<90} {:>4} series",
                    of_landfall.origin,
                    true_values.len()
                );
                held += 1;
                findings.extend(
                    differing
                        .into_iter()
                        .map(|text| format!("{}: {text}", of_landfall.origin)),
                );
            }
            (said, true_values) => {
                findings.push(format!("{}: {said:?}, {true_values:?}", of_landfall.origin))
            }
        }
    }
    if held < KNOWN_MIN {
        findings.push(format!(
            "only {held} queries are about what the truth knows"
        ));
    }
    println!("{held} queries answer what is true");
    findings.extend(sums(day, to_s, malformed, &total));
    findings
}

/// Counts of which the truth knows the sum alone.
fn sums(day: &MonitoredDay, at_s: f64, malformed: u64, total: &Tally) -> Vec<String> {
    let mut findings = Vec::new();
    for (expr, expected) in [
        (
            r#"sum(landfall_undecodable_total{stream="raw"})"#,
            malformed,
        ),
        (r#"sum(landfall_frames_total{stream="raw"})"#, total.frames),
        // A line that no codec reads is a row too, with nothing in it.
        (
            r#"sum(landfall_check_rows_total{check="schema-validity"})"#,
            total.frames,
        ),
    ] {
        let expr = expr.replace('{', r#"{job="landfall","#);
        let said = day.prometheus.query(&expr, at_s).expect("an answer");
        println!("  {expr} = {expected}");
        if said.len() != 1 || said[0].value != expected as f64 {
            findings.push(format!("{expr} is {said:?}, and {expected} is true"));
        }
    }
    findings
}

fn by_labels(samples: Vec<Sample>) -> BTreeMap<Labels, f64> {
    samples
        .into_iter()
        .map(|mut sample| {
            sample.labels.remove("job");
            (sample.labels, sample.value)
        })
        .collect()
}

fn differences(
    said: &BTreeMap<Labels, f64>,
    true_values: &BTreeMap<Labels, f64>,
    either: f64,
) -> Vec<String> {
    let labels: BTreeSet<&Labels> = said.keys().chain(true_values.keys()).collect();
    let mut differing = Vec::new();
    for labels in labels {
        let (said, truth) = (said.get(labels), true_values.get(labels));
        let same = match (said, truth) {
            (Some(said), Some(truth)) => {
                (said.is_nan() && truth.is_nan()) || (said - truth).abs() <= ROUNDING + either
            }
            _ => false,
        };
        if !same {
            differing.push(format!(
                "{labels:?}: Landfall says {said:?}, the truth {truth:?}"
            ));
        }
    }
    differing
}

/// Names of metrics in a query.
fn metrics_of(expr: &str) -> BTreeSet<String> {
    let ends = |char: char| !(char.is_ascii_alphanumeric() || char == '_' || char == ':');
    expr.split(ends)
        .filter(|word| word.starts_with("landfall_") || *word == "ALERTS" || *word == "up")
        .map(str::to_owned)
        .collect()
}
