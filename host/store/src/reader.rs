//! The readers' side: what the commands show, while the sidecar may be writing.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use serde::Serialize;

use crate::error::StoreError;
use crate::rows::IncidentRow;
use crate::store::{FILE_NAME, VERSION};

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Which missing events are meant. Empty means all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissingFilter {
    /// Arrived at or after.
    pub since_ms: Option<i64>,
    /// Arrived before.
    pub until_ms: Option<i64>,
    /// `name/revision`, or `name` for all its revisions.
    pub schema: Option<String>,
    pub incident: Option<u64>,
}

impl MissingFilter {
    fn sql(&self) -> (String, Vec<Value>) {
        let mut sql = String::from("landed_ms IS NULL");
        let mut values: Vec<Value> = Vec::new();
        let mut and = |condition: &str, value: Value| {
            values.push(value);
            sql.push_str(&format!(
                " AND {}",
                condition.replace('?', &format!("?{}", values.len()))
            ));
        };
        if let Some(since) = self.since_ms {
            and("arrived_ms >= ?", since.into());
        }
        if let Some(until) = self.until_ms {
            and("arrived_ms < ?", until.into());
        }
        if let Some(schema) = &self.schema {
            and(
                "(schema = ? OR substr(schema, 1, length(?) + 1) = ? || '/')",
                schema.clone().into(),
            );
        }
        if let Some(incident) = self.incident {
            and("incident = ?", (incident as i64).into());
        }
        (sql, values)
    }
}

/// A missing event as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingEvent {
    pub key: String,
    pub schema: String,
    pub arrived_ms: i64,
    pub deadline_ms: i64,
    pub incident: u64,
    #[serde(skip)]
    pub id: i64,
}

/// How missing events are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    Schema,
    /// Hour of arrival, in milliseconds of its start.
    Hour,
    Incident,
}

/// Missing events of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingGroup {
    pub group: String,
    pub events: u64,
    pub first_ms: i64,
    pub last_ms: i64,
}

/// The store, open for reading.
pub struct Reader {
    connection: Connection,
}

impl Reader {
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(FILE_NAME);
        if !path.exists() {
            return Err(StoreError::Absent { path });
        }
        let failed = StoreError::sqlite("open it");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(&failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(&failed)?;
        let found: i64 = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(&failed)?;
        if found != VERSION {
            return Err(StoreError::Version {
                path,
                found,
                known: VERSION,
            });
        }
        Ok(Self { connection })
    }

    /// All incidents, by their start.
    pub fn incidents(&self) -> Result<Vec<IncidentRow>, StoreError> {
        let failed = StoreError::sqlite("read incidents");
        let mut statement = self
            .connection
            .prepare(
                "SELECT id, cause, scope, subject, start_ms, end_ms, opened_ms, resumed_ms, closed_ms, events, landed_late,
                     shares FROM incidents ORDER BY start_ms, id",
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
                })
            })
            .map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

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

    pub fn missing_groups(
        &self,
        filter: &MissingFilter,
        by: GroupBy,
    ) -> Result<Vec<MissingGroup>, StoreError> {
        let failed = StoreError::sqlite("count missing events");
        let (sql, values) = filter.sql();
        let group = match by {
            GroupBy::Schema => "schema",
            GroupBy::Hour => "CAST(arrived_ms / 3600000 * 3600000 AS TEXT)",
            GroupBy::Incident => "CAST(incident AS TEXT)",
        };
        let mut statement = self
            .connection
            .prepare(&format!(
                "SELECT {group}, count(*), min(arrived_ms), max(arrived_ms) FROM missing WHERE {sql} GROUP BY 1 ORDER BY 3, 1"
            ))
            .map_err(&failed)?;
        let rows = statement
            .query_map(params_from_iter(values), |row| {
                Ok(MissingGroup {
                    group: row.get(0)?,
                    events: row.get(1)?,
                    first_ms: row.get(2)?,
                    last_ms: row.get(3)?,
                })
            })
            .map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    /// Calls `each` for the missing events in order of arrival, at most `limit` of them.
    pub fn missing_each<E: From<StoreError>>(
        &self,
        filter: &MissingFilter,
        limit: Option<u64>,
        mut each: impl FnMut(MissingEvent) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = StoreError::sqlite("list missing events");
        let (sql, values) = filter.sql();
        let limit = limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let mut statement = self
            .connection
            .prepare(&format!(
                "SELECT id, key, schema, arrived_ms, deadline_ms, incident FROM missing WHERE {sql}
                 ORDER BY arrived_ms, id LIMIT {limit}"
            ))
            .map_err(|source| E::from(failed(source)))?;
        let mut rows = statement
            .query(params_from_iter(values))
            .map_err(|source| E::from(failed(source)))?;
        while let Some(row) = rows.next().map_err(|source| E::from(failed(source)))? {
            let event = (|| {
                Ok(MissingEvent {
                    id: row.get(0)?,
                    key: row.get(1)?,
                    schema: row.get(2)?,
                    arrived_ms: row.get(3)?,
                    deadline_ms: row.get(4)?,
                    incident: row.get(5)?,
                })
            })()
            .map_err(|source| E::from(failed(source)))?;
            each(event)?;
        }
        Ok(())
    }

    /// The raw frame of a missing event; None if it has landed meanwhile.
    pub fn frame(&self, id: i64) -> Result<Option<Vec<u8>>, StoreError> {
        let failed = StoreError::sqlite("read a frame");
        let mut statement = self
            .connection
            .prepare_cached("SELECT frame FROM missing WHERE id = ?1 AND landed_ms IS NULL")
            .map_err(&failed)?;
        let mut rows = statement.query([id]).map_err(&failed)?;
        match rows.next().map_err(&failed)? {
            Some(row) => row.get(0).map_err(failed),
            None => Ok(None),
        }
    }
}
