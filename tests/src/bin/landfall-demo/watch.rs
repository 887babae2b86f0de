//! Looks at Landfall's metrics while the day goes by, as a dashboard does, and prints what they show.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use landfall_tests::clock::{Clock, table_time};
use landfall_tests::metrics::Metrics;
use landfall_tests::replay::Day;
use landfall_tests::sidecar::Sidecar;

use crate::screen::{Screen, Tone};

/// Between two looks, in real time.
const LOOK: Duration = Duration::from_millis(100);

/// The meaning of the cause of an open incident.
const WORDS: [(&str, &str); 8] = [
    ("stalled", "nothing lands any more"),
    ("loss", "some events did not land"),
    ("altered", "events land altered"),
    ("duplicate", "rows land twice"),
    ("leaked", "invalid events land"),
    ("unexpected", "rows land that nobody sent"),
    ("unjudged", "events cannot be judged"),
    ("unwatched", "a stream is not seen"),
];

/// Looks until `end`.
pub fn watch(
    day: &Day,
    sidecar: &Mutex<Sidecar>,
    clock: &Clock,
    screen: &Screen,
    end: &AtomicBool,
) {
    let mut open: BTreeMap<&str, bool> = BTreeMap::new();
    while !end.load(Ordering::Relaxed) {
        let metrics = {
            let sidecar = sidecar.lock().unwrap_or_else(PoisonError::into_inner);
            sidecar.metrics()
        };
        let now_ms = clock.now_ms();
        for (cause, words) in WORDS {
            let is_open = metrics.count("landfall_incidents_open", &[("cause", cause)]) > 0;
            let was_open = open.insert(cause, is_open).unwrap_or(false);
            if is_open && !was_open {
                let text = screen.paint(Tone::Bad, &format!("Landfall: {cause}: {words}"));
                screen.print_line(&format!("{}      {text}", table_time(now_ms)));
            } else if was_open && !is_open {
                let text = screen.paint(Tone::Good, &format!("Landfall: {cause}: over"));
                screen.print_line(&format!("{}      {text}", table_time(now_ms)));
            }
        }
        let open: Vec<&str> = open
            .iter()
            .filter(|(_, open)| **open)
            .map(|(cause, _)| *cause)
            .collect();
        screen.status(day.share(now_ms), &status(&metrics, now_ms, &open));
        std::thread::sleep(LOOK);
    }
}

fn status(metrics: &Metrics, now_ms: i64, open: &[&str]) -> String {
    let events = |verdict| metrics.count("landfall_events_total", &[("verdict", verdict)]);
    format!(
        "{}  {} in, {} delivered, {} missing  {}",
        table_time(now_ms),
        metrics.count("landfall_raw_events_total", &[]),
        events("delivered"),
        events("missing"),
        if open.is_empty() {
            "all is well".to_owned()
        } else {
            open.join(", ")
        },
    )
}
