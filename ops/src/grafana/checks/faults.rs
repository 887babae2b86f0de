//! Where checks and schemas failed to judge.

use crate::grafana::build::{Column, Draft, unit};
use crate::grafana::colours::BAD;
use crate::grafana::expr::*;
use crate::grafana::layout::Section;

pub fn section() -> Section {
    Section::new(
        "Faults",
        vec![
            faults(),
            rows(),
            by_kind(),
            left_alone(),
            log(),
            unjudged(),
            unexplained(),
            schemas_left_alone(),
        ],
    )
}

fn faults() -> Draft {
    Draft::graph("Calls that failed", "Calls of checks a second that failed, by kind: traps, deadlines, memory and others. None is good; the log has the first of each kind with its row.")
        .ask("{{check}}: {{kind}}", top_rates("check, kind", "landfall_check_faults_total", &[CHECK]))
        .unit(unit::OPERATIONS_PER_SECOND)
        .see("unjudged")
}

fn rows() -> Draft {
    Draft::graph("Rows that were not judged", "Rows a second on which a check failed even alone. They are unjudged if the check decides, and samples with their frames, to replay them.")
        .ask("{{check}}: {{kind}}", top_rates("check, kind", "landfall_check_rows_faulted_total", &[CHECK]))
        .unit(unit::ROWS_PER_SECOND)
        .see("unjudged")
}

fn by_kind() -> Draft {
    let by = |metric| format!("round({})", sum_by("check, kind", &grown(metric, &[CHECK])));
    Draft::table("Faults, over the chosen time", "Calls that failed and the rows that were not judged for it. Calls without rows are batches that could be judged in smaller parts.")
        .columns(&[("check", "check"), ("kind", "kind")], vec![
            Column::new("calls", unit::NUMBER, by("landfall_check_faults_total")).decimals(0).marked_from(1.0, BAD),
            Column::new("rows", unit::NUMBER, by("landfall_check_rows_faulted_total")).decimals(0).marked_from(1.0, BAD),
        ])
        .sorted("rows")
        .span(8, 8)
        .see("unjudged")
}

fn left_alone() -> Draft {
    Draft::graph("Checks suspended", "How often a second a check was suspended for a while because it kept failing. Meanwhile what it decides is unjudged: put its former version back.")
        .ask("{{check}}", sum_by("check", &rate("landfall_check_suspensions_total", &[CHECK])))
        .unit(unit::OPERATIONS_PER_SECOND)
        .span(8, 8)
        .see("when-landfall-itself-is-short")
}

fn log() -> Draft {
    Draft::graph("Log lines dropped", "Log lines of checks a second beyond their limit. A check that logs each row is one to quieten.")
        .ask("{{check}}", sum_by("check", &rate("landfall_check_log_dropped_total", &[CHECK])))
        .unit(unit::OPERATIONS_PER_SECOND)
        .span(8, 8)
}

fn unjudged() -> Draft {
    Draft::graph("Rows that a schema takes too long for", "Rows a second that are unjudged because validation by their schema takes too many steps, of the ten schemas with most. Simplify what the schema repeats.")
        .ask("{{schema}}", top_rates("schema", "landfall_schema_unjudged_total", &[SCHEMA]))
        .unit(unit::ROWS_PER_SECOND)
        .span(8, 8)
        .see("when-landfall-itself-is-short")
}

fn unexplained() -> Draft {
    Draft::graph("Invalid rows without a place", "Rows a second that are judged invalid, but finding the place would take too many steps. The verdict is right all the same.")
        .ask("{{schema}}", top_rates("schema", "landfall_schema_unexplained_total", &[SCHEMA]))
        .unit(unit::ROWS_PER_SECOND)
        .span(8, 8)
        .see("when-landfall-itself-is-short")
}

fn schemas_left_alone() -> Draft {
    Draft::graph("Schemas suspended", "How often a second a schema was suspended for a while because it took too many steps again and again. Its events are unjudged meanwhile, others do not wait.")
        .ask("{{schema}}", top_rates("schema", "landfall_schema_suspensions_total", &[SCHEMA]))
        .unit(unit::OPERATIONS_PER_SECOND)
        .span(8, 8)
        .see("when-landfall-itself-is-short")
}
