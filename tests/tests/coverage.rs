//! What Landfall did not see, it does not claim: cut off from the writer, started late, or paused.

mod support;

use std::collections::BTreeSet;

use landfall_tests::wait::await_until;
use serde_json::Value;
use support::{Event, Setup, Sidecar, event};

fn events(numbers: std::ops::Range<u64>) -> Vec<Event> {
    numbers.map(event).collect()
}

fn status(sidecar: &Sidecar) -> u16 {
    sidecar.get("/readyz").expect("an answer").status
}

/// Keys of `landfall missing` with that verdict.
fn keys(sidecar: &Sidecar, verdict: &str) -> BTreeSet<String> {
    let rows = sidecar.json(&["missing", "--verdict", verdict]);
    let key = |row: &Value| {
        assert_eq!(row["verdict"], verdict);
        row["key"].as_str().expect("a key").to_owned()
    };
    rows.iter().map(key).collect()
}

fn uuids(events: &[Event]) -> BTreeSet<String> {
    events.iter().map(|event| event.uuid.clone()).collect()
}

/// Lines of a backfill, and what the command says of it.
fn backfill(sidecar: &Sidecar, name: &str, args: &[&str]) -> (BTreeSet<Vec<u8>>, String) {
    let path = sidecar.dir.path().join(name);
    let path = path.to_str().expect("UTF-8");
    let output = sidecar.command(&[&["backfill", "--output", path], args].concat());
    assert!(output.status.success(), "{output:?}");
    let bytes = std::fs::read(path).expect("a backfill");
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let told = String::from_utf8(output.stderr).expect("UTF-8");
    (lines.map(Vec::from).collect(), told)
}

fn frames(events: &[Event]) -> BTreeSet<Vec<u8>> {
    events.iter().map(|event| event.frame.clone()).collect()
}

#[test]
fn cut_off_from_the_writer_nothing_that_landed_is_called_missing() {
    let mut sidecar = Sidecar::start(Setup {
        is_relayed: true,
        ..Setup::default()
    });
    let (seen, lost_in_sight) = (events(0..10), [event(100)]);
    sidecar.send_raw(&seen);
    sidecar.land(&seen);
    sidecar.send_raw(&lost_in_sight);
    sidecar.await_verdict("missing", 1);
    sidecar.await_verdict("delivered", 10);

    sidecar.relay().cut();
    await_until("it is reported", || status(&sidecar) == 503);
    let (landed_unseen, lost_unseen) = (events(20..30), [event(40)]);
    sidecar.send_raw(&landed_unseen);
    sidecar.land(&landed_unseen);
    sidecar.send_raw(&lost_unseen);
    sidecar.await_frames("raw", 22);
    sidecar.relay().fix();
    assert!(sidecar.written.await_subscriptions(2), "{}", sidecar.log());
    await_until("it is ready again", || status(&sidecar) == 200);

    let (later, lost_later) = ([event(51)], [event(50)]);
    sidecar.send_raw(&later);
    sidecar.land(&later);
    sidecar.send_raw(&lost_later);
    sidecar.await_verdict("missing", 2);
    sidecar.await_verdict("unconfirmed", 11);
    sidecar.await_verdict("delivered", 11);
    sidecar.assert_balanced();

    let unconfirmed = [&landed_unseen[..], &lost_unseen].concat();
    let missing = [&lost_in_sight[..], &lost_later].concat();
    assert_eq!(keys(&sidecar, "unconfirmed"), uuids(&unconfirmed));
    assert_eq!(keys(&sidecar, "missing"), uuids(&missing));
    let counted = &sidecar.json(&["missing", "--count"])[0];
    assert_eq!(
        (&counted["missing"], &counted["unconfirmed"]),
        (&2.into(), &11.into())
    );

    let holes = sidecar.json(&["coverage"])[0].clone();
    let of_cause = |cause: &str| {
        let holes = holes.as_array().expect("a list").iter();
        holes
            .filter(|hole| hole["stream"] == "written" && hole["cause"] == cause)
            .count()
    };
    assert_eq!(of_cause("disconnected"), 1, "{holes}");
    let unwatched: Vec<Value> = sidecar
        .incidents()
        .into_iter()
        .filter(|incident| incident["cause"] == "unwatched")
        .collect();
    assert_eq!(unwatched.len(), 1, "{unwatched:?}");
    assert_eq!(
        (&unwatched[0]["subject"], &unwatched[0]["events"]),
        (&"written".into(), &11.into())
    );

    let (sent, told) = backfill(&sidecar, "safe", &[]);
    // What was missing before the hole may have landed in it.
    assert_eq!(sent, frames(&lost_later));
    assert!(told.contains("11 unconfirmed were left out"), "{told}");
    assert!(told.contains("1 missing were left out"), "{told}");
    let may_have_landed = |key: &str| {
        let rows = sidecar.json(&["missing", "--verdict", "missing"]);
        let row = rows.iter().find(|row| row["key"] == key).expect("a row");
        row["may_have_landed"].as_bool()
    };
    assert_eq!(may_have_landed(&lost_in_sight[0].uuid), Some(true));
    assert_eq!(may_have_landed(&lost_later[0].uuid), Some(false));
    let (sent, told) = backfill(&sidecar, "all", &["--unconfirmed"]);
    assert_eq!(sent, frames(&[missing, unconfirmed].concat()));
    assert!(!told.contains("left out, because nobody"), "{told}");

    // What landed is late as soon as a row is seen, in this run and in the next one.
    sidecar.land(&landed_unseen[..1]);
    sidecar.await_verdict("unconfirmed", 10);
    sidecar.await_verdict("late", 1);
    sidecar.stop();
    sidecar.restart();
    assert!(sidecar.written.await_subscriptions(3), "{}", sidecar.log());
    sidecar.land(&landed_unseen[1..2]);
    await_until("the store has it", || {
        sidecar.query("SELECT sum(late) FROM windows") == 2
            && sidecar.query("SELECT sum(unconfirmed) FROM windows") == 9
            && sidecar.query("SELECT sum(missing) FROM windows") == 2
    });
    sidecar.stop();
}

