//! The store's files are moved, removed, damaged or claimed by another while Landfall runs.

mod support;

use std::io::Write as _;

use landfall_tests::wait::{await_some, await_until};
use support::{Event, Setup, Sidecar, event, text};

fn start(events: &[Event]) -> Sidecar {
    let sidecar = Sidecar::start(Setup::default());
    sidecar.send_raw(events);
    sidecar.land(events);
    sidecar.await_verdict("delivered", events.len() as u64);
    sidecar
}

fn readiness(sidecar: &Sidecar) -> Option<(u16, String)> {
    let answer = sidecar.get("/readyz")?;
    Some((answer.status, answer.body))
}

#[test]
fn a_store_that_is_moved_away_is_reported_and_nothing_is_lost_once_it_is_back() {
    let events: Vec<Event> = (0..60).map(event).collect();
    let (first, second) = events.split_at(20);
    let mut sidecar = start(first);
    let (here, away) = (
        sidecar.dir.path().join("data"),
        sidecar.dir.path().join("away"),
    );
    std::fs::rename(&here, &away).expect("moved");
    let why = await_some("it is not ready", || {
        readiness(&sidecar).and_then(|(status, body)| (status == 503).then_some(body))
    });
    assert!(why.contains("moved, removed or replaced"), "{why}");
    assert_eq!(sidecar.metrics().sum("landfall_store_failing", &[]), 1.0);
    sidecar.send_raw(second);
    sidecar.land(second);
    sidecar.await_frames("written", 60);

    std::fs::rename(&away, &here).expect("moved back");
    await_until("it is ready", || {
        readiness(&sidecar).is_some_and(|(status, _)| status == 200)
    });
    sidecar.await_verdict("delivered", 60);
    assert_eq!(sidecar.metrics().sum("landfall_store_failing", &[]), 0.0);
    sidecar.stop();
    assert_eq!(sidecar.query("SELECT sum(delivered) FROM windows"), 60);
}

#[test]
fn a_store_that_is_gone_at_the_end_is_no_clean_end() {
    let events: Vec<Event> = (0..20).map(event).collect();
    let mut sidecar = start(&events);
    std::fs::remove_dir_all(sidecar.dir.path().join("data")).expect("removed");
    assert_eq!(sidecar.end(), Some(3), "{}", sidecar.log());
    let log = sidecar.log();
    assert!(log.contains("moved, removed or replaced"), "{log}");
    assert!(
        !log.contains("everything received is accounted for"),
        "{log}"
    );
}

#[test]
fn a_store_that_is_replaced_at_the_end_is_no_clean_end() {
    let events: Vec<Event> = (0..20).map(event).collect();
    let mut sidecar = start(&events);
    let (here, away) = (
        sidecar.dir.path().join("data"),
        sidecar.dir.path().join("away"),
    );
    std::fs::rename(&here, &away).expect("moved");
    std::fs::create_dir(&here).expect("a directory");
    std::fs::copy(away.join("landfall.sqlite"), here.join("landfall.sqlite")).expect("copied");
    assert_eq!(sidecar.end(), Some(3), "{}", sidecar.log());
}

#[test]
fn whoever_removes_the_lock_lets_no_second_process_in() {
    let events: Vec<Event> = (0..40).map(event).collect();
    let (first, second) = events.split_at(20);
    let mut sidecar = start(first);
    // These wait, with their frames in the spool.
    sidecar.send_raw(second);
    sidecar.await_frames("raw", 40);
    std::fs::remove_file(sidecar.dir.path().join("data/lock")).expect("removed");
    let output = sidecar.command(&["run"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(
        text(&output).contains("another process"),
        "{}",
        text(&output)
    );
    // Nothing was deleted: they are missing, each with its frame.
    sidecar.await_verdict("missing", 20);
    assert_eq!(
        sidecar.query("SELECT count(*) FROM missing WHERE frame IS NOT NULL"),
        20
    );
    sidecar.stop();
}

#[test]
fn a_damaged_store_ends_the_process_and_says_so() {
    let events: Vec<Event> = (0..20).map(event).collect();
    let mut sidecar = start(&events);
    let path = sidecar.dir.path().join("data/landfall.sqlite");
    // Another writer makes it read the file again, which is damaged by then.
    let other = rusqlite::Connection::open(&path).expect("the store");
    other
        .execute_batch(
            "PRAGMA wal_checkpoint(TRUNCATE); UPDATE meta SET value = value WHERE name = 'clock';",
        )
        .expect("written");
    let bytes = std::fs::metadata(&path).expect("its size").len();
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("the file");
    file.write_all(&vec![b'x'; bytes as usize])
        .expect("damaged");
    sidecar.send_raw(&(100..200).map(event).collect::<Vec<_>>());
    assert_eq!(sidecar.await_end(), Some(3), "{}", sidecar.log());
    let log = sidecar.log();
    assert!(log.contains("the file is damaged"), "{log}");
    assert!(log.contains("ended early"), "{log}");
}
