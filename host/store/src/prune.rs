//! Retention at work: what is removed, in which order, and how much of it in one step.
//!
//! Missing events that have not landed are removed last, with their frames, and are counted apart. Every
//! statement uses an index and removes a bounded number of rows, so that the flush that it is a part of
//! stays short.

use rusqlite::params;

use crate::error::StoreError;
use crate::flush::Flush;
use crate::retention::{Retention, RowCounts};

/// Most rows of one table that a step removes: more than a flush adds, so that many steps in a row keep up with a
/// flood, and few enough to take about ten milliseconds.
pub const PRUNE_ROWS_MAX: u64 = 8192;

/// What one step of retention removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    pub windows: usize,
    pub incidents: usize,
    /// Events that had landed late.
    pub landed: usize,
    /// Events that were still missing, and older than `keep_ms`: their backfill is gone.
    pub missing_old: usize,
    /// Events that were still missing, and beyond `missing_max`: their backfill is gone.
    pub missing_excess: usize,
    pub samples: usize,
    /// Whether the step reached its bound: there may be more to remove.
    pub more: bool,
}

impl Flush<'_> {
    /// Removes some of what is beyond retention, as of `now_ms`. If [`Pruned::more`], it is to be called again.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn prune(&self, now_ms: i64, retention: &Retention) -> Result<Pruned, StoreError> {
        let before_ms = now_ms.saturating_sub(retention.keep_ms);
        let mut pruned = Pruned::default();
        let run = |sql: &str, before_ms: Option<i64>, rows: u64| -> Result<usize, StoreError> {
            let rows = rows.min(PRUNE_ROWS_MAX);
            if rows == 0 {
                return Ok(0);
            }
            let mut statement = self.prepare(sql, "prune")?;
            let removed = match before_ms {
                Some(before_ms) => statement.execute(params![rows, before_ms]),
                None => statement.execute(params![rows]),
            };
            removed.map_err(StoreError::sqlite("prune"))
        };
        let old = |sql: &str| run(sql, Some(before_ms), PRUNE_ROWS_MAX);

        pruned.windows = old("DELETE FROM windows WHERE (start_ms, schema) IN (
                 SELECT start_ms, schema FROM windows WHERE start_ms < ?2 AND end_ms < ?2
                 ORDER BY start_ms, schema LIMIT ?1)")?;
        let judges = run(
            "DELETE FROM window_judges WHERE (start_ms, schema, generation) IN (
                 SELECT start_ms, schema, generation FROM window_judges
                 WHERE start_ms < (SELECT coalesce(min(start_ms), 9223372036854775807) FROM windows)
                 ORDER BY start_ms, schema, generation LIMIT ?1)",
            None,
            PRUNE_ROWS_MAX,
        )?;
        let holes = old("DELETE FROM coverage WHERE (stream, from_ms) IN (
                 SELECT stream, from_ms FROM coverage WHERE to_ms < ?2 ORDER BY to_ms LIMIT ?1)")?;
        let unread = old("DELETE FROM unread_frames WHERE (start_ms, stream) IN (
                 SELECT start_ms, stream FROM unread_frames WHERE start_ms < ?2 AND end_ms < ?2
                 ORDER BY start_ms, stream LIMIT ?1)")?;
        let sequence_gaps = old("DELETE FROM sequence_gaps WHERE (start_ms, stream) IN (
                 SELECT start_ms, stream FROM sequence_gaps WHERE start_ms < ?2 AND end_ms < ?2
                 ORDER BY start_ms, stream LIMIT ?1)")?;
        pruned.landed = old("DELETE FROM missing WHERE id IN (
                 SELECT id FROM missing WHERE landed_ms IS NOT NULL AND landed_ms < ?2
                 ORDER BY landed_ms LIMIT ?1)")?;
        // Their frames hold addresses: none is kept longer, whether it was backfilled or not.
        pruned.missing_old = old("DELETE FROM missing WHERE id IN (
                 SELECT id FROM missing WHERE landed_ms IS NULL AND arrived_ms < ?2
                 ORDER BY arrived_ms LIMIT ?1)")?;
        let old_samples = old("DELETE FROM samples WHERE id IN (
                 SELECT id FROM samples WHERE at_ms < ?2 ORDER BY at_ms LIMIT ?1)")?;
        self.count_rows(RowCounts {
            missing: -signed(pruned.missing_old),
            landed: -signed(pruned.landed),
            samples: -signed(old_samples),
        });

        let [landed, missing, samples] = self.row_counts().excess(retention);
        let landed = run(
            "DELETE FROM missing WHERE id IN (
                 SELECT id FROM missing WHERE landed_ms IS NOT NULL ORDER BY landed_ms LIMIT ?1)",
            None,
            landed,
        )?;
        pruned.missing_excess = run(
            "DELETE FROM missing WHERE id IN (
                 SELECT id FROM missing WHERE landed_ms IS NULL ORDER BY arrived_ms, place LIMIT ?1)",
            None,
            missing,
        )?;
        let excess_samples = run(
            // The newest of each kind, check, reason and schema are removed last: a flood of others hides none.
            "DELETE FROM samples WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER (
                 PARTITION BY kind, check_name, reason, schema ORDER BY id DESC) AS rank FROM samples)
                 ORDER BY rank DESC, id LIMIT ?1)",
            None,
            samples,
        )?;
        self.count_rows(RowCounts {
            missing: -signed(pruned.missing_excess),
            landed: -signed(landed),
            samples: -signed(excess_samples),
        });
        pruned.incidents = old(
            "DELETE FROM incidents WHERE id IN (
                 SELECT id FROM incidents WHERE closed_ms IS NOT NULL AND closed_ms < ?2 AND NOT EXISTS (
                     SELECT 1 FROM missing WHERE missing.incident = incidents.id AND missing.landed_ms IS NULL)
                 ORDER BY closed_ms LIMIT ?1)",
        )?;
        let removed = [
            pruned.windows,
            judges,
            holes,
            unread,
            sequence_gaps,
            pruned.landed,
            pruned.missing_old,
            old_samples,
            pruned.incidents,
        ];
        pruned.more = removed.iter().any(|&rows| rows as u64 >= PRUNE_ROWS_MAX)
            || self.row_counts().is_beyond(retention);
        pruned.landed += landed;
        pruned.samples = old_samples + excess_samples;
        Ok(pruned)
    }
}

fn signed(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
