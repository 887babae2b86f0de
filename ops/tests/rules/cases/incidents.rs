//! Cases of the causes of incidents.

use super::{EVENTS, NONE, OPEN, cause, from, growing, verdict, within};
use crate::case::{Case, Firing, case, firing};
use crate::healthy::{CHECK_OWNER, LANDFALL_OWNER, SCHEMA_OWNER};
use crate::world::{ENDPOINTS, SCHEMA, World};

/// What a case makes of a healthy world.
type Change = fn(&mut World);

pub fn cases() -> Vec<Case> {
    [
        stalls(),
        losses(),
        wrong_rows(),
        nameless(),
        unexpected(),
        others(),
    ]
    .concat()
}

/// The alert, with the labels of the schema.
fn of_schema(alert: &'static str) -> Firing {
    firing(alert)
        .label("schema", SCHEMA)
        .label("owner", SCHEMA_OWNER)
}

/// The alert without a schema.
fn bare(alert: &'static str) -> Firing {
    firing(alert).label("owner", LANDFALL_OWNER)
}

/// The writer is dead from minute 10 to 35; what was lost is reported until minute 45.
fn dead_writer(world: &mut World) {
    let delivered = |minute: f64| 10.0 * (minute.min(10.0) + (minute - 35.0).max(0.0));
    world
        .set(EVENTS, &verdict("delivered", SCHEMA), delivered)
        .set(EVENTS, &verdict("missing", SCHEMA), |minute| {
            10.0 * (minute - 20.0).clamp(0.0, 25.0)
        })
        .set("landfall_overdue_events", &[("schema", SCHEMA)], |minute| {
            10.0 * (minute - 20.0).clamp(0.0, 25.0)
        })
        .set("landfall_pending_events", &[("schema", SCHEMA)], |minute| {
            20.0 + 10.0 * (minute - 10.0).clamp(0.0, 10.0)
        })
        .set(OPEN, &cause("stalled"), within(12.0, 50.0));
}

/// Edit/11 does not land any more from minute 10 on, and Search/3 does.
fn stalled_schema(world: &mut World) {
    world
        .set(EVENTS, &verdict("delivered", SCHEMA), |minute| {
            10.0 * minute.min(10.0)
        })
        .set(EVENTS, &verdict("delivered", "Search/3"), |minute| {
            10.0 * minute
        })
        .hold("landfall_pending_events", &[("schema", "Search/3")], 20.0)
        .set(OPEN, &cause("stalled"), from(25.0, 0.0, 1.0));
}

const WRITTEN: [(&str, &str); 2] = [("stream", ENDPOINTS[1].0), ("endpoint", ENDPOINTS[1].1)];

