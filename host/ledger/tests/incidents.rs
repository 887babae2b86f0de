//! When incidents open, grow, pause and close: a script of what is handed in, and the incidents that
//! must come out. Stall 100 ms, stall of a schema 300 ms, clear 50 ms, longest deadline 200 ms.
//!
//! Long: it is one table of scripts.

#[path = "support/watch.rs"]
mod watch;

use landfall_ledger::{Cause, Incident, IncidentId, SchemaId, Scope, Share};
use watch::{Watch, check};

#[test]
fn an_outage_opens_before_any_deadline_and_counts_what_was_lost() {
    check(
        "arrived a 0..90
         landed a at 95
         now 100
         arrived a 110..200
         now 210
         arrived a 201..230
         now 211
         missing a at 110 due 310
         missing a at 230 due 430
         landed a at 260
         arrived a 261
         landed a at 262
         now 440
         now 600",
        "opened at 211 #1 stalled pipeline 110..110
         #1 stalled pipeline 110..230 told 211 resumed 262 closed 600 events 2 (a 2)",
    );
}

#[test]
fn what_came_in_before_the_last_landing_and_is_lost_belongs_to_the_outage() {
    check(
        "arrived a 0..99
         landed a at 95
         arrived a 100..150
         now 250
         missing a at 90 due 290
         landed a at 300
         now 301
         now 400",
        "opened at 250 #1 stalled pipeline 95..95
         #1 stalled pipeline 90..90 told 250 resumed 300 closed 400 events 1 (a 1)",
    );
}

#[test]
fn outages_with_health_between_them_are_two_whatever_the_longest_deadline() {
    check(
        "deadline 100000
         arrived a 0..10
         now 150
         landed a at 200
         now 201
         arrived a 210
         landed a at 215
         arrived a 260..300
         now 400
         landed a at 420
         now 421
         missing a at 10 due 500
         missing a at 270 due 560
         now 600",
        "opened at 150 #1 stalled pipeline 0..0
         opened at 400 #2 stalled pipeline 260..260
         #1 stalled pipeline 0..10 told 150 resumed 200 closed 400 events 1 (a 1)
         #2 stalled pipeline 260..270 told 400 resumed 420 closed 600 events 1 (a 1)",
    );
}

#[test]
fn flapping_is_one_incident() {
    let mut watch = Watch::new();
    for turn in 0..20 {
        let from = turn * 150;
        watch.step(&format!("arrived a {from}..{}", from + 10));
        watch.step(&format!("now {}", from + 120));
        watch.step(&format!("landed a at {}", from + 130));
        watch.step(&format!("now {}", from + 131));
    }
    watch.step("now 4000");
    assert_eq!(
        watch.end(),
        "opened at 120 #1 stalled pipeline 0..0\n\
         #1 stalled pipeline 0..2980 told 120 resumed 2980 closed 4000 events 0\n"
    );
}

#[test]
fn one_that_closed_a_moment_ago_goes_on() {
    check(
        "at 100
         note altered a 1 at 100
         now 100
         now 149
         now 150
         at 151
         note altered a 2 at 145..148
         now 151
         now 300
         at 400
         note altered a 1 at 399
         now 401
         now 500",
        "opened at 100 #1 altered a 100..100
         opened at 401 #2 altered a 399..399
         #1 altered a 100..148 told 100 closed 300 events 3 (a 3)
         #2 altered a 399..399 told 400 closed 500 events 1 (a 1)",
    );
}

#[test]
fn a_partial_loss_is_one_incident_by_schema() {
    check(
        "arrived a 0..40
         landed a at 40
         arrived b 0..40
         landed b at 45
         now 100
         at 131
         missing a at 10 due 110
         missing a at 20 due 120
         missing b at 30 due 130
         now 131
         late 1 a
         now 200",
        "opened at 131 #1 loss a 10..20
         opened at 131 #2 loss b 30..30
         #1 loss a 10..20 told 131 closed 200 events 2 landed late 1 (a 2 late 1)
         #2 loss b 30..30 told 131 closed 200 events 1 (b 1)",
    );
}

#[test]
fn a_loss_in_good_times_is_no_part_of_an_outage_that_is_over() {
    check(
        "arrived a 0..10
         now 120
         landed a at 130
         now 131
         arrived a 140..300
         landed a at 310
         at 311
         missing a at 200 due 300
         now 311
         now 400",
        "opened at 120 #1 stalled pipeline 0..0
         opened at 311 #2 loss a 200..200
         #1 stalled pipeline 0..130 told 120 resumed 130 closed 311 events 0
         #2 loss a 200..200 told 311 closed 400 events 1 (a 1)",
    );
}

