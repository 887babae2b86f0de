//! Which versions judge, and whether newer ones load.

use crate::grafana::build::{Column, Draft, unit};
use crate::grafana::colours::{BAD, GOOD, WARNING};
use crate::grafana::expr::*;
use crate::grafana::layout::Section;

pub fn section() -> Section {
    Section::new(
        "What judges",
        vec![versions(), loading(), reloads(), stale_schemas(), loads()],
    )
}

fn versions() -> Draft {
    let by = |metric| max_by("check", &all(metric, &[CHECK]));
    let info = max_by(
        "check, version, digest",
        &all("landfall_check_info", &[CHECK]),
    );
    let owner = max_by("check, owner", &all("landfall_check_owner_info", &[CHECK]));
    let count = |metric| format!("round({})", sum_by("check", &grown(metric, &[CHECK])));
    Draft::table("Versions", "The version of each check that judges now, whether its newest file loads, and what was refused, made and suspended in the chosen time.")
        .columns(
            &[("check", "check"), ("version", "version"), ("owner", "owner"), ("digest", "digest")],
            vec![
                Column::new("newest file", unit::NUMBER, by("landfall_check_stale"))
                    .states(&[("0", "judges", GOOD), ("1", "does not load", BAD)]),
                Column::new("newer version", unit::NUMBER, by("landfall_check_loading"))
                    .states(&[("0", "none", "text"), ("1", "is being loaded", WARNING)]),
                Column::new("files refused", unit::NUMBER, count("landfall_check_load_failures_total")).marked_from(1.0, BAD),
                Column::new("suspended", unit::NUMBER, count("landfall_check_suspensions_total")).marked_from(1.0, BAD),
                Column::new("instances made", unit::NUMBER, count("landfall_check_instances_total")),
                Column::new("is", unit::NUMBER, info).hidden(),
                Column::new("owned", unit::NUMBER, owner).hidden(),
            ],
        )
        .span(24, 8)
        .see("signals")
}

fn loading() -> Draft {
    let stale = max_by("check", &all("landfall_check_stale", &[CHECK]));
    let loading = max_by("check", &all("landfall_check_loading", &[CHECK]));
    Draft::states("Newer versions", "When a newer file of a check was being loaded, and when one did not load, so that an older version judged. `/readyz` and the log say why.")
        .ask("{{check}}", format!("2 * ({stale} > 0) or {loading}"))
        .states_are(&[("0", "judges", GOOD), ("1", "is being loaded", WARNING), ("2", "does not load", BAD)])
        .see("checks-that-are-compiled-for-long")
}

fn reloads() -> Draft {
    Draft::graph("Reloads", "Reloads a second: complete, or with parts that were refused (partial). A partial one leaves the older version of what was refused in force.")
        .ask("{{outcome}}", sum_by("outcome", &rate("landfall_reloads_total", &[])))
        .unit(unit::OPERATIONS_PER_SECOND)
        .named(&[("complete", GOOD), ("partial", BAD)])
        .span(4, 8)
        .see("signals")
}

fn stale_schemas() -> Draft {
    Draft::number("Schemas that do not load", "Schemas of which an older version judges because the newest file does not load. 0 is good; `/readyz` names them.")
        .ask_now("", format!("max({})", all("landfall_schemas_stale", &[])))
        .thresholds(GOOD, &[(1.0, BAD)])
        .span(4, 8)
        .see("when-landfall-itself-is-short")
}

fn loads() -> Draft {
    Draft::graph("Where code came from", "Loads of checks a second, by where their code came from. What is compiled at each start was not kept: see compile.cache_dir.")
        .ask("{{check}}: {{from}}", sum_by("check, from", &rate("landfall_check_code_total", &[CHECK])))
        .unit(unit::OPERATIONS_PER_SECOND)
        .span(4, 8)
        .see("checks-that-are-compiled-for-long")
}
