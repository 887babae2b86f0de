//! Cases of delivery objectives.

use super::{EVENTS, OPEN, cause, from, growing, verdict, within};
use crate::case::{Case, Firing, case, firing};
use crate::healthy::SCHEMA_OWNER;
use crate::world::{SCHEMA, World};

const BURNS: &str = "LandfallObjectiveBurns";
const SLOWLY: &str = "LandfallObjectiveBurnsSlowly";
const QUIET: &str = "LandfallQuietSchemaLosesEvents";
const LOST: &str = "LandfallEventsLost";

pub fn cases() -> Vec<Case> {
    [burns(), targets(), quiet_schemas()].concat()
}

fn burn(alert: &'static str) -> Firing {
    firing(alert)
        .label("check", "delivery-objective")
        .label("schema", SCHEMA)
        .label("owner", SCHEMA_OWNER)
}

fn says(share: &str) -> String {
    format!(
        "{share} of the events of Edit/11 failed to land in time and unchanged: that is six times as many as the objective of delivery-objective allows, or more, or nine in ten. Next: landfall incidents --open, landfall missing --by hour"
    )
}

fn says_slowly(share: &str) -> String {
    format!(
        "{share} of the events of Edit/11 failed to land in time and unchanged: within three days that is as many as the objective of delivery-objective allows, or more. Next: landfall incidents --open, landfall missing --by hour"
    )
}

/// Of a thousand events a minute so many are of that verdict.
fn of_a_thousand(world: &mut World, failed: &str, per_minute: f64, minutes: f64) {
    let bad = move |minute: f64| per_minute * minute.min(minutes);
    world
        .set(EVENTS, &verdict("delivered", SCHEMA), move |minute| {
            1000.0 * minute - bad(minute)
        })
        .set(EVENTS, &verdict(failed, SCHEMA), bad);
}

fn lose(world: &mut World, per_minute: f64) {
    of_a_thousand(world, "missing", per_minute, f64::INFINITY);
    world.hold(OPEN, &cause("loss"), 1.0);
}

fn burns() -> Vec<Case> {
    let lost = || firing(LOST);
    vec![
        case(BURNS, "three in a hundred are lost", 80, |world| {
            lose(world, 30.0)
        })
        .at(75, [burn(BURNS).says(&says("3%")), burn(SLOWLY), lost()]),
        case(BURNS, "it ends soon after the loss does", 140, |world| {
            of_a_thousand(world, "missing", 30.0, 60.0);
            world.set(OPEN, &cause("loss"), within(1.0, 65.0));
        })
        .at(59, [burn(BURNS), burn(SLOWLY), lost()])
        .at(85, [burn(BURNS), burn(SLOWLY)])
        .at(110, [burn(SLOWLY)]),
        case(BURNS, "one in a hundred is lost", 80, |world| {
            lose(world, 10.0)
        })
        .at(75, [burn(BURNS).says(&says("1%")), burn(SLOWLY), lost()]),
        case(SLOWLY, "three in a thousand are lost", 80, |world| {
            lose(world, 3.0)
        })
        .at(75, [burn(SLOWLY).says(&says_slowly("0.3%")), lost()]),
        case(SLOWLY, "less than the objective allows", 80, |world| {
            of_a_thousand(world, "missing", 0.5, f64::INFINITY);
        })
        .quiet(),
        case(BURNS, "a few of a few are chance", 30, |world| {
            world.set(EVENTS, &verdict("altered", SCHEMA), from(10.0, 0.0, 5.0));
        })
        .quiet(),
        case(
            BURNS,
            "what an outage used up is told by the outage",
            110,
            |world| {
                // Nothing lands for twenty minutes, and an hour later three events come late.
                world
                    .set(EVENTS, &verdict("delivered", SCHEMA), |minute| {
                        1000.0 * (minute - 20.0).max(0.0)
                    })
                    .set(EVENTS, &verdict("missing", SCHEMA), |minute| {
                        1000.0 * minute.min(20.0)
                    })
                    .set(EVENTS, &verdict("late", SCHEMA), from(80.0, 0.0, 3.0))
                    .set(OPEN, &cause("stalled"), within(1.0, 25.0));
            },
        )
        .at(15, [firing("LandfallEventsStalled")])
        .at(38, [firing("LandfallEventsStalled")])
        .quiet_at(60)
        .quiet_at(84)
        .quiet_at(105),
        case(BURNS, "a restart in between", 80, |world| {
            lose(world, 30.0);
            world.restart(50.0, 1.0).hold(OPEN, &cause("loss"), 1.0);
        })
        .at(75, [burn(BURNS), burn(SLOWLY), lost()]),
    ]
}