fn stalls() -> Vec<Case> {
    const NOT_CONNECTED: &str = "LandfallNotConnected";
    const STALLED: &str = "LandfallEventsStalled";
    const SCHEMA_STALLED: &str = "LandfallSchemaStalled";
    vec![
        case(STALLED, "the writer is dead, and is one alert until all is told", 100, dead_writer)
            .quiet_at(13)
            .at(19, [bare(STALLED).says("Nothing lands. Events that wait: 110; missing in all, with those of earlier outages: 0. See the writer. Next: landfall incidents --open; once it writes again, landfall backfill --incident N --dry-run")])
            .at(30, [bare(STALLED).says("Nothing lands. Events that wait: 120; missing in all, with those of earlier outages: 100. See the writer. Next: landfall incidents --open; once it writes again, landfall backfill --incident N --dry-run")])
            .at(52, [bare(STALLED)])
            .quiet_at(60)
            .quiet_at(90)
            ,
        case(STALLED, "it is told though nothing says what waits", 30, |world| {
            dead_writer(world);
            world
                .without("landfall_pending_events", NONE)
                .without("landfall_overdue_events", NONE);
        })
        .at(19, [bare(STALLED).says("Nothing lands. Events that wait: 0; missing in all, with those of earlier outages: 0. See the writer. Next: landfall incidents --open; once it writes again, landfall backfill --incident N --dry-run")]),
        case(STALLED, "a restart while the writer is dead does not resolve it", 60, |world| {
            dead_writer(world);
            world
                .set(OPEN, &cause("stalled"), |minute| {
                    if !(20.0..24.0).contains(&minute) { within(12.0, 50.0)(minute) } else { 0.0 }
                })
                .down(20.0..21.0);
        })
        .at(19, [bare(STALLED)])
        .at(22, [bare(STALLED)])
        .at(30, [bare(STALLED)]),
        case(STALLED, "Landfall is cut off, and the writer that comes back is dead", 60, |world| {
            dead_writer(world);
            world.set("landfall_source_connected", &WRITTEN, |minute| {
                1.0 - within(12.0, 22.0)(minute)
            });
        })
        .at(19, [firing(NOT_CONNECTED)])
        .at(28, [bare(STALLED), firing(NOT_CONNECTED)])
        .at(40, [bare(STALLED)]),
        case(STALLED, "one of two writers is away, and nothing lands at all", 60, |world| {
            dead_writer(world);
            let other = [WRITTEN[0], ("endpoint", "tcp://127.0.0.1:8601")];
            world.set("landfall_source_connected", &other, |minute| {
                1.0 - within(12.0, 61.0)(minute)
            });
        })
        .at(30, [bare(STALLED), firing(NOT_CONNECTED)]),
        case(STALLED, "a minute is too short", 30, |world| {
            world.set(OPEN, &cause("stalled"), within(10.0, 11.0));
        })
        .quiet(),
        case(SCHEMA_STALLED, "one schema does not land while another does", 50, stalled_schema)
            .quiet_at(30)
            .at(38, [of_schema(SCHEMA_STALLED).says("Nothing of Edit/11 lands while others do. Events that wait: 20. Next: landfall incidents --open; once it lands again, landfall backfill --incident N --dry-run")]),
        case(STALLED, "a schema that has stalled lands again while another one always did", 70, |world| {
            stalled_schema(world);
            world
                .set(EVENTS, &verdict("delivered", SCHEMA), |minute| {
                    10.0 * (minute.min(10.0) + (minute - 40.0).max(0.0))
                })
                .set(OPEN, &cause("stalled"), within(25.0, 48.0));
        })
        .at(38, [of_schema(SCHEMA_STALLED)])
        .at(47, [of_schema(SCHEMA_STALLED)])
        .quiet_at(65),
        case(STALLED, "all that waited of a schema that stalls is overdue", 70, |world| {
            stalled_schema(world);
            world.set("landfall_pending_events", &[("schema", SCHEMA)], from(30.0, 20.0, 0.0));
        })
        .quiet_at(45)
        .quiet_at(65),
        case(SCHEMA_STALLED, "after an outage of all, a rare schema lands last", 90, |world| {
            dead_writer(world);
            world.hold("landfall_pending_events", &[("schema", "Rare/1")], 1.0);
            world.set(EVENTS, &verdict("delivered", "Rare/1"), from(43.0, 0.0, 1.0));
        })
        .at(40, [bare(STALLED)])
        .at(52, [bare(STALLED)])
        .quiet_at(80),
    ]
}

/// So many events of a schema go missing at minute 10.
fn lose(world: &mut World, schema: &str, events: f64) {
    world
        .set(EVENTS, &verdict("missing", schema), from(10.0, 0.0, events))
        .set(
            "landfall_overdue_events",
            &[("schema", schema)],
            from(10.0, 0.0, events),
        )
        .set(OPEN, &cause("loss"), within(10.0, 16.0));
}

/// Three of ten events go missing from minute 5 on.
fn lose_a_third(world: &mut World) {
    world
        .set(EVENTS, &verdict("delivered", SCHEMA), |minute| {
            10.0 * minute.min(5.0) + 7.0 * (minute - 5.0).max(0.0)
        })
        .set(EVENTS, &verdict("missing", SCHEMA), growing(5.0, 3.0))
        .set(
            "landfall_overdue_events",
            &[("schema", SCHEMA)],
            growing(5.0, 3.0),
        )
        .set(OPEN, &cause("loss"), from(5.0, 0.0, 1.0));
}

