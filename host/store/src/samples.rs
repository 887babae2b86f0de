//! Writes samples, and removes those for which there are newer ones.

use landfall_escape::{file, json};
use rusqlite::params;

use crate::error::StoreError;
use crate::flush::Flush;
use crate::retention::RowCounts;
use crate::rows::SampleRow;

impl Flush<'_> {
    /// Adds a sample. Its texts for people are escaped here, whoever wrote them: tools print them as they are in
    /// the file. Key and frame are data, and stay as they are.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn sample(&self, row: &SampleRow) -> Result<(), StoreError> {
        let failed = StoreError::sqlite("add a sample");
        self.transaction
            .prepare_cached(
                "INSERT INTO samples (generation, kind, check_name, reason, stream, schema, key, at_ms, detail, document, frame)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )
            .map_err(&failed)?
            .execute(params![
                row.generation,
                row.kind,
                row.check_name,
                file::escape(&row.reason),
                row.stream,
                row.schema,
                row.key,
                row.at_ms,
                file::escape(&row.detail),
                json::escaped(&row.document),
                row.frame
            ])
            .map_err(&failed)?;
        self.count_rows(RowCounts {
            samples: 1,
            ..RowCounts::default()
        });
        Ok(())
    }

    /// Removes all but the newest `keep` samples of a kind, check, reason and schema. Gives how many it removed.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn trim_samples(
        &self,
        kind: &str,
        check_name: &str,
        reason: &str,
        schema: &str,
        keep: u64,
    ) -> Result<usize, StoreError> {
        let failed = StoreError::sqlite("trim samples");
        let trimmed = self
            .transaction
            .prepare_cached(
                "DELETE FROM samples WHERE kind = ?1 AND check_name = ?2 AND reason = ?3 AND schema = ?4 AND id <= coalesce((
                     SELECT id FROM samples WHERE kind = ?1 AND check_name = ?2 AND reason = ?3 AND schema = ?4
                     ORDER BY id DESC LIMIT 1 OFFSET ?5), -1)",
            )
            .map_err(&failed)?
            .execute(params![kind, check_name, file::escape(reason), schema, keep])
            .map_err(failed)?;
        self.count_rows(RowCounts {
            samples: -(trimmed as i64),
            ..RowCounts::default()
        });
        Ok(trimmed)
    }
}
