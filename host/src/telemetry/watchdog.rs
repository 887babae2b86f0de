//! Tells of threads that stand still: by metrics, readiness and log. Knows no thread's work.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

use super::Telemetry;
use crate::http::Part;
use crate::thread_watch::ThreadWatch;

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(1);

/// Lines that wait to be written to the log; each is about one thread. What is beyond is not logged; metrics and
/// `/readyz` tell it all the same.
const LINES_MAX: usize = 1024;

/// What the log is told.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    StandsStill(String, Duration),
    GoesOn(String),
}

impl Line {
    fn log(&self) {
        match self {
            Self::StandsStill(thread, at_it) => tracing::error!(
                thread,
                seconds = at_it.as_secs(),
                "a thread stands still: it has been at one piece of work, and what comes after it waits"
            ),
            Self::GoesOn(thread) => tracing::info!(thread, "the thread that stood still goes on"),
        }
    }
}

/// Looks after the threads on a thread of its own, until nobody holds `thread_watch` any more. Another one writes
/// the log: if that is what a thread stands still at, because nobody reads standard error, it must not hold up
/// who tells of it.
pub fn watch(thread_watch: &Arc<ThreadWatch>, telemetry: Telemetry) -> std::io::Result<()> {
    let part = telemetry.readiness().part("threads");
    part.ready("none stands still");
    let thread_watch = Arc::downgrade(thread_watch);
    let (lines, to_log) = bounded::<Line>(LINES_MAX);
    let run = move || {
        let (mut told, mut known) = (Vec::new(), BTreeSet::new());
        while let Some(thread_watch) = thread_watch.upgrade() {
            // Its series is there before it ever stands still.
            let new = |thread: &String| known.insert(thread.clone());
            for thread in thread_watch.threads().into_iter().filter(new) {
                telemetry.stands_still(&thread, Duration::ZERO);
            }
            let still = thread_watch.still(Instant::now());
            drop(thread_watch);
            for line in tell_of(still, &mut told, &telemetry, &part) {
                // Full: nobody has read the log for long.
                let _ = lines.try_send(line);
            }
            std::thread::sleep(LOOK);
        }
    };
    let thread = |name: &str| std::thread::Builder::new().name(name.into());
    thread("watchdog-log").spawn(move || to_log.iter().for_each(|line| line.log()))?;
    thread("watchdog").spawn(run).map(drop)
}

/// Puts it on metrics and `/readyz`; what the log is to be told that was not told before.
fn tell_of(
    still: Vec<(String, Duration)>,
    told: &mut Vec<String>,
    telemetry: &Telemetry,
    part: &Part,
) -> Vec<Line> {
    let mut lines = Vec::new();
    for (thread, at_it) in &still {
        telemetry.stands_still(thread, *at_it);
        if !told.contains(thread) {
            lines.push(Line::StandsStill(thread.clone(), *at_it));
        }
    }
    let goes_on = |thread: &&String| still.iter().all(|(other, _)| other != *thread);
    for thread in told.iter().filter(goes_on) {
        telemetry.stands_still(thread, Duration::ZERO);
        lines.push(Line::GoesOn(thread.clone()));
    }
    *told = still.into_iter().map(|(thread, _)| thread).collect();
    if told.is_empty() {
        part.ready("none stands still");
    } else {
        part.not_ready(format!("these stand still: {}", told.join(", ")));
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
        let mut told = Vec::new();
        let still = vec![("shard-1".to_owned(), STILL_AFTER)];
        let lines = tell_of(still.clone(), &mut told, &telemetry, &part);
        assert_eq!(lines, [Line::StandsStill("shard-1".into(), STILL_AFTER)]);
        assert!(!readiness.is_ready());
        assert_eq!(told, ["shard-1"]);
        assert_eq!(tell_of(still, &mut told, &telemetry, &part), []);
        let lines = tell_of(Vec::new(), &mut told, &telemetry, &part);
        assert_eq!(lines, [Line::GoesOn("shard-1".into())]);
        assert!(readiness.is_ready() && told.is_empty());
    }
}
