//! Reports threads that stand still, in metrics, readiness and log. Knows no thread's work.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

use super::Telemetry;
use crate::http::Part;
use crate::thread_watch::ThreadWatch;

/// Interval between two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Lines that wait to be written to the log; each is about one thread. Further lines are not logged; metrics
/// and `/readyz` show them all the same.
const LINES_MAX: usize = 1024;

/// A line for the log.
#[derive(Debug, PartialEq, Eq)]
enum ThreadLine {
    StandsStill(String, Duration),
    GoesOn(String),
}

impl ThreadLine {
    fn log(&self) {
        match self {
            Self::StandsStill(thread, at_it) => tracing::error!(
                thread,
                seconds = at_it.as_secs(),
                "a thread stands still: it has worked on one thing for long, and everything after it waits"
            ),
            Self::GoesOn(thread) => tracing::info!(thread, "the thread that stood still goes on"),
        }
    }
}

/// Watches the threads on a separate thread, until nobody holds `thread_watch` any more. A second thread writes
/// the log. A thread may stand still because it waits to write to standard error, which nobody reads; then the
/// watching thread must not wait for the log too.
///
/// # Errors
/// The system cannot start a thread.
pub fn watch(thread_watch: &Arc<ThreadWatch>, telemetry: Telemetry) -> std::io::Result<()> {
    let part = telemetry.readiness().part("threads");
    part.ready("none stands still");
    let thread_watch = Arc::downgrade(thread_watch);
    let (lines, to_log) = bounded::<ThreadLine>(LINES_MAX);
    let run = move || {
        let (mut reported, mut known) = (Vec::new(), BTreeSet::new());
        while let Some(thread_watch) = thread_watch.upgrade() {
            // Its series exists before it ever stands still.
            let new = |thread: &String| known.insert(thread.clone());
            for thread in thread_watch.threads().into_iter().filter(new) {
                telemetry.stands_still(&thread, Duration::ZERO);
            }
            let still = thread_watch.still(Instant::now());
            drop(thread_watch);
            for line in report(still, &mut reported, &telemetry, &part) {
                // Full: nobody has read the log for long.
                let _ = lines.try_send(line);
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
    };
    let thread = |name: &str| std::thread::Builder::new().name(name.into());
    thread("watchdog-log").spawn(move || to_log.iter().for_each(|line| line.log()))?;
    thread("watchdog").spawn(run).map(drop)
}

/// Shows it in metrics and `/readyz`; returns the lines that were not logged before.
fn report(
    still: Vec<(String, Duration)>,
    reported: &mut Vec<String>,
    telemetry: &Telemetry,
    part: &Part,
) -> Vec<ThreadLine> {
    let mut lines = Vec::new();
    for (thread, at_it) in &still {
        telemetry.stands_still(thread, *at_it);
        if !reported.contains(thread) {
            lines.push(ThreadLine::StandsStill(thread.clone(), *at_it));
        }
    }
    let goes_on = |thread: &&String| still.iter().all(|(other, _)| other != *thread);
    for thread in reported.iter().filter(goes_on) {
        telemetry.stands_still(thread, Duration::ZERO);
        lines.push(ThreadLine::GoesOn(thread.clone()));
    }
    *reported = still.into_iter().map(|(thread, _)| thread).collect();
    if reported.is_empty() {
        part.ready("none stands still");
    } else {
        part.not_ready(format!("these stand still: {}", reported.join(", ")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Readiness;
    use crate::thread_watch::STILL_AFTER;

    #[test]
    fn a_thread_that_stands_still_makes_landfall_unready_until_it_goes_on() {
        let telemetry = Telemetry::new().unwrap();
        let readiness = Readiness::default();
        let part = readiness.part("threads");
        let mut reported = Vec::new();
        let still = vec![("shard-1".to_owned(), STILL_AFTER)];
        let lines = report(still.clone(), &mut reported, &telemetry, &part);
        assert_eq!(
            lines,
            [ThreadLine::StandsStill("shard-1".into(), STILL_AFTER)]
        );
        assert!(!readiness.is_ready());
        assert_eq!(reported, ["shard-1"]);
        assert_eq!(report(still, &mut reported, &telemetry, &part), []);
        let lines = report(Vec::new(), &mut reported, &telemetry, &part);
        assert_eq!(lines, [ThreadLine::GoesOn("shard-1".into())]);
        assert!(readiness.is_ready() && reported.is_empty());
    }
}
