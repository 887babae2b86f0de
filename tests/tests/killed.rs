//! Killed at any moment, Landfall goes on where it was: every event that it had read has one verdict, in one window.

mod support;

use std::collections::BTreeSet;

use landfall_tests::wait::await_until;
use support::{Event, Setup, Sidecar, event, keys};

fn events(numbers: std::ops::Range<u64>) -> Vec<Event> {
    numbers.map(event).collect()
}

/// A sum over all windows of the store.
fn sum(sidecar: &Sidecar, column: &str) -> i64 {
    sidecar.query(&format!("SELECT coalesce(sum({column}), 0) FROM windows"))
}

fn await_sum(sidecar: &Sidecar, column: &str, wanted: i64) {
    let mut last = 0;
    let found = landfall_tests::wait::until(landfall_tests::wait::PATIENCE, || {
        last = sum(sidecar, column);
        (last == wanted).then_some(())
    });
    assert!(
        found.is_some(),
        "{column}: {last}, not {wanted}; log:\n{}",
        sidecar.log()
    );
}

/// Keys of the store's missing events with this cause of a hole.
fn with_hole(sidecar: &Sidecar, hole: &str) -> BTreeSet<String> {
    let rows = sidecar.json(&["missing", "--verdict", "unconfirmed"]);
    let rows = rows.iter().filter(|row| row["hole"] == hole);
    rows.map(|row| row["key"].as_str().expect("a key").to_owned())
        .collect()
}

#[test]
fn killed_while_events_wait_it_judges_them_again_and_counts_each_once() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "15s",
        ..Setup::default()
    });
    let landed = events(0..10);
    let waiting = events(10..40);
    sidecar.send_raw(&landed);
    sidecar.send_raw(&waiting);
    sidecar.land(&landed);
    await_sum(&sidecar, "delivered", 10);
    await_sum(&sidecar, "pending", 30);

    sidecar.kill_and_restart();
    await_sum(&sidecar, "pending", 30);
    assert!(
        sidecar.log().contains("are judged again events=30"),
        "{}",
        sidecar.log()
    );
    let restored = sidecar
        .metrics()
        .count("landfall_restored_events_total", &[]);
    assert_eq!(restored, 30);
    // Killed again at once, and a third time while some have landed.
    sidecar.kill_and_restart();
    await_sum(&sidecar, "pending", 30);
    sidecar.land(&waiting[..12]);
    await_sum(&sidecar, "delivered", 22);
    sidecar.kill_and_restart();
    await_sum(&sidecar, "pending", 18);
    assert_eq!(sum(&sidecar, "raw"), 40);

    // Nobody watched while it was away: what is not seen to land may have landed then.
    await_sum(&sidecar, "unconfirmed", 18);
    assert_eq!(sum(&sidecar, "raw"), 40);
    assert_eq!(sum(&sidecar, "delivered"), 22);
    assert_eq!((sum(&sidecar, "missing"), sum(&sidecar, "pending")), (0, 0));
    assert_eq!(with_hole(&sidecar, "not_running"), keys(&waiting[12..]));
    sidecar.assert_balanced();

    // The next run knows of them from its start on, and they may still land.
    sidecar.kill_and_restart();
    let overdue = |sidecar: &Sidecar| {
        let metrics = sidecar.metrics();
        ["overdue", "unconfirmed"].map(|name| metrics.sum(&format!("landfall_{name}_events"), &[]))
    };
    assert_eq!(overdue(&sidecar), [0.0, 18.0]);
    sidecar.land(&waiting[12..14]);
    await_sum(&sidecar, "unconfirmed", 16);
    await_until("the metrics follow", || overdue(&sidecar) == [0.0, 16.0]);
    await_until("the frames of settled events are gone", || {
        sidecar.query("SELECT count(*) FROM settled_frames") == 0
            || sidecar.metrics().sum("landfall_spool_bytes", &[]) < 65_536.0
    });

    let output = sidecar.command(&["backfill", "--unconfirmed", "--output", "again"]);
    assert!(output.status.success(), "{}", support::text(&output));
    let again = std::fs::read(sidecar.dir.path().join("again")).expect("a backfill");
    // Two of them have landed.
    let frames: Vec<u8> = waiting[14..]
        .iter()
        .flat_map(|event| event.frame.clone())
        .collect();
    assert_eq!(
        String::from_utf8_lossy(&again),
        String::from_utf8_lossy(&frames)
    );
    sidecar.stop();
}

