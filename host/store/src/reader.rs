//! Reads the store for the commands, also while the sidecar writes.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use landfall_escape::file;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params_from_iter};
use serde::Serialize;

use crate::connection::{BUSY_TIMEOUT, FILE_NAME};
use crate::error::StoreError;
use crate::migrate;
use crate::missing_filter::{CERTAIN, MissingFilter};
use crate::restore::settled_frames;
use crate::rows::{CoverageRow, FindingRow, IncidentRow, WindowCounts, WindowRow};

/// The raw frame of a missing event, if it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The frame, byte for byte.
    Kept(Vec<u8>),
    /// The event has landed, or was removed, since it was listed.
    Landed,
    /// The frame could not be read back when the event went missing.
    Lost,
}

/// Missing events that are read in one page: no reader keeps the write-ahead log from being emptied for longer.
const PAGE_ROWS: usize = 1000;

/// A missing event as it is listed. Times are milliseconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingEvent {
    pub key: String,
    pub schema: String,
    pub arrived_ms: i64,
    pub deadline_ms: i64,
    pub incident: u64,
    /// Why it is `unconfirmed`, a cause of coverage; empty if all was seen, and it is `missing`.
    pub hole: String,
    /// Not all that was written was seen: to its deadline, or since. So it may be in the database.
    pub may_have_landed: bool,
    #[serde(skip)]
    pub id: i64,
    #[serde(skip)]
    pub place: i64,
}

/// What missing events are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    Schema,
    /// Hour of arrival: its start, in milliseconds since the epoch.
    Hour,
    Incident,
}

impl GroupBy {
    fn sql(self) -> &'static str {
        match self {
            GroupBy::Schema => "schema",
            GroupBy::Hour => "CAST(arrived_ms / 3600000 * 3600000 AS TEXT)",
            GroupBy::Incident => "CAST(incident AS TEXT)",
        }
    }
}

/// How many missing events are in one group, and when the first and the last of them arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingGroup {
    /// One value for each `GroupBy`, in their order.
    pub group: Vec<String>,
    pub events: u64,
    pub first_ms: i64,
    pub last_ms: i64,
}

/// The store, open for reading.
pub struct Reader {
    pub(crate) connection: Connection,
}

impl Reader {
    /// Opens the store in `dir`.
    ///
    /// # Errors
    ///
    /// If there is none, or it has another version, or SQLite fails.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(FILE_NAME);
        if !path.exists() {
            return Err(StoreError::Absent { path });
        }
        let failed = StoreError::sqlite("open it");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(&failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(&failed)?;
        migrate::check(&connection, &path)?;
        Ok(Self { connection })
    }

