//! How long events take from their arrival to their landing.

use super::overview::now;
use crate::grafana::build::{Column, Draft, unit};
use crate::grafana::colours::{BAD, NEUTRAL, SEVERITIES, of};
use crate::grafana::expr::*;
use crate::grafana::layout::Section;
use crate::grafana::titles;

const LATENCY: &str = "landfall_delivery_latency_seconds";

/// The error of a percentile depends on the buckets.
const ROUGH: &str = "A percentile is only as exact as its bucket is wide: docs/METRICS.md says how far off it can be, metrics.latency_buckets makes it finer.";

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

/// Verdicts of the events that an objective is about, as the rules have them.
const EXPECTED: &str = r#"verdict=~"delivered|late|altered|missing|unconfirmed""#;

fn objectives() -> Draft {
    let by_schema = |of: &str| sum_by("schema", of);
    let target = max_by(
        "check, schema",
        &all("landfall_delivery_objective_ratio", &[SCHEMA]),
    );
    let late_counts = max_by(
        "check, schema",
        &all("landfall_delivery_objective_late_counts", &[SCHEMA]),
    );
    let expected = by_schema(&grown("landfall_events_total", &[EXPECTED, SCHEMA]));
    let (delivered, late) = (now("delivered", by_schema), now("late", by_schema));
    let left = |good: &str, which: &str| {
        format!(
            "1 - (1 - {good}\n  / ({expected} > 0))\n  / on (schema) group_right () (1 - ({target} {which} {late_counts} == 1))"
        )
    };
    let either = format!(
        "{}\nor\n{}",
        left(&delivered, "unless"),
        left(&format!("({delivered} + {late})"), "and")
    );
    Draft::table("Delivery objectives", "What each delivery objective asks for, and how much of its budget of failures the chosen time has left: 100 % is no failure at all, below 0 the objective is not met.")
        .columns(&[("check", "check"), ("schema", "schema")], vec![
            Column::new("objective", unit::RATIO, target.clone()).decimals(2),
            Column::new("late counts", unit::NUMBER, late_counts.clone())
                .states(&[("0", "as failed", "text"), ("1", "as delivered", "text")]),
            Column::new("budget left", unit::RATIO, either).decimals(1).marked_below(0.0, BAD),
        ])
        .no_value("no objective is set")
        .see("finding")
}