#[test]
fn rows_that_it_had_read_are_not_lost_when_it_is_killed_before_it_stored_them() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "15s",
        ..Setup::default()
    });
    let (landed, lost, early) = (events(0..20), events(20..30), events(40..45));
    sidecar.send_raw(&landed);
    sidecar.send_raw(&lost);
    await_sum(&sidecar, "pending", 30);

    // Nothing can be stored from now on.
    let mut other = rusqlite::Connection::open(sidecar.dir.path().join("data/landfall.sqlite"))
        .expect("the store");
    let held = other
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .expect("the store's lock");
    sidecar.land(&landed);
    // Their events come after their rows.
    sidecar.land(&early);
    let waiting = |sidecar: &Sidecar, field: &str| -> u64 {
        let files = sidecar.json(&["spool", "inspect"])[0].clone();
        let files = files.as_array().expect("a list").iter();
        files
            .map(|file| file[field].as_u64().expect("a number"))
            .sum()
    };
    let waiting_rows = |sidecar: &Sidecar| waiting(sidecar, "waiting_rows");
    await_until("all rows are in the spool", || waiting_rows(&sidecar) == 25);
    sidecar.send_raw(&early);
    await_until("all events are in the spool", || {
        waiting(&sidecar, "waiting_frames") == 35
    });
    sidecar.pause();
    drop(held);
    assert_eq!(sum(&sidecar, "delivered"), 0, "nothing of them is stored");
    sidecar.kill_and_restart();
    let restored = sidecar.metrics();
    assert_eq!(restored.count("landfall_restored_rows_total", &[]), 25);
    assert_eq!(restored.count("landfall_restored_events_total", &[]), 35);
    await_sum(&sidecar, "delivered", 25);
    await_sum(&sidecar, "unconfirmed", 10);
    assert_eq!(with_hole(&sidecar, "not_running"), keys(&lost));
    for (column, wanted) in [
        ("raw", 35),
        ("pending", 0),
        ("missing", 0),
        ("late", 0),
        ("duplicate", 0),
        ("unexpected", 0),
    ] {
        assert_eq!(sum(&sidecar, column), wanted, "{column}");
    }
    // What is stored is not restored once more.
    await_until("no row waits", || waiting_rows(&sidecar) == 0);
    sidecar.kill_and_restart();
    let restored = sidecar.metrics();
    assert_eq!(restored.count("landfall_restored_rows_total", &[]), 0);
    assert_eq!(sum(&sidecar, "delivered"), 25);
    sidecar.stop();
}

#[test]
fn what_waits_at_a_proper_end_is_judged_by_the_next_run() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "1h",
        ..Setup::default()
    });
    let waiting = events(0..25);
    sidecar.send_raw(&waiting);
    await_sum(&sidecar, "pending", 25);
    sidecar.stop();
    assert_eq!((sum(&sidecar, "raw"), sum(&sidecar, "pending")), (25, 25));
    sidecar.restart();
    assert!(sidecar.raw.await_subscriptions(1) && sidecar.written.await_subscriptions(1));
    sidecar.land(&waiting);
    await_sum(&sidecar, "delivered", 25);
    assert_eq!((sum(&sidecar, "raw"), sum(&sidecar, "pending")), (25, 0));
    sidecar.stop();
    sidecar.restart();
    assert!(!sidecar.log().contains("judged again"), "{}", sidecar.log());
    assert_eq!((sum(&sidecar, "raw"), sum(&sidecar, "delivered")), (25, 25));
    sidecar.stop();
}

/// Its codec is replaced while Landfall is away.
#[test]
fn raw_frames_that_no_codec_read_before_the_end_are_read_by_the_next_run() {
    let good = "path = \"eventlogging_codec.wasm\"";
    let bad = "path = \"hostile_codec.wasm\"\nconfig = { do = \"trap\" }";
    let mut sidecar = Sidecar::start(Setup {
        deadline: "1h",
        checks: support::pipeline_checks("schema_validity.wasm").replace(good, bad),
        ..Setup::default()
    });
    let waiting = events(0..20);
    sidecar.send_raw(&waiting);
    await_until("the raw stream is held back", || {
        sidecar
            .metrics()
            .sum("landfall_frontier_lag_seconds", &[("stream", "raw")])
            > 2.0
    });
    sidecar.stop();
    assert_eq!(sum(&sidecar, "raw"), 0);
    sidecar.reconfigure(bad, good);
    sidecar.restart();
    assert!(sidecar.raw.await_subscriptions(1) && sidecar.written.await_subscriptions(1));
    await_sum(&sidecar, "raw", 20);
    sidecar.land(&waiting);
    await_sum(&sidecar, "delivered", 20);
    sidecar.stop();
}

/// The store is as it was before the frames were deleted by somebody.
#[test]
fn events_whose_frames_are_gone_stay_pending_and_it_says_so() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "1h",
        ..Setup::default()
    });
    sidecar.send_raw(&events(0..7));
    await_sum(&sidecar, "pending", 7);
    sidecar.stop();
    std::fs::remove_dir_all(sidecar.dir.path().join("data/spool")).expect("removed");
    sidecar.restart();
    assert_eq!((sum(&sidecar, "raw"), sum(&sidecar, "pending")), (7, 7));
    let log = sidecar.log();
    assert!(
        log.contains("stay pending") && log.contains("events=7"),
        "{log}"
    );
    let lost = sidecar
        .metrics()
        .count("landfall_restore_lost_events_total", &[]);
    assert_eq!(lost, 7);
    // Once is enough.
    sidecar.stop();
    sidecar.restart();
    assert_eq!((sum(&sidecar, "raw"), sum(&sidecar, "pending")), (7, 7));
    assert!(!sidecar.log().contains("stay pending"), "{}", sidecar.log());
    sidecar.stop();
}