#[test]
fn a_jump_of_time_over_the_whole_stall_leaves_its_events_in_one_incident() {
    check(
        "arrived a 0..10
         arrived b 0..10
         at 10000
         missing a at 5 due 205
         missing b at 6 due 206
         now 10000",
        "opened at 10000 #1 stalled pipeline 0..6
         #1 stalled pipeline 0..6 told 10000 open events 2 (a 1, b 1)",
    );
}

#[test]
fn an_event_that_is_told_before_time_moved_opens_the_stall_that_lost_it() {
    check(
        "arrived a 0..10
         arrived b 0..10
         missing a at 5 due 205
         missing b at 6 due 206
         now 206
         late 1 b
         now 207",
        "opened at 206 #1 stalled pipeline 0..6
         #1 stalled pipeline 0..6 told 0 open events 2 landed late 1 (a 1, b 1 late 1)",
    );
}

#[test]
fn a_landing_that_is_told_before_its_activity_ends_a_stall() {
    check(
        "arrived a 0..10
         something landed at 95
         missing a at 5 due 205
         now 206
         now 300",
        "opened at 206 #1 loss a 5..5
         #1 loss a 5..5 told 5 closed 206 events 1 (a 1)",
    );
}

#[test]
fn an_incident_closes_when_it_has_been_quiet_for_the_time_itself() {
    check(
        "at 100
         note altered a 1 at 100
         now 149
         now 150
         now 300",
        "opened at 149 #1 altered a 100..100
         #1 altered a 100..100 told 100 closed 150 events 1 (a 1)",
    );
    check(
        "at 100
         note altered a 1 at 100
         now 149",
        "opened at 149 #1 altered a 100..100
         #1 altered a 100..100 told 100 open events 1 (a 1)",
    );
}

#[test]
fn what_began_one_moment_after_an_incident_may_still_go_on_is_another() {
    for (start, count) in [(150, 1), (151, 2)] {
        let mut watch = Watch::new();
        watch.step("at 100");
        watch.step("note altered a 1 at 100");
        watch.step("now 150");
        watch.step("at 210");
        watch.step(&format!("note altered a 1 at {start}"));
        watch.step("now 210");
        assert_eq!(watch.incidents().count(), count, "at {start}");
    }
}

#[test]
fn of_closed_incidents_those_that_may_still_grow_are_kept_longest() {
    let mut watch = Watch::new();
    for schema in 0..64 {
        watch.step(&format!("note altered {schema} 1 at 10"));
    }
    watch.step("now 10");
    watch.step("now 60");
    watch.step("at 290");
    watch.step("note leaked z 1 at 290");
    for now in [290, 340, 341, 342] {
        watch.step(&format!("now {now}"));
    }
    // Deadlines of the newest have yet to pass; of the others the first has made room for it.
    for late in ["late 65 z", "late 2 1", "late 1 0"] {
        watch.step(late);
    }
    let text = watch.end();
    assert!(text.contains("late 1: gone"), "{text}");
    assert!(
        !text.contains("late 2: gone") && !text.contains("late 65: gone"),
        "{text}"
    );
}

#[test]
fn what_window_checks_find_is_told_by_reason_and_with_the_highest_severity() {
    check(
        "at 70
         found 1 warning a at 0..60
         found 2 critical a at 0..60
         now 70
         at 119
         found 1 critical a at 60..120
         found 1 warning a at 60..120
         found 1 warning b at 60..120
         now 130
         now 300",
        "opened at 70 #1 finding 1 warning a 0..60
         opened at 70 #2 finding 2 critical a 0..60
         opened at 130 #3 finding 1 warning b 60..120
         #1 finding 1 critical a 0..120 told 70 closed 300 events 3 (a 3)
         #2 finding 2 critical a 0..60 told 70 closed 130 events 1 (a 1)
         #3 finding 1 warning b 60..120 told 119 closed 300 events 1 (b 1)",
    );
}

#[test]
fn findings_of_ever_so_many_schemas_are_never_put_together_with_those_of_another_reason() {
    let mut watch = Watch::new();
    for reason in [1, 2] {
        for schema in 0..200 {
            watch.step(&format!("found {reason} warning {schema} at 0..10"));
        }
    }
    watch.step("now 20");
    assert_eq!(
        watch.open("finding"),
        66,
        "the bound, and one for each reason"
    );
    for reason in [1, 2] {
        let of_reason = |incident: &&landfall_ledger::Incident| {
            incident.found.map(|found| found.reason.0) == Some(reason)
        };
        let windows: u64 = watch.incidents().filter(of_reason).map(|i| i.events).sum();
        assert_eq!(windows, 200);
    }
}

