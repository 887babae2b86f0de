//! Panels about events: what came in, which verdicts they got, and what is overdue.

use crate::grafana::build::{Column, Draft, unit};
use crate::grafana::colours::{self, BAD, GOOD, NEUTRAL, VERDICTS, WAITING, WARNING, of};
use crate::grafana::expr::*;
use crate::grafana::layout::Section;
use crate::grafana::titles;

pub fn section() -> Section {
    Section::new(
        "What came in, and what became of it",
        vec![
            raw(),
            verdicts(),
            by_schema(),
            wrong(),
            rows(),
            revised(),
            accounted(),
        ],
    )
}

fn raw() -> Draft {
    let metric = "landfall_raw_events_total";
    Draft::graph(titles::RAW, "Raw events a second, of the ten busiest schemas of the chosen time and of all together. Nothing at all over the usual traffic is a source that is silent or cut off.")
        .ask("all schemas", sum(&rate(metric, &[SCHEMA])))
        .ask("{{schema}}", top_rates("schema", metric, &[SCHEMA]))
        .unit(unit::EVENTS_PER_SECOND)
        .override_name("all schemas", &[("color", serde_json::json!({ "fixedColor": NEUTRAL, "mode": "fixed" }))])
        .see("silent")
}

fn verdicts() -> Draft {
    Draft::graph(titles::VERDICTS, "Raw events a second by the verdict that they were first given. Only delivered, rejected and repeated are as they should be.")
        .ask("{{verdict}}", sum_by("verdict", &rate("landfall_events_total", &[SCHEMA])))
        .unit(unit::EVENTS_PER_SECOND)
        .stacked()
        .named(&VERDICTS)
        .see("what-the-incidents-mean")
}

