//! The overview: does everything land, and does Landfall see it?

use crate::grafana::build::{Draft, unit};
use crate::grafana::colours::{BAD, GOOD, NEUTRAL, WARNING};
use crate::grafana::expr::*;
use crate::grafana::layout::Section;
use crate::grafana::{ALERTNAMES, titles};

pub fn section() -> Section {
    Section::new(
        "Does everything land?",
        vec![
            up(),
            incidents(),
            missing(),
            in_time(),
            waiting(),
            oldest(),
            not_connected(),
            not_ready(),
            alerts(),
            imbalance(),
            since(),
            clock(),
        ],
    )
}

fn up() -> Draft {
    Draft::number(
        "Landfall is up",
        "Whether Prometheus reaches every Landfall. Down or absent, nothing below says anything.",
    )
    .ask_now("", r#"min(up{job=~"$job",instance=~"$instance"})"#)
    .states_are(&[("0", "down", BAD), ("1", "up", GOOD)])
    .no_value("absent")
    .see("when-landfall-itself-is-short")
}

fn incidents() -> Draft {
    Draft::number(titles::INCIDENTS_OPEN_NOW, "Incidents that are open now, of all schemas and causes. 0 is good; `landfall incidents --open` names them.")
        .ask_now("", sum(&all("landfall_incidents_open", &[])))
        .thresholds(GOOD, &[(1.0, BAD)])
        .see("what-the-incidents-mean")
}

fn missing() -> Draft {
    Draft::number("Missing now", "Events that went missing since Landfall's start and have not landed since. 0 is good. After a restart it begins anew; `landfall missing --count` knows those of earlier runs too.")
        .ask_now("", sum(&missing_now("schema")))
        .thresholds(GOOD, &[(1.0, BAD)])
        .see("backfill")
}

fn in_time() -> Draft {
    Draft::number("Landed in time, unchanged", "Of the events that were to land and were judged in the chosen time, the share that is delivered. Not judged counts as not delivered. 100 % is good.")
        .ask_now("", in_time_ratio())
        .unit(unit::RATIO)
        .decimals(2)
        .bounds(0.0, Some(1.0))
        .thresholds(BAD, &[(0.99, WARNING), (0.999, GOOD)])
        .no_value("no events")
        .see("loss")
}

/// Verdicts of events that were expected to land. What could not be judged never counts as good.
const OWED: &str = r#"verdict=~"delivered|late|altered|missing|unconfirmed|unjudged""#;

/// The share of delivered events among those that were expected to land.
fn in_time_ratio() -> String {
    ratio(
        &now("delivered", sum),
        &sum(&grown("landfall_events_total", &[OWED, SCHEMA])),
    )
}

/// How many of the events of the chosen time have a verdict now: as it was first given, without those that were revised
/// to another verdict, with those that were revised to this one.
pub fn now(verdict: &str, by: impl Fn(&str) -> String) -> String {
    let verdict = |label: &str| format!(r#"{label}="{verdict}""#);
    let revised = |label| {
        by(&grown(
            "landfall_verdicts_revised_total",
            &[&verdict(label), SCHEMA],
        ))
    };
    let first = by(&grown(
        "landfall_events_total",
        &[&verdict("verdict"), SCHEMA],
    ));
    format!(
        "({first}\n    - {}\n    + {})",
        or_zero(&revised("from"), &first),
        or_zero(&revised("to"), &first)
    )
}

fn waiting() -> Draft {
    Draft::number("Waiting", "Events that came in and have no verdict yet: they wait for their landing or their deadline. As many as come in while the writer collects a batch is good.")
        .ask_now("", sum(&all("landfall_pending_events", &[SCHEMA])))
        .coloured(NEUTRAL)
}

fn oldest() -> Draft {
    Draft::number("Oldest wait", "How long the oldest event that is to land has been waiting, by Landfall's clock. Much less than its deadline is good.")
        .ask_now("", format!("max({})", all("landfall_oldest_pending_age_seconds", &[])))
        .unit(unit::SECONDS)
        .coloured(NEUTRAL)
        .see("stalled")
}

fn not_connected() -> Draft {
    Draft::number("Endpoints not connected", "Endpoints that Landfall cannot read. 0 is good: what passes at one that is not connected Landfall does not see. `/readyz` says why.")
        .ask_now("", format!("sum(1 - {})", all("landfall_source_connected", &[STREAM])))
        .thresholds(GOOD, &[(1.0, BAD)])
        .see("endpoints-that-are-not-connected")
}

fn not_ready() -> Draft {
    Draft::number(
        "Parts not ready",
        "Parts of Landfall that are not ready. 0 is good; `/readyz` says what is the matter.",
    )
    .ask_now("", format!("sum(1 - {})", all("landfall_ready", &[])))
    .thresholds(GOOD, &[(1.0, BAD)])
    .see("when-landfall-itself-is-short")
}

fn alerts() -> Draft {
    let firing = format!(r#"ALERTS{{alertname=~"{ALERTNAMES}",alertstate="firing"}}"#);
    Draft::number("Alerts firing", "Alerts of Landfall's rules that fire now. 0 is good, if Prometheus has loaded the rules; the list is below.")
        .ask_now("", format!("count({firing}) or vector(0)"))
        .thresholds(GOOD, &[(1.0, BAD)])
        .see("alarms")
}

fn imbalance() -> Draft {
    Draft::number("Out of balance", "Events of the windows that closed in the chosen time which the verdicts do not account for. Always 0; anything else is a bug of Landfall: report it.")
        .ask_now("", sum(&grown("landfall_conservation_imbalance_events_total", &[])))
        .thresholds(GOOD, &[(0.5, BAD)])
}

fn since() -> Draft {
    Draft::number("Started", "When the Landfall that has run for the shortest time was started. What is counted since the start begins there.")
        .ask_now("", format!("max({}) * 1000", all("landfall_process_start_time_seconds", &[])))
        .unit(unit::SINCE)
        .coloured(NEUTRAL)
}

fn clock() -> Draft {
    Draft::number("Landfall's clock", "What Landfall's clock reads: the times of incidents and windows are by it. In a replay it is not the time of this dashboard.")
        .ask_now("", format!("max({}) * 1000", all("landfall_clock_seconds", &[])))
        .unit(unit::DATE)
        .coloured(NEUTRAL)
}
