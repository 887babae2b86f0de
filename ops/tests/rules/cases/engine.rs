//! Cases of the engine: frontiers, threads, the clock, events that are not accounted for.

use super::{from, within};
use crate::case::{Case, Firing, case, firing};
use crate::healthy::LANDFALL_OWNER;
use crate::world::World;

fn owned(alert: &'static str) -> Firing {
    firing(alert).label("owner", LANDFALL_OWNER)
}

const RAW: [(&str, &str); 1] = [("stream", "raw")];

fn lag(world: &mut World, seconds: f64) {
    world.set(
        "landfall_frontier_lag_seconds",
        &RAW,
        from(10.0, 0.5, seconds),
    );
}

pub fn cases() -> Vec<Case> {
    const FAR: &str = "LandfallFarBehind";
    const BEHIND: &str = "LandfallBehind";
    const THREAD: &str = "LandfallThreadStuck";
    const CLOCK: &str = "LandfallClockOffset";
    const IMBALANCE: &str = "LandfallImbalance";
    let behind = |alert| owned(alert).label("stream", "raw");
    let says = |time: &str| {
        format!(
            "Landfall at a:9470 is {time} behind with raw: missing events are reported that much later. Next: curl http://a:9470/readyz, and the log, which names a codec that fails or a thread that stands"
        )
    };
    vec![
        case(FAR, "a codec that reads nothing", 40, |world| lag(world, 400.0))
            .quiet_at(14)
            .at(16, [behind(FAR).says(&says("6m 40s")), behind(BEHIND)]),
        case(FAR, "its clock is sped up", 40, |world| {
            lag(world, 30_000.0);
            world.hold("landfall_clock_speed_ratio", &[], 600.0);
        })
        .quiet(),
        case(BEHIND, "a minute and more", 40, |world| lag(world, 100.0))
            .quiet_at(14)
            .at(16, [behind(BEHIND).says(&says("1m 40s"))]),
        case(BEHIND, "for a moment", 40, |world| {
            world.set("landfall_frontier_lag_seconds", &RAW, |minute| {
                100.0 * within(10.0, 13.0)(minute)
            });
        })
        .quiet(),
        case(THREAD, "it does not go on", 40, |world| {
            let thread = [("thread", "judge-0")];
            world.set("landfall_thread_standing_seconds", &thread, from(10.0, 0.0, 30.0));
        })
        .quiet_at(14)
        .at(16, [owned(THREAD).label("thread", "judge-0").says("The thread judge-0 of Landfall at a:9470 has been at one piece of work for 30 s: what comes after it waits. Next: see the log; if it does not go on, restart, and report it")]),
        case(THREAD, "it goes on", 40, |world| {
            let thread = [("thread", "judge-0")];
            world.set("landfall_thread_standing_seconds", &thread, within(10.0, 13.0));
        })
        .quiet(),
        case(CLOCK, "the system's clock was stepped back by an hour", 60, |world| {
            world
                .set("landfall_clock_offset_seconds", &[], from(10.0, 0.0, -3600.0))
                .down(18.0..19.0);
        })
        .quiet_at(24)
        .at(27, [owned(CLOCK).says("The system's clock at a:9470 is 1h 0m 0s away from Landfall's: it was stepped. Next: restart Landfall at a quiet time")]),
        case(CLOCK, "a leap second", 60, |world| {
            world.set("landfall_clock_offset_seconds", &[], from(10.0, 0.0, 1.0));
        })
        .quiet(),
        case(IMBALANCE, "three events", 85, |world| {
            let metric = "landfall_conservation_imbalance_events_total";
            world.set(metric, &[], from(10.0, 0.0, 3.0));
        })
        .at(12, [owned(IMBALANCE).says("Closed windows are out of balance by 3 events at a:9470: Landfall itself is wrong. Next: keep its log and its store, and report it; the log names window and schema")])
        .quiet_at(83),
        case(IMBALANCE, "long ago, before a restart", 85, |world| {
            let metric = "landfall_conservation_imbalance_events_total";
            world.hold(metric, &[], 3.0).restart(30.0, 1.0);
        })
        .quiet(),
    ]
}
