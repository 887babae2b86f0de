//! Alerts about presence: whether Landfall runs, is scraped, and sees both streams.

use crate::prometheus::owners::Owner;
use crate::prometheus::promql::{bridged, increase, indented, quoted};
use crate::prometheus::rule::{Alert, Recording, Severity};
use crate::prometheus::summary::counting;
use crate::prometheus::time::{Scale, Span};

/// Long enough to restart a machine or replace a program. Landfall serves HTTP at once when it starts.
const START: Span = Span::minutes(10);

/// Most series are there only when all checks are compiled: that takes `compile.time_max` for each four of them,
/// if none of their code is cached.
const FIRST_START: Span = Span::minutes(20);

/// Starts within an hour that are no coincidence.
const STARTS_MANY: u32 = 3;

/// Changes between scrapes that work and scrapes that fail, as of more than two outages in an hour.
const SCRAPE_CHANGES_MANY: u32 = 5;

/// Connections lost within an hour that are no coincidence.
const DISCONNECTS_MANY: u32 = 5;

/// A series that Landfall has once its start is over, whatever its configuration is.
#[derive(Clone, Copy, Debug)]
pub struct ExpectedSeries {
    pub selector: &'static str,
    /// The labels that it has beside those of its target.
    pub labels: &'static str,
}

const fn series(selector: &'static str, labels: &'static str) -> ExpectedSeries {
    ExpectedSeries { selector, labels }
}

/// The series that the alerts need: without them they would never fire.
pub const EXPECTED_SERIES: [ExpectedSeries; 29] = [
    series("landfall_incidents_open{cause=\"stalled\"}", "cause"),
    series("landfall_incidents_open{cause=\"loss\"}", "cause"),
    series("landfall_incidents_open{cause=\"altered\"}", "cause"),
    series("landfall_incidents_open{cause=\"leaked\"}", "cause"),
    series("landfall_incidents_open{cause=\"duplicate\"}", "cause"),
    series("landfall_incidents_open{cause=\"unexpected\"}", "cause"),
    series("landfall_incidents_open{cause=\"unjudged\"}", "cause"),
    series("landfall_incidents_open{cause=\"silent\"}", "cause"),
    series("landfall_incidents_open{cause=\"finding\"}", "cause"),
    series(
        "landfall_events_total{verdict=\"missing\"}",
        "verdict, schema",
    ),
    series(
        "landfall_events_total{verdict=\"delivered\"}",
        "verdict, schema",
    ),
    series(
        "landfall_source_connected{stream=\"raw\"}",
        "stream, endpoint",
    ),
    series(
        "landfall_source_connected{stream=\"written\"}",
        "stream, endpoint",
    ),
    series("landfall_frames_total", "stream, endpoint"),
    series("landfall_frames_refused_total", "stream, endpoint, kind"),
    series("landfall_frontier_lag_seconds{stream=\"raw\"}", "stream"),
    series(
        "landfall_frontier_lag_seconds{stream=\"written\"}",
        "stream",
    ),
    series("landfall_ready", "part"),
    series("landfall_store_failing", ""),
    series("landfall_store_disk_available_bytes", ""),
    series("landfall_spool_bytes", ""),
    series("landfall_spool_limit_bytes", ""),
    series("landfall_ledger_entries", ""),
    series("landfall_ledger_entries_limit", ""),
    series("landfall_conservation_imbalance_events_total", ""),
    series("landfall_schemas_stale", ""),
    series("landfall_clock_offset_seconds", ""),
    series("landfall_clock_speed_ratio", ""),
    series("landfall_process_start_time_seconds", ""),
];

/// The targets that answer, by each expected series that they lack.
const ABSENT_SERIES: &str = "instance_series:landfall_absent_series:up";

fn up(job: &str) -> String {
    format!("up{{job={}}}", quoted(job))
}

pub fn recordings(job: &str) -> Vec<Recording> {
    let up = up(job);
    let absent: Vec<String> = EXPECTED_SERIES
        .iter()
        .map(|series| {
            format!(
                "label_replace({up} == 1 unless ignoring ({}) {}, \"series\", {}, \"\", \"\")",
                series.labels,
                series.selector,
                // The summary is for people, and quotes in quotes are hard to read.
                quoted(&series.selector.replace('"', ""))
            )
        })
        .collect();
    vec![Recording {
        name: ABSENT_SERIES.to_owned(),
        expr: format!(
            "(\n{}\n)\nand ignoring (series, version) landfall_build_info",
            indented(&absent.join("\nor\n"))
        ),
    }]
}

pub fn alerts(job: &str, scale: Scale) -> Vec<Alert> {
    let up = up(job);
    let mut alerts = targets(&up, scale);
    alerts.extend(views(scale));
    alerts
}