fn targets() -> Vec<Case> {
    const OBJECTIVE: [(&str, &str); 2] = [("check", "delivery-objective"), ("schema", SCHEMA)];
    const LATE_COUNTS: &str = "landfall_delivery_objective_late_counts";
    vec![
        case(BURNS, "late events fail", 80, |world| {
            of_a_thousand(world, "late", 30.0, f64::INFINITY);
        })
        .at(75, [burn(BURNS), burn(SLOWLY)]),
        case(
            BURNS,
            "late events fail if nothing says that they count",
            80,
            |world| {
                of_a_thousand(world, "late", 30.0, f64::INFINITY);
                world.without(LATE_COUNTS, &[]);
            },
        )
        .at(75, [burn(BURNS), burn(SLOWLY)]),
        case(
            BURNS,
            "late events count as delivered, at once or after they were missing",
            80,
            |world| {
                of_a_thousand(world, "late", 30.0, f64::INFINITY);
                let revised = [("from", "missing"), ("to", "late"), ("schema", SCHEMA)];
                world
                    .set(EVENTS, &verdict("missing", SCHEMA), growing(1.0, 30.0))
                    .set(
                        "landfall_verdicts_revised_total",
                        &revised,
                        growing(1.0, 30.0),
                    )
                    .hold(LATE_COUNTS, &OBJECTIVE, 1.0);
            },
        )
        .quiet_at(75),
        case(
            BURNS,
            "late events count, and lost ones do not",
            80,
            |world| {
                lose(world, 10.0);
                world.hold(LATE_COUNTS, &OBJECTIVE, 1.0);
            },
        )
        .at(75, [burn(BURNS), burn(SLOWLY), firing(LOST)]),
        case(
            BURNS,
            "everything fails, and the target is low",
            80,
            |world| {
                of_a_thousand(world, "altered", 1000.0, f64::INFINITY);
                world
                    .hold("landfall_delivery_objective_ratio", &OBJECTIVE, 0.8)
                    .hold(OPEN, &cause("altered"), 1.0);
            },
        )
        .at(
            75,
            [burn(BURNS), burn(SLOWLY), firing("LandfallEventsAltered")],
        ),
        case(SLOWLY, "of the schemas beyond the bound", 80, |world| {
            world
                .set(EVENTS, &verdict("delivered", "(other)"), |minute| {
                    997.0 * minute
                })
                .set(EVENTS, &verdict("missing", "(other)"), |minute| {
                    3.0 * minute
                })
                .hold(OPEN, &cause("loss"), 1.0);
        })
        .at(
            75,
            [
                firing(SLOWLY)
                    .label("check", "delivery-objective")
                    .label("schema", "(other)")
                    .label("owner", "(nobody)")
                    .says(&says_slowly("0.3%").replace("Edit/11", "(other)")),
                firing(LOST),
            ],
        ),
    ]
}

/// Three events a day, of which the second is lost.
fn three_a_day(world: &mut World) {
    world
        .set(EVENTS, &verdict("delivered", SCHEMA), |minute| {
            from(480.0, 0.0, 1.0)(minute) + from(1440.0, 0.0, 1.0)(minute)
        })
        .set(EVENTS, &verdict("missing", SCHEMA), from(960.0, 0.0, 1.0))
        .set(
            "landfall_overdue_events",
            &[("schema", SCHEMA)],
            from(960.0, 0.0, 1.0),
        )
        .set(OPEN, &cause("loss"), within(960.0, 965.0));
}

const REVISED: [(&str, &str); 3] = [("from", "missing"), ("to", "late"), ("schema", SCHEMA)];

fn quiet_schemas() -> Vec<Case> {
    let quiet = || {
        firing(QUIET)
            .label("schema", SCHEMA)
            .label("owner", SCHEMA_OWNER)
    };
    vec![
        case(QUIET, "one of three events a day is lost", 2600, three_a_day)
            .quiet_at(950)
            .at(970, [quiet(), firing(LOST)])
            .at(1000, [quiet().says("1 of the few events of Edit/11 went missing within a day. Next: landfall incidents --open, landfall missing --count, landfall backfill --dry-run")])
            .at(1500, [quiet()])
            .quiet_at(2500),
        case(QUIET, "it landed after all", 1600, |world| {
            three_a_day(world);
            world
                .set("landfall_verdicts_revised_total", &REVISED, from(1100.0, 0.0, 1.0))
                .set("landfall_overdue_events", &[("schema", SCHEMA)], within(960.0, 1100.0));
        })
        .at(1050, [quiet()])
        .quiet_at(1120)
        .quiet_at(1500),
        case(QUIET, "a restart forgets what is overdue, and does not resolve it", 1600, |world| {
            three_a_day(world);
            world.restart(1200.0, 1.0);
        })
        .at(1300, [quiet()])
        .at(1550, [quiet()]),
        case(QUIET, "it landed after a restart", 1600, |world| {
            three_a_day(world);
            world
                .set("landfall_verdicts_revised_total", &REVISED, from(1300.0, 0.0, 1.0))
                .restart(1200.0, 1.0);
        })
        .at(1250, [quiet()])
        .quiet_at(1330),
        case(QUIET, "what an outage lost is told by the outage", 1600, |world| {
            three_a_day(world);
            world
                .hold(OPEN, &cause("loss"), 0.0)
                .set(OPEN, &cause("stalled"), within(950.0, 970.0));
        })
        .at(965, [firing("LandfallEventsStalled")])
        .quiet_at(1100)
        .quiet_at(1500),
        case(QUIET, "a busy schema is a matter of its objective", 90, |world| {
            world
                .set(EVENTS, &verdict("missing", SCHEMA), from(60.0, 0.0, 2.0))
                .set("landfall_overdue_events", &[("schema", SCHEMA)], from(60.0, 0.0, 2.0));
        })
        .quiet(),
    ]
}