fn by_schema() -> Draft {
    let events = |verdict: &str| {
        let matcher = format!(r#"verdict="{verdict}""#);
        let given = sum_by(
            "schema",
            &grown("landfall_events_total", &[&matcher, SCHEMA]),
        );
        format!("round({given})")
    };
    let colour = |verdict| of(&VERDICTS, verdict);
    let column = |verdict| Column::new(verdict, unit::NUMBER, events(verdict)).decimals(0);
    let raw = sum_by("schema", &grown("landfall_raw_events_total", &[SCHEMA]));
    let owners = max_by(
        "schema, owner",
        &all("landfall_schema_owner_info", &[SCHEMA]),
    );
    let buckets = grown("landfall_delivery_latency_seconds_bucket", &[SCHEMA]);
    let p99 = format!(
        "histogram_quantile(0.99, {})",
        sum_by("le, schema", &buckets)
    );
    let mut columns = vec![
        Column::new("raw events", unit::NUMBER, format!("round({raw})")).decimals(0),
        Column::new("missing now", unit::NUMBER, missing_now("schema")).marked_from(1.0, BAD),
        Column::new(
            "waiting",
            unit::NUMBER,
            sum_by("schema", &all("landfall_pending_events", &[SCHEMA])),
        ),
    ];
    for (verdict, _) in VERDICTS {
        let column = column(verdict);
        let good = ["delivered", "rejected", "repeated"].contains(&verdict);
        columns.push(if good {
            column
        } else {
            column.marked_from(1.0, colour(verdict))
        });
    }
    columns.push(Column::new("p99", unit::SECONDS, p99));
    columns.push(Column::new("known", unit::NUMBER, owners).hidden());
    Draft::table(titles::BY_SCHEMA, "What came in over the chosen time, by schema and first verdict. Counts are estimated at both ends of the time; missing now and waiting are exact, since Landfall's start.")
        .columns(&[("schema", "schema"), ("owner", "owner")], columns)
        .sorted("missing now")
        .leads_to("schema", "landfall-operators")
        .span(24, 10)
        .see("what-the-incidents-mean")
}

fn wrong() -> Draft {
    let matcher = r#"verdict!~"delivered|rejected|repeated""#;
    Draft::graph(
        "What went wrong",
        "Events a second of the verdicts that are not as they should be. Nothing is good.",
    )
    .ask(
        "{{verdict}}",
        sum_by(
            "verdict",
            &rate("landfall_events_total", &[matcher, SCHEMA]),
        ),
    )
    .unit(unit::EVENTS_PER_SECOND)
    .named(&VERDICTS)
    .span(8, 8)
    .see("what-the-incidents-mean")
}

fn rows() -> Draft {
    let by = |metric: &str| sum(&rate(metric, &[SCHEMA]));
    Draft::graph("Rows that no event explains", "Rows a second that landed beyond those that a key is owed, or without a raw event, delivered events that may have been late, and rejected events that may have landed unseen. Nothing is good, but for the first minutes after a start.")
        .ask("duplicate", by("landfall_duplicates_total"))
        .ask("unexpected", by("landfall_unexpected_total"))
        .ask("unwatched", by("landfall_unwatched_rows_total"))
        .ask("explained later", by("landfall_unexpected_explained_total"))
        .ask("doubtful", by("landfall_doubtful_events_total"))
        .ask("rejected unseen", by("landfall_rejected_unseen_events_total"))
        .unit(unit::ROWS_PER_SECOND)
        .named(&[
            ("duplicate", of(&colours::CAUSES, "duplicate")),
            ("unexpected", of(&colours::CAUSES, "unexpected")),
            ("unwatched", of(&colours::CAUSES, "unwatched")),
            ("explained later", GOOD),
            ("doubtful", WARNING),
            ("rejected unseen", WARNING),
        ])
        .span(8, 8)
        .see("duplicate")
}

fn revised() -> Draft {
    Draft::graph("Verdicts that were revised", "Verdicts a second that were taken back: from missing to late is an event that landed after all, as after a backfill.")
        .ask("{{from}} to {{to}}", sum_by("from, to", &rate("landfall_verdicts_revised_total", &[SCHEMA])))
        .unit(unit::EVENTS_PER_SECOND)
        .span(8, 8)
        .see("backfill")
}

fn accounted() -> Draft {
    let given = sum(&all("landfall_events_total", &[SCHEMA]));
    let back = sum(&all(
        "landfall_verdicts_revised_total",
        &[r#"to="pending""#, SCHEMA],
    ));
    let waiting = sum(&all("landfall_pending_events", &[SCHEMA]));
    Draft::graph(titles::ACCOUNTED, "Raw events since Landfall's start, and those that have a verdict or wait for one. Both lines are one, but for what is being judged; they begin anew at a restart.")
        .ask("raw events", sum(&all("landfall_raw_events_total", &[SCHEMA])))
        .ask("with a verdict, or waiting", format!("{given}\n  - {}\n  + {waiting}", or_zero(&back, &given)))
        .named(&[("raw events", NEUTRAL), ("with a verdict, or waiting", GOOD)])
        .with_values()
        .span(24, 6)
}

pub fn overdue() -> Section {
    Section::new(
        "Overdue, late, missing",
        vec![missing(), late(), lost(), waiting(), oldest(), removed()],
    )
}

fn missing() -> Draft {
    let overdue = max_by(
        "schema",
        &format!(
            "max_over_time({}[$__range] @ end())",
            all("landfall_overdue_events", &[SCHEMA])
        ),
    );
    Draft::graph(titles::MISSING, "Events that went missing since Landfall's start and have not landed since, of all schemas and of the ten that had most. 0 is good; it falls when what was lost lands after all, and begins anew at a restart.")
        .ask("all schemas", sum(&missing_now("schema")))
        .ask("{{schema}}", top("schema", &missing_now("schema"), &overdue))
        .override_name("all schemas", &[("color", serde_json::json!({ "fixedColor": BAD, "mode": "fixed" }))])
        .see("backfill")
}

fn late() -> Draft {
    let late = |of: fn(&str, &[&str]) -> String| {
        let first = sum_by(
            "schema",
            &of("landfall_events_total", &[r#"verdict="late""#, SCHEMA]),
        );
        let revised = sum_by(
            "schema",
            &of("landfall_verdicts_revised_total", &[r#"to="late""#, SCHEMA]),
        );
        format!("({first} + {})", or_zero(&revised, &first))
    };
    Draft::graph("Late by schema", "Events a second that landed after their deadline, of the ten schemas with most. If they are late soon after, the deadline is too short.")
        .ask("{{schema}}", top("schema", &late(rate), &late(grown_in_all)))
        .unit(unit::EVENTS_PER_SECOND)
        .see("loss")
}

fn lost() -> Draft {
    Draft::graph("Went missing by schema", "Events a second that did not land before their deadline, of the ten schemas with most. Nothing is good; `landfall missing --by schema` has all.")
        .ask("{{schema}}", top_rates("schema", "landfall_events_total", &[r#"verdict="missing""#, SCHEMA]))
        .unit(unit::EVENTS_PER_SECOND)
        .see("loss")
}

fn waiting() -> Draft {
    Draft::graph(titles::WAITING, "Events without a verdict, of all schemas and of the ten that had most. A line that only rises is a writer that does not write.")
        .ask("all schemas", sum(&all("landfall_pending_events", &[SCHEMA])))
        .ask("{{schema}}", top_gauges("schema", "landfall_pending_events", &[SCHEMA]))
        .override_name("all schemas", &[("color", serde_json::json!({ "fixedColor": WAITING, "mode": "fixed" }))])
        .see("stalled")
}

fn oldest() -> Draft {
    Draft::graph("Oldest wait over time", "How long the oldest event that is to land has been waiting, by Landfall's clock. A saw's teeth as long as the writer's batches are good, a slope is a stall.")
        .ask("{{instance}}", max_by("instance", &all("landfall_oldest_pending_age_seconds", &[])))
        .unit(unit::SECONDS)
        .see("stalled")
}

fn removed() -> Draft {
    Draft::graph("Removed before they landed", "Missing events a second that the store removed, so that no backfill has them: older than store.keep, or beyond store.missing_max. Nothing is good.")
        .ask("{{setting}}", sum_by("setting", &rate("landfall_missing_removed_total", &[])))
        .unit(unit::EVENTS_PER_SECOND)
        .coloured(BAD)
        .see("a-wrong-date")
}
