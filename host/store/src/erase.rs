//! Makes deleted rows unreadable in all files of the store: frames hold addresses.
//!
//! SQLite overwrites what it deletes (`secure_delete`). What the write-ahead log still has of it is gone when
//! the log is emptied. What earlier versions deleted without overwriting it is gone once the file was written
//! anew.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use crate::connection::BUSY_TIMEOUT;
use crate::error::StoreError;

/// The result of emptying the write-ahead log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emptied {
    /// Bytes that the log has now.
    pub log_bytes: u64,
    /// Somebody reads what is only in the log. Until that ends, the log grows and keeps what was deleted.
    pub is_held: bool,
}

/// Has SQLite overwrite what it deletes on this connection.
pub(crate) fn overwrite_deleted(connection: &Connection) -> Result<(), StoreError> {
    let failed = StoreError::sqlite("have deleted rows overwritten");
    connection
        .pragma_update(None, "secure_delete", "ON")
        .map_err(failed)
}

/// Writes the whole file anew if rows were ever deleted in it without being overwritten. None: there were no
/// such rows.
pub(crate) fn rewrite(connection: &Connection) -> Result<Option<()>, StoreError> {
    let failed = StoreError::sqlite("write the file anew");
    let is_clean = "SELECT EXISTS (SELECT 1 FROM meta WHERE name = 'overwrites')";
    if connection
        .query_row(is_clean, [], |row| row.get(0))
        .map_err(&failed)?
    {
        return Ok(None);
    }
    connection
        .execute_batch("VACUUM; INSERT INTO meta VALUES ('overwrites', 1);")
        .map_err(&failed)?;
    empty_log(connection).map_err(&failed)?;
    Ok(Some(()))
}

/// Empties the write-ahead log; whether somebody reads it, so that it could not be.
pub(crate) fn empty_log(connection: &Connection) -> rusqlite::Result<bool> {
    // Readers are not waited for: the log can be emptied the next time.
    connection.busy_timeout(Duration::ZERO)?;
    let held = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
        row.get::<_, i64>(0)
    });
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(held? != 0)
}

/// Bytes of the write-ahead log of the database at `path`.
pub fn log_bytes(path: &Path) -> u64 {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).map_or(0, |metadata| metadata.len())
}
