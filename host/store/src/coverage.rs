//! Writes coverage, and reads its numbers: when nobody saw a stream, how many frames could not be read, and which numbers were left out.

use rusqlite::params;

use crate::error::StoreError;
use crate::flush::Flush;
use crate::reader::Reader;
use crate::rows::{CoverageRow, SequenceGapRow, UnreadRow};

impl Flush<'_> {
    /// Puts a hole in its place. It may be one that is there and has grown; holes that it took in are removed.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn coverage(&self, row: &CoverageRow) -> Result<(), StoreError> {
        let failed = StoreError::sqlite("note what was not seen");
        self.prepare(
            "DELETE FROM coverage WHERE stream = ?1 AND from_ms BETWEEN ?2 AND ?3",
            "note what was not seen",
        )?
        .execute(params![row.stream, row.from_ms, row.to_ms])
        .map_err(&failed)?;
        self.prepare(
            "INSERT INTO coverage VALUES (?1, ?2, ?3, ?4)",
            "note what was not seen",
        )?
        .execute(params![row.stream, row.from_ms, row.to_ms, row.cause])
        .map_err(failed)?;
        Ok(())
    }

    /// Adds frames that could not be read to those of their window.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn unread(&self, row: &UnreadRow) -> Result<(), StoreError> {
        let doing = "count frames that could not be read";
        self.prepare(
            "INSERT INTO unread_frames (start_ms, end_ms, stream, frames) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (start_ms, stream) DO UPDATE SET
                 end_ms = max(end_ms, excluded.end_ms), frames = frames + excluded.frames",
            doing,
        )?
        .execute(params![row.start_ms, row.end_ms, row.stream, row.frames])
        .map_err(StoreError::sqlite(doing))?;
        Ok(())
    }

    /// Adds numbers that were left out to those of their window.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn sequence_gap(&self, row: &SequenceGapRow) -> Result<(), StoreError> {
        let doing = "count numbers that were left out";
        self.prepare(
            "INSERT INTO sequence_gaps (start_ms, end_ms, stream, numbers, landed, unread, came_late)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (start_ms, stream) DO UPDATE SET
                 end_ms = max(end_ms, excluded.end_ms), numbers = numbers + excluded.numbers,
                 landed = landed + excluded.landed, unread = unread + excluded.unread,
                 came_late = came_late + excluded.came_late",
            doing,
        )?
        .execute(params![
            row.start_ms,
            row.end_ms,
            row.stream,
            row.numbers,
            row.landed,
            row.unread,
            row.came_late
        ])
        .map_err(StoreError::sqlite(doing))?;
        Ok(())
    }
}

impl Reader {
    /// Numbers that were left out, by window and stream, in the order of time.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn sequence_gaps(&self) -> Result<Vec<SequenceGapRow>, StoreError> {
        let failed = StoreError::sqlite("read which numbers were left out");
        let mut statement = self
            .connection
            .prepare(
                "SELECT start_ms, end_ms, stream, numbers, landed, unread, came_late FROM sequence_gaps
                 ORDER BY start_ms, stream",
            )
            .map_err(&failed)?;
        let rows = statement
            .query_map([], |row| {
                Ok(SequenceGapRow {
                    start_ms: row.get(0)?,
                    end_ms: row.get(1)?,
                    stream: row.get(2)?,
                    numbers: row.get(3)?,
                    landed: row.get(4)?,
                    unread: row.get(5)?,
                    came_late: row.get(6)?,
                })
            })
            .map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }
}
