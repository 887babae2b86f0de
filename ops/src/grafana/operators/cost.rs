//! What Landfall costs, and how near its limits it is.

use serde_json::json;

use crate::grafana::build::{Column, Draft, unit};
use crate::grafana::colours::{BAD, GOOD};
use crate::grafana::expr::*;
use crate::grafana::layout::Section;
use crate::grafana::titles;

pub fn section() -> Section {
    Section::new(
        "Cost and limits",
        vec![
            processor(),
            memory(),
            disk(),
            ledger(),
            transactions(),
            rows(),
            spool(),
            horizon(),
            failing(),
            runs(),
        ],
    )
}

fn processor() -> Draft {
    Draft::graph("Processor", "Processor time of each Landfall; 100 % is one core. What costs most is on the dashboard for checks.")
        .ask("{{instance}}", sum_by("instance", &rate("landfall_process_cpu_seconds_total", &[])))
        .unit(unit::RATIO)
        .see("when-landfall-itself-is-short")
}

fn memory() -> Draft {
    let by = |metric| max_by("instance", &all(metric, &[]));
    Draft::graph(
        "Memory",
        "Resident memory of each Landfall, and the ledger's part of it. A plateau is good.",
    )
    .ask(
        "resident: {{instance}}",
        by("landfall_process_resident_memory_bytes"),
    )
    .ask("ledger: {{instance}}", by("landfall_ledger_memory_bytes"))
    .unit(unit::BYTES)
}

fn disk() -> Draft {
    let by = |metric| sum(&all(metric, &[]));
    Draft::graph(titles::DISK, "The database with its log, the log alone, and the frames that wait, beside the limit of the spool. What is available is that of the store's file system, on its own axis.")
        .ask("database", by("landfall_store_bytes"))
        .ask("its log", by("landfall_store_log_bytes"))
        .ask("spool", by("landfall_spool_bytes"))
        .ask("limit of the spool", by("landfall_spool_limit_bytes"))
        .ask("available", format!("min({})", all("landfall_store_disk_available_bytes", &[])))
        .unit(unit::BYTES)
        .limit("limit of the spool")
        .override_name("available", &[
            ("color", json!({ "fixedColor": GOOD, "mode": "fixed" })),
            ("custom.axisPlacement", json!("right")),
            ("custom.fillOpacity", json!(0)),
        ])
        .with_values()
        .see("when-landfall-itself-is-short")
}

fn ledger() -> Draft {
    let by = |metric| sum(&all(metric, &[]));
    Draft::graph("Entries of the ledger", "Entries that wait in memory, beside ledger.pending_max, and keys of settled events that are remembered. At the limit no raw batch is taken until events settle.")
        .ask("waiting", by("landfall_ledger_entries"))
        .ask("limit", by("landfall_ledger_entries_limit"))
        .ask("settled keys", by("landfall_ledger_settled_keys"))
        .limit("limit")
        .with_values()
        .see("when-landfall-itself-is-short")
}

fn transactions() -> Draft {
    let tried = format!(
        "({} + {})",
        sum(&rate("landfall_store_writes_total", &[])),
        sum(&rate("landfall_store_errors_total", &[]))
    );
    let synced = sum(&rate("landfall_store_syncs_total", &[]));
    let not_synced = sum(&rate("landfall_store_sync_errors_total", &[]));
    let seconds = sum(&rate("landfall_store_write_seconds_total", &[]));
    let sync_seconds = sum(&rate("landfall_store_sync_seconds_total", &[]));
    let on_the_right = [
        ("unit", json!(unit::SECONDS)),
        ("custom.axisPlacement", json!("right")),
    ];
    Draft::graph("Transactions of the store", "Transactions a second that were committed and that failed, how often all of it was brought to the disk and how often that failed, and how long one of each takes. None that fails is good; a failed transaction is tried again, and everything waits. A power cut takes what was not brought to the disk.")
        .ask("committed", sum(&rate("landfall_store_writes_total", &[])))
        .ask("failed", sum(&rate("landfall_store_errors_total", &[])))
        .ask("time of one", ratio(&seconds, &tried))
        .ask("to the disk", synced.clone())
        .ask("not to the disk", not_synced.clone())
        .ask("time to the disk", ratio(&sync_seconds, &format!("({synced} + {not_synced})")))
        .unit(unit::OPERATIONS_PER_SECOND)
        .named(&[("committed", GOOD), ("failed", BAD), ("not to the disk", BAD)])
        .override_name("time of one", &on_the_right)
        .override_name("time to the disk", &on_the_right)
        .see("when-landfall-itself-is-short")
}

