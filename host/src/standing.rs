//! Which threads stand still: each says when it takes something up and when it waits for more, and who
//! has been at one thing for too long is told. Knows no thread's work. A thread that waits for a neighbour
//! that stands still does too, and is told with it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

use crate::board::Board;
use crate::http::Part;

/// At one piece of work for so long: a batch takes some milliseconds, with checks that fail a few seconds.
const STILL_AFTER: Duration = Duration::from_secs(10);

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(1);

/// Lines that wait to be written to the log; each is about one thread. What is beyond is not logged; metrics and
/// `/readyz` tell it all the same.
const LINES_MAX: usize = 1024;

/// The thread waits for work.
const WAITS: u64 = 0;

thread_local! {
    static BEAT: RefCell<Option<Arc<Beat>>> = const { RefCell::new(None) };
}

/// What one thread says of itself.
#[derive(Debug)]
struct Beat {
    thread: String,
    epoch: Instant,
    /// Milliseconds after the epoch, plus one, at which it took up what it is at; or `WAITS`.
    since: AtomicU64,
}

/// All threads that say so: those of the engine, of the sources and of reloads.
#[derive(Debug)]
pub struct Standing {
    epoch: Instant,
    beats: Mutex<Vec<Weak<Beat>>>,
}

/// The thread takes something up.
pub(crate) fn works() {
    tell(|beat| beat.millis(Instant::now()) + 1);
}

/// The thread waits for more.
pub(crate) fn waits() {
    tell(|_| WAITS);
}

fn tell(since: impl FnOnce(&Beat) -> u64) {
    BEAT.with_borrow(|beat| {
        if let Some(beat) = beat {
            beat.since.store(since(beat), Ordering::Relaxed);
        }
    });
}

impl Beat {
    fn millis(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.epoch);
        u64::try_from(passed.as_millis()).unwrap_or(u64::MAX - 1)
    }

    /// For how long it has been at one thing.
    fn at_it(&self, now: Instant) -> Option<Duration> {
        let since = self.since.load(Ordering::Relaxed).checked_sub(1)?;
        Some(Duration::from_millis(
            self.millis(now).saturating_sub(since),
        ))
    }
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            epoch: Instant::now(),
            beats: Mutex::default(),
        }
    }
}

impl Standing {
    /// The thread that calls it is watched from now on, until it ends.
    pub fn enroll(&self, thread: &str) {
        let beat = Arc::new(Beat {
            thread: thread.to_owned(),
            epoch: self.epoch,
            since: AtomicU64::new(WAITS),
        });
        let mut beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        beats.push(Arc::downgrade(&beat));
        BEAT.set(Some(beat));
    }

    /// All threads that are watched now.
    fn threads(&self) -> Vec<String> {
        let beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        let live = beats.iter().filter_map(Weak::upgrade);
        live.map(|beat| beat.thread.clone()).collect()
    }

    /// The threads that stand still, and for how long.
    fn still(&self, now: Instant) -> Vec<(String, Duration)> {
        let mut beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        beats.retain(|beat| beat.strong_count() > 0);
        let still = beats.iter().filter_map(|beat| {
            let beat = beat.upgrade()?;
            let at_it = beat.at_it(now).filter(|at_it| *at_it >= STILL_AFTER)?;
            Some((beat.thread.clone(), at_it))
        });
        still.collect()
    }
}

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

/// Looks after the threads on a thread of its own, until nobody holds `standing` any more. Another one writes
/// the log: if that is what a thread stands still at, because nobody reads standard error, it must not hold up
/// who tells of it.
pub(crate) fn watch(standing: &Arc<Standing>, board: Board) -> std::io::Result<()> {
    let part = board.readiness().part("threads");
    part.ready("none stands still");
    let standing = Arc::downgrade(standing);
    let (lines, to_log) = bounded::<Line>(LINES_MAX);
    let run = move || {
        let (mut told, mut known) = (Vec::new(), BTreeSet::new());
        while let Some(standing) = standing.upgrade() {
            // Its series is there before it ever stands still.
            let new = |thread: &String| known.insert(thread.clone());
            for thread in standing.threads().into_iter().filter(new) {
                board.stands_still(&thread, Duration::ZERO);
            }
            let still = standing.still(Instant::now());
            drop(standing);
            for line in tell_of(still, &mut told, &board, &part) {
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
    board: &Board,
    part: &Part,
) -> Vec<Line> {
    let mut lines = Vec::new();
    for (thread, at_it) in &still {
        board.stands_still(thread, *at_it);
        if !told.contains(thread) {
            lines.push(Line::StandsStill(thread.clone(), *at_it));
        }
    }
    let goes_on = |thread: &&String| still.iter().all(|(other, _)| other != *thread);
    for thread in told.iter().filter(goes_on) {
        board.stands_still(thread, Duration::ZERO);
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

    #[test]
    fn a_thread_stands_still_when_it_has_been_at_one_thing_for_too_long_and_not_while_it_waits() {
        let standing = Standing::default();
        let names = |now| {
            let still = standing.still(now).into_iter();
            still.map(|(thread, _)| thread).collect::<Vec<_>>()
        };
        standing.enroll("judge-0");
        let later = |duration| Instant::now() + duration;
        assert!(names(later(STILL_AFTER * 2)).is_empty(), "it waits");
        works();
        assert!(names(later(STILL_AFTER / 2)).is_empty());
        assert_eq!(names(later(STILL_AFTER)), ["judge-0"]);
        // At another thing.
        std::thread::sleep(Duration::from_millis(20));
        works();
        assert!(names(later(STILL_AFTER - Duration::from_millis(10))).is_empty());
        waits();
        assert!(names(later(STILL_AFTER * 2)).is_empty());
        works();
        BEAT.set(None);
        assert!(names(later(STILL_AFTER * 2)).is_empty(), "it has ended");
    }

    #[test]
    fn a_thread_that_stands_still_makes_landfall_unready_until_it_goes_on() {
        let board = Board::new().unwrap();
        let readiness = Readiness::default();
        let part = readiness.part("threads");
        let mut told = Vec::new();
        let still = vec![("shard-1".to_owned(), STILL_AFTER)];
        let lines = tell_of(still.clone(), &mut told, &board, &part);
        assert_eq!(lines, [Line::StandsStill("shard-1".into(), STILL_AFTER)]);
        assert!(!readiness.is_ready());
        assert_eq!(told, ["shard-1"]);
        assert_eq!(tell_of(still, &mut told, &board, &part), []);
        let lines = tell_of(Vec::new(), &mut told, &board, &part);
        assert_eq!(lines, [Line::GoesOn("shard-1".into())]);
        assert!(readiness.is_ready() && told.is_empty());
    }
}
