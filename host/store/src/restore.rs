//! What a run needs to go on where the last one ended: which frames of the spool are settled, and which windows count
//! events that are judged again.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, params};

use crate::error::StoreError;
use crate::flush::Flush;
use crate::store::Store;

/// What was done with events that had no verdict when the last run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// They are judged again, and no longer counted as pending.
    pub events: u64,
    /// They are found to be counted as pending for ever: their frames are not there.
    pub lost: u64,
}

/// Keys that a shard settled, as they are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettledKeysRow {
    /// The run whose numbers of schemas they have.
    pub run: u64,
    pub shard: usize,
    /// How many shards there were.
    pub shards: usize,
    pub window_ms: i64,
    /// What came before had been applied: the clock by which keys are forgotten.
    pub at_ms: i64,
    pub has_claims: bool,
    /// How many keys all rows before it have had.
    pub keys_before: u64,
    /// 16 bytes each.
    pub records: Vec<u8>,
}

/// Bytes of a key's record.
pub const KEY_RECORD_BYTES: usize = 16;

/// Rows of settled keys that are removed at once, or more if more are added.
const SETTLED_ROWS_PRUNED_MIN: u64 = 64;

impl Store {
    /// Gives this run its number.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn begin_run(&mut self) -> Result<u64, StoreError> {
        let failed = StoreError::sqlite("number the run");
        let transaction = self.connection.transaction().map_err(&failed)?;
        let run = transaction
            .query_row(
                "INSERT INTO meta VALUES ('runs', 1)
                 ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
                [],
                |row| row.get(0),
            )
            .map_err(&failed)?;
        transaction
            .execute(
                "DELETE FROM run_schemas WHERE run NOT IN (SELECT run FROM settled_keys)",
                [],
            )
            .map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(run)
    }

    /// Calls `each` with all settled keys, in the order in which they were settled. Gives how many keys there have been.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn settled_keys(&self, mut each: impl FnMut(SettledKeysRow)) -> Result<u64, StoreError> {
        let failed = StoreError::sqlite("list the settled keys");
        let mut statement = self
            .connection
            .prepare(
                "SELECT run, shard, shards, window_ms, at_ms, has_claims, keys_before, records FROM settled_keys
                 ORDER BY id",
            )
            .map_err(&failed)?;
        let mut rows = statement.query([]).map_err(&failed)?;
        let mut keys = 0;
        while let Some(row) = rows.next().map_err(&failed)? {
            let read = || -> rusqlite::Result<SettledKeysRow> {
                Ok(SettledKeysRow {
                    run: row.get(0)?,
                    shard: row.get(1)?,
                    shards: row.get(2)?,
                    window_ms: row.get(3)?,
                    at_ms: row.get(4)?,
                    has_claims: row.get(5)?,
                    keys_before: row.get(6)?,
                    records: row.get(7)?,
                })
            };
            let row = read().map_err(&failed)?;
            keys = row.keys_before + (row.records.len() / KEY_RECORD_BYTES) as u64;
            each(row);
        }
        Ok(keys)
    }

    /// The schemas of runs, by run and number.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn run_schemas(&self) -> Result<HashMap<(u64, u16), String>, StoreError> {
        self.connection
            .prepare("SELECT run, number, schema FROM run_schemas")
            .and_then(|mut statement| {
                let row = |row: &rusqlite::Row<'_>| Ok(((row.get(0)?, row.get(1)?), row.get(2)?));
                statement.query_map([], row)?.collect()
            })
            .map_err(StoreError::sqlite("list the schemas of runs"))
    }

    /// The frames whose events are settled: by segment, the positions of their index entries.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn settled_frames(&self) -> Result<HashMap<u32, HashSet<u32>>, StoreError> {
        settled_frames(&self.connection)
    }

    /// Events that came at `arrivals_ms` (ascending) are judged again, and counted again: they are taken out of the
    /// counts of their windows. What is known of frames in other segments than `segments` is removed. `copies` are not
    /// needed (segment, position of the index entry): they are settled.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn restore(
        &mut self,
        arrivals_ms: &[i64],
        segments: &[u32],
        copies: &[(u32, u32)],
    ) -> Result<Restored, StoreError> {
        let failed = StoreError::sqlite("prepare what is judged again");
        let segments: HashSet<u32> = segments.iter().copied().collect();
        let transaction = self.connection.transaction().map_err(&failed)?;
        let known: Vec<u32> = transaction
            .prepare("SELECT DISTINCT segment FROM settled_frames")
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .map_err(&failed)?;
        for segment in known.iter().filter(|segment| !segments.contains(segment)) {
            transaction
                .execute("DELETE FROM settled_frames WHERE segment = ?1", [segment])
                .map_err(&failed)?;
        }
        for (segment, entry_at) in copies {
            transaction
                .execute(
                    "INSERT INTO settled_frames (segment, entries) VALUES (?1, ?2)",
                    params![segment, entry_at.to_le_bytes()],
                )
                .map_err(&failed)?;
        }
        let waiting: Vec<(i64, i64, String, i64)> = transaction
            .prepare(
                "SELECT start_ms, end_ms, schema, raw - (delivered + late + altered + missing + unconfirmed
                     + rejected + leaked + repeated + unjudged + lost) AS waiting
                 FROM windows WHERE waiting > 0 ORDER BY start_ms, schema",
            )
            .and_then(|mut statement| {
                let row = |row: &rusqlite::Row<'_>| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                };
                statement.query_map([], row)?.collect()
            })
            .map_err(&failed)?;
        let mut restored = Restored::default();
        let mut left: HashMap<i64, i64> = HashMap::new();
        for (start_ms, end_ms, schema, waiting) in waiting {
            let before = |ms| arrivals_ms.partition_point(|arrived_ms| *arrived_ms < ms) as i64;
            let left = left
                .entry(start_ms)
                .or_insert_with(|| before(end_ms) - before(start_ms));
            let again = waiting.min(*left);
            *left -= again;
            restored.events += again.unsigned_abs();
            restored.lost += (waiting - again).unsigned_abs();
            transaction
                .execute(
                    "UPDATE windows SET raw = raw - ?3, lost = lost + ?4, pending = lost + ?4,
                         closed = iif(?3 > 0, 0, closed)
                     WHERE start_ms = ?1 AND schema = ?2",
                    params![start_ms, schema, again, waiting - again],
                )
                .map_err(&failed)?;
        }
        transaction.commit().map_err(failed)?;
        Ok(restored)
    }
}

