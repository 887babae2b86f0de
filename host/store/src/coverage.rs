//! Writes coverage: when nobody saw a stream, and how many frames could not be read.

use rusqlite::params;

use crate::error::StoreError;
use crate::flush::Flush;
use crate::rows::{CoverageRow, UnreadRow};

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
}