#[test]
fn started_late_no_row_is_called_unexpected_until_its_event_would_have_been_seen() {
    let mut sidecar = Sidecar::start(Setup::default());
    let rows = |name: &str| sidecar.metrics().sum(name, &[]) as u64;
    // Their events came in before the start.
    sidecar.land(&events(0..5));
    await_until("they are counted", || {
        rows("landfall_unwatched_rows_total") == 5
    });
    // The longest deadline passes.
    sidecar.send_raw(&[event(10)]);
    sidecar.await_verdict("missing", 1);
    sidecar.send_raw(&[event(11)]);
    sidecar.await_verdict("missing", 2);
    sidecar.land(&[event(20)]);
    await_until("it is unexpected", || {
        rows("landfall_unexpected_total") == 1
    });
    assert_eq!(rows("landfall_unwatched_rows_total"), 5);
    assert_eq!(sidecar.query("SELECT sum(unwatched) FROM windows"), 5);
    sidecar.stop();
}

#[test]
fn paused_for_longer_than_the_kernel_has_room_for_its_losses_are_unconfirmed() {
    let mut sidecar = Sidecar::start(Setup::default());
    let (lost, many) = ([event(1)], events(10..3_010));
    sidecar.send_raw(&lost);
    sidecar.await_frames("raw", 1);
    sidecar.pause();
    // More than may have found room while it was paused.
    sidecar.send_raw(&many);
    sidecar.land(&many);
    // A pause, and not a turn of a busy machine's scheduler.
    std::thread::sleep(std::time::Duration::from_millis(500));
    sidecar.go_on();
    sidecar.await_verdict("delivered", 3_000);
    sidecar.await_verdict("unconfirmed", 1);
    let rows = sidecar.json(&["missing"]);
    assert_eq!(rows[0]["hole"], "paused", "{rows:?}");
    sidecar.assert_balanced();
    sidecar.stop();
}

#[test]
fn rows_that_cannot_be_read_make_losses_doubtful_if_they_are_many_and_are_told_if_they_are_few() {
    let mut sidecar = Sidecar::start(Setup {
        frame_bytes_max: "4KiB",
        ..Setup::default()
    });
    // A single one: the loss stays a loss, and says how many rows might be it.
    sidecar.send_raw(&[event(1), event(2)]);
    sidecar.land(&[event(2)]);
    sidecar.written.send(b"garbage\n").expect("sent");
    sidecar.await_verdict("missing", 1);
    let loss = |sidecar: &Sidecar| {
        let is_loss = |incident: &Value| incident["cause"] == "loss";
        sidecar.incidents().into_iter().find(is_loss)
    };
    await_until("the incident knows the frame", || {
        loss(&sidecar).is_some_and(|incident| incident["unread_frames"] == 1)
    });

    // Rows too large for us, as many as events. Then one that can be read, so that time moves on.
    let (unread, read) = (events(10..80), [event(90)]);
    sidecar.send_raw(&unread);
    for _ in &unread {
        sidecar.written.send(&vec![b'x'; 10_000]).expect("sent");
    }
    sidecar.send_raw(&read);
    sidecar.land(&read);
    sidecar.await_verdict("unconfirmed", 70);
    sidecar.await_verdict("delivered", 2);
    assert_eq!(keys(&sidecar, "unconfirmed"), uuids(&unread));
    let rows = sidecar.json(&["missing", "--verdict", "unconfirmed"]);
    assert!(
        rows.iter().all(|row| row["hole"] == "unreadable"),
        "{rows:?}"
    );
    let (sent, told) = backfill(&sidecar, "safe", &[]);
    assert!(sent.is_empty(), "{told}");
    assert!(told.contains("70 unconfirmed were left out"), "{told}");
    assert!(told.contains("1 missing were left out"), "{told}");

    // The same by a codec that gives no document.
    let unread = events(100..170);
    sidecar.send_raw(&unread);
    for _ in &unread {
        sidecar.written.send(b"garbage\n").expect("sent");
    }
    sidecar.await_verdict("unconfirmed", 140);
    assert_eq!(sidecar.verdict("missing"), 1);
    sidecar.assert_balanced();
    sidecar.stop();
}

#[test]
fn a_backfill_sends_nothing_if_nobody_has_watched_for_long_unless_told() {
    let mut sidecar = Sidecar::start(Setup::default());
    let lost = [event(1)];
    sidecar.send_raw(&lost);
    sidecar.await_verdict("missing", 1);
    sidecar.stop();
    // As if it had been stopped for two minutes.
    let store = rusqlite::Connection::open(sidecar.dir.path().join("data/landfall.sqlite"));
    let changed = store.expect("the store").execute(
        "UPDATE meta SET value = value - 120000 WHERE name = 'known_ms'",
        [],
    );
    assert_eq!(changed, Ok(1));
    let path = sidecar.dir.path().join("again");
    let path = path.to_str().expect("UTF-8");
    let output = sidecar.command(&["backfill", "--output", path]);
    assert_eq!(output.status.code(), Some(2), "{}", support::text(&output));
    assert!(
        support::text(&output).contains("has not seen what was written since"),
        "{}",
        support::text(&output)
    );
    let (sent, _) = backfill(&sidecar, "all", &["--unconfirmed"]);
    assert_eq!(sent, frames(&lost));
}
