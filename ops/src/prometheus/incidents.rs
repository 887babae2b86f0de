//! Alerts for the causes of incidents.
//!
//! The gauge of open incidents decides whether something is wrong: it counts exactly, knows thresholds, and outlives
//! the increase of any counter. Counters only add which schema or check it is about. Where they show nothing (Landfall
//! has just been started, its series began above 0, incidents stay open for longer than counters look back) the alert
//! fires without that label. The one exception is `without_schema`: it has no incident, and uses counters alone.

use super::owners::Owner;
use super::promql::{increase, indented};
use super::rule::{Alert, DashboardLink, Recording, Severity};
use super::summary::counted;
use super::time::{Scale, Span};

/// How far counters look back: longer than `incidents.clear`, for which an incident stays open after its last event.
pub const RECENT: Span = Span::minutes(15);

/// For how long after a start or a lost connection landings are unexpected without any fault: their raw events came
/// in before. Longer than the usual deadline and `incidents.clear` together.
const AFTERMATH: Span = Span::minutes(30);

/// Recorded counts by schema, over [`RECENT`] and over a shorter time.
const LOST: &str = "schema:landfall_lost_events:increase15m";
const EXPECTED_RECENTLY: &str = "schema:landfall_expected_events:increase15m";
const ALTERED: &str = "schema:landfall_altered_events:increase15m";
const LEAKED: &str = "schema:landfall_leaked_events:increase15m";
const UNJUDGED: &str = "schema:landfall_unjudged_events:increase15m";
const LANDED: &str = "schema:landfall_landed_events:increase15m";
const LANDED_NOW: &str = "schema:landfall_landed_events:increase5m";

/// The series of schemas of which so many events are lost that it pages.
pub const MANY_LOST: &str = "schema:landfall_many_lost_events:increase15m";

/// The targets at which the whole pipeline stalls. The gauge of open incidents counts stalls of single schemas
/// too, and for some minutes those that are over; while anything lands it is not the pipeline.
pub const PIPELINE_STALLED: &str = "instance:landfall_pipeline_stalled:sum";

/// Events that wait, of schemas that stall while others land.
pub const SCHEMA_STALLED: &str = "schema:landfall_stalled_events:sum";

/// Landfall is cut off from all writers, and nothing seems to land. LandfallNotConnected fires for that, and
/// LandfallEventsStalled does not. The recorded stall stays, so objectives are silent for a while after it too.
const CUT_OFF: &str =
    "max without (stream, endpoint) (landfall_source_connected{stream=\"written\"}) == 0";

/// For how long findings may be about what only seemed to be lost: the deadline, a window, and [`RECENT`].
const AFTER_CUT: Span = Span::minutes(45);

/// Verdicts of events that landed.
const WITH_A_ROW: &str = "delivered|late|altered|leaked";

/// So many lost events, and such a share of the expected ones, page whatever the objective is.
const MANY_EVENTS: u32 = 10;
const MANY_SHARE: &str = "0.05";

/// What to do next, whatever it is.
pub const LOOK: &str = "Next: landfall incidents --open";

/// Verdicts of events that were expected to land.
pub const EXPECTED: &str = "delivered|late|altered|missing|unconfirmed";

/// Events of these verdicts, by schema, as they were first given or became.
pub fn events(verdicts: &str, scale: Scale, over: Span) -> String {
    let (is, is_not) = if verdicts.contains('|') {
        ("=~", "!~")
    } else {
        ("=", "!=")
    };
    format!(
        "sum without (verdict, from, to) (\n  {}\n  or\n  {}\n)",
        increase(
            &format!("landfall_events_total{{verdict{is}\"{verdicts}\"}}"),
            scale,
            over
        ),
        increase(
            &format!(
                "landfall_verdicts_revised_total{{to{is}\"{verdicts}\",from{is_not}\"{verdicts}\"}}"
            ),
            scale,
            over
        ),
    )
}

/// Incidents of a cause, where some are open.
fn open(cause: &str) -> String {
    format!("sum without (cause) (landfall_incidents_open{{cause=\"{cause}\"}}) > 0")
}