fn rows() -> Draft {
    Draft::graph("Rows of the store", "Rows a second that were written to each table, and that were deleted because they were too old or too many.")
        .ask("written: {{table}}", sum_by("table", &rate("landfall_store_rows_total", &[])))
        .ask("deleted: {{table}}", sum_by("table", &rate("landfall_store_rows_deleted_total", &[])))
        .unit(unit::ROWS_PER_SECOND)
}

fn spool() -> Draft {
    Draft::graph("Work of the spool", "How often judging waited because the spool was full or failed, which is never, if all is well, and what was put elsewhere to make room. Rows outside are judged without the spool, which has no room for them; only a restart just then would lose them. After a restart: events and rows that are judged again, and those that cannot be, because their frames are gone or damaged.")
        .ask("waits", sum(&rate("landfall_spool_waits_total", &[])))
        .ask("frames moved", sum(&rate("landfall_spool_moved_frames_total", &[])))
        .ask("bytes moved", sum(&rate("landfall_spool_moved_bytes_total", &[])))
        .ask("judged again", sum(&all("landfall_restored_events_total", &[])))
        .ask("rows judged again", sum(&all("landfall_restored_rows_total", &[])))
        .ask("rows outside", sum(&rate("landfall_unspooled_rows_total", &[])))
        .ask("frames gone", sum(&all("landfall_restore_lost_events_total", &[])))
        .ask("frames damaged", sum(&all("landfall_restore_damaged_frames_total", &[])))
        .unit(unit::OPERATIONS_PER_SECOND)
        .named(&[("waits", BAD), ("rows outside", BAD), ("frames gone", BAD), ("frames damaged", BAD)])
        .override_name("bytes moved", &[("unit", json!(unit::BYTES_PER_SECOND)), ("custom.axisPlacement", json!("right"))])
        .see("when-landfall-itself-is-short")
}

fn horizon() -> Draft {
    Draft::graph("Horizon", "How far back all keys of settled events are remembered. Below ledger.horizon, repeated and duplicate are not exact that far back.")
        .ask("{{instance}}", format!("min by (instance) ({})", all("landfall_ledger_horizon_seconds", &[])))
        .unit(unit::SECONDS)
        .see("when-landfall-itself-is-short")
}

fn failing() -> Draft {
    Draft::states("The store can be written", "Whether the last transaction failed; then it is tried again, and nothing that is found is durable meanwhile. Beside it, whether all of it reaches the disk; if not, a power cut takes more than a second of it. `/readyz` says why.")
        .ask("{{instance}}", max_by("instance", &all("landfall_store_failing", &[])))
        .ask("{{instance}}: disk", max_by("instance", &all("landfall_store_sync_failing", &[])))
        .states_are(&[("0", "written", GOOD), ("1", "failing", BAD)])
        .see("when-landfall-itself-is-short")
}

fn runs() -> Draft {
    let started = max_by("instance", &all("landfall_process_start_time_seconds", &[]));
    let windows = sum_by("instance", &grown("landfall_windows_closed_total", &[]));
    Draft::table("What runs", "The version of each Landfall, when it was started, who is notified about it, its threads, and the windows that closed in the chosen time.")
        .columns(&[("instance", "instance"), ("version", "version"), ("owner", "owner")], vec![
            Column::new("started", unit::SINCE, format!("{started} * 1000")),
            Column::new("threads", unit::NUMBER, max_by("instance", &all("landfall_process_threads", &[]))),
            Column::new("windows closed", unit::NUMBER, format!("round({windows})")),
            Column::new("is", unit::NUMBER, max_by("instance, version", &all("landfall_build_info", &[]))).hidden(),
            Column::new("told", unit::NUMBER, max_by("instance, owner", &all("landfall_owner_info", &[]))).hidden(),
        ])
}