#[test]
fn one_schema_that_stalls_while_others_land_has_an_incident_of_its_own() {
    check(
        "arrived a 0..10
         arrived b 0
         landed b at 200
         arrived b 250
         landed b at 251
         arrived b 300
         landed b at 305
         now 306
         now 311
         arrived b 400
         landed b at 405
         missing a at 5 due 410
         landed a at 420
         now 421
         now 480",
        "opened at 306 #1 stalled a 0..0
         #1 stalled a 0..5 told 306 resumed 420 closed 480 events 1 (a 1)",
    );
}

#[test]
fn a_schema_that_waits_while_the_whole_pipeline_is_stalled_has_no_incident_of_its_own() {
    check(
        "arrived a 0
         arrived b 240
         landed b at 250
         arrived b 255
         now 360",
        "opened at 360 #1 stalled pipeline 255..255
         #1 stalled pipeline 255..255 told 360 open events 0",
    );
}

#[test]
fn a_schema_whose_loss_is_already_told_does_not_stall_as_well() {
    check(
        "arrived a 0
         arrived b 0
         landed b at 50
         at 200
         missing a at 0 due 200
         now 201
         arrived b 290
         landed b at 295
         now 301
         arrived b 390
         landed b at 395
         now 5000",
        "opened at 201 #1 loss a 0..0
         #1 loss a 0..0 told 200 closed 301 events 1 (a 1)",
    );
}

#[test]
fn a_rare_schema_does_not_stall_because_its_last_event_came_in_during_an_outage() {
    check(
        "arrived a 0..400
         arrived b 5
         now 150
         landed a at 401
         now 402
         arrived a 410..700
         landed a at 705
         now 706
         now 760",
        "opened at 150 #1 stalled pipeline 0..0
         #1 stalled pipeline 0..401 told 150 resumed 401 closed 706 events 0",
    );
}

#[test]
fn schemas_beyond_the_bound_share_an_incident() {
    for cause in ["altered", "stalled"] {
        let mut watch = Watch::new();
        watch.step("at 340");
        for schema in 0..200 {
            if cause == "altered" {
                watch.step(&format!("note altered {schema} 1 at 10"));
            } else {
                watch.step(&format!("arrived {schema} 0"));
            }
        }
        watch.step("arrived z 350");
        watch.step("landed z at 355");
        watch.step("now 360");
        let open = watch.open(cause);
        assert_eq!(open, 65, "{cause}: the bound, and one for all others");
        let counted: u64 = watch.events(cause);
        assert_eq!(counted, if cause == "altered" { 200 } else { 0 });
    }
}

#[test]
fn silence_has_a_start_and_an_end() {
    check(
        "silence raw 100
         seen raw 50
         now 150
         now 151
         now 300
         seen raw 310
         now 311
         seen raw 400
         now 401
         now 501",
        "opened at 151 #1 silent raw 50..50
         opened at 501 #2 silent raw 400..400
         #1 silent raw 50..310 told 151 resumed 310 closed 401 events 0
         #2 silent raw 400..400 told 501 open events 0",
    );
}

#[test]
fn a_stream_that_is_held_back_is_not_silent_and_hides_no_silence_of_the_other() {
    check(
        "silence raw 100
         silence written 100
         seen raw 50
         seen written 50
         told raw 60
         told written 151
         now 151
         told written 400
         now 400",
        "opened at 151 #1 silent written 50..50
         #1 silent written 50..50 told 151 open events 0",
    );
}

#[test]
fn an_incident_that_was_open_before_a_restart_goes_on() {
    check(
        "restore 7
         note leaked a 1 at 20
         now 30
         now 100",
        "#7 leaked a 10..20 told 10 closed 100 events 2 (a 2)",
    );
    // Its number is not given again.
    check(
        "restore 7
         note altered a 1 at 20
         now 30",
        "opened at 30 #8 altered a 20..20
         #8 altered a 20..20 told 20 open events 1 (a 1)",
    );
}

