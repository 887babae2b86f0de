//! `[store]`: what is kept on disk, how much and how long.

use std::path::PathBuf;
use std::time::Duration;

use crate::settings::reader::Section;
use crate::settings::units::DURATION_MAX;

/// The smallest spool: a few of its segments.
const SPOOL_BYTES_MIN: usize = 64 << 20;

/// Files that are no longer needed stay until the next sync.
const SYNC_INTERVAL_MAX: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    pub dir: PathBuf,
    /// Raw frames of events that wait, and of landings that wait for their raw event.
    pub spool_bytes_max: usize,
    /// What was taken is brought to the disk this often, so that a power cut takes no more. Zero: never.
    pub sync_interval: Duration,
    /// Older results are deleted.
    pub keep: Duration,
    /// Maximum number of events kept with their frame; the oldest are removed first.
    pub missing_max: usize,
    /// Maximum number of samples of violations, undecodable frames and faults.
    pub samples_max: usize,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            dir: "landfall-data".into(),
            spool_bytes_max: 8 << 30,
            sync_interval: Duration::from_secs(1),
            keep: Duration::from_secs(30 * 86_400),
            missing_max: 20_000_000,
            samples_max: 10_000,
        }
    }
}

impl StoreConfig {
    pub(in crate::config) fn read(&mut self, section: &mut Section<'_>) {
        section.path("dir", &mut self.dir);
        section.size(
            "spool_bytes_max",
            &mut self.spool_bytes_max,
            SPOOL_BYTES_MIN..=1 << 44,
        );
        section.duration(
            "sync_interval",
            &mut self.sync_interval,
            Duration::ZERO..=SYNC_INTERVAL_MAX,
        );
        section.duration(
            "keep",
            &mut self.keep,
            Duration::from_secs(60)..=DURATION_MAX,
        );
        section.count("missing_max", &mut self.missing_max, 1000..=1_000_000_000);
        section.count("samples_max", &mut self.samples_max, 0..=10_000_000);
    }
}
