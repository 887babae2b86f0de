//! A few events that wait for long do not hold the space of all that have landed.

mod support;

use support::{Event, Setup, Sidecar, large_event};

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
            // In the order of a pipeline: what is to land has come in.
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
    // Those that waited all the while are whole: they land, and are what they were.
    sidecar.land(&waiting[1..]);
    sidecar.await_verdict("delivered", EVENTS - 1);
    assert_eq!(sidecar.verdict("altered"), 0);
    sidecar.assert_balanced();
    sidecar.stop();
}