fn losses() -> Vec<Case> {
    const LOST: &str = "LandfallEventsLost";
    const MANY: &str = "LandfallManyEventsLost";
    /// Of these schemas nothing else comes.
    const QUIET: &str = "LandfallQuietSchemaLosesEvents";
    const NEXT: &str = "Next: landfall incidents --open, landfall missing --incident N --count, landfall backfill --incident N --dry-run";
    let lost = |text: &str| format!("{text}. {NEXT}");
    vec![
        case(LOST, "two events are lost", 60, |world| lose(world, SCHEMA, 2.0))
            .quiet_at(9)
            .at(12, [of_schema(LOST).says(&lost("2 events of Edit/11 went missing within 15 minutes"))])
            .at(20, [of_schema(LOST)])
            .quiet_at(40),
        case(LOST, "schemas beyond the bound", 20, |world| {
            lose(world, "(other)", 2.0);
            world.hold("landfall_schema_owner_info", &[("schema", "(other)"), ("owner", "platform")], 1.0);
        })
        .at(12, [firing(LOST).label("schema", "(other)").label("owner", "platform").says(&lost("2 events of (other) went missing within 15 minutes")), firing(QUIET)]),
        case(LOST, "the counters say nothing, and the gauge does", 20, |world| {
            world.set(OPEN, &cause("loss"), from(10.0, 0.0, 1.0));
        })
        .at(12, [bare(LOST).says(&lost("Open incidents of lost events: 1"))]),
        case(LOST, "the counter stands still, and the incident stays open", 40, |world| {
            lose(world, SCHEMA, 2.0);
            world.set(OPEN, &cause("loss"), from(10.0, 0.0, 1.0));
        })
        .at(12, [of_schema(LOST)])
        .at(38, [bare(LOST).says(&lost("Open incidents of lost events: 1"))]),
        case(LOST, "a counter alone is no incident", 40, |world| {
            lose(world, SCHEMA, 2.0);
            world.hold(OPEN, &cause("loss"), 0.0);
        })
        .quiet(),
        case(LOST, "a name that is hard to quote", 20, |world| lose(world, NASTY, 2.0))
            .at(12, [firing(LOST).label("schema", NASTY).label("owner", "(nobody)").says(&lost(&format!("2 events of {NASTY} went missing within 15 minutes"))), firing(QUIET)]),
        case(MANY, "a third is lost for long: one page", 60, lose_a_third)
            .quiet_at(4)
            .at(30, [
                of_schema(LOST),
                of_schema(MANY).says("45 events of Edit/11 went missing within 15 minutes while others landed. Next: landfall incidents --open, landfall missing --incident N --count, landfall backfill --incident N --dry-run"),
            ])
            .at(59, [of_schema(LOST), of_schema(MANY)]),
        case(MANY, "many of very many is a matter of the objective", 30, |world| {
            world
                .set(EVENTS, &verdict("delivered", SCHEMA), |minute| 10_000.0 * minute)
                .set(EVENTS, &verdict("missing", SCHEMA), growing(5.0, 3.0))
                .set(OPEN, &cause("loss"), from(5.0, 0.0, 1.0));
        })
        .at(29, [of_schema(LOST)]),
    ]
}

const NASTY: &str = "A \"b\"\\\\/1&c={{ x }}#?é 100%";

