//! A process that pauses over deadlines, because it is stopped or has no processor or memory: an event that
//! came in time is not missing, and an event that may have been in time is not late.

mod support;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use landfall_tests::wait::await_until;
use support::{Event, Setup, Sidecar, event, keys, pipeline_checks};

fn events(range: Range<u64>) -> Vec<Event> {
    range.map(event).collect()
}

/// Waits until this long after `since`.
fn wait_until(since: Instant, after: Duration) {
    thread::sleep((since + after).saturating_duration_since(Instant::now()));
}

/// Events that were ever reported as missing, whatever happened to them later.
fn ever_missing(sidecar: &Sidecar) -> u64 {
    let missing = [("verdict", "missing")];
    let told = sidecar.metrics().sum("landfall_events_total", &missing);
    let revised = [("from", "missing")];
    let revised = sidecar
        .metrics()
        .sum("landfall_verdicts_revised_total", &revised);
    (told + revised) as u64
}

fn doubtful(sidecar: &Sidecar) -> u64 {
    sidecar.metrics().sum("landfall_doubtful_events_total", &[]) as u64
}

/// Raw events have been stamped and judged: a frame that was only read has no arrival yet.
fn await_judged(sidecar: &Sidecar, events: u64) {
    await_until("raw events are judged", || {
        sidecar.metrics().sum("landfall_raw_events_total", &[]) as u64 >= events
    });
}

#[test]
fn what_lay_in_the_kernel_before_its_deadline_is_never_missing_after_a_pause() {
    const ROUNDS: u64 = 6;
    const EACH: u64 = 90;
    let mut sidecar = Sidecar::start(Setup {
        deadline: "1s",
        written_endpoints: 3,
        ..Setup::default()
    });
    for round in 0..ROUNDS {
        let all = events(round * EACH..(round + 1) * EACH);
        let sent = Instant::now();
        sidecar.send_raw(&all);
        await_judged(&sidecar, (round + 1) * EACH);
        let read = Instant::now();
        // It is stopped before the deadline, and the landings reach it before the deadline too.
        wait_until(sent, Duration::from_millis(500 + 40 * round));
        sidecar.pause();
        sidecar.land_everywhere(&all);
        wait_until(read, Duration::from_millis(1_350));
        sidecar.go_on();
        await_until("all have landed", || {
            sidecar.verdict("delivered") + sidecar.verdict("late") == (round + 1) * EACH
        });
        assert_eq!(ever_missing(&sidecar), 0, "round {round}");
    }
    assert_eq!(sidecar.verdict("late"), 0);
    sidecar.assert_balanced();
    sidecar.stop();
}

#[test]
fn timely_landings_that_are_read_after_a_long_pause_are_delivered_and_doubtful() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "2s",
        stall: "1s",
        written: "silence = \"3s\"",
        written_endpoints: 2,
        ..Setup::default()
    });
    let before = events(0..100);
    sidecar.send_raw(&before);
    await_judged(&sidecar, 100);
    let read = Instant::now();
    sidecar.pause();
    sidecar.land_everywhere(&before);
    let meanwhile = events(100..150);
    sidecar.send_raw(&meanwhile);
    sidecar.land_everywhere(&meanwhile);
    wait_until(read, Duration::from_secs(4));
    sidecar.go_on();
    sidecar.await_verdict("delivered", 150);
    let incidents = sidecar.incidents();
    assert!(incidents.is_empty(), "no stall, no silence: {incidents:?}");
    assert_eq!((ever_missing(&sidecar), sidecar.verdict("late")), (0, 0));
    // The exact arrival of events during the pause is unknown, but their deadlines are after it.
    assert_eq!(doubtful(&sidecar), 100);
    let stored = || sidecar.query("SELECT sum(doubtful) FROM windows");
    assert_eq!(stored(), 100);

    // An event that did not land is missing all the same, and late if it lands while Landfall looks.
    let lost = events(150..160);
    sidecar.send_raw(&lost);
    sidecar.await_verdict("missing", 10);
    assert_eq!(sidecar.missing_keys(), keys(&lost));
    sidecar.land(&lost);
    sidecar.await_verdict("late", 10);
    assert_eq!(doubtful(&sidecar), 100);
    sidecar.assert_balanced();
    sidecar.stop();
}

/// Threads that keep all processors busy until this is dropped.
struct Busy {
    is_over: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Busy {
    fn with(threads: usize) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let spin = || {
            let is_over = Arc::clone(&is_over);
            thread::spawn(move || while !is_over.load(Ordering::Relaxed) {})
        };
        let threads = (0..threads).map(|_| spin()).collect();
        Self { is_over, threads }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().expect("it only spins");
        }
    }
}

#[test]
fn a_check_is_not_to_blame_for_the_time_that_it_waits_for_a_processor() {
    // Each takes some 0.1 s of a processor, has three times as much, and waits for longer. The second one starts
    // again for each batch.
    let slow = r#"
[[checks]]
name = "slow"
path = "hostile_check.wasm"
streams = ["raw"]
decides = true
config = { do = "slow", amount = 400000000 }
limits = { batch_time = "300ms" }
[[checks]]
name = "slow-start"
path = "hostile_check.wasm"
streams = ["raw"]
decides = true
config = { do = "slow", when = "configure", amount = 400000000 }
limits = { start_time = "300ms", batches_per_instance = 1 }
"#;
    let mut sidecar = Sidecar::start(Setup {
        checks: pipeline_checks("schema_validity.wasm") + slow,
        deadline: "60s",
        ..Setup::default()
    });
    let processors = thread::available_parallelism().map_or(2, usize::from);
    let busy = Busy::with(4 * processors);
    let all = events(0..4);
    for (number, event) in all.chunks(1).enumerate() {
        sidecar.send_raw(event);
        await_judged(&sidecar, number as u64 + 1);
    }
    drop(busy);
    let sum = |name: &str| sidecar.metrics().sum(name, &[]) as u64;
    assert_eq!(sum("landfall_check_faults_total"), 0, "{}", sidecar.log());
    assert_eq!(sum("landfall_check_suspensions_total"), 0);
    sidecar.land(&all);
    sidecar.await_verdict("delivered", all.len() as u64);
    sidecar.assert_balanced();
    sidecar.stop();
}
