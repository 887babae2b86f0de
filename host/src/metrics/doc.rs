//! docs/METRICS.md, written from the registry.

use std::fmt::Write;

use super::labels::{OTHER, SCHEMA_LABELS_MAX};
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
        No label value comes from an event. The first {SCHEMA_LABELS_MAX} schemas have series of their own, the rest share\n\
        `{OTHER}`; `(unknown)` is a schema that is not loaded, `(none)` an event that names none: these two\n\
        always have series of their own. What a file or a check calls itself is escaped as in the log: control\n\
        characters as `\\u{{1b}}`, a backslash as two.\n\n\
        A verdict can be revised (a missing event lands after all), but a counter never falls:\n\
        `landfall_events_total` counts verdicts as they were first given and\n\
        `landfall_verdicts_revised_total` what became of them. Missing now, by schema, is\n\n\
        ```\n\
        sum by (schema) (landfall_events_total{{verdict=\"missing\"}})\n  \
        - sum by (schema) (landfall_verdicts_revised_total{{from=\"missing\"}})\n\
        ```\n\n\
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
    page
}