/// What `found` finds about an open incident, each with its owner, and the bare incident where it finds nothing.
/// `labels` are those that `found` has beside those of the target.
fn attributed(cause: &str, found: &str, labels: &[&str], owner: Owner) -> String {
    let ignored = labels.join(", ");
    let open = open(cause);
    let bare = format!("{open}\nunless ignoring ({ignored}) ({found} > 0)");
    let found = format!("{found} > 0\nand ignoring ({ignored}) ({open})");
    format!(
        "{}\nor\n{}",
        owner.of(&found, labels),
        Owner::Landfall.of(&bare, &[])
    )
}

/// A summary with the number of events or rows of a schema; without a schema, one with the number of open incidents.
fn counted_summary(unit: &str, of_schema: &str, incidents: &str) -> String {
    format!(
        "{{{{ if $labels.schema }}}}{} {of_schema} within 15 minutes{{{{ else }}}}Open incidents of {incidents}: {{{{ $value }}}}{{{{ end }}}}. {LOOK}",
        counted(unit)
    )
}

pub fn recordings(scale: Scale) -> Vec<Recording> {
    let counted = |name: &str, verdicts, over| Recording {
        name: name.to_owned(),
        expr: events(verdicts, scale, over),
    };
    vec![
        counted(LOST, "missing", RECENT),
        counted(EXPECTED_RECENTLY, EXPECTED, RECENT),
        counted(ALTERED, "altered", RECENT),
        counted(LEAKED, "leaked", RECENT),
        counted(UNJUDGED, "unjudged", RECENT),
        counted(LANDED, WITH_A_ROW, RECENT),
        counted(LANDED_NOW, WITH_A_ROW, Span::minutes(5)),
        Recording {
            name: PIPELINE_STALLED.to_owned(),
            expr: format!(
                "{}\nunless sum without (schema) ({LANDED_NOW}) > 0",
                open("stalled")
            ),
        },
        Recording {
            name: SCHEMA_STALLED.to_owned(),
            expr: format!(
                "landfall_pending_events > 0\nunless ({LANDED} > 0)\nand ignoring (schema) (sum without (schema) ({LANDED_NOW}) > 0)\nand ignoring (schema) ({})",
                open("stalled")
            ),
        },
        Recording {
            name: MANY_LOST.to_owned(),
            expr: format!(
                "{LOST} >= {MANY_EVENTS}\nand {LOST} >= {MANY_SHARE} * {EXPECTED_RECENTLY}\nand ignoring (schema) ({})",
                open("loss")
            ),
        },
    ]
}

pub fn alerts(scale: Scale) -> Vec<Alert> {
    let mut alerts = stalls();
    alerts.extend(losses());
    alerts.extend(wrong_rows(scale));
    alerts.extend(blind(scale));
    alerts.push(without_schema(scale));
    alerts
}

/// A template: the answer to a query about the alert's instance, as a whole number.
fn query_template(metric: &str) -> String {
    format!(
        "{{{{ with query (printf `sum({metric}{{job=%q,instance=%q}})` $labels.job $labels.instance) }}}}{{{{ . | first | value | printf \"%.0f\" }}}}{{{{ else }}}}0{{{{ end }}}}"
    )
}

/// The queries in templates, with no label filled in.
pub fn summary_queries() -> Vec<String> {
    QUERIED_METRICS
        .iter()
        .map(|metric| format!("sum({metric}{{job=\"\",instance=\"\"}})"))
        .collect()
}

const QUERIED_METRICS: [&str; 2] = ["landfall_pending_events", "landfall_overdue_events"];

/// Nothing lands: one alert, not one for each schema. Only if other schemas land, alerts are about schemas.
fn stalls() -> Vec<Alert> {
    let [pending, overdue] = QUERIED_METRICS.map(query_template);
    vec![
        Alert::pipeline(
            "LandfallEventsStalled",
            Severity::Page,
            Owner::Landfall.of(
                &format!(
                    "{PIPELINE_STALLED} > 0\nunless ({CUT_OFF})"
                ),
                &[],
            ),
        )
        .hold(Span::minutes(2))
        // Until all that was lost has been counted: an outage is one alert.
        .keep(Span::minutes(20))
        .summary(format!(
            "Nothing lands. Events that wait: {pending}; missing in all, with those of earlier outages: {overdue}. See the writer. {LOOK}; once it writes again, landfall backfill --incident N --dry-run"
        )),
        Alert::pipeline(
            "LandfallSchemaStalled",
            Severity::Page,
            Owner::Schema.of(&format!("{SCHEMA_STALLED} > 0"), &["schema"]),
        )
        // After an outage of all, rare schemas land last.
        .hold(Span::minutes(10))
        .summary(format!(
            "Nothing of {{{{ $labels.schema }}}} lands while others do. Events that wait: {{{{ $value }}}}. {LOOK}; once it lands again, landfall backfill --incident N --dry-run"
        )),
    ]
}

