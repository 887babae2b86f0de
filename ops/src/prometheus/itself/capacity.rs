//! Alerts about room: store, disk, spool, queues, ledger.

use crate::prometheus::owners::Owner;
use crate::prometheus::promql::{bridged, increase, increase_or_first};
use crate::prometheus::rule::{Alert, Severity};
use crate::prometheus::summary::counting;
use crate::prometheus::time::{Scale, Span};

/// Bytes on the disk of the store that a day of results and a checkpoint of its log may take.
const DISK_BYTES_MIN: &str = "1073741824";

/// A little less than the share of the spool that raw frames may take, which is seven eighths: then judging waits.
const SPOOL_FULL: &str = "0.85";
/// The share above which the spool fills although its frames are compacted as fast as they can be.
const SPOOL_FILLS: &str = "0.7";

const LEDGER_FILLS: &str = "0.8";

/// The share of real time that sources may wait for room without an alert.
const WAITS_SHARE: &str = "0.05";

pub fn alerts(job: &str, scale: Scale) -> Vec<Alert> {
    let mut alerts = store(job, scale);
    alerts.extend(bounds(scale));
    alerts
}

fn store(job: &str, scale: Scale) -> Vec<Alert> {
    // 0 means that it was not looked up yet. If the disk really is full, the store fails, which has an alert.
    let disk = format!(
        "({} > 0) < {DISK_BYTES_MIN}",
        bridged("landfall_store_disk_available_bytes", scale)
    );
    let removed = format!(
        "{} > 0",
        increase_or_first(
            "landfall_missing_removed_total",
            "setting",
            job,
            scale,
            Span::days(1)
        )
    );
    vec![
        Alert::itself(
            "LandfallStoreFailing",
            Severity::Page,
            Owner::Landfall.of("landfall_store_failing == 1", &[]),
        )
        .hold(Span::minutes(5))
        .summary(
            "The store of Landfall at {{ $labels.instance }} cannot be written: everything waits for it, and nothing that is found is durable. Next: curl http://{{ $labels.instance }}/readyz says why; free the disk, or put the directory back",
        ),
        Alert::itself(
            "LandfallDiskLow",
            Severity::Ticket,
            Owner::Landfall.of(&disk, &[]),
        )
        .hold(Span::minutes(10))
        .summary(
            "{{ $value | humanize1024 }}B are left on the disk of the store at {{ $labels.instance }}. Next: make room, or lower store.spool_bytes_max and store.keep",
        ),
        Alert::itself(
            "LandfallMissingRemoved",
            Severity::Ticket,
            Owner::Landfall.of(&removed, &["setting"]),
        )
        .summary(
            counting(
                "The store removed ",
                "missing event",
                " within a day because of {{ $labels.setting }}; no backfill has what was removed. Next: landfall missing --count, landfall backfill --dry-run for those that are left",
            ),
        ),
    ]
}

fn bounds(scale: Scale) -> Vec<Alert> {
    let spool = "landfall_spool_bytes / landfall_spool_limit_bytes";
    let minutes = Span::minutes(15);
    let full = format!(
        "{spool} > {SPOOL_FULL}\nor\n{spool} and {} > 0",
        increase("landfall_spool_waits_total", scale, minutes)
    );
    let fills = format!("{spool} > {SPOOL_FILLS}");
    let ledger =
        format!("landfall_ledger_entries / landfall_ledger_entries_limit > {LEDGER_FILLS}");
    let waits = format!(
        "rate(landfall_queue_wait_seconds_total[{}]) > {WAITS_SHARE}",
        scale.of(minutes)
    );
    vec![
        Alert::itself(
            "LandfallSpoolFull",
            Severity::Page,
            Owner::Landfall.of(&full, &[]),
        )
        .hold(Span::minutes(5))
        .summary(
            "Judging waits for the spool at {{ $labels.instance }}, which is at {{ $value | humanizePercentage }} of its limit, or failed: raw events are not read, and the publisher may drop them. Next: landfall incidents --open; fix the writer, or raise store.spool_bytes_max",
        ),
        Alert::itself(
            "LandfallSpoolFills",
            Severity::Ticket,
            Owner::Landfall.of(&fills, &[]),
        )
        .hold(Span::minutes(10))
        .summary(
            "The spool at {{ $labels.instance }} is at {{ $value | humanizePercentage }} of its limit with frames of events that wait. Next: landfall incidents --open; fix the writer, or raise store.spool_bytes_max",
        ),
        Alert::itself(
            "LandfallLedgerFills",
            Severity::Ticket,
            Owner::Landfall.of(&ledger, &[]),
        )
        .hold(Span::minutes(10))
        .summary(
            "The events that wait in memory at {{ $labels.instance }} are {{ $value | humanizePercentage }} of ledger.pending_max; at the limit no raw batch is taken. Next: landfall incidents --open; fix the writer, or raise ledger.pending_max",
        ),
        Alert::itself(
            "LandfallQueueWaits",
            Severity::Ticket,
            Owner::Landfall.of(&waits, &["stream"]),
        )
        .hold(Span::minutes(10))
        .summary(
            "Sources of {{ $labels.stream }} at {{ $labels.instance }} wait for room for {{ $value | humanizePercentage }} of the time: judging is slower than the stream, and the publisher may drop. Next: more judge.workers, or a cheaper check (landfall_check_busy_seconds_total)",
        ),
    ]
}
