//! `[ledger]`: the joining of the streams, and how much of it is kept in memory.

use std::time::Duration;

use crate::settings::reader::Section;
use crate::settings::units::DURATION_MAX;

/// More shards only cost memory: a shard joins a million observations a second.
const SHARDS_MAX: i64 = 64;

/// An entry has 80 bytes, so the highest bound is 80 GB.
const ENTRIES_MAX: i64 = 1_000_000_000;

/// The stamps of two streams may differ by this much, also after a pause. With less, a row that comes before
/// its event would be unexpected although the event is on its way.
const GRACE_MIN: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerConfig {
    /// 0: one for each worker.
    pub shards: usize,
    /// How long a settled key is remembered.
    pub horizon: Duration,
    /// Maximum number of settled keys that are remembered, over all shards.
    pub settled_max: usize,
    /// Maximum number of events that wait in memory, over all shards.
    pub pending_max: usize,
    /// How long a landing waits for its raw event before it is unexpected.
    pub unexpected_grace: Duration,
    /// The writer replaces an existing row, so no row is a duplicate.
    pub writer_replaces: bool,
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self {
            shards: 0,
            horizon: Duration::from_secs(1800),
            settled_max: 3_000_000,
            pending_max: 8_000_000,
            unexpected_grace: Duration::from_secs(30),
            writer_replaces: false,
        }
    }
}

impl LedgerConfig {
    pub(in crate::config) fn read(&mut self, section: &mut Section<'_>) {
        section.count("shards", &mut self.shards, 0..=SHARDS_MAX);
        section.duration(
            "horizon",
            &mut self.horizon,
            Duration::from_secs(1)..=DURATION_MAX,
        );
        section.count("settled_max", &mut self.settled_max, 1000..=ENTRIES_MAX);
        section.count("pending_max", &mut self.pending_max, 1000..=ENTRIES_MAX);
        section.duration(
            "unexpected_grace",
            &mut self.unexpected_grace,
            GRACE_MIN..=DURATION_MAX,
        );
        section.flag("writer_replaces", &mut self.writer_replaces);
    }
}
