//! What checks cost, and how near each of their limits they are.

use crate::grafana::build::{Column, Draft, unit};
use crate::grafana::expr::*;
use crate::grafana::layout::Section;

pub fn section() -> Section {
    Section::new(
        "Time, memory and limits",
        vec![busy(), per_row(), per_batch(), memory(), limits()],
    )
}

const BUSY: &str = "landfall_check_busy_seconds_total";

fn busy() -> Draft {
    Draft::graph("Processor by check", "Real time spent in each check, over all workers; 100 % is one core. The highest is what to make cheaper first.")
        .ask("{{check}} {{version}}", by_version(&rate(BUSY, &[CHECK])))
        .unit(unit::RATIO)
        .stacked()
        .with_values()
}

fn per_row() -> Draft {
    let rows = by_version(&rate("landfall_check_rows_total", &[CHECK]));
    Draft::graph("Time of a row", "Mean time that a version of a check takes for a row. Compare versions here before and after a change.")
        .ask("{{check}} {{version}}", ratio(&by_version(&rate(BUSY, &[CHECK])), &rows))
        .unit(unit::SECONDS)
        .with_values()
}

fn per_batch() -> Draft {
    let batches = by_version(&rate("landfall_check_batches_total", &[CHECK]));
    Draft::graph("Time of a batch", "Mean time that a version of a check takes for a batch, which is one call. Its limit is on the table of limits.")
        .ask("{{check}} {{version}}", ratio(&by_version(&rate(BUSY, &[CHECK])), &batches))
        .unit(unit::SECONDS)
        .with_values()
}

fn memory() -> Draft {
    Draft::graph("Memory by check", "Most memory that one instance of a check has used since Landfall's start. It is per worker, and never falls.")
        .ask("{{check}}", max_by("check", &all("landfall_check_memory_bytes", &[CHECK])))
        .unit(unit::BYTES)
        .with_values()
}

fn limits() -> Draft {
    let by = |metric| max_by("check", &all(metric, &[CHECK]));
    let highest = |metric| {
        max_by(
            "check",
            &format!("max_over_time({}[$__range])", all(metric, &[CHECK])),
        )
    };
    let near = |used: &str, limit: &str| {
        let used = format!("max_over_time({}[$__range])", all(used, &[CHECK]));
        max_by("check", &format!("{used} / {}", all(limit, &[CHECK])))
    };
    let (memory, memory_limit) = (
        "landfall_check_memory_bytes",
        "landfall_check_memory_limit_bytes",
    );
    let (call, call_limit) = (
        "landfall_check_call_longest_seconds",
        "landfall_check_call_limit_seconds",
    );
    Draft::table("How near each limit", "The most memory and the longest call of each check in the chosen time, beside its limits. At 100 % a call fails, and its rows are tried in smaller parts or not judged.")
        .columns(&[("check", "check")], vec![
            Column::new("memory", unit::BYTES, highest(memory)),
            Column::new("limit of memory", unit::BYTES, by(memory_limit)),
            Column::new("memory used", unit::RATIO, near(memory, memory_limit)).bar(),
            Column::new("longest call", unit::SECONDS, highest(call)),
            Column::new("limit of a call", unit::SECONDS, by(call_limit)),
            Column::new("call used", unit::RATIO, near(call, call_limit)).bar(),
        ])
        .sorted("memory used")
        .leads_to("check", "landfall-checks")
        .span(24, 8)
        .see("unjudged")
}
