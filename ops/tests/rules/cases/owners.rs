//! Cases of owners: an alert fires whatever the info metric of its owner is.

use super::{EVENTS, NONE, OPEN, cause, from, verdict};
use crate::case::{Case, Firing, case, firing};
use crate::healthy::{LANDFALL_OWNER, SCHEMA_OWNER};
use crate::world::{SCHEMA, World};

const LOST: &str = "LandfallEventsLost";
const STORE: &str = "LandfallStoreFailing";
const INFO: &str = "landfall_schema_owner_info";

fn lose(world: &mut World) {
    world
        .set(EVENTS, &verdict("missing", SCHEMA), from(10.0, 0.0, 2.0))
        .set(OPEN, &cause("loss"), from(10.0, 0.0, 1.0))
        .set("landfall_store_failing", &[], from(10.0, 0.0, 1.0));
}

fn both(schema: &str, landfall: &str) -> Vec<Firing> {
    // With all that they say, so that promtool holds their labels against these.
    vec![
        firing(LOST).label("schema", SCHEMA).label("owner", schema).says("2 events of Edit/11 went missing within 15 minutes. Next: landfall incidents --open, landfall missing --incident N --count, landfall backfill --incident N --dry-run"),
        firing(STORE).label("owner", landfall).says("The store of Landfall at a:9470 cannot be written: everything waits for it, and nothing that is found is durable. Next: curl http://a:9470/readyz says why; free the disk, or put the directory back"),
    ]
}

pub fn cases() -> Vec<Case> {
    const NOBODY: &str = "(nobody)";
    vec![
        case(LOST, "nothing says who owns anything", 30, |world| {
            lose(world);
            world
                .without(INFO, NONE)
                .without("landfall_owner_info", NONE);
        })
        .at(18, both(NOBODY, NOBODY)),
        case(LOST, "two own it", 30, |world| {
            lose(world);
            world
                .hold(INFO, &[("schema", SCHEMA), ("owner", "search")], 1.0)
                .hold("landfall_owner_info", &[("owner", "search")], 1.0);
        })
        .at(18, both(NOBODY, NOBODY)),
        case(LOST, "the owner has no name", 30, |world| {
            lose(world);
            world
                .without(INFO, NONE)
                .without("landfall_owner_info", NONE)
                .hold(INFO, &[("schema", SCHEMA), ("owner", "")], 1.0)
                .hold("landfall_owner_info", &[("owner", "")], 1.0);
        })
        .at(18, both(NOBODY, NOBODY)),
        case(
            LOST,
            "it changed hands: the new owner is told",
            30,
            |world| {
                lose(world);
                world
                    .some(
                        INFO,
                        &[("schema", SCHEMA), ("owner", SCHEMA_OWNER)],
                        |minute| (minute < 8.0).then_some(1.0),
                    )
                    .some(INFO, &[("schema", SCHEMA), ("owner", "search")], |minute| {
                        (minute >= 8.0).then_some(1.0)
                    });
            },
        )
        .at(18, both("search", LANDFALL_OWNER)),
        case(
            LOST,
            "scrapes fail while it fires, and it stays with its owner",
            40,
            |world| {
                lose(world);
                world.down(17.0..18.0).down(20.0..24.0);
            },
        )
        .at(16, both(SCHEMA_OWNER, LANDFALL_OWNER))
        .at(18, both(SCHEMA_OWNER, LANDFALL_OWNER))
        .at(24, both(SCHEMA_OWNER, LANDFALL_OWNER)),
        case(LOST, "two clusters have targets of one name", 30, |world| {
            lose(world);
            world.copied("job=", "cluster=\"two\",job=", 0.0..31.0);
        })
        .at(18, {
            let mut all = both(SCHEMA_OWNER, LANDFALL_OWNER);
            let two = all
                .clone()
                .into_iter()
                .map(|one| one.label("cluster", "two"));
            all.extend(two.collect::<Vec<_>>());
            all
        }),
        case(LOST, "one of two instances", 30, |world| {
            world.twin("b:9470", 0.0, 31.0);
            lose(world);
        })
        .at(18, both(SCHEMA_OWNER, LANDFALL_OWNER)),
    ]
}
