//! What the last run left: what of it is judged again, and what cannot be.

use prometheus::{IntCounter, Result};

use super::registrar::Registrar;

#[derive(Debug)]
pub struct RestoreMetrics {
    events: IntCounter,
    rows: IntCounter,
    lost: IntCounter,
    damaged: IntCounter,
}

impl RestoreMetrics {
    pub(super) fn new(r: &Registrar) -> Result<Self> {
        Ok(Self {
            events: r.counter(
                "restored_events_total",
                "Events that an earlier run had read and not judged to the end: this run judges them again, and counts them among its own.",
            )?,
            rows: r.counter(
                "restored_rows_total",
                "Rows that an earlier run had read, and of which it had stored nothing: this run judges them again.",
            )?,
            lost: r.counter(
                "restore_lost_events_total",
                "Events that the store counts, and whose frames were gone when this run began: they stay pending in their windows.",
            )?,
            damaged: r.counter(
                "restore_damaged_frames_total",
                "Frames of an earlier run whose bytes were not those that were written.",
            )?,
        })
    }

    /// Events and rows that are judged again, events whose frames are gone, and damaged frames.
    pub fn restored(&self, events: u64, rows: u64, lost: u64, damaged: u64) {
        self.events.inc_by(events);
        self.rows.inc_by(rows);
        self.lost.inc_by(lost);
        self.damaged.inc_by(damaged);
    }
}
