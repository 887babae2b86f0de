//! Days on which nothing is wrong: no alert, whenever one looks.

use super::{EVENTS, NONE, growing, verdict};
use crate::case::{Case, case};
use crate::world::{ENDPOINTS, SCHEMA, World};

/// Something was wrong long ago, so that no counter is 0.
fn history(world: &mut World) {
    for failed in [
        "missing", "altered", "leaked", "unjudged", "late", "rejected",
    ] {
        world.hold(EVENTS, &verdict(failed, SCHEMA), 500.0);
    }
    let schema = [("schema", SCHEMA)];
    for metric in [
        "landfall_duplicates_total",
        "landfall_unexpected_total",
        "landfall_schema_unjudged_total",
        "landfall_overdue_events",
    ] {
        world.hold(metric, &schema, 500.0);
    }
    let both = [("stream", ENDPOINTS[0].0), ("endpoint", ENDPOINTS[0].1)];
    world
        .hold(
            "landfall_frames_refused_total",
            &[both[0], both[1], ("kind", "multipart")],
            500.0,
        )
        .hold("landfall_source_disconnects_total", &both, 500.0)
        .hold("landfall_conservation_imbalance_events_total", NONE, 3.0)
        .hold(
            "landfall_missing_removed_total",
            &[("setting", "keep")],
            500.0,
        )
        .hold("landfall_spool_waits_total", NONE, 500.0)
        .hold(
            "landfall_check_rows_faulted_total",
            &[("check", "field-parity"), ("kind", "trap")],
            500.0,
        )
        .hold(
            "landfall_check_suspensions_total",
            &[("check", "field-parity")],
            500.0,
        )
        .hold(
            "landfall_undecodable_total",
            &[
                ("stream", "raw"),
                ("check", "eventlogging"),
                ("reason", "no_json"),
            ],
            5.0,
        );
}

/// Nothing comes in within these minutes.
fn lull(world: &mut World, from: f64, to: f64) {
    let busy = move |minute: f64| 10.0 * (minute.min(from) + (minute - to).max(0.0));
    world.set(EVENTS, &verdict("delivered", SCHEMA), busy);
    for (stream, endpoint) in ENDPOINTS {
        world.set(
            "landfall_frames_total",
            &[("stream", stream), ("endpoint", endpoint)],
            busy,
        );
    }
    world.set(
        "landfall_pending_events",
        &[("schema", SCHEMA)],
        move |minute| {
            if (from..to).contains(&minute) {
                0.0
            } else {
                20.0
            }
        },
    );
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub fn cases() -> Vec<Case> {
    vec![
        case("", "a day", 1440, |_| {}).quiet(),
        case("", "counters that begin above 0", 120, history).quiet(),
        case("", "a restart", 120, |world| {
            history(world);
            world.restart(60.0, 1.0);
        })
        .quiet(),
        case("", "a restart of a quarter of a minute", 120, |world| {
            history(world);
            world.restart(60.0, 0.25);
        })
        .quiet(),
        case(
            "",
            "a restart that compiles for eight minutes",
            240,
            |world| {
                history(world);
                world.restart(60.0, 8.0);
            },
        )
        .quiet(),
        case(
            "",
            "a first start that compiles for fourteen minutes",
            240,
            |world| {
                world.loading(0.0..14.0);
            },
        )
        .quiet(),
        case(
            "",
            "a restart that compiles for twelve minutes without kept code",
            240,
            |world| {
                history(world);
                world.restart(60.0, 0.5).loading(60.5..73.0);
            },
        )
        .quiet(),
        case("", "a reload", 120, |world| {
            history(world);
            let check = [("check", "field-parity")];
            world
                .set("landfall_check_loading", &check, |minute| {
                    if (60.0..63.0).contains(&minute) {
                        1.0
                    } else {
                        0.0
                    }
                })
                .some(
                    "landfall_check_owner_info",
                    &[check[0], ("owner", "other")],
                    |minute| (minute >= 63.0).then_some(1.0),
                )
                .some(
                    "landfall_check_owner_info",
                    &[check[0], ("owner", "data")],
                    |minute| (minute < 63.0).then_some(1.0),
                )
                // A schema is new.
                .some(EVENTS, &verdict("delivered", "New/1"), |minute| {
                    (minute >= 63.0).then(|| growing(63.0, 3.0)(minute))
                });
        })
        .quiet(),
        case("", "an hour without traffic", 120, |world| {
            history(world);
            lull(world, 40.0, 100.0);
        })
        .quiet(),
        case(
            "",
            "a night without traffic, and a restart in it",
            1440,
            |world| {
                history(world);
                lull(world, 60.0, 540.0);
                world.restart(300.0, 1.0);
            },
        )
        .quiet(),
        case("", "single scrapes fail", 120, |world| {
            history(world);
            for minute in (10..120).step_by(10) {
                world.down(f64::from(minute)..f64::from(minute) + 1.0);
            }
        })
        .quiet(),
        case("", "Prometheus is away for four minutes", 120, |world| {
            history(world);
            world.gap(60.0..64.0);
        })
        .quiet(),
        case("", "Prometheus is away for long", 220, |world| {
            history(world);
            world.gap(60.0..160.0);
        })
        // In between it would evaluate nothing either, as promtool does.
        .quiet_at(59)
        .quiet_at(172)
        .quiet_at(180)
        .quiet_at(200)
        .quiet_at(219),
        case("", "batches of five minutes", 120, |world| {
            world
                .set(EVENTS, &verdict("delivered", SCHEMA), |minute| {
                    50.0 * (minute / 5.0).floor()
                })
                .set("landfall_pending_events", &[("schema", SCHEMA)], |minute| {
                    10.0 * (minute % 5.0)
                });
        })
        .quiet(),
        case("", "a rare schema", 1440, |world| {
            world.set(EVENTS, &verdict("delivered", "Rare/1"), |minute| {
                (minute / 480.0).floor()
            });
        })
        .quiet(),
        case("", "invalid, repeated and filtered events", 120, |world| {
            world
                .set(EVENTS, &verdict("rejected", SCHEMA), growing(20.0, 2.0))
                .set(EVENTS, &verdict("repeated", SCHEMA), growing(20.0, 2.0));
        })
        .quiet(),
    ]
}