    /// All incidents, ordered by their start.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn incidents(&self) -> Result<Vec<IncidentRow>, StoreError> {
        let failed = StoreError::sqlite("read incidents");
        let mut statement = self
            .connection
            .prepare(
                "SELECT id, cause, scope, subject, start_ms, end_ms, opened_ms, resumed_ms, closed_ms, events, landed_late,
                     shares, check_name, reason, help, severity, detail FROM incidents ORDER BY start_ms, id",
            )
            .map_err(&failed)?;
        let rows = statement
            .query_map([], |row| {
                let shares: String = row.get(11)?;
                Ok(IncidentRow {
                    id: row.get(0)?,
                    cause: row.get(1)?,
                    scope: row.get(2)?,
                    subject: row.get(3)?,
                    start_ms: row.get(4)?,
                    end_ms: row.get(5)?,
                    opened_ms: row.get(6)?,
                    resumed_ms: row.get(7)?,
                    closed_ms: row.get(8)?,
                    events: row.get(9)?,
                    landed_late: row.get(10)?,
                    shares: serde_json::from_str(&shares).unwrap_or_default(),
                    found: FindingRow {
                        check_name: row.get(12)?,
                        reason: row.get(13)?,
                        help: file::unescape(row.get_ref(14)?.as_str()?),
                        severity: row.get(15)?,
                        detail: file::unescape(row.get_ref(16)?.as_str()?),
                    },
                })
            })
            .map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    /// All windows, ordered by their start.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn windows(&self) -> Result<Vec<WindowRow>, StoreError> {
        let failed = StoreError::sqlite("read windows");
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT start_ms, end_ms, schema, raw, pending, delivered, late, altered, missing, unconfirmed,
                     rejected, leaked, repeated, unjudged, duplicate, unexpected, doubtful, unwatched,
                     rejected_unseen
                 FROM windows ORDER BY start_ms, schema",
            )
            .map_err(&failed)?;
        let rows = statement
            .query_map([], |row| {
                Ok(WindowRow {
                    start_ms: row.get(0)?,
                    end_ms: row.get(1)?,
                    schema: row.get(2)?,
                    counts: WindowCounts {
                        raw: row.get(3)?,
                        pending: row.get(4)?,
                        delivered: row.get(5)?,
                        late: row.get(6)?,
                        altered: row.get(7)?,
                        missing: row.get(8)?,
                        unconfirmed: row.get(9)?,
                        rejected: row.get(10)?,
                        leaked: row.get(11)?,
                        repeated: row.get(12)?,
                        unjudged: row.get(13)?,
                        duplicate: row.get(14)?,
                        unexpected: row.get(15)?,
                        doubtful: row.get(16)?,
                        unwatched: row.get(17)?,
                        rejected_unseen: row.get(18)?,
                    },
                })
            })
            .map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    /// When nobody saw a stream, ordered by time.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn coverage(&self) -> Result<Vec<CoverageRow>, StoreError> {
        let failed = StoreError::sqlite("read coverage");
        let mut statement = self
            .connection
            .prepare("SELECT stream, from_ms, to_ms, cause FROM coverage ORDER BY from_ms, stream")
            .map_err(&failed)?;
        let rows = statement
            .query_map([], |row| {
                Ok(CoverageRow {
                    stream: row.get(0)?,
                    from_ms: row.get(1)?,
                    to_ms: row.get(2)?,
                    cause: row.get(3)?,
                })
            })
            .map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    /// Frames of a stream that could not be read, in the windows that have a part in an interval from `from_ms` on and
    /// before `to_ms`.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn unread_frames(&self, stream: &str, from_ms: i64, to_ms: i64) -> Result<u64, StoreError> {
        let failed = StoreError::sqlite("count frames that could not be read");
        self.connection
            .prepare_cached(
                "SELECT coalesce(sum(frames), 0) FROM unread_frames
                 WHERE stream = ?1 AND start_ms < ?3 AND end_ms > ?2",
            )
            .map_err(&failed)?
            .query_row(rusqlite::params![stream, from_ms, to_ms], |row| row.get(0))
            .map_err(failed)
    }

    /// The frames of the spool whose events are settled: by segment, the positions of their index entries.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn settled_frames(&self) -> Result<HashMap<u32, HashSet<u32>>, StoreError> {
        settled_frames(&self.connection)
    }

    /// How many missing events there are.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn missing_count(&self, filter: &MissingFilter) -> Result<u64, StoreError> {
        let (sql, values) = filter.sql();
        self.connection
            .query_row(
                &format!("SELECT count(*) FROM missing WHERE {sql}"),
                params_from_iter(values),
                |row| row.get(0),
            )
            .map_err(StoreError::sqlite("count missing events"))
    }

    /// Missing events by group, ordered by the first arrival of each.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn missing_groups(
        &self,
        filter: &MissingFilter,
        by: &[GroupBy],
    ) -> Result<Vec<MissingGroup>, StoreError> {
        let failed = StoreError::sqlite("count missing events");
        let (sql, values) = filter.sql();
        let groups: Vec<&str> = by.iter().map(|by| by.sql()).collect();
        let groups = groups.join(", ");
        let mut statement = self
            .connection
            .prepare(&format!(
                "SELECT count(*), min(arrived_ms), max(arrived_ms), {groups} FROM missing WHERE {sql}
                 GROUP BY {groups} ORDER BY min(arrived_ms), {groups}"
            ))
            .map_err(&failed)?;
        let rows = statement
            .query_map(params_from_iter(values), |row| {
                Ok(MissingGroup {
                    events: row.get(0)?,
                    first_ms: row.get(1)?,
                    last_ms: row.get(2)?,
                    group: (0..by.len())
                        .map(|place| row.get(3 + place))
                        .collect::<Result<_, _>>()?,
                })
            })
            .map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    /// Calls `each` for the missing events in order of arrival, at most `limit` of them. They are read page by
    /// page, and nothing is locked in between: what lands meanwhile is no longer listed, and what goes missing
    /// meanwhile is not listed yet.
    ///
    /// # Errors
    ///
    /// If SQLite fails, or `each` does.
    pub fn missing_each<E: From<StoreError>>(
        &self,
        filter: &MissingFilter,
        limit: Option<u64>,
        mut each: impl FnMut(MissingEvent) -> Result<(), E>,
    ) -> Result<(), E> {
        let newest: i64 = self
            .connection
            .query_row("SELECT coalesce(max(id), 0) FROM missing", [], |row| {
                row.get(0)
            })
            .map_err(StoreError::sqlite("list missing events"))?;
        let mut left = limit.unwrap_or(u64::MAX);
        let mut after = [i64::MIN; 3];
        while left > 0 {
            let rows = usize::try_from(left).unwrap_or(PAGE_ROWS).min(PAGE_ROWS);
            let page = self.missing_page(filter, newest, after, rows)?;
            let Some(last) = page.last() else { break };
            after = [last.arrived_ms, last.place, last.id];
            left -= page.len() as u64;
            page.into_iter().try_for_each(&mut each)?;
        }
        Ok(())
    }

    fn missing_page(
        &self,
        filter: &MissingFilter,
        newest: i64,
        after: [i64; 3],
        rows: usize,
    ) -> Result<Vec<MissingEvent>, StoreError> {
        let failed = StoreError::sqlite("list missing events");
        let (sql, mut values) = filter.sql();
        let place = values.len();
        values.extend(after.map(Value::from));
        values.extend([newest, rows as i64].map(Value::from));
        let mut statement = self
            .connection
            .prepare_cached(&format!(
                "SELECT id, key, schema, arrived_ms, deadline_ms, incident, place, hole, NOT ({CERTAIN}) FROM missing
                 WHERE {sql} AND (arrived_ms, place, id) > (?{}, ?{}, ?{}) AND id <= ?{}
                 ORDER BY arrived_ms, place, id LIMIT ?{}",
                place + 1,
                place + 2,
                place + 3,
                place + 4,
                place + 5
            ))
            .map_err(&failed)?;
        let page = statement
            .query_map(params_from_iter(values), |row| {
                Ok(MissingEvent {
                    id: row.get(0)?,
                    key: row.get(1)?,
                    schema: row.get(2)?,
                    arrived_ms: row.get(3)?,
                    deadline_ms: row.get(4)?,
                    incident: row.get(5)?,
                    place: row.get(6)?,
                    hole: row.get(7)?,
                    may_have_landed: row.get(8)?,
                })
            })
            .map_err(&failed)?;
        page.collect::<Result<_, _>>().map_err(failed)
    }

    /// The raw frame of a missing event, as of now.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn frame(&self, id: i64) -> Result<Frame, StoreError> {
        let failed = StoreError::sqlite("read a frame");
        let mut statement = self
            .connection
            .prepare_cached("SELECT frame FROM missing WHERE id = ?1 AND landed_ms IS NULL")
            .map_err(&failed)?;
        let frame: Option<Option<Vec<u8>>> = statement
            .query_row([id], |row| row.get(0))
            .optional()
            .map_err(failed)?;
        Ok(match frame {
            None => Frame::Landed,
            Some(None) => Frame::Lost,
            Some(Some(frame)) => Frame::Kept(frame),
        })
    }

    /// The time up to which the store has what happened, if that is by a clock of its own (that of a recording, or
    /// one that was sped up): then "two hours ago" is meant by that clock. None if it is the system's time.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn own_time_ms(&self) -> Result<Option<i64>, StoreError> {
        self.known_ms_by("own")
    }

    /// The time up to which the store has what happened, if that is the system's time. None if it is by another clock.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn system_known_ms(&self) -> Result<Option<i64>, StoreError> {
        self.known_ms_by("system")
    }

    fn known_ms_by(&self, clock: &str) -> Result<Option<i64>, StoreError> {
        self.connection
            .query_row(
                "SELECT value FROM meta WHERE name = 'known_ms'
                 AND EXISTS (SELECT 1 FROM meta WHERE name = 'clock' AND value = ?1)",
                [clock],
                |row| row.get(0),
            )
            .optional()
            .map_err(StoreError::sqlite("read its time"))
    }
}
