//! Alerts about the engine: frontiers, threads, the clock, and whether every event is accounted for.

use crate::prometheus::owners::Owner;
use crate::prometheus::promql::{bridged, increase};
use crate::prometheus::rule::{Alert, Severity};
use crate::prometheus::summary::counting;
use crate::prometheus::time::{Scale, Span};

/// Real seconds that a frontier may lag: it moves several times a second.
const LAG_SECONDS: u32 = 60;
/// Real seconds of lag that page: a dead writer is reported later by as much.
const LAG_SECONDS_FAR: u32 = 300;

/// A step of the system's clock, not drift: Landfall's clock runs as fast as the system's.
const OFFSET_SECONDS: u32 = 30;

pub fn alerts(scale: Scale) -> Vec<Alert> {
    // The lag is by Landfall's clock, which may be sped up; what causes it goes by real time.
    let lag = |seconds: u32| {
        format!(
            "landfall_frontier_lag_seconds / ignoring (stream) group_left () landfall_clock_speed_ratio > {seconds}"
        )
    };
    let offset = format!(
        "abs({}) > {OFFSET_SECONDS}",
        bridged("landfall_clock_offset_seconds", scale)
    );
    let imbalance = format!(
        "{} > 0",
        increase(
            "landfall_conservation_imbalance_events_total",
            scale,
            Span::hours(1)
        )
    );
    let behind = |name, severity, seconds| {
        Alert::itself(
            name,
            severity,
            Owner::Landfall.of(&lag(seconds), &["stream"]),
        )
        .hold(Span::minutes(5))
        .summary(
            "Landfall at {{ $labels.instance }} is {{ $value | humanizeDuration }} behind with {{ $labels.stream }}: missing events are reported that much later. Next: curl http://{{ $labels.instance }}/readyz, and the log, which names a codec that fails or a thread that stands",
        )
    };
    vec![
        behind("LandfallFarBehind", Severity::Page, LAG_SECONDS_FAR),
        behind("LandfallBehind", Severity::Ticket, LAG_SECONDS),
        Alert::itself(
            "LandfallThreadStuck",
            Severity::Ticket,
            Owner::Landfall.of("landfall_thread_standing_seconds > 0", &["thread"]),
        )
        .hold(Span::minutes(5))
        .summary(
            "The thread {{ $labels.thread }} of Landfall at {{ $labels.instance }} has been at one piece of work for {{ $value }} s: what comes after it waits. Next: see the log; if it does not go on, restart, and report it",
        ),
        Alert::itself(
            "LandfallClockOffset",
            Severity::Ticket,
            Owner::Landfall.of(&offset, &[]),
        )
        .hold(Span::minutes(15))
        .summary(
            "The system's clock at {{ $labels.instance }} is {{ $value | humanizeDuration }} away from Landfall's: it was stepped. Next: restart Landfall at a quiet time",
        ),
        Alert::itself(
            "LandfallImbalance",
            Severity::Ticket,
            Owner::Landfall.of(&imbalance, &[]),
        )
        .summary(
            counting(
                "Closed windows are out of balance by ",
                "event",
                " at {{ $labels.instance }}: Landfall itself is wrong. Next: keep its log and its store, and report it; the log names window and schema",
            ),
        ),
    ]
}