/// So many times it is killed while events come and land.
const KILLS: u64 = 6;

/// One event in so many does not land.
const LOST_EVERY: u64 = 9;

#[test]
fn killed_at_any_moment_under_load_no_word_is_wrong() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "3s",
        ..Setup::default()
    });
    let mut rng = fastrand::Rng::with_seed(7);
    let (mut number, mut lost) = (0, BTreeSet::new());
    let mut lag = std::collections::VecDeque::new();
    let mut steps = |sidecar: &Sidecar, rng: &mut fastrand::Rng, steps: u64, lag_max: usize| {
        for _ in 0..steps {
            let sent = event(number);
            sidecar.send_raw(std::slice::from_ref(&sent));
            match number % LOST_EVERY {
                0 => drop(lost.insert(sent.uuid)),
                _ => lag.push_back(sent),
            }
            number += 1;
            // The writer is some events behind.
            while lag.len() > rng.usize(..=lag_max) {
                let landed = lag.pop_front().expect("an event");
                sidecar.land(std::slice::from_ref(&landed));
            }
            std::thread::sleep(std::time::Duration::from_millis(rng.u64(..4)));
        }
    };
    for _ in 0..KILLS {
        let more = rng.u64(100..900);
        steps(&sidecar, &mut rng, more, 40);
        sidecar.kill_and_restart();
    }
    steps(&sidecar, &mut rng, 500, 40);
    // The writer catches up.
    steps(&sidecar, &mut rng, 1, 0);
    await_sum(&sidecar, "pending", 0);
    sidecar.assert_balanced();

    let raw = sum(&sidecar, "raw");
    assert!(raw as u64 <= number && raw > 1_000, "{raw} of {number}");
    let verdicts = "delivered + late + altered + missing + unconfirmed + rejected + leaked + repeated + unjudged";
    assert_eq!(sum(&sidecar, verdicts), raw);
    for none in [
        "altered",
        "rejected",
        "leaked",
        "repeated",
        "unjudged",
        "unexpected",
    ] {
        assert_eq!(sum(&sidecar, none), 0, "{none}");
    }
    let by_verdict = |verdict| {
        let rows = sidecar.json(&["missing", "--verdict", verdict]);
        let keys = rows
            .iter()
            .map(|row| row["key"].as_str().expect("a key").to_owned());
        keys.collect::<BTreeSet<_>>()
    };
    let (missing, unconfirmed) = (by_verdict("missing"), by_verdict("unconfirmed"));
    let landed: Vec<_> = missing.difference(&lost).collect();
    assert!(landed.is_empty(), "called missing, and landed: {landed:?}");
    assert!(!missing.is_empty() && !unconfirmed.is_empty());
    assert_eq!(
        (missing.len() + unconfirmed.len()) as i64,
        sum(&sidecar, "missing + unconfirmed")
    );
    assert!(missing.is_disjoint(&unconfirmed));
    sidecar.stop();
}

#[test]
fn an_outage_that_outlasts_a_kill_is_one_incident() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "4s",
        stall: "2s",
        ..Setup::default()
    });
    let (alive, mut lost) = (events(0..5), events(10..40));
    sidecar.send_raw(&alive);
    sidecar.land(&alive);
    await_sum(&sidecar, "delivered", 5);
    let stalls = "SELECT count(*) FROM incidents WHERE cause = 'stalled'";
    let open = format!("{stalls} AND closed_ms IS NULL AND resumed_ms IS NULL");
    sidecar.send_raw(&lost);
    await_until("the stall is told", || sidecar.query(&open) == 1);
    await_sum(&sidecar, "missing", 30);

    // Some wait when it is killed, and more come afterwards.
    let waiting = events(50..70);
    sidecar.send_raw(&waiting);
    await_sum(&sidecar, "pending", 20);
    sidecar.kill_and_restart();
    assert_eq!(sidecar.query(&open), 1, "{}", sidecar.log());
    await_sum(&sidecar, "unconfirmed", 20);
    let more = events(80..110);
    sidecar.send_raw(&more);
    lost.extend(more);
    await_sum(&sidecar, "missing", 60);
    assert_eq!((sidecar.query(stalls), sidecar.query(&open)), (1, 1));
    assert_eq!(
        sidecar.query("SELECT events FROM incidents WHERE cause = 'stalled'"),
        60
    );
    let rows = sidecar.json(&["missing", "--verdict", "missing"]);
    assert_eq!(rows.len(), lost.len());

    // The writer is back, and what it lost lands.
    sidecar.land(&lost);
    sidecar.land(&waiting);
    await_sum(&sidecar, "late", 80);
    await_until("landings are back", || sidecar.query(&open) == 0);
    assert_eq!(sidecar.query(stalls), 1);
    assert_eq!(
        (sum(&sidecar, "missing"), sum(&sidecar, "unconfirmed")),
        (0, 0)
    );
    assert_eq!(sum(&sidecar, "raw"), 85);
    sidecar.stop();
}
