//! docs/METRICS.md, written from the registry.

use std::fmt::Write;

use super::labels::{OTHER, SCHEMA_LABELS_MAX};
use super::percentiles::section;
use super::registrar::Entry;

/// The page. A test holds docs/METRICS.md equal to it.
pub fn document(entries: &[Entry]) -> String {
    let mut page = format!(
        "# Metrics\n\n\
        Generated from the registry; a test holds this page equal to it, and writes it if the environment\n\
        has `UPDATE=1`.\n\n\
        `GET /metrics` answers in Prometheus' text format 0.0.4. Units are seconds and bytes. Times that\n\
        concern events are by Landfall's clock, times that concern the machine are real; each says which\n\
        where both are possible.\n\n\
        Labels are bounded: `stream` is `raw` or `written`; `endpoint`, `check` and `schema` come from the\n\
        configuration and the loaded schemas, `reason`, `version` and `digest` from the checks themselves.\n\
        No label value comes from an event. {SCHEMA_LABELS_MAX} schemas have series of their own: all that are loaded, if\n\
        they are no more; else those that events come in of, in that order. The rest share `{OTHER}`;\n\
        `(unknown)` is a schema that is not loaded, `(none)` an event that names none: these three always\n\
        have series. What a file or a check calls itself is escaped as in the log: control\n\
        characters as `\\u{{1b}}`, a backslash as two.\n\n\
        Series that can rise are there as 0 before they do, or `increase()` would miss the first time: all\n\
        without labels and all causes of incidents from the start; of a schema when it is loaded (or, beyond\n\
        the bound, when its first event comes in), with all verdicts and revisions; of a check when it takes\n\
        force, with the reasons that its manifest declares and all kinds of faults. The buckets of latency,\n\
        as many as the others of a schema, begin with its first raw event. A restart begins at 0, which is\n\
        no increase. Owners, objectives and limits go with the check or schema that they are of; counters\n\
        stay until the next start, and so does the owner of a schema that is gone: of it events may wait.\n\n\
        Owners are there to be joined with, and a join may find none: the rule must not lose its alarm then.\n\n\
        ```\n\
        (landfall_overdue_events > 0) * on (job, instance, schema) group_left (owner) landfall_schema_owner_info\n  \
        or (landfall_overdue_events > 0) unless on (job, instance, schema) landfall_schema_owner_info\n\
        ```\n\n\
        A verdict can be revised (a missing event lands after all), but a counter never falls:\n\
        `landfall_events_total` counts verdicts as they were first given and\n\
        `landfall_verdicts_revised_total` what became of them. Missing now, by schema, is\n\n\
        ```\n\
        sum by (schema) (landfall_events_total{{verdict=\"missing\"}})\n  \
        - (sum by (schema) (landfall_verdicts_revised_total{{from=\"missing\"}})\n    \
        or 0 * sum by (schema) (landfall_events_total{{verdict=\"missing\"}}))\n\
        ```\n\n\
        (before the first revision there is no series of them, and a difference with nothing is nothing)\n\
        and, while Landfall runs, also `landfall_overdue_events`.\n\n\
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
