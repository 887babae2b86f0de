//! The writer's side: one connection, one transaction per flush.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use crate::error::StoreError;
use crate::files;
use crate::rows::{
    GenerationRow, IncidentRow, LandedRow, MissingRow, SampleRow, ShareRow, WindowCounts, WindowRow,
};

/// Name of the file in the store's directory.
pub const FILE_NAME: &str = "landfall.sqlite";

/// Name of the file that the one writer holds locked.
const LOCK_NAME: &str = "lock";

/// Name of the directory that the spool may be in.
pub const SPOOL_NAME: &str = "spool";

/// Version of the tables, in `PRAGMA user_version`.
pub const VERSION: i64 = 3;

const SCHEMA: &str = include_str!("schema.sql");

/// How long a writer waits for a reader's lock: readers hold one for a moment only.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of the secret of fingerprints.
pub const SECRET_BYTES: usize = 16;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// What is older than this goes: windows, closed incidents, samples, events landed or missing.
    pub keep_ms: i64,
    /// Missing events beyond this many: the oldest go first.
    pub missing_max: u64,
    /// Samples kept at most, over all kinds: the oldest go first.
    pub samples_max: u64,
    /// Samples kept of each kind and reason.
    pub samples_per_reason_max: u64,
}

/// What retention removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    pub windows: usize,
    pub incidents: usize,
    /// Events that had landed late.
    pub landed: usize,
    /// Events that were still missing: their backfill is gone.
    pub missing: usize,
    pub samples: usize,
}

/// What an earlier run left open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    pub incidents: usize,
    pub windows: usize,
}

/// The store, open for writing.
pub struct Store {
    connection: Connection,
    path: PathBuf,
    /// Locked as long as it is open.
    #[allow(dead_code, reason = "it is there to be held")]
    lock: File,
}

impl Store {
    /// Opens or creates the store in `dir`, private to its owner, and holds it against other
    /// writers. `secret` is kept if the store is new.
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
                name == LOCK_NAME || name == SPOOL_NAME || name.starts_with(FILE_NAME)
            })
            .map_err(io("use", dir))?;
        }
        let lock_path = dir.join(LOCK_NAME);
        let lock = files::ensure_private_file(&lock_path).map_err(io("create", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked {
                    dir: dir.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(io("lock", &lock_path)(source)),
        }
        files::ensure_private_file(&path).map_err(io("create", &path))?;
        let failed = StoreError::sqlite("open it");
        let connection = Connection::open(&path).map_err(&failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(&failed)?;
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(&failed)?;
        // With WAL this survives a crash of the process; a power cut may lose the last flushes.
        connection
            .pragma_update(None, "synchronous", "NORMAL")
            .map_err(&failed)?;
        let version: i64 = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(&failed)?;
        match version {
            VERSION => {}
            0 => create(&connection, secret, program)
                .map_err(StoreError::sqlite("create the tables"))?,
            found => {
                return Err(StoreError::Version {
                    path,
                    found,
                    known: VERSION,
                });
            }
        }
        Ok(Self {
            connection,
            path,
            lock,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The secret under which keys are fingerprinted.
    pub fn secret(&self) -> Result<[u8; SECRET_BYTES], StoreError> {
        self.connection
            .query_row("SELECT value FROM meta WHERE name = 'secret'", [], |row| {
                row.get(0)
            })
            .map_err(StoreError::sqlite("read the secret"))
    }

    /// The first number of an incident that was never given.
    pub fn next_incident(&self) -> Result<u64, StoreError> {
        self.connection
            .query_row(
                "SELECT coalesce(max(id), 0) + 1 FROM incidents",
                [],
                |row| row.get(0),
            )
            .map_err(StoreError::sqlite("number incidents"))
    }

    /// The first number of a generation that was never given.
    pub fn next_generation(&self) -> Result<u16, StoreError> {
        self.connection
            .query_row(
                "SELECT coalesce(max(generation) + 1, 0) & 65535 FROM generations",
                [],
                |row| row.get(0),
            )
            .map_err(StoreError::sqlite("number generations"))
    }

    /// What is known of a missing event that has not landed.
    pub fn missing_event(&self, fingerprint: [u8; 16]) -> Result<Option<LandedRow>, StoreError> {
        let failed = StoreError::sqlite("look up a missing event");
        self.connection
            .prepare_cached(
                "SELECT key, schema, arrived_ms, incident FROM missing WHERE fingerprint = ?1 AND landed_ms IS NULL",
            )
            .map_err(&failed)?
            .query_row(params![fingerprint], |row| {
                Ok(LandedRow {
                    key: row.get(0)?,
                    schema: row.get(1)?,
                    arrived_ms: row.get(2)?,
                    incident: row.get(3)?,
                })
            })
            .optional()
            .map_err(failed)
    }

    /// Closes what an earlier run left open, as of the last time that it knew of: nobody watches it
    /// any more. What still goes on opens anew.
    pub fn close_leftovers(&mut self) -> Result<Leftovers, StoreError> {
        let failed = StoreError::sqlite("close what an earlier run left open");
        let transaction = self.connection.transaction().map_err(&failed)?;
        // An outage that had not ended lasted until then at least.
        let incidents = transaction
            .execute(
                "UPDATE incidents SET
                     end_ms = CASE WHEN cause IN ('stalled', 'silent') AND resumed_ms IS NULL
                         THEN max(end_ms, coalesce((SELECT value FROM meta WHERE name = 'known_ms'), end_ms))
                         ELSE end_ms END,
                     closed_ms = max(opened_ms, end_ms, coalesce((SELECT value FROM meta WHERE name = 'known_ms'), end_ms))
                 WHERE closed_ms IS NULL",
                [],
            )
            .map_err(&failed)?;
        let windows = transaction
            .execute("UPDATE windows SET closed = 1 WHERE closed = 0", [])
            .map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(Leftovers { incidents, windows })
    }

    /// Begins the transaction of a flush. Dropping it undoes everything.
    pub fn begin(&mut self) -> Result<Flush<'_>, StoreError> {
        let transaction = self
            .connection
            .transaction()
            .map_err(StoreError::sqlite("begin a transaction"))?;
        Ok(Flush { transaction })
    }
}

fn create(
    connection: &Connection,
    secret: [u8; SECRET_BYTES],
    program: &str,
) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;"
    ))?;
    connection.execute("INSERT INTO meta VALUES ('secret', ?1)", params![secret])?;
    connection.execute(
        "INSERT INTO meta VALUES ('created_by', ?1)",
        params![program],
    )?;
    Ok(())
}

