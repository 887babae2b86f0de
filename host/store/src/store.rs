//! The store, open for its one writer: one connection, one transaction per flush.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::commits::Commits;
use crate::connection::{BUSY_TIMEOUT, FILE_NAME};
use crate::erase::{self, Emptied, log_bytes};
use crate::error::StoreError;
use crate::files::{self, FileIdentity};
use crate::flush::Flush;
use crate::migrate::{self, SECRET_BYTES};
use crate::retention::{Retention, RowCounts};
use crate::rows::LandedRow;

/// Name of the file that the one writer keeps locked.
const LOCK_NAME: &str = "lock";

/// Name of the directory that the spool may be in.
pub const SPOOL_NAME: &str = "spool";

/// The name of the socket for commands in the store's directory. A process that was killed leaves it.
pub const CONTROL_NAME: &str = "control";

/// How many incidents and windows an earlier run left open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    pub incidents: usize,
    pub windows: usize,
}

/// The store, open for writing.
pub struct Store {
    pub(crate) connection: Connection,
    path: PathBuf,
    row_counts: RowCounts,
    pub(crate) commits: Commits,
    identity: FileIdentity,
    rewritten: Option<Result<(), StoreError>>,
    /// Locked as long as they are open.
    #[allow(dead_code, reason = "they are there to be held")]
    locks: [File; 2],
}

