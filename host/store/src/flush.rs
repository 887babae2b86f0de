//! One flush: the transaction in which the writer writes rows, and how many rows it adds and removes. Incidents,
//! samples and windows have files of their own.

use std::cell::Cell;

use rusqlite::{CachedStatement, Transaction, params};

use crate::commits::Commits;
use crate::error::StoreError;
use crate::retention::RowCounts;
use crate::rows::{GenerationRow, MissingRow};

/// One transaction of the writer. Dropping it undoes everything.
pub struct Flush<'a> {
    pub(crate) transaction: Transaction<'a>,
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
    ///
    /// # Errors
    ///
    /// If SQLite fails.
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
                "INSERT INTO missing (fingerprint, key, schema, arrived_ms, place, deadline_ms, reported_ms, incident, generation, frame, hole, window_start_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (fingerprint) DO NOTHING",
            )
            .map_err(&failed)?
            .execute(params![
                row.fingerprint,
                row.key,
                row.schema,
                row.arrived_ms,
                row.place as i64,
                row.deadline_ms,
                row.reported_ms,
                row.incident,
                row.generation,
                (!row.frame.is_empty()).then_some(&row.frame),
                row.hole,
                row.window_start_ms
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
    ///
    /// # Errors
    ///
    /// If SQLite fails.
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
    ///
    /// # Errors
    ///
    /// If SQLite fails.
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
    ///
    /// # Errors
    ///
    /// If SQLite fails.
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
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn retention_time(&self, now_ms: i64) -> Result<(), StoreError> {
        self.prepare(
            "INSERT OR REPLACE INTO meta VALUES ('retention_ms', ?1)",
            "note the time",
        )?
        .execute(params![now_ms])
        .map_err(StoreError::sqlite("note the time"))?;
        Ok(())
    }

    /// A missing event came in once more and was lost once more: from now on it belongs to the incident in which
    /// that happened, whose backfill has its frame. With a cause as `hole`, the event is unconfirmed from now on;
    /// without one, it stays what it is.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn missing_again(
        &self,
        fingerprint: [u8; 16],
        incident: u64,
        deadline_ms: i64,
        reported_ms: i64,
        hole: &str,
    ) -> Result<(), StoreError> {
        let failed = StoreError::sqlite("put a missing event down to another incident");
        self.transaction
            .prepare_cached(
                "UPDATE missing SET first_deadline_ms = coalesce(first_deadline_ms, deadline_ms),
                     incident = ?2, deadline_ms = ?3, reported_ms = ?4,
                     hole = iif(?5 = '', hole, ?5)
                 WHERE fingerprint = ?1 AND landed_ms IS NULL",
            )
            .map_err(&failed)?
            .execute(params![
                fingerprint,
                incident,
                deadline_ms,
                reported_ms,
                hole
            ])
            .map_err(failed)?;
        Ok(())
    }

    /// Notes that incidents up to a number were given: `next` is the first that was not.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn incidents_given(&self, next: u64) -> Result<(), StoreError> {
        self.given("next_incident", next)
            .map_err(StoreError::sqlite("number incidents"))
    }

    /// Notes that generations up to a number were given: `next` is the first that was not.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
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
    ///
    /// # Errors
    ///
    /// If SQLite fails.
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
    ///
    /// # Errors
    ///
    /// If SQLite fails.
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
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn commit(self) -> Result<(), StoreError> {
        let row_counts = self.row_counts();
        let mut committed = match std::mem::take(&mut self.commits.fails) {
            true => self
                .transaction
                .rollback()
                .and(Err(rusqlite::Error::InvalidQuery)),
            false => self.transaction.commit(),
        };
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
