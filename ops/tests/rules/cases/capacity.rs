//! Cases of room: store, disk, spool, ledger, queues.

use super::{from, within};
use crate::case::{Case, Firing, case, firing};
use crate::healthy::{GIB, LANDFALL_OWNER};
use crate::world::World;

pub fn cases() -> Vec<Case> {
    [store(), bounds()].concat()
}

fn owned(alert: &'static str) -> Firing {
    firing(alert).label("owner", LANDFALL_OWNER)
}

fn store() -> Vec<Case> {
    const FAILING: &str = "LandfallStoreFailing";
    const DISK: &str = "LandfallDiskLow";
    const REMOVED: &str = "LandfallMissingRemoved";
    const SETTING: [(&str, &str); 1] = [("setting", "keep")];
    vec![
        case(FAILING, "it cannot be written", 40, |world| {
            world.set("landfall_store_failing", &[], within(10.0, 20.0));
        })
        .quiet_at(14)
        .at(16, [owned(FAILING).says("The store of Landfall at a:9470 cannot be written: everything waits for it, and nothing that is found is durable. Next: curl http://a:9470/readyz says why; free the disk, or put the directory back")])
        .quiet_at(35),
        case(FAILING, "one transaction", 40, |world| {
            world.set("landfall_store_failing", &[], within(10.0, 12.0));
        })
        .quiet(),
        case(DISK, "half a GiB is left", 40, |world| {
            world.set("landfall_store_disk_available_bytes", &[], from(10.0, GIB * 50.0, GIB / 2.0));
        })
        .quiet_at(18)
        .at(22, [owned(DISK).says("512MiB are left on the disk of the store at a:9470. Next: make room, or lower store.spool_bytes_max and store.keep")]),
        case(DISK, "nobody has looked yet", 40, |world| {
            world.hold("landfall_store_disk_available_bytes", &[], 0.0);
        })
        .quiet(),
        case(REMOVED, "five events are beyond help", 40, |world| {
            world.set("landfall_missing_removed_total", &SETTING, from(10.0, 0.0, 5.0));
        })
        .at(12, [owned(REMOVED).label("setting", "keep").says("The store removed 5 missing events within a day because of keep; no backfill has what was removed. Next: landfall missing --count, landfall backfill --dry-run for those that are left")]),
        case(REMOVED, "the series begins with them", 40, |world| {
            world.some("landfall_missing_removed_total", &SETTING, |minute| {
                (minute >= 10.0).then_some(5.0)
            });
        })
        .at(12, [owned(REMOVED).label("setting", "keep")]),
        case(REMOVED, "it was long ago, and scrapes fail since", 60, |world| {
            world
                .hold("landfall_missing_removed_total", &SETTING, 5.0)
                .down(20.0..28.0)
                .gap(40.0..48.0);
        })
        .quiet(),
    ]
}

/// From minute 10 on the spool is at that share of its limit.
fn spool(world: &mut World, share: f64) {
    world.set(
        "landfall_spool_bytes",
        &[],
        from(10.0, 1_000_000.0, share * 8.0 * GIB),
    );
}

fn bounds() -> Vec<Case> {
    const FULL: &str = "LandfallSpoolFull";
    const FILLS: &str = "LandfallSpoolFills";
    const LEDGER: &str = "LandfallLedgerFills";
    const QUEUE: &str = "LandfallQueueWaits";
    const RAW: [(&str, &str); 1] = [("stream", "raw")];
    /// Waits for that share of the real time, from minute 10 on.
    fn waits(world: &mut World, share: f64) {
        let real_seconds = 60.0 / world.variant.factor;
        world.set("landfall_queue_wait_seconds_total", &RAW, |minute| {
            share * real_seconds * (minute - 10.0).max(0.0)
        });
    }
    vec![
        case(FULL, "raw frames have no room", 40, |world| spool(world, 0.87))
            .quiet_at(14)
            .at(16, [owned(FULL).says("Judging waits for the spool at a:9470, which is at 87% of its limit, or failed: raw events are not read, and the publisher may drop them. Next: landfall incidents --open; fix the writer, or raise store.spool_bytes_max")])
            .at(22, [owned(FULL), firing(FILLS)]),
        case(FULL, "judging waits, for the spool fails", 40, |world| {
            world.set("landfall_spool_waits_total", &[], from(10.0, 0.0, 1.0));
        })
        .at(17, [owned(FULL)]),
        case(FULL, "half is free", 40, |world| spool(world, 0.5)).quiet(),
        case(FILLS, "three quarters are full", 40, |world| spool(world, 0.75))
            .quiet_at(18)
            .at(22, [owned(FILLS).says("The spool at a:9470 is at 75% of its limit with frames of events that wait. Next: landfall incidents --open; fix the writer, or raise store.spool_bytes_max")]),
        case(FILLS, "half is free", 40, |world| spool(world, 0.5)).quiet(),
        case(LEDGER, "most that may wait do", 40, |world| {
            world.set("landfall_ledger_entries", &[], from(10.0, 20.0, 6_800_000.0));
        })
        .quiet_at(18)
        .at(22, [owned(LEDGER).says("The events that wait in memory at a:9470 are 85% of ledger.pending_max; at the limit no raw batch is taken. Next: landfall incidents --open; fix the writer, or raise ledger.pending_max")]),
        case(LEDGER, "half is free", 40, |world| {
            world.set("landfall_ledger_entries", &[], from(10.0, 20.0, 4_000_000.0));
        })
        .quiet(),
        case(QUEUE, "sources wait for a tenth of the time", 60, |world| waits(world, 0.125))
            .quiet_at(15)
            .at(45, [owned(QUEUE).label("stream", "raw").says("Sources of raw at a:9470 wait for room for 12.5% of the time: judging is slower than the stream, and the publisher may drop. Next: more judge.workers, or a cheaper check (landfall_check_busy_seconds_total)")]),
        case(QUEUE, "now and then", 60, |world| waits(world, 0.01)).quiet(),
    ]
}