fn losses() -> Vec<Alert> {
    let backfill =
        "landfall missing --incident N --count, landfall backfill --incident N --dry-run";
    vec![
        Alert::pipeline(
            "LandfallManyEventsLost",
            Severity::Page,
            Owner::Schema.of(MANY_LOST, &["schema"]),
        )
        .summary(format!(
            "{} of {{{{ $labels.schema }}}} went missing within 15 minutes while others landed. {LOOK}, {backfill}",
            counted("event")
        )),
        Alert::pipeline(
            "LandfallEventsLost",
            Severity::Ticket,
            attributed(
                "loss",
                LOST,
                &["schema"],
                Owner::Schema,
            ),
        )
        .summary(format!(
            "{}, {backfill}",
            counted_summary(
                "event",
                "of {{ $labels.schema }} went missing",
                "lost events"
            )
        )),
    ]
}

/// What landed, and is not as it should be.
fn wrong_rows(scale: Scale) -> Vec<Alert> {
    let by_schema = |name, cause, found: &str, [unit, of_schema, incidents]: [&str; 3]| {
        Alert::pipeline(
            name,
            Severity::Ticket,
            attributed(cause, found, &["schema"], Owner::Schema),
        )
        .summary(counted_summary(unit, of_schema, incidents))
    };
    vec![
        by_schema(
            "LandfallEventsAltered",
            "altered",
            ALTERED,
            [
                "event",
                "of {{ $labels.schema }} landed with other values",
                "altered events",
            ],
        ),
        by_schema(
            "LandfallEventsLeaked",
            "leaked",
            LEAKED,
            [
                "invalid event",
                "of {{ $labels.schema }} landed",
                "leaked events",
            ],
        ),
        by_schema(
            "LandfallEventsDuplicated",
            "duplicate",
            &increase("landfall_duplicates_total", scale, RECENT),
            [
                "row",
                "too many of {{ $labels.schema }} landed",
                "duplicates",
            ],
        ),
        unexpected(scale),
        by_schema(
            "LandfallEventsUnjudged",
            "unjudged",
            UNJUDGED,
            [
                "event",
                "of {{ $labels.schema }} could not be judged",
                "unjudged events",
            ],
        ),
    ]
}

/// Not soon after a start, however long it takes to be ready, or after a lost connection: then Landfall cannot know
/// better.
fn unexpected(scale: Scale) -> Alert {
    let incident = attributed(
        "unexpected",
        &increase("landfall_unexpected_total", scale, RECENT),
        &["schema"],
        Owner::Schema,
    );
    let aftermath = scale.of(AFTERMATH);
    let start = "landfall_process_start_time_seconds";
    let recent = scale.of(RECENT);
    let expr = format!(
        "(\n{}\n)\nunless ignoring (schema, owner)\n(\n  changes({start}[{aftermath}]) > 0\n  or\n  ({start} unless last_over_time({start}[{recent}] offset {aftermath}))\n  or\n  min without (part) (min_over_time(landfall_ready{{part=\"engine\"}}[{aftermath}])) < 1\n  or\n  sum without (stream, endpoint) (increase(landfall_source_disconnects_total[{aftermath}])) > 0\n)",
        indented(&incident)
    );
    Alert::pipeline("LandfallEventsUnexpected", Severity::Ticket, expr)
        .hold(Span::minutes(1))
        .summary(counted_summary(
            "row",
            "of {{ $labels.schema }} landed of which no event came in",
            "unexpected rows",
        ))
}

