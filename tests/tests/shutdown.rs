//! SIGTERM under load: everything that was received is accounted for, and the end is clean.

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use landfall_tests::wait::await_until;
use support::{Event, Setup, Sidecar, event, keys, large_event, text};

/// Frames that the sources read, as they report at the end.
fn frames_read(log: &str, stream: &str) -> i64 {
    log.lines()
        .filter(|line| line.contains("the source has ended") && line.contains(stream))
        .filter_map(|line| line.split("frames=").nth(1))
        .filter_map(|rest| rest.split_whitespace().next()?.parse::<i64>().ok())
        .sum()
}

#[test]
fn every_frame_that_was_read_before_sigterm_is_in_the_store() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "60s",
        ..Setup::default()
    });
    let (raw, written) = (sidecar.raw.clone(), sidecar.written.clone());
    let enough = Arc::new(AtomicBool::new(false));
    let feeding = {
        let enough = Arc::clone(&enough);
        std::thread::spawn(move || {
            for number in 0.. {
                if enough.load(Ordering::Relaxed) {
                    return number;
                }
                let event = event(number);
                raw.send(&event.frame).expect("sent");
                written.send(&event.row_text()).expect("sent");
            }
            0
        })
    };
    sidecar.await_frames("raw", 5000);
    // The feeder goes on sending until long after the end.
    sidecar.stop();
    enough.store(true, Ordering::Relaxed);
    let sent = feeding.join().expect("the feeder ends") as i64;

    let log = sidecar.log();
    let read = frames_read(&log, "raw");
    assert!((5000..=sent).contains(&read), "{read} of {sent}: {log}");
    assert!(read < sent, "it was sent to until the end");
    let raw = sidecar.query("SELECT sum(raw) FROM windows");
    let accounted = sidecar.query(
        "SELECT sum(delivered + late + altered + missing + unconfirmed + rejected + leaked + repeated + unjudged + pending) FROM windows",
    );
    assert_eq!((raw, accounted), (read, read), "{log}");
    let landed = sidecar.query("SELECT sum(delivered + altered + duplicate) FROM windows");
    assert!(landed <= frames_read(&log, "written"), "{log}");
    assert_eq!(
        sidecar.query("SELECT sum(missing) FROM windows"),
        0,
        "nothing is missing before its deadline"
    );
}

/// Events of 50 kB each: many times as many bytes as the smallest spool takes.
fn large_events(count: u64) -> Vec<Event> {
    (0..count)
        .map(|number| large_event(number, 50_000))
        .collect()
}

const SMALL_SPOOL: &str = "[store]\ndir = \"data\"\nspool_bytes_max = \"64MiB\"";

#[test]
fn a_full_spool_makes_room_by_deadlines_and_landings_are_taken_meanwhile() {
    let mut sidecar = Sidecar::start(Setup {
        // Longer than a busy machine takes to fill the spool, or deadlines keep it from filling.
        deadline: "12s",
        store: SMALL_SPOOL,
        ..Setup::default()
    });
    // 100 MB, of which nothing lands in time.
    let events = large_events(2000);
    sidecar.send_raw(&events);
    await_until("the spool has been full", || {
        sidecar.metrics().count("landfall_spool_waits_total", &[]) > 0
    });
    sidecar.await_verdict("missing", 2000);
    sidecar.land(&events[..10]);
    sidecar.await_verdict("late", 10);
    sidecar.assert_balanced();
    sidecar.stop();
}

#[test]
fn what_lands_in_time_never_fills_the_spool() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "60s",
        store: SMALL_SPOOL,
        ..Setup::default()
    });
    let events = large_events(3000);
    for (number, part) in events.chunks(500).enumerate() {
        sidecar.send_raw(part);
        sidecar.land(part);
        sidecar.await_verdict("delivered", (number as u64 + 1) * 500);
    }
    sidecar.stop();
}

#[test]
fn sigterm_with_a_full_spool_ends_in_time_and_says_what_was_not_judged() {
    // More than the spool takes, and no more than it and the queue before it.
    const ALL: u64 = 1_800;
    let mut sidecar = Sidecar::start(Setup {
        deadline: "1h",
        store: SMALL_SPOOL,
        ..Setup::default()
    });
    sidecar.send_raw(&large_events(ALL));
    sidecar.await_frames("raw", ALL);
    await_until("the spool is full", || {
        sidecar.metrics().count("landfall_spool_waits_total", &[]) > 0
    });
    assert_eq!(sidecar.end(), Some(3), "{}", sidecar.log());
    let log = sidecar.log();
    let left: i64 = log
        .split("not accounted for: ")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or_else(|| panic!("it says nothing: {log}"));
    let raw = sidecar.query("SELECT sum(raw) FROM windows");
    assert_eq!(raw + left, ALL as i64, "{log}");
    assert!(raw > 0 && left > 0, "{log}");
    assert!(log.contains("store.spool_bytes_max"), "{log}");
}

#[test]
fn an_incident_that_was_open_at_the_end_goes_on_in_the_next_run_and_its_store_is_not_shared() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "1s",
        ..Setup::default()
    });
    sidecar.stop();
    sidecar.reconfigure("clear = \"1s\"", "clear = \"1h\"");
    sidecar.restart();
    assert!(sidecar.raw.await_subscriptions(1) && sidecar.written.await_subscriptions(1));
    sidecar.send_raw(&[event(1)]);
    sidecar.await_verdict("missing", 1);

    // A second one on the same store.
    let second = sidecar.command(&["run"]);
    assert_eq!(second.status.code(), Some(2), "{}", text(&second));
    assert!(text(&second).contains("store.dir"), "{}", text(&second));
    assert_eq!(sidecar.missing_keys(), keys(&[event(1)]));

    sidecar.stop();
    sidecar.restart();
    let incidents = sidecar.incidents();
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert_eq!(incidents[0]["open"], true, "{incidents:?}");
    // What is lost now, and cannot have landed while nobody watched, belongs to it.
    assert!(sidecar.raw.await_subscriptions(1) && sidecar.written.await_subscriptions(1));
    let (mut number, mut events) = (1, 1);
    await_until("the incident has more events", || {
        number += 1;
        sidecar.send_raw(&[event(number)]);
        events = sidecar.query("SELECT events FROM incidents WHERE id = 1");
        events > 1
    });
    let losses = "SELECT count(*) FROM incidents WHERE cause = 'loss'";
    assert_eq!(sidecar.query(losses), 1, "{:?}", sidecar.incidents());
    sidecar.stop();
}

#[test]
fn the_store_is_its_owners_alone() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "1s",
        ..Setup::default()
    });
    sidecar.send_raw(&[event(1)]);
    sidecar.await_verdict("missing", 1);
    let data = sidecar.dir.path().join("data");
    let mode = |path: &std::path::Path| {
        std::fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(&data), 0o700);
    let mut files = 0;
    for entry in std::fs::read_dir(&data).expect("a listing").flatten() {
        let wanted = if entry.path().is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&entry.path()), wanted, "{}", entry.path().display());
        files += 1;
    }
    assert!(files >= 2, "the store and the spool");
    sidecar.stop();
}
