//! Alerts about judging: frames, checks and schemas that fail or are not what they should be.

use crate::prometheus::owners::Owner;
use crate::prometheus::promql::{bridged, increase, increase_or_first, indented};
use crate::prometheus::rule::{Alert, DashboardLink, Severity};
use crate::prometheus::summary::counting;
use crate::prometheus::time::{Scale, Span};

/// A share of a stream's frames that is more than the usual malformed ones.
const UNDECODABLE_SHARE: &str = "0.01";

/// Longer than `compile.time_max` and the wait for one of four slots.
const LOADING: Span = Span::minutes(15);

pub fn alerts(job: &str, scale: Scale) -> Vec<Alert> {
    let mut alerts = versions(scale);
    alerts.extend(faults(job, scale));
    alerts.extend(frames(job, scale));
    alerts
}

/// Alerts about which version of a check judges.
fn versions(scale: Scale) -> Vec<Alert> {
    let of_check = |name, metric: &str, summary: &str| {
        let expr = format!("{} == 1", bridged(metric, scale));
        Alert::itself(name, Severity::Ticket, Owner::Check.of(&expr, &["check"]))
            .hold(LOADING)
            .dashboard(DashboardLink::Checks)
            .summary(summary)
    };
    let schemas = format!("{} > 0", bridged("landfall_schemas_stale", scale));
    vec![
        of_check(
            "LandfallCheckStale",
            "landfall_check_stale",
            "The newest file of the check {{ $labels.check }} does not load at {{ $labels.instance }}, and an older version judges. Next: curl http://{{ $labels.instance }}/readyz says why; fix the file, landfall config check",
        ),
        of_check(
            "LandfallCheckLoading",
            "landfall_check_loading",
            "A newer file of the check {{ $labels.check }} has been compiled for 15 minutes at {{ $labels.instance }}, and an older version judges. Next: see the log; put the former file back, or see compile.time_max",
        ),
        Alert::itself(
            "LandfallSchemasStale",
            Severity::Ticket,
            Owner::Landfall.of(&schemas, &[]),
        )
        .hold(LOADING)
        .summary(
            "Schemas whose newest files do not load at {{ $labels.instance }}, so that older versions judge: {{ $value }}. Next: curl http://{{ $labels.instance }}/readyz names them; fix the files, landfall config check",
        ),
    ]
}

/// Alerts about checks and schemas that fail while they judge.
fn faults(job: &str, scale: Scale) -> Vec<Alert> {
    let hour = Span::hours(1);
    let rows = format!(
        "sum without (kind) (\n  {}\n) > 0",
        increase(
            "landfall_check_rows_faulted_total{kind!=\"schema\"}",
            scale,
            hour
        )
    );
    let suspended = format!(
        "{} > 0",
        increase("landfall_check_suspensions_total", scale, hour)
    );
    let codec = format!(
        "sum without (reason) (\n{}\n) > 0",
        indented(&increase_or_first(
            "landfall_undecodable_total{reason=~\"fault_.*\"}",
            "stream, check, reason",
            job,
            scale,
            hour
        ))
    );
    let schema = format!(
        "{} > 0\nor\n{} > 0",
        increase("landfall_schema_unjudged_total", scale, hour),
        increase("landfall_schema_suspensions_total", scale, hour)
    );
    vec![
        Alert::itself(
            "LandfallCheckFaults",
            Severity::Ticket,
            Owner::Check.of(&rows, &["check"]),
        )
        .dashboard(DashboardLink::Checks)
        .summary(
            counting(
                "The check {{ $labels.check }} failed on ",
                "row",
                " within an hour, and did not judge them. Next: put its former version back; the rows are among the samples of the store. landfall incidents --open",
            ),
        ),
        Alert::itself(
            "LandfallCheckSuspended",
            Severity::Ticket,
            Owner::Check.of(&suspended, &["check"]),
        )
        .dashboard(DashboardLink::Checks)
        .summary(
            counting(
                "The check {{ $labels.check }} was suspended ",
                "time",
                " within an hour, because it kept failing; the events that it should have judged are unjudged. Next: put its former version back. landfall incidents --open",
            ),
        ),
        Alert::itself(
            "LandfallCodecFails",
            Severity::Ticket,
            Owner::Check.of(&codec, &["stream", "check"]),
        )
        .dashboard(DashboardLink::Checks)
        .summary(
            counting(
                "The codec {{ $labels.check }} failed on ",
                "frame",
                " of {{ $labels.stream }} within an hour, and gave up on them; events that landed with them are called missing. Next: put its former version back, and replay the samples",
            ),
        ),
        Alert::itself(
            "LandfallSchemaTooCostly",
            Severity::Ticket,
            Owner::Schema.of(&schema, &["schema"]),
        )
        .summary(
            counting(
                "Validation by the schema {{ $labels.schema }} took too many steps within an hour, and left ",
                "event",
                " unjudged. Next: simplify the schema; the log names it. landfall incidents --open",
            ),
        ),
    ]
}

/// Alerts about frames that are no events.
fn frames(job: &str, scale: Scale) -> Vec<Alert> {
    let hour = Span::hours(1);
    let refused = format!(
        "{} > 0",
        increase("landfall_frames_refused_total", scale, hour)
    );
    let undecodable = format!(
        "sum without (reason) (\n{}\n)\n/ ignoring (check) group_left ()\nsum without (endpoint) (\n  {}\n) > {UNDECODABLE_SHARE}",
        indented(&increase_or_first(
            "landfall_undecodable_total{reason!~\"fault_.*\"}",
            "stream, check, reason",
            job,
            scale,
            hour
        )),
        increase("landfall_frames_total", scale, hour)
    );
    vec![
        Alert::itself(
            "LandfallFramesRefused",
            Severity::Ticket,
            Owner::Landfall.of(&refused, &["stream", "endpoint", "kind"]),
        )
        .summary(
            counting(
                "{{ $labels.endpoint }} ({{ $labels.stream }}) sent ",
                "frame",
                " within an hour that Landfall refuses: {{ $labels.kind }}. Refused written frames may be landings. Next: curl http://{{ $labels.instance }}/readyz names the setting",
            ),
        ),
        Alert::itself(
            "LandfallUndecodable",
            Severity::Ticket,
            Owner::Check.of(&undecodable, &["stream", "check"]),
        )
        .hold(Span::minutes(15))
        .dashboard(DashboardLink::Checks)
        .summary(
            "{{ $value | humanizePercentage }} of the frames of {{ $labels.stream }} within an hour have no key that {{ $labels.check }} could read. Next: see the samples in the store, and streams.{{ $labels.stream }}.codec",
        ),
    ]
}