impl Store {
    /// Opens or creates the store in `dir`, private to its owner, and locks it against other writers. If the store
    /// is new, `secret` and the name of the `program` are stored in it.
    ///
    /// # Errors
    ///
    /// If another process has locked it, its version cannot be brought up, or files or SQLite fail.
    pub fn open(dir: &Path, secret: [u8; SECRET_BYTES], program: &str) -> Result<Self, StoreError> {
        let path = dir.join(FILE_NAME);
        let io = |doing: &'static str, path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io {
                doing,
                path,
                source,
            }
        };
        files::private_dir(dir).map_err(io("use", dir))?;
        if !path.exists() {
            files::only_own(dir, |name| {
                [LOCK_NAME, SPOOL_NAME, CONTROL_NAME].contains(&name) || name.starts_with(FILE_NAME)
            })
            .map_err(io("use", dir))?;
        }
        let lock_path = dir.join(LOCK_NAME);
        let locks = [
            // The lock on the directory protects it also if somebody removes the lock file.
            File::open(dir).map_err(io("open", dir))?,
            files::ensure_private_file(&lock_path).map_err(io("create", &lock_path))?,
        ];
        for (lock, path) in locks.iter().zip([dir, &lock_path]) {
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Locked {
                        dir: dir.to_owned(),
                    });
                }
                Err(TryLockError::Error(source)) => return Err(io("lock", path)(source)),
            }
        }
        files::ensure_private_file(&path).map_err(io("create", &path))?;
        let failed = StoreError::sqlite("open it");
        let mut connection = Connection::open(&path).map_err(&failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(&failed)?;
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(&failed)?;
        // With WAL this survives a crash of the process; a power cut may lose the last flushes.
        connection
            .pragma_update(None, "synchronous", "NORMAL")
            .map_err(&failed)?;
        erase::overwrite_deleted(&connection)?;
        migrate::bring_up(&mut connection, &path, secret, program)?;
        let rewritten = erase::rewrite(&connection).transpose();
        let row_counts = count_rows(&connection).map_err(StoreError::sqlite("count its rows"))?;
        Ok(Self {
            commits: Commits::of(&connection)?,
            identity: FileIdentity::of(dir, &path).map_err(io("look at", &path))?,
            connection,
            path,
            row_counts,
            rewritten,
            locks,
        })
    }

    /// The result of writing the whole file anew, if this start had to: deleted rows could still be read in it. If
    /// it failed, it is tried again at the next start.
    pub fn take_rewrite_result(&mut self) -> Option<Result<(), StoreError>> {
        self.rewritten.take()
    }

    /// The SQLite file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The secret under which keys are fingerprinted.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn secret(&self) -> Result<[u8; SECRET_BYTES], StoreError> {
        self.connection
            .query_row("SELECT value FROM meta WHERE name = 'secret'", [], |row| {
                row.get(0)
            })
            .map_err(StoreError::sqlite("read the secret"))
    }

    /// The first number of an incident that was never given: each is given once, for ever.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn next_incident(&self) -> Result<u64, StoreError> {
        self.number("next_incident")
            .map_err(StoreError::sqlite("number incidents"))
    }

    /// The first number of a generation that was never given.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn next_generation(&self) -> Result<u64, StoreError> {
        self.number("next_generation")
            .map_err(StoreError::sqlite("number generations"))
    }

    fn number(&self, name: &str) -> rusqlite::Result<u64> {
        self.connection
            .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| {
                row.get(0)
            })
    }

    /// A missing event that has not landed; None if there is none.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn missing_event(&self, fingerprint: [u8; 16]) -> Result<Option<LandedRow>, StoreError> {
        let failed = StoreError::sqlite("look up a missing event");
        self.connection
            .prepare_cached(
                "SELECT key, schema, arrived_ms, incident, hole <> '', window_start_ms FROM missing WHERE fingerprint = ?1 AND landed_ms IS NULL",
            )
            .map_err(&failed)?
            .query_row(params![fingerprint], |row| {
                Ok(LandedRow {
                    key: row.get(0)?,
                    schema: row.get(1)?,
                    arrived_ms: row.get(2)?,
                    incident: row.get(3)?,
                    is_unconfirmed: row.get(4)?,
                    window_start_ms: row.get(5)?,
                })
            })
            .optional()
            .map_err(failed)
    }

    /// The raw frame of a missing event that has not landed; None if it could not be read back.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn missing_frame(&self, fingerprint: [u8; 16]) -> Result<Option<Vec<u8>>, StoreError> {
        let failed = StoreError::sqlite("look up a missing event's frame");
        let frame = self
            .connection
            .prepare_cached(
                "SELECT frame FROM missing WHERE fingerprint = ?1 AND landed_ms IS NULL",
            )
            .map_err(&failed)?
            .query_row(params![fingerprint], |row| row.get(0))
            .optional()
            .map_err(failed)?;
        Ok(frame.flatten())
    }

    /// Calls `each` with the fingerprints of all missing events that have not landed.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn unlanded(&self, mut each: impl FnMut([u8; 16])) -> Result<(), StoreError> {
        let failed = StoreError::sqlite("list what has not landed");
        let mut statement = self
            .connection
            .prepare("SELECT fingerprint FROM missing WHERE landed_ms IS NULL")
            .map_err(&failed)?;
        let mut rows = statement.query([]).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            each(row.get(0).map_err(&failed)?);
        }
        Ok(())
    }

    /// Closes what an earlier run left open, as of the last time that it knew: nobody watches it any more. What
    /// still goes on opens anew, but for the incidents in `kept`, which go on in this run.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn close_leftovers(&mut self, kept: &[u64]) -> Result<Leftovers, StoreError> {
        let failed = StoreError::sqlite("close what an earlier run left open");
        let transaction = self.connection.transaction().map_err(&failed)?;
        // An outage that had not ended lasted until then at least.
        let kept = serde_json::Value::from(kept).to_string();
        let incidents = transaction
            .execute(
                "UPDATE incidents SET
                     end_ms = CASE WHEN cause IN ('stalled', 'silent') AND resumed_ms IS NULL
                         THEN max(end_ms, coalesce((SELECT value FROM meta WHERE name = 'known_ms'), end_ms))
                         ELSE end_ms END,
                     closed_ms = max(opened_ms, end_ms, coalesce((SELECT value FROM meta WHERE name = 'known_ms'), end_ms))
                 WHERE closed_ms IS NULL AND id NOT IN (SELECT value FROM json_each(?1))",
                [kept],
            )
            .map_err(&failed)?;
        let windows = transaction
            .execute("UPDATE windows SET closed = 1 WHERE closed = 0", [])
            .map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(Leftovers { incidents, windows })
    }

    /// Begins the transaction of a flush. Dropping it undoes everything.
    ///
    /// # Errors
    ///
    /// If the files are no longer where they were opened (nobody would find what is written), or SQLite fails.
    pub fn begin(&mut self) -> Result<Flush<'_>, StoreError> {
        self.identity.check(&self.path)?;
        let transaction = self
            .connection
            .transaction()
            .map_err(StoreError::sqlite("begin a transaction"))?;
        Ok(Flush::new(
            transaction,
            &mut self.row_counts,
            &mut self.commits,
        ))
    }

    /// For tests: the next commit is done and reports a failure.
    #[doc(hidden)]
    pub fn lose_answer(&mut self) {
        self.commits.loses_result = true;
    }

    /// For tests: the next commit is undone and reports a failure.
    #[doc(hidden)]
    pub fn fail_commit(&mut self) {
        self.commits.fails = true;
    }

    /// Whether the last flush was committed although its commit reported a failure. To be called before it is
    /// written again.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn is_committed(&mut self) -> Result<bool, StoreError> {
        let is_there = self.commits.is_there(&self.connection)?;
        if is_there {
            self.row_counts =
                count_rows(&self.connection).map_err(StoreError::sqlite("count its rows"))?;
        }
        self.commits.note_result(is_there, is_there);
        Ok(is_there)
    }

    /// The last flush is not written again, whether or not its commit was done. The next one is another flush.
    pub fn give_up_flush(&mut self) {
        self.commits.give_up();
    }

    /// Empties the write-ahead log, which has what was deleted since it was emptied last.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn empty_log(&mut self) -> Result<Emptied, StoreError> {
        let failed = StoreError::sqlite("empty its write-ahead log");
        let is_held = erase::empty_log(&self.connection).map_err(failed)?;
        Ok(Emptied {
            log_bytes: log_bytes(self.path()),
            is_held,
        })
    }

    /// Whether there are more rows than retention allows.
    pub fn is_beyond(&self, retention: &Retention) -> bool {
        self.row_counts.is_beyond(retention)
    }

    /// The time that retention uses as now, as of the last flush. None: no run by the system's clock has written
    /// it yet.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn retention_ms(&self) -> Result<Option<i64>, StoreError> {
        self.time("retention_ms")
    }

    /// The time up to which the store has what happened, in milliseconds, and whether that is by the system's clock.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn known_time(&self) -> Result<Option<(i64, bool)>, StoreError> {
        self.connection
            .query_row(
                "SELECT value, EXISTS (SELECT 1 FROM meta WHERE name = 'clock' AND value = 'system') FROM meta
                 WHERE name = 'known_ms'",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
            .map_err(StoreError::sqlite("read its time"))
    }

    fn time(&self, name: &str) -> Result<Option<i64>, StoreError> {
        self.connection
            .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| {
                row.get(0)
            })
            .optional()
            .map_err(StoreError::sqlite("read its time"))
    }
}

/// Counts the rows. Once is enough: each flush knows what it adds and removes.
fn count_rows(connection: &Connection) -> rusqlite::Result<RowCounts> {
    let rows = |sql| connection.query_row(sql, [], |row| row.get(0));
    Ok(RowCounts {
        missing: rows("SELECT count(*) FROM missing WHERE landed_ms IS NULL")?,
        landed: rows("SELECT count(*) FROM missing WHERE landed_ms IS NOT NULL")?,
        samples: rows("SELECT count(*) FROM samples")?,
    })
}
