//! Writes windows: counts that are added to one, or revised, and that it is closed.

use rusqlite::params;

use crate::error::StoreError;
use crate::flush::Flush;
use crate::rows::{WindowCounts, WindowRow};

impl Flush<'_> {
    /// Adds to a window. A window of an earlier run that began at the same time, and was shorter or longer, is the
    /// same one: it ends with the longer of the two.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn window(&self, row: &WindowRow) -> Result<(), StoreError> {
        let failed = StoreError::sqlite("add to a window");
        let WindowCounts {
            raw,
            pending,
            delivered,
            late,
            altered,
            missing,
            unconfirmed,
            rejected,
            leaked,
            repeated,
            unjudged,
            duplicate,
            unexpected,
            doubtful,
            unwatched,
            rejected_unseen,
        } = row.counts;
        self.transaction
            .prepare_cached(
                "INSERT INTO windows (start_ms, end_ms, schema, raw, pending, delivered, late, altered, missing,
                     unconfirmed, rejected, leaked, repeated, unjudged, duplicate, unexpected, doubtful,
                     unwatched, rejected_unseen)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
                 ON CONFLICT (start_ms, schema) DO UPDATE SET
                     end_ms = max(end_ms, excluded.end_ms), raw = raw + excluded.raw, pending = pending + excluded.pending,
                     delivered = delivered + excluded.delivered, late = late + excluded.late,
                     altered = altered + excluded.altered, missing = missing + excluded.missing,
                     unconfirmed = unconfirmed + excluded.unconfirmed, rejected = rejected + excluded.rejected,
                     leaked = leaked + excluded.leaked, repeated = repeated + excluded.repeated,
                     unjudged = unjudged + excluded.unjudged, duplicate = duplicate + excluded.duplicate,
                     unexpected = unexpected + excluded.unexpected, doubtful = doubtful + excluded.doubtful,
                     unwatched = unwatched + excluded.unwatched,
                     rejected_unseen = rejected_unseen + excluded.rejected_unseen",
            )
            .map_err(&failed)?
            .execute(params![
                row.start_ms,
                row.end_ms,
                row.schema,
                raw,
                pending,
                delivered,
                late,
                altered,
                missing,
                unconfirmed,
                rejected,
                leaked,
                repeated,
                unjudged,
                duplicate,
                unexpected,
                doubtful,
                unwatched,
                rejected_unseen
            ])
            .map_err(&failed)?;
        Ok(())
    }

    /// Notes a generation of checks that gave verdicts of a window and schema.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn window_judge(
        &self,
        start_ms: i64,
        schema: &str,
        generation: u64,
    ) -> Result<(), StoreError> {
        let failed = StoreError::sqlite("note who judged a window");
        self.transaction
            .prepare_cached("INSERT OR IGNORE INTO window_judges VALUES (?1, ?2, ?3)")
            .map_err(&failed)?
            .execute(params![start_ms, schema, generation])
            .map_err(failed)?;
        Ok(())
    }

    /// The verdict of an event changes that an earlier run, or this one long ago, counted as missing or as
    /// unconfirmed: revises the counts of its window, wherever windows began then. `start_ms` is when
    /// that window begins, if that is known. `counts` has what is added, and less than 0 for what it was.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn window_revised(
        &self,
        arrived_ms: i64,
        schema: &str,
        start_ms: Option<i64>,
        counts: &WindowCounts,
    ) -> Result<(), StoreError> {
        let failed = StoreError::sqlite("revise a window");
        // After the windows' length was changed two may hold the time. If nothing more is known, one of them that may
        // count the event is taken.
        self.transaction
            .prepare_cached(
                "UPDATE windows SET late = late + ?3, altered = altered + ?4, unjudged = unjudged + ?5,
                     missing = missing + ?6, unconfirmed = unconfirmed + ?7
                 WHERE schema = ?2 AND start_ms = coalesce(?8, (
                     SELECT start_ms FROM windows
                     WHERE schema = ?2 AND start_ms <= ?1 AND end_ms > ?1
                         AND missing + ?6 >= 0 AND unconfirmed + ?7 >= 0
                     ORDER BY start_ms DESC LIMIT 1))",
            )
            .map_err(&failed)?
            .execute(params![
                arrived_ms,
                schema,
                counts.late,
                counts.altered,
                counts.unjudged,
                counts.missing,
                counts.unconfirmed,
                start_ms
            ])
            .map_err(failed)?;
        Ok(())
    }

    /// Marks the windows that start at `start_ms` as closed.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn close_window(&self, start_ms: i64) -> Result<(), StoreError> {
        self.transaction
            .execute(
                "UPDATE windows SET closed = 1 WHERE start_ms = ?1",
                params![start_ms],
            )
            .map_err(StoreError::sqlite("close a window"))?;
        Ok(())
    }
}