#[test]
fn a_stall_that_went_on_before_a_restart_is_over_when_something_lands_and_not_before() {
    check(
        "stalled-before 7 pipeline 10..40
         now 50
         now 1000
         arrived a 1010
         missing a at 1010 due 1020
         now 1100
         landed a at 1110
         now 1120
         now 2000",
        "#7 stalled pipeline 10..1010 told 10 resumed 1110 closed 2000 events 2 (a 2)",
    );
    // Nobody watches for stalls of one schema any more: it is over.
    check(
        "schema-stall 0
         stalled-before 7 a 10..40
         now 50",
        "#7 stalled a 10..40 told 10 resumed 0 closed 50 events 1 (a 1)",
    );
    // One schema, while others land.
    check(
        "stalled-before 7 a 10..40
         now 50
         arrived b 1010
         landed b at 1012
         now 1015
         landed a at 1020
         now 1030",
        "#7 stalled a 10..40 told 10 resumed 1020 open events 1 (a 1)",
    );
}

/// Its schema had no name in the run that counted it.
#[test]
fn a_late_landing_of_an_earlier_run_is_counted_where_its_event_was() {
    let share = |schema: u16, events, landed_late| Share {
        schema: SchemaId(schema),
        events,
        landed_late,
        first_ms: 10,
        last_ms: 10,
    };
    for (shares, expected) in [
        (vec![share(5, 2, 1)], 5),
        (vec![share(0, 1, 0)], 0),
        (vec![share(0, 1, 0), share(5, 2, 1)], 5),
        (vec![share(0, 1, 0), share(5, 2, 2)], 0),
        (vec![share(0, 1, 1), share(5, 2, 2)], 5),
        (vec![share(4, 1, 0)], 5),
    ] {
        let incident = Incident {
            id: IncidentId(1),
            cause: Cause::Loss,
            scope: Scope::Pipeline,
            found: None,
            start_ms: 10,
            end_ms: 10,
            opened_ms: 10,
            closed_ms: None,
            resumed_ms: None,
            events: 1,
            landed_late: 0,
            shares,
        };
        assert_eq!(
            incident.counted_as(SchemaId(5)),
            SchemaId(expected),
            "{incident:?}"
        );
    }
}

#[test]
fn every_event_that_is_told_is_counted_in_exactly_one_incident() {
    for seed in 0..500 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut watch = Watch::new();
        let mut told = 0;
        let (mut now, mut opened, mut late) = (0, 0, 0);
        for _ in 0..200 {
            now += rng.i64(0..60);
            let schema = rng.u16(..4);
            match rng.u8(..10) {
                0..3 => watch.step(&format!("arrived {schema} {}..{now}", now - 10)),
                3..5 => watch.step(&format!("landed {schema} at {now}")),
                5..8 => {
                    let arrived = now - rng.i64(0..200);
                    watch.step(&format!("missing {schema} at {arrived} due {now}"));
                    told += 1;
                }
                8 if watch.last_missing().is_some() && late < told => {
                    if let Some((id, schema)) = watch.last_missing() {
                        watch.step(&format!("late {id} {schema}"));
                        late += 1;
                    }
                }
                _ => watch.step(&format!("now {now}")),
            }
        }
        for _ in 0..20 {
            now += 1000;
            watch.step(&format!("landed 0 at {now}"));
            watch.step(&format!("landed 1 at {now}"));
            watch.step(&format!("landed 2 at {now}"));
            watch.step(&format!("landed 3 at {now}"));
            watch.step(&format!("now {now}"));
        }
        for incident in watch.incidents() {
            opened += 1;
            let shares: u64 = incident.shares.iter().map(|share| share.events).sum();
            assert_eq!(shares, incident.events, "seed {seed}: {incident:?}");
            let bounds = incident.start_ms <= incident.end_ms;
            assert!(bounds && !incident.is_open(), "seed {seed}: {incident:?}");
            for share in &incident.shares {
                assert!(
                    share.events == 0
                        || (share.first_ms >= incident.start_ms
                            && share.last_ms <= incident.end_ms),
                    "seed {seed}: {incident:?}"
                );
            }
        }
        assert!(opened > 0, "seed {seed}");
        let counted = watch.events("stalled") + watch.events("loss");
        assert_eq!(counted, told, "seed {seed}");
    }
}

#[test]
fn an_incident_is_never_told_before_it_began() {
    // The raw stream is ahead of the time up to which landings are known.
    check(
        "now 100
         note leaked a 1 at 150
         now 110",
        "opened at 110 #1 leaked a 150..150
         #1 leaked a 150..150 told 150 open events 1 (a 1)",
    );
}