/// One transaction.
pub struct Flush<'a> {
    transaction: Transaction<'a>,
}

impl Flush<'_> {
    /// Adds a missing event. One that is there and has not landed stays as it is: one landing is
    /// owed. One that had landed (it came in once more after the ledger had forgotten it) is missing
    /// again, and the newest.
    pub fn missing(&self, row: &MissingRow) -> Result<(), StoreError> {
        let failed = StoreError::sqlite("add a missing event");
        self.transaction
            .prepare_cached("DELETE FROM missing WHERE fingerprint = ?1 AND landed_ms IS NOT NULL")
            .map_err(&failed)?
            .execute(params![row.fingerprint])
            .map_err(&failed)?;
        self.transaction
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
        Ok(())
    }

    /// Puts missing events of a schema that arrived in a stretch of time, and have no incident yet
    /// (0), down to one.
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

    /// A missing event landed. Its frame goes.
    pub fn landed(&self, fingerprint: [u8; 16], landed_ms: i64) -> Result<(), StoreError> {
        let failed = StoreError::sqlite("mark an event as landed");
        self.transaction
            .prepare_cached(
                "UPDATE missing SET landed_ms = ?2, frame = NULL WHERE fingerprint = ?1 AND landed_ms IS NULL",
            )
            .map_err(&failed)?
            .execute(params![fingerprint, landed_ms])
            .map_err(failed)?;
        Ok(())
    }

    /// Notes up to which time, by which clock, the store tells what happened.
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

    /// Adds to a window.
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
                     raw = raw + excluded.raw, pending = pending + excluded.pending,
                     delivered = delivered + excluded.delivered, late = late + excluded.late,
                     altered = altered + excluded.altered, missing = missing + excluded.missing,
                     unconfirmed = unconfirmed + excluded.unconfirmed, rejected = rejected + excluded.rejected,
                     leaked = leaked + excluded.leaked, repeated = repeated + excluded.repeated,
                     unjudged = unjudged + excluded.unjudged, duplicate = duplicate + excluded.duplicate,
                     unexpected = unexpected + excluded.unexpected,
                     doubtful = doubtful + excluded.doubtful",
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
        generation: u16,
    ) -> Result<(), StoreError> {
        let failed = StoreError::sqlite("note who judged a window");
        self.transaction
            .prepare_cached("INSERT OR IGNORE INTO window_judges VALUES (?1, ?2, ?3)")
            .map_err(&failed)?
            .execute(params![start_ms, schema, generation])
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

    /// Puts an incident as it stands.
    pub fn incident(&self, row: &IncidentRow) -> Result<(), StoreError> {
        let failed = StoreError::sqlite("put an incident");
        let shares = serde_json::to_string(&row.shares).unwrap_or_else(|_| "[]".into());
        self.transaction
            .prepare_cached("INSERT OR REPLACE INTO incidents VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")
            .map_err(&failed)?
            .execute(params![
                row.id,
                row.cause,
                row.scope,
                row.subject,
                row.start_ms,
                row.end_ms,
                row.opened_ms,
                row.resumed_ms,
                row.closed_ms,
                row.events,
                row.landed_late,
                shares
            ])
            .map_err(&failed)?;
        Ok(())
    }

    /// An event of an incident that is no longer in anybody's hand landed after all.
    pub fn incident_landed_late(&self, id: u64, schema: &str) -> Result<(), StoreError> {
        let failed = StoreError::sqlite("count a late landing");
        let shares: Option<String> = self
            .transaction
            .query_row(
                "SELECT shares FROM incidents WHERE id = ?1",
                params![id],
                |row| row.get(0),
            )
            .optional()
            .map_err(&failed)?;
        let Some(shares) = shares else { return Ok(()) };
        let mut shares: Vec<ShareRow> = serde_json::from_str(&shares).unwrap_or_default();
        shares
            .iter_mut()
            .filter(|share| share.schema == schema)
            .for_each(|share| share.landed_late += 1);
        let shares = serde_json::to_string(&shares).unwrap_or_else(|_| "[]".into());
        self.transaction
            .execute(
                "UPDATE incidents SET landed_late = landed_late + 1, shares = ?2 WHERE id = ?1",
                params![id, shares],
            )
            .map_err(&failed)?;
        Ok(())
    }

    /// Adds a sample.
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
                row.reason,
                row.stream,
                row.schema,
                row.key,
                row.at_ms,
                row.detail,
                row.document,
                row.frame
            ])
            .map_err(&failed)?;
        Ok(())
    }

    /// Removes all but the newest samples of a kind and reason.
    pub fn trim_samples(
        &self,
        kind: &str,
        check_name: &str,
        reason: &str,
        keep: u64,
    ) -> Result<usize, StoreError> {
        let failed = StoreError::sqlite("trim samples");
        self.transaction
            .prepare_cached(
                "DELETE FROM samples WHERE kind = ?1 AND check_name = ?2 AND reason = ?3 AND id <= coalesce((
                     SELECT id FROM samples WHERE kind = ?1 AND check_name = ?2 AND reason = ?3
                     ORDER BY id DESC LIMIT 1 OFFSET ?4), -1)",
            )
            .map_err(&failed)?
            .execute(params![kind, check_name, reason, keep])
            .map_err(failed)
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

    /// Removes what is beyond retention. Missing events never go silently: the answer says how many.
    pub fn prune(&self, now_ms: i64, retention: &Retention) -> Result<Pruned, StoreError> {
        let failed = StoreError::sqlite("prune");
        let before_ms = now_ms.saturating_sub(retention.keep_ms);
        let run = |sql: &str| {
            self.transaction
                .execute(sql, params![before_ms])
                .map_err(&failed)
        };
        let windows = run("DELETE FROM windows WHERE end_ms < ?1")?;
        self.transaction
            .execute(
                "DELETE FROM window_judges WHERE start_ms < (SELECT coalesce(min(start_ms), 9223372036854775807) FROM windows)",
                [],
            )
            .map_err(&failed)?;
        let landed = run("DELETE FROM missing WHERE landed_ms IS NOT NULL AND landed_ms < ?1")?;
        // Their frames hold addresses: none is kept longer, backfilled or not.
        let mut missing = run("DELETE FROM missing WHERE landed_ms IS NULL AND arrived_ms < ?1")?;
        missing += self
            .transaction
            .execute(
                "DELETE FROM missing WHERE id <= coalesce((
                     SELECT id FROM missing ORDER BY id DESC LIMIT 1 OFFSET ?1), -1) AND landed_ms IS NULL",
                params![retention.missing_max],
            )
            .map_err(&failed)?;
        let incidents = run(
            "DELETE FROM incidents WHERE closed_ms IS NOT NULL AND closed_ms < ?1
             AND NOT EXISTS (SELECT 1 FROM missing WHERE missing.incident = incidents.id AND missing.landed_ms IS NULL)",
        )?;
        let mut samples = run("DELETE FROM samples WHERE at_ms < ?1")?;
        samples += self
            .transaction
            .execute(
                "DELETE FROM samples WHERE id <= coalesce((SELECT id FROM samples ORDER BY id DESC LIMIT 1 OFFSET ?1), -1)",
                params![retention.samples_max],
            )
            .map_err(&failed)?;
        Ok(Pruned {
            windows,
            incidents,
            landed,
            missing,
            samples,
        })
    }

    pub fn commit(self) -> Result<(), StoreError> {
        self.transaction
            .commit()
            .map_err(StoreError::sqlite("commit"))
    }
}