/// Events that the pipeline refuses because they name no schema.
fn nameless() -> Vec<Case> {
    const NAMELESS: &str = "LandfallEventsWithoutSchema";
    const NONE: [(&str, &str); 2] = verdict("rejected", "(none)");
    let nameless_of = |schema| {
        firing(NAMELESS)
            .label("schema", schema)
            .label("owner", "(nobody)")
    };
    vec![
        case(NAMELESS, "seven of ten name no schema", 60, |world| {
            world.set(EVENTS, &NONE, growing(10.0, 23.0));
        })
        .quiet_at(9)
        .at(
            30,
            [firing(NAMELESS)
                .label("schema", "(none)")
                .label("owner", "(nobody)")
                .says("345 events without the name of a schema came in, within 15 minutes or, if they are few, within a day; the pipeline refuses them. Next: see who sends them, in the samples of violations (the runbook has the query)")],
        ),
        case(NAMELESS, "a few stray ones name none", 600, |world| {
            world.set(EVENTS, &NONE, growing(10.0, 0.05));
        })
        .quiet(),
        case(NAMELESS, "a pipeline of few events, of which half name none", 1500, |world| {
            let few = |minute: f64| (minute / 60.0).floor();
            world
                .set(EVENTS, &verdict("delivered", SCHEMA), few)
                .set(EVENTS, &NONE, move |minute| few(minute.min(1200.0)));
        })
        .quiet_at(400)
        .at(700, [nameless_of("(none)")])
        .at(1200, [nameless_of("(none)")]),
        case(NAMELESS, "a small producer beside a large one", 900, |world| {
            world
                .set(EVENTS, &verdict("delivered", SCHEMA), |minute| 10_000.0 * minute)
                .set(EVENTS, &NONE, |minute| 4.0 * (minute - 10.0).clamp(0.0, 290.0));
        })
        .quiet_at(240)
        .at(290, [nameless_of("(none)")])
        .quiet_at(720),
        case(NAMELESS, "one in a thousand names none", 60, |world| {
            world
                .set(EVENTS, &verdict("delivered", SCHEMA), |minute| 10_000.0 * minute)
                .set(EVENTS, &NONE, growing(10.0, 10.0));
        })
        .quiet(),
        case(NAMELESS, "a schema is left out on purpose", 60, |world| {
            world.set(EVENTS, &verdict("rejected", SCHEMA), growing(10.0, 23.0));
        })
        .quiet(),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn wrong_rows() -> Vec<Case> {
    fn altered(world: &mut World) {
        world
            .set(EVENTS, &verdict("altered", SCHEMA), from(10.0, 0.0, 3.0))
            .set(OPEN, &cause("altered"), within(10.0, 16.0));
    }
    fn leaked(world: &mut World) {
        // Most are judged first, and land then.
        let revised = [("from", "rejected"), ("to", "leaked"), ("schema", SCHEMA)];
        world
            .set(
                "landfall_verdicts_revised_total",
                &revised,
                from(10.0, 0.0, 3.0),
            )
            .set(OPEN, &cause("leaked"), within(10.0, 16.0));
    }
    fn duplicated(world: &mut World) {
        world
            .set(
                "landfall_duplicates_total",
                &[("schema", SCHEMA)],
                from(10.0, 0.0, 3.0),
            )
            .set(OPEN, &cause("duplicate"), within(10.0, 16.0));
    }
    fn unjudged(world: &mut World) {
        world
            .set(EVENTS, &verdict("unjudged", "(none)"), from(10.0, 0.0, 3.0))
            .set(OPEN, &cause("unjudged"), within(10.0, 16.0));
    }
    const ALTERED: &str = "LandfallEventsAltered";
    const LEAKED: &str = "LandfallEventsLeaked";
    const DUPLICATED: &str = "LandfallEventsDuplicated";
    const UNJUDGED: &str = "LandfallEventsUnjudged";
    let says = |text: &str| format!("{text} within 15 minutes. Next: landfall incidents --open");
    let mut cases = vec![
        case(ALTERED, "three events have other values", 40, altered)
            .at(
                12,
                [of_schema(ALTERED).says(&says("3 events of Edit/11 landed with other values"))],
            )
            .quiet_at(30),
        case(LEAKED, "three invalid events landed", 40, leaked)
            .at(
                12,
                [of_schema(LEAKED).says(&says("3 invalid events of Edit/11 landed"))],
            )
            .quiet_at(30),
        case(DUPLICATED, "three rows are too many", 40, duplicated)
            .at(
                12,
                [of_schema(DUPLICATED).says(&says("3 rows too many of Edit/11 landed"))],
            )
            .quiet_at(30),
        case(UNJUDGED, "three events name no schema", 40, unjudged)
            .at(
                12,
                [firing(UNJUDGED)
                    .label("schema", "(none)")
                    .label("owner", "(nobody)")
                    .says(&says("3 events of (none) could not be judged"))],
            )
            .quiet_at(30),
    ];
    for (alert, name) in [
        (ALTERED, "altered"),
        (LEAKED, "leaked"),
        (DUPLICATED, "duplicate"),
        (UNJUDGED, "unjudged"),
    ] {
        let (change, no_incident): (Change, Change) = match name {
            "altered" => (
                |w| open_alone(w, "altered"),
                |w| {
                    altered(w);
                    w.hold(OPEN, &cause("altered"), 0.0);
                },
            ),
            "leaked" => (
                |w| open_alone(w, "leaked"),
                |w| {
                    leaked(w);
                    w.hold(OPEN, &cause("leaked"), 0.0);
                },
            ),
            "duplicate" => (
                |w| open_alone(w, "duplicate"),
                |w| {
                    duplicated(w);
                    w.hold(OPEN, &cause("duplicate"), 0.0);
                },
            ),
            _ => (
                |w| open_alone(w, "unjudged"),
                |w| {
                    unjudged(w);
                    w.hold(OPEN, &cause("unjudged"), 0.0);
                },
            ),
        };
        cases.push(case(alert, "the gauge alone says so", 20, change).at(12, [bare(alert)]));
        cases.push(case(alert, "a counter alone is no incident", 30, no_incident).quiet());
    }
    cases
}

fn open_alone(world: &mut World, of: &'static str) {
    world.set(OPEN, &cause(of), within(10.0, 16.0));
}

fn unexpected() -> Vec<Case> {
    const UNEXPECTED: &str = "LandfallEventsUnexpected";
    fn rows(world: &mut World) {
        world
            .set(
                "landfall_unexpected_total",
                &[("schema", SCHEMA)],
                from(90.0, 0.0, 3.0),
            )
            .set(OPEN, &cause("unexpected"), within(90.0, 97.0));
    }
    vec![
        case(UNEXPECTED, "three rows have no event", 140, rows)
            .at(93, [of_schema(UNEXPECTED).says("3 rows of Edit/11 landed of which no event came in within 15 minutes. Next: landfall incidents --open")])
            .quiet_at(120),
        case(UNEXPECTED, "the gauge alone says so", 140, |world| {
            world.set(OPEN, &cause("unexpected"), within(90.0, 97.0));
        })
        .at(93, [bare(UNEXPECTED)]),
        case(UNEXPECTED, "nothing says when the process started", 140, |world| {
            rows(world);
            world.without("landfall_process_start_time_seconds", NONE);
        })
        .at(93, [of_schema(UNEXPECTED), firing("LandfallSeriesAbsent")]),
        case(UNEXPECTED, "after a restart", 140, |world| {
            rows(world);
            world.restart(80.0, 1.0);
            world.set(OPEN, &cause("unexpected"), within(81.0, 97.0));
        })
        .quiet(),
        case(UNEXPECTED, "after the first start", 60, |world| {
            world
                .set("landfall_unexpected_total", &[("schema", SCHEMA)], growing(0.0, 3.0))
                .set(OPEN, &cause("unexpected"), within(1.0, 15.0));
        })
        .quiet(),
        case(UNEXPECTED, "after a lost connection", 140, |world| {
            rows(world);
            let endpoint = [("stream", "raw"), ("endpoint", "tcp://127.0.0.1:8421")];
            world.set("landfall_source_disconnects_total", &endpoint, from(88.0, 0.0, 1.0));
        })
        .quiet(),
    ]
}

fn others() -> Vec<Case> {
    const SILENT: &str = "LandfallStreamSilent";
    const FINDING: &str = "LandfallCheckFinding";
    const UNWATCHED: &str = "LandfallUnwatched";
    fn finding(world: &mut World, severity: &str) {
        let labels = [
            ("check", "delivery-objective"),
            ("reason", "below_target"),
            ("severity", severity),
        ];
        world.set(
            "landfall_check_findings_total",
            &labels,
            from(10.0, 0.0, 2.0),
        );
    }
    vec![
        case(SILENT, "a stream brings nothing", 20, |world| {
            world.set(OPEN, &cause("silent"), from(10.0, 0.0, 1.0));
        })
        .at(13, [bare(SILENT).says("A stream brings nothing at all, for longer than streams.*.silence. Open incidents of silent streams: 1. Next: landfall incidents --open")]),
        case(SILENT, "a minute is too short", 20, |world| {
            world.set(OPEN, &cause("silent"), within(10.0, 11.0));
        })
        .quiet(),
        case(UNWATCHED, "the connection to the writer was lost", 30, |world| {
            world.set(OPEN, &cause("unwatched"), within(10.0, 15.0));
        })
        .at(13, [bare(UNWATCHED).says("Landfall did not see a stream for a while, and cannot tell what landed meanwhile. Open incidents: 1. Next: landfall coverage, then landfall missing --verdict unconfirmed")])
        .quiet_at(28),
        case(UNWATCHED, "all is seen, and an incident of another cause is open", 20, |world| {
            world.set(OPEN, &cause("altered"), |_| 0.0);
        })
        .quiet(),
        case(FINDING, "a window is short of its objective", 60, |world| {
            finding(world, "warning");
            world.set(OPEN, &cause("finding"), within(10.0, 16.0));
        })
        .at(12, [firing(FINDING).label("check", "delivery-objective").label("reason", "below_target").label("owner", CHECK_OWNER).says("2 findings of the check delivery-objective (below_target) within 15 minutes. Next: landfall incidents --open")])
        .quiet_at(50),
        case(FINDING, "Landfall was cut off from the writer before it", 60, |world| {
            finding(world, "warning");
            world
                .set(OPEN, &cause("finding"), within(10.0, 16.0))
                .set("landfall_source_connected", &WRITTEN, |minute| {
                    1.0 - within(4.0, 5.0)(minute)
                });
        })
        .quiet(),
        case(FINDING, "the gauge alone says so", 20, |world| {
            world.set(OPEN, &cause("finding"), from(10.0, 0.0, 2.0));
        })
        .at(12, [bare(FINDING).says("Open incidents of findings: 2. Next: landfall incidents --open")]),
        case(FINDING, "findings to be known are no incident", 30, |world| finding(world, "info"))
            .quiet(),
    ]
}
