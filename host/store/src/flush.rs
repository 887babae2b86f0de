//! One flush: the transaction in which the writer writes rows, and how many rows it adds and removes.

use std::cell::Cell;

use landfall_escape::{file, json};
use rusqlite::{CachedStatement, Transaction, params};

use crate::commits::Commits;
use crate::error::StoreError;
use crate::retention::RowCounts;
use crate::rows::{GenerationRow, MissingRow, SampleRow, WindowCounts, WindowRow};

/// One transaction of the writer. Dropping it undoes everything.
///
/// All its methods fail as SQLite fails; the error says what was being done.
pub struct Flush<'a> {
    transaction: Transaction<'a>,
    /// Rows as of the last commit.
    row_counts: &'a mut RowCounts,
    /// Rows that this transaction adds.
    added: Cell<RowCounts>,
    commits: &'a mut Commits,
    is_numbered: Cell<bool>,
}

impl<'a> Flush<'a> {
    pub(crate) fn new(
        transaction: Transaction<'a>,
        row_counts: &'a mut RowCounts,
        commits: &'a mut Commits,
    ) -> Self {
        Self {
            transaction,
            row_counts,
            added: Cell::default(),
            commits,
            is_numbered: Cell::default(),
        }
    }
}

impl Flush<'_> {
    pub(crate) fn prepare(
        &self,
        sql: &str,
        doing: &'static str,
    ) -> Result<CachedStatement<'_>, StoreError> {
        self.transaction
            .prepare_cached(sql)
            .map_err(StoreError::sqlite(doing))
    }

    /// Rows with those that this transaction adds and removes.
    pub(crate) fn row_counts(&self) -> RowCounts {
        self.row_counts.plus(self.added.get())
    }

    pub(crate) fn count_rows(&self, rows: RowCounts) {
        self.added.set(self.added.get().plus(rows));
    }

    /// Adds a missing event. If the event is there and has not landed, its row stays as it is: one landing is
    /// expected. If it had landed (it came in once more after the ledger had forgotten it), it is missing again,
    /// and becomes the newest.
    pub fn missing(&self, row: &MissingRow) -> Result<(), StoreError> {
        let failed = StoreError::sqlite("add a missing event");
        let landed = self
            .transaction
            .prepare_cached("DELETE FROM missing WHERE fingerprint = ?1 AND landed_ms IS NOT NULL")
            .map_err(&failed)?
            .execute(params![row.fingerprint])
            .map_err(&failed)?;
        let added = self
            .transaction
            .prepare_cached(
                "INSERT INTO missing (fingerprint, key, schema, arrived_ms, place, deadline_ms, said_ms, incident, generation, frame)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (fingerprint) DO NOTHING",
            )
            .map_err(&failed)?
            .execute(params![
                row.fingerprint,
                row.key,
                row.schema,
                row.arrived_ms,
                row.place as i64,
                row.deadline_ms,
                row.said_ms,
                row.incident,
                row.generation,
                (!row.frame.is_empty()).then_some(&row.frame)
            ])
            .map_err(&failed)?;
        self.count_rows(RowCounts {
            missing: added as i64,
            landed: -(landed as i64),
            samples: 0,
        });
        Ok(())
    }

    /// Attributes missing events of a schema that arrived from `first_ms` to `last_ms`, and have no incident yet
    /// (0), to an incident. Gives how many they were.
    pub fn attribute(
        &self,
        schema: &str,
        first_ms: i64,
        last_ms: i64,
        incident: u64,
    ) -> Result<usize, StoreError> {
        let failed = StoreError::sqlite("put missing events down to an incident");
        self.transaction
            .prepare_cached(
                "UPDATE missing SET incident = ?4
                 WHERE landed_ms IS NULL AND arrived_ms BETWEEN ?2 AND ?3 AND schema = ?1 AND incident = 0",
            )
            .map_err(&failed)?
            .execute(params![schema, first_ms, last_ms, incident])
            .map_err(failed)
    }

    /// A missing event landed: its frame is removed.
    pub fn landed(&self, fingerprint: [u8; 16], landed_ms: i64) -> Result<(), StoreError> {
        let failed = StoreError::sqlite("mark an event as landed");
        let landed = self
            .transaction
            .prepare_cached(
                "UPDATE missing SET landed_ms = ?2, frame = NULL WHERE fingerprint = ?1 AND landed_ms IS NULL",
            )
            .map_err(&failed)?
            .execute(params![fingerprint, landed_ms])
            .map_err(failed)?;
        self.count_rows(RowCounts {
            missing: -(landed as i64),
            landed: landed as i64,
            samples: 0,
        });
        Ok(())
    }

    /// Notes up to which time the store has what happened, and by which clock: that of the system, or one of its
    /// own.
    pub fn known(&self, now_ms: i64, follows_system: bool) -> Result<(), StoreError> {
        let failed = StoreError::sqlite("note the time");
        let clock = if follows_system { "system" } else { "own" };
        self.transaction
            .prepare_cached("INSERT OR REPLACE INTO meta VALUES ('known_ms', ?1), ('clock', ?2)")
            .map_err(&failed)?
            .execute(params![now_ms, clock])
            .map_err(failed)?;
        Ok(())
    }

    /// Notes the time that retention uses as now.
    pub fn retention_time(&self, now_ms: i64) -> Result<(), StoreError> {
        self.prepare(
            "INSERT OR REPLACE INTO meta VALUES ('retention_ms', ?1)",
            "note the time",
        )?
        .execute(params![now_ms])
        .map_err(StoreError::sqlite("note the time"))?;
        Ok(())
    }

    /// Adds to a window. A window of an earlier run that began at the same time, and was shorter or longer, is the
    /// same one: it ends with the longer of the two.
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
        } = row.counts;
        self.transaction
            .prepare_cached(
                "INSERT INTO windows (start_ms, end_ms, schema, raw, pending, delivered, late, altered, missing,
                     unconfirmed, rejected, leaked, repeated, unjudged, duplicate, unexpected, doubtful)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
                 ON CONFLICT (start_ms, schema) DO UPDATE SET
                     end_ms = max(end_ms, excluded.end_ms), raw = raw + excluded.raw, pending = pending + excluded.pending,
                     delivered = delivered + excluded.delivered, late = late + excluded.late,
                     altered = altered + excluded.altered, missing = missing + excluded.missing,
                     unconfirmed = unconfirmed + excluded.unconfirmed, rejected = rejected + excluded.rejected,
                     leaked = leaked + excluded.leaked, repeated = repeated + excluded.repeated,
                     unjudged = unjudged + excluded.unjudged, duplicate = duplicate + excluded.duplicate,
                     unexpected = unexpected + excluded.unexpected, doubtful = doubtful + excluded.doubtful",
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
                doubtful
            ])
            .map_err(&failed)?;
        Ok(())
    }

    /// Notes a generation of checks that gave verdicts of a window and schema.
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

    /// A missing event came in once more and was lost once more: from now on it belongs to the incident in which
    /// that happened, whose backfill has its frame.
    pub fn missing_again(
        &self,
        fingerprint: [u8; 16],
        incident: u64,
        deadline_ms: i64,
        said_ms: i64,
    ) -> Result<(), StoreError> {
        let failed = StoreError::sqlite("put a missing event down to another incident");
        self.transaction
            .prepare_cached(
                "UPDATE missing SET incident = ?2, deadline_ms = ?3, said_ms = ?4
                 WHERE fingerprint = ?1 AND landed_ms IS NULL",
            )
            .map_err(&failed)?
            .execute(params![fingerprint, incident, deadline_ms, said_ms])
            .map_err(failed)?;
        Ok(())
    }

    /// An event landed that an earlier run, or this one long ago, counted as missing: revises the count of its
    /// window, wherever windows began then. `counts` has the count that it belongs to instead.
    pub fn window_revised(
        &self,
        arrived_ms: i64,
        schema: &str,
        counts: &WindowCounts,
    ) -> Result<(), StoreError> {
        let failed = StoreError::sqlite("revise a window");
        // After the windows' length was changed two may hold the time; one of them counts the event.
        self.transaction
            .prepare_cached(
                "UPDATE windows SET missing = missing - 1, late = late + ?3, altered = altered + ?4,
                     unjudged = unjudged + ?5
                 WHERE schema = ?2 AND start_ms = (
                     SELECT start_ms FROM windows
                     WHERE schema = ?2 AND start_ms <= ?1 AND end_ms > ?1 AND missing > 0
                     ORDER BY start_ms DESC LIMIT 1)",
            )
            .map_err(&failed)?
            .execute(params![
                arrived_ms,
                schema,
                counts.late,
                counts.altered,
                counts.unjudged
            ])
            .map_err(failed)?;
        Ok(())
    }

    /// Marks the windows that start at `start_ms` as closed.
    pub fn close_window(&self, start_ms: i64) -> Result<(), StoreError> {
        self.transaction
            .execute(
                "UPDATE windows SET closed = 1 WHERE start_ms = ?1",
                params![start_ms],
            )
            .map_err(StoreError::sqlite("close a window"))?;
        Ok(())
    }

    /// Adds a sample. Its texts for people are escaped here, whoever wrote them: tools print them as they are in
    /// the file. Key and frame are data, and stay as they are.
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
                file::kept(&row.reason),
                row.stream,
                row.schema,
                row.key,
                row.at_ms,
                file::kept(&row.detail),
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
            .execute(params![kind, check_name, file::kept(reason), schema, keep])
            .map_err(failed)?;
        self.count_rows(RowCounts {
            samples: -(trimmed as i64),
            ..RowCounts::default()
        });
        Ok(trimmed)
    }

    /// Notes that incidents up to a number were given: `next` is the first that was not.
    pub fn incidents_given(&self, next: u64) -> Result<(), StoreError> {
        self.given("next_incident", next)
            .map_err(StoreError::sqlite("number incidents"))
    }

    /// Notes that generations up to a number were given: `next` is the first that was not.
    pub fn generations_given(&self, next: u64) -> Result<(), StoreError> {
        self.given("next_generation", next)
            .map_err(StoreError::sqlite("number generations"))
    }

    fn given(&self, name: &str, next: u64) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached("UPDATE meta SET value = max(value, ?2) WHERE name = ?1")?
            .execute(params![name, next])?;
        Ok(())
    }

    /// Adds a check of a generation.
    pub fn generation(&self, row: &GenerationRow) -> Result<(), StoreError> {
        self.transaction
            .execute(
                "INSERT INTO generations VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    row.generation,
                    row.since_ms,
                    row.check_name,
                    row.version,
                    row.digest
                ],
            )
            .map_err(StoreError::sqlite("add a generation"))?;
        Ok(())
    }

    /// Gives the flush its number: if its commit fails, [`Store::is_committed`](crate::Store::is_committed) finds
    /// out by it whether it was done all the same. A flush that only replaces rows needs none.
    pub fn number(&self) -> Result<(), StoreError> {
        self.prepare(
            "INSERT OR REPLACE INTO meta VALUES ('flushes', ?1)",
            "number a flush",
        )?
        .execute(params![self.commits.next()])
        .map_err(StoreError::sqlite("number a flush"))?;
        self.is_numbered.set(true);
        Ok(())
    }

    /// Commits the transaction.
    pub fn commit(self) -> Result<(), StoreError> {
        let row_counts = self.row_counts();
        let mut committed = self.transaction.commit();
        if std::mem::take(&mut self.commits.loses_result) {
            committed = committed.and(Err(rusqlite::Error::InvalidQuery));
        }
        self.commits
            .note_result(committed.is_ok(), self.is_numbered.get());
        committed.map_err(StoreError::sqlite("commit"))?;
        *self.row_counts = row_counts;
        Ok(())
    }
}
