//! Exactly the events that did not land are named: each kind of trouble on real sockets.

mod support;

use landfall_tests::wait::await_until;
use serde_json::json;
use support::{Event, Setup, Sidecar, event, invalid_event, keys};

fn events(range: std::ops::Range<u64>) -> Vec<Event> {
    range.map(event).collect()
}

#[test]
fn a_deaf_writer_is_a_stall_reported_before_any_deadline_and_every_lost_event_is_named() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "6s",
        stall: "1s",
        ..Setup::default()
    });
    let healthy = events(0..50);
    sidecar.send_raw(&healthy);
    sidecar.land(&healthy);
    sidecar.await_verdict("delivered", 50);
    let lost = events(50..150);
    sidecar.send_raw(&lost);
    await_until("the stall is reported", || {
        sidecar
            .metrics()
            .count("landfall_incidents_open", &[("cause", "stalled")])
            == 1
    });
    assert_eq!(
        sidecar.verdict("missing"),
        0,
        "the stall is reported before the first deadline"
    );
    sidecar.await_verdict("missing", 100);
    assert_eq!(sidecar.missing_keys(), keys(&lost));

    // The writer comes back.
    let after = events(150..160);
    sidecar.send_raw(&after);
    sidecar.land(&after);
    sidecar.await_verdict("delivered", 60);
    let incidents = sidecar.incidents();
    let stalls: Vec<_> = incidents
        .iter()
        .filter(|incident| incident["cause"] == "stalled")
        .collect();
    assert_eq!(stalls.len(), 1, "{incidents:?}");
    assert_eq!(stalls[0]["events"], 100);
    assert_eq!(
        incidents
            .iter()
            .filter(|incident| incident["cause"] == "loss")
            .count(),
        0,
        "{incidents:?}"
    );

    // The backfill has exactly the lost frames, byte for byte, in their order.
    let output = sidecar.command(&["backfill", "--output", "backfill.log"]);
    assert!(output.status.success(), "{}", support::text(&output));
    let written = std::fs::read(sidecar.dir.path().join("backfill.log")).expect("the backfill");
    let wanted: Vec<u8> = lost.iter().flat_map(|event| event.frame.clone()).collect();
    assert_eq!(written, wanted);

    // Replayed through the pipeline, it lands; nothing is missing afterwards.
    sidecar.send_raw(&lost);
    sidecar.land(&lost);
    sidecar.await_verdict("late", 100);
    sidecar.await_verdict("missing", 0);
    sidecar.await_verdict("repeated", 100);
    assert!(sidecar.missing_keys().is_empty());
    await_until("the timeline counts late landings", || {
        sidecar
            .incidents()
            .iter()
            .any(|incident| incident["cause"] == "stalled" && incident["landed_late"] == 100)
    });
    sidecar.assert_balanced();
    sidecar.stop();
}

#[test]
fn a_partial_loss_names_exactly_the_lost_thirty_percent() {
    let mut sidecar = Sidecar::start(Setup::default());
    let all = events(0..1000);
    let (lost, landed): (Vec<Event>, Vec<Event>) = all.iter().cloned().enumerate().fold(
        (Vec::new(), Vec::new()),
        |(mut lost, mut landed), (index, event)| {
            if index % 10 < 3 {
                lost.push(event)
            } else {
                landed.push(event)
            }
            (lost, landed)
        },
    );
    sidecar.send_raw(&all);
    sidecar.land(&landed);
    sidecar.await_verdict("delivered", 700);
    sidecar.await_verdict("missing", 300);
    assert_eq!(sidecar.missing_keys(), keys(&lost));
    let incidents = sidecar.incidents();
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert_eq!(
        (&incidents[0]["cause"], &incidents[0]["events"]),
        (&json!("loss"), &json!(300))
    );
    assert_eq!(incidents[0]["shares"][0]["schema"], "AppTap/12");
    sidecar.assert_balanced();
    sidecar.stop();
}

