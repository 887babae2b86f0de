//! A stall is reported when nothing lands, and only then: landings of events that came in before Landfall
//! watched show that the writer lives.

mod support;

use landfall_tests::wait::{PATIENCE, await_until};
use support::{Event, Setup, Sidecar, event};

/// Longer than a machine under load keeps the test from sending.
const STALL_MS: i64 = 3_000;

/// While some events wait for this long, others land.
const WATCHED_MS: i64 = STALL_MS + 2_000;

fn start() -> Sidecar {
    Sidecar::start(Setup {
        // Events that came in before the start may land this long after it.
        deadline: "30s",
        stall: "3s",
        ..Setup::default()
    })
}

fn stalls(sidecar: &Sidecar) -> i64 {
    sidecar.query("SELECT count(*) FROM incidents WHERE cause = 'stalled'")
}

/// The time up to which the store has what happened.
fn known_ms(sidecar: &Sidecar) -> i64 {
    sidecar.query("SELECT coalesce(max(value), 0) FROM meta WHERE name = 'known_ms'")
}

/// Events that do not land wait for longer than a stall takes, while others land that this run never saw
/// come in: no stall. Then more come in, and nothing lands any more: a stall.
fn lives_and_dies(sidecar: &mut Sidecar, lost: &[Event], unseen: &[Event]) {
    let (lost, late) = lost.split_at(5);
    let frames = || {
        let raw = [("stream", "raw")];
        sidecar.metrics().count("landfall_frames_total", &raw)
    };
    let before = frames();
    sidecar.send_raw(lost);
    await_until("they came in", || frames() >= before + lost.len() as u64);
    let since_ms = known_ms(sidecar);
    let mut unseen = unseen.iter();
    let lived = landfall_tests::wait::until(PATIENCE, || {
        let event = unseen.next().expect("more than there is time for");
        sidecar.written.send(&event.row_text()).expect("sent");
        (known_ms(sidecar) > since_ms + WATCHED_MS).then_some(())
    });
    assert!(lived.is_some(), "{}", sidecar.log());
    assert_eq!(stalls(sidecar), 0, "rows land: {}", sidecar.log());

    let died_ms = known_ms(sidecar);
    let mut late = late.iter();
    await_until("the writer is dead, and that is reported", || {
        // The last row may still be read after the first of them.
        sidecar.send_raw(late.next().map(std::slice::from_ref).unwrap_or_default());
        stalls(sidecar) == 1
    });
    let opened_ms = sidecar.query("SELECT opened_ms FROM incidents WHERE cause = 'stalled'");
    // The store had it a moment after the last row landed.
    assert!(
        opened_ms > died_ms - 1_000 + STALL_MS,
        "the last row landed about {died_ms}, it was told at {opened_ms}"
    );
    sidecar.stop();
}

#[test]
fn after_a_late_start_rows_of_events_that_were_never_seen_show_that_the_writer_lives() {
    let (lost, unseen): (Vec<Event>, Vec<Event>) = (
        (5_000..9_000).map(event).collect(),
        (100..4_100).map(event).collect(),
    );
    let mut sidecar = start();
    lives_and_dies(&mut sidecar, &lost, &unseen);
}

#[test]
fn after_a_restart_rows_of_events_of_the_run_before_show_that_the_writer_lives() {
    let (lost, before): (Vec<Event>, Vec<Event>) = (
        (5_000..9_000).map(event).collect(),
        (100..4_100).map(event).collect(),
    );
    let mut sidecar = start();
    sidecar.send_raw(&before);
    sidecar.await_frames("raw", before.len() as u64);
    sidecar.stop();
    sidecar.restart();
    assert!(sidecar.raw.await_subscriptions(1) && sidecar.written.await_subscriptions(1));
    lives_and_dies(&mut sidecar, &lost, &before);
}