/// Alerts about Landfall being absent, or not scraped.
fn targets(up: &str, scale: Scale) -> Vec<Alert> {
    let hour = scale.of(Span::hours(1));
    let absent = format!(
        "{}\nor\n{}",
        Owner::Landfall.of(
            &format!(
                "{up} == 0\nor\n(\n  {up} == 1\n  unless ignoring (version)\n  landfall_build_info\n)"
            ),
            &[]
        ),
        Owner::Job.of(&format!("absent({up})"), &[])
    );
    let fewer = format!(
        "count without (instance) ({up})\n<\ncount without (instance) ({up} offset {hour})"
    );
    let restarts = format!("changes(landfall_process_start_time_seconds[{hour}]) > {STARTS_MANY}");
    // An outage, or a start that takes long, is one alert.
    let scrapes = format!(
        "100 * avg_over_time({up}[{hour}]) < 70\nand changes({up}[{hour}]) > {SCRAPE_CHANGES_MANY}"
    );
    vec![
        Alert::itself(
            "LandfallAbsent",
            Severity::Page,
            absent,
        )
        .hold(START)
        .summary(
            "Landfall does not answer{{ with $labels.instance }} at {{ . }}{{ end }}, so nobody would see that events are lost. Next: see its log and its exit code, and start it: landfall run",
        ),
        Alert::itself(
            "LandfallFewerInstances",
            Severity::Ticket,
            Owner::Job.of(&fewer, &[]),
        )
        .hold(Span::minutes(15))
        .summary(
            "Fewer instances of Landfall are scraped than an hour ago: {{ $value }}. Next: compare the targets of Prometheus with what is to run",
        ),
        Alert::itself(
            "LandfallSeriesAbsent",
            Severity::Ticket,
            Owner::Landfall.of(ABSENT_SERIES, &["series"]),
        )
        .hold(FIRST_START)
        .summary(
            "Landfall at {{ $labels.instance }} is scraped, and has no series {{ $labels.series }}: alerts that need it cannot fire. Next: compare the versions of rules and program, and relabelling: landfall ops prometheus",
        ),
        Alert::itself(
            "LandfallRestarts",
            Severity::Ticket,
            Owner::Landfall.of(&restarts, &[]),
        )
        .summary(
            counting(
                "Landfall at {{ $labels.instance }} has started ",
                "time",
                " within an hour; each start forgets the events that wait. Next: see its log and its exit code",
            ),
        ),
        Alert::itself(
            "LandfallScrapesFail",
            Severity::Ticket,
            Owner::Landfall.of(&scrapes, &[]),
        )
        .hold(Span::minutes(10))
        .summary(
            "Only {{ $value | printf \"%.0f\" }} % of the scrapes of {{ $labels.instance }} worked within an hour, and again and again none did. Next: see scrape_timeout, the network, and whether Landfall restarts",
        ),
    ]
}

/// Alerts about streams that Landfall does not see.
fn views(scale: Scale) -> Vec<Alert> {
    let hour = Span::hours(1);
    let connected = "landfall_source_connected == 0";
    let flaps = format!(
        "{}\n+\n{}\n> {DISCONNECTS_MANY}",
        increase("landfall_source_disconnects_total", scale, hour),
        increase("landfall_source_protocol_errors_total", scale, hour)
    );
    let not_ready = format!("{} == 0", bridged("landfall_ready", scale));
    vec![
        Alert::itself(
            "LandfallNotConnected",
            Severity::Page,
            Owner::Landfall.of(connected, &["stream", "endpoint"]),
        )
        .hold(Span::minutes(2))
        .summary(
            "Landfall at {{ $labels.instance }} is not connected to {{ $labels.endpoint }} ({{ $labels.stream }}): it does not see what is published there. Next: curl http://{{ $labels.instance }}/readyz says why",
        ),
        Alert::itself(
            "LandfallConnectionFlaps",
            Severity::Ticket,
            Owner::Landfall.of(&flaps, &["stream", "endpoint"]),
        )
        .summary(
            counting(
                "The connection to {{ $labels.endpoint }} ({{ $labels.stream }}) was lost ",
                "time",
                " within an hour, or ended because of what the peer sent; what is published meanwhile is not seen. Next: see the publisher and the log",
            ),
        ),
        Alert::itself(
            "LandfallNotReady",
            Severity::Ticket,
            Owner::Landfall.of(&not_ready, &["part"]),
        )
        .hold(Span::minutes(15))
        .summary(
            "{{ $labels.part }} of Landfall at {{ $labels.instance }} is not ready. Next: curl http://{{ $labels.instance }}/readyz says why",
        ),
    ]
}
