//! docs/METRICS.md, written from the registry.

use std::fmt::Write;

use super::labels::{OTHER, SCHEMA_LABELS_MAX};
use super::percentiles::section;
use super::registrar::Entry;

/// The page. A test keeps docs/METRICS.md equal to it.
pub fn document(entries: &[Entry]) -> String {
    let mut page = format!(
        "# Metrics\n\n\
        This page is generated from the registry; a test keeps both equal, and writes the page if the\n\
        environment has `UPDATE=1`.\n\n\
        `GET /metrics` answers in Prometheus' text format 0.0.4. Units are seconds and bytes. Times that\n\
        concern events are by Landfall's clock, times that concern the machine are real; the description\n\
        states which one where both are possible.\n\n\
        Labels are bounded: `stream` is `raw` or `written`; `endpoint`, `check` and `schema` come from the\n\
        configuration and the loaded schemas, `reason`, `version` and `digest` from the checks themselves.\n\
        No label value comes from an event. {SCHEMA_LABELS_MAX} schemas have their own series: all loaded schemas, if\n\
        there are no more than that; otherwise those of which events come in, in that order. The rest share\n\
        `{OTHER}`; `(unknown)` is a schema that is not loaded, `(none)` an event that names none: these three\n\
        always have series. Names from files and checks are escaped as in the log: control characters as\n\
        `\\u{{1b}}`, a backslash as two.\n\n\
        Counters exist as 0 before they rise, because otherwise `increase()` would miss the first rise. All\n\
        series without labels and all causes of incidents exist from the start. The series of a schema exist\n\
        when it is loaded (or, beyond the bound, when its first event comes in), with all verdicts and\n\
        revisions. The series of a check exist when it takes force, with the reasons that its manifest\n\
        declares and all kinds of faults. The buckets of latency, as many as the other series of a schema,\n\
        begin with its first raw event. A restart begins at 0, which is no increase. Owners, objectives and\n\
        limits are removed with their check or schema. Counters stay until the next start, and so does the\n\
        owner of a schema that is gone, because events of it may still wait.\n\n\
        Rules join an alarm with its owner. The join may find no owner, and the rule must not lose its alarm\n\
        then:\n\n\
        ```\n\
        (landfall_overdue_events > 0) * on (job, instance, schema) group_left (owner) landfall_schema_owner_info\n  \
        or (landfall_overdue_events > 0) unless on (job, instance, schema) landfall_schema_owner_info\n\
        ```\n\n\
        A verdict can be revised (a missing event lands later), but a counter never falls:\n\
        `landfall_events_total` counts verdicts as they were first given, and\n\
        `landfall_verdicts_revised_total` counts revisions. The number of events that are missing now, by\n\
        schema, is\n\n\
        ```\n\
        sum by (schema) (landfall_events_total{{verdict=\"missing\"}})\n  \
        - (sum by (schema) (landfall_verdicts_revised_total{{from=\"missing\"}})\n    \
        or 0 * sum by (schema) (landfall_events_total{{verdict=\"missing\"}}))\n\
        ```\n\n\
        (before the first revision there is no series of revisions, and a difference with an absent series is\n\
        absent). `landfall_overdue_events` is this number of the present run, and what earlier runs left beside it.\n\n\
        | metric | kind | labels | meaning |\n|---|---|---|---|\n"
    );
    for Entry {
        name,
        kind,
        labels,
        help,
    } in entries
    {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| `{name}` | {kind} | {} | {help} |",
            labels.join(" ")
        );
    }
    page.push('\n');
    page.push_str(&section());
    page
}
