//! Makes results durable: writes each flush in one transaction, tries again until it succeeds, and
//! applies retention.
//!
//! Decides nothing about events, and knows no metrics. It reads the clock only to measure how long
//! the disk takes.

mod key_memory;
mod log_file;
mod pruning;
mod retention;
mod retry;
mod write;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use landfall_ledger::Effect;
use landfall_store::spool::Spool;
use landfall_store::{Pruned, Retention, Store, StoreError};

pub use self::key_memory::KeyMemory;
use self::log_file::LogFile;
use self::pruning::Pruning;
pub(super) use self::retry::Retry;
use self::write::{Settled, StoredTimes};
use super::accounting::{KnownMissing, Prepared};
use crate::clock::Clock;
use crate::messages::Described;

/// How often the time up to which the store knows what happened is stored, while there is nothing
/// else to write.
const STORE_TIMES_EVERY: Duration = Duration::from_secs(5);

/// The store, as the results use it.
pub(super) struct Recording {
    store: Store,
    retention: Retention,
    /// None if times are the events' own.
    clock: Option<Clock>,
    pruning: Pruning,
    log_file: LogFile,
    /// When the times were last stored.
    times_stored: Option<Instant>,
    spool: Arc<Spool>,
    /// Segments of the spool that were removed, and of which the store has not forgotten the frames.
    removed_segments: Vec<u32>,
    /// None if no other run goes on after this one.
    key_memory: Option<KeyMemory>,
    /// What the last try deleted, if its commit failed: it may have succeeded all the same.
    unsure: Option<Pruned>,
}

/// What a flush did beside writing what was prepared.
#[derive(Default)]
pub(super) struct WriteOutcome {
    pub pruned: Option<Pruned>,
    /// Retention began a round.
    pub is_round: bool,
}

impl Recording {
    pub fn new(
        store: Store,
        spool: Arc<Spool>,
        key_memory: Option<KeyMemory>,
        retention: Retention,
        clock: Option<Clock>,
        now: Instant,
    ) -> Self {
        Self {
            pruning: Pruning::start(&store, clock.as_ref(), &retention, now),
            store,
            retention,
            clock,
            log_file: LogFile::default(),
            times_stored: None,
            spool,
            removed_segments: Vec::new(),
            key_memory,
            unsure: None,
        }
    }

    /// The store's directory.
    pub fn path(&self) -> &Path {
        self.store.path()
    }

    /// The store, for reading.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// By how much the clock is ahead of retention's time, in milliseconds; None if retention has
    /// no time.
    pub fn clock_ahead_ms(&self) -> Option<i64> {
        self.pruning.ahead_ms()
    }

    /// What the store knows of the missing events that `events` refer to.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn look_up(&self, events: &[Described]) -> Result<KnownMissing, StoreError> {
        let mut known = KnownMissing::new();
        for described in events {
            if let Effect::LandedLate { key, .. }
            | Effect::MissingAgain { key, .. }
            | Effect::Recall { key, .. } = described.event.effect
                && let Some(row) = self.store.missing_event(key.to_bytes())?
            {
                known.insert(key.to_bytes(), row);
            }
        }
        Ok(known)
    }

    /// Writes one prepared flush, and gives how long that took. `known_ms` is the time up to which
    /// the store then knows what happened.
    ///
    /// On an error nothing of the flush is in the store, or that is not known. The call can be
    /// repeated any number of times.
    ///
    /// # Errors
    /// The store failed; see above.
    pub fn write(
        &mut self,
        prepared: &Prepared,
        known_ms: Option<i64>,
        now: Instant,
    ) -> (Result<WriteOutcome, StoreError>, Duration) {
        let began = Instant::now();
        let written = self.try_write(prepared, known_ms, now);
        (written, began.elapsed())
    }

    fn try_write(
        &mut self,
        prepared: &Prepared,
        known_ms: Option<i64>,
        now: Instant,
    ) -> Result<WriteOutcome, StoreError> {
        if self.store.is_committed()? {
            // The previous try succeeded, and only seemed to fail.
            let pruned = self.unsure.take();
            self.stored(prepared);
            return Ok(self.outcome(pruned, now));
        }
        if let Some(clock) = &self.clock {
            self.pruning.advance(clock.now_ms());
        }
        let is_due = |at: Instant| now.saturating_duration_since(at) >= STORE_TIMES_EVERY;
        let stores_times = !prepared.is_empty() || self.times_stored.is_none_or(is_due);
        let follows_system = self
            .clock
            .as_ref()
            .is_some_and(|clock| clock.system_offset_ms().is_some());
        let times = known_ms
            .filter(|_| stores_times)
            .map(|known_ms| StoredTimes {
                known_ms,
                follows_system,
                retention_ms: self.pruning.time_ms(),
            });
        let prunes = self.pruning.is_due(&self.store, &self.retention, now);
        let prune_at_ms = self.pruning.at_ms().filter(|_| prunes);
        let settled = self.settled(prepared, known_ms.unwrap_or_default());
        let mut flush = self.store.begin()?;
        if stores_times {
            flush.number()?;
        }
        let retention = &self.retention;
        let pruned = write::write(
            &mut flush,
            prepared,
            &settled,
            times.as_ref(),
            retention,
            prune_at_ms,
        )?;
        self.unsure = pruned;
        flush.commit()?;
        self.unsure = None;
        self.stored(prepared);
        if stores_times {
            self.times_stored = Some(now);
        }
        Ok(self.outcome(pruned, now))
    }

    /// What the next run has to know.
    fn settled(&mut self, prepared: &Prepared, now_ms: i64) -> Settled {
        self.removed_segments.extend(self.spool.take_removed());
        let Some(memory) = &self.key_memory else {
            self.removed_segments.clear();
            return Settled::default();
        };
        Settled {
            frames: prepared.released_by_segment(),
            removed_segments: self.removed_segments.clone(),
            keys: memory.rows(prepared, now_ms),
            run: memory.run,
            forgotten_ms: memory.forgotten_ms(prepared.complete_ms),
            forgotten_keys: memory.forgotten_keys(),
        }
    }

    /// A flush is stored: its frames are no longer needed.
    fn stored(&mut self, prepared: &Prepared) {
        self.removed_segments.clear();
        if let Some(memory) = &mut self.key_memory {
            memory.stored(prepared);
        }
        for (segment, frames) in prepared.released_by_segment() {
            let bytes = frames.iter().map(|frame| frame.bytes()).sum();
            self.spool.released(segment, frames.len() as u32, bytes);
        }
    }

    /// The last flush is not written again.
    pub fn give_up(&mut self) {
        self.store.give_up_flush();
        self.unsure = None;
    }

    fn outcome(&mut self, pruned: Option<Pruned>, now: Instant) -> WriteOutcome {
        let is_round = pruned.is_some_and(|pruned| self.pruning.pruned(&pruned, now));
        WriteOutcome { pruned, is_round }
    }

    /// Empties the write-ahead log, in which what was deleted stays until then. Due after a round of
    /// retention.
    pub fn empty_log(&mut self) {
        match self.store.empty_log() {
            Ok(emptied) => self.log_file.emptied(emptied),
            // Nothing is lost by the failure, and it is tried again.
            Err(error) => tracing::warn!("{error}"),
        }
    }

    /// Makes the next commit succeed and seem to fail.
    #[cfg(test)]
    pub fn lose_answer(&mut self) {
        self.store.lose_answer();
    }

    /// Makes a round of retention due.
    #[cfg(test)]
    pub fn make_pruning_due(&mut self) {
        self.pruning.make_due();
    }
}
