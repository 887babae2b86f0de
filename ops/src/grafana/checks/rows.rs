//! The rows that checks were given, and what they answered.

use crate::grafana::build::{Column, Draft, unit};
use crate::grafana::colours::{BAD, SEVERITIES, WARNING};
use crate::grafana::expr::*;
use crate::grafana::layout::Section;

pub fn section() -> Section {
    Section::new(
        "Rows and reasons",
        vec![
            rows(),
            reasons(),
            by_reason(),
            findings_over_time(),
            findings(),
            undecodable(),
            not_explained(),
        ],
    )
}

fn rows() -> Draft {
    Draft::graph("Rows by check and version", "Rows a second that each version of a check was given. Where one version ends and the next begins is a reload.")
        .ask("{{check}} {{version}}", by_version(&rate("landfall_check_rows_total", &[CHECK])))
        .unit(unit::ROWS_PER_SECOND)
}

fn reasons() -> Draft {
    Draft::graph("Reasons", "Rows a second by the reason that a check gave, of the ten most frequent. The reasons of a check are in its manifest; samples in the store have rows of each.")
        .ask("{{check}}: {{reason}}", top_rates("check, reason", "landfall_check_violations_total", &[CHECK]))
        .unit(unit::ROWS_PER_SECOND)
}

fn by_reason() -> Draft {
    let by = |of: &str| sum_by("check, reason", of);
    let rows = by(&grown("landfall_check_violations_total", &[CHECK]));
    let all_rows = sum_by("check", &grown("landfall_check_rows_total", &[CHECK]));
    Draft::table("Reasons, over the chosen time", "Rows by the reason that each check gave, and their share of all rows that it was given. A reason that never comes may be one that nothing can cause.")
        .columns(&[("check", "check"), ("reason", "reason")], vec![
            Column::new("rows", unit::NUMBER, format!("round({rows})")).decimals(0),
            Column::new("share", unit::RATIO, format!("{rows}\n  / on (check) group_left () ({all_rows} > 0)")).decimals(3),
        ])
        .sorted("rows")
}

fn findings_over_time() -> Draft {
    Draft::graph("Findings", "Findings of window checks a second, by severity. Those of warning and critical are incidents.")
        .ask("{{severity}}", sum_by("severity", &rate("landfall_check_findings_total", &[CHECK])))
        .unit(unit::OPERATIONS_PER_SECOND)
        .named(&SEVERITIES)
        .see("finding")
}

fn findings() -> Draft {
    let found = sum_by(
        "check, reason, severity",
        &grown("landfall_check_findings_total", &[CHECK]),
    );
    Draft::table("Findings, over the chosen time", "How often each window check found what. `landfall incidents` has its words about the last window.")
        .columns(&[("check", "check"), ("reason", "reason"), ("severity", "severity")], vec![
            Column::new("findings", unit::NUMBER, format!("round({found})")).decimals(0),
        ])
        .sorted("findings")
        .see("finding")
}

fn undecodable() -> Draft {
    let frames = sum_by(
        "stream, check, reason",
        &grown("landfall_undecodable_total", &[STREAM, CHECK]),
    );
    Draft::table("Frames without an event", "Frames from which no key could be read, by the codec that said so and its reason; landfall is Landfall itself. The store has samples of each with the frame.")
        .columns(&[("stream", "stream"), ("check", "check"), ("reason", "reason")], vec![
            Column::new("frames", unit::NUMBER, format!("round({frames})")).decimals(0).marked_from(1.0, WARNING),
        ])
        .sorted("frames")
        .see("refused-frames")
}

fn not_explained() -> Draft {
    Draft::graph("Altered events that were not looked at", "Altered events a second of which nobody looked up the fields that differ, because very many were altered at once. They are counted as altered all the same.")
        .ask("not explained", sum(&rate("landfall_altered_not_explained_total", &[])))
        .unit(unit::EVENTS_PER_SECOND)
        .coloured(BAD)
        .span(24, 6)
        .see("altered")
}