/// The frames whose events are settled: by segment, the positions of their index entries.
pub(crate) fn settled_frames(
    connection: &Connection,
) -> Result<HashMap<u32, HashSet<u32>>, StoreError> {
    let failed = StoreError::sqlite("list what is settled");
    let mut statement = connection
        .prepare("SELECT segment, entries FROM settled_frames")
        .map_err(&failed)?;
    let mut rows = statement.query([]).map_err(&failed)?;
    let mut settled: HashMap<u32, HashSet<u32>> = HashMap::new();
    while let Some(row) = rows.next().map_err(&failed)? {
        let segment = settled.entry(row.get(0).map_err(&failed)?).or_default();
        let entries = row.get_ref(1).map_err(&failed)?;
        let (entries, _) = entries.as_blob().unwrap_or_default().as_chunks();
        segment.extend(entries.iter().map(|entry| u32::from_le_bytes(*entry)));
    }
    Ok(settled)
}

impl Flush<'_> {
    /// The events of frames in a segment are settled. `entries` has the positions of their index entries.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn settled_frames(&self, segment: u32, entries: &[u32]) -> Result<(), StoreError> {
        let bytes: Vec<u8> = entries.iter().flat_map(|at| at.to_le_bytes()).collect();
        self.prepare(
            "INSERT INTO settled_frames (segment, entries) VALUES (?1, ?2)",
            "note what is settled",
        )?
        .execute(params![segment, bytes])
        .map_err(StoreError::sqlite("note what is settled"))?;
        Ok(())
    }

    /// A segment was removed: nothing is to be known of its frames.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn forget_segment(&self, segment: u32) -> Result<(), StoreError> {
        self.prepare(
            "DELETE FROM settled_frames WHERE segment = ?1",
            "forget a segment",
        )?
        .execute(params![segment])
        .map_err(StoreError::sqlite("forget a segment"))?;
        Ok(())
    }
}

impl Flush<'_> {
    /// Adds keys that a shard settled.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn settled_keys(&self, row: &SettledKeysRow) -> Result<(), StoreError> {
        self.prepare(
            "INSERT INTO settled_keys (run, shard, shards, window_ms, at_ms, has_claims, keys_before, records)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            "note settled keys",
        )?
        .execute(params![
            row.run,
            row.shard,
            row.shards,
            row.window_ms,
            row.at_ms,
            row.has_claims,
            row.keys_before,
            row.records
        ])
        .map_err(StoreError::sqlite("note settled keys"))?;
        Ok(())
    }

    /// Removes some of the oldest settled keys: those that were stored before an instant, or before so many keys. `added`
    /// is how many rows the flush adds.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn prune_settled_keys(
        &self,
        before_ms: i64,
        before_keys: u64,
        added: usize,
    ) -> Result<(), StoreError> {
        self.prepare(
            "DELETE FROM settled_keys WHERE id IN (
                 SELECT id FROM (SELECT id, at_ms, keys_before FROM settled_keys ORDER BY id LIMIT ?3)
                 WHERE at_ms < ?1 OR keys_before < ?2)",
            "forget settled keys",
        )?
        .execute(params![
            before_ms,
            before_keys,
            SETTLED_ROWS_PRUNED_MIN.max(2 * added as u64)
        ])
        .map_err(StoreError::sqlite("forget settled keys"))?;
        Ok(())
    }

    /// Notes the number of a schema in a run.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn run_schema(&self, run: u64, number: u16, schema: &str) -> Result<(), StoreError> {
        self.prepare(
            "INSERT OR REPLACE INTO run_schemas VALUES (?1, ?2, ?3)",
            "note a schema of the run",
        )?
        .execute(params![run, number, schema])
        .map_err(StoreError::sqlite("note a schema of the run"))?;
        Ok(())
    }
}
