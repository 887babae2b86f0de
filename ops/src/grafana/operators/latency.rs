//! How long events take from their arrival to their landing.

use super::overview::in_time_ratio;
use crate::grafana::build::{Column, Draft, unit};
use crate::grafana::colours::{BAD, NEUTRAL, SEVERITIES, of};
use crate::grafana::expr::*;
use crate::grafana::layout::Section;
use crate::grafana::titles;

const LATENCY: &str = "landfall_delivery_latency_seconds";

/// How far off a percentile can be is a matter of the buckets.
const ROUGH: &str = "A percentile is only as exact as its bucket is wide: [METRICS](METRICS.md) says how far off it can be, `metrics.latency_buckets` makes them finer.";

pub fn section() -> Section {
    Section::new(
        "How long it takes",
        vec![percentiles(), heat(), by_schema(), objectives()],
    )
}

fn percentiles() -> Draft {
    let quantile = |q| quantile(q, "", LATENCY, &[SCHEMA]);
    let sum_of = sum(&rate(&format!("{LATENCY}_sum"), &[SCHEMA]));
    let count = sum(&rate(&format!("{LATENCY}_count"), &[SCHEMA]));
    let of = |name| of(&SEVERITIES, name);
    Draft::graph(titles::LATENCY, &format!("From the arrival of an event to its landing, by Landfall's clock, of events that landed. Well below the deadline is good; events that do not land are not in it. {ROUGH}"))
        .ask("p50", quantile("0.5"))
        .ask("p90", quantile("0.9"))
        .ask("p99", quantile("0.99"))
        .ask("mean", ratio(&sum_of, &count))
        .unit(unit::SECONDS)
        .named(&[("p50", of("info")), ("p90", of("warning")), ("p99", of("critical")), ("mean", NEUTRAL)])
        .with_values()
}

fn heat() -> Draft {
    let grown = format!(
        "increase({}[$__rate_interval])",
        all(&format!("{LATENCY}_bucket"), &[SCHEMA])
    );
    Draft::heatmap(titles::HEAT, "How many events landed after how long, by the buckets of the histogram. Two bands are two ways of landing: a writer that collects batches has one as wide as its batches.")
        .ask("{{le}}", sum_by("le", &grown))
}

fn by_schema() -> Draft {
    let ranked = format!(
        "increase({}[$__range] @ end())",
        all(&format!("{LATENCY}_bucket"), &[SCHEMA])
    );
    let ranked = format!(
        "histogram_quantile(0.99, {})",
        sum_by("le, schema", &ranked)
    );
    Draft::graph("Slowest schemas: p99", &format!("The time within which 99 of 100 events of a schema land, of the ten slowest schemas of the chosen time. Compare it with the schema's deadline. {ROUGH}"))
        .ask("{{schema}}", top("schema", &quantile("0.99", "schema", LATENCY, &[SCHEMA]), &ranked))
        .unit(unit::SECONDS)
}

fn objectives() -> Draft {
    let target = max_by(
        "check, schema",
        &all("landfall_delivery_objective_ratio", &[SCHEMA]),
    );
    let attained = in_time_ratio("schema");
    let left = format!("1 - (1 - ({attained}))\n  / on (schema) group_right () (1 - {target})");
    Draft::table("Delivery objectives", "What each delivery objective asks for, and how much of its budget of failures the chosen time has left. Below 0 the objective is not met.")
        .columns(&[("check", "check"), ("schema", "schema")], vec![
            Column::new("objective", unit::RATIO, target).decimals(2),
            Column::new("budget left", unit::RATIO, left).decimals(1).marked_below(0.0, BAD),
        ])
        .no_value("no objective is set")
        .see("finding")
}
