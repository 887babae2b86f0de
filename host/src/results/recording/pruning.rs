//! Decides when retention is applied and with which time, and logs about it. The store decides what
//! is deleted.

use std::time::{Duration, Instant};

use landfall_store::{Pruned, Retention, Store};

use super::retention::{BEHIND_MS_MAX, ClockOffset, RetentionTime};
use crate::clock::Clock;

/// How often retention is applied while little exceeds it, and how often the log has what was
/// deleted although it was still owed. In real time.
const PRUNE: Duration = Duration::from_secs(30);

/// The state of retention in a run.
pub(super) struct Pruning {
    /// None if nothing is deleted for its age: in an audit, and if the store's own time cannot be
    /// read.
    time: Option<RetentionTime>,
    clock_offset: ClockOffset,
    /// When the last round began.
    began: Instant,
    /// Whether the last step left work for the next one.
    more: bool,
    /// What was deleted although it was still owed, since the last log line.
    unlogged: Pruned,
    logged: Option<Instant>,
}

impl Pruning {
    pub(super) fn start(
        store: &Store,
        clock: Option<&Clock>,
        retention: &Retention,
        now: Instant,
    ) -> Self {
        let time = clock.and_then(|clock| {
            let now_ms = clock.now_ms();
            // A clock that was set on purpose neither confirms nor contradicts the system's clock.
            let stored_ms = match clock.system_offset_ms() {
                Some(_) => remembered(store, now_ms)?,
                None => None,
            };
            Some(RetentionTime::start(stored_ms, now_ms, retention.keep_ms))
        });
        let mut pruning = Self {
            time,
            clock_offset: ClockOffset::Agrees,
            began: now,
            more: false,
            unlogged: Pruned::default(),
            logged: None,
        };
        pruning.log_clock_offset();
        pruning
    }

    pub(super) fn advance(&mut self, clock_ms: i64) {
        if let Some(time) = &mut self.time {
            time.advance(clock_ms);
            self.log_clock_offset();
        }
    }

    /// Logs when the clock and retention's time come apart, and when they agree again; once each.
    fn log_clock_offset(&mut self) {
        let Some(time) = &self.time else { return };
        let clock_offset = time.clock_offset();
        let same =
            std::mem::discriminant(&self.clock_offset) == std::mem::discriminant(&clock_offset);
        self.clock_offset = clock_offset;
        if same {
            return;
        }
        match clock_offset {
            ClockOffset::Agrees => tracing::info!("retention uses the clock again"),
            ClockOffset::Ahead(ms) => tracing::warn!(
                ahead_seconds = ms / 1000,
                "the clock is far ahead of what this store has lived through: a long stop, or a wrong date. \
                 Retention deletes by the store's own time, and makes up one hour for each hour that Landfall runs; \
                 docs/OPERATIONS.md describes how to confirm the date"
            ),
            ClockOffset::Behind(ms) => tracing::warn!(
                behind_seconds = ms / 1000,
                "the clock is behind what this store has lived through: is the date right? \
                 Until the clock has caught up, retention deletes by the clock, and so deletes too little"
            ),
        }
    }

    /// Retention's time, to keep in the store, in milliseconds.
    pub(super) fn time_ms(&self) -> Option<i64> {
        self.time.map(|time| time.time_ms())
    }

    /// The time by which rows are too old, in milliseconds.
    pub(super) fn at_ms(&self) -> Option<i64> {
        self.time.map(|time| time.prune_at_ms())
    }

    /// By how much the clock is ahead of retention's time, in milliseconds.
    pub(super) fn ahead_ms(&self) -> Option<i64> {
        self.time.map(|time| time.ahead_ms())
    }

    /// Whether the next flush deletes: every [`PRUNE`], and as long as there is too much.
    pub(super) fn is_due(&self, store: &Store, retention: &Retention, now: Instant) -> bool {
        self.time.is_some() && (self.more || self.is_round_due(now) || store.is_beyond(retention))
    }

    /// Makes a round due at once.
    #[cfg(test)]
    pub(super) fn make_due(&mut self) {
        self.began = self.began.checked_sub(PRUNE).unwrap_or(self.began);
    }

    /// Records a step of retention. Gives whether it began a round, in which samples may be taken
    /// anew.
    pub(super) fn pruned(&mut self, pruned: &Pruned, now: Instant) -> bool {
        self.more = pruned.more;
        self.unlogged.missing_old += pruned.missing_old;
        self.unlogged.missing_excess += pruned.missing_excess;
        let owed = self.unlogged.missing_old + self.unlogged.missing_excess;
        let is_due = |logged: Instant| now.saturating_duration_since(logged) >= PRUNE;
        if owed > 0 && self.logged.is_none_or(is_due) {
            self.log_removed_missing();
            self.logged = Some(now);
        }
        let is_round = self.is_round_due(now);
        if is_round {
            self.began = now;
        }
        is_round
    }

    fn is_round_due(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.began) >= PRUNE
    }

    fn log_removed_missing(&mut self) {
        let unlogged = std::mem::take(&mut self.unlogged);
        if unlogged.missing_old > 0 {
            tracing::warn!(
                events = unlogged.missing_old,
                "missing events older than store.keep were removed; they can no longer be backfilled"
            );
        }
        if unlogged.missing_excess > 0 {
            tracing::error!(
                events = unlogged.missing_excess,
                "missing events beyond store.missing_max were removed although they had not landed; they can no longer \
                 be backfilled; raise store.missing_max"
            );
        }
    }
}

impl Drop for Pruning {
    /// What was still owed is logged in any case.
    fn drop(&mut self) {
        self.log_removed_missing();
    }
}

/// The retention time in the store, in milliseconds, if it has one. The outer None: it cannot be
/// read. If the clock is behind the last time that the store knows, this is logged.
fn remembered(store: &Store, now_ms: i64) -> Option<Option<i64>> {
    let read = store.retention_ms().and_then(|time| {
        let known = store.known_time()?.filter(|(_, by_system)| *by_system);
        Ok((time, known.map(|(known_ms, _)| known_ms)))
    });
    match read {
        Ok((stored_ms, known_ms)) => {
            let behind_ms = known_ms.map_or(0, |known| known.saturating_sub(now_ms));
            // Retention that uses this time logs it itself.
            let is_logged = stored_ms.is_some_and(|stored| stored > now_ms);
            if behind_ms > BEHIND_MS_MAX && !is_logged {
                tracing::warn!(
                    behind_seconds = behind_ms / 1000,
                    "the last run's clock was ahead of what it is now: its date was wrong, or this one is"
                );
            }
            Some(stored_ms)
        }
        Err(error) => {
            tracing::error!("{error}; nothing is deleted until the next start");
            None
        }
    }
}
