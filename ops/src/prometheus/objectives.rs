//! Delivery objectives: alerts by the burn rate of the error budget, over a long window and a short one (the Site
//! Reliability Workbook, chapter 5), and beside them one that counts, for schemas with so few events that a rate has no
//! meaning.

use super::incidents::{EXPECTED, LOOK, MANY_LOST, PIPELINE_STALLED, SCHEMA_STALLED, events};
use super::owners::Owner;
use super::promql::{increase, indented};
use super::rule::{Alert, Recording, Severity};
use super::time::{Scale, Span};

/// Expected events that did not land in time and unchanged. Each counts once: also one that was missing and
/// landed later.
const FAILED: &str = "late|altered|missing|unconfirmed";

/// A share of fewer failures is chance, and no reason to page.
const FAILURES_MIN: u32 = 10;

/// A schema with fewer expected events a day is quiet: ten failures would be more than one in a hundred.
const QUIET_EVENTS_A_DAY: u32 = 1000;
/// The same for an hour: in the first day of a busy schema less than a day has been counted.
const QUIET_EVENTS_AN_HOUR: u32 = 100;

/// A loss of nine in ten fires whatever the objective: with a target under 93 % a burn rate of 14.4 would be more than
/// all events.
const SHARE_MAX: &str = "0.9";

const MINUTES_5: Span = Span::minutes(5);
const MINUTES_30: Span = Span::minutes(30);
const HOUR: Span = Span::hours(1);
const HOURS_6: Span = Span::hours(6);
const DAY: Span = Span::days(1);
const DAYS_3: Span = Span::days(3);

/// Windows whose counts change so slowly that they are recorded less often.
const LONG: [Span; 2] = [DAY, DAYS_3];

fn expected(over: Span) -> String {
    format!("schema:landfall_expected_events:increase{}", over.name())
}

fn failed(over: Span) -> String {
    format!("schema:landfall_failed_events:increase{}", over.name())
}

/// Failed events without those that landed late: for objectives in which these count as delivered.
fn failed_not_late(over: Span) -> String {
    format!(
        "schema:landfall_failed_not_late_events:increase{}",
        over.name()
    )
}

fn lost(over: Span) -> String {
    format!("schema:landfall_lost_events:increase{}", over.name())
}

fn recovered(over: Span) -> String {
    format!("schema:landfall_recovered_events:increase{}", over.name())
}

fn counts(scale: Scale, over: Span) -> [Recording; 3] {
    [
        Recording {
            name: expected(over),
            expr: events(EXPECTED, scale, over),
        },
        Recording {
            name: failed(over),
            expr: events(FAILED, scale, over),
        },
        Recording {
            name: failed_not_late(over),
            // Also of what was missing first: that is among the failed, and then it is late.
            expr: format!(
                "clamp_min(\n  {}\n  -\n{},\n  0\n)",
                failed(over),
                indented(&events("late", scale, over))
            ),
        },
    ]
}

/// Counts by schema that are recorded at every evaluation.
pub fn recordings(scale: Scale) -> Vec<Recording> {
    [MINUTES_5, MINUTES_30, HOUR, HOURS_6]
        .into_iter()
        .flat_map(|over| counts(scale, over))
        .chain(
            BURNS
                .iter()
                .flat_map(|burn| burn.pairs)
                .map(|pair| pair.recording(scale)),
        )
        .collect()
}

/// Counts by schema over long windows.
pub fn long_recordings(scale: Scale) -> Vec<Recording> {
    let mut recordings: Vec<Recording> = LONG
        .into_iter()
        .flat_map(|over| counts(scale, over))
        .collect();
    recordings.push(Recording {
        name: lost(DAY),
        expr: events("missing", scale, DAY),
    });
    let revised = increase(
        "landfall_verdicts_revised_total{from=\"missing\"}",
        scale,
        DAY,
    );
    recordings.push(Recording {
        name: recovered(DAY),
        expr: format!("sum without (from, to) ({revised})"),
    });
    recordings
}

/// The pairs of windows of the Workbook, and whether they page. What burns fast burns at the middle rate too: both are
/// one page, which goes on when the short windows of the first are over.
const BURNS: [Burn; 2] = [
    Burn {
        name: "LandfallObjectiveBurns",
        severity: Severity::Page,
        pairs: &[
            Pair {
                rate: "14.4",
                long: HOUR,
                short: MINUTES_5,
                outage_excluded: HOUR,
            },
            Pair {
                rate: "6",
                long: HOURS_6,
                short: MINUTES_30,
                outage_excluded: HOURS_6,
            },
        ],
        pace: "that is six times as many as the objective of {{ $labels.check }} allows, or more, or nine in ten",
    },
    Burn {
        name: "LandfallObjectiveBurnsSlowly",
        severity: Severity::Ticket,
        pairs: &[Pair {
            rate: "1",
            long: DAYS_3,
            short: HOURS_6,
            outage_excluded: HOURS_6,
        }],
        pace: "within three days that is as many as the objective of {{ $labels.check }} allows, or more",
    },
];

