//! How the engine shuts down when it cannot finish. A spool or a store that stays full must not
//! hold up the shutdown for ever. What is left undone is counted and reported.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::bug::REPORT_BUG;
use crate::flow::{FrameBatch, ShutdownRequest, Unapplied};

/// How long a failing spool or store is still tried after the request to shut down (real time).
/// Well below the 30 s after which service managers kill.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was received and is not accounted for in the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unaccounted {
    /// Frames that were not judged.
    pub frames: u64,
    /// Raw events and verdicts that are not in the store's windows.
    pub counts: u64,
    /// Missing events that are not in the store, so not in its backfill either.
    pub missing: u64,
    /// The reasons as text.
    pub reasons: BTreeSet<String>,
}

impl Unaccounted {
    /// Whether everything is accounted for.
    pub fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }
}

impl fmt::Display for Unaccounted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons: Vec<&str> = self.reasons.iter().map(String::as_str).collect();
        write!(
            out,
            "not accounted for: {} frames that were not judged, {} counts and {} missing events that are not stored: {}",
            self.frames,
            self.counts,
            self.missing,
            reasons.join("; ")
        )
    }
}

/// Shared by the threads that may have to wait for the disk.
pub struct Shutdown {
    stop: ShutdownRequest,
    /// When the request to shut down was first noticed.
    since: OnceLock<Instant>,
    given_up: AtomicBool,
    unaccounted: Mutex<Unaccounted>,
}

impl Shutdown {
    pub fn new(stop: ShutdownRequest) -> Self {
        Self {
            stop,
            since: OnceLock::new(),
            given_up: AtomicBool::new(false),
            unaccounted: Mutex::default(),
        }
    }

    /// Whether to stop trying what fails.
    pub fn is_over(&self) -> bool {
        if self.stop.is_set() {
            self.begin();
        }
        self.has_given_up()
            || self
                .since
                .get()
                .is_some_and(|since| since.elapsed() >= PATIENCE)
    }

    /// Requests the shutdown of the process.
    pub fn begin(&self) {
        self.since.get_or_init(Instant::now);
    }

    /// Going on makes no sense: sources end, and what still comes is dropped and counted.
    pub fn give_up(&self, why: String) {
        self.given_up.store(true, Ordering::Release);
        self.stop.set();
        self.lock().reasons.insert(why);
    }

    /// Whether [`Shutdown::give_up`] was called.
    pub fn has_given_up(&self) -> bool {
        self.given_up.load(Ordering::Acquire)
    }

    /// Counts a batch that is not judged, and abandons it.
    pub fn frames_left(&self, batch: &FrameBatch, why: &impl ToString) {
        batch.guard.abandon(Unapplied::Unjudged);
        let mut unaccounted = self.lock();
        unaccounted.frames += batch.rows() as u64;
        unaccounted.reasons.insert(why.to_string());
    }

    /// Counts results that are not stored.
    pub fn results_left(&self, counts: u64, missing: u64, why: &impl ToString) {
        let mut unaccounted = self.lock();
        unaccounted.counts += counts;
        unaccounted.missing += missing;
        unaccounted.reasons.insert(why.to_string());
    }

    /// Counts the death of a thread, with whatever it held.
    pub fn died(&self, thread: &str) {
        let reason = format!("{thread} died; {REPORT_BUG}");
        self.lock().reasons.insert(reason);
    }

    /// What is not accounted for so far.
    pub fn unaccounted(&self) -> Unaccounted {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Unaccounted> {
        self.unaccounted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::InFlight;
    use landfall_ledger::Stream;

    #[test]
    fn giving_up_ends_the_sources_and_what_is_left_is_counted() {
        let stop = ShutdownRequest::default();
        let shutdown = Shutdown::new(stop.clone());
        assert!(!shutdown.is_over() && shutdown.unaccounted().is_empty());
        shutdown.give_up("the spool is full".into());
        assert!(shutdown.is_over() && stop.is_set());
        shutdown.results_left(3, 2, &"the disk is full");
        let text = shutdown.unaccounted().to_string();
        assert!(text.contains("2 missing events"), "{text}");
        assert!(
            text.contains("the disk is full; the spool is full"),
            "{text}"
        );
    }

    #[test]
    fn no_frontier_passes_what_was_not_judged() {
        let in_flight = InFlight::default();
        let shutdown = Shutdown::new(ShutdownRequest::default());
        let mut batch = FrameBatch::detached(Stream::Raw);
        batch.guard = in_flight.begin(Stream::Raw, 7);
        shutdown.frames_left(&batch, &"full");
        drop(batch);
        assert_eq!(in_flight.frontier(Stream::Raw), 7);
    }

    #[test]
    fn there_is_some_patience_after_the_request_to_shut_down() {
        let stop = ShutdownRequest::default();
        let shutdown = Shutdown::new(stop.clone());
        stop.set();
        assert!(!shutdown.is_over());
    }
}
