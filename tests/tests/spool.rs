//! A few events that wait for long do not hold the space of all that have landed.

mod support;

use support::{Event, Setup, Sidecar, event, large_event};

/// Three times as much as the spool holds.
const EVENTS: u64 = 7_000;
const EVENT_BYTES: usize = 30_000;

#[test]
fn one_event_of_two_hundred_with_a_deadline_of_an_hour_lets_judging_go_on_through_a_small_spool() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "1h",
        store: "[store]\ndir = \"data\"\nspool_bytes_max = \"64MiB\"",
        ..Setup::default()
    });
    let mut waiting = Vec::new();
    let (mut landed, mut sent) = (0, 0);
    let mut batch: Vec<Event> = Vec::new();
    for number in 0..EVENTS {
        let event = large_event(number, EVENT_BYTES);
        sidecar.send_raw(std::slice::from_ref(&event));
        sent += 1;
        if number % 200 == 7 {
            waiting.push(event);
        } else {
            batch.push(event);
        }
        if batch.len() == 100 {
            // In the order of a pipeline: an event comes in before it lands.
            sidecar.await_frames("raw", sent);
            sidecar.land(&batch);
            landed += batch.len() as u64;
            batch.clear();
            sidecar.await_verdict("delivered", landed);
        }
    }
    sidecar.land(&batch);
    landed += batch.len() as u64;
    sidecar.await_verdict("delivered", landed);
    assert_eq!(
        sidecar.metrics().sum("landfall_pending_events", &[]) as usize,
        waiting.len()
    );
    assert!(
        sidecar
            .metrics()
            .count("landfall_spool_moved_frames_total", &[])
            > 0
    );
    // The events that waited all the time are whole: they land, unchanged.
    sidecar.land(&waiting[1..]);
    sidecar.await_verdict("delivered", EVENTS - 1);
    assert_eq!(sidecar.verdict("altered"), 0);
    sidecar.assert_balanced();
    sidecar.stop();
}

const SMALL_SPOOL: &str = "[store]\ndir = \"data\"\nspool_bytes_max = \"64MiB\"";

/// Sends rounds of events that wait and events that land, in the given order, and lands the latter every few
/// rounds. Returns the events that wait.
fn pass(
    sidecar: &Sidecar,
    rounds: u64,
    round: impl Fn(u64) -> (Vec<Event>, Vec<Event>),
) -> Vec<Event> {
    let (mut waiting, mut batch) = (Vec::new(), Vec::new());
    let (mut sent, mut landed) = (0, 0);
    for number in 0..rounds {
        let (waits, lands) = round(number);
        sidecar.send_raw(&waits);
        sidecar.send_raw(&lands);
        sent += (waits.len() + lands.len()) as u64;
        waiting.extend(waits);
        batch.extend(lands);
        if number % 100 == 99 || number + 1 == rounds {
            sidecar.await_frames("raw", sent);
            sidecar.land(&batch);
            landed += batch.len() as u64;
            batch.clear();
            sidecar.await_verdict("delivered", landed);
        }
    }
    assert_eq!(
        sidecar.metrics().sum("landfall_pending_events", &[]) as usize,
        waiting.len()
    );
    waiting
}

#[test]
fn many_small_events_that_wait_do_not_hold_the_space_of_few_large_ones_that_have_landed() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "1h",
        store: SMALL_SPOOL,
        ..Setup::default()
    });
    // Of 15 events 14 wait; the others have more bytes than the spool holds.
    let waiting = pass(&sidecar, 2_500, |number| {
        let small = (0..14).map(|n| event(number * 15 + n)).collect();
        (small, vec![large_event(number * 15 + 14, EVENT_BYTES)])
    });
    assert!(
        sidecar
            .metrics()
            .count("landfall_spool_moved_frames_total", &[])
            > 0
    );
    // They are unchanged.
    sidecar.land(&waiting);
    sidecar.await_verdict("delivered", 2_500 * 15);
    assert_eq!(sidecar.verdict("altered"), 0);
    sidecar.assert_balanced();
    sidecar.stop();
}

#[test]
fn few_large_events_that_wait_are_not_copied_for_the_many_small_ones_that_have_landed() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "1h",
        store: SMALL_SPOOL,
        ..Setup::default()
    });
    // Of 21 events one waits, and has three quarters of the bytes: together a third of the spool.
    let waiting = pass(&sidecar, 600, |number| {
        let small = (1..21).map(|n| event(number * 21 + n)).collect();
        (vec![large_event(number * 21, EVENT_BYTES)], small)
    });
    let moved = sidecar
        .metrics()
        .count("landfall_spool_moved_frames_total", &[]);
    assert!(moved < waiting.len() as u64 / 4, "{moved}");
    sidecar.land(&waiting);
    sidecar.await_verdict("delivered", 600 * 21);
    assert_eq!(sidecar.verdict("altered"), 0);
    sidecar.stop();
}

#[test]
fn its_files_can_be_looked_into_while_it_runs_and_what_is_damaged_is_told() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "1h",
        ..Setup::default()
    });
    let events: Vec<Event> = (0..40).map(event).collect();
    sidecar.send_raw(&events);
    sidecar.land(&events[..15]);
    sidecar.await_verdict("delivered", 15);
    let sum = |sidecar: &Sidecar, field: &str| -> u64 {
        let files = sidecar.json(&["spool", "inspect"])[0].clone();
        let files = files.as_array().expect("a list").iter();
        files
            .map(|file| file[field].as_u64().expect("a number"))
            .sum()
    };
    landfall_tests::wait::await_until("what landed is settled", || {
        sum(&sidecar, "waiting_frames") == 25
    });
    assert_eq!(sum(&sidecar, "damaged_frames"), 0);
    landfall_tests::wait::await_until("all of it was brought to the disk", || {
        sidecar.metrics().count("landfall_store_syncs_total", &[]) > 0
    });
    let output = sidecar.command(&["spool", "inspect"]);
    assert_eq!(output.status.code(), Some(0), "{}", support::text(&output));
    assert!(
        support::text(&output).contains("of which 25 wait for a verdict"),
        "{}",
        support::text(&output)
    );
    sidecar.stop();

    // The last byte of the last frame.
    let spool = sidecar.dir.path().join("data/spool");
    let mut files: Vec<_> = std::fs::read_dir(&spool)
        .expect("a directory")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    let path = files.last().expect("a file");
    let mut bytes = std::fs::read(path).expect("its bytes");
    *bytes.last_mut().expect("a byte") ^= 1;
    std::fs::write(path, bytes).expect("written");
    let output = sidecar.command(&["spool", "inspect"]);
    assert_eq!(output.status.code(), Some(1), "{}", support::text(&output));
    assert_eq!(sum(&sidecar, "damaged_frames"), 1);
}