pub fn alerts(scale: Scale) -> Vec<Alert> {
    let mut alerts: Vec<Alert> = BURNS.iter().map(Burn::alert).collect();
    alerts.push(quiet(scale));
    alerts
}

/// An alert: it fires if any of its pairs of windows burns.
struct Burn {
    name: &'static str,
    severity: Severity,
    pairs: &'static [Pair],
    pace: &'static str,
}

/// A pair of windows, and the burn rate from which on they fire.
struct Pair {
    rate: &'static str,
    long: Span,
    short: Span,
    /// For how long after an outage its failures do not fire again. For a page it is the whole long window: one event
    /// that fails would make all of them fire once more.
    outage_excluded: Span,
}

impl Pair {
    /// The share of failed events by check and schema, where the burn rate is higher. If an objective does not define
    /// whether late events count as delivered, they do not.
    fn share_over(&self, window: Span, failures_min: u32) -> String {
        let late_counts = "landfall_delivery_objective_late_counts == 1";
        let over = |failed: String, which: &str| {
            format!(
                "({failed} >= {failures_min}) / {}\n> ignoring (check) group_right ()\nclamp_max({} * (1 - (landfall_delivery_objective_ratio {which} {late_counts})), {SHARE_MAX})",
                expected(window),
                self.rate
            )
        };
        format!(
            "{}\nor\n{}",
            over(failed(window), "unless"),
            over(failed_not_late(window), "and")
        )
    }

    fn condition(&self) -> String {
        format!(
            "check_schema:landfall_burning_objective:ratio{}",
            self.long.name()
        )
    }

    /// Excludes what an outage used up: it had alerts of its own.
    fn recording(&self, scale: Scale) -> Recording {
        let outage_excluded = scale.of(self.outage_excluded);
        Recording {
            name: self.condition(),
            expr: format!(
                "(\n{}\n)\nand\n(\n{}\n)\nunless ignoring (check) last_over_time({MANY_LOST}[{outage_excluded}])\nunless ignoring (check) last_over_time({SCHEMA_STALLED}[{outage_excluded}])\nunless ignoring (check, schema) max_over_time({PIPELINE_STALLED}[{outage_excluded}]) > 0",
                indented(&self.share_over(self.long, FAILURES_MIN)),
                indented(&self.share_over(self.short, 1))
            ),
        }
    }
}

impl Burn {
    fn alert(&self) -> Alert {
        let conditions: Vec<String> = self.pairs.iter().map(Pair::condition).collect();
        Alert::pipeline(
            self.name,
            self.severity,
            Owner::Schema.of(&conditions.join("\nor\n"), &["check", "schema"]),
        )
        .summary(format!(
            "{{{{ $value | humanizePercentage }}}} of the events of {{{{ $labels.schema }}}} failed to land in time and unchanged: {}. {LOOK}, landfall missing --by hour",
            self.pace
        ))
    }
}

/// Counts losses that are too few for a rate and that no outage explains. It stops firing once the events have landed:
/// nothing is missing now, and either Landfall did not restart within the day, or as many landed as were lost.
fn quiet(scale: Scale) -> Alert {
    let (lost, recovered, day) = (lost(DAY), recovered(DAY), scale.of(DAY));
    let is_quiet = format!(
        "{lost} > 0\nand {} < {QUIET_EVENTS_A_DAY}\nand {} < {QUIET_EVENTS_AN_HOUR}",
        expected(DAY),
        expected(HOUR)
    );
    let landed = format!(
        "landfall_overdue_events <= 0\nand\n(\n  {recovered} >= {lost}\n  or\n  landfall_overdue_events and ignoring (schema) changes(landfall_process_start_time_seconds[{day}]) == 0\n)"
    );
    let outage = format!("max_over_time({PIPELINE_STALLED}[{day}])");
    let expr = format!(
        "{is_quiet}\nunless\n(\n{}\n)\nunless ignoring (schema) {outage} > 0",
        indented(&landed)
    );
    Alert::pipeline(
        "LandfallQuietSchemaLosesEvents",
        Severity::Ticket,
        Owner::Schema.of(&expr, &["schema"]),
    )
    .summary(format!(
        "{{{{ $value | printf \"%.0f\" }}}} of the few events of {{{{ $labels.schema }}}} went missing within a day. {LOOK}, landfall missing --count, landfall backfill --dry-run"
    ))
}