/// Alerts that are about no schema and no row.
fn blind(scale: Scale) -> Vec<Alert> {
    let findings = format!(
        "sum without (severity) ({})",
        increase(
            "landfall_check_findings_total{severity!=\"info\"}",
            scale,
            RECENT
        )
    );
    let incident = attributed("finding", &findings, &["check", "reason"], Owner::Check);
    let finding = format!(
        "(\n{}\n)\nunless ignoring (check, reason, owner, stream, endpoint)\n(\n  min_over_time(landfall_source_connected{{stream=\"written\"}}[{}]) < 1\n)",
        indented(&incident),
        scale.of(AFTER_CUT)
    );
    vec![
        Alert::pipeline(
            "LandfallStreamSilent",
            Severity::Page,
            Owner::Landfall.of(&open("silent"), &[]),
        )
        // An endpoint that is not connected has an alert of its own.
        .hold(Span::minutes(2))
        .summary(format!(
            "A stream brings nothing at all, for longer than streams.*.silence. Open incidents of silent streams: {{{{ $value }}}}. {LOOK}"
        )),
        // An endpoint that stays away has a page of its own.
        Alert::pipeline(
            "LandfallUnwatched",
            Severity::Ticket,
            Owner::Landfall.of(&open("unwatched"), &[]),
        )
        .keep(Span::minutes(10))
        .summary(
            "Landfall did not see a stream for a while, and cannot tell what landed meanwhile. Open incidents: {{ $value }}. Next: landfall coverage, then landfall missing --verdict unconfirmed",
        ),
        Alert::pipeline(
            "LandfallCheckFinding",
            Severity::Ticket,
            finding,
        )
        // Windows close one after the other, and each may have a finding or none.
        .keep(Span::minutes(30))
        .dashboard(DashboardLink::Checks)
        .summary(format!(
            "{{{{ if $labels.check }}}}{} of the check {{{{ $labels.check }}}} ({{{{ $labels.reason }}}}) within 15 minutes{{{{ else }}}}Open incidents of findings: {{{{ $value }}}}{{{{ end }}}}. {LOOK}",
            counted("finding")
        )),
    ]
}

/// So many events that name no schema, and such a share of all (within a day: of those that were expected), come from
/// a producer that has lost its schema, and not by chance.
const NAMELESS_EVENTS: u32 = 10;
const NAMELESS_SHARE: &str = "0.01";

/// So many within a day do so whatever their share: from a small producer beside large ones.
const NAMELESS_EVENTS_A_DAY: u32 = 1000;

/// The events that a pipeline refuses because they name no schema.
const NAMELESS: &str = "landfall_events_total{verdict=\"rejected\",schema=\"(none)\"}";
const NAMELESS_OF_A_DAY: &str = "schema:landfall_nameless_events:increase1d";

/// The count over a day, which is recorded at longer intervals.
pub fn long_recordings(scale: Scale) -> Vec<Recording> {
    vec![Recording {
        name: NAMELESS_OF_A_DAY.to_owned(),
        expr: format!(
            "sum without (verdict) ({})",
            increase(NAMELESS, scale, Span::days(1))
        ),
    }]
}

/// Events that name no schema, and that a pipeline refuses because of that. None of them is expected to land, so they
/// are no incident, and yet most of what comes in may be lost in that way. Refused events that name a schema are not
/// counted: a check may filter all events of one on purpose.
fn without_schema(scale: Scale) -> Alert {
    let nameless = |over| {
        format!(
            "sum without (verdict) ({})",
            increase(NAMELESS, scale, over)
        )
    };
    let recently = nameless(RECENT);
    let all = format!(
        "sum without (verdict, schema) ({})",
        increase("landfall_events_total", scale, RECENT)
    );
    let expected = "sum without (schema) (schema:landfall_expected_events:increase1d)";
    let day = NAMELESS_OF_A_DAY;
    // The count over a day keeps the alert firing as long as it goes on.
    let lately = nameless(Span::hours(6));
    let expr = format!(
        "(\n  {recently} >= {NAMELESS_EVENTS}\n  and\n  {recently}\n  >= ignoring (schema) group_left\n  {NAMELESS_SHARE} * {all}\n)\nor\n(\n  (\n    {day} >= {NAMELESS_EVENTS_A_DAY}\n    or\n    (\n      {day} >= {NAMELESS_EVENTS}\n      unless\n      {day} < ignoring (schema) group_left {NAMELESS_SHARE} * {expected}\n    )\n  )\n  and\n  {lately} > 0\n)"
    );
    Alert::pipeline(
        "LandfallEventsWithoutSchema",
        Severity::Ticket,
        Owner::Schema.of(&expr, &["schema"]),
    )
    .hold(Span::minutes(5))
    .summary(format!(
        "{} without the name of a schema came in, within 15 minutes or, if they are few, within a day; the pipeline refuses them. Next: see who sends them, in the samples of violations (the runbook has the query)",
        counted("event")
    ))
}