#[test]
fn rows_that_land_twice_are_duplicates_and_hide_no_loss() {
    let mut sidecar = Sidecar::start(Setup::default());
    let all = events(0..10);
    sidecar.send_raw(&all);
    sidecar.land(&all[..9]);
    sidecar.land(&all[..1]);
    sidecar.await_verdict("delivered", 9);
    sidecar.await_verdict("missing", 1);
    assert_eq!(sidecar.metrics().count("landfall_duplicates_total", &[]), 1);
    assert_eq!(sidecar.missing_keys(), keys(&all[9..]));
    sidecar.stop();
}

#[test]
fn an_altered_event_is_reported_with_the_fields_that_differ() {
    let mut sidecar = Sidecar::start(Setup::default());
    let all = events(0..5);
    sidecar.send_raw(&all);
    let mut altered = all[2].clone();
    altered.row["event_name"] = json!("something else");
    let landed = [&all[..2], &[altered], &all[3..]].concat();
    sidecar.land(&landed);
    sidecar.await_verdict("altered", 1);
    sidecar.await_verdict("delivered", 4);
    await_until("a sample names the field", || {
        sidecar.query("SELECT count(*) FROM samples WHERE kind = 'altered' AND detail LIKE '%event_name%menu2%something else%'")
            == 1
    });
    let key: String = sidecar
        .store()
        .query_row(
            "SELECT key FROM samples WHERE kind = 'altered'",
            [],
            |row| row.get(0),
        )
        .expect("a key");
    assert_eq!(key, all[2].uuid);
    sidecar.stop();
}

#[test]
fn invalid_events_are_rejected_unless_they_leak_and_unexpected_rows_are_reported() {
    let mut sidecar = Sidecar::start(Setup::default());
    let bad: Vec<Event> = (0..4).map(invalid_event).collect();
    sidecar.send_raw(&bad);
    sidecar.land(&bad[3..]);
    sidecar.await_verdict("leaked", 1);
    sidecar.await_verdict("rejected", 3);
    // Now its event cannot have come before the start.
    let unheard = event(900);
    sidecar.land(std::slice::from_ref(&unheard));
    assert_eq!(sidecar.verdict("missing"), 0);
    await_until("the unexpected row is reported", || {
        sidecar.metrics().count("landfall_unexpected_total", &[]) == 1
    });
    // One that leaks after its deadline is leaked all the same.
    sidecar.land(&bad[..1]);
    sidecar.await_verdict("leaked", 2);
    sidecar.await_verdict("rejected", 2);
    // Samples show violations, redacted.
    let documents: String = sidecar
        .store()
        .query_row(
            "SELECT group_concat(document) FROM samples WHERE kind = 'violation'",
            [],
            |row| row.get(0),
        )
        .expect("samples");
    assert!(
        documents.contains("(redacted)") && !documents.contains("10.1.2.3"),
        "{documents}"
    );
    sidecar.assert_balanced();
    sidecar.stop();
}

#[test]
fn a_late_landing_is_late_and_leaves_the_backfill() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "1s",
        ..Setup::default()
    });
    let all = events(0..3);
    sidecar.send_raw(&all);
    sidecar.land(&all[..1]);
    sidecar.await_verdict("missing", 2);
    sidecar.land(&all[1..2]);
    sidecar.await_verdict("late", 1);
    sidecar.await_verdict("missing", 1);
    assert_eq!(sidecar.missing_keys(), keys(&all[2..]));
    let output = sidecar.command(&["backfill", "--output", "-"]);
    assert_eq!(output.stdout, all[2].frame);
    sidecar.stop();
}

#[test]
fn the_landing_may_come_before_the_raw_event_and_a_second_raw_event_is_owed_nothing() {
    let mut sidecar = Sidecar::start(Setup::default());
    let all = events(0..20);
    sidecar.land(&all);
    sidecar.await_frames("written", 20);
    sidecar.send_raw(&all);
    sidecar.send_raw(&all[..5]);
    sidecar.await_verdict("delivered", 20);
    sidecar.await_verdict("repeated", 5);
    assert_eq!(sidecar.metrics().count("landfall_unexpected_total", &[]), 0);
    assert_eq!(
        sidecar.metrics().count("landfall_raw_events_total", &[]),
        25
    );
    sidecar.stop();
}
